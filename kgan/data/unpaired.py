"""`load_unpaired`: independent draws from two sources, for games without pairs."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from kgan import conditions
from kgan.data.names import Source
from kgan.data.pipeline import load
from kgan.data.stream import SeekableDataset
from kgan.data.table import from_memory
from kgan.utils.checks import positive_integer, single_seed

__all__ = ["load_unpaired", "unpaired_arrays"]

_OTHER = 2**32  # between the seeds of the two orders: one source given twice makes no pairs


def load_unpaired(
    x: Source,
    y: Source,
    split: str | tuple[str, str] = "train",
    batch_size: int = 1,
    discriminator_steps: int = 1,
    seed: int | None = None,
    condition: conditions.Given = None,
    mixed_channels: bool = False,
    **options: Any,
) -> SeekableDataset:
    """Load two data sets as pairs of batches, of which no two images belong together.

    Each source goes through epochs of its own, in orders of its own. An epoch of pairs has as many
    batches as the source that has more; the other one begins again meanwhile.

    Args:
        x: what `load` takes: a name, a directory of pictures or a TFDS builder.
        y: the other domain, likewise. It may be the same source with another split.
        split: of both, or one for each.
        batch_size: images of each domain in a minibatch, m.
        discriminator_steps: minibatches in a batch, k.
        seed: seed of both orders; None means 0. As in `load`, step t of `fit` receives batch t of a
            sequence that follows from the seed alone.
        condition: None, or what is made of each image of `y`, such as `"edges"`: the domain Y are
            then the outlines.
        mixed_channels: whether the images of the two domains may have different channels.
        **options: `image_size`, `value_range`, `shuffle`, `data_dir`, `download`, `image`,
            `channels`, `resize`, `background`, `mirror` and `unreadable` of `load`, for both.

    Returns:
        A `tf.data.Dataset` of pairs of float32 `[discriminator_steps * batch_size, height, width,
        channels]`, for `kgan.variants.CycleGAN`. It can seek, as that of `load`.

    Raises:
        ValueError: the two domains have images of different sizes or channels, or as `load`.
        FileNotFoundError: as `load`.
        OSError: as `load`.

    Example:
        ```python
        pairs = kgan.data.load_unpaired(
            "digits", "digits", split=("train[:50%]", "train[50%:]"), condition="edges"
        )
        x, outlines = next(iter(pairs))  # of different digits
        ```
    """
    for name in ("with_labels", "label"):
        if options.get(name):
            raise ValueError(
                f"Invalid value for argument `{name}`: expected none, as images without pairs have "
                f"no labels in common, received {options[name]!r}."
            )
    splits = split if isinstance(split, tuple | list) else (split, split)
    if len(splits) != 2:
        raise ValueError(
            "Invalid value for argument `split`: expected one split of both sources, or two, one "
            f"of each, received {split!r}."
        )
    domains = [
        load(source, part, batch_size, discriminator_steps, seed=own, condition=made, **options)
        for source, part, own, made in zip(
            (x, y), splits, _seeds(0 if seed is None else seed), (None, condition), strict=True
        )
    ]
    if condition is not None:
        domains[1] = domains[1].mapped(lambda _, made: made)
    _check_same(domains, mixed_channels)
    pairs = domains[0].beside(domains[1])
    pairs.value_range = domains[0].value_range
    pairs.condition = domains[1].condition
    pairs.data_features = {
        **domains[0].data_features,
        **{
            f"fingerprint_{name}": each.data_fingerprint
            for name, each in zip("xy", domains, strict=True)
        },
    }
    if None not in (domains[0].skipped, domains[1].skipped):
        pairs.skipped = sum(each.skipped or 0 for each in domains)
    if None not in (domains[0].loaded_from, domains[1].loaded_from):
        names = (each.loaded_from or {} for each in domains)
        of_x, of_y = names
        pairs.loaded_from = {**of_x, "dataset_y": of_y["dataset"], "split_y": of_y["split"]}
    return pairs


def unpaired_arrays(
    x: np.ndarray, y: np.ndarray, batch_size: int, seed: int | None
) -> SeekableDataset:
    """Return independent draws from arrays of images `[n, ...]` of two domains.

    Args:
        x: images of one domain.
        y: images of the other.
        batch_size: images of each in a batch.
        seed: seed of both orders; None keeps those of the arrays.

    Raises:
        ValueError: an array is smaller than a batch, or `seed` is no integer of 64 bits.

    Example:
        ```python
        pairs = kgan.data.unpaired_arrays(photos, paintings, batch_size=4, seed=0)
        ```
    """
    rows = positive_integer("batch_size", batch_size)
    for name, images in (("x", x), ("y", y)):
        if len(images) < rows:
            raise ValueError(
                f"Invalid value for argument `batch_size`: expected at most {len(images)}, the "
                f"images in `{name}`, received {batch_size}."
            )
    seeds = (None, None) if seed is None else _seeds(seed)
    domains = [
        from_memory((np.asarray(images),), rows, order, tf.identity)
        for images, order in zip((x, y), seeds, strict=True)
    ]
    return domains[0].beside(domains[1])


def _seeds(seed: int) -> tuple[int, int]:
    """Return the seeds of the two orders, of 64 bits both; after the highest comes the lowest."""
    first = single_seed("seed", seed)
    return first, (first + _OTHER + 2**63) % 2**64 - 2**63


def _check_same(domains: list[SeekableDataset], mixed_channels: bool) -> None:
    """Check that images of both domains have the same height and width, and channels.

    Raises:
        ValueError: they do not.
    """
    shapes = [tuple(each.element_spec.shape[1:]) for each in domains]
    if any(len(shape) != 3 for shape in shapes):
        raise ValueError(
            "Invalid value for argument `x` or `y`: expected two sources of images, received "
            f"examples of shapes {shapes[0]} and {shapes[1]}."
        )
    expected, remedy = "images of one height and width", "`image_size` resizes both"
    same = shapes[0][:2] == shapes[1][:2]
    if same and shapes[0] != shapes[1] and not mixed_channels:
        expected, same = "images of as many channels in both domains", False
        remedy = "`channels` converts both, `mixed_channels=True` takes them as they are"
    if not same:
        raise ValueError(
            f"Invalid value for argument `y`: expected {expected}, received {shapes[0]} of x and "
            f"{shapes[1]} of y; {remedy}."
        )
