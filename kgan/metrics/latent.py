"""Paths through the latent space: images along them, and the perceptual path length."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from kgan.metrics.extractor import Extractor
from kgan.utils.checks import integer

__all__ = ["PathLength", "interpolation_strips", "path_length"]

_PAIRS = 100  # at a time

Seed: TypeAlias = int | Sequence[int]
Generate: TypeAlias = Callable[[np.ndarray], npt.ArrayLike]


class Prior(Protocol):
    """The methods of `kgan.priors.Prior` that a path needs."""

    def sample(self, batch: int, seed: Seed) -> tf.Tensor: ...
    def interpolate(self, start: tf.Tensor, end: tf.Tensor, steps: int) -> tf.Tensor: ...


@dataclasses.dataclass(frozen=True)
class PathLength:
    """Mean squared speed of features along paths between latent points.

    Attributes:
        mean: mean squared speed, in squared units of the features; a path takes unit time.
        standard_error: standard error of the mean, over the pairs.
        features: name and fingerprint of the features. Compare values of equal features only.
    """

    mean: float
    standard_error: float
    features: str


def interpolation_strips(
    generate: Generate, prior: Prior, strips: int = 8, steps: int = 9, seed: Seed = 0
) -> np.ndarray:
    """Return images along paths from one latent point to another.

    Args:
        generate: maps latents float32 `[n, dim]` to images `[n, height, width, channels]`.
        prior: one of `kgan.priors`; it draws the ends and defines the path between them.
        strips: number of paths.
        steps: images on each path, both ends included; at least 2.
        seed: seed of the ends, as for `prior.sample`.

    Returns:
        `[strips, steps, height, width, channels]`.

    Raises:
        ValueError: `strips` or `steps` is too small.

    Example:
        ```python
        strips = kgan.metrics.interpolation_strips(lambda z: (generator(z) + 1) / 2, prior)
        ```
    """
    integer("strips", strips, 1)
    integer("steps", steps, 2)
    ends = np.asarray(prior.sample(2 * strips, seed))
    latents = [prior.interpolate(ends[2 * i], ends[2 * i + 1], steps) for i in range(strips)]
    images = np.asarray(generate(np.concatenate(latents)))
    return images.reshape(strips, steps, *images.shape[1:])


def path_length(
    generate: Generate,
    prior: Prior,
    features: Extractor,
    pairs: int = 1000,
    steps: int = 1000,
    seed: int = 0,
) -> PathLength:
    """Return the mean squared speed of the features f along the prior's paths z(t), t in [0, 1].

        E[ ||f(G(z(t + e))) - f(G(z(t)))||^2 / e^2 ],    e = 1 / steps,

    over pairs of ends from the prior and places t = j e, j uniform on 0, ..., steps - 1. This is
    the perceptual path length of Karras, Laine & Aila (2019, arXiv 1812.04948, section 4.1, for
    latents of z), with the given features instead of their LPIPS distance, without cropping and
    without rejection of pairs. They use e = 1e-4. There the rounding of float32 images adds up: the
    value of an untrained generator, whose images hardly differ, was a tenth too high.

    A smooth latent space has a low value, and so has a collapsed generator. Compare generators with
    similar diversity.

    Args:
        generate: maps latents float32 `[n, dim]` to images `[n, height, width, channels]` in
            [0, 1], in inference mode.
        prior: one of `kgan.priors`; it draws the ends and defines the path between them.
        features: the extractor, such as `Pixels()` or a classifier.
        pairs: number of pairs of ends, at least 2.
        steps: parts of a path, of which one at random is measured.
        seed: seed of the ends and places, not negative.

    Raises:
        ValueError: `pairs` or `steps` is too small, or the images do not fit the features.

    Example:
        ```python
        found = kgan.metrics.path_length(
            lambda z: (generator(z) + 1) / 2, prior, kgan.metrics.Pixels(), pairs=100
        )
        ```
    """
    integer("pairs", pairs, 2)
    integer("steps", steps, 1)
    ends = tf.reshape(prior.sample(2 * pairs, seed), [pairs, 2, -1])
    places = np.random.default_rng(seed).integers(steps, size=pairs)
    latents = _neighbours(prior, ends, places, steps).numpy()
    speeds = []
    for first in range(0, pairs, _PAIRS):
        part = latents[first : first + _PAIRS]
        images = generate(part.reshape(2 * len(part), -1))
        moved = np.diff(features(images).astype(np.float64).reshape(len(part), 2, -1), axis=1)
        speeds.append((moved**2).sum(axis=(1, 2)) * steps**2)
    squared = np.concatenate(speeds)
    return PathLength(
        mean=float(squared.mean()),
        standard_error=float(squared.std(ddof=1) / math.sqrt(pairs)),
        features=f"{features.name} {features.fingerprint}",
    )


@tf.function(autograph=False)
def _neighbours(prior: Prior, ends: tf.Tensor, places: np.ndarray, steps: int) -> tf.Tensor:
    """Return point `place` and the next of each pair's path: `[pairs, 2, dim]`."""

    def points(pair: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        (start, end), place = tf.unstack(pair[0]), pair[1]
        return prior.interpolate(start, end, steps + 1)[place : place + 2]

    return tf.map_fn(points, (ends, places), fn_output_signature=tf.float32)
