"""Options of a program, each written once: as a dataclass field that knows its help and its check.

`option` makes such a field, `check_options` applies the checks, and `flags.define_flags` makes a
flag of each field.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = [
    "NON_NEGATIVE",
    "POSITIVE",
    "POSITIVE_INTEGER",
    "REQUIRED",
    "Expected",
    "Option",
    "OptionValues",
    "at_least",
    "below",
    "check_choice",
    "check_given",
    "check_options",
    "described",
    "option",
]

T = TypeVar("T")

# Values of options by name. They are of many types by nature.
OptionValues: TypeAlias = dict[str, Any]

# The default of an option that has none.
REQUIRED: Any = dataclasses.MISSING
NOTHING: Mapping[str, Sequence[str]] = types.MappingProxyType({})


@dataclasses.dataclass(frozen=True)
class Expected:
    """What a value must satisfy.

    Attributes:
        words: what the error message expects.
        holds: whether a value satisfies it. NaN must not.
    """

    words: str
    holds: Callable[..., bool]


POSITIVE_INTEGER = Expected("a positive integer", lambda value: value >= 1)
POSITIVE = Expected("a positive number", lambda value: value > 0)
NON_NEGATIVE = Expected("a number of at least 0", lambda value: value >= 0)


def at_least(minimum: int) -> Expected:
    """Return the check that an integer is at least `minimum`."""
    return Expected(f"an integer of at least {minimum}", lambda value: value >= minimum)


def below(limit: float) -> Expected:
    """Return the check that a number lies in [0, limit)."""
    return Expected(f"a number in [0, {limit:g})", lambda value: 0 <= value < limit)


@dataclasses.dataclass(frozen=True)
class Option:
    """What the field of an option knows; see `option`."""

    help: str
    choices: Sequence[str]
    expected: Expected | None
    only_with: Mapping[str, Sequence[str]]
    given_with: Mapping[str, Sequence[str]]
    unset: str


def option(
    default: T,
    help: str,
    choices: Sequence[str] = (),
    expected: Expected | None = None,
    only_with: Mapping[str, Sequence[str]] = NOTHING,
    given_with: Mapping[str, Sequence[str]] = NOTHING,
    unset: str = "",
) -> T:
    """Return a dataclass field for an option.

    Args:
        default: value of the field where the user gives none; `REQUIRED` where there is none.
        help: help text of the flag, without a full stop.
        choices: the values that a text may have; empty for any.
        expected: what a number must satisfy.
        only_with: another option's name -> those of its values that have this option. With any
            other, this option must keep its default.
        given_with: as `only_with`, where the user gives this option. A preset, or the record of a
            run, may hold a value that has no effect; `check_given` refuses it of users alone.
        unset: what a default of None stands for, for the help text.
    """
    about = Option(help, choices, expected, only_with, given_with, unset)
    # Typed as the default, so that the annotation of the field is checked against it.
    return cast(T, dataclasses.field(default=default, metadata={"option": about}))


def described(
    options: DataclassInstance | type[DataclassInstance],
) -> Iterator[tuple[dataclasses.Field[Any], Option]]:
    """Yield each field of an options class with what it knows of its option."""
    for field in dataclasses.fields(options):
        yield field, field.metadata["option"]


def check_options(options: DataclassInstance) -> None:
    """Raise for the first option whose value its field rules out. None always passes.

    Raises:
        ValueError: a value is unusable; the sentence names the flag as the user types it.
    """
    for field, about in described(options):
        value = getattr(options, field.name)
        if value is None:
            continue
        if about.choices:
            check_choice(field.name, value, about.choices)
        if about.expected and not about.expected.holds(value):
            raise ValueError(f"--{field.name}={value}: expected {about.expected.words}.")
        _check_having(options, field, about.only_with)


def check_given(options: DataclassInstance, given: Container[str]) -> None:
    """Raise for the first option that was given beside one with which it has no effect.

    Args:
        options: of any options class.
        given: names of the options that the user gave.

    Raises:
        ValueError: an option has no effect; the sentence names the flag as the user types it.
    """
    for field, about in described(options):
        if field.name in given:
            _check_having(options, field, about.given_with)


def _check_having(
    options: DataclassInstance, field: dataclasses.Field[Any], having: Mapping[str, Sequence[str]]
) -> None:
    value = getattr(options, field.name)
    for other, values in having.items():
        if value != field.default and getattr(options, other) not in values:
            have = "have" if len(values) > 1 else "has"
            raise ValueError(
                f"--{field.name}={value}: --{other}={getattr(options, other)} has no such "
                f"option; {', '.join(values)} {have} it."
            )


def check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    """Raise unless `value` is among `choices`.

    Raises:
        ValueError: it is not; the sentence names the flag as the user types it.
    """
    if value not in choices:
        raise ValueError(f"--{name}={value}: expected one of {', '.join(choices)}.")
