"""Extractors against NumPy twins; fingerprints that tell networks apart; images that do not fit."""

import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.ndimage import gaussian_filter
from scipy.signal import correlate

from kgan.metrics import (
    ModelFeatures,
    Pixels,
    RandomConvolutional,
    frechet_distance,
    load_features,
    memorisation_test,
    precision_recall,
)
from kgan.metrics.extractor import fingerprint
from kgan.metrics.random_features import _random_kernels


def _images(n=7, shape=(8, 8, 1), seed=0):
    return np.random.default_rng(seed).uniform(size=(n, *shape)).astype(np.float32)


def _model(pooling=keras.layers.GlobalAveragePooling2D, shape=(8, 8, 1), seed=0):
    """A small network with names of its own, so that building it again gives the same one."""
    initializer = keras.initializers.HeNormal(seed=seed)
    inputs = keras.Input(shape, name="images")
    x = keras.layers.Conv2D(5, 3, kernel_initializer=initializer, name="convolution")(inputs)
    return keras.Model(inputs, pooling(name="pooling")(x), name="small")


def _numpy_random(image, kernels):
    """The random network on one image, in float64."""
    x, means = 2.0 * image - 1.0, []
    for kernel in kernels:
        padded = np.pad(x, ((1, 1), (1, 1), (0, 0)))
        maps = [correlate(padded, kernel[..., j], mode="valid") for j in range(kernel.shape[-1])]
        x = np.maximum(np.concatenate(maps, axis=-1), 0)
        means.append(x.mean(axis=(0, 1)))
        x = (x[::2, ::2] + x[1::2, ::2] + x[::2, 1::2] + x[1::2, 1::2]) / 4
    return np.concatenate(means)


def test_pixels_are_the_images_flat():
    images = _images(3, (4, 5, 3))
    features = Pixels()(images)
    assert features.dtype == np.float32
    np.testing.assert_array_equal(features, images.reshape(3, 60))


@pytest.mark.parametrize("shape", [(8, 8, 1), (8, 16, 3)])
def test_random_features_agree_with_numpy(shape):
    extract = RandomConvolutional(shape, seed=3)
    kernels = [kernel.astype(np.float64) for kernel in _random_kernels(shape[-1], (32, 64, 128), 3)]
    images = _images(4, shape)
    features = extract(images)
    assert (features.dtype, features.shape) == (np.float32, (4, 224))
    expected = [_numpy_random(image.astype(np.float64), kernels) for image in images]
    # Three sums of up to 577 float32 products, each of order 1: some 1e-6.
    np.testing.assert_allclose(features, expected, rtol=0, atol=1e-5)


def test_random_weights_are_those_of_he():
    kernels = _random_kernels(1, (32, 64, 128), 0)
    for kernel in kernels:
        fan_in = 9 * kernel.shape[2]
        assert abs(kernel).max() <= np.sqrt(6 / fan_in)
        # Uniform on +-a has variance a^2 / 3 = 2 / fan_in, and kurtosis 9/5: the estimate of n
        # weights has a relative standard error of sqrt(0.8 / n).
        assert kernel.var() == pytest.approx(2 / fan_in, rel=5 * np.sqrt(0.8 / kernel.size))
    # The first two words of Philox (test_data_stacked.py computes them) by the 53-bit rule.
    words = np.random.Philox(key=0).random_raw(2)
    expected = [(int(word) // 2**11 * 2.0**-52 - 1) * np.sqrt(6 / 9) for word in words]
    np.testing.assert_array_equal(kernels[0][0, 0, 0, :2], np.float32(expected))


def _faces(n, seed):
    """Faces of any colour, size and place on white."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:32, :32]
    images = np.ones((n, 32, 32, 3), np.float32)
    for image in images:
        (cx, cy), r = rng.uniform(12, 20, 2), rng.uniform(6, 11)
        image[(x - cx) ** 2 + (y - cy) ** 2 < r**2] = rng.uniform(0.2, 1, 3)
        for eye in (cx - r / 2.5, cx + r / 2.5):
            image[(x - eye) ** 2 + (y - cy + r / 4) ** 2 < (r / 6) ** 2] = 0
        image[(abs(y - cy - r / 2.5) < r / 10) & (abs(x - cx) < r / 2)] = rng.uniform(0, 0.3)
    return images


@pytest.mark.slow
def test_random_features_tell_blobs_copies_and_real_pictures_apart():
    """In colour, where pixels call blobs perfect. Margins: three draws differed by 0.08 at most."""
    test, fresh, training = (_faces(300, seed) for seed in range(3))
    blobs = gaussian_filter(fresh, (0, 2, 2, 0))
    extract = RandomConvolutional((32, 32, 3))
    real, *sets = map(extract, (test, fresh, blobs, training))
    floor, of_blobs, of_copies = (frechet_distance(real, each) for each in sets)
    assert of_blobs > 5 * floor  # 13 to 19
    assert of_blobs > 3 * of_copies  # 5 to 14
    precisions = [precision_recall(real, each).precision for each in sets]
    assert precisions[0] > 0.85  # 0.94
    assert precisions[1] < 0.6  # 0.41 to 0.48
    rates = [memorisation_test(each, sets[2], real).near_duplicate_rate for each in sets]
    assert max(rates[:2]) < 0.15  # 0.08 and 0
    assert rates[2] == 1
    in_pixels = [Pixels()(images) for images in (test, fresh, blobs)]
    flattered = precision_recall(in_pixels[0], in_pixels[2])
    assert flattered.precision > precision_recall(*in_pixels[:2]).precision  # 1 where faces have .9
    assert flattered.recall < 0.1  # 0 to 0.02


def test_the_random_network_never_changes():
    # Frozen with NumPy 2.4 on x86-64; were it another one, published numbers would not compare.
    assert RandomConvolutional((28, 28, 1)).fingerprint == "9457c2a46177e0d7"


def test_features_do_not_depend_on_batches():
    images = _images(230)
    extract = RandomConvolutional((8, 8, 1))
    whole = extract(images)
    np.testing.assert_allclose(whole[100:107], extract(images[100:107]), rtol=0, atol=1e-6)
    batches = tf.data.Dataset.from_tensor_slices(images).batch(30)
    np.testing.assert_allclose(extract(batches), whole, rtol=0, atol=1e-6)


def test_a_model_is_applied_in_inference_mode():
    inputs = keras.Input((4, 4, 1))
    outputs = keras.layers.GlobalAveragePooling2D()(keras.layers.Dropout(0.9)(inputs))
    images = _images(5, (4, 4, 1))
    expected = images.mean(axis=(1, 2))
    features = ModelFeatures(keras.Model(inputs, outputs))(images)
    np.testing.assert_allclose(features, expected, atol=1e-6)
    doubled = ModelFeatures(keras.Model(inputs, outputs), value_range=(-1, 1))(images)
    np.testing.assert_allclose(doubled, 2 * expected - 1, atol=1e-6)


def test_images_become_what_the_model_takes():
    grey = _images(3, (8, 8, 1))
    inputs = keras.Input((4, 6, 3))
    features = ModelFeatures(keras.Model(inputs, keras.layers.Flatten()(inputs)))(grey)
    small = tf.image.resize(grey, (4, 6), antialias=True).numpy()
    np.testing.assert_allclose(features, np.repeat(small, 3, axis=-1).reshape(3, -1), atol=1e-6)


def test_an_undeclared_size_is_that_of_the_images_or_the_one_named():
    inputs = keras.Input((None, None, 1))
    model = keras.Model(inputs, keras.ops.max(inputs, axis=(1, 2)))
    images = _images(3, (8, 8, 1))
    features = ModelFeatures(model)(images)
    np.testing.assert_allclose(features, images.max(axis=(1, 2)), atol=1e-6)
    halved = tf.image.resize(images, (4, 4), antialias=True).numpy()
    features = ModelFeatures(model, input_size=(4, 4))(images)
    np.testing.assert_allclose(features, halved.max(axis=(1, 2)), atol=1e-6)


def test_maps_are_averaged_over_the_image():
    inputs = keras.Input((8, 8, 3))
    images = _images(3, (8, 8, 3))
    features = ModelFeatures(keras.Model(inputs, 2 * inputs))(images)
    np.testing.assert_allclose(features, 2 * images.mean(axis=(1, 2)), atol=1e-6)


def _own_loss(true, predicted):
    return predicted


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The small model, its `.keras` file and its SavedModel."""
    directory, model = tmp_path_factory.mktemp("models"), _model()
    model.compile("sgd", loss=_own_loss)  # which nobody who loads it has
    model.save(directory / "small.keras")
    model.export(directory / "exported", verbose=False)
    return model, directory / "small.keras", directory / "exported"


def test_a_model_is_the_same_from_memory_and_from_disk(saved):
    images = _images()
    features = [load_features(path, (8, 8, 1))(images) for path in saved[1:]]
    expected = ModelFeatures(saved[0])(images)
    for each in features:
        np.testing.assert_allclose(each, expected, atol=1e-6)


def test_names_are_resolved(saved):
    assert isinstance(load_features("pixels", (8, 8, 1)), Pixels)
    random = load_features("random", (8, 8, 1))
    assert random.fingerprint == RandomConvolutional((8, 8, 1), seed=0).fingerprint
    scaled = load_features(saved[1], (8, 8, 1), value_range=(-1, 1))
    assert scaled.fingerprint == ModelFeatures(saved[1], value_range=(-1, 1)).fingerprint
    assert [Pixels().name, random.name, scaled.name] == ["pixels", "random", "small"]


def test_fingerprints_tell_what_differs(saved, tmp_path):
    maximum = keras.layers.GlobalMaxPooling2D  # other features of the same weights
    different = [
        Pixels(),
        RandomConvolutional((8, 8, 1)),
        RandomConvolutional((8, 8, 1), seed=1),
        RandomConvolutional((8, 8, 3)),
        ModelFeatures(_model()),
        ModelFeatures(_model(seed=1)),
        ModelFeatures(_model(pooling=maximum)),
        ModelFeatures(_model(), value_range=(-1, 1)),
        ModelFeatures(_model(), input_size=(9, 9)),
        ModelFeatures(saved[1]),
        ModelFeatures(saved[2]),
    ]
    fingerprints = [each.fingerprint for each in different]
    assert len(set(fingerprints)) == len(fingerprints)
    assert all(len(each) == 16 and int(each, 16) >= 0 for each in fingerprints)
    # The same again, and copies of the files elsewhere.
    compiled = _model()
    compiled.compile("sgd", "mse")
    copy = shutil.copytree(saved[2], tmp_path / "copy")
    same = [RandomConvolutional((8, 8, 1)), ModelFeatures(compiled), ModelFeatures(copy)]
    assert [each.fingerprint for each in same] == [fingerprints[i] for i in (1, 4, 10)]


@pytest.mark.slow
def test_the_recipe_of_inception_runs(tmp_path):
    """All of the docstring's recipe but the weights, which it downloads."""
    path = tmp_path / "inception.keras"
    keras.applications.InceptionV3(include_top=False, pooling="avg", weights=None).save(path)
    features = load_features(path, (28, 28, 1), input_size=(299, 299), value_range=(-1, 1))
    assert features(_images(2, (28, 28, 1))).shape == (2, 2048)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (
            _images(2, (8, 9, 1)),
            r"expected shape \[n, 8, 8, 1\] with n > 0, received shape \(2, 8, 9, 1",
        ),
        (_images(2, (8, 8, 3)), r"expected shape \[n, 8, 8, 1\] .* received shape \(2, 8, 8, 3\)"),
        (_images(2)[..., 0], r"expected shape .* received shape \(2, 8, 8\)"),
        (_images(0), r"with n > 0, received shape \(0, 8, 8, 1\)"),
        (np.zeros((2, 8, 8, 1), np.uint8), r"floats in \[0, 1\], received uint8\. Divide .* 255"),
        (2 * _images() - 1, r"values in \[0, 1\], received -0.9\d+ to 0.9\d+\. Scale them"),
        (None, r"expected shape .* received shape \(\)"),
        (_images() * np.nan, r"values in \[0, 1\], received nan to nan"),
    ],
)
def test_images_that_do_not_fit_are_named(images, message):
    with pytest.raises(ValueError, match=f"`images`: .*{message}"):
        RandomConvolutional((8, 8, 1))(images)


@pytest.mark.parametrize("name", ["model.h5", "folder.keras/"])
def test_a_model_is_a_keras_file(name, tmp_path):
    path = tmp_path / name
    path.mkdir() if name.endswith("/") else path.write_bytes(b"")
    with pytest.raises(ValueError, match=rf"`model`: expected .* received '{path}'"):
        ModelFeatures(path)


def test_the_order_of_a_configuration_is_none_of_its_facts():
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    assert fingerprint({"a": 1, "b": 2}) != fingerprint({"a": 2, "b": 1})


@pytest.mark.parametrize("other", [np.arange(6, dtype=np.int32), np.arange(6).reshape(2, 3)])
def test_dtype_and_shape_of_an_array_count(other):
    one, copy = np.arange(6), np.arange(6)
    assert fingerprint("a", [one]) == fingerprint("a", [copy]) != fingerprint("a", [other])


def test_an_empty_data_set_is_named():
    batches = tf.data.Dataset.from_tensor_slices(_images(2)).batch(2).take(0)
    with pytest.raises(ValueError, match="`images`: expected a data set of at least one batch"):
        Pixels()(batches)


def test_a_model_of_colours_says_what_it_takes():
    features = ModelFeatures(_model(shape=(8, 8, 3)))
    with pytest.raises(ValueError, match=r"\[n, any, any, 3\] or \[n, any, any, 1\] with n > 0"):
        features(_images(2, (8, 8, 2)))


def test_rounding_beyond_the_ends_is_allowed():
    assert Pixels()(np.full((1, 2, 2, 1), 1 + 1e-6)).shape == (1, 4)


def _flat_model():
    inputs = keras.Input((64,))
    return keras.Model(inputs, 2 * inputs)


def _image_model():
    inputs = keras.Input((8, 8, 1))
    return keras.Model(inputs, keras.layers.Flatten()(inputs))


class Undeclared(keras.Model):
    def call(self, images):
        return images


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: load_features("inception", (8, 8, 1)), "`source`: expected 'pixels', 'random', "),
        (lambda: load_features("absent.keras", (8, 8, 1)), "`source`: .* received 'absent.keras'"),
        (
            lambda: load_features(".", (8, 8, 1)),
            "`model`: .* that holds a saved_model.pb, received",
        ),
        (lambda: ModelFeatures(_flat_model()), r"`model`: expected a network .* \(None, 64\)"),
        (lambda: ModelFeatures(Undeclared()), r"`model`: .* of shape \(\)\. Wrap it in a func"),
        (
            lambda: ModelFeatures(_image_model(), input_size=8),
            r"`input_size`: expected \(height, width\), received 8",
        ),
        (
            lambda: ModelFeatures(_image_model(), input_size=(8, 0)),
            "`input_size`: expected a positive integer, received 0",
        ),
        (
            lambda: ModelFeatures(_image_model(), value_range=(1, 0)),
            r"`value_range`: .* received \(1, 0\)",
        ),
        (lambda: RandomConvolutional((3, 8, 1)), r"`image_shape`: .* received \(3, 8, 1\)"),
    ],
)
def test_unusable_extractors_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_outputs_that_are_no_features_are_named():
    inputs = keras.Input((8, 8, 1))
    features = ModelFeatures(keras.Model(inputs, keras.layers.Reshape((64, 1))(inputs)))
    with pytest.raises(ValueError, match=r"`model`: expected an output of shape .* 64, 1\)"):
        features(_images())


def test_a_saved_model_has_one_output(tmp_path):
    inputs = keras.Input((8, 8, 1))
    keras.Model(inputs, [inputs, 2 * inputs]).export(tmp_path / "two", verbose=False)
    with pytest.raises(ValueError, match=r"`model`: expected a SavedModel .* has none such"):
        ModelFeatures(tmp_path / "two")
