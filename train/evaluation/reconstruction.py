"""How close an encoder and its generator bring a test image back, beside its nearest neighbour."""

from __future__ import annotations

import numpy as np

from kgan.metrics import nearest

from .context import EvaluationContext, flat
from .pairs import mean
from .report import MetricResult

MOST = 1_000  # images that are reconstructed: each is held against all training images


def reconstruction(context: EvaluationContext) -> list[MetricResult]:
    """Return the mean squared error of G(E(x)), and the share that keeps its class.

    Below each stands the control: the training image that is nearest to x.
    """
    real = context.real
    truths = real.test[:MOST]
    # Test images that the run has seen would find themselves.
    training = real.training if real.held_out else real.training[: -len(real.test)]
    made = context.generator.reconstruct(truths)
    images = {
        "": made if real.are_points else made.clip(0, 1),
        "_of_nearest_image": training[nearest(flat(truths), flat(training))[1][:, 0]],
    }
    results = [
        MetricResult(
            f"reconstruction_error{control}",
            *mean(np.square(flat(found) - flat(truths)).mean(axis=1)),
            reals=len(truths),
        )
        for control, found in images.items()
    ]
    if context.classes is None:
        return results
    classify = context.classes.classifier.labels
    expected = classify(truths)
    return results + [
        MetricResult(
            f"reconstruction_same_class{control}",
            *mean((classify(found) == expected).astype(np.float64)),
            reals=len(truths),
        )
        for control, found in images.items()
    ]
