"""Maximum likelihood against closed forms, and against the least KL divergence."""

import math

import numpy as np
import pytest
from scipy import stats

from kgan import theory

normal = stats.norm


def mixture(x):
    """0.3 N(-2, 0.5^2) + 0.7 N(1, 1)."""
    left, right = normal(-2, 0.5).logpdf(x), normal(1, 1).logpdf(x)
    return np.logaddexp(left + math.log(0.3), right + math.log(0.7))


MEAN = 0.3 * -2 + 0.7 * 1
VARIANCE = 0.3 * (0.25 + 4) + 0.7 * (1 + 1) - MEAN**2


def draw_mixture(n, rng):
    left = rng.random(n) < 0.3
    return np.where(left, rng.normal(-2, 0.5, n), rng.normal(1, 1, n))


@pytest.fixture(scope="module")
def nearest():
    """The Gaussian nearest to the mixture in KL(mixture || Gaussian)."""
    return theory.minimum_kl(mixture, theory.gaussian, [0.0, 0.0])


@pytest.mark.parametrize(
    ("density", "expected"),
    [
        (normal(3, 2), 0.5 * math.log(2 * math.pi * math.e * 4)),
        (normal(3, 1e-3), 0.5 * math.log(2 * math.pi * math.e * 1e-6)),
        (stats.expon(0, 5), 1 + math.log(5)),
        (stats.uniform(2, 7), math.log(7)),
        (stats.cauchy(0, 2), math.log(8 * math.pi)),
        (stats.laplace(0, 3), 1 + math.log(6)),
    ],
    ids=lambda x: x.dist.name if hasattr(x, "dist") else "",
)
def test_entropy_is_the_closed_form(density, expected):
    assert theory.entropy(density.logpdf) == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("theta", [(0.0, 0.0), (1.0, -0.5), (-3.0, 1.0)])
def test_expected_log_likelihood_is_minus_entropy_minus_kl(theta):
    """And the closed form of a Gaussian model, which needs the data's two moments alone."""
    model = stats.norm(theta[0], math.exp(theta[1])).logpdf
    value = theory.expected_log_likelihood(mixture, model)
    assert value == pytest.approx(
        -theory.entropy(mixture) - theory.kl_density(mixture, model), abs=1e-8
    )
    spread = (VARIANCE + (MEAN - theta[0]) ** 2) / math.exp(2 * theta[1])
    by_hand = -0.5 * spread - theta[1] - 0.5 * math.log(2 * math.pi)
    assert value == pytest.approx(by_hand, abs=1e-8)


def test_expected_log_likelihood_is_infinite_where_the_model_has_no_mass():
    model = stats.expon(0, 1).logpdf
    assert theory.expected_log_likelihood(mixture, model) == -math.inf


def test_families_are_scipys():
    x = np.linspace(-3, 5, 33)
    expected = normal(1, 2).logpdf(x)
    np.testing.assert_allclose(theory.gaussian(x, [1, math.log(2)]), expected, rtol=1e-13)
    expected = stats.expon(0, 2).logpdf(x)
    np.testing.assert_allclose(theory.exponential(x, [math.log(2)]), expected, rtol=1e-13)


def test_the_likeliest_gaussian_has_the_samples_moments():
    samples = normal(3, 2).rvs(500, random_state=np.random.default_rng(0))
    theta, value = theory.maximum_likelihood(theory.gaussian, samples, [0.0, 0.0])
    np.testing.assert_allclose(theta, [samples.mean(), math.log(samples.std())], atol=1e-6)
    assert value == pytest.approx(normal(samples.mean(), samples.std()).logpdf(samples).mean())


def test_the_likeliest_exponential_has_the_samples_mean():
    samples = stats.expon(0, 5).rvs(500, random_state=np.random.default_rng(0))
    theta, _ = theory.maximum_likelihood(theory.exponential, samples, [0.0])
    assert theta[0] == pytest.approx(math.log(samples.mean()), abs=1e-6)


def test_a_family_that_contains_the_data_leaves_no_divergence():
    theta, left = theory.minimum_kl(normal(3, 2).logpdf, theory.gaussian, [0.0, 0.0])
    np.testing.assert_allclose(theta, [3, math.log(2)], atol=1e-5)
    assert left == pytest.approx(0, abs=1e-10)


def test_the_nearest_gaussian_in_kl_has_the_datas_moments(nearest):
    """The family does not contain the mixture; setting dKL/dtheta = 0 by hand gives the moments."""
    theta, left = nearest
    np.testing.assert_allclose(theta, [MEAN, 0.5 * math.log(VARIANCE)], atol=1e-5)
    assert left > 0.05
    for other in ([0.1, 0], [0, 0.1], [-0.1, 0], [0, -0.1]):
        worse = theory.kl_density(mixture, lambda x, o=other: theory.gaussian(x, theta + o))
        assert worse > left + 1e-3


def test_the_likeliest_on_many_samples_is_the_nearest_in_kl(nearest):
    """The point of it all. The margin is four standard errors of each parameter's estimate.

    They follow from the delta method: sd/sqrt n of the mean, and of the log deviation
    sqrt((kurtosis - 1)/(4 n)), with n the number of samples.
    """
    n = 20_000
    samples = draw_mixture(n, np.random.default_rng(0))
    likeliest, reached = theory.maximum_likelihood(theory.gaussian, samples, [0.0, 0.0])
    theta, left = nearest
    kurtosis = stats.kurtosis(samples, fisher=False)
    errors = [math.sqrt(VARIANCE / n), math.sqrt((kurtosis - 1) / (4 * n))]
    assert (np.abs(likeliest - theta) < 4 * np.array(errors)).all()
    assert max(errors) < 0.02
    # What they reach differs by the entropy, as -H(p) - KL says; log q is a square plus a constant,
    # so that its standard error is that of the log deviation.
    assert reached == pytest.approx(-theory.entropy(mixture) - left, abs=4 * errors[1])


def test_the_best_expected_likelihood_is_at_the_least_kl():
    """On the exponential family, where data are a gamma distribution of the same mean."""
    data = stats.gamma(2, scale=1.5)
    thetas = np.linspace(0.5, 1.7, 25)
    models = [lambda x, t=t: theory.exponential(x, [t]) for t in thetas]
    likelihoods = [theory.expected_log_likelihood(data.logpdf, model) for model in models]
    divergences = [theory.kl_density(data.logpdf, model) for model in models]
    assert np.argmax(likelihoods) == np.argmin(divergences)
    np.testing.assert_allclose(np.add(likelihoods, divergences), -data.entropy(), atol=1e-8)
    theta, _ = theory.minimum_kl(data.logpdf, theory.exponential, [0.0])
    assert theta[0] == pytest.approx(math.log(3.0), abs=1e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: theory.maximum_likelihood(theory.gaussian, [], [0.0, 0.0]),
            r"`samples`: expected at least one number",
        ),
        (
            lambda: theory.maximum_likelihood(theory.gaussian, [1.0, math.nan], [0.0, 0.0]),
            r"`samples`: expected finite numbers, received nan",
        ),
        (
            lambda: theory.maximum_likelihood(theory.gaussian, [1.0, 2.0], [math.inf, 0.0]),
            r"`start`: expected finite numbers, received inf",
        ),
        (
            lambda: theory.maximum_likelihood(theory.gaussian, [1.0, 2.0], 0.0),
            r"`start`: expected 1 dimensions, received shape \(\)",
        ),
        (
            lambda: theory.maximum_likelihood(theory.exponential, [-1.0, 2.0], [0.0]),
            r"`start`: expected a place from which the search ends, received \[0\.0\]: .* inf",
        ),
        (
            lambda: theory.maximum_likelihood(lambda x, _: 0 * x + math.nan, [1.0, 2.0], [0.0]),
            r"`family`: expected a function that returns numbers, received NaN",
        ),
        (
            lambda: theory.minimum_kl(lambda x: -(x**2), theory.gaussian, [0.0, 0.0]),
            r"`log_p`: expected a log density that integrates to 1 .*1\.77245",
        ),
        (
            lambda: theory.entropy(normal.logpdf, bounds=(0, 9)),
            r"`log_p`: expected a log density that integrates to 1 .* 0\.[45]",
        ),
        (
            lambda: theory.expected_log_likelihood(normal.logpdf, normal.pdf),
            r"`log_q`: expected a log density that integrates to 1",
        ),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
