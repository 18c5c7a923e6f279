"""The networks, the penalties on them, and the pixel value range that they share."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import keras

from kgan.constraints import WeightClip
from kgan.penalties import GradientPenalty, Penalty
from kgan.training.validation.activations import output_bounds
from kgan.utils.checks import bounds

if TYPE_CHECKING:
    from kgan.priors import Prior

__all__ = [
    "check_augmented_sides",
    "check_fills_range",
    "check_networks",
    "check_penalties",
    "shared_range",
]


def check_networks(
    generator: keras.Model, discriminator: keras.Model, prior: Prior, packing: int
) -> None:
    """Check that networks and prior fit each other, as far as they declare what they take.

    Raises:
        ValueError: they do not.
    """
    if not (hasattr(prior, "dim") and hasattr(prior, "sample")):
        raise ValueError(
            "Invalid value for argument `prior`: expected a distribution of latents, such as "
            f"kgan.priors.Normal(100), received {prior!r}."
        )
    # A network may declare nothing; `build` then finds out what it takes.
    latent_dim = getattr(generator, "latent_dim", prior.dim)
    if latent_dim != prior.dim:
        raise ValueError(
            "Invalid value for argument `prior`: expected latents of the generator's "
            f"latent_dim={latent_dim}, received a prior of dim={prior.dim}."
        )
    made = getattr(generator, "image_shape", None)
    seen = getattr(generator, "seen_shape", made)  # of the examples that D sees
    taken = getattr(discriminator, "image_shape", None)
    if seen is not None and taken is not None:
        packed = (*seen[:-1], packing * seen[-1])
        if tuple(taken) != packed:
            packs = f", in packs of {packing} {packed}" if packing > 1 else ""
            raise ValueError(
                "Invalid value for argument `discriminator`: expected one for the generator's "
                f"image_shape={seen}{packs}, received one for image_shape={taken}."
            )
    ours, theirs = (getattr(net, "num_classes", None) for net in (generator, discriminator))
    if ours != theirs:
        raise ValueError(
            "Invalid value for argument `discriminator`: expected one for the generator's "
            f"num_classes={ours}, received one for num_classes={theirs}."
        )
    ours, theirs = (getattr(net, "condition_shape", None) for net in (generator, discriminator))
    # One of the two may do without the condition: D then compares images alone.
    if ours is not None and theirs is not None:
        packed = (*ours[:-1], packing * ours[-1])
        if tuple(theirs) != packed:
            packs = f", in packs of {packing} {packed}" if packing > 1 else ""
            raise ValueError(
                "Invalid value for argument `discriminator`: expected one for the generator's "
                f"condition_shape={ours}{packs}, received one for condition_shape={theirs}."
            )
    # A smooth map of fewer dimensions has an image of measure zero.
    if made is not None and len(made) == 1 and prior.dim < made[0]:
        warnings.warn(
            f"{prior.dim} latent dimensions cannot fill the {made[0]} of the points: the samples "
            "lie on a thin surface, and their density is zero almost everywhere. Choose a larger "
            "`latent_dim` if the data fills its space.",
            stacklevel=3,
        )


def check_augmented_sides(
    augmentation: object, image_shape: Sequence[int], condition_shape: Sequence[int] | None
) -> None:
    """Check that an augmentation can move images and their condition alike.

    Raises:
        ValueError: the condition is an image of another height or width.
    """
    if augmentation is None or condition_shape is None:
        return
    if tuple(condition_shape[:-1]) != tuple(image_shape[:-1]):
        raise ValueError(
            "Invalid value for argument `augmentation`: expected None for conditions of another "
            f"height or width than the images, {tuple(condition_shape)} and {tuple(image_shape)}, "
            f"as it moves both alike, received {augmentation!r}. Leave it out, or enlarge the "
            "conditions."
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


def shared_range(
    given: tuple[float, float] | None, generator: keras.Model, image_shape: Sequence[int]
) -> tuple[float, float] | None:
    """Return the pixel value range of data and samples, or None where there are no bounds.

    Args:
        given: the argument `value_range` of the game.
        generator: whose own `value_range` holds where none is given.
        image_shape: of one sample. Points `(dim,)` have no bounds unless they are declared.

    Raises:
        ValueError: `given` is no such range, or not that of the generator.
    """
    pictures = (-1.0, 1.0) if len(image_shape) > 1 else None
    declared = bounds("value_range", getattr(generator, "value_range", pictures), infinite=True)
    if given is None:
        return declared
    found = bounds("value_range", given, infinite=True)
    if hasattr(generator, "value_range") and found != declared:
        raise ValueError(
            f"Invalid value for argument `value_range`: expected the generator's {declared}, "
            f"received {given!r}. Leave it out, or make the generator with that range."
        )
    return found


def check_fills_range(generator: keras.Model, value_range: tuple[float, float] | None) -> None:
    """Check that a generator can make all values of the range, as far as its activation is seen.

    Raises:
        ValueError: its last activation has narrower bounds.
    """
    known = output_bounds(generator)
    if value_range is None or known is None:
        return
    name, low, high = known
    if low > value_range[0] or high < value_range[1]:
        raise ValueError(
            "Invalid value for argument `generator`: expected one that can fill the game's value "
            f"range {value_range}, received one that ends in {name}, with values from {low:g} to "
            f"{high:g}. Pass its range, `kgan.GAN(..., value_range=(0, 1))` for a sigmoid, and "
            "scale the data to it; or end it in tanh for (-1, 1)."
        )
