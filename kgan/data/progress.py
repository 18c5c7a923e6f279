"""The progress bar of whatever reads data for longer than five seconds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from tensorflow_datasets.core.utils import tqdm_utils

__all__ = ["progress"]

T = TypeVar("T")


def progress(items: Iterable[T], total: int, what: str, unit: str) -> Iterable[T]:
    """Return `items`; show a bar after five seconds, and remove it at the end.

    Args:
        items: what is worked through.
        total: how many there are.
        what: what happens, such as "Reading mnist".
        unit: what an item is.
    """
    return tqdm_utils.tqdm(items, total=total, desc=what, unit=unit, delay=5, leave=False)
