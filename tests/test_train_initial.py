"""`kgan-train --init_from`: a run that starts from the networks of another one."""

import json
import shutil
import subprocess

import keras
import numpy as np
import picture_files
import pytest
import warm

import kgan
from kgan.artifacts import RunDirectory
from kgan.checkpoint import Checkpoints, variables
from train.config import resolve
from train.initial import initial_config
from train.run import located, train

SMALL = {
    **{"width": 8, "latent_dim": 4, "batch_size": 16, "steps": 2, "split": "train[:64]"},
    **{"generator_learning_rate": 0.02, "conditional": True, "ema_decay": 0.9},
}
STILL = {"generator_learning_rate": 1e-12, "discriminator_learning_rate": 1e-12, "steps": 1}


@pytest.fixture(scope="module")
def source(data_dir, tmp_path_factory):
    run = tmp_path_factory.mktemp("source") / "run"
    train(resolve(None, SMALL), run, data_dir)
    return run


def weights(run):
    """Of both networks as they were when a run began to move them by less than rounding."""
    game = kgan.load_run(run)
    return [*game.generator.get_weights(), *game.discriminator.get_weights()]


def tuned(source, run, data_dir, **given):
    """What the program does with these flags."""
    config = located(initial_config({"init_from": str(source), **given}), data_dir)
    train(config, run, data_dir)
    return config


@pytest.mark.slow
@pytest.mark.parametrize("other", [{}, {"split": "train[64:128]"}])
def test_it_starts_at_the_networks_of_the_other_run(source, other, data_dir, tmp_path):
    config = tuned(source, tmp_path / "run", data_dir, **STILL, **other)
    assert (config.network, config.width, config.conditional) == ("mlp", 8, True)
    for one, own in zip(weights(source), weights(tmp_path / "run"), strict=True):
        np.testing.assert_allclose(own, one, rtol=0, atol=1e-6)
    game = kgan.load_run(tmp_path / "run")
    assert game.step == 1
    with game.averaged():  # the EMA began at these weights
        averages = game.generator.get_weights()
    for one, other in zip(averages, game.generator.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-6)
    record = RunDirectory(tmp_path / "run").read_config()
    digest = RunDirectory(source).read_config()["data"]["fingerprint"]
    assert record["init_from"] == {
        "run": str(source),
        "step": 2,
        "data": {"dataset": "digits", "fingerprint": digest},
    }


@pytest.mark.slow
@pytest.mark.parametrize("kept", [None, True])
def test_optimizers_are_fresh_unless_they_are_kept(source, kept, data_dir, tmp_path):
    tuned(source, tmp_path / "run", data_dir, **STILL, init_optimizers=kept)
    before, after = (kgan.load_run(run) for run in (source, tmp_path / "run"))
    steps = [int(game.generator_optimizer.iterations.numpy()) for game in (before, after)]
    assert steps == [2, 3 if kept else 1]
    assert float(after.generator_optimizer.learning_rate) == pytest.approx(1e-12)
    moments = {
        name: value.numpy()
        for name, value in variables(before).items()
        if name.startswith("generator_optimizer/") and value.shape.rank
    }
    assert moments
    same = [
        np.abs(variables(after)[name].numpy() - value).max() < 0.6 * np.abs(value).max()
        for name, value in moments.items()
    ]
    assert all(same) is bool(kept)


def test_pictures_get_the_form_of_the_other_data(source, tmp_path):
    """Of another size, with three channels, of other classes that are as many."""
    classes = [f"class_{i}" for i in range(10)]
    picture_files.folder(tmp_path / "pictures", classes=classes)
    given = {"dataset": str(tmp_path / "pictures"), "batch_size": 8, "steps": 1}
    config = tuned(source, tmp_path / "run", None, **given)
    assert (config.image_size, config.channels, config.split) == (8, 1, "train")
    record = RunDirectory(tmp_path / "run").read_config()
    assert record["data"]["class_names"] == classes
    assert record["init_from"]["data"]["dataset"] == "digits"


@pytest.mark.slow
def test_it_resumes_without_the_other_run(source, data_dir, tmp_path):
    other = shutil.copytree(source, tmp_path / "other")
    once, twice = tmp_path / "once", tmp_path / "twice"
    tuned(other, once, data_dir, steps=8)
    config = tuned(other, twice, data_dir, steps=4)  # an epoch
    shutil.rmtree(other)
    train(resolve(None, {**config.options(), "steps": 8}), twice, data_dir)
    for one, two in zip(weights(once), weights(twice), strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.slow
def test_a_run_that_was_saved_from_python(data_dir, tmp_path):
    keras.utils.set_random_seed(1)
    gan = kgan.GAN(
        kgan.networks.MLPGenerator((8, 8, 1), 4, (8, 8)),
        kgan.networks.MLPDiscriminator((8, 8, 1), (8, 8)),
        kgan.priors.Uniform(4),
    )
    gan.compile("adam", "adam")
    gan.save_run(tmp_path / "mine")
    given = {**STILL, "width": 8, "latent_dim": 4, "batch_size": 16}
    tuned(tmp_path / "mine", tmp_path / "run", data_dir, **given)
    for one, own in zip(weights(tmp_path / "mine"), weights(tmp_path / "run"), strict=True):
        np.testing.assert_allclose(own, one, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            {"width": 9},
            r"its generator has other sizes .*kernel is \(8, 8\) there, \(8, 9\) here",
        ),
        ({"conditional": False}, r"its generator has other sizes than this one \(.*--network"),
        ({"network": "dcgan", "image_size": 8}, r"has other sizes than this one \("),
        ({"value_range": "0,1"}, r"range is \(-1\.0, 1\.0\), that of this run \(0\.0, 1\.0\)"),
        (
            {"optimizer": "sgd_2014", "init_optimizers": True},
            "--init_optimizers: the gen",
        ),
    ],
)
def test_what_does_not_fit_is_one_sentence_and_leaves_nothing(
    source, given, sentence, data_dir, tmp_path
):
    with pytest.raises(ValueError, match=sentence):
        tuned(source, tmp_path / "run", data_dir, **given)
    assert not (tmp_path / "run").exists()


def test_flags_that_need_each_other():
    with pytest.raises(ValueError, match="--init_optimizers: expected --init_from beside it"):
        resolve(None, {"init_optimizers": True})


@pytest.mark.slow
def test_the_program(source, data_dir, tmp_path):
    def program(*flags):
        words = [*warm.python(), "-m", "train", f"--data_dir={data_dir}", *flags]
        return subprocess.run(words, capture_output=True, text=True, timeout=300)

    run = f"--run_dir={tmp_path / 'run'}"
    done = program(run, f"--init_from={source}", "--split=train[64:128]", "--steps=3")
    assert done.returncode == 0, done.stderr
    recorded = json.loads((tmp_path / "run" / "config.json").read_text())
    assert recorded["options"]["width"] == 8
    assert recorded["init_from"]["step"] == 2
    assert [path.stem for path in Checkpoints(tmp_path / "run" / "checkpoints").paths()] == [
        "step_00000003"
    ]
    again = program(run, "--steps=4")
    assert again.returncode == 0, again.stderr
    repeated = program(f"--reproduce={tmp_path / 'run'}", f"--run_dir={tmp_path / 'repeated'}")
    assert repeated.returncode == 0, repeated.stderr
    for one, other in zip(weights(tmp_path / "run"), weights(tmp_path / "repeated"), strict=True):
        np.testing.assert_array_equal(one, other)
    absent = program(f"--run_dir={tmp_path / 'b'}", f"--init_from={tmp_path / 'absent'}")
    assert absent.returncode == 1
    assert "absent is no run directory" in absent.stderr
    assert len(absent.stderr.splitlines()) == 1
