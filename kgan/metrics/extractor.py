"""The interface of feature extractors: maps from images to features.

A distance between sets of images depends on the features, so each extractor has a name and a
fingerprint. Compare only values whose fingerprints are equal.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from kgan.utils.digests import digest

__all__ = ["Extractor", "Images", "Pixels", "checked_images", "fingerprint"]

_BATCH = 100
_TOLERANCE = 1e-4  # generators round

Images: TypeAlias = npt.ArrayLike | tf.data.Dataset
Shape: TypeAlias = tuple[int | None, int | None, int | None]


def fingerprint(configuration: object, arrays: Iterable[npt.ArrayLike] = ()) -> str:
    """Return 16 hexadecimal digits of the SHA-256 of a configuration and of arrays.

    Args:
        configuration: any value that JSON can hold.
        arrays: their dtypes, shapes and bytes count.
    """
    parts: list[str | np.ndarray] = [json.dumps(configuration, sort_keys=True)]
    for array in map(np.asarray, arrays):
        parts += [f"{array.dtype}{array.shape}", array]
    return digest(parts)


class Extractor:
    """A map from images to features. Subclasses define `_extract`.

    Attributes:
        name: its name in reports.
        fingerprint: 16 hexadecimal digits of its configuration and weights.
        shapes: accepted image shapes (height, width, channels); None means any.
    """

    name: str
    fingerprint: str
    shapes: Sequence[Shape]

    def __call__(self, images: Images) -> np.ndarray:
        """Extract features, in batches.

        Args:
            images: floats `[n, height, width, channels]` in [0, 1], or a finite `tf.data.Dataset`
                of such batches, as `kgan.data.load(..., value_range=(0, 1))` gives.

        Returns:
            float32 `[n, d]`.

        Raises:
            ValueError: images of another shape, dtype or value range, or no images.
        """
        return np.concatenate([self._extract(batch) for batch in self._batches(images)])

    def _extract(self, images: np.ndarray) -> np.ndarray:
        """Return features float32 `[n, d]` of images float32 `[n, height, width, channels]`."""
        raise NotImplementedError

    def _batches(self, images: Images) -> Iterator[np.ndarray]:
        parts: Iterable[npt.ArrayLike] = [images]
        if isinstance(images, tf.data.Dataset):
            parts = images.as_numpy_iterator()
            if images.cardinality() == 0:
                raise ValueError(
                    "Invalid value for argument `images`: expected a data set of at least one "
                    "batch, received an empty one."
                )
        for part in parts:
            part = checked_images("images", part, self.shapes)
            for start in range(0, len(part), _BATCH):
                yield part[start : start + _BATCH]


def checked_images(name: str, images: npt.ArrayLike, shapes: Sequence[Shape]) -> np.ndarray:
    """Return `images` as float32 `[n, height, width, channels]` in [0, 1], of one of the shapes."""
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
    """The flattened images as features; distances are root sums of squared pixel errors.

    Example:
        ```python
        kgan.metrics.Pixels()(np.zeros((2, 8, 8, 1), np.float32)).shape  # (2, 64)
        ```
    """

    def __init__(self) -> None:
        self.name = "pixels"
        self.fingerprint = fingerprint(self.name)
        self.shapes = [(None, None, None)]

    def _extract(self, images: np.ndarray) -> np.ndarray:
        return images.reshape(len(images), -1)
