"""What a run makes of images, compared with Keras: classes, latents, and images of these."""

from __future__ import annotations

import functools
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
from .formats import MAX_ERROR, Format, Load

CLASSIFIER = pathlib.Path("tflite", "classifier_float32.tflite")
# The signatures of a SavedModel that take images, and the output of each.
OUTPUTS = {"classify": "probabilities", "encode": "latents", "reconstruct": "images"}


class OfImages:
    """What `parity.Reference` asks of a generator, of another function: images to arrays.

    Args:
        generator: of a semi-supervised run or of one with an encoder.
        signature: one of `signatures(generator)`.
    """

    def __init__(self, generator: KerasGenerator, signature: str):
        self.generator = generator
        functions = {
            "classify": generator.probabilities,
            "encode": generator.encode,
            "reconstruct": generator.reconstruct,
        }
        self._function = functions[signature]

    def inputs(self, count: int, seed: int) -> dict[str, tf.Tensor]:
        """Return `count` samples, and noise in the place of every other one."""
        drawn = self.generator.images(**self.generator.inputs(count, seed))
        shape = drawn.shape[1:]
        noise = tf.reshape(Uniform(shape.num_elements(), 0.0, 1.0).sample(count, seed), drawn.shape)
        samples = tf.reshape(tf.range(count) % 2 == 0, [-1, *[1] * shape.rank])
        return {"images": tf.where(samples, drawn, noise)}

    def images(self, images: tf.Tensor) -> tf.Tensor:
        """Return what the function makes of images."""
        return self._function(images)

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Return what the function makes of images."""
        return self._function(tf.constant(images)).numpy()

    def check_range(self, images: np.ndarray) -> None:
        """Do nothing: no image is made, or one of the generator's, which was checked."""


def signatures(generator: KerasGenerator) -> list[str]:
    """Return the names of the functions of images that a generator comes with."""
    of_classes = ["classify"] if generator.classifier is not None else []
    return of_classes + (["encode", "reconstruct"] if generator.encoder is not None else [])


def formats(signature: str, chosen: Sequence[Format]) -> Iterator[Format]:
    """Yield the formats of a function of images beside those of its generator.

    A SavedModel holds all, so that it is not written again.
    """
    places, measure = {kind.name: kind.place for kind in chosen}, "max_absolute_error"
    if "saved_model" in places:
        load: Load = functools.partial(_saved_model_function, signature)
        limit = MAX_ERROR["saved_model"]
        yield Format(signature, places["saved_model"], saved_model.write, load, measure, limit)
    if signature == "classify" and any(name.startswith("tflite") for name in places):
        limit = MAX_ERROR["none"]
        yield Format("tflite_classifier", CLASSIFIER, write_classifier, _lite, measure, limit)


def write_classifier(generator: KerasGenerator, path: pathlib.Path) -> None:
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


def _saved_model_function(signature: str, path: pathlib.Path) -> Callable[..., np.ndarray]:
    model = tf.saved_model.load(str(path))

    def function(images: np.ndarray) -> np.ndarray:
        # By way of `model`: a signature alone does not keep its variables alive.
        outputs = model.signatures[signature](images=tf.constant(images))
        return outputs[OUTPUTS[signature]].numpy()

    return function
