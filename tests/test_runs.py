"""Runs of Python and of the programs: each reads the other's, at every step that is kept."""

import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import types

import keras
import numpy as np
import pytest
import warm
from kgan_export import export

import kgan
from kgan import networks
from kgan.artifacts import RunDirectory
from kgan.checkpoint import Checkpoints
from kgan.runs import read_game
from train.config import Config
from train.evaluation.options import Options as Evaluation
from train.evaluation.run import evaluate
from train.run import train
from train.sampling.options import Options
from train.sampling.run import sample

ROOT = pathlib.Path(__file__).resolve().parent.parent


@keras.saving.register_keras_serializable(package="test_runs")
class Noise(keras.layers.Layer):
    """Somebody's own layer."""

    def call(self, x):
        return x


@pytest.fixture(scope="module")
def images(data_dir):
    return kgan.data.load(
        "digits", "train[:64]", batch_size=16, with_labels=True, data_dir=data_dir
    )


def new_game(**options):
    keras.utils.set_random_seed(0)
    gan = kgan.GAN(
        networks.MLPGenerator((8, 8, 1), 4, (8,), num_classes=10),
        networks.MLPDiscriminator((8, 8, 1), (8,), num_classes=10, hidden_dropout=0.5),
        kgan.priors.Normal(4),
        **{"ema_decay": 0.9, **options},
    )
    gan.compile(*[kgan.optimizers.FusedAdam(0.02) for _ in range(2)])
    return gan


@pytest.fixture(scope="module")
def saved(images, tmp_path_factory):
    """A game after two epochs, and the runs that it was saved as after one and after both."""
    folder, gan = tmp_path_factory.mktemp("saved"), new_game()
    callbacks = [kgan.callbacks.MetricsLog(folder / "run")]
    gan.fit(images, epochs=1, verbose=0, callbacks=callbacks)
    gan.save_run(folder / "first", data=images)
    gan.fit(images, initial_epoch=1, epochs=2, verbose=0, callbacks=callbacks)
    gan.save_run(folder / "run", data=images)
    return gan, folder


@pytest.fixture(scope="module")
def stopped(data_dir, tmp_path_factory):
    """A run of `kgan-train` that has two checkpoints and no networks yet."""
    run = RunDirectory(tmp_path_factory.mktemp("stopped") / "run")
    options = {"width": 8, "latent_dim": 4, "batch_size": 64, "steps": 4, "checkpoint_every": 2}
    config = Config(**options, ema_decay=0.9, generator_learning_rate=0.02)
    train(config, run.path, data_dir)
    run.generator.unlink()
    run.discriminator.unlink()
    return run.path


def program(module, *flags, cwd=ROOT):
    return subprocess.run(
        [*warm.python(), "-m", module, *flags],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
    )


# From Python to the programs


@pytest.mark.slow
def test_the_programs_accept_a_run_that_was_saved_from_python(saved, data_dir, tmp_path, capsys):
    gan, folder = saved
    run = shutil.copytree(folder / "run", tmp_path / "run")
    expected = (gan.sample(6, 3) + 1) / 2
    generator = kgan.inference.load(run)
    np.testing.assert_allclose(generator.sample(6, 3), expected, rtol=0, atol=1e-5)
    assert generator.class_names == ()
    sample(Options(run_dir=str(run), output=f"{tmp_path / 'png'}/", count=6, labels=("7",)))
    assert len(list((tmp_path / "png").iterdir())) == 6
    export(run, tmp_path / "out", formats=["saved_model"])
    exported = kgan.inference.load(tmp_path / "out" / "saved_model" / "1")
    np.testing.assert_allclose(exported.sample(6, 3), expected, rtol=0, atol=1e-5)
    options = {"run_dir": str(run), "data_dir": data_dir, "num_samples": 40}
    record = evaluate(Evaluation(**options, metrics=("parzen",)))
    assert record["data"]["fingerprint"]
    assert "test" in record["data"]["parts"]


def test_it_is_what_the_run_directory_promises(saved):
    gan, folder = saved
    run = RunDirectory(folder / "run")
    record = run.read_config()
    assert record["saved_by"] == "GAN.save_run"
    assert record["value_range"] == [-1.0, 1.0]
    assert record["data"]["image_shape"] == [8, 8, 1]
    assert record["data"]["num_classes"] == 10
    assert [path.name for path in Checkpoints(run.checkpoints).paths()] == ["step_00000008.npz"]
    for path in (run.config, run.game, run.metrics, run.generator, run.discriminator):
        assert path.is_file()
    found = keras.models.load_model(run.generator).get_weights()
    with gan.averaged():
        for one, other in zip(found, gan.generator.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_loaded_game_trains_on_as_if_it_had_never_been_saved(saved, images, tmp_path):
    gan, folder = saved
    loaded = kgan.load_run(folder / "first")
    assert (loaded.step, gan.step) == (4, 8)
    loaded.fit(images, initial_epoch=1, epochs=2, verbose=0)
    for one, other in zip(gan.variables, loaded.variables, strict=True):
        np.testing.assert_array_equal(one, other)
    loaded.export(tmp_path / "1", verbose=False)
    exported = kgan.inference.load(tmp_path / "1").sample(4)
    np.testing.assert_allclose(2 * exported - 1, gan.sample(4), rtol=0, atol=1e-5)


@pytest.mark.slow
def test_saving_again_replaces_and_removes_what_another_game_left(images, tmp_path):
    gan = new_game()
    checkpoint = kgan.callbacks.Checkpoint(tmp_path / "checkpoints", every=2)
    gan.fit(images, epochs=1, verbose=0, callbacks=[checkpoint])
    place = Checkpoints(tmp_path / "checkpoints").newest()[2]
    (tmp_path / "evaluation.json").write_text("{}")
    gan.save_run(tmp_path)
    assert not (tmp_path / "evaluation.json").exists(), "of what was there before"
    assert Checkpoints(tmp_path / "checkpoints").newest()[2] == place, "the callback goes on"
    other = new_game(seed=1)
    other.fit(images, epochs=1, steps_per_epoch=3, verbose=0)
    other.save_run(tmp_path)
    again = kgan.load_run(tmp_path)
    assert again.step == 3
    np.testing.assert_array_equal(again.sample(4), other.sample(4))


def test_numbers_of_numpy_are_recorded_as_those_of_python(saved, tmp_path):
    gan, _ = saved
    options = {"split": "train", "seed": np.int64(7)}
    data = types.SimpleNamespace(loaded_from=options, record={}, condition_record={})
    gan.save_run(tmp_path, data=data)
    assert json.loads((tmp_path / "config.json").read_text())["options"]["seed"] == 7
    data.loaded_from["seed"] = object()
    with pytest.raises(TypeError, match="A run cannot record <object"):
        gan.save_run(tmp_path, data=data)
    assert kgan.load_run(tmp_path).step == gan.step


def test_what_cannot_be_saved(saved, stopped, tmp_path):
    gan, _ = saved
    with pytest.raises(FileExistsError, match=r"`path`: expected a directory without a run of kga"):
        gan.save_run(stopped)
    with pytest.raises(
        ValueError, match=r"`data`: expected a data set that `kgan\.data\.load` ret"
    ):
        gan.save_run(tmp_path / "run", data=np.zeros([2, 8, 8, 1]))
    bare = kgan.GAN(gan.generator, gan.discriminator, gan.prior)
    with pytest.raises(ValueError, match=r"not compiled, .* Call `compile` before `save_run`"):
        bare.save_run(tmp_path / "run")
    of_lambda = kgan.GAN(
        gan.generator, gan.discriminator, gan.prior, augmentation=lambda images, seed: images
    )
    of_lambda.compile("adam", "adam")
    with pytest.raises(ValueError, match=r"could not be made again .* registered .*no lambdas"):
        of_lambda.save_run(tmp_path / "run")
    assert not list(tmp_path.iterdir())


class Opaque(keras.Model):
    """Does not say how it is made."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def call(self, latents):
        return self.inner(latents)


def test_a_class_that_does_not_say_how_it_is_made_leaves_the_earlier_run(tmp_path):
    inner = networks.MLPGenerator((8, 8, 1), 3, (4,))
    for generator in (inner, Opaque(lambda latents: inner(latents))):
        discriminator = networks.MLPDiscriminator((8, 8, 1), (4,))
        gan = kgan.GAN(generator, discriminator, kgan.priors.Normal(3))
        gan.compile("adam", "adam")
        if generator is inner:
            gan.save_run(tmp_path)
            before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.*")}
    with pytest.raises(NotImplementedError, match="get_config"):
        gan.save_run(tmp_path)
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.*")}


def test_what_needs_the_training_program(saved, data_dir, tmp_path, capsys):
    gan, folder = saved
    with pytest.raises(ValueError, match=r"was saved from Python.*\(kgan\.load_run\)"):
        train(Config(steps=2), folder / "run", data_dir)
    done = program("train", f"--run_dir={folder / 'run'}")
    assert done.returncode == 1
    assert "was saved from Python, where it was trained" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    gan.save_run(tmp_path / "run")
    with pytest.raises(ValueError, match=r"saved without its data\. Save it again with .*data=im"):
        evaluate(Evaluation(run_dir=str(tmp_path / "run")))


@pytest.mark.parametrize(
    ("source", "options"),
    [
        ("digits", {"dataset": "digits", "split": "train[:64]", "image_size": None}),
        ("ring", {"dataset": "ring", "split": "train[:64]", "image_size": None}),
    ],
)
def test_data_know_how_they_were_loaded(source, options, data_dir):
    images = kgan.data.load(source, "train[:64]", batch_size=16, data_dir=data_dir)
    assert {name: value for name, value in images.loaded_from.items() if value} == {
        name: value for name, value in options.items() if value
    }
    assert images.loaded_from["image_size"] is None


# Every checkpoint


@pytest.mark.slow
@pytest.mark.parametrize("step", [None, 2])
def test_every_checkpoint_of_a_run_that_was_stopped(stopped, step, tmp_path):
    gan = kgan.load_run(stopped, step)
    assert (gan.step, gan.compiled) == (step or 4, True)
    expected = (gan.sample(6, 3) + 1) / 2
    latest = gan.generator(gan.prior.sample(6, 3)).numpy()
    assert np.abs((latest + 1) / 2 - expected).max() > 1e-3, "the EMA is not the latest weights"
    flag = [] if step is None else [f"--step={step}"]
    out = tmp_path / "out"
    done = program("export", f"--run_dir={stopped}", f"--output_dir={out}", *flag)
    assert done.returncode == 0, done.stderr
    for path in ("saved_model/1", "tflite/generator_float32.tflite"):
        found = kgan.inference.load(out / path)
        np.testing.assert_allclose(found.sample(6, 3), expected, rtol=0, atol=1e-5)
    assert json.loads((out / "parity.json").read_text())["passed"] is True


def test_a_step_without_a_checkpoint_is_answered_by_the_flag(stopped, tmp_path):
    out = f"--output_dir={tmp_path / 'out'}"
    done = program("export", f"--run_dir={stopped}", out, "--step=3")
    assert done.returncode == 1
    assert done.stderr == (
        "kgan-export: Invalid value for --step=3: expected a step whose checkpoint is kept in "
        f"{stopped / 'checkpoints'} (2, 4).\n"
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_the_command_that_an_error_advises_works_when_typed(stopped, data_dir, tmp_path):
    run = RunDirectory(shutil.copytree(stopped, tmp_path / "a run"))
    shutil.rmtree(run.checkpoints)
    with pytest.raises(FileNotFoundError, match="has no checkpoint yet") as caught:
        kgan.load_run(run.path)
    advised = re.search(r"kgan-train (.*) \(and its --data_dir", str(caught.value))[1]
    done = program("train", *shlex.split(advised), f"--data_dir={data_dir}")
    assert done.returncode == 0, done.stderr
    assert "holds an unfinished run of this configuration; resuming it" in done.stdout
    assert run.generator.exists()
    assert kgan.load_run(run.path).step == 4
    done = program("train", *shlex.split(advised), "--steps=3", f"--data_dir={data_dir}")
    assert done.returncode == 1
    (sooner,) = re.findall(r"Give (--steps=\d+) to end it there", done.stderr)
    done = program("train", *shlex.split(advised), sooner, f"--data_dir={data_dir}")
    assert done.returncode == 0, done.stderr


def test_other_options_of_a_run_that_has_begun_are_refused(stopped, data_dir):
    done = program("train", f"--run_dir={stopped}", "--seed=1", f"--data_dir={data_dir}")
    assert done.returncode == 1
    assert "another configuration: seed 0 -> 1. Name another directory" in done.stderr


# What cannot be read


@pytest.mark.slow
def test_a_class_that_is_not_registered_is_named_in_one_sentence(tmp_path):
    inside = [keras.Input((3,)), keras.layers.Dense(64, "tanh"), Noise()]
    gan = kgan.GAN(
        keras.Sequential([*inside, keras.layers.Reshape((8, 8, 1))]),
        networks.MLPDiscriminator((8, 8, 1), (8,)),
        kgan.priors.Normal(3),
    )
    gan.compile("adam", "adam")
    run = tmp_path / "run"
    gan.save_run(run)
    flags = [f"--run_dir={run}", f"--output_dir={tmp_path / 'out'}", "--formats=saved_model"]
    sentence = "cannot be loaded: it needs 'Noise', which is not registered with Keras. Import the "
    done = program("export", *flags)
    assert done.returncode == 1
    assert f"{run / 'generator.keras'} {sentence}" in done.stderr
    assert "--import=MODULE" in done.stderr
    assert len(done.stderr) < 500, "no configuration of Keras"
    done = program("export", *flags, "--import=test_runs", cwd=ROOT)
    assert done.returncode == 0, done.stderr
    again = program("train.sample", f"--run_dir={run}", "--output=absent.png")
    assert again.returncode == 1
    assert sentence in again.stderr
    text = (run / "game.json").read_text()
    (run / "game.json").write_text(text.replace("Noise", "Absent"))
    with pytest.raises(ValueError, match=r"game\.json cannot be loaded: it needs 'Absent'"):
        kgan.load_run(run)


def test_a_damaged_or_missing_description_of_the_game(stopped, tmp_path):
    run = RunDirectory(shutil.copytree(stopped, tmp_path / "run"))
    run.game.write_text("[]")
    with pytest.raises(ValueError, match=r"game\.json is damaged\. Train the run further"):
        read_game(run)
    run.game.unlink()
    with pytest.raises(FileNotFoundError, match=r"no game\.json.* earlier version of kgan"):
        read_game(run)
