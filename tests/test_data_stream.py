"""The order of data: a pure function of (seed, step), wherever one begins."""

import contextlib
import pathlib

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from kgan import data
from kgan.data import loaders
from kgan.data.stream import SeekableDataset, memory_epoch, streamed_epoch

N, ROWS = 23, 4  # 5 batches, and 3 rows left over
STEPS = N // ROWS


def sequence(kind, seed, n=N, rows=ROWS, buffer=64):
    """Batches of the numbers 0 to n - 1."""
    if kind == "memory":
        epoch = memory_epoch(n, rows, seed)
    else:
        epoch = streamed_epoch(tf.data.Dataset.range(n), rows, seed, buffer, n // rows)
    return SeekableDataset(epoch, n // rows, tf.identity, "numbers")


def batches(images, begin, count):
    """The batches from step `begin` on."""
    from_position = images.from_position(images.steps)
    images.seek(begin, count)
    return np.array(list(from_position.as_numpy_iterator()))


@pytest.fixture(params=["memory", "streamed"])
def kind(request):
    return request.param


def test_from_any_step_on_comes_the_rest_of_the_whole_sequence(kind):
    whole = batches(sequence(kind, seed=3), 0, 4 * STEPS)
    assert whole.shape == (4 * STEPS, ROWS)
    for begin in (1, 4, 5, 7, 10, 19):
        rest = batches(sequence(kind, seed=3), begin, 4 * STEPS - begin)
        np.testing.assert_array_equal(rest, whole[begin:])


def test_the_order_is_that_of_earlier_versions(kind):
    """Whose runs go on as if they had never stopped."""
    expected = {
        "memory": [[11, 10, 8, 9], [3, 2, 6, 5], [1, 0, 7, 4]],
        "streamed": [[3, 0, 7, 4], [1, 5, 9, 6], [11, 10, 8, 2]],
    }
    second = batches(sequence(kind, seed=3, n=12, buffer=6), 3, 3)
    np.testing.assert_array_equal(second, expected[kind])


def test_far_steps_are_reached_at_once():
    """To iterate over 10**9 epochs would take days."""
    far = 10**9 * STEPS + 2
    np.testing.assert_array_equal(
        batches(sequence("memory", seed=3), far, 4)[1:],
        batches(sequence("memory", seed=3), far + 1, 3),
    )


def test_every_epoch_is_a_permutation_of_its_own(kind):
    epochs = batches(sequence(kind, seed=0, rows=1), 0, 20 * N).reshape(20, N)
    np.testing.assert_array_equal(np.sort(epochs), np.tile(np.arange(N), (20, 1)))
    assert len(np.unique(epochs, axis=0)) == 20


def test_no_seed_keeps_the_order(kind):
    expected = np.arange(STEPS * ROWS).reshape(STEPS, ROWS)
    np.testing.assert_array_equal(
        batches(sequence(kind, None), 0, 2 * STEPS), [*expected, *expected]
    )


def test_seeds_decide_and_differ(kind):
    orders = {
        seed: batches(sequence(kind, seed, rows=1), 0, N).tobytes()
        for seed in (0, 1, -1, 2**40, 2**63 - 1)
    }
    assert len(set(orders.values())) == len(orders)


def test_nothing_else_decides(kind):
    """Neither the process's seeds, nor what was drawn before, nor another iteration."""
    first = batches(sequence(kind, seed=1), 3, 7)
    keras.utils.set_random_seed(99)  # of Python, NumPy and TensorFlow
    tf.random.uniform([5])
    again = sequence(kind, seed=1)
    iter(again.from_position(STEPS))
    np.testing.assert_array_equal(batches(again, 3, 7), first)
    np.testing.assert_array_equal(batches(again, 3, 7), first)


def test_without_a_seed_of_the_graph_the_process_would_decide(monkeypatch):
    """`shuffle` takes part of its seed from TensorFlow's global one: what the code above undoes."""

    class Graph:
        seed = None

    def order(global_seed):
        tf.random.set_seed(global_seed)
        return batches(sequence("streamed", seed=1), 0, STEPS)

    np.testing.assert_array_equal(order(1), order(2))
    monkeypatch.setattr(tf.compat.v1, "get_default_graph", Graph)
    assert not np.array_equal(order(1), order(2))


def test_an_iteration_under_way_is_not_moved(kind):
    moved = sequence(kind, seed=2)
    iterator = moved.from_position(STEPS).as_numpy_iterator()
    moved.seek(0, STEPS)
    begun = [next(iterator)]
    moved.seek(3, 1)
    begun += list(iterator)
    np.testing.assert_array_equal(begun, batches(sequence(kind, seed=2), 0, STEPS))


def test_iterations_in_a_kept_position_do_not_count(kind):
    numbers = sequence(kind, seed=2)
    epochs = batches(sequence(kind, seed=2), 0, 2 * STEPS).reshape(2, STEPS, ROWS)
    with numbers.kept_position():
        for _ in range(2):
            assert len(list(numbers)) == STEPS
    with contextlib.suppress(KeyError), numbers.kept_position():
        raise KeyError(*numbers)
    for epoch in epochs:
        np.testing.assert_array_equal(list(numbers.as_numpy_iterator()), epoch)


def test_what_is_mapped_can_seek_and_is_of_the_same_data(kind):
    numbers = sequence(kind, seed=2)
    numbers.value_range, numbers.skipped, numbers.loaded_from = (0, 1), 3, {"split": "test"}
    negative = numbers.mapped(tf.negative).mapped(lambda x: (x, x + 1))
    images, others = np.moveaxis(batches(negative, 7, 4), 1, 0)
    np.testing.assert_array_equal(images, -batches(sequence(kind, seed=2), 7, 4))
    np.testing.assert_array_equal(others, images + 1)
    for name in ("data_fingerprint", "steps", "value_range", "skipped", "loaded_from"):
        assert getattr(negative, name) == getattr(numbers, name) is not None


def test_pairs_are_of_the_sequences_of_both(kind):
    """The second has two batches an epoch, so that its epochs begin within those of the pairs."""
    both = [sequence(kind, seed=2), sequence(kind, seed=5, n=9)]
    pairs = both[0].beside(both[1])
    assert pairs.steps == both[1].beside(both[0]).steps == STEPS
    for begin in (0, 7):
        found = np.moveaxis(batches(pairs, begin, 6), 1, 0)
        for one, own in zip(found, both, strict=True):
            np.testing.assert_array_equal(one, batches(own, begin, 6))
    both[1].data_fingerprint = "others"
    digests = {one.beside(other).data_fingerprint for one in both for other in both}
    assert len(digests) == 4, "of both, in their order"


def test_a_run_records_what_the_numbers_of_the_classes_do_not_say():
    numbers = sequence("memory", seed=2)
    numbers.class_names = ("0", "1")
    assert numbers.record == {"fingerprint": "numbers"}
    numbers.class_names, numbers.skipped = ("1", "0"), 0
    assert numbers.record == {"fingerprint": "numbers", "class_names": ["1", "0"], "skipped": 0}


def test_the_shuffle_is_uniform():
    """Each row comes to each place equally often, and neighbours do not stay together.

    600 epochs of 6 rows put each of the 36 pairs (row, place) 100 times, and each of the 30
    ordered pairs of neighbours 100 times. The statistics have 25 and nearly 29 degrees of freedom.
    """
    n, epochs = 6, 600
    orders = batches(sequence("memory", seed=0, n=n, rows=1), 0, epochs * n).reshape(epochs, n)
    places = np.array([np.bincount(orders[:, place], minlength=n) for place in range(n)])
    follow = np.zeros((n, n), int)
    np.add.at(follow, (orders[:, :-1], orders[:, 1:]), 1)
    of_places = np.sum((places - epochs / n) ** 2) / (epochs / n)
    of_pairs = np.sum((follow[~np.eye(n, dtype=bool)] - 100) ** 2) / 100
    # Both tails: too even would be as suspicious. 1e-4 each; the seed is fixed.
    for statistic, freedom in ((of_places, (n - 1) ** 2), (of_pairs, n * (n - 1) - 1)):
        low, high = scipy.stats.chi2.ppf([1e-4, 1 - 1e-4], freedom)
        assert low < statistic < high


# As `kgan.data.load` uses it


@pytest.fixture(params=["memory", "streamed"])
def digits(request, monkeypatch, tmp_path_factory):
    directory = tmp_path_factory.getbasetemp() / "stream_data"
    if request.param == "streamed":
        monkeypatch.setattr(loaders, "_MEMORY_BYTES", 0)
    return lambda **options: data.load("digits", batch_size=200, data_dir=directory, **options)


@pytest.mark.slow
def test_loaded_images_can_seek(digits):
    whole = batches(digits(seed=5), 0, 21)
    assert whole.shape == (21, 200, 8, 8, 1)
    for begin in (1, 6, 7, 20):
        np.testing.assert_array_equal(batches(digits(seed=5), begin, 21 - begin), whole[begin:])
    assert not np.array_equal(batches(digits(seed=6), 0, 1), whole[:1])


@pytest.mark.slow
def test_iterations_are_the_epochs_of_the_sequence(digits):
    images = digits(seed=5)
    passes = np.concatenate([list(images.as_numpy_iterator()) for _ in range(3)])
    np.testing.assert_array_equal(passes, batches(digits(seed=5), 0, 21))


def test_fingerprints_of_different_data_differ(digits):
    first = digits().data_fingerprint
    assert first == digits(seed=3, shuffle=False).data_fingerprint
    others = {digits(split=split).data_fingerprint for split in ("test", "train[:1400]")}
    assert len({first, *others}) == 3


def test_derived_data_cannot_seek():
    points = data.load("ring", "test", batch_size=100)
    assert hasattr(points, "seek")
    for derived in (points.take(3), points.map(tf.negative), points.prefetch(1)):
        assert not hasattr(derived, "seek")


def test_it_is_a_dataset_of_tensorflow():
    points = data.load("ring", "test", batch_size=100)
    rest = points.from_position(steps_per_epoch=7)
    points.seek(begin=98, count=4)
    for dataset, length in ((points, 100), (rest, 7)):
        assert isinstance(dataset, tf.data.Dataset)
        assert dataset.element_spec == tf.TensorSpec([100, 2], tf.float32)
        assert len(dataset) == int(dataset.cardinality()) == length
    assert len(list(rest)) == 4, "an iteration may be shorter than reported"
    assert len(list(rest.take(2))) == len(list(points.map(tf.negative).take(2))) == 2


def test_no_thread_of_autotuning_keeps_an_iterator_from_being_thrown_away():
    points = data.load("gaussian", batch_size=10)
    for dataset in (points, points.from_position(3)):
        assert dataset.options().autotune.enabled is False


def test_the_shuffle_buffer_is_what_the_page_says():
    page = pathlib.Path(__file__).parent.parent / "docs" / "performance.md"
    assert f"{loaders.SHUFFLE_BYTES // 2**20} MiB shuffle buffer" in page.read_text()
