"""Images of TFDS: find a data set, decode its images, read them into memory."""

from __future__ import annotations

import dataclasses
import math
import os
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from kgan.data.conversion import in_form
from kgan.data.damage import diagnose, unequal, wrong_number
from kgan.data.features import (
    Feature,
    as_dataset,
    choices,
    image_feature,
    label_feature,
    partial_decoding,
    video_feature,
)
from kgan.data.form import Form
from kgan.data.images import check_pixels, target_size
from kgan.data.names import BUNDLED, made_of
from kgan.data.prepare import find_builder
from kgan.data.progress import progress
from kgan.data.splits import count_rows, split_parts
from kgan.data.stacked import check_channels
from kgan.data.table import empty
from kgan.data.videos import check_length
from kgan.utils.explained import Explain, explained

__all__ = ["ImageSource", "builder_of", "check_has_labels", "find_images"]

_READ_BATCH = 1000  # images, or fewer where these are large
_READ_BYTES = 2**24
_NATIVE = Form((1, 1), None)
_FIRST = 100  # images of a streamed data set that are looked at before it is used


@dataclasses.dataclass(frozen=True)
class ImageSource:
    """A data set of TFDS, with the features and the size in which its images are wanted.

    Attributes:
        name: as `kgan.data.load` has it.
        builder: of TFDS; for stacks, of the data set whose images are stacked.
        image: the feature that is the image.
        label: the feature that is the label; None where labels are not wanted.
        form: the form that is wanted; without channels where those of the images are, which the
            data set does not declare.
        channels: of every decoded image; None where they are not known yet.
        frames: of a video, where the images are the frames of videos; else None.
    """

    name: str
    builder: tfds.core.DatasetBuilder
    image: Feature
    label: Feature | None
    form: Form
    channels: int | None
    frames: int | None = None

    @property
    def image_bytes(self) -> int:
        """Size of one decoded image or video, uint8."""
        return math.prod((self.frames or 1, *self.form.size, self.channels or 1))

    @property
    def names(self) -> dict[str, str]:
        """Names of the features that are the image and the label."""
        label = {} if self.label is None else {"label": self.label.name}
        return {"image": self.image.name, **label}

    @property
    def choices(self) -> dict[str, str]:
        """Those of the names that had to be given, because the rules would not choose them."""
        return choices(self.builder.info.features, self.image, self.label)

    def decode(self, split: str) -> tf.data.Dataset:
        """Return the images or videos of a split, in the wanted form, in the order of their files.

        Where labels are wanted, the elements are pairs of an image and its label.
        """
        wanted = [feature for feature in (self.image, self.label) if feature is not None]
        examples = as_dataset(
            self.builder,
            split=split,
            decoders=partial_decoding(*wanted),
            read_config=tfds.ReadConfig(try_autocache=False),
        )

        @tf.autograph.experimental.do_not_convert
        def decoded(example: dict[str, Any]) -> tf.Tensor | tuple[tf.Tensor, tf.Tensor]:
            pixels = self._in_form(self.image.of(example))
            if self.label is None:
                return pixels
            label = self.label.of(example)
            classes = tf.cast(self.label.connector.num_classes, label.dtype)
            known = tf.debugging.Assert((label >= 0) & (label < classes), [label])
            with tf.control_dependencies([known]):
                return pixels, tf.identity(label)

        return examples.map(decoded, num_parallel_calls=tf.data.AUTOTUNE)

    def read(self, split: str) -> tuple[np.ndarray, ...]:
        """Read the images of a split into an array, and their labels where wanted; check them.

        Raises:
            ValueError, OSError: the data are unusable or damaged.
        """
        splits = self.builder.info.splits
        return self._read(
            split, self.decode(split), count_rows(split_parts(self.name, split, splits), splits)
        )

    def with_known_channels(self, split: str) -> ImageSource:
        """Check the first images of a split; return this with the channels that they have.

        Raises:
            ValueError, OSError: the data are unusable or damaged.
        """
        first = self.decode(split).take(_FIRST)
        images = self._read(split, first, len(first))[0]
        return dataclasses.replace(self, channels=images.shape[-1])

    def explaining(self, split: str) -> Explain:
        """Return what explains errors of TensorFlow while a split is read."""
        return lambda error: diagnose(self, split, error)

    def _in_form(self, pixels: tf.Tensor) -> tf.Tensor:
        """Return an image, or each frame of a video, in the wanted form."""
        shape = [*self.form.size, self.channels]
        if self.frames is None:
            return tf.ensure_shape(in_form(pixels, self.form), shape)
        spec = tf.TensorSpec(shape, tf.uint8)
        frames = tf.map_fn(
            lambda frame: in_form(frame, self.form), pixels, fn_output_signature=spec
        )
        return tf.ensure_shape(frames, [self.frames, *shape])

    def _read(self, split: str, examples: tf.data.Dataset, n: int) -> tuple[np.ndarray, ...]:
        with explained(self.explaining(split)):
            arrays, filled = self._arrays(split, examples, n)
        if filled != n:
            raise wrong_number(self, split, filled, n)
        check_pixels(self.name, arrays[0])
        return arrays

    def _arrays(
        self, split: str, examples: tf.data.Dataset, n: int
    ) -> tuple[tuple[np.ndarray, ...], int]:
        """Read `n` examples into arrays [n, ...], one for each component; return the number read.

        The arrays are made when the first batch shows their shapes, and filled batch by batch:
        beside them only a few batches are in memory.
        """
        rows = max(1, min(_READ_BATCH, _READ_BYTES // self.image_bytes))
        batches = examples.batch(rows).prefetch(1).as_numpy_iterator()
        arrays: tuple[np.ndarray, ...] = ()
        filled = 0
        for batch in progress(batches, -(-n // rows), f"Reading {self.name}", f"x{rows} images"):
            parts = tf.nest.flatten(batch)
            arrays = arrays or tuple(empty((n, *part.shape[1:]), part.dtype) for part in parts)
            count = len(parts[0])
            for array, part in zip(arrays, parts, strict=True):
                if array.shape[1:] != part.shape[1:]:  # NumPy would repeat grey as colours
                    raise unequal(self, split)
                array[filled : filled + count] = part[: n - filled]
            filled += count
        return arrays, filled


def find_images(
    source: str | tfds.core.DatasetBuilder,
    image_size: int | tuple[int, int] | None,
    with_labels: bool,
    data_dir: str | os.PathLike[str] | None,
    image: str | None = None,
    label: str | None = None,
    form: Form = _NATIVE,
    videos: bool = False,
) -> ImageSource:
    """Find a data set by its name, without preparing it.

    Args:
        source: the name of a data set or a builder; a density has no images.
        image_size: as `kgan.data.load` has it.
        with_labels: whether labels are wanted.
        data_dir: as `kgan.data.load` has it.
        image: as `kgan.data.load` has it.
        label: as `kgan.data.load` has it.
        form: channels, where these are asked for, how to resize, and the background; its size does
            not count.
        videos: whether the images are the frames of videos.

    Raises:
        ValueError, OSError: as `kgan.data.load`.
    """
    builder = builder_of(source, data_dir)
    name = source if isinstance(source, str) else builder.name
    features, images = builder.info.features, made_of(name)
    pictures = (video_feature if videos else image_feature)(images, features, image)
    labels = label_feature(name, features, label) if with_labels else None
    shape = pictures.connector.shape
    frames = None
    if videos:
        frames, shape = check_length(name, shape[0]), shape[1:]
    if name != images:
        check_channels(name, shape[-1], name.removesuffix(images))
    channels = form.channels or (3 if shape[-1] == 4 else shape[-1])  # alpha is asked for
    size = target_size(images, shape, image_size)
    form = dataclasses.replace(form, size=size, channels=channels)
    return ImageSource(name, builder, pictures, labels, form, channels, frames)


def builder_of(
    source: str | tfds.core.DatasetBuilder, data_dir: str | os.PathLike[str] | None
) -> tfds.core.DatasetBuilder:
    """Return the TFDS builder of a data set, or of the images that 'stacked_...' stacks.

    Raises:
        ValueError: a builder comes with a `data_dir`, or the name is wrong.
    """
    if isinstance(source, str):
        return find_builder(made_of(source), data_dir, bundled=BUNDLED)
    if data_dir is not None:
        raise ValueError(
            "Invalid value for argument `data_dir`: expected None for a builder, which has its own "
            f"({source.data_dir_root}), received {os.fspath(data_dir)!r}."
        )
    return source


def check_has_labels(name: str, has_labels: bool) -> None:
    """Raise ValueError for labels that were asked for and do not exist."""
    if not has_labels:
        raise ValueError(
            "Invalid value for argument `with_labels`: expected False for a data set without class "
            f"labels, such as {name!r}, received True."
        )
