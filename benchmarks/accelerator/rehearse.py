"""Run everything in this folder on the device that JAX finds: agreement, speed, a training.

    python rehearse.py --out=RESULT [--train=DIR --train_seconds=80]

It needs JAX and NumPy; without PyTorch, its part stays empty. The limits sum to six minutes.
Compiling takes most of them, so one process for each pair of networks and size of image compiles
and compares with TensorFlow's logs; then one alone measures what was compiled in time, then
PyTorch, then the game is played.
"""

from __future__ import annotations

import argparse
import collections
import os
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
# Trying every way to compile each operation takes minutes for a step of a thousand convolutions.
QUICK = "--xla_gpu_autotune_level=1 --xla_gpu_experimental_enable_fusion_autotuner=false"


def started(environment, log, *arguments):
    """Start a program of this folder; its output goes to a file."""
    command = [sys.executable, *map(str, arguments)]
    with open(log, "w") as file:
        return subprocess.Popen(
            command, cwd=HERE, env=environment, stdout=file, stderr=subprocess.DEVNULL
        )


def within(processes, seconds):
    """Wait for processes, and end those that take longer."""
    end = time.monotonic() + seconds
    for process in processes:
        try:
            process.wait(max(0.0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--compile_seconds", type=float, default=150.0)
    parser.add_argument("--measure_seconds", type=float, default=60.0)
    parser.add_argument("--torch_seconds", type=float, default=35.0)
    parser.add_argument("--train", type=pathlib.Path, metavar="DIR", help="an exported training")
    parser.add_argument("--train_seconds", type=float, default=80.0)
    args = parser.parse_args()
    out = args.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    cache = {
        "JAX_COMPILATION_CACHE_DIR": str(out / "cache"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",  # several processes share the device
        "PYTHONUNBUFFERED": "1",
    }
    environment = {"XLA_FLAGS": QUICK, **os.environ, **cache}

    groups = collections.defaultdict(list)
    for name in (HERE / "steps.txt").read_text().split():
        pair, _, shape, _ = name.split("-")
        groups[pair, shape].append(name)
    run, log = HERE / "run.py", out / "compile.log"
    compiling = []
    for (pair, shape), names in groups.items():
        arguments = [*names, "--seconds=0.01", f"--out={out / pair}-{shape}"]
        compiling.append(started(environment, out / f"{pair}-{shape}.log", run, *arguments))
    if args.train:
        trained = f"--train={args.train.resolve()}"
        arguments = [trained, "--train_seconds=0", f"--out={out / 'try'}"]
        compiling.append(started(environment, out / "try.log", run, *arguments))
    within(compiling, args.compile_seconds)
    logs = [(out / f"{pair}-{shape}.log").read_text() for pair, shape in groups]
    log.write_text("".join(logs))
    measured = [line.split()[0] for line in log.read_text().splitlines() if "images/s" in line]
    print(f"{len(measured)} of {sum(map(len, groups.values()))} steps compiled", flush=True)

    arguments = [*measured, "--seconds=0.7", f"--out={out}"]
    within([started(environment, out / "run.log", run, *arguments)], args.measure_seconds)
    print((out / "run.log").read_text(), flush=True)
    cells = ",".join(name.replace("-", ":") for name in measured if not name.endswith("float32"))
    for kind in ("eager", "compiled"):
        arguments = [f"--cells={cells}", f"--kinds={kind}", "--seconds=0.4"]
        log = out / f"torch_{kind}.log"
        process = started(environment, log, HERE / "torch_step.py", *arguments)
        within([process], args.torch_seconds)
        print(log.read_text(), flush=True)
    if args.train:
        arguments = [trained, f"--train_seconds={args.train_seconds}", f"--out={out / 'trained'}"]
        process = started(environment, out / "train.log", run, *arguments)
        within([process], 2 * args.train_seconds + 60)
        print((out / "train.log").read_text(), flush=True)


if __name__ == "__main__":
    main()
