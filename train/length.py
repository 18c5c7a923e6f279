"""The length of a run: how many steps it is to take, also after it has begun."""

from __future__ import annotations

import pathlib

import tensorflow as tf

from kgan.artifacts import RunDirectory
from kgan.checkpoint import Checkpoints
from kgan.runs import LENGTH
from kgan.utils.types import JsonDict

from .config import Config


def schedule(config: Config, images: tf.data.Dataset) -> tuple[int, int]:
    """Return the steps of an epoch, rounded down to whole executions, and those of the run."""
    epoch = len(images)
    if config.steps_per_execution > epoch:
        raise ValueError(
            f"--steps_per_execution={config.steps_per_execution}: expected at most the {epoch} "
            f"steps that an epoch of {config.dataset} has."
        )
    epoch -= epoch % config.steps_per_execution
    steps = config.steps or epoch * (config.epochs or 0)  # one of the two is given
    return epoch, steps


def differs(recorded: JsonDict, config: Config) -> bool:
    """Return whether the run that was recorded has another length than `config`."""
    return any(recorded["options"].get(name) != getattr(config, name) for name in LENGTH)


def check_end(run: RunDirectory, config: Config, steps: int) -> None:
    """Check that a run is not to end before its newest checkpoint."""
    newest = Checkpoints(run.checkpoints).paths()[-1:]
    done = int(newest[0].stem.removeprefix("step_")) if newest else 0
    if steps < done:
        asked = f"steps={config.steps}" if config.steps else f"epochs={config.epochs}"
        raise ValueError(
            f"--{asked}: the run in {run.path} has trained for {done} steps, and cannot end before "
            f"that. Give --steps={done} to end it there."
        )


def untrue_end(
    run: RunDirectory, recorded: JsonDict | None, config: Config, epoch: int
) -> pathlib.Path | None:
    """Return the checkpoint of an end within an epoch, if the run is to have another length now.

    It says that the epoch ended, unless the run had been stopped there before.
    """
    ended = recorded["options"].get("steps") if recorded and differs(recorded, config) else None
    if not ended or not ended % epoch:
        return None
    checkpoints = Checkpoints(run.checkpoints)
    place = _place(checkpoints, ended)
    return checkpoints.path(ended) if place and not place["done"] else None


def change(run: RunDirectory, config: Config, steps: int, untrue: pathlib.Path | None) -> None:
    """Prepare a run that has begun to end after `steps` steps; remove the checkpoint `untrue`."""
    print(
        f"The run now ends after {steps} steps: networks and evaluations of the earlier end are "
        "removed."
    )
    if untrue is not None:
        Checkpoints(run.checkpoints).remove(untrue)
    run.set_length(config.options())


def epochs(checkpoints: Checkpoints, epoch: int, steps: int) -> int:
    """Return the number of epochs to fit: no further one where nothing is left to train."""
    place = _place(checkpoints, steps)
    return -(-steps // epoch) if place is None else int(place["epoch"])


def _place(checkpoints: Checkpoints, step: int) -> JsonDict | None:
    """Return the place in the training that the newest checkpoint has, if it is of this step."""
    path = checkpoints.path(step)
    newest = checkpoints.newest() if path in checkpoints.paths() else None
    return newest[2] if newest and newest[0] == path else None
