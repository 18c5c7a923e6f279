"""Convert arrays to the body of a predict response."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Mapping

import numpy as np

from .error import HttpError

# NumPy converts so many numbers in a millisecond, during which no other thread of Python runs.
_NUMBERS_AT_ONCE = 1024


def rows(outputs: Mapping[str, np.ndarray]) -> str:
    """Return `{"predictions": [...]}`: one value a row, or one object where outputs are several.

    Raises:
        HttpError: 400, the outputs have no common first dimension.
    """
    counts = {array.shape[:1] for array in outputs.values()}
    if len(counts) != 1 or counts == {()}:
        raise HttpError(
            400, "The outputs are not rows, one for each instance: ask by 'inputs' (columns)."
        )
    columns = {name: _nested(array, name, 1) for name, array in outputs.items()}
    if len(columns) == 1:
        (texts,) = columns.values()
    else:
        named = zip(*columns.values(), strict=True)
        texts = [_object(dict(zip(columns, row, strict=True))) for row in named]
    return f'{{"predictions": [{", ".join(texts)}]}}'


def columns(outputs: Mapping[str, np.ndarray]) -> str:
    """Return `{"outputs": ...}`: a value, or an object of values where outputs are several."""
    texts = {name: _nested(array, name, 0)[0] for name, array in outputs.items()}
    return f'{{"outputs": {texts.popitem()[1] if len(texts) == 1 else _object(texts)}}}'


def _object(members: Mapping[str, str]) -> str:
    return f"{{{', '.join(f'{json.dumps(name)}: {text}' for name, text in members.items())}}}"


def _nested(array: np.ndarray, name: str, depth: int) -> list[str]:
    """Return the JSON of each part of `array` below its first `depth` dimensions."""
    parts = _leaves(array.ravel(), name)
    for i in range(array.ndim - 1, depth - 1, -1):
        size, count = array.shape[i], int(np.prod(array.shape[:i]))
        parts = [f"[{', '.join(parts[k * size : (k + 1) * size])}]" for k in range(count)]
    return parts


def _leaves(values: np.ndarray, name: str) -> list[str]:
    if values.dtype.kind == "O":
        return _strings(values.tolist(), name.endswith("_bytes"))
    starts = range(0, values.size, _NUMBERS_AT_ONCE)
    parts = (_numbers(values[i : i + _NUMBERS_AT_ONCE], name) for i in starts)
    return list(itertools.chain.from_iterable(parts))


def _numbers(values: np.ndarray, name: str) -> list[str]:
    if values.dtype.kind in "iu":
        return list(map(str, values.tolist()))
    if values.dtype.kind == "b":
        return ["true" if value else "false" for value in values]
    if values.dtype.itemsize < 4:
        values = values.astype(np.float32)  # NumPy prints bfloat16 otherwise
    if values.dtype.kind != "f":
        raise HttpError(400, f"Output '{name}' is of {values.dtype}, which has no form in JSON.")
    # The shortest text that reads as the same number in this precision.
    texts = values.astype("U").tolist()
    if np.isfinite(values).all():
        return texts
    tokens = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
    return [tokens.get(text, text) for text in texts]


def _strings(values: list[bytes], binary: bool) -> list[str]:
    """Return text if all values are UTF-8 and `binary` is False; else `{"b64": ...}`."""
    if not binary:
        try:
            return [json.dumps(value.decode()) for value in values]
        except UnicodeDecodeError:
            pass
    return [f'{{"b64": "{base64.b64encode(value).decode()}"}}' for value in values]
