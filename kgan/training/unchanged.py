"""What one network's update leaves as it is: the other network's state."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator

import keras
import tensorflow as tf

__all__ = ["unchanged"]


@contextlib.contextmanager
def unchanged(network: keras.Model, overwritten: Collection[int] = ()) -> Iterator[None]:
    """Restore the state of a network when the block ends.

    An update moves one network. The other runs in training mode meanwhile, and its normalization
    statistics, random states and power iterations must not move.

    Args:
        network: the one that stands still.
        overwritten: ids of trained weights that the network's own layers assign to when called.
    """
    # Other trained weights move by the optimizer alone, so they need no copy.
    states = [*network.non_trainable_variables]
    states += [weight for weight in network.trainable_variables if id(weight) in overwritten]
    before = [(state, tf.identity(state)) for state in states]
    yield
    for state, kept in before:
        state.assign(kept)
