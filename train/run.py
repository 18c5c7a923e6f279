"""One training run: data, networks, training, and the files that remain of it."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
import sys
import warnings
import zipfile
from collections.abc import Iterator

import keras
import tensorflow as tf

import kgan
from kgan import callbacks, data
from kgan.artifacts import RunDirectory
from kgan.callbacks.base import StepCallback, first_images
from kgan.checkpoint import Checkpoints
from kgan.data.pairs import condition_directory
from kgan.runs import RunCheckpoints, write_game, write_networks
from kgan.utils.explained import explained, reason
from kgan.utils.types import JsonDict, Logs
from kgan_cli.signals import stopping_on_signals

from . import card, length
from .config import Config
from .game import WIDTHS, make_gan
from .initial import start_from
from .labelled import load_labelled
from .records import check_run, restore_config
from .strategy import has_gpu, make_strategy, own_run

GRADIENT_NORM_ROWS = 256  # images and samples at which D's gradient norms are measured
TRANSLATED = 32  # conditions in a sample grid, each beside its sample
ROLLBACKS = 3  # a fourth failure has another cause than chance


FLOAT16_ON_A_CPU = (
    "--precision=mixed_float16 without a GPU: some processors multiply float16 matrices many "
    "times more slowly than float32 ones. If steps take seconds, use --precision=mixed_bfloat16."
)


def train(
    config: Config,
    run_dir: str | os.PathLike[str],
    data_dir: str | os.PathLike[str] | None = None,
    original: str | os.PathLike[str] | None = None,
) -> None:
    """Train as `config` says and write the run directory.

    A finished run of the same configuration is left alone. An unfinished run, or one that ended
    sooner, is resumed from its newest checkpoint and ends as if it had never stopped. A run may
    also end sooner than it was to, but not before its newest checkpoint.

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
        RuntimeError: TensorFlow failed, for example because the data vanished; or the run directory
            was removed or replaced.
        MemoryError: the networks and their training do not fit into memory.
        KeyboardInterrupt: SIGINT, SIGTERM or SIGHUP came; the run is saved.
    """
    config = located(config, data_dir)
    run = RunDirectory(run_dir)
    if _finished(run, check_run(run, config), config):
        return
    if config.deterministic:
        tf.config.experimental.enable_op_determinism()
    strategy = make_strategy(config.strategy, config.batch_size)
    with own_run(strategy, run) as own:
        # Again, as another process may have begun or ended a run before this one had the lock.
        recorded = check_run(own, config)
        restore_config(own, recorded)
        with _explained_reading(config.dataset):
            images, num_classes = load_images(config, data_dir)
            labelled = load_labelled(config, data_dir)
        if images.skipped:
            print(f"Skipped:   {images.skipped} unreadable pictures of {config.dataset}")
        epoch, steps = length.schedule(config, images)
        length.check_end(own, config, steps)
        keras.utils.set_random_seed(config.seed)  # after the data, whose preparation draws as well
        with _explained_failures(run, config), strategy.scope():
            gan = make_gan(config, images, num_classes, labelled)
            untrue = length.untrue_end(own, recorded, config, epoch)
            begins = not {*Checkpoints(own.checkpoints).paths()} - {untrue}
            origin = start_from(gan, config) if config.init_from and begins else None
        with _explained_failures(run, config), explained(images.explain), strategy.scope():
            card.write_or_check(own, config, gan, images, original, origin)
            write_game(gan, own)
            if recorded is not None and length.differs(recorded, config):
                length.change(own, config, steps, untrue)
            print(_summary(config, gan, epoch), flush=True)
            if config.precision == "mixed_float16" and not has_gpu():
                print(FLOAT16_ON_A_CPU)
            _fit(config, own, gan, images, epoch, steps)
            write_networks(gan, own)
    for sentence in _skipped_updates(gan):
        print(sentence)
    print(f"Samples:   {run.sample(steps)}")
    print(f"Generator: {run.generator}")


def _finished(run: RunDirectory, recorded: JsonDict | None, config: Config) -> bool:
    """Return whether nothing is left to do; say so then, and restore a missing `config.json`."""
    if recorded is None or not run.generator.exists():
        return False
    if length.differs(recorded, config):
        if not Checkpoints(run.checkpoints).paths():
            raise ValueError(
                f"The finished run in {run.path} has no checkpoint left to go on from. Put back "
                "its checkpoints, or train in another directory."
            )
        return False
    if not zipfile.is_zipfile(run.generator):
        print(f"{run.generator} is damaged; the run is completed again.")
        return False
    if not run.config.exists():
        with run.lock():
            restore_config(run, recorded)
    print(f"{run.path} holds a finished run of this configuration; nothing is left to do.")
    return True


def located(config: Config, data_dir: str | os.PathLike[str] | None) -> Config:
    """Return a configuration whose directories are absolute, whichever the cwd is."""
    source = config.init_from
    directory = condition_directory(config.condition)
    return dataclasses.replace(
        config,
        dataset=data.located(config.dataset, data_dir),
        condition=config.condition if directory is None else str(directory),
        dataset_y=config.dataset_y and data.located(config.dataset_y, data_dir),
        init_from=source and os.path.abspath(os.path.expanduser(source)),
    )


def load_images(
    config: Config, data_dir: str | os.PathLike[str] | None
) -> tuple[data.SeekableDataset, int | None]:
    """Return the batches, and the number of classes of a conditional run."""
    options = {
        "batch_size": config.batch_size,
        "discriminator_steps": config.discriminator_steps,
        "mirror": bool(config.mirror),
        **config.picture_options,
        "value_range": config.pixels,
        "seed": config.seed,
        "data_dir": data_dir,
        "condition": config.condition,
        "image": config.image,
    }
    if config.unpaired:
        pairs = data.load_unpaired(
            config.dataset,
            config.dataset_y or config.dataset,
            (config.split, config.split_y or config.split),
            mixed_channels=config.identity_weight == 0,
            **options,
        )
        return pairs, None
    images = data.load(
        config.dataset,
        split=config.split,
        with_labels=config.conditional,
        label=config.label,
        **options,
    )
    return images, len(images.class_names) or None


def _summary(config: Config, gan: kgan.GAN, epoch: int) -> str:
    return (
        f"{config.dataset}: images of shape {gan.image_shape}, "
        f"{epoch} steps an epoch. {config.network}: "
        f"{gan.generator.count_params():,} parameters in the generator, "
        f"{gan.discriminator.count_params():,} in the discriminator."
    )


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
    seen = gan.stacked(images) if isinstance(gan, kgan.variants.CycleGAN) else images
    rows = min(GRADIENT_NORM_ROWS, len(images) * config.batch_size)
    alarms = _alarms(config, run, seen)
    checkpoint = callbacks.Checkpoint(
        run.checkpoints, every=config.checkpoint_every, keep=_checkpoints_kept(config, alarms)
    )
    checkpoint.checkpoints = RunCheckpoints(run, checkpoint.checkpoints.keep)
    watchers = [
        _Locked(run),  # first, so that nothing is written to another run's directory
        progress,
        callbacks.MetricsLog(run.path),
        callbacks.SampleGrid(
            run.path,
            every=config.sample_every,
            class_names=images.class_names or None,
            condition=first_images(seen, TRANSLATED)[1] if gan.condition.shape else None,
        ),
        _StopAt(steps),
        callbacks.NonFinite(),
        callbacks.GradientNorms(run.path, seen, count=rows - rows % config.packing),
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
                    epochs=length.epochs(checkpoint.checkpoints, epoch, steps),
                    steps_per_epoch=epoch,
                    verbose=0,
                    callbacks=watchers,
                    collapse_alarm=False,  # `watchers` have what the flag asks for
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
        checkpoint.checkpoints.remove(path)
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
    action = "warn" if config.on_collapse == "warn" else "stop"
    try:
        return [callbacks.CollapseAlarm(run.path, images, action=action)]
    except ValueError as error:
        raise ValueError(
            f"--on_collapse={config.on_collapse}: the collapse alarm compares samples with the "
            f"first images of --dataset={config.dataset}, which must be finite and not all equal. "
            "Give --on_collapse=ignore to train without the alarm."
        ) from error


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


@contextlib.contextmanager
def _explained_failures(run: RunDirectory, config: Config) -> Iterator[None]:
    """Add to errors of the system and of TensorFlow what they mean for the run.

    Where the directory was removed or replaced, that is the error.
    """
    intact = (
        "Its checkpoints are intact: mend the cause and repeat the command to go on from there."
    )
    try:
        yield
    except (MemoryError, tf.errors.ResourceExhaustedError) as error:
        raise MemoryError(
            f"The networks and their training do not fit into memory ({reason(error)}). Give a "
            f"smaller --width than {config.width or WIDTHS[config.network]}, or a smaller "
            "--batch_size."
        ) from error
    except (OSError, ValueError) as error:
        if isinstance(error.__context__, tf.errors.OpError):  # what is wrong with the data
            raise type(error)(f"{error} The run in {run.path} stopped. {intact}") from None
        run.check_lock()
        if getattr(error, "errno", None) is None:  # raised by kgan, which explains its errors
            raise
        raise OSError(f"The run in {run.path} could not be written ({error}). {intact}") from error
    except tf.errors.OpError as error:
        run.check_lock()
        raise RuntimeError(
            f"TensorFlow stopped the run in {run.path} ({reason(error)}). {intact}"
        ) from error


@contextlib.contextmanager
def _explained_reading(dataset: str) -> Iterator[None]:
    """Put an error of TensorFlow before the run began into a sentence."""
    try:
        yield
    except tf.errors.OpError as error:
        raise RuntimeError(f"TensorFlow could not read {dataset} ({reason(error)}).") from error


class _Locked(keras.callbacks.Callback):
    """End of the training where its run directory is removed or replaced."""

    def __init__(self, run: RunDirectory):
        super().__init__()
        self.run = run

    def on_train_begin(self, logs: Logs = None) -> None:
        self.run.check_lock()

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        self.run.check_lock()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self.run.check_lock()

    def on_train_end(self, logs: Logs = None) -> None:
        self.run.check_lock()


class _StopAt(StepCallback):
    """End of the training after a number of steps, which may lie inside an epoch."""

    def __init__(self, steps: int):
        super().__init__()
        self.steps = steps

    def on_steps_end(self, before: int, logs: Logs) -> None:
        if self.step >= self.steps:
            self.model.stop_training = True
