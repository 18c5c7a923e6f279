"""The generator of a run, finished or not, without the data it was trained on."""

from __future__ import annotations

import dataclasses

from kgan import inference
from kgan.artifacts import RunDirectory
from kgan.checkpoint import restore_networks
from kgan.inference import Generator

from .records import RunCheckpoints, recorded_config


def of_run(run: RunDirectory, step: int | None) -> Generator:
    """Return the generator of a finished run, else of a checkpoint.

    Args:
        run: the run.
        step: a step whose checkpoint is wanted; None for the end of a finished run, or the newest
            checkpoint.

    Raises:
        FileNotFoundError: there is no run, or no such checkpoint.
        OSError: it cannot be read.
        ValueError: it is damaged, or of another run or version of kgan.
    """
    run.read_config()  # whether there is a run
    if step is None and run.generator.exists():
        return inference.load(run.path)
    return of_checkpoint(run, step)


def of_checkpoint(run: RunDirectory, step: int | None) -> Generator:
    """Return the generator of a checkpoint, with its EMA weights if it keeps any.

    Args:
        run: the run, which need not be finished.
        step: the step after which the checkpoint was written; None for the newest.

    Raises:
        FileNotFoundError: there is no such checkpoint.
        OSError: it cannot be read.
        ValueError: it is damaged, or of another run or version of kgan.
    """
    from .game import untrained_gan  # imports TFDS, which others need not wait for

    record, checkpoints = run.read_config(), RunCheckpoints(run)
    found = checkpoints.newest() if step is None else checkpoints.at(step)
    if found is None:
        raise FileNotFoundError(
            f"The run in {run.path} has no checkpoint yet. kgan-train writes the first one after "
            f"{record['options'].get('checkpoint_every')} steps, or when it is stopped."
        )
    path, arrays, _ = found
    of_data = record["data"]
    shape, num_classes = tuple(of_data["image_shape"]), of_data["num_classes"]
    gan = untrained_gan(recorded_config(run), shape, num_classes)
    gan.build()
    restore_networks(gan, arrays, path)
    names = inference.class_names(record)
    return dataclasses.replace(inference.from_game(gan, path), class_names=names)
