"""Toy densities against SciPy, quadrature and the statistics of their own samples."""

import numpy as np
import pytest
from scipy import integrate, stats

from kgan.data import DENSITIES, Gaussian, Grid, Ring


def _scipy_log_prob(density, x):
    covariance = density.std**2 * np.eye(density.dim)
    modes = [stats.multivariate_normal(mean, covariance).pdf(x) for mean in density.means]
    return np.log(np.mean(modes, axis=0))


def test_ring_is_pacgans():
    # PacGAN, arXiv 1712.04086, section 4: means (cos(2 pi i / 8), sin(2 pi i / 8)), variance 1e-4.
    ring = DENSITIES["ring"]
    angles = 2 * np.pi * np.arange(8) / 8
    np.testing.assert_allclose(ring.means, np.stack([np.cos(angles), np.sin(angles)], 1))
    assert (ring.std**2, ring.dim) == (pytest.approx(1e-4), 2)


def test_grid_is_pacgans():
    # PacGAN, arXiv 1712.04086, section 4: means (-4 + 2i, -4 + 2j), variance 0.0025.
    grid = DENSITIES["grid"]
    expected = [(-4 + 2 * i, -4 + 2 * j) for i in range(5) for j in range(5)]
    np.testing.assert_allclose(grid.means, expected)
    assert (grid.std**2, grid.dim) == (pytest.approx(0.0025), 2)


@pytest.mark.parametrize("density", [Gaussian(1.5, 0.3), Ring(5, 0.4, 0.2), Grid(3, 0.5, 0.2)])
def test_log_prob_agrees_with_scipy(density):
    x = density.sample(50, seed=1).astype(np.float64)
    log_prob = density.log_prob(x)
    assert log_prob.dtype == np.float64
    np.testing.assert_allclose(log_prob, _scipy_log_prob(density, x), rtol=1e-10, atol=1e-10)


def test_gaussian_integrates_to_one():
    total, _ = integrate.quad(
        lambda t: np.exp(Gaussian(1.5, 0.3).log_prob([[t]])[0]), -np.inf, np.inf
    )
    assert total == pytest.approx(1, abs=1e-7)


@pytest.mark.parametrize(("density", "extent"), [(Ring(), 1.1), (Grid(), 4.5)])
def test_plane_densities_integrate_to_one(density, extent):
    # The trapezium rule with a step of one standard deviation errs by about
    # 2 exp(-2 pi^2) = 5e-9 per axis on a Gaussian, by its Fourier series.
    ticks = np.arange(-extent, extent, density.std)
    x = np.stack(np.meshgrid(ticks, ticks), -1).reshape(-1, 2)
    assert np.exp(density.log_prob(x)).sum() * density.std**2 == pytest.approx(1, abs=1e-7)


def test_log_prob_is_finite_where_the_density_underflows():
    # 1e3 from the nearest mode of standard deviation 0.01: -(1e5)^2 / 2 to leading order.
    assert Ring().log_prob([[1001.0, 0.0]])[0] == pytest.approx(-5e9, rel=1e-6)


@pytest.mark.parametrize("density", [Gaussian(1.5, 0.3), Ring(), Grid()])
def test_samples_have_the_moments_of_the_mixture(density):
    n, modes = 20_000, len(density.means)
    x = density.sample(n, seed=3)
    assert (x.dtype, x.shape) == (np.float32, (n, density.dim))
    distances = np.linalg.norm(x[:, None] - density.means, axis=-1)
    counts = np.bincount(distances.argmin(1), minlength=modes)
    # Five binomial standard deviations: under 1e-6 of chance for each count.
    bound = 5 * np.sqrt(n * (modes - 1)) / modes + 1e-9
    assert np.abs(counts - n / modes).max() <= bound
    noise = (x - density.means[distances.argmin(1)]) / density.std
    assert np.abs(noise.mean(0)).max() < 5 / np.sqrt(n)  # standard error of a mean
    assert np.abs(noise.var(0) - 1).max() < 5 * np.sqrt(2 / n)  # and of a variance


def test_the_seed_decides_the_sample():
    np.testing.assert_array_equal(Ring().sample(10, seed=1), Ring().sample(10, seed=1))
    assert not np.array_equal(Ring().sample(10, seed=1), Ring().sample(10, seed=2))


@pytest.mark.parametrize("std", [0, -1.0, float("nan")])
def test_std_must_be_positive(std):
    with pytest.raises(ValueError, match=r"argument `std`: expected a positive number, received"):
        Gaussian(std=std)


@pytest.mark.parametrize("make", [lambda: Ring(modes=0), lambda: Grid(side=0)])
def test_a_mixture_needs_a_mode(make):
    with pytest.raises(ValueError, match=r"`means`: expected a non-empty \[modes, dim\] array"):
        make()


@pytest.mark.parametrize("x", [[1.0, 2.0], [[1.0]], [[[1.0, 2.0]]]])
def test_log_prob_refuses_points_of_another_shape(x):
    with pytest.raises(ValueError, match=r"argument `x`: expected shape \[n, 2\], received \["):
        Ring().log_prob(x)
