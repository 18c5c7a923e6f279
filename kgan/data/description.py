"""Describe a data set without reading its images: splits, labels, directory."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib

import numpy as np
import tensorflow_datasets as tfds

from kgan.data.bouncing import BOUNCING
from kgan.data.densities import DENSITIES
from kgan.data.features import as_dataset, label_feature, partial_decoding, video_feature
from kgan.data.folders import Folder
from kgan.data.form import check_none, checked_choice
from kgan.data.names import Source, made_of, picture_directory
from kgan.data.pairs import PREVIOUS_FRAMES, Given, Pairing, find_condition
from kgan.data.pictures import check_classes, find_folder
from kgan.data.pipeline import load
from kgan.data.prepare import prepare
from kgan.data.source import builder_of
from kgan.data.splits import count_rows, split_infos, split_parts
from kgan.data.stacked import PREFIX, STACKS
from kgan.data.videos import check_length, windows

__all__ = ["Description", "describe", "labels"]

_NO_FOLDER = "it is for a directory of pictures; expected None for a data set of TFDS"


@dataclasses.dataclass(frozen=True)
class Description:
    """Facts about a data set.

    Attributes:
        name: of the data set, or the path of a directory of pictures.
        splits: number of images, points, stacks or videos of each split.
        num_classes: number of classes of its labels, or of the labels of the images that are
            stacked; None without labels.
        directory: the directory of data sets that holds it; None for a density or pictures.
        stacked: name of the data set whose images are stacked; None where none are.
        class_names: names of the classes, in the order of the labels; empty without labels.
        ignored: files of a directory of pictures that are none, or lie outside of its splits.
        frames: of each video, those that come with the ones before them; 1 where there are no
            videos.
    """

    name: str
    splits: dict[str, int]
    num_classes: int | None = None
    directory: pathlib.Path | None = None
    stacked: str | None = None
    class_names: tuple[str, ...] = ()
    ignored: int = 0
    frames: int = 1

    def rows(self, split: str) -> int:
        """Return the number of rows of a split, or of a slice of one such as 'train[:50%]'.

        Of videos, a row is a frame with those before it.

        Raises:
            ValueError: there is no such split.
        """
        splits = split_infos(self.splits)
        return self.frames * count_rows(split_parts(self.name, split, splits), splits)


def describe(
    source: Source,
    data_dir: str | os.PathLike[str] | None = None,
    label: str | None = None,
    unreadable: str | None = None,
    condition: Given = None,
    group_by: str | None = None,
) -> Description:
    """Describe a data set; prepare it on disk if it is not.

    Args:
        source: as `kgan.data.load` has it.
        data_dir: as `kgan.data.load` has it.
        label: as `kgan.data.load` has it. Where it is None and several features could be the
            labels, the description has none.
        unreadable: as `kgan.data.load` has it; 'skip' decodes every picture of a directory.
        condition: as `kgan.data.load` has it.
        group_by: as `kgan.data.load` has it.

    Raises:
        ValueError, OSError: as `kgan.data.load`.

    Example:
        ```python
        kgan.data.describe("digits").num_classes  # 10
        ```
    """
    directory = picture_directory(source, data_dir)
    if directory is not None:
        folder = _folder(directory, label, unreadable, condition, group_by)
        counts = {split: len(pictures) for split, pictures in folder.splits.items()}
        names = folder.class_names
        return Description(
            str(directory), counts, len(names) or None, class_names=names, ignored=folder.ignored
        )
    assert not isinstance(source, os.PathLike)
    of_folders = _of_folders(unreadable, condition, group_by)
    if isinstance(source, str) and source in DENSITIES:
        check_none(
            f"it is for images; expected None for the density {source!r}",
            **{**of_folders, "condition": condition, "label": label},
        )
        splits = {split: len(load(source, split, 1)) for split in ("train", "test")}
        return Description(source, splits)
    check_none(_NO_FOLDER, **of_folders)
    builder = _prepared(source, data_dir)
    name = source if isinstance(source, str) else builder.name
    num_classes, names = None, ()
    with contextlib.suppress(*([] if label else [ValueError])):  # data need not have labels
        feature = label_feature(name, builder.info.features, label)
        num_classes, names = feature.connector.num_classes, tuple(feature.connector.names)
    splits = {split: info.num_examples for split, info in builder.info.splits.items()}
    stacked, frames = None, 1
    if name.startswith(PREFIX):
        stacked = name.removeprefix(PREFIX)
        splits = {split: n for split, n in STACKS.items() if split in splits}
    elif made_of(name) != name:
        num_classes, names = None, ()  # of two images
        splits = {split: n for split, n in BOUNCING.items() if split in splits}
    elif condition == PREVIOUS_FRAMES:
        shape = video_feature(name, builder.info.features).connector.shape
        frames = windows(check_length(name, shape[0]))
    return Description(name, splits, num_classes, _root(builder), stacked, names, frames=frames)


def labels(
    source: Source,
    split: str = "train",
    data_dir: str | os.PathLike[str] | None = None,
    label: str | None = None,
    unreadable: str | None = None,
    condition: Given = None,
    group_by: str | None = None,
) -> np.ndarray:
    """Return the labels of a split, in the order of the images of `load(..., shuffle=False)`.

    Args:
        source: a data set with labels, as `kgan.data.load` has it; stacks have none.
        split: a split or a slice of one.
        data_dir: as `kgan.data.load` has it.
        label: as `kgan.data.load` has it.
        unreadable: as `kgan.data.load` has it; 'skip' decodes every picture of a directory.
        condition: as `kgan.data.load` has it.
        group_by: as `kgan.data.load` has it.

    Returns:
        int64 `[n]`; -1 where TFDS withholds a label.

    Raises:
        ValueError, OSError: as `kgan.data.load`, or the data set has no labels.

    Example:
        ```python
        kgan.data.labels("digits", "train[:3]")  # labels of the first three images
        ```
    """
    directory = picture_directory(source, data_dir)
    if directory is not None:
        folder = _folder(directory, label, unreadable, condition, group_by)
        check_classes(folder)
        return folder.labels(folder.rows(split))
    assert not isinstance(source, os.PathLike)
    if isinstance(source, str) and (source in DENSITIES or made_of(source) != source):
        raise ValueError(
            "Invalid value for argument `source`: expected a data set with class labels, such as "
            f"'digits', received {source!r}. Of stacks, name the data set whose images they are."
        )
    check_none(_NO_FOLDER, **_of_folders(unreadable, condition, group_by))
    builder = _prepared(source, data_dir)
    feature = label_feature(builder.name, builder.info.features, label)
    examples = as_dataset(
        builder,
        split=split,
        decoders=partial_decoding(feature),
        read_config=tfds.ReadConfig(try_autocache=False),
    )
    values = examples.map(feature.of).batch(10_000).as_numpy_iterator()
    return np.concatenate(list(values)).astype(np.int64)


def _folder(
    directory: pathlib.Path,
    label: str | None,
    unreadable: str | None,
    condition: Given,
    group_by: str | None,
) -> Folder:
    pairing = _pairing(unreadable, condition)
    check_none(
        f"it is for data sets of TFDS; expected None for the directory of pictures {directory}",
        label=label,
        condition=PREVIOUS_FRAMES if condition == PREVIOUS_FRAMES else None,
    )
    return find_folder(directory, unreadable == "skip", pairing, group_by).folder


def _of_folders(
    unreadable: str | None, condition: Given, group_by: str | None
) -> dict[str, object]:
    """Return the arguments that only a directory of pictures has, None where they are not given."""
    given = None if _pairing(unreadable, condition) is None else condition
    return {"unreadable": unreadable, "group_by": group_by, "condition": given}


def _pairing(unreadable: str | None, condition: Given) -> Pairing | None:
    """Return where given conditions are; check what `load` checks of any source."""
    checked_choice("unreadable", unreadable or "error", ("error", "skip"))
    found = None if condition == "label" else find_condition(condition)
    return found if isinstance(found, Pairing) else None


def _prepared(
    source: str | tfds.core.DatasetBuilder, data_dir: str | os.PathLike[str] | None
) -> tfds.core.DatasetBuilder:
    builder = builder_of(source, data_dir)
    prepare(builder)
    return builder


def _root(builder: tfds.core.DatasetBuilder) -> pathlib.Path:
    """Return the directory of data sets; without code, TFDS takes that of the version for it."""
    folder = pathlib.Path(builder.data_path)
    below = pathlib.Path(builder.info.full_name).parts
    return folder.parents[len(below) - 1] if folder.parts[-len(below) :] == below else folder
