"""Read, change and write TFLite files as Python objects.

The classes are those that FlatBuffers generates from the schema of the format. A model has
subgraphs, which have tensors and operators; tensors refer to buffers by index.

Two changes work around faults of TensorFlow's converter (TensorFlow 2.21): `rescale_one_hot` and
`add_signature`.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

ALIGNMENT = 16  # bytes, which the format promises for the data of tensors


def read(file: bytes) -> schema.ModelT:
    """Return the model that a TFLite file holds."""
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


def pack(model: schema.ModelT) -> bytes:
    """Return the TFLite file that holds `model`, from `read`. Call it once for each model."""
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def rescale_one_hot(model: schema.ModelT) -> None:
    """Give "on" and "off" of every 8-bit one-hot operation the scale of its output.

    The operation copies both values unchanged into its output. The converter gives each of the
    three a scale of its own, so "off" comes out as 0.5.

    Args:
        model: from `read`; changed in place.
    """
    for subgraph in model.subgraphs:
        for operator in subgraph.operators:
            code = model.operatorCodes[operator.opcodeIndex].builtinCode
            output = subgraph.tensors[operator.outputs[0]]
            if code == schema.BuiltinOperator.ONE_HOT and output.type == schema.TensorType.INT8:
                _, _, on, off = (subgraph.tensors[index] for index in operator.inputs)
                for value in (on, off):
                    _rescale(model, value, output.quantization)


def _rescale(
    model: schema.ModelT, value: schema.TensorT, quantization: schema.QuantizationParametersT
) -> None:
    """Give the constant `value` another scale, in a new buffer: others may share the old one."""
    integers = model.buffers[value.buffer].data.view(np.int8).astype(np.float64)
    real = (integers - value.quantization.zeroPoint[0]) * value.quantization.scale[0]
    rescaled = np.rint(real / quantization.scale[0]) + quantization.zeroPoint[0]
    buffer = _Buffer()
    buffer.data = rescaled.astype(np.int8).view(np.uint8)
    model.buffers.append(buffer)
    value.buffer = len(model.buffers) - 1
    value.quantization = quantization


def add_metadata(model: schema.ModelT, name: str, content: bytes) -> None:
    """Store `content` under `name` in the metadata of `model`, which no runtime reads.

    Args:
        model: from `read`; changed in place.
        name: of the entry.
        content: of the entry.
    """
    buffer = _Buffer()
    buffer.data = content
    model.buffers.append(buffer)
    entry = schema.MetadataT()
    entry.name, entry.buffer = name, len(model.buffers) - 1
    model.metadata = [*(model.metadata or []), entry]


def add_signature(model: schema.ModelT, stem: schema.ModelT, name: str) -> None:
    """Add a signature to `model` that feeds it the outputs of `stem`; both share all weights.

    TensorFlow's converter takes two signatures as well, but quantizes each by itself. Then weights
    are stored twice, random numbers are rounded to 256 values, and 16x8 models go wrong: a mean
    error of 0.14, where the network converted alone has 0.002.

    Args:
        model: from `read`; changed in place. Its first signature is the one to be fed.
        stem: from `read`; a float model with one signature, whose outputs have the names of the
            inputs of that of `model`.
        name: of the new signature, from the inputs of `stem` to the outputs of `model`.
    """
    network, source = model.signatureDefs[0], stem.signatureDefs[0]
    subgraph = _append_subgraph(model, stem)
    first = len(subgraph.tensors)
    copied = model.subgraphs[network.subgraphIndex]
    operators = copy.deepcopy(copied.operators)
    subgraph.tensors += copied.tensors

    outputs = {entry.name: entry.tensorIndex for entry in source.outputs}
    places = {index: first + index for index in range(len(copied.tensors))}
    for entry in network.inputs:
        made, taken = outputs[entry.name], places[entry.tensorIndex]
        if subgraph.tensors[made].type == subgraph.tensors[taken].type:
            places[entry.tensorIndex] = made
        else:
            subgraph.operators.append(_quantize(model, made, taken))
    for operator in operators:
        _renumber(operator, places)
    subgraph.operators += operators
    subgraph.outputs = [places[entry.tensorIndex] for entry in network.outputs]

    signature = copy.deepcopy(source)
    signature.signatureKey = name.encode()
    signature.subgraphIndex = len(model.subgraphs)
    signature.outputs = copy.deepcopy(network.outputs)
    for entry in signature.outputs:
        entry.tensorIndex = places[entry.tensorIndex]
    model.subgraphs.append(subgraph)
    model.signatureDefs.append(signature)


def _append_subgraph(model: schema.ModelT, stem: schema.ModelT) -> schema.SubGraphT:
    """Return the subgraph of `stem`; append its buffers and operator codes to `model`."""
    subgraph = copy.deepcopy(stem.subgraphs[stem.signatureDefs[0].subgraphIndex])
    for tensor in subgraph.tensors:
        tensor.buffer += len(model.buffers)
    for operator in subgraph.operators:
        operator.opcodeIndex += len(model.operatorCodes)
    model.buffers += stem.buffers
    model.operatorCodes += stem.operatorCodes
    return subgraph


def _renumber(operator: schema.OperatorT, places: Mapping[int, int]) -> None:
    """Replace the tensors of `operator` by those at `places`; -1 means an omitted tensor."""
    for role in ("inputs", "outputs", "intermediates"):
        tensors = getattr(operator, role)
        if tensors is not None:
            setattr(operator, role, [places.get(int(index), -1) for index in tensors])


def _quantize(model: schema.ModelT, source: int, target: int) -> schema.OperatorT:
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.QUANTIZE
    code.version = 1
    model.operatorCodes.append(code)
    operator = schema.OperatorT()
    operator.opcodeIndex = len(model.operatorCodes) - 1
    operator.inputs, operator.outputs = [source], [target]
    return operator


class _Buffer(schema.BufferT):
    """A buffer whose data is aligned; the generated class does not align it."""

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
    """Scales that are written once, although tensors of two subgraphs refer to them."""

    offset: int | None = None

    def Pack(self, builder: flatbuffers.Builder) -> int:  # noqa: N802
        if self.offset is None:
            self.offset = super().Pack(builder)
        return self.offset
