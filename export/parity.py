"""Whether what was exported makes the same images as the Keras model, and how fast."""

from __future__ import annotations

import dataclasses
import pathlib
import time
from collections.abc import Callable

import numpy as np

from .formats import Format
from .generator import TrainedGenerator
from .timing import median_seconds

LATENTS = 256
SEED = 0
BATCH = 32  # keeps the feature maps of large images in memory
THROUGHPUT_BATCH = 64


class ParityError(RuntimeError):
    """An exported format does not make the images of the Keras model."""


@dataclasses.dataclass(frozen=True)
class Speed:
    """How fast a generator is here and now.

    Attributes:
        latency_ms: median time of a call for one image, in milliseconds.
        images_per_second: throughput of calls for 64 images.
    """

    latency_ms: float
    images_per_second: float


@dataclasses.dataclass(frozen=True)
class Comparison:
    """One format against Keras, over every value of the images of the same latent points.

    Attributes:
        path: where the format lies, relative to the output directory.
        bytes: its size on disk.
        max_absolute_error: the greatest error.
        mean_absolute_error: the mean error.
        psnr: peak signal to noise ratio in dB, infinite where no value differs: the greatest value
            there may be over the root of the mean square error.
        measure: name of the figure that decides.
        limit: the greatest error, or the least psnr, allowed.
        load_ms: time to load it, in milliseconds.
        speed: of the format.
    """

    path: str
    bytes: int
    max_absolute_error: float
    mean_absolute_error: float
    psnr: float
    measure: str
    limit: float
    load_ms: float
    speed: Speed

    @property
    def passed(self) -> bool:
        """Whether the deciding figure is within the limit; NaN is not."""
        figure = getattr(self, self.measure)
        return figure >= self.limit if self.measure == "psnr" else figure <= self.limit


class Reference:
    """The Keras model's images of the latent points that every format is tried on.

    Args:
        trained: the generator; its `LATENTS` points are drawn from its prior with `SEED`, and
            labels go round the classes.

    Attributes:
        images: float32 `[LATENTS, height, width, channels]`.
        speed: of `keras.Model.predict`.

    Raises:
        ValueError: the images hold NaN or infinity.
    """

    def __init__(self, trained: TrainedGenerator):
        drawn = trained.sample(LATENTS, SEED)
        self._inputs = {name: value.numpy() for name, value in drawn.items()}
        self.images = self._in_batches(lambda **inputs: trained.images(**inputs).numpy())
        if not np.isfinite(self.images).all():
            raise ValueError(
                "The generator's images hold NaN or infinity: its training diverged. "
                "Export another run, or train this one anew."
            )
        # A model without a value range makes greater values, whose rounding errors grow with them.
        self._peak = max(1.0, float(np.abs(self.images).max()))
        self.speed = self._speed(lambda **inputs: trained.predict(**inputs))

    def compare(self, written: pathlib.Path, kind: Format) -> tuple[Comparison, np.ndarray]:
        """Loads one format and compares it.

        Args:
            written: its file or directory.
            kind: what it is.

        Returns:
            The comparison, and the format's images, shaped as `images`.
        """
        start = time.perf_counter()
        generate = kind.load(written)
        load_ms = 1e3 * (time.perf_counter() - start)
        images = self._in_batches(generate)
        errors = np.abs(images.astype(np.float64) - self.images)
        with np.errstate(divide="ignore"):  # no error, or an infinite one
            psnr = 20 * np.log10(self._peak / np.sqrt(np.mean(errors**2)))
        comparison = Comparison(
            path=kind.place.as_posix(),
            bytes=_size(written),
            max_absolute_error=float(errors.max()),
            mean_absolute_error=float(errors.mean()),
            psnr=float(psnr),
            measure=kind.measure,
            limit=kind.limit if kind.measure == "psnr" else kind.limit * self._peak,
            load_ms=load_ms,
            speed=self._speed(generate),
        )
        return comparison, images

    def _in_batches(self, images: Callable[..., np.ndarray]) -> np.ndarray:
        starts = range(0, LATENTS, BATCH)
        return np.concatenate([images(**self._points(start, BATCH)) for start in starts])

    def _speed(self, images: Callable[..., np.ndarray]) -> Speed:
        one, many = self._points(0, 1), self._points(0, THROUGHPUT_BATCH)
        return Speed(
            latency_ms=1e3 * median_seconds(lambda: images(**one)),
            images_per_second=THROUGHPUT_BATCH / median_seconds(lambda: images(**many)),
        )

    def _points(self, start: int, count: int) -> dict[str, np.ndarray]:
        return {name: values[start : start + count] for name, values in self._inputs.items()}


def _size(path: pathlib.Path) -> int:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)
