"""Speed of the training step: kgan, plain Keras, a bare loop, PyTorch and the floor.

    python -m benchmarks.step [--pair=mlp ...] [--batch_size=100] [--rounds=7] [--torch_python=PATH]

All train networks of the same sizes with the same losses and optimizers, in turns (A B A B ...):
TensorFlow's in one process, PyTorch's in another that waits meanwhile. The floor is the time of the
step's matrix products and convolutions alone. `x` is the speed relative to keras-shaped; `floor` is
the floor's share of the time. All but `bfloat16` compute in float32. PyTorch is optional:
--torch_python is an interpreter that has it.
"""

from __future__ import annotations

import argparse
import functools
import json
import pathlib
import statistics
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import kgan
from benchmarks.fitting import by_fit
from benchmarks.floor import Floor, products
from benchmarks.keras_shaped import KerasShaped, NestedTapes
from benchmarks.lean import Lean
from benchmarks.pairs import PAIRS, SHAPE, Pair, Shape, trainable
from benchmarks.timing import in_turns, print_record, ratio

SEVERAL = 10  # steps in one execution
ROOT = pathlib.Path(__file__).resolve().parent.parent


class Torch:
    """A process with PyTorch's networks of a pair, which trains on request and waits otherwise."""

    def __init__(self, python: str, pair: str, batch_size: int):
        self.process = subprocess.Popen(
            [python, "-m", "benchmarks.torch_step", pair, str(batch_size)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.questions, self.answers = self.process.stdin, self.process.stdout
        try:
            self.about = self._answer()
        except json.JSONDecodeError:  # it ended without a word
            self.about = {}

    def _answer(self) -> dict:
        return json.loads(self.answers.readline())

    def seconds_a_step(self, kind: str, steps: int) -> float:
        self.questions.write(f"{kind} {steps}\n")
        self.questions.flush()
        answer = self._answer()
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["seconds"]

    def contenders(self, sizes: list[int], steps: int) -> dict[str, Callable[[], float]]:
        """Return the functions to time, after one step of each has succeeded."""
        if not self.about:
            print("  (no PyTorch: --torch_python names an interpreter that has it)")
            return {}
        if self.about["sizes"] != sizes:
            raise RuntimeError(f"PyTorch's networks have other sizes: {self.about}, {sizes}")
        able: dict[str, Callable[[], float]] = {}
        for kind in ("eager", "compiled"):
            try:
                self.seconds_a_step(kind, 1)
            except RuntimeError as error:
                print(f"  (PyTorch {kind}: {error})")
            else:
                able[f"PyTorch {kind}"] = functools.partial(self.seconds_a_step, kind, steps)
        return able

    def close(self) -> None:
        self.questions.close()
        self.process.wait()


def compiled_game(
    pair: Pair,
    several: int = 1,
    jit: bool = False,
    dtype: str = "float32",
    shape: Shape | None = None,
) -> kgan.GAN:
    """Return the compiled `kgan.GAN` of a pair."""
    gan = kgan.GAN(*pair.networks(dtype, shape), kgan.priors.Normal(pair.latent_dim), dtype=dtype)
    objective: dict[str, Any] = {}
    if pair.gamma is not None:
        penalties = [kgan.penalties.R1(pair.gamma), kgan.penalties.R2(pair.gamma)]
        objective = {"loss": "relativistic_paired", "penalties": penalties}
    gan.compile(pair.adam(), pair.adam(), **objective, jit_compile=jit, steps_per_execution=several)
    return gan


def games(pair: Pair) -> dict[str, kgan.GAN]:
    """Return the pair compiled in several ways; with XLA only where there are penalties."""
    made = {
        "kgan": compiled_game(pair),
        f"kgan, {SEVERAL} at once": compiled_game(pair, SEVERAL),
        "kgan, bfloat16": compiled_game(pair, dtype="mixed_bfloat16"),
    }
    if pair.gamma is not None:
        made["kgan, XLA"] = compiled_game(pair, jit=True)
        made[f"kgan, {SEVERAL} at once, XLA"] = compiled_game(pair, SEVERAL, jit=True)
    return made


def measured(name: str, batch_size: int, rounds: int, steps: int, torch_python: str):
    """Return seconds a step of each contender, by round, and the multiply-adds of the floor."""
    pair = PAIRS[name]
    images = np.random.default_rng(0).uniform(-1, 1, (batch_size, *SHAPE)).astype("float32")
    data = tf.data.Dataset.from_tensors(images).cache().repeat()
    lean = Lean(pair)
    floor = Floor(products(lean.step.get_concrete_function(data.element_spec)))
    shaped = (KerasShaped if pair.gamma is None else NestedTapes)(pair)
    timed = {"keras-shaped": by_fit(shaped, data, steps)}
    for label, game in games(pair).items():
        timed[label] = by_fit(game, data, steps)
    timed["bare loop"] = functools.partial(lean.seconds_a_step, iter(data), steps)
    timed["floor"] = functools.partial(floor.seconds_a_step, steps)
    torch = Torch(torch_python, name, batch_size)
    try:
        sizes = [trainable(lean.generator), trainable(lean.discriminator)]
        timed |= torch.contenders(sizes, steps)
        return in_turns(timed, rounds), floor.multiply_adds
    finally:
        torch.close()


def show(name: str, batch_size: int, times: dict[str, list[float]], multiply_adds: int) -> dict:
    """Print the table of a pair; return its figures."""
    rate = multiply_adds / statistics.median(times["floor"]) / 1e9
    print(
        f"{name}, batch {batch_size}: {multiply_adds / 1e9:.3f} G multiply-adds a step; "
        f"alone they run at {rate:.0f} G a second"
    )
    print(f"  {'':<20}{'ms a step':>10}{'images/s':>10}{'x':>7} (quartiles)   {'floor':>6}")
    rows = {}
    for contender, seconds in times.items():
        step = statistics.median(seconds)
        low, faster, high = ratio(times["keras-shaped"], seconds)
        share = ratio(times["floor"], seconds)[1]
        print(
            f"  {contender:<20}{1e3 * step:>10.1f}{batch_size / step:>10.0f}{faster:>7.2f} "
            f"({low:.2f} to {high:.2f}) {share:>6.0%}"
        )
        rows[contender] = {
            "ms": round(1e3 * step, 2),
            "images_per_second": round(batch_size / step),
            "over_keras_shaped": [round(value, 3) for value in (low, faster, high)],
            "floor": round(share, 3),
        }
    print(flush=True)
    return {"multiply_adds": multiply_adds, "contenders": rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pair", action="append", choices=list(PAIRS), help="all if not given")
    parser.add_argument("--batch_size", type=int, help="instead of a pair's own")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=5, help="in a turn of each")
    parser.add_argument("--torch_python", default=sys.executable, metavar="PATH")
    args = parser.parse_args()

    figures = {}
    for name in args.pair or PAIRS:
        for size in [args.batch_size] if args.batch_size else PAIRS[name].batch_sizes:
            found = measured(name, size, args.rounds, args.steps, args.torch_python)
            figures[f"{name}, batch {size}"] = show(name, size, *found)
            keras.backend.clear_session()
    print_record("step", rounds=args.rounds, steps=args.steps, pairs=figures)


if __name__ == "__main__":
    main()
