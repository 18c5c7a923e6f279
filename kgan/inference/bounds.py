"""Whether a generator's images keep to the pixel value range that they are exported in."""

from __future__ import annotations

import math
import warnings

import keras
import numpy as np

from kgan.training.validation.activations import output_bounds

__all__ = ["check_output", "check_samples"]

_VISIBLE = 1 / 512  # half a step of 8-bit pixels, of images in [0, 1]


def check_output(model: keras.Model, value_range: tuple[float, float]) -> None:
    """Check that the last activation of a sequential or functional model fits a value range.

    Any other model passes: its last activation cannot be seen.

    Args:
        model: the generator.
        value_range: the bounded range of its images.

    Raises:
        ValueError: the activation has no bounds, or it cannot fill the range.
    """
    known = output_bounds(model)
    if known is None:
        return
    name, low, high = known
    if math.isinf(low) or math.isinf(high):
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
