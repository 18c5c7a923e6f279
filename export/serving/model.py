"""One version of a SavedModel in memory, which answers predict requests."""

from __future__ import annotations

import itertools
import json
import math
import pathlib
import re

import numpy as np
import tensorflow as tf
from google.protobuf import json_format
from tensorflow.core.protobuf import saved_model_pb2

from kgan.inference import class_names, read_card
from kgan.saved_model import MAX_COUNT, MODEL_NAME
from kgan.utils.types import JsonDict

from . import request, response
from .error import HttpError, shortened

MAX_VALUES = 400_000
"""Most numbers in one answer, up to 10 MB of JSON."""
MAX_BYTES = 8 * 2**20
"""Most bytes of the strings in one answer."""
MAX_PIXELS = 4_000_000
"""Most numbers in the images of one picture, or of the PNG files of one answer."""


class Model:
    """A SavedModel whose signatures can be called.

    Args:
        path: the directory `<version>` that holds `saved_model.pb`.

    Attributes:
        version: its number.
        num_classes: number of classes by the card of kgan-export; None without one, and where the
            signature `sample` takes no labels.
        class_names: their names; empty where the card has none.
        metadata: the JSON of TensorFlow Serving's GetModelMetadataResponse.

    Raises:
        Exception: TensorFlow cannot load the directory; the type depends on the cause.
    """

    def __init__(self, path: pathlib.Path):
        self.version = int(path.name)
        proto = saved_model_pb2.SavedModel.FromString((path / "saved_model.pb").read_bytes())
        self._definitions = proto.meta_graphs[0].signature_def
        self._loaded = tf.saved_model.load(str(path))
        card = read_card(path)
        labelled = "labels" in self.signatures().get("sample", {})
        self.num_classes: int | None = card.get("num_classes") if labelled else None
        self.class_names = class_names(card.get("config", {}))
        self.metadata = self._metadata()

    def _metadata(self) -> str:
        signatures = {
            name: json_format.MessageToDict(
                definition,
                preserving_proto_field_name=True,
                always_print_fields_with_no_presence=True,
            )
            for name, definition in self._definitions.items()
        }
        message = {
            "model_spec": {"name": MODEL_NAME, "signature_name": "", "version": str(self.version)},
            "metadata": {"signature_def": {"signature_def": signatures}},
        }
        return json.dumps(message, indent=1)

    def signatures(self) -> dict[str, dict[str, tf.TensorSpec]]:
        """Return the inputs by name, of each signature by name."""
        return {
            name: function.structured_input_signature[1]
            for name, function in self._loaded.signatures.items()
        }

    def predict(self, body: bytes) -> str:
        """Answer a predict request of the REST API.

        Args:
            body: the request's JSON.

        Returns:
            The JSON of the answer.

        Raises:
            HttpError: the request cannot be answered.
        """
        document = request.parse(body)
        signature = document.get("signature_name", "")
        if not isinstance(signature, str):
            raise HttpError(400, "'signature_name' must be a string.")
        outputs = self.run(signature or "serving_default", document)
        _check_answer(outputs)
        return response.rows(outputs) if "instances" in document else response.columns(outputs)

    def run(
        self, signature: str, document: JsonDict, most: int = MAX_VALUES
    ) -> dict[str, np.ndarray]:
        """Call a signature.

        Args:
            signature: its name.
            document: the inputs, in `instances` or `inputs`.
            most: how many numbers the outputs may have.

        Returns:
            The outputs by name.

        Raises:
            HttpError: there is no such signature, or inputs do not fit or are refused by the model.
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
        # PNG files count as the images in them.
        images = self._loaded.signatures.get(signature.removesuffix("_png"), function)
        most = most if images is function else MAX_PIXELS
        _check_size(inputs, specs, images.structured_outputs, most)
        tensors = {name: tf.constant(inputs[name], specs[name].dtype) for name in specs}
        try:
            return {name: _array(output) for name, output in function(**tensors).items()}
        except tf.errors.ResourceExhaustedError as error:
            raise HttpError(429, f"Not enough memory: {_message(error)}") from error
        except (tf.errors.InvalidArgumentError, tf.errors.OutOfRangeError) as error:
            raise HttpError(400, _message(error)) from error

    def warm_up(self) -> None:
        """Call each signature once with a row of zeros, because a first call of TensorFlow is slow.

        It also shows that the version works. A model that refuses zeros is warm all the same.
        """
        for name, specs in self.signatures().items():
            inputs = {key: _zeros(key, spec) for key, spec in specs.items()}
            try:
                self.predict(json.dumps({"signature_name": name, "inputs": inputs}).encode())
            except HttpError:
                continue


def _zeros(name: str, spec: tf.TensorSpec) -> object:
    if name == "count":
        return 1
    shape = [size or 1 for size in spec.shape.as_list()] if spec.shape.rank is not None else []
    zero = {tf.string: "", tf.bool: False}.get(spec.dtype, 0)
    return np.full(shape, zero, object).tolist()


def _check_size(
    inputs: dict[str, np.ndarray],
    specs: dict[str, tf.TensorSpec],
    outputs: dict[str, tf.TensorSpec],
    most: int,
) -> None:
    """Raise where a request has too many rows, or its answer would have too many numbers.

    Rows are those of an input whose first dimension is free; `count` is a number of rows as well.
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
    if values > most:
        raise HttpError(
            400, f"The answer would hold {values:,} numbers; ask for at most {most:,} a time."
        )


def _check_answer(outputs: dict[str, np.ndarray]) -> None:
    """Raise where an answer, whose size the signature may leave open, is too long."""
    values = sum(array.size for array in outputs.values())
    if values > MAX_VALUES:
        raise HttpError(
            400, f"The answer has {values:,} numbers; ask for at most {MAX_VALUES:,} a time."
        )
    strings = (array.ravel() for array in outputs.values() if array.dtype.kind == "O")
    size = sum(map(len, itertools.chain.from_iterable(strings)))
    if size > MAX_BYTES:
        raise HttpError(
            400, f"The answer has {size:,} bytes of strings; ask for at most {MAX_BYTES:,} a time."
        )


def _array(output: tf.Tensor) -> np.ndarray:
    return np.asarray(output.numpy(), object if output.dtype == tf.string else None)


def _message(error: tf.errors.OpError) -> str:
    """Return the message of TensorFlow, without the place in its graph."""
    message = error.message.rpartition("<stack traces unavailable>")[2]
    message = re.sub(r"\s*(\{\{.*?\}\}|\[\[.*?\]\]|\[Op:.*?\])", "", message)
    return shortened(" ".join(message.split()), 300)
