"""Convert the body of a predict request to arrays."""

from __future__ import annotations

import base64
import itertools
import json
import json.scanner
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias, TypeGuard, cast

import numpy as np
import tensorflow as tf

from kgan.utils.types import JsonDict

from .error import HttpError, shortened

Specs: TypeAlias = Mapping[str, tf.TensorSpec]
Arrays: TypeAlias = dict[str, np.ndarray]
Json: TypeAlias = object  # a value of any JSON type

MAX_VALUES = 200_000
"""Most values of one request."""
_MAX_KEYS = 1000
_BYTES_AT_ONCE = 2**16


class _Decoder(json.JSONDecoder):
    """Reads JSON in Python, ten times slower, so that other threads run meanwhile."""

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.scan_once = json.scanner.py_make_scanner(self)  # type: ignore[attr-defined]


def parse(body: bytes) -> JsonDict:
    """Return the JSON object that `body` holds; NaN and Infinity are read, as by the API.

    Raises:
        HttpError: 400, it is no JSON object in UTF-8, is nested too deeply, repeats a key, or has
            too many values.
    """
    if body.count(b",") > MAX_VALUES:
        raise HttpError(400, f"A request holds at most {MAX_VALUES:,} values.")
    decoder = json.JSONDecoder if len(body) <= _BYTES_AT_ONCE else _Decoder
    try:
        text = body.decode("utf-8-sig")
        document = json.loads(text, cls=decoder, object_pairs_hook=_without_repetition)
    except RecursionError as error:
        raise HttpError(400, "The JSON is nested too deeply.") from error
    except ValueError as error:  # broken JSON or UTF-8, or an integer of thousands of digits
        raise HttpError(400, f"The body is not JSON: {shortened(str(error))}") from error
    if not isinstance(document, dict):
        raise HttpError(400, f"The JSON must be an object, received {_kind(document)}.")
    return document


def _without_repetition(pairs: list[tuple[str, Json]]) -> JsonDict:
    if len(pairs) > _MAX_KEYS:
        raise ValueError(f"an object has more than {_MAX_KEYS:,} keys")
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object has the same key twice")
    return found


def arrays(document: JsonDict, specs: Specs) -> Arrays:
    """Return the inputs in a request's `instances` (rows) or `inputs` (columns).

    Args:
        document: the request.
        specs: the inputs that the signature needs, by name.

    Returns:
        For each input, an array of its dtype and of a compatible shape.

    Raises:
        HttpError: 400, an input is missing, unknown, or does not fit.
    """
    if ("instances" in document) == ("inputs" in document):
        raise HttpError(400, "The request needs either 'instances' (rows) or 'inputs' (columns).")
    if "instances" in document:
        columns = _columns(document["instances"], specs)
    else:
        columns = _named(document["inputs"], specs)
    return {name: array(columns[name], spec, name) for name, spec in specs.items()}


def _columns(instances: Json, specs: Specs) -> JsonDict:
    """Convert rows to columns."""
    if not isinstance(instances, list) or not instances:
        raise HttpError(400, f"'instances' must be a list with rows, received {_kind(instances)}.")
    if not _is_named(instances[0]):
        return _named(instances, specs)
    for i, row in enumerate(instances):
        if not _is_named(row) or row.keys() != specs.keys():
            got = f"the keys {_listed(row)}" if isinstance(row, dict) else _kind(row)
            raise HttpError(
                400, f"Row {i} must be an object with the keys {_listed(specs)}, received {got}."
            )
    return {name: [row[name] for row in instances] for name in specs}


def _named(value: Json, specs: Specs) -> JsonDict:
    """Return the values by the name of their input; a single input may come without its name."""
    if not _is_named(value):
        if len(specs) != 1:
            raise HttpError(400, f"The signature has the inputs {_listed(specs)}: name them.")
        return dict.fromkeys(specs, value)
    if value.keys() != specs.keys():
        raise HttpError(
            400, f"The signature has the inputs {_listed(specs)}, received {_listed(value)}."
        )
    return value


def array(value: Json, spec: tf.TensorSpec, name: str) -> np.ndarray:
    """Convert nested lists to the array that an input needs.

    Args:
        value: a JSON value.
        spec: dtype and shape of the input.
        name: the name of the input, for errors.

    Raises:
        HttpError: 400, rows differ in length, a shape, type or range does not fit, or a float is
            not finite.
    """
    level: list[Json] = [value]
    shape: list[int] = []
    while any(type(item) is list for item in level):
        lengths = {len(item) if type(item) is list else -1 for item in level}
        if len(lengths) > 1:
            raise HttpError(400, f"Input '{name}': lists of one level differ in length.")
        shape.append(lengths.pop())
        level = list(itertools.chain.from_iterable(cast("list[list[Json]]", level)))
    if not spec.shape.is_compatible_with(shape):
        expected = ["any" if size is None else size for size in spec.shape.as_list()]
        raise HttpError(
            400, f"Input '{name}': expected the shape {_listed(expected)}, received {shape}."
        )
    return _leaves(level, spec.dtype, name).reshape(shape)


def _leaves(values: list[Json], dtype: tf.DType, name: str) -> np.ndarray:
    if dtype == tf.string:
        return np.array([_bytes(value, name) for value in values], dtype=object)
    if dtype.is_integer and not dtype.is_quantized:
        _check_types(values, {int}, dtype, name)
        integers = cast("list[int]", values)
        if integers and not dtype.min <= min(integers) <= max(integers) <= dtype.max:
            raise HttpError(
                400, f"Input '{name}': a number is outside of the range of {dtype.name}."
            )
        return np.array(values, dtype.as_numpy_dtype)
    if dtype == tf.bool:
        _check_types(values, {bool}, dtype, name)
        return np.array(values, bool)
    if dtype.is_floating:
        _check_types(values, {int, float}, dtype, name)
        return _floats(values, dtype, name)
    raise HttpError(400, f"Input '{name}' is of the type {dtype.name}, which has no form in JSON.")


def _check_types(values: list[Json], types: set[type], dtype: tf.DType, name: str) -> None:
    wrong = set(map(type, values)) - types
    if wrong:
        found = next(value for value in values if type(value) in wrong)
        raise HttpError(
            400, f"Input '{name}': expected values of {dtype.name}, received {_kind(found)}."
        )


def _floats(values: list[Json], dtype: tf.DType, name: str) -> np.ndarray:
    try:
        with np.errstate(over="ignore"):
            floats = np.array(values, np.float64).astype(dtype.as_numpy_dtype)
        finite = np.isfinite(floats).all()
    except OverflowError:  # an integer beyond float64
        finite = False
    if not finite:
        raise HttpError(400, f"Input '{name}': a number is NaN, infinite or beyond {dtype.name}.")
    return floats


def _bytes(value: Json, name: str) -> bytes:
    """Return text as UTF-8, and `{"b64": ...}` decoded; padding and white space are optional."""
    try:
        if isinstance(value, str):
            return value.encode()
        if _is_b64(value):
            text = "".join(value["b64"].split())
            return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError as error:
        raise HttpError(400, f"Input '{name}': {shortened(str(error))}.") from error
    raise HttpError(
        400, f"Input '{name}': expected a string or {{\"b64\": ...}}, received {_kind(value)}."
    )


def _is_b64(value: Json) -> TypeGuard[dict[str, str]]:
    return isinstance(value, dict) and value.keys() == {"b64"} and isinstance(value["b64"], str)


def _is_named(value: Json) -> TypeGuard[JsonDict]:
    return isinstance(value, dict) and not _is_b64(value)


def _listed(values: Iterable[object]) -> str:
    return shortened(f"[{', '.join(map(str, values))}]")


def _kind(value: Json) -> str:
    """Describe a JSON value: a container by its type, another value by itself."""
    if isinstance(value, (dict, list)):
        what = "object" if isinstance(value, dict) else "list"
        return f"an {what}" if what[0] == "o" else f"a {what} of {len(value)}"
    return shortened(json.dumps(value))
