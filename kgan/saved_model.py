"""Write a generator as a SavedModel, in the form that TensorFlow Serving and plain TensorFlow load.

```python
gan.export("model/1")                                                            # of a game
kgan.saved_model.write(kgan.inference.KerasGenerator(network, prior), "model/2")  # of a network
```

A SavedModel needs neither Keras nor kgan to run. Its inputs are checked inside the graph, so every
client sees the error.
"""

from __future__ import annotations

import json
import os
import pathlib
import tempfile
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import keras
import numpy as np
import tensorflow as tf

from kgan.inference import KerasGenerator
from kgan.inference.keras_generator import classifier_of, range_of
from kgan.inference.loading import CARD
from kgan.masks import masked
from kgan.priors import Prior
from kgan.utils.checks import one_of
from kgan.utils.types import JsonDict

__all__ = ["MAX_COUNT", "MODEL_NAME", "ExportedGame", "card", "classify_function", "write"]

MAX_COUNT = 1024
"""Most images that one call of `sample` makes; a client's mistake must not exhaust the memory."""
MODEL_NAME = "gan"
"""Name of the model in TensorFlow Serving's requests."""
WARMUP_FILE = "tf_serving_warmup_requests"
_OF_IMAGES = {"classify", "encode", "reconstruct"}  # signatures whose one input is `images`


def write(generator: KerasGenerator, path: str | os.PathLike[str]) -> None:
    """Write the generator to the directory `path`.

    Signatures:
        serving_default: `latents`, float32 `[batch, latent_dim]`, and, if the generator is
            conditional, `labels`, int32 `[batch]`, to `images`, float32
            `[batch, height, width, channels]` in [0, 1], or unscaled where the generator has no
            value range.
            A generator that takes images has `conditions`, float32 `[batch, ...]` in [0, 1], and
            no `latents` where it has none.
        translate: only of such a generator, in the place of the two below. `images`, float32
            `[batch, height, width, channels]` in [0, 1], to as many `images`. Their conditions are
            made as in training, where `config` records how; else they are the conditions. The
            latents are always the same.
        complete: beside `translate`, of a generator whose conditions have masks. `images`; `mask`,
            float32 `[batch, height, width, 1]`, 1 where a pixel is given, else 0; and, if the
            generator has latents, `seed`, int32 `[2]`. To as many `images`, whose hidden pixels are
            sampled.
        sample: `count`, int32 `[]`, `seed`, int32 `[2]`, and, if the generator is conditional,
            `labels`, int32 `[count]`, to as many `images`, the same for the same seed and labels in
            every process.
        sample_png: as `sample`, to `png_bytes`, string `[count]`, each a complete PNG file. It is
            left out where a PNG file cannot hold the images. TensorFlow Serving's REST API gives
            outputs of such a name in base 64.
        classify: only of a semi-supervised game. `images`, float32
            `[batch, height, width, channels]` in [0, 1], to `probabilities`, float32
            `[batch, classes]`.
        encode: only of a generator with an encoder (`kgan.variants.BiGAN`). `images`, as
            `serving_default` returns them, to `latents`, float32 `[batch, latent_dim]`.
        reconstruct: likewise, `images` to as many `images`, made of these latents.

    `assets.extra` gets requests that warm TensorFlow Serving up, and the card `kgan.json`: the
    run's own record and the fingerprint of the weights.

    Args:
        generator: the network and its prior.
        path: a new directory; TensorFlow Serving wants its name to be a version number.

    Raises:
        ValueError: the generator's images do not keep to its value range.
        tf.errors.InvalidArgumentError: (on calls of the SavedModel) `count` is not from 1 to
            `MAX_COUNT`, or `labels` are no classes or not as many as the images.
    """
    generator.check_range()
    path = pathlib.Path(path)
    signatures = _signatures(generator)
    tf.saved_model.save(generator.module(), str(path), signatures=signatures)
    extras = path / "assets.extra"
    extras.mkdir()
    given: Request = {name: value.numpy() for name, value in generator.inputs(1, 0).items()}
    labels = {"labels": given["labels"]} if "labels" in given else {}
    drawn: Request = {"count": np.int32(1), "seed": np.zeros(2, np.int32), **labels}
    requests = {name: given if name == "serving_default" else drawn for name in signatures}
    for name in _OF_IMAGES & set(signatures):
        requests[name] = {"images": np.zeros([1, *generator.image_shape], np.float32)}
    if generator.condition_shape is not None:
        requests["translate"] = {"images": np.zeros([1, *_translated(generator)], np.float32)}
        requests["complete"] = {
            name: np.zeros([1 if each is None else each for each in spec.shape], spec.dtype.name)
            for name, spec in _completed(generator).items()
        }
        requests = {name: requests[name] for name in signatures}
    _write_warmup(requests, extras / WARMUP_FILE)
    (extras / CARD).write_text(json.dumps(card(generator), indent=2) + "\n")


def card(generator: KerasGenerator) -> JsonDict:
    """Return what an exported file records of itself, so that `kgan.inference.load` knows it."""
    return {
        "fingerprint": generator.fingerprint(),
        "latent_dim": generator.latent_dim,
        "num_classes": generator.num_classes,
        "condition_shape": generator.condition_shape,
        "masked": generator.masked,
        "image_shape": generator.image_shape,
        "value_range": generator.value_range,
        "config": generator.config,
    }


class ExportedGame(keras.Model):
    """The method of `kgan.GAN` that gives the trained generator away."""

    # What `kgan.GAN` sets.
    generator: keras.Model
    prior: Prior
    value_range: tuple[float, float] | None
    averaged: Callable[[], Any]

    def export(
        self,
        filepath: str | os.PathLike[str],
        format: str = "tf_saved_model",
        verbose: bool | None = None,
    ) -> None:
        """Write the generator as a SavedModel, which runs without kgan and Keras.

        Its signatures are those of `kgan.saved_model.write`: `sample` draws what `GAN.sample` draws
        with the same seed, with the EMA weights if there are any, but rescaled to [0, 1].
        `save_run` and `kgan_export.export` make TFLite and ONNX files, compared with Keras.

        Args:
            filepath: the directory to write; a SavedModel there is replaced. TensorFlow Serving
                wants its name to be a version number.
            format: `"tf_saved_model"`.
            verbose: False for not printing where it was written.

        Raises:
            FileExistsError: something else is there.
            ValueError: the format is another one, or the samples leave the value range.

        Example:
            ```python
            gan.export("model/1")
            model = kgan.inference.load("model/1")
            images = model.sample(16, seed=0)  # gan.sample(16, seed=0) in [0, 1]
            ```
        """
        one_of("format", format, ("tf_saved_model",), "`kgan_export.export` writes others.")
        path = pathlib.Path(filepath).expanduser()
        if os.path.lexists(path) and not (path / "saved_model.pb").is_file():
            raise FileExistsError(
                f"Invalid value for argument `filepath`: expected a new directory or a SavedModel "
                f"to replace, and {path} is something else. Name another path."
            )
        if not self.built:
            self.build()
        config = {"prior": keras.saving.serialize_keras_object(self.prior)}
        trained = KerasGenerator(
            *(self.generator, self.prior, config, range_of(self)), classifier_of(self)
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        with (
            self.averaged(),
            tempfile.TemporaryDirectory(prefix=".export-", dir=path.parent) as stage,
        ):
            new, old = pathlib.Path(stage, "new"), pathlib.Path(stage, "old")
            write(trained, new)
            os.sync()
            if path.exists():
                os.replace(path, old)
            try:
                os.replace(new, path)
            except BaseException:
                if old.exists():  # it would go with the stage
                    os.replace(old, path)
                raise
        if verbose is not False:
            print(f"Written: {path}")


def _translated(generator: KerasGenerator) -> tuple[int, ...]:
    """Return the shape of one image that `translate` takes."""
    shape = generator.condition_shape if generator.condition is None else generator.image_shape
    return tuple(shape or ())


def _completed(generator: KerasGenerator) -> dict[str, tf.TensorSpec]:
    """Return the inputs of `complete`, by name."""
    height, width, channels = generator.image_shape
    specs = {
        "images": tf.TensorSpec([None, height, width, channels], tf.float32),
        "mask": tf.TensorSpec([None, height, width, 1], tf.float32),
    }
    if generator.latent_dim:
        specs["seed"] = tf.TensorSpec([2], tf.int32)
    return specs


def _of_translator(generator: KerasGenerator) -> dict[str, Callable[..., dict[str, tf.Tensor]]]:
    @tf.function(autograph=False)
    def generate(conditions: tf.Tensor, latents: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        return {"images": generator.images(latents, conditions=conditions)}

    @tf.function(autograph=False)
    def translate(images: tf.Tensor) -> dict[str, tf.Tensor]:
        condition = generator.condition
        given = images if condition is None else condition(images)
        inputs = {"conditions": given}
        if generator.latent_dim:
            inputs["latents"] = generator.prior.sample(tf.shape(images)[0], 0)
        return {"images": generator.images(**inputs)}

    @tf.function(autograph=False)
    def complete(
        images: tf.Tensor, mask: tf.Tensor, seed: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        given = mask >= 0.5
        inputs = {"conditions": masked(images, given)}
        if seed is not None:
            inputs["latents"] = generator.prior.sample(tf.shape(images)[0], seed)
        return {"images": tf.where(given, images, generator.images(**inputs))}

    images = tf.TensorSpec([None, *_translated(generator)], tf.float32)
    signatures = {
        "serving_default": generate.get_concrete_function(**generator.specs),
        "translate": translate.get_concrete_function(images),
    }
    if generator.masked:
        signatures["complete"] = complete.get_concrete_function(**_completed(generator))
    return signatures


def _signatures(generator: KerasGenerator) -> dict[str, Callable[..., dict[str, tf.Tensor]]]:
    if generator.condition_shape is not None:
        return _of_translator(generator)

    @tf.function(autograph=False)
    def generate(latents: tf.Tensor, labels: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        if labels is not None and generator.num_classes is not None:
            labels = _checked_labels(labels, latents, generator.num_classes)
        return {"images": generator.images(latents, labels)}

    @tf.function(autograph=False)
    def sample(
        count: tf.Tensor, seed: tf.Tensor, labels: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        return generate(generator.prior.sample(_checked_count(count), seed), labels)

    @tf.function(autograph=False)
    def sample_png(
        count: tf.Tensor, seed: tf.Tensor, labels: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        images = tf.clip_by_value(sample(count, seed, labels)["images"], 0.0, 1.0)
        return {"png_bytes": tf.io.encode_png(tf.cast(tf.round(255.0 * images), tf.uint8))}

    drawn = {
        "count": tf.TensorSpec([], tf.int32),
        "seed": tf.TensorSpec([2], tf.int32),
        **{name: spec for name, spec in generator.specs.items() if name == "labels"},
    }
    signatures = {
        "serving_default": generate.get_concrete_function(**generator.specs),
        "sample": sample.get_concrete_function(**drawn),
    }
    if generator.has_pictures:
        signatures["sample_png"] = sample_png.get_concrete_function(**drawn)
    if generator.classifier is not None:
        signatures["classify"] = classify_function(generator)
    return {**signatures, **_of_encoder(generator)}


def _of_encoder(generator: KerasGenerator) -> dict[str, Callable[..., dict[str, tf.Tensor]]]:
    if generator.encoder is None:
        return {}

    @tf.function(autograph=False)
    def encode(images: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"latents": generator.encode(images)}

    @tf.function(autograph=False)
    def reconstruct(images: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"images": generator.reconstruct(images)}

    images = tf.TensorSpec([None, *generator.image_shape], tf.float32)
    return {
        "encode": encode.get_concrete_function(images),
        "reconstruct": reconstruct.get_concrete_function(images),
    }


def classify_function(generator: KerasGenerator) -> Callable[..., dict[str, tf.Tensor]]:
    """Return the concrete function of the signature `classify`, of a generator's classifier."""

    @tf.function(autograph=False)
    def classify(images: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"probabilities": generator.probabilities(images)}

    shape = [None, *generator.image_shape]
    return classify.get_concrete_function(tf.TensorSpec(shape, tf.float32))


# Checks inside the graph


def _checked_count(count: tf.Tensor) -> tf.Tensor:
    """Return the int32 scalar `count`; the graph raises where it is not from 1 to `MAX_COUNT`."""
    expected = f"Invalid value for input `count`: expected 1 to {MAX_COUNT}, received"
    return _checked(count, (count >= 1) & (count <= MAX_COUNT), [expected, count])


def _checked_labels(labels: tf.Tensor, latents: tf.Tensor, num_classes: int) -> tf.Tensor:
    """Return the int32 `labels`.

    The graph raises where they are not as many as the latents, or not from 0 to num_classes - 1. A
    network may make zeros of these without an error.
    """
    expected = f"Invalid value for input `labels`: expected classes 0 to {num_classes - 1}, "
    labels = _checked(
        labels,
        tf.reduce_all((labels >= 0) & (labels < num_classes)),
        [expected + "received", labels],
    )
    return _checked(
        labels,
        tf.equal(tf.shape(labels)[0], tf.shape(latents)[0]),
        [
            "Invalid value for input `labels`: expected one for each image, received",
            *(tf.shape(labels)[0], "for", tf.shape(latents)[0]),
        ],
    )


def _checked(value: tf.Tensor, condition: tf.Tensor, message: list[str | tf.Tensor]) -> tf.Tensor:
    with tf.control_dependencies([tf.debugging.Assert(condition, message)]):
        return tf.identity(value)


# Requests that TensorFlow Serving plays when it loads a model, so that the first user does not wait
# for the first call. The file is a TFRecord of `PredictionLog` messages. Their Python classes come
# with tensorflow-serving-api, which needs gRPC. The messages hold little beside tensors, whose
# class TensorFlow has, so the wire format itself is written here.

Request: TypeAlias = Mapping[str, np.ndarray | np.integer]


def _write_warmup(requests: Mapping[str, Request], path: pathlib.Path) -> None:
    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature, inputs in requests.items():
            writer.write(_prediction_log(signature, inputs))


def _prediction_log(signature: str, inputs: Request) -> bytes:
    model_spec = _field(1, MODEL_NAME.encode()) + _field(3, signature.encode())
    request = _field(1, model_spec)
    for name, value in inputs.items():
        tensor = tf.make_tensor_proto(value).SerializeToString()
        request += _field(2, _field(1, name.encode()) + _field(2, tensor))  # an entry of the map
    predict_log = _field(1, request)
    return _field(6, predict_log)


def _field(number: int, payload: bytes) -> bytes:
    """A length-delimited field: its number and wire type 2, the length as varint, the payload."""
    length, head = len(payload), [number << 3 | 2]
    while length >= 128:
        head.append(length & 127 | 128)
        length >>= 7
    return bytes([*head, length]) + payload
