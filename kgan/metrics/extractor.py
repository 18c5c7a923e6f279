"""Where images are compared: what every map from images to features declares and checks.

A distance between sets of images means nothing without the features it was taken in, so each
extractor has a name and a fingerprint. Equal fingerprints: the numbers may be compared.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

__all__ = ["Extractor", "Pixels", "checked_images", "fingerprint"]

_BATCH = 100
_TOLERANCE = 1e-4  # generators round

Shape = tuple[int | None, int | None, int | None]


def fingerprint(configuration: Any, arrays: Iterable[Any] = ()) -> str:
    """16 hexadecimal digits of the SHA-256 of what JSON can hold and of arrays' types and bytes."""
    digest = hashlib.sha256(json.dumps(configuration, sort_keys=True).encode())
    for array in map(np.asarray, arrays):
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()[:16]


class Extractor:
    """A map from images to features. Subclasses define `_extract`.

    Attributes:
        name: what a report calls it.
        fingerprint: 16 hexadecimal digits that follow from its configuration and weights.
        shapes: the shapes (height, width, channels) of the images it takes; None means any.
    """

    name: str
    fingerprint: str
    shapes: Sequence[Shape]

    def __call__(self, images: Any) -> np.ndarray:
        """Extracts features, in batches.

        Args:
            images: floats `[n, height, width, channels]` in [0, 1], or a finite `tf.data.Dataset`
                of such batches, as `kgan.data.load(..., value_range=(0, 1))` gives.

        Returns:
            float32 `[n, d]`.

        Raises:
            ValueError: the images do not fit, in shape, type or values, or there is none.
        """
        return np.concatenate([self._extract(batch) for batch in self._batches(images)])

    def _extract(self, images: np.ndarray) -> np.ndarray:
        """Features float32 `[n, d]` of a batch, float32 `[n, height, width, channels]`."""
        raise NotImplementedError

    def _batches(self, images: Any) -> Iterator[np.ndarray]:
        whole = [images]
        if isinstance(images, tf.data.Dataset):
            whole = images.as_numpy_iterator()
            if images.cardinality() == 0:
                raise ValueError(
                    "Invalid value for argument `images`: expected a data set of at least one "
                    "batch, received an empty one."
                )
        for part in whole:
            part = checked_images("images", part, self.shapes)
            for start in range(0, len(part), _BATCH):
                yield part[start : start + _BATCH]


def checked_images(name: str, images: Any, shapes: Sequence[Shape]) -> np.ndarray:
    """`images` as float32 `[n, height, width, channels]` in [0, 1], of one of the shapes."""
    images = np.asarray(images)
    if not images.size or not any(_fits(images.shape[1:], shape) for shape in shapes):
        expected = " or ".join(
            f"[n, {', '.join('any' if side is None else str(side) for side in shape)}]"
            for shape in shapes
        )
        raise ValueError(
            f"Invalid value for argument `{name}`: expected shape {expected} with n > 0, received "
            f"shape {images.shape}. Load the data with another `image_size`, or choose other "
            "features."
        )
    if images.dtype.kind != "f":
        raise ValueError(
            f"Invalid value for argument `{name}`: expected floats in [0, 1], received "
            f"{images.dtype}. Divide 8-bit pixels by 255."
        )
    low, high = images.min(), images.max()
    if not (low >= -_TOLERANCE and high <= 1 + _TOLERANCE):
        raise ValueError(
            f"Invalid value for argument `{name}`: expected values in [0, 1], received {low} to "
            f"{high}. Scale them: (images - low) / (high - low) of their value range."
        )
    return images.astype(np.float32, copy=False)


def _fits(sides: tuple[int, ...], shape: Shape) -> bool:
    return len(sides) == 3 and all(
        want in (None, side) for side, want in zip(sides, shape, strict=True)
    )


class Pixels(Extractor):
    """The images themselves, flat; Euclidean distances are then root sums of squared errors."""

    def __init__(self) -> None:
        self.name = "pixels"
        self.fingerprint = fingerprint(self.name)
        self.shapes = [(None, None, None)]

    def _extract(self, images: np.ndarray) -> np.ndarray:
        return images.reshape(len(images), -1)
