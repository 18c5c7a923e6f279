"""Whether what was exported makes the same images as the Keras model."""

from __future__ import annotations

import dataclasses
import json
import pathlib
from collections.abc import Callable, Mapping

import numpy as np

from kgan.artifacts import replaced_when_whole

from .generator import TrainedGenerator

LATENTS = 256
SEED = 0
BATCH = 32  # keeps the feature maps of large images in memory


class ParityError(RuntimeError):
    """An exported format does not make the images of the Keras model."""


@dataclasses.dataclass(frozen=True)
class Comparison:
    """One format against Keras, over every value of the images of the same latent points.

    Attributes:
        path: where the format lies, relative to the output directory.
        bytes: its size on disk.
        max_absolute_error: the greatest error.
        mean_absolute_error: the mean error.
        tolerance: the greatest error allowed.
    """

    path: str
    bytes: int
    max_absolute_error: float
    mean_absolute_error: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether the greatest error is within the tolerance; NaN is not."""
        return self.max_absolute_error <= self.tolerance


class Reference:
    """The Keras model's images of the latent points that every format is tried on.

    Args:
        trained: the generator; its `LATENTS` points are drawn from its prior with `SEED`.

    Raises:
        ValueError: the images hold NaN or infinity.
    """

    def __init__(self, trained: TrainedGenerator):
        drawn = trained.sample(LATENTS, SEED)
        self.inputs = {name: value.numpy() for name, value in drawn.items()}
        self.images = self._in_batches(lambda **inputs: trained.images(**inputs).numpy())
        if not np.isfinite(self.images).all():
            raise ValueError(
                "The generator's images hold NaN or infinity: its training diverged. "
                "Export another run, or train this one anew."
            )

    def compare(
        self,
        images: Callable[..., np.ndarray],
        written: pathlib.Path,
        path: pathlib.Path,
        tolerance: float,
    ) -> Comparison:
        """Compares one format.

        Args:
            images: its function from latents, and labels, to images.
            written: its file or directory.
            path: where that will lie, relative to the output directory.
            tolerance: greatest error allowed for values in [0, 1]. A model without a value range
                may make greater ones, whose rounding errors grow with them.
        """
        errors = np.abs(self._in_batches(images).astype(np.float64) - self.images)
        return Comparison(
            path=path.as_posix(),
            bytes=_size(written),
            max_absolute_error=float(errors.max()),
            mean_absolute_error=float(errors.mean()),
            tolerance=tolerance * max(1.0, float(np.abs(self.images).max())),
        )

    def _in_batches(self, images: Callable[..., np.ndarray]) -> np.ndarray:
        return np.concatenate(
            [
                images(**{name: x[start : start + BATCH] for name, x in self.inputs.items()})
                for start in range(0, LATENTS, BATCH)
            ]
        )


def _size(path: pathlib.Path) -> int:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)


def write_report(comparisons: Mapping[str, Comparison], path: pathlib.Path) -> None:
    """Writes `comparisons`, by the name of their format, to the JSON file `path`."""
    report = {
        "passed": all(comparison.passed for comparison in comparisons.values()),
        "latents": LATENTS,
        "seed": SEED,
        "formats": {
            name: {**dataclasses.asdict(comparison), "passed": comparison.passed}
            for name, comparison in comparisons.items()
        },
    }
    with replaced_when_whole(path) as partial:
        partial.write_text(json.dumps(report, indent=2) + "\n")


def table(comparisons: Mapping[str, Comparison]) -> str:
    """The comparisons for people, one line for each format."""
    lines = [f"{'format':<12} {'size':>10} {'max error':>10} {'mean error':>10} {'allowed':>10}"]
    for name, comparison in comparisons.items():
        lines.append(
            f"{name:<12} {comparison.bytes / 1e6:>7.2f} MB {comparison.max_absolute_error:>10.1e} "
            f"{comparison.mean_absolute_error:>10.1e} {comparison.tolerance:>10.1e}  "
            f"{'passed' if comparison.passed else 'FAILED'}"
        )
    return "\n".join(lines)
