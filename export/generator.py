"""The trained generator, as every format and the parity check see it."""

from __future__ import annotations

import dataclasses
import os
from typing import Any

import keras
import tensorflow as tf

from kgan.artifacts import RunDirectory
from kgan.priors import Prior


@dataclasses.dataclass(frozen=True)
class TrainedGenerator:
    """A generator and the prior whose latent points it was trained on.

    Attributes:
        model: maps latents `[batch, latent_dim]` to images. It may declare `latent_dim` and
            `value_range`; else the prior's size and (-1, 1) hold.
        prior: distribution of the latent points.
    """

    model: keras.Model
    prior: Prior

    @property
    def latent_dim(self) -> int:
        """Size of a latent point."""
        return getattr(self.model, "latent_dim", self.prior.dim)

    def images(self, latents: Any) -> tf.Tensor:
        """The images for `latents`, in inference mode.

        Args:
            latents: float32 `[batch, latent_dim]`.

        Returns:
            float32 `[batch, height, width, channels]` in [0, 1], whatever the model's value range;
            the model's output itself where that range is None.
        """
        images = tf.cast(self.model(latents, training=False), tf.float32)
        value_range = getattr(self.model, "value_range", (-1.0, 1.0))
        if value_range is None:
            return images
        low, high = value_range
        return (images - low) / (high - low)

    def module(self) -> tf.Module:
        """The generator without Keras: the variables, and `generate` from `latents` to `images`.

        Keras's own `ExportArchive` would store every weight twice.
        """
        latents_spec = tf.TensorSpec([None, self.latent_dim], tf.float32, name="latents")

        @tf.function(input_signature=[latents_spec])
        def generate(latents: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"images": self.images(latents)}

        module = tf.Module()
        module.state = [variable.value for variable in self.model.variables]
        module.generate = generate
        return module


def read(run_dir: str | os.PathLike[str]) -> TrainedGenerator:
    """The generator that a training run left, set to compute in the precision of its weights.

    Args:
        run_dir: the run directory.

    Raises:
        FileNotFoundError: there is no run, or it has not finished.
        ValueError: a file of it is damaged, or made by a class that is not registered.
    """
    run = RunDirectory(run_dir)
    config = run.read_config()
    if not run.generator.exists():
        raise FileNotFoundError(
            f"There is no finished generator: {run.generator} does not exist; "
            f"train first (kgan-train --run_dir={run.path})."
        )
    try:
        prior = keras.saving.deserialize_keras_object(config["prior"])
    except Exception as error:
        raise ValueError(
            f"The prior in {run.config} cannot be read ({gist(error)}). Name a run of kgan-train."
        ) from error
    try:
        model = keras.saving.load_model(run.generator, compile=False)
    except Exception as error:
        raise ValueError(
            f"{run.generator} cannot be loaded ({gist(error)}). Either it is damaged, or a class "
            "that it needs is not registered with Keras: import the module that defines it and "
            "call `export` from Python."
        ) from error
    # What was trained in half precision ships in full: TFLite has no half precision operations.
    for layer in model._flatten_layers():
        if layer.compute_dtype != layer.variable_dtype:
            layer.dtype_policy = layer.variable_dtype
    return TrainedGenerator(model, prior)


def gist(error: Exception) -> str:
    """The kind of `error` and the first line of what it says; Keras and TFLite say a lot."""
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
