"""The form of data: the parts of an element, the type and the shape of images, and labels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import tensorflow as tf

from kgan.training.minibatches import check_label_type
from kgan.training.validation.pixels import rescaled

__all__ = ["Form", "check_classes", "check_images", "dictionary_error", "parts"]

Shape: TypeAlias = Sequence["int | None"]

# What integer pixels range over; other types hold bytes.
_STORED = {"bool": (0.0, 1.0), "uint16": (0.0, 65535.0)}


class Form(NamedTuple):
    """What is known of data, and what the game expects: all that the sentences name.

    Attributes:
        argument: name of the data.
        image_shape: of one image of the game; None stands for any size.
        value_range: of the game; None for no bounds.
        kind: `"array"`, `"dataset"`, or `"batches"` of Python.
        labels: whether the game takes class labels.
        pairs: whether the images come with labels or other conditions.
    """

    argument: str
    image_shape: tuple[int | None, ...]
    value_range: tuple[float, float] | None
    kind: str
    labels: bool = False
    pairs: bool = False

    def error(self, expected: str) -> ValueError:
        """Return the error that says what was expected and received, and what to do."""
        return ValueError(f"Invalid value for argument `{self.argument}`: expected {expected}")

    def line(self, expression: str, then: str = "") -> str:
        """Return the code that applies an expression in x to the images."""
        if self.kind != "dataset":
            return f"`{expression}`"
        if self.pairs:
            return f"`.map(lambda x, y: ({expression}, y)){then}`"
        return f"`.map(lambda x: {expression}){then}`"

    def as_floats(self, dtype: str, x: str = "x") -> str:
        """Return an expression that scales integer pixels to the value range."""
        dataset = self.kind == "dataset"
        cast = f"tf.cast({x}, tf.float32)" if dataset else f'{x}.astype("float32")'
        if self.value_range is None:
            return cast
        return rescaled(_STORED.get(dtype, (0.0, 255.0)), self.value_range, cast)

    def lacks_batch(self, shape: Shape) -> bool:
        """Return whether this is the shape of one image, without an axis of the batch."""
        return _same(shape, self.image_shape) and not self.lacks_channels(shape)

    def lacks_channels(self, shape: Shape) -> bool:
        """Return whether this is a batch of images of one channel, without its axis."""
        fits = self.image_shape[-1] == 1 and _same(shape[1:], self.image_shape[:-1])
        return fits and len(shape) > 0 and tuple(shape) != self.image_shape


def _same(shape: Shape, other: Shape) -> bool:
    pairs = zip(shape, other, strict=False)
    return len(shape) == len(other) and all(a is None or b is None or a == b for a, b in pairs)


def _size(axis: int | None) -> float:
    return math.nan if axis is None else axis


def parts(element: Any, form: Form) -> tuple[Any, Any]:
    """Return the images and the condition, or None, of an element of data or of its type.

    Raises:
        ValueError: the element is a dictionary, or has other parts.
    """
    found = tuple(element) if isinstance(element, (list, tuple)) else (element,)
    while len(found) > 1 and found[-1] is None:
        found = found[:-1]
    if len(found) == 3:
        raise form.error(
            "images or pairs (images, labels), received a third part. Algorithm 1 has no sample "
            "weights: leave them out, `.map(lambda x, y, weights: (x, y))`."
        )
    if len(found) not in (1, 2):
        raise form.error(
            f"images or pairs (images, labels), received {len(found)} parts. Choose one: "
            "`.map(lambda x, *others: x)`."
        )
    if isinstance(found[0], Mapping):
        raise dictionary_error(found[0], form._replace(pairs=len(found) == 2))
    if isinstance(found[0], (list, tuple)):
        raise form.error(
            f"one tensor of images, received {len(found[0])} together. Choose one: "
            f"{form.line('x[0]')}."
        )
    images, condition = (*found, None)[:2]
    return images, condition


def dictionary_error(features: Mapping[str, Any], form: Form) -> ValueError:
    """Return the error for a dictionary, with the line that takes the image out of it."""
    name = "image" if "image" in features else str(next(iter(features), "image"))
    dictionary, then = "d" if form.kind == "dataset" else "x", ""
    expression = f'{dictionary}["{name}"]'
    feature = features.get(name)
    if isinstance(feature, (tf.TensorSpec, tf.Tensor, np.ndarray)):
        if not tf.as_dtype(feature.dtype).is_floating:
            expression = form.as_floats(tf.as_dtype(feature.dtype).name, expression)
        if form.kind == "dataset" and form.lacks_batch(list(feature.shape)):
            then = ".batch(64)"
    if form.kind != "dataset":
        line = expression
    elif form.pairs:
        line = f".map(lambda d, y: ({expression}, y)){then}"
    elif form.labels and "label" in features:
        line = f'.map(lambda d: ({expression}, d["label"])){then}'
    else:
        line = f".map(lambda d: {expression}){then}"
    keys = ", ".join(map(repr, features))
    return form.error(f"images, received a dictionary with {keys}. Take the images: `{line}`.")


def check_images(images: Any, form: Form) -> None:
    """Check type and shape of images, or of their `tf.TensorSpec`.

    Raises:
        ValueError: they are not a dense tensor of floating point images of the game.
    """
    if isinstance(images, (tf.RaggedTensor, tf.RaggedTensorSpec, tf.SparseTensor)) or not hasattr(
        images, "shape"
    ):
        raise form.error(
            f"one dense tensor of images, received {type(images).__name__}. Resize the images to "
            f"{form.image_shape} before they are batched."
        )
    rank = tf.TensorShape(images.shape).rank
    if rank is None:
        shape = ", ".join(map(str, (None, *form.image_shape)))
        raise form.error(
            "images of known shape, received a tensor of unknown rank. State the shape: "
            f"{form.line(f'tf.ensure_shape(x, ({shape}))')}."
        )
    dtype = tf.as_dtype(images.dtype)
    lacks_batch = form.kind != "array" and form.lacks_batch(list(images.shape))
    batched = ".batch(64)" if lacks_batch else ""
    if not dtype.is_floating:
        scaled = form.line(form.as_floats(dtype.name), batched)
        advice = f"Scale them first: {scaled} (`kgan.data.load` does)."
        if not (dtype.is_integer or dtype.is_bool):
            advice = "Read or decode them first."
        raise form.error(
            f"floating point images in the generator's value range, received {dtype.name}. {advice}"
        )
    if lacks_batch:
        raise form.error(
            f"batches [batch, {', '.join(map(str, form.image_shape))}], received single examples "
            f"of shape {tuple(images.shape)}. Batch them: `.batch(64)`."
        )
    _check_shape(list(images.shape), form)


def _check_shape(shape: list[int | None], form: Form) -> None:
    wanted, received = form.image_shape, tuple(shape[1:])
    if shape and _same(received, wanted):
        return
    raise form.error(
        f"images of shape {wanted}, which the generator makes, received {received} in a batch of "
        f"shape {tuple(shape)}. {_shape_advice(shape, form)}"
    )


def _shape_advice(shape: list[int | None], form: Form) -> str:
    wanted, received = form.image_shape, tuple(shape[1:])
    networks = "or make both networks for the shape of the data"
    if form.lacks_channels(shape):
        return f"Add the axis of the channel: {form.line('x[..., None]')}."
    if form.kind == "array" and _same(shape, wanted):
        return "Add the axis of the batch: `x[None]`."
    if len(received) == len(wanted) > 1:
        moved = len(wanted) - 1
        if _same((*received[1:], received[0]), wanted):
            axes = [0, *range(2, moved + 2), 1]
            return f"Put the channels last: {form.line(f'tf.transpose(x, {axes})')}."
        if _same(received[-1:], wanted[-1:]) and len(wanted) == 3:
            resized = form.line(f"tf.image.resize(x, {wanted[:2]}, antialias=True)")
            return f"Resize them: {resized}, {networks}."
        if (received[-1], wanted[-1]) == (3, 1):
            return f"Make them grey: {form.line('tf.image.rgb_to_grayscale(x)')}, {networks}."
        if (received[-1], wanted[-1]) == (1, 3):
            return f"Repeat them: {form.line('tf.image.grayscale_to_rgb(x)')}, {networks}."
    if math.prod(map(_size, received)) == math.prod(map(_size, wanted)):
        return f"Reshape them: {form.line(f'tf.reshape(x, {(-1, *wanted)})')}, {networks}."
    return f"Change one of the two: the data, {networks}."


def check_classes(labels: Any, num_classes: int, argument: str = "y") -> np.ndarray:
    """Return class labels as int32 `[n]`.

    Raises:
        ValueError: they are not integers `[n]` or `[n, 1]` from 0 to `num_classes - 1`.
    """
    check_label_type(labels, argument)
    given = np.asarray(labels).reshape(-1)
    if given.size and not 0 <= given.min() <= given.max() < num_classes:
        raise ValueError(
            f"Invalid value for argument `{argument}`: expected classes from 0 to "
            f"{num_classes - 1}, received {given.min()} to {given.max()}. Make the networks with "
            "as many `num_classes`, or mend the labels."
        )
    return given.astype(np.int32)
