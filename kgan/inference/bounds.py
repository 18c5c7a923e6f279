"""Whether a generator's images keep to the pixel value range that they are exported in."""

from __future__ import annotations

import math
import warnings

import keras
import numpy as np

__all__ = ["check_output", "check_samples"]

_VISIBLE = 1 / 512  # half a step of 8-bit pixels, of images in [0, 1]

_BOUNDS = {
    "linear": (-math.inf, math.inf),
    "leaky_relu": (-math.inf, math.inf),
    "relu": (0.0, math.inf),
    "relu6": (0.0, 6.0),
    "softplus": (0.0, math.inf),
    "exponential": (0.0, math.inf),
    "sigmoid": (0.0, 1.0),
    "hard_sigmoid": (0.0, 1.0),
    "softmax": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "hard_tanh": (-1.0, 1.0),
    "softsign": (-1.0, 1.0),
}
_LAYERS = keras.layers
# By exact type, as a subclass may compute something else.
_WITH_ACTIVATION = (
    *(_LAYERS.Activation, _LAYERS.Dense, _LAYERS.EinsumDense),
    *(_LAYERS.Conv1D, _LAYERS.Conv2D, _LAYERS.Conv3D),
    *(_LAYERS.Conv1DTranspose, _LAYERS.Conv2DTranspose, _LAYERS.Conv3DTranspose),
    *(_LAYERS.SeparableConv1D, _LAYERS.SeparableConv2D),
)
# These change no bounds; in inference mode, noise and dropout are the identity.
_WITHOUT_EFFECT = (
    *(_LAYERS.Reshape, _LAYERS.Flatten, _LAYERS.Permute, _LAYERS.Identity),
    *(_LAYERS.UpSampling1D, _LAYERS.UpSampling2D, _LAYERS.UpSampling3D),
    *(_LAYERS.Cropping1D, _LAYERS.Cropping2D, _LAYERS.Cropping3D),
    *(_LAYERS.Dropout, _LAYERS.GaussianNoise),
)


def check_output(model: keras.Model, value_range: tuple[float, float]) -> None:
    """Check that the last activation of a sequential or functional model fits a value range.

    Any other model passes: its last activation cannot be seen.

    Args:
        model: the generator.
        value_range: the bounded range of its images.

    Raises:
        ValueError: the activation has no bounds, or it cannot fill the range.
    """
    name = _last_activation(model)
    if name is None:
        return
    low, high = _BOUNDS[name]
    if math.isinf(high):
        raise ValueError(
            f"The generator's last activation is {name}, which does not keep to the pixel value "
            f"range {value_range}. Train a generator that ends in tanh for (-1, 1) or in sigmoid "
            "for (0, 1), or say that images have no bounds: value_range=(-math.inf, math.inf) of "
            "kgan.GAN or kgan.inference.KerasGenerator."
        )
    if low > value_range[0] or high < value_range[1]:
        raise ValueError(
            f"The generator's last activation is {name}, with values from {low:g} to {high:g}, "
            f"which cannot fill the pixel value range {value_range}. Name the range that it was "
            "trained on: `value_range` of kgan.GAN or kgan.inference.KerasGenerator."
        )


def check_samples(images: np.ndarray, value_range: tuple[float, float]) -> None:
    """Check that samples keep to their value range; warn where they use its upper half alone.

    Args:
        images: samples `[n, ...]`, rescaled from `value_range` to [0, 1].
        value_range: named in the message.

    Raises:
        ValueError: a value lies outside, or is not finite.
    """
    low, high = float(images.min()), float(images.max())
    if not (low >= -_VISIBLE and high <= 1 + _VISIBLE):  # NaN is not
        scale = value_range[1] - value_range[0]
        lowest, highest = (value_range[0] + scale * end for end in (low, high))
        raise ValueError(
            f"The generator's samples lie in [{lowest:.3g}, {highest:.3g}], outside of the pixel "
            f"value range {value_range}. Name the range that it was trained on, `value_range` of "
            "kgan.GAN or kgan.inference.KerasGenerator, or train a generator that keeps to it."
        )
    if low >= 0.5:
        warnings.warn(
            f"The generator's samples use the upper half of the pixel value range {value_range} "
            "alone. Were its data in another range, name it: `value_range` of kgan.GAN or "
            "kgan.inference.KerasGenerator.",
            stacklevel=3,
        )


def _last_activation(model: keras.layers.Layer) -> str | None:
    """Return the name of the last activation, of those in `_BOUNDS`, or None."""
    if type(model).__module__.split(".")[0] != "keras":  # a subclass may compute something else
        return None
    # Layers, and operations such as `keras.ops.tanh`, in order. Of a functional model, each of a
    # chain is the next one's only input.
    steps = model.operations if isinstance(model, keras.Function) else model.layers
    for step in reversed(steps):
        if isinstance(step, keras.Model):
            return _last_activation(step)
        if type(step) in _WITH_ACTIVATION:
            known = (n for n in _BOUNDS if step.activation is keras.activations.get(n))
            name = next(known, None)
            if name == "linear" and type(step) is _LAYERS.Activation:
                continue
            return name
        if type(step) not in _WITHOUT_EFFECT:
            return None
    return None
