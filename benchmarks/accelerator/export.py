"""Write the whole training step as a program that JAX runs, with its state and its data.

The step that `fit` compiles is one XLA program. Traced by TensorFlow, it is written as StableHLO;
`benchmarks/accelerator/run.py` compiles it for whatever device JAX finds.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import os
import pathlib
import re
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import kgan
from kgan.checkpoint import variables
from kgan.data.stream import Epoch, memory_epoch
from kgan.layers.grouped import for_accelerators
from train.config import Config
from train.game import make_gan
from train.run import load_images

CHECKED = 20  # steps whose logs TensorFlow records on this machine
VERSIONS = ("kgan", "tensorflow", "keras", "numpy")


def write_step(
    gan: kgan.GAN,
    spec: Sequence[tf.TensorSpec],
    out: str | os.PathLike[str],
    first: Sequence[np.ndarray] | None = None,
    **facts: object,
) -> pathlib.Path:
    """Write the step of a compiled game.

    Args:
        gan: the game. It takes the first steps, if there are any.
        spec: shape and dtype of a batch of images, and of its condition if it has one.
        out: the directory.
        first: `[steps, batch, ...]` each: what the first steps are given. Their logs are recorded,
            and the state before them is written. None is for measuring speed alone: the runner
            draws a state of the same means and deviations.
        **facts: to be recorded in `step.json`.

    Returns:
        The directory, with `step.json`, `step.mlirbc`, and `state.npz` and `first.npz`.
    """
    directory = pathlib.Path(out)
    directory.mkdir(parents=True, exist_ok=True)
    with for_accelerators():
        program = tf.function(gan.train_step, jit_compile=True, autograph=False)
        batch = _data([tf.zeros(each.shape, each.dtype) for each in spec])
        concrete = program.get_concrete_function(batch)
        lowered = program.experimental_get_compiler_ir(batch)
    (directory / "step.mlirbc").write_bytes(lowered(stage="stablehlo_serialized"))
    names = {id(variable.value.handle): name for name, variable in variables(gan).items()}
    captured = [names[id(handle)] for handle in concrete.captured_inputs]
    # The header of the program says which output is the new value of which input.
    aliases = re.findall(r"\{(\d+)\}: \((\d+), \{\}", lowered(stage="hlo").split("\n", 1)[0])
    state = {name: variables(gan)[name].numpy() for name in captured}
    record: dict[str, Any] = {
        "inputs": [[list(each.shape), each.dtype.name] for each in spec],
        "state": [[name, list(a.shape), a.dtype.name, *_moments(a)] for name, a in state.items()],
        "logs": sorted(concrete.structured_outputs),
        "updates": {int(output): int(given) - len(spec) for output, given in aliases},
        "value_range": gan.value_range,
        "versions": {name: importlib.metadata.version(name) for name in VERSIONS},
        **facts,
    }
    if first is not None:
        np.savez_compressed(directory / "state.npz", **state)
        np.savez_compressed(directory / "first.npz", *first)
        record["first_logs"] = []
        step = tf.function(gan.train_step, jit_compile=gan.jit_compile, autograph=False)
        for batch in zip(*first, strict=True):
            logs = step(_data([tf.constant(part) for part in batch]))
            record["first_logs"].append([float(value) for _, value in sorted(logs.items())])
    (directory / "step.json").write_text(json.dumps(record))
    return directory


def _data(parts: Sequence[Any]) -> Any:
    """Return the parts of a batch as Keras hands them to a step."""
    return parts[0] if len(parts) == 1 else tuple(parts)


def _moments(array: np.ndarray) -> tuple[float, float]:
    values = array.astype("float64")
    return float(values.mean()), float(values.std())


def write_training(
    config: Config,
    out: str | os.PathLike[str],
    data_dir: str | os.PathLike[str] | None = None,
    checked: int = CHECKED,
) -> pathlib.Path:
    """Write the step of a configuration of `kgan-train`, with all its data and their order.

    The weights at the start and the batches are those that `kgan-train` would use.

    Args:
        config: what to train.
        out: the directory, which then also holds `images.npz` and `order.npz`.
        data_dir: directory of TFDS data; None for TFDS's own.
        checked: steps whose logs are recorded.

    Raises:
        ValueError: the data are too large to be held in memory.
    """
    images, classes = load_images(config, data_dir)
    table = _table(config, data_dir)
    rows = config.batch_size * config.discriminator_steps
    epoch = memory_epoch(len(table[0]), rows, config.seed)
    steps = config.steps or (config.epochs or 0) * len(images)
    orders = [_order(epoch, number) for number in range(-(-steps // len(images)))]
    order = np.concatenate(orders)[:steps].astype(np.min_scalar_type(len(table[0])))
    images.seek(len(images), 1)  # of the second epoch: the first one may agree by chance
    batch = tf.nest.flatten(next(iter(images.from_position(1))))
    rows = _order(epoch, 1)[0]
    if not all(np.array_equal(part[rows], own) for part, own in zip(table, batch, strict=True)):
        raise ValueError("These data are streamed from disk; only data in memory can be written.")
    keras.utils.set_random_seed(config.seed)
    gan = make_gan(config, images, classes)
    spec = [tf.TensorSpec(part.shape, part.dtype) for part in batch]
    first = [part[order[:checked]] for part in table]
    facts = {"options": config.options(), "epoch": len(images)}
    directory = write_step(gan, spec, out, first, **facts)
    if gan.value_range is not None:
        low, high = gan.value_range
        table[0] = np.round((table[0] - low) / (high - low) * 255).astype(np.uint8)
    np.savez_compressed(directory / "images.npz", *table)
    np.savez_compressed(directory / "order.npz", order)
    return directory


def _table(config: Config, data_dir: str | os.PathLike[str] | None) -> list[np.ndarray]:
    """Return images, and labels if any, in the order of their files."""
    of_one = dataclasses.replace(config, batch_size=1, discriminator_steps=1)
    n = len(load_images(of_one, data_dir)[0])
    shuffled = next(iter(load_images(dataclasses.replace(of_one, batch_size=n), data_dir)[0]))
    back = np.argsort(_order(memory_epoch(n, n, config.seed), 0)[0])
    return [part.numpy()[back] for part in tf.nest.flatten(shuffled)]


def _order(epoch: Epoch, number: int) -> np.ndarray:
    """Return the rows of each batch of an epoch, `[steps, batch]`."""
    batches = epoch(tf.constant(number, tf.int64), tf.constant(0, tf.int64))
    return np.stack([*batches.as_numpy_iterator()])
