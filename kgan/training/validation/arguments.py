"""The arguments of `compile`."""

from __future__ import annotations

from typing import Any

import keras

from kgan import optimizers
from kgan.training.distribution import replicas

__all__ = ["check_jit_compile", "two_optimizers"]


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
