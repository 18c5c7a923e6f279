"""Change of variables against SciPy's closed forms and against histograms of samples."""

import math

import numpy as np
import pytest
from scipy import stats

from kgan import theory

normal = stats.norm
Z = np.linspace(-8, 8, 4001)


def chi_squared(samples, cdf, edges):
    """Of counts in bins against a distribution function; the outer bins are open."""
    counts = np.histogram(samples, [-np.inf, *edges, np.inf])[0]
    expected = np.diff([0, *cdf(edges), 1]) * len(samples)
    assert expected.min() > 50
    return ((counts - expected) ** 2 / expected).sum()


# One dimension, monotone


@pytest.mark.parametrize("slope", [lambda x: 1 / x, None], ids=["slope", "differences"])
def test_the_exponential_of_a_normal_is_lognormal(slope):
    x = np.geomspace(1e-3, 1e3, 200)
    value = theory.monotone_log_density(x, normal.logpdf, np.log, slope)
    np.testing.assert_allclose(value, stats.lognorm(1).logpdf(x), atol=1e-9)


@pytest.mark.parametrize("slope", [lambda x: -np.ones_like(x) / 3, None])
def test_a_falling_map(slope):
    """x = 1 - 3 z of a normal z: N(1, 9)."""
    x = np.linspace(-20, 20, 101)
    value = theory.monotone_log_density(x, normal.logpdf, lambda x: (1 - x) / 3, slope)
    np.testing.assert_allclose(value, normal(1, 3).logpdf(x), rtol=1e-10)


def test_the_inverse_distribution_function_of_a_uniform_is_any_law():
    """Where z is uniform, p_X is |d f^-1/dx| itself, and f^-1 the distribution function."""
    law = stats.gamma(3)
    x = np.linspace(0.1, 15, 100)
    value = theory.monotone_log_density(x, stats.uniform.logpdf, law.cdf, law.pdf)
    np.testing.assert_allclose(value, law.logpdf(x), rtol=1e-12)


def test_without_the_slope_it_is_no_density():
    """What the factor |d f^-1/dx| is for: p_Z(f^-1(x)) alone integrates to something else."""
    x = np.linspace(1e-4, 60, 200_001)
    step = x[1] - x[0]
    with_slope = theory.monotone_log_density(x, normal.logpdf, np.log, lambda x: 1 / x)
    tail = normal.sf(math.log(60))
    assert np.exp(with_slope).sum() * step == pytest.approx(1 - tail, abs=1e-6)
    assert normal.pdf(np.log(x)).sum() * step == pytest.approx(math.exp(0.5), abs=0.1)


# One dimension, any map


def test_the_pushforward_of_a_monotone_map_is_lognormal():
    x = np.geomspace(0.05, 20, 300)
    value = theory.pushforward_density(Z, normal.cdf, np.exp(Z), x)
    # A piece's density is that of its middle, off by half a piece: 0.002 times the log slope.
    np.testing.assert_allclose(value, stats.lognorm(1).pdf(x), rtol=1e-2)
    fine = np.linspace(-8, 8, 20_001)
    value = theory.pushforward_density(fine, normal.cdf, np.exp(fine), x)
    np.testing.assert_allclose(value, stats.lognorm(1).pdf(x), rtol=2e-3)
    value = theory.pushforward_cdf(Z, normal.cdf, np.exp(Z), x)
    np.testing.assert_allclose(value, stats.lognorm(1).cdf(x), atol=1e-6)


def test_the_square_of_a_normal_is_chi_squared():
    """Two latents for every x: both count, and one alone would give half."""
    x = np.linspace(0.05, 9, 200)
    value = theory.pushforward_density(Z, normal.cdf, Z**2, x)
    np.testing.assert_allclose(value, stats.chi2(1).pdf(x), rtol=2e-2)
    right = Z[Z >= 0]
    half = theory.pushforward_density(right, normal.cdf, right**2, x)
    np.testing.assert_allclose(2 * half, value, rtol=1e-9)
    cdf = theory.pushforward_cdf(Z, normal.cdf, Z**2, x)
    np.testing.assert_allclose(cdf, stats.chi2(1).cdf(x), atol=1e-5)


def wavy(z):
    """Folds the line: five latents for some images."""
    return np.sin(3 * z) + 0.4 * z


@pytest.mark.parametrize(
    ("latent", "grid"),
    [
        (normal, Z[::4]),
        (
            stats.uniform(-math.sqrt(3), 2 * math.sqrt(3)),
            np.linspace(-math.sqrt(3), math.sqrt(3), 999),
        ),
    ],
    ids=["normal", "uniform"],
)
def test_mass_is_conserved(latent, grid):
    """The density is constant between images of the grid: its integral is a finite sum."""
    images = wavy(grid)
    ends = np.unique(images)
    middles = (ends[1:] + ends[:-1]) / 2
    density = theory.pushforward_density(grid, latent.cdf, images, middles)
    assert density @ np.diff(ends) == pytest.approx(1, abs=1e-10)
    cdf = theory.pushforward_cdf(grid, latent.cdf, images, ends)
    np.testing.assert_allclose(np.diff(cdf), density * np.diff(ends), atol=1e-13)
    assert (cdf[0], cdf[-1]) == (0, pytest.approx(1, abs=1e-10))


def test_a_histogram_of_samples_agrees():
    rng = np.random.default_rng(0)
    samples = wavy(rng.normal(size=100_000))

    def cdf(x):
        return theory.pushforward_cdf(Z, normal.cdf, wavy(Z), x)

    edges = np.linspace(-1.5, 1.5, 49)
    law = stats.chi2(49)  # 50 bins whose counts have a known sum
    assert law.ppf(1e-6) < chi_squared(samples, cdf, edges) < law.ppf(1 - 1e-6)
    # The same samples a twentieth further right are told apart.
    assert chi_squared(samples + 0.05, cdf, edges) > 10 * law.ppf(1 - 1e-6)


def test_a_map_that_collapses_keeps_its_mass_as_a_step():
    """Half of the latents go to 0: no density there, and a step of one half (Helvetica)."""
    images = np.maximum(Z, 0)
    x = np.array([-0.1, -1e-9, 0.0, 0.5, 1.0])
    density = theory.pushforward_density(Z, normal.cdf, images, x)
    np.testing.assert_array_equal(density[:3], [0, 0, math.inf])
    np.testing.assert_allclose(density[3:], normal.pdf(x[3:]), rtol=1e-2)
    cdf = theory.pushforward_cdf(Z, normal.cdf, images, x)
    np.testing.assert_allclose(cdf, [0, 0, 0.5, *normal.cdf([0.5, 1.0])], atol=1e-6)
    # No latent goes to 0 beyond the normal's reach: empty pieces are no infinite density.
    far = np.array([50.0, 51.0, 52.0])
    assert theory.pushforward_density(far, normal.cdf, np.zeros(3), [0.0]) == 0


# More dimensions


def test_a_linear_map_of_a_gaussian_vector_is_gaussian():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(3, 3)), rng.normal(size=3)
    inverse = np.linalg.inv(a)
    x = rng.normal(size=(50, 3))
    value = theory.invertible_log_density(
        x,
        stats.multivariate_normal(np.zeros(3)).logpdf,
        lambda x: (x - b) @ inverse.T,
        lambda x: inverse,
    )
    np.testing.assert_allclose(value, stats.multivariate_normal(b, a @ a.T).logpdf(x), rtol=1e-9)


def bend(z):
    """x1 = e^z1, x2 = z2 + z1^2."""
    return np.stack([np.exp(z[:, 0]), z[:, 1] + z[:, 0] ** 2], axis=1)


def unbend(x):
    return np.stack([np.log(x[:, 0]), x[:, 1] - np.log(x[:, 0]) ** 2], axis=1)


def unbend_jacobian(x):
    jacobian = np.zeros((len(x), 2, 2))
    jacobian[:, 0, 0] = 1 / x[:, 0]
    jacobian[:, 1, 0] = -2 * np.log(x[:, 0]) / x[:, 0]
    jacobian[:, 1, 1] = 1
    return jacobian


def test_a_bent_plane_agrees_with_a_histogram_of_samples():
    """Counts in cells against the density in their middles, 100 times finer."""
    standard = stats.multivariate_normal(np.zeros(2))
    samples = bend(np.random.default_rng(0).normal(size=(200_000, 2)))
    edges = np.linspace(0.2, 3, 9), np.linspace(-1, 3, 9)
    counts = np.histogram2d(*samples.T, edges)[0]
    fine = [np.linspace(e[0], e[-1], 8 * 10, endpoint=False) + (e[1] - e[0]) / 20 for e in edges]
    x = np.stack(np.meshgrid(*fine, indexing="ij"), axis=-1).reshape(-1, 2)
    log_density = theory.invertible_log_density(x, standard.logpdf, unbend, unbend_jacobian)
    cell = (fine[0][1] - fine[0][0]) * (fine[1][1] - fine[1][0])
    mass = np.exp(log_density).reshape(8, 10, 8, 10).sum(axis=(1, 3)) * cell
    expected = 200_000 * mass
    statistic = ((counts - expected) ** 2 / expected).sum()
    # 64 cells that are free but for their sum, which is no constraint here.
    assert stats.chi2(64).ppf(1e-6) < statistic < stats.chi2(64).ppf(1 - 1e-6)
    assert expected.min() > 50


# Bad input

GOOD = {"latents": [0.0, 1.0], "latent_cdf": stats.uniform.cdf, "images": [0.0, 2.0], "x": [1.0]}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"latents": [1.0, 0.0]}, r"`latents`: expected two or more rising numbers, .* Sort them"),
        (
            {"latents": [0.0, 2.0, 1.0], "images": [0.0, 1.0, 2.0]},
            r"`latents`: expected two or more rising numbers",
        ),
        ({"latents": [0.0], "images": [0.0]}, r"`latents`: expected two or more rising numbers"),
        ({"latents": [[0.0, 1.0]]}, r"`latents`: expected 1 dimensions, received shape \(1, 2\)"),
        ({"images": [0.0, 1.0, 2.0]}, r"`images`: expected the shape of `latents`, \(2,\)"),
        ({"images": [0.0, math.nan]}, r"`images`: expected finite numbers, received nan"),
        ({"x": 1.0}, r"`x`: expected 1 dimensions, received shape \(\)"),
        ({"x": []}, r"`x`: expected at least one number"),
        ({"latent_cdf": lambda z: -z}, r"`latent_cdf`: expected a distribution function, rising"),
        ({"latent_cdf": lambda z: 2 * z}, r"`latent_cdf`: expected .* within \[0, 1\]"),
        ({"latent_cdf": lambda z: z * math.nan}, r"`latent_cdf`: expected a distribution function"),
        ({"latent_cdf": 3}, r"`latent_cdf`: expected a function of points"),
    ],
)
@pytest.mark.parametrize("function", [theory.pushforward_density, theory.pushforward_cdf])
def test_bad_maps(function, arguments, message):
    with pytest.raises(ValueError, match=message):
        function(**{**GOOD, **arguments})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ([-1.0, 1.0], normal.logpdf, np.square, lambda x: 2 * x),
            r"`inverse_derivative`: .* one sign",
        ),
        (([-1.0, 1.0], normal.logpdf, np.square), r"`inverse`: .*use `pushforward_density`"),
        (([0.0], normal.logpdf, np.log, lambda x: 1 / x), r"`inverse_derivative`: expected finite"),
        (([1e-9], normal.logpdf, np.log), r"`inverse`: .*returns numbers, received NaN at -9\."),
        (([1.0], normal.logpdf, lambda x: 0.0), r"`inverse`: .*one number a point"),
        (([math.inf], normal.logpdf, np.log), r"`x`: expected finite numbers, received inf"),
    ],
)
def test_bad_monotone_maps(arguments, message):
    with pytest.raises(ValueError, match=message):
        theory.monotone_log_density(*arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"x": [1.0, 2.0]}, r"`x`: expected 2 dimensions, received shape \(2,\)"),
        ({"inverse": lambda x: x[:, :1]}, r"`inverse`: expected the shape of `x`, \(1, 2\)"),
        (
            {"inverse_jacobian": lambda x: np.eye(3)},
            r"`inverse_jacobian`: expected shape \(1, 2, 2",
        ),
        ({"inverse_jacobian": lambda x: np.eye(2) / 0}, r"`inverse_jacobian`: expected finite"),
    ],
)
def test_bad_invertible_maps(arguments, message):
    good = {
        "x": [[1.0, 2.0]],
        "log_p_z": stats.multivariate_normal(np.zeros(2)).logpdf,
        "inverse": lambda x: x,
        "inverse_jacobian": lambda x: np.eye(2),
    }
    with np.errstate(all="ignore"), pytest.raises(ValueError, match=message):
        theory.invertible_log_density(**{**good, **arguments})
