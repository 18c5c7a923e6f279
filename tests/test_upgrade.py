"""Files of earlier editions load and resume as they would have gone on where they were made."""

import json
import pathlib
import shutil

import keras
import numpy as np
import pytest
from fixtures.first_edition.make import data

from kgan import checkpoint
from kgan.optimizers import FusedAdam
from train.config import Config
from train.run import train

FIRST = pathlib.Path(__file__).parent / "fixtures" / "first_edition"


def assert_same(arrays, path, exactly):
    """Bit for bit; or, after training, but for rounding, which differs between processors.

    Other random numbers, or an optimizer without its state, would move weights by 1e-3.
    """
    expected, _ = checkpoint.read(path)
    assert arrays.keys() == expected.keys()
    for name, array in expected.items():
        if exactly:
            np.testing.assert_array_equal(arrays[name], array, err_msg=name)
        else:
            np.testing.assert_allclose(arrays[name], array, rtol=1e-3, atol=1e-5, err_msg=name)


def state(gan):
    return {name: variable.numpy() for name, variable in checkpoint.variables(gan).items()}


@pytest.mark.slow
def test_a_keras_file_of_the_first_edition_goes_on():
    """It named its optimizers Adam and moved weights as `FusedAdam` does."""
    gan = keras.models.load_model(FIRST / "gan.keras")
    assert isinstance(gan.generator_optimizer, FusedAdam)
    assert isinstance(gan.discriminator_optimizer, FusedAdam)
    loaded = checkpoint.variables(gan)
    expected, _ = checkpoint.read(FIRST / "gan_after_2.npz")
    # Random layers are seeded at each update, and means of logs begin anew with each epoch.
    names = [
        name
        for name, variable in loaded.items()
        if variable.name != "seed_generator_state" and not name.startswith("metrics/")
    ]
    assert len(names) > 40
    for name in names:
        np.testing.assert_array_equal(loaded[name].numpy(), expected[name], err_msg=name)
    gan.fit(*data(), batch_size=16, epochs=2, verbose=0, shuffle=False)
    assert_same(state(gan), FIRST / "gan_after_4.npz", exactly=False)


def test_a_new_keras_file_keeps_an_optimizer_of_a_users_own(tmp_path):
    """The reading of the first edition's Adam is for its files alone."""
    gan = keras.models.load_model(FIRST / "gan.keras")
    gan.compile(keras.optimizers.Adam(1e-3), "adam")
    gan.save(tmp_path / "gan.keras")
    again = keras.models.load_model(tmp_path / "gan.keras")
    assert type(again.generator_optimizer) is keras.optimizers.Adam
    assert type(again.discriminator_optimizer) is FusedAdam


def test_a_checkpoint_of_the_first_edition_is_restored():
    gan = keras.models.load_model(FIRST / "gan.keras")
    arrays, place = checkpoint.read(FIRST / "gan_after_4.npz")
    checkpoint.restore(gan, arrays)
    assert place == {"epoch": 4}
    assert gan.step == 16
    assert_same(state(gan), FIRST / "gan_after_4.npz", exactly=True)


@pytest.mark.slow
@pytest.mark.parametrize("steps", [20, 40])
def test_a_run_of_the_first_edition_is_extended(tmp_path, steps, capsys):
    shutil.copytree(FIRST / "run", tmp_path / "run")
    options = json.loads((FIRST / "run" / "config.json").read_text())["options"]
    assert options["steps"] == 20
    config = Config(**{**options, "steps": steps})
    train(config, tmp_path / "run", str(tmp_path / "data"))
    newest = max((tmp_path / "run" / "checkpoints").iterdir())
    arrays, _ = checkpoint.read(newest)
    if steps == 20:
        assert "finished" in capsys.readouterr().out
        assert_same(arrays, FIRST / "run" / "checkpoints" / newest.name, exactly=True)
    else:
        assert newest.name == "step_00000040.npz"
        assert_same(arrays, FIRST / "run_after_40.npz", exactly=False)
