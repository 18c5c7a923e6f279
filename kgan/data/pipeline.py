"""`load`: from the name of a data set to batches of images, or of points of a toy density."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from kgan.data.densities import DENSITIES
from kgan.data.prepare import prepare
from kgan.data.source import ImageSource, check_has_labels, find_images
from kgan.data.splits import count_rows, split_infos, split_parts
from kgan.data.stacked import PREFIX, STACKS, draw, stack
from kgan.data.stream import Finish, SeekableDataset, memory_epoch, streamed_epoch
from kgan.utils.checks import bounds, positive_integer
from kgan.utils.digests import digest

__all__ = ["SHUFFLE_BYTES", "from_disk", "load"]

_MEMORY_BYTES = 2**30  # uint8 images up to this size are decoded once and kept
SHUFFLE_BYTES = 2**28  # buffer of a data set that is streamed instead
_DENSITY_SPLITS = {"train": 100_000, "test": 10_000}


def load(
    name: str,
    split: str = "train",
    batch_size: int = 100,
    discriminator_steps: int = 1,
    image_size: int | tuple[int, int] | None = None,
    value_range: tuple[float, float] | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    download: bool = True,
    with_labels: bool = False,
    image: str | None = None,
    label: str | None = None,
) -> SeekableDataset:
    """Load a data set as batches for Algorithm 1, one epoch per iteration.

    A batch holds the `discriminator_steps` minibatches of `batch_size` rows of one training step.
    No two minibatches of an epoch share a row; the rows that do not fill a batch are dropped.
    Images of at most 1 GiB as uint8 are decoded once and kept in memory; others are streamed from
    disk through a shuffle buffer of 256 MiB.

    Args:
        name: Any image data set of TensorFlow Datasets ('mnist', 'cycle_gan/horse2zebra'), the
            bundled 'digits', or a density: 'gaussian', 'ring', 'grid'. 'stacked_' before a data
            set of grey images stacks three random ones as the channels of one image:
            'stacked_mnist' is the StackedMNIST of 1,000 modes.
        split: Split or slice of one, such as 'train[:50%]'. A density has 100,000 points in
            'train' and 10,000 in 'test'. Stacks are 128,000 in 'train' and 26,000 in 'test', always
            the same ones, of images of that split.
        batch_size: Rows of one minibatch, m.
        discriminator_steps: Minibatches in a batch, k.
        image_size: Side of a square or (height, width) in pixels. The largest centred crop of that
            aspect ratio is resized with antialiasing. None keeps the native size.
        value_range: The pixel value range: what 0 and 255 become; None means (-1, 1). Points of a
            density are not scaled.
        shuffle: Whether each epoch has its own random order; False keeps the order of TFDS.
        seed: Seed of the orders; None means 0. Step t of `kgan.GAN.fit` receives batch t of an
            endless sequence of epochs that follows from the seed alone. Iterating over the data set
            yields the next epoch of that sequence.
        data_dir: Directory of prepared data sets; None means TFDS's default,
            ~/tensorflow_datasets.
        download: Whether a data set that is not prepared may be downloaded. False never touches
            the network.
        with_labels: Whether to return pairs of images and labels, for conditional networks. The
            labels are the feature 'label', or else the only class label.
        image: Name of the feature that is the image, dotted when nested ('camera.left'). None means
            the feature 'image', or else the only one of uint8 images; segmentation masks are none.
        label: Name of the feature that is the label, dotted when nested; only with `with_labels`.

    Returns:
        A finite, prefetched `tf.data.Dataset` of float32 [discriminator_steps * batch_size, height,
        width, channels], or [..., dim] for a density, of known cardinality; with labels, of pairs
        of these and int32 [discriminator_steps * batch_size]. It can seek, which `kgan.GAN.fit`
        uses to resume; a data set derived from it by `map` or `take` cannot.

    Raises:
        ValueError: If an argument is unusable, the split is smaller than one batch, or the data
            set lacks what was asked for: uint8 images, one size or an `image_size`, one channel to
            stack, labels.
        FileNotFoundError: If the data set is absent and cannot be downloaded.
        OSError: If `data_dir` is a file or cannot be read.

    Example:
        ```python
        images = kgan.data.load("digits", batch_size=100)
        len(images)  # 14 batches of float32 [100, 8, 8, 1] in [-1, 1]
        ```
    """
    rows = positive_integer("batch_size", batch_size) * positive_integer(
        "discriminator_steps", discriminator_steps
    )
    order = (0 if seed is None else seed) if shuffle else None
    if with_labels:
        check_has_labels(name, name not in DENSITIES and not name.startswith(PREFIX))
    elif label is not None:
        raise ValueError(
            "Invalid value for argument `label`: expected None where labels are not asked for "
            f"(`with_labels=True` asks for them), received {label!r}."
        )
    if name in DENSITIES:
        _check_unscaled(name, image_size=image_size, value_range=value_range, image=image)
        return _from_memory((_points(name, split, rows),), rows, order, tf.identity)
    low, high = bounds("value_range", value_range) or (-1.0, 1.0)
    scale = _scaler(low, high)
    source = find_images(name, image_size, with_labels, data_dir, image, label)
    prepare(source.builder, download)
    batches = _load_stacks if name.startswith(PREFIX) else _load_images
    dataset = batches(source, split, rows, order, scale)
    dataset.value_range = (low, high)
    return dataset


def _load_images(
    source: ImageSource,
    split: str,
    rows: int,
    order: int | None,
    scale: Callable[[tf.Tensor], tf.Tensor],
) -> SeekableDataset:
    """Batch the images of a split, from memory where they fit, else from disk.

    Args:
        source: the prepared data set.
        split: as `load` has it.
        rows: rows of a batch.
        order: seed of the epochs' orders; None keeps the order of TFDS.
        scale: maps pixels to the value range.
    """
    splits = source.builder.info.splits
    parts = split_parts(source.name, split, splits)
    n = count_rows(parts, splits)
    _check_rows(source.name, split, n, rows)
    finish = _finisher(scale)
    if n * source.image_bytes <= _MEMORY_BYTES:
        return _from_memory(source.read(split), rows, order, finish, source.names)
    return from_disk(source.with_known_channels(split), split, rows, order, finish)


def _load_stacks(
    source: ImageSource,
    split: str,
    rows: int,
    order: int | None,
    scale: Callable[[tf.Tensor], tf.Tensor],
) -> SeekableDataset:
    """Batch stacks of three images; the arguments are those of `_load_images`."""
    splits = split_infos({key: n for key, n in STACKS.items() if key in source.builder.info.splits})
    parts = split_parts(source.name, split, splits)
    _check_rows(source.name, split, count_rows(parts, splits), rows)
    images: list[np.ndarray] = []
    stacks = []
    for key, part in parts:
        start = sum(len(table) for table in images)
        images.append(source.read(key)[0])
        stacks.append(start + draw(key, len(images[-1]))[part])
    with tf.device("CPU"):
        table = tf.constant(np.concatenate(images))
    return _from_memory(
        (np.concatenate(stacks),),
        rows,
        order,
        lambda numbers: scale(stack(table, numbers)),
        source.names,
    )


def _points(name: str, split: str, rows: int) -> np.ndarray:
    """Return float32 [n, dim]: the part `split` of a density's fixed samples."""
    splits = split_infos(_DENSITY_SPLITS)
    parts = split_parts(name, split, splits)
    _check_rows(name, split, count_rows(parts, splits), rows)
    seeds = list(_DENSITY_SPLITS)
    samples = {
        key: DENSITIES[name].sample(_DENSITY_SPLITS[key], seed=seeds.index(key)) for key, _ in parts
    }
    return np.concatenate([samples[key][part] for key, part in parts])


def _from_memory(
    table: Sequence[np.ndarray],
    rows: int,
    order: int | None,
    finish: Finish,
    names: Mapping[str, str] | None = None,
) -> SeekableDataset:
    """Batch arrays [n, ...] by shuffling their row numbers and gathering a batch at a time.

    Args:
        table: arrays of equal length, the components of a batch.
        rows: rows of a batch.
        order: seed of the epochs' orders; None keeps the order of the table.
        finish: the last function applied to the components of each batch.
        names: features that the images and the labels are; None for points.
    """
    arrays = [np.ascontiguousarray(array) for array in table]
    n = len(arrays[0])
    fingerprint = digest(arrays)  # before the tensors exist, as it copies each array
    with tf.device("CPU"):  # where tf.data runs; from elsewhere each batch would move all of it
        tensors = [tf.constant(array) for array in arrays]

    def gathered(batch: tf.Tensor) -> tf.Tensor | tuple[tf.Tensor, tf.Tensor]:
        return finish(*(tf.gather(tensor, batch) for tensor in tensors))

    epoch = memory_epoch(n, rows, order)
    return SeekableDataset(epoch, n // rows, gathered, fingerprint, data_features=names or {})


def from_disk(
    source: ImageSource, split: str, rows: int, order: int | None, finish: Finish
) -> SeekableDataset:
    """Batch the images of a split by reading each epoch from disk through a shuffle buffer.

    Args:
        source: the prepared data set.
        split: as `load` has it.
        rows: rows of a batch.
        order: seed of the epochs' orders; None keeps the order of TFDS.
        finish: the last function applied to the components of each batch.
    """
    splits = source.builder.info.splits
    parts = split_parts(source.name, split, splits)
    steps = count_rows(parts, splits) // rows
    buffer = max(rows, SHUFFLE_BYTES // source.image_bytes)
    epoch = streamed_epoch(source.decode(split), rows, order, buffer, steps)
    # The images are too many to digest: names, slices and sizes of files stand for them, and where
    # there is a choice, the feature that was chosen.
    shards = [info.shard_lengths for info in splits.values()]
    files = repr((source.builder.info.full_name, parts, shards))
    chosen = [repr(sorted(source.choices.items()))] if source.choices else []
    explain, names = source.explaining(split), source.names
    return SeekableDataset(epoch, steps, finish, digest([files, *chosen]), explain, names)


def _finisher(scale: Callable[[tf.Tensor], tf.Tensor]) -> Finish:
    """Return the function that maps pixels, or pixels and labels, to what `load` yields."""

    def finish(
        pixels: tf.Tensor, labels: tf.Tensor | None = None
    ) -> tf.Tensor | tuple[tf.Tensor, tf.Tensor]:
        return scale(pixels) if labels is None else (scale(pixels), tf.cast(labels, tf.int32))

    return finish


def _scaler(low: float, high: float) -> Callable[[tf.Tensor], tf.Tensor]:
    """Return the function that maps pixels 0 to 255 to a value range."""

    def scale(pixels: tf.Tensor) -> tf.Tensor:
        weight = tf.cast(pixels, tf.float32) / 255.0
        return low * (1.0 - weight) + high * weight  # exact at both ends

    return scale


def _check_unscaled(name: str, **of_images: object) -> None:
    for argument, value in of_images.items():
        if value is not None:
            raise ValueError(
                f"Invalid value for argument `{argument}`: it is for images; expected None for the "
                f"density {name!r}, received {value!r}."
            )


def _check_rows(name: str, split: str, n: int, rows: int) -> None:
    if n < rows:
        raise ValueError(
            f"Split {split!r} of data set {name!r} has {n} rows, fewer than one batch of "
            f"discriminator_steps * batch_size = {rows}; lower `batch_size`."
        )
