"""Parts that the callbacks share: the step counter, the step interval, the writer and the data."""

from __future__ import annotations

import importlib.util
import math
import os
from collections.abc import Collection, Mapping
from typing import TypeAlias

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from kgan.artifacts import RunDirectory
from kgan.utils import checks
from kgan.utils.types import JsonDict, Logs

__all__ = [
    "EveryNSteps",
    "Images",
    "RunCallback",
    "StepCallback",
    "check_images",
    "check_pair",
    "first_images",
    "sample_options",
]

# Images `[n, ...]`, a pair of images and labels or conditions, or a data set of batches of either.
Images: TypeAlias = npt.ArrayLike | tuple[npt.ArrayLike, npt.ArrayLike] | tf.data.Dataset

_ROUNDING = 1e-3  # of the value range: half precision


def first_images(data: Images, n: int) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the first `n` images of arrays or of a data set, and their labels or conditions.

    Args:
        data: images `[m, ...]`, a pair of images and labels or conditions, or a data set of batches
            of either.
        n: number of images. If `data` has fewer, all are returned.

    Returns:
        Images `[n, ...]`, and labels or conditions `[n, ...]` or None. Dtypes stay.

    Raises:
        ValueError: there are no images, or they come in dictionaries.
    """
    batches = data.as_numpy_iterator() if isinstance(data, tf.data.Dataset) else [data]
    images: list[np.ndarray] = []
    labels: list[np.ndarray] = []
    missing = n
    for batch in batches:
        if isinstance(batch, dict):
            raise ValueError(
                "Invalid value for argument `images`: expected images, or pairs of images and "
                f"labels, received dictionaries of {', '.join(map(repr, batch))}. Choose one: "
                '`.map(lambda example: example["image"])`.'
            )
        x, y = batch[:2] if isinstance(batch, tuple) else (batch, None)
        check_pair(x, y)
        images.append(np.asarray(x)[:missing])
        if y is not None:
            labels.append(np.asarray(y)[:missing])
        missing -= len(images[-1])
        if missing <= 0:
            break
    if not images:
        raise ValueError(
            "Invalid value for argument `images`: expected at least one batch, received an empty "
            "data set."
        )
    return np.concatenate(images), np.concatenate(labels) if labels else None


def check_pair(images: npt.ArrayLike, labels: npt.ArrayLike | None) -> None:
    """Check that there are as many labels or conditions as images.

    Raises:
        ValueError: there are more or fewer.
    """
    if labels is not None and len(labels) != len(images):  # type: ignore[arg-type]
        raise ValueError(
            "Invalid value for argument `images`: expected as many labels or conditions as images, "
            f"received {len(labels)} and {len(images)}."  # type: ignore[arg-type]
        )


def sample_options(model: keras.Model, conditions: np.ndarray | None) -> JsonDict:
    """Return the arguments by which `sample` of a game makes images like others.

    Without labels, integers `[n]` or `[n, 1]`, a conditional game draws all classes in turn.

    Args:
        model: a `kgan.GAN`.
        conditions: what came with the others: images `[n, ...]`, labels or None.

    Raises:
        ValueError: the generator takes images as its condition, and there are none; or labels are
            of other classes than its.
    """
    classes = model.num_classes
    if classes is not None and conditions is not None:
        if conditions.dtype.kind not in "iu" or conditions.size != len(conditions):
            return {}
        if not 0 <= conditions.min() <= conditions.max() < classes:
            raise ValueError(
                f"Invalid value for argument `images`: expected labels from 0 to {classes - 1}, "
                f"received {conditions.min()} to {conditions.max()}."
            )
        return {"labels": conditions}
    shape = getattr(model.generator, "condition_shape", None)
    if shape is None:
        return {}
    if conditions is None or conditions.shape[1:] != tuple(shape):
        received = "none" if conditions is None else f"shape {conditions.shape}"
        raise ValueError(
            "Invalid value for argument `images`: expected pairs of images and conditions "
            f"[n, {', '.join(map(str, shape))}], which the generator takes, received {received}."
        )
    return {"condition": conditions}


def check_images(images: np.ndarray, model: keras.Model) -> None:
    """Check that real images are like the samples that they are compared with.

    Args:
        images: `[n, ...]`.
        model: a built `kgan.GAN`.

    Raises:
        ValueError: the images have another shape than samples, are not finite, or leave the pixel
            value range.
    """
    expected = tuple(model.image_shape)
    if images.shape[1:] != expected:
        raise ValueError(
            "Invalid value for argument `images`: expected the shape that the generator makes, "
            f"{expected}, received {images.shape[1:]}."
        )
    low, high = float(images.min()), float(images.max())
    if not math.isfinite(low + high):
        raise ValueError(
            "Invalid value for argument `images`: expected finite numbers, received NaN or "
            "infinity."
        )
    if model.value_range is None:
        return
    lowest, highest = model.value_range
    slack = _ROUNDING * (highest - lowest)
    if low < lowest - slack or high > highest + slack:
        raise ValueError(
            "Invalid value for argument `images`: expected the pixel value range of the samples, "
            f"{model.value_range}, received values from {low:g} to {high:g}. Scale them as the "
            "data that the game is trained on."
        )


class StepCallback(keras.callbacks.Callback):
    """A callback that counts steps, whatever the epochs and `steps_per_execution` are.

    Attributes:
        step: number of finished steps, as the model counts them.
    """

    step = 0

    def on_train_begin(self, logs: Logs = None) -> None:
        self.step = self.model.step

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        # Ask the model: Keras counts the last execution of an epoch as whole even if it is short.
        before, self.step = self.step, self.model.step
        self.on_steps_end(before, logs or {})

    def on_steps_end(self, before: int, logs: Mapping[str, float]) -> None:
        """Act after the steps `before + 1` to `self.step`, which are one execution."""

    def passed_multiple(self, every: int, since: int) -> bool:
        """Return whether a multiple of `every` lies in `since + 1` to `self.step`."""
        return since // every != self.step // every


class RunCallback(StepCallback):
    """A callback that writes to a run directory, and to TensorBoard if tensorboard is installed.

    Args:
        run_dir: the run directory. None writes nothing.

    Attributes:
        run: the run directory.
        writes: whether there is one.
    """

    def __init__(self, run_dir: str | os.PathLike[str] | None):
        super().__init__()
        self.writes = run_dir is not None
        self.run = RunDirectory("" if run_dir is None else run_dir)
        self._board: tf.summary.SummaryWriter | None = None

    def on_train_begin(self, logs: Logs = None) -> None:
        super().on_train_begin(logs)
        if self.writes and self.run.path.is_file():
            raise NotADirectoryError(
                f"Invalid value for argument `run_dir`: expected a directory, received the file "
                f"{str(self.run.path)!r}. Name another."
            )
        self._board = None
        if self.writes and importlib.util.find_spec("tensorboard"):
            self._board = tf.summary.create_file_writer(str(self.run.logs))

    def on_train_end(self, logs: Logs = None) -> None:
        if self._board:
            self._board.close()

    def write_scalars(self, scalars: Mapping[str, float], file_only: Collection[str] = ()) -> None:
        """Write the scalars of the present step to `metrics.jsonl` and to TensorBoard.

        Args:
            scalars: number by name. A number that is not finite becomes null in the file.
            file_only: names that do not go to TensorBoard.
        """
        if self.writes:
            self.run.append_metrics({"step": self.step, **scalars})
        if self._board:
            with self._board.as_default(step=self.step):
                for name, value in scalars.items():
                    if name not in file_only:
                        tf.summary.scalar(name, value)

    def write_image(self, name: str, image: np.ndarray) -> None:
        """Write an image `[height, width, channels]` of the present step to TensorBoard."""
        if self._board:
            with self._board.as_default(step=self.step):
                tf.summary.image(name, image[np.newaxis])


class EveryNSteps(RunCallback):
    """A callback that acts every `every` steps.

    With `steps_per_execution`, it acts after each execution that passes a multiple of `every`.

    Args:
        run_dir: the run directory, or None.
        every: steps between two actions, at least 1.

    Raises:
        ValueError: `every` is not a positive integer.
    """

    def __init__(self, run_dir: str | os.PathLike[str] | None, every: int):
        super().__init__(run_dir)
        self.every = checks.positive_integer("every", every)

    def on_steps_end(self, before: int, logs: Mapping[str, float]) -> None:
        if self.passed_multiple(self.every, since=before):
            self.on_every_n_steps(logs)

    def on_every_n_steps(self, logs: Mapping[str, float]) -> None:
        """Act on the present state; subclasses override this."""
        raise NotImplementedError
