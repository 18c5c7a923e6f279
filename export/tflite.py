"""TFLite, for LiteRT on phones, boards and in browsers, in six precisions."""

from __future__ import annotations

import pathlib
import re
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from . import flatbuffer, lite_sampling, one_hot
from .generator import TrainedGenerator, error_summary
from .grafting import graft

QUANTIZATIONS = ("none", "float16", "dynamic", "int8", "int8_io", "16x8")

CALIBRATION = 1024  # latent points, whose activations' ranges become those of the integers
CALIBRATION_BATCH = 32
CALIBRATION_SEED = 1  # the parity check uses 0


def write(trained: TrainedGenerator, path: pathlib.Path, quantization: str = "none") -> None:
    """Writes the generator to the file `path`.

    Signatures, both of any batch:
        serving_default: `latents`, float32 `[batch, latent_dim]`, and, if the generator is
            conditional, `labels`, int32 `[batch]`, to `images`, float32
            `[batch, height, width, channels]`.
        sample: `count`, int32 `[]`, and `seed`, int32 `[2]`, to as many `images`: the same ones
            from every TFLite file of the generator, but others than from its SavedModel. It is left
            out where `lite_sampling` does not know the prior.

    Args:
        trained: the generator.
        path: of the file.
        quantization: one of `QUANTIZATIONS`.
            none: float32.
            float16: weights in half precision, computations in float32.
            dynamic: weights in 8 bits, activations rounded to 8 bits as they come.
            int8: weights and activations in 8 bits; what TFLite cannot compute so, in float32.
            int8_io: the same, and latents and images in 8 bits too; the file holds their scales.
            16x8: weights in 8 bits, activations in 16; what TFLite cannot compute so, in float32.

    Raises:
        ValueError: the generator uses an operation that TFLite lacks, or lacks in that precision.
    """
    model = _converted(trained, _network(trained), quantization)
    one_hot.mend(model)
    if lite_sampling.can_sample(trained.prior):
        graft(model, _converted(trained, _sampler(trained), "none"), "sample")
    path.write_bytes(flatbuffer.written(model))


def _network(trained: TrainedGenerator) -> Callable:
    @tf.function
    def generate(**inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"images": trained.images(**inputs)}

    return generate.get_concrete_function(**trained.specs)


def _sampler(trained: TrainedGenerator) -> Callable:
    @tf.function
    def sample(count: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        inputs = {"latents": lite_sampling.latents(trained.prior, count, seed)}
        if trained.num_classes is not None:
            inputs["labels"] = tf.range(count) % trained.num_classes
        return inputs

    return sample.get_concrete_function(
        count=tf.TensorSpec([], tf.int32, name="count"),
        seed=tf.TensorSpec([2], tf.int32, name="seed"),
    )


def _converted(trained: TrainedGenerator, function: Callable, quantization: str) -> Any:
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], trained.module())
    _configure(converter, trained, quantization)
    try:
        with warnings.catch_warnings():
            # The converter calibrates with the interpreter whose users it warns.
            warnings.filterwarnings("ignore", r"\s*Warning: tf\.lite\.Interpreter is deprecated")
            return flatbuffer.read(converter.convert())
    except Exception as error:
        raise ValueError(_refusal(error, quantization)) from error


def _refusal(error: Exception, quantization: str) -> str:
    said = str(error)
    if re.search("should be recorded during calibration: Failed for tensor .*labels", said):
        return (
            f"The generator does not convert to TFLite with --quantization={quantization} (integer "
            f"arithmetic on labels, as Embedding does it). Leave {quantization} out, or let the "
            "labels in by a one-hot operation."
        )
    lacking = sorted(set(re.findall(r"'(tf\.\w+)' op is neither", said)))
    reason = ", ".join(lacking) or error_summary(error)
    return (
        f"The generator does not convert to TFLite ({reason}). "
        "Leave tflite out of --formats, or build the generator of operations that TFLite has."
    )


def _configure(
    converter: tf.lite.TFLiteConverter, trained: TrainedGenerator, quantization: str
) -> None:
    sets = tf.lite.OpsSet
    if quantization != "none":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if quantization == "float16":
        converter.target_spec.supported_types = [tf.float16]
    elif quantization in ("int8", "int8_io"):
        converter.representative_dataset = lambda: _calibration(trained)
        converter.target_spec.supported_ops = [sets.TFLITE_BUILTINS_INT8]
    elif quantization == "16x8":
        converter.representative_dataset = lambda: _calibration(trained)
        converter.target_spec.supported_ops = [
            sets.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8,
            sets.TFLITE_BUILTINS,
        ]
    if quantization == "int8_io":
        converter.inference_input_type = converter.inference_output_type = tf.int8


def _calibration(trained: TrainedGenerator) -> Iterator[Any]:
    inputs = {k: v.numpy() for k, v in trained.sample(CALIBRATION, CALIBRATION_SEED).items()}
    for start in range(0, CALIBRATION, CALIBRATION_BATCH):
        yield {name: x[start : start + CALIBRATION_BATCH] for name, x in inputs.items()}


def load(path: pathlib.Path) -> Callable[..., np.ndarray]:
    """The function from latents, and labels, to images that LiteRT computes from `path`.

    It takes and gives float32, whatever the file does.
    """
    run = Interpreter(model_path=str(path)).get_signature_runner("serving_default")
    taken, given = run.get_input_details(), run.get_output_details()["images"]

    def images(**inputs: np.ndarray) -> np.ndarray:
        quantized = {name: _quantized(x, taken[name]) for name, x in inputs.items()}
        made = run(**quantized)["images"]
        if made.dtype != np.int8:
            return made
        scale, zero = given["quantization"]
        return np.float32(scale) * (made.astype(np.float32) - zero)

    return images


def _quantized(x: np.ndarray, details: dict) -> np.ndarray:
    if details["dtype"] != np.int8:
        return x
    scale, zero = details["quantization"]
    return np.clip(np.rint(x / scale) + zero, -128, 127).astype(np.int8)
