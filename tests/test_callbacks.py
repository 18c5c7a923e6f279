"""Callbacks that watch a game, whatever its epochs and steps_per_execution are."""

import json
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest

import kgan
from kgan import callbacks


def make_gan():
    keras.utils.set_random_seed(0)
    gan = kgan.GAN(
        kgan.networks.MLPGenerator((8, 8, 1), latent_dim=3, units=(4,)),
        kgan.networks.MLPDiscriminator((8, 8, 1), units=(4,)),
        kgan.priors.Normal(3),
    )
    gan.compile("adam", "adam")
    return gan


@pytest.fixture
def gan():
    return make_gan()


def fit(gan, steps, epochs, *watchers):
    data = np.random.default_rng(0).uniform(-1, 1, (4 * steps, 8, 8, 1)).astype("float32")
    gan.fit(data, batch_size=4, epochs=epochs, verbose=0, callbacks=list(watchers))


def drawn(run_dir):
    return sorted(int(p.stem.removeprefix("step_")) for p in (run_dir / "samples").iterdir())


def test_grids_are_drawn_every_so_many_steps_and_at_the_end(gan, tmp_path):
    fit(gan, 7, 2, callbacks.SampleGrid(tmp_path, every=5))
    assert drawn(tmp_path) == [5, 10, 14]


def test_grids_and_steps_per_execution(gan, tmp_path):
    """The picture comes with the first finished execution that passes a multiple."""
    gan.compile("adam", "adam", steps_per_execution=4)
    fit(gan, 8, 2, callbacks.SampleGrid(tmp_path, every=5))
    assert drawn(tmp_path) == [8, 12, 16]


def test_a_second_fit_counts_on(gan, tmp_path):
    fit(gan, 4, 1, callbacks.SampleGrid(tmp_path, every=3))
    fit(gan, 4, 1, callbacks.SampleGrid(tmp_path, every=3))
    assert drawn(tmp_path) == [3, 4, 6, 8]


def test_grids_show_the_same_latents_and_the_state_of_their_step(gan, tmp_path):
    watcher = callbacks.SampleGrid(tmp_path, every=2, count=9, seed=5)
    fit(gan, 2, 1, watcher)
    picture = kgan.plots.grid(gan.sample(9, seed=5))
    kgan.plots.write_png(tmp_path / "expected.png", picture)
    written = (tmp_path / "samples" / "step_00000002.png").read_bytes()
    assert written == (tmp_path / "expected.png").read_bytes()


def board(run_dir):
    """What TensorBoard would show: tag -> steps."""
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    shown = {}
    for file in (run_dir / "logs").iterdir():
        events = accumulator.EventAccumulator(str(file)).Reload()
        for tag in events.Tags()["tensors"]:
            shown[tag] = [event.step for event in events.Tensors(tag)]
    return shown


def test_tensorboard_shows_grids_and_metrics_over_the_steps(gan, tmp_path):
    fit(gan, 3, 2, callbacks.SampleGrid(tmp_path, every=2), callbacks.MetricsLog(tmp_path))
    shown = board(tmp_path)
    assert shown["samples"] == [2, 4, 6]
    for name in (*gan.report.NAMES, "twice_jsd_bound"):
        assert shown[name] == [3, 6]


WITHOUT_TENSORBOARD = """
import pathlib, sys
sys.modules["tensorboard"] = None  # as if it were not installed
sys.path.insert(0, {tests!r})
import numpy as np, tensorflow as tf
import test_callbacks
from kgan import callbacks
try:
    with tf.summary.create_noop_writer().as_default(step=0):
        tf.summary.scalar("x", 1.0)
except Exception as error:
    assert "TensorBoard is not installed" in str(error), error
else:
    sys.exit("TensorFlow found a tensorboard")
gan = test_callbacks.make_gan()
test_callbacks.fit(gan, 2, 1, callbacks.SampleGrid(".", every=1), callbacks.MetricsLog("."))
"""


def test_without_tensorboard(tmp_path):
    script = WITHOUT_TENSORBOARD.format(tests=str(pathlib.Path(__file__).parent))
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert drawn(tmp_path) == [1, 2]
    assert (tmp_path / "metrics.jsonl").exists()
    assert not (tmp_path / "logs").exists()


def test_metrics_are_one_line_an_epoch(gan, tmp_path):
    fit(gan, 3, 2, callbacks.MetricsLog(tmp_path))
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [(line["step"], line["epoch"]) for line in lines] == [(3, 1), (6, 2)]
    assert {"d_loss", "g_loss", "d_real", "d_fake", "d_accuracy", "value", "time"} <= set(lines[0])
    assert lines[0]["time"] <= lines[1]["time"]


def test_progress_counts_all_steps(gan, capsys):
    fit(gan, 3, 4, callbacks.Progress(12))
    shown = capsys.readouterr().err
    assert "12/12" in shown
    assert "d_real=" in shown
