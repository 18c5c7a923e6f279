"""How long a call takes, measured briefly."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

SECONDS = 0.1
CALLS = 5


def median_seconds(call: Callable[[], object]) -> float:
    """The median time of `call`, in seconds, after one call that is not counted.

    It is called at least `CALLS` times, and until `SECONDS` have passed.
    """
    call()
    times: list[float] = []
    while len(times) < CALLS or sum(times) < SECONDS:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)
