"""Every kind of game ships what its `sample` draws, whichever way it is exported."""

import functools
import math
import os

import keras
import numpy as np
import pytest
import tensorflow as tf
from kgan_export import export

import kgan
from kgan import networks

LATENT, SHAPE, CLASSES = 3, (8, 8, 1), 3
SEED = (3, 7)
layers = keras.layers


def sequential(activation="tanh"):
    return keras.Sequential(
        [keras.Input((LATENT,)), layers.Dense(64, activation), layers.Reshape(SHAPE)]
    )


def functional():
    latents = keras.Input((LATENT,))
    images = layers.Reshape(SHAPE)(layers.Dense(64, "sigmoid")(latents))
    return keras.Model(latents, images)


@keras.saving.register_keras_serializable(package="test_gan_export")
class Subclassed(keras.Model):
    """Neither its size nor its range can be seen from outside."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense, self.reshape = layers.Dense(64, "tanh"), layers.Reshape(SHAPE)

    def call(self, latents):
        return self.reshape(self.dense(latents))


# Makes a generator, and the arguments of the game; `dtype` is the policy of both.
GAMES = {
    "sequential": (sequential, {}),
    "functional, [0, 1]": (functional, {"value_range": (0, 1)}),
    "subclassed, EMA": (Subclassed, {"ema_decay": 0.5}),
    "MLP, [0, 1]": (lambda: networks.MLPGenerator(SHAPE, LATENT, (8,), value_range=(0, 1)), {}),
    "DCGAN, EMA": (lambda: networks.DCGANGenerator(SHAPE, LATENT, 4), {"ema_decay": 0.5}),
    "conditional, EMA": (
        lambda: networks.MLPGenerator(SHAPE, LATENT, (8,), num_classes=CLASSES),
        {"ema_decay": 0.5},
    ),
    "linear": (lambda: sequential("linear"), {"value_range": (-math.inf, math.inf)}),
    "half precision": (
        lambda: networks.MLPGenerator(SHAPE, LATENT, (8,), dtype="mixed_bfloat16"),
        {"ema_decay": 0.5, "dtype": "mixed_bfloat16"},
    ),
    "points": (lambda: networks.MLPGenerator((2,), LATENT, (8,)), {}),
}


def trained(name):
    """A game after two steps, by when the EMA is not the weights."""
    make, options = GAMES[name]
    classes = CLASSES if name.startswith("conditional") else None
    shape = (2,) if name == "points" else SHAPE
    discriminator = networks.MLPDiscriminator(
        shape, (8,), num_classes=classes, dtype=options.get("dtype")
    )
    gan = kgan.GAN(make(), discriminator, kgan.priors.Normal(LATENT), **options)
    gan.compile(*[kgan.optimizers.FusedAdam(0.05) for _ in range(2)])
    low, high = (0, 1) if gan.value_range == (0, 1) else (-1, 1)
    images = np.random.default_rng(0).uniform(low, high, (8, *shape)).astype("float32")
    labels = np.arange(8) % CLASSES if classes else None
    gan.fit(images, labels, batch_size=4, verbose=0)
    return gan


def rescaled(gan, images):
    """As a SavedModel has them: pixels in [0, 1], anything else as it is."""
    if gan.value_range is None or images.ndim == 2:
        return images
    low, high = gan.value_range
    return (images - low) / (high - low)


def drawn(path, count):
    """What plain TensorFlow samples; of all classes in turn, as `GAN.sample`."""
    model = tf.saved_model.load(str(path))
    sample = model.signatures["sample"]
    conditional = "labels" in sample.structured_input_signature[1]
    labels = {"labels": tf.range(count) % CLASSES} if conditional else {}
    return sample(count=tf.constant(count), seed=tf.constant(SEED), **labels)["images"].numpy()


# From a trained game and an empty directory to the images of one seed, in [0, 1].


def exported_at_once(gan, path):
    gan.export(path / "1", verbose=False)
    return drawn(path / "1", 6)


def read_by_kgan(gan, path):
    gan.export(path / "1", verbose=False)
    return kgan.inference.load(path / "1").sample(6, SEED)


def exported_after_loading(gan, path):
    gan.save(path / "game.keras")
    keras.models.load_model(path / "game.keras").export(path / "1", verbose=False)
    return drawn(path / "1", 6)


def exported_from_a_loaded_run(gan, path):
    gan.save_run(path / "run")
    kgan.load_run(path / "run").export(path / "1", verbose=False)
    return drawn(path / "1", 6)


def exported_by_the_program(gan, path):
    gan.save_run(path / "run")
    export(path / "run", path / "out", formats=["saved_model"])
    return drawn(path / "out" / "saved_model" / "1", 6)


def exported_of_a_checkpoint(gan, path):
    gan.save_run(path / "run")
    (path / "run" / "generator.keras").unlink()
    return kgan.inference.load(path / "run").sample(6, SEED)


WAYS = (
    *(exported_at_once, read_by_kgan, exported_after_loading, exported_from_a_loaded_run),
    *(exported_by_the_program, exported_of_a_checkpoint),
)


@functools.cache
def once(name):
    """The game of this name, trained once for all ways; none of them moves it."""
    gan = trained(name)
    return gan, rescaled(gan, gan.sample(6, SEED))


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("name", GAMES)
def test_every_export_draws_the_samples_of_the_game(name, way, tmp_path):
    gan, expected = once(name)
    # The program exports what was trained in half precision in float32 (docs/exports.md).
    rounded = name == "half precision" and way is exported_by_the_program
    images = way(gan, tmp_path)
    np.testing.assert_allclose(images, expected, rtol=0, atol=0.01 if rounded else 1e-5)


@pytest.mark.parametrize("name", [name for name in GAMES if "EMA" in name])
def test_the_ema_is_not_the_latest_weights(name):
    gan, _ = once(name)
    plain = gan.generator.get_weights()
    with gan.averaged():
        assert any((a != b).any() for a, b in zip(plain, gan.generator.get_weights(), strict=True))


def test_where_it_was_written_is_printed(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    once("sequential")[0].export("~/1")
    assert (tmp_path / "1" / "saved_model.pb").exists()
    assert capsys.readouterr().out == f"Written: {tmp_path / '1'}\n"


@pytest.mark.slow
def test_the_game_trains_on_as_if_nothing_had_been_exported(tmp_path):
    exported, other = (trained("conditional, EMA") for _ in range(2))
    before = exported.get_weights()
    exported.export(tmp_path / "1", verbose=False)
    for a, b in zip(before, exported.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert exported.step == other.step == 2


def test_a_saved_model_is_replaced_and_nothing_else_is(tmp_path, monkeypatch):
    gan = kgan.GAN(sequential(), networks.MLPDiscriminator(SHAPE, (8,)), kgan.priors.Normal(LATENT))
    gan.export(tmp_path / "model" / "1", verbose=False)  # not trained, not even built
    first = drawn(tmp_path / "model" / "1", 2)
    gan.generator.set_weights([2 * weight for weight in gan.generator.get_weights()])
    gan.export(tmp_path / "model" / "1", verbose=False)
    assert np.abs(drawn(tmp_path / "model" / "1", 2) - first).max() > 0.01
    assert [path.name for path in (tmp_path / "model").iterdir()] == ["1"]
    before, replace = drawn(tmp_path / "model" / "1", 2), os.replace

    def fails(source, target):
        if source.name == "new":
            assert source.parent.parent == target.parent, "files move within one file system"
            raise OSError("full")
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fails)
        with pytest.raises(OSError, match="full"):
            gan.export(tmp_path / "model" / "1")
    np.testing.assert_array_equal(drawn(tmp_path / "model" / "1", 2), before)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match=r"`filepath`: expected a new directory or a Saved"):
        gan.export(tmp_path / "mine")
    assert (tmp_path / "mine" / "notes.txt").read_text() == "mine"
    with pytest.raises(ValueError, match=r"`format`.*`kgan_export.export` writes others"):
        gan.export(tmp_path / "2", format="onnx")


def test_samples_out_of_range_leave_nothing(tmp_path):
    gan = kgan.GAN(
        sequential("linear"),
        networks.MLPDiscriminator(SHAPE, (8,)),
        kgan.priors.Normal(LATENT),
        value_range=(-1, 1),
    )
    with pytest.raises(ValueError, match="last activation is linear"):
        gan.export(tmp_path / "model" / "1")
    assert not list((tmp_path / "model").iterdir())
