"""The value function, its optima, what a generator feels of them, and Keras's side of both."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import special, stats

from kgan import losses, theory

LOG_2 = math.log(2.0)
LOG_4 = math.log(4.0)
normal, uniform = stats.norm, stats.uniform


def random_pairs(seed, pairs=1000, outcomes=12):
    """Pairs of distributions, a fifth of the outcomes of each empty."""
    rng = np.random.default_rng(seed)
    weights = rng.gamma(0.7, size=(2, pairs, outcomes)) + 1e-12
    weights[..., 1:][rng.random((2, pairs, outcomes - 1)) < 0.2] = 0
    return weights / weights.sum(axis=-1, keepdims=True)


def jsd_by_hand(p, q):
    m = (p + q) / 2
    return (special.rel_entr(p, m) + special.rel_entr(q, m)).sum(axis=-1) / 2


def jsd_by_trapezium(p, q, low=-40, high=40, steps=8000):
    """Spectral on Gaussians: the error is about exp(-2 pi^2 s^2 / h^2)."""
    x = np.linspace(low, high, steps)
    a, b = np.maximum([p.pdf(x), q.pdf(x)], 1e-300)
    return (x[1] - x[0]) * jsd_by_hand(a, b)


# y -> a log y + b log(1 - y), and D*


@pytest.mark.parametrize(("a", "b"), [(1, 1), (0.3, 0.7), (5, 1e-3), (0, 2), (2, 0)])
def test_pointwise_value_is_greatest_at_a_over_a_plus_b(a, b):
    best = a / (a + b)
    y = np.linspace(0, 1, 100_001)
    values = theory.pointwise_value(y, a, b)
    assert y[values.argmax()] == pytest.approx(best, abs=1e-5)
    assert (values <= theory.pointwise_value(best, a, b) + 1e-15).all()
    if a and b:
        h = 1e-6 * min(best, 1 - best)
        ends = theory.pointwise_value([best - h, best + h], a, b)
        assert (ends[1] - ends[0]) / (2 * h) == pytest.approx(0, abs=1e-5)


def test_pointwise_value_by_hand():
    assert theory.pointwise_value(0.5, 1, 1) == pytest.approx(-LOG_4)
    assert theory.pointwise_value(0.25, 2, 3) == pytest.approx(
        2 * math.log(0.25) + 3 * np.log(0.75)
    )
    assert theory.pointwise_value(0, 0, 1) == theory.pointwise_value(1, 1, 0) == 0
    assert theory.pointwise_value(0, 1, 1) == -math.inf


def test_the_optimal_discriminator_in_its_two_forms():
    p, q = random_pairs(0)
    both_empty = (p == 0) & (q == 0)
    assert both_empty.any()
    d = theory.optimal_discriminator(p, q)
    np.testing.assert_array_equal(np.isnan(d), both_empty)
    with np.errstate(divide="ignore"):
        o = theory.optimal_logit(np.log(p), np.log(q))
    np.testing.assert_array_equal(np.isnan(o), both_empty)
    np.testing.assert_allclose(special.expit(o), d, rtol=1e-14)
    np.testing.assert_allclose(special.expit(-o), theory.optimal_discriminator(q, p), rtol=1e-14)


def test_the_optimal_logit_holds_where_densities_underflow():
    """exp(-5000) is 0 in float64, and 0/0 says nothing; the logits know: x - 1/2 at x = 100."""
    x = np.array([100.0])
    assert np.isnan(theory.optimal_discriminator(normal(1, 1).pdf(x), normal(0, 1).pdf(x)))
    o = theory.optimal_logit(normal(1, 1).logpdf(x), normal(0, 1).logpdf(x))
    assert o == pytest.approx(99.5, rel=1e-12)


def test_no_perturbation_of_the_optimal_discriminator_is_better():
    p, q = random_pairs(1)
    with np.errstate(divide="ignore"):
        best = theory.optimal_logit(np.log(p), np.log(q))
    value = theory.game_value(best, p, q)
    rng = np.random.default_rng(0)
    for scale in (1e-3, 0.1, 1, 10):
        other = best + scale * rng.normal(size=best.shape)
        assert (theory.game_value(other, p, q) <= value + 1e-15).all()
        worse = theory.game_value(best + scale, p, q) < value
        overlap = ((p > 0) & (q > 0)).any(axis=-1)
        np.testing.assert_array_equal(worse, overlap)


def test_the_gradient_of_v_is_zero_at_the_optimum_and_nowhere_else():
    """dV/do = p (1 - D) - q D along each logit, by central differences."""
    rng = np.random.default_rng(0)
    p, q = rng.dirichlet(np.ones(6), size=2)
    best, h = theory.optimal_logit(np.log(p), np.log(q)), 1e-5

    def gradient(o):
        steps = h * np.eye(6)
        p_, q_ = np.broadcast_to(p, (6, 6)), np.broadcast_to(q, (6, 6))
        up, down = (theory.game_value(o + s * steps, p_, q_) for s in (1, -1))
        return (up - down) / (2 * h)

    np.testing.assert_allclose(gradient(best), 0, atol=1e-10)
    away = best + 0.5
    expected = p * special.expit(-away) - q * special.expit(away)
    np.testing.assert_allclose(gradient(away), expected, atol=1e-10)
    assert (expected < 0).all()
    assert expected.min() < -1e-2


def test_the_optimal_discriminator_is_best_for_densities_too():
    p, q = normal(0, 1), normal(1, 2)

    def v(eps):
        def logits(x):
            return theory.optimal_logit(p.logpdf(x), q.logpdf(x)) + eps * np.cos(3 * x)

        return theory.game_value_density(logits, p.logpdf, q.logpdf)

    at = {eps: v(eps) for eps in (-0.3, -1e-3, 0.0, 1e-3, 0.3)}
    assert max(at, key=at.get) == 0
    assert (at[1e-3] - at[-1e-3]) / 2e-3 == pytest.approx(0, abs=1e-6)
    assert at[0.0] - at[0.3] > 1e-3


# V, C(G) and the global optimum


def test_v_is_the_mean_of_its_definition():
    """A batch of n data and n samples is a discrete game of 2 n outcomes; Keras has the same."""
    rng = np.random.default_rng(0)
    real, fake = rng.normal(scale=3, size=(2, 50))
    p = np.repeat([1 / 50, 0], 50)
    value = theory.game_value(np.concatenate([real, fake]), p, p[::-1])
    assert value == pytest.approx(
        np.log(special.expit(real)).mean() + np.log(special.expit(-fake)).mean(), rel=1e-13
    )
    in_keras = losses.value(tf.constant(real[:, None]), tf.constant(fake[:, None]))
    assert value == pytest.approx(float(tf.reduce_mean(in_keras)), rel=1e-13)


def test_v_of_densities_is_the_mean_over_samples():
    """Monte Carlo, four standard errors."""
    p, q, rng = normal(0, 1), normal(1, 2), np.random.default_rng(0)
    value = theory.game_value_density(lambda x: 1 - x, p.logpdf, q.logpdf)
    real, fake = (d.rvs(20_000, random_state=rng) for d in (p, q))
    terms = special.log_expit(1 - real), special.log_expit(fake - 1)
    error = math.hypot(*(t.std() / math.sqrt(20_000) for t in terms))
    assert value == pytest.approx(terms[0].mean() + terms[1].mean(), abs=4 * error)
    assert error < 0.01


def test_a_discriminator_that_knows_nothing():
    p, q = random_pairs(2, pairs=10)
    np.testing.assert_allclose(theory.game_value(np.zeros_like(p), p, q), -LOG_4)
    value = theory.game_value_density(np.zeros_like, normal(0, 1).logpdf, normal(9, 1).logpdf)
    assert value == pytest.approx(-LOG_4, abs=1e-10)


def test_a_discriminator_that_is_sure_and_wrong():
    """Certainty costs everything where it errs, and nothing where it does not."""
    sure = [math.inf, -math.inf]
    assert theory.game_value(sure, [1.0, 0.0], [0.0, 1.0]) == 0
    assert theory.game_value(sure, [0.9, 0.1], [0.0, 1.0]) == -math.inf
    # At logits of 1e4 the value is finite, and linear in them.
    assert theory.game_value([1e4, -1e4], [0.0, 1.0], [1.0, 0.0]) == pytest.approx(-2e4)


def test_the_criterion_is_minus_log_4_and_twice_jsd_on_ten_thousand_pairs():
    """2014, Theorem 1. C comes through V at D*, JSD from its own definition."""
    p, q = random_pairs(3, pairs=10_000)
    c = theory.criterion(p, q)
    np.testing.assert_allclose(c, -LOG_4 + 2 * jsd_by_hand(p, q), atol=1e-12)
    np.testing.assert_allclose(c, -LOG_4 + 2 * theory.jsd(p, q), atol=1e-12)
    assert ((c >= -LOG_4 - 1e-15) & (c <= 1e-15)).all()


@pytest.mark.parametrize(
    ("p", "q"),
    [
        (normal(0, 1), normal(0, 1)),
        (normal(0, 1), normal(0.1, 1)),
        (normal(0, 1), normal(2, 0.5)),
        (normal(-3, 0.5), normal(4, 3)),
        (normal(0, 1), normal(20, 1)),
    ],
)
def test_the_criterion_is_minus_log_4_and_twice_jsd_for_densities(p, q):
    c = theory.criterion_density(p.logpdf, q.logpdf)
    assert c == pytest.approx(-LOG_4 + 2 * jsd_by_trapezium(p, q), abs=1e-8)
    assert c == pytest.approx(-LOG_4 + 2 * theory.jsd_density(p.logpdf, q.logpdf), abs=1e-8)


@pytest.mark.parametrize("d", [0.0, 0.3, 1.0, 7.0])
def test_the_criterion_of_unit_intervals(d):
    """By hand: log(1/2) twice on the overlap, 0 elsewhere, where D is sure and right."""
    c = theory.criterion_density(uniform(0, 1).logpdf, uniform(d, 1).logpdf)
    assert c == pytest.approx(-LOG_4 * max(0, 1 - d), abs=1e-8)


def test_the_only_optimal_generator_is_the_data():
    """C = -log 4 and D* = 1/2 at p_g = p_data; elsewhere C + log 4 >= TV^2 > 0, by Pinsker."""
    p, q = random_pairs(4)
    np.testing.assert_allclose(theory.criterion(p, p), -LOG_4, rtol=1e-15)
    np.testing.assert_array_equal(theory.optimal_discriminator(p, p)[p > 0], 0.5)
    variation = np.abs(p - q).sum(axis=-1) / 2
    assert (theory.criterion(p, q) + LOG_4 >= variation**2).all()
    assert variation.min() > 1e-2


# A discriminator that was best against an earlier generator


def three(seed, shape=(500, 8)):
    return np.random.default_rng(seed).dirichlet(np.ones(shape[1]), size=(3, shape[0]))


def test_v_at_an_earlier_optimum_both_ways():
    p, earlier, g = three(0)
    found = theory.value_at_earlier_optimum(p, earlier, g)
    np.testing.assert_allclose(found.value, found.decomposition, atol=1e-12)
    # And a third way: D* spelt out.
    d = p / (p + earlier)
    by_hand = (p * np.log(d)).sum(-1) + (g * np.log(1 - d)).sum(-1)
    np.testing.assert_allclose(found.value, by_hand, atol=1e-12)
    # Of a generator that did not move it is the criterion.
    stayed = theory.value_at_earlier_optimum(p, earlier, earlier)
    np.testing.assert_allclose(stayed.value, theory.criterion(p, earlier), atol=1e-14)
    np.testing.assert_array_equal(stayed.kl_to_earlier, 0)


def test_v_at_an_earlier_optimum_for_densities():
    p, earlier, g = normal(0, 1), normal(3, 1), normal(2, 0.7)
    found = theory.value_at_earlier_optimum_density(p.logpdf, earlier.logpdf, g.logpdf)
    assert found.value == pytest.approx(found.decomposition, abs=1e-8)
    assert found.kl_to_earlier == pytest.approx(theory.kl_gaussian(2, 0.49, 3, 1), abs=1e-8)
    assert found.constant == pytest.approx(
        theory.kl_samples(
            p.logpdf,
            lambda x: np.logaddexp(p.logpdf(x), earlier.logpdf(x)) - LOG_2,
            p.rvs(20_000, random_state=np.random.default_rng(0)),
        ).value
        - LOG_4,
        abs=0.01,  # the standard error is 0.0012
    )


def test_at_equilibrium_a_fresh_generator_learns_nothing():
    p, _, g = three(1)
    np.testing.assert_allclose(theory.value_at_earlier_optimum(p, p, g).value, -LOG_4, rtol=1e-14)
    away = theory.value_at_earlier_optimum(p, three(2)[0], g).value  # away from it V tells them
    assert away.std() > 0.1
    for fresh in (normal(0, 1), normal(5, 0.1), stats.laplace(-2, 3)):
        data = normal(0, 1).logpdf
        value = theory.value_at_earlier_optimum_density(data, data, fresh.logpdf).value
        assert value == pytest.approx(-LOG_4, abs=1e-8)


def test_the_generator_leaves_the_earlier_one_for_the_mixture():
    """V(g') - V(m) = KL(m||g') + KL(g'||m) > 0, as V is linear in p_g with slope log(g'/2m)."""
    p, earlier, _ = three(3)
    m = (p + earlier) / 2
    drop = (
        theory.value_at_earlier_optimum(p, earlier, earlier).value
        - theory.value_at_earlier_optimum(p, earlier, m).value
    )
    np.testing.assert_allclose(drop, theory.kl(m, earlier) + theory.kl(earlier, m), atol=1e-12)
    assert (drop > 0).all()


def test_descended_all_the_way_it_puts_every_sample_where_d_is_greatest():
    """The optimum over all p_g is no density like the data's, but one point: collapse."""
    p, earlier, g = three(4, (200, 8))
    d = theory.optimal_discriminator(p, earlier)
    point = np.eye(8)[d.argmax(axis=-1)]
    lowest = theory.value_at_earlier_optimum(p, earlier, point).value
    assert (lowest < theory.value_at_earlier_optimum(p, earlier, g).value).all()


def test_an_earlier_optimum_where_supports_differ():
    """Mass that the earlier generator lacks and the data has meets D* = 1: V = -inf."""
    p, earlier, g = [0.5, 0.5, 0.0], [0.0, 0.5, 0.5], [0.2, 0.8, 0.0]
    found = theory.value_at_earlier_optimum(p, earlier, g)
    assert (found.value, found.decomposition, found.kl_to_earlier) == (
        -math.inf,
        -math.inf,
        math.inf,
    )
    message = r"`p_g`: expected no mass where neither the data nor the earlier generator"
    with pytest.raises(ValueError, match=message):
        theory.value_at_earlier_optimum([1.0, 0.0], [1.0, 0.0], [0.5, 0.5])
    interval = uniform(0, 1).logpdf
    with pytest.raises(ValueError, match=message):
        theory.value_at_earlier_optimum_density(interval, interval, normal(0, 1).logpdf)


# The generator's two losses

LOGITS = np.array([-1e4, -100.0, -30.0, -1.0, 0.0, 1.0, 30.0, 100.0, 1e4])


def test_generator_losses_at_any_logit():
    """Against logaddexp, which never leaves the log domain."""
    found = theory.generator_losses(LOGITS)
    np.testing.assert_allclose(found.saturating, -np.logaddexp(0, LOGITS), rtol=1e-15)
    np.testing.assert_allclose(found.non_saturating, np.logaddexp(0, -LOGITS), rtol=1e-15)
    d, not_d = np.exp(-np.logaddexp(0, -LOGITS)), np.exp(-np.logaddexp(0, LOGITS))
    np.testing.assert_allclose(found.d, d, rtol=1e-13)
    np.testing.assert_allclose(found.saturating_derivative, -d, rtol=1e-13)
    np.testing.assert_allclose(found.non_saturating_derivative, -not_d, rtol=1e-13)
    assert (found.saturating[0], found.non_saturating[0]) == (0, 1e4)
    assert (found.saturating_derivative[0], found.non_saturating_derivative[0]) == (0, -1)


def test_generator_slopes_are_slopes():
    """Central differences: an error of h^2 / 6 times a third derivative below 1/8."""
    o, h = np.linspace(-8, 8, 81), 1e-4
    up, down, at = (theory.generator_losses(o + s * h) for s in (1, -1, 0))
    for loss in ("saturating", "non_saturating"):
        slope = (getattr(up, loss) - getattr(down, loss)) / (2 * h)
        np.testing.assert_allclose(getattr(at, f"{loss}_derivative"), slope, atol=1e-8)


def test_generator_losses_as_functions_of_d():
    d = np.array([1e-12, 0.01, 0.3, 0.5, 0.9])
    found = theory.generator_losses(special.logit(d))
    np.testing.assert_allclose(found.d, d, rtol=1e-12)
    np.testing.assert_allclose(found.saturating, np.log1p(-d), rtol=1e-12)
    np.testing.assert_allclose(found.non_saturating, -np.log(d), rtol=1e-12)
    # A sample that D gives one chance in a hundred: 0.01 of a pull against 0.99.
    assert found.saturating_derivative[1] == pytest.approx(-0.01)
    assert found.non_saturating_derivative[1] == pytest.approx(-0.99)


@pytest.mark.parametrize(
    ("loss", "name"),
    [(losses.Minimax(), "saturating"), (losses.NonSaturating(), "non_saturating")],
)
def test_keras_losses_are_these_curves(loss, name):
    """Values and slopes in float32, to a few units in its last place; sigmoid(-100) is flushed."""
    logits = tf.constant(LOGITS[:, None], "float32")
    with tf.GradientTape() as tape:
        tape.watch(logits)
        value = loss.generator(None, logits)
    slope = tape.gradient(value, logits)
    found = theory.generator_losses(LOGITS)
    np.testing.assert_allclose(value, getattr(found, name), rtol=2e-6, atol=1.2e-38)
    np.testing.assert_allclose(
        slope[:, 0], getattr(found, f"{name}_derivative"), rtol=2e-6, atol=1.2e-38
    )


def test_keras_discriminator_loss_is_minus_v_and_its_slopes_vanish_at_the_optimum():
    """On outcomes weighted by p and q, the gradient along D's logits is that of -V."""
    p, q = np.random.default_rng(0).dirichlet(np.ones(7), size=2)
    best = theory.optimal_logit(np.log(p), np.log(q))

    def value_and_slope(o):
        logits = tf.constant(o[:, None])
        with tf.GradientTape() as tape:
            tape.watch(logits)
            # The loss of a pair is a sum of a term of data and a term of samples.
            zero = tf.zeros_like(logits)
            real = losses.Minimax().discriminator(logits, zero) - LOG_2
            fake = losses.Minimax().discriminator(zero, logits) - LOG_2
            loss = tf.reduce_sum(p * real + q * fake)
        return float(loss), tape.gradient(loss, logits)[:, 0].numpy()

    value, slope = value_and_slope(best)
    assert value == pytest.approx(-theory.criterion(p, q), abs=1e-12)
    np.testing.assert_allclose(slope, 0, atol=1e-15)
    _, slope = value_and_slope(best + 1)
    assert np.abs(slope).max() > 1e-2


def small_network(size, outputs, width=16, layers=1):
    hidden = [keras.layers.Dense(width, "tanh") for _ in range(layers)]
    return keras.Sequential([keras.Input((size,)), *hidden, keras.layers.Dense(outputs)])


def test_on_networks_a_confident_discriminator_stops_one_loss_and_not_the_other():
    """What moves a generator's weights is the slope along each logit times the logit's gradient.

    A shift of D's last bias sets how sure it is. At -10 the slopes are e^-10 = 4.5e-5 and 1.
    """
    generator, discriminator = small_network(4, 2), small_network(2, 1)
    z = tf.random.stateless_normal([256, 4], [0, 1])

    def pull(shift, objective):
        with tf.GradientTape() as tape:
            mean = tf.reduce_mean(objective(discriminator(generator(z)) + shift))
        return tape.gradient(mean, generator.trainable_variables)

    def strength(shift, loss, name):
        def linear(logits):
            slopes = theory.generator_losses(logits.numpy())._asdict()[f"{name}_derivative"]
            return tf.cast(slopes, "float32") * logits

        pulled = pull(shift, lambda logits: loss.generator(None, logits))
        for gradient, expected in zip(pulled, pull(shift, linear), strict=True):
            error = tf.reduce_max(tf.abs(gradient - expected)) / tf.reduce_max(tf.abs(expected))
            assert float(error) < 1e-4  # sums of 256 terms that cancel in part, in float32
        return float(tf.linalg.global_norm(pulled))

    saturating = [strength(shift, losses.Minimax(), "saturating") for shift in (0.0, -10.0)]
    other = [strength(shift, losses.NonSaturating(), "non_saturating") for shift in (0.0, -10.0)]
    # From slopes near 1/2 both. Five seeds gave 0.94e-4 to 1.2e-4, and 1.9 to 2.
    assert 5e-5 < saturating[1] / saturating[0] < 3e-4
    assert 1.5 < other[1] / other[0] < 2.5


def test_a_trained_discriminator_comes_close_to_the_optimum():
    """With Keras's loss, on samples of known densities, D becomes p/(p + q).

    Five seeds gave a mean absolute error of 0.0035 to 0.0040 after 600 steps.
    """
    p, q = normal(-1, 1), normal(1.5, 0.7)
    d, loss = small_network(1, 1, width=32, layers=2), losses.Minimax()
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(1e-2, 600))
    optimizer.build(d.trainable_variables)

    @tf.function
    def step(real, fake):
        with tf.GradientTape() as tape:
            mean = tf.reduce_mean(loss.discriminator(d(real), d(fake)))
        optimizer.apply(tape.gradient(mean, d.trainable_variables), d.trainable_variables)

    x = np.linspace(-4, 4, 401)
    optimum = theory.optimal_discriminator(p.pdf(x), q.pdf(x))

    def error():
        """Mean over x, each as likely as under (p + q)/2."""
        output = special.expit(d(x[:, None]).numpy()[:, 0])
        return np.average(np.abs(output - optimum), weights=p.pdf(x) + q.pdf(x))

    before, rng = error(), np.random.default_rng(0)
    for _ in range(600):
        step(*(tf.constant(s.rvs((512, 1), random_state=rng), "float32") for s in (p, q)))
    assert before > 0.2
    assert error() < 0.008


# Bad input


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: theory.pointwise_value(1.5, 1, 1), r"`y`: expected numbers in \[0, 1\], .* 1\.5"),
        (lambda: theory.pointwise_value(0.5, -1, 1), r"`a`: expected numbers in \[0, .*-1"),
        (lambda: theory.pointwise_value(0.5, 1, math.inf), r"`b`: expected .*received inf"),
        (lambda: theory.game_value("sure", [1.0], [1.0]), r"`logits`: expected an array of num"),
        (lambda: theory.pointwise_value(0.5, 1, math.nan), r"`b`: expected numbers .*received nan"),
        (lambda: theory.optimal_discriminator([-1.0], [1.0]), r"`p_data`: expected numbers in \[0"),
        (lambda: theory.optimal_discriminator([1.0], [math.inf]), r"`p_g`: .*received inf"),
        (lambda: theory.optimal_discriminator([1.0], [1.0, 2.0]), r"`p_g`: expected the shape of"),
        (lambda: theory.optimal_logit([math.inf], [0.0]), r"`log_p_data`: .*received inf"),
        (lambda: theory.optimal_logit([0.0], [math.nan]), r"`log_p_g`: .*received nan"),
        (lambda: theory.optimal_logit([0.0], [[0.0]]), r"`log_p_g`: expected the shape of"),
        (lambda: theory.game_value([0.0], [1.0], [0.9]), r"`p_g`: expected .* sum to 1"),
        (lambda: theory.game_value([0.0, 1.0], [1.0], [1.0]), r"`logits`: expected the shape of"),
        (lambda: theory.game_value([math.nan], [1.0], [1.0]), r"`logits`: .*wherever .* NaN there"),
        (
            lambda: theory.game_value([0.0, math.nan], [1.0, 0.0], [0.5, 0.5]),
            r"`logits`: .*wherever .* NaN there",
        ),
        (
            lambda: theory.game_value([0.0, math.nan], [0.5, 0.5], [1.0, 0.0]),
            r"`logits`: .*wherever .* NaN there",
        ),
        (lambda: theory.criterion([1.0], [0.5, 0.5]), r"`p_g`: expected the shape of `p_data`"),
        (lambda: theory.criterion([2.0], [1.0]), r"`p_data`: expected .* sum to 1 .*2\.0"),
        (lambda: theory.generator_losses([0.0, math.nan]), r"`logits`: .*received nan"),
        (lambda: theory.generator_losses("low"), r"`logits`: expected an array of numbers"),
        (
            lambda: theory.game_value_density(lambda x: 0, normal.logpdf, normal.logpdf),
            r"`logits`: expected a function that returns one number a point",
        ),
        (
            lambda: theory.criterion_density(normal.logpdf, normal.logpdf, bounds=(0, 1)),
            r"`log_p_data`: expected a log density that integrates to 1 .* 0\.34",
        ),
        (
            lambda: theory.value_at_earlier_optimum([1.0], [1.0], [0.5, 0.5]),
            r"`p_g`: expected the shape of `p_data`",
        ),
        (
            lambda: theory.value_at_earlier_optimum([1.0], [0.5], [1.0]),
            r"`p_earlier`: expected .* sum to 1",
        ),
        (
            lambda: theory.value_at_earlier_optimum_density(
                normal.logpdf, lambda x: normal.logpdf(x) + 1, normal.logpdf
            ),
            r"`log_p_earlier`: expected a log density that integrates to 1 .* 2\.718",
        ),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
