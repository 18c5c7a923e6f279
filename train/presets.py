"""Named configurations of datasets. An explicit flag overrides its preset.

docs/presets.md says what each costs.
"""

from __future__ import annotations

from kgan_cli.options import OptionValues

DIGITS: OptionValues = {
    "dataset": "digits",
    "prior": "normal",
    "latent_dim": 32,
    "batch_size": 64,
}
# The fully connected experiments of Goodfellow et al. 2014, by the authors' published
# configuration of MNIST: maxout, dropout, half the loss for D, momentum.
PAPER: OptionValues = {
    "network": "maxout",
    "prior": "uniform",
    "latent_dim": 100,
    "discriminator_weight": 0.5,
    "batch_size": 100,
    "optimizer": "sgd_2014",
    "generator_learning_rate": 0.1,
    "discriminator_learning_rate": 0.1,
    "sample_every": 1000,
    "checkpoint_every": 5000,
}
# After Radford et al. 2016 (arXiv 1511.06434, section 4): Adam at 2e-4 with beta_1 0.5.
DCGAN: OptionValues = {
    "network": "dcgan",
    "prior": "normal",
    "batch_size": 64,
}
STEADY: OptionValues = {
    "batch_size": 100,
    "beta_1": 0.0,
    "beta_2": 0.99,
    "generator_learning_rate": 5e-4,
    "discriminator_learning_rate": 5e-4,
    "ema_decay": 0.999,
    "sample_every": 1000,
}
# Of no paper: the objective of R3GAN for fully connected networks, with lazy penalties (arXiv
# 1912.04958, section 3.1).
SETTLED: OptionValues = {
    **STEADY,
    "dataset": "mnist",
    "value_range": "0,1",
    "loss": "relativistic_paired",
    "r1": 0.25,
    "r2": 0.25,
    "penalty_interval": 4,
    "steps_per_execution": 10,
}
MLP: OptionValues = {**SETTLED, "network": "mlp", "prior": "normal", "latent_dim": 32}
# After Huang et al. 2024 (arXiv 2501.05441): residual networks without normalisation, the
# relativistic loss with both penalties, an EMA of G. Smaller than theirs.
R3GAN: OptionValues = {
    "network": "resnet",
    "prior": "normal",
    "latent_dim": 64,
    "loss": "relativistic_paired",
    "batch_size": 64,
    "beta_1": 0.0,
    "beta_2": 0.99,
    "ema_decay": 0.999,
}
MNIST_R3GAN: OptionValues = {
    **R3GAN,
    "dataset": "mnist",
    "r1": 1.0,
    "r2": 1.0,
    "penalty_interval": 4,
    "generator_learning_rate": 5e-4,
    "discriminator_learning_rate": 5e-4,
}
# After experiments/modes.py, whose learning rates fall as well.
POINTS: OptionValues = {
    **STEADY,
    "network": "mlp",
    "width": 256,
    "prior": "normal",
    "latent_dim": 2,
    "r1": 0.1,
    "r2": 0.1,
    "jit_compile": True,
    "steps_per_execution": 100,
    "steps": 20_000,
}

# After Isola et al. 2017 (arXiv 1611.07004): U-Net, patches, L1 and Adam at 2e-4 with beta_1 0.5.
# Without latents: pix2pix ignores them (section 3.1).
PIX2PIX: OptionValues = {
    "dataset": "mnist",
    "network": "unet",
    "variant": "pix2pix",
    "width": 16,
    "latent_dim": 0,
    "batch_size": 32,
}

# After Salimans et al. 2016 (arXiv 1606.03498, section 6.1) and their published code, whose
# feature matching this is. The changes of images are not theirs (docs/few_labels.md).
SEMI_SUPERVISED: OptionValues = {
    "network": "weight_norm",
    "variant": "semi_supervised",
    "labelled_augmentation": True,
    "consistency_weight": 1.0,
    "value_range": "0,1",
    "prior": "uniform",
    "latent_dim": 100,
    "batch_size": 100,
    "generator_learning_rate": 3e-3,
    "discriminator_learning_rate": 3e-3,
    "epsilon": 1e-4,  # theirs is 1e-8 below the root
    "ema_decay": 0.9999,
    "sample_every": 1000,
    "checkpoint_every": 3000,
}

# Options that a preset leaves to the user: directories of pictures.
DIRECTORIES: dict[str, tuple[str, ...]] = {"emoji_pix2pix": ("dataset", "condition")}

PRESETS: dict[str, OptionValues] = {
    # The demonstration: scikit-learn's digits, no download, about two minutes on two cores.
    "digits_mlp": {
        **DIGITS,
        "network": "mlp",
        "width": 256,
        "steps": 20000,
        "steps_per_execution": 10,
        "generator_learning_rate": 4e-4,
        "sample_every": 2000,
    },
    # Without dense layers, as published, D has one convolution at 8x8 and two at 28x28: too weak.
    "digits_dcgan": {**DIGITS, "network": "dcgan", "dense_units": 256, "steps": 3000},
    "mnist_mlp": {**MLP, "steps": 30_000},
    "goodfellow2014_mnist": {
        **PAPER,
        "dataset": "mnist",
        "split": "train[:50000]",  # the rest was for validation
        "value_range": "0,1",
        "width": 1200,
        "epochs": 250,
    },
    # The networks and prior of goodfellow2014_mnist with another objective and optimizer.
    "mnist_maxout": {
        **SETTLED,
        "network": "maxout",
        "width": 1200,
        "dropout": False,
        "discriminator_initializer_range": 0.05,
        "prior": "uniform",
        "latent_dim": 100,
        "generator_learning_rate": 2e-4,
        "discriminator_learning_rate": 2e-4,
        "steps": 48_000,
    },
    # The networks of Radford et al. with the objective of mnist_r3gan; with their own, D wins.
    "mnist_dcgan": {
        **MNIST_R3GAN,
        "network": "dcgan",
        "dense_units": 256,
        "latent_dim": 100,
        "generator_learning_rate": 1e-3,
        "discriminator_learning_rate": 1e-3,
        "steps": 20_000,
    },
    "mnist_conditional": {**MLP, "conditional": True, "steps": 20_000},
    # After Odena et al. 2017 (arXiv 1610.09585): D names the class in the place of being given it.
    # With the paper's class weight of 1, all samples of a class became alike (docs/codes.md).
    "mnist_acgan": {
        **MLP,
        "conditional": True,
        "variant": "acgan",
        "class_weight": 0.2,
        "steps": 30_000,
    },
    # After Chen et al. 2016 (arXiv 1606.03657) and their published program, with half of the
    # channels, a quarter of the dense layers, and an augmentation and an EMA that they do not have.
    "mnist_infogan": {
        "dataset": "mnist",
        "network": "dcgan",
        "width": 32,
        "dense_units": 256,
        "categorical_augmentation": True,
        "ema_decay": 0.999,
        "variant": "infogan",
        "codes": "10,c,c",
        "prior": "uniform",
        "latent_dim": 74,
        "batch_size": 128,
        "generator_learning_rate": 1e-3,
        "steps": 7_500,
    },
    "stacked_mnist": {**MLP, "dataset": "stacked_mnist", "steps": 6_000},
    "mnist_r3gan": {**MNIST_R3GAN, "steps": 20000},
    # After Gulrajani et al. 2017 (arXiv 1704.00028, Algorithm 1), whose D has no normalisation.
    "mnist_wgan_gp": {
        "dataset": "mnist",
        "network": "mlp",
        "width": 512,
        "prior": "normal",
        "loss": "wasserstein",
        "gradient_penalty": 10.0,
        "discriminator_steps": 5,
        "batch_size": 64,
        "beta_1": 0.0,
        "beta_2": 0.9,
        "generator_learning_rate": 1e-4,
        "discriminator_learning_rate": 1e-4,
        "steps": 20000,
    },
    "cifar10_fc": {**PAPER, "dataset": "cifar10", "width": 2000, "epochs": 250},
    "cifar10_dcgan": {**DCGAN, "dataset": "cifar10", "epochs": 50},
    "cifar10_r3gan": {**R3GAN, "dataset": "cifar10", "r1": 0.05, "r2": 0.05, "steps": 100_000},
    "edges_to_digits": {**PIX2PIX, "condition": "edges", "steps": 10_000},
    "digits_x4": {**PIX2PIX, "condition": "low_resolution", "steps": 10_000},
    "fill_in": {**PIX2PIX, "condition": "masked_half", "latent_dim": 8, "steps": 10_000},
    # One network for every mask (Goodfellow et al. 2014, section 6).
    "mnist_any_conditional": {
        **PIX2PIX,
        "variant": "any_conditional",
        "condition": "masked_any",
        "prior": "normal",
        "latent_dim": 32,
        "steps": 10_000,
    },
    # Emoji of one vendor from those of another. A file name begins with the code of the base emoji,
    # so that its variants of skin and hair stay together.
    "emoji_pix2pix": {
        **{name: value for name, value in PIX2PIX.items() if name != "dataset"},
        "image_size": 64,
        "group_by": "-",
        "steps": 6_000,
    },
    "next_frame": {
        **PIX2PIX,
        "dataset": "bouncing_mnist",
        "condition": "previous_frames",
        "steps": 8_000,
    },
    # After Zhu et al. 2017 (arXiv 1703.10593), with U-Nets. No digit comes with its own outlines.
    # Without the identity term, which would keep outlines as they are. The paper's cycle weight of
    # 10 held one seed of three where the wrong side of the outlines was filled.
    "digits_cyclegan": {
        **PIX2PIX,
        "variant": "cyclegan",
        "cycle_weight": 2.0,
        "identity_weight": 0.0,
        "loss": "least_squares",
        "split": "train[:50%]",
        "split_y": "train[50%:]",
        "condition": "edges",
        "steps": 10_000,
    },
    "mnist_semi_supervised": {**SEMI_SUPERVISED, "dataset": "mnist", "epochs": 25},
    "digits_semi_supervised": {
        **SEMI_SUPERVISED,
        "dataset": "digits",
        "width": 256,
        "ema_decay": 0.999,
        "steps": 3_000,
        "steps_per_execution": 10,
    },
    # After Donahue et al. 2017 (arXiv 1605.09782), whose latents are uniform and 50-dimensional,
    # with the objective of mnist_mlp.
    "mnist_bigan": {
        **SETTLED,
        "variant": "bigan",
        "network": "mlp",
        "prior": "uniform",
        "latent_dim": 50,
        "steps": 30_000,
    },
    "ring": {**POINTS, "dataset": "ring"},
    "grid": {**POINTS, "dataset": "grid"},
}
