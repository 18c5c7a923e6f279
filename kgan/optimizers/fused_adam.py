"""Adam with the update of a weight as one operation.

Keras composes it of a dozen, each of which reads and writes arrays of the weight's size. On a CPU
that memory traffic is a good part of the time of a step of fully connected networks.
"""

from __future__ import annotations

import keras
import tensorflow as tf

from kgan.training.keras_private import adam_moments

__all__ = ["FusedAdam"]


@keras.saving.register_keras_serializable(package="kgan")
class FusedAdam(keras.optimizers.Adam):
    """Keras's Adam (Kingma and Ba 2015, arXiv 1412.6980) in one pass over memory.

    Formula and state are those of `keras.optimizers.Adam`, so results agree but for rounding.
    Epsilon stands where the end of section 2 of the paper has it. The string `"adam"` in
    `kgan.GAN.compile` means this optimizer.

    Args:
        learning_rate: a number, a schedule of `keras.optimizers.schedules` or a callable.
        beta_1: decay of the mean of the gradient.
        beta_2: decay of the mean of its square.
        epsilon: added to the root of that mean.
        **kwargs: as `keras.optimizers.Adam`, but for `amsgrad`, which is False.

    Raises:
        ValueError: `amsgrad` is True.

    Example:
        ```python
        gan.compile(
            kgan.optimizers.FusedAdam(2e-4, beta_1=0.5), kgan.optimizers.FusedAdam(2e-4, beta_1=0.5)
        )
        ```
    """

    def __init__(
        self,
        learning_rate: float | keras.optimizers.schedules.LearningRateSchedule = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        name: str = "adam",
        **kwargs: object,
    ):
        if kwargs.get("amsgrad"):
            raise ValueError(
                "Invalid value for argument `amsgrad`: expected False, received True. "
                "keras.optimizers.Adam has AMSGrad."
            )
        super().__init__(learning_rate, beta_1, beta_2, epsilon, name=name, **kwargs)

    def update_step(
        self, gradient: tf.Tensor, variable: keras.Variable, learning_rate: tf.Tensor
    ) -> None:
        """Update one weight and its two moments."""
        momentum, velocity = (
            getattr(moment, "value", moment) for moment in adam_moments(self, variable)
        )
        dtype = variable.dtype
        beta_1, beta_2 = (tf.cast(beta, dtype) for beta in (self.beta_1, self.beta_2))
        update = tf.cast(self.iterations + 1, dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=momentum.handle,
            v=velocity.handle,
            # The operation corrects both moments' bias by these powers.
            beta1_power=beta_1**update,
            beta2_power=beta_2**update,
            lr=tf.cast(learning_rate, dtype),
            beta1=beta_1,
            beta2=beta_2,
            epsilon=tf.cast(self.epsilon, dtype),
            grad=tf.cast(tf.convert_to_tensor(gradient), dtype),
        )
