"""Runs of CycleGAN: flags, what they record, and both directions out of one directory."""

import dataclasses
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import kgan
from export import program
from export.parity import ParityError
from export.program import export
from kgan.variants.both_ways import DIRECTIONS
from train.auto import automatic
from train.config import Config, resolve
from train.evaluation.options import Options as EvaluationOptions
from train.evaluation.run import evaluate
from train.game import untrained_gan
from train.run import train
from train.sampling.options import DIRECTIONS as KNOWN
from train.sampling.options import Options
from train.sampling.run import sample

HALVES = {"split": "train[:50%]", "split_y": "train[50%:]"}
SMALL = {
    **{"variant": "cyclegan", "dataset": "digits", "network": "unet", "latent_dim": 0},
    **{"width": 2, "batch_size": 16, "steps": 4, "pool_size": 4, **HALVES},
}


@pytest.fixture(scope="module")
def run(data_dir, tmp_path_factory):
    """A finished run from digits to the outlines of other digits and back."""
    path = tmp_path_factory.mktemp("runs") / "run"
    train(Config(**SMALL, condition="edges", checkpoint_every=2), path, data_dir)
    return path


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).uniform(0, 1, (3, 8, 8, 1)).astype("float32")


@pytest.mark.slow
def test_a_run_resumes_with_its_pools(run, data_dir, tmp_path):
    """Stopped after two steps, a run ends with the same bits as one that was not."""
    config = Config(**SMALL, condition="edges", checkpoint_every=2)
    train(
        Config(**{**SMALL, "steps": 2}, condition="edges", checkpoint_every=2), tmp_path, data_dir
    )
    train(config, tmp_path, data_dir)
    ends = [kgan.load_run(path).get_weights() for path in (run, tmp_path)]
    for one, other in zip(*ends, strict=True):
        np.testing.assert_array_equal(one, other)
    record = json.loads((run / "config.json").read_text())
    assert record["directions"] == list(DIRECTIONS)
    assert record["data"]["condition_shape"] == [8, 8, 2]
    assert record["data"]["fingerprint_x"] != record["data"]["fingerprint_y"]
    assert type(kgan.load_run(run)) is kgan.variants.CycleGAN
    picture = tf.io.decode_png((run / "samples" / "step_00000004.png").read_bytes())
    assert picture.shape[1] % 4 == 0  # x, G(x), y and F(y) beside each other


@pytest.mark.slow
def test_both_directions_are_read_exported_and_sampled(run, images, tmp_path):
    gan = kgan.load_run(run)
    made = export(run, tmp_path / "model", formats=("saved_model", "tflite"))
    assert set(made) == {
        f"{direction}/{name}"
        for direction in DIRECTIONS
        for name in ("saved_model", "tflite_float32")
    }
    outlines = kgan.conditions.Edges()(images).numpy()
    for direction, given in zip(DIRECTIONS, (images, outlines), strict=True):
        expected = gan.translator(direction).sample(3, condition=2 * given - 1)
        expected = (expected + 1) / 2
        read = kgan.inference.load(run, direction=direction)
        np.testing.assert_allclose(read.translate(given, made=True), expected, atol=1e-5)
        # The condition makes outlines of images, and none of outlines are made to start from.
        assert (read.condition is None) == (direction == "x_to_y")
        np.testing.assert_allclose(read.translate(images), expected, atol=1e-5)
        folder = tmp_path / "model" / direction
        for path in (folder / "saved_model" / "1", folder / "tflite" / "generator_float32.tflite"):
            found = kgan.inference.load(path).translate(images)
            np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.slow
def test_both_directions_are_exported_or_none(run, tmp_path, monkeypatch):
    """One was there, under its number, when the other failed."""
    other = tmp_path / "y_to_x" / "saved_model"
    (other / "2").mkdir(parents=True)
    expected = r"Version 2 exists in .*y_to_x/saved_model .*, or leave --version out for 3\.$"
    with pytest.raises(FileExistsError, match=expected):
        export(run, tmp_path, ["saved_model"], version=2)
    assert not (tmp_path / "x_to_y").exists()
    (other.parent / "tflite").write_text("in the way")
    with pytest.raises(NotADirectoryError, match="y_to_x/tflite is no directory"):
        export(run, tmp_path, ["tflite"])
    assert not (tmp_path / "x_to_y").exists()

    write = program.report.write

    def failing(generator, reference, comparisons, images, stage):
        if stage.parent.name == "y_to_x":
            for name, made in comparisons.items():
                comparisons[name] = dataclasses.replace(made, limit=-1.0)
        write(generator, reference, comparisons, images, stage)

    with monkeypatch.context() as patched:
        patched.setattr(program.report, "write", failing)
        expected = r"^Parity failed for y_to_x/saved_model: .*; \S*/y_to_x/parity\.json has the"
        with pytest.raises(ParityError, match=expected):
            export(run, tmp_path, ["saved_model"])
    assert not (tmp_path / "x_to_y").exists()
    assert sorted(path.name for path in other.iterdir()) == ["2"]
    assert (tmp_path / "y_to_x" / "parity.md").exists()

    export(run, tmp_path, ["saved_model"])
    assert [path.name for path in (tmp_path / "x_to_y" / "saved_model").iterdir()] == ["3"]
    assert sorted(path.name for path in other.iterdir()) == ["2", "3"]


@pytest.mark.slow
def test_pictures_are_translated_in_a_direction(run, images, tmp_path):
    given = tmp_path / "given"
    given.mkdir()
    for i, image in enumerate(images):
        pixels = tf.io.encode_png(tf.cast(image * 255, tf.uint8))
        (given / f"{i}.png").write_bytes(pixels.numpy())
    options = {"input": str(given), "run_dir": str(run)}
    for direction in DIRECTIONS:
        sample(Options(output=str(tmp_path / f"{direction}.png"), direction=direction, **options))
        assert (tmp_path / f"{direction}.png").stat().st_size > 0
    with pytest.raises(ValueError, match="--direction=None: expected one of x_to_y, y_to_x, as"):
        sample(Options(output=str(tmp_path / "a.png"), **options))
    with pytest.raises(ValueError, match=r"--direction=x_to_y: expected --run_dir beside it"):
        sample(Options(output=str(tmp_path / "a.png"), model="a.keras", direction="x_to_y"))
    with pytest.raises(ValueError, match=r"`direction`: expected one of 'x_to_y', 'y_to_x', as"):
        kgan.inference.load(run)
    assert KNOWN == DIRECTIONS


@pytest.mark.slow
def test_hidden_pairs_are_compared_where_they_are_known(run, data_dir, tmp_path):
    """Outlines of the test digits to digits: the truth is known here, and was not in training."""
    options = {"metrics": ("frechet",), "num_samples": 20, "features": "pixels"}
    record = evaluate(EvaluationOptions(run_dir=str(run), data_dir=data_dir, **options))
    assert record["figures"]["pairs_l1"]["value"] > 0
    config = json.loads((run / "config.json").read_text())
    del config["condition"]  # of two domains of which nothing is known
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match=r"trained without pairs, and no true translations"):
        evaluate(EvaluationOptions(run_dir=str(tmp_path), data_dir=data_dir, **options))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({}, r"--variant=cyclegan: expected --dataset_y=NAME or DIR.* received neither"),
        ({"condition": "edges", "latent_dim": 3}, r"--latent_dim=3: expected 0 for --variant"),
        ({"condition": "edges", "packing": 2}, r"--packing=2: expected 1 for --variant=cyclegan"),
        ({"condition": "edges", "conditional": True}, "--conditional: expected none beside"),
        ({"condition": "edges", "network": "mlp"}, "--variant=cyclegan: --network=mlp has no"),
        (
            {"condition": "edges", "l1_weight": 1.0},
            "--l1_weight=1.0: .*pix2pix, any_cond",
        ),
        (
            {"variant": "pix2pix", "condition": "edges", **dict.fromkeys(HALVES), "pool_size": 3},
            r"--pool_size=3: --variant=pix2pix has no such option; cyclegan has it",
        ),
    ],
)
def test_flags_that_do_not_fit_are_refused(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        Config(**{**SMALL, **options})


def test_flags_reach_the_game():
    given = {"cycle_weight": 3.0, "identity_weight": 0.0, "pool_size": 7, "weight_clip": 0.1}
    config = resolve("digits_cyclegan", {**given, "width": 2, "precision": "mixed_bfloat16"})
    gan = untrained_gan(config, (28, 28, 1), None, (28, 28, 1))
    assert (gan.cycle_weight, gan.identity_weight, gan.pool_size) == (3.0, 0.0, 7)
    assert gan.dtype_policy.name == gan.generator_xy.dtype_policy.name == "mixed_bfloat16"
    assert isinstance(
        gan.discriminator.discriminator_x.weight_constraint, kgan.constraints.WeightClip
    )
    assert not gan.generator_xy.residual
    preset = untrained_gan(resolve("digits_cyclegan", {"width": 2}), (8, 8, 1), None, (8, 8, 1))
    assert (preset.cycle_weight, preset.identity_weight, preset.pool_size) == (2.0, 0.0, 50)
    chosen = resolve(None, {"variant": "cyclegan", "dataset_y": "digits"})
    assert (chosen.network, chosen.latent_dim) == ("unet", 0)
    residual = resolve("digits_cyclegan", {"width": 2, "network": "resnet"})
    gan = untrained_gan(residual, (8, 8, 1), None, (8, 8, 1))
    for network in (gan.generator_xy, gan.generator_yx):
        assert isinstance(network, kgan.networks.ResNetTranslator)
        assert network.filters == 2
    given = {"variant": "cyclegan", "dataset": "/cats", "dataset_y": "/dogs"}
    assert not automatic(None, given, resolve(None, given))  # a directory chooses no other game
    assert isinstance(preset, keras.Model)
