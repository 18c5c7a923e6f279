"""Images of TFDS: find a data set, decode its images, read them into memory."""

from __future__ import annotations

import dataclasses
import math
import os

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from tensorflow_datasets.core.utils import tqdm_utils

from kgan.data.densities import DENSITIES
from kgan.data.images import crop_and_resize, image_feature, label_feature, target_size
from kgan.data.prepare import find_builder
from kgan.data.stacked import PREFIX, check_channels

__all__ = ["ImageSource", "builder_of", "check_has_labels", "find_images", "read"]

_READ_BATCH = 1000


@dataclasses.dataclass(frozen=True)
class ImageSource:
    """A data set of TFDS, with the features and the size in which its images are wanted.

    Attributes:
        name: as `kgan.data.load` has it.
        builder: of TFDS; for stacks, of the data set whose images are stacked.
        image: key of the feature that is the image.
        label: key of the feature that is the label; None where labels are not wanted.
        size: (height, width) in pixels of every decoded image.
        channels: of an image; None where images differ.
    """

    name: str
    builder: tfds.core.DatasetBuilder
    image: str
    label: str | None
    size: tuple[int, int]
    channels: int | None

    @property
    def image_bytes(self) -> int:
        """Size of one decoded image, uint8."""
        return math.prod((*self.size, self.channels or 1))

    def decode(self, split: str) -> tf.data.Dataset:
        """Return the images of a split, uint8 [*size, channels], in the order of their files.

        Where labels are wanted, the elements are pairs of an image and its label.
        """
        examples = self.builder.as_dataset(
            split=split,
            read_config=tfds.ReadConfig(enable_ordering_guard=False, try_autocache=False),
        )
        native = self.builder.info.features[self.image].shape[:2] == self.size

        def decoded(example: dict[str, tf.Tensor]) -> tf.Tensor | tuple[tf.Tensor, tf.Tensor]:
            image = example[self.image]
            pixels = image if native else crop_and_resize(image, self.size)
            return pixels if self.label is None else (pixels, example[self.label])

        return examples.map(decoded, num_parallel_calls=tf.data.AUTOTUNE)


def find_images(
    name: str,
    image_size: int | tuple[int, int] | None,
    with_labels: bool,
    data_dir: str | os.PathLike[str] | None,
) -> ImageSource:
    """Find a data set by its name, without preparing it.

    Args:
        name: as `kgan.data.load` has it; a density has no images.
        image_size: as `kgan.data.load` has it.
        with_labels: whether labels are wanted.
        data_dir: as `kgan.data.load` has it.

    Raises:
        ValueError, OSError: as `kgan.data.load`.
    """
    builder = builder_of(name, data_dir)
    features, images = builder.info.features, name.removeprefix(PREFIX)
    image, shape = image_feature(images, features)
    label = label_feature(features) if with_labels else None
    if with_labels:
        check_has_labels(name, label is not None)
    if name.startswith(PREFIX):
        check_channels(name, shape[-1])
    return ImageSource(
        name, builder, image, label, target_size(images, shape, image_size), shape[-1]
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


def read(name: str, examples: tf.data.Dataset) -> tuple[np.ndarray, ...]:
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
