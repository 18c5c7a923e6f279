"""Runs of BiGAN: flags, resume, and that the encoder comes along with every file of the run."""

import json

import numpy as np
import pytest
import tensorflow as tf

import kgan
from export import of_images
from export.parity import ParityError
from export.program import export
from kgan import plots
from train.choices import VARIANT_NETWORKS, VARIANTS
from train.config import Config, resolve
from train.evaluation.options import Options as EvaluationOptions
from train.evaluation.run import evaluate
from train.game import untrained_gan
from train.run import train
from train.sampling.options import Options
from train.sampling.run import sample

SMALL = {
    **{"variant": "bigan", "dataset": "digits", "network": "mlp", "latent_dim": 3, "width": 8},
    **{"batch_size": 16, "steps": 4, "checkpoint_every": 2, "ema_decay": 0.5},
}


@pytest.fixture(scope="module")
def run(data_dir, tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "run"
    train(Config(**SMALL), path, data_dir)
    return path


@pytest.fixture(scope="module")
def plain(data_dir, tmp_path_factory):
    """A finished run without an encoder, of two classes' names."""
    path = tmp_path_factory.mktemp("plain") / "run"
    options = {**SMALL, "variant": None, "conditional": True}
    train(Config(**options), path, data_dir)
    return path


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).uniform(0, 1, (3, 8, 8, 1)).astype("float32")


@pytest.fixture(scope="module")
def pictures(images, tmp_path_factory):
    folder = tmp_path_factory.mktemp("given")
    for i, image in enumerate(images):
        pixels = tf.io.encode_png(tf.cast(tf.round(image * 255), tf.uint8))
        (folder / f"{i}.png").write_bytes(pixels.numpy())
    return folder


@pytest.mark.slow
def test_a_run_resumes_bit_for_bit(run, data_dir, tmp_path):
    train(Config(**{**SMALL, "steps": 2}), tmp_path, data_dir)
    train(Config(**SMALL), tmp_path, data_dir)
    ends = [kgan.load_run(path) for path in (run, tmp_path)]
    assert type(ends[0]) is kgan.variants.BiGAN
    for one, other in zip(*(gan.get_weights() for gan in ends), strict=True):
        np.testing.assert_array_equal(one, other)
    generator = ends[0].generator.generator
    # As everywhere, the output starts at the mean of the data.
    assert np.abs(generator.output_layer.bias).max() > 1


@pytest.mark.slow
def test_exports_encode_as_the_run_does(run, images, tmp_path):
    made = export(run, tmp_path / "model", formats=("saved_model", "tflite"))
    assert set(made) == {"saved_model", "tflite_float32", "encode", "reconstruct"}
    assert all(each.passed and each.max_absolute_error < 1e-5 for each in made.values())
    gan = kgan.load_run(run)
    latents = gan.encode(2 * images - 1)
    path = tmp_path / "model" / "saved_model" / "1"
    for source in (run, path):
        read = kgan.inference.load(source)
        np.testing.assert_allclose(read.encode(images), latents, atol=1e-5)
        expected = (gan.reconstruct(2 * images - 1) + 1) / 2
        np.testing.assert_allclose(read.reconstruct(images), expected, atol=1e-5)
    lite = kgan.inference.load(tmp_path / "model" / "tflite" / "generator_float32.tflite")
    np.testing.assert_allclose(lite.sample(2), (gan.sample(2) + 1) / 2, atol=1e-5)
    with pytest.raises(ValueError, match=r"has no encoder, .*TFLite and ONNX files leave it out"):
        lite.encode(images)
    # A TFLite file holds the generator alone.
    sizes = [each.count_params() for each in (gan.generator, gan.generator.generator)]
    size = (tmp_path / "model" / "tflite" / "generator_float32.tflite").stat().st_size
    assert 4 * sizes[1] < size < 4 * sizes[0] + 20_000


@pytest.mark.slow
def test_an_export_that_encodes_otherwise_is_none(run, monkeypatch, tmp_path):
    made = of_images.OfImages.images
    monkeypatch.setattr(of_images.OfImages, "images", lambda *_, **given: made(*_, **given) + 1e-4)
    with pytest.raises(ParityError, match="Parity failed for encode, reconstruct: the images diff"):
        export(run, tmp_path / "model", formats=("saved_model",))
    assert not (tmp_path / "model" / "saved_model").exists()


@pytest.mark.slow
def test_an_evaluation_measures_the_reconstructions(run, data_dir, capsys):
    """The digits' test images are new to the run."""
    options = EvaluationOptions(
        run_dir=str(run), metrics=("frechet",), features="random", data_dir=data_dir
    )
    figures = evaluate(options)["figures"]
    assert "reconstruction_error " in capsys.readouterr().out
    found = figures["reconstruction_error"]
    test = kgan.data.load("digits", "test", batch_size=360, shuffle=False, data_dir=data_dir)
    x = next(iter(test)).numpy()
    gan = kgan.load_run(run)
    expected = np.square((gan.reconstruct(x) - x) / 2).mean()
    assert found["value"] == pytest.approx(expected, rel=1e-4)
    assert found["samples"] == 360
    # Four steps of a tiny network against the nearest of 1,437 digits.
    assert figures["reconstruction_error_of_nearest_image"]["value"] < 0.5 * found["value"]


def test_pictures_are_inverted_from_the_encoder(run, pictures, images, capsys, tmp_path):
    options = {"invert": str(pictures), "run_dir": str(run), "invert_steps": 20}
    sample(Options(output=str(tmp_path / "grid.png"), **options))
    said = capsys.readouterr().out
    assert "3 pictures inverted by" in said
    generator = kgan.inference.load(run)
    given = np.round(images * 255) / 255
    start = np.square(generator.reconstruct(given) - given).mean()
    assert f"{start:.4g} with the encoder's latents" in said
    found = kgan.inference.invert(generator, given, steps=20)
    assert f"{found.errors.mean():.4g} after 20 steps" in said
    grid = tf.io.decode_png((tmp_path / "grid.png").read_bytes(), 3).numpy()
    parts = (given, generator.reconstruct(given), found.images)
    expected = plots.side_by_side(*parts, value_range=(0.0, 1.0))
    assert np.abs(grid.astype(int) - expected).max() <= 1
    sample(Options(output=f"{tmp_path}/found/", **options))
    assert sorted(path.name for path in (tmp_path / "found").iterdir()) == [
        "0.png",
        "1.png",
        "2.png",
    ]
    written = tf.io.decode_png((tmp_path / "found" / "1.png").read_bytes()).numpy() / 255
    np.testing.assert_allclose(written, found.images[1], atol=0.51 / 255 + 1e-3)


def test_pictures_are_inverted_by_any_generator(plain, pictures, capsys, tmp_path):
    options = {"invert": str(pictures), "run_dir": str(plain), "invert_steps": 5}
    sample(Options(output=str(tmp_path / "a.png"), labels=("7",), **options))
    assert "with the best of 4 draws" in capsys.readouterr().out
    with pytest.raises(ValueError, match=r"--invert=.*: expected --labels=CLASS beside it"):
        sample(Options(output=str(tmp_path / "a.png"), **options))


@pytest.mark.slow
def test_what_cannot_be_inverted_is_refused(run, pictures, tmp_path):
    output = {"output": str(tmp_path / "a.png")}
    export(run, tmp_path / "model", formats=("saved_model",))
    path = str(tmp_path / "model" / "saved_model" / "1")
    with pytest.raises(ValueError, match=r"--invert=.*: expected a run or a \.keras file, as .*no"):
        sample(Options(model=path, invert=str(pictures), **output))
    with pytest.raises(FileNotFoundError, match=r"`invert`: expected a directory of pictures"):
        sample(Options(run_dir=str(run), invert=str(tmp_path / "nothing"), **output))
    given = {"run_dir": str(run), "invert": str(pictures), **output}
    for changed, sentence in (
        ({"output": "a.gif"}, r"--output=a\.gif: expected FILE\.png or DIR/ beside --invert="),
        ({"input": "b"}, "--input=b: expected none beside --invert="),
        ({"truncation": 1.0}, r"--truncation=1\.0: expected none beside --invert="),
        ({"labels": ("1", "2")}, "--labels=1,2: expected one class beside --invert="),
        ({"invert": None, "invert_steps": 5}, "--invert_steps=5: expected --invert=DIR beside it"),
    ):
        with pytest.raises(ValueError, match=sentence):
            Options(**{**given, **changed})


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"network": "dcgan"}, "--variant=bigan: --network=dcgan has no such option; mlp, maxout"),
        ({"conditional": True}, "--conditional: expected none beside --variant=bigan"),
        ({"latent_dim": 0}, "--latent_dim=0: expected a positive integer"),
        ({"condition": "edges"}, "--condition=edges and --network=mlp: expected"),
    ],
)
def test_flags_that_do_not_fit_are_refused(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        resolve(None, {**SMALL, **options})


def test_the_preset_and_the_networks_of_a_run():
    assert set(VARIANTS) == set(VARIANT_NETWORKS)
    config = resolve("mnist_bigan", {"width": 8, "packing": 2})
    assert (config.variant, config.latent_dim, config.prior) == ("bigan", 50, "uniform")
    gan = untrained_gan(config, (28, 28, 1), None)
    gan.build()
    assert gan.discriminator.image_shape == (2 * (784 + 50),)
    assert gan.encoder.latent_range == (gan.prior.low, gan.prior.high)
    normal = untrained_gan(resolve("mnist_bigan", {"prior": "normal"}), (28, 28, 1), None)
    assert normal.encoder.latent_range is None
    maxout = untrained_gan(resolve(None, {**SMALL, "network": "maxout"}), (8, 8, 1), None)
    assert maxout.discriminator.maxout_pieces == 5
    record = json.loads(json.dumps(config.options()))
    assert record["variant"] == "bigan"
