"""What an evaluation found: a table for people, JSON for programs."""

from __future__ import annotations

import dataclasses
import json
import math
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from kgan.utils.atomic_write import atomic_write


class NotApplicableError(Exception):
    """A metric does not apply; its message says why."""


@dataclasses.dataclass(frozen=True)
class Figure:
    """One figure of the table.

    Attributes:
        name: what it is called.
        value: what the samples get.
        samples: how many samples.
        real: what real data get in the samples' place, or None where that says nothing.
        error: standard error of the value, or None where none is known.
        reals: how many real images they were compared with, or None where with none.
        features: name and fingerprint of what it was measured in, or None where in nothing.
        more: what else a program may want to know.
    """

    name: str
    value: float
    samples: int
    real: float | None = None
    error: float | None = None
    reals: int | None = None
    features: str | None = None
    more: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        """What JSON holds of it: numbers that are not finite become null."""
        fields = dataclasses.asdict(self)
        del fields["name"]
        fields |= fields.pop("more")
        return {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in fields.items()
        }


HEADS = ("figure", "samples get", "+-", "real data get", "samples", "reals", "measured in")


def table(figures: Sequence[Figure], left_out: Mapping[str, str]) -> str:
    """The figures, one a line, and below them what was left out and why."""
    lines: list[tuple[str, ...]] = [HEADS]
    for figure in figures:
        values = [_number(value) for value in (figure.value, figure.error, figure.real)]
        counts = [_number(count) for count in (figure.samples, figure.reals)]
        lines.append((figure.name, *values, *counts, figure.features or ""))
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


def write(path: pathlib.Path, record: Mapping[str, Any]) -> None:
    """Writes `record` to the JSON file `path`, whole or not at all."""
    with atomic_write(path) as partial:
        partial.write_text(json.dumps(record, indent=2, allow_nan=False) + "\n")
