"""A game gone bad is noticed: samples that are all alike, or a discriminator that has won."""

from __future__ import annotations

import dataclasses
import json
import os
import warnings
from typing import Any

import numpy as np
import tensorflow as tf

from kgan.callbacks.base import RunCallback
from kgan.callbacks.collapse_metrics import LIMITS, Classifier, CollapseMetrics, Reference
from kgan.metrics.diversity import MOST

__all__ = ["CollapseAlarm", "CollapseError"]

ACTIONS = ("warn", "stop")
RISE = 1.1  # a number that has grown by more than a tenth is on its way up


class CollapseError(RuntimeError):
    """A game has gone bad; the sentence names the numbers.

    Attributes:
        after: the step of the last check that found all well; 0 where none did.
    """

    def __init__(self, sentence: str, after: int):
        super().__init__(sentence)
        self.after = after


class CollapseAlarm(RunCallback):
    """Holds samples against data now and then, and says when a game has gone bad.

    It fires when one of the `CollapseMetrics` was below its limit at several checks in a row
    and is not on its way up, that is, at most 1.1 times as high at the last as at the first: generators begin
    with samples that are all alike, and rise. docs/health.md tells how the limits were found and
    what to do.

    Each check writes a line to `RUN_DIR/metrics.jsonl`, and to TensorBoard where tensorboard is
    installed. A resumed training reads them, so the alarm comes when it would have come. Samples
    are those of one seed and touch no state: a game takes the same course with a silent alarm as
    without one. Name this callback after `NonFinite`.

    Args:
        run_dir: the run directory.
        images: data in the generator's value range, an array or a `tf.data.Dataset` of batches, of
            which `kgan.callbacks.collapse_metrics.Reference` takes some.
        every: steps between two checks.
        warmup: steps whose checks raise no alarm.
        patience: how many checks in a row must be bad.
        action: `"warn"` for a warning, once until all is well again; `"stop"` for `CollapseError`.
        classifier: None, or a function from images such as these to their classes: integers `[n]`
            or scores `[n, classes]`.
        limits: the numbers below which vitals are bad; 0 for one that does not matter, as D's error
            does not where the loss makes no log-odds of the logits (Wasserstein's, for one).
        count: how many images and samples are compared, at most 4,096.
        seed: of the samples.

    Attributes:
        history: step -> `CollapseMetrics`, of every check, those of the warm-up included. D's error is
            the mean over the epoch so far.

    Raises:
        ValueError: an argument is unusable.
    """

    def __init__(
        self,
        run_dir: str | os.PathLike[str],
        images: Any,
        every: int = 500,
        warmup: int = 1000,
        patience: int = 3,
        action: str = "warn",
        classifier: Classifier | None = None,
        limits: CollapseMetrics = LIMITS,
        count: int = 256,
        seed: int = 0,
    ):
        super().__init__(run_dir)
        _check_integer("every", every, 1)
        _check_integer("warmup", warmup, 0)
        _check_integer("patience", patience, 1)
        _check_integer("count", count, 2, MOST)
        if action not in ACTIONS:
            raise ValueError(
                f"Invalid value for argument `action`: expected one of {', '.join(ACTIONS)}, "
                f"received {action!r}."
            )
        self.reference = Reference(images, count, classifier)
        self.every = every
        self.warmup = warmup
        self.patience = patience
        self.action = action
        self.limits = limits
        self.seed = seed
        self.history: dict[int, CollapseMetrics] = {}

    def on_train_begin(self, logs: Any = None) -> None:
        """Takes up the checks that the run has had, up to where the model stands.

        Raises:
            ValueError: the images are not of the shape that the generator makes.
        """
        super().on_train_begin(logs)
        made = self.model.image_shape
        given = self.reference.images.shape[1:]
        if made != given:
            raise ValueError(
                "Invalid value for argument `images`: expected the shape that the generator makes, "
                f"{made}, received {given}."
            )
        self.run.forget_metrics(after=self.step)
        self.history = self._recorded()
        self._fired = False

    def _recorded(self) -> dict[int, CollapseMetrics]:
        if not self.run.metrics.exists():
            return {}
        names = [field.name for field in dataclasses.fields(CollapseMetrics)]
        lines = map(json.loads, self.run.metrics.read_text().splitlines())
        return {
            line["step"]: CollapseMetrics(**{name: line[name] for name in names if name in line})
            for line in lines
            if "distinct" in line
        }

    def on_steps_end(self, before: int, logs: Any) -> None:
        """Checks when a multiple of `every` has been passed.

        Raises:
            CollapseError: the alarm fires, and its action is to stop.
        """
        if before // self.every == self.step // self.every:
            return
        samples = self.model.sample(len(self.reference.images), self.seed)
        if not np.isfinite(samples).all():
            return  # `NonFinite` says that better
        vitals = self.reference.vitals(samples, 1 - float(logs["d_accuracy"]))
        self.history[self.step] = vitals
        self._write(vitals)
        bad = self._bad()
        if bad and not self._fired:
            self._fired = True
            self._fire(bad)
        elif not vitals.below(self.limits):
            self._fired = False

    def _write(self, vitals: CollapseMetrics) -> None:
        self.run.append_metrics({"step": self.step, **vitals.known()})
        if self._board:
            with self._board.as_default(step=self.step):
                for name, number in vitals.known().items():
                    tf.summary.scalar(name, number)

    def _bad(self) -> list[str]:
        """Names of the vitals that were low at each of the last checks and do not rise."""
        counted = [vitals for step, vitals in self.history.items() if step > self.warmup]
        last = counted[-self.patience :]
        if len(last) < self.patience:
            return []
        return [
            name
            for name in last[-1].below(self.limits)
            if all(name in vitals.below(self.limits) for vitals in last)
            and getattr(last[-1], name) <= RISE * getattr(last[0], name)
        ]

    def _fire(self, bad: list[str]) -> None:
        found = " and ".join(f"{name} below {getattr(self.limits, name):g}" for name in bad)
        sentence = (
            f"The game has gone bad: {self.patience} checks in a row, up to step {self.step}, "
            f"found {found}; now {self.history[self.step]}. docs/health.md says what may help."
        )
        if self.action == "warn":
            warnings.warn(sentence, stacklevel=2)
            return
        well = [step for step, vitals in self.history.items() if not vitals.below(self.limits)]
        raise CollapseError(sentence, after=max(well, default=0))


def _check_integer(name: str, value: Any, least: int, most: int | None = None) -> None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or value < least or (most is not None and value > most):
        raise ValueError(
            f"Invalid value for argument `{name}`: expected an integer of at least {least}"
            f"{'' if most is None else f' and at most {most}'}, received {value!r}."
        )
