"""`kgan-train --dataset=DIR`: runs of a directory of pictures, from any place, to the last step."""

import json
import os
import pathlib
import shutil
import subprocess

import matplotlib.image
import numpy as np
import picture_files
import pytest
import warm

from kgan.artifacts import RunDirectory
from kgan.checkpoint import Checkpoints
from kgan.data import loaders
from kgan_cli.program import _as_flags
from train.config import resolve
from train.evaluation.classifier import labelled
from train.evaluation.data import read
from train.main import ARGUMENTS
from train.run import train

ROOT = pathlib.Path(__file__).resolve().parent.parent
SMALL = {"width": 8, "latent_dim": 4, "batch_size": 8, "steps": 4}


def config(**options):
    return resolve(None, {**SMALL, **options})


def recorded(run):
    return json.loads((run / "config.json").read_text())


@pytest.fixture
def pictures(tmp_path):
    picture_files.folder(tmp_path / "pictures")
    return tmp_path / "pictures"


def program(cwd, *arguments, module="train"):
    return subprocess.run(
        [*warm.python(), "-m", module, *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


@pytest.mark.slow
def test_a_folder_trains_with_nothing_else_typed(pictures, tmp_path):
    """From any working directory, and the path is recorded as absolute."""
    for i in range(100):  # a batch of the default size
        picture_files.write(pictures / "train" / "cat" / f"more{i}.png", picture_files.noise(i))
    flags = ["--dataset=pictures", "--run_dir=run", "--steps=2"]
    done = program(tmp_path, *flags)
    assert done.returncode == 0, done.stderr
    assert recorded(tmp_path / "run")["options"]["dataset"] == str(pictures)
    assert recorded(tmp_path / "run")["data"]["image_shape"] == [8, 8, 3]
    (tmp_path / "elsewhere").mkdir()
    again = [f"--dataset={pictures}", f"--run_dir={tmp_path / 'run'}", "--steps=2"]
    done = program(tmp_path / "elsewhere", *again)
    assert "a finished run of this configuration" in done.stdout, done.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"dataset": "./absent"},
            "Invalid value for --dataset: expected a directory of pictures, ",
        ),
        ({"dataset": "empty/"}, "which holds no visible files."),
        ({"batch_size": 100}, "lower --batch_size to 24 or less."),
        ({"channels": 2}, "--channels=2: expected 1, 3 or 4."),
        (
            {"image": "left"},
            "Invalid value for --image: it is for data sets of TFDS; expected None",
        ),
        ({"dataset": "ring", "channels": 3}, "Invalid value for --channels: it is for images;"),
        ({"dataset": "digits", "unreadable": "skip"}, "for --unreadable: it is for a directory of"),
        ({"network": "dcgan", "image_size": 2}, "Resize the images (--image_size)."),
        (
            {"dataset": "pictures/train/cat", "conditional": True},
            "for --conditional: expected False",
        ),
        ({"dataset": "damaged"}, "or give --unreadable=skip to go on without them."),
    ],
)
def test_mistakes_are_one_sentence_that_names_the_flag(
    options, said, pictures, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    shutil.copytree(pictures, tmp_path / "damaged")
    (tmp_path / "damaged" / "train" / "cat" / "000.png").write_bytes(b"?")
    of_tfds = str(tmp_path) if options.get("dataset") == "digits" else None
    with pytest.raises((ValueError, OSError)) as error:
        train(config(**{"dataset": "pictures", **options}), tmp_path / "run", of_tfds)
    sentence = _as_flags(str(error.value), ARGUMENTS)
    assert said in sentence
    assert "\n" not in sentence
    assert not (tmp_path / "run" / "config.json").exists()


def test_the_program_says_it_without_a_traceback(tmp_path):
    (tmp_path / "pictures").mkdir()
    done = program(tmp_path, "--dataset=pictures", "--run_dir=run")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "kgan-train: Invalid value for --dataset: expected a directory of" in done.stderr


@pytest.mark.slow
def test_classes_reach_the_record_the_grids_and_the_evaluation(pictures, tmp_path):
    picture_files.write(pictures / "test" / "dog" / "1.png", picture_files.noise(1))
    picture_files.write(pictures / "test" / "cat" / "1.png", picture_files.noise(2))
    for conditional in (False, True):
        run = tmp_path / f"run{conditional}"
        train(config(dataset=str(pictures), conditional=conditional), run)
        data = recorded(run)["data"]
        assert data.get("class_names") == (["cat", "dog"] if conditional else None)
        assert data["num_classes"] == (2 if conditional else None)
    wide = [
        matplotlib.image.imread(tmp_path / f"run{c}" / "samples" / "step_00000004.png").shape[1]
        for c in (False, True)
    ]
    assert wide[1] > 32 * 60, "two rows of 32 samples and the names before them"
    run = RunDirectory(tmp_path / "runTrue")
    real = read(run, run.read_config(), None)
    assert (real.held_out, len(real.training), len(real.test)) == (True, 24, 2)
    images, labels = labelled(real, "test", None)
    np.testing.assert_array_equal(labels, [0, 1])
    np.testing.assert_allclose(images[0] * 255, picture_files.noise(2), atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("limit", [2**30, 0], ids=["in memory", "streamed"])
def test_a_run_resumes_bit_for_bit(limit, pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(loaders, "_MEMORY_BYTES", limit)
    options = {"dataset": str(pictures), "mirror": True, "checkpoint_every": 2, "conditional": True}
    train(config(**options, steps=8), tmp_path / "whole")
    train(config(**options, steps=5), tmp_path / "parts")
    train(config(**options, steps=8), tmp_path / "parts")
    whole, parts = (
        Checkpoints(tmp_path / run / "checkpoints").newest()[1] for run in ("whole", "parts")
    )
    assert whole.keys() == parts.keys()
    for name in whole:
        np.testing.assert_array_equal(whole[name], parts[name], err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("limit", [2**30, 0], ids=["in memory", "streamed"])
def test_changed_pictures_and_a_folder_that_is_gone_are_noticed(
    limit, pictures, tmp_path, monkeypatch
):
    monkeypatch.setattr(loaders, "_MEMORY_BYTES", limit)
    run, first = tmp_path / "run", pictures / "train" / "cat" / "000.png"
    train(config(dataset=str(pictures)), run)
    longer = config(dataset=str(pictures), steps=8)
    with pytest.raises(ValueError, match="another configuration: mirror None -> True"):
        train(config(dataset=str(pictures), mirror=True), run)
    content = first.read_bytes()
    picture_files.write(first, picture_files.noise(99))
    with pytest.raises(ValueError, match="The data are not those that the run"):
        train(longer, run)
    first.write_bytes(content)
    shutil.move(pictures, tmp_path / "moved")
    with pytest.raises(FileNotFoundError, match=r"does not exist .*Put it back, or name another\."):
        train(longer, run)
    shutil.move(tmp_path / "moved", pictures)
    train(longer, run)
    assert recorded(run)["options"]["steps"] == 8


def test_skipped_pictures_are_counted_and_evaluated_without(pictures, tmp_path, capsys):
    (pictures / "train" / "cat" / "000.png").write_bytes(b"?")
    run = tmp_path / "run"
    train(config(dataset=str(pictures), unreadable="skip", conditional=True), run)
    assert f"Skipped:   1 unreadable pictures of {pictures}" in capsys.readouterr().out
    assert recorded(run)["data"]["skipped"] == 1
    real = read(RunDirectory(run), recorded(run), None)
    assert len(real.training) == 23
    assert len(labelled(real, "training", None)[1]) == 23


@pytest.mark.slow
def test_runs_of_earlier_versions_go_on(tmp_path):
    """They know no options of pictures and no names of classes."""
    run = tmp_path / "run"
    train(config(dataset="digits", conditional=True, image_size=4), run, tmp_path)
    known = recorded(run)
    assert known["options"]["image_size"] == 4
    assert "class_names" not in known["data"], "which are numbers, and say nothing"
    for name in ("channels", "resize", "background", "mirror", "unreadable"):
        assert known["options"].pop(name) is None
    (run / "config.json").write_text(json.dumps(known))
    train(config(dataset="digits", conditional=True, image_size=4, steps=8), run, tmp_path)


@pytest.mark.parametrize("channels", [1, 4])
def test_grey_and_transparent_samples_are_drawn(channels, pictures, tmp_path):
    train(config(dataset=str(pictures), channels=channels, sample_every=2), tmp_path / "run")
    assert recorded(tmp_path / "run")["data"]["image_shape"] == [8, 8, channels]
    assert len(list((tmp_path / "run" / "samples").iterdir())) == 2
