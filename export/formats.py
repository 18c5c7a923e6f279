"""The formats: how each is written and loaded, where it goes, and the error that it may have."""

from __future__ import annotations

import dataclasses
import functools
import pathlib
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

import numpy as np

from kgan import inference, saved_model
from kgan.inference import KerasGenerator

from . import onnx, tflite

FORMATS = ("saved_model", "tflite", "onnx")

# Float32 formats run other kernels than Keras, or merge several into one: they may differ by
# rounding alone.
MAX_ERROR = {"saved_model": 1e-6, "none": 1e-5, "onnx": 1e-5}
# The others lose precision by design. The lowest PSNR of six trained generators (docs/exports.md)
# is 79, 48, 38, 38 and 50 dB; images of other latent points reach 8 to 19 dB.
MIN_PSNR = {"float16": 60.0, "dynamic": 35.0, "int8": 30.0, "int8_io": 30.0, "16x8": 40.0}

Write: TypeAlias = Callable[[KerasGenerator, pathlib.Path], None]
Load: TypeAlias = Callable[[pathlib.Path], Callable[..., np.ndarray]]


@dataclasses.dataclass(frozen=True)
class Format:
    """One file or directory to write.

    Attributes:
        name: its name in the report.
        place: its path, relative to the output directory.
        write: writes a generator to a path.
        load: reads the function from latents, and labels, to images from a path.
        measure: the value of a `Comparison` that decides, `max_absolute_error` or `psnr`.
        limit: the greatest error of images in [0, 1], or the least PSNR in dB, that passes.
    """

    name: str
    place: pathlib.Path
    write: Write
    load: Load
    measure: str
    limit: float


def check_given(formats: Sequence[str], quantization: Sequence[str], version: int | None) -> None:
    """Check that names are known and nothing is given that no format uses.

    Args:
        formats: of `FORMATS`.
        quantization: precisions of TFLite, of `tflite.QUANTIZATIONS`; float32 alone always passes.
        version: number of the SavedModel; None always passes.

    Raises:
        ValueError: a name is unknown, there is none, or nothing uses an argument.
    """
    _known("formats", formats, FORMATS)
    float32_alone = _known("quantization", quantization, tflite.QUANTIZATIONS) == ["none"]
    for argument, given, needed in (
        ("quantization", None if float32_alone else ",".join(quantization), "tflite"),
        ("version", version, "saved_model"),
    ):
        if given is not None and needed not in formats:
            raise ValueError(
                f"Invalid value for argument `{argument}`: expected none beside "
                f"`formats={','.join(formats)}`, as {needed} alone has it, received {given}. Add "
                f"{needed} to `formats`, or leave `{argument}` out."
            )


def chosen(formats: Sequence[str], quantization: Sequence[str], version: int) -> list[Format]:
    """Return the formats of these names, in a fixed order.

    Args:
        formats: of `FORMATS`.
        quantization: precisions of TFLite, of `tflite.QUANTIZATIONS`.
        version: number of the SavedModel.

    Raises:
        ModuleNotFoundError: a package that ONNX needs is not installed.
        ValueError: a name is unknown, or there is none.
    """
    formats = _known("formats", formats, FORMATS)
    quantization = _known("quantization", quantization, tflite.QUANTIZATIONS)
    found: list[Format] = []
    if "saved_model" in formats:
        place = pathlib.Path("saved_model", str(version))
        found.append(
            _exact("saved_model", place, saved_model.write, inference.saved_model_function)
        )
    if "tflite" in formats:
        found += [_tflite(precision) for precision in quantization]
    if "onnx" in formats:
        onnx.check_installed()
        place = pathlib.Path("onnx", "generator.onnx")
        found.append(_exact("onnx", place, onnx.write, onnx.load))
    return found


def _exact(name: str, place: pathlib.Path, write: Write, load: Load) -> Format:
    return Format(name, place, write, load, "max_absolute_error", MAX_ERROR[name])


def _tflite(quantization: str) -> Format:
    name = "float32" if quantization == "none" else quantization
    exact = quantization in MAX_ERROR
    return Format(
        name=f"tflite_{name}",
        place=pathlib.Path("tflite", f"generator_{name}.tflite"),
        write=functools.partial(tflite.write, quantization=quantization),
        load=inference.tflite_function,
        measure="max_absolute_error" if exact else "psnr",
        limit=MAX_ERROR[quantization] if exact else MIN_PSNR[quantization],
    )


def _known(argument: str, names: Iterable[str], known: Sequence[str]) -> list[str]:
    given = list(names)
    if not given or not set(given) <= set(known):
        raise ValueError(
            f"Invalid value for argument `{argument}`: expected one or more of "
            f"{', '.join(known)}, received {','.join(given) or 'none'}."
        )
    return [name for name in known if name in given]
