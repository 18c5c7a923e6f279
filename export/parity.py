"""Compare the images and the speed of every exported format with the Keras model."""

from __future__ import annotations

import dataclasses
import pathlib
import statistics
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from kgan.inference import KerasGenerator

from .formats import Format

if TYPE_CHECKING:
    from .of_images import OfImages

LATENTS = 256
SEED = 0
BATCH = 32  # keeps the feature maps of large images in memory
THROUGHPUT_BATCH = 64

SECONDS = 0.02  # least total time of the calls that are measured
CALLS = 5  # least number of these calls


class ParityError(RuntimeError):
    """The images of an exported format differ from those of the Keras model."""


@dataclasses.dataclass(frozen=True)
class Speed:
    """Speed of a generator in this process.

    Attributes:
        latency_ms: median time of a call for one image, in milliseconds.
        images_per_second: throughput of calls for 64 images.
    """

    latency_ms: float
    images_per_second: float


@dataclasses.dataclass(frozen=True)
class Comparison:
    """The errors and the speed of one format, over every value of the images of the same latents.

    Attributes:
        path: file or directory of the format, relative to the output directory.
        bytes: its size on disk.
        max_absolute_error: the greatest error.
        mean_absolute_error: the mean error.
        psnr: peak signal-to-noise ratio in dB: the greatest possible value over the root of the
            mean square error. It is infinite where no value differs.
        measure: name of the value that decides.
        limit: the greatest error, or the least PSNR, that passes.
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
        """Whether the deciding value is within the limit; NaN is not."""
        value = getattr(self, self.measure)
        return value >= self.limit if self.measure == "psnr" else value <= self.limit


class Reference:
    """The Keras model's images of the latents that every format is compared on.

    Args:
        generator: the network and its prior. `LATENTS` points are drawn with `SEED`; labels take
            all classes in turn.

    Attributes:
        images: float32 `[LATENTS, height, width, channels]`.
        speed: of `keras.Model.predict`.

    Raises:
        ValueError: the images hold NaN or infinity, or do not keep to the value range.
    """

    def __init__(self, generator: KerasGenerator | OfImages):
        drawn = generator.inputs(LATENTS, SEED)
        self._inputs = {name: value.numpy() for name, value in drawn.items()}
        self.images = self._in_batches(lambda **inputs: generator.images(**inputs).numpy())
        if not np.isfinite(self.images).all():
            raise ValueError(
                "The generator's images hold NaN or infinity: its training diverged. "
                "Export another run, or train this one anew."
            )
        generator.check_range(self.images)
        # Without a value range, rounding errors grow with the greatest value.
        self._peak = max(1.0, float(np.abs(self.images).max()))
        self.speed = self._speed(lambda **inputs: generator.predict(**inputs))

    def compare(self, written: pathlib.Path, kind: Format) -> tuple[Comparison, np.ndarray]:
        """Load one format and compare it.

        Args:
            written: its file or directory.
            kind: the format.

        Returns:
            The comparison, and the format's images, shaped as `images`.
        """
        start = time.perf_counter()
        generate = kind.load(written)
        load_ms = 1e3 * (time.perf_counter() - start)
        images = self._in_batches(generate)
        errors = np.abs(images.astype(np.float64) - self.images)
        with np.errstate(divide="ignore"):  # the error may be zero
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


def median_seconds(call: Callable[[], object]) -> float:
    """Return the median time of `call`, in seconds, without its first call.

    `call` is repeated at least `CALLS` times, and until `SECONDS` have passed.
    """
    call()
    times: list[float] = []
    while len(times) < CALLS or sum(times) < SECONDS:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def _size(path: pathlib.Path) -> int:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)
