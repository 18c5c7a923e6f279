"""From a configuration to the compiled GAN."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

import kgan
from kgan import augmentation, constraints, data, losses, networks, penalties, priors, variants
from kgan.callbacks.base import first_images
from kgan.optimizers import FusedAdam, RisingMomentum
from kgan.utils.types import JsonDict

from .choices import DENSE, MASKED, PREVIOUS_FRAMES, VALUE_GAMES, parse_codes
from .config import Config
from .labelled import Labelled

# The networks of Goodfellow et al. (2014), by the authors' published configuration.
MAXOUT = {"units": (240, 240), "maxout_pieces": 5}
DROPOUT = {"input_dropout": 0.2, "hidden_dropout": 0.5}
INITIAL_RANGES = {"generator": 0.05, "discriminator": 0.005}  # uniform in plus or minus this
MOMENTUM_EPOCHS = 250  # in which the momentum of 2014 rises
# Variants of the game's two networks, and their weights of terms.
WEIGHTED: dict[str | None, tuple[Any, ...]] = {
    "pix2pix": (variants.Pix2Pix, "l1_weight"),
    "any_conditional": (variants.AnyConditional, "l1_weight", "diversity_weight"),
    "infogan": (variants.InfoGAN, "information_weight"),
    "acgan": (variants.ACGAN, "class_weight"),
}
WIDTHS = {
    **{"mlp": 1200, "maxout": 1200, "weight_norm": 1000},
    **{"dcgan": 64, "resnet": 16, "sngan": 64, "unet": 64},
}
# The networks of Salimans et al. (2016) for MNIST, by their published code; widths are shares of
# the first.
WEIGHT_NORM: JsonDict = {
    "activation": "relu",
    "input_noise": 0.3,
    "hidden_noise": 0.5,
    "weight_normalization": True,
}
DISCRIMINATOR_SHARES, GENERATOR_SHARES = (1.0, 0.5, 0.25, 0.25, 0.25), (0.5, 0.5)
STARTED_AT = 500  # images on which weight normalization begins


def make_gan(
    config: Config,
    images: tf.data.Dataset,
    num_classes: int | None,
    labelled: Labelled | None = None,
) -> kgan.GAN:
    """Return the compiled GAN of `config`.

    Args:
        config: what to train.
        images: batches like those it will train on, with labels if it is conditional.
        num_classes: classes of the labels; None if it is not conditional.
        labelled: images whose labels are used, of a semi-supervised run; else None.
    """
    shapes = [tuple(spec.shape[1:]) for spec in tf.nest.flatten(images.element_spec)]
    condition_shape = shapes[1] if config.condition or config.unpaired else None
    gan = untrained_gan(config, shapes[0], num_classes, condition_shape, labelled)
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
    generator = getattr(gan.generator, "generator", gan.generator)  # beside its encoder
    if isinstance(generator, networks.MLPGenerator):
        generator.start_at_mean(data.mean_image(images))
    if config.network == "weight_norm" and num_classes is None and config.packing == 1:
        gan.discriminator.start_at(first_images(images, STARTED_AT)[0])
    return gan


def untrained_gan(
    config: Config,
    image_shape: tuple[int, ...],
    num_classes: int | None,
    condition_shape: tuple[int, ...] | None = None,
    labelled: Labelled | None = None,
) -> kgan.GAN:
    """Return the GAN of `config`, which is neither built nor compiled.

    Args:
        config: what to train.
        image_shape: shape of one image, `(height, width, channels)`, or of one point, `(dim,)`.
        num_classes: classes of the labels; None if it is not conditional.
        condition_shape: shape of the images that are the condition, or of the second domain; None
            if there are none.
        labelled: as `make_gan` has it.
    """
    if config.unpaired:
        assert condition_shape is not None
        return _unpaired_game(config, image_shape, condition_shape)
    assert config.semi_supervised == (labelled is not None)
    if condition_shape is not None:
        generator, discriminator = _translators(config, image_shape, condition_shape)
    else:
        classes = None if labelled is None else labelled.classes
        generator, discriminator = _networks(config, image_shape, num_classes, classes)
    game: Callable[..., kgan.GAN] = kgan.GAN
    if config.variant in WEIGHTED:
        game, *names = WEIGHTED[config.variant]
        given = {name: getattr(config, name) for name in names}
        given = {name: value for name, value in given.items() if value is not None}
        game = functools.partial(game, **given)
    if config.categorical_augmentation:
        applied = augmentation.RandomAffine()
        game = functools.partial(game, categorical_augmentation=applied)
    if labelled is not None:
        changed = config.labelled_augmentation
        game = functools.partial(
            variants.SemiSupervisedGAN,
            labelled=(labelled.images, labelled.labels),
            labelled_batch_size=config.batch_size,
            labelled_augmentation=augmentation.RandomAffine() if changed else None,
            consistency_weight=config.consistency_weight or 0.0,
            feature_matching=config.feature_matching is not False,
        )
    if config.variant == "bigan":
        encoder = _encoder(config, image_shape, _prior(config))
        game = functools.partial(variants.BiGAN, encoder=encoder)
    return game(
        generator=generator,
        discriminator=discriminator,
        prior=_prior(config),
        discriminator_steps=config.discriminator_steps,
        ema_decay=config.ema_decay,
        augmentation=augmentation.DiffAugment() if config.diffaugment else None,
        packing=config.packing,
        seed=config.seed,
        dtype=config.precision,
    )


def _unpaired_game(config: Config, x_shape: tuple[int, ...], y_shape: tuple[int, ...]) -> kgan.GAN:
    width, clip = config.width or WIDTHS[config.network], _clip(config)

    def generator(given: tuple[int, ...], made: tuple[int, ...]) -> keras.Model:
        # The identity is a minimum of the cycle term, which would hold G there.
        return _translator(config, made, given, residual=False)

    def discriminator(shape: tuple[int, ...]) -> keras.Model:
        return networks.PatchDiscriminator(
            shape, filters=width, weight_constraint=clip, dtype=config.precision
        )

    given = {
        name: getattr(config, name) for name in ("cycle_weight", "identity_weight", "pool_size")
    }
    return variants.CycleGAN(
        generator(x_shape, y_shape),
        generator(y_shape, x_shape),
        discriminator(x_shape),
        discriminator(y_shape),
        discriminator_steps=config.discriminator_steps,
        ema_decay=config.ema_decay,
        augmentation=augmentation.DiffAugment() if config.diffaugment else None,
        seed=config.seed,
        dtype=config.precision,
        **{name: value for name, value in given.items() if value is not None},
    )


def _translator(
    config: Config, made: tuple[int, ...], given: tuple[int, ...], **of_unet: Any
) -> keras.Model:
    """Return the generator of images of a shape from images; a U-Net has options of its own."""
    shared: JsonDict = {
        "filters": config.width or WIDTHS[config.network],
        "value_range": config.pixels or (-1.0, 1.0),
        "upsampling": config.upsampling,
        "dtype": config.precision,
    }
    if config.network == "resnet":
        return networks.ResNetTranslator(made, given, **shared)
    return networks.UNetGenerator(made, given, **of_unet, **shared)


def _prior(config: Config) -> priors.Prior:
    if not config.latent_dim:
        return priors.NoLatents()
    of_noise = {"uniform": priors.Uniform, "normal": priors.Normal}[config.prior]
    if config.codes is None:
        return of_noise(config.latent_dim)
    categorical, continuous = parse_codes(config.codes)
    noise = of_noise(config.latent_dim - sum(categorical) - continuous)
    return priors.Codes(noise, categorical, continuous)


def _clip(config: Config) -> constraints.WeightClip | None:
    return constraints.WeightClip(config.weight_clip) if config.weight_clip else None


def _loss(config: Config) -> losses.AdversarialLoss:
    options = {}
    if config.loss in VALUE_GAMES:
        options = {
            "discriminator_weight": config.discriminator_weight,
            "label_smoothing": config.label_smoothing,
        }
    return type(losses.get(config.loss))(**options)


def _optimizer(config: Config, learning_rate: float, epoch: int) -> keras.optimizers.Optimizer:
    """Return the optimizer of a network that is updated `epoch` times an epoch."""
    if config.optimizer == "sgd_2014":
        return RisingMomentum(learning_rate, MOMENTUM_EPOCHS * epoch)
    given: JsonDict = {} if config.epsilon is None else {"epsilon": config.epsilon}
    return FusedAdam(learning_rate, config.beta_1, config.beta_2, **given)


def _translators(
    config: Config, image_shape: tuple[int, ...], condition_shape: tuple[int, ...]
) -> tuple[keras.Model, keras.Model]:
    packing = config.packing
    return (
        _translator(
            config,
            image_shape,
            condition_shape,
            latent_dim=config.latent_dim,
            residual=True if config.condition == PREVIOUS_FRAMES else None,
            keep_given=config.condition in MASKED,
        ),
        networks.PatchDiscriminator(
            (*image_shape[:-1], packing * image_shape[-1]),
            (*condition_shape[:-1], packing * condition_shape[-1]),
            filters=config.width or WIDTHS[config.network],
            weight_constraint=_clip(config),
            dtype=config.precision,
        ),
    )


def _networks(
    config: Config, image_shape: tuple[int, ...], num_classes: int | None, classes: int | None
) -> tuple[keras.Model, keras.Model]:
    seen = image_shape
    if config.variant == "bigan":  # D sees an image and its latents as one vector
        seen = (math.prod(image_shape) + config.latent_dim,)
    packed = (*seen[:-1], config.packing * seen[-1])
    value_range = (config.pixels or (-1.0, 1.0)) if len(image_shape) == 3 else None
    width = config.width or WIDTHS[config.network]
    shared: JsonDict = {"num_classes": num_classes, "dtype": config.precision}
    generator: JsonDict = {"value_range": value_range, **shared}
    discriminator: JsonDict = {"classes": classes, **shared}
    if config.variant == "acgan":  # whose discriminator names the class
        discriminator["num_classes"] = None
    if config.weight_clip:
        discriminator["weight_constraint"] = constraints.WeightClip(config.weight_clip)
    if config.network == "dcgan":
        generator["upsampling"] = config.upsampling
        for network in (generator, discriminator):
            network["dense_units"] = config.dense_units
    if config.network == "weight_norm":
        widths = [
            tuple(max(1, round(share * width)) for share in shares)
            for shares in (GENERATOR_SHARES, DISCRIMINATOR_SHARES)
        ]
        generator.update(units=widths[0], activation="softplus", batch_normalization=True)
        generator.update(output_weight_normalization=True, kernel_initializer="glorot_uniform")
        discriminator["kernel_initializer"] = keras.initializers.RandomNormal(stddev=0.1)
        return (
            networks.MLPGenerator(image_shape, config.latent_dim, **generator),
            networks.MLPDiscriminator(packed, widths[1], **WEIGHT_NORM, **discriminator),
        )
    if config.network in DENSE:
        maxout, initial_range = config.network == "maxout", config.discriminator_initializer_range
        if maxout:
            generator["kernel_initializer"] = _within(INITIAL_RANGES["generator"])
            initial_range = initial_range or INITIAL_RANGES["discriminator"]
        if initial_range:
            discriminator["kernel_initializer"] = _within(initial_range)
        if maxout if config.dropout is None else config.dropout:
            discriminator.update(DROPOUT)
        sizes: JsonDict = {"units": (width, width)}
        discriminator.update(MAXOUT if maxout else sizes)
        return (
            networks.MLPGenerator(image_shape, config.latent_dim, **sizes, **generator),
            networks.MLPDiscriminator(packed, **discriminator),
        )
    make_generator, make_discriminator = {
        "dcgan": (networks.DCGANGenerator, networks.DCGANDiscriminator),
        "resnet": (networks.ResNetGenerator, networks.ResNetDiscriminator),
        "sngan": (networks.SNGANGenerator, networks.SNGANDiscriminator),
    }[config.network]
    return (
        make_generator(image_shape, config.latent_dim, filters=width, **generator),
        make_discriminator(packed, filters=width, **discriminator),
    )


def _encoder(config: Config, image_shape: tuple[int, ...], prior: priors.Prior) -> keras.Model:
    width = config.width or WIDTHS[config.network]
    ends = (prior.low, prior.high) if isinstance(prior, priors.Uniform) else None
    return networks.MLPEncoder(
        image_shape, prior.dim, (width, width), latent_range=ends, dtype=config.precision
    )


def _within(limit: float) -> keras.initializers.Initializer:
    return keras.initializers.RandomUniform(-limit, limit)
