"""Frames that come with those before them: of videos of TFDS, and of images that bounce."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from tensorflow_datasets.video.moving_sequence import image_as_moving_sequence
from tfds_data import batches, store

from kgan.data import bouncing, describe, load, loaders, source
from kgan.data.videos import last_and_previous

FRAMES = {"condition": "previous_frames", "value_range": (0, 255)}


@pytest.fixture(scope="module")
def clips():
    """Five videos of six frames of 8x8 pixels."""
    return np.random.default_rng(0).integers(0, 256, (5, 6, 8, 8, 1), dtype=np.uint8)


@pytest.fixture(scope="module")
def data_dir(clips, tmp_path_factory):
    path = tmp_path_factory.mktemp("data")
    video = tfds.features.Video(shape=(6, 8, 8, 1))
    store(path, "clips", {"clip": video}, [{"clip": clip} for clip in clips])
    return path


def test_the_last_frame_comes_with_the_others_as_channels():
    frames = np.arange(2 * 4 * 1 * 1 * 2).reshape(2, 4, 1, 1, 2)
    last, before = last_and_previous(tf.constant(frames))
    np.testing.assert_array_equal(last[:, 0, 0], [[6, 7], [14, 15]])
    np.testing.assert_array_equal(before[:, 0, 0], [range(6), range(8, 14)])


@pytest.mark.usefixtures("way")
def test_each_frame_but_the_first_three_has_a_row(clips, data_dir):
    options = {"data_dir": data_dir, **FRAMES}
    ((images, conditions),) = batches(load("clips", batch_size=15, shuffle=False, **options))
    np.testing.assert_array_equal(images, clips[:, 3:].reshape(15, 8, 8, 1))
    for row, condition in enumerate(conditions):
        video, start = divmod(row, 3)
        before = np.moveaxis(clips[video, start : start + 3, ..., 0], 0, -1)
        np.testing.assert_array_equal(condition, before)
    described = describe("clips", data_dir, condition="previous_frames")
    assert (described.rows("train"), described.rows("train[:2]")) == (15, 6)
    halved = load("clips", batch_size=6, split="train[:2]", image_size=4, **options)
    assert [spec.shape[1:] for spec in halved.element_spec] == [(4, 4, 1), (4, 4, 3)]
    assert len(halved) == 1


@pytest.mark.usefixtures("way")
def test_fewer_frames_than_a_batch_are_refused(data_dir):
    with pytest.raises(ValueError, match=r"'clips' has 15 .*batch"):
        load("clips", batch_size=16, data_dir=data_dir, **FRAMES)


def test_small_videos_are_kept_in_memory(clips, data_dir, monkeypatch):
    reads = []
    read = source.ImageSource.read
    monkeypatch.setattr(source.ImageSource, "read", lambda *args: reads.append(1) or read(*args))
    for bytes_, expected in ((clips.size, 1), (clips.size - 1, 0)):
        reads.clear()
        monkeypatch.setattr(loaders, "_MEMORY_BYTES", bytes_)
        load("clips", data_dir=data_dir, batch_size=4, **FRAMES)
        assert len(reads) == expected


@pytest.mark.slow
@pytest.mark.usefixtures("way")
def test_any_step_can_come_first_and_both_are_mirrored(clips, data_dir):
    options = {"data_dir": data_dir, "batch_size": 4, "mirror": True, "seed": 1, **FRAMES}
    whole = batches(load("clips", **options), 0, 7)
    for one, other in zip(whole[4:], batches(load("clips", **options), 4, 3), strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)
    flips = []
    for images, conditions in whole:
        for image, condition in zip(images, conditions, strict=True):
            for flip in (1, -1):
                rows = np.argwhere((clips[:, 3:, :, ::flip] == image).all((2, 3, 4)))
                for video, start in rows:
                    before = np.moveaxis(clips[video, start : start + 3, :, ::flip, 0], 0, -1)
                    np.testing.assert_array_equal(condition, before)
                    flips.append(flip)
    assert len(flips) == 28
    assert set(flips) == {1, -1}


def test_the_fingerprint_is_of_the_frames(clips, data_dir, tmp_path):
    found = load("clips", batch_size=4, data_dir=data_dir, **FRAMES).data_fingerprint
    video = tfds.features.Video(shape=(6, 8, 8, 1))
    changed = clips.copy()
    changed[0, 0, 0, 0] ^= 1
    store(tmp_path, "clips", {"clip": video}, [{"clip": clip} for clip in changed])
    assert load("clips", batch_size=4, data_dir=tmp_path, **FRAMES).data_fingerprint != found


def test_videos_that_are_too_short_or_none_are_named(data_dir, tmp_path):
    for n, frames in ((3, 3), ("any number", None)):
        name = "short" if frames else "unknown"
        video = tfds.features.Video(shape=(frames, 8, 8, 1))
        store(tmp_path, name, {"clip": video}, [{"clip": np.zeros((3, 8, 8, 1), np.uint8)}])
        with pytest.raises(ValueError, match=rf"has videos of {n} frames; expected .* at least 4"):
            load(name, batch_size=1, data_dir=tmp_path, **FRAMES)
        with pytest.raises(ValueError, match=rf"has videos of {n} frames; expected .* at least 4"):
            describe(name, tmp_path, condition="previous_frames")
    with pytest.raises(ValueError, match=r"'digits' has no videos .*such as those of 'moving_mnis"):
        load("digits", data_dir=tmp_path, **FRAMES)
    with pytest.raises(ValueError, match=r"has no image feature .*clip \(videos of shape \(6, 8"):
        load("clips", data_dir=data_dir)
    with pytest.raises(ValueError, match=r"`condition`: it is for data sets of TFDS"):
        load(tmp_path, **FRAMES)
    with pytest.raises(ValueError, match=r"`condition`: it is for images"):
        load("ring", condition="previous_frames")


def test_a_feature_of_videos_may_be_named(clips, tmp_path):
    features = {
        "left": tfds.features.Video(shape=(6, 8, 8, 1)),
        "right": tfds.features.Video(shape=(6, 8, 8, 1)),
        "poster": tfds.features.Image(shape=(8, 8, 1)),
    }
    examples = [{"left": x, "right": x[::-1], "poster": x[0]} for x in clips]
    store(tmp_path, "pairs", features, examples)
    options = {"data_dir": tmp_path, "batch_size": 15, "shuffle": False, **FRAMES}
    with pytest.raises(ValueError, match=r"has several videos, expected the name of one \(left, r"):
        load("pairs", **options)
    with pytest.raises(
        ValueError, match=r"a feature of videos .*'poster', which holds uint8 image"
    ):
        load("pairs", image="poster", **options)
    ((images, _),) = batches(load("pairs", image="right", **options))
    np.testing.assert_array_equal(images[0], clips[0, 2])


# Images that bounce


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    path = tmp_path_factory.mktemp("digits")
    images = next(
        iter(load("digits", batch_size=1437, shuffle=False, data_dir=path, value_range=(0, 255)))
    )
    return path, images.numpy().astype(np.uint8)


def test_bouncing_images_move_as_those_of_tfds(digits):
    """The oracle is TFDS's own function, which made the training data of Moving MNIST."""
    _, images = digits
    numbers, motions = bouncing.draw("train", len(images))
    found = bouncing.videos(tf.constant(images), numbers[:3], motions[:3], frames=20).numpy()
    assert found.shape == (3, 20, 24, 24, 1)
    for row in range(3):
        each = []
        for number, (top, left, turns) in zip(numbers[row], motions[row], strict=True):
            velocity = np.float32(0.1) * np.float32(
                [np.sin(2 * np.pi * turns), np.cos(2 * np.pi * turns)]
            )
            start = tf.constant([top, left])
            moved = image_as_moving_sequence(images[number], 20, (24, 24), velocity, start)
            each.append(moved.image_sequence)
        np.testing.assert_array_equal(found[row], np.maximum(*each))


def test_the_draws_are_uniform_and_fixed():
    numbers, motions = bouncing.draw("train", 60_000)
    assert (numbers.shape, motions.shape) == ((100_000, 2), (100_000, 2, 3))
    assert 0 <= motions.min() < motions.max() < 1
    # Of 200,000 draws: the standard deviation of a mean is 0.289 / 447 = 0.00065.
    np.testing.assert_allclose(motions.mean((0, 1)), 0.5, atol=0.004)
    assert abs(numbers.mean() / 60_000 - 0.5) < 0.004
    corners = np.corrcoef(motions.reshape(-1, 6).T) - np.eye(6)
    assert np.abs(corners).max() < 0.02  # 6 standard deviations of 0.0032
    np.testing.assert_array_equal(numbers[:2], FIRST)
    assert not np.array_equal(bouncing.draw("test", 60_000)[0], numbers[:10_000])


def test_bouncing_images_are_loaded_as_pairs(digits):
    path, images = digits
    options = {"data_dir": path, **FRAMES}
    dataset = load("bouncing_digits", batch_size=4, shuffle=False, **options)
    assert (len(dataset), dataset.class_names) == (25_000, ())
    assert dataset.loaded_from["condition"] == "previous_frames"
    last, before = next(dataset.as_numpy_iterator())
    numbers, motions = bouncing.draw("train", len(images))
    frames = bouncing.videos(tf.constant(images), numbers[:4], motions[:4]).numpy()
    np.testing.assert_array_equal(last, frames[:, -1])
    np.testing.assert_array_equal(before, np.moveaxis(frames[:, :-1, ..., 0], 1, -1))
    assert describe("bouncing_digits", path).splits == {"train": 100_000, "test": 10_000}
    assert describe("bouncing_digits", path).num_classes is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"condition": None}, r"`condition`: expected 'previous_frames' for 'bouncing_digits'"),
        ({"condition": "edges"}, r"`condition`: expected 'previous_frames' for 'bouncing_digits'"),
        ({"image_size": 32}, r"`image_size`: expected None for 'bouncing_digits'"),
        ({"channels": 3}, r"`channels`: expected None for 'bouncing_digits'"),
        ({"with_labels": True}, r"`condition`: expected None beside `with_labels=True`"),
        (
            {"split": "train[:3]", "batch_size": 4},
            r"'train\[:3\]' of .*'bouncing_digits' has 3 rows",
        ),
    ],
)
def test_what_bouncing_images_lack_is_refused(options, said, digits):
    with pytest.raises(ValueError, match=said):
        load("bouncing_digits", data_dir=digits[0], **{**FRAMES, **options})


FIRST = [[22518, 17288], [9610, 53645]]
