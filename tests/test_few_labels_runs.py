"""Semi-supervised runs: which labels they use, resuming, the class error, and the exports."""

import json

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

import kgan
from export.program import export
from kgan import data
from train.config import Config, resolve
from train.evaluation.options import Options
from train.evaluation.run import evaluate
from train.game import make_gan
from train.labelled import load_labelled
from train.run import load_images, train

SMALL = {
    **{"variant": "semi_supervised", "dataset": "digits", "network": "weight_norm"},
    **{"width": 16, "latent_dim": 3, "batch_size": 16, "steps": 4, "checkpoint_every": 2},
    **{"value_range": "0,1", "ema_decay": 0.9, "labels_per_class": 2, "label_seed": 1},
}


@pytest.fixture(scope="module")
def run(data_dir, tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "run"
    train(Config(**SMALL), path, data_dir)
    return path


@pytest.mark.slow
def test_labels_are_drawn_by_their_seed_class_by_class(data_dir):
    few = load_labelled(Config(**SMALL), data_dir)
    assert few.classes == 10
    np.testing.assert_array_equal(few.labels, np.repeat(np.arange(10), 2))
    again = load_labelled(Config(**{**SMALL, "seed": 5}), data_dir)
    np.testing.assert_array_equal(again.images, few.images)
    other = load_labelled(Config(**{**SMALL, "label_seed": 2}), data_dir)
    assert (other.images != few.images).any()
    # They are images of the split whose labels these are, in the value range of the run.
    batches = data.load("digits", "train", 1, shuffle=False, value_range=(0, 1), data_dir=data_dir)
    images = np.concatenate(list(batches.as_numpy_iterator()))
    labels = data.labels("digits", "train", data_dir)
    for image, label in zip(few.images, few.labels, strict=True):
        assert label in labels[(images == image).all((1, 2, 3))]
    # More labels of the same draw are these and others.
    more = load_labelled(Config(**{**SMALL, "labels_per_class": 3}), data_dir)
    np.testing.assert_array_equal(
        more.images.reshape(10, 3, 8, 8, 1)[:, :2].reshape(20, 8, 8, 1), few.images
    )
    assert load_labelled(resolve("digits_mlp", {}), data_dir) is None


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"labels_per_class": 2000}, r"--labels_per_class=2000: expected at most \d+, the number"),
        (
            {"split": "train[:16]"},
            r"--labels_per_class=2: expected at most 0.* A class without any",
        ),
        (
            {"dataset": "ring", "value_range": None},
            r"expected a --dataset with class labels, received --dataset=ring",
        ),
    ],
)
def test_data_without_enough_labels_are_refused(options, sentence, data_dir, tmp_path):
    with pytest.raises(ValueError, match=sentence):
        train(Config(**{**SMALL, **options}), tmp_path / "run", data_dir)
    assert not (tmp_path / "run" / "config.json").exists()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"labels_per_class": 0}, r"--labels_per_class=0: expected a positive integer"),
        ({"label_seed": -1}, r"--label_seed=-1: expected an integer of at least 0"),
        ({"variant": None}, r"--labels_per_class=2: --variant=None has no such option; semi_sup"),
        ({"conditional": True}, r"--conditional: expected none beside --variant=semi_supervised"),
        ({"condition": "edges", "network": "resnet"}, r"--condition=edges: expected none beside"),
        ({"network": "unet"}, r"--variant=semi_supervised: --network=unet has no such option"),
        ({"packing": 2}, r"--packing=2: expected 1 for --variant=semi_supervised"),
        (
            {"consistency_weight": 0.5},
            r"--consistency_weight=0.5: expected --labelled_augmentation beside it",
        ),
        ({"consistency_weight": -1.0}, r"--consistency_weight=-1.0: expected"),
        (
            {
                "variant": None,
                "labels_per_class": None,
                "label_seed": None,
                "feature_matching": True,
            },
            r"--feature_matching=True: --variant=None has no such option",
        ),
        (
            {"variant": "pix2pix", "labels_per_class": None, "label_seed": None},
            r"--variant=pix2pix: --network=weight_norm has no such option; unet, resnet",
        ),
    ],
)
def test_flags_that_do_not_fit_are_refused(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        Config(**{**SMALL, **options})
    assert Config(**SMALL, label="label").label  # which other games need --conditional for


def test_flags_reach_the_game(data_dir):
    """The networks of the published code, at their widths: 1000, 500, 250, 250, 250."""
    given = {
        "width": 1000,
        "feature_matching": False,
        "labelled_augmentation": True,
        "consistency_weight": 0.5,
    }
    config = resolve("digits_semi_supervised", given)
    images, _ = load_images(config, data_dir)
    few = load_labelled(config, data_dir)
    assert len(few.labels) == 100
    gan = make_gan(config, images, None, few)
    assert (gan.feature_matching, gan.labelled_batch_size, gan.ema_decay) == (False, 100, 0.999)
    assert type(gan.labelled_augmentation) is kgan.augmentation.RandomAffine
    assert gan.consistency_weight == 0.5
    discriminator, generator = gan.discriminator, gan.generator
    assert discriminator.units == (1000, 500, 250, 250, 250)
    assert (discriminator.classes, discriminator.weight_normalization) == (10, True)
    assert (discriminator.input_noise, discriminator.hidden_noise) == (0.3, 0.5)
    assert (generator.units, generator.batch_normalization) == ((500, 500), True)
    assert generator.output_weight_normalization
    assert generator.kernel_initializer == "glorot_uniform"
    assert gan.generator_optimizer.epsilon == gan.discriminator_optimizer.epsilon == 1e-4
    assert generator.value_range == (0.0, 1.0)
    # Weight normalization starts where data with noise give units of mean 0 and variance 1.
    x = next(iter(images.as_numpy_iterator())).reshape(100, -1)
    x = x + 0.3 * np.random.default_rng(0).normal(size=x.shape).astype("float32")
    weights = discriminator.hidden[0].get_weights()
    kernel, bias, scale = (
        next(
            w
            for w, v in zip(weights, discriminator.hidden[0].weights, strict=True)
            if v.name == name
        )
        for name in ("kernel", "bias", "scale")
    )
    outputs = x @ (kernel * scale / np.linalg.norm(kernel, axis=0)) + bias
    assert np.abs(outputs.mean(0)).mean() < 0.2
    assert outputs.std(0).mean() == pytest.approx(1, abs=0.1)
    preset = resolve("mnist_semi_supervised", {})
    assert (preset.labelled_augmentation, preset.consistency_weight) == (True, 1.0)
    assert (preset.epochs, preset.labels_per_class, preset.ema_decay) == (25, None, 0.9999)
    of_the_paper = {"labelled_augmentation": False, "consistency_weight": 0.0}
    gan = make_gan(resolve("digits_semi_supervised", of_the_paper), images, None, few)
    assert (gan.labelled_augmentation, gan.consistency_weight) == (None, 0.0)


@pytest.mark.slow
def test_a_run_resumes_with_its_labels(run, data_dir, tmp_path):
    """Stopped after two steps, a run ends with the same bits as one that was not."""
    train(Config(**{**SMALL, "steps": 2}), tmp_path, data_dir)
    train(Config(**SMALL), tmp_path, data_dir)
    ends = [kgan.load_run(path).get_weights() for path in (run, tmp_path)]
    for one, other in zip(*ends, strict=True):
        np.testing.assert_array_equal(one, other)
    assert json.loads((run / "config.json").read_text())["classes"] == 10
    with pytest.raises(ValueError, match="label_seed"):
        train(Config(**{**SMALL, "label_seed": 3}), tmp_path, data_dir)


@pytest.mark.slow
def test_an_evaluation_counts_wrong_classes(run, data_dir):
    options = {"metrics": ("frechet",), "num_samples": 20, "features": "pixels"}
    record = evaluate(Options(run_dir=str(run), data_dir=data_dir, **options))
    found = record["figures"]["class_error"]
    batches = data.load("digits", "test", 1, shuffle=False, value_range=(0, 1), data_dir=data_dir)
    images = np.concatenate(list(batches.as_numpy_iterator()))
    labels = data.labels("digits", "test", data_dir)
    wrong = (kgan.load_run(run).classify(images).argmax(-1) != labels).mean()
    assert found["value"] == pytest.approx(wrong, abs=1e-9)
    assert found["reals"] == len(labels)
    at_two = evaluate(Options(run_dir=str(run), data_dir=data_dir, step=2, **options))
    wrong = (kgan.load_run(run, step=2).classify(images).argmax(-1) != labels).mean()
    assert at_two["figures"]["class_error"]["value"] == pytest.approx(wrong, abs=1e-9)


@pytest.mark.slow
def test_an_export_has_the_classifier_beside_the_generator(run, tmp_path, capsys):
    made = export(run, tmp_path / "out")
    assert set(made) == {"saved_model", "tflite_float32", "classify", "tflite_classifier"}
    assert "tflite/classifier_float32.tflite" in capsys.readouterr().out
    report = json.loads((tmp_path / "out" / "parity.json").read_text())
    assert report["formats"]["classify"]["max_absolute_error"] < 1e-6
    images = np.random.default_rng(0).uniform(0, 1, (3, 8, 8, 1)).astype("float32")
    expected = kgan.load_run(run).classify(images)
    model = tf.saved_model.load(str(tmp_path / "out" / "saved_model" / "1"))
    found = model.signatures["classify"](images=tf.constant(images))["probabilities"]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    path = tmp_path / "out" / "tflite" / "classifier_float32.tflite"
    lite = Interpreter(model_path=str(path)).get_signature_runner("serving_default")
    np.testing.assert_allclose(lite(images=images)["probabilities"], expected, atol=1e-5)
    again = export(run, tmp_path / "lite", formats=["tflite"], step=2)
    assert set(again) == {"tflite_float32", "tflite_classifier"}
