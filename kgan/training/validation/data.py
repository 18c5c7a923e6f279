"""The data of `fit` and `evaluate`, checked before anything is compiled."""

from __future__ import annotations

import math
import types
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from kgan.training.minibatches import check_divides, check_label_type
from kgan.training.validation.batches import FirstBatches
from kgan.training.validation.conditions import check_condition_images, check_condition_values
from kgan.training.validation.pixels import (
    Extremes,
    Remedy,
    check_use_of_range,
    check_values,
    suspicious,
)
from kgan.training.validation.structure import (
    Form,
    check_classes,
    check_images,
    dictionary_error,
    parts,
)

if TYPE_CHECKING:
    from kgan.training.saving import SavedGame

__all__ = ["check_array", "check_data", "check_domain", "check_no_weights"]

_LOOKED_AT = 32  # batches, where the first one leaves much of the value range unused


def check_no_weights(gan: SavedGame, **given: Any) -> None:
    """Check that no weights of examples or classes are given, which Algorithm 1 does not have.

    Raises:
        ValueError: one is.
    """
    for name, value in given.items():
        if value is not None and not _own_step(gan):
            raise ValueError(
                f"Invalid value for argument `{name}`: expected None, as Algorithm 1 has no "
                "weights of examples. Repeat examples that shall count for more."
            )


def check_data(
    gan: SavedGame,
    x: Any,
    y: Any = None,
    batch_size: int | None = None,
    k: int = 1,
    share: float = 1.0,
    argument: str = "x",
) -> tuple[Any, Any]:
    """Check data before anything is compiled. Return what Keras is to be given.

    All of an array is looked at. Of other data it is the first batch, and 32 batches where the
    first one leaves more than 40% of the value range unused. Data that several hosts share are not
    looked at, nor those of a variant with a `train_step` of its own, which may take what it likes.

    Args:
        gan: the built game.
        x: an array, or batches in a `tf.data.Dataset`, a `keras.utils.PyDataset` or a generator.
        y: labels or another condition, where `x` is an array.
        batch_size: of arrays.
        k: the number of minibatches in a batch.
        share: of an array's examples that are used.
        argument: name of the data, for messages.

    Raises:
        ValueError: the game cannot use these data.
    """
    if _own_step(gan):
        return x, y
    labels = gan.num_classes is not None
    form = Form(argument, tuple(gan.image_shape), gan.value_range, "batches", labels)
    if isinstance(x, tf.data.Dataset):
        return _DataChecks(gan, form._replace(kind="dataset"), k).dataset(x), y
    if isinstance(x, (keras.utils.PyDataset, types.GeneratorType)):
        return _DataChecks(gan, form, k).batches(x), y
    if x is None or isinstance(x, (str, bytes, dict, list, tuple)):
        raise _no_array(x, form)
    if hasattr(x, "shape"):
        return x, _DataChecks(gan, form._replace(kind="array"), k).array(x, y, batch_size, share)
    return x, y


def check_domain(
    gan: SavedGame, images: Any, shape: tuple[int, ...], argument: str, use: bool = True
) -> None:
    """Check an array of images beside the data: of one domain of two, or for a classifier.

    Args:
        gan: the built game.
        images: `[n, *shape]`.
        shape: of one image.
        argument: name of the array, for messages.
        use: whether images that leave most of the value range unused are noticed.

    Raises:
        ValueError: the game cannot use these data.
    """
    form = Form(argument, shape, gan.value_range, "array", False)
    if not hasattr(images, "shape"):
        raise _no_array(images, form)
    checks = _DataChecks(gan, form, 1)
    check_images(images, form)
    if not len(images):
        raise checks.empty()
    seen = checks.extremes([np.asarray(images)])
    if use:
        checks.check_use(seen)


def check_array(gan: SavedGame, images: Any, argument: str) -> np.ndarray:
    """Check images that a trained game is given, and return them as float32 `[n, ...]`.

    Args:
        gan: the built game.
        images: `[n, *image_shape]` in the value range, however much of it they use.
        argument: name of the array, for messages.

    Raises:
        ValueError: the game cannot use them.
    """
    form = Form(argument, tuple(gan.image_shape), gan.value_range, "array")
    given = np.asarray(images)
    check_images(given, form)
    if not len(given):
        raise form.error("at least one image, received none.")
    _DataChecks(gan, form, 1).extremes([given])
    return given.astype(np.float32, copy=False)


def _own_step(gan: SavedGame) -> bool:
    """Return whether the game is a variant that defines `train_step` itself."""
    return type(gan).train_step.__module__ != "kgan.gan"


def _may_use_labels(gan: SavedGame) -> bool:
    """Return whether a term of the game is a user's own: kgan's need `num_classes` for labels."""
    terms = (
        getattr(type(gan), name) for name in ("generator_term", "discriminator_term", "shared_term")
    )
    return any(term.__module__.partition(".")[0] != "kgan" for term in terms)


def _no_array(x: Any, form: Form) -> ValueError:
    expected = "an array of images or a `tf.data.Dataset`, received "
    if x is None:
        return form.error(f"{expected}None. Give it as the first argument.")
    if isinstance(x, dict):
        return dictionary_error(x, form)
    if isinstance(x, (list, tuple)):
        pair = len(x) == 2 and np.ndim(x[0]) > np.ndim(x[1])
        advice = "Give them apart, `fit(images, labels)`" if pair else "Stack them, `np.stack(x)`"
        return form.error(f"{expected}a {type(x).__name__} of {len(x)}. {advice}.")
    return form.error(f"{expected}{x!r}. Load a data set by its name, `kgan.data.load({x!r})`.")


class _DataChecks:
    """The checks of one piece of data.

    Args:
        gan: the built game.
        form: what is known of the data.
        k: the number of minibatches in a batch.
    """

    def __init__(self, gan: SavedGame, form: Form, k: int):
        self.gan = gan
        self.form = form
        self.k = k
        self.scaling: Remedy = lambda expression: self.form.line(expression)

    def array(self, x: Any, y: Any, batch_size: int | None, share: float) -> Any:
        """Check an array; return `y`, class labels as int32 `[n]`."""
        images = x if isinstance(x, (np.ndarray, tf.Tensor)) else np.asarray(x)
        check_images(images, self.form)
        used = math.floor(len(images) * share)
        if not used:
            raise self.empty()
        full = batch_size or 32
        # Keras would find the ragged last batch only after a whole epoch.
        for size in (min(full, used), used % full):
            self.check_divides(size)
        y = self.check_condition(y, len(images))
        self.check_use(self.extremes([images]))
        return y

    def dataset(self, dataset: tf.data.Dataset) -> tf.data.Dataset:
        """Check a `tf.data.Dataset`, by its type and then by its first batch."""
        images, condition = parts(dataset.element_spec, self.form)
        self.form = self.form._replace(pairs=condition is not None)
        check_images(images, self.form)
        self.check_condition_type(condition)
        if int(dataset.cardinality()) == 0:
            raise self.empty()
        if images.shape[0] is not None:
            self.check_divides(images.shape[0])
        if not hasattr(dataset, "seek"):
            return self.batches(dataset)
        # Data of `kgan.data.load` are in the range that they declare.
        if dataset.value_range is not None and self.form.value_range is not None:
            low, high = self.form.value_range
            self.scaling = lambda _: f"`kgan.data.load(..., value_range=({low:g}, {high:g}))`"
            self.check_use(self.checked(Extremes(*dataset.value_range)))
        return dataset

    def batches(self, data: Any) -> Any:
        """Check the first batches; return data that still begin with them."""
        looked_at = FirstBatches(data)
        first = looked_at.take(1)
        if not first:
            raise self.empty()
        if isinstance(data, types.GeneratorType) and not isinstance(first[0], tuple):
            raise self.form.error(
                "a generator of tuples `(images,)` or `(images, labels)`, as Keras has them, "
                f"received one of {type(first[0]).__name__}."
            )
        images = self.check_batch(first[0])
        seen = self.extremes([images])
        if suspicious(seen, self.form.value_range):
            more = looked_at.take(_LOOKED_AT)
            self.check_use(self.extremes([parts(batch, self.form)[0] for batch in more]))
        return looked_at.data

    def check_batch(self, batch: Any) -> Any:
        """Check all of a batch but the pixels' values; return the images."""
        images, condition = parts(batch, self.form)
        check_images(images, self.form)
        if not len(images):
            raise self.empty()
        self.check_divides(len(images))
        self.check_condition(condition, len(images))
        return images

    def empty(self) -> ValueError:
        """Return the error for data without a batch."""
        return self.form.error(
            "at least one batch, received data with none. `drop_remainder=True` drops a batch that "
            "is not full, and a generator is used up by its first epoch."
        )

    def check_divides(self, size: int) -> None:
        check_divides(size, self.k, self.gan.packing)

    def check_condition_type(self, condition: Any) -> None:
        """Check that a condition is there where, and only where, something uses it."""
        if self.gan.num_classes is not None:
            check_label_type(condition)
        elif self.gan.condition.shape is not None:
            check_condition_images(condition, self.gan.condition.shape)
        elif condition is not None and not _may_use_labels(self.gan):
            make = "Make both networks with `num_classes`"
            if "labelled" in self.gan.further_parts:
                make = "Give the game those that it is to learn as `labelled`"
            take = "leave `y` out"
            if self.form.kind == "dataset":
                take = "take the images alone, `.map(lambda image, label: image)`"
            raise ValueError(
                "Invalid value for argument `y`: expected no labels, as the game is not "
                "conditional and would ignore them, received some. "
                f"{make}, or {take}."
            )

    def check_condition(self, condition: Any, examples: int) -> Any:
        """Check a condition of known values; return it, class labels as int32 `[n]`."""
        shape = self.gan.condition.shape
        if shape is not None:
            check_condition_images(condition, shape, examples)
            declared = hasattr(self.gan.generator, "value_range")
            check_condition_values(condition, self.form.value_range, declared)
            return condition
        if self.gan.num_classes is None:
            self.check_condition_type(condition)
            return condition
        if condition is not None:
            condition = np.asarray(condition)
        self.check_condition_type(condition)
        if len(condition) != examples:
            raise ValueError(
                f"Invalid value for argument `y`: expected {examples} integers, one an image, "
                f"received {condition.dtype} of shape {condition.shape}."
            )
        return check_classes(condition, self.gan.num_classes)

    def extremes(self, arrays: list[Any]) -> Extremes:
        return self.checked(Extremes.of(arrays))

    def checked(self, seen: Extremes) -> Extremes:
        """Return the extremes, which are finite and in the range of the game."""
        declared = hasattr(self.gan.generator, "value_range")
        check_values(self.form.argument, seen, self.form.value_range, declared, self.scaling)
        return seen

    def check_use(self, seen: Extremes) -> None:
        """Refuse or warn of data that leave much of the value range unused."""
        if self.form.value_range is not None and suspicious(seen, self.form.value_range):
            check_use_of_range(self.form.argument, seen, self.form.value_range, self.scaling)
