"""The losses that a network's layers add to its own: regularizers and `add_loss`."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from kgan.training.distribution import replicas

__all__ = ["call_losses", "layer_losses", "plus", "weight_losses"]


def layer_losses(network: keras.Model) -> list[tf.Tensor]:
    """Return all losses of a network's layers, after a call of the network."""
    return [*call_losses(network), *weight_losses(network)]


def weight_losses(network: keras.Model) -> list[tf.Tensor]:
    """Return the penalties of the weights that have a regularizer and are trained."""
    return [weight.regularizer(weight) for weight in _regularized(network)]


def call_losses(network: keras.Model) -> list[tf.Tensor]:
    """Return what the layers added in the network's last call: `add_loss`, activity regularizers.

    Raises:
        ValueError: there are several replicas, and the network has a state.
    """
    found = network.losses  # Keras lists those of the weights last
    found = found[: len(found) - len(_regularized(network))]
    state = [w for w in network.non_trainable_variables if w.name != "seed_generator_state"]
    # Where its state moves, as in batch normalization, Keras's replicas take turns in the middle of
    # a call. They share the layers' lists of losses, so each would find those of another.
    if found and state and replicas() > 1:
        raise ValueError(
            "Invalid value for a network: expected no `add_loss` and no activity regularizer where "
            "several replicas share a network with batch normalization or another state, received "
            f"both and the state {state[0].path!r}. Use weight regularizers, or one replica."
        )
    return found


def plus(loss: tf.Tensor, losses: Sequence[tf.Tensor]) -> tf.Tensor:
    """Return a loss plus the losses of layers, in at least float32 if there are any."""
    if not losses:
        return loss
    # As Keras does: a loss that is no scalar counts as its sum.
    parts = [tf.reduce_sum(each) for each in losses]
    dtype = tf.float64 if any(x.dtype == tf.float64 for x in (loss, *parts)) else tf.float32
    return tf.add_n([tf.cast(x, dtype) for x in (loss, *parts)])


def _regularized(network: keras.Model) -> list[keras.Variable]:
    return [weight for weight in network.trainable_weights if weight.regularizer is not None]
