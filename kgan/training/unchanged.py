"""What one network's update leaves as it is: the other network's state."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import keras
import tensorflow as tf

__all__ = ["unchanged"]


@contextlib.contextmanager
def unchanged(network: keras.Model) -> Iterator[None]:
    """Restore the state of a network, all but its trained weights, when the block ends.

    An update moves one network. The other runs in training mode meanwhile, and its normalization
    statistics, random states and power iterations must not move.
    """
    # Trained weights move by the optimizer alone, so they need no copy.
    before = [(state, tf.identity(state)) for state in network.non_trainable_variables]
    yield
    for state, kept in before:
        state.assign(kept)
