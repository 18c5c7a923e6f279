"""What every generator and discriminator of kgan declares and checks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import keras

__all__ = ["Discriminator", "Generator", "fresh_initializer"]


def fresh_initializer(identifier: Any) -> Any:
    """An initializer of its own for one layer: a shared one would start equal shapes alike."""
    initializer = keras.initializers.get(identifier)
    return initializer.clone() if isinstance(initializer, keras.Initializer) else initializer


def _checked_shape(image_shape: Sequence[int]) -> tuple[int, ...]:
    shape = tuple(image_shape) if isinstance(image_shape, Iterable) else ()
    if not shape or not all(isinstance(side, int) and side > 0 for side in shape):
        raise ValueError(
            "Invalid value for argument `image_shape`: expected positive integers such as "
            f"(28, 28, 1), received {image_shape!r}."
        )
    return shape


def _checked_range(value_range: Any) -> tuple[float, float] | None:
    if value_range is None:
        return None
    try:
        low, high = map(float, value_range)
    except (TypeError, ValueError):
        low = high = math.nan
    if not -math.inf < low < high < math.inf:
        raise ValueError(
            "Invalid value for argument `value_range`: expected (low, high) with low < high, "
            f"both finite, or None, received {value_range!r}."
        )
    return low, high


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
        self.value_range = _checked_range(value_range)
        self.input_spec = keras.layers.InputSpec(shape=(None, latent_dim))

    def to_range(self, logits: Any) -> Any:
        """Float32 values in `value_range`: a sigmoid stretched over it, or the logits alone."""
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

    Attributes:
        independent_examples: whether the logit of an image depends on that image alone, so that
            data and samples may be judged in one batch; batch normalisation makes it False.
    """

    independent_examples = False

    def __init__(self, image_shape: Sequence[int], **kwargs: Any):
        super().__init__(**kwargs)
        self.image_shape = _checked_shape(image_shape)
        self.input_spec = keras.layers.InputSpec(shape=(None, *self.image_shape))

    def compute_output_shape(self, input_shape: Any) -> tuple[Any, ...]:
        """`(batch, 1)`."""
        return (input_shape[0], 1)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "image_shape": self.image_shape}
