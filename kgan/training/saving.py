"""How a game is saved: `.keras` files carry both networks, both optimizers and every counter."""

from __future__ import annotations

import functools
from typing import Any

import keras

from kgan.optimizers import FusedAdam
from kgan.training.ema import NoAverage
from kgan.training.settings import settings
from kgan.utils.types import JsonDict

__all__ = ["SavedGame"]

_PARTS = ("generator", "discriminator", "prior", "augmentation")
# Of the dictionary that `get_compile_config` returns. Files of the first edition have no number:
# there every Adam was fused, so that is what their "Adam" means.
_FORMAT = 2


class SavedGame(keras.Model):
    """The hooks by which Keras saves and loads a `kgan.GAN`.

    Attributes:
        further_parts: names of a variant's own arguments that are objects. A file of an edition
            that lacked one means None.
    """

    further_parts: tuple[str, ...] = ()

    def get_config(self) -> JsonDict:
        """Return the arguments of the constructor."""
        values = ("discriminator_steps", "ema_decay", "packing", "seed")
        parts = (*_PARTS, *self.further_parts)
        return {
            **super().get_config(),
            **{name: keras.saving.serialize_keras_object(getattr(self, name)) for name in parts},
            **{name: getattr(self, name) for name in values},
            "value_range": self._given_range,
        }

    @classmethod
    def from_config(cls, config: JsonDict, custom_objects: JsonDict | None = None) -> SavedGame:
        """Return the game that `config` describes."""
        parts = {
            name: keras.saving.deserialize_keras_object(config.get(name), custom_objects)
            for name in (*_PARTS, *cls.further_parts)
        }
        return cls(**{**config, **parts})

    def get_compile_config(self) -> JsonDict | None:
        """Return the arguments of `compile`, so that a loaded game goes on with its optimizers."""
        if not self.compiled:
            return None
        serialize = keras.saving.serialize_keras_object
        return {
            "format": _FORMAT,
            "generator_optimizer": serialize(self.generator_optimizer),
            "discriminator_optimizer": serialize(self.discriminator_optimizer),
            "loss": serialize(self.loss),
            "penalties": [serialize(penalty) for penalty in self.penalties],
            "penalty_interval": self.penalty_interval,
            "jit_compile": self.jit_compile,
            "steps_per_execution": self.steps_per_execution,
            "run_eagerly": self.run_eagerly,
        }

    def compile_from_config(self, config: JsonDict) -> None:
        """Compile as `get_compile_config` says; Keras calls this when it loads a model."""
        arguments = keras.saving.deserialize_keras_object(config)
        # Bit-exact resume of old files needs the optimizer that they were trained by.
        if arguments.pop("format", 1) == 1:
            for name in ("generator_optimizer", "discriminator_optimizer"):
                arguments[name] = _fused(arguments[name])
        self.compile(**arguments)

    def training_settings(self) -> JsonDict:
        """Return what decides the training beside variables, networks and data, by name.

        Plain values, such as `"generator_optimizer.learning_rate"`. `kgan.callbacks.Checkpoint`
        compares them when it resumes.
        """
        return settings(self)

    @property
    def given_variables(self) -> list[keras.Variable]:
        """Variables that hold data of the user, which a resumed training brings itself; here none.

        `training_settings` of a variant that has some tells them apart.
        """
        return []

    def get_build_config(self) -> JsonDict:
        """Return a truthy value: Keras skips `build_from_config` for any other."""
        return {"built": True}

    def build_from_config(self, config: JsonDict) -> None:
        """Build both networks; Keras calls this before it loads weights."""
        if not self.built:
            self.build()

    def load_weights(self, filepath: Any, skip_mismatch: bool = False, **kwargs: Any) -> None:
        """Load weights, as `keras.Model.load_weights`.

        A file with an EMA is refused by a game without one, and the other way round. With
        `skip_mismatch=True`, Keras warns instead; an EMA that the file lacks starts at the loaded
        weights.

        Raises:
            ValueError: the file does not fit the game.
        """
        super().load_weights(filepath, skip_mismatch, **kwargs)
        if self.ema is not None and not self.ema.complete:
            self.ema.restart()

    @property
    def average(self) -> keras.layers.Layer:
        """The EMA of the generator: the name under which `.keras` files hold it."""
        return _no_average() if self.ema is None else self.ema


@functools.cache
def _no_average() -> NoAverage:
    # One object for all games, as Keras tells objects in a file apart by their identity.
    return NoAverage()


def _fused(optimizer: keras.optimizers.Optimizer) -> keras.optimizers.Optimizer:
    """Return the optimizer that a file of the first edition means."""
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        config = optimizer.get_config()
        config["inner_optimizer"] = _fused(optimizer.inner_optimizer)
        return keras.optimizers.LossScaleOptimizer(**config)
    # By exact type: a subclass has an update of its own. AdamW is Adam with a weight decay.
    if type(optimizer) in (keras.optimizers.Adam, keras.optimizers.AdamW):
        return optimizer if optimizer.amsgrad else FusedAdam.from_config(optimizer.get_config())
    return optimizer
