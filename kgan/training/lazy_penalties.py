"""Lazy regularization: larger penalties at a part of the discriminator's updates.

Karras et al. 2020 (StyleGAN2, arXiv 1912.04958, section 3.1).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from kgan.penalties import Penalty

__all__ = ["with_lazy_penalties"]

# From the penalties to apply to [loss, real logits, fake logits, *gradients].
Descent = Callable[[Sequence[Penalty]], list[tf.Tensor]]


def with_lazy_penalties(
    descent: Descent,
    penalties: Sequence[Penalty],
    interval: int,
    ordinal: tf.Tensor,
    weights: Sequence[keras.Variable],
) -> list[tf.Tensor]:
    """Return `descent(penalties)` at every `interval`-th update, and `descent([])` at the others.

    Args:
        descent: computes the loss, two logits and the gradients, some of which may be None.
        penalties: the penalties of the game.
        interval: 1 for every update.
        ordinal: the number of discriminator updates so far, an int64 scalar.
        weights: what the gradients are of.

    Returns:
        What `descent` returns.
    """
    if interval == 1 or not penalties:
        return descent(penalties)

    # Each branch records its own tape: XLA cannot differentiate through `tf.cond`.
    def branch(chosen: Sequence[Penalty]) -> list[tf.Tensor]:
        loss, real_logits, fake_logits, *gradients = descent(chosen)
        # Both branches must return the same tensors, so a missing gradient becomes zeros.
        pairs = zip(gradients, weights, strict=True)
        full = [tf.zeros(w.shape, w.dtype) if g is None else g for g, w in pairs]
        return [loss, real_logits, fake_logits, *full]

    due = ordinal % interval == 0
    return tf.cond(due, lambda: branch(penalties), lambda: branch([]))
