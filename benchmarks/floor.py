"""The floor of a step: the time of its matrix products and convolutions alone.

Their sizes come from the graph of the step of `benchmarks.lean`. They run on random numbers.
"""

from __future__ import annotations

import math
import time
from typing import Any

import tensorflow as tf

PRODUCTS = ("MatMul", "Conv2D", "Conv2DBackpropInput", "Conv2DBackpropFilter")


def products(function: tf.types.experimental.ConcreteFunction) -> list[tf.Operation]:
    """Return the products and convolutions on which a function's outputs and assignments depend."""
    waiting = [tensor.op for tensor in function.graph.outputs]
    waiting += function.graph.control_outputs
    needed = {}
    while waiting:
        operation = waiting.pop()
        if operation.name not in needed:
            needed[operation.name] = operation
            waiting += [tensor.op for tensor in operation.inputs] + operation.control_inputs
    return [operation for operation in needed.values() if operation.type in PRODUCTS]


def multiply_adds(operation: tf.Operation) -> int:
    """Return the multiply-adds of a product; those with a convolution's padding count as well."""
    output, first, last = (
        tensor.shape.as_list()
        for tensor in (operation.outputs[0], operation.inputs[0], operation.inputs[-1])
    )
    if operation.type == "MatMul":
        return math.prod(output) * first[0 if operation.get_attr("transpose_a") else 1]
    if operation.type == "Conv2D":
        return math.prod(output) * math.prod(last[:3])
    # The last input of the other two is the gradient of a convolution's output.
    transposed = operation.type == "Conv2DBackpropInput"
    kernel = operation.inputs[1].shape.as_list() if transposed else output
    return math.prod(last) * math.prod(kernel[:3])


class Floor:
    """Products that run one after the other, each on tensors of its own."""

    def __init__(self, operations: list[tf.Operation]):
        self.multiply_adds = sum(multiply_adds(operation) for operation in operations)
        inputs = [_like_inputs(operation) for operation in operations]

        def alone() -> list[tf.Tensor]:
            results = [_again(op, given) for op, given in zip(operations, inputs, strict=True)]
            return [tf.reshape(result, [-1])[:1] for result in results]

        self._run = tf.function(alone)

    def seconds_a_step(self, steps: int) -> float:
        """Run all products of a step `steps` times; return the seconds of one."""
        begin = time.perf_counter()
        for _ in range(steps):
            results = self._run()
        results[-1].numpy()  # a device may still be at work
        return (time.perf_counter() - begin) / steps


def _like_inputs(operation: tf.Operation) -> list[tf.Tensor]:
    """Return random inputs of the same shapes; an integer input is the output's shape."""
    return [
        tf.constant(operation.outputs[0].shape.as_list())
        if tensor.dtype.is_integer
        else tf.random.normal(tensor.shape)
        for tensor in operation.inputs
    ]


def _again(operation: tf.Operation, inputs: list[tf.Tensor]) -> tf.Tensor:
    names = [argument.name for argument in operation.op_def.input_arg]
    typed = {argument.type_attr for argument in operation.op_def.input_arg}
    attributes: dict[str, Any] = {
        attribute.name: operation.get_attr(attribute.name)
        for attribute in operation.op_def.attr
        if attribute.name not in typed and attribute.name not in ("grad_a", "grad_b")
    }
    function = getattr(tf.raw_ops, operation.type)
    return function(**dict(zip(names, inputs, strict=True)), **attributes)
