"""Metrics while training: equal to those of `kgan.metrics`, with floors, and no state changed."""

import json

import keras
import numpy as np
import pytest

import kgan
from kgan import callbacks, data, metrics

IMAGES = np.random.default_rng(1).uniform(-1, 1, (60, 8, 8, 1)).astype("float32")


def make_gan(image_shape=(8, 8, 1), value_range=(-1.0, 1.0), **conditional):
    keras.utils.set_random_seed(0)
    gan = kgan.GAN(
        kgan.networks.MLPGenerator(image_shape, 3, (4,), value_range=value_range, **conditional),
        kgan.networks.MLPDiscriminator(image_shape, units=(4,), **conditional),
        kgan.priors.Normal(3),
    )
    gan.compile("adam", "adam")
    return gan


def fit(gan, steps, *watchers, epochs=1, shape=(8, 8, 1)):
    x = np.random.default_rng(0).uniform(-1, 1, (4 * steps, *shape)).astype("float32")
    gan.fit(x, batch_size=4, epochs=epochs, shuffle=False, verbose=0, callbacks=list(watchers))


def lines(run_dir):
    return [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.slow
def test_a_line_holds_what_the_metrics_say_of_the_samples_of_its_step(tmp_path):
    gan = make_gan()
    fit(gan, 4, callbacks.Evaluate(tmp_path, IMAGES, every=4, seed=7))
    (line,) = lines(tmp_path)
    features = metrics.RandomConvolutional((8, 8, 1))
    real, other, samples = (
        features((images + 1) / 2) for images in (IMAGES[:30], IMAGES[30:], gan.sample(30, 7))
    )
    assert line["step"] == 4
    assert line["evaluated"] == 30  # half of the images
    for images, suffix in ((samples, ""), (other, "_floor")):
        manifold = metrics.precision_recall(real, images)
        expected = {
            "frechet": metrics.frechet_distance(real, images),
            "kernel": metrics.kernel_distance(real, images).mean,
            "precision": manifold.precision,
            "recall": manifold.recall,
        }
        for name, value in expected.items():
            assert line[name + suffix] == pytest.approx(value, rel=1e-6), name
    assert line["frechet"] > 4 * line["frechet_floor"]  # 9 times: hardly trained


@pytest.mark.slow
def test_it_evaluates_at_multiples_and_changes_nothing(tmp_path):
    watched, alone = make_gan(), make_gan()
    fit(watched, 7, callbacks.Evaluate(tmp_path, IMAGES, every=5), epochs=2)
    fit(alone, 7, epochs=2)
    assert [line["step"] for line in lines(tmp_path)] == [5, 10]
    for ours, theirs in zip(watched.get_weights(), alone.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.slow
def test_a_resumed_training_writes_the_lines_of_one_that_was_not_stopped(tmp_path):
    """Stopped after step 6 with a checkpoint of step 4: lines of 5 and 6 are written anew."""

    def train(run, epochs, *more):
        images = data.load("ring", split="train[:16]", batch_size=4, seed=3)
        gan = make_gan((2,), None)
        points = np.random.default_rng(0).normal(size=(60, 2))
        watcher = callbacks.Evaluate(run, points, every=1)
        keeper = callbacks.Checkpoint(run / "checkpoints", every=4)
        gan.fit(images, epochs=epochs, verbose=0, callbacks=[watcher, *more, keeper])

    class Crash(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if self.model.step == 6:
                raise InterruptedError

    train(tmp_path / "whole", 3)
    with pytest.raises(InterruptedError):
        train(tmp_path / "stopped", 3, Crash())
    assert [line["step"] for line in lines(tmp_path / "stopped")] == [1, 2, 3, 4, 5, 6]
    train(tmp_path / "stopped", 3)
    whole, resumed = lines(tmp_path / "whole"), lines(tmp_path / "stopped")
    for line in (*whole, *resumed):
        del line["time"]
    assert [line["step"] for line in whole] == list(range(1, 13))
    assert resumed == whole


def test_points_are_compared_as_they_are_and_their_modes_are_counted(tmp_path):
    points, ring = data.Ring().sample(200, seed=1), data.Ring()
    gan = make_gan((2,), None)
    watcher = callbacks.Evaluate(tmp_path, points, every=2, num_samples=100, mixture=ring)
    fit(gan, 2, watcher, shape=(2,))
    (line,) = lines(tmp_path)
    samples = gan.sample(100, 0)
    modes = metrics.mixture_coverage(samples, ring.means, ring.std)
    assert line["frechet"] == pytest.approx(metrics.frechet_distance(points[:100], samples))
    assert line["modes"] == modes.found
    assert line["modes_kl"] == pytest.approx(modes.kl)
    assert line["modes_kl_floor"] == pytest.approx(7 / 200)
    assert line["high_quality"] == modes.high_quality


@pytest.mark.slow
def test_features_and_a_data_set_of_batches(tmp_path):
    """The first images of the data set are taken, as many as two halves need."""
    images = data.load("ring", split="test", batch_size=50, shuffle=False)
    watcher = callbacks.Evaluate(tmp_path / "a", images, every=1, num_samples=40)
    gan = make_gan((2,), None)
    fit(gan, 1, watcher, shape=(2,))
    more = np.concatenate(list(images.take(2).as_numpy_iterator()))
    assert lines(tmp_path / "a")[0]["evaluated"] == 40
    expected = metrics.frechet_distance(more[:40], gan.sample(40, 0))
    assert lines(tmp_path / "a")[0]["frechet"] == pytest.approx(expected)

    gan = make_gan()
    watcher = callbacks.Evaluate(tmp_path / "b", IMAGES, every=1, features=metrics.Pixels())
    fit(gan, 1, watcher)
    flat = ((IMAGES[:30] + 1) / 2).reshape(30, -1), ((gan.sample(30, 0) + 1) / 2).reshape(30, -1)
    expected = metrics.frechet_distance(*flat)
    assert lines(tmp_path / "b")[0]["frechet"] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("form", ["integers", "column", "one-hot", "none"])
def test_samples_have_the_labels_of_the_images(form, tmp_path):
    """Those that come after the half which they are compared with; classes in turn without any."""
    points, labels = data.Ring().sample(80, seed=1), (np.arange(80) % 10 == 0).astype("int64")
    forms = {"integers": labels, "column": labels[:, None], "one-hot": np.eye(2)[labels]}
    gan = make_gan((2,), None, num_classes=2)
    images = (points, forms[form]) if form in forms else points
    watcher = callbacks.Evaluate(tmp_path, images)
    watcher.set_model(gan)
    watcher.on_train_begin()
    like = gan.sample(40, 0, labels=labels[40:] if form in ("integers", "column") else None)
    expected = metrics.frechet_distance(points[:40], like)
    assert watcher.evaluate()["frechet"] == pytest.approx(expected, rel=1e-6)
    in_turn = metrics.frechet_distance(points[:40], gan.sample(40, 0))
    assert (form in ("integers", "column")) == (abs(expected - in_turn) > 0.01 * in_turn)


def test_samples_that_are_not_finite_become_null(tmp_path):
    gan = make_gan((2,), None)
    watcher = callbacks.Evaluate(tmp_path, data.Ring().sample(80), mixture=data.Ring())
    watcher.set_model(gan)
    watcher.on_train_begin()
    gan.generator.output_layer.bias.assign([np.nan, 0.0])
    watcher.evaluate()
    (line,) = lines(tmp_path)
    for name in ("frechet", "kernel", "precision", "recall"):
        assert line[name] is None
        assert np.isfinite(line[f"{name}_floor"])


@pytest.mark.slow
def test_tensorboard_shows_the_metrics_over_the_steps(tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    fit(make_gan(), 4, callbacks.Evaluate(tmp_path, IMAGES, every=2))
    (file,) = (tmp_path / "logs").iterdir()
    events = accumulator.EventAccumulator(str(file)).Reload()
    for name in ("frechet", "frechet_floor", "kernel", "precision", "recall"):
        assert [event.step for event in events.Tensors(name)] == [2, 4]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"every": 0}, r"`every`: expected a positive integer, received 0"),
        ({"num_samples": 19}, r"`num_samples`: expected an integer of at least 20, received 19"),
        ({"images": IMAGES[:39]}, r"`images`: expected at least 40, received 39. Take them"),
    ],
)
def test_unusable_arguments(arguments, sentence, tmp_path):
    with pytest.raises(ValueError, match=sentence):
        callbacks.Evaluate(**{"run_dir": tmp_path, "images": IMAGES, **arguments})
