"""What the game asks of its players: that they fit, and that one stays while the other moves."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kgan.constraints import WeightClip
from kgan.penalties import GradientPenalty

__all__ = ["check_labels", "check_penalties", "check_players", "unchanged"]


@contextlib.contextmanager
def unchanged(player: keras.Model) -> Iterator[None]:
    """Lets `player` run in training mode and then puts its state back, all but trained weights.

    An update is of one player only, so the other's normalisation statistics must not move.
    """
    before = [(state, tf.identity(state)) for state in player.non_trainable_variables]
    yield
    for state, kept in before:
        state.assign(kept)


def check_players(
    generator: keras.Model, discriminator: keras.Model, prior: Any, packing: int
) -> None:
    """Makes sure that D judges what G makes of the prior, as far as they declare what they do.

    Raises:
        ValueError: they do not fit each other.
    """
    latent_dim = getattr(generator, "latent_dim", prior.dim)
    if latent_dim != prior.dim:
        raise ValueError(
            "Invalid value for argument `prior`: expected latents of the generator's "
            f"latent_dim={latent_dim}, received a prior of dim={prior.dim}."
        )
    made = getattr(generator, "image_shape", None)
    judged = getattr(discriminator, "image_shape", None)
    if made is not None and judged is not None:
        packed = (*made[:-1], packing * made[-1])
        if tuple(judged) != packed:
            packs = f", in packs of {packing} {packed}" if packing > 1 else ""
            raise ValueError(
                "Invalid value for argument `discriminator`: expected one for the generator's "
                f"image_shape={made}{packs}, received one for image_shape={judged}."
            )
    classes, told = (getattr(player, "num_classes", None) for player in (generator, discriminator))
    if classes != told:
        raise ValueError(
            "Invalid value for argument `discriminator`: expected one for the generator's "
            f"num_classes={classes}, received one for num_classes={told}."
        )
    if made is not None and len(made) == 1 and prior.dim < made[0]:
        warnings.warn(
            f"{prior.dim} latent dimensions cannot fill the {made[0]} of the points: the samples "
            "lie on a thin surface, and their density is zero almost everywhere. Choose a larger "
            "`latent_dim` if the data fills its space.",
            stacklevel=3,
        )


def check_penalties(penalties: list[Any], discriminator: keras.Model) -> None:
    """Makes sure that no penalty asks of a built D what a limit on its weights forbids.

    Raises:
        ValueError: a `GradientPenalty` is to make slopes 1, and `WeightClip` keeps them low.
    """
    clipped = any(isinstance(v.constraint, WeightClip) for v in discriminator.trainable_variables)
    if clipped and any(isinstance(penalty, GradientPenalty) for penalty in penalties):
        raise ValueError(
            "Invalid value for argument `penalties`: expected no GradientPenalty for a "
            "discriminator with WeightClip, which it was made to replace. Leave one of them out."
        )


def check_labels(labels: Any, n: int, num_classes: int) -> np.ndarray:
    """The classes of n examples.

    Args:
        labels: integers `[n]` or `[n, 1]`, one integer for all, or None for all classes in turn.
        n: how many.
        num_classes: how many classes there are.

    Returns:
        int32 `[n]`.

    Raises:
        ValueError: the labels are not of that many examples, or not of these classes.
    """
    if labels is None:
        return np.arange(n, dtype=np.int32) % num_classes
    given = np.asarray(labels)
    if given.ndim == 0:
        given = np.full(n, given)
    if given.dtype.kind not in "iu" or given.size != n or given.shape[0] != n:
        raise ValueError(
            f"Invalid value for argument `labels`: expected {n} integers, one an image, received "
            f"{given.dtype} of shape {given.shape}."
        )
    if not 0 <= given.min() <= given.max() < num_classes:
        raise ValueError(
            f"Invalid value for argument `labels`: expected classes from 0 to {num_classes - 1}, "
            f"received {given.min()} to {given.max()}."
        )
    return given.reshape(-1).astype(np.int32)
