"""Run a program: parse its flags, print one sentence for an error, exit with a documented code."""

from __future__ import annotations

import os
import platform
import re
import sys
import warnings
from collections.abc import Callable, Mapping
from types import MappingProxyType

from absl import app, flags, logging

from .signals import interrupt_on_signals

__all__ = ["run", "verbose"]


def verbose() -> bool:
    """Return whether the user asked for tracebacks and native logs, with `--verbosity=1`."""
    return flags.FLAGS.is_parsed() and flags.FLAGS.verbosity > 0


def run(
    program: str,
    module: str,
    work: Callable[[], None],
    interrupted: str = "interrupted.",
    *,
    hide_gpus: bool = False,
    arguments: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Parse the flags, call `work` and exit: 0 done, 1 failed, 130 interrupted.

    SIGTERM and SIGHUP raise KeyboardInterrupt, as Ctrl-C does. A failure is one sentence on
    standard error; `--verbosity=1` adds the traceback.

    TensorFlow's oneDNN operations are switched on, unless `TF_ENABLE_ONEDNN_OPTS` says otherwise.
    On x86 processors without VNNI instructions TensorFlow leaves them off, and convolutions take
    about twice as long.

    Args:
        program: the program's name, which begins each of its sentences.
        module: name of the module that defines its flags. Its docstring heads `--help`.
        work: the program itself. It imports TensorFlow, so that `--help` need not wait for it.
        interrupted: sentence for an interruption that brings none of its own.
        hide_gpus: set `CUDA_VISIBLE_DEVICES` so that TensorFlow runs on the CPU.
        arguments: argument of the library -> flag, where their names differ.
    """
    # absl heads `--help` with the docstring of `__main__` and lists that module's key flags, but
    # an installed program's `__main__` is a stub of the installer.
    sys.modules["__main__"].__doc__ = sys.modules[module].__doc__
    for flag in flags.FLAGS.get_flags_for_module(module):
        flags.FLAGS.register_key_flag_for_module(sys.argv[0], flag)

    def say(message: object) -> None:
        print(f"{program}: {_as_flags(str(message), arguments)}", file=sys.stderr)

    def guarded(argv: list[str]) -> int:
        if len(argv) > 1:
            say(f"unexpected argument {argv[1]!r}; flags begin with --.")
            return 1
        if flags.FLAGS.verbosity == 0:  # absl's default, at which libraries log what they do
            logging.set_verbosity(logging.WARNING)
        warnings.showwarning = lambda message, *_: say(message)
        if hide_gpus:
            os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
        if platform.machine() in ("x86_64", "AMD64"):
            os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
        interrupt_on_signals()
        try:
            work()
        except KeyboardInterrupt as interrupt:
            say(str(interrupt) or interrupted)
            return 130
        except Exception as error:
            if verbose():
                raise
            say(str(error) or type(error).__name__)
            return 1
        return 0

    app.run(guarded)


def _as_flags(sentence: str, arguments: Mapping[str, str]) -> str:
    """Return a sentence of the library in which arguments that are flags here are named so."""

    def flag(found: re.Match[str]) -> str:
        name = arguments.get(found[1], found[1])
        value = (found[2] or "").replace("'", "")
        return f"--{name}{value}" if name in flags.FLAGS else found[0]

    return re.sub(r"(?:argument )?`(\w+)(=[^`\s]*)?`", flag, sentence)
