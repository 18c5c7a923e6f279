"""One network for every mask beside its controls."""

import types

import numpy as np
import pytest

import kgan
from experiments import any_part, program, translation
from kgan.inference import Generator
from train.config import resolve


class Classifier:
    """Whether an image is bright."""

    def labels(self, images):
        return (images.mean((1, 2, 3)) > 0.5).astype(int)


def generator(latent_dim):
    """A generator whose hidden pixels are 1/2, and with latents 1/4 more or less by their sign."""

    def function(conditions, latents=None):
        made = np.full((len(conditions), 8, 8, 1), 0.5, np.float32)
        if latents is not None and latents.shape[1]:
            made += 0.25 * np.sign(latents)[:, :1, None, None]
        return made

    prior = kgan.priors.Normal(latent_dim) if latent_dim else kgan.priors.NoLatents()
    return Generator(
        *("keras", None, function, latent_dim, prior), condition_shape=(8, 8, 2), masked=True
    )


@pytest.mark.parametrize("part", any_part.PARTS)
def test_the_measures_are_of_the_hidden_pixels_alone(part):
    images = (np.arange(400) % 2).astype("float32")[:, None, None, None] * np.ones([400, 8, 8, 1])
    images = images.astype("float32")
    found = any_part.completed(generator(0), images, part, Classifier())
    assert found["L1"] == pytest.approx(0.5, abs=1e-4)
    assert set(found) == {"same class", "L1"}
    assert found["same class"] == pytest.approx(1.0 if part == "half" else 0.5, abs=0.51)
    found = any_part.completed(generator(2), images, part, Classifier())
    assert found["L1"] == pytest.approx(0.5, abs=0.03)  # 1/4 or 3/4 with equal probability
    # Two samples differ by 1/2 half of the time: four standard deviations of 400.
    assert found["diversity"] == pytest.approx(0.25, abs=0.05)
    assert found["L1 of the mean"] == pytest.approx(0.5, abs=0.03)


def test_the_picture_shows_what_is_given_and_samples(monkeypatch):
    """Rows: the images, of half of them what is given, three samples, and the same of 3/4."""
    monkeypatch.setattr(any_part.plots, "grid", lambda images, *_: images.reshape(9, 2, 8, 8))
    images = np.random.default_rng(0).uniform(0.6, 1, (2, 8, 8, 1)).astype("float32")
    rows = any_part.picture(generator(0), images)
    np.testing.assert_array_equal(rows[0], images[..., 0])
    np.testing.assert_array_equal(rows[1, :, :, :4], rows[0, :, :, :4])
    assert (rows[1, :, :, 4:] == 0.5).all()  # grey
    assert 0.5 < (rows[5] == 0.5).mean() < 0.95
    for given in (1, 5):  # this generator makes grey
        for sample in (1, 2, 3):
            np.testing.assert_array_equal(rows[given + sample], rows[given])


@pytest.mark.slow
def test_the_control_sees_random_masks_and_completes(tmp_path, monkeypatch):
    options = {"dataset": "digits", "width": 2, "steps": 3, "batch_size": 4}
    config = resolve(any_part.PRESET, options)
    seen = []
    original = kgan.variants.AnyConditional.random_conditions

    def spied(gan, images, seed):
        seen.append(seed)
        return original(gan, images, seed)

    monkeypatch.setattr(kgan.variants.AnyConditional, "random_conditions", spied)
    translation.train_on_l1(config, tmp_path / "l1", str(tmp_path))
    assert seen
    found = kgan.inference.load(tmp_path / "l1")
    assert (found.latent_dim, found.masked) == (0, True)
    images = np.random.default_rng(0).uniform(0, 1, (6, 8, 8, 1)).astype("float32")
    row = any_part.completed(found, images, "half", Classifier())
    assert 0 < row["L1"] < 1


def test_rows_stand_side_by_side(monkeypatch, tmp_path):
    """The game, L1 alone and, of the first seed, the classifier, for each part."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(any_part.program, "run", lambda command: True)
    monkeypatch.setattr(any_part.translation, "train_on_l1", lambda *args: None)
    monkeypatch.setattr(any_part.translation, "information_of", lambda *args: (0.25, 0.125))
    real = types.SimpleNamespace(test=np.zeros([3, 8, 8, 1], np.float32))
    monkeypatch.setattr(any_part.RunDirectory, "read_config", lambda run: {})
    monkeypatch.setattr(any_part, "read", lambda *args: real)
    classes = types.SimpleNamespace(classifier=Classifier())
    monkeypatch.setattr(any_part, "find_or_train", lambda *args: classes)
    made = {"game": generator(2), "l1": generator(0)}
    monkeypatch.setattr(any_part.inference, "load", lambda path: made[path.name])
    for seed in (0, 1):
        (any_part.RUNS / str(seed)).mkdir(parents=True)  # as trainings do
    rows = [row for seed in (0, 1) for row in any_part.play(seed, 2, None)]
    assert (any_part.RUNS / "1" / "completed.png").exists()
    assert [row["what"] for row in rows] == [
        *(2 * ["game", "L1 alone", "classifier", "draws of the class"]),
        *(2 * ["game", "L1 alone"]),
    ]
    assert [row["same class"] for row in rows[2:4]] == [0.25, 0.125]
    assert [row["hidden"] for row in rows[3:5]] == list(any_part.PARTS.values())
    text = program.table(rows, ("seed", "hidden", "what", *any_part.COLUMNS))
    assert text.startswith(
        "| seed | hidden | what | same class | L1 | L1 of the mean | diversity |"
    )
