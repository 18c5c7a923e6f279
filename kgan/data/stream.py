"""Batches whose order is a pure function of (seed, step), so that any step can be gone to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

__all__ = ["Stream", "memory_epoch", "streamed_epoch"]

# Gives the batches of one epoch: (number of the epoch, batches to leave out) -> data set.
Epoch = Callable[[tf.Tensor, tf.Tensor], tf.data.Dataset]


class Stream:
    """An endless sequence of epochs, each a pass over the data in an order of its own.

    Args:
        epoch: gives the batches of one epoch, from any of them on.
        steps: batches in an epoch.
        finish: what is done to a batch, or to the parts of a pair, last and in parallel.
        fingerprint: a short text that other data would not have.
    """

    def __init__(
        self,
        epoch: Epoch,
        steps: int,
        finish: Callable[..., Any],
        fingerprint: str,
    ):
        self.fingerprint = fingerprint
        self._epoch = epoch
        self._steps = steps
        self._finish = finish
        with tf.device("CPU"):  # where tf.data runs
            self._passes = tf.Variable(0, dtype=tf.int64, trainable=False)
            self._begin = tf.Variable(0, dtype=tf.int64, trainable=False)
            self._count = tf.Variable(steps, dtype=tf.int64, trainable=False)

    def epochs(self) -> tf.data.Dataset:
        """One epoch at each iteration: at the first the first, and so on."""
        number = tf.data.Dataset.from_tensors(0).map(lambda _: self._passes.assign_add(1) - 1)
        batches = number.flat_map(lambda number: self._epoch(number, tf.constant(0, tf.int64)))
        return self._finished(batches.apply(tf.data.experimental.assert_cardinality(self._steps)))

    def sought(self, steps: int) -> tf.data.Dataset:
        """The steps that `seek` named last when the iteration begins.

        Args:
            steps: how many these are as a rule: the cardinality that Keras is told.
        """

        def batches_of(begin: tf.Tensor, count: tf.Tensor) -> tf.data.Dataset:
            first, skipped = begin // self._steps, begin % self._steps
            numbers = tf.data.Dataset.range(first, tf.int64.max)
            batches = numbers.flat_map(
                lambda number: self._epoch(number, tf.where(number == first, skipped, 0))
            )
            return batches.take(count)

        place = tf.data.Dataset.from_tensors(0).map(
            lambda _: (self._begin.read_value(), self._count.read_value())
        )
        dataset = self._finished(place.flat_map(batches_of))
        # tf.data would check an asserted cardinality, but an epoch that was begun before is short.
        dataset.cardinality = lambda: tf.constant(steps, tf.int64)
        return dataset

    def seek(self, begin: int, count: int) -> None:
        """Makes the next iteration of `sought` give the steps `begin` to `begin + count - 1`."""
        self._begin.assign(begin)
        self._count.assign(count)

    def _finished(self, batches: tf.data.Dataset) -> tf.data.Dataset:
        return batches.map(self._finish, num_parallel_calls=tf.data.AUTOTUNE).prefetch(
            tf.data.AUTOTUNE
        )


def memory_epoch(n: int, rows: int, seed: int | None) -> Epoch:
    """Epochs over a table in memory, as batches `[rows]` of its row numbers; None keeps its order.

    A permutation costs 5 ms for 60,000 rows, whatever the epoch, so going to a step is quick.
    """
    steps = n // rows

    def epoch(number: tf.Tensor, skipped: tf.Tensor) -> tf.data.Dataset:
        order = tf.range(n, dtype=tf.int64)
        if seed is not None:
            order = tf.random.experimental.stateless_shuffle(
                order, seed=tf.stack([tf.constant(seed, tf.int64), number]), alg="philox"
            )
        batches = tf.reshape(order[: steps * rows], [steps, rows])
        return tf.data.Dataset.from_tensor_slices(batches[skipped:])

    return epoch


def streamed_epoch(
    examples: tf.data.Dataset, rows: int, seed: int | None, buffer: int, steps: int
) -> Epoch:
    """Epochs over examples read from disk through a shuffle buffer; None keeps their order.

    Going to a step reads the epoch up to there.
    """

    def epoch(number: tf.Tensor, skipped: tf.Tensor) -> tf.data.Dataset:
        shuffled = examples
        if seed is not None:
            words = tf.stack([tf.constant(seed, tf.int64), number])
            own = tf.random.stateless_uniform([], words, None, None, tf.int64, alg="philox")
            # `shuffle` would mix in the seed of `tf.random.set_seed`, which must not matter here.
            tf.compat.v1.get_default_graph().seed = 1
            shuffled = examples.shuffle(buffer, seed=own, reshuffle_each_iteration=False)
        return shuffled.batch(rows, drop_remainder=True).take(steps).skip(skipped)

    return epoch
