"""`kgan.inference`: one callable, whatever file a trained generator is stored in."""

import hashlib
import subprocess

import keras
import numpy as np
import pytest
import warm
from export_runs import exported, make_run, mlp, sequential

import kgan
from kgan import inference
from kgan.artifacts import RunDirectory
from kgan.inference import KerasGenerator
from kgan.utils.loading import error_summary

NAMES = ["mlp", "conditional", "sequential"]
FORMATS = {
    "run": lambda made: made.out.parents[1] / made.out.name,
    "keras": lambda made: made.out.parents[1] / made.out.name / "generator.keras",
    "saved_model": lambda made: made.out / "saved_model" / "1",
    "tflite": lambda made: made.out / "tflite" / "generator_float32.tflite",
}


@keras.saving.register_keras_serializable(package="test_inference")
class OwnNetwork(keras.Model):
    """Somebody's own network, which declares nothing."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(4)

    def call(self, latents):
        return keras.ops.reshape(self.dense(latents), (-1, 2, 2, 1))


def load(made, form):
    """The case as stored in one format; what the format does not record is given."""
    given = {"prior": made.case.prior} if form == "keras" else {}
    return inference.load(FORMATS[form](made), **given)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", NAMES)
class TestEveryFormat:
    def test_its_images_are_those_of_keras(self, name, form):
        made = exported(name)
        generator, inputs = load(made, form), made.inputs(5, 1)
        images = generator(**inputs)
        assert images.dtype == np.float32
        np.testing.assert_allclose(images, made.images(**inputs), rtol=0, atol=1e-5)

    def test_it_knows_prior_range_and_classes(self, name, form):
        made, generator = exported(name), load(exported(name), form)
        assert generator.kind == ("keras" if form == "run" else form)
        assert generator.prior.get_config() == made.case.prior.get_config()
        assert generator.latent_dim == made.case.prior.dim
        assert generator.num_classes == (3 if name == "conditional" else None)
        assert generator.image_shape == made.trained.image_shape
        assert generator.value_range == (0.0, 1.0)

    def test_samples_are_a_function_of_the_seed_and_take_all_classes_in_turn(self, name, form):
        made, generator = exported(name), load(exported(name), form)
        images = generator.sample(7, 4)
        np.testing.assert_allclose(images, made.images(**made.inputs(7, 4)), rtol=0, atol=1e-5)
        np.testing.assert_array_equal(generator.sample(7, 4), images)
        assert np.abs(generator.sample(7, 5) - images).max() > 0.05


def test_more_images_than_a_batch_are_the_same_images():
    made = exported("mlp")
    generator = load(made, "run")
    latents = made.case.prior.sample(inference.generator.BATCH + 3, 0)
    images = generator(latents)
    assert len(images) == inference.generator.BATCH + 3
    np.testing.assert_allclose(images[-3:], generator(latents[-3:]), rtol=0, atol=1e-6)


def test_labels_may_be_chosen():
    made = exported("conditional")
    generator, latents = load(made, "saved_model"), made.case.prior.sample(4, 0).numpy()
    labels = np.array([2, 2, 0, 1], np.int32)
    expected = made.images(latents, labels)
    np.testing.assert_allclose(generator(latents, labels), expected, rtol=0, atol=1e-5)
    np.testing.assert_allclose(generator.sample(4, 0, labels), expected, rtol=0, atol=1e-5)
    np.testing.assert_array_equal(generator.labels(7, repeats=2), [0, 0, 1, 1, 2, 2, 0])


@pytest.mark.parametrize("form", ["run", "saved_model"])
def test_labels_and_conditions_that_do_not_fit_are_refused(form):
    generator = load(exported("conditional"), form)
    for labels, received in (([99, 0], "0 to 99"), ([-1, 0], "-1 to 0")):
        with pytest.raises(ValueError, match=rf"classes from 0 to \d, received {received}"):
            generator.sample(2, labels=labels)
    for labels in ([1.7, 0.2], [1]):
        with pytest.raises(ValueError, match="`labels`: expected 2 integers, one an image"):
            generator.sample(2, labels=labels)
    np.testing.assert_array_equal(generator.sample(2, labels=1), generator.sample(2, labels=[1, 1]))
    with pytest.raises(ValueError, match="`count`: expected a positive integer, received 0"):
        generator.sample(0)
    with pytest.raises(ValueError, match=r"`conditions`: expected None, as .* takes no images"):
        generator(np.zeros([1, generator.latent_dim]), conditions=np.zeros([1, 8, 8, 1]))
    with pytest.raises(ValueError, match="`latents`: expected at least one, received none"):
        generator(np.zeros([0, generator.latent_dim]))
    with pytest.raises(ValueError, match="`labels`: expected None, as the generator is not"):
        load(exported("mlp"), form).sample(2, labels=[0, 1])


def test_the_latents_of_a_path_share_a_class():
    made = exported("conditional")
    generator, latents = load(made, "run"), made.case.prior.sample(4, 0).numpy()
    images = generator.path_images(2)(latents)
    expected = made.images(latents, np.array([0, 0, 1, 1], np.int32))
    np.testing.assert_allclose(images, expected, rtol=0, atol=1e-5)


def test_8_bit_latents_and_images_are_converted():
    made = exported("mlp")
    path = made.out / "tflite" / "generator_int8_io.tflite"
    generator, inputs = inference.load(path), made.inputs(20, 0)
    images = generator(**inputs)
    assert images.dtype == np.float32
    assert np.sqrt(np.mean((images - made.images(**inputs)) ** 2)) < 0.03
    # Latents beyond what 8 bits hold are its ends.
    details = inference.runtimes.signature_runner(path).get_input_details()["latents"]
    scale, zero_point = details["quantization"]
    for end in (-128, 127):
        latents = np.full((1, generator.latent_dim), scale * (end - zero_point), np.float32)
        np.testing.assert_array_equal(generator(2 * latents), generator(latents))


def test_points_stay_as_the_network_makes_them(tmp_path):
    network = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])  # declares no range
    prior = kgan.priors.Normal(4)
    generator = inference.load(make_run(tmp_path / "run", network, prior))
    latents = prior.sample(3, 0)
    np.testing.assert_allclose(generator(latents), network(latents), rtol=1e-5, atol=1e-6)
    assert generator.value_range is None


def test_unbounded_images_have_no_range(tmp_path):
    run_dir = make_run(tmp_path / "run", mlp(value_range=None), kgan.priors.Uniform(6))
    generator = inference.load(run_dir)
    assert generator.value_range is None
    kgan.saved_model.write(inference.read_run(run_dir), tmp_path / "1")
    again = inference.load(tmp_path / "1")
    assert again.value_range is None
    np.testing.assert_allclose(again.sample(3), generator.sample(3), rtol=0, atol=1e-5)


def test_a_tflite_file_of_earlier_versions_records_nothing(monkeypatch):
    monkeypatch.setattr(inference.runtimes, "tflite_metadata", lambda path, name: None)
    generator = inference.load(FORMATS["tflite"](exported("conditional")))
    assert (generator.prior, generator.num_classes, generator.bounded) == (None, None, True)


def test_a_keras_file_may_have_inputs_of_a_size():
    assert inference.load(FORMATS["keras"](exported("sequential"))).latent_dim == 4


def test_digests_stay_as_earlier_versions_recorded_them():
    made = exported("mlp")
    weights, file = hashlib.sha256(), FORMATS["keras"](made)
    for weight in made.generator.get_weights():
        weights.update(f"{weight.shape}{weight.dtype.str}".encode() + weight.tobytes())
    assert made.trained.fingerprint() == weights.hexdigest()
    digest = hashlib.sha256(b"." + file.read_bytes()).hexdigest()[:16]
    assert load(made, "run").file_digest() == digest
    directory, parts = FORMATS["saved_model"](made), hashlib.sha256()
    for path in sorted(path for path in directory.rglob("*") if path.is_file()):
        parts.update(path.relative_to(directory).as_posix().encode() + path.read_bytes())
    assert load(made, "saved_model").file_digest() == parts.hexdigest()[:16]


def test_half_precision_becomes_full_only_on_request(tmp_path):
    run_dir = make_run(tmp_path / "run", mlp(dtype="mixed_float16"), kgan.priors.Uniform(6))
    trained = inference.read_run(run_dir)
    assert trained.model.compute_dtype == "float16"
    trained.use_full_precision()
    assert trained.model.compute_dtype == "float32"


class TestRefusals:
    def test_what_is_no_generator(self, tmp_path):
        (tmp_path / "x.txt").write_text("x")
        for path in (tmp_path, tmp_path / "absent.keras", tmp_path / "x.txt"):
            with pytest.raises(FileNotFoundError, match="`path`: expected a run directory"):
                inference.load(path)

    def test_a_run_that_is_not_finished(self, tmp_path):
        run = RunDirectory(make_run(tmp_path / "run", sequential(), kgan.priors.Normal(4)))
        run.generator.unlink()
        with pytest.raises(FileNotFoundError, match=r"no checkpoint yet.*kgan-train --run_dir="):
            inference.load(run.path)

    def test_a_step_of_what_has_none(self):
        with pytest.raises(ValueError, match=r"`step=3`: expected none, as .* is no run"):
            inference.load(FORMATS["tflite"](exported("mlp")), step=3)

    @pytest.mark.parametrize("form", FORMATS)
    def test_damaged_files(self, tmp_path, form):
        run_dir = make_run(tmp_path / "run", sequential(), kgan.priors.Normal(4))
        path = {"run": run_dir, "saved_model": tmp_path}.get(form, tmp_path / f"x.{form}")
        file = {"run": run_dir / "generator.keras", "saved_model": path / "saved_model.pb"}
        file.get(form, path).write_bytes(b"damaged")
        with pytest.raises(ValueError, match=r"cannot be loaded \(.*\)\. Either it is damaged, or"):
            inference.load(path, prior=kgan.priors.Normal(4))

    def test_a_prior_that_is_not_recorded(self):
        generator = inference.load(FORMATS["keras"](exported("mlp")))
        assert generator(np.zeros([1, generator.latent_dim])).shape == (1, 8, 8, 1)
        with pytest.raises(ValueError, match=r"not record the prior .* argument `prior`"):
            generator.sample(1)

    def test_a_keras_file_without_a_latent_size(self, tmp_path):
        path, network = tmp_path / "own.keras", OwnNetwork()
        network(np.zeros([1, 4]))
        network.save(path)
        with pytest.raises(ValueError, match=r"size of its latents\. Declare `latent_dim`"):
            inference.load(path)

    @pytest.mark.parametrize("form", ["run", "keras", "saved_model"])
    def test_a_prior_of_another_size(self, form):
        path = FORMATS[form](exported("mlp"))
        with pytest.raises(ValueError, match=r"`prior`: expected one of 32 dimensions, which .* 5"):
            inference.load(path, prior=kgan.priors.Normal(5))

    def test_another_number_of_classes(self):
        path = FORMATS["run"](exported("conditional"))
        with pytest.raises(ValueError, match=r"`num_classes`: expected None or the 3 of .* 5\."):
            inference.load(path, num_classes=5)

    def test_latents_of_another_size(self):
        generator = inference.load(FORMATS["tflite"](exported("mlp")))
        with pytest.raises(ValueError, match="takes latents of size 32, not 33"):
            generator(np.zeros([1, 33]))


def test_keras_names_the_class_that_it_misses_without_kgan():
    """docs/exports.md quotes the sentence."""
    program = "import sys, keras; keras.models.load_model(sys.argv[1])"
    command = [*warm.python(), "-c", program, str(FORMATS["keras"](exported("mlp")))]
    done = subprocess.run(command, capture_output=True, text=True)
    expected = "TypeError: Could not locate class 'MLPGenerator'. Make sure custom classes and "
    assert expected in done.stderr
    command[-2] = program.replace("keras;", "keras, kgan;")
    assert subprocess.run(command).returncode == 0


def test_error_summary_is_the_type_and_the_first_line():
    assert error_summary(ValueError("first\nsecond")) == "ValueError: first"


def test_predictions_are_silent(capsys):
    generator = KerasGenerator(OwnNetwork(), kgan.priors.Normal(2))
    assert generator.predict(np.zeros([3, 2], np.float32)).shape == (3, 2, 2, 1)
    assert capsys.readouterr().out == ""


def test_a_generator_needs_only_a_network_and_a_prior():
    network = sequential()
    images = KerasGenerator(network, kgan.priors.Normal(4)).images(np.zeros([2, 4], np.float32))
    assert images.shape == (2, 6, 6, 1)
