"""Fully connected networks, as in the experiments of 2014."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from kgan import layers
from kgan.layers.base import InitializerLike, Shape
from kgan.networks.base import Discriminator, Generator, Inputs, InputShape, fresh_initializer
from kgan.networks.checks import checked_shape
from kgan.utils.checks import bounds, number, positive_integer
from kgan.utils.types import JsonDict

__all__ = ["MLPDiscriminator", "MLPEncoder", "MLPGenerator"]

Activation: TypeAlias = "str | Callable[[tf.Tensor], tf.Tensor]"


def _dense_class(weight_normalization: bool) -> Callable[..., keras.layers.Layer]:
    return layers.WeightNormalizedDense if weight_normalization else keras.layers.Dense


class _FullyConnected(keras.Model):
    """A mixin: a stack of hidden layers of one kind."""

    hidden: list[keras.layers.Layer]

    def _set_units(
        self, units: Sequence[int], activation: Activation, kernel_initializer: InitializerLike
    ) -> None:
        self.units = tuple(units)
        self.activation = activation
        self.kernel_initializer = kernel_initializer

    def _dense(self, width: int, normalized: bool = False) -> keras.layers.Layer:
        return keras.layers.Dense(
            width,
            activation=None if normalized else self.activation,
            use_bias=not normalized,  # a normalization has its own
            kernel_initializer=fresh_initializer(self.kernel_initializer),
            dtype=self.dtype_policy,
        )

    def _activate(self, x: tf.Tensor) -> tf.Tensor:
        return keras.activations.get(self.activation)(x)

    def _build_hidden(self, inputs: int) -> int:
        """Create the weights of the hidden layers; return the width of the last."""
        for layer in self.hidden:
            layer.build((None, inputs))
            inputs = layer.units
        return inputs

    def get_config(self) -> JsonDict:
        return {
            **super().get_config(),
            "units": self.units,
            "activation": keras.activations.serialize(keras.activations.get(self.activation)),
            "kernel_initializer": keras.initializers.serialize(
                keras.initializers.get(self.kernel_initializer)
            ),
        }


@keras.saving.register_keras_serializable(package="kgan")
class MLPGenerator(_FullyConnected, Generator):
    """Fully connected generator; noise enters at the bottom layer only (2014, section 5).

    Args:
        image_shape: shape of one image, `(height, width, channels)`, or `(dim,)` for points.
        latent_dim: size of a latent point.
        units: width of each hidden layer.
        activation: of the hidden layers: `"relu"`, `"leaky_relu"` (negative slope 0.2), or any of
            Keras's.
        value_range: `(low, high)` of the output, or None for an output without bounds.
        kernel_initializer: initializer of every layer's kernel.
        batch_normalization: whether hidden layers are normalized before their activation.
        output_weight_normalization: whether the last layer is `kgan.layers.WeightNormalizedDense`.
        **kwargs: `num_classes`, `conditioning`, `name` and `dtype` of `Generator`.

    Example:
        ```python
        generator = kgan.networks.MLPGenerator((28, 28, 1), latent_dim=100, units=(256, 256))
        samples = generator(kgan.priors.Normal(100).sample(16, seed=0))  # float32 [16, 28, 28, 1]
        ```
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        latent_dim: int = 100,
        units: Sequence[int] = (1200, 1200),
        activation: Activation = "relu",
        value_range: tuple[float, float] | None = (-1.0, 1.0),
        kernel_initializer: InitializerLike = "he_normal",
        batch_normalization: bool = False,
        output_weight_normalization: bool = False,
        **kwargs: Any,
    ):
        super().__init__(image_shape, latent_dim, value_range, **kwargs)
        self._set_units(units, activation, kernel_initializer)
        self.batch_normalization = batch_normalization
        self.output_weight_normalization = output_weight_normalization
        self.hidden = [self._dense(width, batch_normalization) for width in self.units]
        normalized = self.units if batch_normalization else ()
        self.normalizations = [self.normalization() for _ in normalized]
        self.output_layer = _dense_class(output_weight_normalization)(
            math.prod(self.image_shape),
            kernel_initializer=fresh_initializer(kernel_initializer),
            dtype=self.dtype_policy,
        )

    def build(self, input_shape: InputShape) -> None:
        shape, _ = self.joined_shape(input_shape)
        self.output_layer.build((None, self._build_hidden(math.prod(shape[1:]))))  # type: ignore[arg-type]
        for normalization, width in zip(self.normalizations, self.units, strict=False):
            normalization.build((None, width))

    def call(self, inputs: Inputs, training: bool = False) -> tf.Tensor:
        x, _ = self.joined(inputs)
        for i, layer in enumerate(self.hidden):
            x = layer(x)
            if self.batch_normalization:
                x = self._activate(self.normalizations[i](x, training=training))
        x = self.to_range(self.output_layer(x))
        return keras.ops.reshape(x, (-1, *self.image_shape))

    def start_at_mean(self, mean: npt.ArrayLike) -> None:
        """Set the output bias to the logit of each pixel's mean, as the code of 2014 did.

        Args:
            mean: `image_shape` array of pixel means in `value_range`. Without a value range the
                bias is set to the mean itself. Means are kept 1e-4 of the range from its ends,
                where the logit is infinite.

        Raises:
            ValueError: the shape is not `image_shape`, or a mean lies outside `value_range`.
        """
        mean = np.asarray(mean, dtype=np.float64)
        if mean.shape != self.image_shape:
            raise ValueError(
                f"Invalid value for argument `mean`: expected shape {self.image_shape}, "
                f"received {mean.shape}."
            )
        if self.value_range is not None:
            low, high = self.value_range
            share = (mean - low) / (high - low)
            if not (share.min() >= -1e-6 and share.max() <= 1 + 1e-6):
                raise ValueError(
                    "Invalid value for argument `mean`: expected values in "
                    f"{self.value_range}, received {mean.min():.4g} to {mean.max():.4g}."
                )
            share = np.clip(share, 1e-4, 1 - 1e-4)
            mean = np.log(share) - np.log1p(-share)
        if not self.built:
            shape = (None, self.latent_dim)
            self.build([shape, (None,)] if self.num_classes else shape)
        self.output_layer.bias.assign(mean.reshape(-1))

    def get_config(self) -> JsonDict:
        return {
            **super().get_config(),
            "batch_normalization": self.batch_normalization,
            "output_weight_normalization": self.output_weight_normalization,
        }


@keras.saving.register_keras_serializable(package="kgan")
class MLPDiscriminator(_FullyConnected, Discriminator):
    """Fully connected discriminator, with maxout units and dropout as options.

    The discriminator of the 2014 experiments is `units=(240, 240), maxout_pieces=5,
    input_dropout=0.2, hidden_dropout=0.5`.

    Args:
        image_shape: shape of one image, `(height, width, channels)`, or `(dim,)` for points.
        units: width of each hidden layer.
        activation: of the hidden layers: `"leaky_relu"` (negative slope 0.2), `"relu"`, or any of
            Keras's. Maxout layers have none.
        maxout_pieces: number of affine maps of each hidden unit; None for ordinary layers.
        input_dropout: share of the inputs set to zero in training, in [0, 1).
        hidden_dropout: share of the hidden units set to zero in training, in [0, 1).
        input_noise: standard deviation of the Gaussian noise on the inputs in training, in [0, 1].
        hidden_noise: the same on what later layers take in, the last one included.
        weight_normalization: whether all layers are `kgan.layers.WeightNormalizedDense`, of which
            the last one alone trains its scale. Maxout layers cannot be.
        kernel_initializer: initializer of every layer's kernel.
        **kwargs: `num_classes`, `conditioning`, `weight_constraint`, `classes`, `name` and `dtype`
            of `Discriminator`.

    Raises:
        ValueError: `weight_normalization` of maxout layers, or another argument is unusable.

    Example:
        ```python
        discriminator = kgan.networks.MLPDiscriminator((28, 28, 1), units=(256, 256))
        logits = discriminator(images)  # float32 [batch, 1]
        ```
    """

    independent_examples = True

    def __init__(
        self,
        image_shape: Sequence[int],
        units: Sequence[int] = (1200, 1200),
        activation: Activation = "leaky_relu",
        maxout_pieces: int | None = None,
        input_dropout: float = 0.0,
        hidden_dropout: float = 0.0,
        input_noise: float = 0.0,
        hidden_noise: float = 0.0,
        weight_normalization: bool = False,
        kernel_initializer: InitializerLike = "he_normal",
        **kwargs: Any,
    ):
        super().__init__(image_shape, **kwargs)
        if weight_normalization and maxout_pieces is not None:
            raise ValueError(
                "Invalid value for argument `weight_normalization`: expected False beside "
                f"maxout_pieces={maxout_pieces}, received True. Leave one of them out."
            )
        self._set_units(units, activation, kernel_initializer)
        self.maxout_pieces = maxout_pieces
        self.input_dropout = input_dropout
        self.hidden_dropout = hidden_dropout
        self.dropouts = [
            keras.layers.Dropout(rate, dtype=self.dtype_policy)
            for rate in (input_dropout, *[hidden_dropout] * len(self.units))
        ]
        self.input_noise = number("input_noise", input_noise, 0, 1)
        self.hidden_noise = number("hidden_noise", hidden_noise, 0, 1)
        self.weight_normalization = weight_normalization
        deviations = (self.input_noise, *[self.hidden_noise] * len(self.units))
        self.noises = [
            keras.layers.GaussianNoise(deviation, dtype=self.dtype_policy)
            for deviation in deviations
        ]
        self.hidden = [self._hidden_layer(width) for width in self.units]
        self.output_layer = _dense_class(weight_normalization)(
            self.output_units,
            kernel_initializer=fresh_initializer(kernel_initializer),
            dtype=self.variable_dtype,
        )

    def _hidden_layer(self, width: int) -> keras.layers.Layer:
        if self.weight_normalization:
            initializer = fresh_initializer(self.kernel_initializer)
            return layers.WeightNormalizedDense(
                width, self.activation, False, initializer, dtype=self.dtype_policy
            )
        if self.maxout_pieces is None:
            return self._dense(width)
        initializer = fresh_initializer(self.kernel_initializer)
        return layers.Maxout(width, self.maxout_pieces, initializer, dtype=self.dtype_policy)

    def build(self, input_shape: InputShape) -> None:
        shape, condition_shape = self.joined_shape(input_shape)
        width = self._build_hidden(math.prod(shape[1:]))  # type: ignore[arg-type]
        self.build_logits(width, condition_shape)

    def last_features(self, x: tf.Tensor, training: bool) -> tf.Tensor:
        x = keras.ops.reshape(x, (-1, math.prod(x.shape[1:])))
        x = self.dropouts[0](x, training=training)
        for i, layer in enumerate(self.hidden):
            x = layer(self.noises[i](x, training=training))
            x = self.dropouts[i + 1](x, training=training)
        return x

    def last_outputs(self, features: tf.Tensor, training: bool) -> tf.Tensor:
        return super().last_outputs(self.noises[-1](features, training=training), training)

    def start_at(self, images: npt.ArrayLike) -> None:
        """Set scales and biases so that all units have mean 0 and variance 1 on some images.

        Means and variances are those before the activation, in training (arXiv 1602.07868, section
        3). Only networks with `weight_normalization` can do this.

        Args:
            images: float `[n, *image_shape]`, some hundred of the data.

        Raises:
            ValueError: the network has no weight normalization, or takes labels as well.
        """
        if not self.weight_normalization or self.num_classes:
            raise ValueError(
                "Invalid call of `start_at`: expected a discriminator with weight_normalization "
                "and without num_classes."
            )
        x = tf.convert_to_tensor(images, self.compute_dtype)
        if not self.built:
            self.build(x.shape)
        x = tf.reshape(x, (len(x), -1))
        for noise, layer in zip(self.noises, [*self.hidden, self.output_layer], strict=True):
            x = noise(x, training=True)
            layer.start_at(x)
            x = layer(x)

    def get_config(self) -> JsonDict:
        return {
            **super().get_config(),
            "maxout_pieces": self.maxout_pieces,
            "input_dropout": self.input_dropout,
            "hidden_dropout": self.hidden_dropout,
            "input_noise": self.input_noise,
            "hidden_noise": self.hidden_noise,
            "weight_normalization": self.weight_normalization,
        }


@keras.saving.register_keras_serializable(package="kgan")
class MLPEncoder(_FullyConnected):
    """Fully connected map from images to latents, as the encoder of `kgan.variants.BiGAN`.

    Args:
        image_shape: shape of one image, `(height, width, channels)`, or `(dim,)` for points.
        latent_dim: size of a latent point.
        units: width of each hidden layer.
        activation: of the hidden layers: `"leaky_relu"` (negative slope 0.2), `"relu"`, or any of
            Keras's.
        latent_range: `(low, high)`, between which a scaled sigmoid keeps the latents, for a uniform
            prior; None for latents without bounds.
        kernel_initializer: initializer of every layer's kernel.
        **kwargs: `name` and `dtype` of Keras.

    Input:
        float `[batch, *image_shape]`.

    Output:
        float32 `[batch, latent_dim]`.

    Example:
        ```python
        encoder = kgan.networks.MLPEncoder((28, 28, 1), latent_dim=50, latent_range=(-1, 1))
        latents = encoder(images)
        ```
    """

    independent_examples = True

    def __init__(
        self,
        image_shape: Sequence[int],
        latent_dim: int = 100,
        units: Sequence[int] = (1200, 1200),
        activation: Activation = "leaky_relu",
        latent_range: tuple[float, float] | None = None,
        kernel_initializer: InitializerLike = "he_normal",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.image_shape = checked_shape(image_shape)
        self.latent_dim = positive_integer("latent_dim", latent_dim)
        self.latent_range = bounds("latent_range", latent_range)
        self.input_spec = keras.layers.InputSpec(shape=(None, *self.image_shape))
        self._set_units(units, activation, kernel_initializer)
        self.hidden = [self._dense(width) for width in self.units]
        # In the precision of the weights, as the latents are compared with those of the prior.
        self.output_layer = keras.layers.Dense(
            self.latent_dim,
            kernel_initializer=fresh_initializer(kernel_initializer),
            dtype=self.variable_dtype,
        )

    def build(self, input_shape: Shape) -> None:
        width = self._build_hidden(math.prod(input_shape[1:]))  # type: ignore[arg-type]
        self.output_layer.build((None, width))

    def features(self, images: tf.Tensor) -> tf.Tensor:
        """Return the features that the latents are computed from, `[batch, units[-1]]`."""
        if not self.built:
            self(images)  # creates the weights
        x = keras.ops.reshape(images, (-1, math.prod(self.image_shape)))
        for layer in self.hidden:
            x = layer(x)
        return x

    def call(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        features = self.features(images)
        latents = self.output_layer(keras.ops.cast(features, self.variable_dtype))
        if self.latent_range is not None:
            low, high = self.latent_range
            latents = low + (high - low) * keras.ops.sigmoid(latents)
        return keras.ops.cast(latents, "float32")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0], self.latent_dim)

    def get_config(self) -> JsonDict:
        return {
            **super().get_config(),
            "image_shape": self.image_shape,
            "latent_dim": self.latent_dim,
            "latent_range": self.latent_range,
        }
