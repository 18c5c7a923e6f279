"""What every generator and discriminator of kgan declares and checks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import keras

from kgan import layers
from kgan.networks.checks import (
    checked_choice,
    checked_classes,
    checked_range,
    checked_shape,
    checked_size,
)

__all__ = ["Discriminator", "Generator", "fresh_initializer", "with_labels"]


def fresh_initializer(identifier: Any) -> Any:
    """An initializer of its own for one layer: a shared one would start equal shapes alike."""
    initializer = keras.initializers.get(identifier)
    return initializer.clone() if isinstance(initializer, keras.Initializer) else initializer


def with_labels(x: Any, labels: Any) -> Any:
    """What a layer is given that takes labels as well where there are any; shapes or tensors."""
    return x if labels is None else [x, labels]


class Generator(keras.Model):
    """A differentiable map from latent points to images (Goodfellow et al. 2014, section 3).

    Subclasses define `build` and `call`. Both begin with `joined_shape` and `joined`, which bring
    in the classes, and `call` ends with `self.to_range`.

    Args:
        image_shape: shape of one image, `(height, width, channels)`, or `(dim,)` for points.
        latent_dim: size of a latent point.
        value_range: `(low, high)` of the output, or None for an output without bounds.
        num_classes: None, or the number of classes of a conditional generator, which is called
            with a list of latents and int32 labels `[batch]`.
        conditioning: how the class comes in: `"concatenation"` joins a learned vector, as long as
            a latent point, to the latents; `"batch_normalization"` lets the class choose scales
            and shifts (`kgan.layers.ConditionalBatchNormalization`).

    Attributes:
        conditionings: what the subclass offers as `conditioning`.
    """

    conditionings: ClassVar[tuple[str, ...]] = ("concatenation",)

    def __init__(
        self,
        image_shape: Sequence[int],
        latent_dim: int = 100,
        value_range: tuple[float, float] | None = (-1.0, 1.0),
        num_classes: int | None = None,
        conditioning: str = "concatenation",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.image_shape = checked_shape(image_shape)
        self.latent_dim = checked_size("latent_dim", latent_dim)
        self.value_range = checked_range(value_range)
        self.num_classes = checked_classes(num_classes)
        self.conditioning = checked_choice(
            "conditioning", conditioning, self.conditionings, type(self).__name__
        )
        self.input_spec = keras.layers.InputSpec(shape=(None, latent_dim))
        if self.num_classes:
            self.input_spec = [self.input_spec, keras.layers.InputSpec(shape=(None,))]
        self.embedding: Any = None
        if self.num_classes and conditioning == "concatenation":
            self.embedding = layers.ClassEmbedding(
                self.num_classes,
                latent_dim,
                keras.initializers.RandomNormal(stddev=1.0),
                dtype=self.dtype_policy,
            )

    def joined_shape(self, input_shape: Any) -> tuple[Any, Any]:
        """The shapes of what `joined` returns, for `build`."""
        if not self.num_classes:
            return input_shape, None
        shape, labels_shape = input_shape
        if self.embedding is None:
            return shape, labels_shape
        self.embedding.build(labels_shape)
        return (shape[0], 2 * self.latent_dim), None

    def joined(self, inputs: Any) -> tuple[Any, Any]:
        """The latents for the first layer, and the labels for the normalisations, or None."""
        if not self.num_classes:
            return inputs, None
        latents, labels = inputs
        if self.embedding is None:
            return latents, labels
        return keras.ops.concatenate([latents, self.embedding(labels)], axis=-1), None

    def normalization(self) -> keras.layers.Layer:
        """A new batch normalisation, which needs labels where `conditioning` asks for it."""
        settings = {"momentum": 0.9, "epsilon": 1e-5, "dtype": self.dtype_policy}
        if self.num_classes and self.conditioning == "batch_normalization":
            return layers.ConditionalBatchNormalization(self.num_classes, **settings)
        return layers.BatchNormalization(**settings)

    def to_range(self, logits: Any) -> Any:
        """Float32 values in `value_range`: a sigmoid stretched over it, or the logits alone."""
        logits = keras.ops.cast(logits, "float32")
        if self.value_range is None:
            return logits
        low, high = self.value_range
        return low + (high - low) * keras.ops.sigmoid(logits)

    def compute_output_shape(self, input_shape: Any) -> tuple[Any, ...]:
        """`(batch, *image_shape)`."""
        shape = input_shape[0] if self.num_classes else input_shape
        return (shape[0], *self.image_shape)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "image_shape": self.image_shape,
            "latent_dim": self.latent_dim,
            "value_range": self.value_range,
            "num_classes": self.num_classes,
            "conditioning": self.conditioning,
        }


class Discriminator(keras.Model):
    """A differentiable map from images to one logit o(x); D(x) = sigmoid(o(x)).

    Subclasses define `build` and `call`. Both begin with `joined_shape` and `joined` and end with
    `build_logits` and `logits`, which bring in the classes and the constraint; in between they turn
    an image into features. `__init__` makes `output_layer`, from features to the logit, in the
    precision of the weights: a logit is often a small difference of large sums.

    Args:
        image_shape: shape of one image, `(height, width, channels)`, or `(dim,)` for points.
        num_classes: None, or the number of classes of a conditional discriminator, which is called
            with a list of images and int32 labels `[batch]`; or `[batch, m]` where an input is m
            images along the last axis (`kgan.GAN`, `packing`).
        conditioning: how the class comes in: `"projection"` adds the product of the features and a
            learned vector to the logit (Miyato and Koyama 2018, arXiv 1802.05637, eq. 3);
            `"concatenation"` joins a learned image to the image along its last axis.
        weight_constraint: None, or a Keras constraint on all trainable weights, such as
            `kgan.constraints.WeightClip(0.01)`; optimizers enforce it after each update.

    Attributes:
        independent_examples: whether the logit of an image depends on that image alone, so that
            data and samples may be judged in one batch; batch normalisation makes it False.
        spectral_normalization: whether the class's vectors are normalised spectrally, as the
            subclass's own layers are.
    """

    independent_examples = False
    spectral_normalization = False
    output_layer: keras.layers.Layer

    def __init__(
        self,
        image_shape: Sequence[int],
        num_classes: int | None = None,
        conditioning: str = "projection",
        weight_constraint: Any = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.image_shape = checked_shape(image_shape)
        self.num_classes = checked_classes(num_classes)
        self.conditioning = checked_choice(
            "conditioning", conditioning, ("projection", "concatenation"), type(self).__name__
        )
        self.weight_constraint = keras.constraints.get(weight_constraint)
        self.input_spec = keras.layers.InputSpec(shape=(None, *self.image_shape))
        if self.num_classes:
            labels_spec = keras.layers.InputSpec(min_ndim=1, max_ndim=2)
            self.input_spec = [self.input_spec, labels_spec]
        self.embedding: Any = None

    def _embed(
        self, num_classes: int, dim: int, stddev: float, labels_shape: Any, dtype: Any
    ) -> None:
        self.embedding = layers.ClassEmbedding(
            num_classes,
            dim,
            keras.initializers.RandomNormal(stddev=stddev),
            self.spectral_normalization,
            dtype=dtype,
        )
        self.embedding.build(labels_shape)

    def joined_shape(self, input_shape: Any) -> tuple[Any, Any]:
        """The shapes of what `joined` returns, for `build`."""
        if not self.num_classes:
            return input_shape, None
        shape, labels_shape = input_shape
        if self.conditioning == "projection":
            return shape, labels_shape
        dim = math.prod(self.image_shape)
        self._embed(self.num_classes, dim, 1.0, labels_shape, self.dtype_policy)
        return (*shape[:-1], 2 * shape[-1]), None

    def joined(self, inputs: Any) -> tuple[Any, Any]:
        """The images for the first layer, and the labels for `logits`, or None."""
        if not self.num_classes:
            return inputs, None
        images, labels = inputs
        if self.conditioning == "projection":
            return images, labels
        classes = keras.ops.reshape(self.embedding(labels), (-1, *self.image_shape))
        return keras.ops.concatenate([images, classes], axis=-1), None

    def build_logits(self, features: int, labels_shape: Any) -> None:
        """Creates the weights behind `logits`, for so many features, and constrains them all."""
        self.output_layer.build((None, features))
        if self.num_classes and labels_shape is not None:
            stddev, dtype = features**-0.5, self.variable_dtype
            self._embed(self.num_classes, features, stddev, labels_shape, dtype)
        if self.weight_constraint is not None:
            for variable in self.trainable_variables:
                variable.constraint = self.weight_constraint

    def logits(self, features: Any, labels: Any) -> Any:
        """Float32 logits `[batch, 1]` from features `[batch, features]`."""
        features = keras.ops.cast(features, self.variable_dtype)
        logits = self.output_layer(features)
        if labels is not None:
            logits += keras.ops.sum(self.embedding(labels) * features, axis=-1, keepdims=True)
        return keras.ops.cast(logits, "float32")

    def compute_output_shape(self, input_shape: Any) -> tuple[Any, ...]:
        """`(batch, 1)`."""
        shape = input_shape[0] if self.num_classes else input_shape
        return (shape[0], 1)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "image_shape": self.image_shape,
            "num_classes": self.num_classes,
            "conditioning": self.conditioning,
            "weight_constraint": keras.constraints.serialize(self.weight_constraint),
        }
