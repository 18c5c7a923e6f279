"""What a run was made of, as `config.json` and each checkpoint hold it.

`config.json` may be lost or be replaced by another run's. Checkpoints therefore carry its content,
and no training continues from one that is of another run.
"""

from __future__ import annotations

import dataclasses
import pathlib
import typing
import warnings

import keras
import numpy as np

from kgan.artifacts import RunDirectory, check_record, option_changes
from kgan.checkpoint import Checkpoints
from kgan.utils.types import JsonDict

from .config import Config

EXTENDABLE = ("epochs", "steps")  # options that may grow when a run is resumed
_ENTRY = "run"  # name of the entry in a checkpoint's record of the place in the training


class RunCheckpoints(Checkpoints):
    """Checkpoints that carry the content of `config.json`, written while the run is locked.

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
        if _ENTRY not in place:  # earlier versions of kgan recorded none
            return
        record = _record(path, place)
        changes = option_changes(record["options"], self.record["options"], EXTENDABLE)
        if record.get("data") != self.record.get("data"):
            changes.append(f"data {record.get('data')} -> {self.record.get('data')}")
        if changes:
            raise ValueError(
                f"The checkpoint {path} is not of the run that {self.run.config} describes: "
                f"{'; '.join(changes)}. Put back the files that belong together, or name "
                "another run directory."
            )


def check_run(run: RunDirectory, config: Config) -> JsonDict | None:
    """Check that `config` may be trained in a directory, and write nothing.

    Args:
        run: the run directory.
        config: what to train.

    Returns:
        The content of `config.json`, from the newest checkpoint if the file is missing; None for a
        new run.

    Raises:
        ValueError: the directory holds a run of another configuration, or files of a training
            without a record of how they were made.
        OSError: the directory cannot be used.
    """
    run.check(config.options(), growing=EXTENDABLE)
    if run.config.exists():
        return run.read_config()
    newest = Checkpoints(run.checkpoints).newest()
    if newest is None or _ENTRY not in newest[2]:
        if remains := run.remains():
            raise ValueError(
                f"The run directory {run.path} holds {', '.join(remains)} of an earlier training, "
                f"but no {run.config.name}, and nothing there says how it was made. Put back "
                f"{run.config.name}, or name another directory."
            )
        return None
    record = _record(newest[0], newest[2])
    run.check_options(record["options"], config.options(), EXTENDABLE)
    return record


def restore_config(run: RunDirectory, record: JsonDict | None) -> None:
    """Write `config.json` again if it is missing and `check_run` found its content."""
    if record is not None and not run.config.exists():
        run.write_config(record)
        print(f"{run.config} was missing; it is written again from the newest checkpoint.")


def recorded_config(run: RunDirectory) -> Config:
    """Return the configuration that a run recorded. A warning names options that it lacks.

    Raises:
        FileNotFoundError: no run began there.
        OSError: the record cannot be read.
        ValueError: the record is damaged, or of a version of kgan with other options.
    """
    options = run.read_config()["options"]
    hints = typing.get_type_hints(Config)
    if unknown := sorted(options.keys() - hints.keys()):
        raise ValueError(
            f"The run in {run.path} was made by another version of kgan, whose options differ "
            f"(such as {unknown[0]!r}). Install that version to repeat it."
        )
    for name, value in options.items():
        if not _is_of(value, hints[name]):
            raise ValueError(
                f"{run.config} is damaged: its option {name!r} cannot be {value!r}. Put the file "
                "back, or name another directory."
            )
    absent = [field for field in dataclasses.fields(Config) if field.name not in options]
    if absent:
        said = ", ".join(f"--{field.name}={field.default}" for field in absent)
        warnings.warn(
            f"{run.config} does not record every option; these have their defaults: {said}.",
            stacklevel=2,
        )
    return Config(**options)


def _is_of(value: object, annotation: object) -> bool:
    """Return whether a value of JSON has the type of an option; an integer may be a float."""
    kinds = typing.get_args(annotation) or (annotation,)
    return type(value) in kinds or (type(value) is int and float in kinds)


def _record(path: pathlib.Path, place: JsonDict) -> JsonDict:
    try:
        return check_record(place[_ENTRY])
    except ValueError as error:
        raise ValueError(
            f"The checkpoint {path} does not say of which run it is ({error}). Remove it to resume "
            "from the one before, or name another run directory."
        ) from error
