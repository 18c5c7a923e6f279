"""How a program meets its user: flags, one sentence for a mistake, exit codes, a quiet start."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from absl import app, flags, logging


def run(program: str, main: Callable[[], int | None], flags_module: Any) -> None:
    """Parses the flags, runs `main` and exits: 0 done, 1 failed, 130 interrupted.

    A failure is one sentence on standard error; `--verbosity=1` adds the traceback.

    Args:
        program: the name that its sentences begin with.
        main: the program; returns None or an exit code.
        flags_module: the module that defines its flags; its docstring heads `--help`.
    """
    sys.modules["__main__"].__doc__ = flags_module.__doc__
    for flag in flags.FLAGS.get_flags_for_module(flags_module.__name__):
        flags.FLAGS.register_key_flag_for_module(sys.argv[0], flag)

    def guarded(argv: list[str]) -> int | None:
        if len(argv) > 1:
            print(
                f"{program}: unexpected argument {argv[1]!r}; flags begin with --.", file=sys.stderr
            )
            return 1
        if flags.FLAGS.verbosity == 0:  # absl's default, at which libraries tell what they do
            logging.set_verbosity(logging.WARNING)
        warnings.showwarning = lambda message, *_: print(f"{program}: {message}", file=sys.stderr)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            return main()
        except KeyboardInterrupt as interrupt:
            print(f"{program}: {str(interrupt) or 'Interrupted.'}", file=sys.stderr)
            return 130
        except Exception as error:
            if flags.FLAGS.verbosity > 0:
                raise
            print(f"{program}: {error or type(error).__name__}", file=sys.stderr)
            return 1

    app.run(guarded)


@contextlib.contextmanager
def quiet_start() -> Iterator[None]:
    """Keeps TensorFlow's native greetings off standard error while it is imported."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    kept, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(null)
