"""Mends what TensorFlow's converter makes of one-hot labels in 8 bits.

The operation copies its values for "on" and "off" as they are into its output. The converter gives
each of the three a scale of its own, so that "off" comes out as 0.5 (TensorFlow 2.21).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema


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
    scale, zero = quantization.scale[0], quantization.zeroPoint[0]
    data = model.buffers[value.buffer].data.view(np.int8)
    real = value.quantization.scale[0] * (data - value.quantization.zeroPoint[0].astype(np.float64))
    model.buffers[value.buffer].data = np.rint(real / scale + zero).astype(np.int8).view(np.uint8)
    value.quantization = quantization
