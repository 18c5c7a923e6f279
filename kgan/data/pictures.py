"""Batches of the pictures of a directory, from memory or decoded anew in each epoch."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import tensorflow as tf

from kgan.data.decoding import Facts, decode, facts, why_unreadable
from kgan.data.folders import Folder, list_folder
from kgan.data.form import Form
from kgan.data.images import check_pixels, target_size
from kgan.data.mirror import mirroring
from kgan.data.progress import progress
from kgan.data.stream import Finish, SeekableDataset, memory_epoch
from kgan.data.table import empty
from kgan.utils.digests import digest

__all__ = ["PictureSource", "find_folder", "find_pictures"]

LARGEST_SIDE = 64  # that a size has which nobody asked for
_STORE = "Store them as 0 and 255."
_NAMED = 5  # unreadable files in a message


@dataclasses.dataclass(frozen=True)
class PictureSource:
    """A directory of pictures in the form in which they are wanted.

    Attributes:
        folder: the directory.
        form: the form of every picture.
        labelled: whether labels are wanted.
        skipped: unreadable pictures that `folder` is without; None where none may be skipped.
    """

    folder: Folder
    form: Form
    labelled: bool
    skipped: int | None = None

    @property
    def name(self) -> str:
        """The directory, for messages."""
        return str(self.folder.path)

    def read(self, pictures: Sequence[str]) -> tuple[np.ndarray, ...]:
        """Decode pictures into an array uint8 `[n, height, width, channels]`.

        Where labels are wanted, their array int64 `[n]` comes second.

        Raises:
            OSError: some are unreadable; the message names them.
        """
        pixels = empty((len(pictures), *self.form.size, self.form.channels or 1), np.uint8)

        def fill(row: int) -> None:
            pixels[row] = decode(self._content(pictures[row]), self.form)

        self._refuse(_unreadable(fill, range(len(pictures)), f"Reading {self.name}"), pictures)
        check_pixels(self.name, pixels, _STORE)
        return (pixels, self.folder.labels(pictures)) if self.labelled else (pixels,)

    def stream(
        self,
        pictures: Sequence[str],
        rows: int,
        order: int | None,
        finish: Finish,
        mirror_seed: int | None,
    ) -> SeekableDataset:
        """Batch pictures that are decoded anew in each epoch; the order is that of `from_memory`.

        All are decoded once before, so that none is found to be unreadable in the middle of a
        training.

        Args:
            pictures: paths below the directory.
            rows: rows of a batch.
            order: seed of the epochs' orders; None keeps the order of the pictures.
            finish: the last function applied to the components of each batch.
            mirror_seed: seed of which pictures are mirrored; None mirrors none.

        Raises:
            OSError: some are unreadable; the message names them.
        """
        fingerprint = self._fingerprint(pictures)
        labels = self.folder.labels(pictures) if self.labelled else None
        failures: list[OSError] = []
        pool = ThreadPoolExecutor(os.cpu_count())

        def one(row: int) -> np.ndarray:
            try:
                return decode(self._content(pictures[row]), self.form)
            except Exception as error:  # Pillow's errors are of many kinds
                failures.append(self._unreadable_error({row: why_unreadable(error)}, pictures))
                raise failures[-1] from error

        def batch(numbers: np.ndarray) -> np.ndarray:
            return np.stack([*pool.map(one, numbers)])

        def decoded(numbers: tf.Tensor) -> tf.Tensor | tuple[tf.Tensor, tf.Tensor]:
            pixels = tf.numpy_function(batch, [numbers], tf.uint8, stateful=False)
            pixels = tf.ensure_shape(pixels, [rows, *self.form.size, self.form.channels])
            return finish(pixels) if labels is None else finish(pixels, tf.gather(labels, numbers))

        steps = len(pictures) // rows
        epoch = memory_epoch(len(pictures), rows, order)
        epoch, last = mirroring(epoch, decoded, steps, rows, mirror_seed)
        return SeekableDataset(
            epoch, steps, last, fingerprint, lambda _: failures[-1] if failures else None
        )

    def _content(self, picture: str) -> bytes:
        return (self.folder.path / picture).read_bytes()

    def _fingerprint(self, pictures: Sequence[str]) -> str:
        """Return a digest of paths, contents and form; check that every picture can be decoded."""
        contents: list[bytes] = [b""] * len(pictures)
        largest = np.zeros(len(pictures), np.uint8)

        def check(row: int) -> None:
            content = self._content(pictures[row])
            contents[row] = hashlib.sha256(content).digest()
            largest[row] = decode(content, self.form).max()

        self._refuse(_unreadable(check, range(len(pictures)), f"Checking {self.name}"), pictures)
        check_pixels(self.name, np.array([0, largest.max()]), _STORE)
        paths = [os.fsencode(picture) + b"\0" for picture in pictures]
        files = [part for pair in zip(paths, contents, strict=True) for part in pair]
        return digest([*files, repr(self.form)])

    def _refuse(self, reasons: dict[int, str], pictures: Sequence[str]) -> None:
        if reasons:
            raise self._unreadable_error(reasons, pictures)

    def _unreadable_error(self, reasons: dict[int, str], pictures: Sequence[str]) -> OSError:
        named = [f"{pictures[row]} ({why})" for row, why in [*reasons.items()][:_NAMED]]
        more = f" and {len(reasons) - _NAMED} more" if len(reasons) > _NAMED else ""
        return OSError(
            f"{_counted(len(reasons), 'picture')} of {self.name} cannot be read: "
            f"{', '.join(named)}{more}. Mend or remove them, or give `unreadable='skip'` to go on "
            "without them."
        )


def find_pictures(
    path: str | os.PathLike[str],
    image_size: int | tuple[int, int] | None,
    wanted: Form,
    with_labels: bool,
    skip: bool,
) -> PictureSource:
    """Find the pictures of a directory, and in which form they are wanted.

    Without a size it is that of the pictures where all have one of at most 64 pixels a side, else
    64x64. Without channels it is 1 where all are stored as grey and opaque, else 3. Both look at
    all splits, so that these agree.

    Args:
        path: the directory.
        image_size: as `kgan.data.load` has it.
        wanted: channels, where these are asked for, how to resize, and the background; its size
            does not count.
        with_labels: whether labels are wanted.
        skip: whether unreadable pictures are left out.

    Raises:
        ValueError, OSError: as `kgan.data.load`.
    """
    folder, skipped = find_folder(path, skip)
    if with_labels:
        check_classes(folder)
    size = None if image_size is None else target_size(str(folder.path), (), image_size)
    channels = wanted.channels
    if size is None or channels is None:
        heads = _heads(folder)
        sizes = {head.size for head in heads}
        (native,) = sizes if len(sizes) == 1 else ((LARGEST_SIDE + 1,) * 2,)
        side = LARGEST_SIDE
        size = size or (native if max(native) <= side else (side, side))
        channels = channels or (1 if heads and all(head.grey for head in heads) else 3)
    form = dataclasses.replace(wanted, size=size, channels=channels)
    return PictureSource(folder, form, with_labels, skipped)


def find_folder(path: str | os.PathLike[str], skip: bool) -> tuple[Folder, int | None]:
    """Return the pictures of a directory, and how many unreadable ones were left out.

    Args:
        path: the directory.
        skip: whether to leave out unreadable pictures, for which each is decoded; otherwise none
            is opened, and their number is None.

    Raises:
        ValueError, OSError: as `kgan.data.load`; or all pictures are unreadable.
    """
    folder = list_folder(path)
    if not skip:
        return folder, None
    names = [name for names in folder.splits.values() for name in names]
    smallest = Form((1, 1), 3)
    bad = _unreadable(
        lambda row: decode((folder.path / names[row]).read_bytes(), smallest),
        range(len(names)),
        f"Checking {folder.path}",
    )
    if len(bad) == len(names):
        raise PictureSource(folder, smallest, False)._unreadable_error(bad, names)
    return folder.without([names[row] for row in bad]), len(bad)


def check_classes(folder: Folder) -> None:
    """Raise ValueError unless every picture has a class."""
    if folder.class_names:
        return
    where = "train/CLASS/" if folder.by_folder else "CLASS/"
    found = (
        f"{_counted(folder.loose, 'picture')} outside of its sub-folders"
        if folder.loose
        else "pictures without sub-folders"
    )
    raise ValueError(
        "Invalid value for argument `with_labels`: expected False unless every picture lies in the "
        f"sub-folder of its class ({where}), received True for {str(folder.path)!r}, which holds "
        f"{found}."
    )


def _heads(folder: Folder) -> list[Facts]:
    """Return what the heads of all files say; of unreadable ones the decoder will speak."""
    names = [name for names in folder.splits.values() for name in names]
    heads: list[Facts | None] = [None] * len(names)

    def look(row: int) -> None:
        heads[row] = facts(folder.path / names[row])

    _unreadable(look, range(len(names)), f"Looking through {folder.path}")
    return [head for head in heads if head is not None]


def _unreadable(work: Callable[[int], object], rows: Sequence[int], what: str) -> dict[int, str]:
    """Do `work` for each row on all cores; return why it failed, by row."""

    def attempt(row: int) -> str | None:
        try:
            work(row)
        except Exception as error:  # Pillow's errors are of many kinds
            return why_unreadable(error)
        return None

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        reasons = progress(pool.map(attempt, rows), len(rows), what, " pictures")
        return {row: why for row, why in zip(rows, reasons, strict=True) if why is not None}


def _counted(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"
