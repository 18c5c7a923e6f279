"""Run exported training steps on the device that JAX finds: one file, for JAX and NumPy alone.

    python run.py DIR [DIR ...] [--seconds=2] [--out=OUT] [--train=DIR --train_seconds=60]

For each directory that `benchmarks.accelerator export` wrote: the first steps beside TensorFlow's
logs of them, then the time of a step. With --train it plays the game for a time and writes its
state. What runs is TensorFlow's traced step, compiled by XLA for the device; TensorFlow's runtime,
`tf.data` and `fit` are not there. Steps run several at once, without a word to the host between.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import inspect
import json
import pathlib
import statistics
import time
from typing import Any

import jax
import jax.export
import jax.numpy as jnp
import numpy as np

jax.config.update("jax_enable_x64", True)  # the step counts in int64

SEVERAL = 10  # steps in one execution
PEAK_SIDE = 8192  # of the matrices whose product is the device's measured peak


class Exported:
    """An exported step.

    Attributes:
        facts: the content of `step.json`.
        logs: names of the logs.
        inputs: shape and dtype of images, and of a condition.
    """

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.facts = json.loads((self.directory / "step.json").read_text())
        self.logs = self.facts["logs"]
        self.inputs = [(tuple(shape), np.dtype(dtype)) for shape, dtype in self.facts["inputs"]]
        self.names = [name for name, *_ in self.facts["state"]]
        self.updates = {int(output): i for output, i in self.facts["updates"].items()}
        self.program = self._program()

    def _program(self):
        """Return the StableHLO as a function of inputs and state that `jax.jit` compiles."""

        def aval(shape, dtype):
            return jax.core.ShapedArray(tuple(shape), jnp.dtype(dtype))

        given = [aval(shape, dtype) for shape, dtype in self.inputs]
        state = [aval(shape, dtype) for _, shape, dtype, *_ in self.facts["state"]]
        arguments = (*given, *state)
        results = [aval((), "float32") for _ in self.logs]
        results += [state[self.updates[output]] for output in sorted(self.updates)]
        known: dict[str, Any] = {
            "fun_name": "train_step",
            "in_tree": jax.tree.structure((arguments, {})),
            "in_avals": arguments,
            "out_tree": jax.tree.structure(results),
            "out_avals": tuple(results),
            "nr_devices": 1,
            "platforms": ("cpu",),  # no operation of it is of one platform alone
            "ordered_effects": (),
            "unordered_effects": (),
            "disabled_safety_checks": (jax.export.DisabledSafetyCheck.platform(),),
            "mlir_module_serialized": (self.directory / "step.mlirbc").read_bytes(),
            "calling_convention_version": jax.export.maximum_supported_calling_convention_version,
            "module_kept_var_idx": tuple(range(len(arguments))),
            "uses_global_constants": False,
            "_get_vjp": None,
            "_has_named_shardings": False,
        }
        for name in ("in_shardings_hlo", "_in_named_shardings"):
            known[name] = (None,) * len(arguments)
        for name in ("out_shardings_hlo", "_out_named_shardings"):
            known[name] = (None,) * len(results)
        fields = inspect.signature(jax.export.Exported).parameters  # they differ by version
        program = jax.export.Exported(**{name: known[name] for name in fields})
        # TensorFlow copies each output by an operation that is none of StableHLO's.
        text = program.mlir_module().replace("= mhlo.copy %", "= stablehlo.optimization_barrier %")
        return dataclasses.replace(program, mlir_module_serialized=text.encode()).call

    def step(self, state, batch):
        """Take one step. Return the new state and the logs."""
        results = self.program(*batch, *state)
        state = list(state)
        for output, i in self.updates.items():
            state[i] = results[output]
        return state, jnp.stack(results[: len(self.logs)])

    def initial_state(self):
        """Return the state that was written, or draw one of the same means and deviations."""
        if not (self.directory / "state.npz").exists():
            rng = np.random.default_rng(0)
            return [
                jnp.asarray(rng.normal(mean, deviation, shape), dtype)
                for _, shape, dtype, mean, deviation in self.facts["state"]
            ]
        with np.load(self.directory / "state.npz") as file:
            return [
                jnp.array(file[name].view(jnp.dtype(dtype)))
                for name, _, dtype, *_ in self.facts["state"]
            ]

    def first_batches(self):
        """Return the inputs of the first steps, `[steps, batch, ...]` each, or drawn ones."""
        if not (self.directory / "first.npz").exists():
            low, high = self.facts["value_range"] or (-1.0, 1.0)
            keys = jax.random.split(jax.random.key(0), len(self.inputs))
            return [
                jax.random.uniform(key, (1, *shape), jnp.float32, low, high).astype(dtype)
                for key, (shape, dtype) in zip(keys, self.inputs, strict=True)
            ]
        with np.load(self.directory / "first.npz") as file:
            return [jnp.array(file[name]) for name in file.files]

    def compiled(self, timed=True):
        """Return one step if it is to be checked, several to be timed, and a step's operations."""
        state = [jax.ShapeDtypeStruct(shape, dtype) for _, shape, dtype, *_ in self.facts["state"]]
        batch = [jax.ShapeDtypeStruct(shape, dtype) for shape, dtype in self.inputs]
        one = jax.jit(self.step, donate_argnums=0).lower(state, batch)
        with jax.default_device(jax.devices("cpu")[0]):  # a GPU's compiler does not count them
            counted = jax.jit(self.step).lower(state, batch).cost_analysis()
        operations = (counted or {}).get("flops", 0.0)
        checked = one.compile() if self.facts.get("first_logs") else None

        def several(state, batch):
            def body(state, _):
                return self.step(state, batch)

            return jax.lax.scan(body, state, length=SEVERAL)

        if not timed:
            return checked, None, operations
        return checked, jax.jit(several, donate_argnums=0).lower(state, batch).compile(), operations


def check(exported, one):
    """Return the greatest difference of a log from TensorFlow's, over the first steps."""
    expected = exported.facts["first_logs"]
    state, batches = exported.initial_state(), exported.first_batches()
    worst: dict[str, float] = {}
    for i, logs in enumerate(expected):
        state, found = one(state, [each[i] for each in batches])
        for name, want, have in zip(exported.logs, logs, np.asarray(found), strict=True):
            worst[name] = max(worst.get(name, 0.0), abs(want - float(have)))
    return worst


def seconds_a_step(exported, several, seconds):
    """Return the median time of a step over at least so many seconds."""
    state, batches = exported.initial_state(), exported.first_batches()
    batch = [each[0] for each in batches]
    for _ in range(2):
        state, logs = several(state, batch)
    jax.block_until_ready(logs)
    found: list[float] = []
    begin, inner = time.perf_counter(), 1
    while time.perf_counter() - begin < seconds or len(found) < 3:
        started = time.perf_counter()
        for _ in range(inner):
            state, logs = several(state, batch)
        jax.block_until_ready(logs)
        taken = time.perf_counter() - started
        found.append(taken / inner / SEVERAL)
        inner = max(1, min(50, round(inner * 0.2 / taken)))  # about 0.2 s between two looks
    return statistics.median(found)


def peak(dtype):
    """Return the operations a second of a large matrix product."""
    a, b = (jax.random.normal(jax.random.key(i), (PEAK_SIDE, PEAK_SIDE), dtype) for i in (0, 1))

    @jax.jit
    def product(a, b):
        return a @ b

    product(a, b).block_until_ready()
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        for _ in range(5):
            c = product(a, b)
        c.block_until_ready()
        times.append((time.perf_counter() - begin) / 5)
    return 2 * PEAK_SIDE**3 / statistics.median(times)


def train(exported, seconds, out):
    """Play the game for a time, on the exported data in their order; write state and logs."""
    low, high = exported.facts["value_range"] or (0.0, 0.0)
    with np.load(exported.directory / "images.npz") as file:
        table = [jnp.array(file[name]) for name in file.files]
    with np.load(exported.directory / "order.npz") as file:
        order = file["arr_0"]

    def batch_of(rows):
        images, *condition = [each[rows] for each in table]
        if images.dtype == jnp.uint8:
            weight = images.astype(jnp.float32) / 255.0
            images = low * (1.0 - weight) + high * weight
        return [images, *[each.astype(jnp.int32) for each in condition]]

    @functools.partial(jax.jit, donate_argnums=0)
    def several(state, rows):
        def body(state, rows):
            return exported.step(state, batch_of(rows))

        return jax.lax.scan(body, state, rows)

    epoch = exported.facts["epoch"]  # training ends with one, so that it can go on from there
    count = max(n for n in range(1, 2 * SEVERAL + 1) if epoch % n == 0)
    state, curve, values = exported.initial_state(), [], np.zeros(len(exported.logs))
    compiled = several.lower(state, order[:count]).compile()
    begin = said = time.perf_counter()
    steps = 0
    while steps + epoch <= len(order) and np.isfinite(values).all():
        for first in range(steps, steps + epoch, count):
            state, logs = compiled(state, order[first : first + count])
        steps += epoch
        if steps // 100 > (steps - epoch) // 100:
            values = np.asarray(logs[-1])  # waits, so that the clock is right
            now = time.perf_counter()
            curve.append([steps, round(now - begin, 2), *map(float, values)])
            if now - said > 20:
                said, names = now, zip(exported.logs, values, strict=True)
                shown = ", ".join(f"{name} {value:.3f}" for name, value in names)
                print(f"  step {steps}, {now - begin:.0f} s: {shown}", flush=True)
            if now - begin > seconds:
                break
    jax.block_until_ready(state)
    taken = time.perf_counter() - begin
    out.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, Any] = {
        name: np.asarray(value) for name, value in zip(exported.names, state, strict=True)
    }
    np.savez(out / "state.npz", **arrays)
    record = {"steps": steps, "seconds": taken, "logs": exported.logs, "curve": curve}
    (out / "training.json").write_text(json.dumps(record))
    stopped = "" if np.isfinite(values).all() else "; stopped, as a log is not finite"
    print(f"  {steps} steps in {taken:.1f} s{stopped}", flush=True)
    return {"steps": steps, "seconds": round(taken, 2)}


def about():
    """Return what ran where."""
    device = jax.devices()[0]
    return {"jax": jax.__version__, "device": device.device_kind, "platform": device.platform}


def described(row):
    """Return the figures of a step as a line."""
    parts = [f"compiled in {row['compile_seconds']:.0f} s"]
    if "ms" in row:
        parts.append(f"{row['ms']:.3f} ms, {row['images_per_second']:,.0f} images/s")
        parts.append(f"{row['gflop_a_step'] / row['ms']:.2f} TFLOP/s, {row['mib']:,.0f} MiB")
    if "difference" in row:
        # The accuracy is a count, which a rounding changes where D is undecided.
        worst = max(value for name, value in row["difference"].items() if name != "d_accuracy")
        parts.append(f"logs differ by {worst:.1e} from TensorFlow's")
    return "; ".join(parts)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directories", nargs="*", type=pathlib.Path, metavar="DIR")
    parser.add_argument(
        "--seconds", type=float, default=2.0, help="of timing for each; 0 compares only"
    )
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("accelerator"))
    parser.add_argument("--train", type=pathlib.Path, metavar="DIR", help="the game to play")
    parser.add_argument("--train_seconds", type=float, default=60.0)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    record: dict[str, Any] = {**about(), "steps": {}}
    print(record["device"], record["jax"], flush=True)
    if record["platform"] != "cpu":
        record["peak"] = {name: peak(name) for name in ("bfloat16", "float32")}
        shown = ", ".join(f"{name} {rate / 1e12:.0f}" for name, rate in record["peak"].items())
        print(f"matrix products of {PEAK_SIDE}: {shown} TFLOP/s", flush=True)

    for directory in args.directories:
        row: dict[str, Any] = {}
        record["steps"][directory.name] = row
        try:
            exported, started = Exported(directory), time.perf_counter()
            one, several, operations = exported.compiled(timed=args.seconds > 0)
            row["compile_seconds"] = time.perf_counter() - started
            if one is not None:
                row["difference"] = check(exported, one)
            row["gflop_a_step"] = operations / 1e9
            if several is not None:
                step = seconds_a_step(exported, several, args.seconds)
                memory = several.memory_analysis()
                row["ms"] = 1e3 * step
                row["images_per_second"] = exported.inputs[0][0][0] / step
                row["mib"] = (memory.argument_size_in_bytes + memory.temp_size_in_bytes) / 2**20
            print(directory.name, described(row), flush=True)
        except Exception as error:
            row["error"] = f"{type(error).__name__}: {str(error)[:300]}"
            print(directory.name, row["error"], flush=True)
        (args.out / "run.json").write_text(json.dumps(record))
    if args.train:
        print(f"training {args.train.name}", flush=True)
        record["training"] = train(Exported(args.train), args.train_seconds, args.out)
    (args.out / "run.json").write_text(json.dumps(record))


if __name__ == "__main__":
    main()
