"""From a name to batches: the one pipeline of images and of toy densities."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Callable
from numbers import Integral
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from tensorflow_datasets.core.utils import tqdm_utils

from kgan.data.densities import DENSITIES, Mixture
from kgan.data.images import crop_and_resize, image_feature, label_feature, target_size
from kgan.data.prepare import find_builder, prepare
from kgan.data.stacked import PREFIX, STACKS, check_channels, draw, stack
from kgan.data.stream import Stream, memory_epoch, streamed_epoch

_MEMORY_BYTES = 2**30  # uint8 images up to this size are decoded once and kept
_SHUFFLE_BYTES = 2**28  # buffer of a data set that is streamed instead
_READ_BATCH = 1000
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
) -> tf.data.Dataset:
    """Loads a data set as batches for Algorithm 1, one epoch per iteration.

    A batch holds the `discriminator_steps` minibatches of `batch_size` rows that one iteration of
    the algorithm consumes, and no two minibatches of an epoch share a row; the rows left over when
    the batches are full are dropped. Images of at most 1 GiB as uint8 are decoded once and kept in
    memory; others are streamed from disk through a shuffle buffer of 256 MiB.

    Args:
        name: Any image data set of TensorFlow Datasets ('mnist', 'cycle_gan/horse2zebra'), the
            bundled 'digits', or a density: 'gaussian', 'ring', 'grid'. 'stacked_' before a data
            set of grey images lays three random ones on top of each other, as the channels of
            one: 'stacked_mnist' is the StackedMNIST of 1,000 modes.
        split: Split or slice of one, such as 'train[:50%]'. A density has 100,000 points in
            'train' and 10,000 in 'test'. Stacks are 128,000 of the images of 'train' and 26,000
            of those of 'test', always the same ones.
        batch_size: Rows of one minibatch, m.
        discriminator_steps: Minibatches in a batch, k.
        image_size: Side of a square or (height, width) in pixels: the largest centred piece of
            that aspect ratio is cut out and resized with antialiasing. None keeps the native size.
        value_range: What the pixel values 0 and 255 become; None means (-1, 1). Points of a
            density are never scaled.
        shuffle: Whether each epoch comes in a new order instead of the order of TFDS.
        seed: Seed of the orders; None means 0. `kgan.GAN.fit` plays step t of a training on batch t
            of an endless sequence of epochs, which follows from the seed alone. Elsewhere each
            iteration over the data set is the next epoch of that sequence.
        data_dir: Directory of prepared data sets; None means TFDS's default,
            ~/tensorflow_datasets.
        download: Whether a data set that is not prepared may be downloaded. False never touches
            the network.
        with_labels: Whether to give pairs of images and labels, as conditional players need them.
            The labels are the feature 'label', or else the first that is a class label.

    Returns:
        A finite, prefetched data set of float32 [discriminator_steps * batch_size, height, width,
        channels], or [..., dim] for a density, of known cardinality; with labels, of pairs of
        these and int32 [discriminator_steps * batch_size]. Its attribute `stream` is what
        `kgan.GAN.fit` resumes from; a data set made from it by `map` or `take` has none.

    Raises:
        ValueError: If an argument is unusable, the split is smaller than one batch, or the data
            set has no uint8 images, images of several sizes and no `image_size`, colours where
            grey images were to be stacked, or no labels where they are asked for.
        FileNotFoundError: If the data set is absent and cannot be downloaded.
        OSError: If `data_dir` is a file or cannot be read.
    """
    rows = _positive("batch_size", batch_size) * _positive(
        "discriminator_steps", discriminator_steps
    )
    seed = 0 if seed is None else seed
    if with_labels and (name in DENSITIES or name.startswith(PREFIX)):
        raise ValueError(_without_labels(name))
    if name in DENSITIES:
        if image_size is not None or value_range is not None:
            raise ValueError(
                f"Arguments `image_size` and `value_range` are for images: expected None for the "
                f"density {name!r}, received {image_size!r} and {value_range!r}."
            )
        points = _points(name, DENSITIES[name], split)
        _check_rows(name, split, len(points), rows)
        return _from_memory(points, rows, shuffle, seed, tf.identity)

    scale = _scaler((-1.0, 1.0) if value_range is None else value_range)
    source = name.removeprefix(PREFIX)
    builder = find_builder(source, data_dir, bundled=["digits", *DENSITIES])
    feature, shape = image_feature(source, builder.info.features)
    label = label_feature(builder.info.features) if with_labels else None
    if with_labels and label is None:
        raise ValueError(_without_labels(name))
    if source != name:
        check_channels(name, shape[-1])
    size = target_size(source, shape, image_size)
    prepare(builder, download)
    splits = builder.info.splits
    if source != name:
        splits = split_sizes({key: n for key, n in STACKS.items() if key in splits})
    parts = split_parts(name, split, splits)
    n = sum(len(range(splits[key].num_examples)[part]) for key, part in parts)
    _check_rows(name, split, n, rows)
    if source != name:
        table, stacks = _stacks(name, builder, parts, feature, size)
        return _from_memory(stacks, rows, shuffle, seed, lambda row: scale(stack(table, row)))

    image_bytes = math.prod((*size, shape[-1] or 1))
    in_memory = n * image_bytes <= _MEMORY_BYTES
    examples = _images(builder, split, feature, size, label)

    def finish(pixels: tf.Tensor, labels: tf.Tensor | None = None) -> Any:
        return scale(pixels) if labels is None else (scale(pixels), tf.cast(labels, tf.int32))

    if in_memory:
        return _from_memory(_read(name, examples), rows, shuffle, seed, finish)
    buffer = max(rows, _SHUFFLE_BYTES // image_bytes)
    epoch = streamed_epoch(examples, rows, seed if shuffle else None, buffer, n // rows)
    files = repr((builder.info.full_name, parts, [info.shard_lengths for info in splits.values()]))
    return _batches(Stream(epoch, n // rows, finish, _fingerprint(files.encode())))


def _without_labels(name: str) -> str:
    return (
        "Invalid value for argument `with_labels`: expected False for a data set without class "
        f"labels, such as {name!r}, received True."
    )


def _images(
    builder: tfds.core.DatasetBuilder,
    split: str,
    feature: str,
    size: tuple[int, int],
    label: str | None = None,
) -> tf.data.Dataset:
    """Decodes the images of a split, uint8 [*size, channels], in the order of their files.

    With the name of a label, gives pairs of these and their labels.
    """
    examples = builder.as_dataset(
        split=split,
        read_config=tfds.ReadConfig(enable_ordering_guard=False, try_autocache=False),
    )
    native = builder.info.features[feature].shape[:2] == size

    def image(example: dict[str, tf.Tensor]) -> Any:
        pixels = example[feature] if native else crop_and_resize(example[feature], size)
        return pixels if label is None else (pixels, example[label])

    return examples.map(image, num_parallel_calls=tf.data.AUTOTUNE)


def _stacks(
    name: str,
    builder: tfds.core.DatasetBuilder,
    parts: list[tuple[str, slice]],
    feature: str,
    size: tuple[int, int],
) -> tuple[tf.Tensor, np.ndarray]:
    """Returns uint8 [n, *size, 1] images and int64 [stacks, 3], the rows that make each stack."""
    images: list[np.ndarray] = []
    stacks = []
    for key, part in parts:
        start = sum(len(table) for table in images)
        images.append(_read(name, _images(builder, key, feature, size)))
        stacks.append(start + draw(key, len(images[-1]))[part])
    with tf.device("CPU"):
        return tf.constant(np.concatenate(images)), np.concatenate(stacks)


def _from_memory(
    table: Any, rows: int, shuffle: bool, seed: int, finish: Callable[..., Any]
) -> tf.data.Dataset:
    """Batches arrays [n, ...] by shuffling their row numbers and gathering a batch at a time."""
    arrays = [np.ascontiguousarray(array) for array in tf.nest.flatten(table)]
    n = len(arrays[0])
    with tf.device("CPU"):  # where tf.data runs; from elsewhere each batch would move all of it
        tensors = [tf.constant(array) for array in arrays]

    def gathered(batch: tf.Tensor) -> Any:
        return finish(*(tf.gather(tensor, batch) for tensor in tensors))

    epoch = memory_epoch(n, rows, seed if shuffle else None)
    return _batches(Stream(epoch, n // rows, gathered, _fingerprint(*arrays)))


def _fingerprint(*contents: Any) -> str:
    sha = hashlib.sha256()
    for content in contents:
        sha.update(content)
    return sha.hexdigest()[:16]


def _batches(stream: Stream) -> tf.data.Dataset:
    dataset = stream.epochs()
    dataset.stream = stream
    return dataset


def _read(name: str, images: tf.data.Dataset) -> Any:
    """Reads every example into one array [n, ...], or pairs into two; shows a bar after 5 s."""
    batches = images.batch(_READ_BATCH)
    bar = tqdm_utils.tqdm(
        batches.as_numpy_iterator(),
        total=len(batches),
        desc=f"Reading {name}",
        unit=f"x{_READ_BATCH} images",
        delay=5,
        leave=False,
    )
    return tf.nest.map_structure(lambda *parts: np.concatenate(parts), *bar)


def _scaler(value_range: tuple[float, float]) -> Callable[[tf.Tensor], tf.Tensor]:
    try:
        low, high = (float(end) for end in value_range)
    except (TypeError, ValueError):
        low = high = math.nan
    if not -math.inf < low < high < math.inf:
        raise ValueError(
            "Invalid value for argument `value_range`: expected two finite numbers (low, high) "
            f"with low < high, received {value_range!r}."
        )

    def scale(pixels: tf.Tensor) -> tf.Tensor:
        weight = tf.cast(pixels, tf.float32) / 255.0
        return low * (1.0 - weight) + high * weight  # exact at both ends

    return scale


def _points(name: str, density: Mixture, split: str) -> np.ndarray:
    """Returns float32 [n, dim]: the part `split` of the density's fixed samples."""
    splits = split_sizes(_DENSITY_SPLITS)
    samples = {
        key: density.sample(n, seed=number)
        for number, (key, n) in enumerate(_DENSITY_SPLITS.items())
    }
    return np.concatenate([samples[key][part] for key, part in split_parts(name, split, splits)])


def split_sizes(rows: dict[str, int]) -> dict[str, tfds.core.SplitInfo]:
    """Describes splits that TFDS does not keep, by their number of rows."""
    return {
        key: tfds.core.SplitInfo(name=key, shard_lengths=[n], num_bytes=0)
        for key, n in rows.items()
    }


def split_parts(name: str, split: str, splits: Any) -> list[tuple[str, slice]]:
    """Resolves a split such as 'train[:50%]+test' to the rows it takes of each named split."""
    try:
        parts = tfds.core.ReadInstruction.from_spec(split).to_absolute(splits)
    except (NotImplementedError, ValueError) as error:
        raise ValueError(
            f"Invalid value for argument `split`: data set {name!r} has {', '.join(splits)}, and "
            f"slices of these such as '{next(iter(splits))}[:50%]'; received {split!r}."
        ) from error
    return [(part.splitname, slice(part.from_, part.to)) for part in parts]


def _positive(argument: str, value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        raise ValueError(
            f"Invalid value for argument `{argument}`: expected a positive integer, "
            f"received {value!r}."
        )
    return int(value)


def _check_rows(name: str, split: str, n: int, rows: int) -> None:
    if n < rows:
        raise ValueError(
            f"Split {split!r} of data set {name!r} has {n} rows, fewer than one batch of "
            f"discriminator_steps * batch_size = {rows}; lower `batch_size`."
        )
