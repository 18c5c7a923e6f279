"""A Keras generator and its prior, in the form that graphs and exports need."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kgan.conditions import Condition
from kgan.inference.bounds import check_output, check_samples
from kgan.inference.generator import Function
from kgan.priors import Prior, Uniform
from kgan.training.keras_private import all_layers
from kgan.training.validation import shared_range
from kgan.utils.digests import digest

__all__ = ["KerasGenerator", "classifier_of", "range_of"]

_CHECKED = 32  # samples that are held to the value range


class KerasGenerator:
    """A Keras generator and its prior, as TensorFlow graphs use them.

    Args:
        model: maps latents `[batch, latent_dim]` to images. If it declares `num_classes`, it takes
            a list of latents and int32 labels `[batch]`; if it declares `condition_shape`, of
            latents and images. It may declare `latent_dim`; else the prior's size holds.
        prior: distribution of the latent points.
        config: the run's own record; None for an empty one.
        value_range: `(low, high)`, the pixel values that the model was trained on:
            `kgan.GAN.value_range`. None takes the model's own, else (-1, 1), or no bounds for
            points. `(-math.inf, math.inf)` says that images have no bounds.
        classifier: of a semi-supervised game, its discriminator, whose `class_logits` are those of
            images in the value range; else None.
    """

    def __init__(
        self,
        model: keras.Model,
        prior: Prior,
        config: Mapping[str, Any] | None = None,
        value_range: tuple[float, float] | None = None,
        classifier: keras.Model | None = None,
    ):
        self.model = model
        self.classifier = classifier
        self.prior = prior
        self.config = config or {}
        self._given_range = value_range

    @property
    def latent_dim(self) -> int:
        """Size of a latent point."""
        return getattr(self.model, "latent_dim", self.prior.dim)

    @property
    def num_classes(self) -> int | None:
        """Number of classes; None for a generator without labels."""
        return getattr(self.model, "num_classes", None)

    @property
    def condition_shape(self) -> tuple[int, ...] | None:
        """Shape of the images that the model translates; None if it takes none."""
        return getattr(self.model, "condition_shape", None)

    @property
    def masked(self) -> bool:
        """Whether the last channel of a condition is a mask, whose given pixels come back."""
        return bool(getattr(self.model, "keep_given", False))

    @property
    def encoder(self) -> keras.Model | None:
        """The network that makes latents of images, of `kgan.variants.BiGAN`; else None."""
        return getattr(self.model, "encoder", None)

    @property
    def directions(self) -> tuple[str, ...]:
        """The directions of a model that translates both ways between two domains; else none."""
        return getattr(self.model, "directions", ())

    def toward(self, direction: str) -> KerasGenerator:
        """Return the generator of one direction of a model that translates both ways.

        The recorded condition says how images of the second domain are made of those of the first.

        Raises:
            ValueError: the model has no such direction.
        """
        if not self.directions:
            raise ValueError(
                "Invalid value for argument `direction`: expected None for a generator of one "
                f"direction, received {direction!r}."
            )
        model = self.model.direction(direction)
        config = dict(self.config)
        if direction != self.directions[1]:
            config.pop("condition", None)
        return KerasGenerator(model, self.prior, config, self._given_range)

    @functools.cached_property
    def condition(self) -> Condition | None:
        """The map from images to their conditions that the run recorded, or None."""
        recorded = self.config.get("condition")
        return keras.saving.deserialize_keras_object(recorded) if recorded else None

    @functools.cached_property
    def value_range(self) -> tuple[float, float] | None:
        """Lowest and highest value of the model's output; None for unbounded values."""
        return shared_range(self._given_range, self.model, self.image_shape)

    @functools.cached_property
    def image_shape(self) -> tuple[int, ...]:
        """Shape of one image, `(height, width, channels)`, or of one point, `(dim,)`."""
        # A functional or sequential model knows its own, whatever inputs it has.
        shape = getattr(self.model, "output_shape", None)
        if shape is not None:
            return tuple(shape[1:])
        images = tf.function(self._output, autograph=False).get_concrete_function(**self.specs)
        return tuple(images.structured_outputs.shape[1:])

    @property
    def has_pictures(self) -> bool:
        """Whether a PNG file can hold the images: bounded values in 1 or 3 channels."""
        shape = self.image_shape
        return self.value_range is not None and len(shape) == 3 and shape[-1] in (1, 3)

    @property
    def specs(self) -> dict[str, tf.TensorSpec]:
        """The inputs by name: `latents` if there are any, and `labels` or `conditions`."""
        specs = {}
        if self.latent_dim:
            shape = [None, self.latent_dim]
            specs["latents"] = tf.TensorSpec(shape, tf.float32, name="latents")
        if self.condition_shape is not None:
            shape = [None, *self.condition_shape]
            specs["conditions"] = tf.TensorSpec(shape, tf.float32, name="conditions")
        if self.num_classes is not None:
            specs["labels"] = tf.TensorSpec([None], tf.int32, name="labels")
        return specs

    def inputs(
        self, count: int | tf.Tensor, seed: int | Sequence[int] | tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Return inputs for `count` images, a pure function of both arguments.

        Args:
            count: an int or an int32 scalar.
            seed: an int, or two integers `[2]`.

        Returns:
            `latents` drawn from the prior, and `labels`, where image i is of class
            i % num_classes; or `conditions` of uniform noise, to try the generator with.
        """
        inputs = {"latents": self.prior.sample(count, seed)} if self.latent_dim else {}
        if self.condition_shape is not None:
            inputs["conditions"] = _noise(count, seed, self.condition_shape)
        if self.num_classes is not None:
            inputs["labels"] = tf.range(count, dtype=tf.int32) % self.num_classes
        return inputs

    def images(
        self,
        latents: tf.Tensor | None = None,
        labels: tf.Tensor | None = None,
        conditions: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Return the images of `latents`, in inference mode.

        Args:
            latents: float32 `[batch, latent_dim]`; None for a generator without.
            labels: int32 `[batch]`, for a conditional generator.
            conditions: float32 `[batch, *condition_shape]` in [0, 1], whatever the model's value
                range; unscaled where that range is None.

        Returns:
            float32 `[batch, height, width, channels]` in [0, 1], whatever the model's value range;
            the model's output itself where that range is None, and points as they are.
        """
        return self._rescale(self._output(latents, labels, self._in_range(conditions)))

    def probabilities(self, images: tf.Tensor) -> tf.Tensor:
        """Return what the classifier says of images, in inference mode.

        Args:
            images: float32 `[batch, height, width, channels]` in [0, 1], as `images` returns them.

        Returns:
            float32 `[batch, classes]`.
        """
        assert self.classifier is not None
        return tf.nn.softmax(self.classifier.class_logits(self._in_range(images), training=False))

    def encode(self, images: tf.Tensor) -> tf.Tensor:
        """Return the latents float32 `[batch, latent_dim]` that the encoder makes of images.

        Args:
            images: float32 `[batch, *image_shape]`, scaled as `images` returns them.
        """
        assert self.encoder is not None
        given = images if len(self.image_shape) == 1 else self._in_range(images)
        return tf.cast(self.encoder(given, training=False), tf.float32)

    def reconstruct(self, images: tf.Tensor) -> tf.Tensor:
        """Return the images of the latents that `encode` makes, scaled as its argument is."""
        return self.images(self.encode(images))

    def predict(
        self,
        latents: np.ndarray | None = None,
        labels: np.ndarray | None = None,
        conditions: np.ndarray | None = None,
    ) -> np.ndarray:
        """Return `keras.Model.predict` of all inputs in one batch, in the model's own range."""
        given = _inputs(latents, labels, self._in_range(conditions))
        inputs = tf.nest.map_structure(np.asarray, given)
        count = len(tf.nest.flatten(inputs)[0])
        return self.model.predict(inputs, batch_size=count, verbose=0)

    def function(self) -> Function:
        """Return the compiled function of arrays. Images are in [0, 1]; points stay as they are."""

        @tf.function(reduce_retracing=True, autograph=False)
        def compiled(
            latents: tf.Tensor | None = None,
            labels: tf.Tensor | None = None,
            conditions: tf.Tensor | None = None,
        ) -> tf.Tensor:
            return self.images(latents, labels, conditions)

        return lambda *inputs, **named: compiled(*inputs, **named).numpy()

    def encoding(self) -> Function | None:
        """Return the compiled function from images in [0, 1] to latents; None without encoder."""
        if self.encoder is None:
            return None
        compiled = tf.function(self.encode, reduce_retracing=True, autograph=False)
        return lambda images: compiled(tf.constant(images)).numpy()

    def use_full_precision(self) -> None:
        """Compute in the precision of the weights; TFLite lacks half precision operations."""
        for network in self._networks:
            for layer in all_layers(network):
                if layer.compute_dtype != layer.variable_dtype:
                    layer.dtype_policy = layer.variable_dtype

    def module(self) -> tf.Module:
        """Return a module that holds the weights, for functions that are saved with them.

        Keras's own `ExportArchive` would store every weight twice.
        """
        module = tf.Module()
        networks = self._networks
        module.state = [variable.value for network in networks for variable in network.variables]
        return module

    @property
    def _networks(self) -> list[keras.Model]:
        return [self.model] if self.classifier is None else [self.model, self.classifier]

    def fingerprint(self) -> str:
        """Return the SHA-256 of the shape, type and values of every weight, in model order."""
        weights = self.model.get_weights()
        parts = [part for w in weights for part in (f"{w.shape}{w.dtype.str}", w)]
        return digest(parts, length=64)

    def check_range(self, images: np.ndarray | None = None) -> None:
        """Check that the model makes images within its value range.

        Points and unbounded images are not checked.

        Args:
            images: what `images` returns, `[n, height, width, channels]`; None to make 32.

        Raises:
            ValueError: they leave the range, or the model's last activation cannot fill it.
        """
        if self.value_range is None or len(self.image_shape) == 1:
            return
        check_output(self.model, self.value_range)
        if images is None:
            images = self.images(**self.inputs(_CHECKED, 0)).numpy()
        check_samples(images, self.value_range)

    def _output(
        self,
        latents: tf.Tensor | None = None,
        labels: tf.Tensor | None = None,
        conditions: tf.Tensor | None = None,
    ) -> tf.Tensor:
        inputs = _inputs(latents, labels, conditions)
        return tf.cast(self.model(inputs, training=False), tf.float32)

    def _in_range(self, conditions: tf.Tensor | None) -> tf.Tensor | None:
        """Return conditions in the model's value range, from those in [0, 1]."""
        if conditions is None or self.value_range is None:
            return conditions
        low, high = self.value_range
        return low + (high - low) * conditions

    def _rescale(self, output: tf.Tensor) -> tf.Tensor:
        if self.value_range is None or output.shape.rank == 2:
            return output
        low, high = self.value_range
        return (output - low) / (high - low)


def range_of(game: Any) -> tuple[float, float]:
    """Return the argument `value_range` that means the one of a `kgan.GAN`."""
    return (-math.inf, math.inf) if game.value_range is None else game.value_range


def classifier_of(game: Any) -> keras.Model | None:
    """Return the discriminator of a game that classifies by it; None of any other."""
    classes = getattr(game.discriminator, "classes", None)
    return None if classes is None else game.discriminator


def _inputs(
    latents: tf.Tensor | None, labels: tf.Tensor | None, conditions: tf.Tensor | None
) -> tf.Tensor | list[tf.Tensor]:
    """The inputs as Keras models take them."""
    if conditions is not None:
        if latents is None:
            latents = tf.zeros([tf.shape(conditions)[0], 0])
        return [latents, conditions]
    return latents if labels is None else [latents, labels]


def _noise(
    count: int | tf.Tensor, seed: int | Sequence[int] | tf.Tensor, shape: Sequence[int]
) -> tf.Tensor:
    """Return `count` images of uniform noise in [0, 1), a pure function of all arguments."""
    points = Uniform(math.prod(shape), 0.0, 1.0).sample(count, seed)
    return tf.reshape(points, [-1, *shape])
