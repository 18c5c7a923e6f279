"""The evaluation program: generators whose faults are known are exposed by the table."""

import json
import math
import pathlib
import subprocess
import sys
import tempfile
import time

import keras
import matplotlib.image
import numpy as np
import pytest
import warm
from kgan_export.program import export
from PIL import Image

import kgan
from kgan import data, metrics
from kgan.artifacts import RunDirectory
from train.config import Config
from train.evaluation import data as evaluation_data
from train.evaluation import metrics as evaluation_metrics
from train.evaluation import pictures as evaluation_pictures
from train.evaluation.context import EvaluationContext
from train.evaluation.options import METRICS, Options
from train.evaluation.report import HEADS, MetricResult, table
from train.evaluation.run import FUNCTIONS, evaluate
from train.evaluation.samples import draw_samples, labels_like, open_generator
from train.run import train

SAMPLES = 360  # as many as `digits` has test images


@pytest.fixture(scope="session")
def digits(data_dir):
    """Images of the splits `train` and `test`, in [0, 1]."""
    return {
        split: next(
            iter(data.load("digits", split, n, 1, None, (0, 1), False, None, data_dir))
        ).numpy()
        for split, n in (("train", 1437), ("test", 360))
    }


def replaying(rows):
    """A generator that knows these images in [0, 1] or points by heart, and shows them evenly."""
    n, shape = len(rows), rows.shape[1:]
    latents = keras.Input((2,))
    place = keras.ops.floor((keras.ops.erf(latents[:, 0] / math.sqrt(2)) + 1) * (n / 2))
    memory = keras.layers.Embedding(n, math.prod(shape))
    x = memory(keras.ops.cast(keras.ops.clip(place, 0, n - 1), "int32"))
    model = keras.Model(latents, keras.layers.Reshape(shape)(x))
    memory.set_weights([(2 * rows - 1 if rows.ndim == 4 else rows).reshape(n, -1)])
    return model


def of_classes(images, labels, shift=0):
    """A conditional generator that shows the first 100 images of a class, or of one further on."""
    rows = np.concatenate([images[labels == (c + shift) % 10][:100] for c in range(10)])
    latents, asked = keras.Input((2,)), keras.Input((), dtype="int32")
    share = (keras.ops.erf(latents[:, 0] / math.sqrt(2)) + 1) / 2
    place = keras.ops.cast(keras.ops.clip(keras.ops.floor(share * 100), 0, 99), "int32")
    memory = keras.layers.Embedding(len(rows), 64)
    shown = keras.layers.Reshape((8, 8, 1))(memory(100 * asked + place))
    model = keras.Model([latents, asked], shown)
    memory.set_weights([(2 * rows - 1).reshape(len(rows), -1)])
    return model


def make_run(path, model, dataset="digits", data_dir=None, num_classes=None, **changes):
    """The directory of a finished run that left `model` as its generator."""
    labelled = num_classes is not None
    batches = data.load(dataset, "train", 1, data_dir=data_dir, with_labels=labelled)
    run = RunDirectory(path)
    record = {
        "split": "train",
        "fingerprint": batches.data_fingerprint,
        "image_shape": list(data.images_of(batches).element_spec.shape[1:]),
        "num_classes": num_classes,
    }
    prior = keras.saving.serialize_keras_object(kgan.priors.Normal(2))
    run.create(
        {"dataset": dataset, "image_size": None}, **{"prior": prior, "data": record, **changes}
    )
    model.save(run.generator)
    return str(path)


def options(run_dir, data_dir=None, **more):
    return Options(**{"run_dir": run_dir, "data_dir": data_dir, "num_samples": SAMPLES, **more})


@pytest.fixture(scope="session")
def runs(data_dir, digits, tmp_path_factory):
    """Run directories whose generators have one fault each, or none."""
    place = tmp_path_factory.mktemp("runs")
    shown = {
        "collapsed": digits["train"][:1],
        "memorising": digits["train"],
        "fresh": digits["test"],
    }
    return {
        name: make_run(place / name, replaying(images), data_dir=data_dir)
        for name, images in shown.items()
    }


@pytest.fixture(scope="session")
def records(runs, data_dir):
    """What `evaluate` says of each run, all metrics with the classifier's features."""
    return {name: evaluate(options(run, data_dir)) for name, run in runs.items()}


def figure(record, name):
    """The value of a figure and what real data get."""
    return record["figures"][name]["value"], record["figures"][name]["real"]


# What the table shows


@pytest.mark.slow
def test_every_metric_applies_to_digits(records):
    for record in records.values():
        assert record["left_out"] == {}
        assert len(record["figures"]) == 18
        for name, entry in record["figures"].items():
            assert entry["value"] is not None, name
            assert entry["real"] is not None or name == "path_length"


@pytest.mark.slow
def test_a_collapsed_generator_is_exposed(records):
    """It shows one training image."""
    record = records["collapsed"]
    value = {name: figure(record, name)[0] for name in record["figures"]}
    real = {name: figure(record, name)[1] for name in record["figures"]}
    assert value["recall"] == 0 < 0.8 < real["recall"]
    assert value["coverage"] < 0.1 < 0.9 < real["coverage"]
    assert value["modes_found"] == 1 < 10 == real["modes_found"]
    assert value["modes_kl"] == pytest.approx(math.log(10), abs=0.1)  # of about even classes
    assert real["modes_kl"] == 9 / (2 * SAMPLES)
    assert value["classifier_score"] == pytest.approx(1, abs=1e-6)
    assert real["classifier_score"] > 7
    assert value["frechet_distance"] > 20 * real["frechet_distance"]
    kernel = record["figures"]["kernel_distance"]
    assert kernel["value"] > 10 * kernel["error"]
    assert value["parzen_log_likelihood"] < real["parzen_log_likelihood"] - 30
    assert value["path_length"] == 0


@pytest.mark.slow
def test_a_memorising_generator_is_exposed_by_its_neighbours_alone(records):
    """It replays the training images, which have nearly the quality and variety of the test's.

    By classifiers of six seeds, precision was 0.15 to 0.17 below that of the test's own halves,
    recall 0.08 to 0.16; the standard errors are 0.03.
    """
    record = records["memorising"]
    for suffix in ("", "_in_features"):
        assert figure(record, f"neighbour_ratio{suffix}") == (pytest.approx(0, abs=1e-6), 1)
        assert figure(record, f"near_duplicate_rate{suffix}") == (1, 0.05)
        assert figure(record, f"neighbour_z{suffix}")[0] < -20
    for name, margin in (("precision", 0.25), ("recall", 0.25), ("coverage", 0.15)):
        value, real = figure(record, name)
        assert value > real - margin, name
    assert figure(record, "modes_found") == (10, 10)


@pytest.mark.slow
def test_fresh_images_are_not_accused(records):
    """A generator that shows held-out images: its neighbours are as far as theirs."""
    record = records["fresh"]
    for suffix in ("", "_in_features"):
        assert figure(record, f"neighbour_ratio{suffix}")[0] == pytest.approx(1, abs=0.1)
        assert figure(record, f"near_duplicate_rate{suffix}")[0] < 0.1
        assert abs(figure(record, f"neighbour_z{suffix}")[0]) < 3


@pytest.mark.slow
def test_figures_are_those_of_the_metrics(records, runs, digits, data_dir):
    """Parzen, Frechet and the score are computed again from their definition in the document."""
    run = RunDirectory(runs["fresh"])
    samples = draw_samples(open_generator(run, run.read_config()), SAMPLES, 0, (8, 8, 1))
    figures = records["fresh"]["figures"]
    train, test = (digits[split].reshape(-1, 64) for split in ("train", "test"))
    sixth = 1437 - 1437 // 6
    flat = samples.reshape(-1, 64)
    parzen = metrics.parzen_table(flat, train[:sixth], train[sixth:], test)
    assert figures["parzen_log_likelihood"]["value"] == parzen["samples"].mean
    assert figures["parzen_log_likelihood"]["real"] == parzen["training images"].mean
    assert figures["parzen_of_centroids"]["value"] == parzen["k-means centroids"].mean
    classifier = metrics.Classifier.load_or_train(
        f"{data_dir}/kgan",
        (digits["train"], data.labels("digits", "train", data_dir)),
        (digits["test"], data.labels("digits", "test", data_dir)),
    )
    order = np.random.default_rng(0).permutation(360)
    halves = classifier(digits["test"][order[:180]]), classifier(digits["test"][order[180:]])
    entry = figures["frechet_distance"]
    expected = [
        metrics.frechet_distance(halves[0], other)
        for other in (classifier(samples)[:180], halves[1])
    ]
    assert [entry["value"], entry["real"]] == pytest.approx(expected, rel=1e-5)
    assert (entry["samples"], entry["reals"]) == (180, 180)
    assert entry["features"] == f"classifier {classifier.fingerprint}"
    shares = np.bincount(classifier.labels(samples), minlength=10) / SAMPLES
    assert figures["modes_found"]["shares"] == pytest.approx(shares)
    of_data = np.bincount(data.labels("digits", "train", data_dir)) / 1437
    assert figures["modes_found"]["data_shares"] == pytest.approx(of_data)


def test_the_table_is_printed_and_recorded(runs, data_dir, capsys):
    record = evaluate(options(runs["memorising"], data_dir, metrics=("precision_recall", "modes")))
    printed = capsys.readouterr().out
    lines = {line.split()[0]: line.split() for line in printed.splitlines() if line}
    assert f"360 samples of {runs['memorising']}/generator.keras" in printed
    assert "digits: trained on train[0:1437], compared with test[0:360]" in printed
    assert lines["metric"][-3:] == ["num", "real", "features"]
    for name, entry in record["figures"].items():
        assert float(lines[name][1]) == pytest.approx(entry["value"], rel=1e-3)
        assert lines[name][-2:] == entry["features"].split()
    assert lines["precision"][1:6] == [
        *(f"{record['figures']['precision'][key]:.4g}" for key in ("value", "error", "real")),
        "180",
        "180",
    ]
    written = RunDirectory(runs["memorising"]).evaluation().read_text()
    assert json.loads(written, parse_constant=pytest.fail) == record
    assert f"Protocol {record['protocol']}" in printed
    assert set(record["figures"]) == {"precision", "recall", "modes_found", "modes_kl"}
    assert record["generator"]["kind"] == "keras"
    assert record["seed"] == 0
    assert record["versions"]["keras"] == keras.__version__
    assert record["data"]["parts"]["validation"] == {
        "split": "train",
        "start": 1198,
        "stop": 1437,
        "rows": 239,
    }


@pytest.mark.slow
def test_the_same_seed_gives_the_same_record_and_another_one_other_samples(runs, data_dir):
    some = {"metrics": ("kernel", "memorisation"), "features": "random"}
    first, again, other = (
        evaluate(options(runs["fresh"], data_dir, seed=seed, **some)) for seed in (0, 0, 1)
    )
    assert first == again
    assert first["protocol"] == other["protocol"]
    for name in first["figures"]:
        assert first["figures"][name]["value"] != other["figures"][name]["value"]


@pytest.mark.slow
def test_pictures_show_each_sample_beside_its_neighbour(runs, records, data_dir):
    run = RunDirectory(runs["memorising"])
    config = run.read_config()
    real = evaluation_data.read(run, config, data_dir)
    generator = open_generator(run, config)
    samples = draw_samples(generator, 50, 0, (8, 8, 1))
    context = EvaluationContext(real, generator, samples, 0, metrics.Pixels(), None)
    pairs = evaluation_pictures.neighbours(context).reshape(-1, 2, 8, 8, 1)
    np.testing.assert_allclose(pairs[:16, 0], samples[:16])
    np.testing.assert_allclose(pairs[:, 0], pairs[:, 1], atol=1e-6)  # of one that memorises
    for name, shape in (("neighbours", (244, 964, 4)), ("interpolation", (484, 664, 4))):
        assert matplotlib.image.imread(run.evaluation_picture(name)).shape == shape


@pytest.mark.slow
def test_exports_get_the_figures_of_the_run_in_files_of_their_own(runs, data_dir, tmp_path):
    run = RunDirectory(make_run(tmp_path / "run", small_mlp(), data_dir=data_dir))
    export(run.path, tmp_path / "out")
    some = {"metrics": ("frechet", "memorisation"), "features": "pixels"}
    ours = evaluate(options(run.path, data_dir, **some))
    for kind, path in (
        ("saved_model", "saved_model/1"),
        ("tflite", "tflite/generator_float32.tflite"),
    ):
        exported = str(tmp_path / "out" / path)
        record = evaluate(options(run.path, data_dir, generator=exported, **some))
        assert record["generator"]["kind"] == kind
        assert record["protocol"] == ours["protocol"]
        for name, entry in record["figures"].items():
            assert entry["value"] == pytest.approx(ours["figures"][name]["value"], rel=1e-3), name
        assert json.loads(run.evaluation(kind, "pixels").read_text()) == record
        assert run.evaluation_picture("neighbours", kind).exists()
    assert json.loads(run.evaluation(features="pixels").read_text()) == ours
    assert not run.evaluation().exists(), "that is the file of an evaluation without --features"


@pytest.mark.slow
def test_checkpoints_are_evaluated_in_files_of_their_own(data_dir, tmp_path):
    """Of a run that was stopped as of one that is finished: the figures of its samples."""
    config = Config(width=8, latent_dim=4, batch_size=64, steps=4, checkpoint_every=2)
    run = RunDirectory(tmp_path / "run")
    train(config, run.path, data_dir)
    some = {"metrics": ("frechet", "latent"), "features": "pixels"}
    end = evaluate(options(run.path, data_dir, **some))
    run.generator.unlink()  # as of a run that was stopped after its newest checkpoint
    newest = evaluate(options(run.path, data_dir, **some))
    assert newest["figures"] == end["figures"]
    assert newest["protocol"] == end["protocol"]
    assert newest["generator"]["path"].endswith("step_00000004.npz")
    before = evaluate(options(run.path, data_dir, step=2, **some))
    assert before["figures"] != end["figures"]
    for kind, record in (("keras", end), ("step_00000004", newest), ("step_00000002", before)):
        assert json.loads(run.evaluation(kind, "pixels").read_text()) == record
        assert run.evaluation_picture("interpolation", kind).exists()
    with pytest.raises(FileNotFoundError, match=r"`step=3`.*\(2, 4\)"):
        evaluate(options(run.path, data_dir, step=3))


def small_mlp(image_shape=(8, 8, 1), latent_dim=2, **more):
    model = kgan.networks.MLPGenerator(image_shape, latent_dim, units=(8,), **more)
    model.build((None, latent_dim))
    return model


# Other data


@pytest.mark.slow
def test_a_conditional_generator_is_asked_for_every_class(digits, data_dir, tmp_path):
    """One does as it is asked, one shows the next class: no other figure can tell them apart."""
    shares = {}
    for shift in (0, 1):
        model = of_classes(digits["train"], data.labels("digits", "train", data_dir), shift)
        run = make_run(tmp_path / str(shift), model, data_dir=data_dir, num_classes=10)
        record = evaluate(options(run, data_dir, metrics=("modes", "latent")))
        assert figure(record, "modes_found") == (10, 10)
        shares[shift], real = figure(record, "asked_class")
        assert real > 0.95
    assert shares[0] > 0.95  # of images that the classifier was trained on
    assert shares[1] < 0.05
    assert RunDirectory(run).evaluation_picture("interpolation").exists()


@pytest.mark.slow
def test_a_conditional_generator_is_asked_for_classes_as_often_as_the_data_have_them(tmp_path):
    """A perfect one, of data with a rare class: classes in turn are 14 times as far from them."""
    rng, folder = np.random.default_rng(0), tmp_path / "pictures"
    for split, counts in (("train", (90, 10)), ("test", (54, 6))):
        for name, grey, count in zip(("dark", "light"), (40, 215), counts, strict=True):
            (folder / split / name).mkdir(parents=True)
            for i in range(count):
                pixels = rng.integers(grey - 20, grey + 20, (8, 8)).astype("uint8")
                Image.fromarray(pixels).save(folder / split / name / f"{i}.png")
    latents, asked = keras.Input((2,)), keras.Input((), dtype="int32")
    memory = keras.layers.Embedding(2, 64)
    shown = keras.layers.Reshape((8, 8, 1))(memory(asked))
    memory.set_weights([np.array([[40.0], [215.0]]).repeat(64, axis=1) / 127.5 - 1])
    model = keras.Model([latents, asked], shown)
    run = make_run(tmp_path / "run", model, str(folder), num_classes=2)
    some = {"metrics": ("frechet", "modes"), "features": "pixels", "num_samples": 500}
    record = evaluate(options(run, **some))
    value, real = figure(record, "frechet_distance")
    assert value < 4 * real
    assert record["figures"]["modes_found"]["shares"] == [0.9, 0.1]
    assert figure(record, "asked_class") == (1, 1)


def test_labels_like_others_have_their_shares_from_the_beginning():
    labels = np.repeat([0, 1, 2], [60, 30, 10])
    assert np.bincount(labels_like(labels, 1000, 0)).tolist() == [600, 300, 100]
    some = labels_like(labels, 50, 0)
    assert some.tolist() == labels_like(labels, 1000, 0)[:50].tolist()
    assert np.abs(np.bincount(some) - [30, 15, 5]).max() < 8
    assert (some != labels_like(labels, 50, 1)).any()


@pytest.mark.slow
def test_modes_of_a_ring(tmp_path):
    """A generator that shows three of the eight modes, and every tenth point between them."""
    points, ring = data.Ring().sample(4000, seed=5), data.Ring()
    modes = (points @ ring.means.T).argmax(axis=1)
    kept = points[modes < 3]
    kept[::10] /= 2
    run = make_run(tmp_path / "run", replaying(kept), "ring")
    record = evaluate(options(run, num_samples=2500))
    assert figure(record, "modes_found") == (3, 8)
    value, real = figure(record, "high_quality")
    assert real == pytest.approx(1 - math.exp(-4.5), abs=4 * 0.0021)  # of 2,500 points
    assert value == pytest.approx(0.9 * real, abs=0.02)
    assert figure(record, "modes_kl") == (pytest.approx(math.log(8 / 3), abs=0.02), 7 / 5000)
    assert figure(record, "recall")[0] < 0.5 < 0.9 < figure(record, "recall")[1]
    assert set(record["left_out"]) == {"parzen", "score"}
    assert "pixels" in record["left_out"]["parzen"]
    assert {entry["features"].split()[0] for entry in record["figures"].values()} == {"coordinates"}
    assert not RunDirectory(run).evaluation_picture("neighbours").exists()


@pytest.mark.slow
def test_modes_of_stacks(data_dir, tmp_path):
    stacks = data.load("stacked_digits", "train", 1000, value_range=(0, 1), data_dir=data_dir)
    run = make_run(
        tmp_path / "run", replaying(next(iter(stacks)).numpy()[:50]), "stacked_digits", data_dir
    )
    some = ("frechet", "score", "modes")
    record = evaluate(options(run, data_dir, metrics=some, num_samples=1000))
    found, real = figure(record, "modes_found")
    assert 40 <= found <= 50  # stacks of different digits, but for a few
    assert 500 < real < 1000  # 1,000 stacks of 1,000 modes: 632 on average, if even
    assert record["figures"]["modes_found"]["of"] == 1000
    assert "single images" in record["left_out"]["score"]
    assert record["figures"]["frechet_distance"]["features"].startswith("random")


def test_data_without_labels_and_without_a_test_split(runs, data_dir, monkeypatch):
    described = data.Description("digits", {"train": 1437})
    monkeypatch.setattr(data, "describe", lambda *_: described)
    some = ("parzen", "precision_recall", "score", "modes", "memorisation")
    record = evaluate(options(runs["fresh"], data_dir, num_samples=100, metrics=some))
    assert {entry["features"].split()[0] for entry in record["figures"].values()} == {
        "pixels",
        "random",
    }
    assert set(record["left_out"]) == {"score", "modes", "memorisation"}
    assert "no labels" in record["left_out"]["modes"]
    assert "has seen all data" in record["left_out"]["memorisation"]
    assert record["data"]["held_out"] is False
    parts = record["data"]["parts"]
    assert (parts["test"]["start"], parts["test"]["stop"]) == (1294, 1437)
    assert parts["validation"]["stop"] <= 1294


def test_too_few_images_for_two_halves(runs, data_dir, monkeypatch):
    whole = evaluation_data.read

    def few(*arguments):
        real = whole(*arguments)
        return type(real)(**{**vars(real), "test": real.test[:39]})

    monkeypatch.setattr(evaluation_data, "read", few)
    record = evaluate(
        options(runs["fresh"], data_dir, metrics=("frechet", "parzen"), features="pixels")
    )
    assert record["left_out"] == {"frechet": "as 39 test images do not make two halves of 20"}
    assert figure(record, "parzen_log_likelihood")[0] is not None


# The classifier


@pytest.mark.slow
def test_the_classifier_is_kept_beside_the_data_and_found_again(
    records, runs, data_dir, monkeypatch
):
    assert [*pathlib.Path(data_dir, "kgan").glob("classifier-*")]
    monkeypatch.setattr(metrics.Classifier, "train", pytest.fail)
    record = evaluate(options(runs["memorising"], data_dir, metrics=("score",)))
    assert (
        record["figures"]["classifier_score"]
        == records["memorising"]["figures"]["classifier_score"]
    )
    assert record["figures"]["classifier_score"]["classifier_accuracy"] > 0.95


@pytest.mark.slow
def test_where_the_data_cannot_be_written_to_the_run_directory_keeps_the_classifier(
    records, runs, data_dir, monkeypatch
):
    places = []

    def keep(directory, *_, **__):
        places.append(str(directory))
        raise InterruptedError  # enough

    def refuse(dir=None, **_):
        raise PermissionError(13, "Permission denied", str(dir))

    monkeypatch.setattr(metrics.Classifier, "load_or_train", keep)
    with pytest.raises(InterruptedError):
        evaluate(options(runs["fresh"], data_dir))
    monkeypatch.setattr(RunDirectory, "check_writable", lambda _: None)
    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    with pytest.raises(InterruptedError):
        evaluate(options(runs["fresh"], data_dir))
    assert places == [f"{data_dir}/kgan", runs["fresh"]]


# Standard errors


def test_the_error_of_the_frechet_distance_is_its_spread_over_draws():
    """Of 60 draws; over ten such experiments the ratio was 0.84 to 1.15."""
    values, errors = [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        real, samples = rng.normal(size=(400, 4)), 0.5 + 1.3 * rng.normal(size=(400, 4))
        values.append(metrics.frechet_distance(real, samples))
        errors.append(evaluation_metrics.frechet_standard_error(real, samples))
    assert np.mean(errors) == pytest.approx(np.std(values, ddof=1), rel=0.3)


def test_numbers_that_are_not_finite_are_printed_and_become_null():
    entry = MetricResult("neighbour_ratio", math.nan, 30, real=1.0, more={"training": 7})
    assert entry.record() == {
        "value": None,
        "samples": 30,
        "real": 1.0,
        "error": None,
        "reals": None,
        "features": None,
        "training": 7,
    }
    head, _, line, reason = table([entry], {"score": "as it has no labels"}).splitlines()
    assert " ".join(head.split()) == " ".join(HEADS)
    assert line.split() == ["neighbour_ratio", "nan", "1", "30"]
    assert reason == "score: left out, as it has no labels"


@pytest.mark.parametrize(
    ("name", "value", "error", "real", "flatters"),
    [
        ("precision", 0.968, 0.01, 0.868, True),
        ("precision", 0.887, 0.01, 0.868, False),  # not by two errors
        ("precision", 0.768, 0.01, 0.868, False),
        ("recall", 0.95, 0.01, 0.9, True),
        ("density", 1.1, None, 0.98, True),
        ("density", 1.05, None, 0.98, False),
        ("frechet_distance", 4.0, 0.2, 5.0, True),
        ("frechet_distance", 6.0, 0.2, 5.0, False),
        ("kernel_distance", -0.05, 0.01, 0.0, True),
        ("coverage", 0.99, 0.005, 0.97, True),
        ("path_length", 1e9, 1.0, None, False),
    ],
)
def test_what_is_better_than_real_data_is_no_praise(name, value, error, real, flatters):
    *_, last = table([MetricResult(name, value, 100, real=real, error=error)], {}).splitlines()
    assert last.startswith(f"{name} is better than real data's: ") == flatters


# Mistakes: one clear sentence


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"metrics": ("fid",)}, r"--metrics=fid: expected some of parzen, frechet, kernel"),
        ({"metrics": ()}, r"--metrics is empty: expected some of parzen"),
        ({"num_samples": 19}, r"--num_samples=19: expected an integer of at least 20"),
        ({"seed": -1}, r"^--seed=-1: expected an integer from 0 to 4294967295\.$"),
        ({"seed": 2**32}, r"^--seed=4294967296: expected an integer from 0 to 4294967295\.$"),
        ({"step": 0}, r"--step=0: expected a positive integer"),
        ({"step": 3, "generator": "a"}, r"--step=3: expected none beside --generator=a, which"),
        ({"features": "fid"}, r"--features=fid: expected one of classifier, random, pixels, or"),
    ],
)
def test_unusable_options(wrong, sentence):
    with pytest.raises(ValueError, match=sentence):
        options("run", **wrong)


def test_every_metric_has_a_function():
    assert tuple(FUNCTIONS) == METRICS


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        (lambda: small_mlp((6, 6, 1)), r"makes images of shape \(6, 6, 1\), .* \(8, 8, 1\)"),
        (lambda: broken(np.nan), r"360 of 360 samples of .* hold NaN or infinity: its training"),
        (lambda: broken(3.0), r"samples of .* lie in \[.*\], where images lie in \[0, 1\]"),
        (lambda: small_mlp(latent_dim=3), r"cannot be used with the latents of"),
    ],
)
def test_generators_that_do_not_fit(model, sentence, data_dir, tmp_path):
    run = make_run(tmp_path / "run", model(), data_dir=data_dir)
    with pytest.raises(ValueError, match=sentence):
        evaluate(options(run, data_dir, features="random"))
    assert not RunDirectory(run).evaluation().exists()


def broken(value):
    """Makes images of this value, but declares (-1, 1)."""
    return replaying(np.full((1, 8, 8, 1), value, np.float32))


def test_runs_that_cannot_be_evaluated(runs, data_dir, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"is no run directory: it has no config.json"):
        evaluate(options(str(tmp_path), data_dir))
    run = RunDirectory(make_run(tmp_path / "run", small_mlp(), data_dir=data_dir))
    whole = run.generator.read_bytes()
    run.generator.write_bytes(whole[:100])
    with pytest.raises(ValueError, match=r"generator.keras cannot be loaded .*Either it is damage"):
        evaluate(options(run.path, data_dir))
    run.generator.unlink()
    with pytest.raises(FileNotFoundError, match=r"has no checkpoint yet"):
        evaluate(options(run.path, data_dir))
    run.generator.write_bytes(whole)
    for path in ("nowhere", data_dir):
        with pytest.raises(FileNotFoundError, match=r"--generator=.*: expected a .tflite file, or"):
            evaluate(options(run.path, data_dir, generator=path))
    text = run.config.read_text()
    run.config.write_text(text.replace("fingerprint", "other"))
    with pytest.raises(ValueError, match="does not say what the run was trained on"):
        evaluate(options(run.path, data_dir))
    run.config.write_text(text.replace('"fingerprint": "', '"fingerprint": "0'))
    with pytest.raises(ValueError, match=r"are not those that the run in .* was trained on"):
        evaluate(options(run.path, data_dir))
    run.config.write_text(text.replace('"dim": 2', '"dim": -2'))
    with pytest.raises(ValueError, match=r"The prior in .*config.json cannot be read"):
        evaluate(options(run.path, data_dir))


@pytest.mark.parametrize(
    ("dataset", "features", "sentence"),
    [
        ("digits", "setup.py", r"`model`: expected a Keras model, the path of a .keras file or"),
        ("ring", "random", r"--features=random: the points of ring are compared by"),
    ],
)
def test_features_that_do_not_fit(dataset, features, sentence, data_dir, tmp_path):
    shape = (8, 8, 1) if dataset == "digits" else (2,)
    value_range = (-1, 1) if dataset == "digits" else None
    model = small_mlp(shape, value_range=value_range)
    run = make_run(tmp_path / "run", model, dataset, data_dir)
    with pytest.raises(ValueError, match=sentence):
        evaluate(options(run, data_dir, features=features))


def test_classifier_features_need_labels(runs, data_dir, monkeypatch):
    described = data.Description("digits", {"train": 1437, "test": 360})
    monkeypatch.setattr(data, "describe", lambda *_: described)
    with pytest.raises(ValueError, match=r"--features=classifier: the images of digits have no"):
        evaluate(options(runs["fresh"], data_dir, features="classifier"))


# The program, as a user starts it


def program(*arguments, python=None):
    return subprocess.run(
        [*(python or warm.python()), "-m", "train.evaluate", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_help_is_immediate_and_whole():
    begin = time.perf_counter()
    done = program("--help", python=[sys.executable])
    elapsed = time.perf_counter() - begin
    assert "every metric beside the value of real data" in done.stdout
    for name in Options.__dataclass_fields__:
        assert f"--{name}:" in done.stdout or f"--[no]{name}:" in done.stdout, name
    # Not a measurement: importing TensorFlow alone takes longer than this.
    assert elapsed < 2.5


@pytest.mark.slow
def test_the_program_evaluates(runs, data_dir, tmp_path):
    done = program(
        f"--run_dir={runs['fresh']}",
        f"--data_dir={data_dir}",
        "--metrics=frechet,memorisation",
        "--num_samples=100",
        "--features=pixels",
        python=[sys.executable],  # what TensorFlow says when it is imported counts as well
    )
    assert done.returncode == 0, done.stderr
    assert "frechet_distance" in done.stdout
    assert "neighbour_z" in done.stdout
    assert "memorisation: 4 of 5 done" in done.stderr
    for noise in ("oneDNN", "cuda", "WARNING", "I0000", "E0000", "Traceback", "XNNPACK"):
        assert noise not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "kgan-evaluate: --run_dir is required"),
        (["--run_dir=nowhere", "--metrics=fid"], "kgan-evaluate: --metrics=fid: expected some of"),
        (["--run_dir=nowhere"], "kgan-evaluate: nowhere is no run directory"),
        (["--run_dir=nowhere", "stray"], "kgan-evaluate: unexpected argument 'stray'"),
    ],
)
def test_a_mistake_gets_one_sentence_and_exit_code_1(arguments, sentence):
    done = program(*arguments)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
