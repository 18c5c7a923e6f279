"""Mends what TensorFlow's converter makes of one-hot labels in 8 bits.

The operation copies its values for "on" and "off" as they are into its output. The converter gives
each of the three a scale of its own, so that "off" comes out as 0.5 (TensorFlow 2.21).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from . import flatbuffer


def mend(model: Any) -> None:
    """Writes "on" and "off" of every 8-bit one-hot operation in the scale of its output.

    Args:
        model: of `flatbuffer.read`.
    """
    for subgraph in model.subgraphs:
        for operator in subgraph.operators:
            code = model.operatorCodes[operator.opcodeIndex].builtinCode
            output = subgraph.tensors[operator.outputs[0]]
            if code == schema.BuiltinOperator.ONE_HOT and output.type == schema.TensorType.INT8:
                _, _, on, off = (subgraph.tensors[index] for index in operator.inputs)
                for value in (on, off):
                    _rescale(model, value, output.quantization)


def _rescale(model: Any, value: Any, quantization: Any) -> None:
    """Gives the constant tensor `value` the scale of another; its buffer may serve others too."""
    integers = model.buffers[value.buffer].data.view(np.int8).astype(np.float64)
    real = (integers - value.quantization.zeroPoint[0]) * value.quantization.scale[0]
    rescaled = np.rint(real / quantization.scale[0]) + quantization.zeroPoint[0]
    model.buffers.append(flatbuffer.buffer(rescaled.astype(np.int8).view(np.uint8)))
    value.buffer = len(model.buffers) - 1
    value.quantization = quantization
