"""Callbacks: they act at the right steps, whatever the epochs and steps_per_execution are."""

import json
import math
import pathlib
import re
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import kgan
from kgan import callbacks
from kgan.callbacks.base import StepCallback


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


def test_conditional_grids_have_a_row_for_each_class(tmp_path):
    """The same latent points in each: the rows differ by their class alone."""
    gan = kgan.GAN(
        kgan.networks.MLPGenerator((8, 8, 1), latent_dim=3, units=(4,), num_classes=5),
        kgan.networks.MLPDiscriminator((8, 8, 1), units=(4,), num_classes=5),
        kgan.priors.Normal(3),
    )
    gan.compile("adam", "adam")
    watcher = callbacks.SampleGrid(tmp_path, count=16, seed=3)
    data = np.zeros((4, 8, 8, 1), np.float32), np.arange(4)
    gan.fit(*data, batch_size=4, verbose=0, callbacks=[watcher])
    latents = np.tile(gan.prior.sample(3, 3), (5, 1))
    labels = np.repeat(np.arange(5), 3).astype(np.int32)
    expected = kgan.plots.grid(gan.generator([latents, labels]), columns=3)
    kgan.plots.write_png(tmp_path / "expected.png", expected)
    written = (tmp_path / "samples" / "step_00000001.png").read_bytes()
    assert written == (tmp_path / "expected.png").read_bytes()


def test_with_codes_each_row_of_a_grid_walks_along_one(tmp_path):
    prior = kgan.priors.Codes(kgan.priors.Normal(2), (3,), continuous=1)
    networks = kgan.networks
    gan = kgan.GAN(
        networks.MLPGenerator((8, 8, 1), prior.dim, (4,)),
        networks.MLPDiscriminator((8, 8, 1), (4,)),
        prior,
    )
    gan.compile("adam", "adam")
    watcher = callbacks.SampleGrid(tmp_path, count=40, seed=3)
    gan.fit(np.zeros((4, 8, 8, 1), "float32"), batch_size=4, verbose=0, callbacks=[watcher])
    images = gan.generator(prior.walks(40, 3).reshape(40, 6))
    kgan.plots.write_png(tmp_path / "expected.png", kgan.plots.grid(images, columns=10))
    written = (tmp_path / "samples" / "step_00000001.png").read_bytes()
    assert written == (tmp_path / "expected.png").read_bytes()


def test_grids_and_steps_per_execution(gan, tmp_path):
    """The picture comes with the first finished execution that passes a multiple."""
    gan.compile("adam", "adam", steps_per_execution=4)
    fit(gan, 8, 2, callbacks.SampleGrid(tmp_path, every=5))
    assert drawn(tmp_path) == [8, 12, 16]


def test_a_second_fit_counts_on(gan, tmp_path):
    fit(gan, 4, 1, callbacks.SampleGrid(tmp_path, every=3))
    fit(gan, 4, 1, callbacks.SampleGrid(tmp_path, every=3))
    assert drawn(tmp_path) == [3, 4, 6, 8]


def test_a_last_state_reached_after_a_rollback_is_drawn_again(gan, tmp_path):
    watcher = callbacks.SampleGrid(tmp_path, every=5)
    pictures = []
    for _ in range(2):
        gan.step_counter.assign(0)  # as after a rollback, with other weights
        fit(gan, 4, 1, watcher)
        pictures.append((tmp_path / "samples" / "step_00000004.png").read_bytes())
    assert pictures[0] != pictures[1]


def test_grids_show_the_same_latents_and_the_state_of_their_step(gan, tmp_path):
    watcher = callbacks.SampleGrid(tmp_path, every=2, count=9, seed=5)
    fit(gan, 2, 1, watcher)
    picture = kgan.plots.grid(gan.sample(9, seed=5))
    kgan.plots.write_png(tmp_path / "expected.png", picture)
    written = (tmp_path / "samples" / "step_00000002.png").read_bytes()
    assert written == (tmp_path / "expected.png").read_bytes()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"every": 0}, r"`every`: expected a positive integer, received 0"),
        ({"every": 2.5}, r"`every`: expected a positive integer, received 2\.5"),
        ({"count": True}, r"`count`: expected a positive integer, received True"),
    ],
)
def test_unusable_arguments_of_grids(options, sentence, tmp_path):
    with pytest.raises(ValueError, match=sentence):
        callbacks.SampleGrid(tmp_path, **options)


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
from kgan.callbacks.base import StepCallback
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


@pytest.mark.slow
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


def test_metrics_of_steps_that_lie_ahead_are_forgotten(gan, tmp_path):
    """As when a training resumes from a checkpoint."""
    fit(gan, 3, 2, callbacks.MetricsLog(tmp_path))
    gan.step_counter.assign(3)
    fit(gan, 2, 1, callbacks.MetricsLog(tmp_path))
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [3, 5]


def test_progress_counts_all_steps(gan, capsys):
    fit(gan, 3, 4, callbacks.Progress(12))
    shown = capsys.readouterr().err
    assert "12/12" in shown
    assert "d_real=" in shown


@pytest.mark.slow
def test_progress_begins_where_the_model_stands(gan, capsys):
    gan.step_counter.assign(6)
    fit(gan, 3, 2, callbacks.Progress(12))
    shown = capsys.readouterr().err
    assert "6/12" in shown.split("\r")[1]
    assert "12/12" in shown


def test_progress_of_a_training_that_failed_ends_its_line(gan, capsys):
    progress = callbacks.Progress(12)

    def fail(batch, logs):
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        fit(gan, 3, 4, progress, keras.callbacks.LambdaCallback(on_train_batch_end=fail))
    assert not capsys.readouterr().err.endswith("\n")
    progress.close()
    assert capsys.readouterr().err.endswith("\n")


# Steps


@pytest.mark.parametrize(("n", "counts"), [(1, range(1, 11)), (2, (2, 4, 5, 7, 9, 10))])
def test_steps_are_those_of_the_model(gan, n, counts):
    """Keras counts the short last execution of an epoch as a whole one."""
    seen = []

    class Count(StepCallback):
        def on_steps_end(self, before, logs):
            seen.append((before, self.step, int(self.model.step_counter)))

    gan.compile("adam", "adam", steps_per_execution=n)
    fit(gan, 5, 2, Count())
    assert seen == [(b, s, s) for b, s in zip((0, *counts), counts, strict=False)]


# Numbers that are not finite


class SpoilingRate(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that is no number in one update."""

    def __init__(self, update):
        self.update = update

    def __call__(self, step):
        return keras.ops.where(step == self.update - 1, math.nan, 1e-3)


def spoiling_at(step):
    return keras.optimizers.SGD(SpoilingRate(step))


def test_a_generator_that_spoils_itself_is_named_at_that_step(gan):
    gan.compile(spoiling_at(3), "adam")
    with pytest.raises(FloatingPointError) as error:
        fit(gan, 9, 1, callbacks.NonFinite())
    assert re.fullmatch(
        r"The generator's weights are no longer finite at step 3\. Not finite in the generator: "
        r"\S+kernel, \S+bias, \S+kernel and 1 more\.",
        str(error.value),
    )
    assert gan.step == 3


def test_a_discriminator_that_spoils_itself_is_named_at_that_step(gan):
    """And G, which learnt from it within the step, is listed too."""
    gan.compile("adam", spoiling_at(3))
    with pytest.raises(
        FloatingPointError,
        match=r"The discriminator's weights are no longer finite at step 3\. Not finite in the "
        r"discriminator: .* Not finite in the generator: ",
    ):
        fit(gan, 9, 1, callbacks.NonFinite())


def test_a_loss_that_is_not_finite_is_named(gan):
    data = np.random.default_rng(0).uniform(-1, 1, (12, 8, 8, 1)).astype("float32")
    data[4:] = np.nan  # after the first batch, which is looked at before the training
    with pytest.raises(FloatingPointError, match=r"The discriminator's loss became nan at step 2"):
        gan.fit(
            tf.data.Dataset.from_tensor_slices(data).batch(4),
            verbose=0,
            callbacks=[callbacks.NonFinite()],
        )


def test_the_last_update_is_looked_at_too(gan):
    """Also what is no trained weight."""
    statistic = gan.generator_optimizer.variables[-1]
    spoil = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: statistic.assign(statistic * np.nan)
    )
    with pytest.raises(
        FloatingPointError,
        match=r"Not all variables are finite after the last step, 2\. Not finite in the gen",
    ):
        fit(gan, 2, 1, spoil, callbacks.NonFinite())


def test_a_finite_training_is_not_changed(gan):
    watched = make_gan()
    fit(watched, 5, 2, callbacks.NonFinite())
    fit(gan, 5, 2)
    for one, other in zip(watched.get_weights(), gan.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_overflow_that_loss_scaling_answers_is_no_fault():
    keras.config.set_dtype_policy("mixed_float16")
    gan = make_gan()
    scale = gan.generator_optimizer.dynamic_scale
    scale.assign(2.0**40)  # the scaled gradients are infinite, so the update is left out
    fit(gan, 2, 1, callbacks.NonFinite())
    assert float(scale) == 2.0**38


def test_nothing_that_is_not_finite_is_saved(gan, tmp_path):
    gan.compile(spoiling_at(3), "adam")
    checkpoint = callbacks.Checkpoint(tmp_path)
    with pytest.raises(
        FloatingPointError, match=r"Not all variables are finite at step 4\. Not finite in the "
    ):
        fit(gan, 2, 3, checkpoint)
    assert [path.name for path in checkpoint.checkpoints.paths()] == ["step_00000002.npz"]
