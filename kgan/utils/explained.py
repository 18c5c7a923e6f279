"""Replace TensorFlow's errors about data by what their source says of them."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from typing import TypeAlias

import tensorflow as tf

__all__ = ["Explain", "explained", "reason"]

# Returns the error to raise instead of one of TensorFlow, or None to let that one pass.
Explain: TypeAlias = Callable[[tf.errors.OpError], Exception | None]


@contextlib.contextmanager
def explained(explain: Explain | None) -> Iterator[None]:
    """Raise what `explain` makes of an error of TensorFlow in the block; None changes nothing."""
    try:
        yield
    except tf.errors.OpError as error:
        found = explain(error) if explain else None
        if found is None:
            raise
        # The search for the cause has met it again, so TensorFlow's words add nothing.
        raise found from None


def reason(error: Exception) -> str:
    """Return what happened, without the nodes that TensorFlow names before and after it."""
    text = re.sub(r"\{\{.*?\}\} ?", "", getattr(error, "message", str(error)))
    found = re.search(r"^(\S.*)\n\s*\[\[", text, re.MULTILINE)
    line = found[1] if found else text.strip().partition("\n")[0]
    line = re.sub(r"^Error in user-defined function.*?Iterator::\S*: ", "", line)
    return re.sub(r" \[Op:.*| on /job:\S+", "", line).rstrip(". ") or type(error).__name__
