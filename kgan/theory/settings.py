"""The numbers that set a simulated play, checked in one place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["not_negative", "one_of", "positive_integer"]


def positive_integer(name: str, value: Any) -> int:
    """`value`, an integer of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(
            f"Invalid value for argument `{name}`: expected a positive integer, received {value!r}."
        )
    return value


def not_negative(name: str, value: Any) -> float:
    """`value`, a finite number of at least 0."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if not 0 <= number < float("inf"):
        raise ValueError(
            f"Invalid value for argument `{name}`: expected a finite number of at least 0, "
            f"received {value!r}."
        )
    return number


def one_of(name: str, value: Any, known: Sequence[str]) -> str:
    """`value`, one of the `known` names."""
    if value not in known:
        raise ValueError(
            f"Invalid value for argument `{name}`: expected one of {list(known)}, "
            f"received {value!r}."
        )
    return value
