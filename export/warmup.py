"""Requests that TensorFlow Serving plays on loading a model, so that no user waits for the first.

The file is a TFRecord of `PredictionLog` messages. Their Python classes come with the package
tensorflow-serving-api, which brings gRPC; as the messages hold little beside tensors, whose class
TensorFlow has, they are written here in the wire format itself.
"""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

FILE = "tf_serving_warmup_requests"
MODEL_NAME = "gan"


def write(requests: Mapping[str, Mapping[str, Any]], directory: pathlib.Path) -> None:
    """Writes one record for each signature to the file `FILE` in `directory`.

    Args:
        requests: by the name of the signature, its inputs by theirs.
        directory: `assets.extra` of the SavedModel.
    """
    with tf.io.TFRecordWriter(str(directory / FILE)) as writer:
        for signature, inputs in requests.items():
            writer.write(_prediction_log(signature, inputs))


def _prediction_log(signature: str, inputs: Mapping[str, Any]) -> bytes:
    model_spec = _field(1, MODEL_NAME.encode()) + _field(3, signature.encode())
    request = _field(1, model_spec)
    for name, value in inputs.items():
        tensor = tf.make_tensor_proto(value).SerializeToString()
        request += _field(2, _field(1, name.encode()) + _field(2, tensor))  # an entry of the map
    predict_log = _field(1, request)
    return _field(6, predict_log)


def _field(number: int, payload: bytes) -> bytes:
    """A length-delimited field: its number and wire type 2, the length as varint, the payload."""
    length, head = len(payload), [number << 3 | 2]
    while length >= 128:
        head.append(length & 127 | 128)
        length >>= 7
    return bytes([*head, length]) + payload
