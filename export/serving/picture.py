"""The picture at /sample.png: a grid of samples."""

from __future__ import annotations

import re
from collections.abc import Mapping

import tensorflow as tf

from kgan.plots import samples
from kgan.saved_model import MAX_COUNT
from kgan.utils.types import JsonDict

from .error import HttpError, shortened
from .model import MAX_PIXELS, Model


def sample_png(model: Model, query: Mapping[str, str]) -> bytes:
    """Return a grid of samples as a PNG file.

    Args:
        model: has the signature `sample`, as kgan-export writes it.
        query: `count`, 16 when not given, or as many as `labels`; `seed`, 0 when not given; and,
            for a conditional generator, `labels`: classes by name or number, separated by commas,
            which are drawn in turn; all when not given.

    Raises:
        HttpError: 400, an argument is unknown or wrong; 404, the model has no signature `sample`.
    """
    unknown = query.keys() - {"count", "seed", "labels"}
    if unknown:
        raise HttpError(400, f"Unknown argument '{shortened(min(unknown))}'.")
    if "sample" not in model.signatures():
        raise HttpError(404, "The model has no signature 'sample'.")
    seed = _integer("seed", query.get("seed", "0"))
    asked = query.get("labels", "").strip()
    if asked and not model.num_classes:
        raise HttpError(400, "The generator knows no classes: leave 'labels' out.")
    classes = _classes(model, asked)
    count = _integer("count", query.get("count", str(len(classes)) if asked else "16"))
    inputs: JsonDict = {"count": count, "seed": [seed, 0]}
    if classes:
        turns = range(max(1, min(count, MAX_COUNT)))  # beyond these the count is refused
        inputs["labels"] = [classes[i % len(classes)] for i in turns]
    document = {"inputs": inputs}
    images = model.run("sample", document, MAX_PIXELS).get("images")
    if images is None:
        raise HttpError(404, "The signature 'sample' makes no 'images'.")
    try:
        return tf.io.encode_png(samples(images, (0.0, 1.0))).numpy()
    except ValueError as error:  # neither images that can be drawn nor points
        raise HttpError(400, str(error)) from error


def _classes(model: Model, labels: str) -> list[int]:
    """Return the classes that are to be drawn in turn: all where `labels` is empty."""
    numbers = range(model.num_classes or 0)
    if not labels:
        return [*numbers]
    classes = []
    for label in map(str.strip, labels.split(",")):
        if label in model.class_names:
            classes.append(model.class_names.index(label))
        elif label.isascii() and label.isdecimal() and int(label) in numbers:
            classes.append(int(label))
        else:
            named = ", or names of classes" if model.class_names else ""
            raise HttpError(
                400,
                f"'labels': expected 0 to {numbers[-1]}{named}, received '{shortened(label)}'.",
            )
    return classes


def _integer(name: str, text: str) -> int:
    if not re.fullmatch("-?[0-9]{1,10}", text):
        raise HttpError(400, f"'{name}': expected an integer, received '{shortened(text)}'.")
    return int(text)
