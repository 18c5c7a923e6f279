"""Conditions that are given beside the images: pictures of equal names, halves, earlier frames."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from kgan import conditions
from kgan.data.folders import Folder, list_folder

__all__ = ["HALVES", "PREVIOUS_FRAMES", "Given", "Pairing", "condition_directory", "find_condition"]

HALVES = ("left_half", "right_half")
PREVIOUS_FRAMES = "previous_frames"
_NAMED = 5  # pictures in a message

# What `kgan.data.load` takes as `condition`, but for 'label'.
Given: TypeAlias = conditions.Given | os.PathLike[str]


@dataclasses.dataclass(frozen=True)
class Pairing:
    """Where the conditions of the pictures of a directory are.

    Attributes:
        name: as `kgan.data.load` has it; a directory as an absolute path.
        directory: the one that holds them, under the names of the pictures; None where each picture
            holds both, side by side.
    """

    name: str
    directory: pathlib.Path | None = None

    @property
    def halves(self) -> tuple[str | None, str | None]:
        """Which half of a file is the image, and which the condition: `"left"` or `"right"`."""
        if self.directory is not None:
            return None, None
        return ("right", "left") if self.name == "left_half" else ("left", "right")

    def partners(self, folder: Folder) -> tuple[pathlib.Path, Mapping[str, str]]:
        """Return the directory of the conditions, and picture -> name of the file there.

        Raises:
            ValueError: names are without a partner, or a name is not the only one.
            OSError: the directory cannot be read.
        """
        if self.directory is None:
            return folder.path, {name: name for name in folder.pictures}
        try:
            other = list_folder(self.directory)
        except (ValueError, OSError) as error:
            raise type(error)(str(error).replace("`source`", "`condition`", 1)) from error
        images, found = _by_name(folder, "source"), _by_name(other, "condition")
        if images.keys() != found.keys():
            raise ValueError(_unmatched(folder, other, images.keys(), found.keys()))
        return other.path, {picture: found[name] for name, picture in images.items()}


def find_condition(condition: Given) -> conditions.Condition | Pairing | str | None:
    """Return how the conditions of images are made, or where they are: `PREVIOUS_FRAMES` in videos.

    Args:
        condition: as `kgan.data.load` has it, but for 'label'.

    Raises:
        ValueError: it is nothing of the kind.
    """
    if isinstance(condition, str) and condition == PREVIOUS_FRAMES:
        return PREVIOUS_FRAMES
    if isinstance(condition, str) and condition in HALVES:
        return Pairing(condition)
    directory = condition_directory(condition)
    if directory is not None:
        return Pairing(str(directory), directory)
    if isinstance(condition, str) and condition not in conditions.CONDITIONS:
        names = ", ".join((*conditions.CONDITIONS, *HALVES, PREVIOUS_FRAMES))
        raise ValueError(
            f"Invalid value for argument `condition`: expected None, 'label', one of {names}, the "
            "path of a directory of pictures, or a kgan.conditions.Condition, received "
            f"{condition!r}. There is no directory {os.path.abspath(condition)}."
        )
    return conditions.get(condition)  # type: ignore[arg-type]


def condition_directory(condition: object) -> pathlib.Path | None:
    """Return the directory that a condition means, absolute; None for another condition.

    A path object means a directory, and so does a string that begins with '/', '.' or '~' or ends
    with '/'. Any other string does if such a directory exists and no condition has that name.

    Args:
        condition: as `kgan.data.load` has it.
    """
    if not isinstance(condition, str | os.PathLike) or not os.fspath(condition):
        return None
    path = pathlib.Path(os.path.abspath(os.path.expanduser(condition)))
    if not isinstance(condition, str) or condition[0] in "/.~" or condition.endswith("/"):
        return path
    named = condition in (*conditions.CONDITIONS, *HALVES, PREVIOUS_FRAMES, "label")
    return path if path.is_dir() and not named else None


def _by_name(folder: Folder, argument: str) -> dict[str, str]:
    """Return name without suffix, in Unicode's form NFC -> picture."""
    pictures = {_plain(picture): picture for picture in folder.pictures}
    if len(pictures) < len(folder.pictures):
        counts = Counter(map(_plain, folder.pictures))
        twice = sorted(name for name, count in counts.items() if count > 1)
        raise ValueError(
            f"Invalid value for argument `{argument}`: expected pictures whose names differ in "
            f"more than the suffix, as pairs have equal names; {folder.path} holds "
            f"{_listed(twice)} more than once. Remove or rename one of each."
        )
    return pictures


def _plain(picture: str) -> str:
    return unicodedata.normalize("NFC", os.path.splitext(picture)[0])


def _unmatched(folder: Folder, other: Folder, images: Iterable[str], found: Iterable[str]) -> str:
    images, found = {*images}, {*found}
    parts = [
        f"{len(alone)} of {place} {'has' if len(alone) == 1 else 'have'} no picture in {elsewhere} "
        f"({_listed(alone)})"
        for alone, place, elsewhere in (
            (sorted(images - found), folder.path, other.path),
            (sorted(found - images), other.path, folder.path),
        )
        if alone
    ]
    return (
        "Invalid value for argument `condition`: expected a directory with one picture for each of "
        f"the {len(images)} in {folder.path}, of the same name but for the suffix, received "
        f"{str(other.path)!r}, which holds {len(found)}: {'; '.join(parts)}. Add, remove or rename "
        "pictures until all match."
    )


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
