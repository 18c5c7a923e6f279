"""SavedModel, in the layout that TensorFlow Serving scans."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from . import warmup
from .checks import checked_count, checked_labels
from .generator import TrainedGenerator

CARD = "kgan.json"


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
    """Writes the generator to the directory `path`.

    Signatures:
        serving_default: `latents`, float32 `[batch, latent_dim]`, and, if the generator is
            conditional, `labels`, int32 `[batch]`, to `images`, float32
            `[batch, height, width, channels]` in [0, 1].
        sample: `count`, int32 `[]`, 1 to 1024, and `seed`, int32 `[2]`, to as many `images`, the
            same ones in every process. With classes, image i is of class i % num_classes.
        sample_png: the same inputs to `png`, string `[count]`, each a whole PNG file. It is left
            out where a PNG file cannot hold the images.

    `assets.extra` gets requests that warm TensorFlow Serving up, and the run's card: what it
    recorded of itself, and the fingerprint of the weights.
    """
    module = trained.module()

    @tf.function
    def generate(latents: tf.Tensor, labels: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        if labels is not None and trained.num_classes is not None:
            labels = checked_labels(labels, latents, trained.num_classes)
        return {"images": trained.images(latents, labels)}

    @tf.function
    def sample(count: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"images": trained.images(**trained.sample(checked_count(count), seed))}

    @tf.function
    def sample_png(count: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        images = tf.clip_by_value(sample(count, seed)["images"], 0.0, 1.0)
        return {"png": tf.io.encode_png(tf.cast(tf.round(255.0 * images), tf.uint8))}

    drawn = {
        "count": tf.TensorSpec([], tf.int32, name="count"),
        "seed": tf.TensorSpec([2], tf.int32, name="seed"),
    }
    signatures = {
        "serving_default": generate.get_concrete_function(**trained.specs),
        "sample": sample.get_concrete_function(**drawn),
    }
    if trained.makes_pictures:
        signatures["sample_png"] = sample_png.get_concrete_function(**drawn)
    tf.saved_model.save(module, str(path), signatures=signatures)
    _write_extras(trained, signatures, path / "assets.extra")


def _write_extras(
    trained: TrainedGenerator, signatures: dict[str, Callable], directory: pathlib.Path
) -> None:
    directory.mkdir()
    drawn = {"count": np.int32(1), "seed": np.zeros(2, np.int32)}
    given = {name: value.numpy() for name, value in trained.sample(1, 0).items()}
    requests = {name: given if name == "serving_default" else drawn for name in signatures}
    warmup.write(requests, directory)
    card = {
        "fingerprint": trained.fingerprint(),
        "latent_dim": trained.latent_dim,
        "num_classes": trained.num_classes,
        "image_shape": trained.image_shape,
        "config": trained.config,
    }
    (directory / CARD).write_text(json.dumps(card, indent=2) + "\n")


def load(path: pathlib.Path) -> Callable[..., np.ndarray]:
    """The function from latents, and labels, to images that the SavedModel at `path` computes."""
    model = tf.saved_model.load(str(path))

    def images(**inputs: np.ndarray) -> np.ndarray:
        # By way of `model`: a signature alone does not keep its variables alive.
        tensors = {name: tf.constant(value) for name, value in inputs.items()}
        return model.signatures["serving_default"](**tensors)["images"].numpy()

    return images
