"""How often the classifier of a semi-supervised run is wrong on test images."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from kgan import inference
from kgan.artifacts import RunDirectory

from .classifier import labelled
from .data import RealData
from .metrics import share_standard_error
from .report import MetricResult

_CHUNK = 500  # images that are classified together


def class_error(
    run: RunDirectory, step: int | None, real: RealData, data_dir: str | None
) -> list[MetricResult]:
    """Return the share of test images whose class the run's own classifier gets wrong.

    Args:
        run: a semi-supervised run.
        step: the step of a checkpoint; None for the end of a finished run, else the newest.
        real: its data.
        data_dir: directory of TFDS data; None for TFDS's own.
    """
    trained = inference.read_run(run.path, step)
    images, labels = labelled(real, "test", data_dir)
    if labels.min() < 0:  # withheld
        return []
    starts = range(0, len(images), _CHUNK)
    found = [trained.probabilities(tf.constant(images[i : i + _CHUNK])).numpy() for i in starts]
    share = float((np.concatenate(found).argmax(-1) != labels).mean())
    error = share_standard_error(share, len(labels))
    return [MetricResult("class_error", share, len(labels), error=error, reals=len(labels))]
