"""The picture at /sample.png: a grid of samples."""

from __future__ import annotations

import re
from collections.abc import Mapping

import tensorflow as tf

from kgan.plots import samples

from .error import HttpError, shortened
from .model import MAX_PIXELS, Model


def sample_png(model: Model, query: Mapping[str, str]) -> bytes:
    """Return a grid of samples as a PNG file.

    Args:
        model: has the signature `sample`, as kgan-export writes it.
        query: `count`, 16 when not given; `seed`, 0 when not given; and, for a conditional
            generator, `labels`, classes separated by commas, in place of `count`.

    Raises:
        HttpError: 400, an argument is unknown or wrong; 404, the model has no signature `sample`.
    """
    unknown = query.keys() - {"count", "seed", "labels"}
    if unknown:
        raise HttpError(400, f"Unknown argument '{shortened(min(unknown))}'.")
    if "sample" not in model.signatures():
        raise HttpError(404, "The model has no signature 'sample'.")
    seed = _integer("seed", query.get("seed", "0"))
    if "labels" in query and "count" in query:
        raise HttpError(400, "Give either 'count' or 'labels', which says how many.")
    rows = _rows(query["labels"], model.num_classes) if "labels" in query else None
    count = _integer("count", query.get("count", "16")) if rows is None else max(rows) + 1
    document = {"inputs": {"count": count, "seed": [seed, 0]}}
    images = model.run("sample", document, MAX_PIXELS).get("images")
    if images is None:
        raise HttpError(404, "The signature 'sample' makes no 'images'.")
    if rows is not None:
        images = images[rows]
    try:
        return tf.io.encode_png(samples(images, (0.0, 1.0))).numpy()
    except ValueError as error:  # neither images that can be drawn nor points
        raise HttpError(400, str(error)) from error


def _rows(labels: str, num_classes: int | None) -> list[int]:
    """Return the rows of a sample that are of these classes; row i is of class i % num_classes."""
    if num_classes is None:
        raise HttpError(400, "The generator knows no classes: leave 'labels' out.")
    rows = []
    for i, text in enumerate(labels.split(",")):
        label = _integer("labels", text)
        if not 0 <= label < num_classes:
            raise HttpError(400, f"'labels': expected 0 to {num_classes - 1}, received {label}.")
        rows.append(i * num_classes + label)
    return rows


def _integer(name: str, text: str) -> int:
    if not re.fullmatch("-?[0-9]{1,10}", text):
        raise HttpError(400, f"'{name}': expected an integer, received '{shortened(text)}'.")
    return int(text)
