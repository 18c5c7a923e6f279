"""A training that goes on where it was stopped, as if it had not been."""

from __future__ import annotations

import os
import time
from typing import Any

import keras

from kgan.callbacks.base import StepCallback
from kgan.callbacks.health import check_finite
from kgan.checkpoint import Checkpoints, restore

__all__ = ["Checkpoint"]


class Checkpoint(StepCallback):
    """Saves the whole state of a game now and then, and resumes from the newest.

    `gan.fit(images, epochs=20, callbacks=[..., Checkpoint(directory)])` goes on where the newest
    checkpoint in the directory was written, and ends with the same bits as a training that was
    never stopped. That holds for data of `kgan.data.load`, with the same networks, optimizers,
    arguments of `fit` and machine. Other data begin anew in each epoch, so checkpoints of these are
    written at ends of epochs alone, and the resumed training is the same where every epoch of the
    data is. Name it last among the callbacks, so that an epoch's other files are written before.

    A callback that ends the training early, as EarlyStopping does, ends its epoch as well; `fit`
    with more epochs then goes on with the next one. Other callbacks keep their own state, such as
    the patience of EarlyStopping, and begin it anew.

    Args:
        directory: where the checkpoints lie.
        every: steps between two checkpoints; None for one at the end of each epoch.
        minutes: minutes after which one is written at the latest; None for no such limit.
        keep: how many of the newest are kept.

    Attributes:
        rollbacks: how often this training has gone back. Add one and call `fit` again, and the game
            goes on from the newest checkpoint with random numbers that it has not had before.

    Raises:
        ValueError: an argument is not positive.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        every: int | None = None,
        minutes: float | None = None,
        keep: int = 3,
    ):
        super().__init__()
        for name, value in (("every", every), ("keep", keep)):
            if value is None and name == "every":
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(
                    f"Invalid value for argument `{name}`: expected a positive integer, "
                    f"received {value!r}."
                )
        if minutes is not None and not minutes > 0:
            raise ValueError(
                "Invalid value for argument `minutes`: expected None or a positive number, "
                f"received {minutes!r}."
            )
        self.every = every
        self.minutes = minutes
        self.checkpoints = Checkpoints(directory, keep)
        self.rollbacks = 0
        self._stop = False
        self._steps = 0
        self._done = 0
        self._logs: list[Any] = []

    def resume(self, model: keras.Model, steps: int) -> tuple[int, int] | None:
        """Restores the newest checkpoint; `kgan.GAN.fit` calls this before it begins.

        Args:
            model: the compiled game.
            steps: of an epoch, where the data can be gone to in the midst of one; else 0.

        Returns:
            The epoch to begin with and how many of its steps are done; None without a checkpoint.

        Raises:
            ValueError: the checkpoint is of another model, or lies within an epoch of other data;
                no variable has been touched.
        """
        self._steps, self._done = steps, 0
        newest = self.checkpoints.newest()
        if newest is None:
            return None
        path, arrays, place = newest
        if place["done"] and place["steps"] != steps:
            raise ValueError(
                f"The checkpoint {path} lies within an epoch of {place['steps']} steps: expected "
                "data of `kgan.data.load` with as many, received "
                f"{f'an epoch of {steps}' if steps else 'data that cannot be gone to there'}. Fit "
                "the data that the training began with, or name another directory."
            )
        restore(model, arrays, path)
        self.rollbacks = max(self.rollbacks, int(model.rollbacks.numpy()))
        model.rollbacks.assign(self.rollbacks)
        self._done = place["done"]
        # Keras resets the running means of the logs when an epoch begins.
        self._logs = [keras.ops.copy(variable) for variable in model.metrics_variables]
        return place["epoch"], place["done"]

    def stop(self) -> None:
        """Makes the training save after the present step and raise KeyboardInterrupt.

        With data that cannot be gone to within an epoch, after the present epoch. A signal handler
        may call this.
        """
        self._stop = True

    def on_train_begin(self, logs: Any = None) -> None:
        """Starts the clock."""
        super().on_train_begin(logs)
        self._saved_at = time.monotonic()
        self._saved_step = self.step

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Takes up the means of an epoch that was begun before."""
        self._epoch = epoch
        self._began_at = self.step - self._done
        if self._done:
            for variable, value in zip(self.model.metrics_variables, self._logs, strict=True):
                variable.assign(value)
        self._done = 0

    def on_steps_end(self, before: int, logs: Any) -> None:
        """Saves when it is time, unless the epoch ends here and its end will save."""
        done = self.step - self._began_at
        ends = done == self._steps or self.model.stop_training
        if self._steps and not ends and self._due():
            self.save(self._epoch, done)

    def _due(self) -> bool:
        late = self.minutes and time.monotonic() - self._saved_at > 60 * self.minutes
        passed = self.every and self._saved_step // self.every != self.step // self.every
        return bool(self._stop or late or passed)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Saves when it is time."""
        if self.every is None or self._due():
            self.save(epoch + 1, 0)

    def on_train_end(self, logs: Any = None) -> None:
        """Saves the last state."""
        if self._saved_step != self.step:
            self.save(self._epoch + 1, 0)

    def save(self, epoch: int, done: int) -> None:
        """Writes a checkpoint.

        Args:
            epoch: the epoch that a resumed training begins with.
            done: how many of its steps are done.

        Raises:
            OSError: it cannot be written.
            FloatingPointError: a variable is not finite, and nothing is written.
            KeyboardInterrupt: `stop` was called.
        """
        check_finite(self.model, f"at step {self.step}")
        try:
            self.checkpoints.save(self.model, {"epoch": epoch, "done": done, "steps": self._steps})
        except OSError as error:
            raise OSError(
                f"A checkpoint could not be written to {self.checkpoints.directory} "
                f"({error.strerror or error}). Earlier ones are intact: mend the cause and repeat "
                "the same training to go on from there."
            ) from error
        self._saved_at = time.monotonic()
        self._saved_step = self.step
        if self._stop:
            self._stop = False
            raise KeyboardInterrupt(
                f"Stopped after step {self.step}, which is saved; the same training goes on there."
            )
