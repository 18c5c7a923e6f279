"""The pictures of an evaluation: samples beside their nearest training images, and paths."""

from __future__ import annotations

import pathlib

import numpy as np

from kgan import metrics, plots
from kgan.artifacts import RunDirectory
from kgan.utils.atomic_write import atomic_write

from . import pairs
from .context import EvaluationContext

PAIRS, COLUMNS = 32, 8
STRIPS, STEPS = 8, 11


def draw(context: EvaluationContext, run: RunDirectory, chosen: tuple[str, ...]) -> None:
    """Write the pictures of the chosen metrics; points have none."""
    if context.real.are_points:
        return
    kind = context.kind
    if context.generator.condition_shape is not None:
        with atomic_write(run.evaluation_picture("pairs", kind)) as partial:
            plots.write_png(partial, pairs.picture(context))
        chosen = tuple(name for name in chosen if name != "latent")
    if "memorisation" in chosen:
        _write(run.evaluation_picture("neighbours", kind), neighbours(context), 2 * COLUMNS)
    if "latent" in chosen:
        strips = metrics.interpolation_strips(
            context.generator.path_images(STEPS),
            context.prior,
            STRIPS,
            STEPS,
            seed=context.seed,
        )
        _write(run.evaluation_picture("interpolation", kind), np.concatenate(strips), STEPS)


def neighbours(context: EvaluationContext) -> np.ndarray:
    """Return pairs of a sample and its nearest training image: first samples, then nearest ones."""
    found = context.neighbours
    nearest = found.distances.argsort(kind="stable")
    rows = np.concatenate([np.arange(PAIRS // 2), nearest[: PAIRS // 2]])
    pairs = np.stack([context.samples[rows], context.real.training[found.neighbours[rows]]], axis=1)
    return pairs.reshape(-1, *context.real.image_shape)


def _write(path: pathlib.Path, images: np.ndarray, columns: int) -> None:
    with atomic_write(path) as partial:
        plots.write_png(partial, plots.grid(images, (0.0, 1.0), columns))
