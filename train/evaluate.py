"""Evaluates the generator of a run, every metric beside the value of real data.

    kgan-evaluate --run_dir=runs/digits

Prints a table and writes evaluation.json and pictures into the run directory. docs/evaluation.md
explains each metric and its limits.
"""

from __future__ import annotations

from kgan_cli.flags import define_flags, given_flags
from kgan_cli.imports import define_import_flag, import_modules
from kgan_cli.program import run
from kgan_cli.silence import native_silence

from .evaluation.options import Options

define_import_flag(__name__)
define_flags(Options, __name__, with_defaults=True)


def cli() -> None:
    """Run the program and exit: 0 done, 1 failed, 130 interrupted."""
    run("kgan-evaluate", __name__, main, "Interrupted.")


def main() -> None:
    """Check the flags and evaluate."""
    given = given_flags(Options)
    if "run_dir" not in given:
        raise ValueError("--run_dir is required: the directory of a kgan-train run.")
    options = Options(**given)
    with native_silence():
        from .evaluation.run import evaluate

        import_modules()
    evaluate(options)


if __name__ == "__main__":
    cli()
