"""The labelled images of a semi-supervised run: a few of each class, drawn by a seed."""

from __future__ import annotations

import os
from typing import NamedTuple

import numpy as np

from kgan import data
from kgan.utils.explained import explained

from .config import Config

LABELS_PER_CLASS = 10
_READ = 1_000  # images read at once


class Labelled(NamedTuple):
    """Labelled images of a run.

    Attributes:
        images: float32 `[n, ...]` in the value range of the run.
        labels: int64 `[n]`, in the order of the classes.
        classes: number of classes.
    """

    images: np.ndarray
    labels: np.ndarray
    classes: int


def load_labelled(config: Config, data_dir: str | os.PathLike[str] | None) -> Labelled | None:
    """Return the labelled images of a semi-supervised run; None for any other.

    Args:
        config: what to train.
        data_dir: directory of TFDS data; None for TFDS's own.

    Raises:
        ValueError: the data have no labels, or too few of a class.
        OSError: the data cannot be had.
    """
    if not config.semi_supervised:
        return None
    where = (config.label, config.unreadable)
    described = data.describe(config.dataset, data_dir, *where, group_by=config.group_by)
    if described.num_classes is None:
        raise ValueError(
            "--variant=semi_supervised: expected a --dataset with class labels, received "
            f"--dataset={config.dataset}, which has none, or several features that --label could "
            "name."
        )
    labels = data.labels(config.dataset, config.split, data_dir, *where, group_by=config.group_by)
    rows = _chosen(config, labels, described)
    return Labelled(
        _images(config, rows, len(labels), data_dir), labels[rows], described.num_classes
    )


def _chosen(config: Config, labels: np.ndarray, described: data.Description) -> np.ndarray:
    """Return the rows of the images whose labels are used, class by class."""
    if labels.min() < 0:  # how TFDS marks withheld labels
        raise ValueError(
            f"--split={config.split}: expected images with labels, and those of {config.dataset} "
            "are withheld there. Name another split."
        )
    wanted = config.labels_per_class or LABELS_PER_CLASS
    counts = np.bincount(labels, minlength=described.num_classes or 0)
    fewest = int(counts.argmin())
    if counts[fewest] < wanted:
        name = described.class_names[fewest] if described.class_names else fewest
        raise ValueError(
            f"--labels_per_class={wanted}: expected at most {counts[fewest]}, the number of images "
            f"of the class {name} in --split={config.split} of {config.dataset}."
            + (" A class without any cannot be learned." if not counts[fewest] else "")
        )
    order = np.random.default_rng(config.label_seed or 0).permutation(len(labels))
    return np.concatenate([order[labels[order] == k][:wanted] for k in range(len(counts))])


def _images(
    config: Config, rows: np.ndarray, n: int, data_dir: str | os.PathLike[str] | None
) -> np.ndarray:
    """Return images of the data of a run by their rows of n."""
    size = max(count for count in range(1, _READ + 1) if n % count == 0)  # no row is left over
    batches = data.load(
        config.dataset,
        split=config.split,
        batch_size=size,
        shuffle=False,
        value_range=config.pixels,
        data_dir=data_dir,
        image=config.image,
        **config.picture_options,
    )
    found: dict[int, np.ndarray] = {}
    with explained(batches.explain):
        for i, batch in enumerate(batches.take(rows.max() // size + 1).as_numpy_iterator()):
            here = rows[rows // size == i]
            found.update({row: batch[row - i * size] for row in here.tolist()})
    return np.stack([found[row] for row in rows.tolist()])
