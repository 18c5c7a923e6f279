"""From a configuration to the compiled GAN."""

from __future__ import annotations

import functools
from collections.abc import Callable

import keras
import tensorflow as tf

import kgan
from kgan import augmentation, constraints, data, losses, networks, penalties, priors, variants
from kgan.callbacks.base import first_images
from kgan.optimizers import FusedAdam, RisingMomentum
from kgan.utils.types import JsonDict

from .config import DENSE, PREVIOUS_FRAMES, VALUE_GAMES, Config
from .labelled import Labelled

# The networks of Goodfellow et al. (2014), by the authors' published configuration.
MAXOUT = {"units": (240, 240), "maxout_pieces": 5}
DROPOUT = {"input_dropout": 0.2, "hidden_dropout": 0.5}
INITIAL_RANGES = {"generator": 0.05, "discriminator": 0.005}  # uniform in plus or minus this
MOMENTUM_EPOCHS = 250  # in which the momentum of 2014 rises
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
    if isinstance(gan.generator, networks.MLPGenerator):
        gan.generator.start_at_mean(data.mean_image(images))
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
    prior = {"uniform": priors.Uniform, "normal": priors.Normal}[config.prior]
    game: Callable[..., kgan.GAN] = kgan.GAN
    if config.variant == "pix2pix":
        game = variants.Pix2Pix
        if config.l1_weight is not None:
            game = functools.partial(game, l1_weight=config.l1_weight)
    if labelled is not None:
        game = functools.partial(
            variants.SemiSupervisedGAN,
            labelled=(labelled.images, labelled.labels),
            labelled_batch_size=config.batch_size,
            feature_matching=config.feature_matching is not False,
        )
    return game(
        generator,
        discriminator,
        prior(config.latent_dim) if config.latent_dim else priors.NoLatents(),
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
        return networks.UNetGenerator(
            made,
            given,
            filters=width,
            value_range=config.pixels or (-1.0, 1.0),
            upsampling=config.upsampling,
            residual=False,  # the identity is a minimum of the cycle term, which holds G there
            dtype=config.precision,
        )

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
    return FusedAdam(learning_rate, beta_1=config.beta_1, beta_2=config.beta_2)


def _translators(
    config: Config, image_shape: tuple[int, ...], condition_shape: tuple[int, ...]
) -> tuple[keras.Model, keras.Model]:
    shared: JsonDict = {
        "condition_shape": condition_shape,
        "filters": config.width or WIDTHS[config.network],
        "dtype": config.precision,
    }
    packing = config.packing
    return (
        networks.UNetGenerator(
            image_shape,
            latent_dim=config.latent_dim,
            value_range=config.pixels or (-1.0, 1.0),
            upsampling=config.upsampling,
            residual=True if config.condition == PREVIOUS_FRAMES else None,
            keep_given=config.condition in ("masked", "masked_half"),
            **shared,
        ),
        networks.PatchDiscriminator(
            (*image_shape[:-1], packing * image_shape[-1]),
            weight_constraint=_clip(config),
            **{**shared, "condition_shape": (*condition_shape[:-1], packing * condition_shape[-1])},
        ),
    )


def _networks(
    config: Config, image_shape: tuple[int, ...], num_classes: int | None, classes: int | None
) -> tuple[keras.Model, keras.Model]:
    packed = (*image_shape[:-1], config.packing * image_shape[-1])
    value_range = (config.pixels or (-1.0, 1.0)) if len(image_shape) == 3 else None
    width = config.width or WIDTHS[config.network]
    shared: JsonDict = {"num_classes": num_classes, "dtype": config.precision}
    generator: JsonDict = {"value_range": value_range, **shared}
    discriminator: JsonDict = {"classes": classes, **shared}
    if config.weight_clip:
        discriminator["weight_constraint"] = constraints.WeightClip(config.weight_clip)
    if config.network == "dcgan":
        generator["upsampling"] = config.upsampling
    if config.network == "weight_norm":
        widths = [
            tuple(max(1, round(share * width)) for share in shares)
            for shares in (GENERATOR_SHARES, DISCRIMINATOR_SHARES)
        ]
        generator.update(units=widths[0], activation="softplus", batch_normalization=True)
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


def _within(limit: float) -> keras.initializers.Initializer:
    return keras.initializers.RandomUniform(-limit, limit)
