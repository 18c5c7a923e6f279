"""Describe a data set without reading its images: splits, labels, directory."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib

import numpy as np
import tensorflow_datasets as tfds

from kgan.data.densities import DENSITIES
from kgan.data.features import label_feature, partial_decoding
from kgan.data.pipeline import load
from kgan.data.prepare import prepare
from kgan.data.source import builder_of
from kgan.data.splits import count_rows, split_infos, split_parts
from kgan.data.stacked import PREFIX, STACKS

__all__ = ["Description", "describe", "labels"]


@dataclasses.dataclass(frozen=True)
class Description:
    """Facts about a data set.

    Attributes:
        name: as `kgan.data.load` has it.
        splits: number of images, points or stacks of each split.
        num_classes: number of classes of its labels, or of the labels of the images that are
            stacked; None without labels.
        directory: the directory of data sets that holds it; None for a density.
        stacked: name of the data set whose images are stacked; None where none are.
    """

    name: str
    splits: dict[str, int]
    num_classes: int | None = None
    directory: pathlib.Path | None = None
    stacked: str | None = None

    def rows(self, split: str) -> int:
        """Return the number of rows of a split, or of a slice of one such as 'train[:50%]'.

        Raises:
            ValueError: there is no such split.
        """
        splits = split_infos(self.splits)
        return count_rows(split_parts(self.name, split, splits), splits)


def describe(
    name: str, data_dir: str | os.PathLike[str] | None = None, label: str | None = None
) -> Description:
    """Describe a data set; prepare it on disk if it is not.

    Args:
        name: as `kgan.data.load` has it.
        data_dir: as `kgan.data.load` has it.
        label: as `kgan.data.load` has it. Where it is None and several features could be the
            labels, the description has none.

    Raises:
        ValueError, OSError: as `kgan.data.load`.
    """
    if name in DENSITIES:
        splits = {split: len(load(name, split, 1)) for split in ("train", "test")}
        return Description(name, splits)
    builder = _prepared(name, data_dir)
    num_classes = None
    with contextlib.suppress(*([] if label else [ValueError])):  # data need not have labels
        feature = label_feature(name, builder.info.features, label)
        num_classes = feature.connector.num_classes
    splits = {split: info.num_examples for split, info in builder.info.splits.items()}
    stacked = None
    if name.startswith(PREFIX):
        stacked = name.removeprefix(PREFIX)
        splits = {split: n for split, n in STACKS.items() if split in splits}
    return Description(name, splits, num_classes, _root(builder), stacked)


def labels(
    name: str,
    split: str = "train",
    data_dir: str | os.PathLike[str] | None = None,
    label: str | None = None,
) -> np.ndarray:
    """Return the labels of a split, in the order of the images of `load(..., shuffle=False)`.

    Args:
        name: a data set with labels; stacks have none.
        split: a split or a slice of one.
        data_dir: as `kgan.data.load` has it.
        label: as `kgan.data.load` has it.

    Returns:
        int64 `[n]`; -1 where TFDS withholds a label.

    Raises:
        ValueError, OSError: as `kgan.data.load`, or the data set has no labels.
    """
    if name in DENSITIES or name.startswith(PREFIX):
        raise ValueError(
            "Invalid value for argument `name`: expected a data set with class labels, such as "
            f"'digits', received {name!r}. Of stacks, name the data set whose images they are."
        )
    builder = _prepared(name, data_dir)
    feature = label_feature(name, builder.info.features, label)
    examples = builder.as_dataset(
        split=split,
        decoders=partial_decoding(feature),
        read_config=tfds.ReadConfig(enable_ordering_guard=False, try_autocache=False),
    )
    values = examples.map(feature.of).batch(10_000).as_numpy_iterator()
    return np.concatenate(list(values)).astype(np.int64)


def _prepared(name: str, data_dir: str | os.PathLike[str] | None) -> tfds.core.DatasetBuilder:
    builder = builder_of(name, data_dir)
    prepare(builder)
    return builder


def _root(builder: tfds.core.DatasetBuilder) -> pathlib.Path:
    """Return the directory of data sets; without code, TFDS takes that of the version for it."""
    folder = pathlib.Path(builder.data_path)
    below = pathlib.Path(builder.info.full_name).parts
    return folder.parents[len(below) - 1] if folder.parts[-len(below) :] == below else folder
