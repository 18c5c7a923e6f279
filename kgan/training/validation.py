"""What a game asks of its networks, optimizers, penalties and labels, checked where they enter."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from kgan import optimizers
from kgan.constraints import WeightClip
from kgan.penalties import GradientPenalty, Penalty
from kgan.training.distribution import replicas

if TYPE_CHECKING:
    from kgan.priors import Prior

__all__ = [
    "check_jit_compile",
    "check_labels",
    "check_networks",
    "check_penalties",
    "sample_labels",
    "two_optimizers",
    "unchanged",
]


@contextlib.contextmanager
def unchanged(network: keras.Model) -> Iterator[None]:
    """Restore the state of a network, all but its trained weights, when the block ends.

    An update moves one network. The other runs in training mode meanwhile, and its normalization
    statistics, random states and power iterations must not move.
    """
    # Trained weights move by the optimizer alone, so they need no copy.
    before = [(state, tf.identity(state)) for state in network.non_trainable_variables]
    yield
    for state, kept in before:
        state.assign(kept)


def check_networks(
    generator: keras.Model, discriminator: keras.Model, prior: Prior, packing: int
) -> None:
    """Check that networks and prior fit each other, as far as they declare what they take.

    Raises:
        ValueError: they do not.
    """
    # A network may declare nothing; `build` then finds out what it takes.
    latent_dim = getattr(generator, "latent_dim", prior.dim)
    if latent_dim != prior.dim:
        raise ValueError(
            "Invalid value for argument `prior`: expected latents of the generator's "
            f"latent_dim={latent_dim}, received a prior of dim={prior.dim}."
        )
    made = getattr(generator, "image_shape", None)
    taken = getattr(discriminator, "image_shape", None)
    if made is not None and taken is not None:
        packed = (*made[:-1], packing * made[-1])
        if tuple(taken) != packed:
            packs = f", in packs of {packing} {packed}" if packing > 1 else ""
            raise ValueError(
                "Invalid value for argument `discriminator`: expected one for the generator's "
                f"image_shape={made}{packs}, received one for image_shape={taken}."
            )
    ours, theirs = (getattr(net, "num_classes", None) for net in (generator, discriminator))
    if ours != theirs:
        raise ValueError(
            "Invalid value for argument `discriminator`: expected one for the generator's "
            f"num_classes={ours}, received one for num_classes={theirs}."
        )
    # A smooth map of fewer dimensions has an image of measure zero.
    if made is not None and len(made) == 1 and prior.dim < made[0]:
        warnings.warn(
            f"{prior.dim} latent dimensions cannot fill the {made[0]} of the points: the samples "
            "lie on a thin surface, and their density is zero almost everywhere. Choose a larger "
            "`latent_dim` if the data fills its space.",
            stacklevel=3,
        )


def check_penalties(penalties: Sequence[Penalty], discriminator: keras.Model) -> None:
    """Check that no penalty contradicts a limit on the weights of a built discriminator.

    Raises:
        ValueError: a `GradientPenalty` asks for gradient norms of 1, and `WeightClip` prevents
            them.
    """
    clipped = any(isinstance(v.constraint, WeightClip) for v in discriminator.trainable_variables)
    if clipped and any(isinstance(penalty, GradientPenalty) for penalty in penalties):
        raise ValueError(
            "Invalid value for argument `penalties`: expected no GradientPenalty for a "
            "discriminator with WeightClip, which it was made to replace. Leave one of them out."
        )


def check_jit_compile(jit_compile: object) -> None:
    """Check that XLA is not asked for where TensorFlow cannot use it.

    Raises:
        ValueError: `jit_compile` is True and there are several replicas.
    """
    if jit_compile is True and replicas() > 1:
        raise ValueError(
            "Invalid value for argument `jit_compile`: expected False with several replicas, "
            "which TensorFlow cannot compile with XLA, received True. A TPU compiles anyway."
        )


def two_optimizers(
    generator_optimizer: Any, discriminator_optimizer: Any, scale_losses: bool
) -> list[keras.optimizers.Optimizer]:
    """Return both optimizers from names, configurations or objects.

    Args:
        generator_optimizer: the generator's.
        discriminator_optimizer: the discriminator's.
        scale_losses: whether each is to scale its loss, as float16 needs.

    Raises:
        ValueError: one optimizer is given twice; its slots would mix.
    """
    found = [optimizers.get(each) for each in (generator_optimizer, discriminator_optimizer)]
    if found[0] is found[1]:
        raise ValueError(
            "Invalid value for argument `discriminator_optimizer`: expected an optimizer of "
            "its own, received the generator's. Make two."
        )
    if not scale_losses:
        return found
    # float16 gradients underflow; Keras scales losses only for the optimizer of its own `compile`.
    scaling = keras.optimizers.LossScaleOptimizer
    return [each if isinstance(each, scaling) else scaling(each) for each in found]


def sample_labels(
    labels: npt.ArrayLike | None, n: int, num_classes: int | None
) -> np.ndarray | None:
    """Return the classes of n samples, int32 `[n]`, or None for a generator without classes.

    Args:
        labels: integers `[n]` or `[n, 1]`, one integer for all, or None for all classes in turn.
        n: the number of samples.
        num_classes: the number of classes, or None.

    Raises:
        ValueError: the labels are not of that many samples, or not of these classes.
    """
    if num_classes is None:
        if labels is None:
            return None
        raise ValueError(
            "Invalid value for argument `labels`: expected None, as the generator is not "
            f"conditional, received {labels!r}. Make it with `num_classes`."
        )
    # In turn, so that a grid of samples shows every class.
    if labels is None:
        return np.arange(n, dtype=np.int32) % num_classes
    return check_labels(labels, n, num_classes)


def check_labels(labels: npt.ArrayLike, n: int, num_classes: int) -> np.ndarray:
    """Return the classes of n examples.

    Args:
        labels: integers `[n]` or `[n, 1]`, or one integer for all.
        n: the number of examples.
        num_classes: the number of classes.

    Returns:
        int32 `[n]`.

    Raises:
        ValueError: the labels are not of that many examples, or not of these classes.
    """
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
