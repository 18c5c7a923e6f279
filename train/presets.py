"""Named configurations: what a data set needs, written down once. An explicit flag beats them."""

from __future__ import annotations

from typing import Any

PRESETS: dict[str, dict[str, Any]] = {
    # The demonstration: scikit-learn's digits, no download, about two minutes on two cores.
    "digits_mlp": {
        "dataset": "digits",
        "network": "mlp",
        "width": 256,
        "prior": "normal",
        "latent_dim": 32,
        "batch_size": 64,
        "steps": 20000,
        "generator_learning_rate": 4e-4,
        "sample_every": 2000,
    },
    "digits_dcgan": {
        "dataset": "digits",
        "network": "dcgan",
        "prior": "normal",
        "latent_dim": 32,
        "batch_size": 64,
        "steps": 3000,
    },
    "mnist_mlp": {
        "dataset": "mnist",
        "network": "mlp",
        "prior": "uniform",
        "batch_size": 100,
        "epochs": 50,
        "sample_every": 600,
    },
    "mnist_dcgan": {
        "dataset": "mnist",
        "network": "dcgan",
        "prior": "normal",
        "batch_size": 64,
        "epochs": 20,
        "sample_every": 500,
    },
}
