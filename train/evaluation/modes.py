"""Metrics that need modes: those of a density, or classes that a classifier finds."""

from __future__ import annotations

import math

import numpy as np

from kgan import data, metrics
from kgan.utils.types import JsonDict

from .classifier import Classes
from .context import EvaluationContext, named
from .metrics import BLOCKS, share_standard_error
from .report import MetricResult, NotApplicableError


def modes(context: EvaluationContext) -> list[MetricResult]:
    """Return how many modes the samples cover, and how evenly."""
    return _mixture_modes(context) if context.real.are_points else _class_modes(context)


def _mixture_modes(context: EvaluationContext) -> list[MetricResult]:
    mixture = data.DENSITIES[context.real.name]
    n = len(context.samples)
    test = context.real.test[:n]
    result, real = (
        metrics.mixture_coverage(points, mixture.means, mixture.std)
        for points in (context.samples, test)
    )
    space = named(context.features)
    high_quality = MetricResult(
        "high_quality",
        result.high_quality,
        n,
        real=real.high_quality,
        error=share_standard_error(result.high_quality, n),
        reals=len(test),
        features=space,
    )
    return [*_coverage(context, result, real, space), high_quality]


def _class_modes(context: EvaluationContext) -> list[MetricResult]:
    classes = _classes(context)
    classifier, space = classes.classifier, named(classes.classifier)
    stacked = context.real.description.stacked
    number: int = classifier.num_classes
    targets: np.ndarray | None = classes.counts
    if stacked:  # PacGAN compares the modes of stacks, triples of classes, with even shares
        number, targets = number**3, None

    def find(images: np.ndarray) -> np.ndarray:
        return metrics.stacked_labels(images, classifier) if stacked else classifier.labels(images)

    n = len(context.samples)
    found, real_found = (find(images) for images in (context.samples, context.real.test[:n]))
    result, real = (
        metrics.mode_coverage(labels, number, targets) for labels in (found, real_found)
    )
    results = _coverage(context, result, real, space, targets)
    if context.labels is not None:
        share = float(np.mean(found == context.labels))
        error, accuracy = share_standard_error(share, n), classifier.accuracy
        results.append(
            MetricResult("asked_class", share, n, real=accuracy, error=error, features=space)
        )
    return results


def _coverage(
    context: EvaluationContext,
    result: metrics.ModeCoverage,
    real: metrics.ModeCoverage,
    space: str,
    targets: np.ndarray | None = None,
) -> list[MetricResult]:
    n = len(context.samples)
    more: JsonDict = {"of": len(result.shares), "shares": result.shares.tolist()}
    if targets is not None:
        more["data_shares"] = (targets / targets.sum()).tolist()
    return [
        MetricResult(
            "modes_found",
            result.found,
            n,
            real=real.found,
            reals=min(n, len(context.real.test)),
            features=space,
            more=more,
        ),
        MetricResult("modes_kl", result.kl, n, real=result.kl_floor, features=space),
    ]


def score(context: EvaluationContext) -> list[MetricResult]:
    """Return the Inception score's formula, with a classifier of the data's own classes."""
    classifier = _classes(context).classifier
    if context.real.description.stacked:
        raise NotApplicableError("as the classifier knows single images, not stacks")
    rows = min(len(context.samples), len(context.real.test))
    order = np.random.default_rng(context.seed).permutation(rows)
    (value, spread), (real, _) = (
        metrics.classifier_score(classifier.probabilities(images[order]), BLOCKS)
        for images in (context.samples, context.real.test)
    )
    return [
        MetricResult(
            "classifier_score",
            value,
            rows,
            real=real,
            error=spread / math.sqrt(BLOCKS),
            reals=rows,
            features=named(classifier),
            more={"classifier_accuracy": classifier.accuracy},
        )
    ]


def _classes(context: EvaluationContext) -> Classes:
    if context.classes is None:
        raise NotApplicableError(f"as {context.real.name} has no labels to train a classifier with")
    return context.classes
