"""Data that users bring to the programs: which image, whose code, what is damaged."""

import io
import json
import os
import pathlib
import subprocess

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
import warm
from tfds_data import store

from kgan.artifacts import RunDirectory
from kgan.data import loaders, source
from train.config import Config
from train.evaluation import data
from train.run import train

ROOT = pathlib.Path(__file__).resolve().parent.parent
N = 64
F = tfds.features
PICTURE = F.Image(shape=(8, 8, 1))


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """A directory with `eyes`, whose examples have two images and two labels."""
    directory = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    features = {"left": PICTURE, "right": PICTURE}
    labels = {"coarse": F.ClassLabel(num_classes=2), "fine": F.ClassLabel(num_classes=7)}
    examples = [
        {
            "left": rng.integers(0, 100, (8, 8, 1), dtype=np.uint8),
            "right": rng.integers(100, 256, (8, 8, 1), dtype=np.uint8),
            "coarse": i % 2,
            "fine": i % 7,
        }
        for i in range(N)
    ]
    store(directory, "eyes", {**features, **labels}, examples)
    return str(directory)


def small(**options):
    return Config(
        **{"dataset": "eyes", "width": 8, "latent_dim": 4, "batch_size": 16, "steps": 4, **options}
    )


def recorded(run):
    return json.loads((run / "config.json").read_text())


@pytest.mark.slow
def test_the_image_and_the_label_are_recorded_and_may_not_change(data_dir, tmp_path):
    run = tmp_path / "run"
    train(small(image="right", conditional=True, label="fine"), run, data_dir)
    chosen = recorded(run)["data"]
    assert (chosen["image"], chosen["label"], chosen["num_classes"]) == ("right", "fine", 7)
    with pytest.raises(ValueError, match="another configuration: image 'right' -> 'left'"):
        train(small(image="left", conditional=True, label="fine"), run, data_dir)
    with pytest.raises(ValueError, match="another configuration: label 'fine' -> 'coarse'"):
        train(small(image="right", conditional=True, label="coarse"), run, data_dir)
    real = data.read(RunDirectory(run), recorded(run), data_dir)
    assert real.training.min() > 0.35, "evaluations see the right eye"
    assert (real.description.num_classes, real.label) == (7, "fine")


def test_several_images_are_refused_until_one_is_named(data_dir, tmp_path):
    with pytest.raises(ValueError, match=r"several images, .* one \(left, right\)"):
        train(small(), tmp_path / "run", data_dir)
    with pytest.raises(ValueError, match=r"several class labels, .* one \(coarse, fine\)"):
        train(small(image="left", conditional=True), tmp_path / "run", data_dir)
    with pytest.raises(ValueError, match=r"--label=fine: expected --conditional beside it"):
        small(image="left", label="fine")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_runs_of_earlier_versions_go_on(data_dir, tmp_path):
    """They know no names of features; where there was no choice, nothing has changed."""
    run = tmp_path / "run"
    train(small(dataset="digits"), run, data_dir)
    config = recorded(run)
    assert config["data"].pop("image") == "image"
    for name in ("image", "label"):
        assert config["options"].pop(name) is None
    (run / "config.json").write_text(json.dumps(config))
    train(small(dataset="digits", steps=8), run, data_dir)
    config["data"]["image"] = "thumbnail"
    config["options"]["steps"] = 8
    (run / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match="The data are not those that the run"):
        train(small(dataset="digits", steps=12), run, data_dir)


@pytest.mark.parametrize("network", ["mlp", "dcgan"])
def test_damaged_images_end_a_run_with_a_sentence(network, monkeypatch, tmp_path):
    """Of mlp the mean of the images is read before the training begins."""
    monkeypatch.setattr(loaders, "_MEMORY_BYTES", 0)
    monkeypatch.setattr(source, "_FIRST", 1)
    whole = tf.io.encode_jpeg(np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8))
    whole = whole.numpy()
    images = [{"image": io.BytesIO(whole[: 200 if i == 40 else None])} for i in range(N)]
    store(tmp_path, "cut", {"image": F.Image(shape=(8, 8, 3))}, images)
    with pytest.raises(
        OSError, match=r"decoded, in example 40 of cut-train\S* \(jpeg::Unc"
    ) as error:
        train(small(dataset="cut", network=network), tmp_path / "run", str(tmp_path))
    assert "node" not in str(error.value)
    assert not (tmp_path / "run" / "generator.keras").exists()


MY_SET = """
import numpy as np
import tensorflow_datasets as tfds

class MySet(tfds.core.GeneratorBasedBuilder):
    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        picture = tfds.features.Image(shape=(8, 8, 1))
        features = tfds.features.FeaturesDict({"left": picture, "right": picture})
        return tfds.core.DatasetInfo(builder=self, features=features)

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        for i in range(64):
            image = np.full((8, 8, 1), 4 * i, np.uint8)
            yield i, {"left": image, "right": 255 - image}
"""


def program(cwd, *arguments):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [*warm.python(), "-m", "train", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=cwd,
        env=environment,
    )


@pytest.mark.slow
def test_a_builder_of_the_user_trains_once_its_module_is_imported(tmp_path):
    (tmp_path / "my_package").mkdir()
    (tmp_path / "my_package" / "my_set.py").write_text(MY_SET)
    flags = ["--dataset=my_set", "--data_dir=data", "--run_dir=run", "--batch_size=16", "--steps=2"]
    flags += ["--import=my_package.my_set", "--width=8"]
    done = program(tmp_path, *flags)
    assert done.returncode == 1
    assert "kgan-train: Invalid value for --image: data set 'my_set' has several" in done.stderr
    assert done.stderr.rstrip().endswith("Give, for example, --image=left.")
    assert "Traceback" not in done.stderr
    done = program(tmp_path, *flags, "--image=right")
    assert done.returncode == 0, done.stderr
    assert recorded(tmp_path / "run")["data"]["image"] == "right"
