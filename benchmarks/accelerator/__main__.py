"""The training step on an accelerator: exported here, run there by JAX, brought back.

    python -m benchmarks.accelerator export --preset=digits_mlp --out=DIR [flags of kgan-train]
    python benchmarks/accelerator/run.py DIR --train=DIR --train_seconds=60 --out=RESULT
    python -m benchmarks.accelerator import DIR --result=RESULT --run_dir=RUN
    python -m benchmarks.accelerator prepare --out=REHEARSAL

The second command needs JAX and NumPy alone: copy `run.py` and DIR to the machine with the
accelerator. `prepare` writes a folder with steps of three pairs of networks, the runner and the
same steps in PyTorch; `python rehearse.py --out=RESULT` in it runs and measures them all.
"""

from __future__ import annotations

import argparse
import pathlib
import sys

from absl import flags

from benchmarks.accelerator.export import write_training
from benchmarks.accelerator.imported import import_training
from benchmarks.accelerator.rehearsal import prepare
from kgan_cli.flags import define_flags, given_flags
from train.config import Config, resolve


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.accelerator",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    export = commands.add_parser("export", help="write a training; flags of kgan-train follow")
    export.add_argument("--preset")
    export.add_argument("--out", required=True)
    export.add_argument("--data_dir")
    bring = commands.add_parser("import", help="make a run directory of a training that ran")
    bring.add_argument("exported", metavar="DIR")
    bring.add_argument("--result", required=True, help="what run.py wrote")
    bring.add_argument("--run_dir", required=True)
    bring.add_argument("--data_dir")
    rehearsal = commands.add_parser("prepare", help="write the folder of a rehearsal")
    rehearsal.add_argument("--out", required=True, type=pathlib.Path)
    args, further = parser.parse_known_args()
    if args.command == "export":
        define_flags(Config, __name__)
        flags.FLAGS([sys.argv[0], *further])
        write_training(resolve(args.preset, given_flags(Config)), args.out, args.data_dir)
    elif further:
        parser.error(f"unknown: {' '.join(further)}")
    elif args.command == "import":
        import_training(args.exported, args.result, args.run_dir, args.data_dir)
    else:
        prepare(args.out)


if __name__ == "__main__":
    main()
