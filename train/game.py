"""From a configuration to the compiled game."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

import kgan
from kgan import augmentation, constraints, data, losses, networks, penalties, priors
from kgan.optimizers import FusedAdam, RisingMomentum

from .config import DENSE, VALUE_GAMES, Config

# The pair of 2014, by the authors' published configuration.
MAXOUT = {"units": (240, 240), "maxout_pieces": 5}
DROPOUT = {"input_dropout": 0.2, "hidden_dropout": 0.5}
START = {"generator": 0.05, "discriminator": 0.005}  # weights begin uniform in plus or minus this
RISE = 250  # epochs in which the momentum of 2014 rises
WIDTHS = {"mlp": 1200, "maxout": 1200, "dcgan": 64, "resnet": 16, "sngan": 64}


def make_gan(config: Config, images: tf.data.Dataset, num_classes: int | None) -> kgan.GAN:
    """The compiled game of `config`.

    Args:
        config: what to train.
        images: batches such as it will see, with labels where it is conditional.
        num_classes: classes of the labels; None where it is not.
    """
    generator, discriminator = _players(config, images, num_classes)
    prior = {"uniform": priors.Uniform, "normal": priors.Normal}[config.prior]
    gan = kgan.GAN(
        generator,
        discriminator,
        prior(config.latent_dim),
        discriminator_steps=config.discriminator_steps,
        ema_decay=config.ema_decay,
        augmentation=augmentation.DiffAugment() if config.diffaugment else None,
        packing=config.packing,
        seed=config.seed,
        dtype=config.precision,
    )
    gan.compile(
        _optimizer(config, config.generator_learning_rate, len(images)),
        _optimizer(
            config,
            config.discriminator_learning_rate,
            len(images) * config.discriminator_steps,
        ),
        loss=_loss(config),
        penalties=[
            penalty(weight)
            for penalty, weight in (
                (penalties.R1, config.r1),
                (penalties.R2, config.r2),
                (penalties.GradientPenalty, config.gradient_penalty),
            )
            if weight
        ],
        penalty_interval=config.penalty_interval,
        jit_compile=config.jit_compile,
        steps_per_execution=config.steps_per_execution,
    )
    if isinstance(generator, networks.MLPGenerator):
        generator.start_at_mean(data.mean_image(images))
    return gan


def _loss(config: Config) -> losses.AdversarialLoss:
    options = {}
    if config.loss in VALUE_GAMES:
        options = {
            "discriminator_weight": config.discriminator_weight,
            "label_smoothing": config.label_smoothing,
        }
    return type(losses.get(config.loss))(**options)


def _optimizer(config: Config, learning_rate: float, epoch: int) -> keras.optimizers.Optimizer:
    """An optimizer for one player, which moves `epoch` times an epoch."""
    if config.optimizer == "sgd_2014":
        return RisingMomentum(learning_rate, RISE * epoch)
    return FusedAdam(learning_rate, beta_1=config.beta_1, beta_2=config.beta_2)


def _players(
    config: Config, images: tf.data.Dataset, num_classes: int | None
) -> tuple[keras.Model, keras.Model]:
    spec = images.element_spec[0] if config.conditional else images.element_spec
    image_shape = tuple(spec.shape[1:])
    packed = (*image_shape[:-1], config.packing * image_shape[-1])
    value_range = (config.pixels or (-1.0, 1.0)) if len(image_shape) == 3 else None
    width = config.width or WIDTHS[config.network]
    both = {"num_classes": num_classes, "dtype": config.precision}
    of_generator: dict[str, Any] = {"value_range": value_range, **both}
    of_discriminator: dict[str, Any] = dict(both)
    if config.weight_clip:
        of_discriminator["weight_constraint"] = constraints.WeightClip(config.weight_clip)
    if config.network == "dcgan":
        of_generator["upsampling"] = config.upsampling
    if config.network in DENSE:
        published, start = config.network == "maxout", config.discriminator_initializer_range
        if published:
            of_generator["kernel_initializer"] = _within(START["generator"])
            start = start or START["discriminator"]
        if start:
            of_discriminator["kernel_initializer"] = _within(start)
        if published if config.dropout is None else config.dropout:
            of_discriminator.update(DROPOUT)
        sizes: dict[str, Any] = {"units": (width, width)}
        critic = MAXOUT if published else sizes
        return (
            networks.MLPGenerator(image_shape, config.latent_dim, **sizes, **of_generator),
            networks.MLPDiscriminator(packed, **critic, **of_discriminator),
        )
    make_generator, make_discriminator = {
        "dcgan": (networks.DCGANGenerator, networks.DCGANDiscriminator),
        "resnet": (networks.ResNetGenerator, networks.ResNetDiscriminator),
        "sngan": (networks.SNGANGenerator, networks.SNGANDiscriminator),
    }[config.network]
    return (
        make_generator(image_shape, config.latent_dim, filters=width, **of_generator),
        make_discriminator(packed, filters=width, **of_discriminator),
    )


def _within(limit: float) -> keras.initializers.Initializer:
    return keras.initializers.RandomUniform(-limit, limit)
