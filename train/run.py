"""One training run: data, players, game, and the files that remain of it."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from typing import Any

import keras
import tensorflow as tf

import kgan
from kgan import callbacks, data, networks, priors
from kgan.artifacts import RunDirectory, replaced_when_whole

from .config import Config

MAXOUT = {"units": (240, 240), "maxout_pieces": 5, "input_dropout": 0.2, "hidden_dropout": 0.5}


def train(config: Config, run_dir: str | os.PathLike[str], data_dir: str | None = None) -> None:
    """Trains as `config` says and writes the run directory.

    A directory that holds a finished run of the same configuration is left as it is; an unfinished
    one begins again.

    Args:
        config: what to train.
        run_dir: where the run is kept.
        data_dir: directory of TFDS data; None for TFDS's own.

    Raises:
        ValueError: an option does not fit the data or the network, or the run directory holds a run
            of another configuration.
        OSError: the run directory cannot be used, or the data cannot be had.
    """
    run = RunDirectory(run_dir)
    run.check(config.options())
    if run.generator.exists():
        print(f"{run.path} holds a finished run of this configuration; nothing is left to do.")
        return
    if run.config.exists():
        print(f"{run.path} holds an unfinished run of this configuration; it begins again.")
    keras.utils.set_random_seed(config.seed)
    images = data.load(
        config.dataset,
        split="train",
        batch_size=config.batch_size,
        discriminator_steps=config.discriminator_steps,
        image_size=config.image_size,
        seed=config.seed,
        data_dir=data_dir,
    )
    gan = make_gan(config, images)
    images, steps = _schedule(config, images)
    run.create(
        config.options(),
        prior=keras.saving.serialize_keras_object(gan.prior),
        data={"image_shape": list(images.element_spec.shape[1:]), "split": "train"},
        versions=_versions(),
    )
    run.metrics.unlink(missing_ok=True)
    print(
        f"{config.dataset}: images of shape {images.element_spec.shape[1:]}, "
        f"{len(images)} steps an epoch. {config.network}: "
        f"{gan.generator.count_params():,} parameters in the generator, "
        f"{gan.discriminator.count_params():,} in the discriminator.",
        flush=True,
    )
    gan.fit(
        images,
        epochs=-(-steps // len(images)),
        verbose=0,
        callbacks=[
            callbacks.Progress(steps),
            callbacks.MetricsLog(run.path),
            callbacks.SampleGrid(run.path, every=config.sample_every),
            _StopAt(steps),
        ],
    )
    # The generator comes last: where it lies, the run is finished.
    for player, path in ((gan.discriminator, run.discriminator), (gan.generator, run.generator)):
        with replaced_when_whole(path) as partial:
            player.save(partial)
    print(f"Samples:   {run.sample(steps)}")
    print(f"Generator: {run.generator}")


def make_gan(config: Config, images: tf.data.Dataset) -> kgan.GAN:
    """The compiled game of `config` for images such as those of the data set."""
    image_shape = tuple(images.element_spec.shape[1:])
    value_range = (-1.0, 1.0) if len(image_shape) == 3 else None
    generator, discriminator = _players(config, image_shape, value_range)
    prior = {"uniform": priors.Uniform, "normal": priors.Normal}[config.prior]
    gan = kgan.GAN(
        generator,
        discriminator,
        prior(config.latent_dim),
        discriminator_steps=config.discriminator_steps,
        seed=config.seed,
    )
    gan.compile(
        keras.optimizers.Adam(config.generator_learning_rate, beta_1=0.5),
        keras.optimizers.Adam(config.discriminator_learning_rate, beta_1=0.5),
        loss=config.loss,
        jit_compile=config.jit_compile,
        steps_per_execution=config.steps_per_execution,
    )
    if isinstance(generator, networks.MLPGenerator):
        generator.start_at_mean(data.mean_image(images))
    return gan


def _players(
    config: Config, image_shape: tuple[int, ...], value_range: tuple[float, float] | None
) -> tuple[keras.Model, keras.Model]:
    if config.network == "dcgan":
        width = config.width or 64
        return (
            networks.DCGANGenerator(image_shape, config.latent_dim, width, value_range),
            networks.DCGANDiscriminator(image_shape, width),
        )
    units = (config.width or 1200,) * 2
    critic: dict[str, Any] = MAXOUT if config.network == "maxout" else {"units": units}
    return (
        networks.MLPGenerator(image_shape, config.latent_dim, units, value_range=value_range),
        networks.MLPDiscriminator(image_shape, **critic),
    )


def _schedule(config: Config, images: tf.data.Dataset) -> tuple[tf.data.Dataset, int]:
    """The data of an epoch, a whole number of executions, and the steps of the run."""
    epoch = len(images)
    if config.steps_per_execution > epoch:
        raise ValueError(
            f"--steps_per_execution={config.steps_per_execution}: expected at most the {epoch} "
            f"steps that an epoch of {config.dataset} has."
        )
    epoch -= epoch % config.steps_per_execution
    steps = config.steps or epoch * (config.epochs or 0)  # one of the two is given
    return images.take(min(epoch, steps)), steps


class _StopAt(keras.callbacks.Callback):
    """Ends the training after a number of steps, which may lie inside an epoch."""

    def __init__(self, steps: int):
        super().__init__()
        self.steps = steps

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if int(self.model.iteration) >= self.steps:
            self.model.stop_training = True


def _versions() -> dict[str, str]:
    packages = ("kgan", "tensorflow", "keras", "tensorflow-datasets", "numpy")
    return {"python": platform.python_version(), **{p: metadata.version(p) for p in packages}}
