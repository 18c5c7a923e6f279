"""A discriminator that reads more off an image than its logit, and games with such a one."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from kgan.gan import GAN
from kgan.layers import WeightNormalizedDense
from kgan.networks import Discriminator
from kgan.priors import Prior
from kgan.training.validation import check_domain
from kgan.utils.checks import number
from kgan.utils.types import JsonDict

__all__ = ["GameWithHead", "WithHead"]

_CHUNK = 500  # images that are read together


@keras.saving.register_keras_serializable(package="kgan")
class WithHead(keras.Model):
    """A discriminator and a linear head on its features. Called, it returns the logits.

    Args:
        discriminator: of images alone.
        num_outputs: numbers that the head returns for an image.
        num_classes: None, or the number of classes of the game, whose labels are left out.
        cosine_scale: None, or what the cosines between the features and the head's directions are
            multiplied by. The head then returns these and a bias, whatever the features' length.

    Raises:
        ValueError: the discriminator has no features, or takes labels or images as a condition.
    """

    def __init__(
        self,
        discriminator: keras.Model,
        num_outputs: int,
        num_classes: int | None = None,
        cosine_scale: float | None = None,
        **kwargs: Any,
    ):
        _check_has_features(discriminator)
        super().__init__(**{"dtype": discriminator.dtype_policy, **kwargs})
        self.discriminator = discriminator
        self.num_outputs = num_outputs
        self.num_classes = num_classes
        self.cosine_scale = cosine_scale
        self.image_shape = discriminator.image_shape
        self.independent_examples = discriminator.independent_examples
        # As precise as the layer that computes the logit.
        named = {"dtype": discriminator.variable_dtype, "name": "head"}
        if cosine_scale is None:
            self.head = keras.layers.Dense(num_outputs, **named)
        else:
            self.head = WeightNormalizedDense(num_outputs, trainable_scale=False, **named)

    def build(self, input_shape: object = None) -> None:
        """Create the variables of both; the shape is not needed."""
        if not self.discriminator.built:
            self.discriminator(keras.Input(self.image_shape))
        self.head.build((None, self.discriminator.num_features))

    def call(self, inputs: Any, training: bool = False) -> tf.Tensor:
        images = inputs if self.num_classes is None else inputs[0]
        return self.discriminator(images, training=training)

    def read(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Return what the head makes of images, `[batch, num_outputs]` in at least float32."""
        features = self.discriminator.features(images, training=training)
        features = keras.ops.cast(features, self.head.compute_dtype)
        if self.cosine_scale is not None:
            features = self.cosine_scale * keras.ops.normalize(features)
        return self.head(features)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        images = input_shape if self.num_classes is None else input_shape[0]
        return (images[0], 1)

    def get_config(self) -> JsonDict:
        return {
            **super().get_config(),
            "discriminator": keras.saving.serialize_keras_object(self.discriminator),
            "num_outputs": self.num_outputs,
            "num_classes": self.num_classes,
            "cosine_scale": self.cosine_scale,
        }

    @classmethod
    def from_config(cls, config: JsonDict, custom_objects: JsonDict | None = None) -> WithHead:
        of_images = keras.saving.deserialize_keras_object(config["discriminator"], custom_objects)
        return cls(**{**config, "discriminator": of_images})


class GameWithHead(GAN):
    """A game whose discriminator has a head. A subclass says what the head is for.

    The head and the features that it reads belong to D's side: D's update moves their weights, G's
    update goes through them and moves G alone. The head reads images without augmentation.

    Args:
        generator: the generator.
        discriminator: one of `kgan.networks` with features, of images alone.
        prior: distribution of the latents.
        num_outputs: numbers that the head returns for an image.
        weight: name and value of the argument that is the weight of the term.
        cosine_scale: as in `WithHead`.
        **kwargs: the further arguments of `kgan.GAN`, but for `packing`.

    Raises:
        ValueError: the networks do not fit each other, or an argument is unusable.
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        prior: Prior,
        num_outputs: int,
        weight: tuple[str, float],
        cosine_scale: float | None = None,
        packing: int = 1,
        **kwargs: Any,
    ):
        if packing != 1:
            raise ValueError(
                f"Invalid value for argument `packing`: expected 1, received {packing!r}. The "
                f"discriminator of an {type(self).__name__} reads single images, not packs."
            )
        num_classes = getattr(generator, "num_classes", None)
        with_head = WithHead(discriminator, num_outputs, num_classes, cosine_scale)
        super().__init__(generator, with_head, prior, **kwargs)
        self._weight_name = weight[0]
        setattr(self, weight[0], number(*weight, 0))

    def read(self, images: tf.Tensor) -> tf.Tensor:
        """Return what the head makes of images, `[batch, num_outputs]`, within a step."""
        return self.discriminator.read(images, training=self.terms_in_training)

    def outputs_of(self, images: npt.ArrayLike) -> np.ndarray:
        """Return what the head makes of images in inference mode, float32 `[n, num_outputs]`.

        Raises:
            ValueError: the images are of another shape or range.
        """
        if not self.built:
            self.build()
        x = images if hasattr(images, "shape") else np.asarray(images)
        check_domain(self, x, self.image_shape, "images")
        x = tf.convert_to_tensor(x)
        parts = [self.discriminator.read(x[i : i + _CHUNK]) for i in range(0, len(x), _CHUNK)]
        return np.concatenate([part.numpy() for part in parts]).astype(np.float32, copy=False)

    def training_settings(self) -> JsonDict:
        return {**super().training_settings(), self._weight_name: getattr(self, self._weight_name)}

    def get_config(self) -> JsonDict:
        config = super().get_config()
        del config["packing"]
        of_images = keras.saving.serialize_keras_object(self.discriminator.discriminator)
        weight = {self._weight_name: getattr(self, self._weight_name)}
        return {**config, "discriminator": of_images, **weight}


def _check_has_features(discriminator: keras.Model) -> None:
    """Check that a discriminator has features, which are of the image alone.

    Raises:
        ValueError: it does not.
    """
    received = None
    if not isinstance(discriminator, Discriminator):
        received = f"{type(discriminator).__name__}, which is none"
    elif type(discriminator).last_features is Discriminator.last_features:
        received = f"{type(discriminator).__name__}, which has none"
    elif discriminator.num_classes is not None:
        received = f"one that takes labels itself, with num_classes={discriminator.num_classes}"
    if received is not None:
        raise ValueError(
            "Invalid value for argument `discriminator`: expected one of kgan.networks with "
            "`features` of the image alone, such as kgan.networks.MLPDiscriminator without "
            f"`num_classes`, received {received}."
        )
