"""Batch and group normalization with correct second derivatives."""

from __future__ import annotations

import math
from typing import Any

import keras
import tensorflow as tf

__all__ = ["BatchNormalization", "GroupNormalization"]


@keras.saving.register_keras_serializable(package="kgan")
class BatchNormalization(keras.layers.BatchNormalization):
    """Keras's batch normalization, with correct second derivatives.

    When TensorFlow differentiates the variance, it treats the mean as a constant. The first
    derivative is right, because the variance does not change with the mean to first order. The
    second derivative lacks a term, so a gradient penalty silently gets a wrong gradient. This layer
    differentiates through the mean as well.

    Arguments and values are those of Keras. With `synchronized`, the statistics are those of all
    replicas, each of which must have the same number of examples.

    Raises:
        ValueError: `renorm` is true; it is not supported.

    Example:
        ```python
        normalized = kgan.layers.BatchNormalization()(images, training=True)
        ```
    """

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        if self.renorm:
            raise ValueError(
                "Invalid value for argument `renorm`: expected False, received True. Use "
                "`keras.layers.BatchNormalization` where there is no gradient penalty."
            )

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        if not (training and self.trainable):
            return super().call(x)
        x = keras.ops.cast(x, keras.backend.result_type(x.dtype, "float32"))
        axis = self.axis % len(x.shape)
        others = [i for i in range(len(x.shape)) if i != axis]
        mean = self._over_replicas(keras.ops.mean(x, others, keepdims=True))
        # Not `keras.ops.moments`: it stops the gradient at the mean.
        variance = keras.ops.mean(keras.ops.square(x - mean), others, keepdims=True)
        variance = self._over_replicas(variance)
        mean, variance = (keras.ops.reshape(moment, (-1,)) for moment in (mean, variance))
        for moving, moment in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(self.momentum * moving + (1 - self.momentum) * moment)
        outputs = keras.ops.batch_normalization(
            x,
            mean,
            variance,
            axis,
            offset=keras.ops.cast(self.beta, x.dtype) if self.center else None,
            scale=keras.ops.cast(self.gamma, x.dtype) if self.scale else None,
            epsilon=self.epsilon,
        )
        return keras.ops.cast(outputs, self.compute_dtype)

    def _over_replicas(self, moment: tf.Tensor) -> tf.Tensor:
        """Return the mean of `moment` over all replicas if `synchronized`, else `moment`."""
        context = tf.distribute.get_replica_context() if self.synchronized else None
        return moment if context is None else context.all_reduce("MEAN", moment)


@keras.saving.register_keras_serializable(package="kgan")
class GroupNormalization(keras.layers.GroupNormalization):
    """Keras's group normalization, with correct second derivatives.

    Keras differentiates the variance with the mean held constant, as `BatchNormalization` explains.
    With `groups=-1`, each channel is a group: instance normalization.

    Arguments and values are those of Keras.

    Raises:
        ValueError: `axis` is not -1; channels come last.

    Example:
        ```python
        normalized = kgan.layers.GroupNormalization(groups=2)(tf.ones([1, 7, 7, 4]))
        ```
    """

    def __init__(self, groups: int = 32, axis: int = -1, **kwargs: Any):
        super().__init__(groups, axis, **kwargs)
        if axis != -1:
            raise ValueError(
                f"Invalid value for argument `axis`: expected -1, received {axis!r}. Put the "
                "channels last, or use `keras.layers.GroupNormalization` where there is no "
                "gradient penalty."
            )

    def call(self, x: tf.Tensor) -> tf.Tensor:
        x = keras.ops.cast(x, keras.backend.result_type(x.dtype, "float32"))
        # [batch, ..., channels] -> [batch, positions, groups, channels of a group].
        groups = keras.ops.reshape(
            x, (-1, math.prod(x.shape[1:-1]), self.groups, x.shape[-1] // self.groups)
        )
        # Not `keras.ops.moments`: it stops the gradient at the mean.
        centred = groups - keras.ops.mean(groups, (1, 3), keepdims=True)
        variance = keras.ops.mean(keras.ops.square(centred), (1, 3), keepdims=True)
        outputs = centred * keras.ops.rsqrt(variance + self.epsilon)
        outputs = keras.ops.reshape(outputs, (-1, *x.shape[1:]))
        if self.scale:
            outputs *= keras.ops.cast(self.gamma, outputs.dtype)
        if self.center:
            outputs += keras.ops.cast(self.beta, outputs.dtype)
        return keras.ops.cast(outputs, self.compute_dtype)
