"""End a training between two steps, with everything saved, on Ctrl-C and SIGTERM."""

from __future__ import annotations

import contextlib
import signal
import threading
import types
from collections.abc import Callable, Iterator

__all__ = ["stopping_on_signals"]

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def stopping_on_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` at the first signal within the block. A second signal ends the process."""
    if threading.current_thread() is not threading.main_thread():  # only it receives signals
        yield
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def handle(number: int, frame: types.FrameType | None) -> None:
        stop()
        for other in SIGNALS:
            signal.signal(other, before[other])

    for number in SIGNALS:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number in SIGNALS:
            signal.signal(number, before[number])
