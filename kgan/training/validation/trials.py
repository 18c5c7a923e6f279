"""Trial calls of the built networks, which find what their shapes do not show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kgan.penalties import Penalty
from kgan.training.condition import ConditionSpec
from kgan.training.validation.layers import (
    check_second_derivatives,
    example_inputs,
    trial_call,
)
from kgan.training.validation.logits import check_logits
from kgan.training.validation.networks import check_penalties
from kgan.training.validation.outputs import packed_shape

if TYPE_CHECKING:
    from kgan.training.saving import SavedGame

__all__ = ["check_built"]


def check_built(gan: SavedGame, penalties: Sequence[Penalty]) -> frozenset[int]:
    """Check the built networks of a game and the penalties on its discriminator.

    Returns:
        Ids of the trained weights that a network assigns to when called, for `unchanged`.

    Raises:
        ValueError: the discriminator does not return logits, or contradicts a penalty.
    """
    check_penalties(penalties, gan.discriminator)
    check_second_derivatives(penalties, gan.discriminator)
    shape = packed_shape(gan.seen_shape, gan.packing)
    images = example_inputs(gan.discriminator, shape, gan.condition, gan.packing)
    check_logits(gan.discriminator, images)
    latents = example_inputs(gan.generator, (gan.prior.dim,), gan.condition)
    overwritten = [
        *trial_call("generator", gan.generator, latents, gan.image_shape),
        *trial_call("discriminator", gan.discriminator, images),
    ]
    encoder = getattr(gan.generator, "encoder", None)
    if encoder is not None:
        overwritten += trial_call(
            "encoder", encoder, example_inputs(encoder, gan.image_shape, ConditionSpec())
        )
    return frozenset(map(id, overwritten))
