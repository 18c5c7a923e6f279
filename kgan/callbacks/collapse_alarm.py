"""An alarm for mode collapse and for a discriminator that separates data and samples perfectly."""

from __future__ import annotations

import dataclasses
import json
import os
import warnings
from collections.abc import Mapping

import numpy as np

from kgan.callbacks.base import EveryNSteps, Images, check_images, sample_options
from kgan.callbacks.collapse_metrics import (
    LIMITS,
    Classifier,
    CollapseMetrics,
    ReferenceImages,
    limits_for,
)
from kgan.metrics.diversity import MOST
from kgan.utils import checks
from kgan.utils.types import Logs

__all__ = ["CollapseAlarm", "CollapseError"]

ACTIONS = ("warn", "stop")
RISE = 1.1  # a metric recovers if it has grown by more than a tenth


class CollapseError(RuntimeError):
    """Training has collapsed; the message names the metrics.

    Attributes:
        after: step of the last check with no metric below its limit; 0 if there was none.
    """

    def __init__(self, message: str, after: int):
        super().__init__(message)
        self.after = after


class CollapseAlarm(EveryNSteps):
    """An alarm that compares samples with real images, and warns or stops at collapse.

    The alarm fires if one of the `CollapseMetrics` is below its limit at `patience` successive
    checks and does not recover: its last value is at most 1.1 times the first of these checks.
    Generators begin with samples that are all alike and improve, which is no fault. docs/health.md
    says how the limits were found and what to do.

    Each check is a line in `RUN_DIR/metrics.jsonl`, and goes to TensorBoard if tensorboard is
    installed. A resumed training reads these lines, so its alarm fires at the same step. Samples
    come from one seed, and no state changes: unless the alarm fires, training takes the same course
    with this callback as without it. Name this callback after `NonFinite`.

    Args:
        run_dir: the run directory. None writes no lines.
        images: real images in the generator's value range, an array or a `tf.data.Dataset` of
            batches. `kgan.callbacks.collapse_metrics.ReferenceImages` takes `count` of them.
        every: steps between two checks.
        warmup: number of first steps whose checks do not count.
        patience: number of successive checks that must be below a limit.
        action: `"warn"` warns once, and again only after a check with no metric below its limit;
            `"stop"` raises `CollapseError`.
        classifier: None, or a function from images to their classes: integers `[n]` or scores
            `[n, classes]`.
        limits: limit of each metric; 0 to ignore one. None takes `collapse_metrics.LIMITS`, without
            that of `d_error` if the loss does not make logits log-odds (Wasserstein's, for
            example).
        count: number of images and of samples, from 2 to 4,096.
        seed: seed of the samples.

    Attributes:
        history: `CollapseMetrics` by step, of every check, those of the warm-up included. `d_error`
            is the mean over the epoch so far.

    Raises:
        ValueError: an argument is unusable.

    Example:
        ```python
        alarm = kgan.callbacks.CollapseAlarm("runs/mine", images, every=1000, action="stop")
        gan.fit(images, epochs=20, callbacks=[alarm])
        ```
    """

    watches_collapse = True  # so `fit` adds no alarm of its own

    def __init__(
        self,
        run_dir: str | os.PathLike[str] | None,
        images: Images,
        every: int = 500,
        warmup: int = 1000,
        patience: int = 3,
        action: str = "warn",
        classifier: Classifier | None = None,
        limits: CollapseMetrics | None = None,
        count: int = 256,
        seed: int = 0,
    ):
        super().__init__(run_dir, every)
        self.warmup = checks.integer("warmup", warmup, 0)
        self.patience = checks.positive_integer("patience", patience)
        self.action = checks.one_of("action", action, ACTIONS)
        self.limits = limits
        self._limits = LIMITS
        checks.seed_pair("seed", seed)
        self.seed = seed
        self.reference = ReferenceImages(
            images, checks.integer("count", count, 2, MOST), classifier
        )
        self.history: dict[int, CollapseMetrics] = {}
        self._watched: object = None  # the game of the history
        self._fired_at: int | None = None

    def on_train_begin(self, logs: Logs = None) -> None:
        """Go on after the earlier checks, up to the model's step: of the run, or of earlier fits.

        Raises:
            ValueError: the images are not like the samples: another shape or value range.
        """
        check_images(self.reference.images, self.model)
        self._options = sample_options(self.model, self.reference.conditions)
        super().on_train_begin(logs)
        self._limits = self.limits or limits_for(self.model.loss)
        if self._watched is not self.model:
            self._watched, self.history, self._fired_at = self.model, {}, None
        if self.writes:
            self.run.forget_metrics(after=self.step)
            self.history = self._recorded()
        self.history = {step: found for step, found in self.history.items() if step <= self.step}
        # One that was stopped, or went back to an earlier state, is warned of again.
        if self._fired_at is not None and (self.action == "stop" or self._fired_at > self.step):
            self._fired_at = None

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

    def on_every_n_steps(self, logs: Mapping[str, float]) -> None:
        """Check the present state.

        Raises:
            CollapseError: the alarm fires, and `action` is `"stop"`.
        """
        samples = self.model.sample(len(self.reference.images), self.seed, **self._options)
        if not np.isfinite(samples).all():
            return  # `NonFinite` reports it
        found = self.reference.measure(samples, 1 - float(logs["d_accuracy"]))
        self.history[self.step] = found
        self.write_scalars(found.known())
        collapsed = self._collapsed()
        if collapsed and self._fired_at is None:
            self._fired_at = self.step
            self._fire(collapsed)
        elif not found.below(self._limits):
            self._fired_at = None

    def _collapsed(self) -> list[str]:
        """Return the metrics that were low at each of the last checks and do not recover."""
        counted = [metrics for step, metrics in self.history.items() if step > self.warmup]
        last = counted[-self.patience :]
        if len(last) < self.patience:
            return []
        return [
            name
            for name in last[-1].below(self._limits)
            if all(name in metrics.below(self._limits) for metrics in last)
            and getattr(last[-1], name) <= RISE * getattr(last[0], name)
        ]

    def _fire(self, collapsed: list[str]) -> None:
        found = " and ".join(f"{name} below {getattr(self._limits, name):g}" for name in collapsed)
        message = (
            f"Training has collapsed: {self.patience} checks in a row, up to step {self.step}, "
            f"found {found}; now {self.history[self.step]}. docs/health.md says what may help."
        )
        if self.action == "warn":
            warnings.warn(message, stacklevel=2)
            return
        good = [step for step, metrics in self.history.items() if not metrics.below(self._limits)]
        raise CollapseError(message, after=max(good, default=0))
