"""Features from the output of a given network, and extractors by name."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Callable, Sequence
from typing import TypeAlias

import keras
import numpy as np
import tensorflow as tf

from kgan.metrics.extractor import Extractor, Pixels, fingerprint
from kgan.metrics.random_features import RandomConvolutional
from kgan.utils.checks import bounds, positive_integer
from kgan.utils.digests import digest

__all__ = ["ModelFeatures", "load_features"]

Model: TypeAlias = keras.Model | str | os.PathLike[str]
Network: TypeAlias = Callable[[tf.Tensor], tf.Tensor]
Shape: TypeAlias = Sequence[int | None]


class ModelFeatures(Extractor):
    """Features from the output of a Keras model, a `.keras` file or a SavedModel.

    Images are resized (bilinear, antialiased) to the input size of the network. Grey images become
    RGB if it takes three channels. An output `[n, height, width, d]` is averaged over the image.

    The fingerprint is that of the file or files. For a model in memory it is that of its
    configuration, layer names included, and its weights.

    Example:
        ```python
        # Inception-v3, as in published scores but with Keras's weights.
        keras.applications.InceptionV3(include_top=False, pooling="avg").save("inception.keras")
        features = ModelFeatures("inception.keras", input_size=(299, 299), value_range=(-1, 1))
        ```

    Args:
        model: a `keras.Model`, the path of a `.keras` file, or a directory with a SavedModel whose
            signature `serving_default` has one input and one output.
        input_size: (height, width) to resize to; None means the size that the model declares or,
            if it declares none, that of the images.
        value_range: (low, high), the pixel value range of the model's input.

    Raises:
        ValueError: no such model, one that does not map images to features, or no such size or
            range.
    """

    def __init__(
        self,
        model: Model,
        input_size: tuple[int, int] | None = None,
        value_range: tuple[float, float] = (0.0, 1.0),
    ):
        self.name, self._model, shape, content = _open(model)
        if len(shape) != 4 or shape[-1] not in (None, 1, 3):
            raise ValueError(
                "Invalid value for argument `model`: expected a network whose declared input is "
                f"images [n, height, width, 1 or 3], received one of shape {shape}. Wrap it in a "
                "functional `keras.Model`."
            )
        self._size: Shape = tuple(shape[1:3]) if input_size is None else _sides(input_size)
        self._channels = shape[-1]
        self._range = bounds("value_range", value_range) or (0.0, 1.0)
        self.shapes = [(None, None, self._channels)]
        if self._channels == 3:
            self.shapes.append((None, None, 1))
        self.fingerprint = fingerprint([content, self._size, self._range])
        self._network = tf.function(self._apply, reduce_retracing=True, autograph=False)

    def _extract(self, images: np.ndarray) -> np.ndarray:
        return self._network(images).numpy()

    def _apply(self, images: tf.Tensor) -> tf.Tensor:
        low, high = self._range
        if None not in self._size:
            images = tf.image.resize(images, self._size, antialias=True)
        if self._channels == 3 and images.shape[-1] == 1:
            images = tf.image.grayscale_to_rgb(images)
        features = tf.cast(self._model(low + (high - low) * images), tf.float32)
        if features.shape.rank == 4:
            features = tf.reduce_mean(features, axis=(1, 2))
        if features.shape.rank != 2:
            raise ValueError(
                "Invalid value for argument `model`: expected an output of shape [n, d] or "
                f"[n, height, width, d], received {features.shape}."
            )
        return features


def _sides(input_size: Sequence[int]) -> Shape:
    if np.shape(input_size) != (2,):
        raise ValueError(
            "Invalid value for argument `input_size`: expected (height, width), received "
            f"{input_size!r}."
        )
    return tuple(positive_integer("input_size", side) for side in input_size)


def _open(model: Model) -> tuple[str, Network, Shape, str]:
    """Return the name, function, input shape and content digest of a model or a path."""
    if isinstance(model, keras.Model):
        description = keras.saving.serialize_keras_object(model)
        description.pop("compile_config", None)
        content = fingerprint(description, model.get_weights())
        return model.name, _inference(model), _input_shape(model), content
    path = pathlib.Path(model)
    if path.is_dir() and (path / "saved_model.pb").exists():
        return path.name, *_saved_model(path)
    if path.is_file() and path.suffix == ".keras":
        loaded = keras.models.load_model(path, compile=False)
        content = digest([path.read_bytes()], 64)
        return path.stem, _inference(loaded), _input_shape(loaded), content
    raise ValueError(
        "Invalid value for argument `model`: expected a Keras model, the path of a .keras file or "
        f"a directory that holds a saved_model.pb, received {str(model)!r}."
    )


def _inference(model: keras.Model) -> Network:
    return lambda images: model(images, training=False)


def _input_shape(model: keras.Model) -> Shape:
    return getattr(model, "input_shape", ())  # a subclassed model declares none


def _saved_model(path: pathlib.Path) -> tuple[Network, Shape, str]:
    loaded = tf.saved_model.load(str(path))
    signature = loaded.signatures.get("serving_default")
    inputs = signature.structured_input_signature[1] if signature else {}
    if len(inputs) != 1 or len(signature.structured_outputs) != 1:
        raise ValueError(
            "Invalid value for argument `model`: expected a SavedModel whose signature "
            f"'serving_default' has one input and one output; {path} has none such."
        )
    ((key, spec),) = inputs.items()
    files = sorted(file for file in path.rglob("*") if file.is_file())
    content = digest(
        (part for f in files for part in (f.relative_to(path).as_posix(), f.read_bytes())), 64
    )

    def call(images: tf.Tensor) -> tf.Tensor:
        (output,) = loaded.signatures["serving_default"](**{key: images}).values()  # keeps `loaded`
        return output

    return call, spec.shape.as_list() if spec.shape.rank else (), content


def load_features(
    source: str | os.PathLike[str],
    image_shape: Sequence[int],
    input_size: tuple[int, int] | None = None,
    value_range: tuple[float, float] = (0.0, 1.0),
) -> Extractor:
    """Return the extractor of a name or path.

    Args:
        source: `"pixels"`, `"random"`, or the path of a model (`ModelFeatures`).
        image_shape: (height, width, channels) of the images.
        input_size: as for `ModelFeatures`; ignored by the other two.
        value_range: the same.

    Raises:
        ValueError: an unknown source, or one that does not fit the images.

    Example:
        ```python
        features = kgan.metrics.load_features("random", (28, 28, 1))
        ```
    """
    if source == "pixels":
        return Pixels()
    if source == "random":
        return RandomConvolutional(image_shape)
    if not pathlib.Path(source).exists():
        raise ValueError(
            "Invalid value for argument `source`: expected 'pixels', 'random', or the path of a "
            f".keras file or of a SavedModel directory, received {str(source)!r}."
        )
    return ModelFeatures(source, input_size, value_range)
