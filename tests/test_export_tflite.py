"""TFLite: six precisions of one network, as LiteRT runs them, and what the converter gets wrong."""

import warnings

import export_runs
import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from export_runs import (
    LITE,
    dequantized,
    exported,
    hashed_latents,
    make_run,
    quantized,
)
from kgan_export import flatbuffer, lite_sampling, tflite
from kgan_export.formats import MIN_PSNR
from kgan_export.program import export
from kgan_export.tflite import QUANTIZATIONS

import kgan
from kgan.inference import KerasGenerator, tflite_function

WHOLE = ["mlp", "dcgan", "conditional"]  # exported in all precisions


def psnr(images, reference):
    return -10 * np.log10(np.mean((images - reference) ** 2.0))


@pytest.mark.parametrize("quantization", QUANTIZATIONS)
@pytest.mark.parametrize("name", WHOLE)
class TestEveryPrecision:
    @pytest.mark.slow
    @pytest.mark.parametrize("batch", [1, 3, 70])
    def test_it_makes_the_images_of_keras_in_any_batch(self, name, quantization, batch):
        made = exported(name)
        run, inputs = made.lite(quantization), made.inputs(batch, 1)
        images = run(**quantized(run, inputs))["images"]
        assert images.dtype == (np.int8 if quantization == "int8_io" else np.float32)
        images, reference = dequantized(run, images), made.images(**inputs)
        assert images.shape == reference.shape
        if quantization == "none":
            np.testing.assert_allclose(images, reference, rtol=0, atol=1e-5)
        else:
            assert psnr(images, reference) >= MIN_PSNR[quantization]

    def test_it_samples_what_its_own_network_makes_of_the_latents(self, name, quantization):
        made = exported(name)
        sample, serve = made.lite(quantization, "sample"), made.lite(quantization)
        labels = {"labels": np.array([0, 2, 2, 0, 1, 2, 0], np.int32)}
        given = labels if name == "conditional" else {}
        drawn = sample(count=np.int32(7), seed=np.array([3, -4], np.int32), **given)["images"]
        inputs = {"latents": hashed_latents(made.case.prior, 7, (3, -4)), **given}
        expected = dequantized(serve, serve(**quantized(serve, inputs))["images"])
        # A latent point that lies between two of 256 levels may go to the other one.
        tolerance = 1e-5 if quantization == "none" else 0.05
        np.testing.assert_allclose(dequantized(sample, drawn), expected, rtol=0, atol=tolerance)
        assert np.abs(dequantized(sample, drawn) - expected).mean() < 1e-3

    def test_samples_are_a_function_of_count_and_seed(self, name, quantization):
        run = exported(name).lite(quantization, "sample")

        def draw(count, *seed):
            given = {"labels": np.zeros(count, np.int32)} if name == "conditional" else {}
            asked = {"count": np.int32(count), "seed": np.array(seed, np.int32), **given}
            return run(**asked)["images"].copy()

        first = draw(5, 2, 9)
        np.testing.assert_array_equal(draw(5, 2, 9), first)
        np.testing.assert_allclose(draw(2, 2, 9), first[:2], rtol=0, atol=1e-5)
        for other in ((9, 2), (2, 10), (3, 9), (-2, 9)):
            assert np.mean(draw(5, *other) != first) > 0.5

    def test_signatures_are_as_promised(self, name, quantization):
        made = exported(name)
        path = made.out / "tflite" / f"generator_{LITE[quantization]}.tflite"
        labels = ["labels"] if name == "conditional" else []
        assert Interpreter(str(path)).get_signature_list() == {
            "serving_default": {"inputs": [*labels, "latents"], "outputs": ["images"]},
            "sample": {"inputs": ["count", *labels, "seed"], "outputs": ["images"]},
        }
        details = made.lite(quantization).get_input_details()
        eight = np.int8 if quantization == "int8_io" else np.float32
        assert {key: value["dtype"] for key, value in details.items()} == {
            "latents": eight,
            **({"labels": np.int32} if labels else {}),
        }

    def test_every_runtime_can_read_it(self, name, quantization):
        made = exported(name)
        path = made.out / "tflite" / f"generator_{LITE[quantization]}.tflite"
        file = path.read_bytes()
        assert file[4:8] == b"TFL3"
        model = schema.Model.GetRootAs(file, 0)
        codes = [model.OperatorCodes(i) for i in range(model.OperatorCodesLength())]
        custom = (schema.BuiltinOperator.CUSTOM, schema.BuiltinOperator.DELEGATE)
        assert all(code.BuiltinCode() not in custom for code in codes)  # nor Flex, which is custom
        start = np.frombuffer(file, np.uint8).ctypes.data
        for index in range(model.BuffersLength()):
            data = model.Buffers(index).DataAsNumpy()
            if isinstance(data, np.ndarray):
                assert (data.ctypes.data - start) % 16 == 0


# Sizes, and the converter's faults


@pytest.fixture(scope="module")
def sizes(tmp_path_factory):
    """Bytes of a generator of 0.7 million weights, by precision."""
    generator = kgan.networks.MLPGenerator((28, 28, 1), latent_dim=50, units=(400, 400))
    generator.build((None, 50))
    trained = KerasGenerator(generator, kgan.priors.Normal(50))
    path = tmp_path_factory.mktemp("sizes") / "generator.tflite"
    made = {"weights": sum(weight.nbytes for weight in generator.get_weights())}
    for quantization in ("none", "float16", "dynamic", "int8"):
        tflite.write(trained, path, quantization)
        made[quantization] = path.stat().st_size
    return made


def test_sizes_are_those_of_the_weights(sizes):
    """Two signatures, and yet every weight is stored once and in its precision."""
    assert 1 < sizes["none"] / sizes["weights"] < 1.02
    assert 0.5 < sizes["float16"] / sizes["none"] <= 0.52
    assert 0.25 < sizes["dynamic"] / sizes["none"] <= 0.27
    assert 0.25 < sizes["int8"] / sizes["none"] <= 0.30


@pytest.mark.slow
def test_the_converters_own_second_signature_would_spoil_the_first(tmp_path):
    """If this fails, the converter has been mended, and `add_signature` is no longer needed."""
    made = exported("mlp")
    module = made.trained.module()
    generate, sample = (
        tf.function(
            lambda **inputs: {"images": made.trained.images(**inputs)}
        ).get_concrete_function(**made.trained.specs),
        tf.function(
            lambda count, seed: {
                "images": made.trained.images(lite_sampling.latents(made.case.prior, count, seed))
            }
        ).get_concrete_function(
            count=tf.TensorSpec([], tf.int32, "count"), seed=tf.TensorSpec([2], tf.int32, "seed")
        ),
    )
    path = str(tmp_path / "saved_model")
    tf.saved_model.save(module, path, {"serving_default": generate, "sample": sample})
    keys = ["serving_default", "sample"]
    converter = tf.lite.TFLiteConverter.from_saved_model(path, signature_keys=keys)
    tflite._configure(converter, made.trained, "16x8")
    seed = np.zeros(2, np.int32)
    converter.representative_dataset = lambda: [
        ("serving_default", made.inputs(256, 1)),
        ("sample", {"count": np.int32(256), "seed": seed}),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file = converter.convert()
    run = Interpreter(model_content=file).get_signature_runner("serving_default")
    theirs = psnr(run(**made.inputs(64, 0))["images"], made.images(**made.inputs(64, 0)))
    assert theirs < 25 < 40 < made.report["tflite_16x8"].psnr


def test_one_hot_labels_in_8_bits_have_to_be_mended(tmp_path, monkeypatch):
    made = exported("conditional")
    assert made.report["tflite_int8"].psnr > 35
    monkeypatch.setattr(flatbuffer, "rescale_one_hot", lambda model: None)
    tflite.write(made.trained, tmp_path / "x.tflite", "int8")
    run = Interpreter(str(tmp_path / "x.tflite")).get_signature_runner("serving_default")
    spoilt = psnr(run(**made.inputs(64, 0))["images"], made.images(**made.inputs(64, 0)))
    assert spoilt < made.report["tflite_int8"].psnr - 15


# What it takes and what it refuses


@keras.saving.register_keras_serializable(package="test_export_tflite")
class WithEmbedding(kgan.networks.MLPGenerator):
    """Labels go through Keras's own Embedding."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.embedding = keras.layers.Embedding(self.num_classes, self.latent_dim)

    def build(self, input_shape):
        self.embedding.build((None,))
        super().build(input_shape)

    def joined_shape(self, input_shape):
        return (None, 2 * self.latent_dim), None


def test_labels_through_keras_embedding_go_but_for_16x8(tmp_path):
    generator = WithEmbedding((4, 4, 1), 3, (8,), num_classes=4)
    generator.build([(None, 3), (None,)])
    trained = KerasGenerator(generator, kgan.priors.Normal(3))
    inputs = {name: x.numpy() for name, x in trained.inputs(20, 0).items()}
    for quantization in ("none", "int8"):
        tflite.write(trained, tmp_path / "x.tflite", quantization)
        images = tflite_function(tmp_path / "x.tflite")(**inputs)
        assert psnr(images, trained.images(**inputs).numpy()) > 35
    refusal = r"--quantization=16x8 \(integer arithmetic on labels, as Embedding does it\)\. Leave"
    with pytest.raises(ValueError, match=refusal):
        tflite.write(trained, tmp_path / "y.tflite", "16x8")
    assert not (tmp_path / "y.tflite").exists()


def test_points_without_a_value_range_stay_as_they_are(tmp_path):
    generator = kgan.networks.MLPGenerator((2,), latent_dim=3, units=(8,), value_range=None)
    generator.build((None, 3))
    generator.output_layer.set_weights([60 * w for w in generator.output_layer.get_weights()])
    prior = kgan.priors.Normal(3)
    run_dir = make_run(tmp_path / "run", generator, prior)
    report = export(run_dir, tmp_path / "out", ["tflite"])
    points = generator(prior.sample(256, 0)).numpy()
    greatest = np.abs(points).max()
    assert greatest > 50
    entry = report["tflite_float32"]
    assert entry.limit == pytest.approx(1e-5 * greatest, rel=1e-5)
    made = tflite_function(tmp_path / "out" / entry.path)(latents=prior.sample(256, 0).numpy())
    np.testing.assert_allclose(made, points, rtol=0, atol=1e-5 * greatest)
    assert not (tmp_path / "out" / "saved_model").exists()


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_ships_as_float32(tmp_path, precision):
    half = export_runs.dcgan(dtype=precision)
    prior = kgan.priors.Normal(5)
    run_dir = make_run(tmp_path / "run", half, prior)
    report = export(run_dir, tmp_path / "out")
    full = export_runs.dcgan()
    full.set_weights(half.get_weights())
    latents = prior.sample(20, 3)
    made = tflite_function(tmp_path / "out" / report["tflite_float32"].path)(
        latents=latents.numpy()
    )
    expected = (full(latents, training=False).numpy() + 1) / 2
    np.testing.assert_allclose(made, expected, rtol=0, atol=1e-5)
