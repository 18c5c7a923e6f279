"""Adam's update of a weight as one operation.

Keras composes it of a dozen, each of which reads and writes arrays of the weight's size. On a CPU
that traffic is a good part of the time of a step of fully connected networks.
"""

from __future__ import annotations

import types
from typing import Any

import keras
import tensorflow as tf

__all__ = ["fuse"]


def fuse(optimizer: keras.optimizers.Optimizer) -> None:
    """Lets an optimizer that moves weights as Keras's Adam does do so in one pass over memory.

    The formula and the optimizer's state stay the same, so the numbers do, but for rounding. Other
    optimizers are left alone, AMSGrad's variant among them.
    """
    inner = getattr(optimizer, "inner_optimizer", optimizer)  # of one that scales the loss
    if type(inner).update_step is keras.optimizers.Adam.update_step and not inner.amsgrad:
        inner.update_step = types.MethodType(_adam, inner)


def _adam(optimizer: Any, gradient: Any, weight: Any, learning_rate: Any) -> None:
    """Kingma and Ba 2015 (arXiv 1412.6980), with epsilon where the end of section 2 has it."""
    index = optimizer._get_variable_index(weight)
    moments = optimizer._momentums[index], optimizer._velocities[index]
    momentum, velocity = (getattr(moment, "value", moment) for moment in moments)
    beta_1, beta_2 = (tf.cast(b, weight.dtype) for b in (optimizer.beta_1, optimizer.beta_2))
    update = tf.cast(optimizer.iterations + 1, weight.dtype)
    tf.raw_ops.ResourceApplyAdam(
        var=weight.handle,
        m=momentum.handle,
        v=velocity.handle,
        beta1_power=beta_1**update,
        beta2_power=beta_2**update,
        lr=tf.cast(learning_rate, weight.dtype),
        beta1=beta_1,
        beta2=beta_2,
        epsilon=tf.cast(optimizer.epsilon, weight.dtype),
        grad=tf.cast(tf.convert_to_tensor(gradient), weight.dtype),
    )
