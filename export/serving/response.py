"""Convert arrays to the body of a predict response."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping

import numpy as np

from .error import HttpError

# So many numbers are converted in a millisecond, during which no other thread of Python runs.
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
    arrays = {name: _encodable(array, name) for name, array in outputs.items()}
    if len(arrays) == 1:
        (array,) = arrays.values()
        return f'{{"predictions": [{", ".join(_pieces(array))}]}}'
    texts = [
        _object({name: _text(array[i, ...]) for name, array in arrays.items()})
        for i in range(counts.pop()[0])
    ]
    return f'{{"predictions": [{", ".join(texts)}]}}'


def columns(outputs: Mapping[str, np.ndarray]) -> str:
    """Return `{"outputs": ...}`: a value, or an object of values where outputs are several."""
    texts = {name: _text(_encodable(array, name)) for name, array in outputs.items()}
    return f'{{"outputs": {texts.popitem()[1] if len(texts) == 1 else _object(texts)}}}'


def _object(members: Mapping[str, str]) -> str:
    return f"{{{', '.join(f'{json.dumps(name)}: {text}' for name, text in members.items())}}}"


def _encodable(array: np.ndarray, name: str) -> np.ndarray:
    """Return the array, whose strings are replaced by their JSON."""
    if array.dtype.kind == "O":
        texts = np.empty(array.size, object)
        texts[:] = _strings(array.ravel().tolist(), name.endswith("_bytes"))
        return texts.reshape(array.shape)
    if array.dtype.itemsize >= 4 and array.dtype.kind not in "iuf":
        raise HttpError(400, f"Output '{name}' is of {array.dtype}, which has no form in JSON.")
    return array


def _text(array: np.ndarray) -> str:
    """Return the JSON of an array."""
    return f"[{', '.join(_pieces(array))}]" if array.ndim else _leaves(array.ravel())[0]


def _pieces(array: np.ndarray) -> Iterator[str]:
    """Yield the JSON of an array without its brackets, piece by piece, each one or more rows."""
    row = array[:1].size
    if array.ndim > 1 and row > _NUMBERS_AT_ONCE:
        for part in array:
            yield _text(part)
        return
    step = _NUMBERS_AT_ONCE // max(row, 1)
    for i in range(0, len(array), step):
        yield ", ".join(_rows(array[i : i + step]))


def _rows(array: np.ndarray) -> list[str]:
    """Return the JSON of each row of a small array."""
    parts = _leaves(array.ravel())
    for i in range(array.ndim - 1, 0, -1):
        size, count = array.shape[i], int(np.prod(array.shape[:i]))
        parts = [f"[{', '.join(parts[k * size : (k + 1) * size])}]" for k in range(count)]
    return parts


def _leaves(values: np.ndarray) -> list[str]:
    if values.dtype.kind == "O":
        return values.tolist()
    if values.dtype.kind in "iu":
        return list(map(str, values.tolist()))
    if values.dtype.kind == "b":
        return ["true" if value else "false" for value in values]
    if values.dtype.itemsize < 4:
        values = values.astype(np.float32)  # NumPy prints bfloat16 otherwise
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
