"""One training run: data, players, game, and the files that remain of it."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
import re
import sys
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

import kgan
from kgan import callbacks, data
from kgan.artifacts import RunDirectory
from kgan.callbacks.base import StepCallback
from kgan.callbacks.collapse_metrics import LIMITS
from kgan.checkpoint import Checkpoints
from kgan.utils.atomic_write import atomic_write

from . import card
from .config import VALUE_GAMES, Config
from .game import make_gan
from .signals import stopping_on_signals
from .strategy import make_strategy, own_run

STEEPNESS = 256  # data and samples on which D's slopes are measured
LENGTHS = ("epochs", "steps")  # what may grow when a run goes on
ROLLBACKS = 3  # a game that goes bad a fourth time has another cause than chance


def train(
    config: Config,
    run_dir: str | os.PathLike[str],
    data_dir: str | None = None,
    original: str | os.PathLike[str] | None = None,
) -> None:
    """Trains as `config` says and writes the run directory.

    A directory that holds a finished run of the same configuration is left as it is; an unfinished
    one, or one that was to end sooner, goes on from its newest checkpoint and ends as if it had
    never been stopped.

    Args:
        config: what to train.
        run_dir: where the run is kept.
        data_dir: directory of TFDS data; None for TFDS's own.
        original: another run, whose data this one must have; None for no such check.

    Raises:
        ValueError: an option does not fit the data or the network, or the run directory holds a run
            of another configuration or of other data.
        OSError: the run directory cannot be used or is in use, or the data cannot be had.
        FloatingPointError: a number is not finite, and going back is not asked for or of no use.
        kgan.callbacks.CollapseError: the game has gone bad, and the same.
        RuntimeError: TensorFlow failed, as where the data vanish.
        KeyboardInterrupt: SIGINT or SIGTERM came; the run is saved.
    """
    run = RunDirectory(run_dir)
    run.check(config.options(), growing=LENGTHS)
    begun = run.read_config()["options"] if run.config.exists() else config.options()
    longer = any(begun[name] != getattr(config, name) for name in LENGTHS)
    if run.generator.exists() and not longer:
        print(f"{run.path} holds a finished run of this configuration; nothing is left to do.")
        return
    if config.deterministic:
        tf.config.experimental.enable_op_determinism()
    strategy = make_strategy(config.strategy, config.batch_size)
    with own_run(strategy, run) as own:
        images = data.load(
            config.dataset,
            split=config.split,
            batch_size=config.batch_size,
            discriminator_steps=config.discriminator_steps,
            image_size=config.image_size,
            value_range=config.pixels,
            seed=config.seed,
            data_dir=data_dir,
            with_labels=config.conditional,
        )
        num_classes = None
        if config.conditional:
            num_classes = data.describe(config.dataset, data_dir).num_classes
        keras.utils.set_random_seed(config.seed)  # after the data, whose preparation draws as well
        with strategy.scope():
            gan = make_gan(config, images, num_classes)
        epoch, steps = _schedule(config, images)
        with _faults_named(run), strategy.scope():
            card.write_or_check(own, config, gan, images, original)
            if longer:
                _lengthen(own, config, begun["steps"], epoch)
            print(
                f"{config.dataset}: images of shape {gan.image_shape}, "
                f"{epoch} steps an epoch. {config.network}: "
                f"{gan.generator.count_params():,} parameters in the generator, "
                f"{gan.discriminator.count_params():,} in the discriminator.",
                flush=True,
            )
            _play(config, own, gan, images, epoch, steps)
            _save(gan, own)
    for sentence in _skipped(gan):
        print(sentence)
    print(f"Samples:   {run.sample(steps)}")
    print(f"Generator: {run.generator}")


def _lengthen(run: RunDirectory, config: Config, ended: int | None, epoch: int) -> None:
    """Takes back the end of a run, which was to be after `ended` steps or a number of epochs."""
    print("It is lengthened: networks and evaluations of an earlier end are removed.")
    if ended and ended % epoch:  # the checkpoint there says that an epoch ended, which did not
        Checkpoints(run.checkpoints).path(ended).unlink(missing_ok=True)
    run.extend(config.options())


def _play(
    config: Config,
    run: RunDirectory,
    gan: kgan.GAN,
    images: tf.data.Dataset,
    epoch: int,
    steps: int,
) -> None:
    """Plays until the end, going back to before a game went bad where that is asked for."""
    progress = callbacks.Progress(steps)
    rows = min(STEEPNESS, len(images) * config.batch_size)
    alarms = _alarms(config, run, images)
    checkpoint = callbacks.Checkpoint(
        run.checkpoints, every=config.checkpoint_every, keep=_kept(config, alarms)
    )
    watchers = [
        progress,
        callbacks.MetricsLog(run.path),
        callbacks.SampleGrid(run.path, every=config.sample_every),
        _StopAt(steps),
        callbacks.NonFinite(),
        callbacks.GradientNorms(run.path, images, count=rows - rows % config.packing),
        *alarms,
        checkpoint,
    ]
    faults = (
        (FloatingPointError, config.on_non_finite),
        (callbacks.CollapseError, config.on_collapse),
    )
    mended = tuple(fault for fault, action in faults if action == "rollback")
    with stopping_on_signals(checkpoint.stop), contextlib.closing(progress):
        while True:
            try:
                gan.fit(
                    images,
                    epochs=-(-steps // epoch),
                    steps_per_epoch=epoch,
                    verbose=0,
                    callbacks=watchers,
                )
                return
            except mended as error:
                progress.close()
                _go_back(checkpoint, error)


def _kept(config: Config, alarms: list[callbacks.CollapseAlarm]) -> int:
    """How many checkpoints, so that one from before a collapse is left when the alarm is sure."""
    if config.on_collapse != "rollback":
        return 3
    steps = max(2 * alarm.patience * alarm.every for alarm in alarms)
    return 3 + steps // config.checkpoint_every


def _go_back(checkpoint: callbacks.Checkpoint, error: Exception) -> None:
    """Makes the next `fit` begin where all was well; raises the error where that is of no use."""
    after = getattr(error, "after", math.inf)
    paths = checkpoint.checkpoints.paths()
    good = [path for path in paths if int(path.stem.removeprefix("step_")) <= after]
    if checkpoint.rollbacks == ROLLBACKS or not good:
        raise error
    for path in paths[len(good) :]:
        path.unlink()
    checkpoint.rollbacks += 1
    print(
        f"{error} The run goes back to {good[-1].name} and on from there with other random numbers "
        f"({checkpoint.rollbacks} of {ROLLBACKS} times).",
        file=sys.stderr,
    )


def _alarms(
    config: Config, run: RunDirectory, images: tf.data.Dataset
) -> list[callbacks.CollapseAlarm]:
    if config.on_collapse == "ignore":
        return []
    limits = LIMITS
    if config.loss not in VALUE_GAMES:
        limits = dataclasses.replace(limits, d_error=0.0)
    action = "warn" if config.on_collapse == "warn" else "stop"
    return [callbacks.CollapseAlarm(run.path, images, action=action, limits=limits)]


def _skipped(gan: kgan.GAN) -> list[str]:
    """How many updates were left out as their gradients overflowed in half precision."""
    players = (
        ("generator", gan.generator_optimizer, gan.step),
        ("discriminator", gan.discriminator_optimizer, gan.step * gan.discriminator_steps),
    )
    return [
        f"{updates - int(optimizer.iterations.numpy())} of {updates} updates of the {name} were "
        f"skipped: gradients overflowed. The loss scale is {optimizer.dynamic_scale.numpy():g}."
        for name, optimizer, updates in players
        if isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    ]


def _save(gan: kgan.GAN, run: RunDirectory) -> None:
    """Writes both networks; the generator comes last, as it says that the run is finished."""
    for player, path in ((gan.discriminator, run.discriminator), (gan.generator, run.generator)):
        with gan.averaged(), atomic_write(path) as partial:
            player.save(partial)


@contextlib.contextmanager
def _faults_named(run: RunDirectory) -> Iterator[None]:
    """Says of an error that the system or TensorFlow reports what it means for the run."""
    intact = (
        "Its checkpoints are intact: mend the cause and repeat the command to go on from there."
    )
    try:
        yield
    except OSError as error:
        if error.errno is None:  # said already
            raise
        raise OSError(f"The run in {run.path} could not be written ({error}). {intact}") from error
    except tf.errors.OpError as error:
        # TensorFlow tells where a node was made, then what happened, and the node in brackets.
        message = re.sub(r"^\{\{.*?\}\} ", "", error.message)
        found = re.search(r"^(\S.*)\n\s*\[\[", message, re.MULTILINE)
        reason = found[1] if found else message.splitlines()[0]
        raise RuntimeError(
            f"TensorFlow stopped the run in {run.path} ({reason}). {intact}"
        ) from error


def _schedule(config: Config, images: tf.data.Dataset) -> tuple[int, int]:
    """The steps of an epoch, a whole number of executions, and those of the run."""
    epoch = len(images)
    if config.steps_per_execution > epoch:
        raise ValueError(
            f"--steps_per_execution={config.steps_per_execution}: expected at most the {epoch} "
            f"steps that an epoch of {config.dataset} has."
        )
    epoch -= epoch % config.steps_per_execution
    steps = config.steps or epoch * (config.epochs or 0)  # one of the two is given
    return epoch, steps


class _StopAt(StepCallback):
    """Ends the training after a number of steps, which may lie inside an epoch."""

    def __init__(self, steps: int):
        super().__init__()
        self.steps = steps

    def on_steps_end(self, before: int, logs: Any) -> None:
        if self.step >= self.steps:
            self.model.stop_training = True
