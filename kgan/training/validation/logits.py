"""Whether a discriminator returns logits: numbers without bounds, before any sigmoid."""

from __future__ import annotations

import math
import warnings
from typing import Any

import keras
import tensorflow as tf

from kgan.training.validation.activations import BOUNDS, last_activation

__all__ = ["check_logits"]

_DRAWS = 4  # of all weights


def check_logits(discriminator: keras.Model, inputs: Any) -> None:
    """Check that a built discriminator returns logits, as all losses expect.

    Where the last activation cannot be seen, the discriminator is called with drawn weights: its
    output must leave [0, 1] for some of them. No variable changes.

    Args:
        discriminator: a built one.
        inputs: some of its inputs.

    Raises:
        ValueError: its last activation has values of one sign alone: a sigmoid, a softmax, a ReLU.
    """
    last = last_activation(discriminator)
    low, high = BOUNDS.get(last or "", (-math.inf, math.inf))
    if low >= 0 or high <= 0:
        raise ValueError(
            "Invalid value for argument `discriminator`: expected logits of either sign, to which "
            f"every loss applies the sigmoid itself, received the output of a {last}. Leave out "
            "the last activation."
        )
    ours = type(discriminator).__module__.startswith("kgan.")
    if last is None and not ours and _stays_within_one(discriminator, inputs):
        warnings.warn(
            "The discriminator's logits never leave [0, 1], whatever its weights are. Every loss "
            "applies the sigmoid itself, so D(x) stays between 0.5 and 0.73 and cannot tell data "
            "from samples. Leave out the discriminator's last activation.",
            stacklevel=4,
        )


def _stays_within_one(discriminator: keras.Model, inputs: Any) -> bool:
    """Return whether all logits are in [0, 1] for several draws of all trained weights."""
    weights = discriminator.trainable_variables
    if not weights:
        return False
    for draw in range(_DRAWS):
        drawn = [(w, _drawn(w, (draw, i))) for i, w in enumerate(weights)]
        try:
            with keras.StatelessScope(drawn):
                logits = tf.cast(discriminator(inputs, training=False), tf.float32)
        except tf.errors.OpError:  # such as the inverse of a matrix that has none
            return False
        if not tf.reduce_all((logits >= 0) & (logits <= 1)):
            return False
    return True


def _drawn(weight: keras.Variable, seed: tuple[int, int]) -> tf.Tensor:
    """Return normal values for a weight: large enough for logits far from zero."""
    scale = 3.0 / math.sqrt(math.prod(weight.shape[:-1]))
    values = scale * tf.random.stateless_normal(weight.shape, seed)
    return tf.cast(values, weight.dtype)
