"""How close a translated image comes to the true one, beside two answers that need no training."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from kgan import plots
from kgan.conditions import Grey

from ..choices import PREVIOUS_FRAMES
from .context import EvaluationContext, flat
from .report import MetricResult
from .truths import Measure, against_truths

MOST = 1_000  # pairs that are compared: each is held against all training images
SHOWN = 24
_CHUNK = 5_000  # training images whose conditions are made together
_EQUAL = 100.0  # dB that stand for equal images, whose PSNR is infinite
_WINDOW = 11  # of SSIM (Wang et al. 2004), where the image is as large


def pairs(context: EvaluationContext) -> list[MetricResult]:
    """Return L1, PSNR and SSIM of samples against the true images of their conditions.

    Below each stand two controls: the condition itself, enlarged bicubically where it is smaller
    (of frames, the last one), and the training image whose condition is nearest. A game lowers PSNR
    by design: the mean of all plausible images is nearer to the true one than any of them.
    """
    truths, made, given = _truths(context), context.samples[:MOST], _conditions(context)
    copied = "condition"
    if context.real.form["condition"] == PREVIOUS_FRAMES:
        copied, given = "last_frame", given[..., -truths.shape[-1] :]
    images = {
        "": made,
        f"_of_{copied}": as_images(given, truths.shape[1:]),
        "_of_nearest_pair": nearest(context),
    }
    return against_truths(context, "pairs", images, truths, _measures(truths.shape[1:3]))


def picture(context: EvaluationContext) -> np.ndarray:
    """Return a picture: condition, sample, true image, and again."""
    rows = slice(SHOWN)
    parts = (_conditions(context)[rows], context.samples[:MOST][rows], _truths(context)[rows])
    return plots.side_by_side(*parts, value_range=(0.0, 1.0))


def as_images(conditions: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return conditions as images: enlarged bicubically, with the channels of an image.

    Args:
        conditions: `[n, rows, columns, channels]` in [0, 1]. A mask, the last one, is left out.
        shape: `(height, width, channels)` of one image.
    """
    *sides, channels = shape
    if (conditions.shape[-1], channels) == (3, 1):
        conditions = np.asarray(Grey()(conditions))
    images = conditions[..., :channels] if conditions.shape[-1] >= channels else conditions[..., :1]
    if images.shape[1:3] != tuple(sides):
        images = tf.image.resize(images, sides, "bicubic").numpy().clip(0, 1)
    return np.broadcast_to(images, (len(images), *shape))


def nearest(context: EvaluationContext) -> np.ndarray:
    """Return, for each pair, the training image whose condition is nearest (Euclidean)."""
    real = context.real
    asked = flat(_conditions(context)).astype(np.float32)
    best = np.full(len(asked), np.inf, np.float32)
    rows = np.zeros(len(asked), np.int64)
    for start in range(0, len(real.apart_from_test), _CHUNK):
        rows_of_chunk = slice(start, min(start + _CHUNK, len(real.apart_from_test)))
        known = flat(_conditions_of(context, "training", rows_of_chunk))
        # Without the square of what is asked for, which is the same for all.
        distances = np.square(known).sum(1) - 2 * asked @ known.T
        found = distances.argmin(1)
        values = distances[np.arange(len(asked)), found]
        rows = np.where(values < best, start + found, rows)
        best = np.minimum(best, values)
    return real.apart_from_test[rows]


def _truths(context: EvaluationContext) -> np.ndarray:
    return context.real.test[: min(MOST, len(context.samples))]


def _conditions(context: EvaluationContext) -> np.ndarray:
    return _conditions_of(context, "test", slice(len(_truths(context))))


def _conditions_of(context: EvaluationContext, part: str, rows: slice) -> np.ndarray:
    """Return the conditions of images of the training or the test: given ones, or made ones."""
    given = context.real.conditions.get(part)
    if given is not None:
        return given[rows]
    assert context.generator.condition is not None
    return np.asarray(context.generator.condition(tf.constant(getattr(context.real, part)[rows])))


def _measures(sides: tuple[int, ...]) -> dict[str, Measure]:
    """Return the measures by name; each maps two arrays of images to a number for each pair."""
    window = min(_WINDOW, *sides)
    return {
        "l1": lambda made, true: np.abs(made - true).mean((1, 2, 3)),
        "psnr": lambda made, true: tf.image.psnr(made, true, 1.0).numpy().clip(max=_EQUAL),
        "ssim": lambda made, true: tf.image.ssim(made, true, 1.0, filter_size=window).numpy(),
    }
