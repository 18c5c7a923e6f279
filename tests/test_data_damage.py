"""Damaged and unusable data: one sentence that names the file or the example, whatever reads it."""

import io

import keras
import numpy as np
import PIL.Image
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from tfds_data import store

import kgan
from kgan.data import damage, load, loaders, mean_image, source

N = 20
Image = tfds.features.Image


@pytest.fixture(params=["in memory", "streamed"])
def reading(request, monkeypatch):
    """Reads all of a data set; a streamed one looks at its first example alone when it is made."""
    if request.param == "streamed":
        monkeypatch.setattr(loaders, "_MEMORY_BYTES", 0)
        monkeypatch.setattr(source, "_FIRST", 1)

    def read(name, data_dir, **options):
        return mean_image(load(name, batch_size=5, data_dir=data_dir, **options))

    return read


def noise(channels=1, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (8, 8, channels), dtype=np.uint8)


def png(channels):
    return io.BytesIO(tf.io.encode_png(noise(channels)).numpy())


def jpegs(truncated):
    whole = tf.io.encode_jpeg(noise(3)).numpy()
    return [io.BytesIO(whole[: 200 if i == truncated else None]) for i in range(N)]


def one_sentence(error):
    text = str(error.value)
    assert "\n" not in text
    for part in ("{{", "node", "Iterator", "Op:"):
        assert part not in text
    assert error.value.__cause__ is None, "the library's error is not printed beside it"
    return text


def test_a_truncated_jpeg_is_named(reading, tmp_path):
    images = [{"image": image} for image in jpegs(truncated=7)]
    store(tmp_path, "cut", {"image": Image(shape=(8, 8, 3))}, images)
    with pytest.raises(OSError, match="an image that cannot be decoded") as error:
        reading("cut", tmp_path)
    text = one_sentence(error)
    assert f"Split 'train' of data set 'cut' in {tmp_path}/cut/1.0.0 has an image" in text
    assert "in example 7 of cut-train.tfrecord-00000-of-00001 (jpeg::Uncompress failed" in text
    assert reading("cut", tmp_path, split="train[:7]").shape == (8, 8, 3)
    with pytest.raises(OSError, match="in example 7 of cut-train"):
        reading("cut", tmp_path, split="train[5:10]")


def test_another_feature_may_be_damaged(reading, tmp_path):
    """What is not used is not decoded."""
    images = [{"image": noise(3), "thumbnail": image} for image in jpegs(truncated=7)]
    features = {"image": Image(shape=(8, 8, 3)), "thumbnail": Image(shape=(8, 8, 3))}
    store(tmp_path, "half", features, images)
    assert reading("half", tmp_path).shape == (8, 8, 3)
    with pytest.raises(OSError, match="in example 7 of half-train"):
        reading("half", tmp_path, image="thumbnail")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda raw: raw[:1000] + b"\0\0\0" + raw[1003:], r"is damaged at example \d+ \(corrupted"),
        (lambda raw: raw[:1000], r"is damaged at example \d+ \(truncated record"),
        (lambda raw: b"", "has 0 examples, expected 20"),
        (lambda raw: None, "is missing"),
    ],
    ids=["changed", "cut", "empty", "missing"],
)
def test_a_damaged_file_is_named(change, said, reading, tmp_path):
    features = {"image": Image(shape=(8, 8, 1))}
    path = store(tmp_path, "file", features, [{"image": noise(seed=i)} for i in range(N)])
    damaged = change(path.read_bytes())
    path.unlink() if damaged is None else path.write_bytes(damaged)
    with pytest.raises(OSError, match=said) as error:
        reading("file", tmp_path)
    text = one_sentence(error)
    assert f"of data set 'file' in {tmp_path}/file/1.0.0 cannot be read" in text
    assert path.name in text
    assert text.endswith("Copy the data set anew, or delete its directory and load again.")


@pytest.mark.slow
def test_grey_and_rgb_images_together_are_refused(reading, tmp_path):
    images = [{"image": png(1 if i < 5 else 3)} for i in range(N)]
    store(tmp_path, "mixed", {"image": Image(shape=(None, None, None))}, images)
    with pytest.raises(ValueError, match="has images of 1 channels, and of 3 from") as error:
        reading("mixed", tmp_path, image_size=8)
    text = one_sentence(error)
    assert "from example 5 of mixed-train.tfrecord-00000-of-00001 on; expected the same" in text
    assert text.endswith("everywhere. Give `channels=3`, which decodes grey images as colours too.")
    both = {"image_size": 8, "channels": 3, "value_range": (0, 255), "shuffle": False}
    rows = next(load("mixed", batch_size=N, data_dir=tmp_path, **both).as_numpy_iterator())
    np.testing.assert_array_equal(rows[0], noise(1).repeat(3, -1))
    np.testing.assert_array_equal(rows[5], noise(3))
    assert reading("mixed", tmp_path, image_size=8, split="train[:5]").shape == (8, 8, 1)
    assert reading("mixed", tmp_path, image_size=8, split="train[5:]").shape == (8, 8, 3)


def test_an_animation_is_named(reading, tmp_path):
    frames = [PIL.Image.fromarray(noise(3, seed)) for seed in (0, 1)]
    moving = io.BytesIO()
    frames[0].save(moving, "GIF", save_all=True, append_images=frames[1:])
    images = [{"image": io.BytesIO(moving.getvalue()) if i == 6 else png(3)} for i in range(N)]
    store(tmp_path, "moving", {"image": Image(shape=(None, None, 3))}, images)
    with pytest.raises(OSError, match=r"cannot be decoded.*shape \(2, 8, 8, 3\) is not") as error:
        reading("moving", tmp_path, image_size=8)
    assert "in example 6 of moving-train" in one_sentence(error)


def test_a_withheld_label_is_named(reading, tmp_path):
    features = {"image": Image(shape=(8, 8, 1)), "label": tfds.features.ClassLabel(num_classes=3)}
    examples = [{"image": noise(seed=i), "label": -1 if i == 6 else 2} for i in range(N)]
    store(tmp_path, "withheld", features, examples)
    with pytest.raises(ValueError, match="has the label -1, by which TFDS marks withh") as error:
        reading("withheld", tmp_path, with_labels=True)
    text = one_sentence(error)
    assert "in example 6 of withheld-train" in text
    assert "expected labels from 0 to 2 in 'label'. Train on a split whose" in text
    assert reading("withheld", tmp_path).shape == (8, 8, 1)
    assert reading("withheld", tmp_path, with_labels=True, split="train[:5]").shape == (8, 8, 1)


def test_pixels_of_0_and_1_are_refused_where_they_are_loaded(reading, tmp_path):
    features = {"image": Image(shape=(8, 8, 1))}
    store(tmp_path, "binary", features, [{"image": noise(seed=i) // 128} for i in range(N)])
    with pytest.raises(ValueError, match="'binary' has uint8 images whose values are 0 and 1"):
        load("binary", batch_size=5, data_dir=tmp_path)
    store(tmp_path, "whole", features, [{"image": noise(seed=i) // 128 * 255} for i in range(N)])
    assert reading("whole", tmp_path).shape == (8, 8, 1)


def game():
    generator = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(192, "tanh"), keras.layers.Reshape((8, 8, 3))]
    )
    discriminator = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(1)]
    )
    gan = kgan.GAN(generator, discriminator, kgan.priors.Normal(4))
    gan.compile("adam", "adam")
    return gan


def test_fit_says_what_is_damaged(monkeypatch, tmp_path):
    """Streamed images are met by it first."""
    monkeypatch.setattr(loaders, "_MEMORY_BYTES", 0)
    monkeypatch.setattr(source, "_FIRST", 1)
    images = [{"image": image} for image in jpegs(truncated=7)]
    store(tmp_path, "cut", {"image": Image(shape=(8, 8, 3))}, images)
    with pytest.raises(OSError, match="in example 7 of cut-train") as error:
        game().fit(load("cut", batch_size=5, data_dir=tmp_path), verbose=0)
    one_sentence(error)


def test_an_error_of_the_networks_is_none_of_the_data(monkeypatch, tmp_path):
    """It passes as it is, and the data are not read again."""
    monkeypatch.setattr(loaders, "_MEMORY_BYTES", 0)
    features = {"image": Image(shape=(8, 8, 3))}
    store(tmp_path, "good", features, [{"image": noise(3, seed=i)} for i in range(N)])
    images = load("good", batch_size=5, data_dir=tmp_path)
    monkeypatch.setattr(damage, "_damaged_file", None)  # not to be called
    gan = game()

    def fail(*arguments):
        tf.debugging.assert_equal(gan.step_counter, tf.constant(-1, tf.int64), "networks")
        return {"loss": tf.constant(0.0)}

    gan.train_step = fail
    with pytest.raises(tf.errors.InvalidArgumentError, match="networks"):
        gan.fit(images, verbose=0)


def test_the_image_is_part_of_a_streamed_fingerprint_where_there_is_a_choice(monkeypatch, tmp_path):
    monkeypatch.setattr(loaders, "_MEMORY_BYTES", 0)
    features = {"left": Image(shape=(8, 8, 1)), "right": Image(shape=(8, 8, 1))}
    store(tmp_path, "eyes", features, [{"left": noise(), "right": noise(seed=1)}] * N)
    left, again, right = (
        load("eyes", batch_size=5, data_dir=tmp_path, image=name)
        for name in ("left", "left", "right")
    )
    assert left.data_fingerprint == again.data_fingerprint != right.data_fingerprint
    assert (left.data_features, right.data_features) == ({"image": "left"}, {"image": "right"})
    # Where there is none, fingerprints are those of runs made before one could choose.
    builder = tfds.builder("digits", data_dir=tmp_path)
    builder.download_and_prepare()
    shards = [info.shard_lengths for info in builder.info.splits.values()]
    files = repr((builder.info.full_name, [("train", slice(None, None))], shards))
    for options in ({}, {"image": "image"}, {"with_labels": True, "label": "label"}):
        digits = load("digits", data_dir=tmp_path, **options)
        assert digits.data_fingerprint == kgan.utils.digests.digest([files])
