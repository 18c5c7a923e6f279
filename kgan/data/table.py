"""Arrays in memory, filled row by row and handed to TensorFlow without a copy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from kgan.data.mirror import mirroring
from kgan.data.stream import Finish, SeekableDataset, memory_epoch
from kgan.utils.digests import digest

__all__ = ["as_tensor", "empty", "from_memory"]

_ALIGNMENT = 64  # bytes; TensorFlow's operations read no other memory


def empty(shape: Sequence[int], dtype: type) -> np.ndarray:
    """Return an array that is not filled yet and that `as_tensor` need not copy."""
    size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
    memory = np.empty(size + _ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    return memory[start : start + size].view(dtype).reshape(shape)


def as_tensor(array: np.ndarray) -> tf.Tensor:
    """Return the numbers of an array as a tensor on the CPU, which is where `tf.data` runs.

    From elsewhere, each batch would move all of it. An array of `empty` shares its memory with the
    tensor and must not change any more; another is copied.
    """
    with tf.device("CPU"):
        if array.size and array.ctypes.data % _ALIGNMENT == 0 and array.flags.c_contiguous:
            return tf.experimental.dlpack.from_dlpack(array.__dlpack__())
        return tf.constant(array)


def from_memory(
    table: Sequence[np.ndarray],
    rows: int,
    order: int | None,
    finish: Finish,
    names: Mapping[str, str] | None = None,
    mirror_seed: int | None = None,
    content: Sequence[np.ndarray] = (),
) -> SeekableDataset:
    """Batch arrays [n, ...] by shuffling their row numbers and gathering a batch at a time.

    Args:
        table: arrays of equal length, the components of a batch.
        rows: rows of a batch.
        order: seed of the epochs' orders; None keeps the order of the table.
        finish: the last function applied to the components of each batch.
        names: features that the images and the labels are; None for points.
        mirror_seed: seed of which images are mirrored; None mirrors none.
        content: arrays that `finish` uses beside the table, for the fingerprint.
    """
    arrays = [np.ascontiguousarray(array) for array in table]
    n = len(arrays[0])
    fingerprint = digest([*arrays, *content])
    tensors = [as_tensor(array) for array in arrays]

    def gathered(batch: tf.Tensor) -> tf.Tensor | tuple[tf.Tensor, tf.Tensor]:
        return finish(*(tf.gather(tensor, batch) for tensor in tensors))

    steps = n // rows
    epoch, last = mirroring(memory_epoch(n, rows, order), gathered, steps, rows, mirror_seed)
    return SeekableDataset(
        epoch, steps, last, fingerprint, data_features=names or {}, in_memory=True
    )
