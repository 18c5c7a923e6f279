"""The real data of an evaluation: which part of them stands for what."""

from __future__ import annotations

import dataclasses
import math
import os
from typing import Any

import numpy as np

from kgan import data
from kgan.artifacts import RunDirectory

VALIDATION_ROWS = 1_000  # the protocol of 2014 has so many
_LARGEST = 2**28  # numbers of an array of images: 1 GiB
_LARGEST_REST = 2**26  # of which k-means makes copies
_READ = 1_000


@dataclasses.dataclass(frozen=True)
class RealData:
    """What a generator is compared with, as float32 images `[n, ...]` in [0, 1], or points.

    Attributes:
        name: of the data set.
        image_size: side that the images were resized to, or None.
        training: what the run was trained on.
        validation: the beginning of the last sixth of `training`, 1,000 rows at most.
        rest: `training` without that sixth, the first 256 MiB of it.
        test: images to judge by.
        held_out: whether the run has not seen `test`.
        parts: name of a part -> the split and the rows of it that it is, for the report.
        fingerprint: of the training data.
        description: splits and labels of the data set.
    """

    name: str
    image_size: int | None
    training: np.ndarray
    validation: np.ndarray
    rest: np.ndarray
    test: np.ndarray
    held_out: bool
    parts: dict[str, dict[str, Any]]
    fingerprint: str
    description: data.Description

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Of one image, `(height, width, channels)`, or `(dim,)` of a point."""
        return self.training.shape[1:]

    @property
    def are_points(self) -> bool:
        """Whether these are points rather than images."""
        return len(self.image_shape) == 1

    @property
    def have_classes(self) -> bool:
        """Whether they, or the images that were stacked, have labels."""
        return self.description.num_classes is not None


def read(
    run: RunDirectory, config: dict[str, Any], data_dir: str | os.PathLike[str] | None
) -> RealData:
    """Reads the data of a run.

    Judged by is the split `test`, or else `validation`. A data set that has neither lends the last
    tenth of its training data, which the generator has seen.

    Args:
        run: the run.
        config: what its `config.json` holds.
        data_dir: directory of TFDS data; None for TFDS's own.

    Raises:
        ValueError: the data are not those that the run was trained on.
        OSError: the data cannot be had.
    """
    try:
        name, image_size = (config["options"][key] for key in ("dataset", "image_size"))
        split, recorded = (config["data"][key] for key in ("split", "fingerprint"))
        labelled = config["data"].get("num_classes") is not None
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"{run.config} does not say what the run was trained on ({error}): it was written by "
            "another version of kgan. Evaluate the run with that one."
        ) from error
    description = data.describe(name, data_dir)
    splits = description.splits
    training, fingerprint = images(
        name, split, description.rows(split), image_size, data_dir, labelled
    )
    if fingerprint != recorded:
        raise ValueError(
            f"The data of {name} are not those that the run in {run.path} was trained on: "
            f"fingerprint {recorded} -> {fingerprint}. Name their --data_dir."
        )
    judge = next((other for other in ("test", "validation") if other in splits), None)
    known = training if judge else training[: -(len(training) // 10)]
    sixth = len(known) - len(known) // 6
    validation = known[sixth:][:VALIDATION_ROWS]
    rest = known[: min(sixth, _LARGEST_REST // math.prod(training.shape[1:]))]
    parts = {
        "training": _part(split, 0, len(training)),
        "rest": _part(split, 0, len(rest)),
        "validation": _part(split, sixth, sixth + len(validation)),
    }
    if judge:
        test, _ = images(name, judge, splits[judge], image_size, data_dir)
        parts["test"] = _part(judge, 0, len(test))
    else:
        test = training[len(known) :]
        parts["test"] = _part(split, len(known), len(training))
    return RealData(
        name=name,
        image_size=image_size,
        training=training,
        validation=validation,
        rest=rest,
        test=test,
        held_out=judge is not None,
        parts=parts,
        fingerprint=fingerprint,
        description=description,
    )


def _part(split: str, start: int, stop: int) -> dict[str, Any]:
    return {"split": split, "start": start, "stop": stop, "rows": stop - start}


def images(
    name: str,
    split: str,
    n: int,
    image_size: int | None,
    data_dir: str | os.PathLike[str] | None,
    labelled: bool = False,
) -> tuple[np.ndarray, str]:
    """The first of a split's n images, as many as a gibibyte holds, and its fingerprint.

    The fingerprint is that of the images and their labels where `labelled`.
    """
    size = max(rows for rows in range(1, _READ + 1) if n % rows == 0)  # no row is left over
    batches = data.load(
        name,
        split,
        batch_size=size,
        image_size=image_size,
        value_range=None if name in data.DENSITIES else (0.0, 1.0),
        shuffle=False,
        data_dir=data_dir,
        with_labels=labelled,
    )
    fingerprint, batches = batches.data_fingerprint, data.images_of(batches)
    shape = batches.element_spec.shape[1:]
    count = min(n // size, max(1, _LARGEST // (size * math.prod(shape))))
    array = np.empty((count * size, *shape), np.float32)
    for i, batch in enumerate(batches.take(count).as_numpy_iterator()):
        array[i * size : (i + 1) * size] = batch
    return array, fingerprint
