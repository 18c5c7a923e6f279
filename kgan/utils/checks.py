"""Check arguments where they enter: return the value, or raise one sentence that names it.

Every message has one form: `Invalid value for argument `x`: expected ..., received ....`, then
what to do. Checks that only one room needs stay in that room.
"""

from __future__ import annotations

import math
import numbers
import operator
from collections.abc import Sequence
from typing import TypeVar, cast

__all__ = [
    "bounds",
    "image_function",
    "integer",
    "number",
    "one_of",
    "positive_integer",
    "seed_pair",
    "single_seed",
]

T = TypeVar("T")


def bounds(name: str, value: object, infinite: bool = False) -> tuple[float, float] | None:
    """Return `value` as two floats in increasing order; None for no bounds.

    Args:
        name: the argument, as the user typed it.
        value: what the user gave: None, or two numbers in any sequence.
        infinite: whether `(-inf, inf)`, for no bounds, is allowed.

    Raises:
        ValueError: `value` is no such pair.
    """
    if value is None:
        return None
    try:
        low, high = map(float, value)  # type: ignore[call-overload]
    except (TypeError, ValueError):
        low = high = math.nan
    if infinite and (low, high) == (-math.inf, math.inf):
        return None
    if not -math.inf < low < high < math.inf:
        finite = "both finite or both infinite" if infinite else "both finite"
        raise _invalid(name, f"(low, high) with low < high, {finite}, or None", value, "")
    return low, high


def positive_integer(name: str, value: object, hint: str = "") -> int:
    """Return `value` as an int of at least 1.

    Args:
        name: the argument, as the user typed it.
        value: what the user gave: any integer, or an integer array of shape (), but no bool.
        hint: a sentence that ends the message.

    Raises:
        ValueError: `value` is no integer, or less than 1.
    """
    found = _as_integer(value)
    if found is None or found < 1:
        raise _invalid(name, "a positive integer", value, hint)
    return found


def integer(
    name: str, value: object, minimum: int, maximum: int | None = None, hint: str = ""
) -> int:
    """Return `value` as an int from `minimum` to `maximum`; None sets no upper bound.

    Raises:
        ValueError: `value` is no integer, or out of range.
    """
    bounds = f"of at least {minimum}" if maximum is None else f"from {minimum} to {maximum}"
    found = _as_integer(value)
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


def single_seed(name: str, value: object) -> int:
    """Return `value` as an int of 64 bits.

    Raises:
        ValueError: `value` is no integer, or has more than 64 bits.
    """
    found = _as_integer(value)
    if found is None or not _fits(found):
        raise _invalid(name, "an integer of 64 bits", value, "")
    return found


def seed_pair(name: str, value: object) -> tuple[int, int]:
    """Return two ints of 64 bits: `value` if it is two integers, else `value` and 0.

    Raises:
        ValueError: `value` is neither an integer nor two integers, or has more than 64 bits.
    """
    parts = [value, 0] if _as_integer(value) is not None else _items(value)
    found = [_as_integer(part) for part in parts]
    if len(found) != 2 or any(part is None or not _fits(part) for part in found):
        raise _invalid(name, "an integer or two integers, each of 64 bits", value, "")
    first, second = found
    return cast("int", first), cast("int", second)


def image_function(name: str, value: T) -> T:
    """Return `value`, None or a function of images and a seed.

    Raises:
        ValueError: it is neither None nor a function.
    """
    if value is not None and not callable(value):
        raise _invalid(name, "None, or a function of images and a seed", value, "")
    return value


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


def _as_integer(value: object) -> int | None:
    """Return an integer of any type as an int; None for anything else, bool included."""
    # Arrays and tensors of one element count as their element in Python's eyes, whatever their
    # shape, and so do some that hold a bool.
    shaped = len(getattr(value, "shape", ())) > 0
    if shaped or isinstance(value, bool) or "bool" in str(getattr(value, "dtype", "")):
        return None
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except (TypeError, AttributeError):  # the second: of TensorFlow's floats
        return None


def _items(value: object) -> list[object]:
    """Return the items of a sequence or an array; none for anything else."""
    try:
        # A set has no order, and a string's items are no numbers.
        return [] if isinstance(value, (str, dict, set)) else list(value)  # type: ignore[call-overload]
    except TypeError:
        return []


def _fits(value: int) -> bool:
    return -(2**63) <= value < 2**63


def _invalid(name: str, expected: str, value: object, hint: str) -> ValueError:
    sentence = f"Invalid value for argument `{name}`: expected {expected}, received {value!r}."
    return ValueError(f"{sentence} {hint}".rstrip())
