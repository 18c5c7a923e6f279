"""Trains a GAN on a TFDS image data set by Algorithm 1 of Goodfellow et al. (2014).

    kgan-train --preset=digits_mlp --run_dir=runs/digits

The run directory receives config.json, checkpoints/, samples/, logs/ (TensorBoard), metrics.jsonl,
generator.keras and discriminator.keras; kgan-export turns it into files that serve. The same
command goes on with a run that was stopped, and with more --epochs or --steps lengthens it.
"""

from __future__ import annotations

import dataclasses

from absl import flags

from .config import (
    LOSSES,
    NETWORKS,
    ON_COLLAPSE,
    ON_NON_FINITE,
    OPTIMIZERS,
    PRECISIONS,
    PRIORS,
    STRATEGIES,
    UPSAMPLINGS,
    VALUE_GAMES,
    VALUE_RANGES,
    Config,
)
from .presets import PRESETS


def _default(name: str) -> str:
    value = {field.name: field.default for field in dataclasses.fields(Config)}[name]
    return f" (default: {value})"


# Every option's flag defaults to None, "not given", so that an explicit flag can beat its preset.
flags.DEFINE_string("run_dir", None, "Directory that receives the run. Required.")
flags.DEFINE_string(
    "data_dir", None, "Directory of TFDS data; TFDS's own (~/tensorflow_datasets) when not given."
)
flags.DEFINE_string("preset", None, f"A named configuration: {', '.join(PRESETS)}.")
flags.DEFINE_string(
    "reproduce", None, "A run directory: its run is repeated, in the new --run_dir."
)
flags.DEFINE_bool("dry_run", False, "Print the resolved configuration and stop.")
flags.DEFINE_string(
    "dataset",
    None,
    "A TFDS image data set, such as mnist or cifar10, or a bundled one: digits, gaussian, ring, "
    "grid" + _default("dataset"),
)
flags.DEFINE_string("split", None, "Split or slice of it to train on" + _default("split"))
flags.DEFINE_bool(
    "conditional",
    None,
    "Tell both players the class of each image, so that images of a class can be asked for"
    + _default("conditional"),
)
flags.DEFINE_integer(
    "image_size", None, "Side to resize the images to, in pixels; their own size when not given."
)
flags.DEFINE_string(
    "value_range",
    None,
    f"What the players' black and white are, one of {', '.join(map(repr, VALUE_RANGES))} "
    "(-1,1 when not given). With 0,1 the background of MNIST is 0 to the discriminator.",
)
flags.DEFINE_string("network", None, f"One of {', '.join(NETWORKS)}" + _default("network"))
flags.DEFINE_integer(
    "width",
    None,
    "Hidden units (mlp, maxout: of the generator; 1200 when not given) or channels near the image "
    "(dcgan, sngan: 64 when not given; resnet: 16).",
)
flags.DEFINE_bool(
    "dropout",
    None,
    "Dropout in the discriminator of mlp or maxout, of a fifth of its inputs and half of its "
    "hidden units as in 2014 (maxout has it when nothing is given, mlp not).",
)
flags.DEFINE_float(
    "discriminator_initializer_range",
    None,
    "The weights of mlp's or maxout's discriminator begin uniform in plus or minus this (maxout: "
    "0.005 when not given, as in 2014; mlp: He's normal ones).",
)
flags.DEFINE_string(
    "upsampling",
    None,
    f"How dcgan's generator doubles, one of {', '.join(UPSAMPLINGS)}: transposed convolution, or "
    "resizing and convolution, which is quicker in int8" + _default("upsampling"),
)
flags.DEFINE_integer(
    "packing", None, "Images that the discriminator judges at once (PacGAN)" + _default("packing")
)
flags.DEFINE_string("prior", None, f"One of {', '.join(PRIORS)}" + _default("prior"))
flags.DEFINE_integer("latent_dim", None, "Size of a latent point" + _default("latent_dim"))
flags.DEFINE_string("loss", None, f"One of {', '.join(LOSSES)}" + _default("loss"))
flags.DEFINE_float(
    "discriminator_weight",
    None,
    f"Factor of the discriminator's loss, for {', '.join(VALUE_GAMES)}; 2014 had 0.5"
    + _default("discriminator_weight"),
)
flags.DEFINE_float(
    "label_smoothing",
    None,
    f"What the discriminator's target on data lacks of 1, for {', '.join(VALUE_GAMES)}"
    + _default("label_smoothing"),
)
flags.DEFINE_float(
    "r1", None, "gamma of the R1 penalty, on the discriminator's slope on data" + _default("r1")
)
flags.DEFINE_float("r2", None, "gamma of the R2 penalty, the same on samples" + _default("r2"))
flags.DEFINE_float(
    "gradient_penalty",
    None,
    "Weight of the WGAN-GP penalty, on slopes other than 1 between data and samples"
    + _default("gradient_penalty"),
)
flags.DEFINE_integer(
    "penalty_interval",
    None,
    "Of how many discriminator updates one pays the penalties, as many times as much"
    + _default("penalty_interval"),
)
flags.DEFINE_float(
    "weight_clip",
    None,
    "Keep the discriminator's weights within this of 0, as the first Wasserstein GAN did; 0 for no "
    "limit" + _default("weight_clip"),
)
flags.DEFINE_bool(
    "diffaugment",
    None,
    "Shift, cut and brighten what the discriminator sees (DiffAugment), for small data sets"
    + _default("diffaugment"),
)
flags.DEFINE_integer(
    "discriminator_steps",
    None,
    "k of Algorithm 1: discriminator updates for each generator update"
    + _default("discriminator_steps"),
)
flags.DEFINE_integer(
    "batch_size",
    None,
    "m of Algorithm 1: images in each update's minibatch" + _default("batch_size"),
)
flags.DEFINE_integer("epochs", None, "Passes over the data (default, without --steps: 50)")
flags.DEFINE_integer("steps", None, "Rounds of Algorithm 1, instead of --epochs.")
flags.DEFINE_string(
    "optimizer",
    None,
    f"One of {', '.join(OPTIMIZERS)}: the latter is gradient descent whose learning rate falls and "
    "momentum rises as in the experiments of 2014" + _default("optimizer"),
)
flags.DEFINE_float("beta_1", None, "Of Adam: decay of the mean gradient" + _default("beta_1"))
flags.DEFINE_float("beta_2", None, "Of Adam: decay of the squared gradient" + _default("beta_2"))
flags.DEFINE_float(
    "generator_learning_rate",
    None,
    "Of the generator's optimizer" + _default("generator_learning_rate"),
)
flags.DEFINE_float(
    "discriminator_learning_rate",
    None,
    "Of the discriminator's optimizer" + _default("discriminator_learning_rate"),
)
flags.DEFINE_float(
    "ema_decay",
    None,
    "Decay of the average of the generator's weights that samples are drawn with, such as 0.999; "
    "no average when not given.",
)
flags.DEFINE_integer("seed", None, "All randomness of the run follows from it" + _default("seed"))
flags.DEFINE_integer(
    "sample_every", None, "Steps between two sample grids" + _default("sample_every")
)
flags.DEFINE_integer(
    "checkpoint_every", None, "Steps between two checkpoints" + _default("checkpoint_every")
)
flags.DEFINE_string(
    "on_non_finite",
    None,
    f"What to do when a loss or weight is NaN or infinite, one of {', '.join(ON_NON_FINITE)}: stop "
    "the run, or go back to its newest checkpoint and on with other random numbers"
    + _default("on_non_finite"),
)
flags.DEFINE_string(
    "on_collapse",
    None,
    f"What to do when samples are all alike or D has won, one of {', '.join(ON_COLLAPSE)}: say so, "
    "stop the run, or go back to its last good checkpoint and on with other random numbers"
    + _default("on_collapse"),
)
flags.DEFINE_string(
    "strategy",
    None,
    f"What to train on, one of {', '.join(STRATEGIES)}: auto takes the workers that TF_CONFIG or "
    "Slurm names, a TPU named by TPU_NAME, or all GPUs" + _default("strategy"),
)
flags.DEFINE_string(
    "precision",
    None,
    f"What the networks compute in, one of {', '.join(PRECISIONS)}; losses and penalties keep to "
    "float32" + _default("precision"),
)
flags.DEFINE_bool("jit_compile", None, "Compile the step with XLA" + _default("jit_compile"))
flags.DEFINE_integer(
    "steps_per_execution",
    None,
    "Steps run in one call of the compiled function" + _default("steps_per_execution"),
)
flags.DEFINE_bool(
    "deterministic",
    None,
    "Choose operations that repeat bit for bit on a GPU too, where they are slower"
    + _default("deterministic"),
)
