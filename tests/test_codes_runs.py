"""Runs of InfoGAN and AC-GAN: flags, resume, evaluation, walks and exports."""

import json
import shutil
import types

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

import kgan
from export.program import export
from kgan.artifacts import RunDirectory
from train.choices import parse_codes
from train.config import Config, resolve
from train.evaluation import codes as code_metrics
from train.evaluation.options import Options as Evaluation
from train.evaluation.run import evaluate
from train.game import untrained_gan
from train.run import train
from train.sampling.options import Options
from train.sampling.run import sample

SMALL = {"dataset": "digits", "width": 4, "batch_size": 16, "steps": 2, "latent_dim": 8}
INFOGAN = {
    **SMALL,
    "variant": "infogan",
    "codes": "4,c,2",
    "categorical_augmentation": True,
}
ACGAN = {**SMALL, "variant": "acgan", "conditional": True}


@pytest.fixture(scope="module")
def runs(data_dir, tmp_path_factory):
    paths = {}
    for name, options in (("infogan", INFOGAN), ("acgan", ACGAN)):
        paths[name] = tmp_path_factory.mktemp("runs") / name
        train(Config(**options, checkpoint_every=1), paths[name], data_dir)
    return paths


@pytest.mark.slow
@pytest.mark.parametrize("name", ["infogan", "acgan"])
def test_a_stopped_run_goes_on_bit_for_bit(name, runs, data_dir, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(runs[name], run)
    (run / "checkpoints" / "step_00000002.npz").unlink()
    for network in ("generator", "discriminator"):
        (run / f"{network}.keras").unlink()
    options = INFOGAN if name == "infogan" else ACGAN
    train(Config(**options, checkpoint_every=1), run, data_dir)
    one, other = (kgan.load_run(path) for path in (runs[name], run))
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_codes_become_the_prior_and_the_head():
    assert parse_codes("10,c,c") == ((10,), 2)
    assert parse_codes("4,c,2") == ((4, 2), 1)
    gan = untrained_gan(resolve("mnist_infogan", {"width": 2}), (28, 28, 1), None)
    assert (gan.prior.dim, gan.prior.noise.dim, gan.prior.sizes) == (74, 62, (10, 1, 1))
    assert (gan.information_weight, gan.discriminator.num_outputs) == (1.0, 12)
    assert type(gan.categorical_augmentation) is kgan.augmentation.RandomAffine
    given = {"width": 2, "information_weight": 0.25, "prior": "normal"}
    given["categorical_augmentation"] = False
    gan = untrained_gan(resolve("mnist_infogan", given), (28, 28, 1), None)
    assert gan.information_weight == 0.25
    assert gan.categorical_augmentation is None
    assert type(gan.prior.noise) is kgan.priors.Normal
    gan = untrained_gan(resolve("mnist_acgan", {"class_weight": 2}), (28, 28, 1), 10)
    assert (gan.class_weight, gan.generator.num_classes) == (2, 10)
    assert gan.discriminator.discriminator.num_classes is None


@pytest.mark.slow
def test_the_evaluation_has_the_errors_of_each_code(runs, data_dir):
    asked = {"metrics": ("modes",), "num_samples": 100, "data_dir": data_dir}
    figures = evaluate(Evaluation(run_dir=str(runs["infogan"]), **asked))["figures"]
    game = kgan.load_run(runs["infogan"])
    options = {"shuffle": False, "data_dir": data_dir}
    (batch,) = kgan.data.load("digits", "test", batch_size=360, **options)
    labels, read = kgan.data.labels("digits", "test", data_dir), game.codes(batch.numpy())
    for name, part in (("", slice(0, 4)), ("_2", slice(4, 6))):
        found = figures[f"code_error{name}"]
        size = part.stop - part.start
        expected = kgan.metrics.match_codes(read[:, part].argmax(1), labels, size, 10)
        assert found["value"] == pytest.approx(expected.error, abs=1e-9)
        assert found["class_of_code"] == expected.classes.tolist()
        assert 0 <= figures[f"code_error_of_samples{name}"]["value"] <= 1
    figures = evaluate(Evaluation(run_dir=str(runs["acgan"]), **asked))["figures"]
    assert "asked_class" in figures
    assert not any(name.startswith("code_error") for name in figures)


@pytest.mark.slow
def test_samples_that_show_their_code_have_no_error(runs, monkeypatch):
    """A classifier that sees the code in each sample, and then one that sees nothing."""
    run = RunDirectory(runs["infogan"])
    generator = kgan.inference.load(run.path)
    codes = generator.prior.sample(50, 3).numpy()[:, generator.prior.noise.dim :]
    shown = codes[:, :4].argmax(1)
    test = np.tile(np.eye(8, dtype=np.float32)[:, :, None], (20, 1, 1, 1)), np.arange(20) % 10
    monkeypatch.setattr(code_metrics, "labelled", lambda *_: test)
    for seen, error in ((shown, 0.0), (0 * shown, 1 - np.bincount(shown).max() / 50)):
        classifier = types.SimpleNamespace(num_classes=10, name="c", fingerprint="f")
        classifier.labels = lambda images, seen=seen: seen
        context = types.SimpleNamespace(
            generator=generator,
            classes=types.SimpleNamespace(classifier=classifier),
            real=types.SimpleNamespace(description=types.SimpleNamespace(stacked=None)),
            samples=np.zeros(50),
            seed=3,
        )
        found = code_metrics.code_errors(context, run, None, None)
        values = {result.name: result.value for result in found}
        assert values["code_error_of_samples"] == pytest.approx(error, abs=1e-12)
    context.classes = None
    assert code_metrics.code_errors(context, run, None, None) == []


@pytest.mark.slow
def test_a_picture_walks_along_the_codes(runs, tmp_path):
    run = str(runs["infogan"])
    sample(Options(output=f"{tmp_path}/walk.png", run_dir=run, walk=True, count=30, seed=5))
    generator = kgan.inference.load(run)
    images = generator(generator.prior.walks(30, 5).reshape(30, -1))
    kgan.plots.write_png(tmp_path / "expected.png", kgan.plots.grid(images, (0.0, 1.0), 10))
    expected = (tmp_path / "expected.png").read_bytes()
    assert (tmp_path / "walk.png").read_bytes() == expected
    with pytest.raises(
        ValueError, match=r"--walk: expected a generator of latents with codes.*Uni"
    ):
        sample(Options(output=f"{tmp_path}/no.png", run_dir=str(runs["acgan"]), walk=True))
    with pytest.raises(ValueError, match=r"--walk: expected --output=FILE.png"):
        Options(output=f"{tmp_path}/no.gif", run_dir=run, walk=True)


@pytest.mark.slow
def test_exports_sample_the_prior_with_codes(runs, tmp_path):
    export(runs["infogan"], tmp_path, ["saved_model", "tflite"])
    game = kgan.load_run(runs["infogan"])
    model = tf.saved_model.load(str(tmp_path / "saved_model" / "1"))
    made = model.signatures["sample"](count=tf.constant(4), seed=tf.constant([3, 0]))["images"]
    np.testing.assert_allclose(made, (game.sample(4, 3) + 1) / 2, atol=1e-5)
    path = tmp_path / "tflite" / "generator_float32.tflite"
    runner = Interpreter(str(path)).get_signature_runner("sample")
    made = runner(count=np.int32(4), seed=np.array([3, 0], np.int32))["images"]
    assert made.shape == (4, 8, 8, 1)
    loaded = kgan.inference.load(path)
    assert loaded.prior.get_config() == game.prior.get_config()
    record = json.loads((runs["infogan"] / "config.json").read_text())
    assert record["options"]["codes"] == "4,c,2"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({**INFOGAN, "codes": None}, r"--variant=infogan: expected --codes beside it"),
        ({**INFOGAN, "latent_dim": 7}, r"--latent_dim=7: expected more than the 7 .*--codes=4,c,2"),
        (
            {**INFOGAN, "conditional": True},
            r"--conditional: expected none beside --variant=infogan",
        ),
        (
            {**INFOGAN, "codes": "c,c", "categorical_augmentation": True},
            r"--categorical_augmentation: expected a categorical code in --codes, .*--codes=c,c",
        ),
        (
            {**ACGAN, "categorical_augmentation": True},
            r"--categorical_augmentation=True: --variant=acgan has no such",
        ),
        ({**INFOGAN, "packing": 2}, r"--packing=2: expected 1 for --variant=infogan"),
        ({**INFOGAN, "variant": None}, r"--codes=4,c,2: .*infogan has it"),
        ({**INFOGAN, "class_weight": 2.0}, r"--class_weight=2\.0: --variant=infogan has no such"),
        ({**ACGAN, "conditional": False}, r"--variant=acgan: expected --conditional beside it"),
        ({**ACGAN, "network": "unet"}, r"--variant=acgan: --network=unet has no such option"),
        ({**ACGAN, "packing": 2}, r"--packing=2: expected 1 for --variant=acgan"),
        ({**ACGAN, "class_weight": -1.0}, r"--class_weight=-1\.0: expected a number of at least 0"),
        ({**SMALL, "variant": "pix2pix"}, r"--variant=pix2pix: --network=mlp has no such option"),
    ],
)
def test_flags_that_do_not_fit_are_refused(options, said):
    with pytest.raises(ValueError, match=said):
        Config(**options)
