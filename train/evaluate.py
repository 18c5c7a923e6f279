"""The evaluation program: flags -> frozen options -> function."""

from __future__ import annotations

import dataclasses
from typing import Any

from absl import flags

from . import evaluate_flags as program_flags
from .evaluation.options import Options
from .program import quiet_start, run

FLAGS = flags.FLAGS


def main() -> None:
    """Checks the flags and evaluates."""
    if FLAGS.run_dir is None:
        raise ValueError("--run_dir is required: the directory of a finished kgan-train run.")
    given: dict[str, Any] = {
        field.name: FLAGS[field.name].value for field in dataclasses.fields(Options)
    }
    if given["metrics"] is None:
        del given["metrics"]
    else:
        given["metrics"] = tuple(given["metrics"])
    options = Options(**given)
    with quiet_start():
        from .evaluation.run import evaluate
    evaluate(options)


def cli() -> None:
    """Entry point of `kgan-evaluate`."""
    run("kgan-evaluate", main, program_flags)


if __name__ == "__main__":
    cli()
