"""Translated images beside the true ones, and the controls that need no training."""

import types

import numpy as np
import pytest
import tensorflow as tf

import kgan
from kgan import conditions
from kgan.data import load
from kgan.metrics import Pixels
from train.config import Config
from train.evaluation import pairs
from train.evaluation.context import EvaluationContext
from train.evaluation.metrics import frechet_distance
from train.evaluation.options import Options
from train.evaluation.run import evaluate
from train.run import train


@pytest.fixture(scope="module")
def run(data_dir, tmp_path_factory):
    """A finished run that makes digits of digits of a half of their sides."""
    path = tmp_path_factory.mktemp("runs") / "run"
    options = {"network": "unet", "variant": "pix2pix", "condition": "low_resolution_x2"}
    config = Config(dataset="digits", width=2, batch_size=16, steps=2, latent_dim=0, **options)
    train(config, path, data_dir)
    return path


def test_conditions_are_drawn_as_images():
    given = np.random.default_rng(0).uniform(0, 1, (2, 4, 4, 2)).astype("float32")
    np.testing.assert_array_equal(pairs.as_images(given, (4, 4, 1)), given[..., :1])
    colours = pairs.as_images(given, (4, 4, 3))
    assert colours.shape == (2, 4, 4, 3)
    np.testing.assert_array_equal(colours[..., 2], given[..., 0])
    assert pairs.as_images(given, (8, 8, 1)).shape == (2, 8, 8, 1)


@pytest.mark.parametrize("n", [50, 60])
def test_perfect_translations_are_as_far_from_the_data_as_other_data(n):
    """Not nearer: results and the images that they are compared with are of different pairs."""
    test = np.random.default_rng(0).uniform(0, 1, (60, 2, 2, 1)).astype("float32")
    context = EvaluationContext(
        types.SimpleNamespace(test=test),
        types.SimpleNamespace(condition_shape=(2, 2, 1)),
        test[:n],
        0,
        Pixels(),
        None,
    )
    (found,) = frechet_distance(context)
    assert found.value == found.real > 0
    assert found.samples == found.reals == n // 2


@pytest.mark.slow
def test_an_evaluation_compares_pairs_with_their_controls(run, data_dir, capsys):
    """The values of the first control, the condition itself, are computed anew here."""
    options = Options(
        run_dir=str(run),
        metrics=("frechet", "latent"),
        num_samples=40,
        data_dir=data_dir,
        features="pixels",
    )
    record = evaluate(options)
    assert "latent: left out, as the generator translates images" in capsys.readouterr().out
    found = record["figures"]
    truths = np.concatenate([*load("digits", "test", 40, shuffle=False, data_dir=data_dir)])[:40]
    truths = (truths + 1) / 2
    small = conditions.LowResolution(2)(truths)
    enlarged = tf.image.resize(small, (8, 8), "bicubic").numpy().clip(0, 1)
    difference = np.abs(enlarged - truths).mean()
    assert found["pairs_l1_of_condition"]["value"] == pytest.approx(difference, rel=1e-5)
    psnr = -10 * np.log10(np.square(enlarged - truths).mean((1, 2, 3))).mean()
    assert found["pairs_psnr_of_condition"]["value"] == pytest.approx(psnr, rel=1e-5)
    made = kgan.inference.load(run).translate(truths)
    assert found["pairs_l1"]["value"] == pytest.approx(np.abs(made - truths).mean(), rel=1e-4)
    train_images = np.concatenate(
        [*load("digits", "train", 1437, shuffle=False, data_dir=data_dir)]
    )
    known = conditions.LowResolution(2)((train_images + 1) / 2).numpy().reshape(1437, -1)
    distances = np.square(small.numpy().reshape(40, 1, -1) - known).sum(-1)
    nearest = (train_images[distances.argmin(1)] + 1) / 2
    expected = np.abs(nearest - truths).mean()
    assert found["pairs_l1_of_nearest_pair"]["value"] == pytest.approx(expected, rel=1e-4)
    assert set(found) > {"frechet_distance", "pairs_ssim", "pairs_ssim_of_nearest_pair"}
    assert any(path.name.endswith("_pairs.png") for path in run.iterdir())
