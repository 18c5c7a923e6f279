"""The report of an evaluation: a table for people, JSON for programs."""

from __future__ import annotations

import dataclasses
import json
import math
import pathlib
from collections.abc import Mapping, Sequence

from kgan.utils.atomic_write import atomic_write
from kgan.utils.types import JsonDict


class NotApplicableError(Exception):
    """A metric does not apply; the message says why."""


@dataclasses.dataclass(frozen=True)
class MetricResult:
    """One row of the table.

    Attributes:
        name: of the metric.
        value: of the samples.
        samples: how many samples.
        real: the value of real data in the samples' place; None where it says nothing.
        error: standard error of `value`; None where none is known.
        reals: how many real images the samples were compared with; None for none.
        features: name and fingerprint of the features; None for none.
        more: further entries of the JSON record.
    """

    name: str
    value: float
    samples: int
    real: float | None = None
    error: float | None = None
    reals: int | None = None
    features: str | None = None
    more: JsonDict = dataclasses.field(default_factory=dict)

    def record(self) -> JsonDict:
        """Return the result as JSON holds it. Numbers that are not finite become null."""
        fields = dataclasses.asdict(self)
        del fields["name"]
        fields |= fields.pop("more")
        return {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in fields.items()
        }


COPIES = "copies of the data have that; see the rates of near duplicates"
MIDDLE = "samples keep to the middle of the data, as blurred or repeated images do"
# The better direction of a metric, and what it can mean that samples do better than real data.
BETTER_THAN_REAL: dict[str, tuple[int, str]] = {
    "parzen_log_likelihood": (1, "blurred means have that too; compare with parzen_of_centroids"),
    "frechet_distance": (-1, COPIES),
    "kernel_distance": (-1, COPIES),
    "precision": (1, f"{MIDDLE}; see recall"),
    "recall": (1, "samples spread beyond the data, as noise and outliers do; see precision"),
    "density": (1, f"{MIDDLE}; see coverage"),
    "coverage": (1, COPIES),
    "classifier_score": (1, "one image for each class reaches the maximum; see recall"),
    "asked_class": (1, "the clearest images of a class, and few of them, have that; see recall"),
}

HEADS = ("metric", "value", "std error", "real data", "num samples", "num real", "features")


def table(results: Sequence[MetricResult], left_out: Mapping[str, str]) -> str:
    """Return a table with a line for each result, then the metrics left out and why."""
    lines: list[tuple[str, ...]] = [HEADS]
    for result in results:
        values = [_number(value) for value in (result.value, result.error, result.real)]
        counts = [_number(count) for count in (result.samples, result.reals)]
        lines.append((result.name, *values, *counts, result.features or ""))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = []
    for name, *numbers, features in lines:
        right = [number.rjust(width) for number, width in zip(numbers, widths[1:-1], strict=True)]
        text.append("  ".join([name.ljust(widths[0]), *right, features]).rstrip())
    text.insert(1, "-" * max(map(len, text)))
    text += [f"{name}: left out, {reason}" for name, reason in left_out.items()]
    text += [f"{name} is better than real data's: {why}" for name, why in flattering(results)]
    return "\n".join(text)


def flattering(results: Sequence[MetricResult]) -> list[tuple[str, str]]:
    """Return the metrics in which samples do better than real data, and why they can.

    Real data are the best that a generator can be: a better value is no praise. Differences of less
    than two standard errors, or of a tenth where none is known, do not count.
    """
    found = []
    for result in results:
        if result.name in BETTER_THAN_REAL and result.real is not None:
            direction, why = BETTER_THAN_REAL[result.name]
            margin = abs(result.real) / 10 if result.error is None else 2 * result.error
            if direction * (result.value - result.real) > margin:
                found.append((result.name, why))
    return found


def _number(value: float | None) -> str:
    if value is None:
        return ""
    if isinstance(value, int) or abs(value) >= 10_000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def write(path: pathlib.Path, record: JsonDict) -> None:
    """Write `record` to the JSON file `path`, whole or not at all."""
    with atomic_write(path) as partial:
        partial.write_text(json.dumps(record, indent=2, allow_nan=False) + "\n")
