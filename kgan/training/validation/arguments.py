"""The arguments of `compile`."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import keras

from kgan import optimizers
from kgan.training.distribution import replicas
from kgan.training.keras_private import learning_rate_schedule, variable_index
from kgan.utils.types import JsonDict

__all__ = ["build_optimizers", "check_options", "check_schedules", "two_optimizers"]

_OPTIONS = ("jit_compile", "steps_per_execution", "run_eagerly")
_NAMES = ("generator_optimizer", "discriminator_optimizer")
# Of Keras's `compile`: those that a game has no use for, and what to do instead.
_USELESS = {
    "metrics": "The logs of a game are its metrics; kgan.callbacks.Evaluate measures samples.",
    "weighted_metrics": "A game has no weights of examples.",
    "loss_weights": "Penalties have weights of their own.",
    "auto_scale_loss": "A game of dtype mixed_float16 scales both losses.",
}


def check_options(options: JsonDict) -> None:
    """Check the further arguments of `compile`, and drop those that say nothing.

    Raises:
        TypeError: `compile` has no such argument.
        ValueError: an argument would have no effect, or contradicts the strategy.
    """
    for name, remedy in _USELESS.items():
        default = True if name == "auto_scale_loss" else None
        value = options.pop(name, default)
        # None and an empty list ask for nothing, as in Keras.
        if value is not default and (default or value):
            raise ValueError(
                f"Invalid value for argument `{name}`: expected {default}, received {value!r}. "
                f"{remedy}"
            )
    for name in options:
        if name not in _OPTIONS:
            raise TypeError(
                f"Unknown argument `{name}` of `compile`: expected one of {', '.join(_OPTIONS)}."
                + (" A game has two optimizers." if name == "optimizer" else "")
            )
    check_jit_compile(options.get("jit_compile"))


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
        ValueError: one optimizer is given twice, or one has an option that has no effect here.
    """
    found = [optimizers.get(each) for each in (generator_optimizer, discriminator_optimizer)]
    for name, each in zip(_NAMES, found, strict=True):
        _check_optimizer(name, each)
        _check_optimizer(name, getattr(each, "inner_optimizer", each))
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


def _check_optimizer(name: str, optimizer: keras.optimizers.Optimizer) -> None:
    """Check the options of an optimizer.

    Raises:
        ValueError: one of them has no effect in a game, or not on several replicas.
    """
    if optimizer.use_ema:
        raise ValueError(
            f"Invalid value for argument `{name}`: expected use_ema=False, received True. The "
            "argument `ema_decay` of kgan.GAN averages the generator's weights."
        )
    if optimizer.gradient_accumulation_steps and replicas() > 1:
        raise ValueError(
            f"Invalid value for argument `{name}`: expected no gradient_accumulation_steps with "
            f"several replicas, received {optimizer.gradient_accumulation_steps}. Train with "
            "larger batches, or on one replica."
        )


def check_schedules(both: Sequence[keras.optimizers.Optimizer], k: int) -> None:
    """Warn of a schedule of the discriminator's optimizer that may be made for steps.

    Args:
        both: the generator's optimizer and the discriminator's.
        k: the discriminator's updates of a step.
    """
    inner = [getattr(each, "inner_optimizer", each) for each in both]
    schedules = [learning_rate_schedule(each) for each in inner]
    # That of 2014 says that it counts updates.
    if k == 1 or schedules[1] is None or isinstance(inner[1], optimizers.RisingMomentum):
        return
    lengths = [getattr(schedule, "decay_steps", 0) for schedule in schedules]
    if lengths[1] and lengths[1] == k * lengths[0]:
        return  # made for k updates a step
    warnings.warn(
        f"The discriminator's learning rate schedule counts its updates, {k} a step "
        f"(discriminator_steps={k}): one made for steps ends {k} times too early. Multiply its "
        f"number of steps by {k}.",
        stacklevel=3,
    )


def build_optimizers(
    optimizers_and_weights: Sequence[tuple[keras.optimizers.Optimizer, list[keras.Variable]]],
) -> None:
    """Create the slots of both optimizers for the weights that they move.

    Raises:
        ValueError: an optimizer was built for other weights before.
    """
    for name, (optimizer, weights) in zip(_NAMES, optimizers_and_weights, strict=True):
        if not optimizer.built:
            optimizer.build(weights)
            continue
        try:
            for weight in weights:
                variable_index(getattr(optimizer, "inner_optimizer", optimizer), weight)
        except KeyError as error:
            raise ValueError(
                f"Invalid value for argument `{name}`: expected a new optimizer, received one that "
                "was built for other weights. Make another one."
            ) from error
