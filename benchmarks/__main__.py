"""Run benchmarks, each in a process of its own.

    python -m benchmarks [--torch_python=PATH] [NAME ...] [OPTION ...]

Without names it runs the standard ones, shortened where they take long: under 15 minutes on two
idle cores. Further options go to every named benchmark; `python -m benchmarks.step --help` lists
those of one. Each benchmark prints a table and a line of JSON.
"""

from __future__ import annotations

import argparse
import ast
import pathlib
import subprocess
import sys
import time

# The standard benchmarks in their order, with their options.
STANDARD: dict[str, list[str]] = {
    "step": ["--rounds=4"],
    "input": [],
    "start": [],
    "growth": ["--rounds=3", "--steps=5"],
    "evaluate": ["--rounds=1"],
    "export": ["--rounds=3"],
    "serve": ["--seconds=10", "--starts=2"],
    "scale": ["--rounds=5", "--steps=30"],
}
# Benchmarks that run only when named.
NAMED = ("operations", "presets", "translation", "kill")
NAMES = (*STANDARD, *NAMED)


def sentence(name: str) -> str:
    """Return the first line of a benchmark's docstring without the slow import."""
    source = pathlib.Path(__file__).with_name(f"{name}.py").read_text()
    return (ast.get_docstring(ast.parse(source)) or "").splitlines()[0]


def run(name: str, options: list[str]) -> bool:
    """Run one benchmark; return whether it succeeded."""
    command = ["-m", f"benchmarks.{name}", *options]
    print(f"== python {' '.join(command)}", flush=True)
    begin = time.monotonic()
    done = subprocess.run([sys.executable, *command], check=False)
    print(f"== {name}: {time.monotonic() - begin:.0f} s\n", flush=True)
    return done.returncode == 0


def main() -> int:
    listed = [f"  {name:<11}{sentence(name)}" for name in NAMES]
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Run benchmarks, each in a process of its own.",
        epilog="\n".join([f"Without names, the first {len(STANDARD)} run:", *listed]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="one or several of the list below")
    parser.add_argument(
        "--torch_python", metavar="PATH", help="for step: an interpreter with PyTorch"
    )
    args, options = parser.parse_known_args()
    for unknown in set(args.names) - set(NAMES):
        parser.error(f"{unknown}: expected one of {', '.join(NAMES)}")
    if options and not args.names:
        parser.error(f"{' '.join(options)}: name the benchmarks that take these options")
    chosen = dict.fromkeys(args.names, options) or STANDARD
    failed = []
    for name, own in chosen.items():
        torch = [f"--torch_python={args.torch_python}"] if args.torch_python else []
        if not run(name, [*own, *(torch if name == "step" else [])]):
            failed.append(name)
    if failed:
        print(f"Failed: {', '.join(failed)}.", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
