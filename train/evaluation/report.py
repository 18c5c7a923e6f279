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
    return "\n".join(text)


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
