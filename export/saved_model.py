"""SavedModel, in the layout that TensorFlow Serving scans."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from .generator import TrainedGenerator

TOLERANCE = 1e-6
"""Greatest absolute error against Keras: the same kernels run, though in fused order."""


def choose_version(directory: pathlib.Path, version: int | None) -> int:
    """The number under which a SavedModel may be written.

    Args:
        directory: the parent of all versions; it need not exist.
        version: the number wished for, or None for one more than the highest there is.

    Raises:
        FileExistsError: the version exists.
        ValueError: it is not a positive integer.
    """
    taken = [int(path.name) for path in directory.glob("*") if path.name.isdecimal()]
    if version is None:
        return max(taken, default=0) + 1
    if not isinstance(version, int) or version < 1:
        raise ValueError(
            "Invalid value for argument `version`: expected a positive integer, or none for one "
            f"more than the highest there is, received {version!r}."
        )
    if version in taken:
        raise FileExistsError(
            f"Version {version} exists in {directory} and is not overwritten. "
            f"Choose another, or leave --version out for {max(taken) + 1}."
        )
    return version


def write(trained: TrainedGenerator, path: pathlib.Path) -> None:
    """Writes the generator to the directory `path`, with two signatures.

    `serving_default` maps `latents`, float32 `[batch, latent_dim]`, to `images`, float32
    `[batch, height, width, channels]`. `sample` maps `count`, int32 `[]`, and `seed`, int32 `[2]`,
    to as many `images`, the same ones in every process.
    """
    count_spec = tf.TensorSpec([], tf.int32, name="count")
    seed_spec = tf.TensorSpec([2], tf.int32, name="seed")

    @tf.function(input_signature=[count_spec, seed_spec])
    def sample(count: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"images": trained.images(trained.prior.sample(count, seed))}

    module = trained.module()
    module.sample = sample
    signatures = {"serving_default": module.generate, "sample": module.sample}
    tf.saved_model.save(module, str(path), signatures=signatures)


def load(path: pathlib.Path) -> Callable[[np.ndarray], np.ndarray]:
    """The function from latents to images that the SavedModel at `path` computes."""
    model = tf.saved_model.load(str(path))

    def images(latents: np.ndarray) -> np.ndarray:
        # By way of `model`: a signature alone does not keep its variables alive.
        return model.signatures["serving_default"](latents=tf.constant(latents))["images"].numpy()

    return images
