"""The classifier of an evaluation, trained once for a dataset."""

from __future__ import annotations

import dataclasses
import pathlib
import tempfile

import numpy as np

from kgan import data
from kgan.artifacts import RunDirectory
from kgan.metrics import Classifier

from .data import RealData, class_labels, images


@dataclasses.dataclass(frozen=True)
class Classes:
    """The classes of a dataset.

    Attributes:
        classifier: of its images, or of those that were stacked.
        counts: training images of each class, int64 `[num_classes]`.
    """

    classifier: Classifier
    counts: np.ndarray


def find_or_train(real: RealData, run: RunDirectory, data_dir: str | None) -> Classes:
    """Return the classifier of a run's images; train it, in about a minute, if there is none.

    It is saved in the folder `kgan` beside the datasets, where all runs find it, or in the run
    directory if that folder cannot be written to.

    Args:
        real: the data of the run, which have labels.
        run: the run.
        data_dir: directory of TFDS data; None for TFDS's own.

    Raises:
        ValueError: labels are withheld.
    """
    training, test = (labelled(real, part, data_dir) for part in ("training", "test"))
    if min(training[1].min(), test[1].min()) < 0:  # how TFDS marks withheld labels
        raise ValueError(
            f"Labels of {real.name} are withheld, so that no classifier can be trained. Choose "
            "--features=random, and --metrics without score and modes."
        )
    if not real.held_out:
        training = training[0][: -len(test[0])], training[1][: -len(test[0])]
    place = _shared(real.description.directory) or run.path
    return Classes(Classifier.load_or_train(place, training, test), np.bincount(training[1]))


def labelled(real: RealData, part: str, data_dir: str | None) -> tuple[np.ndarray, np.ndarray]:
    """Return images of a part and their labels; for stacks, of the stacked images."""
    split, start, stop = (real.parts[part][key] for key in ("split", "start", "stop"))
    stacked = real.description.stacked
    if stacked:
        n = data.describe(stacked, data_dir).splits[split]
        pictures = images(stacked, split, n, real.form, data_dir, image=real.image)
        return pictures, data.labels(stacked, split, data_dir)[: len(pictures)]
    of_split = class_labels(real.name, split, real.form, data_dir, real.label)
    return getattr(real, part), of_split[start:stop]


def _shared(directory: pathlib.Path | None) -> pathlib.Path | None:
    """Return the folder that all runs share, or None if it cannot be written to."""
    if directory is None:
        return None
    try:
        with tempfile.TemporaryFile(dir=directory):
            return directory / "kgan"
    except OSError:
        return None
