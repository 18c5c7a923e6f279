"""The real data of an evaluation, and what each part of them is used for."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Mapping

import numpy as np

from kgan import data
from kgan.artifacts import RunDirectory
from kgan.runs import saved_from_python
from kgan.utils.explained import explained
from kgan.utils.types import JsonDict

from ..choices import parse_size

VALIDATION_ROWS = 1_000  # as in the protocol of 2014
_LARGEST = 2**28  # numbers in an array of images: 1 GiB
_LARGEST_REST = 2**26  # smaller, because k-means copies it
_READ = 1_000  # rows read at once


@dataclasses.dataclass(frozen=True)
class RealData:
    """The data a generator is compared with: float32 images `[n, ...]` in [0, 1], or points.

    Attributes:
        name: of the dataset.
        form: what `kgan.data.load` takes of the run's options of pictures, and where its conditions
            are, if they are given.
        training: what the run was trained on.
        validation: the beginning of the last sixth of `training`, 1,000 rows at most.
        rest: `training` without that sixth, the first 256 MiB of it.
        test: the images that samples are compared with.
        held_out: whether the run has not seen `test`.
        parts: name of a part -> its split and rows, for the report.
        fingerprint: of the training data.
        description: splits and labels of the dataset.
        image: name of the feature that is the image; None for the rule of `kgan.data.load`.
        label: the same of the label.
        labels: of a conditional run: the class of each image of `training`.
        conditions: of a run whose conditions are given beside the images: "training" and "test" ->
            those of these parts. Empty where they are made of the images, or there are none.
    """

    name: str
    form: JsonDict
    training: np.ndarray
    validation: np.ndarray
    rest: np.ndarray
    test: np.ndarray
    held_out: bool
    parts: dict[str, JsonDict]
    fingerprint: str
    description: data.Description
    image: str | None = None
    label: str | None = None
    labels: np.ndarray | None = None
    conditions: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Shape of one image, `(height, width, channels)`, or of a point, `(dim,)`."""
        return self.training.shape[1:]

    @property
    def apart_from_test(self) -> np.ndarray:
        """What of `training` is not in `test`, whose images would else be their own neighbours."""
        return self.training if self.held_out else self.training[: -len(self.test)]

    @property
    def are_points(self) -> bool:
        """Whether these are points rather than images."""
        return len(self.image_shape) == 1

    @property
    def have_classes(self) -> bool:
        """Whether they have labels, or the images that were stacked have."""
        return self.description.num_classes is not None


@dataclasses.dataclass(frozen=True)
class _Recorded:
    """What a run records of its data."""

    name: str
    form: JsonDict
    split: str
    fingerprint: str
    labelled: bool
    image: str | None
    label: str | None


def read(run: RunDirectory, config: JsonDict, data_dir: str | os.PathLike[str] | None) -> RealData:
    """Read the data of a run.

    Samples are compared with the split `test`, or else `validation`. Where there is neither, the
    last tenth of the training data stands in, which the generator has seen.

    Args:
        run: the run.
        config: the content of its `config.json`.
        data_dir: directory of TFDS data; None for TFDS's own.

    Raises:
        ValueError: the data are not those that the run was trained on.
        OSError: the data cannot be had.
    """
    known = _recorded(run, config)
    form = known.form
    description = data.describe(
        known.name,
        data_dir,
        known.label,
        form["unreadable"],
        form["condition"],
        form["group_by"],
    )
    splits = description.splits
    rows = description.rows(known.split)
    (training, *conditions), fingerprint = arrays(
        known.name,
        known.split,
        rows,
        form,
        data_dir,
        known.labelled,
        known.image,
        known.label,
    )
    if fingerprint != known.fingerprint:
        raise ValueError(
            f"The data of {known.name} are not those that the run in {run.path} was trained on: "
            f"fingerprint {known.fingerprint} -> {fingerprint}. Name their --data_dir."
        )
    labels = None
    if known.labelled:
        of_split = class_labels(known.name, known.split, form, data_dir, known.label)
        labels = of_split[: len(training)]
    other = next((split for split in ("test", "validation") if split in splits), None)
    used = len(training) if other else len(training) - len(training) // 10
    if other:
        (test, *test_conditions), _ = arrays(
            known.name, other, description.rows(other), form, data_dir, image=known.image
        )
        test_part = _part(other, 0, len(test))
    else:
        test, test_conditions = training[used:], [given[used:] for given in conditions]
        test_part = _part(known.split, used, len(training))
    sixth = used - used // 6
    validation = training[sixth:used][:VALIDATION_ROWS]
    rest = training[: min(sixth, _LARGEST_REST // math.prod(training.shape[1:]))]
    return RealData(
        name=known.name,
        form=form,
        training=training,
        validation=validation,
        rest=rest,
        test=test,
        held_out=other is not None,
        parts={
            "training": _part(known.split, 0, len(training)),
            "rest": _part(known.split, 0, len(rest)),
            "validation": _part(known.split, sixth, sixth + len(validation)),
            "test": test_part,
        },
        fingerprint=fingerprint,
        description=description,
        image=known.image,
        label=known.label,
        labels=labels,
        conditions=dict(zip(("training", "test"), (*conditions, *test_conditions), strict=False)),
    )


def given_condition(config: JsonDict) -> str | None:
    """Return where the conditions of a run are, as its option says; None if they are made.

    Args:
        config: the content of its `config.json`.
    """
    return None if "condition" in config else config.get("options", {}).get("condition")


def _recorded(run: RunDirectory, config: JsonDict) -> _Recorded:
    """Return what a run's configuration says of its data.

    Raises:
        ValueError: an entry is missing.
    """
    try:
        options, of_data = config["options"], config["data"]
        return _Recorded(
            options["dataset"],
            {**_form(options), "condition": given_condition(config)},
            of_data["split"],
            of_data.get("fingerprint_x", of_data["fingerprint"]),  # of two domains
            labelled=of_data.get("num_classes") is not None,
            image=options.get("image"),
            label=options.get("label"),
        )
    except (KeyError, TypeError) as error:
        if saved_from_python(config):
            raise ValueError(
                f"The run in {run.path} was saved without its data. Save it again with those that "
                "kgan.data.load returned: gan.save_run(path, data=images)."
            ) from error
        raise ValueError(
            f"{run.config} does not say what the run was trained on ({error}): it was written by "
            "another version of kgan. Evaluate the run with that one."
        ) from error


def _form(options: JsonDict) -> JsonDict:
    # Earlier runs have none of them.
    names = ("channels", "resize", "background", "unreadable", "group_by")
    size = parse_size(options["image_size"])
    return {"image_size": size, **{name: options.get(name) for name in names}}


def _part(split: str, start: int, stop: int) -> JsonDict:
    return {"split": split, "start": start, "stop": stop, "rows": stop - start}


def images(
    name: str,
    split: str,
    n: int,
    form: JsonDict,
    data_dir: str | os.PathLike[str] | None,
    image: str | None = None,
) -> np.ndarray:
    """Return the first of a split's `n` images, as many as fit 1 GiB; see `arrays`."""
    return arrays(name, split, n, form, data_dir, image=image)[0][0]


def arrays(
    name: str,
    split: str,
    n: int,
    form: JsonDict,
    data_dir: str | os.PathLike[str] | None,
    labelled: bool = False,
    image: str | None = None,
    label: str | None = None,
) -> tuple[list[np.ndarray], str]:
    """Return the first of a split's `n` images, as many as fit 1 GiB, and its fingerprint.

    Conditions that are given beside the images are a second array.

    Args:
        name: of the data set, or a directory.
        split: of it.
        n: rows of the split.
        form: what `kgan.data.load` takes of the run's options of pictures, and where its conditions
            are, if they are given.
        data_dir: directory of TFDS data; None for TFDS's own.
        labelled: whether the fingerprint is that of images and labels.
        image: name of a feature, as `kgan.data.load` has it.
        label: name of a feature, as `kgan.data.load` has it.
    """
    size = max(rows for rows in range(1, _READ + 1) if n % rows == 0)  # no row is left over
    batches = data.load(
        name,
        split,
        batch_size=size,
        **form,
        value_range=None if name in data.DENSITIES else (0.0, 1.0),
        shuffle=False,
        data_dir=data_dir,
        with_labels=labelled,
        image=image,
        label=label,
    )
    explain, fingerprint = batches.explain, batches.data_fingerprint
    pairs = form["condition"] is not None
    parts = batches if pairs else data.images_of(batches).map(lambda images: (images,))
    shapes = [spec.shape[1:] for spec in parts.element_spec]
    count = min(n // size, max(1, _LARGEST // (size * max(map(math.prod, shapes)))))
    found = [np.empty((count * size, *shape), np.float32) for shape in shapes]
    with explained(explain):
        for i, batch in enumerate(parts.take(count).as_numpy_iterator()):
            for array, part in zip(found, batch, strict=True):
                array[i * size : (i + 1) * size] = part
    return found, fingerprint


def class_labels(
    name: str,
    split: str,
    form: JsonDict,
    data_dir: str | os.PathLike[str] | None,
    label: str | None = None,
) -> np.ndarray:
    """Return the class of each row of a split, int64 `[n]`; see `arrays`."""
    return data.labels(
        name,
        split,
        data_dir,
        label,
        form["unreadable"],
        form["condition"],
        form["group_by"],
    )
