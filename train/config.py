"""The options of a training run, resolved and checked before TensorFlow is imported."""

from __future__ import annotations

import dataclasses
from collections.abc import Container, Mapping

from kgan_cli.options import (
    NON_NEGATIVE,
    POSITIVE,
    POSITIVE_INTEGER,
    OptionValues,
    at_least,
    below,
    check_choice,
    check_given,
    check_options,
    option,
)

from .choices import (
    CHANNELS,
    CODES,
    COLOUR,
    CONDITION,
    DENSE,
    GIVEN,
    LOSSES,
    NETWORKS,
    ON_COLLAPSE,
    ON_NON_FINITE,
    OPTIMIZERS,
    PRECISIONS,
    PRIORS,
    RESIZES,
    SEED,
    SHARE,
    SIZE,
    STRATEGIES,
    TRANSLATORS,
    UNREADABLE,
    UPSAMPLINGS,
    VALUE_GAMES,
    VALUE_RANGES,
    VARIANTS,
    parse_size,
)
from .presets import DIRECTORIES, PRESETS
from .variant_options import check_variant

ADAM = {"optimizer": ("adam",)}


@dataclasses.dataclass(frozen=True)
class Config:
    """Everything that decides what a run computes. Each field is the value of the flag of its name.

    Exactly one of `epochs` and `steps` is given.

    Raises:
        ValueError: an option's value is unusable; the sentence names the flag.
    """

    # Data
    dataset: str = option(
        "digits",
        "TFDS image dataset, such as mnist or cifar10, a bundled one: digits, gaussian, ring, "
        "grid; or a directory of pictures, such as ./my_pictures",
    )
    split: str = option("train", "TFDS split or slice to train on, such as train[:50000]")
    dataset_y: str | None = option(
        None,
        "Second domain of --variant=cyclegan: a dataset or a directory, as --dataset",
        only_with={"variant": ("cyclegan",)},
        unset="that of --dataset, from whose images --condition makes the second domain",
    )
    split_y: str | None = option(
        None,
        "Split or slice of --dataset_y",
        only_with={"variant": ("cyclegan",)},
        unset="that of --split",
    )
    conditional: bool = option(
        False,
        "Condition generator and discriminator on the class labels, so that samples of a class can "
        "be drawn",
    )
    condition: str | None = option(
        None,
        "Image from which --network=unet or resnet makes each image. One that is made of it: its "
        "outlines, a small, a grey or a partly hidden one. Or one that is given: a half of "
        "pictures that hold both, the frames before it in a video, or a directory of pictures with "
        "the names of those of --dataset "
        f"(one of {', '.join(GIVEN)}, or DIR/)",
        expected=CONDITION,
        unset="no image",
    )
    image: str | None = option(
        None,
        "Feature of the dataset that is the image, dotted when nested, such as camera.left",
        unset="image, or else the only one of uint8 images",
    )
    label: str | None = option(
        None,
        "Feature of the dataset that is the label, dotted when nested; for --conditional and "
        "--variant=semi_supervised",
        unset="label, or else the only class label",
    )
    image_size: int | str | None = option(
        None,
        "Side, or HEIGHT,WIDTH, to resize the images to, in pixels",
        expected=SIZE,
        unset="the size of the images; 64 for pictures of several sizes or of larger ones",
    )
    channels: int | None = option(
        None,
        "1 for grey, 3 for colour, 4 for colour and transparency",
        expected=CHANNELS,
        unset="those of the images, without transparency",
    )
    resize: str | None = option(
        None,
        "How images get another aspect ratio: the largest centred piece, added background, or "
        "distortion",
        choices=RESIZES,
        unset="crop",
    )
    background: str | None = option(
        None,
        "Colour under transparent pixels and around padded images, such as black or #ff8800",
        expected=COLOUR,
        unset="white",
    )
    mirror: bool | None = option(
        None,
        "Mirror each image, left for right, with probability a half",
        unset="False",
    )
    unreadable: str | None = option(
        None,
        "What to do with files of a directory that cannot be decoded",
        choices=UNREADABLE,
        unset="error",
    )
    group_by: str | None = option(
        None,
        "Keep pictures whose file names are equal up to this text, such as _ or -, together in "
        "train or in test",
        unset="each by itself",
    )
    value_range: str | None = option(
        None,
        "Pixel value range of images and samples. With 0,1 the background of MNIST is 0",
        choices=VALUE_RANGES,
        unset="-1,1",
    )

    # Networks
    init_from: str | None = option(
        None,
        "Run to start from: its networks at its newest checkpoint. Without --preset, its options "
        "hold where no other ones are given",
        unset="new networks",
    )
    init_optimizers: bool | None = option(
        None,
        "With --init_from: keep the state of its optimizers too, but for their learning rates",
        unset="False",
    )
    network: str = option("mlp", "Architecture of generator and discriminator", NETWORKS)
    width: int | None = option(
        None,
        "Hidden units of mlp and of maxout's generator, of the first layer of weight_norm's "
        "discriminator, or channels next to the image of other networks",
        expected=POSITIVE_INTEGER,
        unset="1200, 1000 for weight_norm, 64 for dcgan, sngan and unet, 16 for resnet",
    )
    dropout: bool | None = option(
        None,
        "Dropout in the discriminator, at rate 0.2 on its inputs and 0.5 on its hidden units",
        only_with={"network": DENSE},
        unset="True for maxout, False for mlp",
    )
    discriminator_initializer_range: float | None = option(
        None,
        "Draw the discriminator's initial weights uniformly from plus or minus this",
        expected=POSITIVE,
        only_with={"network": DENSE},
        unset="0.005 for maxout, He normal for mlp",
    )
    dense_units: int | None = option(
        None,
        "Units of a dense layer beside the convolutions of both networks, 1024 in InfoGAN",
        expected=POSITIVE_INTEGER,
        only_with={"network": ("dcgan",)},
        unset="no such layer",
    )
    upsampling: str = option(
        "transposed",
        "Upsampling in the generator of dcgan, unet and, where it is given images, resnet: "
        "transposed convolution, or resizing and convolution, which is faster in int8",
        UPSAMPLINGS,
        given_with={"network": ("dcgan", *TRANSLATORS)},
    )
    packing: int = option(
        1, "Images that the discriminator receives together, PacGAN", expected=POSITIVE_INTEGER
    )
    prior: str = option("uniform", "Distribution of the latents", PRIORS)
    latent_dim: int = option(
        100, "Size of a latent; 0 for unet without latents", expected=at_least(0)
    )

    # Objective
    variant: str | None = option(
        None,
        "Another game than the plain one. pix2pix adds the mean absolute difference from the "
        "image. cyclegan learns from two sets of images without pairs, --dataset and --dataset_y. "
        "any_conditional completes images whichever part is hidden. "
        "semi_supervised trains a classifier as well, with --labels_per_class labels. "
        "bigan learns an encoder, from images to latents, beside the generator. "
        "infogan shows --codes in the samples. acgan lets the discriminator name the class, with "
        "--conditional",
        choices=VARIANTS,
        unset="the plain game",
    )
    labels_per_class: int | None = option(
        None,
        "Images of each class whose labels are used",
        expected=POSITIVE_INTEGER,
        only_with={"variant": ("semi_supervised",)},
        unset="10",
    )
    label_seed: int | None = option(
        None,
        "Seed that chooses the images whose labels are used",
        expected=at_least(0),
        only_with={"variant": ("semi_supervised",)},
        unset="0",
    )
    labelled_augmentation: bool | None = option(
        None,
        "Learn the labels from labelled images that are turned, sheared, scaled and moved at "
        "random, each time anew",
        only_with={"variant": ("semi_supervised",)},
        unset="False",
    )
    consistency_weight: float | None = option(
        None,
        "Weight of a term by which images without labels keep their classes when they are changed "
        "as --labelled_augmentation changes those with labels",
        expected=NON_NEGATIVE,
        only_with={"variant": ("semi_supervised",)},
        unset="0",
    )
    feature_matching: bool | None = option(
        None,
        "Let the generator match the discriminator's mean features, in the place of --loss",
        only_with={"variant": ("semi_supervised",)},
        unset="True",
    )
    l1_weight: float | None = option(
        None,
        "Weight of the mean absolute difference in the generator's loss",
        expected=NON_NEGATIVE,
        only_with={"variant": ("pix2pix", "any_conditional")},
        unset="100",
    )
    diversity_weight: float | None = option(
        None,
        "How far samples of one condition are to differ: 0 for the median alone, 1 for the spread "
        "of the data",
        expected=SHARE,
        only_with={"variant": ("any_conditional",)},
        unset="0.5",
    )
    cycle_weight: float | None = option(
        None,
        "Weight of the difference of images that were translated there and back",
        expected=NON_NEGATIVE,
        only_with={"variant": ("cyclegan",)},
        unset="10",
    )
    identity_weight: float | None = option(
        None,
        "Weight of the difference of images from what a generator makes of images of its own kind",
        expected=NON_NEGATIVE,
        only_with={"variant": ("cyclegan",)},
        unset="5",
    )
    pool_size: int | None = option(
        None,
        "Earlier samples of each domain that the discriminator is updated on; 0 for new ones alone",
        expected=at_least(0),
        only_with={"variant": ("cyclegan",)},
        unset="50",
    )
    codes: str | None = option(
        None,
        "Codes among the latents that the samples are to show: a number of values for each "
        "categorical code, c for each continuous one, such as 10,c,c",
        expected=CODES,
        only_with={"variant": ("infogan",)},
        unset="none",
    )
    information_weight: float | None = option(
        None,
        "Weight of the bound on the mutual information of codes and samples, in both losses",
        expected=NON_NEGATIVE,
        only_with={"variant": ("infogan",)},
        unset="1",
    )
    categorical_augmentation: bool | None = option(
        None,
        "While training, read the categorical codes off samples that are turned, sheared, scaled "
        "and moved at random, so that they stand for what that leaves as it is",
        only_with={"variant": ("infogan",)},
        unset="False",
    )
    class_weight: float | None = option(
        None,
        "Weight of the cross-entropy of the class, in both losses",
        expected=NON_NEGATIVE,
        only_with={"variant": ("acgan",)},
        unset="1",
    )
    loss: str = option("non_saturating", "Adversarial loss", LOSSES)
    discriminator_weight: float = option(
        1.0,
        "Factor of the discriminator's loss. Goodfellow et al. (2014) used 0.5",
        expected=POSITIVE,
        only_with={"loss": VALUE_GAMES},
    )
    label_smoothing: float = option(
        0.0,
        "Label smoothing: real targets become 1 - label_smoothing",
        expected=below(0.5),
        only_with={"loss": VALUE_GAMES},
    )
    r1: float = option(
        0.0, "gamma of the R1 penalty (gradient norm at real images)", expected=NON_NEGATIVE
    )
    r2: float = option(
        0.0, "gamma of the R2 penalty (gradient norm at samples)", expected=NON_NEGATIVE
    )
    gradient_penalty: float = option(
        0.0,
        "Weight of the WGAN-GP penalty (gradient norm between images and samples, pulled to 1)",
        expected=NON_NEGATIVE,
    )
    penalty_interval: int = option(
        1,
        "Apply the penalties every penalty_interval discriminator updates, multiplied by "
        "penalty_interval (lazy regularization)",
        expected=POSITIVE_INTEGER,
    )
    weight_clip: float = option(
        0.0,
        "Clip the discriminator's weights to plus or minus this, as in WGAN; 0 for no clipping",
        expected=NON_NEGATIVE,
    )
    diffaugment: bool = option(
        False,
        "Apply DiffAugment (brightness, translation, cutout) to the discriminator's inputs, for "
        "small datasets",
    )

    # Training
    discriminator_steps: int = option(
        1, "Discriminator updates in each step, k of Algorithm 1", expected=POSITIVE_INTEGER
    )
    batch_size: int = option(
        100, "Images in each update's minibatch, m of Algorithm 1", expected=POSITIVE_INTEGER
    )
    epochs: int | None = option(
        None,
        "Passes over the data",
        expected=POSITIVE_INTEGER,
        unset="50 without --steps",
    )
    steps: int | None = option(
        None, "Steps to train for, instead of --epochs", expected=POSITIVE_INTEGER
    )
    optimizer: str = option(
        "adam",
        "Optimizer of both networks. sgd_2014 is gradient descent whose learning rate falls and "
        "momentum rises as in Goodfellow et al. (2014)",
        OPTIMIZERS,
    )
    beta_1: float = option(0.5, "Adam beta_1", expected=below(1), given_with=ADAM)
    beta_2: float = option(0.999, "Adam beta_2", expected=below(1), given_with=ADAM)
    epsilon: float | None = option(
        None,
        "Adam epsilon. Gradients below it move weights less",
        expected=POSITIVE,
        given_with=ADAM,
        unset="1e-7",
    )
    generator_learning_rate: float = option(
        2e-4, "Learning rate of the generator's optimizer", expected=POSITIVE
    )
    discriminator_learning_rate: float = option(
        2e-4, "Learning rate of the discriminator's optimizer", expected=POSITIVE
    )
    ema_decay: float | None = option(
        None,
        "Decay of the EMA of the generator's weights that samples are drawn with, such as 0.999",
        expected=below(1),
        unset="no EMA",
    )
    seed: int = option(0, "Seed of all randomness of the run", expected=SEED)
    sample_every: int = option(500, "Steps between two sample grids", expected=POSITIVE_INTEGER)
    checkpoint_every: int = option(500, "Steps between two checkpoints", expected=POSITIVE_INTEGER)

    # Execution
    strategy: str = option(
        "auto",
        "Distribution strategy. auto takes the workers that TF_CONFIG or Slurm names, the TPU that "
        "TPU_NAME names, or all GPUs",
        STRATEGIES,
    )
    precision: str = option(
        "float32",
        "Dtype policy of the networks. Losses and penalties stay in float32",
        PRECISIONS,
    )
    jit_compile: bool = option(False, "Compile the training step with XLA")
    steps_per_execution: int = option(
        1, "Steps in each call of the compiled function", expected=POSITIVE_INTEGER
    )
    deterministic: bool = option(False, "Use deterministic operations, which are slower on a GPU")
    on_non_finite: str = option(
        "stop",
        "What to do when a loss or weight is NaN or infinite. rollback restores the newest "
        "checkpoint and continues with other random numbers",
        ON_NON_FINITE,
    )
    on_collapse: str = option(
        "warn",
        "What to do when samples collapse or the discriminator wins. rollback restores the last "
        "good checkpoint and continues with other random numbers",
        ON_COLLAPSE,
    )

    def __post_init__(self) -> None:
        check_options(self)
        if self.gradient_penalty and self.weight_clip:
            raise ValueError(
                f"--weight_clip={self.weight_clip}: expected none beside "
                f"--gradient_penalty={self.gradient_penalty}, which was made to replace it."
            )
        if self.deterministic and self.jit_compile:
            raise ValueError(
                "--deterministic: expected no --jit_compile beside it, which TensorFlow would turn "
                "off without a word."
            )
        if self.label is not None and not (self.conditional or self.semi_supervised):
            raise ValueError(
                f"--label={self.label}: expected --conditional beside it, without which no labels "
                "are used."
            )
        if self.init_optimizers and self.init_from is None:
            raise ValueError("--init_optimizers: expected --init_from beside it.")
        check_variant(self)
        if self.batch_size % self.packing:
            raise ValueError(
                f"--packing={self.packing}: expected a divisor of --batch_size={self.batch_size}."
            )
        if (self.epochs is None) == (self.steps is None):
            raise ValueError(
                f"--epochs={self.epochs} and --steps={self.steps}: give one of the two."
            )
        if self.steps is not None and self.steps % self.steps_per_execution:
            raise ValueError(
                f"--steps={self.steps}: expected a multiple of "
                f"--steps_per_execution={self.steps_per_execution}."
            )

    @property
    def semi_supervised(self) -> bool:
        """Whether the discriminator is a classifier, which a few labels train."""
        return self.variant == "semi_supervised"

    @property
    def unpaired(self) -> bool:
        """Whether the data are two sets of images without pairs."""
        return self.variant == "cyclegan"

    @property
    def pixels(self) -> tuple[float, float] | None:
        """Lowest and highest pixel value, where `value_range` is given."""
        if self.value_range is None:
            return None
        low, high = self.value_range.split(",")
        return float(low), float(high)

    @property
    def size(self) -> int | tuple[int, int] | None:
        """Side or (height, width) of the images, where `image_size` is given."""
        return parse_size(self.image_size)

    @property
    def picture_options(self) -> OptionValues:
        """What `kgan.data.load` takes of the options of pictures."""
        return {
            **{"image_size": self.size, "channels": self.channels, "resize": self.resize},
            **{"background": self.background, "unreadable": self.unreadable},
            "group_by": self.group_by,
        }

    def options(self) -> OptionValues:
        """Return the fields as a dictionary that JSON can hold."""
        return dataclasses.asdict(self)


def check_effects(config: Config, given: Container[str]) -> None:
    """Check that every option that was given has an effect.

    Presets and records may hold some that have none, so that another flag can be given beside them.

    Args:
        config: all that was resolved.
        given: names of the options that the user gave.

    Raises:
        ValueError: an option has no effect; the sentence names the flag.
    """
    check_given(config, given)
    penalised = config.r1 or config.r2 or config.gradient_penalty
    if "penalty_interval" in given and config.penalty_interval > 1 and not penalised:
        raise ValueError(
            f"--penalty_interval={config.penalty_interval}: expected --r1, --r2 or "
            "--gradient_penalty beside it, the penalties that it is for."
        )
    of_latents = config.network == "resnet" and config.condition is None and not config.unpaired
    if "upsampling" in given and config.upsampling != "transposed" and of_latents:
        raise ValueError(
            f"--upsampling={config.upsampling}: expected --condition or --variant=cyclegan beside "
            "--network=resnet, which has no such option where it makes images of latents."
        )


def resolve(preset: str | None, explicit: Mapping[str, object]) -> Config:
    """Return the configuration of a preset and explicit options. Explicit options win.

    Args:
        preset: a name in `PRESETS`, or None.
        explicit: options given by the user; None means "not given".

    Raises:
        ValueError: a name is not known or a value is unusable.
    """
    if preset is not None:
        check_choice("preset", preset, tuple(PRESETS))
        asked = DIRECTORIES.get(preset, ())
        if any(explicit.get(name) is None for name in asked):
            raise ValueError(
                f"--preset={preset}: expected {' and '.join(f'--{name}=DIR' for name in asked)} "
                "beside it, as it has no pictures of its own."
            )
    return overridden({} if preset is None else PRESETS[preset], explicit)


def overridden(options: OptionValues, explicit: Mapping[str, object]) -> Config:
    """Return the configuration of some options and explicit ones, as `resolve` does."""
    options = dict(options)
    given = {name: value for name, value in explicit.items() if value is not None}
    for one, other in (("epochs", "steps"), ("steps", "epochs")):
        if one in given and other not in given:
            options.pop(other, None)  # either ends the run: the explicit one replaces the preset's
    options.update(given)
    if str(options.get("image_size")).isdecimal():
        options["image_size"] = int(options["image_size"])  # as runs have always recorded it
    executed = options.get("steps_per_execution", 1)
    if "steps_per_execution" not in given and (options.get("steps") or 0) % executed:
        options["steps_per_execution"] = 1  # the preset's does not divide the explicit steps
    if options.get("variant") == "any_conditional":
        options.setdefault("condition", "masked_any")
    unpaired = options.get("variant") == "cyclegan"
    if options.get("condition") is not None or unpaired:
        options.setdefault("network", "unet")  # which is given images
        if options["network"] == "resnet" or unpaired:  # without latents
            options.setdefault("latent_dim", 0)
    if options.get("epochs") is None and options.get("steps") is None:
        options["epochs"] = 50
    return Config(**options)
