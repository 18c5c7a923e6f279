"""End a training between two steps, with everything saved, on Ctrl-C, SIGTERM and SIGHUP."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
import types
from collections.abc import Callable, Iterator

__all__ = ["interrupt_on_signals", "stopping_on_signals"]

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
OUTPUTS = (1, 2)  # standard output and standard error


def interrupt_on_signals() -> None:
    """Let SIGTERM and SIGHUP raise KeyboardInterrupt, as Ctrl-C does.

    Under `nohup` SIGHUP stays ignored.
    """
    for number in _heeded():
        if number != signal.SIGINT:
            signal.signal(number, _interrupt)


def _interrupt(number: int, frame: types.FrameType | None) -> None:
    _leave_dead_outputs()
    signal.default_int_handler(number, frame)


def _heeded() -> list[signal.Signals]:
    """Return the signals that end a program: all but a SIGHUP that `nohup` has turned off."""
    ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return [number for number in SIGNALS if number != signal.SIGHUP or not ignored]


def _leave_dead_outputs() -> None:
    """Discard later output to a closed terminal or pipe, where a write would raise."""
    poll = select.poll()
    for output in OUTPUTS:
        poll.register(output, 0)  # errors are reported without being asked for
    for output, _ in poll.poll(0):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, output)
        os.close(null)


@contextlib.contextmanager
def stopping_on_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` at the first signal within the block. A second signal ends the process."""
    if threading.current_thread() is not threading.main_thread():  # only it receives signals
        yield
        return
    before = {number: signal.getsignal(number) for number in _heeded()}

    def handle(number: int, frame: types.FrameType | None) -> None:
        _leave_dead_outputs()
        stop()
        for other in before:
            signal.signal(other, before[other])

    for number in before:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number in before:
            signal.signal(number, before[number])
