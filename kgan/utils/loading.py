"""Say in one sentence why a file of Keras cannot be loaded: Keras prints whole configurations."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator

__all__ = ["error_summary", "explained_loading"]

_NOT_FOUND = re.compile(r"Could not (?:locate|deserialize) (?:class|function) '([^']+)'")
_CONFIGURATION = re.compile(r" *(?:Full (?:object )?config: |config=).*")


def error_summary(error: BaseException) -> str:
    """Return the type of `error` and the first line of its message; Keras and TFLite write many."""
    line = str(error).partition("\n")[0]
    return f"{type(error).__name__}: {_CONFIGURATION.sub('', line)}"


@contextlib.contextmanager
def explained_loading(path: str | os.PathLike[str], hint: str) -> Iterator[None]:
    """Raise ValueError for an error in the block, which loads `path`.

    Args:
        path: the file.
        hint: a sentence for other errors than a class or function that is not registered with
            Keras, which is named with what to do.
    """
    try:
        yield
    except Exception as error:
        # Keras repeats it in the errors of all that contains it.
        missing = _NOT_FOUND.search(str(error))
        if missing is None:
            raise ValueError(f"{path} cannot be loaded ({error_summary(error)}). {hint}") from error
        raise ValueError(
            f"{path} cannot be loaded: it needs {missing[1]!r}, which is not registered with "
            "Keras. Import the module that registers it (keras.saving.register_keras_serializable) "
            "before: --import=MODULE of a program, import MODULE in Python."
        ) from error
