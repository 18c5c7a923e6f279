"""Distribution strategies: one device, all GPUs of a machine, several machines, a TPU."""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator

import tensorflow as tf

from kgan.artifacts import RunDirectory

PEERS_SECONDS = 300  # that a worker waits for the others


def make_strategy(name: str, batch_size: int) -> tf.distribute.Strategy:
    """Return the strategy of a name in `choices.STRATEGIES`, and print it unless it is `"none"`.

    Call it before anything else runs in TensorFlow.

    Args:
        name: `"auto"` takes several workers where `TF_CONFIG` or Slurm names them, else a TPU where
            `TPU_NAME` names one, else all GPUs where there are several, else one device.
        batch_size: images in an update, which the replicas share.

    Raises:
        ValueError: the strategy is not available here, or the replicas do not divide the batch.
    """
    share_memory()
    if name == "auto":
        name = _available()
    strategy = {
        "none": tf.distribute.get_strategy,
        "mirrored": _mirrored,
        "multi_worker": _multi_worker,
        "tpu": _tpu,
    }[name]()
    count = strategy.num_replicas_in_sync
    if batch_size % count:
        raise ValueError(
            f"--batch_size={batch_size}: expected a multiple of {count}, as many replicas as "
            f"--strategy={name} has here."
        )
    if name != "none":
        print(f"Strategy {name}: {count} replicas of {batch_size // count} images each.")
    return strategy


def share_memory() -> None:
    """Let TensorFlow take a GPU's memory as it needs it, not all at once."""
    for gpu in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(gpu, True)


def on_one_machine() -> bool:
    """Return whether the strategy `"auto"` is neither several workers nor a TPU."""
    return _available() in ("mirrored", "none")


def has_gpu() -> bool:
    """Return whether TensorFlow sees a GPU."""
    return bool(tf.config.list_physical_devices("GPU"))


def _available() -> str:
    if _workers() > 1 or int(os.environ.get("SLURM_STEP_NUM_TASKS", "1")) > 1:
        return "multi_worker"
    if os.environ.get("TPU_NAME"):
        return "tpu"
    return "mirrored" if len(tf.config.list_physical_devices("GPU")) > 1 else "none"


def _workers() -> int:
    """Return how many workers `TF_CONFIG` names."""
    try:
        cluster = json.loads(os.environ.get("TF_CONFIG") or "{}").get("cluster", {})
        return sum(len(cluster.get(kind, [])) for kind in ("chief", "worker"))
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(
            "The environment variable TF_CONFIG is no description of a cluster: expected JSON such "
            'as {"cluster": {"worker": ["host1:2222", "host2:2222"]}, "task": {"type": "worker", '
            f'"index": 0}}}}, received {os.environ["TF_CONFIG"]!r}.'
        ) from error


def _mirrored() -> tf.distribute.Strategy:
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    return tf.distribute.MirroredStrategy([device.name for device in devices])


def _multi_worker() -> tf.distribute.Strategy:
    if _workers() > 1:
        resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
    elif "SLURM_STEP_NUM_TASKS" in os.environ:
        resolver = tf.distribute.cluster_resolver.SlurmClusterResolver()
    else:
        raise ValueError(
            "--strategy=multi_worker: expected TF_CONFIG to name two workers or more, or a step of "
            "Slurm with several tasks. docs/scale.md shows both."
        )
    with _bounded_wait():
        return tf.distribute.MultiWorkerMirroredStrategy(cluster_resolver=resolver)


@contextlib.contextmanager
def _bounded_wait() -> Iterator[None]:
    """End the process with exit code 1 if the other workers do not come in time.

    TensorFlow waits for them forever, ignores signals and holds Python's lock. So the sentence is
    printed first, and a watchdog that needs no Python ends the process.
    """
    seconds = float(os.environ.get("KGAN_PEERS_SECONDS", PEERS_SECONDS))
    print(
        f"kgan-train: waiting for the other workers; where not all come within {seconds:g} "
        "seconds, this one ends. Start one on each machine, with the same command and its own "
        "index, and see that they reach each other's ports.",
        file=sys.stderr,
        flush=True,
    )
    with open(os.devnull, "w") as nowhere:
        faulthandler.dump_traceback_later(seconds, exit=True, file=nowhere)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()


def _tpu() -> tf.distribute.Strategy:
    name = os.environ.get("TPU_NAME")
    if not name:
        raise ValueError(
            "--strategy=tpu: expected the environment variable TPU_NAME to name a TPU; `local` is "
            "that of this machine."
        )
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(name)
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
    except (ValueError, tf.errors.OpError) as error:
        raise ValueError(
            f"--strategy=tpu: the TPU that TPU_NAME={name} names cannot be reached "
            f"({str(error).partition(chr(10))[0]})."
        ) from error
    return tf.distribute.TPUStrategy(resolver)


@contextlib.contextmanager
def own_run(strategy: tf.distribute.Strategy, run: RunDirectory) -> Iterator[RunDirectory]:
    """Yield the directory this worker writes to: `run` for the chief, a temporary one for others.

    Every worker does the same, its callbacks included, so that none waits for another. What the
    chief writes is kept. The others start from a copy of what the chief wrote before.
    """
    if _is_chief(strategy):
        with run.lock():
            yield run
        return
    with tempfile.TemporaryDirectory() as scratch:
        if run.path.exists():
            shutil.copytree(run.path, scratch, dirs_exist_ok=True, ignore=_partial)
        yield RunDirectory(scratch)


_partial = shutil.ignore_patterns(".*", "samples", "logs")


def _is_chief(strategy: tf.distribute.Strategy) -> bool:
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return True
    resolver = strategy.cluster_resolver
    if "chief" in resolver.cluster_spec().jobs:
        return resolver.task_type == "chief"
    return resolver.task_id == 0
