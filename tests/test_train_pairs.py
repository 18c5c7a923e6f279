"""Runs whose conditions are given beside the images: trained, resumed, evaluated, served."""

import json
import shutil

import numpy as np
import picture_files
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from tfds_data import store

import kgan
from export.program import export
from kgan_cli.program import _as_flags
from train.config import Config, resolve
from train.evaluation.options import Options as Evaluation
from train.evaluation.run import evaluate
from train.main import ARGUMENTS
from train.run import train
from train.sampling.options import Options
from train.sampling.run import sample

SMALL = {"width": 2, "batch_size": 4, "latent_dim": 0, "variant": "pix2pix", "steps": 2}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Grey targets and coloured sources of equal names, in folders of splits and classes."""
    root = tmp_path_factory.mktemp("pictures")
    for i in range(32):
        name = f"{'train' if i < 12 else 'test'}/{'cat' if i % 2 else 'dog'}/{i:02}"
        picture_files.write(root / "targets" / f"{name}.png", picture_files.noise(i, channels=1))
        picture_files.write(root / "sources" / f"{name}.bmp", picture_files.noise(100 + i))
    return root


def config(root, **options):
    pair = {"dataset": str(root / "targets"), "condition": str(root / "sources")}
    return resolve(None, {**SMALL, **pair, **options})


@pytest.fixture(scope="module")
def run(folders, tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "run"
    train(config(folders, checkpoint_every=1), path)
    return path


def read(path):
    return tf.io.decode_image(path.read_bytes(), expand_animations=False).numpy() / 255


@pytest.mark.slow
def test_two_folders_become_a_translator_that_is_served(run, folders, tmp_path):
    """The pictures of --input are the conditions, and every format translates them alike."""
    record = json.loads((run / "config.json").read_text())
    assert record["options"]["condition"] == str(folders / "sources")
    assert record["data"]["condition_shape"] == [8, 8, 3]
    assert record["data"]["image_shape"] == [8, 8, 1]
    assert "condition" not in record
    given = folders / "sources" / "test" / "cat"
    sample(Options(output=f"{tmp_path}/made/", run_dir=str(run), input=str(given)))
    names = sorted(path.stem for path in given.iterdir())
    conditions = np.stack([read(given / f"{name}.bmp") for name in names]).astype("float32")
    generator = kgan.inference.load(run)
    made = generator.translate(conditions)
    found = np.stack([read(tmp_path / "made" / f"{name}.png") for name in names])
    np.testing.assert_allclose(found, made, atol=0.51 / 255)
    sample(Options(output=f"{tmp_path}/grid.png", run_dir=str(run), input=str(given)))
    assert (tmp_path / "grid.png").stat().st_size > 0

    export(run, tmp_path / "exports", formats=("saved_model",))
    model = tf.saved_model.load(str(tmp_path / "exports" / "saved_model" / "1"))
    served = model.signatures["translate"](images=tf.constant(conditions))["images"]
    np.testing.assert_allclose(served, made, atol=1e-5)
    with pytest.raises(ValueError, match=r"`conditions`: expected images of shape \(1, 8, 8, 3\)"):
        generator.translate(conditions[:1, :4, :4])


def test_the_evaluation_holds_results_against_the_true_pictures(run, folders, capsys):
    record = evaluate(
        Evaluation(
            run_dir=str(run), metrics=("frechet", "latent"), num_samples=20, features="pixels"
        )
    )
    assert "latent: left out, as the generator translates images" in capsys.readouterr().out
    parts = {}
    for split in ("train", "test"):
        for name, suffix in (("targets", "png"), ("sources", "bmp")):
            paths = sorted((folders / name / split).rglob(f"*.{suffix}"))
            parts[split, name] = np.stack([read(path) for path in paths]).astype("float32")
    truths, sources = parts["test", "targets"], parts["test", "sources"]
    found = {name: figure["value"] for name, figure in record["figures"].items()}
    made = kgan.inference.load(run).translate(sources)
    assert found["pairs_l1"] == pytest.approx(np.abs(made - truths).mean(), rel=1e-4)
    grey = sources @ np.array([[0.299], [0.587], [0.114]], np.float32)
    assert found["pairs_l1_of_condition"] == pytest.approx(np.abs(grey - truths).mean(), rel=1e-4)
    distances = np.square(sources[:, None] - parts["train", "sources"]).sum((2, 3, 4))
    nearest = parts["train", "targets"][distances.argmin(1)]
    expected = np.abs(nearest - truths).mean()
    assert found["pairs_l1_of_nearest_pair"] == pytest.approx(expected, rel=1e-4)


def test_a_run_saved_from_python_names_its_pairs(run, folders, tmp_path):
    pairs = kgan.data.load(folders / "targets", condition=folders / "sources", batch_size=4)
    kgan.load_run(run).save_run(tmp_path / "saved", data=pairs)
    options = {"metrics": ("frechet",), "num_samples": 20, "features": "pixels"}
    one, other = (
        evaluate(Evaluation(run_dir=str(path), **options))["figures"]["pairs_l1"]["value"]
        for path in (run, tmp_path / "saved")
    )
    assert one == pytest.approx(other, rel=1e-6)


@pytest.mark.slow
def test_a_changed_condition_is_noticed_by_resume_and_evaluation(folders, tmp_path):
    shutil.copytree(folders, tmp_path / "copy")
    root, run = tmp_path / "copy", tmp_path / "run"
    train(config(root, steps=1), run)
    picture = next((root / "sources" / "train" / "cat").iterdir())
    picture_files.write(picture, picture_files.noise(999))
    with pytest.raises(ValueError, match=r"The data are not those that the run in .* was made of"):
        train(config(root, steps=2), run)
    with pytest.raises(ValueError, match=r"are not those that the run in .* was trained on"):
        evaluate(Evaluation(run_dir=str(run), metrics=("frechet",), num_samples=20))


@pytest.mark.slow
def test_a_stopped_run_goes_on_bit_for_bit(run, folders, tmp_path):
    options = {"checkpoint_every": 1}
    train(config(folders, **options, steps=1), tmp_path / "parts")
    train(config(folders, **options), tmp_path / "parts")
    one, other = (kgan.load_run(path).generator.get_weights() for path in (run, tmp_path / "parts"))
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_halves_train_and_take_one_half_to_translate(tmp_path):
    for i in range(8):
        picture_files.write(
            tmp_path / "both" / "train" / f"{i}.png", picture_files.noise(i, (8, 16))
        )
    options = {**SMALL, "steps": 1, "dataset": f"{tmp_path}/both", "condition": "right_half"}
    train(resolve(None, options), tmp_path / "run")
    picture_files.write(tmp_path / "half" / "a.png", picture_files.noise(100))
    sample(
        Options(
            output=f"{tmp_path}/made/",
            run_dir=f"{tmp_path}/run",
            input=f"{tmp_path}/half",
            input_is_condition=True,
        )
    )
    expected = kgan.inference.load(tmp_path / "run").translate(
        read(tmp_path / "half" / "a.png")[None]
    )
    np.testing.assert_allclose(read(tmp_path / "made" / "a.png"), expected[0], atol=0.51 / 255)


@pytest.mark.slow
def test_frames_become_the_next_one(tmp_path):
    """A run of videos: trained, evaluated beside the last frame, and given frames as files."""
    clips = np.random.default_rng(0).integers(0, 256, (24, 6, 8, 8, 1), dtype=np.uint8)
    video = {"clip": tfds.features.Video(shape=(6, 8, 8, 1))}
    store(tmp_path, "clips", video, [{"clip": clip} for clip in clips])
    run = tmp_path / "run"
    train(
        resolve(None, {**SMALL, "dataset": "clips", "condition": "previous_frames"}), run, tmp_path
    )
    generator = kgan.inference.load(run)
    assert generator.condition_shape == (8, 8, 3)
    assert kgan.load_run(run).generator.residual, "it starts at the last frame"

    options = {"metrics": ("frechet",), "num_samples": 20, "features": "pixels"}
    record = evaluate(Evaluation(run_dir=str(run), data_dir=str(tmp_path), **options))
    # The last tenth of 72 rows stands in for a test: two videos and a frame.
    frames = clips[:, 2:].astype("float32") / 255
    copied = np.abs(frames[:, 1:] - frames[:, :-1]).mean((2, 3, 4)).reshape(-1)[-7:]
    found = record["figures"]["pairs_l1_of_last_frame"]["value"]
    assert found == pytest.approx(copied.mean(), rel=1e-4)

    for i, frame in enumerate(clips[0, :5, ..., 0]):
        picture_files.write(tmp_path / "frames" / f"{i}.png", frame)
    given = {"run_dir": str(run), "input": f"{tmp_path}/frames"}
    sample(Options(output=f"{tmp_path}/made/", **given))
    assert sorted(path.name for path in (tmp_path / "made").iterdir()) == [
        "2.png",
        "3.png",
        "4.png",
    ]
    three = np.moveaxis(clips[0, 1:4, ..., 0], 0, -1)[None] / 255
    made = generator.translate(three)[0]
    np.testing.assert_allclose(read(tmp_path / "made" / "3.png"), made, atol=0.51 / 255)
    export(run, tmp_path / "exports", formats=("saved_model",))
    exported = {"model": f"{tmp_path}/exports/saved_model/1", "input": given["input"]}
    sample(Options(output=f"{tmp_path}/again/", **exported))
    again = read(tmp_path / "again" / "3.png")
    np.testing.assert_allclose(again, made, atol=0.51 / 255)
    sample(Options(output=f"{tmp_path}/grid.png", **given))
    for i in (2, 3, 4):
        (tmp_path / "frames" / f"{i}.png").unlink()
    with pytest.raises(
        ValueError, match=r"--input=\S+: expected at least 3 pictures, .* received 2"
    ):
        sample(Options(output=f"{tmp_path}/b.png", **given))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"condition": "./absent"}, "--condition: expected a directory of pictures"),
        ({"condition": "sources/train/"}, "--condition: expected a directory with one"),
        ({"condition": "left_half", "dataset": "digits"}, "for --condition: it is for a directory"),
        ({"group_by": "-"}, "Invalid value for --group_by: expected None for a directory whose"),
        ({"image_size": 9}, "Resize the images (--image_size)."),
    ],
)
def test_mistakes_are_one_sentence_that_names_the_flag(
    options, said, folders, tmp_path, monkeypatch
):
    monkeypatch.chdir(folders)
    of_tfds = str(tmp_path) if options.get("dataset") else None
    with pytest.raises((ValueError, OSError)) as error:
        train(config(folders, **options), tmp_path / "run", of_tfds)
    sentence = _as_flags(str(error.value), ARGUMENTS)
    assert said in sentence
    assert "\n" not in sentence
    assert not (tmp_path / "run" / "config.json").exists()


def test_a_directory_of_conditions_is_told_from_a_name(folders, monkeypatch):
    monkeypatch.chdir(folders)
    assert Config(steps=1, network="unet", condition="sources").condition == "sources"
    with pytest.raises(ValueError, match=r"--condition=source: expected one of .*left_half"):
        Config(steps=1, network="unet", condition="source")
