"""What every generator and discriminator of kgan declares and checks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

__all__ = ["Discriminator", "Generator", "fresh_initializer"]


def fresh_initializer(identifier: Any) -> keras.initializers.Initializer:
    """An initializer of its own for one layer: a shared one would start equal shapes alike."""
    return keras.initializers.get(identifier).clone()


def _checked_shape(image_shape: Sequence[int]) -> tuple[int, ...]:
    shape = tuple(image_shape)
    if not shape or not all(isinstance(side, int) and side > 0 for side in shape):
        raise ValueError(
            "Invalid value for argument `image_shape`: expected positive integers such as "
            f"(28, 28, 1), received {image_shape!r}."
        )
    return shape


class Generator(keras.Model):
    """A differentiable map from latent points to images (Goodfellow et al. 2014, section 3).

    Subclasses define `build` and `call`, and end `call` with `self.to_range`.

    Args:
        image_shape: shape of one image, `(height, width, channels)`, or `(dim,)` for points.
        latent_dim: size of a latent point.
        value_range: `(low, high)` of the output, or None for an output without bounds.
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        latent_dim: int = 100,
        value_range: tuple[float, float] | None = (-1.0, 1.0),
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.image_shape = _checked_shape(image_shape)
        if not isinstance(latent_dim, int) or latent_dim < 1:
            raise ValueError(
                "Invalid value for argument `latent_dim`: expected a positive integer, "
                f"received {latent_dim!r}."
            )
        self.latent_dim = latent_dim
        if value_range is not None and not (
            len(value_range) == 2 and value_range[0] < value_range[1]
        ):
            raise ValueError(
                "Invalid value for argument `value_range`: expected (low, high) with low < high, "
                f"or None, received {value_range!r}."
            )
        self.value_range = value_range and (float(value_range[0]), float(value_range[1]))

    def to_range(self, logits: Any) -> Any:
        """Float32 values in `value_range`: a sigmoid stretched over it, or the logits themselves."""
        logits = keras.ops.cast(logits, "float32")
        if self.value_range is None:
            return logits
        low, high = self.value_range
        return low + (high - low) * keras.ops.sigmoid(logits)

    def compute_output_shape(self, input_shape: Any) -> tuple[Any, ...]:
        """`(batch, *image_shape)`."""
        return (input_shape[0], *self.image_shape)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "image_shape": self.image_shape,
            "latent_dim": self.latent_dim,
            "value_range": self.value_range,
        }


class Discriminator(keras.Model):
    """A differentiable map from images to one logit o(x); D(x) = sigmoid(o(x)).

    Subclasses define `build` and `call`.

    Args:
        image_shape: shape of one image, `(height, width, channels)`, or `(dim,)` for points.
    """

    def __init__(self, image_shape: Sequence[int], **kwargs: Any):
        super().__init__(**kwargs)
        self.image_shape = _checked_shape(image_shape)

    def compute_output_shape(self, input_shape: Any) -> tuple[Any, ...]:
        """`(batch, 1)`."""
        return (input_shape[0], 1)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "image_shape": self.image_shape}
