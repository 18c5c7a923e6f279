"""How close an encoder and its generator bring a test image back, beside its nearest neighbour."""

from __future__ import annotations

import numpy as np

from kgan.metrics import nearest

from .context import EvaluationContext, flat
from .report import MetricResult
from .truths import against_truths

MOST = 1_000  # images that are reconstructed: each is held against all training images


def reconstruction(context: EvaluationContext) -> list[MetricResult]:
    """Return the mean squared error of G(E(x)), and the share that keeps its class.

    Below each stands the control: the training image that is nearest to x.
    """
    real = context.real
    truths, known = real.test[:MOST], real.apart_from_test
    made = context.generator.reconstruct(truths)
    images = {
        "": made if real.are_points else made.clip(0, 1),
        "_of_nearest_image": known[nearest(flat(truths), flat(known))[1][:, 0]],
    }
    measures = {"error": lambda found, true: np.square(flat(found) - flat(true)).mean(axis=1)}
    return against_truths(context, "reconstruction", images, truths, measures)
