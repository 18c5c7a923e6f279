"""What `kgan.GAN.fit` needs of Keras's loop: callbacks that fit two players, epochs that resume."""

from __future__ import annotations

from typing import Any

import keras

__all__ = ["Seek", "validate_callbacks"]

# Keras's callbacks that expect one optimizer or one loss, and what does their work.
_REFUSED = {
    keras.callbacks.BackupAndRestore: (
        "it begins an interrupted epoch again with the weights from within it; "
        "kgan.callbacks.Checkpoint resumes exactly"
    ),
    keras.callbacks.LearningRateScheduler: (
        "there are two learning rates; give each optimizer a schedule "
        "(keras.optimizers.schedules) instead"
    ),
    keras.callbacks.ReduceLROnPlateau: (
        "there are two learning rates, and a game that goes well need not lower any loss; give "
        "each optimizer a schedule (keras.optimizers.schedules) instead"
    ),
    keras.callbacks.SwapEMAWeights: (
        "there are two optimizers; the argument ema_decay of kgan.GAN averages the generator"
    ),
    keras.callbacks.TerminateOnNaN: (
        'it looks at logs["loss"] alone, which a game does not have; '
        "kgan.callbacks.NonFinite looks at both players"
    ),
}


def validate_callbacks(callbacks: Any) -> list[keras.callbacks.Callback]:
    """The callbacks as a list; ValueError where one cannot do its work."""
    given = keras.tree.flatten(callbacks) if callbacks else []
    for callback in given:
        for refused, reason in _REFUSED.items():
            if isinstance(callback, refused):
                raise ValueError(
                    "Invalid value for argument `callbacks`: expected callbacks that work with two "
                    f"players, received {type(callback).__name__}: {reason}."
                )
    if sum(hasattr(callback, "resume") for callback in given) > 1:
        raise ValueError(
            "Invalid value for argument `callbacks`: expected at most one that resumes, received "
            "several. Keep one kgan.callbacks.Checkpoint."
        )
    return given


class Seek(keras.callbacks.Callback):
    """Makes each epoch begin with the batch of the model's next step.

    Args:
        data: the data, with a method `seek(begin, count)`.
        steps: steps of an epoch.
        done: steps of the first epoch that were played before.
    """

    def __init__(self, data: Any, steps: int, done: int):
        super().__init__()
        self.data = data
        self.steps = steps
        self.done = done

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Goes to where the model stands."""
        self.data.seek(self.model.step, self.steps - self.done)
        self.done = 0
