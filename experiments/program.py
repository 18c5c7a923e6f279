"""Command-line parts that the experiments share: options, choices and rows of JSON."""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Sequence

from kgan.utils.types import JsonDict

__all__ = ["matching", "parser", "print_row", "rounded", "run", "seed_list", "table"]

INTERRUPTED = 130  # exit code of a program that Ctrl-C has ended


def parser(
    description: str, *, seeds: str, steps: int | None = None, only: bool = True
) -> argparse.ArgumentParser:
    """Return a parser with the options that several experiments have.

    Args:
        description: docstring of the experiment; help shows it whole.
        seeds: default of `--seeds`.
        steps: default of `--steps`; None for an experiment without that option.
        only: whether the experiment has `--only`.
    """
    made = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--seeds", type=seed_list, default=seeds, help="such as 0,1,2 or 0-9")
    made.add_argument("--data_dir", help="TFDS data directory; default: the one of TFDS")
    if only:
        made.add_argument("--only", default="", metavar="REGEX", help="run the matching rows alone")
    if steps is not None:
        made.add_argument("--steps", type=int, default=steps, help="training steps of a run")
    return made


def seed_list(text: str) -> list[int]:
    """Return the seeds of `"0,1,2"` or `"0-9"`.

    Raises:
        argparse.ArgumentTypeError: `text` is neither.
    """
    seeds: list[int] = []
    for part in text.split(","):
        found = re.fullmatch(r"(\d+)(?:-(\d+))?", part)
        if not found:
            raise argparse.ArgumentTypeError(f"expected seeds such as 0,1,2 or 0-9, got {text!r}")
        first, last = int(found[1]), int(found[2] or found[1])
        seeds += range(first, last + 1)
    return seeds


def matching(names: Iterable[str], only: str) -> list[str]:
    """Return the names in which the regular expression `only` matches."""
    return [name for name in names if re.search(only, name)]


def run(command: str) -> bool:
    """Run a command that kgan installs, and return whether it succeeded.

    Raises:
        SystemExit: Ctrl-C has ended it.
    """
    path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])
    print(f"$ {command}", flush=True)
    code = subprocess.run(command, shell=True, env={**os.environ, "PATH": path}).returncode
    if code in (INTERRUPTED, -signal.SIGINT):
        sys.exit(INTERRUPTED)
    return code == 0


def rounded(value: float, digits: int) -> float | None:
    """Return the rounded number, or None where it is not finite, which JSON cannot express."""
    return round(value, digits) if math.isfinite(value) else None


def print_row(experiment: str, **row: object) -> None:
    """Print one row of an experiment as a line of JSON."""
    print(json.dumps({"experiment": experiment, **row}), flush=True)


def table(rows: Iterable[JsonDict], columns: Sequence[str]) -> str:
    """Return rows as a table in Markdown; a cell without a value is empty."""
    cells = ([row.get(name) for name in columns] for row in rows)
    words = (["" if cell is None else str(cell) for cell in line] for line in cells)
    lines = [columns, ["---"] * len(columns), *words]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
