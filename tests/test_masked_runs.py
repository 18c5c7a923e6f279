"""Runs that complete images whichever part is hidden: trained, resumed, exported and used."""

import json

import numpy as np
import picture_files
import pytest
import tensorflow as tf

import kgan
from export.program import export
from export.serving.model import Model
from train.config import Config, resolve
from train.evaluation.options import Options as Evaluation
from train.evaluation.run import evaluate
from train.run import train
from train.sampling.options import Options
from train.sampling.run import sample

SMALL = {"variant": "any_conditional", "width": 2, "batch_size": 4, "latent_dim": 2, "steps": 2}


@pytest.fixture(scope="module")
def run(data_dir, tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "run"
    train(resolve(None, {**SMALL, "dataset": "digits", "checkpoint_every": 1}), path, data_dir)
    return path


def holes(folder, mode="LA", count=2):
    """Noise whose right half is transparent, but for the faint last column; return it in [0, 1]."""
    pixels = [picture_files.noise(i, channels=1 if mode == "LA" else 3) for i in range(count)]
    alpha = np.full((8, 8, 1), 255, np.uint8)
    alpha[:, 4:], alpha[:, 7:] = 0, 128
    for i, image in enumerate(pixels):
        whole = np.concatenate([image.reshape(8, 8, -1), alpha], axis=-1)
        picture_files.write(folder / f"{i}.png", whole)
    return np.stack(pixels).reshape(count, 8, 8, -1) / np.float32(255)


@pytest.mark.slow
def test_the_variant_chooses_its_condition_and_network(run):
    config = json.loads((run / "config.json").read_text())
    options = config["options"]
    assert (options["condition"], options["network"]) == ("masked_any", "unet")
    assert config["data"]["condition_shape"] == [8, 8, 2]
    gan = kgan.load_run(run)
    assert type(gan) is kgan.variants.AnyConditional
    assert gan.diversity_weight == 0.5
    preset = resolve("mnist_any_conditional", {"diversity_weight": 0.25})
    assert (preset.variant, preset.condition, preset.diversity_weight) == (
        *("any_conditional", "masked_any"),
        0.25,
    )


@pytest.mark.slow
def test_a_stopped_run_goes_on_bit_for_bit(run, data_dir, tmp_path):
    options = {**SMALL, "dataset": "digits", "checkpoint_every": 1}
    for steps in (1, 2):
        train(resolve(None, {**options, "steps": steps}), tmp_path / "parts", data_dir)
    one, other = (kgan.load_run(path).get_weights() for path in (run, tmp_path / "parts"))
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_transparent_pixels_are_those_to_make(run, tmp_path):
    """What is only half opaque is made too. Other pixels come back as they are."""
    x = holes(tmp_path / "given")
    options = {"run_dir": str(run), "input": f"{tmp_path}/given", "input_is_condition": True}
    sample(Options(output=f"{tmp_path}/made/", seed=3, **options))
    mask = np.broadcast_to(np.arange(8) < 4, (8, 8))
    expected = kgan.inference.load(run).complete(x, mask, seed=3)
    for i in range(2):
        made = tf.io.decode_png((tmp_path / "made" / f"{i}.png").read_bytes()).numpy() / 255
        np.testing.assert_allclose(made, expected[i], atol=0.51 / 255)
        np.testing.assert_allclose(made[:, :4], x[i, :, :4], atol=1e-6)
    sample(Options(output=f"{tmp_path}/grid.png", **options))
    # Without the flag a part is hidden as in training.
    sample(Options(output=f"{tmp_path}/other/", **{**options, "input_is_condition": False}))
    picture_files.write(tmp_path / "given" / "whole.png", picture_files.noise(9))
    with pytest.raises(ValueError, match=r"--input=\S+: whole\.png has no transparent pixels"):
        sample(Options(output=f"{tmp_path}/no/", **options))


@pytest.mark.slow
def test_every_format_completes_as_the_run_does(run, tmp_path):
    export(run, tmp_path, formats=("saved_model", "tflite"))
    x = np.random.default_rng(0).uniform(0, 1, (3, 8, 8, 1)).astype("float32")
    mask = np.broadcast_to(np.arange(8) < 4, (8, 8))
    generator = kgan.inference.load(run)
    made = generator.complete(x, mask)
    hidden = np.where(mask[..., None], x, np.nan)
    np.testing.assert_array_equal(generator.complete(hidden, mask), made)
    with pytest.raises(ValueError, match=r"`images`: expected finite numbers in \[0, 1\]"):
        generator.complete(255 * x, mask)
    paths = [tmp_path / "saved_model" / "1", *(tmp_path / "tflite").glob("*.tflite")]
    assert len(paths) == 2
    for path in paths:
        np.testing.assert_allclose(kgan.inference.load(path).complete(x, mask), made, atol=1e-4)
    masks = np.broadcast_to(mask[..., None], x.shape).astype(int)
    inputs = {"images": x.tolist(), "mask": masks.tolist(), "seed": [0, 0]}
    request = {"signature_name": "complete", "inputs": inputs}
    answer = Model(tmp_path / "saved_model" / "1").predict(json.dumps(request).encode())
    np.testing.assert_allclose(json.loads(answer)["outputs"], made, atol=1e-5)


@pytest.mark.slow
def test_an_evaluation_hides_what_the_condition_hides(run, data_dir):
    options = {"metrics": ("frechet",), "num_samples": 20, "features": "pixels"}
    figures = evaluate(Evaluation(run_dir=str(run), data_dir=data_dir, **options))["figures"]
    assert 0 < figures["pairs_l1"]["value"] < 0.5


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"condition": "edges"}, "--condition=edges: expected one of masked, masked_half"),
        ({"latent_dim": 0}, "--latent_dim=0: expected a positive integer for --variant=any_cond"),
        ({"diversity_weight": 1.5}, "--diversity_weight=1.5: expected a number from 0 to 1"),
        ({"variant": "pix2pix", "condition": "masked", "diversity_weight": 0.5}, "any_conditional"),
        ({"network": "mlp"}, "--network=mlp"),
    ],
)
def test_flags_that_do_not_fit_are_refused(options, said):
    with pytest.raises(ValueError, match=said):
        resolve(None, {**SMALL, **options})


def test_a_generator_without_latents_needs_no_diversity():
    given = {"network": "unet", "variant": "any_conditional", "condition": "masked_half"}
    config = Config(steps=1, **given, latent_dim=0, diversity_weight=0.0)
    assert config.latent_dim == 0
