"""Layers whose work in a game differs from what users expect of them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kgan.penalties import Penalty
from kgan.training.condition import ConditionSpec
from kgan.training.keras_private import all_layers
from kgan.training.minibatches import network_inputs

__all__ = ["check_second_derivatives", "example_inputs", "has_known_call", "trial_call"]

_EXAMPLES = 8  # of a trial call


def has_known_call(layer: Any) -> bool:
    """Return whether a layer computes what Keras or kgan defined, and nothing of the user's own."""
    if isinstance(layer, keras.layers.Lambda):
        return False
    return type(layer).call.__module__.split(".")[0] in ("keras", "kgan")


def example_inputs(
    network: keras.Model, shape: Sequence[int], condition: ConditionSpec, packing: int = 1
) -> Any:
    """Return inputs for a trial call of a network: a few random examples, always the same.

    Args:
        network: what is to be called.
        shape: of one example.
        condition: of the examples.
        packing: the number of conditions that belong to one example.
    """
    examples = tf.random.stateless_uniform([_EXAMPLES, *shape], (0, 0), -1.0, 1.0)
    return network_inputs(network, examples, condition.examples(_EXAMPLES, packing))


def trial_call(
    name: str, network: keras.Model, inputs: Any, image_shape: Sequence[int] | None = None
) -> list[keras.Variable]:
    """Call a network once, and return the trained weights that its own layers assign to.

    Keras's `SpectralNormalization` does: it replaces its kernel by the normalized one. Nothing
    changes here. Networks of known layers are not called.

    Args:
        name: the network's argument.
        network: a built one.
        inputs: some of its inputs.
        image_shape: of one output of the generator.

    Raises:
        ValueError: the output has another batch size, shape or dtype than was said beforehand.
    """
    spectral = keras.layers.SpectralNormalization
    layers = all_layers(network)
    if all(has_known_call(layer) and not isinstance(layer, spectral) for layer in layers):
        return []
    weights = network.trainable_variables
    before = [weight.numpy() for weight in weights]
    with keras.StatelessScope() as scope:
        output = network(inputs, training=True)
    expected = [_EXAMPLES, *(output.shape[1:] if image_shape is None else image_shape)]
    if not output.dtype.is_floating or output.shape != expected:
        raise ValueError(
            f"Invalid value for argument `{name}`: expected floating point outputs of shape "
            f"{expected} for {_EXAMPLES} inputs, received {output.dtype.name} of shape "
            f"{output.shape}."
        )
    moved = []
    for weight, kept in zip(weights, before, strict=True):
        if scope.get_current_value(weight) is not None:
            moved.append(weight)
        elif not np.array_equal(weight.numpy(), kept):  # assigned to behind Keras's back
            weight.assign(kept)
            moved.append(weight)
    return moved


def check_second_derivatives(penalties: Sequence[Penalty], discriminator: keras.Model) -> None:
    """Warn of layers of Keras through which a gradient penalty has a wrong gradient."""
    if not penalties:
        return
    layers = keras.layers
    for layer in all_layers(discriminator):
        # A frozen layer uses its moving statistics, which are constants.
        if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable:
            # A subclass that computes for itself, as kgan's does, is another layer.
            wrong = type(layer).call is keras.layers.BatchNormalization.call
            instead = "kgan.layers.BatchNormalization"
        elif isinstance(layer, (layers.GroupNormalization, layers.LayerNormalization)):
            wrong = type(layer).call.__module__.startswith("keras.")
            instead = "kgan.layers.GroupNormalization (groups=1 for all channels together)"
        elif isinstance(layer, keras.layers.UpSampling2D):
            wrong = layer.interpolation == "bilinear"
            instead = "kgan.layers.double_bilinear"
        else:
            continue
        if wrong:
            warnings.warn(
                f"keras.layers.{_of_keras(layer)} in the discriminator has wrong second "
                f"derivatives, so the gradient of a penalty is wrong (layer {layer.name!r}). Use "
                f"{instead} instead.",
                stacklevel=4,
            )


def _of_keras(layer: keras.layers.Layer) -> str:
    """Return the name of the class of Keras that a layer is, or derives from."""
    return next(c.__name__ for c in type(layer).__mro__ if c.__module__.startswith("keras."))
