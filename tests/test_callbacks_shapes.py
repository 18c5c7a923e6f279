"""What callbacks cannot draw, measure or compare is refused before the first step."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import kgan
from kgan import callbacks

SHAPES = {
    "two channels": (8, 8, 2),
    "five channels": (8, 8, 5),
    "series": (16, 2),
    "volumes": (4, 4, 4, 1),
}


def make_gan(shape, value_range=None, activation="tanh"):
    size = int(np.prod(shape))
    gan = kgan.GAN(
        keras.Sequential(
            [keras.Input((3,)), layers.Dense(size, activation), layers.Reshape(shape)]
        ),
        keras.Sequential([keras.Input(shape), layers.Flatten(), layers.Dense(1)]),
        kgan.priors.Normal(3),
        value_range=value_range,
    )
    gan.compile("adam", "adam")
    return gan


def conditional_gan(num_classes):
    gan = kgan.GAN(
        kgan.networks.MLPGenerator((4, 4, 1), 3, (4,), num_classes=num_classes),
        kgan.networks.MLPDiscriminator((4, 4, 1), (4,), num_classes=num_classes),
        kgan.priors.Normal(3),
    )
    gan.compile("adam", "adam")
    return gan


def begin(made, gan):
    watcher = made()
    watcher.set_model(gan)
    watcher.on_train_begin()


def real(shape, n=60, low=-1.0, high=1.0):
    return np.random.default_rng(0).uniform(low, high, (n, *shape)).astype("float32")


def fit(gan, *watchers):
    low, high = gan.value_range or (-1.0, 1.0)
    images = real(gan.image_shape, 8, low, high)
    gan.fit(images, batch_size=4, verbose=0, callbacks=list(watchers))


def refused(gan, watcher, message):
    """The refusal is one sentence and comes before a step is traced, and no file is written."""
    gan.train_step = None  # to trace it is an error
    with pytest.raises(ValueError, match=message):
        fit(gan, watcher)
    assert gan.step == 0
    assert not watcher.run.logs.exists()
    assert not watcher.run.metrics.exists()


@pytest.mark.parametrize("names", ["ab", ["a"], ["a", 1], ["a", "b", "c"]])
def test_names_that_are_not_those_of_the_classes(tmp_path, names):
    with pytest.raises(ValueError, match=r"`class_names`: expected 2 texts, one a class, received"):
        begin(lambda: callbacks.SampleGrid(tmp_path, class_names=names), conditional_gan(2))


def test_a_condition_that_nothing_takes(tmp_path):
    grid = callbacks.SampleGrid(tmp_path, condition=real((8, 8, 1), 4))
    refused(make_gan((8, 8, 1)), grid, r"`condition`: expected None, as the generator takes no")


def test_seeds_and_a_file_in_the_way(tmp_path):
    for made in (callbacks.SampleGrid, callbacks.Evaluate, callbacks.GradientNorms):
        data = () if made is callbacks.SampleGrid else (real((8, 8, 1)),)
        with pytest.raises(ValueError, match=r"`seed`: expected an integer or two integers"):
            made(tmp_path, *data, seed=1.5)
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match=r"`run_dir`: expected a directory, received the"):
        begin(lambda: callbacks.SampleGrid(tmp_path / "file"), make_gan((8, 8, 1)))


@pytest.mark.parametrize("name", SHAPES)
def test_what_no_grid_can_show(tmp_path, name):
    gan = make_gan(SHAPES[name])
    refused(gan, callbacks.SampleGrid(tmp_path), r"no SampleGrid for samples of shape \(.*Leave it")


@pytest.mark.parametrize("shape", [(8, 8, 1), (8, 8, 3), (8, 8, 4), (5,), (1,)])
def test_what_a_grid_can_show(tmp_path, shape):
    fit(make_gan(shape), callbacks.SampleGrid(tmp_path, count=4))
    assert (tmp_path / "samples" / "step_00000002.png").exists()


@pytest.mark.parametrize("name", ["series", "volumes"])
def test_what_no_evaluation_has_features_for(tmp_path, name):
    shape = SHAPES[name]
    watcher = callbacks.Evaluate(tmp_path, real(shape))
    refused(make_gan(shape), watcher, r"`features`: expected a feature extractor, as samples of")


@pytest.mark.parametrize("name", SHAPES)
def test_with_features_every_shape_is_evaluated(tmp_path, name):
    def features(images):
        return np.asarray(images).reshape(len(images), -1)[:, :4]

    shape = SHAPES[name]
    watcher = callbacks.Evaluate(tmp_path, real(shape), every=1, features=features)
    fit(make_gan(shape), watcher)
    lines = watcher.run.metrics.read_text().splitlines()
    assert [np.isfinite(json.loads(line)["frechet"]) for line in lines] == [True, True]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["two channels", "five channels"])
def test_images_of_any_channels_are_evaluated_without(tmp_path, name):
    shape = SHAPES[name]
    fit(make_gan(shape), callbacks.Evaluate(tmp_path, real(shape), every=1))


@pytest.mark.parametrize("name", SHAPES)
def test_gradient_norms_and_the_alarm_take_every_shape(tmp_path, name):
    shape = SHAPES[name]
    fit(
        make_gan(shape),
        callbacks.NonFinite(),
        callbacks.GradientNorms(tmp_path, real(shape), every=1, count=8),
        callbacks.CollapseAlarm(tmp_path, real(shape), every=1),
        callbacks.MetricsLog(tmp_path),
    )


WATCHERS = {
    "Evaluate": lambda path, images: callbacks.Evaluate(path, images),
    "GradientNorms": lambda path, images: callbacks.GradientNorms(path, images, count=40),
    "CollapseAlarm": lambda path, images: callbacks.CollapseAlarm(path, images),
}


@pytest.mark.parametrize("name", WATCHERS)
class TestRealImages:
    def test_of_another_shape(self, tmp_path, name):
        watcher = WATCHERS[name](tmp_path, real((8, 8, 3)))
        refused(make_gan((8, 8, 1)), watcher, r"generator makes, \(8, 8, 1\), received \(8, 8, 3\)")

    @pytest.mark.parametrize(("low", "high"), [(0.0, 255.0), (-1.0, 1.1)])
    def test_beyond_the_value_range(self, tmp_path, name, low, high):
        watcher = WATCHERS[name](tmp_path, real((8, 8, 1), low=low, high=high))
        refused(make_gan((8, 8, 1)), watcher, r"range of the samples, \(-1\.0, 1\.0\), received")

    def test_within_the_range_that_the_game_declares(self, tmp_path, name):
        gan = make_gan((8, 8, 1), value_range=(0.0, 255.0), activation=None)
        fit(gan, WATCHERS[name](tmp_path, real((8, 8, 1), low=0.0, high=255.0)))

    def test_in_dictionaries(self, tmp_path, name):
        data = tf.data.Dataset.from_tensor_slices({"image": real((8, 8, 1))}).batch(20)
        with pytest.raises(ValueError, match=r"dictionaries of 'image'.*\.map\(lambda example"):
            WATCHERS[name](tmp_path, data)
        WATCHERS[name](tmp_path, data.map(lambda example: example["image"]))

    def test_of_an_empty_data_set(self, tmp_path, name):
        data = tf.data.Dataset.from_tensor_slices(real((8, 8, 1))).batch(20).take(0)
        with pytest.raises(ValueError, match="expected at least one batch, received an empty"):
            WATCHERS[name](tmp_path, data)


@pytest.mark.parametrize("name", ["Evaluate", "GradientNorms"])
def test_real_images_that_are_not_finite(tmp_path, name):
    images = real((8, 8, 1))
    images[3, 2, 1] = np.nan
    refused(make_gan((8, 8, 1)), WATCHERS[name](tmp_path, images), "expected finite numbers")


def test_a_mixture_of_other_points(tmp_path):
    watcher = callbacks.Evaluate(tmp_path, real((5,)), mixture=kgan.data.Ring())
    refused(make_gan((5,)), watcher, r"`mixture`: expected one of points of .* \(5,\), .* \(2,\)")


@pytest.mark.parametrize("labels", [np.full(40, 3), np.full(40, -1), np.zeros(39, int)])
def test_labels_that_are_no_classes(tmp_path, labels):
    gan = conditional_gan(3)
    data, sentence = (real((4, 4, 1), 40), labels), "expected labels from 0 to 2, received"
    if len(labels) < 40:
        sentence = "expected as many labels or conditions as images, received 39 and 40"
    for made in (
        lambda: callbacks.GradientNorms(tmp_path, data, count=40),
        lambda: callbacks.Evaluate(tmp_path, data, num_samples=20),
        lambda: callbacks.CollapseAlarm(None, data, count=40),
    ):
        with pytest.raises(ValueError, match=sentence):
            begin(made, gan)
