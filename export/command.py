"""How the programs here meet their user: flags, one sentence for a mistake, exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from absl import app, flags


def verbose() -> bool:
    """Whether the user asked for tracebacks, by `--verbosity=1`."""
    return flags.FLAGS.verbosity > 0


def run(program: str, module: str, work: Callable[[], None], interrupted: str) -> None:
    """Parses the flags, works and exits: 0 done, 1 failed, 130 interrupted.

    Args:
        program: the name that its sentences begin with.
        module: the module that defines its flags and whose docstring heads `--help`.
        work: what it does.
        interrupted: what an interruption meant.
    """
    # However the program was started.
    sys.modules["__main__"].__doc__ = sys.modules[module].__doc__
    for flag in flags.FLAGS.get_flags_for_module(module):
        flags.FLAGS.register_key_flag_for_module(sys.argv[0], flag)

    def guarded(argv: list[str]) -> int:
        if len(argv) > 1:
            print(
                f"{program}: unexpected argument {argv[1]!r}; flags begin with --.", file=sys.stderr
            )
            return 1
        # Neither needs a GPU, and a training beside it needs all of the GPU's memory.
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
        try:
            work()
        except KeyboardInterrupt:
            print(f"{program}: {interrupted}", file=sys.stderr)
            return 130
        except Exception as error:
            if verbose():
                raise
            print(f"{program}: {error or type(error).__name__}", file=sys.stderr)
            return 1
        return 0

    app.run(guarded)
