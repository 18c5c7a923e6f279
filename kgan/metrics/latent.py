"""The latent space: images along a path through it, and how fast they change on the way."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from kgan.metrics.extractor import Extractor

__all__ = ["PathLength", "interpolation_strips", "path_length"]

_PAIRS = 100  # at a time


@dataclasses.dataclass(frozen=True)
class PathLength:
    """How fast features change along paths between latent points.

    Attributes:
        mean: mean squared speed, in squared units of the features; a path takes unit time.
        standard_error: of the mean, over the pairs.
        features: name and fingerprint of the features, without which the number means nothing.
    """

    mean: float
    standard_error: float
    features: str


def interpolation_strips(
    generate: Callable[[Any], Any], prior: Any, strips: int = 8, steps: int = 9, seed: Any = 0
) -> np.ndarray:
    """Images on the way from one latent point to another.

    Args:
        generate: maps latents float32 `[n, dim]` to images `[n, height, width, channels]`.
        prior: one of `kgan.priors`: draws the ends, and knows the path between them.
        strips: how many paths.
        steps: images on each, both ends included; at least 2.
        seed: of the ends, as `prior.sample` has it.

    Returns:
        `[strips, steps, height, width, channels]`.

    Raises:
        ValueError: `strips` or `steps` is too small.
    """
    _at_least("strips", strips, 1)
    _at_least("steps", steps, 2)
    ends = np.asarray(prior.sample(2 * strips, seed))
    latents = [prior.interpolate(ends[2 * i], ends[2 * i + 1], steps) for i in range(strips)]
    images = np.asarray(generate(np.concatenate(latents)))
    return images.reshape(strips, steps, *images.shape[1:])


def path_length(
    generate: Callable[[Any], Any],
    prior: Any,
    features: Extractor,
    pairs: int = 1000,
    steps: int = 1000,
    seed: int = 0,
) -> PathLength:
    """Mean squared speed of the features f along the prior's paths z(t), t from 0 to 1.

        E[ ||f(G(z(t + e))) - f(G(z(t)))||^2 / e^2 ],    e = 1 / steps,

    over pairs of ends from the prior and places t = j e, j uniform on 0, ..., steps - 1. This is
    the perceptual path length of Karras, Laine & Aila (2019, arXiv 1812.04948, section 4.1, for
    latents of z) with the named features in place of their LPIPS distance, no image cropped and no
    pair left out. They took e = 1e-4, where the rounding of float32 images adds up: it made the
    figure of a generator at its start, whose images hardly differ, a tenth too high.

    A smooth latent space has a low one, and so has a generator that shows one image only: compare
    generators whose samples are about as diverse.

    Args:
        generate: maps latents float32 `[n, dim]` to images `[n, height, width, channels]` in
            [0, 1], in inference mode.
        prior: one of `kgan.priors`: draws the ends, and knows the path between them.
        features: what to measure in, such as `Pixels()` or a classifier.
        pairs: how many pairs of ends, at least 2.
        steps: parts of a path, of which one at random is measured.
        seed: of the ends and places, not negative.

    Raises:
        ValueError: `pairs` or `steps` is too small, or the images do not fit the features.
    """
    _at_least("pairs", pairs, 2)
    _at_least("steps", steps, 1)
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


@tf.function
def _neighbours(prior: Any, ends: tf.Tensor, places: Any, steps: int) -> tf.Tensor:
    """Point `place` and the next of the path between each pair of ends: `[pairs, 2, dim]`."""

    def points(pair: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        (start, end), place = tf.unstack(pair[0]), pair[1]
        return prior.interpolate(start, end, steps + 1)[place : place + 2]

    return tf.map_fn(points, (ends, places), fn_output_signature=tf.float32)


def _at_least(name: str, value: int, minimum: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
        raise ValueError(
            f"Invalid value for argument `{name}`: expected an integer of at least {minimum}, "
            f"received {value!r}."
        )
