"""The classifier of a semi-supervised run: its TFLite file, and its comparison with Keras."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import tensorflow as tf

from kgan import saved_model
from kgan.inference import KerasGenerator
from kgan.inference.loading import CARD
from kgan.inference.runtimes import signature_runner
from kgan.priors import Uniform

from . import flatbuffer, tflite
from .formats import MAX_ERROR, Format

PLACE = pathlib.Path("tflite", "classifier_float32.tflite")


class Classifier:
    """What `parity.Reference` asks of a generator, of a classifier: images to probabilities.

    Args:
        generator: of a semi-supervised run.
    """

    def __init__(self, generator: KerasGenerator):
        self.generator = generator

    def inputs(self, count: int, seed: int) -> dict[str, tf.Tensor]:
        """Return `count` samples, and noise in the place of every other one."""
        drawn = self.generator.images(**self.generator.inputs(count, seed))
        shape = drawn.shape[1:]
        noise = tf.reshape(Uniform(shape.num_elements(), 0.0, 1.0).sample(count, seed), drawn.shape)
        samples = tf.reshape(tf.range(count) % 2 == 0, [-1, *[1] * shape.rank])
        return {"images": tf.where(samples, drawn, noise)}

    def images(self, images: tf.Tensor) -> tf.Tensor:
        """Return the probabilities of the classes."""
        return self.generator.probabilities(images)

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Return the probabilities of the classes."""
        return self.generator.probabilities(tf.constant(images)).numpy()

    def check_range(self, images: np.ndarray) -> None:
        """Do nothing: a softmax is in [0, 1]."""


def formats(chosen: Sequence[Format]) -> Iterator[Format]:
    """Yield the formats of a classifier beside those of its generator.

    A SavedModel holds both, so that it is not written again.
    """
    places = {kind.name: kind.place for kind in chosen}
    if "saved_model" in places:
        place = places["saved_model"]
        load: Callable[..., Callable[..., np.ndarray]] = _saved_model_function
        yield Format(
            "classify",
            place,
            saved_model.write,
            load,
            "max_absolute_error",
            MAX_ERROR["saved_model"],
        )
    if any(name.startswith("tflite") for name in places):
        limit = MAX_ERROR["none"]
        yield Format("tflite_classifier", PLACE, write, _lite, "max_absolute_error", limit)


def write(generator: KerasGenerator, path: pathlib.Path) -> None:
    """Write the classifier to the TFLite file `path`, in float32.

    Its signature `serving_default` maps `images`, float32 `[batch, height, width, channels]` in
    [0, 1], to `probabilities`, float32 `[batch, classes]`.

    Raises:
        ValueError: the classifier uses an operation that TFLite lacks.
    """
    model = tflite.convert(generator, saved_model.classify_function(generator), "none")
    flatbuffer.add_metadata(model, CARD, json.dumps(saved_model.card(generator)).encode())
    path.write_bytes(flatbuffer.pack(model))


def _lite(path: pathlib.Path) -> Callable[..., np.ndarray]:
    runner = signature_runner(path)
    return lambda images: runner(images=images)["probabilities"]


def _saved_model_function(path: pathlib.Path) -> Callable[..., np.ndarray]:
    model = tf.saved_model.load(str(path))

    def probabilities(images: np.ndarray) -> np.ndarray:
        # By way of `model`: a signature alone does not keep its variables alive.
        return model.signatures["classify"](images=tf.constant(images))["probabilities"].numpy()

    return probabilities
