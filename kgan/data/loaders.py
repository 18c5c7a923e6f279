"""Batches of each kind of source, once it is known how they are wanted."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from kgan.data import bouncing
from kgan.data.densities import DENSITIES
from kgan.data.mirror import mirroring
from kgan.data.pictures import PictureSource
from kgan.data.source import ImageSource
from kgan.data.splits import count_rows, split_infos, split_parts
from kgan.data.stacked import STACKS, draw, stack
from kgan.data.stream import Finish, SeekableDataset, streamed_epoch
from kgan.data.table import as_tensor, empty, from_memory
from kgan.data.videos import PREVIOUS, last_and_previous, windows, windows_of
from kgan.utils.digests import digest

__all__ = [
    "SHUFFLE_BYTES",
    "Batches",
    "from_disk",
    "load_bouncing",
    "load_density",
    "load_folder",
    "load_images",
    "load_stacks",
    "load_videos",
]

_MEMORY_BYTES = 2**30  # uint8 images up to this size are decoded once and kept
SHUFFLE_BYTES = 2**28  # buffer of a data set that is streamed instead
_DENSITY_SPLITS = {"train": 100_000, "test": 10_000}


@dataclasses.dataclass(frozen=True)
class Batches:
    """How images are batched.

    Attributes:
        rows: rows of a batch.
        minibatches: minibatches in a batch, k.
        order: seed of the epochs' orders; None keeps the order of the data.
        mirror_seed: seed of which images are mirrored; None mirrors none.
        scale: maps pixels to the value range.
    """

    rows: int
    minibatches: int
    order: int | None
    mirror_seed: int | None
    scale: Callable[[tf.Tensor], tf.Tensor] = tf.identity


def load_folder(source: PictureSource, split: str, how: Batches) -> SeekableDataset:
    """Batch the pictures of a directory, from memory where they fit, else decoded in each epoch."""
    pictures = source.folder.rows(split)
    _check_rows(f"the directory {source.name}", split, len(pictures), how)
    finish = _finisher(how.scale, pairs=source.conditions is not None)
    if len(pictures) * source.image_bytes <= _MEMORY_BYTES:
        dataset = from_memory(
            source.read(pictures), how.rows, how.order, finish, mirror_seed=how.mirror_seed
        )
    else:
        dataset = source.stream(pictures, how.rows, how.order, finish, how.mirror_seed)
    dataset.class_names = source.folder.class_names if source.labelled else ()
    dataset.skipped = source.skipped
    return dataset


def load_images(source: ImageSource, split: str, how: Batches) -> SeekableDataset:
    """Batch the images of a split, from memory where they fit, else from disk."""
    splits = source.builder.info.splits
    parts = split_parts(source.name, split, splits)
    n = count_rows(parts, splits)
    _check_rows(f"data set {source.name!r}", split, n, how)
    finish = _finisher(how.scale)
    if n * source.image_bytes <= _MEMORY_BYTES:
        table = source.read(split)
        return from_memory(table, how.rows, how.order, finish, source.names, how.mirror_seed)
    known = source.with_known_channels(split)
    return from_disk(known, split, how.rows, how.order, finish, how.mirror_seed)


def load_stacks(source: ImageSource, split: str, how: Batches) -> SeekableDataset:
    """Batch stacks of three images."""
    splits = split_infos({key: n for key, n in STACKS.items() if key in source.builder.info.splits})
    parts = split_parts(source.name, split, splits)
    _check_rows(f"data set {source.name!r}", split, count_rows(parts, splits), how)
    images: list[np.ndarray] = []
    stacks = []
    for key, part in parts:
        start = sum(len(table) for table in images)
        images.append(source.read(key)[0])
        stacks.append(start + draw(key, len(images[-1]))[part])
    pixels = empty((sum(map(len, images)), *images[0].shape[1:]), np.uint8)
    table = as_tensor(np.concatenate(images, out=pixels))
    numbers = (np.concatenate(stacks),)
    finish = _stacker(table, how.scale)
    return from_memory(numbers, how.rows, how.order, finish, source.names, how.mirror_seed)


def load_bouncing(source: ImageSource, split: str, how: Batches) -> SeekableDataset:
    """Batch the last frames of videos of two images that move, with those before them."""
    known = source.builder.info.splits
    splits = split_infos({key: n for key, n in bouncing.BOUNCING.items() if key in known})
    parts = split_parts(source.name, split, splits)
    _check_rows(f"data set {source.name!r}", split, count_rows(parts, splits), how)
    images: list[np.ndarray] = []
    numbers, motions = [], []
    for key, part in parts:
        start = sum(map(len, images))
        images.append(source.read(key)[0])
        rows, moves = bouncing.draw(key, len(images[-1]))
        numbers.append(start + rows[part])
        motions.append(moves[part])
    pixels = np.concatenate(images)
    table, pairs = as_tensor(pixels), _finisher(how.scale, pairs=True)

    def finish(rows: tf.Tensor, moves: tf.Tensor) -> tf.Tensor | tuple[tf.Tensor, tf.Tensor]:
        return pairs(*last_and_previous(bouncing.videos(table, rows, moves)))

    drawn = (np.concatenate(numbers), np.concatenate(motions))
    return from_memory(
        drawn, how.rows, how.order, finish, source.names, how.mirror_seed, content=(pixels,)
    )


def load_videos(source: ImageSource, split: str, how: Batches) -> SeekableDataset:
    """Batch the frames of videos with those before them, from memory where the videos fit."""
    assert source.frames is not None
    splits, each = source.builder.info.splits, windows(source.frames)
    videos = count_rows(split_parts(source.name, split, splits), splits)
    _check_rows(f"data set {source.name!r}", split, videos * each, how)
    pairs = _finisher(how.scale, pairs=True)

    def finish(frames: tf.Tensor) -> tf.Tensor | tuple[tf.Tensor, tf.Tensor]:
        return pairs(*last_and_previous(frames))

    if videos * source.image_bytes > _MEMORY_BYTES:
        known = source.with_known_channels(split)
        return from_disk(known, split, how.rows, how.order, finish, how.mirror_seed)
    (pixels,) = source.read(split)
    table = as_tensor(pixels.reshape(-1, *pixels.shape[2:]))

    def gathered(first: tf.Tensor) -> tf.Tensor | tuple[tf.Tensor, tf.Tensor]:
        return finish(tf.gather(table, first[:, None] + tf.range(PREVIOUS + 1, dtype=tf.int64)))

    firsts = np.arange(videos)[:, None] * source.frames + np.arange(each)
    return from_memory(
        (firsts.reshape(-1),),
        how.rows,
        how.order,
        gathered,
        source.names,
        how.mirror_seed,
        content=(pixels,),
    )


def load_density(name: str, split: str, how: Batches) -> SeekableDataset:
    """Batch the part `split` of a density's fixed samples, float32 `[n, dim]`."""
    splits = split_infos(_DENSITY_SPLITS)
    parts = split_parts(name, split, splits)
    _check_rows(f"data set {name!r}", split, count_rows(parts, splits), how)
    seeds = list(_DENSITY_SPLITS)
    samples = {
        key: DENSITIES[name].sample(_DENSITY_SPLITS[key], seed=seeds.index(key)) for key, _ in parts
    }
    points = np.concatenate([samples[key][part] for key, part in parts])
    return from_memory((points,), how.rows, how.order, tf.identity)


def from_disk(
    source: ImageSource,
    split: str,
    rows: int,
    order: int | None,
    finish: Finish,
    mirror_seed: int | None = None,
) -> SeekableDataset:
    """Batch the images of a split by reading each epoch from disk through a shuffle buffer.

    Args:
        source: the prepared data set.
        split: as `load` has it.
        rows: rows of a batch.
        order: seed of the epochs' orders; None keeps the order of TFDS.
        finish: the last function applied to the components of each batch.
        mirror_seed: seed of which images are mirrored; None mirrors none.
    """
    splits = source.builder.info.splits
    parts = split_parts(source.name, split, splits)
    n, examples, size = count_rows(parts, splits), source.decode(split), source.image_bytes
    if source.frames is not None:
        n *= windows(source.frames)
        examples, size = examples.flat_map(windows_of), size // source.frames * (PREVIOUS + 1)
    steps = n // rows
    epoch = streamed_epoch(examples, rows, order, max(rows, SHUFFLE_BYTES // size), steps)
    epoch, last = mirroring(epoch, finish, steps, rows, mirror_seed)
    # The images are too many to digest: names, slices and sizes of files stand for them, and where
    # there is a choice, the feature that was chosen.
    shards = [info.shard_lengths for info in splits.values()]
    files = repr((source.builder.info.full_name, parts, shards))
    chosen = [repr(sorted(source.choices.items()))] if source.choices else []
    explain, names = source.explaining(split), source.names
    return SeekableDataset(epoch, steps, last, digest([files, *chosen]), explain, names)


def _finisher(scale: Callable[[tf.Tensor], tf.Tensor], pairs: bool = False) -> Finish:
    """Return the function that maps the components of a batch to what `load` yields.

    Args:
        scale: maps pixels to the value range.
        pairs: whether images come with other images; else with labels, or alone.
    """

    def finish(
        pixels: tf.Tensor, others: tf.Tensor | None = None
    ) -> tf.Tensor | tuple[tf.Tensor, tf.Tensor]:
        if others is None:
            return scale(pixels)
        return scale(pixels), scale(others) if pairs else tf.cast(others, tf.int32)

    return finish


def _stacker(table: tf.Tensor, scale: Callable[[tf.Tensor], tf.Tensor]) -> Finish:
    """Return the function that maps row numbers of three images to a stack of them."""

    def finish(numbers: tf.Tensor) -> tf.Tensor:
        return scale(stack(table, numbers))

    return finish


def _check_rows(place: str, split: str, n: int, how: Batches) -> None:
    """Raise ValueError for a split smaller than one batch; `place` is where it lies, in words."""
    if n < how.rows:
        size = n // how.minibatches
        remedy = f" to {size} or less" if size else ""
        raise ValueError(
            f"Split {split!r} of {place} has {n} rows, fewer than one batch of "
            f"discriminator_steps * batch_size = {how.rows}; lower `batch_size`{remedy}."
        )
