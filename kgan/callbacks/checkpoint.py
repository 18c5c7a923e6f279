"""Checkpoints while training, and exact resumption from them."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Collection, Mapping
from typing import Any

import keras
import tensorflow as tf

from kgan.callbacks.base import StepCallback
from kgan.callbacks.health import check_finite
from kgan.checkpoint import Checkpoints, restore
from kgan.utils import checks
from kgan.utils.types import JsonDict, Logs

__all__ = ["Checkpoint"]


class Checkpoint(StepCallback):
    """Checkpoints of the whole state of a training, from the newest of which it resumes exactly.

    `gan.fit(images, epochs=20, callbacks=[..., Checkpoint(directory)])` resumes from the newest
    checkpoint in the directory. It ends with the same bits as a training that never stopped, given
    data of `kgan.data.load` and the same networks, optimizers, arguments of `fit` and machine.

    Other data start anew in each epoch. Their checkpoints are written at ends of epochs only, and
    the resumed training is the same if every epoch of the data is. Name this callback last, so that
    an epoch's other files are written before its checkpoint.

    A callback that ends training early, such as EarlyStopping, ends its epoch too; `fit` with more
    epochs then continues with the next one. Other callbacks' state, such as the patience of
    EarlyStopping, is not saved.

    `epochs` counts from the start of the training, over all calls of `fit`. Where nothing is left
    to train, a warning says so. Checkpoints record the arguments of `kgan.GAN` and `compile`, and
    what is known of the data. Resuming with others is refused unless `accept_changes` is True.

    Args:
        directory: where the checkpoints are.
        every: steps between two checkpoints; None saves at the end of each epoch.
        minutes: the most minutes between two checkpoints; None sets no limit.
        keep: number of newest checkpoints to keep.
        accept_changes: whether a training with other settings or data than the checkpoint's goes on
            with the new ones, learning rates included. Another optimizer, whose variables the
            checkpoint lacks, is refused in any case.

    Attributes:
        rollbacks: rollback count of this training. After adding 1, call `fit` again: training
            resumes from the newest checkpoint and draws other random numbers.

    Raises:
        ValueError: an argument is not positive.

    Example:
        ```python
        gan.fit(images, epochs=20, callbacks=[kgan.callbacks.Checkpoint("checkpoints")])
        ```
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        every: int | None = None,
        minutes: float | None = None,
        keep: int = 3,
        accept_changes: bool = False,
    ):
        super().__init__()
        self.every = None if every is None else checks.positive_integer("every", every)
        self.minutes = minutes
        if minutes is not None:
            hint = "None sets no limit."
            self.minutes = checks.number("minutes", minutes, 0, ends="()", hint=hint)
        self.checkpoints = Checkpoints(directory, checks.positive_integer("keep", keep))
        self.accept_changes = accept_changes
        self.rollbacks = 0
        self._settings: JsonDict = {}  # of the training's start
        self._data: JsonDict = {}
        self._resumed: tuple[os.PathLike[str], int] | None = None
        self._stop = False
        self._steps = 0
        self._done = 0
        self._logs: list[tf.Tensor] = []

    def resume(
        self, model: keras.Model, steps: int, data: JsonDict | None = None
    ) -> tuple[int, int] | None:
        """Restore the newest checkpoint; `kgan.GAN.fit` calls this before it begins.

        Args:
            model: the compiled `kgan.GAN`.
            steps: steps of an epoch if the data can seek to a step within it, else 0.
            data: what is known of the data, plain values by name.

        Returns:
            The epoch to begin with and how many of its steps are done; None without a checkpoint.

        Raises:
            ValueError: the checkpoint is of another model or of other settings, or lies within an
                epoch of other data. No variable has changed then.
        """
        self._steps, self._done, self._resumed = steps, 0, None
        self._data = data or {}
        self._settings = {**model.training_settings(), **self._data}
        newest = self.checkpoints.newest()
        if newest is None:
            return None
        path, arrays, place = newest
        if place["done"] and place["steps"] != steps:
            received = f"an epoch of {steps}" if steps else "data that cannot seek to a step"
            raise ValueError(
                f"The checkpoint {path} lies within an epoch of {place['steps']} steps: expected "
                f"data of `kgan.data.load` with as many, received {received}. Fit "
                "the data that the training began with, or name another directory."
            )
        kept = self._accept(model, place.get("settings", []), path)  # earlier editions have none
        kept += [(variable, variable.numpy()) for variable in model.given_variables]
        restore(model, arrays, path)
        for variable, value in kept:
            variable.assign(value)
        # The caller may have counted a rollback that this older checkpoint does not know of.
        self.rollbacks = max(self.rollbacks, int(model.rollbacks.numpy()))
        model.rollbacks.assign(self.rollbacks)
        self._done = place["done"]
        self._resumed = path, place["epoch"]
        # Keras resets the running means of the logs when an epoch begins.
        self._logs = [keras.ops.copy(variable) for variable in model.metrics_variables]
        return place["epoch"], place["done"]

    def _accept(
        self, model: keras.Model, recorded: list[JsonDict], path: os.PathLike[str]
    ) -> list[tuple[keras.Variable, float]]:
        """Compare the present settings with recorded ones, and set those to record from now on.

        Returns:
            The learning rates to set after restoring, with their values.

        Raises:
            ValueError: settings differ, and are not to be accepted.
        """
        now = self._settings
        changed = _changed(recorded, now)
        if changed and not self.accept_changes:
            raise ValueError(
                f"The checkpoint {path} is of other settings: {_sentence(changed)}. Use the "
                "earlier ones, name another directory, or pass accept_changes=True to "
                "kgan.callbacks.Checkpoint to go on with the new ones."
            )
        if recorded:
            kept = now.keys() & recorded[0].keys() - changed.keys()
            self._settings = {**now, **{name: recorded[0][name] for name in kept}}
        return _learning_rates(model, changed)

    def stop(self) -> None:
        """Save after the present step, then raise KeyboardInterrupt.

        If the data cannot seek to a step within an epoch, this happens after the present epoch. A
        signal handler may call this.
        """
        self._stop = True

    def on_train_begin(self, logs: Logs = None) -> None:
        super().on_train_begin(logs)
        epochs = self.params.get("epochs")
        if self._resumed and epochs and self._resumed[1] >= epochs:
            warnings.warn(
                f"Nothing is left to train: the checkpoint {self._resumed[0]} is already at epoch "
                f"{self._resumed[1]} of {epochs}. `epochs` counts from the start of the training: "
                "pass more, or name another directory.",
                stacklevel=2,
            )
        self._saved_at = time.monotonic()
        self._saved_step = self.step

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._epoch = epoch
        self._began_at = self.step - self._done
        if self._done:
            for variable, value in zip(self.model.metrics_variables, self._logs, strict=True):
                variable.assign(value)
        self._done = 0

    def on_steps_end(self, before: int, logs: Mapping[str, float]) -> None:
        done = self.step - self._began_at
        epoch_ends = done == self._steps or self.model.stop_training
        if self._steps and not epoch_ends and self._due():
            self.save(self._epoch, done)

    def _due(self) -> bool:
        late = self.minutes and time.monotonic() - self._saved_at > 60 * self.minutes
        # Count from the last save, as one at an epoch's end may have passed the multiple.
        passed = self.every and self.passed_multiple(self.every, since=self._saved_step)
        return bool(self._stop or late or passed)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if self.every is None or self._due():
            self.save(epoch + 1, 0)

    def on_train_end(self, logs: Logs = None) -> None:
        if self._saved_step != self.step:
            self.save(self._epoch + 1, 0)

    def save(self, epoch: int, done: int) -> None:
        """Write a checkpoint.

        Args:
            epoch: the epoch that a resumed training begins with.
            done: number of its steps that are done.

        Raises:
            OSError: it cannot be written.
            FloatingPointError: a variable is not finite; nothing is written.
            KeyboardInterrupt: `stop` was called.
        """
        check_finite(self.model, f"at step {self.step}")
        settings = [self._settings]
        # A callback of the user's may have set a learning rate since; both are the training's own.
        now = {**self.model.training_settings(), **self._data}
        if now != self._settings:
            settings.append(now)
        place = {"epoch": epoch, "done": done, "steps": self._steps, "settings": settings}
        try:
            self.checkpoints.save(self.model, place)
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


def _changed(recorded: list[JsonDict], now: JsonDict) -> dict[str, tuple[Any, Any]]:
    """Return the earlier and the present value of each setting that has changed, by name.

    Args:
        recorded: the settings at the training's start and at the checkpoint. A setting that equals
            either has not changed. One that only other versions know is no change.
        now: the present settings.
    """
    return {
        name: (recorded[-1].get(name), value)
        for name, value in now.items()
        if recorded
        and name in recorded[0]
        and all(name not in earlier or value != earlier[name] for earlier in recorded)
    }


def _sentence(changed: Mapping[str, tuple[Any, Any]]) -> str:
    def shown(value: Any) -> str:
        return f"{value:.6g}" if isinstance(value, float) else str(value)

    return "; ".join(
        f"{name}: {shown(old)} there, {shown(new)} now" for name, (old, new) in changed.items()
    )


def _learning_rates(
    model: keras.Model, changed: Collection[str]
) -> list[tuple[keras.Variable, float]]:
    """Return the learning rates that changed, which `restore` would set back, and their values."""
    found = []
    for name in ("generator_optimizer", "discriminator_optimizer"):
        optimizer = getattr(model, name)
        optimizer = getattr(optimizer, "inner_optimizer", optimizer)  # of a LossScaleOptimizer
        rate = optimizer.learning_rate
        mine = (each for each in changed if each.startswith(name))
        if isinstance(rate, keras.Variable) and any(m.endswith("learning_rate") for m in mine):
            found.append((rate, float(rate)))
    return found
