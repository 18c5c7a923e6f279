"""The SavedModel: what it promises in every process, what it refuses, what lies beside it."""

import hashlib
import json
import subprocess

import export_runs
import keras
import numpy as np
import pytest
import tensorflow as tf
import warm
from export_runs import CASES, SEED, exported
from tensorflow_serving.apis import prediction_log_pb2

import kgan
from kgan.saved_model import MAX_COUNT

EVERY_CASE = pytest.mark.parametrize("name", CASES)


@pytest.fixture(scope="module")
def consumed():
    """What another process, without kgan, makes of the SavedModels."""
    exports = {name: exported(name) for name in CASES}
    for made in exports.values():
        np.savez(made.out / "inputs.npz", **made.inputs(9, 5))
    program = """
import pathlib, sys
sys.modules["kgan"] = None  # to import it is now an error
import numpy as np, tensorflow as tf
for out in map(pathlib.Path, sys.argv[1:]):
    model = tf.saved_model.load(str(out / "saved_model" / "1"))
    serve, sample = model.signatures["serving_default"], model.signatures["sample"]
    def draw(count, *seed):
        labels = {"labels": tf.range(count) % 3} if "labels" in inputs else {}
        return sample(count=tf.constant(count), seed=tf.constant(seed), **labels)["images"]
    inputs = {name: tf.constant(x) for name, x in np.load(out / "inputs.npz").items()}
    np.savez(
        out / "made.npz", served=serve(**inputs)["images"],
        sampled=draw(6, 3, 7), again=draw(6, 3, 7), few=draw(2, 3, 7), other=draw(6, 3, 8),
    )
"""
    outs = [str(made.out) for made in exports.values()]
    subprocess.run([*warm.python(), "-c", program, *outs], check=True)
    return {name: np.load(made.out / "made.npz") for name, made in exports.items()}


@EVERY_CASE
def test_it_serves_without_kgan(consumed, name):
    made = exported(name)
    served = consumed[name]["served"]
    assert served.dtype == np.float32
    assert 0 <= served.min() < 0.3
    assert 0.7 < served.max() <= 1
    np.testing.assert_allclose(served, made.images(**made.inputs(9, 5)), rtol=0, atol=1e-6)


@EVERY_CASE
def test_samples_are_those_of_the_gan(consumed, name):
    made = exported(name)
    drawn = consumed[name]
    discriminator = kgan.networks.MLPDiscriminator(
        made.trained.image_shape, (4,), num_classes=made.trained.num_classes
    )
    gan = kgan.GAN(made.generator, discriminator, made.case.prior)
    expected = made.case.rescaled(gan.sample(6, SEED))
    np.testing.assert_allclose(drawn["sampled"], expected, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(drawn["sampled"], drawn["again"])
    np.testing.assert_allclose(drawn["few"], expected[:2], rtol=0, atol=1e-6)
    assert np.abs(drawn["other"] - expected).max() > 0.1


def test_samples_are_of_the_classes_that_are_asked_for(consumed):
    made = exported("conditional")
    latents = made.case.prior.sample(6, SEED)
    classes = np.array([0, 1, 2, 0, 1, 2])
    drawn = consumed["conditional"]["sampled"]
    np.testing.assert_allclose(drawn, made.images(latents, classes), rtol=0, atol=1e-6)
    for shift in (1, 2):  # no image is of another class by chance
        others = made.images(latents, (classes + shift) % 3)
        assert np.abs(drawn - others).max(axis=(1, 2, 3)).min() > 0.1


@EVERY_CASE
def test_png_files_hold_the_samples(name):
    signatures = exported(name).saved_model().signatures
    request = {"count": tf.constant(3), "seed": tf.constant(SEED)}
    if name == "conditional":
        request["labels"] = tf.constant([2, 0, 2])
    images = signatures["sample"](**request)["images"].numpy()
    files = signatures["sample_png"](**request)["png_bytes"]
    assert files.shape == (3,)
    decoded = np.stack([tf.io.decode_png(file) for file in files])
    assert decoded.dtype == np.uint8
    assert decoded.shape == images.shape
    assert np.abs(decoded - 255.0 * images).max() <= 0.501  # the nearest of 256 values


@EVERY_CASE
def test_signatures_are_as_promised(name):
    made = exported(name)
    signatures = made.saved_model().signatures
    dim = made.case.prior.dim
    drawn = {"count": ([], tf.int32), "seed": ([2], tf.int32)}
    served = {"latents": ([None, dim], tf.float32)}
    if name == "conditional":
        served["labels"] = drawn["labels"] = ([None], tf.int32)
    images = ([None, *made.trained.image_shape], tf.float32)
    promised = {
        "serving_default": (served, {"images": images}),
        "sample": (drawn, {"images": images}),
        "sample_png": (drawn, {"png_bytes": ([None], tf.string)}),
    }
    assert set(signatures) == set(promised)
    for signature, (taken, given) in promised.items():
        specs = signatures[signature].structured_input_signature[1]
        assert {key: (spec.shape.as_list(), spec.dtype) for key, spec in specs.items()} == taken
        outputs = signatures[signature].structured_outputs
        assert {key: (out.shape.as_list(), out.dtype) for key, out in outputs.items()} == given


@pytest.mark.parametrize(
    "generator",
    [
        lambda: kgan.networks.MLPGenerator((2,), 3, (8,), value_range=None),
        lambda: kgan.networks.MLPGenerator((4, 4, 2), 3, (8,)),
        lambda: kgan.networks.MLPGenerator((4, 4, 1), 3, (8,), value_range=None),
    ],
    ids=["points", "two channels", "unbounded values"],
)
def test_what_is_no_picture_has_no_png(tmp_path, capsys, generator):
    run_dir = export_runs.make_run(tmp_path / "run", generator(), kgan.priors.Normal(3))
    export_runs.export(run_dir, tmp_path / "out", ["saved_model"])
    model = tf.saved_model.load(str(tmp_path / "out" / "saved_model" / "1"))
    assert set(model.signatures) == {"serving_default", "sample"}
    assert "no sample_png: PNG files hold bounded values in 1 or 3 channels" in (
        capsys.readouterr().out
    )
    assert not (tmp_path / "out" / "parity.png").exists()


class TestRefusals:
    @pytest.mark.parametrize("signature", ["sample", "sample_png"])
    @pytest.mark.parametrize("count", [-1, 0, MAX_COUNT + 1, 2**31 - 1])
    def test_counts_out_of_bounds(self, signature, count):
        draw = exported("mlp").saved_model().signatures[signature]
        message = rf"Invalid value for input `count`: expected 1 to 1024, received\] \[{count}\]"
        with pytest.raises(tf.errors.InvalidArgumentError, match=message):
            draw(count=tf.constant(count), seed=tf.constant(SEED))

    def test_the_bounds_themselves_pass(self):
        draw = exported("mlp").saved_model().signatures["sample"]
        for count in (1, MAX_COUNT):
            made = draw(count=tf.constant(count), seed=tf.constant([-(2**31), 2**31 - 1]))
            assert made["images"].shape == (count, 8, 8, 1)

    @pytest.mark.parametrize(
        ("labels", "message"),
        [
            ([0, 3], r"expected classes 0 to 2, received\] \[0 3\]"),
            ([-1, 0], r"expected classes 0 to 2, received\] \[-1 0\]"),
            ([1], r"expected one for each image, received\] \[1\] \[for\] \[2\]"),
        ],
    )
    def test_labels_that_name_no_class(self, labels, message):
        serve = exported("conditional").saved_model().signatures["serving_default"]
        with pytest.raises(tf.errors.InvalidArgumentError, match=f"input `labels`: {message}"):
            serve(latents=tf.zeros([2, 5]), labels=tf.constant(labels))
        draw = exported("conditional").saved_model().signatures["sample_png"]
        with pytest.raises(tf.errors.InvalidArgumentError, match=f"input `labels`: {message}"):
            draw(count=tf.constant(2), seed=tf.constant(SEED), labels=tf.constant(labels))


class TestTFSMLayer:
    """Keras's layer passes one positional input; docs/exports.md says what to do."""

    def layer(self, name):
        path = str(exported(name).out / "saved_model" / "1")
        return keras.layers.TFSMLayer(path, call_endpoint="serving_default")

    def test_it_calls_an_unconditional_export(self):
        latents = exported("mlp").inputs(3, 0)["latents"]
        images = self.layer("mlp")(latents)["images"]
        np.testing.assert_allclose(images, exported("mlp").images(latents), rtol=0, atol=1e-6)

    @pytest.mark.parametrize("form", [dict, lambda inputs: [*inputs.values()]])
    def test_it_cannot_call_a_conditional_one(self, form):
        inputs = exported("conditional").inputs(3, 0)
        with pytest.raises(TypeError, match="too many positional arguments"):
            self.layer("conditional")(form(inputs))
        serve = exported("conditional").saved_model().signatures["serving_default"]
        assert serve(**inputs)["images"].shape == (3, 16, 16, 3)


class TestWhatLiesBesideIt:
    def test_weights_are_stored_once(self):
        made = exported("mlp")
        weights = sum(weight.nbytes for weight in made.generator.get_weights())
        variables = made.out / "saved_model" / "1" / "variables"
        stored = sum(file.stat().st_size for file in variables.iterdir())
        assert weights <= stored <= 1.02 * weights

    @EVERY_CASE
    def test_warm_up_requests_are_official_messages_that_the_model_takes(self, name):
        made = exported(name)
        path = made.out / "saved_model" / "1" / "assets.extra" / "tf_serving_warmup_requests"
        signatures = made.saved_model().signatures
        warmed = warm_up(path, signatures)
        assert warmed == ["serving_default", "sample", "sample_png"]

    def test_the_card_tells_which_weights_of_which_run(self):
        made = exported("conditional")
        path = made.out / "saved_model" / "1" / "assets.extra" / "kgan.json"
        card = json.loads(path.read_text())
        digest = hashlib.sha256()
        for weight in made.generator.get_weights():
            digest.update(f"{weight.shape}<f4".encode() + weight.tobytes())
        assert card["fingerprint"] == digest.hexdigest()
        assert (card["latent_dim"], card["num_classes"]) == (5, 3)
        assert card["image_shape"] == [16, 16, 3]
        assert card["config"]["options"] == {"seed": 0}
        assert card["config"]["prior"]["class_name"] == "Normal"
        assert (
            json.loads((made.out / "parity.json").read_text())["fingerprint"]
            == (card["fingerprint"])
        )
        assert made.trained.fingerprint() != exported("dcgan").trained.fingerprint()


def warm_up(path, signatures):
    """Play the requests of a file as TensorFlow Serving does; return the signatures they name."""
    warmed = []
    for record in tf.data.TFRecordDataset(str(path)):
        log = prediction_log_pb2.PredictionLog.FromString(record.numpy())
        assert log.WhichOneof("log_type") == "predict_log"
        request = log.predict_log.request
        assert request.model_spec.name == "gan"
        # Nothing is there that the official classes do not know or would write otherwise.
        assert log.SerializeToString(deterministic=True) == canonical(log)
        inputs = {key: tf.make_ndarray(value) for key, value in request.inputs.items()}
        outputs = signatures[request.model_spec.signature_name](
            **{key: tf.constant(value) for key, value in inputs.items()}
        )
        assert all(len(output) == 1 for output in outputs.values())
        warmed.append(request.model_spec.signature_name)
    return warmed


def few_labels():
    generator = kgan.networks.MLPGenerator((8, 8, 1), 4, (8,))
    discriminator = kgan.networks.MLPDiscriminator((8, 8, 1), (8,), classes=2)
    labelled = (np.zeros((2, 8, 8, 1), np.float32), np.arange(2))
    return kgan.variants.SemiSupervisedGAN(
        generator, discriminator, kgan.priors.Normal(4), labelled
    )


def encoded():
    generator = kgan.networks.MLPGenerator((8, 8, 1), 4, (8,))
    encoder = kgan.networks.MLPEncoder((8, 8, 1), 4, (8,))
    discriminator = kgan.networks.MLPDiscriminator((68,), (8,))
    return kgan.variants.BiGAN(generator, discriminator, encoder, kgan.priors.Normal(4))


def any_part():
    shapes = {"image_shape": (8, 8, 1), "condition_shape": (8, 8, 2)}
    return kgan.variants.AnyConditional(
        kgan.networks.UNetGenerator(**shapes, latent_dim=4, filters=4, keep_given=True),
        kgan.networks.PatchDiscriminator(**shapes, filters=4),
    )


@pytest.mark.parametrize(
    ("make", "signatures"),
    [
        (few_labels, ["serving_default", "sample", "sample_png", "classify"]),
        (encoded, ["serving_default", "sample", "sample_png", "encode", "reconstruct"]),
        (any_part, ["serving_default", "translate", "complete"]),
    ],
)
def test_every_signature_of_a_variant_is_warmed_up_by_its_own_inputs(make, signatures, tmp_path):
    path = tmp_path / "model"
    make().export(path, verbose=False)
    model = tf.saved_model.load(str(path))
    requests = path / "assets.extra" / "tf_serving_warmup_requests"
    assert warm_up(requests, model.signatures) == signatures
    assert set(model.signatures) == set(signatures)


def canonical(log):
    """The message put together anew from what the official classes understood of it."""
    again = prediction_log_pb2.PredictionLog()
    request = log.predict_log.request
    again.predict_log.request.model_spec.name = request.model_spec.name
    again.predict_log.request.model_spec.signature_name = request.model_spec.signature_name
    for key, value in request.inputs.items():
        array = tf.make_ndarray(value)
        again.predict_log.request.inputs[key].CopyFrom(tf.make_tensor_proto(array))
    return again.SerializeToString(deterministic=True)
