"""`kgan.data.load`: batches, epochs, values."""

import dataclasses
import json
import os

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
import tfds_data
from sklearn.datasets import load_digits

from kgan.data import DENSITIES, images_of, load, loaders, mean_image, source


@pytest.fixture(params=["in memory", "streamed"])
def digits(request, monkeypatch, data_dir):
    """Loads `digits` through either path."""
    if request.param == "streamed":
        monkeypatch.setattr(loaders, "_MEMORY_BYTES", 0)
        monkeypatch.setattr(source.ImageSource, "read", None)  # not to be called

    def load_digits_(**options):
        return load("digits", data_dir=data_dir, **options)

    return load_digits_


def _epoch(images):
    """All rows of one pass, flat."""
    batches = list(images.as_numpy_iterator())
    return np.concatenate(batches).reshape(len(batches) * len(batches[0]), -1)


def _ordered(rows):
    return rows[np.lexsort(rows.T)]


def test_batches_are_static_float32_of_known_number(digits):
    images = digits(batch_size=32, discriminator_steps=3)
    assert images.element_spec == tf.TensorSpec([96, 8, 8, 1], tf.float32)
    assert len(images) == images.cardinality() == 1437 // 96
    assert [batch.shape[0] for batch in images] == [96] * len(images)


def test_small_data_are_kept_in_memory(data_dir, monkeypatch):
    reads = []
    read = source.ImageSource.read
    monkeypatch.setattr(source.ImageSource, "read", lambda *args: reads.append(1) or read(*args))
    load("digits", data_dir=data_dir)
    assert reads == [1]
    monkeypatch.setattr(loaders, "_MEMORY_BYTES", 1437 * 64 - 1)
    load("digits", data_dir=data_dir)
    assert reads == [1]
    monkeypatch.setattr(loaders, "_MEMORY_BYTES", 1437 * 64)
    load("digits", data_dir=data_dir)
    assert reads == [1, 1]


def test_the_size_of_an_image_counts_its_frames_and_channels(data_dir):
    found = source.find_images("digits", None, False, data_dir)
    assert found.image_bytes == 64
    assert dataclasses.replace(found, frames=5, channels=3).image_bytes == 5 * 64 * 3
    assert dataclasses.replace(found, channels=None).image_bytes == 64


@pytest.mark.parametrize("value_range", [None, (0.0, 1.0), (0.1, 0.7)])
def test_values_are_the_pixels_in_range(digits, value_range):
    low, high = value_range or (-1.0, 1.0)
    rows = _epoch(digits(batch_size=1437, value_range=value_range))
    # Exactly at the ends: every epoch of `digits` has pixels of 0 and of 255.
    assert (rows.min(), rows.max()) == (np.float32(low), np.float32(high))
    pixels = np.floor(load_digits().data[:1437] * 255 / 16 + 0.5)
    expected = low + (high - low) * pixels / 255
    np.testing.assert_allclose(_ordered(rows), _ordered(expected), rtol=0, atol=1e-6)


def test_unshuffled_epochs_keep_the_order_on_disk(digits, data_dir):
    builder = tfds.builder("digits", data_dir=data_dir)
    on_disk = [example["image"].ravel() for example in tfds.as_numpy(builder.as_dataset("test"))]
    images = digits(split="test", batch_size=60, shuffle=False, value_range=(0, 255))
    for _ in range(2):
        np.testing.assert_array_equal(_epoch(images), on_disk)


def test_an_epoch_has_each_row_at_most_once(digits):
    # The 1,437 rows of `train` are distinct images, so equal rows would be one row twice.
    assert len(np.unique(load_digits().data[:1437], axis=0)) == 1437
    images = digits(batch_size=50, discriminator_steps=4)
    for _ in range(2):
        rows = _epoch(images)
        assert len(rows) == 1400
        assert len(np.unique(rows, axis=0)) == 1400


@pytest.mark.slow
def test_every_epoch_has_its_order_and_the_seed_decides_it(digits):
    def epochs(seed):
        images = digits(split="test", batch_size=90, seed=seed)
        return [_epoch(images) for _ in range(3)]

    first, again, default, other = epochs(0), epochs(0), epochs(None), epochs(1)
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(first, default)
    assert not np.array_equal(first, other)
    assert not np.array_equal(first[0], first[1])
    assert not np.array_equal(first[1], first[2])


def test_an_iterator_counts_when_its_first_batch_is_asked_for(digits):
    images, again = (digits(split="test", batch_size=90) for _ in range(2))
    iter(images), next(iter(images))
    _epoch(again)
    np.testing.assert_array_equal(_epoch(images), _epoch(again))


def test_the_process_s_seed_does_not_matter(digits):
    epochs = []
    for seed in (1, 2):
        tf.random.set_seed(seed)
        images = digits(split="test", batch_size=90)
        epochs.append([_epoch(images) for _ in range(2)])
    np.testing.assert_array_equal(*epochs)


def test_splits_may_be_sliced_and_added(digits):
    def rows(split, batch_size):
        return _epoch(digits(split=split, batch_size=batch_size, shuffle=False))

    np.testing.assert_array_equal(rows("test[10:20]", 10), rows("test", 20)[10:20])
    both = np.concatenate([rows("train[:50%]", 718), rows("test[10:20]", 10)])  # 1437 / 2 = 718.5
    np.testing.assert_array_equal(_ordered(rows("train[:50%]+test[10:20]", 728)), _ordered(both))


def test_images_are_resized(digits):
    images = digits(image_size=(4, 2), batch_size=100)
    assert images.element_spec.shape == [100, 4, 2, 1]


@pytest.mark.parametrize(
    ("image_size", "recorded"),
    [(None, None), (9, 9), (np.int64(9), 9), ((9, 8), "9,8"), ([9, np.uint8(8)], "9,8")],
)
def test_sizes_and_channels_of_any_form_are_recorded_as_plain_ones(image_size, recorded, data_dir):
    images = load("digits", image_size=image_size, channels=np.int64(3), data_dir=data_dir)
    written = json.loads(json.dumps(images.loaded_from))
    assert (written["image_size"], written["channels"]) == (recorded, 3)


@pytest.mark.slow
def test_a_mock_of_a_tfds_data_set_loads(tmp_path):
    tfds_data.describe_cifar10(tmp_path)
    with tfds.testing.mock_data(num_examples=50, data_dir=str(tmp_path)):
        images = load("cifar10", batch_size=25, data_dir=tmp_path)
    assert images.element_spec == tf.TensorSpec([25, 32, 32, 3], tf.float32)
    assert _epoch(images).shape == (50, 32 * 32 * 3)


@pytest.mark.parametrize(("split", "n"), [("train", 100_000), ("test[:40%]", 4_000)])
@pytest.mark.parametrize("name", sorted(DENSITIES))
def test_densities_are_unscaled_points(name, split, n):
    points = load(name, split, batch_size=500, discriminator_steps=2)
    dim = DENSITIES[name].dim
    assert points.element_spec == tf.TensorSpec([1000, dim], tf.float32)
    assert len(points) == n // 1000
    rows = _epoch(points)
    assert len(np.unique(rows, axis=0)) > 0.98 * n  # float32 on the line has some ties
    # The mean log-likelihood of the density's own samples is minus its entropy; two sets of
    # samples agree within 6 standard errors (its standard deviation is sqrt(dim / 2)).
    own = DENSITIES[name].log_prob(DENSITIES[name].sample(n, seed=7)).mean()
    error = 6 * np.sqrt(dim / 2) * np.sqrt(2 / n)
    assert DENSITIES[name].log_prob(rows).mean() == pytest.approx(own, abs=error)


def test_the_splits_of_a_density_are_other_points():
    splits = ["train[:100]", "test[:100]"]
    train, test = (_epoch(load("gaussian", split, shuffle=False)) for split in splits)
    assert not np.isin(train, test).any()


def test_mean_image_of_digits(digits):
    expected = np.floor(load_digits().data[:1437] * 255 / 16 + 0.5).mean(0).reshape(8, 8, 1)
    mean = mean_image(digits(batch_size=479, value_range=(0, 255)))  # 3 * 479 = 1437
    np.testing.assert_allclose(mean, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "`batch_size`: expected a positive integer, received 0"),
        ({"batch_size": True}, "`batch_size`: expected a positive integer, received True"),
        ({"discriminator_steps": 1.5}, "`discriminator_steps`: expected .* received 1.5"),
        ({"image_size": 0}, "`image_size`: expected a positive integer"),
        ({"value_range": (1, -1)}, r"`value_range`: .* low < high, .* received \(1, -1\)"),
        ({"value_range": (0, 0)}, r"`value_range`: .* low < high"),
        ({"value_range": (0, float("inf"))}, "`value_range`: expected .* both finite"),
        ({"value_range": 1.0}, "`value_range`: expected .* both finite"),
        ({"split": "valid"}, "`split`: data set 'digits' has train, test, .* received 'valid'"),
        ({"split": "train[:5"}, r"`split`: .* such as 'train\[:50%\]'; received 'train\[:5'"),
        (
            {"split": "test", "batch_size": 181, "discriminator_steps": 2},
            r"Split 'test' of data set 'digits' has 360 rows, .* = 362; lower `batch_size`",
        ),
        ({"split": "test[0:0]"}, "has 0 rows, fewer than one batch"),
    ],
)
def test_unusable_arguments_are_named(data_dir, options, message):
    with pytest.raises(ValueError, match=message):
        load("digits", data_dir=data_dir, **options)


@pytest.mark.parametrize("seed", [1.5, "a", 2**70, True])
def test_seeds_are_integers(seed):
    with pytest.raises(ValueError, match=r"`seed`: expected an integer of 64 bits, received"):
        load("ring", seed=seed, shuffle=False)
    assert load("ring", seed=None)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"value_range": (-1, 1)},
            r"`value_range`: it is for images; .* 'ring', received \(-1, 1\)",
        ),
        ({"image_size": 8}, r"`image_size`: it is for images; .* 'ring', received 8"),
        ({"unreadable": "skip"}, "`unreadable`: it is for images; .* 'ring', received 'skip'"),
        ({"shuffle": "False"}, "`shuffle`: expected one of False, True, received 'False'"),
        ({"mirror": "no"}, "`mirror`: expected one of False, True, received 'no'"),
        ({"with_labels": "no"}, "`with_labels`: expected one of False, True, received 'no'"),
        ({"download": "no"}, "`download`: expected one of False, True, received 'no'"),
        ({"split": "valid"}, "`split`: data set 'ring' has train, test, .* received 'valid'"),
        ({"split": "test", "batch_size": 10_001}, "'ring' has 10000 rows"),
    ],
)
def test_unusable_arguments_of_a_density_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        load("ring", **options)


@pytest.fixture
def mnist_dir():
    directory = os.environ.get("KGAN_TEST_DATA_DIR")
    if not directory:
        pytest.skip("KGAN_TEST_DATA_DIR does not name a directory where mnist is prepared")
    return directory


@pytest.mark.slow
def test_an_epoch_of_mnist(mnist_dir):
    images = load("mnist", batch_size=100, data_dir=mnist_dir, download=False)
    assert len(images) == 600
    assert _epoch(images).shape == (60_000, 784)


@pytest.mark.slow
def test_labels_stay_with_their_images(digits):
    """Each pair is one of scikit-learn's, whichever order it comes in."""
    pairs = digits(batch_size=479, discriminator_steps=3, with_labels=True)
    assert pairs.element_spec[1] == tf.TensorSpec([1437], tf.int32)
    ((images, labels),) = pairs.as_numpy_iterator()
    known = load_digits()
    pixels = np.floor(known.data[:1437] * 255 / 16 + 0.5)
    rows = np.rint((images.reshape(1437, 64) + 1) * 127.5)
    expected = _ordered(np.column_stack([pixels, known.target[:1437]]))
    np.testing.assert_array_equal(_ordered(np.column_stack([rows, labels])), expected)
    assert (labels != known.target[:1437]).any(), "it was shuffled"
    np.testing.assert_allclose(mean_image(pairs), mean_image(digits(batch_size=1437)), atol=1e-6)
    np.testing.assert_array_equal(next(images_of(pairs).as_numpy_iterator()).shape, images.shape)


@pytest.mark.parametrize("name", ["ring", "stacked_digits"])
def test_data_without_labels_have_none_to_give(name, data_dir):
    with pytest.raises(ValueError, match=f"without class labels, such as '{name}'"):
        load(name, data_dir=data_dir, with_labels=True)
