"""A directory of pictures: which files are pictures, which splits and classes they make."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import pathlib
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np

from kgan.data.decoding import SUFFIXES
from kgan.data.splits import split_infos, split_parts

__all__ = ["Folder", "in_test", "list_folder"]

_SPLITS = ("train", "test", "validation")
_TEST_SHARE = 10  # one picture of ten is in the split `test`


@dataclasses.dataclass(frozen=True)
class Folder:
    """The pictures of a directory.

    Attributes:
        path: the directory, absolute.
        splits: split -> paths of its pictures, relative to `path` with `/`, sorted.
        class_names: names of the sub-folders that hold the pictures, sorted; empty where there are
            none, or where pictures lie beside them.
        loose: pictures that lie beside sub-folders with pictures, and so have no class.
        ignored: visible files that are no pictures by their suffix, or lie outside of the splits.
        by_folder: whether the splits are folders.
    """

    path: pathlib.Path
    splits: Mapping[str, tuple[str, ...]]
    class_names: tuple[str, ...] = ()
    loose: int = 0
    ignored: int = 0
    by_folder: bool = False

    @property
    def pictures(self) -> list[str]:
        """The pictures of all splits."""
        return [name for names in self.splits.values() for name in names]

    def rows(self, split: str) -> list[str]:
        """Return the pictures of a split or a slice of one.

        Raises:
            ValueError: there is no such split.
        """
        infos = split_infos({key: len(names) for key, names in self.splits.items()})
        parts = split_parts(str(self.path), split, infos)
        return [picture for key, part in parts for picture in self.splits[key][part]]

    def labels(self, pictures: Sequence[str]) -> np.ndarray:
        """Return the class of each picture, int64 `[n]`: the row of its sub-folder's name."""
        depth = 1 if self.by_folder else 0
        rows = {name: row for row, name in enumerate(self.class_names)}
        return np.array([rows[_shown(name.split("/")[depth])] for name in pictures], np.int64)

    def without(self, pictures: Collection[str]) -> Folder:
        """Return this folder as if it did not hold these pictures; the others keep their split."""
        left_out = {*pictures}
        splits = {
            split: tuple(name for name in names if name not in left_out)
            for split, names in self.splits.items()
        }
        splits = {split: names for split, names in splits.items() if names}
        class_names, loose = _classes(splits, self.by_folder)
        return dataclasses.replace(self, splits=splits, class_names=class_names, loose=loose)


def in_test(picture: str, group_by: str | None = None) -> bool:
    """Return whether a picture is of the split `test`, where no folders say so.

    It is if the first eight bytes of the SHA-256 of its path, as a big-endian number, are a
    multiple of ten. The path alone decides, so that a picture stays in its split when others come.

    Args:
        picture: its path below the directory, with `/`; in Unicode's form NFC, whichever the file
            system has.
        group_by: the name of its group is hashed instead: that of the file, without suffix, up to
            the first of this text.
    """
    if group_by is not None:
        picture = os.path.splitext(picture.split("/")[-1])[0].split(group_by)[0]
    content = os.fsencode(unicodedata.normalize("NFC", picture))
    return int.from_bytes(hashlib.sha256(content).digest()[:8], "big") % _TEST_SHARE == 0


def list_folder(path: str | os.PathLike[str], group_by: str | None = None) -> Folder:
    """List the pictures of a directory, at any depth; no file is opened.

    Hidden files and folders, whose names begin with a dot, are passed over.

    Args:
        path: the directory.
        group_by: as `kgan.data.load` has it.

    Raises:
        FileNotFoundError: there is no such directory.
        NotADirectoryError: it is a file.
        ValueError: it holds no pictures, or has its splits in folders and `group_by` is given.
        OSError: it cannot be read.
    """
    if group_by is not None and not (isinstance(group_by, str) and group_by):
        raise ValueError(
            "Invalid value for argument `group_by`: expected text that ends the name of a group, "
            f"such as '_', or None, received {group_by!r}."
        )
    root = pathlib.Path(os.path.abspath(os.path.expanduser(path)))
    _check_directory(root)
    files = sorted(_walk(root))
    pictures = [name for name in files if name.lower().endswith(SUFFIXES)]
    if not pictures:
        raise ValueError(_without_pictures(root, len(files)))
    folders = {name.split("/")[0] for name in pictures if "/" in name}
    by_folder = {"train", "test"} <= folders or ("train" in folders and folders <= {*_SPLITS})
    if by_folder:
        if group_by is not None:
            raise ValueError(
                "Invalid value for argument `group_by`: expected None for a directory whose "
                f"folders are the splits, such as {root} with {', '.join(sorted(folders))}, "
                f"received {group_by!r}."
            )
        parts = {
            split: tuple(name for name in pictures if name.startswith(f"{split}/"))
            for split in _SPLITS
        }
    else:
        parts = _hashed(pictures, group_by)
    splits = {split: names for split, names in parts.items() if names}
    class_names, loose = _classes(splits, by_folder)
    ignored = len(files) - sum(map(len, splits.values()))
    return Folder(root, splits, class_names, loose, ignored, by_folder)


def _classes(splits: Mapping[str, tuple[str, ...]], by_folder: bool) -> tuple[tuple[str, ...], int]:
    """Return the names of the classes of pictures, and how many lie beside their folders."""
    used = [name for names in splits.values() for name in names]
    depth = 1 if by_folder else 0
    classes = [name.split("/")[depth] for name in used if name.count("/") > depth]
    loose = len(used) - len(classes) if classes else 0
    return tuple(sorted({_shown(name) for name in classes})) if not loose else (), loose


def _hashed(pictures: list[str], group_by: str | None) -> dict[str, tuple[str, ...]]:
    """Return the splits by the hash of each path; all are `train` where one would be empty."""
    test = {name for name in pictures if in_test(name, group_by)}
    if not 0 < len(test) < len(pictures):
        return {"train": tuple(pictures)}
    return {
        "train": tuple(name for name in pictures if name not in test),
        "test": tuple(name for name in pictures if name in test),
    }


def _walk(root: pathlib.Path) -> Iterator[str]:
    """Yield the paths of all visible files below `root`, relative and with `/`."""
    pending = [(os.fspath(root), "", frozenset[tuple[int, int]]())]
    while pending:
        folder, below, above = pending.pop()
        status = os.stat(folder)
        own = (status.st_dev, status.st_ino)
        if own in above:  # links lead in a circle
            continue
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir():
                    pending.append((entry.path, f"{below}{entry.name}/", above | {own}))
                elif entry.is_file():
                    yield below + entry.name


def _shown(name: str) -> str:
    """Return the name of a folder as text that any file can hold."""
    return os.fsencode(name).decode("utf-8", "replace")


def _check_directory(path: pathlib.Path) -> None:
    """Raise for what is no readable directory."""
    expected = "Invalid value for argument `source`: expected a directory of pictures, received "
    if not path.exists():
        above = next(folder for folder in path.parents if folder.exists())
        near = f"{above} exists, and {above / path.relative_to(above).parts[0]} does not"
        raise FileNotFoundError(
            f"{expected}{str(path)!r}, which does not exist ({near}). Put it back, or name another."
        )
    if not path.is_dir():
        raise NotADirectoryError(
            f"{expected}{str(path)!r}, which is a file. Name the directory that holds it."
        )
    try:
        os.scandir(path).close()
    except OSError as error:
        raise type(error)(
            f"{expected}{str(path)!r}, which cannot be read ({error.strerror})."
        ) from (error)


def _without_pictures(path: pathlib.Path, files: int) -> str:
    holds = f"{files} files, none of which ends so" if files else "no visible files"
    hint = ""
    if any(path.glob("*/*/dataset_info.json")) or any(path.glob("*/dataset_info.json")):
        hint = " If it is a directory of prepared data sets, give it as `data_dir`."
    return (
        "Invalid value for argument `source`: expected a directory of pictures "
        f"({', '.join(SUFFIXES)}), received {str(path)!r}, which holds {holds}.{hint}"
    )
