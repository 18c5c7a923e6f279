"""Make a run directory of a training that ran on an accelerator."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib

import keras
import numpy as np

from kgan.artifacts import RunDirectory
from kgan.checkpoint import restore
from kgan.runs import RunCheckpoints
from train import card
from train.config import Config
from train.game import make_gan
from train.records import check_run
from train.run import load_images, train


def import_training(
    exported: str | os.PathLike[str],
    result: str | os.PathLike[str],
    run_dir: str | os.PathLike[str],
    data_dir: str | os.PathLike[str] | None = None,
) -> None:
    """Write a finished run, from which `kgan-sample`, `kgan-evaluate` and `kgan-export` go on.

    With more `--steps` than it has, `kgan-train` trains it further. Its logs of the accelerator are
    in `training.json`, not in `metrics.jsonl`.

    Args:
        exported: what `write_training` wrote.
        result: what `run.py --train` wrote: `state.npz` and `training.json`.
        run_dir: the run directory, which must be new.
        data_dir: directory of TFDS data; None for TFDS's own.

    Raises:
        ValueError: the run directory holds a run, or the state is of another game.
    """
    facts = json.loads((pathlib.Path(exported) / "step.json").read_text())
    steps = json.loads((pathlib.Path(result) / "training.json").read_text())["steps"]
    config = Config(**facts["options"])
    # A multiple of few steps only, which the accelerator did not count.
    several = config.steps_per_execution if steps % config.steps_per_execution == 0 else 1
    config = dataclasses.replace(config, steps=steps, epochs=None, steps_per_execution=several)
    with np.load(pathlib.Path(result) / "state.npz") as file:
        arrays = dict(file)
    run = RunDirectory(run_dir)
    if check_run(run, config) is not None:
        raise ValueError(f"The run directory {run.path} holds a run already. Name another one.")
    with run.lock():
        images, classes = load_images(config, data_dir)
        keras.utils.set_random_seed(config.seed)
        gan = make_gan(config, images, classes)
        restore(gan, arrays, result)
        card.write_or_check(run, config, gan, images, None)
        place = {"epoch": steps // facts["epoch"], "done": 0, "steps": facts["epoch"]}
        RunCheckpoints(run).save(gan, place)
    train(config, run_dir, data_dir)
