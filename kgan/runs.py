"""Training runs as Python and the programs share them: their networks at every step that is kept.

```python
gan.save_run("runs/mine")            # what kgan-sample, kgan-evaluate and kgan-export read
gan = kgan.load_run("runs/digits")   # compiled, with its optimizers: fit, sample and export it
```
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import shlex
from typing import Any

import keras
import numpy as np

from kgan.artifacts import RunDirectory, check_record, option_changes
from kgan.checkpoint import Checkpoints, restore, restore_networks, write
from kgan.utils.atomic_write import atomic_write
from kgan.utils.loading import error_summary, explained_loading
from kgan.utils.types import JsonDict

__all__ = [
    "LENGTH",
    "RunCheckpoints",
    "SavedRun",
    "carried_record",
    "classes_record",
    "directions_record",
    "load_run",
    "read_game",
    "saved_from_python",
    "write_game",
    "write_networks",
]

LENGTH = ("epochs", "steps")
"""Options of a run that may change when it is resumed."""
_ENTRY = "run"  # name of the entry in a checkpoint's record of the place in the training
_PYTHON = "saved_by"  # name of the entry in `config.json` of a run that `GAN.save_run` wrote


class RunCheckpoints(Checkpoints):
    """Checkpoints that carry the content of `config.json`, written while the run is locked.

    `config.json` may be lost or be replaced by another run's. No training continues from a
    checkpoint that is of another run.

    Args:
        run: the run directory, whose `config.json` is written.
        keep: number of newest checkpoints to keep.
    """

    def __init__(self, run: RunDirectory, keep: int = 3):
        super().__init__(run.checkpoints, keep)
        self.run = run
        # Another commit is named when a run is resumed, and changes no training.
        self.record = {name: x for name, x in run.read_config().items() if name != "commit"}

    def save(self, model: keras.Model, place: JsonDict) -> pathlib.Path:
        """Write a checkpoint as `Checkpoints.save` does.

        Raises:
            RuntimeError: the run directory was removed or replaced.
        """
        self.run.check_lock()
        return super().save(model, {**place, _ENTRY: self.record})

    def newest(self) -> tuple[pathlib.Path, dict[str, np.ndarray], JsonDict] | None:
        """Return the newest intact checkpoint as `Checkpoints.newest` does.

        Raises:
            ValueError: it is of another run than `config.json`.
        """
        found = super().newest()
        if found is not None:
            self._check(found[0], found[2])
        return found

    def at(self, step: int) -> tuple[pathlib.Path, dict[str, np.ndarray], JsonDict]:
        """Return the checkpoint after `step` steps as `Checkpoints.at` does.

        Raises:
            ValueError: it is of another run than `config.json`.
        """
        found = super().at(step)
        self._check(found[0], found[2])
        return found

    def _check(self, path: pathlib.Path, place: JsonDict) -> None:
        """Check that a checkpoint is of the run that `config.json` describes."""
        record = carried_record(path, place)
        if record is None:
            return
        changes = option_changes(record["options"], self.record["options"], LENGTH)
        if record.get("data") != self.record.get("data"):
            changes.append(f"data {record.get('data')} -> {self.record.get('data')}")
        if changes:
            raise ValueError(
                f"The checkpoint {path} is not of the run that {self.run.config} describes: "
                f"{'; '.join(changes)}. Put back the files that belong together, or name "
                "another run directory."
            )


def carried_record(path: pathlib.Path, place: JsonDict) -> JsonDict | None:
    """Return the content of `config.json` that a checkpoint carries; None where it carries none.

    Args:
        path: the checkpoint, for the message.
        place: its record of the place in the training.

    Raises:
        ValueError: what it carries is damaged.
    """
    if _ENTRY not in place:  # of an earlier version, or of Python's callback
        return None
    try:
        return check_record(place[_ENTRY])
    except ValueError as error:
        raise ValueError(
            f"The checkpoint {path} does not say of which run it is ({error}). Remove it to resume "
            "from the one before, or name another run directory."
        ) from error


def directions_record(gan: Any) -> JsonDict:
    """Return what a run records of a game that translates both ways: `directions`, or nothing."""
    directions = getattr(gan.generator, "directions", ())
    return {"directions": list(directions)} if directions else {}


def classes_record(gan: Any) -> JsonDict:
    """Return what a run records of a game that classifies: `classes`, their number, or nothing."""
    classes = getattr(gan.discriminator, "classes", None)
    return {} if classes is None else {"classes": classes}


def saved_from_python(record: JsonDict) -> bool:
    """Return whether the `config.json` with this content is of `GAN.save_run`."""
    return _PYTHON in record


def write_networks(gan: Any, run: RunDirectory) -> None:
    """Write both networks; the generator last, because its file marks the run as finished.

    Args:
        gan: a built `kgan.GAN`. Its EMA weights are written, if it keeps any.
        run: the run.

    Raises:
        RuntimeError: the run directory was removed or replaced.
    """
    for network, path in ((gan.discriminator, run.discriminator), (gan.generator, run.generator)):
        run.check_lock()
        with gan.averaged(), atomic_write(path) as partial:
            network.save(partial)


def write_game(gan: Any, run: RunDirectory) -> None:
    """Write how a game is made, so that its networks can be read from any checkpoint.

    Args:
        gan: a built `kgan.GAN`.
        run: the run.
    """
    run.write_game(keras.saving.serialize_keras_object(gan))


def read_game(
    run: RunDirectory, step: int | None = None, *, compiled: bool = False
) -> tuple[Any, pathlib.Path]:
    """Return the game of a run as it was at a checkpoint, and the checkpoint.

    Args:
        run: the run, which need not be finished.
        step: the step after which the checkpoint was written; None for the newest.
        compiled: whether the game is to be compiled, with the state of its optimizers.

    Raises:
        FileNotFoundError: there is no run, no such checkpoint, or none yet.
        OSError: a file cannot be read.
        ValueError: a file is damaged, of another run, or needs a class that is not registered.
    """
    checkpoints = RunCheckpoints(run)
    found = checkpoints.newest() if step is None else checkpoints.at(step)
    if found is None:
        raise FileNotFoundError(
            f"The run in {run.path} has no checkpoint yet. Let it train to the first one: "
            f"kgan-train --run_dir={shlex.quote(str(run.path))} (and its --data_dir, if it had one)"
        )
    path, arrays, _ = found
    description = run.read_game()
    if not compiled:
        description["compile_config"] = None
    with explained_loading(run.game, "Put back the file of the run."):
        game = keras.saving.deserialize_keras_object(description)
    if not game.built:
        game.build()
    (restore if compiled else restore_networks)(game, arrays, path)
    return game, path


def load_run(path: str | os.PathLike[str], step: int | None = None) -> Any:
    """Return the game of a run, compiled and with the state of its optimizers.

    Args:
        path: the directory of a run of `kgan-train` or `GAN.save_run`, finished or not.
        step: the step whose checkpoint is wanted; None for the newest.

    Returns:
        The `kgan.GAN` as it was at that step. `fit` trains it further; `kgan-train` goes on with
        the run itself.

    Raises:
        FileNotFoundError: there is no run, no such checkpoint, or none yet.
        OSError: a file cannot be read.
        ValueError: a file is damaged, of another run, or needs a class that is not registered.

    Example:
        ```python
        gan = kgan.load_run("runs/digits")
        images = gan.sample(16, seed=0)
        ```
    """
    return read_game(RunDirectory(path), step, compiled=True)[0]


class SavedRun(keras.Model):
    """The method of `kgan.GAN` that writes a run directory."""

    def save_run(self, path: str | os.PathLike[str], data: Any = None) -> None:
        """Write the game as a run, which the programs and `kgan.load_run` read.

        The directory may be that of `kgan.callbacks.MetricsLog`, `SampleGrid` and, with
        `checkpoints` below it, `Checkpoint`; the files that this method writes are replaced.
        Checkpoints later than the game's step, and evaluations of what it replaces, are removed.

        Args:
            path: the directory, created if absent.
            data: the data set of `kgan.data.load` that the game was trained on, which
                `kgan-evaluate` then reads again; None where it was another one.

        Raises:
            FileExistsError: the directory holds a run of `kgan-train`.
            OSError: it cannot be written to.
            NotImplementedError: a class of the networks has no `get_config`.
            ValueError: the game is not compiled, a part of it could not be read again, or `data`
                are not of `kgan.data.load`.

        Example:
            ```python
            images = kgan.data.load("mnist", batch_size=100)
            gan.fit(images, epochs=20)
            gan.save_run("runs/mine", data=images)  # kgan-sample --run_dir=runs/mine ...
            ```
        """
        if not self.compiled:
            raise ValueError(
                "The game is not compiled, so that its run would have no optimizers. Call "
                "`compile` before `save_run`."
            )
        run = RunDirectory(path)
        _check_readable(self)
        record = {
            **_record(data),
            "prior": keras.saving.serialize_keras_object(self.prior),
            "value_range": self.value_range,
            _PYTHON: "GAN.save_run",
            **directions_record(self),
            **classes_record(self),
        }
        record["data"].update(image_shape=list(self.image_shape), num_classes=self.num_classes)
        record = json.loads(json.dumps(record, default=_plain))  # before anything is replaced
        with run.lock():
            if run.config.exists() and not saved_from_python(run.read_config()):
                raise FileExistsError(
                    "Invalid value for argument `path`: expected a directory without a run of "
                    f"kgan-train, received {str(path)!r}, which holds one. Name another."
                )
            write_game(self, run)  # first, as a class may not say how it is made
            run.remove_results()
            run.write_config(record)
            _write_checkpoint(self, Checkpoints(run.checkpoints))
            write_networks(self, run)


def _plain(value: Any) -> Any:
    """Return a number of NumPy as one of Python, which JSON can hold."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"A run cannot record {value!r}, of type {type(value).__name__}.")


def _check_readable(gan: Any) -> None:
    """Check that a game can be made again from what is written of it.

    Raises:
        NotImplementedError: a class of its networks has no `get_config`.
        ValueError: it cannot: a part is a lambda, for instance.
    """
    try:
        keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(gan))
    except NotImplementedError:
        raise
    except Exception as error:
        raise ValueError(
            f"The game could not be made again from its run ({error_summary(error)}). Give "
            "functions and classes that are registered with Keras "
            "(keras.saving.register_keras_serializable), no lambdas."
        ) from error


def _record(data: Any) -> JsonDict:
    """Return what a run records of the data of `GAN.save_run`.

    Raises:
        ValueError: they were not loaded by a name or from a directory.
    """
    if data is None:
        return {"options": {}, "data": {}}
    options = getattr(data, "loaded_from", None)
    if options is None:
        raise ValueError(
            "Invalid value for argument `data`: expected a data set that `kgan.data.load` returned "
            f"for a name or a directory, received {type(data).__name__}. Leave it out."
        )
    of_data = {"split": options["split"], **data.record}
    return {"options": options, "data": of_data, **data.condition_record}


def _write_checkpoint(gan: Any, checkpoints: Checkpoints) -> None:
    """Write the state of a game; remove later checkpoints, which can only be of another game."""
    path = checkpoints.path(gan.step)
    place: JsonDict = {"epoch": 0, "done": 0, "steps": 0}
    with contextlib.suppress(FileNotFoundError, ValueError):
        place = checkpoints.at(gan.step)[2]  # the callback's, which knows the epoch
    write(path, gan, place)
    paths = checkpoints.paths()
    for later in paths[paths.index(path) + 1 :]:
        checkpoints.remove(later)
