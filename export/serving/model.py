"""One version of a model in memory."""

from __future__ import annotations

import json
import math
import pathlib
import re
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf import json_format
from tensorflow.core.protobuf import saved_model_pb2

from ..checks import MAX_COUNT
from ..saved_model import CARD
from ..warmup import MODEL_NAME
from . import request, response
from .error import HttpError, shortened

MAX_VALUES = 4_000_000
"""Most numbers in one answer, about 50 MB of JSON."""


class Model:
    """A SavedModel, its signatures ready to be called.

    Args:
        path: the directory `<version>` that holds `saved_model.pb`.

    Attributes:
        version: its number.
        num_classes: number of classes that the card of the export tells, None without.

    Raises:
        Exception: whatever TensorFlow says of a directory that it cannot load.
    """

    def __init__(self, path: pathlib.Path):
        self.version = int(path.name)
        proto = saved_model_pb2.SavedModel.FromString((path / "saved_model.pb").read_bytes())
        self._definitions = proto.meta_graphs[0].signature_def
        self._loaded = tf.saved_model.load(str(path))
        card = path / "assets.extra" / CARD
        told = json.loads(card.read_text()) if card.exists() else {}
        self.num_classes: int | None = told.get("num_classes")

    def metadata(self) -> dict[str, Any]:
        """The JSON of TensorFlow Serving's GetModelMetadataResponse."""
        signatures = {
            name: json_format.MessageToDict(
                definition,
                preserving_proto_field_name=True,
                always_print_fields_with_no_presence=True,
            )
            for name, definition in self._definitions.items()
        }
        return {
            "model_spec": {"name": MODEL_NAME, "signature_name": "", "version": str(self.version)},
            "metadata": {"signature_def": {"signature_def": signatures}},
        }

    def signatures(self) -> dict[str, dict[str, tf.TensorSpec]]:
        """By the name of each signature, the inputs by theirs."""
        return {
            name: function.structured_input_signature[1]
            for name, function in self._loaded.signatures.items()
        }

    def predict(self, body: bytes) -> str:
        """Answers a predict request of the REST API.

        Args:
            body: the request's JSON.

        Returns:
            The answer's JSON.

        Raises:
            HttpError: the request cannot be answered.
        """
        document = request.parse(body)
        signature = document.get("signature_name", "")
        if not isinstance(signature, str):
            raise HttpError(400, "'signature_name' must be a string.")
        outputs = self.run(signature or "serving_default", document)
        return response.rows(outputs) if "instances" in document else response.columns(outputs)

    def run(self, signature: str, document: dict[str, Any]) -> dict[str, np.ndarray]:
        """Calls a signature.

        Args:
            signature: its name.
            document: the inputs, in `instances` or `inputs`.

        Returns:
            The outputs by name.

        Raises:
            HttpError: there is no such signature, the inputs do not fit, or the model refuses them.
        """
        function = self._loaded.signatures.get(signature)
        if function is None:
            raise HttpError(
                400,
                f"There is no signature '{shortened(signature)}'; there are "
                f"{', '.join(self._loaded.signatures)}.",
            )
        specs = function.structured_input_signature[1]
        inputs = request.arrays(document, specs)
        _check_size(inputs, specs, function.structured_outputs)
        tensors = {name: tf.constant(inputs[name], specs[name].dtype) for name in specs}
        try:
            return {name: output.numpy() for name, output in function(**tensors).items()}
        except tf.errors.ResourceExhaustedError as error:
            raise HttpError(429, f"Not enough memory: {_gist(error)}") from error
        except (tf.errors.InvalidArgumentError, tf.errors.OutOfRangeError) as error:
            raise HttpError(400, _gist(error)) from error

    def warm_up(self) -> None:
        """Calls each signature once with zeros, one row; TensorFlow is slow at the first call.

        That also shows that the version works. A model may refuse zeros; it is warm then, too.
        """
        for name, specs in self.signatures().items():
            inputs = {key: _zeros(key, spec) for key, spec in specs.items()}
            try:
                self.predict(json.dumps({"signature_name": name, "inputs": inputs}).encode())
            except HttpError:
                continue


def _zeros(name: str, spec: tf.TensorSpec) -> Any:
    if name == "count":
        return 1
    shape = [size or 1 for size in spec.shape.as_list()] if spec.shape.rank is not None else []
    zero = {tf.string: "", tf.bool: False}.get(spec.dtype, 0)
    return np.full(shape, zero, object).tolist()


def _check_size(
    inputs: dict[str, np.ndarray],
    specs: dict[str, tf.TensorSpec],
    outputs: dict[str, tf.TensorSpec],
) -> None:
    """A single request must not take all memory, so rows and numbers of an answer are bounded.

    A row is one of an input whose first dimension is free; `count` says how many there will be.
    """
    batched = [name for name, spec in specs.items() if spec.shape.rank and spec.shape[0] is None]
    rows = {name: len(inputs[name]) for name in batched}
    if "count" in inputs and inputs["count"].ndim == 0:
        rows["count"] = int(inputs["count"])
    for name, number in rows.items():
        if not 1 <= number <= MAX_COUNT:
            raise HttpError(
                400, f"Input '{name}': expected 1 to {MAX_COUNT} rows a request, received {number}."
            )
    shapes = [spec.shape[1:] for spec in outputs.values() if spec.shape.rank]
    row = sum(math.prod(size or 1 for size in shape) for shape in shapes)
    values = row * max(rows.values(), default=1)
    if values > MAX_VALUES:
        raise HttpError(
            400, f"The answer would hold {values:,} numbers; ask for at most {MAX_VALUES:,} a time."
        )


def _gist(error: tf.errors.OpError) -> str:
    """What TensorFlow says, without where in its graph."""
    message = error.message.rpartition("<stack traces unavailable>")[2]
    message = re.sub(r"\s*(\{\{.*?\}\}|\[\[.*?\]\]|\[Op:.*?\])", "", message)
    return shortened(" ".join(message.split()), 300)
