"""The image-to-image presets beside their controls."""

import types

import numpy as np
import pytest

import kgan
from experiments import program, translation
from kgan.artifacts import RunDirectory
from train.config import resolve
from train.run import load_images


@pytest.fixture(scope="module")
def config():
    options = {"dataset": "digits", "condition": "low_resolution_x2", "width": 4, "steps": 40}
    return resolve("digits_x4", {**options, "generator_learning_rate": 5e-3, "latent_dim": 3})


@pytest.fixture(scope="module")
def control(config, data_dir, tmp_path_factory):
    run = tmp_path_factory.mktemp("run") / "l1"
    translation.train_on_l1(config, run, data_dir)
    return run


def test_the_control_is_the_generator_trained_on_l1_without_latents(control, config, data_dir):
    """Over three seeds L1 fell from 0.36 to 0.39 to 0.21 to 0.23."""
    gan = kgan.load_run(control)
    assert gan.generator.latent_dim == 0
    assert gan.generator.filters == 4
    assert gan.step == 0  # no game was played
    (images, conditions), *_ = load_images(config, data_dir)[0]
    made = gan.sample(len(images), condition=conditions)
    start = type(gan.generator).from_config(gan.generator.get_config())
    untrained = start([np.zeros([len(images), 0], "float32"), conditions])
    errors = [np.abs(each - images).mean() for each in (made, untrained)]
    assert errors[0] < 0.75 * errors[1]


@pytest.mark.slow
def test_the_control_can_be_evaluated(control, data_dir):
    options = translation.Options(
        run_dir=str(control), metrics=("frechet",), features="random", data_dir=data_dir
    )
    figures = translation.evaluate(options)["figures"]
    found = translation.row("digits_x4", 0, "L1 alone", figures)
    assert found["L1"] == pytest.approx(figures["pairs_l1"]["value"], abs=1e-4)
    assert found["same class"] is None  # random features have no classes
    lines = program.table([found], tuple(found)).splitlines()
    assert len(lines) == 3
    assert lines[2].startswith(f"| digits_x4 | 0 | L1 alone | {found['L1']} | {found['PSNR, dB']} ")


def test_the_conditions_say_how_much_of_the_class_they_hold(control, data_dir, monkeypatch):
    """The classifier sees the conditions of the run: 4 x 4 pixels, each as a square of four."""
    seen = []

    def train(training, test):
        seen.extend((images.shape, len(labels)) for images, labels in (training, test))
        squares = test[0].reshape(-1, 4, 2, 4, 2)
        np.testing.assert_array_equal(squares, squares[:, :, :1, :, :1].repeat(2, 2).repeat(2, 4))
        probabilities = np.eye(10)[test[1]] / 2 + 0.05  # 0.55 for the true class
        return types.SimpleNamespace(accuracy=0.25, probabilities=lambda images: probabilities)

    monkeypatch.setattr(translation.Classifier, "train", train)
    run = RunDirectory(control)
    assert translation.information(run, data_dir) == 0.25
    assert seen == [((1437, 8, 8, 1), 1437), ((360, 8, 8, 1), 360)]
    real = translation.read(run, run.read_config(), data_dir)
    condition = translation.open_generator(run, run.read_config()).condition
    found = translation.information_of(condition, real, data_dir)
    assert found == (0.25, pytest.approx(0.55))
