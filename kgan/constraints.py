"""Constraints on weights, which optimizers enforce after each update."""

from __future__ import annotations

import keras
import tensorflow as tf

from kgan.utils.checks import number
from kgan.utils.types import JsonDict

__all__ = ["WeightClip"]


@keras.saving.register_keras_serializable(package="kgan")
class WeightClip(keras.constraints.Constraint):
    """Clip every weight to [-limit, limit] (Arjovsky et al. 2017, arXiv 1701.07875).

    Step 7 of their Algorithm 1 clips all of the critic's weights, which bounds the critic's
    gradient norm: `kgan.networks.MLPDiscriminator(..., weight_constraint=WeightClip(0.01))`.

    Args:
        limit: largest absolute value, positive; 0.01 in the paper.

    Example:
        ```python
        discriminator = kgan.networks.MLPDiscriminator(
            (28, 28, 1), weight_constraint=kgan.constraints.WeightClip(0.01)
        )
        ```
    """

    def __init__(self, limit: float = 0.01):
        self.limit = number("limit", limit, 0, ends="()", hint="0.01 is usual.")

    def __call__(self, value: tf.Tensor) -> tf.Tensor:
        return keras.ops.clip(value, -self.limit, self.limit)

    def get_config(self) -> JsonDict:
        return {"limit": self.limit}
