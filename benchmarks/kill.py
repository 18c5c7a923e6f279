"""Kill a training repeatedly with SIGKILL, resume it, compare it with an uninterrupted one.

    python -m benchmarks.kill [--kills=100] [--seed=0] [--network=dcgan]

Both runs are the program on the bundled digits, with k = 2 and an EMA of the generator's weights.
`dcgan` has batch normalisation in both networks, `maxout` dropout. Kills alternate between three
moments: up to two steps' time after a random step; while a checkpoint file is half written; and
during the program's start. The final states, generators, pictures and metrics (without their times)
must be equal, byte for byte.
"""

from __future__ import annotations

import argparse
import itertools
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import time

import keras

from kgan import data
from kgan.artifacts import RunDirectory
from kgan.checkpoint import Checkpoints

STEPS_A_KILL = 30
CHECKPOINT_EVERY = 5
MOMENTS = ("training", "checkpoint", "training", "start")


def command(run_dir, data_dir, network, steps, python=(sys.executable,)):
    """Return the command of the program that is killed; `python` starts Python."""
    return [
        *(*python, "-m", "train", f"--run_dir={run_dir}", f"--data_dir={data_dir}"),
        *(f"--network={network}", "--width=4", "--latent_dim=4", "--batch_size=16"),
        *("--discriminator_steps=2", "--ema_decay=0.99", f"--steps={steps}"),
        *(f"--checkpoint_every={CHECKPOINT_EVERY}", f"--sample_every={STEPS_A_KILL}"),
    ]


def left_alone(words):
    """Run a command to its end."""
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)


def newest_step(run):
    """Return the step of the newest checkpoint."""
    paths = Checkpoints(run.checkpoints).paths()
    return int(paths[-1].stem.removeprefix("step_")) if paths else 0


def half_written(run):
    """Return whether a checkpoint is being written, or was when its process died."""
    return any(run.checkpoints.glob(".*.partial-*"))


def kill(words, run, moment, steps, chance, start=6.0):
    """Start the program and kill it; return the moment of the kill, or "end" if it finished.

    Args:
        words: the command.
        run: its run directory.
        moment: one of `MOMENTS`.
        steps: the most steps before a kill that is not at the start.
        chance: a `random.Random`.
        start: seconds within which a program that has just started is killed.
    """
    target = newest_step(run) + chance.uniform(0, steps)
    begin = time.monotonic()
    start = chance.uniform(0, start)
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        if moment == "start" and time.monotonic() - begin > start:
            break
        if moment == "checkpoint" and half_written(run) and newest_step(run) >= target:
            break
        if moment == "training" and newest_step(run) >= target:
            time.sleep(chance.uniform(0, 0.05))
            break
        time.sleep(0.0005)
    process.kill()
    if process.wait() == 0:
        return "end"
    return "checkpoint" if half_written(run) else moment


def state(run_dir):
    """Return what a run writes, without times: checkpoint, generator, pictures, metrics."""
    run = RunDirectory(run_dir)
    generator = keras.models.load_model(run.generator)
    lines = [json.loads(line) for line in run.metrics.read_text().splitlines()]
    return {
        "checkpoint": Checkpoints(run.checkpoints).paths()[-1].read_bytes(),
        "generator": [weight.tobytes() for weight in generator.get_weights()],
        "metrics": [{**line, "time": None} for line in lines],
        "options": run.read_config()["options"],
        **{picture.name: picture.read_bytes() for picture in run.samples.iterdir()},
    }


def killed_again_and_again(directory, data_dir, network, kills, seed, start=6.0, **options):
    """Train both runs below a directory; `options` are of `command`.

    Returns:
        The number of kills at each moment, and the names of the final states that differ.
    """
    chance = random.Random(seed)
    steps = STEPS_A_KILL * kills
    alone, run = directory / "alone", RunDirectory(directory / "killed")
    left_alone(command(alone, data_dir, network, steps, **options))
    words = command(run.path, data_dir, network, steps, **options)
    hits = dict.fromkeys((*MOMENTS, "end"), 0)
    for moment in itertools.islice(itertools.cycle(MOMENTS), kills):
        hits[kill(words, run, moment, STEPS_A_KILL, chance, start)] += 1
    left_alone(words)
    one, other = state(alone), state(run.path)
    return hits, [key for key in {**one, **other} if one.get(key) != other.get(key)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--network", choices=("dcgan", "maxout"), default="dcgan")
    options = parser.parse_args()
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        data.load("digits", data_dir=directory / "data")
        hits, differences = killed_again_and_again(
            directory, directory / "data", options.network, options.kills, options.seed
        )
    seconds = round(time.monotonic() - begin)
    result = {**vars(options), "hits": hits, "differences": differences, "seconds": seconds}
    print(json.dumps(result))
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
