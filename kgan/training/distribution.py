"""A Keras model that trains under any strategy of `tf.distribute`.

Keras 3 alone does not: several steps in one execution fail with several replicas, and `fit` fails
with several workers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

__all__ = ["ReplicatedModel", "apply", "replica", "replicas", "synchronise"]


def replicas() -> int:
    """How many replicas play in step. Optimizers add their gradients up: losses are divided."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def replica() -> Any:
    """Which of them this is, so that no two draw the same random numbers; 0 outside of a step."""
    context = tf.distribute.get_replica_context()
    return context.replica_id_in_sync_group if context else 0


def synchronise(player: keras.Model) -> None:
    """Makes batch normalisation look at all replicas' examples, where there are several."""
    if replicas() > 1:
        for layer in player._flatten_layers():
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.synchronized = True


def apply(optimizer: keras.optimizers.Optimizer, gradients: list[Any], weights: list[Any]) -> None:
    """Moves weights by the sum of all replicas' gradients.

    Keras clips each replica's gradients before it adds them, and each replica looks for overflow in
    its own. Where one of these matters, the gradients are added first, and so communicated twice.
    """
    inner = getattr(optimizer, "inner_optimizer", optimizer)  # of one that scales the loss
    scaled = inner is not optimizer
    clips = (inner.clipnorm, inner.global_clipnorm, inner.clipvalue)
    if replicas() > 1 and (scaled or any(clip is not None for clip in clips)):
        context = tf.distribute.get_replica_context()
        gradients = context.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
        scale = tf.convert_to_tensor(optimizer.dynamic_scale) if scaled else 1.0
        gradients = [gradient / replicas() for gradient in _clipped(gradients, scale, *clips)]
    optimizer.apply(gradients, weights)


def _clipped(
    gradients: list[Any], scale: Any, norm: Any, global_norm: Any, value: Any
) -> list[Any]:
    """Gradients, `scale` times too large, clipped as Keras clips; it allows one of the three."""
    if norm is not None:
        return [tf.clip_by_norm(gradient, scale * norm) for gradient in gradients]
    if global_norm is not None:
        return tf.clip_by_global_norm(gradients, scale * global_norm)[0]
    if value is not None:
        return [tf.clip_by_value(gradient, -scale * value, scale * value) for gradient in gradients]
    return gradients


class ReplicatedModel(keras.Model):
    """Runs `train_step` and `test_step` on every replica of its strategy."""

    train_function: Any
    test_function: Any

    def make_train_function(self, force: bool = False) -> Any:
        """What `fit` calls; Keras's own with one replica."""
        if self.distribute_strategy.num_replicas_in_sync == 1:
            return super().make_train_function(force)
        if self.train_function is None or force:
            self.train_function = self._on_replicas(self.train_step)
        return self.train_function

    def make_test_function(self, force: bool = False) -> Any:
        """What `evaluate` calls; Keras's own with one replica."""
        if self.distribute_strategy.num_replicas_in_sync == 1:
            return super().make_test_function(force)
        if self.test_function is None or force:
            self.test_function = self._on_replicas(self.test_step)
        return self.test_function

    def _on_replicas(self, step: Callable[[Any], dict[str, tf.Tensor]]) -> Any:
        """Runs a step on a batch for each replica, `steps_per_execution` times."""
        strategy, times = self.distribute_strategy, self.steps_per_execution

        def execution(iterator: Any) -> dict[str, tf.Tensor]:
            for _ in range(times):
                logs = strategy.run(step, args=(next(iterator),))
            return {name: strategy.reduce("MEAN", value, axis=None) for name, value in logs.items()}

        compiled = execution if self.run_eagerly else tf.function(execution, reduce_retracing=True)

        def until_the_end(iterator: Any) -> dict[str, tf.Tensor]:
            try:
                return compiled(iterator)
            except tf.errors.OutOfRangeError as error:
                raise StopIteration from error

        return until_the_end

    def _maybe_symbolic_build(self, *args: Any, **kwargs: Any) -> None:
        """Nothing: the model is built when it is compiled, and Keras would fail on pairs."""
