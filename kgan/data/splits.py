"""Splits of a data set, slices of these, and how many rows they have."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow_datasets as tfds

__all__ = ["count_rows", "split_infos", "split_parts"]


def split_infos(sizes: Mapping[str, int]) -> dict[str, tfds.core.SplitInfo]:
    """Return TFDS descriptions of splits that TFDS does not store, from their numbers of rows."""
    return {
        key: tfds.core.SplitInfo(name=key, shard_lengths=[n], num_bytes=0)
        for key, n in sizes.items()
    }


def split_parts(
    name: str, split: str, splits: Mapping[str, tfds.core.SplitInfo]
) -> list[tuple[str, slice]]:
    """Resolve a split such as 'train[:50%]+test' to the rows it takes of each named split.

    Args:
        name: name of the data set, for messages.
        split: a split, a slice of one, or a sum of these.
        splits: the splits of the data set.

    Raises:
        ValueError: `split` is malformed or names no split of `splits`.
    """
    try:
        parts = tfds.core.ReadInstruction.from_spec(split).to_absolute(splits)
    except (NotImplementedError, ValueError) as error:
        raise ValueError(
            f"Invalid value for argument `split`: data set {name!r} has {', '.join(splits)}, and "
            f"slices of these such as '{next(iter(splits))}[:50%]'; received {split!r}."
        ) from error
    return [(part.splitname, slice(part.from_, part.to)) for part in parts]


def count_rows(parts: list[tuple[str, slice]], splits: Mapping[str, tfds.core.SplitInfo]) -> int:
    """Return how many rows the parts of a split have together."""
    return sum(len(range(splits[key].num_examples)[part]) for key, part in parts)
