"""One training run: data, networks, training, and the files that remain of it."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
import re
import sys
import warnings
from collections.abc import Iterator

import keras
import tensorflow as tf

import kgan
from kgan import callbacks, data
from kgan.artifacts import RunDirectory
from kgan.callbacks.base import StepCallback
from kgan.callbacks.collapse_metrics import LIMITS
from kgan.checkpoint import Checkpoints
from kgan.utils.atomic_write import atomic_write
from kgan.utils.types import Logs
from kgan_cli.signals import stopping_on_signals

from . import card
from .config import VALUE_GAMES, Config
from .game import make_gan
from .strategy import make_strategy, own_run

GRADIENT_NORM_ROWS = 256  # images and samples at which D's gradient norms are measured
EXTENDABLE = ("epochs", "steps")  # options that may grow when a run is resumed
ROLLBACKS = 3  # a fourth failure has another cause than chance


def train(
    config: Config,
    run_dir: str | os.PathLike[str],
    data_dir: str | os.PathLike[str] | None = None,
    original: str | os.PathLike[str] | None = None,
) -> None:
    """Train as `config` says and write the run directory.

    A finished run of the same configuration is left alone. An unfinished run, or one that ended
    sooner, is resumed from its newest checkpoint and ends as if it had never stopped.

    Args:
        config: what to train.
        run_dir: the run directory.
        data_dir: directory of TFDS data; None for TFDS's own.
        original: another run, whose data this one must have; None for no such check.

    Raises:
        ValueError: an option does not fit the data or the network, or the run directory holds a run
            of another configuration or of other data.
        OSError: the run directory cannot be used or is in use, or the data cannot be had.
        FloatingPointError: a number is not finite, and no rollback is asked for or left.
        kgan.callbacks.CollapseError: the training collapsed, and no rollback is asked for or left.
        RuntimeError: TensorFlow failed, for example because the data vanished.
        KeyboardInterrupt: SIGINT or SIGTERM came; the run is saved.
    """
    run = RunDirectory(run_dir)
    run.check(config.options(), growing=EXTENDABLE)
    recorded = run.read_config()["options"] if run.config.exists() else config.options()
    extended = any(recorded[name] != getattr(config, name) for name in EXTENDABLE)
    if run.generator.exists() and not extended:
        print(f"{run.path} holds a finished run of this configuration; nothing is left to do.")
        return
    if config.deterministic:
        tf.config.experimental.enable_op_determinism()
    strategy = make_strategy(config.strategy, config.batch_size)
    with own_run(strategy, run) as own:
        images, num_classes = _load(config, data_dir)
        keras.utils.set_random_seed(config.seed)  # after the data, whose preparation draws as well
        with strategy.scope():
            gan = make_gan(config, images, num_classes)
        epoch, steps = _schedule(config, images)
        with _explained_failures(run), strategy.scope():
            card.write_or_check(own, config, gan, images, original)
            if extended:
                _extend(own, config, recorded["steps"], epoch)
            print(_summary(config, gan, epoch), flush=True)
            _fit(config, own, gan, images, epoch, steps)
            _save(gan, own)
    for sentence in _skipped_updates(gan):
        print(sentence)
    print(f"Samples:   {run.sample(steps)}")
    print(f"Generator: {run.generator}")


def _load(
    config: Config, data_dir: str | os.PathLike[str] | None
) -> tuple[tf.data.Dataset, int | None]:
    """Return the batches, and the number of classes of a conditional run."""
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
    if not config.conditional:
        return images, None
    return images, data.describe(config.dataset, data_dir).num_classes


def _summary(config: Config, gan: kgan.GAN, epoch: int) -> str:
    return (
        f"{config.dataset}: images of shape {gan.image_shape}, "
        f"{epoch} steps an epoch. {config.network}: "
        f"{gan.generator.count_params():,} parameters in the generator, "
        f"{gan.discriminator.count_params():,} in the discriminator."
    )


def _extend(run: RunDirectory, config: Config, ended: int | None, epoch: int) -> None:
    """Prepare a run that was to end after `ended` steps, or a number of epochs, to train longer."""
    print("The run is extended: networks and evaluations of the earlier end are removed.")
    if ended and ended % epoch:  # the checkpoint there says that an epoch ended, which did not
        Checkpoints(run.checkpoints).path(ended).unlink(missing_ok=True)
    run.extend(config.options())


def _fit(
    config: Config,
    run: RunDirectory,
    gan: kgan.GAN,
    images: tf.data.Dataset,
    epoch: int,
    steps: int,
) -> None:
    """Train to the last step; roll back after failures whose option says so."""
    progress = callbacks.Progress(steps)
    rows = min(GRADIENT_NORM_ROWS, len(images) * config.batch_size)
    alarms = _alarms(config, run, images)
    checkpoint = callbacks.Checkpoint(
        run.checkpoints, every=config.checkpoint_every, keep=_checkpoints_kept(config, alarms)
    )
    watchers = [
        progress,
        callbacks.MetricsLog(run.path),
        callbacks.SampleGrid(run.path, every=config.sample_every),
        _StopAt(steps),
        callbacks.NonFinite(),
        callbacks.GradientNorms(run.path, images, count=rows - rows % config.packing),
        *alarms,
        checkpoint,  # last, so that an epoch's other files are written before
    ]
    failures = (
        (FloatingPointError, config.on_non_finite),
        (callbacks.CollapseError, config.on_collapse),
    )
    recoverable = tuple(failure for failure, action in failures if action == "rollback")
    with stopping_on_signals(checkpoint.stop), contextlib.closing(progress), _completing():
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
            except recoverable as error:
                progress.close()
                _roll_back(checkpoint, error)


@contextlib.contextmanager
def _completing() -> Iterator[None]:
    """Let a run that lacks nothing but its networks be completed without Checkpoint's warning."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Nothing is left to train")
        yield


def _checkpoints_kept(config: Config, alarms: list[callbacks.CollapseAlarm]) -> int:
    """Return how many checkpoints to keep, so that one from before a collapse is left."""
    if config.on_collapse != "rollback":
        return 3
    # Twice the steps that an alarm needs to be raised.
    steps = max(2 * alarm.patience * alarm.every for alarm in alarms)
    return 3 + steps // config.checkpoint_every


def _roll_back(checkpoint: callbacks.Checkpoint, error: Exception) -> None:
    """Make the next `fit` start from the last good checkpoint; raise `error` if none helps."""
    after = getattr(error, "after", math.inf)
    paths = checkpoint.checkpoints.paths()
    good = [path for path in paths if int(path.stem.removeprefix("step_")) <= after]
    if checkpoint.rollbacks == ROLLBACKS or not good:
        raise error
    for path in paths[len(good) :]:
        path.unlink()
    checkpoint.rollbacks += 1
    print(
        f"{error} The run is rolled back to {good[-1].name} and continues with other random "
        f"numbers (rollback {checkpoint.rollbacks} of {ROLLBACKS}).",
        file=sys.stderr,
    )


def _alarms(
    config: Config, run: RunDirectory, images: tf.data.Dataset
) -> list[callbacks.CollapseAlarm]:
    if config.on_collapse == "ignore":
        return []
    limits = LIMITS
    if config.loss not in VALUE_GAMES:  # the limit of D's error is known for these alone
        limits = dataclasses.replace(limits, d_error=0.0)
    action = "warn" if config.on_collapse == "warn" else "stop"
    return [callbacks.CollapseAlarm(run.path, images, action=action, limits=limits)]


def _skipped_updates(gan: kgan.GAN) -> list[str]:
    """Return a sentence for each optimizer that scales its loss: how many updates it skipped."""
    networks = (
        ("generator", gan.generator_optimizer, gan.step),
        ("discriminator", gan.discriminator_optimizer, gan.step * gan.discriminator_steps),
    )
    return [
        f"{updates - int(optimizer.iterations.numpy())} of {updates} updates of the {name} were "
        f"skipped: gradients overflowed. The loss scale is {optimizer.dynamic_scale.numpy():g}."
        for name, optimizer, updates in networks
        if isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    ]


def _save(gan: kgan.GAN, run: RunDirectory) -> None:
    """Write both networks; the generator last, because its file marks the run as finished."""
    for network, path in ((gan.discriminator, run.discriminator), (gan.generator, run.generator)):
        with gan.averaged(), atomic_write(path) as partial:
            network.save(partial)


@contextlib.contextmanager
def _explained_failures(run: RunDirectory) -> Iterator[None]:
    """Add to errors of the system and of TensorFlow what they mean for the run."""
    intact = (
        "Its checkpoints are intact: mend the cause and repeat the command to go on from there."
    )
    try:
        yield
    except OSError as error:
        if error.errno is None:  # raised by kgan, which explains its errors
            raise
        raise OSError(f"The run in {run.path} could not be written ({error}). {intact}") from error
    except tf.errors.OpError as error:
        # TensorFlow says where a node was made, then what happened, then the node in brackets.
        message = re.sub(r"^\{\{.*?\}\} ", "", error.message)
        found = re.search(r"^(\S.*)\n\s*\[\[", message, re.MULTILINE)
        reason = found[1] if found else message.splitlines()[0]
        raise RuntimeError(
            f"TensorFlow stopped the run in {run.path} ({reason}). {intact}"
        ) from error


def _schedule(config: Config, images: tf.data.Dataset) -> tuple[int, int]:
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


class _StopAt(StepCallback):
    """End of the training after a number of steps, which may lie inside an epoch."""

    def __init__(self, steps: int):
        super().__init__()
        self.steps = steps

    def on_steps_end(self, before: int, logs: Logs) -> None:
        if self.step >= self.steps:
            self.model.stop_training = True
