"""Images of TFDS: find a data set, decode its images, read them into memory."""

from __future__ import annotations

import dataclasses
import math
import os
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from tensorflow_datasets.core.utils import tqdm_utils

from kgan.data.damage import diagnose
from kgan.data.densities import DENSITIES
from kgan.data.features import (
    Feature,
    choices,
    image_feature,
    label_feature,
    partial_decoding,
)
from kgan.data.images import check_pixels, crop_and_resize, target_size
from kgan.data.prepare import find_builder
from kgan.data.stacked import PREFIX, check_channels
from kgan.utils.explained import Explain, explained

__all__ = ["ImageSource", "builder_of", "check_has_labels", "find_images"]

_READ_BATCH = 1000
_FIRST = 100  # images of a streamed data set that are looked at before it is used


@dataclasses.dataclass(frozen=True)
class ImageSource:
    """A data set of TFDS, with the features and the size in which its images are wanted.

    Attributes:
        name: as `kgan.data.load` has it.
        builder: of TFDS; for stacks, of the data set whose images are stacked.
        image: the feature that is the image.
        label: the feature that is the label; None where labels are not wanted.
        size: (height, width) in pixels of every decoded image.
        channels: of an image; None where images differ.
    """

    name: str
    builder: tfds.core.DatasetBuilder
    image: Feature
    label: Feature | None
    size: tuple[int, int]
    channels: int | None

    @property
    def image_bytes(self) -> int:
        """Size of one decoded image, uint8."""
        return math.prod((*self.size, self.channels or 1))

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
        """Return the images of a split, uint8 [*size, channels], in the order of their files.

        Where labels are wanted, the elements are pairs of an image and its label.
        """
        wanted = [feature for feature in (self.image, self.label) if feature is not None]
        examples = self.builder.as_dataset(
            split=split,
            decoders=partial_decoding(*wanted),
            read_config=tfds.ReadConfig(enable_ordering_guard=False, try_autocache=False),
        )
        native = self.image.connector.shape[:2] == self.size

        def decoded(example: dict[str, Any]) -> tf.Tensor | tuple[tf.Tensor, tf.Tensor]:
            image = self.image.of(example)
            pixels = image if native else crop_and_resize(image, self.size)
            pixels = tf.ensure_shape(pixels, [*self.size, self.channels])
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
        return self._read(split, self.decode(split))

    def with_known_channels(self, split: str) -> ImageSource:
        """Check the first images of a split; return this with the channels that they have.

        Raises:
            ValueError, OSError: the data are unusable or damaged.
        """
        images = self._read(split, self.decode(split).take(_FIRST))[0]
        return dataclasses.replace(self, channels=images.shape[-1])

    def explaining(self, split: str) -> Explain:
        """Return what explains errors of TensorFlow while a split is read."""
        return lambda error: diagnose(self, split, error)

    def _read(self, split: str, examples: tf.data.Dataset) -> tuple[np.ndarray, ...]:
        with explained(self.explaining(split)):
            arrays = _arrays(self.name, examples)
        check_pixels(self.name, arrays[0])
        return arrays


def find_images(
    name: str,
    image_size: int | tuple[int, int] | None,
    with_labels: bool,
    data_dir: str | os.PathLike[str] | None,
    image: str | None = None,
    label: str | None = None,
) -> ImageSource:
    """Find a data set by its name, without preparing it.

    Args:
        name: as `kgan.data.load` has it; a density has no images.
        image_size: as `kgan.data.load` has it.
        with_labels: whether labels are wanted.
        data_dir: as `kgan.data.load` has it.
        image: as `kgan.data.load` has it.
        label: as `kgan.data.load` has it.

    Raises:
        ValueError, OSError: as `kgan.data.load`.
    """
    builder = builder_of(name, data_dir)
    features, images = builder.info.features, name.removeprefix(PREFIX)
    pictures = image_feature(images, features, image)
    labels = label_feature(name, features, label) if with_labels else None
    shape = pictures.connector.shape
    if name.startswith(PREFIX):
        check_channels(name, shape[-1])
    return ImageSource(
        name, builder, pictures, labels, target_size(images, shape, image_size), shape[-1]
    )


def builder_of(name: str, data_dir: str | os.PathLike[str] | None) -> tfds.core.DatasetBuilder:
    """Return the TFDS builder of a data set, or of the images that 'stacked_...' stacks."""
    return find_builder(name.removeprefix(PREFIX), data_dir, bundled=["digits", *DENSITIES])


def check_has_labels(name: str, has_labels: bool) -> None:
    """Raise ValueError for labels that were asked for and do not exist."""
    if not has_labels:
        raise ValueError(
            "Invalid value for argument `with_labels`: expected False for a data set without class "
            f"labels, such as {name!r}, received True."
        )


def _arrays(name: str, examples: tf.data.Dataset) -> tuple[np.ndarray, ...]:
    """Read all examples into arrays [n, ...], one for each component; show a bar after 5 s."""
    batches = examples.batch(_READ_BATCH)
    bar = tqdm_utils.tqdm(
        batches.as_numpy_iterator(),
        total=len(batches),
        desc=f"Reading {name}",
        unit=f"x{_READ_BATCH} images",
        delay=5,
        leave=False,
    )
    components = zip(*(tf.nest.flatten(batch) for batch in bar), strict=True)
    return tuple(np.concatenate(parts) for parts in components)
