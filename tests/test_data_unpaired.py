"""Independent draws from two sources: their orders, their forms, and what is refused."""

import numpy as np
import pytest
import tensorflow as tf
from picture_files import folder

from kgan import conditions, data
from kgan.data import load, load_unpaired
from kgan.data.unpaired import unpaired_arrays

HALVES = ("train[:50%]", "train[50%:]")


def steps(pairs, begin, count):
    """The pairs from step `begin` on."""
    rest = pairs.from_position(len(pairs))
    pairs.seek(begin, count)
    return list(rest.as_numpy_iterator())


def numbers(n):
    return np.arange(n, dtype=np.float32)[:, None]


def test_each_domain_goes_through_its_own_epochs():
    """Of 23 and 10 rows: an epoch of pairs has five batches, two epochs and a half of the other."""
    pairs = unpaired_arrays(numbers(23), numbers(10), 4, 0)
    assert len(pairs) == 5
    found = steps(pairs, 0, 20)
    x, y = (np.array([pair[i][:, 0] for pair in found]) for i in range(2))
    for domain, epoch in ((x, 5), (y, 2)):
        for start in range(0, 20, epoch):
            seen = domain[start : start + epoch].ravel()
            assert len(set(seen)) == 4 * epoch
    # The first four batches are no draws of the same orders: an x tells nothing of its y.
    assert 0 < np.mean(x[:, :] == y[:, :]) < 0.2
    order = np.argsort(x.ravel()[:20])
    assert abs(np.corrcoef(order, y.ravel()[:20])[0, 1]) < 0.7


@pytest.mark.slow
def test_from_any_step_on_comes_the_rest_of_the_whole_sequence():
    whole = steps(unpaired_arrays(numbers(23), numbers(10), 4, 3), 0, 20)
    for begin in (1, 4, 5, 7, 13):
        rest = steps(unpaired_arrays(numbers(23), numbers(10), 4, 3), begin, 20 - begin)
        for one, other in zip(whole[begin:], rest, strict=True):
            np.testing.assert_array_equal(one, other)
    # Iterating yields the next epoch of the same sequence, mapped or not.
    pairs = unpaired_arrays(numbers(23), numbers(10), 4, 3)
    mapped = pairs.mapped(lambda x, y: (y, x))
    for dataset, turned in ((pairs, slice(None)), (mapped, slice(None, None, -1))):
        found = [*dataset.as_numpy_iterator(), *dataset.as_numpy_iterator()]
        for one, other in zip(whole[:10], found, strict=True):
            np.testing.assert_array_equal(one, other[turned])


def test_without_a_seed_the_orders_are_those_of_the_arrays():
    pairs = unpaired_arrays(numbers(8), numbers(8), 4, None)
    for x, y in pairs.as_numpy_iterator():
        np.testing.assert_array_equal(x, y)


def test_one_source_twice_makes_no_pairs():
    x, y = next(load_unpaired("digits", "digits", batch_size=64).as_numpy_iterator())
    same = (x.reshape(64, 1, -1) == y.reshape(1, 64, -1)).all(-1)
    assert not np.diag(same).any()
    (other,) = load("digits", batch_size=64, seed=0).take(1).as_numpy_iterator()
    np.testing.assert_array_equal(x, other)  # x is what `load` draws


def test_a_condition_makes_the_second_domain():
    options = {"split": HALVES, "batch_size": 8, "value_range": (0, 1), "shuffle": False}
    pairs = load_unpaired("digits", "digits", condition="edges", **options)
    _, outlines = next(pairs.as_numpy_iterator())
    (images,) = load("digits", "train[50%:]", 8, value_range=(0, 1), shuffle=False).take(1)
    np.testing.assert_array_equal(outlines, conditions.Edges()(images))
    assert isinstance(pairs.condition, conditions.Edges)
    assert pairs.value_range == (0, 1)
    assert pairs.loaded_from["split"], pairs.loaded_from["split_y"] == HALVES
    assert pairs.loaded_from["dataset_y"] == "digits"


@pytest.mark.slow
def test_the_fingerprint_is_that_of_both():
    digests = {
        load_unpaired("digits", "digits", split=split).data_fingerprint
        for split in (HALVES, HALVES[::-1], "train", (HALVES[0], "train"))
    }
    assert len(digests) == 4


def test_minibatches_of_k_updates_and_directories(tmp_path):
    folder(tmp_path / "photos", n=6, classes=())
    pairs = load_unpaired(
        tmp_path / "photos", "digits", batch_size=2, discriminator_steps=3, image_size=8, channels=3
    )
    x, y = next(pairs.as_numpy_iterator())
    assert x.shape == y.shape == (6, 8, 8, 3)
    assert int(pairs.cardinality()) == len(load("digits", batch_size=6))


@pytest.mark.slow
def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"`y`: expected images of as many channels .*\(8, 8, 1\)"):
        load_unpaired("digits", "digits", condition=Coloured())
    mixed = load_unpaired("digits", "digits", condition=Coloured(), mixed_channels=True)
    assert [spec.shape[-1] for spec in mixed.element_spec] == [1, 3]
    with pytest.raises(ValueError, match=r"`y`: expected images of one height and width.*\(2, 2"):
        load_unpaired("digits", "digits", condition="low_resolution")
    with pytest.raises(ValueError, match=r"`x` or `y`: expected two sources of images"):
        load_unpaired("ring", "grid")
    with pytest.raises(ValueError, match=r"`with_labels`: expected none"):
        load_unpaired("digits", "digits", with_labels=True)
    with pytest.raises(ValueError, match="lower `batch_size` to 719"):
        load_unpaired("digits", "digits", split=("train", "train[50%:]"), batch_size=1000)
    with pytest.raises(ValueError, match=r"`batch_size`: expected at most 3, the images in `y`"):
        unpaired_arrays(numbers(9), numbers(3), 4, 0)


@pytest.mark.parametrize("seed", [1.5, "a", 2**70, True, False])
def test_seeds_are_integers(seed):
    said = r"`seed`: expected an integer of 64 bits, received"
    with pytest.raises(ValueError, match=said):
        load_unpaired("digits", "digits", seed=seed)
    with pytest.raises(ValueError, match=said):
        unpaired_arrays(numbers(9), numbers(9), 4, seed)


@pytest.mark.parametrize("seed", [-(2**63), 2**63 - 1])
def test_seeds_of_all_64_bits_have_two_orders(seed):
    both = next(unpaired_arrays(numbers(50), numbers(50), 50, seed).as_numpy_iterator())
    assert not np.array_equal(*both)


@pytest.mark.parametrize("split", [("train", "test", "train"), ("train",), []])
def test_splits_are_one_or_two(split):
    with pytest.raises(ValueError, match=r"`split`: expected one split of both sources, or two"):
        load_unpaired("digits", "digits", split=split)


class Coloured(conditions.Condition):
    def __call__(self, images):
        return tf.repeat(images, 3, axis=-1)


def test_it_is_public():
    assert {"load_unpaired", "unpaired_arrays"} <= set(data.__all__)
