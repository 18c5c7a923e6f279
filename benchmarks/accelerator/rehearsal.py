"""Everything that a rehearsal on an accelerator needs, in one folder that can be carried there.

The folder holds exported steps, the runner and the PyTorch steps; `rehearse.py` in it runs all of
it with JAX, NumPy and PyTorch, without TensorFlow and kgan.
"""

from __future__ import annotations

import itertools
import pathlib
import shutil
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from benchmarks.accelerator.export import CHECKED, write_step
from benchmarks.pairs import PAIRS, Shape
from benchmarks.step import compiled_game

SHAPES: tuple[Shape, ...] = ((28, 28, 1), (64, 64, 3), (32, 32, 3))
# Batch and precision, the most telling ones first: a rehearsal may end before it has run them all.
SIZES = ((256, "bfloat16"), (256, "tf32"), (1024, "bfloat16"), (64, "bfloat16"))
AGREEMENT: Shape = (16, 16, 1)


def cell_name(pair: str, batch: int, shape: Shape, precision: str) -> str:
    """Return the name of a cell, such as `mlp-256-28x28x1-tf32`."""
    return f"{pair}-{batch}-{'x'.join(map(str, shape))}-{precision}"


def write_cell(
    out: pathlib.Path, pair: str, batch: int, shape: Shape, precision: str, checked: int = 0
) -> str:
    """Write the step of a pair of networks; return the name of its directory.

    Args:
        out: the folder of all cells.
        pair: a name in `PAIRS`.
        batch: images of a step.
        shape: of an image.
        precision: `"float32"`, `"tf32"` (float32 whose products may be rounded to TF32) or
            `"bfloat16"`.
        checked: number of steps whose logs are recorded.
    """
    name = cell_name(pair, batch, shape, precision)
    keras.utils.set_random_seed(0)
    # TensorFlow writes into the program whether products may be rounded.
    tf.config.experimental.enable_tensor_float_32_execution(precision != "float32")
    dtype = "mixed_bfloat16" if precision == "bfloat16" else "float32"
    gan = compiled_game(PAIRS[pair], jit=True, dtype=dtype, shape=shape)
    spec = [tf.TensorSpec((batch, *shape), tf.float32)]
    rng = np.random.default_rng(0)
    first = [rng.uniform(-1, 1, (checked, batch, *shape)).astype("float32")] if checked else None
    write_step(gan, spec, out / name, first)
    keras.backend.clear_session()
    return name


def prepare(
    out: pathlib.Path,
    pairs: Sequence[str] = tuple(PAIRS),
    shapes: Sequence[Shape] = SHAPES,
    sizes: Sequence[tuple[int, str]] = SIZES,
    checked: int = CHECKED,
) -> None:
    """Write the folder of a rehearsal: in it, `python rehearse.py --out=RESULT` runs it.

    Args:
        out: the folder.
        pairs: names in `PAIRS`.
        shapes: of images.
        sizes: batch and precision of the steps to measure, for each pair and shape.
        checked: steps of each pair that are compared with TensorFlow's, in float32.
    """
    out.mkdir(parents=True, exist_ok=True)
    names = [write_cell(out, pair, 64, AGREEMENT, "float32", checked) for pair in pairs]
    for shape, pair, (batch, precision) in itertools.product(shapes, pairs, sizes):
        names.append(write_cell(out, pair, batch, shape, precision))
        print(names[-1], flush=True)
    here = pathlib.Path(__file__).parent
    for program in (here / "rehearse.py", here / "run.py", here.parent / "torch_step.py"):
        shutil.copy(program, out)
    (out / "steps.txt").write_text("\n".join(names) + "\n")
