"""Batches in an order that is a pure function of (seed, step), so that any step can come first."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import TypeAlias

import keras
import tensorflow as tf

from kgan.conditions import Condition
from kgan.data.untuned import untuned
from kgan.training.keras_private import WrappedDataset
from kgan.utils.digests import digest
from kgan.utils.explained import Explain
from kgan.utils.types import JsonDict

__all__ = ["Epoch", "Finish", "SeekableDataset", "memory_epoch", "streamed_epoch"]

# Returns the batches of one epoch: (number of the epoch, batches to skip) -> data set.
Epoch: TypeAlias = Callable[[tf.Tensor, tf.Tensor], tf.data.Dataset]
# Maps the components of a batch to what the data set yields: images, or images and labels.
Finish: TypeAlias = Callable[..., "tf.Tensor | tuple[tf.Tensor, tf.Tensor]"]


class SeekableDataset(WrappedDataset):
    """A `tf.data.Dataset` of one epoch that can also start at any step of an endless sequence.

    The sequence is epoch 0, epoch 1, ..., each in an order that follows from its number alone.
    Iterating over the data set yields the next epoch of the sequence. To start elsewhere, call
    `seek` and iterate over `from_position`; `kgan.GAN.fit` does so to resume a training. A data set
    derived by `map`, `take` or another method of `tf.data.Dataset` cannot seek.

    Args:
        epoch: returns the batches of one epoch, without those to skip.
        steps: batches in an epoch.
        finish: the last function applied to each batch, in parallel. It takes the components of a
            batch as its arguments.
        data_fingerprint: a digest of the data, for comparing data sets.
        explain: returns the error to raise instead of one of TensorFlow about the data, or None.
        data_features: names of the features that are the images and the labels: `image`, `label`.
        in_memory: whether the functions hold all data. TensorFlow's optimization of the pipeline
            would copy these at every iteration.

    Attributes:
        steps: batches in an epoch.
        explain: as given; None where the data are in memory.
        class_names: names of the classes of the labels, in their order; empty without labels.
        loaded_from: the arguments of `kgan.data.load` that decide which images these are, as the
            options of a run; None where they are not of a name or a directory.
        skipped: unreadable pictures that were left out; None where none may be.
        condition: how the conditions that the images come with are made; None without any.
        data_features: as given.
        data_fingerprint: as given. `tf.data.Dataset.fingerprint` is another: TensorFlow's, of the
            graph.
        value_range: `(low, high)`, the pixel value range of the images; None for points.

    Example:
        ```python
        images = kgan.data.load("digits", batch_size=100)  # 14 batches an epoch
        rest = images.from_position(steps_per_epoch=14)
        images.seek(begin=150, count=14)
        for batch in rest:  # batches 150 to 163 of the sequence
            ...
        ```
    """

    # TensorFlow would rewrite each function below, which takes longer than to trace it.
    @tf.autograph.experimental.do_not_convert
    def __init__(
        self,
        epoch: Epoch,
        steps: int,
        finish: Finish,
        data_fingerprint: str,
        explain: Explain | None = None,
        data_features: Mapping[str, str] = MappingProxyType({}),
        in_memory: bool = False,
    ):
        self.steps = steps
        self.data_fingerprint = data_fingerprint
        self.explain = explain
        self.data_features = dict(data_features)
        self.value_range: tuple[float, float] | None = None
        self.class_names: tuple[str, ...] = ()
        self.skipped: int | None = None
        self.loaded_from: JsonDict | None = None
        self.condition: Condition | None = None
        self._in_memory = in_memory
        self._pipeline_options = untuned()
        if in_memory:
            self._pipeline_options.experimental_optimization.apply_default_optimizations = False
        self._epoch = epoch
        self._finish = finish
        with tf.device("CPU"):  # where tf.data runs
            self._next_epoch = tf.Variable(0, dtype=tf.int64, trainable=False)
            self._begin = tf.Variable(0, dtype=tf.int64, trainable=False)
            self._count = tf.Variable(steps, dtype=tf.int64, trainable=False)
        number = tf.data.Dataset.from_tensors(0).map(lambda _: self._next_epoch.assign_add(1) - 1)
        batches = number.flat_map(lambda number: epoch(number, tf.constant(0, tf.int64)))
        batches = batches.apply(tf.data.experimental.assert_cardinality(steps))
        super().__init__(self._finished(batches))

    @property
    def record(self) -> JsonDict:
        """What a run records of the data: digest, features, names of classes, skipped pictures."""
        names = list(self.class_names)
        record: JsonDict = {"fingerprint": self.data_fingerprint, **self.data_features}
        if names != [str(number) for number in range(len(names))]:
            record["class_names"] = names
        if self.skipped is not None:
            record["skipped"] = self.skipped
        return record

    @property
    def condition_record(self) -> JsonDict:
        """What a run records of how its conditions are made: `condition`, or nothing."""
        if self.condition is None:
            return {}
        return {"condition": keras.saving.serialize_keras_object(self.condition)}

    def mapped(self, finish: Finish) -> SeekableDataset:
        """Return the data set that yields what `finish` makes of each batch, and can seek too."""
        found = SeekableDataset(
            self._epoch,
            self.steps,
            lambda *components: finish(*_components(self._finish(*components))),
            self.data_fingerprint,
            self.explain,
            self.data_features,
            self._in_memory,
        )
        for name in ("value_range", "skipped", "loaded_from", "condition"):
            setattr(found, name, getattr(self, name))
        return found

    def conditioned(
        self,
        condition: Condition,
        finish: Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]],
    ) -> SeekableDataset:
        """Return the same batches of images, with their conditions.

        Args:
            condition: how they are made.
            finish: maps a batch of images to pairs of images and conditions.
        """
        found = self.mapped(finish)
        found.condition = condition
        return found

    def beside(self, other: SeekableDataset) -> SeekableDataset:
        """Return the data set of pairs of a batch of this one and one of another.

        Each goes through its own sequence of epochs. An epoch of pairs has the batches of the one
        that has more.
        """
        steps = max(self.steps, other.steps)
        explains = [each.explain for each in (self, other) if each.explain is not None]

        def epoch(number: tf.Tensor, skipped: tf.Tensor) -> tf.data.Dataset:
            both = [each.sequence(number * steps + skipped) for each in (self, other)]
            return tf.data.Dataset.zip(tuple(both)).take(steps - skipped)

        return SeekableDataset(
            epoch,
            steps,
            lambda *pair: pair,
            digest([self.data_fingerprint, other.data_fingerprint]),
            lambda error: next(filter(None, (each(error) for each in explains)), None),
            in_memory=self._in_memory and other._in_memory,
        )

    @tf.autograph.experimental.do_not_convert
    def sequence(self, begin: tf.Tensor) -> tf.data.Dataset:
        """Return the endless sequence of batches from a step on, for use within a pipeline."""
        return self._batches(begin).map(self._finish, num_parallel_calls=tf.data.AUTOTUNE)

    def seek(self, begin: int, count: int) -> None:
        """Select the batches that the next iteration over `from_position` yields.

        An iteration under way is not affected.

        Args:
            begin: step of the first batch, from 0.
            count: number of batches.
        """
        self._begin.assign(begin)
        self._count.assign(count)

    @contextlib.contextmanager
    def kept_position(self) -> Iterator[None]:
        """Within this context, iterations do not count: the next one yields the same epoch."""
        number = self._next_epoch.numpy()
        try:
            yield
        finally:
            self._next_epoch.assign(number)

    @tf.autograph.experimental.do_not_convert
    def from_position(self, steps_per_epoch: int) -> tf.data.Dataset:
        """Return a data set each of whose iterations yields the batches last selected by `seek`.

        Args:
            steps_per_epoch: the cardinality to report. An iteration may be shorter, for instance
                the rest of an epoch that an earlier training began.
        """

        def batches_of(begin: tf.Tensor, count: tf.Tensor) -> tf.data.Dataset:
            return self._batches(begin).take(count)

        position = tf.data.Dataset.from_tensors(0).map(
            lambda _: (self._begin.read_value(), self._count.read_value())
        )
        return _FixedCardinality(self._finished(position.flat_map(batches_of)), steps_per_epoch)

    def _batches(self, begin: tf.Tensor) -> tf.data.Dataset:
        first, skipped = begin // self.steps, begin % self.steps
        numbers = tf.data.Dataset.range(first, tf.int64.max)
        return numbers.flat_map(
            lambda number: self._epoch(number, tf.where(number == first, skipped, 0))
        )

    def _finished(self, batches: tf.data.Dataset) -> tf.data.Dataset:
        finished = batches.map(self._finish, num_parallel_calls=tf.data.AUTOTUNE)
        return finished.prefetch(tf.data.AUTOTUNE).with_options(self._pipeline_options)


def _components(batch: tf.Tensor | tuple[tf.Tensor, ...]) -> tuple[tf.Tensor, ...]:
    return batch if isinstance(batch, tuple) else (batch,)


class _FixedCardinality(WrappedDataset):
    """A data set that reports a given cardinality.

    `tf.data.experimental.assert_cardinality` fails where an iteration is shorter than reported.
    """

    def __init__(self, dataset: tf.data.Dataset, cardinality: int):
        super().__init__(dataset)
        self._reported = cardinality

    def cardinality(self) -> tf.Tensor:
        return tf.constant(self._reported, tf.int64)


def memory_epoch(n: int, rows: int, seed: int | None) -> Epoch:
    """Return epochs over a table in memory, as batches `[rows]` of its row numbers.

    A permutation of 60,000 rows takes 5 ms, whatever the epoch, so seeking is quick.

    Args:
        n: rows of the table.
        rows: rows of a batch; the last `n % rows` of an epoch are dropped.
        seed: seed of the orders; None keeps the order of the table.
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
    """Return epochs over examples that are read from disk through a shuffle buffer.

    Seeking reads the epoch from its start up to the step.

    Args:
        examples: the examples in the order of their files.
        rows: rows of a batch.
        seed: seed of the orders; None keeps the order of the files.
        buffer: examples in the shuffle buffer.
        steps: batches in an epoch.
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
