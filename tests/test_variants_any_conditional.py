"""One network for every mask: its term in closed form, its masks, and all that a game does."""

import itertools
import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import integrate, stats
from variant_games import Zero, assert_goes_on, saved

import kgan
from kgan import penalties
from kgan.networks import PatchDiscriminator, UNetGenerator
from kgan.training import seeds
from kgan.variants import AnyConditional
from train.choices import LOSSES

SHAPE, GIVEN = (8, 8, 1), (8, 8, 2)
X = np.random.default_rng(0).uniform(-1, 1, (24, *SHAPE)).astype("float32")
MASK = np.arange(8)[None] * np.ones([8, 1]) < 4  # the left half is given


def game(compiled=None, latent_dim=2, filters=2, dtype="float32", of=AnyConditional, **options):
    keras.utils.set_random_seed(0)
    networks = {"filters": filters, "dtype": dtype}
    gan = of(
        UNetGenerator(SHAPE, GIVEN, latent_dim, keep_given=True, **networks),
        PatchDiscriminator(SHAPE, GIVEN, **networks),
        dtype=dtype,
        **options,
    )
    gan.compile("adam", "adam", **(compiled or {}))
    return gan


class Witness(AnyConditional):
    """A game that remembers what its updates were given."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.drawn = []

    def random_conditions(self, images, seed):
        made = super().random_conditions(images, seed)
        self.drawn.append((images.numpy(), made.numpy(), seed.numpy()))
        return made


# The term


def term(samples, images, weight):
    """The term of samples `[2, n]` of numbers `[n]`, without the L1 weight."""
    gan = game(l1_weight=1.0, diversity_weight=weight)
    both = tf.constant(np.reshape(samples, [-1, 1, 1, 1]), tf.float32)
    twice = tf.constant(np.tile(images, 2).reshape(-1, 1, 1, 1), tf.float32)
    return float(gan.generator_term(both, None, None, twice))


def test_the_term_is_the_continuous_ranked_probability_score():
    """Of Gaussian samples, its closed form (Gneiting and Raftery 2007, section 4.2), negated.

    200,000 pairs have a standard error of 0.004.
    """
    rng, n = np.random.default_rng(0), 200_000
    samples = rng.normal(0.5, 2.0, (2, n))
    for x in (0.5, 2.0, -4.0):
        z = (x - 0.5) / 2.0
        closed = 2.0 * (
            z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / math.sqrt(math.pi)
        )
        assert term(samples, np.full(n, x), 1.0) == pytest.approx(closed, abs=0.012)
        plain = 2.0 * (z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z))
        assert term(samples, np.full(n, x), 0.0) == pytest.approx(plain, abs=0.012)


def expected_term(spread, weight):
    """The expectation for Gaussian data of spread 1 and samples of another, by integration."""
    distance = lambda scale: integrate.quad(  # noqa: E731
        lambda x: abs(x) * stats.norm.pdf(x, scale=scale), -12 * scale, 12 * scale, limit=200
    )[0]
    return distance(math.hypot(1.0, spread)) - weight / 2 * distance(math.sqrt(2) * spread)


@pytest.mark.parametrize("weight", [0.3, 0.5, 1.0])
def test_the_weight_decides_how_far_samples_of_a_gaussian_spread(weight):
    """Least at w / sqrt(2 - w^2) times the data's spread, where L1 is sqrt(2 / (2 - w^2)) times.

    The derivative of sqrt(1 + s^2) - w s / sqrt(2) is 0 there. The weight of 1 gives the data's
    own spread, that of 1/2 a third of it, at an L1 of 1.07 times that of the median.
    """
    best = weight / math.sqrt(2 - weight**2)
    around = [expected_term(factor * best, weight) for factor in (0.9, 1.0, 1.1)]
    assert around[1] < min(around[0], around[2])
    slope = (expected_term(best + 1e-3, weight) - expected_term(best - 1e-3, weight)) / 2e-3
    assert slope == pytest.approx(0.0, abs=1e-5)
    error = expected_term(best, 0.0) / expected_term(1e-9, 0.0)
    assert error == pytest.approx(math.sqrt(2 / (2 - weight**2)), rel=1e-6)


def learned_spread(weight, steps=600):
    """The spread of samples a + exp(b) z that the term of the game itself has led to."""
    gan = game(l1_weight=1.0, diversity_weight=weight)
    a, b = tf.Variable(0.7), tf.Variable(-0.7)
    optimizer = keras.optimizers.Adam(0.02)
    rng = np.random.default_rng(0)
    for step in range(steps):
        if step == steps // 2:
            optimizer.learning_rate = 0.004
        x = rng.normal(size=(512, 1, 1, 1)).astype("float32")
        z = rng.normal(size=(1024, 1, 1, 1)).astype("float32")
        with tf.GradientTape() as tape:
            loss = gan.generator_term(a + tf.exp(b) * z, None, None, tf.concat([x, x], 0))
        optimizer.apply(tape.gradient(loss, [a, b]), [a, b])
    return float(a), float(tf.exp(b))


@pytest.mark.slow
def test_samples_learn_the_spread_of_the_data_by_the_term_alone():
    """The data's spread is 1; without the second part of the term, samples become the median."""
    centre, spread = learned_spread(1.0)
    assert (centre, spread) == pytest.approx((0.0, 1.0), abs=0.1)
    centre, spread = learned_spread(0.0)
    assert (centre, spread) == pytest.approx((0.0, 0.0), abs=0.1)


def test_the_logs_have_the_term_of_two_samples():
    gan = game({"loss": Zero()})
    logs = gan.evaluate(X[:8], batch_size=8, verbose=0, return_dict=True)
    _, condition = gan._pair(tf.constant(X[:8]))
    seed = gan._seed(seeds.TEST_LATENTS, 0)
    latents = gan.prior.sample(16, seed)
    twice = tf.concat([condition, condition], 0)
    first, second = np.split(gan.generator([latents, twice]).numpy(), 2)
    errors = [np.abs(made - X[:8]).mean() for made in (first, second)]
    expected = 100 * (np.mean(errors) - 0.25 * np.abs(first - second).mean())
    assert logs["g_loss"] == pytest.approx(expected, rel=1e-4)
    assert np.abs(first - second).max() > 1e-3


# The masks


@pytest.fixture(scope="module")
def witness():
    gan = game({"run_eagerly": True}, of=Witness, discriminator_steps=2, seed=5)
    gan.drawn.clear()
    gan.fit(X, batch_size=12, shuffle=False, verbose=0)
    return gan


def test_each_update_draws_masks_of_its_own_from_its_seed(witness):
    """Two steps of two updates of D and one of G, which sees D's last images."""
    assert len(witness.drawn) == 6
    for number, (images, made, seed) in enumerate(witness.drawn):
        np.testing.assert_array_equal(seed, witness._seed(seeds.MASKS, number).numpy())
        step, update = divmod(number, 3)
        first = 12 * step + 6 * min(update, 1)
        np.testing.assert_array_equal(images, X[first : first + 6])
        given = kgan.masks.random_masks(6, (8, 8), seed).numpy()
        np.testing.assert_array_equal(made, kgan.masks.masked(images, given, (-1.0, 1.0)))
    masks = [made[..., 1] for _, made, _ in witness.drawn]
    assert all((one != other).any() for one, other in itertools.pairwise(masks))


def test_no_other_draw_of_the_game_has_the_stream_of_the_masks():
    assert seeds.MASKS not in (seeds.POOLS, seeds.POOLS + 1)
    assert seeds.LAYERS + 100 < seeds.TERM_AUGMENTATION < seeds.MASKS < seeds.STREAMS


@pytest.mark.slow
def test_images_alone_are_trained_on_as_their_pairs_are():
    """The conditions of the pairs are for `evaluate`: training makes its own."""
    ends = []
    data = tf.data.Dataset.from_tensor_slices(X).batch(8)
    pairs = (X, np.broadcast_to(np.float32(0.5), (24, *GIVEN)))
    for given in ((X, None), pairs, (data, None)):
        gan = game()
        gan.fit(*given, batch_size=None if given[0] is data else 8, shuffle=False, verbose=0)
        ends.append(gan.get_weights())
    for end in ends[1:]:
        for one, other in zip(ends[0], end, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-6)  # kernels for unknown batch sizes


@pytest.mark.slow
def test_data_of_kgan_without_a_condition_get_one_and_still_seek(tmp_path):
    data = kgan.data.load("digits", batch_size=400, data_dir=tmp_path)
    gan = game({"run_eagerly": True})
    pairs = gan._paired(data)
    assert pairs.condition.part == "any"
    images, conditions = next(iter(pairs))
    np.testing.assert_array_equal(images, next(iter(data)))
    expected = 2 * kgan.conditions.Masked("any")((images + 1) / 2) - 1
    np.testing.assert_allclose(conditions, expected, atol=1e-6)
    gan.fit(data, verbose=0, validation_data=X[:8])
    assert gan.step == 3
    assert gan._paired(pairs) is pairs


# Completing images


@pytest.fixture(scope="module")
def trained():
    """A game of three steps, and what decides the next three."""
    gan = game({"penalties": penalties.R1()}, ema_decay=0.9)
    gan.fit(X, batch_size=8, shuffle=False, verbose=0)
    return gan


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_given_pixels_come_back_and_hidden_ones_follow_the_seed(trained, dtype):
    gan = trained if dtype == "float32" else game(dtype=dtype)
    hidden = X.copy()
    hidden[:, ~MASK] = np.nan
    made = gan.complete(hidden, MASK, seed=1)
    assert (made.shape, made.dtype) == (X.shape, np.float32)
    np.testing.assert_array_equal(made[:, MASK], X[:, MASK])
    assert np.isfinite(made).all()
    whole = np.broadcast_to(MASK, (24, 8, 8))
    for mask in (whole, whole[..., None]):
        np.testing.assert_array_equal(gan.complete(X, mask, seed=1), made)
    np.testing.assert_array_equal(gan.complete(X, MASK), gan.complete(X, MASK, seed=0))
    other = gan.complete(X, MASK, seed=2)
    assert np.abs(other - made)[:, ~MASK].mean() > 1e-4
    assert np.abs(gan.complete(X, ~MASK, seed=1) - X)[:, MASK].min() > 0
    # So do those of the network itself, whatever its precision.
    condition = kgan.masks.masked(X, whole[..., None], (-1.0, 1.0)).numpy()
    np.testing.assert_array_equal(gan.sample(24, condition=condition)[:, MASK], X[:, MASK])


def test_what_cannot_be_completed_is_refused(trained):
    with pytest.raises(ValueError, match=r"`mask`: expected booleans \[24, 8, 8\].*\(24, 4, 8\)"):
        trained.complete(X, np.ones([24, 4, 8], bool))
    with pytest.raises(ValueError, match=r"`images`: expected floating point images \[batch, 8, 8"):
        trained.complete(X[:, :4], MASK)
    with pytest.raises(ValueError, match=r"`images`: expected pixels in .*received values from -3"):
        trained.complete(3 * X / np.abs(X).max(), MASK)


@pytest.mark.slow
def test_samples_differ_as_much_as_the_weight_asks_for():
    """Noise of two values, 0.9 and -0.9: nothing that is given says anything of what is hidden.

    Samples of the data's distribution differ by 0.9 on average. By the term alone, after 200 steps,
    they differed by 0.85, and by 0.03 without its second part: L1 is content with one answer.
    """
    noise = np.random.default_rng(0).normal(size=(480, *SHAPE))
    images = (0.9 * np.sign(noise)).astype("float32")
    differences = []
    for weight in (1.0, 0.0):
        compiled = {"loss": Zero(), "steps_per_execution": 10}
        gan = game(compiled, latent_dim=4, filters=4, diversity_weight=weight)
        gan.generator_optimizer.learning_rate = 5e-3
        gan.fit(images, batch_size=24, epochs=10, verbose=0)
        first, second = (gan.complete(images[:100], MASK, seed)[:, ~MASK] for seed in (1, 2))
        differences.append(np.abs(first - second).mean())
    assert 0.5 < differences[0] < 1.2
    assert differences[1] < 0.15


# All that a game does


PENALTIES = [None, penalties.R1(), penalties.R2(), penalties.GradientPenalty()]
OPTIONS = [
    {},
    {"ema_decay": 0.9, "discriminator_steps": 2},
    {"augmentation": kgan.augmentation.DiffAugment()},
    {"dtype": "mixed_bfloat16", "diversity_weight": 0.0, "latent_dim": 0},
    {"dtype": "mixed_float16"},
]


@pytest.mark.slow
def test_every_part_plays_with_masks():
    """Every loss, penalty and option, eagerly: nothing becomes NaN, and both networks move."""
    for i, loss in enumerate(LOSSES):
        penalty, options = PENALTIES[i % 4], OPTIONS[i % 5]
        compiled = {"loss": loss, "penalties": penalty, "run_eagerly": True}
        gan = game(compiled, **options)
        before = gan.generator.get_weights(), gan.discriminator.get_weights()
        logs = gan.fit(X[:8], batch_size=4, verbose=0).history
        assert all(np.isfinite(values).all() for values in logs.values()), (loss, options)
        after = gan.generator.get_weights(), gan.discriminator.get_weights()
        for start, end in zip(before, after, strict=True):
            moved = any((a != b).any() for a, b in zip(start, end, strict=True))
            # float16 skips the first steps, until the scale of the loss fits.
            assert moved or options.get("dtype") == "mixed_float16", (loss, options)


def test_packs_have_their_own_masks():
    networks = {"filters": 2}
    gan = AnyConditional(
        UNetGenerator(SHAPE, GIVEN, 2, keep_given=True, **networks),
        PatchDiscriminator((8, 8, 2), (8, 8, 4), **networks),
        packing=2,
    )
    gan.compile("adam", "adam", run_eagerly=True)
    logs = gan.fit(X[:8], batch_size=4, verbose=0).history
    assert all(np.isfinite(values).all() for values in logs.values())


@pytest.mark.slow
def test_a_resumed_training_goes_on_as_it_would_have(trained, tmp_path):
    again, arrays = saved(trained, tmp_path)

    def fit(gan):
        gan.fit(X, batch_size=8, shuffle=False, verbose=0)

    assert_goes_on(trained, again, arrays, fit)


@pytest.mark.slow
def test_a_weight_that_is_changed_after_a_fit_takes_effect():
    gan = game({"loss": Zero()})
    gan.fit(X[:8], batch_size=8, verbose=0)
    gan.l1_weight = gan.diversity_weight = 0.0
    assert gan.fit(X[:8], batch_size=8, verbose=0).history["g_loss"][0] == 0
    assert gan.training_settings()["diversity_weight"] == 0.0


@pytest.mark.slow
def test_xla_plays_the_same_game():
    """But for roundings."""
    ends = []
    for jit_compile in (False, True):
        gan = game(l1_weight=1.0)
        gan.compile("sgd", "sgd", penalties=penalties.R1(), jit_compile=jit_compile)
        gan.fit(X, batch_size=8, shuffle=False, verbose=0)
        ends.append(gan.get_weights())
    for one, other in zip(*ends, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)


def test_arguments_that_do_not_fit_are_refused():
    plain = UNetGenerator(SHAPE, GIVEN, 2, filters=2)
    discriminator = PatchDiscriminator(SHAPE, GIVEN, filters=2)
    with pytest.raises(ValueError, match=r"`generator`: expected one that gives given pixels back"):
        AnyConditional(plain, discriminator)
    for weight in (-0.1, 1.1):
        with pytest.raises(ValueError, match=r"`diversity_weight`: expected a number in \[0, 1\]"):
            game(diversity_weight=weight)
    with pytest.raises(ValueError, match=r"`diversity_weight`: expected 0 for a generator without"):
        game(latent_dim=0)
    gan = game()
    for wrong, said in ((X[:, :4], "`x`: expected"), (X.astype("uint8"), "`x`: expected floating")):
        with pytest.raises(ValueError, match=said):
            gan.fit(wrong, verbose=0)
        with pytest.raises(ValueError, match=said):
            gan.fit(tf.data.Dataset.from_tensor_slices(wrong).batch(4), verbose=0)
    with pytest.raises(ValueError, match=r"`x`: expected .*finite|`x`: .*NaN"):
        gan.fit(np.full_like(X, np.nan), verbose=0)
    with pytest.raises(ValueError, match=r"`y`: expected floating point images \[24, 8, 8, 2\]"):
        gan.fit(X, X, verbose=0)
    with pytest.raises(ValueError, match=r"`validation_data`: .*weights of examples"):
        gan.fit(X, validation_data=(X, X, np.ones(24)), verbose=0)


# Files


def test_a_saved_model_completes_as_the_game_does(trained, tmp_path):
    """With the EMA, in plain TensorFlow and by kgan's own loader; pixels are in [0, 1] there."""
    expected = (trained.complete(X[:5], MASK, seed=(3, 4)) + 1) / 2
    trained.export(tmp_path / "1", verbose=False)
    model = tf.saved_model.load(str(tmp_path / "1"))
    assert set(model.signatures) == {"serving_default", "translate", "complete"}
    whole = np.broadcast_to(MASK[..., None], (5, 8, 8, 1)).astype("float32")
    x = (X[:5] + 1) / 2
    made = model.signatures["complete"](
        images=tf.constant(x), mask=tf.constant(whole), seed=tf.constant([3, 4])
    )["images"].numpy()
    np.testing.assert_allclose(made, expected, atol=1e-5)
    np.testing.assert_array_equal(made[:, MASK], x[:, MASK])
    trained.save(tmp_path / "game.keras")
    for path in ("1", "game.keras"):
        loaded = kgan.inference.load(tmp_path / path)
        assert loaded.masked
        found = loaded.complete(x, MASK, seed=(3, 4))
        np.testing.assert_allclose(found, expected, atol=1e-5)
        np.testing.assert_array_equal(found[:, MASK], x[:, MASK])
        with pytest.raises(ValueError, match=r"`mask`: expected booleans \[5, 8, 8\]"):
            loaded.complete(x, MASK[:4])
        with pytest.raises(ValueError, match=r"`images`: expected \[n, 8, 8, 1\]"):
            loaded.complete(x[:, :4], MASK)


def test_a_generator_without_masks_completes_nothing(tmp_path):
    shapes = {"image_shape": SHAPE, "condition_shape": SHAPE, "filters": 2}
    gan = kgan.variants.Pix2Pix(UNetGenerator(**shapes), PatchDiscriminator(**shapes))
    gan.compile("adam", "adam")
    gan.save(tmp_path / "game.keras")
    with pytest.raises(ValueError, match=r"game\.keras completes no images: .*--variant=any_cond"):
        kgan.inference.load(tmp_path / "game.keras").complete(X, MASK)
