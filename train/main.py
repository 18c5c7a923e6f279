"""The training program: flags -> frozen configuration -> function."""

from __future__ import annotations

import dataclasses
import json

from absl import flags

from . import flags as program_flags
from .config import Config, resolve
from .program import quiet_start, run

FLAGS = flags.FLAGS


def main() -> None:
    """Resolves the flags and trains."""
    if FLAGS.run_dir is None:
        raise ValueError("--run_dir is required: the directory that receives the run.")
    options = [field.name for field in dataclasses.fields(Config)]
    given = {name: FLAGS[name].value for name in options if FLAGS[name].value is not None}
    if FLAGS.reproduce is None:
        config = resolve(FLAGS.preset, given)
    else:
        config = _repeated(FLAGS.reproduce, {"preset": FLAGS.preset, **given})
    print(json.dumps(config.options(), indent=2), flush=True)
    with quiet_start():
        from .run import LENGTHS, RunDirectory, train
    if FLAGS.dry_run:
        RunDirectory(FLAGS.run_dir).check(config.options(), LENGTHS)
        return
    train(config, FLAGS.run_dir, FLAGS.data_dir, FLAGS.reproduce)


def _repeated(run_dir: str, given: dict[str, object]) -> Config:
    """The configuration of a run, to be repeated as it was."""
    for name, value in given.items():
        if value is not None:
            raise ValueError(
                f"--reproduce repeats a run as it was: --{name}={value} cannot be given beside it."
            )
    with quiet_start():
        from kgan.artifacts import RunDirectory
    options = RunDirectory(run_dir).read_config()["options"]
    try:
        return Config(**options)
    except TypeError as error:
        raise ValueError(
            f"The run in {run_dir} was made by another version of kgan, whose options differ "
            f"({error}). Install that version to repeat it."
        ) from error


def cli() -> None:
    """Entry point of `kgan-train`."""
    run("kgan-train", main, program_flags)
