"""Every export format of a generator: error, size and speed.

    python -m benchmarks.export [--run_dir=RUN ...] [--rounds=10]

Writes all formats of each run's generator and compares them with Keras as `kgan-export` does. Then
calls them in turns (A B C A B C ...), in one process, for 1 image and for 64. The fastest call of
each counts, because other work on the machine affects it least. Without runs, it uses untrained
generators of `kgan-train --dataset=mnist` and of its DCGAN, the latter also with
resizing before its convolutions. Their sizes and speeds are those of trained ones; their errors are
not.
"""

from __future__ import annotations

import argparse
import functools
import math
import os
import pathlib
import tempfile
import time

os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import kgan
from benchmarks.timing import print_record
from export import formats, parity, tflite
from kgan import inference
from kgan_cli.silence import native_silence

TURN = 0.05  # seconds


def presets():
    """Return the generators of two presets, untrained."""
    networks = {
        "mnist, MLP": kgan.networks.MLPGenerator((28, 28, 1)),
        "dcgan": kgan.networks.DCGANGenerator((28, 28, 1)),
        "dcgan, resize": kgan.networks.DCGANGenerator((28, 28, 1), upsampling="resize"),
    }
    made = {}
    for name, network in networks.items():
        network.build((None, 100))
        made[name] = inference.KerasGenerator(network, kgan.priors.Normal(100))
    return made


def in_turns(calls, rounds):
    """Return the seconds of the fastest call of each function; a turn lasts `TURN` seconds."""
    times = dict.fromkeys(calls, math.inf)
    for _ in range(rounds):
        for name, call in calls.items():
            end = time.perf_counter() + TURN
            while (start := time.perf_counter()) < end:
                call()
                times[name] = min(times[name], time.perf_counter() - start)
    return times


def measured(trained, rounds):
    """Return the figures of Keras and of each format, by name."""
    reference = parity.Reference(trained)
    figures: dict[str, dict] = {"keras.Model.predict": {}, "keras.Model()": {}}
    calls = {"keras.Model.predict": trained.predict, "keras.Model()": trained.images}
    with tempfile.TemporaryDirectory() as scratch:
        for kind in formats.chosen(formats.FORMATS, tflite.QUANTIZATIONS, 1):
            path = pathlib.Path(scratch, kind.name)
            kind.write(trained, path)
            made, _ = reference.compare(path, kind)
            calls[kind.name] = kind.load(path)
            figures[kind.name] = {
                "bytes": made.bytes,
                "max_absolute_error": made.max_absolute_error,
                "mean_absolute_error": made.mean_absolute_error,
                "psnr": round(made.psnr, 1),
                "load_ms": round(made.load_ms, 1),
                "passed": made.passed,
            }
    for count, unit in ((1, "ms_for_1"), (64, "ms_for_64")):
        inputs = {name: value.numpy() for name, value in trained.inputs(count, 0).items()}
        bound = {name: functools.partial(call, **inputs) for name, call in calls.items()}
        for name, seconds in in_turns(bound, rounds).items():
            figures[name][unit] = round(1e3 * seconds, 4)
    return figures


def targets(figures, weights):
    """Return the ratios that the targets of the exporter are about."""
    size = {name: entry["bytes"] for name, entry in figures.items() if "bytes" in entry}
    slow = {name: entry["ms_for_1"] for name, entry in figures.items()}
    lite = slow["tflite_float32"]
    return {
        "saved_model / weights (bytes)": size["saved_model"] / weights,
        "float16 / float32 (bytes)": size["tflite_float16"] / size["tflite_float32"],
        "int8 / float32 (bytes)": size["tflite_int8"] / size["tflite_float32"],
        "predict / tflite (1 image)": slow["keras.Model.predict"] / lite,
        "saved_model / tflite (1 image)": slow["saved_model"] / lite,
    }


def show(name, weights, figures, ratios):
    print(f"{name}: {weights / 1e6:.2f} MB of weights")
    print(
        f"  {'':<20}{'MB':>7}{'max error':>11}{'mean error':>12}{'psnr dB':>9}{'load ms':>9}"
        f"{'1 image ms':>12}{'64 images ms':>14}"
    )
    for form, entry in figures.items():
        made = (
            ""
            if "bytes" not in entry
            else (
                f"{entry['bytes'] / 1e6:>7.2f}{entry['max_absolute_error']:>11.1e}"
                f"{entry['mean_absolute_error']:>12.1e}{entry['psnr']:>9.1f}{entry['load_ms']:>9.1f}"
            )
        )
        print(f"  {form:<20}{made:<48}{entry['ms_for_1']:>12.3f}{entry['ms_for_64']:>14.2f}")
    for ratio, value in ratios.items():
        print(f"  {ratio}: {value:.3g}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run_dir", action="append", default=[])
    parser.add_argument("--rounds", type=int, default=10)
    args = parser.parse_args()
    record = {}
    with native_silence():
        runs = {pathlib.Path(path).name: inference.read_run(path) for path in args.run_dir}
        for name, trained in (runs or presets()).items():
            weights = sum(weight.nbytes for weight in trained.model.get_weights())
            figures = measured(trained, args.rounds)
            ratios = targets(figures, weights)
            show(name, weights, figures, ratios)
            record[name] = {
                "weights": weights,
                "figures": figures,
                "ratios": {ratio: round(value, 4) for ratio, value in ratios.items()},
            }
    print_record("export", generators=record)


if __name__ == "__main__":
    main()
