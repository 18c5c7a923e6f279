"""A game that has gone bad is noticed at once: numbers that are not finite."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np

from kgan.callbacks.base import StepCallback

__all__ = ["NonFinite", "check_finite", "non_finite"]


def non_finite(model: keras.Model) -> dict[str, list[str]]:
    """The variables of each player and of its optimizer that hold NaN or infinity, by player."""
    players = {
        "generator": (model.generator, model.generator_optimizer),
        "discriminator": (model.discriminator, model.discriminator_optimizer),
    }
    return {
        player: [v.path for part in parts for v in part.variables if not _finite(v)]
        for player, parts in players.items()
    }


def _finite(variable: keras.Variable) -> bool:
    values = keras.ops.convert_to_numpy(variable)
    if not keras.backend.is_float_dtype(variable.dtype):
        return True
    return bool(np.isfinite(values.astype(np.float32)).all())


class NonFinite(StepCallback):
    """Stops a training when a number of it is no longer finite, and names the player.

    Every step's losses are looked at, which costs nothing. A weight that is not finite shows there
    in the next pass through its network: D's within the same step, G's in the next. All variables
    are looked at when the training ends and before each checkpoint of `kgan.callbacks.Checkpoint`,
    which saves no others. Name this callback before that one.
    """

    def on_steps_end(self, before: int, logs: Any) -> None:
        """Looks at the losses.

        Raises:
            FloatingPointError: one is not finite.
        """
        # In the order of play: D judges G's last update, then G meets D's.
        for player, name in (("discriminator", "d_loss"), ("generator", "g_loss")):
            if not math.isfinite(logs[name]):
                raise FloatingPointError(
                    f"The {player}'s loss became {logs[name]} at step {self.step}. "
                    f"{_listed(non_finite(self.model))}"
                )

    def on_train_end(self, logs: Any = None) -> None:
        """Looks at all variables, as no pass follows the last update.

        Raises:
            FloatingPointError: one is not finite.
        """
        check_finite(self.model, f"after the last step, {self.step}")


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
