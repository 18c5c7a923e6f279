"""A small classifier trained on a data set's labels, for features, classes and modes."""

from __future__ import annotations

import os
import pathlib
import zipfile
from typing import TypeAlias

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from kgan.metrics.extractor import Extractor, Images, checked_images, fingerprint
from kgan.utils.atomic_write import atomic_write
from kgan.utils.types import JsonDict

__all__ = ["Classifier"]

Labelled: TypeAlias = tuple[npt.ArrayLike, npt.ArrayLike]  # images and labels

# Part of the name of a cached classifier: a change of any value invalidates all caches.
RECIPE: JsonDict = {
    "network": "3x3 convolutions of 32, 64, ... with ReLU and 2x2 maxima, down to 8 pixels; 128",
    "dropout": 0.3,
    "batch": 128,
    "steps": 1500,  # or three epochs, where that is more
    "learning_rate": 2e-3,  # of Adam, along a cosine to 0
    "shift": 1,  # pixels, in each direction
}


class Classifier(Extractor):
    """A convolutional classifier whose features are the outputs of its last hidden layer.

    Make one with `train` or `load_or_train`. Training takes 1,500 batches, about 65 s on one core
    for MNIST. Test accuracy is 99.25% to 99.29% on MNIST (three seeds) and 97.5% to 98.6% on
    `digits` (five seeds).

    Args:
        model: from images float32 `[n, height, width, channels]` to logits `[n, num_classes]`,
            with a layer named `features`.
        test: images and labels outside the training set.

    Attributes:
        name: `"classifier"`.
        fingerprint: 16 hexadecimal digits of the recipe and the weights.
        num_classes: number of classes.
        accuracy: accuracy on the test images, in [0, 1].

    Example:
        ```python
        pixels = (images + 1) / 2  # in [0, 1]
        classifier = kgan.metrics.Classifier.train((pixels, labels), test=(pixels, labels))
        classes = classifier.labels(pixels)
        ```
    """

    def __init__(self, model: keras.Model, test: Labelled):
        self.name = "classifier"
        self.num_classes = model.output_shape[-1]
        self.shapes = [tuple(model.input_shape[1:])]
        self.fingerprint = fingerprint(RECIPE, model.get_weights())
        self.model = model
        outputs = [model.get_layer("features").output, model.output]
        both = keras.Model(model.inputs, outputs)
        signature = [tf.TensorSpec([None, *self.shapes[0]], tf.float32)]
        self._outputs = tf.function(
            lambda images: both(images, training=False), signature, autograph=False
        )
        images, labels = _checked("test", test)
        self.accuracy = float(np.mean(self.labels(images) == labels))

    @classmethod
    def train(
        cls, training: Labelled, test: Labelled, seed: int = 0, progress: bool = False
    ) -> Classifier:
        """Train a classifier; on one machine the same data and seed give the same weights.

        Args:
            training: floats `[n, height, width, channels]` in [0, 1], and their labels, integers
                `[n]` from 0 on.
            test: images and labels outside the training set.
            seed: of the weights, the order, the shifts and the dropout.
            progress: whether to show a progress bar.

        Raises:
            ValueError: images or labels are invalid.
        """
        images, labels = _checked("training", training)
        model = _network(images.shape[1:], int(labels.max()) + 1, seed)
        steps = max(RECIPE["steps"], 3 * len(images) // RECIPE["batch"])
        schedule = keras.optimizers.schedules.CosineDecay(RECIPE["learning_rate"], steps)
        model.compile(
            keras.optimizers.Adam(schedule),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
            steps_per_execution=10,
        )
        model.fit(_batches(images, labels, steps, seed), shuffle=False, verbose=int(progress))
        return cls(model, test)

    @classmethod
    def load_or_train(
        cls,
        directory: str | os.PathLike[str],
        training: Labelled,
        test: Labelled,
        seed: int = 0,
        progress: bool = False,
    ) -> Classifier:
        """Load a classifier from a cache, or train it and save it there.

        The file's name holds a digest of the recipe, the seed and the training data.

        Args:
            directory: the cache; created if absent.
            training: as for `train`.
            test: as for `train`; the accuracy is measured on each call.
            seed: as for `train`.
            progress: whether to show a progress bar while training.

        Raises:
            ValueError: images or labels are invalid, or the file is damaged.
        """
        key = fingerprint([RECIPE, seed], _checked("training", training))
        path = pathlib.Path(directory) / f"classifier-{key}.keras"
        if path.exists():
            return cls(_loaded(path), test)
        classifier = cls.train(training, test, seed, progress)
        with atomic_write(path) as partial:
            classifier.model.save(partial)
        return classifier

    def probabilities(self, images: Images) -> np.ndarray:
        """Return class probabilities, float32 `[n, num_classes]`, of images as in `__call__`."""
        batches = [tf.nn.softmax(self._outputs(batch)[1]) for batch in self._batches(images)]
        return np.concatenate(batches)

    def labels(self, images: Images) -> np.ndarray:
        """Return the most probable class of each image, int64 `[n]`."""
        return self.probabilities(images).argmax(axis=1)

    def _extract(self, images: np.ndarray) -> np.ndarray:
        return self._outputs(images)[0].numpy()


def _loaded(path: pathlib.Path) -> keras.Model:
    try:
        return keras.models.load_model(path, compile=False)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is damaged or no classifier. Delete it.") from error


def _network(image_shape: tuple[int, ...], num_classes: int, seed: int) -> keras.Model:
    seeds = iter(np.random.SeedSequence(seed).generate_state(64).tolist())

    def weights() -> JsonDict:
        return {
            "kernel_initializer": keras.initializers.HeNormal(next(seeds)),
            "dtype": "float32",
        }

    x = inputs = keras.Input(image_shape, name="images", dtype="float32")
    filters = 32
    while filters == 32 or max(x.shape[1:3]) > 8:
        x = keras.layers.Conv2D(filters, 3, padding="same", activation="relu", **weights())(x)
        x = keras.layers.MaxPooling2D(padding="same", dtype="float32")(x)
        filters *= 2
    x = keras.layers.Flatten(dtype="float32")(x)
    x = keras.layers.Dense(128, activation="relu", name="features", **weights())(x)
    x = keras.layers.Dropout(RECIPE["dropout"], seed=next(seeds), dtype="float32")(x)
    logits = keras.layers.Dense(num_classes, name="logits", **weights())(x)
    return keras.Model(inputs, logits, name="classifier")


def _batches(images: np.ndarray, labels: np.ndarray, steps: int, seed: int) -> tf.data.Dataset:
    """Return shuffled batches of images, each randomly shifted over a border of zeros."""
    n, height, width, _ = images.shape
    size, shift = RECIPE["batch"], RECIPE["shift"]
    rng = np.random.default_rng(seed)
    epochs = -(-steps * size // n)
    order = np.concatenate([rng.permutation(n) for _ in range(epochs)])[: steps * size]
    places = rng.integers(2 * shift + 1, size=(steps, size, 2))
    with tf.device("CPU"):  # tf.data runs there
        bordered = tf.constant(np.pad(images, [(0, 0), (shift,) * 2, (shift,) * 2, (0, 0)]))
        labels = tf.constant(labels)

    @tf.autograph.experimental.do_not_convert
    def batch(rows: tf.Tensor, place: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        x = tf.gather(bordered, rows)
        down, right = place[:, 0, None], place[:, 1, None]
        x = tf.gather(x, down + tf.range(height, dtype=tf.int64), axis=1, batch_dims=1)
        x = tf.gather(x, right + tf.range(width, dtype=tf.int64), axis=2, batch_dims=1)
        return x, tf.gather(labels, rows)

    numbers = tf.data.Dataset.from_tensor_slices((order.reshape(steps, size), places))
    return numbers.map(batch, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def _checked(name: str, labelled: Labelled) -> tuple[np.ndarray, np.ndarray]:
    images = checked_images(name, labelled[0], [(None, None, None)])
    labels = np.asarray(labelled[1])
    if labels.dtype.kind not in "iu" or labels.shape != images.shape[:1] or labels.min() < 0:
        raise ValueError(
            f"Invalid value for argument `{name}`: expected labels that are integers from 0 on of "
            f"shape [{len(images)}], one for each image, received {labels.dtype} of shape "
            f"{labels.shape}."
        )
    return images, labels.astype(np.int64)
