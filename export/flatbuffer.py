"""TFLite files as Python objects, and back.

The classes are those that FlatBuffers generates from the format's schema, whose field names they
keep: a model has subgraphs, these have tensors and operators, and tensors name their buffers.
"""

from __future__ import annotations

from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

ALIGNMENT = 16  # bytes, which the format promises for the data of tensors


def read(file: bytes) -> Any:
    """The model, a `schema.ModelT`, that a TFLite file holds."""
    model = schema.ModelT.InitFromPackedBuf(file, 0)
    for stored in model.buffers:
        stored.__class__ = _Buffer
    for subgraph in model.subgraphs:
        for tensor in subgraph.tensors:
            if tensor.quantization is not None:
                if tensor.quantization.scale is None:
                    tensor.quantization = None
                else:
                    tensor.quantization.__class__ = _Quantization
    return model


def buffer(data: np.ndarray) -> Any:
    """A new buffer for a model that was read, of uint8 `data`."""
    made = _Buffer()
    made.data = data
    return made


def written(model: Any) -> bytes:
    """The TFLite file that holds `model`, from `read`; it is written once."""
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


class _Buffer(schema.BufferT):
    """A buffer whose data is aligned, which the generated class forgets."""

    def Pack(self, builder: flatbuffers.Builder) -> int:  # noqa: N802
        data = b"" if self.data is None else bytes(self.data)
        builder.StartVector(1, len(data), ALIGNMENT)
        builder.head -= len(data)
        builder.Bytes[builder.head : builder.head + len(data)] = data
        vector = builder.EndVector()
        schema.BufferStart(builder)
        if data:
            schema.BufferAddData(builder, vector)
        return schema.BufferEnd(builder)


class _Quantization(schema.QuantizationParametersT):
    """Scales that are written once, though tensors of two subgraphs refer to them."""

    offset: int | None = None

    def Pack(self, builder: flatbuffers.Builder) -> int:  # noqa: N802
        if self.offset is None:
            self.offset = super().Pack(builder)
        return self.offset
