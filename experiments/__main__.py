"""List the experiments, or run one.

    python -m experiments                       # lists all
    python -m experiments NAME [OPTION ...]     # the same as python -m experiments.NAME

The experiments are what docs/results.md, recipe_2014.md, recipes.md and health.md report. They
train networks and take minutes to hours; `benchmarks` measures speed.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import pathlib
import sys

NAMES = (
    *("results", "results_page", "recipe", "modes", "gradient_norms", "collapse", "translation"),
    *("any_part", "next_frame", "few_labels", "inference", "codes", "own_pictures"),
)


def summary(name: str) -> str:
    """Return the first line of an experiment's docstring without importing it."""
    source = pathlib.Path(__file__).with_name(f"{name}.py").read_text()
    return (ast.get_docstring(ast.parse(source)) or "").splitlines()[0]


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m experiments",
        description="Run one of the experiments behind the pages of docs/, or list them.",
        epilog="\n".join(["Experiments:", *(f"  {n:<15} {summary(n)}" for n in NAMES)]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", nargs="?", choices=NAMES, metavar="NAME", help="one listed below")
    parser.add_argument("options", nargs=argparse.REMAINDER, help="options of that experiment")
    args = parser.parse_args()
    if args.name is None:
        parser.print_help()
        return
    sys.argv = [f"python -m experiments.{args.name}", *args.options]
    importlib.import_module(f"experiments.{args.name}").main()


if __name__ == "__main__":
    main()
