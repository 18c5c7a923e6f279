"""The time of kgan's step by kind of operation, from TensorFlow's profiler.

    python -m benchmarks.operations [--pair=mlp ...] [--batch_size=100] [--steps=20]

Operations run one after the other (each may use every core), so that their times add up.
`moves` are operations that compute nothing: casts, copies, transposes, slices, splits and joins.
"""

from __future__ import annotations

import argparse
import collections
import pathlib
import tempfile

import numpy as np
import tensorflow as tf
from tensorflow.tsl.profiler.protobuf import xplane_pb2

from benchmarks.fitting import by_fit
from benchmarks.pairs import PAIRS, SHAPE
from benchmarks.step import compiled_game
from benchmarks.timing import print_record

MOVES = (
    *("Cast", "Concat", "ConcatV2", "Copy", "Pack", "Pad", "Slice", "Split", "StridedSlice"),
    *("StridedSliceGrad", "Tile", "Transpose"),
)


def executed(trace: str) -> tuple[collections.Counter, collections.Counter]:
    """Return the seconds and executions of each kind of operation in a trace."""
    seconds: collections.Counter = collections.Counter()
    times: collections.Counter = collections.Counter()
    (path,) = pathlib.Path(trace).rglob("*.xplane.pb")
    space = xplane_pb2.XSpace.FromString(path.read_bytes())
    for plane in space.planes:
        for event in (event for line in plane.lines for event in line.events):
            name, colon, kind = plane.event_metadata[event.metadata_id].name.rpartition(":")
            if colon and "/" in name and kind.isidentifier():  # as in `path/of/node:MatMul`
                seconds[kind] += event.duration_ps / 1e12
                times[kind] += 1
    return seconds, times


def profiled(pair: str, batch_size: int, steps: int) -> dict:
    """Return the milliseconds and the executions a step of each kind of operation."""
    images = np.random.default_rng(0).uniform(-1, 1, (batch_size, *SHAPE)).astype("float32")
    data = tf.data.Dataset.from_tensors(images).cache().repeat()
    gan = compiled_game(PAIRS[pair])
    by_fit(gan, data, steps)()  # traces and warms up
    with tempfile.TemporaryDirectory() as trace:
        tf.profiler.experimental.start(trace)
        step = by_fit(gan, data, steps - 1)()
        tf.profiler.experimental.stop()
        seconds, times = executed(trace)
    kinds = {
        kind: [round(1e3 * taken / steps, 3), round(times[kind] / steps, 1)]
        for kind, taken in seconds.most_common()
    }
    return {"ms": round(1e3 * step, 2), "kinds": kinds}


def show(title: str, found: dict, most: int = 14) -> None:
    """Print the kinds that take most time, and the sum of the others."""
    kinds = found["kinds"]
    print(f"{title}: {found['ms']:.1f} ms a step under the profiler")
    print(f"  {'':<34}{'ms a step':>10}{'a step':>9}")
    for kind, (milliseconds, times) in list(kinds.items())[:most]:
        print(f"  {kind:<34}{milliseconds:>10.2f}{times:>9.0f}")
    moves = [kinds[kind] for kind in MOVES if kind in kinds]
    for name, rows in (
        ("the rest", list(kinds.values())[most:]),
        ("all", kinds.values()),
        ("moves among them", moves),
    ):
        total, count = (sum(row[i] for row in rows) for i in (0, 1))
        print(f"  {name:<34}{total:>10.2f}{count:>9.0f}")
    print(flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pair", action="append", choices=list(PAIRS), help="all if not given")
    parser.add_argument("--batch_size", type=int, help="instead of a pair's first")
    parser.add_argument("--steps", type=int, default=20)
    args = parser.parse_args()
    tf.config.threading.set_inter_op_parallelism_threads(1)
    figures = {}
    for name in args.pair or PAIRS:
        size = args.batch_size or PAIRS[name].batch_sizes[0]
        figures[name] = profiled(name, size, args.steps)
        show(f"{name}, batch {size}", figures[name])
    print_record("operations", steps=args.steps, pairs=figures)


if __name__ == "__main__":
    main()
