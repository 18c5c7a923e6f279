"""Exact checkpoints of a training: its whole state, in one file that shows damage.

A file is a NumPy .npz archive of every variable and of the place in the training, followed by the
SHA-256 digest of the archive. It is written atomically, so a file that has its name is complete.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import pathlib
import re
import time
import warnings
import zipfile
from collections.abc import Sequence

import keras
import numpy as np

from kgan.utils.atomic_write import atomic_write
from kgan.utils.types import JsonDict

__all__ = ["Checkpoints", "read", "restore", "restore_networks", "variables", "write"]

_DIGEST = hashlib.sha256().digest_size
_MODEL = "model"  # group of the networks, the EMA and the counters
_PLACE = "place"  # name of the entry with the place in the training, as JSON


def variables(model: keras.Model) -> dict[str, keras.Variable]:
    """Return every variable that decides how training continues, by group and number.

    These are the weights and statistics of both networks, the EMA, the states of random layers, the
    counters, both optimizers with their loss scales, and the running means of the logs.

    Args:
        model: a compiled `kgan.GAN`.

    Returns:
        Variables by name, such as `"model/0"`.
    """
    # Keras's own names depend on the other layers that the process has made.
    return {
        **_numbered(_MODEL, model.variables),
        **_numbered("generator_optimizer", model.generator_optimizer.variables),
        **_numbered("discriminator_optimizer", model.discriminator_optimizer.variables),
        **_numbered("metrics", model.metrics_variables),
    }


def _numbered(group: str, members: Sequence[keras.Variable]) -> dict[str, keras.Variable]:
    return {f"{group}/{i}": variable for i, variable in enumerate(members)}


def write(path: str | os.PathLike[str], model: keras.Model, place: JsonDict) -> None:
    """Write the state of a training.

    Args:
        path: the file.
        model: a compiled `kgan.GAN`.
        place: the place in the training, as JSON holds it.

    Raises:
        OSError: the file cannot be written, for example on a full disk. `path` has not changed
            then.
    """
    arrays = {name: value.numpy() for name, value in variables(model).items()}
    arrays[_PLACE] = np.array(json.dumps(place))
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    content = buffer.getbuffer()
    with atomic_write(path) as partial, open(partial, "wb") as file:
        file.write(content)
        file.write(hashlib.sha256(content).digest())


def read(path: str | os.PathLike[str]) -> tuple[dict[str, np.ndarray], JsonDict]:
    """Return the arrays of a file by the names of `variables`, and the place in the training.

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
    except (EOFError, KeyError, RecursionError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is no checkpoint of kgan.") from error


def restore(
    model: keras.Model, arrays: dict[str, np.ndarray], path: str | os.PathLike[str] = ""
) -> None:
    """Assign to every variable the array that `read` returned.

    Args:
        model: a compiled `kgan.GAN`.
        arrays: arrays by the names of `variables`.
        path: the file, for the message.

    Raises:
        ValueError: the file is of another model. No variable has changed then.
    """
    _assign(variables(model), arrays, path)


def restore_networks(
    model: keras.Model, arrays: dict[str, np.ndarray], path: str | os.PathLike[str] = ""
) -> None:
    """Assign to the networks, the EMA and the counters the arrays that `read` returned.

    Args:
        model: a built `kgan.GAN`, which need not be compiled.
        arrays: arrays by the names of `variables`; those of optimizers and metrics are not used.
        path: the file, for the message.

    Raises:
        ValueError: the file is of another model. No variable has changed then.
    """
    own = {name: array for name, array in arrays.items() if name.startswith(f"{_MODEL}/")}
    _assign(_numbered(_MODEL, model.variables), own, path)


def _assign(
    present: dict[str, keras.Variable],
    arrays: dict[str, np.ndarray],
    path: str | os.PathLike[str],
) -> None:
    other = sorted(present.keys() ^ arrays.keys()) or [
        name for name, variable in present.items() if not _fits(arrays[name], variable)
    ]
    if other:
        raise ValueError(
            f"The checkpoint {path} is of another model: expected the variables of this one, "
            "received other ones, or of other shapes or dtypes, such as "
            f"{other[0]!r}. Build the model that the training began with, or name another "
            "directory."
        )
    for name, variable in present.items():
        variable.assign(arrays[name].view(variable.dtype))


def _fits(array: np.ndarray, variable: keras.Variable) -> bool:
    dtype = np.dtype(variable.dtype)
    # NumPy's format does not know bfloat16 and returns raw bytes.
    same = array.dtype == dtype or (array.dtype.kind, array.itemsize) == ("V", dtype.itemsize)
    return same and array.shape == tuple(variable.shape)


class Checkpoints:
    """The newest checkpoints of one training, in a directory.

    Args:
        directory: where they are; created with the first checkpoint.
        keep: number of newest checkpoints to keep.
    """

    def __init__(self, directory: str | os.PathLike[str], keep: int = 3):
        self.directory = pathlib.Path(directory).expanduser()
        self.keep = keep

    def path(self, step: int) -> pathlib.Path:
        """Return the file of the checkpoint after `step` steps."""
        return self.directory / f"step_{step:08d}.npz"

    def paths(self) -> list[pathlib.Path]:
        """Return the files, in the order of their steps.

        Raises:
            OSError: the directory cannot be read.
        """
        name = re.compile(r"step_(\d{8,})\.npz")
        try:
            matches = [*filter(None, map(name.fullmatch, os.listdir(self.directory)))]
        except OSError as error:
            if not os.path.lexists(self.directory):
                return []
            raise OSError(
                f"The directory of checkpoints {self.directory} cannot be read ({error.strerror}). "
                "Mend the cause, or name another directory."
            ) from error
        steps = {int(match[1]): self.directory / match[0] for match in matches}
        return [steps[step] for step in sorted(steps)]

    def save(self, model: keras.Model, place: JsonDict) -> pathlib.Path:
        """Write a checkpoint named after the model's step; delete all but the newest `keep`."""
        path = self.path(model.step)
        if path.is_dir():
            self.remove(path)
        write(path, model, place)
        for old in self.paths()[: -self.keep]:
            self.remove(old)
        return path

    def remove(self, path: pathlib.Path) -> None:
        """Remove a checkpoint. A directory in its place is renamed, as its content is not ours."""
        if path.is_dir() and not path.is_symlink():
            path.rename(path.with_name(f"{path.name}.aside-{time.time_ns()}"))
        else:
            path.unlink(missing_ok=True)

    def at(self, step: int) -> tuple[pathlib.Path, dict[str, np.ndarray], JsonDict]:
        """Return path, arrays and place of the checkpoint after `step` steps.

        Raises:
            FileNotFoundError: there is none; the sentence lists those there are.
            OSError: it cannot be read.
            ValueError: it is damaged.
        """
        path, paths = self.path(step), self.paths()
        if path not in paths:
            known = ", ".join(str(int(path.stem.removeprefix("step_"))) for path in paths)
            raise FileNotFoundError(
                f"Invalid value for argument `step={step}`: expected a step whose checkpoint is "
                f"kept in {self.directory} ({known or 'there is none'})."
            )
        return (path, *_intact(path))

    def newest(self) -> tuple[pathlib.Path, dict[str, np.ndarray], JsonDict] | None:
        """Return path, arrays and place of the newest intact checkpoint, or None without any.

        A warning names each one that is damaged or cannot be read.

        Raises:
            OSError: the directory cannot be read, or no checkpoint in it.
            ValueError: all are damaged.
        """
        paths, unreadable = self.paths(), False
        for path in reversed(paths):
            try:
                return (path, *_intact(path))
            except OSError as error:
                unreadable = True
                warnings.warn(
                    f"The checkpoint {path} cannot be read ({error.strerror}). Trying the one "
                    "before.",
                    stacklevel=2,
                )
            except ValueError as error:
                warnings.warn(f"{error} Trying the one before.", stacklevel=2)
        if unreadable:
            raise OSError(
                f"No checkpoint in {self.directory} can be read. Mend the cause, or remove the "
                "directory to begin again."
            )
        if paths:
            raise ValueError(
                f"Every checkpoint in {self.directory} is damaged. Remove the directory to begin "
                "again."
            )
        return None


def _intact(path: pathlib.Path) -> tuple[dict[str, np.ndarray], JsonDict]:
    """Return what `read` does, of a file whose place in the training is complete."""
    if path.exists() and not path.is_file():  # opening a pipe would wait forever
        raise IsADirectoryError(errno.EISDIR, "it is no file")
    arrays, place = read(path)
    for field in ("epoch", "done", "steps"):
        value = place.get(field) if isinstance(place, dict) else None
        if type(value) is not int or value < 0:
            raise ValueError(
                f"The checkpoint {path} is damaged: its record of the place in the training has no "
                f"valid {field!r}."
            )
    return arrays, place
