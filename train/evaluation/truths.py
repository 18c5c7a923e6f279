"""Images that are held against the true ones, and beside them the controls."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from .context import EvaluationContext
from .report import MetricResult

# Maps images, and the true ones, to a number for each of them.
Measure = Callable[[np.ndarray, np.ndarray], np.ndarray]


def against_truths(
    context: EvaluationContext,
    subject: str,
    images: Mapping[str, np.ndarray],
    truths: np.ndarray,
    measures: Mapping[str, Measure],
) -> list[MetricResult]:
    """Return the mean of each measure, and the share that keeps its class where there are classes.

    Args:
        context: the evaluation.
        subject: what the names of the metrics begin with.
        images: what is measured: "" -> what the generator made, and "_of_..." -> controls.
        truths: the true images, as many.
        measures: by name.
    """
    of_pairs = dict(measures)
    if context.classes is not None:
        classify = context.classes.classifier.labels
        expected = classify(truths)
        of_pairs["same_class"] = lambda found, _: classify(found) == expected
    return [
        MetricResult(f"{subject}_{name}{of}", *_mean(measure(found, truths)), reals=len(truths))
        for name, measure in of_pairs.items()
        for of, found in images.items()
    ]


def _mean(values: np.ndarray) -> tuple[float, int, None, float]:
    """Return the mean, the number of values, no value of real data, and the standard error."""
    values = np.asarray(values, np.float64)
    error = float(values.std() / math.sqrt(len(values)))
    return float(values.mean()), len(values), None, error
