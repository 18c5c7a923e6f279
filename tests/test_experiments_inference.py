"""The ways to find latents that a BiGAN is compared with."""

import types

import numpy as np
import pytest

import kgan
from experiments import inference, program
from kgan.artifacts import RunDirectory
from train.config import resolve
from train.run import train


@pytest.fixture(scope="module")
def config():
    options = {"dataset": "digits", "width": 32, "latent_dim": 4, "steps": 100}
    options["generator_learning_rate"] = 3e-3
    return resolve("mnist_bigan", options)


@pytest.fixture(scope="module")
def run(config, data_dir, tmp_path_factory):
    path = tmp_path_factory.mktemp("run") / "game"
    train(config, path, data_dir)
    return RunDirectory(path)


@pytest.mark.slow
def test_a_regressor_learns_the_latents_of_samples(run):
    gan = kgan.load_run(run.path)
    found = inference.latent_regressor(gan, 200, 50, 0)
    latents = np.asarray(gan.prior.sample(200, 9))
    samples = gan.predict(latents, verbose=0)
    errors = [np.square(each(samples) - latents).mean() for each in (found, gan.encoder)]
    assert errors[0] < 0.5 * errors[1], errors
    assert found is not gan.encoder


@pytest.mark.slow
def test_an_autoencoder_learns_the_data(run, config, data_dir):
    gan = kgan.load_run(run.path)
    found = inference.autoencoder(gan, config, 200, data_dir)
    batches = kgan.data.load("digits", batch_size=500, value_range=(0, 1), data_dir=data_dir)
    images = next(iter(batches)).numpy()
    error = np.square(found.predict(images, verbose=0) - images).mean()
    assert error < 0.8 * np.square(images - images.mean(0)).mean()
    assert found.layers[0].latent_dim == 4


def test_the_nearest_image_decides_the_class():
    """Codes of one number, by hand: 1 of 3 test images is next to one of its class."""
    real = types.SimpleNamespace(
        training=np.array([0.0, 1.0, 2.0]).reshape(3, 1, 1, 1),
        test=np.array([0.1, 0.9, 1.8]).reshape(3, 1, 1, 1),
    )
    labels = np.array([0, 1, 2]), np.array([0, 2, 1])
    assert inference.nearest_accuracy(lambda x: x, real, labels) == pytest.approx(1 / 3)
    # Rounded down, the second has the code 0 and the third the code 1, which is its class.
    assert inference.nearest_accuracy(np.floor, real, labels) == pytest.approx(2 / 3)


@pytest.mark.slow
def test_all_ways_are_in_the_table(run, config, data_dir):
    """The encoders have all figures; pixels are their own codes."""
    rows = [{"seed": 0, **row} for row in inference.compare(run, config, data_dir)]
    encoders = ["BiGAN", "latent regressor", "autoencoder", "untrained"]
    assert [row["what"] for row in rows] == [*encoders, "pixels"]
    assert all(0 <= row[name] <= 1 for row in rows[:3] for name in inference.COLUMNS)
    assert rows[2]["error"] < rows[0]["error"]
    pixels = rows[-1]
    assert pixels["1-NN"] > 0.95  # of scikit-learn's digits
    # Random features of many units keep the neighbours, random latents of four do not.
    assert rows[3]["features"] > rows[3]["1-NN"] + 0.2
    assert [pixels[name] for name in inference.COLUMNS[1:]] == [None, None, None]
    lines = program.table(rows, ("seed", "what", *inference.COLUMNS)).splitlines()
    assert lines[2].startswith(f"| 0 | BiGAN | {rows[0]['1-NN']} | ")
    assert lines[-1] == f"| 0 | pixels | {pixels['1-NN']} |  |  |  |"
