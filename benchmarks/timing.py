"""Parts that all benchmarks share: turns, ratios, peak memory, the line of JSON at the end."""

from __future__ import annotations

import importlib.metadata
import json
import os
import pathlib
import platform
import resource
import statistics
import time
from collections.abc import Callable
from typing import Any

VERSIONS = ("tensorflow", "keras", "numpy", "kgan")


def seconds(call: Callable[[], object]) -> float:
    """Return the seconds that a call takes."""
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def in_turns(timed: dict[Any, Callable[[], float]], rounds: int) -> dict[Any, list[float]]:
    """Call the functions in turns (A B A B ...) and return their results, round by round.

    Other work on the machine then affects all alike. A further first round, which compiles and
    fills caches, does not count.
    """
    times: dict[Any, list[float]] = {name: [] for name in timed}
    for _ in range(rounds + 1):
        for name, call in timed.items():
            times[name].append(call())
    return {name: values[1:] for name, values in times.items()}


def ratio(above: list[float], below: list[float]) -> tuple[float, float, float]:
    """Return lower quartile, median and upper quartile of the ratios of two lists by round."""
    ratios = [a / b for a, b in zip(above, below, strict=True)]
    if len(ratios) == 1:
        return ratios[0], ratios[0], ratios[0]
    low, middle, high = statistics.quantiles(ratios, n=4, method="inclusive")
    return low, middle, high


def peak_mib() -> int:
    """Return the peak resident memory of the process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def print_record(benchmark: str, **figures: object) -> None:
    """Print the line of JSON: figures, versions and the machine."""
    versions = {name: importlib.metadata.version(name) for name in VERSIONS}
    machine = {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "load": round(os.getloadavg()[0], 1),
    }
    record = {"benchmark": benchmark, **figures, "python": platform.python_version()}
    print(json.dumps({**record, **versions, "machine": machine}), flush=True)


def _processor() -> str:
    information = pathlib.Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
