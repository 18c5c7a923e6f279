"""A game that has gone bad is noticed at once: numbers that are not finite."""

from __future__ import annotations

import math
from typing import Any

import keras
import tensorflow as tf

from kgan.callbacks.base import StepCallback

__all__ = ["NonFinite", "check_finite", "non_finite"]

_PLAYERS = ("discriminator", "generator")  # in the order of play


def non_finite(model: keras.Model) -> dict[str, list[str]]:
    """The variables of each player and of its optimizer that hold NaN or infinity, by player."""
    return {
        player: [
            variable.path
            for part in (getattr(model, player), getattr(model, f"{player}_optimizer"))
            for variable in part.variables
            if keras.backend.is_float_dtype(variable.dtype) and not _all_finite(variable)
        ]
        for player in _PLAYERS
    }


class NonFinite(StepCallback):
    """Stops a training at the step after which a number of it is not finite, and names the player.

    Both losses and all trained weights are looked at after each step, in the order of play: D, then
    G. So the player named is the one whose numbers went bad first; the variables listed are all
    that are bad by then, for a bad D spoils G within the step. With `steps_per_execution` this is
    after each execution. What else a player and its optimizer hold is looked at when the training
    ends and before each checkpoint of `kgan.callbacks.Checkpoint`, which saves nothing that is not
    finite. Name this callback before that one.
    """

    def on_train_begin(self, logs: Any = None) -> None:
        """Prepares the look at the weights: 1 ms for 4 million, where a step takes 40 ms."""
        super().on_train_begin(logs)
        players = [getattr(self.model, player).trainable_variables for player in _PLAYERS]
        self._finite = tf.function(
            lambda: [
                tf.reduce_all([_all_finite(weight) for weight in player]) for player in players
            ]
        )

    def on_steps_end(self, before: int, logs: Any) -> None:
        """Looks at the losses and the weights.

        Raises:
            FloatingPointError: a number is not finite.
        """
        for player, finite in zip(_PLAYERS, self._finite(), strict=True):
            loss = logs[f"{player[0]}_loss"]
            if math.isfinite(loss) and finite:
                continue
            what = "weights are no longer finite" if math.isfinite(loss) else f"loss became {loss}"
            raise FloatingPointError(
                f"The {player}'s {what} at step {self.step}. {_listed(non_finite(self.model))}"
            )

    def on_train_end(self, logs: Any = None) -> None:
        """Looks at all variables.

        Raises:
            FloatingPointError: one is not finite.
        """
        check_finite(self.model, f"after the last step, {self.step}")


def _all_finite(variable: keras.Variable) -> tf.Tensor:
    return tf.reduce_all(tf.math.is_finite(tf.convert_to_tensor(variable)))


def check_finite(model: keras.Model, when: str) -> None:
    """Makes sure that all variables of a game are finite.

    Raises:
        FloatingPointError: one is not; the sentence names each player's.
    """
    found = non_finite(model)
    if any(found.values()):
        raise FloatingPointError(f"Not all variables are finite {when}. {_listed(found)}")


def _listed(variables: dict[str, list[str]]) -> str:
    sentences = [
        f"Not finite in the {player}: {', '.join(names[:3])}"
        f"{f' and {len(names) - 3} more' if len(names) > 3 else ''}."
        for player, names in variables.items()
        if names
    ]
    return " ".join(sentences) or "All variables are finite."
