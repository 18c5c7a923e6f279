"""Features of any network one names, and the extractor of a name."""

from __future__ import annotations

import hashlib
import os
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kgan.metrics.extractor import Extractor, Pixels, fingerprint
from kgan.metrics.random_features import RandomConvolutional

__all__ = ["ModelFeatures", "load_features"]


class ModelFeatures(Extractor):
    """The output of a network one names: a Keras model, its `.keras` file, or a SavedModel.

    Images are resized (bilinear, antialiased) to what the network takes, and grey ones become RGB
    where it takes three channels. An output `[n, height, width, d]` is averaged over the image.

    The fingerprint is of the file or files. That of a model in memory is of its configuration,
    layer names included, and its weights: build it the same way, or save it and name the file.

    Example:
        ```python
        # Inception-v3, as the published scores use it but with Keras's weights.
        keras.applications.InceptionV3(include_top=False, pooling="avg").save("inception.keras")
        features = ModelFeatures("inception.keras", input_size=(299, 299), value_range=(-1, 1))
        ```

    Args:
        model: a `keras.Model`, the path of a `.keras` file, or a directory with a SavedModel whose
            signature `serving_default` has one input and one output.
        input_size: (height, width) to resize to; None means the size that the model declares or,
            where it declares none, that of the images.
        value_range: what the model takes for black and white.

    Raises:
        ValueError: there is no such model, or it does not map images to features.
    """

    def __init__(
        self,
        model: keras.Model | str | os.PathLike[str],
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
        self._size = tuple(shape[1:3]) if input_size is None else tuple(input_size)
        self._channels = shape[-1]
        self._range = tuple(map(float, value_range))
        self.shapes = [(None, None, self._channels)]
        if self._channels == 3:
            self.shapes.append((None, None, 1))
        self.fingerprint = fingerprint([content, self._size, self._range])
        self._network = tf.function(self._apply, reduce_retracing=True)

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


def _open(model: Any) -> tuple[str, Callable[[tf.Tensor], tf.Tensor], Sequence[Any], str]:
    """Name, function, input shape and hash of the content of a model or of what a path holds."""
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
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        return path.stem, _inference(loaded), _input_shape(loaded), content
    raise ValueError(
        "Invalid value for argument `model`: expected a Keras model, the path of a .keras file or "
        f"a directory that holds a saved_model.pb, received {str(model)!r}."
    )


def _inference(model: keras.Model) -> Callable[[tf.Tensor], tf.Tensor]:
    return lambda images: model(images, training=False)


def _input_shape(model: keras.Model) -> Sequence[Any]:
    return getattr(model, "input_shape", ())  # a subclassed model declares none


def _saved_model(path: pathlib.Path) -> tuple[Callable[[tf.Tensor], tf.Tensor], Sequence[Any], str]:
    loaded = tf.saved_model.load(str(path))
    signature = loaded.signatures.get("serving_default")
    inputs = signature.structured_input_signature[1] if signature else {}
    if len(inputs) != 1 or len(signature.structured_outputs) != 1:
        raise ValueError(
            "Invalid value for argument `model`: expected a SavedModel whose signature "
            f"'serving_default' has one input and one output; {path} has none such."
        )
    ((key, spec),) = inputs.items()
    digest = hashlib.sha256()
    for file in sorted(file for file in path.rglob("*") if file.is_file()):
        digest.update(file.relative_to(path).as_posix().encode())
        digest.update(file.read_bytes())

    def call(images: tf.Tensor) -> tf.Tensor:
        (output,) = loaded.signatures["serving_default"](**{key: images}).values()  # keeps `loaded`
        return output

    return call, spec.shape.as_list() if spec.shape.rank else (), digest.hexdigest()


def load_features(
    source: str | os.PathLike[str],
    image_shape: Sequence[int],
    input_size: tuple[int, int] | None = None,
    value_range: tuple[float, float] = (0.0, 1.0),
) -> Extractor:
    """The extractor of a name or path.

    Args:
        source: `"pixels"`, `"random"`, or the path of a model (`ModelFeatures`).
        image_shape: (height, width, channels) of the images.
        input_size: as `ModelFeatures` has it; the other two have no use for it.
        value_range: the same.

    Raises:
        ValueError: the source is neither, or does not fit the images.
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
