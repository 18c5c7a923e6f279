"""Check arguments where they enter: return the value, or raise one sentence that names it.

Every message has one form: `Invalid value for argument `x`: expected ..., received ....`, then
what to do. Checks that only one room needs stay in that room.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from typing import TypeVar

__all__ = ["integer", "number", "one_of", "positive_integer"]

T = TypeVar("T")


def positive_integer(name: str, value: object, hint: str = "") -> int:
    """Return `value` as an int of at least 1.

    Args:
        name: the argument, as the user typed it.
        value: what the user gave; any integer type but bool.
        hint: a sentence that ends the message.

    Raises:
        ValueError: `value` is no integer, or less than 1.
    """
    if not _is_integer(value) or int(value) < 1:  # type: ignore[call-overload]
        raise _invalid(name, "a positive integer", value, hint)
    return int(value)  # type: ignore[call-overload]


def integer(
    name: str, value: object, minimum: int, maximum: int | None = None, hint: str = ""
) -> int:
    """Return `value` as an int from `minimum` to `maximum`; None sets no upper bound.

    Raises:
        ValueError: `value` is no integer, or out of range.
    """
    bounds = f"of at least {minimum}" if maximum is None else f"from {minimum} to {maximum}"
    found = int(value) if _is_integer(value) else None  # type: ignore[call-overload]
    if found is None or found < minimum or (maximum is not None and found > maximum):
        raise _invalid(name, f"an integer {bounds}", value, hint)
    return found


def number(
    name: str,
    value: object,
    low: float = -math.inf,
    high: float = math.inf,
    *,
    ends: str = "[]",
    hint: str = "",
) -> float:
    """Return `value` as a finite float between `low` and `high`.

    Args:
        name: the argument, as the user typed it.
        value: what the user gave; any real number but bool.
        low: lower end.
        high: upper end.
        ends: whether the ends belong: `"[]"`, `"[)"`, `"(]"` or `"()"`.
        hint: a sentence that ends the message.

    Raises:
        ValueError: `value` is no number, not finite, or out of range.
    """
    real = isinstance(value, numbers.Real) and not isinstance(value, bool)
    found = float(value) if real else math.nan  # type: ignore[arg-type]
    above = found > low or (found == low and ends[0] == "[")
    below = found < high or (found == high and ends[1] == "]")
    if not (math.isfinite(found) and above and below):
        raise _invalid(name, _range(low, high, ends), value, hint)
    return found


def one_of(name: str, value: T, known: Sequence[T], hint: str = "") -> T:
    """Return `value`, which must be among `known`.

    Raises:
        ValueError: it is not.
    """
    if value not in known:
        raise _invalid(name, f"one of {', '.join(map(repr, known))}", value, hint)
    return value


def _range(low: float, high: float, ends: str) -> str:
    if math.isinf(low) and math.isinf(high):
        return "a finite number"
    if math.isinf(high):
        if low == 0:
            return "a finite number of at least 0" if ends[0] == "[" else "a positive number"
        return f"a finite number {'of at least' if ends[0] == '[' else 'above'} {low:g}"
    return f"a number in {ends[0]}{low:g}, {high:g}{ends[1]}"


def _is_integer(value: object) -> bool:
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def _invalid(name: str, expected: str, value: object, hint: str) -> ValueError:
    sentence = f"Invalid value for argument `{name}`: expected {expected}, received {value!r}."
    return ValueError(f"{sentence} {hint}".rstrip())
