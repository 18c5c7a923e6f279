"""The trained generator, as every format and the parity check see it."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import os
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kgan.artifacts import RunDirectory
from kgan.priors import Prior


@dataclasses.dataclass(frozen=True)
class TrainedGenerator:
    """A generator and the prior whose latent points it was trained on.

    Attributes:
        model: maps latents `[batch, latent_dim]` to images, or, if it declares `num_classes`, a
            list of latents and int32 labels `[batch]`. It may declare `latent_dim` and
            `value_range`; else the prior's size and (-1, 1) hold.
        prior: distribution of the latent points.
        config: what the run recorded of itself.
    """

    model: keras.Model
    prior: Prior
    config: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def latent_dim(self) -> int:
        """Size of a latent point."""
        return getattr(self.model, "latent_dim", self.prior.dim)

    @property
    def num_classes(self) -> int | None:
        """Number of classes; None for a generator without labels."""
        return getattr(self.model, "num_classes", None)

    @property
    def value_range(self) -> tuple[float, float] | None:
        """Lowest and highest value that the model makes; None for values without bounds."""
        return getattr(self.model, "value_range", (-1.0, 1.0))

    @functools.cached_property
    def image_shape(self) -> tuple[int, ...]:
        """Shape of one image, `(height, width, channels)`, or of one point, `(dim,)`."""
        images = tf.function(self.images).get_concrete_function(**self.specs)
        return tuple(images.structured_outputs.shape[1:])

    @property
    def makes_pictures(self) -> bool:
        """Whether a PNG file can hold the images: bounded values in 1 or 3 channels."""
        shape = self.image_shape
        return self.value_range is not None and len(shape) == 3 and shape[-1] in (1, 3)

    @property
    def specs(self) -> dict[str, tf.TensorSpec]:
        """The inputs by name: `latents`, and `labels` of a conditional generator."""
        specs = {"latents": tf.TensorSpec([None, self.latent_dim], tf.float32, name="latents")}
        if self.num_classes is not None:
            specs["labels"] = tf.TensorSpec([None], tf.int32, name="labels")
        return specs

    def sample(self, count: Any, seed: Any) -> dict[str, tf.Tensor]:
        """Inputs for `count` images, a pure function of both arguments.

        Args:
            count: how many, an int or an int32 scalar.
            seed: an int, or two integers `[2]`.

        Returns:
            `latents` drawn from the prior, and `labels`, where image i is of class
            i % num_classes.
        """
        inputs = {"latents": self.prior.sample(count, seed)}
        if self.num_classes is not None:
            inputs["labels"] = tf.range(count, dtype=tf.int32) % self.num_classes
        return inputs

    def images(self, latents: Any, labels: Any = None) -> tf.Tensor:
        """The images for `latents`, in inference mode.

        Args:
            latents: float32 `[batch, latent_dim]`.
            labels: int32 `[batch]`, for a conditional generator.

        Returns:
            float32 `[batch, height, width, channels]` in [0, 1], whatever the model's value range;
            the model's output itself where that range is None.
        """
        images = tf.cast(self.model(_joined(latents, labels), training=False), tf.float32)
        if self.value_range is None:
            return images
        low, high = self.value_range
        return (images - low) / (high - low)

    def predict(self, latents: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """What `keras.Model.predict` makes of all inputs in one batch, in the model's own range."""
        return self.model.predict(_joined(latents, labels), batch_size=len(latents), verbose=0)

    def module(self) -> tf.Module:
        """A module that holds the weights, for functions that are to be saved with them.

        Keras's own `ExportArchive` would store every weight twice.
        """
        module = tf.Module()
        module.state = [variable.value for variable in self.model.variables]
        return module

    def fingerprint(self) -> str:
        """SHA-256 over the shape, type and values of every weight, in the model's order."""
        digest = hashlib.sha256()
        for weight in self.model.get_weights():
            digest.update(f"{weight.shape}{weight.dtype.str}".encode())
            digest.update(weight.tobytes())
        return digest.hexdigest()


def _joined(latents: Any, labels: Any) -> Any:
    """The inputs as Keras models take them."""
    return latents if labels is None else [latents, labels]


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
            f"The prior in {run.config} cannot be read ({error_summary(error)}). "
            "Name a run of kgan-train."
        ) from error
    try:
        model = keras.saving.load_model(run.generator, compile=False)
    except Exception as error:
        raise ValueError(
            f"{run.generator} cannot be loaded ({error_summary(error)}). Either it is damaged, or "
            "a class that it needs is not registered with Keras: import the module that defines it and "
            "call `export` from Python."
        ) from error
    # What was trained in half precision ships in full: TFLite has no half precision operations.
    for layer in model._flatten_layers():
        if layer.compute_dtype != layer.variable_dtype:
            layer.dtype_policy = layer.variable_dtype
    return TrainedGenerator(model, prior, config)


def error_summary(error: Exception) -> str:
    """The kind of `error` and the first line of what it says; Keras and TFLite say a lot."""
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
