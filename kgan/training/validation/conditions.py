"""Images that a user hands over as the condition of other images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from kgan.training.validation.pixels import Extremes, check_values

__all__ = ["check_condition_images", "check_condition_values", "sample_conditions"]


def check_condition_images(
    conditions: Any, shape: Sequence[int], examples: int | None = None, argument: str = "y"
) -> None:
    """Check conditions, or their `tf.TensorSpec`, by type and shape.

    Args:
        conditions: one image for each example; None where there are none.
        shape: of one condition.
        examples: the number of examples, where it is known.
        argument: name of the conditions, for messages.

    Raises:
        ValueError: they are not floating point images of that shape, one an example.
    """
    batch = "batch" if examples is None else examples
    expected = f"floating point images [{', '.join(map(str, (batch, *shape)))}]"
    beginning = f"Invalid value for argument `{argument}`: expected {expected}, the condition of "
    beginning += "each image, received"
    if conditions is None:
        raise ValueError(
            f"{beginning} none. The networks have condition_shape={tuple(shape)}: give pairs "
            "(images, conditions)."
        )
    if not hasattr(conditions, "shape") or not hasattr(conditions, "dtype"):
        raise ValueError(f"{beginning} a {type(conditions).__name__}.")
    dtype, found = tf.as_dtype(conditions.dtype), tf.TensorShape(conditions.shape)
    if not dtype.is_floating:
        raise ValueError(
            f"{beginning} {dtype.name} of shape {found}. Scale them to the game's value range "
            "first."
        )
    if not found.is_compatible_with([examples, *shape]):
        raise ValueError(
            f"{beginning} shape {found}. Resize or convert them, or make the networks with the "
            "`condition_shape` of the data."
        )


def check_condition_values(
    conditions: Any, value_range: tuple[float, float] | None, declared: bool, argument: str = "y"
) -> None:
    """Check that conditions are finite and in the pixel value range of the game.

    Raises:
        ValueError: they are not.
    """
    seen = Extremes.of([conditions])
    check_values(argument, seen, value_range, declared, lambda expression: f"`{expression}`")


def sample_conditions(
    conditions: npt.ArrayLike | None, n: int, shape: Sequence[int] | None
) -> np.ndarray | None:
    """Return the conditions of n samples, float32 `[n, *shape]`; None where there are none.

    Args:
        conditions: `[n, *shape]`, or one of `shape` for all samples.
        n: the number of samples.
        shape: of one condition, or None for a generator that takes no images.

    Raises:
        ValueError: there are conditions and the generator takes none, or the other way round, or
            they have another shape than in training.
    """
    if shape is None:
        if conditions is None:
            return None
        raise ValueError(
            "Invalid value for argument `condition`: expected None, as the generator takes no "
            "images, received some. Make both networks with `condition_shape`."
        )
    given = conditions
    if given is not None:
        given = np.asarray(given)
        if given.shape == tuple(shape):
            given = np.broadcast_to(given, (n, *shape))
    check_condition_images(given, shape, n, "condition")
    return given.astype(np.float32)  # type: ignore[union-attr]
