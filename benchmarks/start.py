"""Seconds from a command to the first training step, and to the help of `kgan-train`.

    python -m benchmarks.start [--preset=digits_mlp] [--rounds=5] [--data_dir=DIR]

A fresh process a round imports what `kgan-train` imports, loads the data, makes the GAN and trains
until the first execution of steps ends. It reads a clock after each part. The data are prepared
before the first round, in a time that is printed as well.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

from benchmarks.timing import print_record, seconds

PARTS = ("import", "data", "networks", "first step")

# The program of a round. The clock is the system's: another process gives the command.
PROGRAM = """
import json, os, sys, time
begin, preset, data_dir = float(sys.argv[1]), sys.argv[2], sys.argv[3] or None
ends = {}

def end(part):
    ends[part] = time.time() - begin

from train import main, run  # all that the program imports
from kgan import data
from kgan.callbacks.base import StepCallback
from train.config import resolve
from train.game import make_gan
end("import")
config = resolve(preset, {})
images = data.load(
    config.dataset, config.split, config.batch_size, config.discriminator_steps,
    config.image_size, config.pixels, seed=config.seed, data_dir=data_dir,
    with_labels=config.conditional,
)
classes = data.describe(config.dataset, data_dir).num_classes if config.conditional else None
end("data")
gan = make_gan(config, images, classes)
end("networks")

class Stop(StepCallback):
    def on_steps_end(self, before, logs):
        end("first step")
        print(json.dumps(ends), flush=True)
        os._exit(0)

gan.fit(images, verbose=0, callbacks=[Stop()])
"""


def first_step(preset: str, data_dir: str | None) -> dict[str, float]:
    """Return the seconds of each part of one start."""
    command = [sys.executable, "-c", PROGRAM, str(time.time()), preset, data_dir or ""]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    ends = json.loads(done.stdout.splitlines()[-1])
    begins = [0.0, *(ends[part] for part in PARTS)]
    spans = zip(PARTS, begins, begins[1:], strict=False)
    return {part: ends[part] - begin for part, begin, _ in spans}


def show_help() -> None:
    """Run `kgan-train --help`."""
    command = [sys.executable, "-m", "train", "--help"]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="digits_mlp")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--data_dir", help="directory of TFDS data; by default a temporary, empty one"
    )
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        data_dir = args.data_dir or os.path.join(temporary, "data")
        cold = sum(first_step(args.preset, data_dir).values())
        rounds = [first_step(args.preset, data_dir) for _ in range(args.rounds)]
        helps = [seconds(show_help) for _ in range(args.rounds)]

    medians = {part: statistics.median(row[part] for row in rounds) for part in PARTS}
    totals = [sum(row.values()) for row in rounds]
    print(f"preset {args.preset}, from the command to the first step:")
    for part, taken in medians.items():
        print(f"  {part:<12}{taken:7.2f} s")
    print(
        f"  {'together':<12}{statistics.median(totals):7.2f} s "
        f"({min(totals):.2f} to {max(totals):.2f}); {cold:.2f} s before the data were prepared"
    )
    print(f"kgan-train --help: {statistics.median(helps):.2f} s ({max(helps):.2f} at most)")
    print_record(
        "start",
        preset=args.preset,
        seconds={part: round(taken, 3) for part, taken in medians.items()},
        together=round(statistics.median(totals), 3),
        help=round(statistics.median(helps), 3),
    )


if __name__ == "__main__":
    main()
