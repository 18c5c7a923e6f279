"""The theory met by training: what Goodfellow et al. (2014) prove, measured on games of kgan.GAN.

The games are those of the examples, which play them at full length and draw them. Margins come
from six seeds each; the range that was measured stands beside the margin.
"""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import log_expit
from scipy.stats import norm

import kgan
from examples import figure1, saturation, trained_discriminator
from kgan import data, losses, networks, priors, theory

LOG_2 = math.log(2)


def logits(discriminator, points):
    """The discriminator's logits at points `[n, 1]`: float64 `[n]`."""
    return discriminator(tf.constant(points, tf.float32)).numpy()[:, 0].astype(np.float64)


def affine(gan):
    """Mean and deviation of p_g, which an affine generator of normal latents carries as weights."""
    slope, mean = (float(w.numpy().item()) for w in gan.generator.trainable_variables)
    return mean, abs(slope)


# Proposition 1: for a fixed G the best D is p_data / (p_data + p_g).


@pytest.mark.slow
def test_a_trained_discriminator_is_near_the_best():
    mixture, generator = trained_discriminator.DATA, trained_discriminator.GENERATOR
    gan = trained_discriminator.make_gan(*generator, steps=1000)
    densities = trained_discriminator.densities(mixture, *generator)

    def errors():
        d = trained_discriminator.discriminator_at(gan, trained_discriminator.X)
        return trained_discriminator.errors(d, *densities)

    untrained = errors()
    trained_discriminator.train(gan, mixture, steps=1000)
    trained = errors()
    print(f"mean |D - D*|: {untrained}, trained {trained}")
    assert untrained.inside > 0.15  # 0.25 to 0.41
    assert trained.inside < 0.03  # 0.009 to 0.024
    assert trained.weighted < 0.03  # 0.007 to 0.018


# Theorem 1: V(D, G) + 2 log 2 is at most 2 JSD(p_data || p_g), and reaches it at the best D.


def bounds(discriminator_steps, discriminator_rate, rounds=4, n=100_000):
    """While both players train: 2 JSD, V + 2 log 2 with its standard error, and the same logged."""
    density = data.Gaussian()
    gan = trained_discriminator.make_gan(2.0, 0.5, steps=1, k=discriminator_steps)
    gan.compile(keras.optimizers.Adam(2e-2, 0.5), keras.optimizers.Adam(discriminator_rate, 0.5))
    measured = []
    for i in range(rounds):
        trained_discriminator.train(gan, density, steps=50, seed=i)
        p_g = norm(*affine(gan))
        true = 2 * theory.jsd_density(norm(0, 1).logpdf, p_g.logpdf)
        real = log_expit(logits(gan.discriminator, density.sample(n, seed=100 + i)))
        samples = p_g.rvs((n, 1), random_state=200 + i)
        fake = log_expit(-logits(gan.discriminator, samples))
        error = math.sqrt((real.var() + fake.var()) / n)
        logs = gan.evaluate(
            density.sample(n, seed=300 + i), batch_size=n, return_dict=True, verbose=0
        )
        bound = 2 * LOG_2 + real.mean() + fake.mean()
        measured.append((true, bound, logs["twice_jsd_bound"], error))
    return np.array(measured).T


@pytest.mark.slow
def test_the_bound_stays_below_twice_jsd_and_comes_close_with_a_good_discriminator():
    true, bound, logged, error = bounds(discriminator_steps=5, discriminator_rate=5e-3)
    print(f"2 JSD {true}, 2 log 2 + V {bound}, logged {logged}, standard error {error}")
    assert true[0] > 0.1 > true[-1]  # the game moved
    assert (bound < true + 4 * error).all()
    assert (bound > 0.9 * true - 4 * error).all()  # 0.92 to 1.00 of 2 JSD
    np.testing.assert_array_less(np.abs(bound - logged), 4 * math.sqrt(2) * error)


@pytest.mark.slow
def test_the_bound_is_loose_with_a_poor_discriminator():
    """The closeness above is D's doing."""
    true, bound, logged, error = bounds(discriminator_steps=1, discriminator_rate=1e-4, rounds=2)
    print(f"2 JSD {true}, 2 log 2 + V {bound}, logged {logged}, standard error {error}")
    assert (bound < true + 4 * error).all()
    assert (bound < 0.5 * true).all()  # 0.34 of 2 JSD and less
    np.testing.assert_array_less(np.abs(bound - logged), 4 * math.sqrt(2) * error)


# G against a D that is the best one for an earlier generator g'.


def against(mean, std):
    """A game on standard normal data whose D is trained against g' = N(mean, std^2)."""
    gan = trained_discriminator.make_gan(mean, std, steps=500)
    trained_discriminator.train(gan, data.Gaussian(), steps=500)
    return gan


@pytest.fixture(scope="module")
def earlier():
    return against(2.0, 1.0)


def fresh_gradient(discriminator):
    """Norm of the gradient that a generator fresh from its initializer receives, minimax."""
    keras.utils.set_random_seed(100)
    generator = networks.MLPGenerator((1,), latent_dim=1, units=(32, 32), value_range=(-2.0, 2.0))
    gan = kgan.GAN(generator, discriminator, priors.Uniform(1, 0.0, 1.0))
    return np.linalg.norm(saturation.gradient(gan, losses.Minimax()))


@pytest.mark.slow
def test_a_fresh_generator_learns_nothing_from_a_discriminator_at_equilibrium(earlier):
    equilibrium = against(0.0, 1.0)  # g' is the data
    at_equilibrium, before_it = map(
        fresh_gradient, (equilibrium.discriminator, earlier.discriminator)
    )
    print(f"gradient norm: {at_equilibrium} at equilibrium, {before_it} before it")
    assert at_equilibrium < 0.5  # 0.01 to 0.40: D is 1/2 to within 0.007
    assert before_it > 2.0  # 3.0 to 12.4
    assert before_it > 10 * at_equilibrium  # 31 to 633
    half = networks.MLPDiscriminator((1,), units=(8,), kernel_initializer="zeros")
    assert fresh_gradient(half) == 0.0  # exactly the D of the theory


def test_a_generator_leaves_its_earlier_self_for_the_mixture(earlier):
    earlier.compile(keras.optimizers.SGD(0.05), keras.optimizers.SGD(0.0), loss="minimax")
    log_data, log_earlier = norm(0, 1).logpdf, norm(2, 1).logpdf
    before = theory.value_at_earlier_optimum_density(log_data, log_earlier, log_earlier)
    trained_discriminator.train(earlier, data.Gaussian(), steps=10, seed=1)
    p_g = norm(*affine(earlier))
    after = theory.value_at_earlier_optimum_density(log_data, log_earlier, p_g.logpdf)
    print(f"p_g = N({p_g.mean()}, {p_g.std()}^2): {before} became {after}")
    assert p_g.mean() < 1.85  # 1.73 to 1.74
    assert after.kl_to_earlier > 0.05  # from 0 to 0.09 to 0.10
    assert after.kl_to_mixture < before.kl_to_mixture - 0.1  # from 0.337 to 0.153 to 0.159
    assert after.value < before.value - 0.15  # from -0.713 to -0.98 to -1.00
    # What G descended is the difference of divergences that the theory names.
    samples = p_g.rvs((100_000, 1), random_state=0)
    descended = log_expit(-logits(earlier.discriminator, samples)).mean()
    predicted = after.kl_to_mixture - after.kl_to_earlier - LOG_2
    assert descended == pytest.approx(predicted, abs=0.03)  # apart by 0.002 to 0.010


# Saturation: grad log(1 - D) = -D grad o dies where D rejects the samples, grad -log D does not.


@pytest.fixture(scope="module")
def separated():
    """D trained on data that share no point with the samples, and what G received meanwhile."""
    gan = saturation.make_gan()
    return gan, saturation.train(gan, saturation.DISJOINT, steps=400)


def test_jsd_is_log_2_and_d_separates_disjoint_supports(separated):
    gan, measured = separated
    assert saturation.true_jsd(gan, saturation.DISJOINT) == pytest.approx(LOG_2, abs=1e-12)
    assert measured[-1].jsd_bound == pytest.approx(LOG_2, abs=1e-3)  # short of it by 1e-4
    fake = logits(gan.discriminator, saturation.generated(gan))
    real = logits(gan.discriminator, np.linspace(-4, -2, 2001)[:, None])
    assert fake.max() < 0 < real.min()


def test_one_gradient_dies_and_the_other_does_not(separated):
    _, measured = separated
    first, last = measured[0], measured[-1]
    print(first, last)
    assert last.d_fake < 1e-3  # 0.6e-4 to 1.9e-4
    assert last.saturating < 0.05  # 0.0015 to 0.0067
    assert last.non_saturating > 2  # 8 to 71
    ratios = [m.non_saturating / m.saturating for m in measured]
    assert ratios[0] < 3  # 0.4 to 1.0
    assert ratios[-1] > 1000  # 3,900 to 38,700
    later = [ratio for m, ratio in zip(measured, ratios, strict=True) if m.step >= 30]
    assert (np.diff(later) > 0).all()  # so on every seed; before, D may not know the sides yet


@pytest.mark.slow
def test_no_gradient_dies_where_supports_overlap():
    """The cause removed: D cannot reject samples that could be data."""
    gan = saturation.make_gan()
    last = saturation.train(gan, saturation.OVERLAPPING, steps=400)[-1]
    assert saturation.true_jsd(gan, saturation.OVERLAPPING) < 0.67  # 0.26 to 0.65
    assert last.d_fake > 0.01  # 0.03 to 0.32
    assert last.saturating > 0.1  # 0.3 to 7
    assert last.non_saturating / last.saturating < 100  # 1.4 to 20


@pytest.mark.parametrize("loss", ["minimax", "non_saturating"])
def test_gradients_on_the_network_are_the_slopes_of_the_theory(separated, loss):
    """Autodiff of kgan.losses equals the theory's slope of the loss times grad o, on average."""
    gan, _ = separated
    with tf.GradientTape() as tape:
        o = gan.discriminator(saturation.generated(gan))
    slopes = theory.generator_losses(o.numpy().astype(np.float64))
    slope = slopes.saturating_derivative if loss == "minimax" else slopes.non_saturating_derivative
    weights = tf.constant(slope / len(slope), tf.float32)
    gradients = tape.gradient(o, gan.generator.trainable_variables, output_gradients=weights)
    expected = np.concatenate([np.ravel(g) for g in gradients])
    actual = saturation.gradient(gan, losses.get(loss))
    # Both round in float32, to 1e-7 of the norm.
    assert np.linalg.norm(actual - expected) < 1e-5 * np.linalg.norm(expected)


# Figure 1: p_g moves onto p_data and D flattens to 1/2.


@pytest.mark.slow
def test_figure1_ends_at_the_equilibrium():
    start, *_, end = figure1.play(steps=600, frames=5)
    print(f"JSD {start.jsd} -> {end.jsd}, |D - 1/2| {start.d_error} -> {end.d_error}")
    assert start.jsd > 0.3  # 0.35 to 0.67
    assert end.jsd < 0.03  # 0.014 to 0.019
    assert start.d_error > 0.08  # 0.087 to 0.29
    assert end.d_error < 0.07  # 0.036 to 0.048
    assert end.p_g.sum() * 0.02 == pytest.approx(1, abs=1e-3)  # all mass is in the picture


@pytest.mark.slow
@pytest.mark.parametrize(
    ("example", "pictures"),
    [
        (figure1, ["figure1.gif", "figure1.png"]),
        (trained_discriminator, ["trained_discriminator.png"]),
        (saturation, ["saturation.png"]),
    ],
)
def test_examples_write_their_pictures(example, pictures, tmp_path, capsys):
    example.run(tmp_path / "figures", seed=1, steps=3)
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == pictures
    printed = capsys.readouterr().out
    assert "nan" not in printed
    assert all(str(tmp_path / "figures" / name) in printed for name in pictures)
