"""A Keras model that trains under any strategy of `tf.distribute`.

Keras 3 alone does not: several steps in one execution fail with several replicas, and `fit` fails
with several workers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import tensorflow as tf

from kgan.training.keras_private import BuiltModel, all_layers

__all__ = ["ReplicatedModel", "apply", "check_scope", "replica", "replicas", "synchronize"]

Step = Callable[[Any], dict[str, tf.Tensor]]
Execution = Callable[[Iterator[Any]], dict[str, tf.Tensor]]


def replicas() -> int:
    """Return the number of replicas.

    Optimizers sum gradients over replicas, so a loss is divided by it.
    """
    return tf.distribute.get_strategy().num_replicas_in_sync


def replica() -> tf.Tensor | int:
    """Return the number of this replica, so that no two draw alike; 0 outside of a step."""
    context = tf.distribute.get_replica_context()
    return context.replica_id_in_sync_group if context else 0


def check_scope(model: keras.Model, optimizers: Sequence[keras.optimizers.Optimizer] = ()) -> None:
    """Check that the strategy that a model trains under created all of its variables.

    Raises:
        ValueError: it did not.
    """
    strategy = model.distribute_strategy
    owned = strategy.extended.variable_created_in_scope
    variables = [v for owner in (model, *optimizers) for v in owner.variables]
    if not all(owned(variable.value) for variable in variables):
        raise ValueError(
            "The game's variables were created under another strategy than "
            f"{type(strategy).__name__}, which it is to train under. Make both networks, the "
            "game and the optimizers, and call `compile` and `fit`, within the same "
            "`strategy.scope()`."
        )


def synchronize(network: keras.Model) -> None:
    """Make batch normalization see the examples of all replicas, where there are several."""
    # Otherwise each replica normalizes by its own share of the batch, and statistics drift apart.
    if replicas() > 1:
        for layer in all_layers(network):
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.synchronized = True


def apply(
    optimizer: keras.optimizers.Optimizer,
    gradients: Sequence[tf.Tensor],
    weights: Sequence[keras.Variable],
) -> None:
    """Update weights by the sum of all replicas' gradients.

    Keras clips each replica's gradients before it adds them, and each replica looks for overflow in
    its own. Where one of these matters, the gradients are summed first, so communicated twice.
    """
    inner = getattr(optimizer, "inner_optimizer", optimizer)  # of a LossScaleOptimizer
    scaled = inner is not optimizer
    clips = (inner.clipnorm, inner.global_clipnorm, inner.clipvalue)
    if replicas() > 1 and (scaled or any(clip is not None for clip in clips)):
        context = tf.distribute.get_replica_context()
        gradients = context.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
        scale = tf.convert_to_tensor(optimizer.dynamic_scale) if scaled else 1.0
        # The optimizer will sum over replicas again, so each hands in its share.
        gradients = [gradient / replicas() for gradient in _clipped(gradients, scale, *clips)]
    optimizer.apply(gradients, weights)


def _clipped(
    gradients: Sequence[tf.Tensor],
    scale: tf.Tensor | float,
    norm: float | None,
    global_norm: float | None,
    value: float | None,
) -> Sequence[tf.Tensor]:
    """Return gradients, `scale` times too large, clipped as Keras clips: by one of the three."""
    if norm is not None:
        return [tf.clip_by_norm(gradient, scale * norm) for gradient in gradients]
    if global_norm is not None:
        return tf.clip_by_global_norm(gradients, scale * global_norm)[0]
    if value is not None:
        return [tf.clip_by_value(gradient, -scale * value, scale * value) for gradient in gradients]
    return gradients


class ReplicatedModel(BuiltModel):
    """A model whose `train_step` and `test_step` run on every replica of its strategy."""

    train_function: Execution | None
    test_function: Execution | None

    def make_train_function(self, force: bool = False) -> Execution | None:
        """Return what `fit` calls: Keras's own function with one replica."""
        if self.distribute_strategy.num_replicas_in_sync == 1:
            return super().make_train_function(force)
        if self.train_function is None or force:
            self.train_function = self._on_replicas(self.train_step)
        return self.train_function

    def make_test_function(self, force: bool = False) -> Execution | None:
        """Return what `evaluate` calls: Keras's own function with one replica."""
        if self.distribute_strategy.num_replicas_in_sync == 1:
            return super().make_test_function(force)
        if self.test_function is None or force:
            self.test_function = self._on_replicas(self.test_step)
        return self.test_function

    def _on_replicas(self, step: Step) -> Execution:
        """Return a function that runs `steps_per_execution` steps, each on a batch a replica."""
        strategy, times = self.distribute_strategy, self.steps_per_execution

        def execution(iterator: Iterator[Any]) -> dict[str, tf.Tensor]:
            # A Python loop: with several replicas Keras's `tf.while_loop` fails to feed batches.
            for _ in range(times):
                logs = strategy.run(step, args=(next(iterator),))
            return {name: strategy.reduce("MEAN", value, axis=None) for name, value in logs.items()}

        compiled = execution if self.run_eagerly else tf.function(execution, reduce_retracing=True)

        def until_the_end(iterator: Iterator[Any]) -> dict[str, tf.Tensor]:
            try:
                return compiled(iterator)
            # Keras ends an epoch at StopIteration; a compiled iterator raises TensorFlow's error.
            except tf.errors.OutOfRangeError as error:
                raise StopIteration from error

        return until_the_end
