"""The command line that the examples share: flags, and pictures in the output directory."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

import numpy as np
from absl import app, flags

from kgan import plots

__all__ = ["save", "start"]

flags.disclaim_key_flags()  # `--help` of an example then lists the flags that are defined below


def start(run: Callable[..., None], steps: int | None = None) -> None:
    """Define the flags and call `run` with their values.

    Args:
        run: function of the output directory, and of `seed` and `steps` if the example trains.
        steps: default number of training steps; None if the example trains nothing.
    """
    flags.DEFINE_string("output_dir", "figures", "Directory for the pictures.")
    if steps is not None:
        flags.DEFINE_integer("seed", 0, "Seed of all randomness.")
        flags.DEFINE_integer("steps", steps, "Training steps.")

    def main(argv: list[str]) -> None:
        del argv
        names = () if steps is None else ("seed", "steps")
        run(
            pathlib.Path(flags.FLAGS.output_dir),
            **{name: flags.FLAGS[name].value for name in names},
        )

    app.run(main)


def save(path: pathlib.Path, picture: np.ndarray) -> None:
    """Write a picture as a PNG file, create its directory, and print the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    plots.write_png(path, picture)
    print(f"Wrote {path}.")
