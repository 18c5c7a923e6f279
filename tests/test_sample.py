"""`kgan-sample`: what it writes is what `gan.sample` draws, from whatever a training left."""

import dataclasses
import math
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import picture_files
import pytest
import scipy.stats
import warm
from kgan_export.program import export
from PIL import Image

import kgan
from kgan import checkpoint, inference
from kgan.artifacts import RunDirectory
from kgan.checkpoint import Checkpoints
from train.config import resolve
from train.game import make_gan
from train.run import load_images, train
from train.sampling import files, grid, latents
from train.sampling.labels import class_numbers
from train.sampling.options import Options
from train.sampling.reading import sample_names
from train.sampling.run import sample
from train.sampling.source import open_generator
from train.sampling.target import Target

ROOT = pathlib.Path(__file__).resolve().parent.parent
CLASSES = ("2", "flags", "people_body")
SMALL = {"width": 8, "latent_dim": 4, "batch_size": 8, "steps": 6, "checkpoint_every": 2}
FAST = {"ema_decay": 0.9, "generator_learning_rate": 0.01}  # so that the EMA lags behind


def configuration(pictures, **options):
    return resolve(None, {**SMALL, **FAST, "dataset": str(pictures), **options})


def trained(run, config, step=6):
    """The whole game of a run, as its training would go on with it."""
    images, num_classes = load_images(config, None)
    gan = make_gan(config, images, num_classes)
    path, arrays, _ = Checkpoints(RunDirectory(run).checkpoints).at(step)
    checkpoint.restore(gan, arrays, path)
    return gan


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("sample")


@pytest.fixture(scope="module")
def conditional(place):
    """A finished conditional run with class names and a normal prior, and its game."""
    picture_files.folder(place / "pictures", classes=CLASSES)
    config = configuration(place / "pictures", conditional=True, prior="normal")
    train(config, place / "run")
    return place / "run", trained(place / "run", config)


@pytest.fixture(scope="module")
def stopped(place):
    """A run of four channels and a uniform prior that has checkpoints and no networks yet."""
    picture_files.folder(place / "clear", classes=None, channels=4)
    config = configuration(place / "clear", channels=4)
    train(config, place / "stopped")
    run = RunDirectory(place / "stopped")
    run.generator.unlink()
    run.discriminator.unlink()
    return run.path, config


def pixels(images, gan):
    low, high = gan.value_range
    return np.rint(255 * np.clip((images - low) / (high - low), 0, 1))


def read(path):
    with Image.open(path) as picture:
        return np.asarray(picture)


def png_files(folder):
    return sorted(path.name for path in folder.iterdir())


# What is written


def test_a_file_for_each_sample_is_what_the_game_samples(conditional, tmp_path):
    run, gan = conditional
    out = tmp_path / "new" / "samples"
    sample(Options(run_dir=str(run), output=f"{out}/", count=5, seed=3))
    names = ["00000_2", "00001_flags", "00002_people_body", "00003_2", "00004_flags"]
    assert png_files(out) == [f"{name}.png" for name in names]
    expected = pixels(gan.sample(5, 3), gan)
    assert np.abs(expected - expected[0]).max() > 1
    for name, image in zip(names, expected, strict=True):
        # Rounding may fall to either side.
        np.testing.assert_allclose(read(out / f"{name}.png"), image, atol=1)


@pytest.mark.parametrize("step", [None, 4])
def test_samples_of_a_checkpoint_have_the_ema_weights(stopped, step):
    run, config = stopped
    gan = trained(run, config, step or 6)
    generator = open_generator(Options(run_dir=str(run), output="x.png", step=step))
    expected = gan.sample(7, 5)
    low, high = gan.value_range
    found = low + (high - low) * generator.sample(7, 5)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    latest = gan.generator(gan.prior.sample(7, 5)).numpy()
    assert np.abs(latest - expected).max() > 1e-3, "and the latest weights are others"


def test_samples_of_a_finished_run_are_those_of_its_newest_checkpoint(conditional):
    run, gan = conditional
    labels = [2, 0, 2]
    for step in (None, 6):
        generator = open_generator(Options(run_dir=str(run), output="x.png", step=step))
        assert generator.class_names == CLASSES
        found = 2 * generator.sample(3, 1, labels) - 1
        np.testing.assert_allclose(found, gan.sample(3, 1, labels), rtol=0, atol=1e-5)


def test_files_keep_alpha_and_grids_are_drawn_over_white(stopped, tmp_path):
    run, config = stopped
    gan = trained(run, config)
    sample(Options(run_dir=str(run), output=f"{tmp_path / 'a'}/", count=2))
    assert read(tmp_path / "a" / "00001.png").shape == (8, 8, 4)
    sample(Options(run_dir=str(run), output=str(tmp_path / "a.png"), count=2))
    drawn = kgan.plots.grid(gan.sample(2, 0), gan.value_range)
    np.testing.assert_allclose(read(tmp_path / "a.png")[..., :3], drawn.astype(int), atol=1)


def test_a_grid_has_a_row_for_each_class(conditional, tmp_path, monkeypatch):
    run, gan = conditional
    named = []
    label_rows = kgan.plots.label_rows
    monkeypatch.setattr(
        kgan.plots, "label_rows", lambda x, names: named.append(names) or label_rows(x, names)
    )
    out = str(tmp_path / "a.png")
    sample(Options(run_dir=str(run), output=out, count=5, labels=("flags", "0")))
    assert named == [["flags", "2"]]
    images = gan.sample(5, 0, np.array([1, 0, 1, 0, 1]))
    rows = np.concatenate([images[[0, 2, 4, 1, 3]], np.ones_like(images[:1])])
    expected = label_rows(kgan.plots.grid(rows, (-1, 1), 3), named[0])
    np.testing.assert_allclose(read(out)[..., :3].astype(int), expected.astype(int), atol=1)


def test_more_classes_than_rows_make_a_square():
    images = np.zeros([9, 8, 8, 1])
    assert grid.draw(images, (0, 1), "abcdefg").shape == kgan.plots.grid(images, (0, 1)).shape


@pytest.mark.parametrize("suffix", ["gif", "apng"])
def test_an_animation_is_a_closed_loop_that_begins_at_the_samples(conditional, tmp_path, suffix):
    run, _ = conditional
    options = Options(run_dir=str(run), output=str(tmp_path / f"a.{suffix}"), count=4)
    sample(options)
    still = Options(run_dir=str(run), output=str(tmp_path / "a.png"), count=4)
    sample(still)
    with Image.open(options.output) as animation:
        assert animation.n_frames == latents.LATENTS * latents.FRAMES == 80
        assert animation.info["loop"] == 0
        for frame in range(animation.n_frames):
            animation.seek(frame)
            assert animation.info["duration"] == 50
        animation.seek(0)
        first = np.asarray(animation.convert("RGB")).astype(int)
    off = np.abs(first - read(tmp_path / "a.png")[..., :3])
    assert off.mean() < (8 if suffix == "gif" else 1e-9)  # a GIF has 64 colours


@pytest.mark.parametrize("prior", [kgan.priors.Normal(5), kgan.priors.Uniform(5)])
def test_loops_take_the_paths_of_the_prior(prior):
    loops = latents.loops(prior, 3, 7)
    assert loops.shape == (80, 3, 5)
    assert loops.dtype == np.float32
    np.testing.assert_allclose(loops[0], prior.sample(3, 7), atol=1e-5)
    stops = loops[:: latents.FRAMES]
    for frame in (1, 13):
        expected = prior.interpolate(stops[3, 1], stops[0, 1], 21)[frame]
        np.testing.assert_allclose(loops[60 + frame, 1], expected, atol=1e-5)
    jumps = np.linalg.norm(np.diff(loops, axis=0, append=loops[:1]), axis=-1)
    assert jumps.max() < 0.5, "no jump anywhere, nor from the end to the beginning"


def test_the_same_command_draws_the_same_bytes(conditional, tmp_path):
    run, _ = conditional
    content = []
    for seed in (0, 0, 1):
        sample(Options(run_dir=str(run), output=str(tmp_path / "a.png"), count=4, seed=seed))
        content.append((tmp_path / "a.png").read_bytes())
    assert content[0] == content[1] != content[2]


@pytest.mark.parametrize("limit", [0.05, 0.7, 1.5])
def test_truncated_coordinates_are_truncated_normal_ones(limit):
    z = np.asarray(kgan.priors.Normal(50).sample(400, 0))
    found = latents.truncated(z, limit).astype(np.float64)
    assert np.abs(found).max() <= np.float32(limit)
    expected = scipy.stats.truncnorm(-limit, limit)
    assert scipy.stats.kstest(found.ravel(), expected.cdf).pvalue > 0.01
    assert scipy.stats.kstest(found.ravel(), scipy.stats.norm.cdf).pvalue < 0.01
    order = np.argsort(z.ravel())
    assert (np.diff(found.ravel()[order]) >= 0).all(), "a seed keeps its samples"


def test_a_wide_truncation_changes_nothing():
    z = np.asarray(kgan.priors.Normal(50).sample(400, 0))
    np.testing.assert_allclose(latents.truncated(z, 20.0), z, atol=1e-6)
    np.testing.assert_array_equal(latents.truncated(z, None), z)


def test_truncation_reaches_the_samples(conditional, tmp_path):
    run, gan = conditional
    sample(Options(run_dir=str(run), output=f"{tmp_path}/", count=1, truncation=0.1))
    near = latents.truncated(gan.prior.sample(1, 0), 0.1)
    expected = gan.predict([near, np.zeros(1, np.int32)], verbose=0)
    found = read(tmp_path / "00000_2.png")
    np.testing.assert_allclose(found, pixels(expected, gan)[0], atol=1)


# What is sampled


@pytest.fixture(scope="module")
def exported(conditional, place):
    """The files that `kgan-export` makes of the conditional run."""
    export(conditional[0], place / "export", ["saved_model", "tflite"])
    return place / "export"


def test_every_file_of_a_run_gives_its_samples(conditional, exported):
    run, gan = conditional
    gan.save(run.parent / "gan.keras")
    expected = pixels(gan.sample(4, 2), gan)
    for model in (
        *(run / "generator.keras", run.parent / "gan.keras", exported / "saved_model" / "1"),
        exported / "tflite" / "generator_float32.tflite",
    ):
        generator = open_generator(Options(model=str(model), output="x.png"))
        np.testing.assert_allclose(255 * generator.sample(4, 2), expected, atol=1)
        assert generator.prior.get_config() == gan.prior.get_config()
        assert generator.class_names == (() if model.name == "gan.keras" else CLASSES)


def test_a_file_that_records_no_prior_is_given_one(stopped, tmp_path):
    run, config = stopped
    gan = trained(run, config)
    with gan.averaged():
        gan.generator.save(tmp_path / "own.keras")
    model = str(tmp_path / "own.keras")
    with pytest.raises(ValueError, match=r"own\.keras does not record the prior .*--prior=normal"):
        open_generator(Options(model=model, output="x.png"))
    generator = open_generator(Options(model=model, output="x.png", prior="uniform"))
    np.testing.assert_allclose(2 * generator.sample(2) - 1, gan.sample(2), rtol=0, atol=1e-5)


@pytest.mark.slow
def test_a_training_that_was_stopped_is_sampled(place, conditional, tmp_path):
    """As a person does it: Ctrl-C, then the samples of where it stopped."""
    flags = [f"--dataset={place / 'pictures'}", "--network=mlp", "--width=8", "--batch_size=8"]
    words = [*warm.python(), "-m", "train", *flags, "--steps=100000", "--checkpoint_every=2"]
    run = RunDirectory(tmp_path / "run")
    with subprocess.Popen([*words, f"--run_dir={run.path}"], stderr=subprocess.DEVNULL) as training:
        while not Checkpoints(run.checkpoints).paths():
            assert training.poll() is None
            time.sleep(0.05)
        beside = program(f"--run_dir={run.path}", f"--output={tmp_path / 'beside.png'}")
        training.send_signal(signal.SIGINT)
        assert training.wait(timeout=60) == 130
    assert beside.returncode == 0, beside.stderr
    assert not run.generator.exists()
    done = program(
        f"--run_dir={run.path}",
        f"--output={tmp_path / 'a.png'}",
        python=[sys.executable],  # what TensorFlow says when it is imported counts as well
    )
    assert done.returncode == 0, done.stderr
    for noise in ("oneDNN", "cuda", "WARNING", "I0000", "E0000", "Traceback", "XNNPACK"):
        assert noise not in done.stderr
    newest = Checkpoints(run.checkpoints).paths()[-1]
    assert done.stdout == f"64 samples of {newest}, seed 0: {tmp_path / 'a.png'}\n"
    assert "Sampling: " in done.stderr, "the progress bar"
    assert read(tmp_path / "a.png").shape[0] > 400


def program(*flags, cwd=None, python=None):
    return subprocess.run(
        [*(python or warm.python()), "-m", "train.sample", *flags],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


# What is refused


def generator_of(classes, names=()):
    return inference.Generator("keras", "a.keras", lambda x, y: x, 2, None, classes, True, names)


@pytest.mark.parametrize(
    ("labels", "numbers"),
    [(("1", "0"), [1, 0]), (("b", "c", "b"), [1, 2, 1]), ((" a",), [0]), ((), [0, 1, 2])],
)
def test_labels_are_names_or_numbers(labels, numbers):
    assert class_numbers(labels, generator_of(3, ("a", "b", "c"))).tolist() == numbers


def test_names_that_are_numbers():
    generator = generator_of(3, ("2", "7", "a"))
    assert class_numbers(["7"], generator).tolist() == [1]
    with pytest.warns(UserWarning, match="--labels=2 is taken as the number of the class 'a'"):
        assert class_numbers(["2"], generator).tolist() == [2]


MANY = tuple(f"class_{i:02}" for i in range(40))


@pytest.mark.parametrize(
    ("label", "classes", "names", "said"),
    [
        ("3", 3, (), "0 to 2, as no names are recorded"),
        ("cat", 3, (), "0 to 2, as no names are recorded"),
        ("-1", 3, ("a", "b", "c"), "0 to 2, or names: a, b, c"),
        ("", 3, ("a", "b", "c"), "0 to 2, or names: a, b, c"),
        ("clas_17", 40, MANY, r"0 to 39, or names, such as class_17, .* \(40 in all\)"),
        ("zebra", 40, MANY, r"0 to 39, or names, such as class_00, .* \(40 in all\)"),
    ],
)
def test_a_class_that_is_not_there(label, classes, names, said):
    expected = rf"--labels={label}: expected numbers of classes, {said}\.$"
    with pytest.raises(ValueError, match=expected):
        class_numbers([label], generator_of(classes, names))


def test_labels_of_an_unconditional_generator():
    with pytest.raises(ValueError, match=r"--labels=a,1: expected none, as a\.keras is not cond"):
        class_numbers(["a", "1"], generator_of(None))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "--run_dir or --model is required"),
        ({"run_dir": "a", "model": "b"}, "--run_dir=a and --model=b: give one of the two"),
        ({"run_dir": "a", "count": 0}, "--count=0: expected a positive integer"),
        ({"run_dir": "a", "count": 10_001}, "--count=10001: expected at most 10000 images in one"),
        ({"run_dir": "a", "count": 1, "labels": ("b", "c")}, "--count=1: expected at least the 2"),
        ({"run_dir": "a", "step": 0}, "--step=0: expected a positive integer"),
        ({"model": "a", "step": 2}, "--step=2: expected --run_dir beside it"),
        ({"run_dir": "a", "prior": "normal"}, "--prior=normal: expected none, as a run records"),
        ({"model": "a", "prior": "cauchy"}, "--prior=cauchy: expected one of uniform, normal"),
        ({"run_dir": "a", "truncation": 0.0}, "--truncation=0.0: expected a positive number"),
        ({"run_dir": "a", "truncation": float("nan")}, "--truncation=nan: expected a positive"),
        ({"run_dir": "a", "seed": 2**63}, "--seed=9223372036854775808: expected an integer of 64"),
        (
            {"run_dir": "a", "walk": True, "invert": "b"},
            r"^--walk: .* neither --input nor --invert beside it, .*absent\.png and --invert=b\.$",
        ),
        ({"run_dir": "a", "walk": True, "input": "b"}, r"absent\.png and --input=b\.$"),
        ({"run_dir": "a", "walk": True, "output": "a.gif"}, r"received --output=a\.gif\.$"),
        ({"run_dir": "a", "output": "a.jpg"}, r"--output=a\.jpg: expected a file that ends in "),
        ({"run_dir": "a", "output": "a.gif", "count": 101}, "at most 100 images in one animation"),
    ],
)
def test_unusable_options(options, said):
    with pytest.raises(ValueError, match=said):
        Options(**{"output": "absent.png", **options})


@pytest.mark.parametrize(
    ("pictures", "expected"),
    [
        (["b/c.jpg", "a.bmp", "d.PNG"], ["b_c.png", "a.png", "d.png"]),
        (["a.bmp", "a.png", "b.gif"], ["a.bmp.png", "a.png.png", "b.png"]),
        (["x/y.png", "x_y.png"], ["x_y.png.png", "x_y_2.png.png"]),
        (
            ["a.bmp", "a.png", "a.png.jpg", "a_2.png.jpg"],
            ["a.bmp.png", "a_3.png.png", "a.png.png", "a_2.png.png"],
        ),
    ],
)
def test_no_two_pictures_share_the_name_of_a_sample(pictures, expected):
    """Names that nothing else has stay as they are; no sample is overwritten by another."""
    assert sample_names(pictures) == expected


def test_what_cannot_be_written_to(tmp_path):
    full = tmp_path / "full"
    picture_files.write(full / "mine.png", picture_files.noise())
    for output in (full, f"{full}/"):
        with pytest.raises(FileExistsError, match=r"holds 1 files or directories, such as mine"):
            Target(str(output)).check()
    for output in (full / "mine.png" / "a.png", full / "mine.png" / "a" / "b"):
        with pytest.raises(NotADirectoryError, match=r"--output=.*: expected a directory, but"):
            Target(str(output)).check()
    if os.geteuid():
        full.chmod(0o500)
        with pytest.raises(PermissionError, match="cannot be written to"):
            Target(str(full / "a.png")).check()


def test_what_is_no_source(conditional, stopped, exported, tmp_path):
    run, _ = conditional
    (tmp_path / "a.txt").write_text("a")
    for options, error, said in (
        ({"run_dir": "absent"}, FileNotFoundError, "absent is no run directory"),
        (
            {"run_dir": run, "step": 5},
            FileNotFoundError,
            r"`step=5`: expected .*\(2, 4, 6\)\.",
        ),
        ({"model": run}, ValueError, "expected a file, received a run. Give --run_dir="),
        ({"model": "absent.keras"}, FileNotFoundError, "received a path where there is nothing"),
        ({"model": tmp_path / "a.txt"}, FileNotFoundError, "received another file"),
        ({"model": tmp_path}, FileNotFoundError, r"holds a saved_model\.pb, received another"),
        ({"model": exported}, FileNotFoundError, r"saved_model\.pb, such as .*/saved_model/1, rec"),
        (
            {"model": exported / "saved_model" / "1", "prior": "normal"},
            ValueError,
            "--prior=normal: expected none, as .* records its prior",
        ),
    ):
        asked = {name: x if name == "step" else str(x) for name, x in options.items()}
        with pytest.raises(error, match=said):
            open_generator(Options(**asked, output="absent.png"))


def test_a_run_without_a_checkpoint(stopped, tmp_path):
    run, _ = stopped
    shutil.copytree(run, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "checkpoints")
    with pytest.raises(FileNotFoundError, match=r"no checkpoint yet\. .*: kgan-train --run_dir="):
        open_generator(Options(run_dir=str(tmp_path / "run"), output="absent.png"))


def test_a_checkpoint_of_another_run(stopped, conditional, tmp_path):
    shutil.copytree(stopped[0], tmp_path / "run")
    shutil.copy(conditional[0] / "checkpoints" / "step_00000006.npz", tmp_path / "run/checkpoints")
    for step in (None, 6):
        with pytest.raises(ValueError, match="is not of the run that"):
            open_generator(Options(run_dir=str(tmp_path / "run"), output="a.png", step=step))


def test_truncation_of_a_uniform_prior(stopped, tmp_path):
    options = Options(run_dir=str(stopped[0]), output=str(tmp_path / "a.png"), truncation=0.5)
    with pytest.raises(
        ValueError, match=r"--truncation=0\.5: expected latents of a normal prior, .* Uni"
    ):
        sample(options)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("shape", "said"), [((2,), r"\(2,\)"), ((4, 4, 2), r"\(4, 4, 2\)")])
def test_what_is_no_image(tmp_path, shape, said):
    network = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(math.prod(shape)), keras.layers.Reshape(shape)]
    )
    network.save(tmp_path / "a.keras")
    options = Options(model=str(tmp_path / "a.keras"), output="absent.png", prior="normal")
    with pytest.raises(ValueError, match=f"makes samples of shape {said}, not images"):
        open_generator(options)


def test_samples_that_are_not_finite(tmp_path):
    network = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(4), keras.layers.Reshape((2, 2, 1))]
    )
    network.set_weights([weight * np.nan for weight in network.get_weights()])
    network.save(tmp_path / "a.keras")
    out = tmp_path / "new"
    options = Options(model=str(tmp_path / "a.keras"), output=f"{out}/", prior="normal")
    with pytest.raises(ValueError, match=r"64 of 64 samples of .*NaN or infinity"):
        sample(options)
    assert not out.exists()


# Whole or not at all


@pytest.mark.parametrize("exists", [False, True])
def test_a_directory_appears_whole_or_not_at_all(tmp_path, exists):
    out = tmp_path / "a" / "b"
    if exists:
        out.mkdir(parents=True)

    def broken():
        yield np.zeros([2, 4, 4, 1], np.uint8)
        (hidden,) = out.iterdir()
        assert len(list(hidden.iterdir())) == 1 + 1
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match=r"--output=.* could not be written \(No space left"):
        files.write_directory(out, broken(), files.file_names(4, []))
    assert sorted(tmp_path.rglob("*")) == ([out.parent, out] if exists else [])
    files.write_directory(out, [np.zeros([2, 4, 4, 1], np.uint8)], files.file_names(2, []))
    assert png_files(out) == ["00000.png", "00001.png"]


def test_files_that_appear_meanwhile_are_not_mixed_with(tmp_path):
    def slow():
        yield np.zeros([2, 4, 4, 1], np.uint8)
        (tmp_path / "other.png").write_text("other")

    with pytest.raises(FileExistsError, match=r"other files appeared there meanwhile"):
        files.write_directory(tmp_path, slow(), files.file_names(2, []))
    assert png_files(tmp_path) == ["other.png"]


def test_names_of_files():
    assert files.file_names(3, ["a/b c", "é"]) == [
        "00000_a_b_c.png",
        "00001_é.png",
        "00002_a_b_c.png",
    ]
    assert files.file_names(123_456, [])[-1] == "123455.png"


@pytest.mark.slow
def test_networks_of_ones_own_are_imported(tmp_path):
    (tmp_path / "my_networks.py").write_text(
        "import keras\n"
        "@keras.saving.register_keras_serializable()\n"
        "class Mine(keras.Model):\n"
        "    latent_dim = 3\n"
        "    def call(self, latents):\n"
        "        return keras.ops.reshape(latents, (-1, 1, 1, 3))\n"
    )
    make = (
        "import my_networks as m, numpy as np; x = m.Mine(); x(np.ones([1, 3])); x.save('a.keras')"
    )
    subprocess.run([*warm.python(), "-c", make], cwd=tmp_path, check=True, timeout=300)
    flags = ["--model=a.keras", "--prior=normal", "--output=a.png"]
    done = program(*flags, cwd=tmp_path)
    assert done.returncode == 1
    expected = "it needs 'Mine', which is not registered with Keras. Import the module that "
    assert expected in done.stderr
    assert "--import=MODULE" in done.stderr
    assert len(done.stderr) < 500, "no configuration of Keras"
    done = program(*flags, "--import=my_networks", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "a.png").exists()


def test_help_names_every_flag_and_waits_for_no_tensorflow():
    begin = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "train.sample", "--help"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert time.monotonic() - begin < 30
    assert "tensorflow" not in done.stderr
    for field in dataclasses.fields(Options):
        no = "[no]" if field.type == "bool" else ""
        assert f"--{no}{field.name}:" in done.stdout


@pytest.mark.slow
def test_an_error_is_one_sentence(conditional, tmp_path):
    for flags, said in (
        ([], "--output is required: FILE.png, FILE.gif, FILE.apng or DIR/."),
        (["--output=a.png"], "--run_dir or --model is required: "),
        (["--output=a.png", f"--run_dir={tmp_path}"], f"{tmp_path} is no run directory: "),
        (
            ["--output=a.png", f"--run_dir={conditional[0]}", "--step=5"],
            "Invalid value for --step=5: expected a step whose checkpoint is kept in ",
        ),
    ):
        done = program(*flags)
        assert done.returncode == 1
        assert done.stderr.startswith(f"kgan-sample: {said}")
        assert len(done.stderr.splitlines()) == 1
