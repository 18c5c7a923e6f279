"""The figures that need modes: those of a density, or classes that a classifier finds."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kgan import data, metrics

from .classifier import Classes
from .material import Material, named
from .metrics import BLOCKS, share_error
from .report import Figure, NotApplicableError


def modes(m: Material) -> list[Figure]:
    """How many modes the samples reach, and how evenly."""
    return _mixture_modes(m) if m.real.are_points else _class_modes(m)


def _mixture_modes(m: Material) -> list[Figure]:
    mixture = data.DENSITIES[m.real.name]
    n = len(m.samples)
    test = m.real.test[:n]
    result, real = (
        metrics.mixture_coverage(points, mixture.means, mixture.std) for points in (m.samples, test)
    )
    share = Figure(
        "high_quality",
        result.high_quality,
        n,
        real=real.high_quality,
        error=share_error(result.high_quality, n),
        reals=len(test),
        features=named(m.features),
    )
    return [*_modes(m, result, real, named(m.features)), share]


def _class_modes(m: Material) -> list[Figure]:
    classifier = _classes(m).classifier
    targets: np.ndarray | None = _classes(m).counts
    number, find = classifier.num_classes, classifier.labels
    if m.real.description.stacked:
        number, targets = number**3, None  # PacGAN compares with even shares

        def find(images: np.ndarray) -> np.ndarray:
            return metrics.stacked_labels(images, classifier)

    n = len(m.samples)
    found, real_found = find(m.samples), find(m.real.test[:n])
    result, real = (
        metrics.mode_coverage(labels, number, targets) for labels in (found, real_found)
    )
    figures = _modes(m, result, real, named(classifier), targets)
    if m.generator.num_classes is not None:
        share = float(np.mean(found == m.generator.labels(n)))
        error, accuracy = share_error(share, n), classifier.accuracy
        figures.append(
            Figure("asked_class", share, n, real=accuracy, error=error, features=named(classifier))
        )
    return figures


def _modes(
    m: Material,
    result: metrics.ModeCoverage,
    real: metrics.ModeCoverage,
    space: str,
    targets: np.ndarray | None = None,
) -> list[Figure]:
    n = len(m.samples)
    more: dict[str, Any] = {"of": len(result.shares), "shares": result.shares.tolist()}
    if targets is not None:
        more["data_shares"] = (targets / targets.sum()).tolist()
    return [
        Figure(
            "modes_found",
            result.found,
            n,
            real=real.found,
            reals=min(n, len(m.real.test)),
            features=space,
            more=more,
        ),
        Figure("modes_kl", result.kl, n, real=result.kl_floor, features=space),
    ]


def score(m: Material) -> list[Figure]:
    """The formula of the Inception score, with a classifier of the data's own classes."""
    classifier = _classes(m).classifier
    if m.real.description.stacked:
        raise NotApplicableError("as the classifier knows single images, not stacks")
    rows = min(len(m.samples), len(m.real.test))
    order = np.random.default_rng(m.seed).permutation(rows)
    (value, spread), (real, _) = (
        metrics.classifier_score(classifier.probabilities(images[order]), BLOCKS)
        for images in (m.samples, m.real.test)
    )
    return [
        Figure(
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


def _classes(m: Material) -> Classes:
    if m.classes is None:
        raise NotApplicableError(f"as {m.real.name} has no labels to train a classifier with")
    return m.classes
