"""TFLite, for LiteRT on phones, boards and in browsers, in six precisions."""

from __future__ import annotations

import json
import pathlib
import re
import warnings
from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np
import tensorflow as tf
from ai_edge_litert.schema_py_generated import ModelT

from kgan import saved_model
from kgan.inference import KerasGenerator
from kgan.inference.loading import CARD
from kgan.utils.loading import error_summary

from . import flatbuffer, lite_sampling
from .unchecked import LABELS

QUANTIZATIONS = ("none", "float16", "dynamic", "int8", "int8_io", "16x8")

CALIBRATION = 1024  # latent points; the ranges of their activations become those of the integers
CALIBRATION_BATCH = 32
CALIBRATION_SEED = 1  # the parity check uses 0

Graph: TypeAlias = Callable[..., dict[str, tf.Tensor]]


def write(generator: KerasGenerator, path: pathlib.Path, quantization: str = "none") -> None:
    """Write the generator to the file `path`.

    Signatures, both of any batch:
        serving_default: `latents`, float32 `[batch, latent_dim]`, and, if the generator is
            conditional, `labels`, int32 `[batch]`, to `images`, float32
            `[batch, height, width, channels]`.
        sample: `count`, int32 `[]`, `seed`, int32 `[2]`, and, if the generator is conditional,
            `labels`, int32 `[count]`, to as many `images`: the same ones from every TFLite file of
            the generator, but others than from its SavedModel. It is left out where `lite_sampling`
            does not support the prior.

    The file's description says that labels are not checked.

    The metadata get the card `kgan.json`, as a SavedModel has it.

    Args:
        generator: the network and its prior.
        path: the file.
        quantization: one of `QUANTIZATIONS`.
            none: float32.
            float16: weights in half precision, computations in float32.
            dynamic: weights in 8 bits; activations are rounded to 8 bits at run time.
            int8: weights and activations in 8 bits; operations without an 8-bit kernel in float32.
            int8_io: as int8, with latents and images in 8 bits too; the file holds their scales.
            16x8: weights in 8 bits, activations in 16; operations without such a kernel in float32.

    Raises:
        ValueError: the generator uses an operation that TFLite lacks, or lacks in this precision.
    """
    model = convert(generator, _network(generator), quantization)
    flatbuffer.rescale_one_hot(model)
    if generator.condition_shape is None and lite_sampling.can_sample(generator.prior):
        sampler = convert(generator, _sampler(generator), "none")
        flatbuffer.add_signature(model, sampler, "sample")
    flatbuffer.add_metadata(model, CARD, json.dumps(saved_model.card(generator)).encode())
    if generator.num_classes is not None:
        model.description = LABELS.format(generator.num_classes - 1)
    path.write_bytes(flatbuffer.pack(model))


def _network(generator: KerasGenerator) -> Graph:
    @tf.function(autograph=False)
    def generate(**inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"images": generator.images(**inputs)}

    return generate.get_concrete_function(**generator.specs)


def _sampler(generator: KerasGenerator) -> Graph:
    @tf.function(autograph=False)
    def sample(count: tf.Tensor, seed: tf.Tensor, **labels: tf.Tensor) -> dict[str, tf.Tensor]:
        labels = {name: tf.identity(value) for name, value in labels.items()}
        return {"latents": lite_sampling.latents(generator.prior, count, seed), **labels}

    return sample.get_concrete_function(
        count=tf.TensorSpec([], tf.int32),
        seed=tf.TensorSpec([2], tf.int32),
        **{name: spec for name, spec in generator.specs.items() if name == "labels"},
    )


def convert(generator: KerasGenerator, function: Graph, quantization: str) -> ModelT:
    """Return a function of a generator's weights as a TFLite model.

    Args:
        generator: which has the weights.
        function: a concrete function.
        quantization: as `write` has it.

    Raises:
        ValueError: it uses an operation that TFLite lacks, or lacks in this precision.
    """
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], generator.module())
    _configure(converter, generator, quantization)
    try:
        with warnings.catch_warnings():
            # The converter calibrates by an interpreter that warns of its own end.
            warnings.filterwarnings("ignore", r"\s*Warning: tf\.lite\.Interpreter is deprecated")
            return flatbuffer.read(converter.convert())
    except Exception as error:
        raise ValueError(_refusal(error, quantization)) from error


def _refusal(error: Exception, quantization: str) -> str:
    message = str(error)
    if re.search("should be recorded during calibration: Failed for tensor .*labels", message):
        return (
            f"The generator does not convert to TFLite with --quantization={quantization} (integer "
            f"arithmetic on labels, as Embedding does it). Leave {quantization} out, or let the "
            "labels in by a one-hot operation."
        )
    missing = sorted(set(re.findall(r"'(tf\.\w+)' op is neither", message)))
    reason = ", ".join(missing) or error_summary(error)
    return (
        f"The generator does not convert to TFLite ({reason}). "
        "Leave tflite out of --formats, or build the generator of operations that TFLite has."
    )


def _configure(
    converter: tf.lite.TFLiteConverter, generator: KerasGenerator, quantization: str
) -> None:
    sets = tf.lite.OpsSet
    if quantization != "none":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if quantization == "float16":
        converter.target_spec.supported_types = [tf.float16]
    elif quantization in ("int8", "int8_io"):
        converter.representative_dataset = lambda: _calibration(generator)
        converter.target_spec.supported_ops = [sets.TFLITE_BUILTINS_INT8]
    elif quantization == "16x8":
        converter.representative_dataset = lambda: _calibration(generator)
        converter.target_spec.supported_ops = [
            sets.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8,
            sets.TFLITE_BUILTINS,
        ]
    if quantization == "int8_io":
        converter.inference_input_type = converter.inference_output_type = tf.int8


def _calibration(generator: KerasGenerator) -> Iterator[dict[str, np.ndarray]]:
    inputs = {k: v.numpy() for k, v in generator.inputs(CALIBRATION, CALIBRATION_SEED).items()}
    for start in range(0, CALIBRATION, CALIBRATION_BATCH):
        yield {name: x[start : start + CALIBRATION_BATCH] for name, x in inputs.items()}
