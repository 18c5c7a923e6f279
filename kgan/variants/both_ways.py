"""Two generators as one, and two discriminators as one, for a game on pairs of images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from kgan.utils.checks import one_of
from kgan.utils.types import JsonDict

__all__ = [
    "DIRECTIONS",
    "ByDomain",
    "TwoDiscriminators",
    "TwoGenerators",
    "check_discriminators",
    "parted",
]

DIRECTIONS = ("x_to_y", "y_to_x")
_SAME_SIZE = "Resize the images of both domains to one height and width (`image_size`)."


def parted(pairs: tf.Tensor, channels: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the images of both domains from pairs, where the first has so many channels."""
    return pairs[..., :channels], pairs[..., channels:]


class _Two(keras.Model):
    """Two networks as one, which serializes them.

    Args:
        networks: both, by the names of the constructor's arguments.
    """

    parts: tuple[str, str]

    def __init__(self, networks: tuple[keras.Model, keras.Model], **kwargs: Any):
        dtype = {"dtype": networks[0].dtype_policy, **kwargs}
        super().__init__(**dtype)
        for name, network in zip(self.parts, networks, strict=True):
            setattr(self, name, network)

    def get_config(self) -> JsonDict:
        parts = {
            name: keras.saving.serialize_keras_object(getattr(self, name)) for name in self.parts
        }
        return {**super().get_config(), **parts}

    @classmethod
    def from_config(cls, config: JsonDict, custom_objects: JsonDict | None = None) -> _Two:
        parts = {
            name: keras.saving.deserialize_keras_object(config[name], custom_objects)
            for name in cls.parts
        }
        return cls(**{**config, **parts})


@keras.saving.register_keras_serializable(package="kgan")
class TwoGenerators(_Two):
    """Map pairs (x, y) to (F(y), G(x)): one generator whose images are pairs.

    A pair is both images, stacked along the channels. Called with `[latents, pairs]`, where latents
    are `[batch, 0]`.

    Args:
        generator_xy: G, from images of the domain X to images of Y.
        generator_yx: F, from Y to X.

    Raises:
        ValueError: one of them has no `condition_shape`, takes latents or labels, or they do not
            fit each other.
    """

    parts = ("generator_xy", "generator_yx")
    directions = DIRECTIONS
    latent_dim = 0
    num_classes = None

    def __init__(self, generator_xy: keras.Model, generator_yx: keras.Model, **kwargs: Any):
        generators = dict(zip(self.parts, (generator_xy, generator_yx), strict=True))
        for name, generator in generators.items():
            _check_translates(name, generator)
        if generator_xy is generator_yx:
            raise ValueError(
                "Invalid value for argument `generator_yx`: expected a network of its own, "
                "received the one of `generator_xy`. Make two."
            )
        self.x_shape, self.y_shape = shapes = [shape_of(each) for each in generators.values()]
        for (name, generator), made in zip(generators.items(), reversed(shapes), strict=True):
            given = tuple(getattr(generator, "image_shape", made))
            if given != made:
                raise ValueError(
                    f"Invalid value for argument `{name}`: expected one that makes images of "
                    f"{made}, which the other generator takes, received one for {given}."
                )
        if self.x_shape[:2] != self.y_shape[:2]:
            raise ValueError(
                "Invalid value for argument `generator_yx`: expected images of the height and "
                f"width that `generator_xy` takes, {self.x_shape}, received {self.y_shape}. "
                f"{_SAME_SIZE}"
            )
        ranges = [getattr(each, "value_range", (-1.0, 1.0)) for each in generators.values()]
        if ranges[0] != ranges[1]:
            raise ValueError(
                "Invalid value for argument `generator_yx`: expected the value_range of "
                f"`generator_xy`, {ranges[0]}, received {ranges[1]}."
            )
        self.value_range = ranges[0]
        self.image_shape = (*self.x_shape[:2], self.x_shape[-1] + self.y_shape[-1])
        self.condition_shape = self.image_shape
        super().__init__((generator_xy, generator_yx), **kwargs)

    def direction(self, direction: str) -> keras.Model:
        """Return the generator of a direction, `"x_to_y"` or `"y_to_x"`."""
        one_of("direction", direction, DIRECTIONS)
        return self.generator_xy if direction == "x_to_y" else self.generator_yx

    def build(self, input_shape: object = None) -> None:
        """Create the variables of both; the shape is not needed."""
        for generator in (self.generator_xy, self.generator_yx):
            if not generator.built:
                generator([keras.Input((0,)), keras.Input(shape_of(generator))])

    def call(self, inputs: Sequence[tf.Tensor], training: bool = False) -> tf.Tensor:
        latents, pairs = inputs
        x, y = parted(pairs, self.x_shape[-1])
        made = [
            self.generator_yx([latents, y], training=training),
            self.generator_xy([latents, x], training=training),
        ]
        for name, images, shape in zip(
            reversed(self.parts), made, (self.x_shape, self.y_shape), strict=True
        ):
            if tuple(images.shape[1:]) != shape:
                raise ValueError(f"{name} makes images of {tuple(images.shape[1:])}, not {shape}")
        return keras.ops.concatenate([keras.ops.cast(each, made[0].dtype) for each in made], -1)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return (input_shape[0][0], *self.image_shape)


@keras.saving.register_keras_serializable(package="kgan")
class TwoDiscriminators(_Two):
    """Compute the logits of pairs: those of x above those of y.

    Args:
        discriminator_x: of images of the domain X; its logits are `[batch]`, `[batch, 1]` or
            `[batch, rows, columns, 1]`.
        discriminator_y: of the domain Y, with logits of the same shape.
        x_channels: channels of an image of X.
    """

    parts = ("discriminator_x", "discriminator_y")

    def __init__(
        self,
        discriminator_x: keras.Model,
        discriminator_y: keras.Model,
        x_channels: int,
        **kwargs: Any,
    ):
        super().__init__((discriminator_x, discriminator_y), **kwargs)
        self.x_channels = x_channels
        # The logits of an image depend on it alone only where both do.
        self.independent_examples = all(
            getattr(each, "independent_examples", False)
            for each in (discriminator_x, discriminator_y)
        )

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Create the variables of both for pairs of this shape."""
        *sides, channels = input_shape[1:]
        shapes = ((*sides, self.x_channels), (*sides, channels - self.x_channels))  # type: ignore[operator]
        for name, shape in zip(self.parts, shapes, strict=True):
            discriminator = getattr(self, name)
            if not discriminator.built:
                discriminator(keras.Input(shape))

    def call(self, pairs: tf.Tensor, training: bool = False) -> tf.Tensor:
        images = parted(pairs, self.x_channels)
        logits = [
            _as_patches(getattr(self, name)(each, training=training))
            for name, each in zip(self.parts, images, strict=True)
        ]
        if logits[0].shape[1:] != logits[1].shape[1:]:
            raise ValueError(
                "both discriminators need logits of one shape, as many patches for x as for y, "
                f"and these have {tuple(logits[0].shape[1:])} and {tuple(logits[1].shape[1:])}"
            )
        return keras.ops.concatenate(logits, axis=1)

    def get_config(self) -> JsonDict:
        return {**super().get_config(), "x_channels": self.x_channels}


def shape_of(generator: keras.Model) -> tuple[int, ...]:
    """Return the shape of the images that a generator takes."""
    return tuple(generator.condition_shape)


class ByDomain:
    """An augmentation of images, applied to both images of pairs by itself.

    Args:
        of_images: maps images and a seed to images.
        channels: of an image of X.
    """

    def __init__(self, of_images: Any, channels: int):
        self.of_images = of_images
        self.channels = channels

    def __call__(self, pairs: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        return tf.concat([self.of_images(x, seed) for x in parted(pairs, self.channels)], axis=-1)

    def get_config(self) -> JsonDict:
        return {"of_images": keras.saving.serialize_keras_object(self.of_images)}


def _as_patches(logits: tf.Tensor) -> tf.Tensor:
    logits = keras.ops.cast(logits, "float32") if logits.dtype != "float64" else logits
    return keras.ops.reshape(logits, (-1, 1, 1, 1)) if len(logits.shape) < 3 else logits


def _check_translates(name: str, generator: keras.Model) -> None:
    """Check that a generator makes images of images, and of nothing else.

    Raises:
        ValueError: it does not.
    """
    received = None
    if getattr(generator, "condition_shape", None) is None:
        received = "none"
    elif getattr(generator, "num_classes", None) is not None:
        received = f"num_classes={generator.num_classes} as well"
    elif getattr(generator, "latent_dim", 0):
        received = f"latent_dim={generator.latent_dim} as well"
    if received is not None:
        raise ValueError(
            f"Invalid value for argument `{name}`: expected a generator with a `condition_shape` "
            "and without latents or classes, such as kgan.networks.ResNetTranslator, received "
            f"{received} in {type(generator).__name__}."
        )


def check_discriminators(
    discriminator_x: keras.Model, discriminator_y: keras.Model, shapes: Sequence[tuple[int, ...]]
) -> None:
    """Check that each discriminator takes images of its domain, and nothing else.

    Raises:
        ValueError: it does not.
    """
    both = (discriminator_x, discriminator_y)
    for name, network, shape in zip(TwoDiscriminators.parts, both, shapes, strict=True):
        given = tuple(getattr(network, "image_shape", shape))
        if given != shape:
            raise ValueError(
                f"Invalid value for argument `{name}`: expected one for images of {shape}, which "
                f"are those of its domain, received one for image_shape={given}."
            )
        for declared in ("condition_shape", "num_classes"):
            value = getattr(network, declared, None)
            if value is not None:
                raise ValueError(
                    f"Invalid value for argument `{name}`: expected a discriminator of images "
                    f"alone, received one with {declared}={value}."
                )
    if discriminator_x is discriminator_y:
        raise ValueError(
            "Invalid value for argument `discriminator_y`: expected a network of its own, "
            "received the one of `discriminator_x`. Make two."
        )
