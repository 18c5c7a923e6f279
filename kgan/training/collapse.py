"""The collapse alarm of trainings that bring none."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from kgan.utils.types import Logs

__all__ = ["CollapseWatch"]

_WARMUP = 1000  # steps whose checks would not count


class CollapseWatch(keras.callbacks.Callback):
    """Warn once if samples collapse: `kgan.callbacks.CollapseAlarm`, which writes no files.

    Nothing is read or imported in the first 1,000 steps. Data with which samples cannot be
    compared, such as images that are all equal, are not watched.

    Args:
        x: the images of `fit`, or a `tf.data.Dataset`.
        y: their labels or conditions, where they are arrays.
        given: what the user gave for `x`.
        before: the watch of an earlier fit, whose checks this one goes on with if both were given
            the same data.
    """

    def __init__(
        self, x: Any, y: Any = None, given: Any = None, before: CollapseWatch | None = None
    ):
        super().__init__()
        self._data = x if y is None else (x, y)
        self._watched = hasattr(x, "shape") or isinstance(x, tf.data.Dataset)
        self._alarm: keras.callbacks.Callback | None = None
        self._given: Callable[[], Any] = lambda: None
        with contextlib.suppress(TypeError):  # some types have no weak references
            self._given = weakref.ref(x if given is None else given)
        if before is not None and before._given() is self._given() is not None:
            self._alarm, self._watched = before._alarm, before._watched

    def on_train_begin(self, logs: Logs = None) -> None:
        if self._alarm is not None:
            self._alarm.on_train_begin(logs)

    def on_train_end(self, logs: Logs = None) -> None:
        self._data = None  # a game keeps its watch, and need not keep the user's data

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        if not self._watched:
            return
        if self._alarm is None:
            if self.model.step >= _WARMUP:
                self._begin(logs)
            return
        self._alarm.on_train_batch_end(batch, logs)

    def _begin(self, logs: Logs) -> None:
        from kgan.callbacks import CollapseAlarm  # and with it the metrics

        position = getattr(self._data, "kept_position", contextlib.nullcontext)
        try:
            with position():
                self._alarm = CollapseAlarm(None, self._data, warmup=_WARMUP)
            self._alarm.set_model(self.model)
            self._alarm.on_train_begin(logs)
        except ValueError:
            self._watched = False
