"""Make absl flags of an options class, and read them back."""

from __future__ import annotations

import dataclasses
import sys
import typing
from typing import TYPE_CHECKING

from absl import flags

from .options import Option, OptionValues, described

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["define_flags", "given_flags"]

DEFINE: dict[type, typing.Callable[..., object]] = {
    bool: flags.DEFINE_bool,
    int: flags.DEFINE_integer,
    float: flags.DEFINE_float,
    str: flags.DEFINE_string,
    tuple: flags.DEFINE_list,
}


def define_flags(
    options: type[DataclassInstance], module: str, *, with_defaults: bool = False
) -> None:
    """Define a flag for each field of an options class.

    Args:
        options: the class; its fields are made by `options.option`.
        module: the module that absl lists the flags under.
        with_defaults: give flags the defaults of their fields. Otherwise flags default to None,
            "not given", so that a program can tell a given value from a default.
    """
    if module == "__main__":
        module = sys.argv[0]  # absl's name for it
    hints = typing.get_type_hints(options)
    for field, about in described(options):
        own = None if field.default is dataclasses.MISSING else field.default
        own = list(own) if isinstance(own, tuple) else own
        default, note = (own, None) if with_defaults else (None, own)  # absl adds its default
        define = DEFINE[_flag_type(hints[field.name])]
        define(field.name, default, _help(about, note), module_name=module)


def given_flags(options: type[DataclassInstance]) -> OptionValues:
    """Return the values of the flags that are not None, as the fields of `options` take them."""
    values = {field.name: flags.FLAGS[field.name].value for field, _ in described(options)}
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in values.items()
        if value is not None
    }


def _flag_type(annotation: object) -> type:
    """Return the type without `| None`, and of a tuple the bare type; of `int | str`, text."""
    if typing.get_origin(annotation) is tuple:
        return tuple
    kinds = {*(typing.get_args(annotation) or [annotation])} - {type(None)}
    if str in kinds:
        return str
    (kind,) = kinds
    return kind


def _help(about: Option, default: object) -> str:
    """Return the help text: what the option does, its choices and its default."""
    notes = []
    if about.choices:
        notes.append(f"one of {', '.join(about.choices)}")
    for other, having in {**about.only_with, **about.given_with}.items():
        notes.append(f"for --{other}={', '.join(having)}")
    if about.unset:
        notes.append(f"default: {about.unset}")
    elif default is not None:
        notes.append(f"default {default}")
    return f"{about.help} ({'; '.join(notes)})" if notes else f"{about.help}."
