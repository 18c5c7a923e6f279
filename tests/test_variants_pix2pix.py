"""Pix2Pix: its two terms, and that it is trained, resumed and saved as every game."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from variant_games import Zero, assert_goes_on, saved

import kgan
from kgan import penalties
from kgan.networks import PatchDiscriminator, UNetGenerator
from kgan.variants import Pix2Pix
from train.choices import LOSSES

SHAPE = (8, 8, 1)
X = np.random.default_rng(0).uniform(-1, 1, (24, *SHAPE)).astype("float32")
Y = -X  # the condition: the negative


def game(compiled=None, latent_dim=0, filters=2, dropout=0.5, dtype="float32", **options):
    keras.utils.set_random_seed(0)
    gan = Pix2Pix(
        UNetGenerator(SHAPE, SHAPE, latent_dim, filters, dropout=dropout, dtype=dtype),
        PatchDiscriminator(SHAPE, SHAPE, filters=2, dtype=dtype),
        dtype=dtype,
        **options,
    )
    gan.compile("adam", "adam", **(compiled or {}))
    return gan


def test_the_terms_are_those_of_the_paper():
    """100 times the mean absolute difference in G's loss, and half of the game's loss in D's."""
    gan = game()
    samples, images = tf.constant(X[:4]), tf.constant(X[4:8])
    term = gan.generator_term(samples, None, None, images)
    assert float(term) == pytest.approx(100 * np.abs(X[:4] - X[4:8]).mean(), rel=1e-6)
    logs = gan.evaluate(X, Y, batch_size=8, verbose=0, return_dict=True)
    # D's loss of 2014 is -V; the logs have the halved one.
    assert logs["d_loss"] == pytest.approx(-logs["value"] / 2, rel=1e-5)
    made = gan.sample(len(X), condition=Y)
    generator = kgan.losses.NonSaturating().generator(
        None, gan.discriminator([made, Y], training=False)
    )
    expected = float(tf.reduce_mean(generator)) + 100 * np.abs(made - X).mean()
    assert logs["g_loss"] == pytest.approx(expected, rel=1e-5)
    # Without the L1 term and D's loss, penalties are whole.
    plain = game({"run_eagerly": True, "loss": Zero(), "penalties": penalties.R1(2.0)}, l1_weight=0)
    logs = plain.fit(X[:8], Y[:8], batch_size=8, verbose=0).history
    start = game()
    x = tf.constant(X[:8])
    with tf.GradientTape() as tape:
        tape.watch(x)
        logit = tf.reduce_mean(start.discriminator([x, Y[:8]]), (1, 2, 3))
    norms = tf.reduce_sum(tape.gradient(logit, x) ** 2, (1, 2, 3))
    assert logs["d_loss"][0] == pytest.approx(float(tf.reduce_mean(norms)), rel=1e-4)
    assert logs["g_loss"][0] == 0


@pytest.mark.slow
def test_it_learns_pairs_where_the_generator_alone_cannot_know_them():
    """The negative, from a start at the condition itself, whose distance is 1.0 on average.

    After 120 steps it was 0.07, and without the term 0.98.
    """
    distances = []
    for weight in (100.0, 0.0):
        gan = game({"steps_per_execution": 3}, filters=8, dropout=0, l1_weight=weight)
        rates = {"generator_optimizer": 5e-3, "discriminator_optimizer": 1e-3}
        for name, rate in rates.items():
            getattr(gan, name).learning_rate = rate
        gan.fit(X, Y, batch_size=8, epochs=40, verbose=0)
        distances.append(np.abs(gan.sample(len(X), condition=Y) - X).mean())
    assert distances[0] < 0.2 < distances[1]


PENALTIES = [None, penalties.R1(), penalties.R2(), penalties.GradientPenalty()]
OPTIONS = [
    {},
    {"ema_decay": 0.9, "discriminator_steps": 2},
    {"augmentation": kgan.augmentation.DiffAugment()},
    {"dtype": "mixed_bfloat16", "latent_dim": 2},
    {"dtype": "mixed_float16"},
]


@pytest.mark.slow
def test_every_part_plays_with_pairs():
    """Every loss, penalty and option, eagerly: nothing becomes NaN, and both networks move."""
    for i, loss in enumerate(LOSSES):
        penalty, options = PENALTIES[i % 4], OPTIONS[i % 5]
        compiled = {"loss": loss, "penalties": penalty, "run_eagerly": True}
        gan = game(compiled, **options)
        before = gan.generator.get_weights(), gan.discriminator.get_weights()
        logs = gan.fit(X[:8], Y[:8], batch_size=4, verbose=0).history
        assert all(np.isfinite(values).all() for values in logs.values()), (loss, options)
        after = gan.generator.get_weights(), gan.discriminator.get_weights()
        for start, end in zip(before, after, strict=True):
            moved = any((a != b).any() for a, b in zip(start, end, strict=True))
            # float16 skips the first steps, until the scale of the loss fits.
            assert moved or options.get("dtype") == "mixed_float16", (loss, options)


@pytest.fixture(scope="module")
def trained():
    """A game of three steps, and what decides the next three."""
    gan = game({"penalties": penalties.R1()}, latent_dim=2, ema_decay=0.9)
    gan.fit(X, Y, batch_size=8, shuffle=False, verbose=0)
    return gan


@pytest.mark.slow
def test_a_resumed_training_goes_on_as_it_would_have(trained, tmp_path):
    again, arrays = saved(trained, tmp_path)

    def fit(gan):
        gan.fit(X, Y, batch_size=8, shuffle=False, verbose=0)

    assert_goes_on(trained, again, arrays, fit)


@pytest.mark.slow
def test_a_weight_that_is_changed_after_a_fit_takes_effect():
    gan = game({"loss": Zero()})
    whole = gan.fit(X[:8], Y[:8], batch_size=8, verbose=0).history["g_loss"][0]
    gan.l1_weight = 0.0
    assert gan.fit(X[:8], Y[:8], batch_size=8, verbose=0).history["g_loss"][0] == 0 < whole


def test_the_weight_of_the_term_is_among_the_settings_that_resuming_compares(trained):
    assert trained.training_settings()["l1_weight"] == 100.0


@pytest.mark.slow
def test_xla_plays_the_same_game():
    """But for roundings, which Adam's first steps turn into steps of either sign."""
    optimizers = {"generator_optimizer": "sgd", "discriminator_optimizer": "sgd"}
    ends = []
    for jit_compile in (False, True):
        gan = game(l1_weight=1.0, dropout=0)  # whose masks are others under XLA
        gan.compile(**optimizers, penalties=penalties.R1(), jit_compile=jit_compile)
        gan.fit(X, Y, batch_size=8, shuffle=False, verbose=0)
        ends.append(gan.get_weights())
    for one, other in zip(*ends, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)


def test_a_generator_without_a_condition_is_refused():
    plain = kgan.networks.MLPGenerator(SHAPE, 3, units=(4,))
    with pytest.raises(ValueError, match=r"`generator`: expected one with a `condition_shape`"):
        Pix2Pix(plain, PatchDiscriminator(SHAPE, filters=2))
    unet = UNetGenerator(SHAPE, SHAPE, 2, filters=2)
    with pytest.raises(ValueError, match=r"`prior`: expected latents of .*latent_dim=2, received"):
        Pix2Pix(unet, PatchDiscriminator(SHAPE, filters=2), kgan.priors.NoLatents())
    with pytest.raises(ValueError, match=r"`l1_weight`: expected"):
        Pix2Pix(unet, PatchDiscriminator(SHAPE, filters=2), l1_weight=-1)


@pytest.mark.parametrize("latent_dim", [0, 2])
def test_a_saved_model_translates_as_the_game_does(latent_dim, tmp_path):
    """With the EMA, in plain TensorFlow and by kgan's own loader; pixels are in [0, 1] there."""
    gan = game(latent_dim=latent_dim, ema_decay=0.5)
    expected = (gan.sample(5, 0, condition=Y[:5]) + 1) / 2
    gan.export(tmp_path / "1", verbose=False)
    given = (Y[:5] + 1) / 2
    model = tf.saved_model.load(str(tmp_path / "1"))
    assert set(model.signatures) == {"serving_default", "translate"}
    made = model.signatures["translate"](images=tf.constant(given))["images"]
    np.testing.assert_allclose(made, expected, atol=1e-5)
    inputs = model.signatures["serving_default"].structured_input_signature[1]
    assert set(inputs) == ({"conditions", "latents"} if latent_dim else {"conditions"})
    loaded = kgan.inference.load(tmp_path / "1")
    assert (loaded.latent_dim, loaded.condition_shape) == (latent_dim, SHAPE)
    np.testing.assert_allclose(loaded.translate(given), expected, atol=1e-5)
    gan.save(tmp_path / "game.keras")
    again = kgan.inference.load(tmp_path / "game.keras")
    np.testing.assert_allclose(again.translate(given), expected, atol=1e-5)
    if latent_dim:
        assert np.abs(loaded.translate(given, seed=1) - expected).max() > 1e-5
    for wrong in (given[:, :4], given[..., 0]):
        with pytest.raises(
            ValueError, match=r"`conditions`: expected images of shape \(5, 8, 8, 1"
        ):
            loaded.translate(wrong)
    with pytest.raises(ValueError, match=r"`conditions`: .*received none"):
        loaded.sample(5)
