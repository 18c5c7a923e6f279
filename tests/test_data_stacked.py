"""Stacks of three images: what they are made of, and that they are always the same ones."""

import os

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats
from sklearn.datasets import load_digits

from kgan.data import load, stacked
from train.config import Config
from train.run import train


@pytest.fixture(scope="module")
def rows(data_dir):
    """Loads rows uint8 [n, 8, 8, channels] of `digits` or of its stacks, in their order."""

    def rows_(name, split, n):
        images = load(
            name, split, batch_size=n, shuffle=False, value_range=(0, 255), data_dir=data_dir
        )
        return next(images.as_numpy_iterator()).astype(np.uint8)

    return rows_


def _philox(counter, key):
    """The four words of Philox4x64-10 (Salmon et al. 2011, section 3.3), in Python's integers."""
    c, k, mask = [counter, 0, 0, 0], [key, 0], 2**64 - 1
    for _ in range(10):
        a, b = c[0] * 0xD2E7470EE14C6C93, c[2] * 0xCA5A826395121157
        c = [(b >> 64) ^ c[1] ^ k[0], b & mask, (a >> 64) ^ c[3] ^ k[1], a & mask]
        k = [(k[0] + 0x9E3779B97F4A7C15) & mask, (k[1] + 0xBB67AE8584CAA73B) & mask]
    return c


def test_the_draws_are_the_words_of_philox():
    # The first known answer of the authors' Random123 library: counter 0, key 0.
    assert _philox(0, 0)[:2] == [0x16554D9ECA36314C, 0xDB20FE9D672D0FDC]
    for key, split in enumerate(["train", "test"]):
        words = [word for counter in range(1, 31) for word in _philox(counter, key)]
        expected = np.array([word % 60_000 for word in words]).reshape(-1, 3)
        np.testing.assert_array_equal(stacked.draw(split, 60_000)[:40], expected)


def test_the_numbers_of_stacks_are_pacgans():
    # The authors' published configuration: num_training_sample 128000, num_test_sample 26000.
    assert [len(stacked.draw(split, 10)) for split in ("train", "test")] == [128_000, 26_000]


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_draws_are_uniform_and_independent(split):
    # 1,000 equal cells: chi-squared with 999 degrees of freedom. The draws are fixed, so this
    # cannot fail by chance; they were not chosen to pass.
    numbers = stacked.draw(split, 10)
    cells = np.bincount(numbers @ [100, 10, 1], minlength=1000)
    assert 0.001 < stats.chisquare(cells).pvalue < 0.999


def test_each_channel_is_an_image_of_its_split(rows):
    for split, n in (("train", 1437), ("test", 360)):
        images, stacks = rows("digits", split, n), rows("stacked_digits", split, 500)
        numbers = stacked.draw(split, n)[:500]
        for channel in range(3):
            np.testing.assert_array_equal(stacks[..., channel], images[numbers[:, channel], ..., 0])


def test_the_modes_of_real_stacks_are_even():
    # Digits of scikit-learn's `train` part by class: the stacks' classes follow from them alone.
    labels = load_digits().target[:1437]
    modes = labels[stacked.draw("train", 1437)] @ [100, 10, 1]
    shares = np.bincount(labels, minlength=10) / 1437
    expected = np.einsum("a,b,c->abc", shares, shares, shares).ravel()
    counts = np.bincount(modes, minlength=1000)
    assert counts.all()
    assert 0.001 < stats.chisquare(counts, 128_000 * expected).pvalue < 0.999


def test_slices_and_sums_of_splits_are_of_the_stacks(data_dir, rows):
    both = load(
        "stacked_digits",
        "test[100:110]+train[:10]",
        batch_size=20,
        shuffle=False,
        value_range=(0, 255),
        data_dir=data_dir,
    )
    assert len(both) == 1
    parts = [rows("stacked_digits", "test", 110)[100:], rows("stacked_digits", "train", 10)]
    np.testing.assert_array_equal(next(both.as_numpy_iterator()), np.concatenate(parts))


def test_stacks_are_loaded_like_every_other_name(data_dir):
    images = load(
        "stacked_digits", batch_size=32, discriminator_steps=2, image_size=6, data_dir=data_dir
    )
    assert images.element_spec == tf.TensorSpec([64, 6, 6, 3], tf.float32)
    assert len(images) == images.cardinality() == 2000
    batch = next(images.as_numpy_iterator())
    assert batch.min() == -1
    assert 0.9 < batch.max() <= 1


def test_the_seed_orders_the_stacks_and_does_not_change_them(data_dir):
    def epoch(**options):
        images = load("stacked_digits", "test[:200]", data_dir=data_dir, **options)
        return np.concatenate(list(images.as_numpy_iterator())).reshape(200, -1)

    first, again, other, plain = epoch(seed=0), epoch(seed=0), epoch(seed=1), epoch(shuffle=False)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    for order in (first, other):
        np.testing.assert_array_equal(np.unique(order, axis=0), np.unique(plain, axis=0))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"source": "stacked_cifar10"},
            "`source`: .* one channel, such as 'stacked_mnist'; .* have 3",
        ),
        ({"source": "stacked_digitz"}, "`source`: .* received 'digitz'; close matches: digits"),
        ({"split": "valid"}, "`split`: data set 'stacked_digits' has train, test, .* 'valid'"),
        ({"split": "test", "batch_size": 26_001}, "'stacked_digits' has 26000 rows, fewer than"),
        ({"split": "test[0:0]"}, "has 0 rows, fewer than one batch"),
        ({"value_range": (1, 0)}, "`value_range`: .* low < high"),
    ],
)
def test_unusable_arguments_are_named(data_dir, options, message):
    with pytest.raises(ValueError, match=message):
        load(**{"source": "stacked_digits", "data_dir": data_dir, **options})


def test_absent_images_are_reported_as_elsewhere(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"'mnist/3\.0\.1' is not in .* train-ima"):
        load("stacked_mnist", data_dir=tmp_path, download=False)


@pytest.mark.slow
def test_a_program_trains_on_stacks(data_dir, tmp_path):
    config = Config(dataset="stacked_digits", network="mlp", width=16, batch_size=20, steps=2)
    train(config, tmp_path / "run", data_dir)
    assert (tmp_path / "run" / "generator.keras").exists()


@pytest.mark.slow
def test_stacked_mnist_is_of_mnist():
    directory = os.environ.get("KGAN_TEST_DATA_DIR")
    if not directory:
        pytest.skip("KGAN_TEST_DATA_DIR does not name a directory where mnist is prepared")
    images = load(
        "stacked_mnist", batch_size=100, shuffle=False, data_dir=directory, download=False
    )
    assert images.element_spec == tf.TensorSpec([100, 28, 28, 3], tf.float32)
    assert len(images) == 1280
    digits = load("mnist", batch_size=60_000, shuffle=False, data_dir=directory, download=False)
    digits = next(digits.as_numpy_iterator())[..., 0]
    batch = next(images.as_numpy_iterator())
    expected = digits[stacked.draw("train", 60_000)[:100]]
    np.testing.assert_array_equal(batch, expected.transpose(0, 2, 3, 1))
