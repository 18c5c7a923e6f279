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
    config = resolve(FLAGS.preset, {name: FLAGS[name].value for name in options})
    print(json.dumps(config.options(), indent=2), flush=True)
    with quiet_start():
        from .run import RunDirectory, train
    if FLAGS.dry_run:
        RunDirectory(FLAGS.run_dir).check(config.options())
        return
    train(config, FLAGS.run_dir, FLAGS.data_dir)


def cli() -> None:
    """Entry point of `kgan-train`."""
    run("kgan-train", main, program_flags)
