"""The parity report: for programs, for people, and as a picture."""

from __future__ import annotations

import dataclasses
import json
import math
import pathlib
from collections.abc import Mapping

import keras
import numpy as np
import tensorflow as tf

from kgan import plots
from kgan.inference import KerasGenerator
from kgan.utils.atomic_write import atomic_write
from kgan.utils.types import JsonDict

from .parity import LATENTS, SEED, Comparison, Reference
from .unchecked import LABELS

FILES = ("parity.json", "parity.md", "parity.png")
COLUMNS = 8
VISIBLE = 1 / 512  # half a step of 8-bit pixels


def write(
    generator: KerasGenerator,
    reference: Reference,
    comparisons: Mapping[str, Comparison],
    images: Mapping[str, np.ndarray],
    directory: pathlib.Path,
) -> None:
    """Write `parity.json`, `parity.md` and, if the generator makes pictures, `parity.png`.

    A value that is not finite, such as the PSNR where no value differs, is null in `parity.json`.

    Args:
        generator: the network and its prior.
        reference: its images by Keras.
        comparisons: by the name of the format.
        images: by the name of the format, the images of the reference's latents.
        directory: where to write; it exists.
    """
    with atomic_write(directory / "parity.json") as partial:
        partial.write_text(json.dumps(_record(generator, reference, comparisons), indent=2) + "\n")
    rows: list[str] = []
    if generator.has_pictures:
        with atomic_write(directory / "parity.png") as partial:
            sheet, rows = _picture(reference, images)
            plots.write_png(partial, sheet)
    with atomic_write(directory / "parity.md") as partial:
        partial.write_text(_page(generator, reference, comparisons, rows))


def table(comparisons: Mapping[str, Comparison]) -> str:
    """Return the comparisons as text for people, one line for each format."""
    lines = [
        f"{'format':<16} {'size':>10} {'max error':>10} {'mean error':>10} {'psnr':>9} "
        f"{'1 image':>10} {'64 images':>12}"
    ]
    for name, made in comparisons.items():
        lines.append(
            f"{name:<16} {made.bytes / 1e6:>7.2f} MB {made.max_absolute_error:>10.1e} "
            f"{made.mean_absolute_error:>10.1e} {made.psnr:>6.1f} dB "
            f"{made.speed.latency_ms:>7.3f} ms {made.speed.images_per_second:>10,.0f}/s  "
            f"{_verdict(made)}"
        )
    return "\n".join(lines)


def _verdict(made: Comparison) -> str:
    return "passed" if made.passed else f"FAILED: {_requirement(made)}"


def _requirement(made: Comparison) -> str:
    if made.measure == "psnr":
        return f"psnr at least {made.limit:.0f} dB"
    return f"max error at most {made.limit:.1e}"


def _record(
    generator: KerasGenerator, reference: Reference, comparisons: Mapping[str, Comparison]
) -> JsonDict:
    formats = {}
    for name, made in comparisons.items():
        entry = {**dataclasses.asdict(made), "passed": made.passed}
        speed = entry.pop("speed")
        finite = {
            key: None if isinstance(value, float) and not math.isfinite(value) else value
            for key, value in entry.items()
        }
        formats[name] = {**finite, **speed}
        if generator.num_classes is not None:
            formats[name]["checks_labels"] = _checks_labels(name)
    return {
        "passed": all(made.passed for made in comparisons.values()),
        "latents": LATENTS,
        "seed": SEED,
        "fingerprint": generator.fingerprint(),
        "keras_predict": dataclasses.asdict(reference.speed),
        "formats": formats,
    }


def _checks_labels(name: str) -> bool:
    """Return whether a format refuses labels that are no classes; TFLite and ONNX cannot."""
    return name == "saved_model"


def _picture(
    reference: Reference, images: Mapping[str, np.ndarray]
) -> tuple[np.ndarray, list[str]]:
    """Return a picture of the same latents through every format, and the names of its rows."""
    shown = {name: np.nan_to_num(made[:COLUMNS]) for name, made in images.items()}
    keras_images = reference.images[:COLUMNS]
    rows = {"Keras": keras_images, **shown}
    errors = {name: np.abs(made - keras_images) for name, made in shown.items()}
    worst = max(errors, key=lambda name: errors[name].max())
    greatest = errors[worst].max()
    if greatest >= VISIBLE:
        factor = max(1, math.floor(1 / greatest))
        rows[f"error of {worst}, {factor} times as large"] = factor * errors[worst]
    sheet = np.concatenate(list(rows.values()))
    return plots.grid(sheet, (0.0, 1.0), columns=COLUMNS), list(rows)


def _page(
    generator: KerasGenerator,
    reference: Reference,
    comparisons: Mapping[str, Comparison],
    rows: list[str],
) -> str:
    passed = all(made.passed for made in comparisons.values())
    lines = [
        "# Parity of the exported generator",
        "",
        f"{LATENTS} latent points (seed {SEED}) through Keras and through every format: "
        f"**{'passed' if passed else 'FAILED, nothing was exported'}**. Errors are of values in "
        "[0, 1], or as they come where they have no bounds; psnr tells their mean square. Speed is "
        "that of one process on this machine.",
        "",
        "| format | file | bytes | max error | mean error | psnr (dB) | demanded | load (ms) "
        "| 1 image (ms) | images/s in batches of 64 | |",
        "|---|---|--:|--:|--:|--:|---|--:|--:|--:|---|",
        f"| keras.Model.predict | | | | | | | | {reference.speed.latency_ms:.3f} "
        f"| {reference.speed.images_per_second:,.0f} | |",
    ]
    for name, made in comparisons.items():
        lines.append(
            f"| {name} | {made.path} | {made.bytes:,} | {made.max_absolute_error:.1e} "
            f"| {made.mean_absolute_error:.1e} | {made.psnr:.1f} | {_requirement(made)} "
            f"| {made.load_ms:.1f} | {made.speed.latency_ms:.3f} "
            f"| {made.speed.images_per_second:,.0f} | {'passed' if made.passed else 'FAILED'} |"
        )
    unchecked = [name for name in comparisons if not _checks_labels(name)]
    if generator.num_classes is not None and unchecked:
        lines += [
            "",
            f"{', '.join(unchecked)}: **{LABELS.format(generator.num_classes - 1)}**",
        ]
    if rows:
        lines += ["", "![The same latent points through every format](parity.png)", ""]
        lines += [f"Rows from the top: {'; '.join(rows)}."]
    lines += [
        "",
        f"SHA-256 of the weights: `{generator.fingerprint()}`. "
        f"TensorFlow {tf.__version__}, Keras {keras.__version__}.",
        "",
    ]
    return "\n".join(lines)
