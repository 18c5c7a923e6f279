"""Whether a discriminator returns logits: numbers without bounds, before any sigmoid."""

from __future__ import annotations

import math
import warnings
from typing import Any

import keras
import tensorflow as tf

from kgan.training.keras_private import origin
from kgan.training.validation.layers import has_known_call

__all__ = ["check_logits", "last_activation"]

# Activations that bound their output: what follows them is no logit.
_BOUNDED = {"sigmoid", "hardsigmoid", "sparsesigmoid", "softmax", "sparsemax"} | {
    "logsigmoid",
    "logsoftmax",
}
# Layers and operations that move, select or average values, and bound nothing themselves.
_TRANSPARENT = {"Flatten", "Reshape", "Squeeze", "ExpandDims", "Cast", "Identity", "Permute"} | {
    *("GetItem", "Dropout", "SpatialDropout2D", "Mean", "AveragePooling2D"),
    *("GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalMaxPooling2D"),
}
_DRAWS = 4  # of all weights


def check_logits(discriminator: keras.Model, inputs: Any) -> None:
    """Check that a built discriminator returns logits, as all losses expect.

    Where the last activation cannot be seen, the discriminator is called with drawn weights: its
    output must leave [0, 1] for some of them. No variable changes.

    Args:
        discriminator: a built one.
        inputs: some of its inputs.

    Raises:
        ValueError: its last activation is a sigmoid, a softmax or their like.
    """
    last = last_activation(discriminator)
    if last is not None and _plain(last) in _BOUNDED:
        raise ValueError(
            "Invalid value for argument `discriminator`: expected logits, to which every loss "
            f"applies the sigmoid itself, received the output of a {last}. Leave out the last "
            "activation."
        )
    ours = type(discriminator).__module__.startswith("kgan.")
    if last is None and not ours and _stays_within_one(discriminator, inputs):
        warnings.warn(
            "The discriminator's logits never leave [0, 1], whatever its weights are. Every loss "
            "applies the sigmoid itself, so D(x) stays between 0.5 and 0.73 and cannot tell data "
            "from samples. Leave out the discriminator's last activation.",
            stacklevel=4,
        )


def last_activation(network: keras.layers.Layer) -> str | None:
    """Return the name of a network's last activation, such as "sigmoid"; None if it is unseen."""
    if isinstance(network, keras.Sequential):
        for layer in reversed(network.layers):
            found = _activation(layer)
            if found is not None or not _transparent(layer):
                return found
        return None
    outputs = getattr(network, "outputs", None)  # of a functional model
    if not outputs or not has_known_call(network):
        return None
    inputs = [outputs[0]]
    while len(inputs) == 1 and hasattr(inputs[0], "shape"):
        operation, inputs = origin(inputs[0])
        found = _activation(operation)
        if found is not None or not _transparent(operation):
            return found
    return None


def _activation(operation: Any) -> str | None:
    """Return the activation that an operation ends with; None if it has none or hides it."""
    if isinstance(operation, keras.Model):
        return last_activation(operation)
    if isinstance(operation, keras.layers.Wrapper):
        return _activation(operation.layer)
    name = type(operation).__name__
    if _plain(name) in _BOUNDED:
        return name
    # A layer of the user's own may keep an activation for another use.
    activation = getattr(operation, "activation", None) if has_known_call(operation) else None
    if activation is None or _transparent(operation):
        return None
    return getattr(activation, "__name__", type(activation).__name__)


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def _transparent(operation: Any) -> bool:
    if isinstance(operation, keras.Sequential):
        return all(map(_transparent, operation.layers))
    if isinstance(operation, keras.layers.Activation):  # with a dtype of its own, often
        return operation.activation is keras.activations.linear
    return type(operation).__name__ in _TRANSPARENT


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
