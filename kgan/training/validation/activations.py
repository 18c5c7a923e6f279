"""The last activation of a network, where it can be seen, and the bounds of its values."""

from __future__ import annotations

import math
from typing import Any

import keras

from kgan.training.keras_private import origin
from kgan.training.validation.layers import has_known_call

__all__ = ["BOUNDS", "last_activation", "output_bounds"]

# By the names of Keras's functions.
BOUNDS = {
    "linear": (-math.inf, math.inf),
    "leaky_relu": (-math.inf, math.inf),
    "relu": (0.0, math.inf),
    "relu6": (0.0, 6.0),
    "softplus": (0.0, math.inf),
    "exponential": (0.0, math.inf),
    "sigmoid": (0.0, 1.0),
    "hard_sigmoid": (0.0, 1.0),
    "sparse_sigmoid": (0.0, 1.0),
    "softmax": (0.0, 1.0),
    "sparsemax": (0.0, 1.0),
    "log_sigmoid": (-math.inf, 0.0),
    "log_softmax": (-math.inf, 0.0),
    "tanh": (-1.0, 1.0),
    "hard_tanh": (-1.0, 1.0),
    "softsign": (-1.0, 1.0),
}
_NAMES = {name.replace("_", ""): name for name in BOUNDS}
# Layers and operations that move, select, average or drop values. They keep the bounds.
_TRANSPARENT = {"Flatten", "Reshape", "Squeeze", "ExpandDims", "Cast", "Identity", "Permute"} | {
    *("GetItem", "Dropout", "SpatialDropout2D", "GaussianNoise", "Mean", "AveragePooling2D"),
    *("GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalMaxPooling2D"),
    *("UpSampling1D", "UpSampling2D", "UpSampling3D", "Cropping1D", "Cropping2D", "Cropping3D"),
}


def output_bounds(network: keras.layers.Layer) -> tuple[str, float, float] | None:
    """Return the last activation and the least and greatest value that it has, if known."""
    name = last_activation(network)
    return (name, *BOUNDS[name]) if name in BOUNDS else None


def last_activation(network: keras.layers.Layer) -> str | None:
    """Return a network's last activation, such as "sigmoid" or "leaky_relu"; None if it is unseen.

    A sequential or functional network shows its layers and operations; a subclass does not.
    """
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
    # A layer of the user's own may have any name, and keep an activation for another use. A ReLU
    # layer may have another greatest value.
    if not has_known_call(operation) or isinstance(operation, keras.layers.ReLU):
        return None
    name = _function_name(type(operation).__name__)
    if name in BOUNDS:
        return name
    activation = getattr(operation, "activation", None)
    if activation is None or _transparent(operation):
        return None
    return _function_name(getattr(activation, "__name__", type(activation).__name__))


def _transparent(operation: Any) -> bool:
    if isinstance(operation, keras.Sequential):
        return all(map(_transparent, operation.layers))
    if isinstance(operation, keras.layers.Activation):  # with a dtype of its own, often
        return operation.activation is keras.activations.linear
    return type(operation).__name__ in _TRANSPARENT


def _function_name(name: str) -> str:
    """Return the name of Keras's function for that of a layer, an operation or a function."""
    plain = name.replace("_", "").lower()
    return _NAMES.get(plain, plain)
