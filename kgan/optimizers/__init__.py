"""Optimizers that Keras lacks: Adam in one operation a weight, and the schedule of 2014."""

from __future__ import annotations

import keras

from kgan.optimizers.fused_adam import FusedAdam
from kgan.optimizers.rising_momentum import RisingMomentum
from kgan.utils.types import JsonDict

__all__ = ["FusedAdam", "RisingMomentum", "get"]


def get(identifier: str | JsonDict | keras.optimizers.Optimizer) -> keras.optimizers.Optimizer:
    """Return an optimizer from a name, a configuration or itself.

    `"adam"` is `FusedAdam`; everything else is as `keras.optimizers.get` has it. An object is
    returned as it is.

    Raises:
        ValueError: the identifier is not known.

    Example:
        ```python
        kgan.optimizers.get("adam")  # a FusedAdam
        ```
    """
    if isinstance(identifier, str) and identifier.lower() == "adam":
        return FusedAdam()
    return keras.optimizers.get(identifier)
