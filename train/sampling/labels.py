"""From `--labels` to the numbers of classes."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Sequence

import numpy as np

from kgan.inference import Generator

LISTED = 12  # names that an error message holds


def class_numbers(labels: Sequence[str], generator: Generator) -> np.ndarray:
    """Return the numbers of classes that a user names, int32 `[len(labels)]`.

    A number below the number of classes is that class. Anything else is a name.

    Args:
        labels: names or numbers; empty for all classes.
        generator: the generator that has the classes.

    Returns:
        An empty array for a generator that is not conditional.

    Raises:
        ValueError: the generator is not conditional, or has no such class.
    """
    if labels and generator.num_classes is None:
        raise ValueError(
            f"--labels={','.join(labels)}: expected none, as {generator.path} is not conditional. "
            "Leave it out, or train with --conditional."
        )
    numbers = [_number(label.strip(), generator) for label in labels]
    return np.array(numbers or range(generator.num_classes or 0), np.int32)


def _number(label: str, generator: Generator) -> int:
    names, classes = generator.class_names, generator.num_classes or 0
    if label.isascii() and label.isdecimal() and int(label) < classes:
        number = int(label)
        if label in names and names[number] != label:
            warnings.warn(
                f"--labels={label} is taken as the number of the class {names[number]!r}; that of "
                f"the class {label!r} is {names.index(label)}.",
                stacklevel=2,
            )
        return number
    if label in names:
        return names.index(label)
    raise ValueError(
        f"--labels={label}: expected numbers of classes, 0 to {classes - 1}{_known(label, names)}."
    )


def _known(label: str, names: Sequence[str]) -> str:
    """Return the end of a sentence: the names that there are, the closest ones if many."""
    if not names:
        return ", as no names are recorded"
    if len(names) <= LISTED:
        return f", or names: {', '.join(names)}"
    close = difflib.get_close_matches(label, names, LISTED, 0.5) or names[:LISTED]
    return f", or names, such as {', '.join(close)} ({len(names)} in all)"


def class_names(numbers: np.ndarray, generator: Generator) -> list[str]:
    """Return the names of classes; their numbers where none are recorded."""
    names = generator.class_names
    return [names[number] if names else str(number) for number in numbers]
