"""Directories of prepared data sets: whether one is given, and what lies there."""

from __future__ import annotations

import json
import os
import re
from typing import Any

import tensorflow_datasets as tfds
from tensorflow_datasets.core.constants import DATA_DIR

__all__ = ["check_data_dir", "names_in", "prepared", "what_lies_in"]

_INFO = "dataset_info.json"
_VERSION = re.compile(r"\d+\.\d+\.\d+")
_SHOWN = 20  # names in a message


def check_data_dir(data_dir: str | os.PathLike[str], base: str) -> str:
    """Return the path of a directory of data sets, `~` expanded; it need not exist.

    Args:
        data_dir: as `kgan.data.load` has it.
        base: name of the data set, without configuration and version.

    Raises:
        OSError: it is a file or cannot be read.
        ValueError: it is the directory of one data set, or of a version of one.
    """
    path = tfds.core.Path(data_dir).expanduser()
    try:
        children = list(path.iterdir()) if path.exists() else []
    except OSError as error:
        raise type(error)(
            f"Invalid value for argument `data_dir`: expected a readable directory, or the path of "
            f"one to create, received {str(path)!r} ({error.strerror})."
        ) from error
    versions = [child for child in children if _VERSION.fullmatch(child.name)]
    for info in (folder / _INFO for folder in (path, *versions)):
        own = _read(info)
        if own is not None:
            raise ValueError(_not_a_root(path, _root(info, own), own))
    if children and not (path / base).exists():
        for info in path.glob(f"*/*/{_INFO}"):  # path/CONFIGURATION/VERSION, or one of a data set
            own = _read(info)
            if own is not None and (root := _root(info, own)) not in (None, path):
                raise ValueError(_not_a_root(path, root, own))
    return str(path)


def prepared(data_dir: str | os.PathLike[str] | None, base: str) -> list[str]:
    """Return the configurations and versions of a data set in a directory: 'mnist:3.0.1'."""
    folder = _path(data_dir) / base
    if not base or not folder.exists():
        return []
    infos = [*folder.glob(f"*/{_INFO}"), *folder.glob(f"*/*/{_INFO}")]
    places = sorted(info.parent.relative_to(folder.parent).parts for info in infos)
    return [f"{'/'.join(place[:-1])}:{place[-1]}" for place in places]


def names_in(data_dir: str | os.PathLike[str] | None) -> list[str]:
    """Return the names of the data sets that lie in a directory, sorted."""
    path = _path(data_dir)
    infos = [*path.glob(f"*/*/{_INFO}"), *path.glob(f"*/*/*/{_INFO}")] if path.exists() else []
    return sorted({info.relative_to(path).parts[0] for info in infos})


def what_lies_in(data_dir: str | os.PathLike[str] | None, base: str) -> str:
    """Return a sentence that says which data sets a directory holds, the versions of `base` first.

    Args:
        data_dir: as `kgan.data.load` has it.
        base: name of the data set that was asked for.
    """
    path = _path(data_dir)
    if not path.exists():
        return f"The directory {path} (`data_dir`) does not exist."
    found = prepared(path, base) or names_in(path)
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    names = ", ".join(found[:_SHOWN]) or "no data set"
    return f"The directory {path} (`data_dir`) holds {names}{more}."


def _path(data_dir: str | os.PathLike[str] | None) -> Any:
    return tfds.core.Path(DATA_DIR if data_dir is None else data_dir).expanduser()


def _read(info: Any) -> dict[str, str] | None:
    """Return what the description of a prepared data set says of it; None if it is none."""
    try:
        content = json.loads(info.read_text())
        return {key: content[key] for key in ("name", "version", "configName") if key in content}
    except (OSError, ValueError, TypeError):
        return None


def _parts(own: dict[str, str]) -> tuple[str, ...]:
    """Return the folders below a directory of data sets that lead to a data set."""
    return tuple(own[key] for key in ("name", "configName", "version") if key in own)


def _root(info: Any, own: dict[str, str]) -> Any:
    """Return the directory of data sets that an info file lies in; None where it is in no such."""
    parts = _parts(own)
    if info.parent.parts[-len(parts) :] != parts:
        return None
    return info.parents[len(parts)]


def _not_a_root(path: Any, root: Any, own: dict[str, str]) -> str:
    if root is None:
        remedy = f"Move it to DIRECTORY/{'/'.join(_parts(own))} and give DIRECTORY"
    else:
        remedy = f"Give {str(root)!r}"
    return (
        "Invalid value for argument `data_dir`: expected the directory that holds data sets, "
        f"received {str(path)!r}, which is the data set {own.get('name')!r} itself. {remedy}."
    )
