"""Every private name of Keras and TensorFlow that kgan uses, each with the public one it waits for.

Nothing else in kgan, train or export may name them; `tests/test_architecture.py` holds that. A new
release of either library that breaks kgan most likely breaks it here.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

__all__ = [
    "BuiltModel",
    "WrappedDataset",
    "adam_moments",
    "all_layers",
    "datasets_below",
    "held_bytes",
    "is_validation_of_fit",
    "learning_rate_schedule",
    "origin",
    "variable_index",
]


def all_layers(network: keras.layers.Layer) -> list[keras.layers.Layer]:
    """Return `network` and all layers inside it, at any depth.

    Wished for: a public, recursive `Layer.layers`; `Model.layers` goes one level deep.
    """
    return list(network._flatten_layers())


def learning_rate_schedule(
    optimizer: keras.optimizers.Optimizer,
) -> keras.optimizers.schedules.LearningRateSchedule | None:
    """Return the schedule of an optimizer's learning rate, or None if it has none.

    Wished for: a public one; `Optimizer.learning_rate` is the present number.
    """
    given = optimizer._learning_rate
    return given if isinstance(given, keras.optimizers.schedules.LearningRateSchedule) else None


def origin(tensor: keras.KerasTensor) -> tuple[Any, list[keras.KerasTensor]]:
    """Return the layer or operation that made a tensor of a functional model, and its inputs.

    Wished for: a public way to walk such a graph; `Layer.output` knows of one use of a layer.
    """
    operation, node, _ = tensor._keras_history
    return operation, operation._inbound_nodes[node].input_tensors


def variable_index(optimizer: keras.optimizers.Optimizer, variable: Any) -> int:
    """Return the position of `variable` in the optimizer's lists of slots.

    Wished for: a public look-up for optimizers that define their own `update_step`.
    """
    return optimizer._get_variable_index(variable)


def adam_moments(optimizer: keras.optimizers.Adam, variable: Any) -> tuple[Any, Any]:
    """Return Adam's running means of the gradient and of its square for `variable`.

    Wished for: `Adam.momentums` and `Adam.velocities`, as `SGD.momentums` is public.
    """
    index = variable_index(optimizer, variable)
    return optimizer._momentums[index], optimizer._velocities[index]


class BuiltModel(keras.Model):
    """A model that is built before `fit`, which then need not trace `call` on a batch.

    Wished for: that `fit` leaves a model alone whose `built` is True. Keras calls this method under
    any `tf.distribute` strategy and fails there on pairs of data (keras#20585).
    """

    def _maybe_symbolic_build(self, *args: Any, **kwargs: Any) -> None:
        pass


class WrappedDataset(tf.data.Dataset):
    """A `tf.data.Dataset` with the elements of another one, to be subclassed.

    Wished for: a public way to subclass `tf.data.Dataset`, so that a data set may carry methods.

    Args:
        dataset: gives the elements.
    """

    def __init__(self, dataset: tf.data.Dataset):
        self._wrapped = dataset
        super().__init__(dataset._variant_tensor)

    def _inputs(self) -> list[tf.data.Dataset]:
        return [self._wrapped]

    @property
    def element_spec(self) -> Any:
        """The type of an element, as `tf.data.Dataset.element_spec`."""
        return self._wrapped.element_spec


def datasets_below(dataset: tf.data.Dataset) -> list[tf.data.Dataset]:
    """Return `dataset` and all data sets that it is derived from.

    Wished for: a public list of the inputs of a `tf.data.Dataset`.
    """
    found = [dataset]
    for below in dataset._inputs():
        found += datasets_below(below)
    return found


def held_bytes(dataset: tf.data.Dataset) -> int:
    """Return the bytes of the tensors that a data set holds, or its functions capture.

    Wished for: the size of the graph of a `tf.data.Dataset` before it is made.
    """
    tensors: list[tf.Tensor] = []
    for below in datasets_below(dataset):
        tensors += getattr(below, "_tensors", [])
        if mapped := getattr(below, "_map_func", None):
            tensors += mapped.function.captured_inputs
    plain = [tensor for tensor in tensors if tensor.dtype not in (tf.resource, tf.variant)]
    return sum(tensor.dtype.size * (tensor.shape.num_elements() or 0) for tensor in plain)


def is_validation_of_fit(options: dict[str, Any]) -> bool:
    """Return whether `evaluate` is called by `fit`, for `validation_data`.

    Wished for: a public hook of `fit` before it validates.
    """
    return bool(options.get("_use_cached_eval_dataset"))
