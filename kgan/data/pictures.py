"""Batches of the pictures of a directory, from memory or decoded anew in each epoch."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import pathlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import tensorflow as tf

from kgan.data.decoding import Facts, decode, facts, why_unreadable
from kgan.data.folders import Folder, list_folder
from kgan.data.form import Form
from kgan.data.images import check_pixels, target_size
from kgan.data.mirror import mirroring
from kgan.data.pairs import Pairing
from kgan.data.progress import progress
from kgan.data.stream import Finish, SeekableDataset, memory_epoch
from kgan.data.table import empty
from kgan.utils.digests import digest

__all__ = ["PictureSource", "Pictures", "check_classes", "find_folder", "find_pictures"]

LARGEST_SIDE = 64  # that a size has which nobody asked for
_STORE = "Store them as 0 and 255."
_NAMED = 5  # unreadable files in a message
_SMALLEST = Form((1, 1), 3)  # enough to see whether a file can be decoded


@dataclasses.dataclass(frozen=True)
class Pictures:
    """Picture files and the form in which they are wanted.

    Attributes:
        path: the directory.
        form: the form of every picture.
        half: `"left"` or `"right"`, where that half of each file is the picture.
        names: picture of a source -> its file below `path`; None where these are the same.
    """

    path: pathlib.Path
    form: Form
    half: str | None = None
    names: Mapping[str, str] | None = None

    def file(self, picture: str) -> str:
        """Return the file of a picture, relative to `path`."""
        return picture if self.names is None else self.names[picture]

    def content(self, picture: str) -> bytes:
        """Return the bytes of the file of a picture."""
        return (self.path / self.file(picture)).read_bytes()

    def decoded(self, picture: str) -> np.ndarray:
        """Return the pixels of a picture, uint8 `[*form.size, form.channels]`."""
        return decode(self.content(picture), self.form, self.half)

    def read(self, pictures: Sequence[str]) -> np.ndarray:
        """Return the pixels of pictures, uint8 `[n, *form.size, form.channels]`.

        Raises:
            OSError: some are unreadable; the message names them.
        """
        pixels = empty((len(pictures), *self.form.size, self.form.channels or 1), np.uint8)

        def fill(row: int) -> None:
            pixels[row] = self.decoded(pictures[row])

        reasons = _unreadable(fill, range(len(pictures)), f"Reading {self.path}")
        self.refuse(reasons, pictures)
        check_pixels(str(self.path), pixels, _STORE)
        return pixels

    def content_parts(self, pictures: Sequence[str]) -> list[bytes | str]:
        """Return what a digest of paths, contents and form is made of.

        Raises:
            OSError: a picture cannot be decoded.
        """
        contents: list[bytes] = [b""] * len(pictures)
        largest = np.zeros(len(pictures), np.uint8)

        def check(row: int) -> None:
            content = self.content(pictures[row])
            contents[row] = hashlib.sha256(content).digest()
            largest[row] = decode(content, self.form, self.half).max()

        reasons = _unreadable(check, range(len(pictures)), f"Checking {self.path}")
        self.refuse(reasons, pictures)
        check_pixels(str(self.path), np.array([0, largest.max()]), _STORE)
        paths = [os.fsencode(self.file(picture)) + b"\0" for picture in pictures]
        files = [part for pair in zip(paths, contents, strict=True) for part in pair]
        return [*files, repr(self.form), self.half or ""]

    def refuse(self, reasons: dict[int, str], pictures: Sequence[str]) -> None:
        """Raise OSError if there are reasons why pictures cannot be read, by their rows."""
        if reasons:
            raise self.unreadable_error(reasons, pictures)

    def unreadable_error(self, reasons: dict[int, str], pictures: Sequence[str]) -> OSError:
        """Return the error that names unreadable pictures."""
        shown = [*reasons.items()][:_NAMED]
        named = [f"{self.file(pictures[row])} ({why})" for row, why in shown]
        more = f" and {len(reasons) - _NAMED} more" if len(reasons) > _NAMED else ""
        return OSError(
            f"{_counted(len(reasons), 'picture')} of {self.path} cannot be read: "
            f"{', '.join(named)}{more}. Mend or remove them, or give `unreadable='skip'` to go on "
            "without them."
        )


@dataclasses.dataclass(frozen=True)
class PictureSource:
    """A directory of pictures in the form in which they are wanted.

    Attributes:
        folder: the directory.
        images: its files.
        labelled: whether labels are wanted.
        skipped: unreadable pictures that `folder` is without; None where none may be skipped.
        conditions: the pictures that come with them, as their conditions; None for none.
    """

    folder: Folder
    images: Pictures
    labelled: bool
    skipped: int | None = None
    conditions: Pictures | None = None

    @property
    def name(self) -> str:
        """The directory, for messages."""
        return str(self.folder.path)

    @property
    def parts(self) -> tuple[Pictures, ...]:
        """The files of the images, and of the conditions if there are any."""
        return (self.images,) if self.conditions is None else (self.images, self.conditions)

    @property
    def image_bytes(self) -> int:
        """Size of one decoded image, with its condition."""
        return sum(part.form.image_bytes for part in self.parts)

    def read(self, pictures: Sequence[str]) -> tuple[np.ndarray, ...]:
        """Decode pictures into arrays uint8 `[n, height, width, channels]`.

        The first is that of the images. That of the conditions comes second, or that of the labels,
        int64 `[n]`.

        Raises:
            OSError: some are unreadable; the message names them.
        """
        arrays = tuple(part.read(pictures) for part in self.parts)
        return (*arrays, self.folder.labels(pictures)) if self.labelled else arrays

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
        fingerprint = digest([x for part in self.parts for x in part.content_parts(pictures)])
        labels = self.folder.labels(pictures) if self.labelled else None
        failures: list[OSError] = []
        pool = ThreadPoolExecutor(os.cpu_count())

        def one(row: int) -> list[np.ndarray]:
            decoded = []
            for part in self.parts:
                try:
                    decoded.append(part.decoded(pictures[row]))
                except Exception as error:  # Pillow's errors are of many kinds
                    failures.append(part.unreadable_error({row: why_unreadable(error)}, pictures))
                    raise failures[-1] from error
            return decoded

        def batch(numbers: np.ndarray) -> list[np.ndarray]:
            return [np.stack(part) for part in zip(*pool.map(one, numbers), strict=True)]

        def decoded(numbers: tf.Tensor) -> tf.Tensor | tuple[tf.Tensor, tf.Tensor]:
            types = [tf.uint8 for _ in self.parts]
            arrays = [
                tf.ensure_shape(array, [rows, *part.form.size, part.form.channels])
                for array, part in zip(
                    tf.numpy_function(batch, [numbers], types, stateful=False),
                    self.parts,
                    strict=True,
                )
            ]
            return finish(*arrays, *([] if labels is None else [tf.gather(labels, numbers)]))

        steps = len(pictures) // rows
        epoch = memory_epoch(len(pictures), rows, order)
        epoch, last = mirroring(epoch, decoded, steps, rows, mirror_seed)
        return SeekableDataset(
            epoch, steps, last, fingerprint, lambda _: failures[-1] if failures else None
        )


def find_pictures(
    path: str | os.PathLike[str],
    image_size: int | tuple[int, int] | None,
    wanted: Form,
    with_labels: bool,
    skip: bool,
    pairing: Pairing | None = None,
    group_by: str | None = None,
) -> PictureSource:
    """Find the pictures of a directory, and in which form they are wanted.

    Without a size it is that of the pictures where all have one of at most 64 pixels a side, else
    64x64; conditions have the same. Without channels it is 1 where all are stored as grey and
    opaque, else 3; conditions have their own. Both look at all splits, so that these agree.

    Args:
        path: the directory.
        image_size: as `kgan.data.load` has it.
        wanted: channels, where these are asked for, how to resize, and the background; its size
            does not count.
        with_labels: whether labels are wanted.
        skip: whether unreadable pictures are left out.
        pairing: where the pictures' conditions are; None for none.
        group_by: as `kgan.data.load` has it.

    Raises:
        ValueError, OSError: as `kgan.data.load`.
    """
    found = find_folder(path, skip, pairing, group_by)
    if with_labels:
        check_classes(found.folder)
    size = None if image_size is None else target_size(found.name, (), image_size)
    heads = [[] if size and wanted.channels else _heads(found, part) for part in found.parts]
    if size is None:
        sizes = {head.size for of_part in heads for head in of_part}
        (native,) = sizes if len(sizes) == 1 else ((LARGEST_SIDE + 1,) * 2,)
        size = native if max(native) <= LARGEST_SIDE else (LARGEST_SIDE, LARGEST_SIDE)
    parts = []
    for part, of_part in zip(found.parts, heads, strict=True):
        grey = bool(of_part) and all(head.grey for head in of_part)
        channels = wanted.channels or (1 if grey else 3)
        form = dataclasses.replace(wanted, size=size, channels=channels)
        parts.append(dataclasses.replace(part, form=form))
    return dataclasses.replace(
        found,
        images=parts[0],
        labelled=with_labels,
        conditions=None if found.conditions is None else parts[1],
    )


def find_folder(
    path: str | os.PathLike[str],
    skip: bool,
    pairing: Pairing | None = None,
    group_by: str | None = None,
) -> PictureSource:
    """Find the pictures of a directory, in no form yet: of one pixel.

    Args:
        path: the directory.
        skip: whether to leave out unreadable pictures, for which each is decoded; otherwise none
            is opened, and their number is None.
        pairing: where the pictures' conditions are. A picture is unreadable if either is.
        group_by: as `kgan.data.load` has it.

    Raises:
        ValueError, OSError: as `kgan.data.load`; or all pictures are unreadable.
    """
    folder = list_folder(path, group_by)
    source = PictureSource(folder, Pictures(folder.path, _SMALLEST), labelled=False)
    if pairing is not None:
        of_images, of_conditions = pairing.halves
        images = dataclasses.replace(source.images, half=of_images)
        other, names = pairing.partners(folder)
        conditions = Pictures(other, _SMALLEST, of_conditions, names)
        source = dataclasses.replace(source, images=images, conditions=conditions)
    if not skip:
        return source
    pictures = source.folder.pictures
    bad: set[str] = set()
    for part in source.parts:
        reasons = _unreadable(
            lambda row, part=part: part.decoded(pictures[row]),  # type: ignore[misc]
            range(len(pictures)),
            f"Checking {part.path}",
        )
        if len(reasons) == len(pictures):
            raise part.unreadable_error(reasons, pictures)
        bad |= {pictures[row] for row in reasons}
    return dataclasses.replace(source, folder=folder.without(bad), skipped=len(bad))


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


def _heads(source: PictureSource, part: Pictures) -> list[Facts]:
    """Return what the heads of all files say; of unreadable ones the decoder will speak."""
    names = source.folder.pictures
    heads: list[Facts | None] = [None] * len(names)

    def look(row: int) -> None:
        heads[row] = facts(part.path / part.file(names[row]), part.half)

    _unreadable(look, range(len(names)), f"Looking through {part.path}")
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
