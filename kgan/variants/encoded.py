"""A generator and its encoder as one network, and augmentations of the images of pairs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from kgan.utils.types import JsonDict

__all__ = ["EncodedGenerator", "OfImages"]

_PARTS = ("generator", "encoder")


@keras.saving.register_keras_serializable(package="kgan")
class EncodedGenerator(keras.Model):
    """A generator that has an encoder: called with latents, it makes images.

    Args:
        generator: maps latents to images.
        encoder: maps images to latents.

    Attributes:
        seen_shape: of an image and its latents as one vector, `(numbers,)`.

    Raises:
        ValueError: they do not fit each other, take a condition, or do not say their sizes.
    """

    num_classes = None

    def __init__(self, generator: keras.Model, encoder: keras.Model, **kwargs: Any):
        for name, network in zip(_PARTS, (generator, encoder), strict=True):
            _check_unconditional(name, network)
        self.image_shape = _agreed(generator, encoder, "image_shape", "output_shape", "input_shape")
        (self.latent_dim,) = _agreed(
            generator, encoder, "latent_dim", "input_shape", "output_shape"
        )
        self.seen_shape = (math.prod(self.image_shape) + self.latent_dim,)
        super().__init__(**{"dtype": generator.dtype_policy, **kwargs})
        self.generator = generator
        self.encoder = encoder
        # A network that declares no range has that of the game.
        if hasattr(generator, "value_range"):
            self.value_range = generator.value_range

    def check_discriminator(self, discriminator: keras.Model, packing: int) -> None:
        """Check that a discriminator is made for pairs, as far as it declares what it takes.

        Raises:
            ValueError: it is not.
        """
        _check_unconditional("discriminator", discriminator)
        (numbers,) = self.seen_shape
        taken = getattr(discriminator, "image_shape", None)
        if taken is not None and tuple(taken) != (packing * numbers,):
            packs = f", in packs of {packing} ({packing * numbers},)" if packing > 1 else ""
            raise ValueError(
                "Invalid value for argument `discriminator`: expected one of pairs, with "
                f"image_shape=({numbers},){packs}, the {math.prod(self.image_shape)} numbers of an "
                f"image and its {self.latent_dim} latents, received one for "
                f"image_shape={tuple(taken)}."
            )

    def build(self, input_shape: object = None) -> None:
        """Create the variables of both networks; the shape is not needed."""
        if not self.generator.built:
            self.generator(keras.Input((self.latent_dim,)))
        if not self.encoder.built:
            self.encoder(keras.Input(self.image_shape))

    def call(self, latents: tf.Tensor, training: bool = False) -> tf.Tensor:
        return self.generator(latents, training=training)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        return (input_shape[0], *self.image_shape)

    def get_config(self) -> JsonDict:
        parts = {name: keras.saving.serialize_keras_object(getattr(self, name)) for name in _PARTS}
        return {**super().get_config(), **parts}

    @classmethod
    def from_config(
        cls, config: JsonDict, custom_objects: JsonDict | None = None
    ) -> EncodedGenerator:
        parts = {
            name: keras.saving.deserialize_keras_object(config[name], custom_objects)
            for name in _PARTS
        }
        return cls(**{**config, **parts})


class OfImages:
    """An augmentation of images, applied to the images of pairs and not to their latents.

    Args:
        of_images: maps images and a seed to images.
        image_shape: of one image.
        numbers: of a pair.
    """

    def __init__(self, of_images: Any, image_shape: tuple[int, ...], numbers: int):
        self.of_images = of_images
        self.image_shape = image_shape
        self.numbers = numbers

    def __call__(self, pairs: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Return pairs, or packs of them, whose images are augmented each by itself."""
        size = math.prod(self.image_shape)
        each = tf.reshape(pairs, [-1, self.numbers])
        images = self.of_images(tf.reshape(each[:, :size], [-1, *self.image_shape]), seed)
        moved = tf.concat([tf.reshape(images, [-1, size]), each[:, size:]], axis=-1)
        return tf.reshape(moved, [-1, pairs.shape[-1]])

    def get_config(self) -> JsonDict:
        return {"of_images": keras.saving.serialize_keras_object(self.of_images)}


def _agreed(
    generator: keras.Model, encoder: keras.Model, name: str, made: str, taken: str
) -> tuple[int, ...]:
    """Return what both networks declare, or one of them; Keras's own know their shapes.

    Args:
        generator: the generator.
        encoder: the encoder.
        name: the attribute of kgan's networks.
        made: Keras's attribute of the generator.
        taken: Keras's attribute of the encoder.

    Raises:
        ValueError: they differ, or none declares it.
    """
    ours, theirs = _declared(generator, name, made), _declared(encoder, name, taken)
    if ours is None and theirs is None:
        raise ValueError(
            f"Invalid value for argument `encoder`: expected a network with the attribute `{name}`"
            ", such as kgan.networks.MLPEncoder, received "
            f"{type(encoder).__name__}, and the generator has none either."
        )
    if ours is not None and theirs is not None and ours != theirs:
        shown = [f"{name}={each[0] if name == 'latent_dim' else each}" for each in (ours, theirs)]
        raise ValueError(
            f"Invalid value for argument `encoder`: expected one for the generator's {shown[0]}, "
            f"received one for {shown[1]}."
        )
    return ours or theirs  # type: ignore[return-value]


def _declared(network: keras.Model, name: str, of_keras: str) -> tuple[int, ...] | None:
    value = getattr(network, name, None)
    if value is None:  # a functional or sequential network
        shape = getattr(network, of_keras, None)
        return None if shape is None or isinstance(shape, list) else tuple(shape[1:])
    return (value,) if isinstance(value, int) else tuple(value)


def _check_unconditional(name: str, network: keras.Model) -> None:
    """Check that a network takes no condition.

    Raises:
        ValueError: it does.
    """
    for declared in ("num_classes", "condition_shape"):
        value = getattr(network, declared, None)
        if value is not None:
            raise ValueError(
                f"Invalid value for argument `{name}`: expected a network without a condition, as "
                f"a BiGAN has none, received one with {declared}={value}."
            )
