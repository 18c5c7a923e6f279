"""Constraints on weights, which optimizers enforce after each update."""

from __future__ import annotations

import math
from typing import Any

import keras

__all__ = ["WeightClip"]


@keras.saving.register_keras_serializable(package="kgan")
class WeightClip(keras.constraints.Constraint):
    """Keeps every weight within [-limit, limit] (Arjovsky et al. 2017, arXiv 1701.07875).

    Step 7 of their Algorithm 1 asks it of all of the critic's weights, so that the critic's slopes
    are bounded: `kgan.networks.MLPDiscriminator(..., weight_constraint=WeightClip(0.01))`.

    Args:
        limit: largest absolute value, positive; 0.01 in the paper.
    """

    def __init__(self, limit: float = 0.01):
        number = isinstance(limit, (int, float)) and not isinstance(limit, bool)
        if not number or not 0 < limit < math.inf:
            raise ValueError(
                "Invalid value for argument `limit`: expected a positive number, "
                f"received {limit!r}. 0.01 is usual."
            )
        self.limit = float(limit)

    def __call__(self, value: Any) -> Any:
        """The weights, clipped."""
        return keras.ops.clip(value, -self.limit, self.limit)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"limit": self.limit}
