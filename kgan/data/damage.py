"""Find what is wrong with a data set that could not be read: the file, the example, the reason."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import tensorflow as tf
import tensorflow_datasets as tfds

from kgan.data.features import as_dataset, partial_decoding
from kgan.data.splits import split_parts
from kgan.utils.explained import reason

if TYPE_CHECKING:
    from kgan.data.source import ImageSource

__all__ = ["diagnose", "unequal", "wrong_label", "wrong_number"]


def diagnose(source: ImageSource, split: str, error: tf.errors.OpError) -> Exception | None:
    """Return an error that says what is wrong with the data, or None if the data are not at fault.

    The files of the split are read again, up to the first one or the first example that is damaged.

    Args:
        source: the data set.
        split: the split that was read.
        error: what TensorFlow raised.
    """
    if not any(part in str(error) for part in ("Iterator::", "IteratorGetNext")):
        return None
    return (
        _damaged_file(source, split)
        or _damaged_example(source, split)
        or OSError(f"{_place(source, split)} could not be read ({reason(error)}).")
    )


def wrong_label(source: ImageSource, split: str, value: int, where: str) -> ValueError:
    """Return the error for a label outside of the classes."""
    assert source.label is not None
    classes = source.label.connector.num_classes
    unknown = ", by which TFDS marks withheld labels" if value == -1 else ""
    return ValueError(
        f"{_place(source, split)} has the label {value}{unknown}, in {where}; expected labels "
        f"from 0 to {classes - 1} in {source.label.name!r}. Train on a split whose labels are "
        "known, or without labels."
    )


def unequal(source: ImageSource, split: str) -> Exception:
    """Return the error for images of different shapes."""
    return _damaged_example(source, split) or ValueError(
        f"{_place(source, split)} has images of different shapes; expected one shape."
    )


def wrong_number(source: ImageSource, split: str, found: int, expected: int) -> OSError:
    """Return the error for a split that yields another number of examples than it declares."""
    return _damaged_file(source, split) or OSError(
        f"{_place(source, split)} has {found} examples, expected {expected}. Copy the data set "
        "anew, or delete its directory and load again."
    )


def _place(source: ImageSource, split: str) -> str:
    return f"Split {split!r} of data set {source.name!r} in {source.builder.data_path}"


def _damaged_file(source: ImageSource, split: str) -> OSError | None:
    """Return what is wrong with the first TFRecord file that is missing, cut or damaged."""
    splits = source.builder.info.splits
    again = "Copy the data set anew, or delete its directory and load again"
    for key in dict.fromkeys(key for key, _ in split_parts(source.name, split, splits)):
        files = zip(splits[key].filepaths, splits[key].shard_lengths, strict=True)
        for path, length in files:
            where = f"{_place(source, split)} cannot be read: file {os.path.basename(path)}"
            if not path.exists():
                return FileNotFoundError(f"{where} is missing. {again}.")
            if source.builder.info.file_format != tfds.core.FileFormat.TFRECORD:
                continue
            count = 0
            try:
                for _ in tf.data.TFRecordDataset(os.fspath(path)):
                    count += 1
            except tf.errors.OpError as error:
                return OSError(f"{where} is damaged at example {count} ({reason(error)}). {again}.")
            if count != length:
                return OSError(f"{where} has {count} examples, expected {length}. {again}.")
    return None


def _damaged_example(source: ImageSource, split: str) -> Exception | None:
    """Return what is wrong with the first example that cannot be decoded or batched."""
    wanted = [feature for feature in (source.image, source.label) if feature is not None]
    examples = as_dataset(
        source.builder,
        split=split,
        decoders=partial_decoding(
            *wanted, decoders={source.image.name: tfds.decode.SkipDecoding()}
        ),
        read_config=tfds.ReadConfig(add_tfds_id=True, try_autocache=False),
    )
    channels = None
    for example in examples.as_numpy_iterator():
        file, _, number = example["tfds_id"].decode().rpartition("__")
        where = f"example {number} of {file}"
        if source.label is not None:
            label = int(source.label.of(example))
            if not 0 <= label < source.label.connector.num_classes:
                return wrong_label(source, split, label, where)
        try:
            shape = source.image.connector.decode_example(source.image.of(example)).shape
        except (tf.errors.OpError, ValueError) as error:  # the latter of animations
            return OSError(
                f"{_place(source, split)} has an image that cannot be decoded, in {where} "
                f"({reason(error)}). Mend or remove that image, and prepare the data set again."
            )
        shown = 3 if shape[-1] == 4 else shape[-1]  # alpha is laid over the background
        if not source.form.channels and shown != (channels or shown):
            return ValueError(
                f"{_place(source, split)} has images of {channels} channels, and of {shown} from "
                f"{where} on; expected the same number of channels everywhere. Give `channels=3`, "
                "which decodes grey images as colours too."
            )
        channels = channels or shown
    return None
