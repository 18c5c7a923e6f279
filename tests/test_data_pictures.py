"""Batches of a directory of pictures: from memory and decoded in each epoch."""

import io
import os
import shutil
import subprocess
import sys

import numpy as np
import picture_files
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from tfds_data import batches, store

from kgan.data import load, loaders
from kgan.data.mirror import mirroring
from kgan.data.stream import SeekableDataset, memory_epoch

N = 24


@pytest.fixture
def root(tmp_path):
    return tmp_path / "pictures"


@pytest.fixture
def pixels(root):
    """The pixels of the folder `root`, in the order of its paths."""
    return picture_files.folder(root, N)


def batch(source, **options):
    """All pictures as one batch, 0 to 255."""
    n = options.pop("n", N)
    options = {"shuffle": False, "value_range": (0, 255), "batch_size": n, **options}
    return next(load(source, **options).as_numpy_iterator())


@pytest.mark.usefixtures("way")
def test_the_pictures_come_in_the_order_of_their_paths_with_their_classes(root, pixels):
    images, labels = batch(root, with_labels=True)
    np.testing.assert_array_equal(images, pixels)
    np.testing.assert_array_equal(labels, [0] * 12 + [1] * 12)
    dataset = load(str(root), batch_size=5, with_labels=True)
    assert dataset.element_spec == (
        tf.TensorSpec([5, 8, 8, 3], tf.float32),
        tf.TensorSpec([5], tf.int32),
    )
    assert (len(dataset), dataset.class_names, dataset.skipped) == (4, ("cat", "dog"), None)
    assert load(root, batch_size=5).class_names == ()


@pytest.mark.parametrize("mirror", [False, True])
def test_both_ways_yield_the_same_batches(root, pixels, mirror, monkeypatch):
    options = {"batch_size": 3, "discriminator_steps": 2, "seed": 7, "with_labels": True}
    found = []
    for limit in (2**30, 0):
        monkeypatch.setattr(loaders, "_MEMORY_BYTES", limit)
        found.append(batches(load(root, mirror=mirror, **options), 0, 9))
    for of_memory, streamed in zip(*found, strict=True):
        np.testing.assert_array_equal(of_memory[0], streamed[0])
        np.testing.assert_array_equal(of_memory[1], streamed[1])


@pytest.mark.slow
@pytest.mark.usefixtures("way")
def test_any_step_can_come_first(root, pixels):
    options = {"batch_size": 4, "seed": 3, "mirror": True}
    whole = batches(load(root, **options), 0, 20)
    for begin in (1, 5, 6, 13):
        rest = batches(load(root, **options), begin, 20 - begin)
        np.testing.assert_array_equal(rest, whole[begin:])
    assert not np.array_equal(whole[0], whole[6]), "epochs have orders of their own"


@pytest.mark.usefixtures("way")
def test_mirrored_pictures_are_those_of_the_same_places(root, pixels):
    """Each is itself or its mirror image, and both occur."""
    plain, mirrored = (batches(load(root, batch_size=4, mirror=x), 0, 30) for x in (False, True))
    kept, flipped = 0, 0
    for image, other in zip(np.concatenate(plain), np.concatenate(mirrored), strict=True):
        kept += np.array_equal(other, image)
        flipped += np.array_equal(other, image[:, ::-1])
    # Of 120 fair draws; 6 standard deviations are 33.
    assert kept + flipped == 120
    assert 27 <= flipped <= 93


def test_mirroring_does_not_follow_from_the_order():
    """In the same words' bits the order and the flips would be the same draw."""
    n, steps = 500, 10
    epoch, last = mirroring(memory_epoch(n, 50, 1), _pairs, steps, 50, 1)
    dataset = SeekableDataset(epoch, steps, last, "numbers")
    orders, flips = [], []
    for images in dataset.as_numpy_iterator():
        flips.append(images[:, 0, 0, 0] < images[:, 0, 1, 0])
        orders.append(images.reshape(50, 2).max(1) - 1)
    flips, order = np.concatenate(flips), np.concatenate(orders)
    assert sorted(order) == list(range(n))
    # Correlations of independent draws: standard deviation 1 / sqrt(500) = 0.045.
    assert abs(np.corrcoef(flips, order)[0, 1]) < 0.2
    assert abs(np.corrcoef(flips, np.arange(n))[0, 1]) < 0.2
    assert 180 < flips.sum() < 320


def _pairs(numbers):
    """Images of two pixels: the row number and one, then 0."""
    left = tf.cast(numbers + 1, tf.float32)[:, None]
    return tf.stack([left, tf.zeros_like(left)], axis=2)[..., None]


@pytest.mark.usefixtures("way")
def test_images_of_tfds_are_mirrored_too(tmp_path):
    pairs = [batches(load("digits", data_dir=tmp_path, batch_size=100, mirror=x)) for x in (0, 1)]
    same = [np.array_equal(x, y) for x, y in zip(*map(np.concatenate, pairs), strict=True)]
    flipped = [
        np.array_equal(x, y[:, ::-1]) for x, y in zip(*map(np.concatenate, pairs), strict=True)
    ]
    assert all(np.logical_or(same, flipped))
    assert 560 < sum(flipped) < 840  # of 1400, 7 standard deviations and symmetric digits


def test_stacks_are_mirrored_as_images(tmp_path):
    options = {"data_dir": tmp_path, "split": "train[:100]"}
    plain, mirrored = (next(iter(load("stacked_digits", mirror=x, **options))) for x in (0, 1))
    flips = [not np.array_equal(x, y) for x, y in zip(plain, mirrored, strict=True)]
    assert 20 < sum(flips) < 80
    for x, y, flip in zip(plain.numpy(), mirrored.numpy(), flips, strict=True):
        np.testing.assert_array_equal(x[:, ::-1] if flip else x, y)


# Size and channels


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([(8, 8), (8, 8)], (8, 8)),
        ([(48, 64), (48, 64)], (48, 64)),
        ([(8, 8), (9, 8)], (64, 64)),
        ([(65, 8), (65, 8)], (64, 64)),
    ],
)
def test_without_a_size_pictures_keep_a_common_small_one(root, sizes, expected):
    for i, size in enumerate(sizes):
        picture_files.write(root / "train" / f"{i}.png", picture_files.noise(i, size))
    assert load(root, batch_size=2).element_spec.shape == (2, *expected, 3)
    assert load(root, batch_size=2, image_size=(4, 5)).element_spec.shape == (2, 4, 5, 3)


def test_channels_are_one_where_all_pictures_are_grey(root):
    for i in range(4):
        picture_files.write(root / f"{i}.png", picture_files.noise(i, channels=1))
    assert load(root, batch_size=2).element_spec.shape[-1] == 1
    picture_files.write(root / "4.png", picture_files.noise(4))
    assert [load(root, batch_size=2, channels=c).element_spec.shape[-1] for c in (None, 1, 4)] == [
        *(3, 1, 4)
    ]
    picture_files.write(root / "4.png", picture_files.noise(4, channels=4))
    assert load(root, batch_size=2).element_spec.shape[-1] == 3, "never 4 by itself"


def test_the_splits_have_one_size_and_the_same_channels(root, pixels):
    """Both are looked at, so that what is evaluated has the form of what was trained on."""
    picture_files.write(root / "test" / "cat" / "0.png", picture_files.noise(0, (70, 50), 1))
    for split in ("train", "test"):
        shape = load(root, split, batch_size=1).element_spec.shape
        assert shape == (1, 64, 64, 3)


@pytest.mark.usefixtures("way")
def test_rgba_images_of_tfds_are_laid_over_the_background(tmp_path):
    images = [picture_files.noise(i, channels=4) for i in range(6)]
    image = tfds.features.Image(shape=(8, 8, 4))
    store(tmp_path, "clear", {"image": image}, [{"image": x} for x in images])
    stacked = np.stack(images).astype(float)
    share = stacked[..., 3:] / 255
    for background, colour in ((None, (255, 255, 255)), ("#ff8800", (255, 136, 0))):
        found = batch("clear", n=6, data_dir=tmp_path, background=background)
        expected = np.floor(share * stacked[..., :3] + (1 - share) * np.array(colour) + 0.5)
        np.testing.assert_array_equal(found, expected)
    assert batch("clear", n=6, data_dir=tmp_path, channels=4).shape == (6, 8, 8, 4)
    assert batch("clear", n=6, data_dir=tmp_path, channels=1).shape == (6, 8, 8, 1)


def test_a_builder_is_a_source(tmp_path):
    examples = [{"image": picture_files.noise(i), "label": i % 2} for i in range(6)]
    label = tfds.features.ClassLabel(names=["no", "yes"])
    store(
        tmp_path, "own", {"image": tfds.features.Image(shape=(8, 8, 3)), "label": label}, examples
    )
    builder = tfds.builder("own", data_dir=tmp_path)
    dataset = load(builder, batch_size=6, with_labels=True)
    assert dataset.class_names == ("no", "yes")
    by_name = load("own", batch_size=6, with_labels=True, data_dir=tmp_path)
    assert dataset.data_fingerprint == by_name.data_fingerprint
    with pytest.raises(ValueError, match="`data_dir`: expected None for a builder"):
        load(builder, data_dir=tmp_path)


# What changes the fingerprint, and what does not


@pytest.mark.usefixtures("way")
def test_the_fingerprint_is_of_the_content(root, pixels, tmp_path):
    first = load(root, batch_size=4).data_fingerprint
    shutil.copytree(root, tmp_path / "copy")
    os.utime(tmp_path / "copy" / "train" / "cat" / "000.png", (1, 1))
    again = load(tmp_path / "copy", batch_size=8, seed=3, mirror=True, value_range=(0, 1))
    assert again.data_fingerprint == first
    assert load(root, batch_size=4, image_size=4).data_fingerprint != first
    assert load(root, batch_size=4, channels=1).data_fingerprint != first
    picture_files.write(root / "train" / "cat" / "000.png", picture_files.noise(99))
    assert load(root, batch_size=4).data_fingerprint != first


# Refused


def damage(root, *names):
    for name in names:
        path = root / "train" / name
        path.write_bytes(path.read_bytes()[:60])


@pytest.mark.usefixtures("way")
def test_unreadable_pictures_are_named_and_may_be_skipped(root, pixels):
    damage(root, "cat/000.png", "dog/023.png")
    with pytest.raises(OSError, match=rf"^2 pictures of {root} cannot be read: train/cat") as error:
        load(root, batch_size=4)
    text = str(error.value)
    assert "train/cat/000.png (" in text
    assert "train/dog/023.png (" in text
    assert text.endswith("give `unreadable='skip'` to go on without them.")
    images, labels = batch(root, n=22, unreadable="skip", with_labels=True)
    np.testing.assert_array_equal(images, pixels[1:-1])
    np.testing.assert_array_equal(labels, [0] * 11 + [1] * 11)
    assert load(root, batch_size=4, unreadable="skip").skipped == 2
    # Slices are of what is left.
    np.testing.assert_array_equal(
        batch(root, n=5, split="train[:5]", unreadable="skip"), pixels[1:6]
    )


def test_a_class_without_a_readable_picture_is_none(root, pixels):
    damage(root, *(f"cat/{i:03}.png" for i in range(0, N, 2)))
    images = load(root, batch_size=4, unreadable="skip", with_labels=True, shuffle=False)
    assert (images.class_names, images.skipped) == (("dog",), 12)
    np.testing.assert_array_equal(next(iter(images))[1], [0] * 4)


@pytest.mark.usefixtures("way")
def test_five_unreadable_pictures_are_named_and_the_others_counted(root, pixels):
    damage(root, *(f"{'cat' if i % 2 == 0 else 'dog'}/{i:03}.png" for i in range(9)))
    with pytest.raises(OSError, match=r"^9 pictures .* and 4 more\. Mend") as error:
        load(root, batch_size=4)
    assert str(error.value).count(".png (") == 5
    damage(root, *(f"{'cat' if i % 2 == 0 else 'dog'}/{i:03}.png" for i in range(N)))
    with pytest.raises(OSError, match=r"^24 pictures"):
        load(root, batch_size=4, unreadable="skip")


def test_a_picture_that_is_gone_in_the_middle_is_named(root, pixels, monkeypatch):
    monkeypatch.setattr(loaders, "_MEMORY_BYTES", 0)
    dataset = load(root, batch_size=4)
    (root / "train" / "cat" / "000.png").unlink()
    with pytest.raises(tf.errors.OpError) as error:
        list(dataset)
    found = dataset.explain(error.value)
    assert "1 picture" in str(found)
    assert "train/cat/000.png (No such file or directory)" in str(found)


def test_other_errors_are_not_explained(root, pixels, monkeypatch):
    monkeypatch.setattr(loaders, "_MEMORY_BYTES", 0)
    assert load(root, batch_size=4).explain(tf.errors.UnknownError(None, None, "?")) is None


@pytest.mark.usefixtures("way")
def test_pixels_of_0_and_1_are_refused(root):
    for i in range(4):
        picture_files.write(root / f"{i}.png", picture_files.noise(i) // 128)
    with pytest.raises(ValueError, match=r"has uint8 images whose values are 0 and 1; .* 255\.$"):
        load(root, batch_size=2)
    picture_files.write(root / "5.png", np.full((8, 8, 3), 2, np.uint8))
    assert load(root, batch_size=2)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"batch_size": 25}, r"'train' of the directory \S+ has 24 rows, .* to 24 or less\.$"),
        ({"batch_size": 13, "discriminator_steps": 2}, "`batch_size` to 12 or less"),
        ({"split": "test"}, r"has train, and slices .* received 'test'"),
        ({"split": "train[:5"}, r"received 'train\[:5'"),
        ({"image_size": 0}, "`image_size`: expected a positive integer"),
        ({"image_size": (4, 0)}, "`image_size`: expected"),
        ({"channels": 2}, "`channels`: expected 1"),
        ({"resize": "fit"}, "`resize`: expected one of crop, pad, stretch, received 'fit'"),
        ({"background": "mauve"}, "`background`: expected 'white', 'black' or"),
        ({"unreadable": "hope"}, "`unreadable`: expected one of error, skip, received 'hope'"),
        ({"image": "left"}, "`image`: it is for data sets of TFDS; expected None for the direc"),
        ({"data_dir": "x"}, "`data_dir`: it is for data sets of TFDS; expected None for the dir"),
        ({"label": "kind", "with_labels": True}, "`label`: it is for data sets of TFDS"),
    ],
)
def test_unusable_arguments_are_named(root, pixels, options, said):
    with pytest.raises(ValueError, match=said) as error:
        load(root, **{"batch_size": 4, **options})
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("source", "options", "said"),
    [
        ("digits", {"unreadable": "skip"}, "`unreadable`: it is for a directory of pictures"),
        ("ring", {"channels": 3}, "`channels`: it is for images; expected None for the density"),
        ("ring", {"mirror": True}, "`mirror`: it is for images"),
        ("ring", {"background": "white"}, "`background`: it is for images"),
        ("stacked_digits", {"channels": 1}, "`channels`: expected None for 'stacked_digits'"),
        ("my/absent", {}, r"received 'my/absent'; .* There is no directory \S+/my/absent\."),
    ],
)
def test_arguments_that_do_not_apply_are_refused(source, options, said, tmp_path):
    with pytest.raises(ValueError, match=said):
        load(source, **options) if source == "ring" else load(source, data_dir=tmp_path, **options)


# Memory

PEAK = """
import pathlib, re, sys
import psutil
from kgan.data import load

kind, root = sys.argv[1], pathlib.Path(sys.argv[2])
for _ in load("digits", data_dir=root / "sets"):  # code and threads
    pass
before = psutil.Process().memory_info().rss
if kind == "folder":
    images = load(root / "pictures", channels=3, image_size=64, batch_size=20)
else:
    images = load("large", data_dir=root / "sets", batch_size=20)
for batch in images.take(20):
    pass
# Not `resource.getrusage`, which also counts the memory of the process that started this one.
status = pathlib.Path("/proc/self/status").read_text()
peak = 1024 * int(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1])
print('ratio', (peak - before) / (len(images) * 20 * 64 * 64 * 3))
"""


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="only Linux tells the peak")
@pytest.mark.parametrize("kind", ["folder", pytest.param("tfds", marks=pytest.mark.long)])
def test_the_peak_of_memory_is_under_one_and_a_half_of_the_data(kind, tmp_path):
    """234 MiB of pixels; the batches on their way, of 1 MB each, count as well."""
    path = tmp_path / "pictures" / "train" / "0.png"
    picture_files.write(path, picture_files.noise().repeat(8, 0).repeat(8, 1))
    n = 20_000
    if kind == "folder":
        for i in range(1, n):
            os.link(path, path.with_name(f"{i}.png"))
    else:
        content = path.read_bytes()
        images = [{"image": io.BytesIO(content)} for _ in range(n)]
        store(tmp_path / "sets", "large", {"image": tfds.features.Image(shape=(64, 64, 3))}, images)
    done = subprocess.run(
        [sys.executable, "-c", PEAK, kind, str(tmp_path)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    ratio = float(done.stdout.split()[-1])
    assert 0.9 < ratio < 1.5
