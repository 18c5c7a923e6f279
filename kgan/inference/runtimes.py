"""Exported files as functions of arrays: SavedModels by TensorFlow, `.tflite` files by LiteRT."""

from __future__ import annotations

import pathlib
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from kgan.inference.generator import Function
from kgan.utils.types import JsonDict

if TYPE_CHECKING:
    from ai_edge_litert.interpreter import SignatureRunner

__all__ = [
    "encoding",
    "run_by_litert",
    "saved_model_function",
    "served",
    "signature_runner",
    "tflite_function",
    "tflite_metadata",
]


def saved_model_function(path: pathlib.Path) -> Function:
    """Return the function that the signature `serving_default` of a SavedModel computes."""
    return served(tf.saved_model.load(str(path)))


def served(model: tf.Module) -> Function:
    """Return the function of the signature `serving_default` of a loaded SavedModel."""

    def images(
        latents: np.ndarray | None = None,
        labels: np.ndarray | None = None,
        conditions: np.ndarray | None = None,
    ) -> np.ndarray:
        # By way of `model`: a signature alone does not keep its variables alive.
        named = _named(latents, labels, conditions)
        inputs = {name: tf.constant(value) for name, value in named.items()}
        return model.signatures["serving_default"](**inputs)["images"].numpy()

    return images


def encoding(model: tf.Module) -> Function | None:
    """Return the function of the signature `encode` of a loaded SavedModel; None without one."""
    if "encode" not in model.signatures:
        return None
    return lambda images: model.signatures["encode"](images=tf.constant(images))["latents"].numpy()


def tflite_function(path: pathlib.Path) -> Function:
    """Return the function that the signature `serving_default` of a `.tflite` file computes.

    It takes and returns float32, also where the file takes and returns 8-bit integers.
    """
    return run_by_litert(signature_runner(path))


def signature_runner(path: pathlib.Path) -> SignatureRunner:
    """Return LiteRT's runner of the signature `serving_default` of a `.tflite` file."""
    from ai_edge_litert.interpreter import Interpreter

    return Interpreter(model_path=str(path)).get_signature_runner("serving_default")


def run_by_litert(runner: SignatureRunner) -> Function:
    """Return the function that `runner` computes, with float32 inputs and outputs."""
    inputs, output = runner.get_input_details(), runner.get_output_details()["images"]
    latent_dim = inputs["latents"]["shape"][-1] if "latents" in inputs else 0

    def images(
        latents: np.ndarray | None = None,
        labels: np.ndarray | None = None,
        conditions: np.ndarray | None = None,
    ) -> np.ndarray:
        # LiteRT would read beyond the end of the array.
        if latents is not None and latents.shape[1] != latent_dim:
            raise ValueError(f"it takes latents of size {latent_dim}, not {latents.shape[1]}")
        values = _named(latents, labels, conditions).items()
        made = runner(**{name: _quantize(value, inputs[name]) for name, value in values})["images"]
        if made.dtype != np.int8:
            return made
        scale, zero_point = output["quantization"]
        return np.float32(scale) * (made.astype(np.float32) - zero_point)

    return images


def tflite_metadata(path: pathlib.Path, name: str) -> bytes | None:
    """Return the entry `name` of the metadata of a `.tflite` file; None where there is none."""
    from ai_edge_litert.schema_py_generated import Model

    model = Model.GetRootAs(path.read_bytes())
    for entry in map(model.Metadata, range(model.MetadataLength())):
        if entry.Name() == name.encode():
            return model.Buffers(entry.Buffer()).DataAsNumpy().tobytes()
    return None


def _quantize(values: np.ndarray, details: JsonDict) -> np.ndarray:
    if details["dtype"] != np.int8:
        return values
    scale, zero_point = details["quantization"]
    return np.clip(np.rint(values / scale) + zero_point, -128, 127).astype(np.int8)


def _named(
    latents: np.ndarray | None, labels: np.ndarray | None, conditions: np.ndarray | None
) -> dict[str, np.ndarray]:
    given = {"latents": latents, "labels": labels, "conditions": conditions}
    # Signatures have no latents of no numbers.
    return {name: x for name, x in given.items() if x is not None and x.shape[1:] != (0,)}
