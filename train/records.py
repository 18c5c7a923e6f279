"""What a run was made of, as `config.json` and each checkpoint hold it.

`config.json` may be lost. Checkpoints therefore carry its content (`kgan.runs.RunCheckpoints`).
"""

from __future__ import annotations

import dataclasses
import typing
import warnings

from kgan.artifacts import RunDirectory
from kgan.checkpoint import Checkpoints
from kgan.runs import LENGTH, carried_record, saved_from_python
from kgan.utils.types import JsonDict
from kgan_cli.options import OptionValues

from .config import Config, overridden
from .length import check_end


def check_run(run: RunDirectory, config: Config) -> JsonDict | None:
    """Check that `config` may be trained in a directory, and write nothing.

    Args:
        run: the run directory.
        config: what to train.

    Returns:
        The content of `config.json`, from the newest checkpoint if the file is missing; None for a
        new run.

    Raises:
        ValueError: the directory holds a run of another configuration, one that is beyond the
            `steps` of `config`, or files of a training without a record of how they were made.
        OSError: the directory cannot be used.
    """
    _check_program(run)
    run.check(config.options(), free=LENGTH)
    if run.config.exists():
        if config.steps:  # those of epochs are known once the data are read
            check_end(run, config, config.steps)
        return run.read_config()
    newest = Checkpoints(run.checkpoints).newest()
    record = None if newest is None else carried_record(newest[0], newest[2])
    if record is None:
        if remains := run.remains():
            raise ValueError(
                f"The run directory {run.path} holds {', '.join(remains)} of an earlier training, "
                f"but no {run.config.name}, and nothing there says how it was made. Put back "
                f"{run.config.name}, or name another directory."
            )
        return None
    run.check_options(record["options"], config.options(), LENGTH)
    return record


def restore_config(run: RunDirectory, record: JsonDict | None) -> None:
    """Write `config.json` again if it is missing and `check_run` found its content."""
    if record is not None and not run.config.exists():
        run.write_config(record)
        print(f"{run.config} was missing; it is written again from the newest checkpoint.")


def resumed_config(run: RunDirectory, given: OptionValues, minutes: float | None) -> Config:
    """Return the configuration of a run that has begun, with options that are given anew.

    Args:
        run: the run, whose `config.json` exists.
        given: the flags of `Config` that were given. `check_run` refuses those that differ.
        minutes: the flag of that name.

    Raises:
        ValueError: `minutes` is given, or as `recorded_config`.
        OSError: as `recorded_config`.
    """
    if minutes is not None:
        raise ValueError(
            f"--minutes={minutes:g}: the run in {run.path} has begun, and its steps are fixed. "
            "Leave the flag out to go on, or give other --steps."
        )
    return overridden(recorded_config(run).options(), given)


def _check_program(run: RunDirectory) -> None:
    """Check that a run, if there is one, is not of `GAN.save_run`."""
    if run.config.exists() and saved_from_python(run.read_config()):
        raise ValueError(
            f"The run in {run.path} was saved from Python, where it was trained. Train it further "
            "there (kgan.load_run), or name another --run_dir."
        )


def recorded_config(run: RunDirectory) -> Config:
    """Return the configuration that a run recorded. A warning names options that it lacks.

    Raises:
        FileNotFoundError: no run began there.
        OSError: the record cannot be read.
        ValueError: the record is damaged, or of a version of kgan with other options.
    """
    _check_program(run)
    options = run.read_config()["options"]
    hints = typing.get_type_hints(Config)
    if unknown := sorted(options.keys() - hints.keys()):
        raise ValueError(
            f"The run in {run.path} was made by another version of kgan, whose options differ "
            f"(such as {unknown[0]!r}). Install that version to go on with it."
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
