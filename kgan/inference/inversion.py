"""Search for the latents of given images: the inverse of any differentiable generator.

```python
generator = kgan.inference.load("runs/digits")
found = kgan.inference.invert(generator, images)  # float32 [n, height, width, channels] in [0, 1]
```
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from kgan.inference.generator import Generator
from kgan.inference.keras_generator import KerasGenerator
from kgan.priors import Prior, Uniform
from kgan.utils.checks import number, positive_integer

__all__ = ["Inversion", "invert"]

_ROWS = 512  # latents that are moved together
# Of Adam (Kingma and Ba 2015, arXiv 1412.6980, Algorithm 1).
_BETA_1, _BETA_2, _EPSILON = 0.9, 0.999, 1e-8


@dataclasses.dataclass(frozen=True)
class Inversion:
    """The latents found for some images.

    Attributes:
        latents: float32 `[n, latent_dim]`.
        images: float32 `[n, ...]`, what the generator makes of them.
        errors: float64 `[n]`, mean squared error of each image, over its pixels.
        start_errors: float64 `[n]`, that of the best start: of the encoder's latents, where there
            is an encoder.
        encoded: whether the search began at an encoder's latents.
    """

    latents: np.ndarray
    images: np.ndarray
    errors: np.ndarray
    start_errors: np.ndarray
    encoded: bool


def invert(
    generator: Generator,
    images: npt.ArrayLike,
    steps: int = 300,
    starts: int = 4,
    learning_rate: float = 0.1,
    seed: int = 0,
    labels: npt.ArrayLike | None = None,
    progress: Callable[[int], object] | None = None,
) -> Inversion:
    """Search for latents z of each image x by Adam on the mean squared error of G(z).

    The search begins at the encoder's latents, where the generator has an encoder, else at several
    draws from the prior, and keeps the best point that it sees. The learning rate falls linearly to
    0. Latents of a uniform prior stay within its ends. Each image is searched for by itself: the
    others change nothing.

    Args:
        generator: what `kgan.inference.load` read from a run or a `.keras` file. Exported files
            have no gradients.
        images: `[n, *image_shape]` in [0, 1], or points.
        steps: updates of each latent point.
        starts: draws from the prior that each search begins at, without an encoder.
        learning_rate: Adam's at the start, in units of the prior's standard deviation where that is
            normal or uniform.
        seed: of these draws.
        labels: `[n]`, the class of each image, for a conditional generator.
        progress: called with the number of latent points that have taken a step.

    Raises:
        ValueError: the file has no gradients or no prior, the generator takes images, or an
            argument is unusable.

    Example:
        ```python
        generator = kgan.inference.load("runs/digits")
        found = kgan.inference.invert(generator, images, steps=200)
        print(found.errors.mean())
        ```
    """
    steps = positive_integer("steps", steps)
    starts = positive_integer("starts", starts)
    learning_rate = number("learning_rate", learning_rate, 0, ends="()")
    network, prior = _searchable(generator)
    given = generator.checked_images(images)
    classes = _classes(generator, labels, len(given))
    encoded = generator.encoding is not None
    if encoded:
        starts, points = 1, generator.encode(given)
    else:
        points = np.asarray(prior.sample(len(given) * starts, seed))
    rate = learning_rate * _deviation(prior)
    search = _Search(network, prior, rate, steps, progress or (lambda count: None))
    rows = max(1, _ROWS // starts)
    found = [
        search(
            points[i * starts : (i + rows) * starts],
            given[i : i + rows],
            None if classes is None else classes[i : i + rows],
        )
        for i in range(0, len(given), rows)
    ]
    latents, errors, start_errors = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return Inversion(latents, generator(latents, classes), errors, start_errors, encoded)


class _Search:
    """The search for the latents of one part of the images."""

    def __init__(
        self,
        network: KerasGenerator,
        prior: Prior,
        learning_rate: float,
        steps: int,
        progress: Callable[[int], object],
    ):
        self.network = network
        self.prior = prior
        self.learning_rate = learning_rate
        self.steps = steps
        self.progress = progress
        # Steps of all parts but a shorter last one share one trace.
        self._step = tf.function(self._moved, autograph=False, reduce_retracing=True)

    def __call__(
        self, points: np.ndarray, images: np.ndarray, labels: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the best latents of each image, their errors, and the least errors at the start.

        Args:
            points: `[n * starts, latent_dim]`; those of one image follow each other.
            images: `[n, ...]`.
            labels: `[n]` or None.
        """
        starts = len(points) // len(images)
        target = tf.constant(images.repeat(starts, axis=0))
        classes = None if labels is None else tf.constant(labels.repeat(starts))
        # The start itself may lie beyond the prior's ends, where an encoder has put it.
        best = tf.constant(points)
        first = least = self._errors(best, target, classes)
        state = [self._within(best), *[tf.zeros(points.shape)] * 2]
        for step in range(self.steps + 1):  # the last one looks at where the one before has led
            before = state[0]
            errors, *state = self._step(*state, tf.constant(step, tf.float32), target, classes)
            better = errors < least
            least = tf.where(better, errors, least)
            best = tf.where(better[:, tf.newaxis], before, best)
            self.progress(len(points))
        found = least.numpy().astype(np.float64).reshape(-1, starts)
        rows = np.arange(len(images)) * starts + found.argmin(axis=1)
        start_errors = first.numpy().astype(np.float64).reshape(-1, starts).min(axis=1)
        return best.numpy()[rows], found.min(axis=1), start_errors

    def _errors(self, points: tf.Tensor, target: tf.Tensor, labels: tf.Tensor | None) -> tf.Tensor:
        difference = self.network.images(points, labels) - target
        return tf.reduce_mean(tf.square(difference), axis=range(1, len(difference.shape)))

    def _moved(
        self,
        points: tf.Tensor,
        mean: tf.Tensor,
        square: tf.Tensor,
        step: tf.Tensor,
        target: tf.Tensor,
        labels: tf.Tensor | None,
    ) -> list[tf.Tensor]:
        """Return the points' errors, the points after an update of Adam, and its two moments."""
        with tf.GradientTape() as tape:
            tape.watch(points)
            errors = self._errors(points, target, labels)
            # The gradient of the sum at one point is that of its own error.
            total = tf.reduce_sum(errors)
        gradient = tape.gradient(total, points)
        mean = _BETA_1 * mean + (1 - _BETA_1) * gradient
        square = _BETA_2 * square + (1 - _BETA_2) * tf.square(gradient)
        t = step + 1
        corrected = mean / (1 - _BETA_1**t)
        deviation = tf.sqrt(square / (1 - _BETA_2**t)) + _EPSILON
        rate = self.learning_rate * (1 - step / self.steps)
        return [errors, self._within(points - rate * corrected / deviation), mean, square]

    def _within(self, points: tf.Tensor) -> tf.Tensor:
        """Return points within the ends of a uniform prior."""
        if not isinstance(self.prior, Uniform):
            return points
        return tf.clip_by_value(points, self.prior.low, self.prior.high)


def _searchable(generator: Generator) -> tuple[KerasGenerator, Prior]:
    """Return the network and the prior of a generator whose latents can be searched for.

    Raises:
        ValueError: they cannot.
    """
    if generator.network is None:
        raise ValueError(
            f"{generator.path} has no gradients, by which latents are searched for: expected a run "
            f"or a .keras file, received a {_KINDS[generator.kind]}. Name the run that it was "
            "exported from."
        )
    if generator.condition_shape is not None:
        raise ValueError(
            f"{generator.path} translates images, and has no latents of an image to search for."
        )
    if generator.prior is None:
        raise ValueError(
            f"{generator.path} does not record the prior that its latents come from. Give the "
            "argument `prior` of `kgan.inference.load`, such as kgan.priors.Normal(100)."
        )
    return generator.network, generator.prior


_KINDS = {"saved_model": "SavedModel", "tflite": "TFLite file"}


def _classes(generator: Generator, labels: npt.ArrayLike | None, n: int) -> np.ndarray | None:
    """Return int32 labels `[n]`; None for a generator without classes.

    Raises:
        ValueError: there are none where there should be some, or the other way round, or others.
    """
    classes = generator.num_classes
    if (classes is None) != (labels is None):
        expected = "None, as it" if classes is None else "the class of each image, as the generator"
        received = "none" if labels is None else "some"
        raise ValueError(
            f"Invalid value for argument `labels`: expected {expected} is "
            f"{'not ' if classes is None else ''}conditional, received {received}."
        )
    if labels is None or classes is None:
        return None
    given = np.asarray(labels)
    if (
        given.shape != (n,)
        or given.dtype.kind not in "iu"
        or not 0 <= given.min() <= given.max() < classes
    ):
        raise ValueError(
            f"Invalid value for argument `labels`: expected {n} integers from 0 to {classes - 1}, "
            f"one an image, received {given.dtype} of shape {given.shape}."
        )
    return given.astype(np.int32)


def _deviation(prior: Prior) -> float:
    """Return the standard deviation of a coordinate, 1 where it is not known."""
    return (prior.high - prior.low) / 12**0.5 if isinstance(prior, Uniform) else 1.0
