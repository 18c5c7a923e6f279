"""TFLite, for LiteRT on phones, boards and in browsers."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Callable

import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from .generator import TrainedGenerator, gist

TOLERANCE = 1e-5
"""Greatest absolute error against Keras: other kernels, which sum in another order."""


def write(trained: TrainedGenerator, path: pathlib.Path) -> None:
    """Writes the generator in float32 to the file `path`.

    Its signature `serving_default` maps `latents`, float32 `[batch, latent_dim]` of any batch, to
    `images`, float32 `[batch, height, width, channels]`.

    Raises:
        ValueError: the generator uses an operation that TFLite lacks.
    """
    module = trained.module()

    @tf.function
    def generate(**inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"images": trained.images(**inputs)}

    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [generate.get_concrete_function(**trained.specs)], module
    )
    try:
        flatbuffer = converter.convert()
    except Exception as error:
        missing = sorted(set(re.findall(r"'(tf\.\w+)' op is neither", str(error))))
        raise ValueError(
            f"The generator does not convert to TFLite ({', '.join(missing) or gist(error)}). "
            "Leave tflite out of --formats, or build the generator of operations that TFLite has."
        ) from error
    path.write_bytes(flatbuffer)


def load(path: pathlib.Path) -> Callable[..., np.ndarray]:
    """The function from latents to images that LiteRT computes from the file at `path`."""
    run = Interpreter(model_path=str(path)).get_signature_runner("serving_default")
    return lambda **inputs: run(**inputs)["images"]
