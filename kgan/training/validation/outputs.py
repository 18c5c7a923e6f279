"""What the networks return, found out by calling each once without data."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from kgan.training.condition import ConditionSpec
from kgan.training.minibatches import network_inputs

__all__ = ["build_discriminator", "build_encoder", "build_generator", "packed_shape"]


def build_generator(
    generator: keras.Model, latent_dim: int, condition: ConditionSpec
) -> tuple[int, ...]:
    """Create the generator's variables and return the shape of one image.

    Raises:
        ValueError: it does not take the latents, or does not return one batch of images.
    """
    latents = keras.Input((latent_dim,))
    given = f"the prior's latents [batch, {latent_dim}]"
    images = _output("generator", generator, latents, condition.symbol(), given)
    shape = tuple(images.shape)
    if len(shape) < 2 or None in shape[1:]:
        raise _unusable(
            "generator",
            "one batch of images [batch, height, width, channels] or points [batch, dim]",
            f"an output of shape {_batched(shape)}",
            "The size of an image must be known.",
        )
    return shape[1:]


def build_discriminator(
    discriminator: keras.Model, image_shape: Sequence[int], condition: ConditionSpec, packing: int
) -> None:
    """Create the discriminator's variables.

    Raises:
        ValueError: it does not take the images, or does not return one logit for each, or patches.
    """
    shape = packed_shape(image_shape, packing)
    images, conditions = keras.Input(shape), condition.symbol(packing)
    packs = f", in packs of {packing}" if packing > 1 else ""
    given = f"the generator's images {_batched((None, *shape))}{packs}"
    logits = tuple(_output("discriminator", discriminator, images, conditions, given).shape)
    if len(logits) not in (1, 2, 4) or (len(logits) > 1 and logits[-1] != 1):
        raise _unusable(
            "discriminator",
            "one logit for each image, [batch, 1], or patches [batch, height, width, 1]",
            f"an output of shape {_batched(logits)}",
            "End it with `keras.layers.Dense(1)`.",
        )


def build_encoder(encoder: keras.Model, image_shape: Sequence[int], latent_dim: int) -> None:
    """Create the variables of an encoder.

    Raises:
        ValueError: it does not take the images, or does not return one latent point for each.
    """
    given = f"images {_batched((None, *image_shape))}"
    latents = _output("encoder", encoder, keras.Input(tuple(image_shape)), None, given)
    if tuple(latents.shape[1:]) != (latent_dim,):
        raise _unusable(
            "encoder",
            f"latents [batch, {latent_dim}]",
            f"an output of shape {_batched(tuple(latents.shape))}",
            f"End it with `keras.layers.Dense({latent_dim})`.",
        )


def packed_shape(image_shape: Sequence[int], packing: int) -> tuple[int, ...]:
    """Return the shape of one image as the discriminator sees it."""
    return (*image_shape[:-1], packing * image_shape[-1])


def _output(name: str, network: keras.Model, inputs: Any, condition: Any, given: str) -> Any:
    """Return the one floating point tensor that a network makes of its inputs."""
    declared = getattr(network, "inputs", None)  # of a functional or sequential model
    if declared and not _fit(declared[0].shape, inputs.shape):
        received = f"one that takes {_batched(declared[0].shape)}"
        raise _unusable(name, f"a network that takes {given}", received, "")
    # A network whose class has no `build` of its own creates its variables when called.
    try:
        output = network(network_inputs(network, inputs, condition))
    except (ValueError, TypeError, AttributeError, IndexError, tf.errors.OpError) as error:
        received = f"one that fails on them: {_reason(error)}"
        raise _unusable(name, f"a network that takes {given}", received, "") from error
    if not isinstance(output, keras.KerasTensor):
        count = f" of {len(output)}" if hasattr(output, "__len__") else ""
        received = f"a {type(output).__name__}{count}"
        raise _unusable(name, "a network with one output", received, "Return a single tensor.")
    if not tf.as_dtype(output.dtype).is_floating:
        raise _unusable(name, "a floating point output", output.dtype, "Cast it to float32.")
    return output


def _fit(declared: Sequence[int | None], given: Sequence[int | None]) -> bool:
    """Return whether a declared shape is that of the input; Keras overlooks the last axis."""
    if len(declared) != len(given):
        return True  # Keras may add or drop an axis of length 1, and else refuses
    pairs = zip(declared[1:], given[1:], strict=True)
    return all(ours is None or ours == theirs for ours, theirs in pairs)


def _unusable(name: str, expected: str, received: str, hint: str) -> ValueError:
    received = received.removesuffix(".")
    return ValueError(
        f"Invalid value for argument `{name}`: expected {expected}, received {received}. "
        f"{hint}".rstrip()
    )


def _batched(shape: Sequence[int | None]) -> str:
    """Return a shape as documents write it: `[batch, 28, 28, 1]`."""
    return f"[{', '.join(['batch', *map(str, shape[1:])][: len(shape)])}]"


def _reason(error: Exception) -> str:
    """Return the sentence within an error of Keras, without colours, frames and arguments."""
    text = re.sub(r"\x1b\[[0-9;]*m|\{\{.*?\}\}", "", str(error))
    text = text.split("Arguments received by")[0]
    lines = [line.strip() for line in text.splitlines()]
    kept = [line for line in lines if line and not line.startswith("Exception encountered")]
    return " ".join(kept) or type(error).__name__
