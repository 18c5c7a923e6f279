"""The Keras documentation's DCGAN, beside which games of a folder of pictures are put."""

import types

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import kgan
from experiments import own_pictures
from train.config import resolve
from train.run import train


def test_the_networks_are_those_of_the_documentation():
    """Whose numbers of parameters it prints."""
    generator, discriminator = own_pictures.networks((64, 64, 3))
    assert generator.count_params() == 3_979_651
    assert discriminator.count_params() == 404_801
    generator, discriminator = own_pictures.networks((32, 48, 1))
    assert generator.output_shape == (None, 32, 48, 1)
    assert discriminator.output_shape == (None, 1)


def test_the_step_is_that_of_the_documentation():
    """D learns that samples are 1 and data 0, and G that its samples are data."""
    game = own_pictures.Example((8, 8, 1), seed=0)
    seen = []

    def cross_entropy(labels, logits):
        seen.append((np.asarray(labels), len(logits)))
        return tf.reduce_mean(logits)

    game.cross_entropy = cross_entropy
    before = [np.array(weight) for weight in game.discriminator.get_weights()]
    game.train_step(tf.zeros((4, 8, 8, 1)))
    (both, number), (misleading, of_samples) = seen
    assert (number, of_samples) == (8, 4)
    noise = both.ravel() - [1, 1, 1, 1, 0, 0, 0, 0]
    assert 0 <= noise.min() < noise.max() <= 0.05
    assert not misleading.any()
    after = game.discriminator.get_weights()
    moved = [np.abs(a - b).max() for a, b in zip(before, after, strict=True)]
    assert max(moved) == pytest.approx(1e-4, rel=0.01)  # Adam's first step, and no second one


def test_the_time_begins_after_the_first_step(monkeypatch):
    clock = iter([0.0, 0.0, 40.0, 61.0])
    monkeypatch.setattr(own_pictures.time, "monotonic", lambda: next(clock))
    stop = own_pictures.Stop(60)
    stop.set_model(types.SimpleNamespace(stop_training=False))
    for step in range(3):
        assert not stop.model.stop_training
        stop.on_train_batch_end(step)
    assert stop.model.stop_training
    assert stop.steps == 3


@pytest.mark.slow
def test_both_games_and_real_pictures_are_in_the_table(tmp_path, monkeypatch):
    """By one evaluation each, of the same pictures."""
    pixels = np.random.default_rng(0).integers(256, size=(80, 8, 8, 3), dtype=np.uint8)
    for part in ("train", "test"):
        (tmp_path / "pictures" / part).mkdir(parents=True)
        for i, each in enumerate(pixels):
            Image.fromarray(each).save(tmp_path / "pictures" / part / f"{i}.png")
    monkeypatch.chdir(tmp_path)
    folder = str(tmp_path / "pictures")
    options = {"dataset": folder, "network": "mlp", "width": 32, "batch_size": 20, "steps": 8}
    place = own_pictures.RUNS / "pictures" / "0"
    train(resolve(None, options), place / "kgan", None)
    monkeypatch.setattr(own_pictures.results, "pace", lambda lines, images: {"minutes": 0.01})
    monkeypatch.setitem(own_pictures.OPTIONS, "num_samples", 80)
    rows = own_pictures.play(folder, 30, 0)
    assert [row["what"] for row in rows] == ["kgan", "the example", "real pictures"]
    assert kgan.load_run(place / "example").prior.dim == own_pictures.LATENT_DIM
    assert all(set(row) == {"seed", "what", *own_pictures.COLUMNS.values()} for row in rows)
    assert rows[0]["Frechet distance"] != rows[1]["Frechet distance"] > rows[2]["Frechet distance"]
