"""The pictures of an evaluation: each sample beside the image it may be a copy of, and paths."""

from __future__ import annotations

import pathlib

import numpy as np

from kgan import metrics, plots
from kgan.artifacts import RunDirectory
from kgan.utils.atomic_write import atomic_write

from .material import Material

PAIRS, COLUMNS = 32, 8
STRIPS, STEPS = 8, 11


def draw(m: Material, run: RunDirectory, chosen: tuple[str, ...]) -> None:
    """Writes the pictures that belong to the chosen metrics; points have none."""
    if m.real.are_points:
        return
    kind = m.generator.kind
    if "memorisation" in chosen:
        _write(run.evaluation_picture("neighbours", kind), neighbours(m), 2 * COLUMNS)
    if "latent" in chosen:
        strips = metrics.interpolation_strips(
            m.generator.path_images(STEPS), m.generator.prior, STRIPS, STEPS, seed=m.seed
        )
        _write(run.evaluation_picture("interpolation", kind), np.concatenate(strips), STEPS)


def neighbours(m: Material) -> np.ndarray:
    """Pairs sample, nearest training image: of the first samples, then of the nearest ones."""
    found = m.neighbours
    nearest = found.distances.argsort(kind="stable")
    rows = np.concatenate([np.arange(PAIRS // 2), nearest[: PAIRS // 2]])
    pairs = np.stack([m.samples[rows], m.real.training[found.neighbours[rows]]], axis=1)
    return pairs.reshape(-1, *m.real.image_shape)


def _write(path: pathlib.Path, images: np.ndarray, columns: int) -> None:
    with atomic_write(path) as partial:
        plots.write_png(partial, plots.grid(images, (0.0, 1.0), columns))
