"""What a compiled step was traced with, and that it is traced again when that has changed.

TensorFlow traces a step once: Python numbers and objects become constants of the graph. A later
change of one, such as `gan.discriminator_steps = 5`, would have no effect.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras

from kgan import losses
from kgan import penalties as penalties_module
from kgan.training.distribution import ReplicatedModel, check_scope
from kgan.training.keras_private import all_layers
from kgan.utils.checks import positive_integer, single_seed

__all__ = ["RetraceEachEpoch", "Retraced"]

# The attributes of a game that its step reads.
_NUMBERS = (
    *("discriminator_steps", "penalty_interval", "seed", "packing", "num_classes"),
    "discriminator_loss_weight",
)
_MODES = ("jit_compile", "run_eagerly", "steps_per_execution")
_OBJECTS = ("generator", "discriminator", "loss", "prior", "augmentation", "ema")
_OPTIMIZERS = ("generator_optimizer", "discriminator_optimizer")
_PRIVATE_SETTINGS = ("_trainable", "_learning_rate")  # behind public properties
_SIMPLE = (bool, int, float, str, type(None), keras.optimizers.schedules.LearningRateSchedule)


class _Settings:
    """All that a step was traced with, to be compared with what holds later."""

    def __init__(self, gan: Retraced):
        parts = [getattr(gan, name) for name in _OBJECTS]
        optimizers = [getattr(gan, name) for name in _OPTIMIZERS]
        inner = [getattr(optimizer, "inner_optimizer", None) for optimizer in optimizers]
        layers = [layer for part in parts[:2] for layer in all_layers(part)]
        objects = [*parts, *optimizers, *inner, *gan.penalties, *layers]
        numbers = [getattr(gan, name) for name in (*_NUMBERS, *gan.traced, *_MODES)]
        # The objects themselves, not their ids: an id is used again when its object has gone.
        self.objects = objects
        self.numbers = [*numbers, *(fact for part in objects for fact in _facts(part))]

    def same_as(self, other: _Settings) -> bool:
        if len(self.objects) != len(other.objects):
            return False
        pairs = zip(self.objects, other.objects, strict=True)
        return all(one is two for one, two in pairs) and self.numbers == other.numbers


def _facts(part: Any) -> Iterator[tuple[str, object]]:
    """Yield the simple attributes of an object: rates, weights and switches."""
    of_keras = isinstance(part, (keras.Layer, keras.optimizers.Optimizer))
    for name, value in getattr(part, "__dict__", {}).items():
        # Keras's private ones and `built` change with the first call, and say nothing to the step.
        passing = of_keras and (name.startswith("_") or name == "built")
        if isinstance(value, _SIMPLE) and (not passing or name in _PRIVATE_SETTINGS):
            yield name, value


class Retraced(ReplicatedModel):
    """A game whose step is traced again before it runs, if a setting has changed since.

    The weights that the optimizers move are decided by `compile`, as in Keras.

    Attributes:
        traced: names of further attributes that the step reads, of a variant.
    """

    traced: tuple[str, ...] = ()
    loss: losses.AdversarialLoss
    penalties: list[penalties_module.Penalty]
    seed: int
    _settings: _Settings | None = None
    _optimized: tuple[int, ...] = ()

    def remember_weights(self) -> None:
        """Keep which weights the optimizers were built for."""
        self._optimized = self._weights_now()

    def make_train_function(self, force: bool = False) -> Any:
        """Return what `fit` calls for a batch."""
        if self._weights_now() != self._optimized:
            raise ValueError(
                "The trainable weights are not those that the game was compiled for: a layer was "
                "frozen, unfrozen or replaced. Call `compile` again."
            )
        self._forget_if_changed()
        return super().make_train_function(force)

    def make_test_function(self, force: bool = False) -> Any:
        """Return what `evaluate` calls for a batch."""
        self._forget_if_changed()
        return super().make_test_function(force)

    def _weights_now(self) -> tuple[int, ...]:
        return tuple(id(w) for w in (*self.generator_variables, *self.discriminator_variables))

    def _forget_if_changed(self) -> None:
        """Drop the compiled functions if anything that they were traced with has changed."""
        check_scope(self)
        self.loss, self.penalties = losses.get(self.loss), penalties_module.get(self.penalties)
        for name in ("discriminator_steps", "penalty_interval"):
            setattr(self, name, positive_integer(name, getattr(self, name)))
        self.seed = single_seed("seed", self.seed)
        now = _Settings(self)
        if self._settings is None or not now.same_as(self._settings):
            self.train_function = self.test_function = None
        self._settings = now


class RetraceEachEpoch(keras.callbacks.Callback):
    """Let changes that other callbacks make take effect with the next epoch."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.model.make_train_function()
