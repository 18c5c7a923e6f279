"""How often the codes of an InfoGAN, read as classes, are wrong."""

from __future__ import annotations

import numpy as np

from kgan.artifacts import RunDirectory
from kgan.metrics import match_codes
from kgan.priors import Codes
from kgan.runs import read_game

from .classifier import labelled
from .context import EvaluationContext, named
from .metrics import share_standard_error
from .report import MetricResult


def code_errors(
    context: EvaluationContext, run: RunDirectory, step: int | None, data_dir: str | None
) -> list[MetricResult]:
    """Return the errors of each categorical code, with the best assignment of codes to classes.

    `code_error` is of the code that the run's own Q reads off test images. `code_error_of_samples`
    is of the code that a sample was made from, whose class the classifier names; it needs no Q, and
    so compares with a game without the term. The errors of a second code end in `_2`.

    Args:
        context: samples of a run, of whatever prior.
        run: the run.
        step: the step of a checkpoint; None for the end of a finished run, else the newest.
        data_dir: directory of TFDS data; None for TFDS's own.
    """
    prior, classes, real = context.generator.prior, context.classes, context.real
    if not isinstance(prior, Codes) or classes is None or real.description.stacked:
        return []
    classifier = classes.classifier
    game, _ = read_game(run, step)
    low, high = game.value_range
    images, labels = labelled(real, "test", data_dir)
    count = len(context.samples)
    made_from = np.asarray(prior.sample(count, context.seed))[:, prior.noise.dim :]
    codes = {
        "": (game.codes(low + (high - low) * images), labels),
        "_of_samples": (made_from, classifier.labels(context.samples)),
    }
    results, begin = [], 0
    for i, size in enumerate(prior.categorical):
        for name, (values, true) in codes.items():
            found = values[:, begin : begin + size].argmax(1)
            error, matched = match_codes(found, true, size, classifier.num_classes)
            results.append(
                MetricResult(
                    f"code_error{name}{f'_{i + 1}' if i else ''}",
                    error,
                    len(true),
                    error=share_standard_error(error, len(true)),
                    features=named(classifier) if name else None,
                    more={"class_of_code": matched.tolist()},
                )
            )
        begin += size
    return results
