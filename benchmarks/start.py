"""Seconds from the command `kgan-train` to the first step, and to its help.

    python -m benchmarks.start [--preset=digits_mlp] [--rounds=5] [--data_dir=DIR]

A fresh process a round. The program is the installed one's, with a clock at the end of its imports,
of `kgan.data.load`, of making the game and of the first execution of steps, where it ends. The
data are prepared before the first round; how long that takes is printed as well.
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

# What a round runs. The clock is the system's: the command was given in another process.
PROGRAM = """
import json, os, sys, time
begin, ends = float(sys.argv.pop(1)), {}

def timed(name, function):
    def call(*args, **kwargs):
        result = function(*args, **kwargs)
        ends[name] = time.time() - begin
        return result
    return call

from kgan_cli.silence import native_silence
from train import main
with native_silence():
    from train import run
ends["import"] = time.time() - begin

class End(run.StepCallback):
    def on_steps_end(self, before, logs):
        ends["first step"] = time.time() - begin
        print(json.dumps(ends), flush=True)
        os._exit(0)

fit = run.kgan.GAN.fit
run.data.load = timed("data", run.data.load)
run.make_gan = timed("networks", run.make_gan)
run.kgan.GAN.fit = lambda gan, *args, **kwargs: fit(
    gan, *args, **{**kwargs, "callbacks": [End(), *kwargs["callbacks"]]}
)
main.cli()
"""


def first_step(preset: str, data_dir: str | None) -> dict[str, float]:
    """Seconds of each part of one start."""
    with tempfile.TemporaryDirectory() as run:
        flags = [f"--preset={preset}", f"--run_dir={run}/run"]
        if data_dir:
            flags.append(f"--data_dir={data_dir}")
        command = [sys.executable, "-c", PROGRAM, str(time.time()), *flags]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    ends = json.loads(done.stdout.splitlines()[-1])
    begins = [0.0, *(ends[part] for part in PARTS)]
    spans = zip(PARTS, begins, begins[1:], strict=False)
    return {part: ends[part] - begin for part, begin, _ in spans}


def show_help() -> None:
    """Asks the program for its help."""
    command = [sys.executable, "-m", "train", "--help"]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="digits_mlp")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--data_dir", help="TFDS data; a temporary one, without its data, if none")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        data_dir = args.data_dir or os.path.join(temporary, "data")
        cold = sum(first_step(args.preset, data_dir).values())
        rounds = [first_step(args.preset, data_dir) for _ in range(args.rounds)]
        helps = [seconds(show_help) for _ in range(args.rounds)]

    medians = {part: statistics.median(row[part] for row in rounds) for part in PARTS}
    totals = [sum(row.values()) for row in rounds]
    print(f"kgan-train --preset={args.preset}, from the command to the first step:")
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
