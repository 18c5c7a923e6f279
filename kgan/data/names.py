"""What a source is: the name of a data set, a TFDS builder, or a directory of pictures."""

from __future__ import annotations

import os
import pathlib
import re
from typing import TypeAlias

import tensorflow_datasets as tfds

from kgan.data import bouncing, stacked
from kgan.data.densities import DENSITIES
from kgan.data.directories import prepared

__all__ = ["BUNDLED", "Source", "located", "made_of", "picture_directory"]

BUNDLED = ["digits", *DENSITIES]
# What `kgan.data.load` takes.
Source: TypeAlias = str | os.PathLike[str] | tfds.core.DatasetBuilder


def picture_directory(
    source: Source, data_dir: str | os.PathLike[str] | None = None
) -> pathlib.Path | None:
    """Return the directory of pictures that a source means, absolute; None for a data set.

    A path object means a directory, and so does a string that begins with '/', '.' or '~' or ends
    with '/'. Any other string does if such a directory exists and no data set has that name.

    Args:
        source: as `kgan.data.load` has it.
        data_dir: as `kgan.data.load` has it; the data sets that lie there have names.

    Raises:
        ValueError: it is of another type.
    """
    if isinstance(source, tfds.core.DatasetBuilder):
        return None
    if not isinstance(source, str | os.PathLike) or not os.fspath(source):
        raise ValueError(
            "Invalid value for argument `source`: expected the name of a data set, the path of a "
            f"directory of pictures or a TFDS builder, received {source!r}."
        )
    path = pathlib.Path(os.path.abspath(os.path.expanduser(source)))
    if not isinstance(source, str) or source.startswith(("/", ".", "~")) or source.endswith("/"):
        return path
    return path if path.is_dir() and not _is_data_set(source, data_dir) else None


def located(source: str, data_dir: str | os.PathLike[str] | None = None) -> str:
    """Return a source so that it means the same in another working directory.

    Args:
        source: a name, or the path of a directory of pictures, which becomes absolute.
        data_dir: as `kgan.data.load` has it.

    Example:
        ```python
        located("digits")  # 'digits'
        located("./my_pictures")  # the same, absolute
        ```
    """
    directory = picture_directory(source, data_dir)
    return source if directory is None else str(directory)


def made_of(name: str) -> str:
    """Return the name of the data set whose images a name stacks or moves; else the name."""
    return name.removeprefix(stacked.PREFIX).removeprefix(bouncing.PREFIX)


def _is_data_set(name: str, data_dir: str | os.PathLike[str] | None) -> bool:
    base = re.split("[/:]", made_of(name))[0].lower()
    known = {*BUNDLED, *tfds.list_builders(with_community_datasets=False)}
    return base in known or bool(prepared(data_dir, base))
