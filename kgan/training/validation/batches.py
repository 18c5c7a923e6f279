"""The first batches of data, of whatever kind, without a change to what training will see."""

from __future__ import annotations

import contextlib
import itertools
import types
from collections.abc import Iterable, Iterator
from typing import Any

import keras
import tensorflow as tf

from kgan.training.keras_private import datasets_below, held_bytes

__all__ = ["FirstBatches"]

# A copy of the graph of a data set holds its tensors too, and takes 40 ms a megabyte.
_COPIED_BYTES = 2**24
# Neither is needed for a look at a few batches, and both cost more than the look.
_SKIPPED = ("ShuffleDataset", "CacheDataset", "PrefetchDataset")


class FirstBatches:
    """The first batches of a `tf.data.Dataset`, a `keras.utils.PyDataset` or a generator.

    Training sees the same data as without a look: those of a generator are put back, and a shuffled
    `tf.data.Dataset` keeps the orders of its epochs, unless it holds more than 16 MiB in memory.

    Args:
        data: the data.

    Attributes:
        data: the data to train on: a new generator, or `data` itself.
    """

    def __init__(self, data: Any):
        self.data = data

    def take(self, count: int) -> list[Any]:
        """Return at most `count` first batches."""
        if isinstance(self.data, types.GeneratorType):
            taken = list(itertools.islice(self.data, count))
            self.data = _chained(taken, self.data)
            return taken
        if isinstance(self.data, keras.utils.PyDataset):
            known = self.data.num_batches
            return [self.data[i] for i in range(count if known is None else min(count, known))]
        return _of_dataset(self.data, count)


def _chained(first: Iterable[Any], rest: Iterator[Any]) -> Iterator[Any]:
    # Keras tells a generator by its type, which `itertools.chain` does not have.
    yield from first
    yield from rest


def _of_dataset(dataset: tf.data.Dataset, count: int) -> list[Any]:
    below = datasets_below(dataset)
    seekable = [each for each in below if hasattr(each, "kept_position")]
    if not seekable and held_bytes(dataset) <= _COPIED_BYTES:
        # What has no graph of its own, such as a look-up table, cannot be copied.
        with contextlib.suppress(tf.errors.OpError, ValueError):
            return list(_unshuffled(dataset).take(count))
    with contextlib.ExitStack() as stack:
        for each in seekable:
            stack.enter_context(each.kept_position())
        return list(dataset.take(count))


def _unshuffled(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Return a copy of a data set in the order before any shuffle, with variables of its own.

    An iteration over a shuffled data set moves the seed of the next one, also from within a copy.
    """
    ignore_state = 1  # of `tf.raw_ops.DatasetToGraphV2`: copy the variables' present values
    variant = tf.data.experimental.to_variant(dataset)
    serialized = tf.raw_ops.DatasetToGraphV2(
        input_dataset=variant, external_state_policy=ignore_state
    )
    graph = tf.compat.v1.GraphDef.FromString(serialized.numpy())
    inputs = {node.name: node.input[0] for node in graph.node if node.op.startswith(_SKIPPED)}
    for node in graph.node:
        for i, name in enumerate(node.input):
            while name in inputs:
                name = inputs[name]
            node.input[i] = name
    copy = tf.raw_ops.DatasetFromGraph(graph_def=graph.SerializeToString())
    return tf.data.experimental.from_variant(copy, dataset.element_spec)
