"""Batch normalisation that can be differentiated twice."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

__all__ = ["BatchNormalization"]


@keras.saving.register_keras_serializable(package="kgan")
class BatchNormalization(keras.layers.BatchNormalization):
    """Keras's batch normalisation, with second derivatives that are right.

    For the variance, TensorFlow takes the mean as a constant: the variance does not change with it,
    to first order. To second order it does, and of the gradients of a penalty on slopes a part is
    lost without a word. Here the mean is not held constant; arguments and values are Keras's, as
    is `synchronized`: the statistics of all replicas' examples, of which each has as many.

    Raises:
        ValueError: `renorm` is asked for, which it does not do.
    """

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        if self.renorm:
            raise ValueError(
                "Invalid value for argument `renorm`: expected False, received True. Use "
                "`keras.layers.BatchNormalization` where no slopes are penalised."
            )

    def call(self, x: Any, training: bool = False) -> Any:
        """`x`, normalised by its own statistics in training, else by their moving averages."""
        if not (training and self.trainable):
            return super().call(x)
        x = keras.ops.cast(x, keras.backend.result_type(x.dtype, "float32"))
        axis = self.axis % len(x.shape)
        others = [i for i in range(len(x.shape)) if i != axis]
        mean = self._everywhere(keras.ops.mean(x, others, keepdims=True))
        variance = keras.ops.mean(keras.ops.square(x - mean), others, keepdims=True)
        variance = self._everywhere(variance)
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

    def _everywhere(self, moment: Any) -> Any:
        """The mean of a moment over all replicas, where they are to agree."""
        context = tf.distribute.get_replica_context() if self.synchronized else None
        return moment if context is None else context.all_reduce("MEAN", moment)
