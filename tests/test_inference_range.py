"""The pixel value range of a generator that declares none: recorded, used, and held to."""

import json
import math
import warnings

import keras
import numpy as np
import pytest
from export_runs import export, make_run
from keras import layers

import kgan
from kgan import inference
from kgan.artifacts import RunDirectory
from kgan.inference import KerasGenerator

PRIOR = kgan.priors.Normal(4)


def spread(*tail, functional=False):
    """A network of 4x4 pixels whose values before `tail` are normal numbers, about."""
    parts = [layers.Dense(16, kernel_initializer=keras.initializers.RandomNormal(seed=1)), *tail]
    shape = layers.Reshape((4, 4, 1))
    if not functional:
        return keras.Sequential([keras.Input((4,)), *parts, shape])
    inputs = outputs = keras.Input((4,))
    for part in parts:
        outputs = part(outputs)
    return keras.Model(inputs, shape(outputs))


def of(activation, **kwargs):
    return spread(layers.Activation(activation), **kwargs)


def game(generator, **kwargs):
    discriminator = keras.Sequential([keras.Input((4, 4, 1)), layers.Flatten(), layers.Dense(1)])
    gan = kgan.GAN(generator, discriminator, PRIOR, **kwargs)
    gan.compile("adam", "adam")
    return gan


def recorded_run(path, generator, value_range):
    """A finished run whose record holds this range."""
    make_run(path, generator, PRIOR)
    config = json.loads(RunDirectory(path).config.read_text())
    RunDirectory(path).config.write_text(json.dumps({**config, "value_range": value_range}))
    return path


@keras.saving.register_keras_serializable(package="range_tests")
class Hidden(keras.Model):
    """A model whose last activation cannot be seen."""

    def __init__(self, scale=1.0, shift=0.0, **kwargs):
        super().__init__(**kwargs)
        self.scale, self.shift = scale, shift
        self.dense = layers.Dense(16, "sigmoid")

    def build(self, input_shape):
        self.dense.build(input_shape)
        super().build(input_shape)

    def call(self, latents, training=False):
        return keras.ops.reshape(self.scale * self.dense(latents) + self.shift, (-1, 4, 4, 1))

    def get_config(self):
        return {"scale": self.scale, "shift": self.shift}


class TestARunKnows:
    """A digit generator in [0, 1] came out as 0.5 to 1, and the report said "passed"."""

    @pytest.mark.slow
    @pytest.mark.parametrize("functional", [False, True])
    def test_every_format_is_in_the_recorded_range(self, tmp_path, functional):
        generator = of("sigmoid", functional=functional)
        run_dir = recorded_run(tmp_path / "run", generator, [0.0, 1.0])
        export(run_dir, tmp_path / "out", ["saved_model", "tflite"])
        expected = generator.predict(PRIOR.sample(9, 0), verbose=0)
        assert expected.min() < 0.45
        for path in ("run", "out/saved_model/1", "out/tflite/generator_float32.tflite"):
            made = inference.load(tmp_path / path, prior=PRIOR).sample(9, 0)
            np.testing.assert_allclose(made, expected, rtol=0, atol=1e-5)
        card = tmp_path / "out/saved_model/1/assets.extra/kgan.json"
        assert json.loads(card.read_text())["value_range"] == [0.0, 1.0]

    def test_without_bounds_the_values_stay_and_every_format_says_so(self, tmp_path):
        generator = spread(layers.Rescaling(3.0))
        trained = inference.read_run(recorded_run(tmp_path / "run", generator, None))
        assert trained.value_range is None
        kgan.saved_model.write(trained, tmp_path / "1")
        for path in ("run", "1"):
            loaded = inference.load(tmp_path / path)
            assert loaded.value_range is None
            expected = generator.predict(PRIOR.sample(9, 0), verbose=0)
            np.testing.assert_allclose(loaded.sample(9, 0), expected, rtol=0, atol=1e-5)

    def test_unbounded_images_of_two_channels_are_known_as_such_by_the_card(self, tmp_path):
        network = kgan.networks.MLPGenerator((4, 4, 2), 4, (8,), value_range=None)
        kgan.saved_model.write(KerasGenerator(network, PRIOR), tmp_path / "1")
        assert inference.load(tmp_path / "1").value_range is None

    def test_what_an_earlier_version_recorded_is_read_as_before(self, tmp_path):
        trained = inference.read_run(make_run(tmp_path / "run", of("tanh"), PRIOR))
        assert trained.value_range == (-1.0, 1.0)

    @pytest.mark.parametrize("found", ["0,1", [0.0], 3, {"low": 0}])
    def test_a_damaged_record_is_one_sentence(self, tmp_path, found):
        recorded_run(tmp_path / "run", of("tanh"), found)
        with pytest.raises(ValueError, match=r"The value_range in .*config\.json cannot be read"):
            inference.read_run(tmp_path / "run")


class TestAFileOfAGame:
    @pytest.mark.parametrize("value_range", [(0.0, 1.0), (-math.inf, math.inf), (-1, 3)])
    def test_it_brings_its_range_and_prior(self, tmp_path, value_range):
        game(spread(layers.Rescaling(0.25, 0.5)), value_range=value_range).save(
            tmp_path / "gan.keras"
        )
        loaded = inference.load(tmp_path / "gan.keras")
        raw = keras.saving.load_model(tmp_path / "gan.keras").sample(5, 1)
        low, high = (0, 1) if math.isinf(value_range[0]) else value_range
        expected = (raw - low) / (high - low)
        np.testing.assert_allclose(loaded.sample(5, 1), expected, rtol=1e-5, atol=1e-5)
        assert (loaded.value_range is None) == math.isinf(value_range[0])

    def test_it_brings_the_averaged_weights(self, tmp_path):
        gan = game(of("tanh"), ema_decay=0.9)
        data = np.random.default_rng(0).uniform(-1, 1, (32, 4, 4, 1)).astype("float32")
        gan.fit(data, batch_size=4, verbose=0)
        gan.save(tmp_path / "gan.keras")
        made = inference.load(tmp_path / "gan.keras").sample(5, 1)
        np.testing.assert_allclose(made, (gan.sample(5, 1) + 1) / 2, rtol=0, atol=1e-5)
        raw = gan.generator.predict(PRIOR.sample(5, 1), verbose=0)
        assert np.abs(made - (raw + 1) / 2).max() > 1e-4

    def test_another_range_is_refused(self, tmp_path):
        game(of("sigmoid"), value_range=(0, 1)).save(tmp_path / "gan.keras")
        assert inference.load(tmp_path / "gan.keras", value_range=(0, 1)).bounded
        with pytest.raises(ValueError, match=r"`value_range`: expected None or the \(0\.0, 1\.0\)"):
            inference.load(tmp_path / "gan.keras", value_range=(-1, 1))


class TestAFileOfAGenerator:
    def test_it_is_told_its_range(self, tmp_path):
        generator = of("sigmoid")
        generator.save(tmp_path / "g.keras")
        loaded = inference.load(tmp_path / "g.keras", prior=PRIOR, value_range=(0, 1))
        expected = generator.predict(PRIOR.sample(5, 1), verbose=0)
        np.testing.assert_allclose(loaded.sample(5, 1), expected, rtol=0, atol=1e-5)

    @pytest.mark.parametrize("value_range", [(1, 0), (0, math.nan), (0, math.inf), 3])
    def test_no_range_is_refused(self, tmp_path, value_range):
        of("sigmoid").save(tmp_path / "g.keras")
        with pytest.raises(ValueError, match="argument `value_range`: expected"):
            inference.load(tmp_path / "g.keras", prior=PRIOR, value_range=value_range)

    def test_where_a_file_knows_better_none_is_taken(self, tmp_path):
        run_dir = make_run(tmp_path / "run", of("tanh"), PRIOR)
        with pytest.raises(ValueError, match=r"`value_range`: expected None, as .* is no \.keras"):
            inference.load(run_dir, value_range=(0, 1))


def written(generator, value_range=None):
    return KerasGenerator(generator, PRIOR, value_range=value_range).check_range()


class TestWhatIsHeldToTheRange:
    @pytest.mark.parametrize(
        ("generator", "value_range"),
        [
            (lambda: of("tanh"), None),
            (lambda: of("tanh", functional=True), (-1, 1)),
            (lambda: of("sigmoid"), (0, 1)),
            (lambda: spread(layers.Rescaling(0.1)), None),  # not known, and small
            (lambda: spread(layers.Activation("tanh"), layers.Rescaling(0.5, 0.5)), (0, 1)),
            (lambda: spread(layers.Lambda(keras.ops.tanh)), None),
            (lambda: Hidden(2.0, -1.0), None),
            (lambda: of("linear"), (-math.inf, math.inf)),
            (lambda: kgan.networks.MLPGenerator((4, 4, 1), 4, (8,), value_range=(-5, 2)), None),
            (lambda: keras.Sequential([keras.Input((4,)), layers.Dense(2)]), None),  # points
        ],
    )
    def test_what_keeps_to_it_passes(self, generator, value_range):
        written(generator(), value_range)

    def test_an_operation_of_keras_after_the_last_layer_counts(self):
        inputs = keras.Input((4,))
        outputs = keras.ops.tanh(layers.Dense(16)(inputs))
        written(keras.Model(inputs, layers.Reshape((4, 4, 1))(outputs)))

    @pytest.mark.parametrize("functional", [False, True])
    @pytest.mark.parametrize("activation", ["linear", "relu", "leaky_relu", None])
    def test_an_output_without_bounds_is_refused(self, activation, functional):
        generator = spread(layers.Dense(16, activation), layers.Identity(), functional=functional)
        name = activation or "linear"
        with pytest.raises(ValueError, match=f"last activation is {name}, which does not keep to"):
            written(generator)

    def test_so_is_one_in_a_model_within_the_model(self):
        inner = spread()
        generator = keras.Sequential([keras.Input((4,)), layers.Dense(4, "tanh"), inner])
        with pytest.raises(ValueError, match="last activation is linear"):
            written(generator)

    @pytest.mark.parametrize(
        ("activation", "value_range"), [("sigmoid", None), ("tanh", (0, 255)), ("softmax", (-1, 1))]
    )
    def test_one_that_cannot_fill_the_range_is_refused(self, activation, value_range):
        with pytest.raises(ValueError, match=rf"is {activation}, with values from -?[01] to 1"):
            written(of(activation), value_range)

    def test_samples_beyond_it_are_refused(self):
        with pytest.raises(
            ValueError, match=r"samples lie in \[1\.\d+, 2\.\d+\], outside of .*\(0\.0"
        ):
            written(Hidden(2.0, 1.0), (0, 1))

    def test_rounding_is_not_beyond_it(self):
        written(Hidden(1.0004, -0.0002), (0, 1))

    def test_the_upper_half_alone_is_a_warning(self):
        with pytest.warns(
            UserWarning, match=r"upper half of the pixel value range \(-1\.0, 1\.0\)"
        ):
            written(Hidden())
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            written(Hidden(), (0, 1))

    def test_an_export_is_refused_and_leaves_nothing(self, tmp_path):
        run_dir = recorded_run(tmp_path / "run", of("linear"), [0.0, 1.0])
        with pytest.raises(ValueError, match="last activation is linear"):
            export(run_dir, tmp_path / "out")
        with pytest.raises(ValueError, match="last activation is linear"):
            kgan.saved_model.write(inference.read_run(run_dir), tmp_path / "1")
        assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_range_that_contradicts_the_network_is_refused():
    network = kgan.networks.MLPGenerator((4, 4, 1), 4, (8,))
    with pytest.raises(ValueError, match=r"expected the generator's \(-1\.0, 1\.0\)"):
        KerasGenerator(network, PRIOR, value_range=(0, 1)).check_range()


def test_a_range_declared_as_a_list_is_the_same_range():
    generator = of("sigmoid")
    generator.value_range = [0, 1]
    assert game(generator, value_range=(0, 1)).value_range == (0.0, 1.0)


@pytest.mark.parametrize("declared", ["0,1", (1, 0), (0, 1, 2), 3])
def test_a_network_that_declares_no_range_but_something_else_is_refused(declared):
    generator = of("sigmoid")
    generator.value_range = declared
    with pytest.raises(ValueError, match=r"`value_range`: expected \(low, high\) with low < high"):
        game(generator)


def test_points_stay_as_they_are_in_a_saved_model_too(tmp_path):
    network = keras.Sequential([keras.Input((4,)), layers.Dense(2)])
    kgan.saved_model.write(KerasGenerator(network, PRIOR), tmp_path / "1")
    loaded = inference.load(tmp_path / "1", prior=PRIOR)
    assert loaded.value_range is None
    made = loaded.sample(5, 0)
    expected = network.predict(PRIOR.sample(5, 0), verbose=0)
    np.testing.assert_allclose(made, expected, rtol=1e-5, atol=1e-6)
