"""ONNX, for ONNX Runtime and the many tools that read it. Needs the extra `kgan[onnx]`."""

from __future__ import annotations

import importlib
import logging
import os
import pathlib
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from kgan.inference import KerasGenerator
from kgan.utils.loading import error_summary

from .unchecked import LABELS

OPSET = 17
"""Version of the operations; runtimes of 2022 and later support it."""


def check_installed() -> None:
    """Import the packages of the extra, so that a missing one is reported before any work.

    Raises:
        ModuleNotFoundError: one of them is not installed.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # else ONNX Runtime reports to Microsoft
    for package in ("tf2onnx", "onnxruntime"):
        try:
            importlib.import_module(package)
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                f"The format onnx needs {error.name}, which is not installed: "
                "pip install 'kgan[onnx]', or leave onnx out of --formats."
            ) from error


def write(generator: KerasGenerator, path: pathlib.Path) -> None:
    """Write the generator in float32 to the file `path`.

    It maps `latents`, float32 `[batch, latent_dim]`, if there are any, and `labels`, int32
    `[batch]`, or `conditions`, float32 `[batch, *condition_shape]` in [0, 1], if it is conditional,
    to `images`, float32 `[batch, height, width, channels]`. The description of the model says that
    labels are not checked.

    Raises:
        ValueError: the generator uses an operation that ONNX or the converter lacks.
    """
    import onnx
    import tf2onnx

    specs = list(generator.specs.values())

    @tf.function(input_signature=specs, autograph=False)
    def generate(*inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        named = zip(generator.specs, inputs, strict=True)
        return {"images": generator.images(**dict(named))}

    logging.getLogger("tf2onnx").setLevel(logging.CRITICAL)  # its errors are raised below
    try:
        model, _ = tf2onnx.convert.from_function(generate, input_signature=specs, opset=OPSET)
    except Exception as error:
        raise ValueError(_refusal(error_summary(error))) from error
    # The converter copies unknown operations into the file without an error.
    used = {(node.op_type, node.domain) for node in model.graph.node}
    unknown = sorted(name for name, domain in used if not onnx.defs.has(name, OPSET, domain))
    if unknown:
        raise ValueError(_refusal(", ".join(unknown)))
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    if generator.num_classes is not None:
        model.doc_string = LABELS.format(generator.num_classes - 1)
    path.write_bytes(model.SerializeToString())


def _refusal(reason: str) -> str:
    return (
        f"The generator does not convert to ONNX ({reason}). "
        "Leave onnx out of --formats, or build the generator of operations that ONNX has."
    )


def load(path: pathlib.Path) -> Callable[..., np.ndarray]:
    """Return the function from latents, and labels, to images that ONNX Runtime computes."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda **inputs: session.run(["images"], inputs)[0]
