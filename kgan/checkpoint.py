"""Exact checkpoints of a game: everything that decides its future, in one file that shows damage.

A file holds the arrays of every variable as NumPy's .npz and, at its end, their SHA-256 digest. It
is written under a temporary name, synced and renamed, so a file that has its name is whole.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import pathlib
import re
import warnings
import zipfile
from typing import Any

import keras
import numpy as np

from kgan.utils.atomic_write import atomic_write

__all__ = ["Checkpoints", "read", "restore", "variables", "write"]

_DIGEST = hashlib.sha256().digest_size
_PLACE = "place"  # the entry that holds the place in the training, as JSON


def variables(model: keras.Model) -> dict[str, keras.Variable]:
    """Every variable that decides how the training of a compiled game goes on, by group and number.

    These are both networks' weights and statistics, the average, the states of random layers, the
    counters, both optimizers with their loss scales, and the running means of the logs. Keras's own
    names depend on what else the process has made, so they are not used.
    """
    groups = {
        "model": model.variables,
        "generator_optimizer": model.generator_optimizer.variables,
        "discriminator_optimizer": model.discriminator_optimizer.variables,
        "metrics": model.metrics_variables,
    }
    return {
        f"{group}/{i}": variable
        for group, members in groups.items()
        for i, variable in enumerate(members)
    }


def write(path: str | os.PathLike[str], model: keras.Model, place: dict[str, Any]) -> None:
    """Writes the state of a compiled game.

    Args:
        path: the file.
        model: the game, a compiled `kgan.GAN`.
        place: where in the training this is; anything that JSON can hold.

    Raises:
        OSError: the file cannot be written, as where the disk is full; `path` is then untouched.
    """
    arrays = {name: value.numpy() for name, value in variables(model).items()}
    arrays[_PLACE] = np.array(json.dumps(place))
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    content = buffer.getbuffer()
    with atomic_write(path) as partial, open(partial, "wb") as file:
        file.write(content)
        file.write(hashlib.sha256(content).digest())


def read(path: str | os.PathLike[str]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays of a file by variable name, and the place in the training.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged.
    """
    content = pathlib.Path(path).read_bytes()
    content, digest = content[:-_DIGEST], content[-_DIGEST:]
    if hashlib.sha256(content).digest() != digest:
        raise ValueError(f"The checkpoint {path} is damaged: its content does not fit its digest.")
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays = dict(file)
        return arrays, json.loads(str(arrays.pop(_PLACE)))
    except (EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is no checkpoint of kgan.") from error


def restore(model: keras.Model, arrays: dict[str, np.ndarray], path: Any = "") -> None:
    """Sets every variable of a compiled game to what `read` returned.

    Raises:
        ValueError: the file is of another model; no variable has been touched.
    """
    present = variables(model)
    other = sorted(present.keys() ^ arrays.keys()) or [
        name for name, variable in present.items() if not _fits(arrays[name], variable)
    ]
    if other:
        raise ValueError(
            f"The checkpoint {path} is of another model: expected the variables of this one, "
            "received other ones, or of other shapes or dtypes, such as "
            f"{other[0]!r}. Build the model as it was when the training began, or name another "
            "directory."
        )
    for name, variable in present.items():
        variable.assign(arrays[name].view(variable.dtype))


def _fits(array: np.ndarray, variable: keras.Variable) -> bool:
    dtype = np.dtype(variable.dtype)
    # NumPy's format does not know bfloat16 and gives back bytes.
    same = array.dtype == dtype or (array.dtype.kind, array.itemsize) == ("V", dtype.itemsize)
    return same and array.shape == tuple(variable.shape)


class Checkpoints:
    """The newest checkpoints of one training, in a directory.

    Args:
        directory: where they lie; made when the first is written.
        keep: how many are kept.
    """

    def __init__(self, directory: str | os.PathLike[str], keep: int = 3):
        self.directory = pathlib.Path(directory).expanduser()
        self.keep = keep

    def path(self, step: int) -> pathlib.Path:
        """The file of the state after so many steps."""
        return self.directory / f"step_{step:08d}.npz"

    def paths(self) -> list[pathlib.Path]:
        """The files, oldest first."""
        name = re.compile(r"step_(\d{8,})\.npz")
        steps = {
            int(match[1]): path
            for path in (self.directory.iterdir() if self.directory.is_dir() else ())
            if (match := name.fullmatch(path.name))
        }
        return [steps[step] for step in sorted(steps)]

    def save(self, model: keras.Model, place: dict[str, Any]) -> pathlib.Path:
        """Writes one, named after the model's iteration, and removes those beyond `keep`."""
        path = self.path(model.step)
        write(path, model, place)
        for old in self.paths()[: -self.keep]:
            old.unlink(missing_ok=True)
        return path

    def newest(self) -> tuple[pathlib.Path, dict[str, np.ndarray], dict[str, Any]] | None:
        """The path, arrays and place of the newest that is whole; None where there is none.

        A damaged one is named in a warning, and the one before is taken.

        Raises:
            ValueError: all are damaged.
        """
        paths = self.paths()
        for path in reversed(paths):
            try:
                return (path, *read(path))
            except ValueError as error:
                warnings.warn(f"{error} Going back to the one before.", stacklevel=2)
        if paths:
            raise ValueError(
                f"Every checkpoint in {self.directory} is damaged. Remove the directory to begin "
                "again."
            )
        return None
