"""Mode counting on constructed samples, against SciPy, chi-squared and a plain loop."""

import math

import numpy as np
import pytest
from scipy import stats

from kgan.data import DENSITIES, Ring
from kgan.metrics import mixture_coverage, mode_coverage, stacked_labels


def test_labels_are_counted():
    coverage = mode_coverage([3, 0, 3, 3], num_modes=5)
    np.testing.assert_array_equal(coverage.shares, [0.25, 0, 0, 0.75, 0])
    assert coverage.found == 2
    assert coverage.kl == pytest.approx(stats.entropy(coverage.shares, np.full(5, 0.2)), rel=1e-12)


def test_a_collapsed_generator_is_log_modes_away():
    coverage = mode_coverage(np.full(26_000, 7), num_modes=1000)
    assert coverage.found == 1
    assert coverage.kl == pytest.approx(math.log(1000), rel=1e-12)


def test_the_divergence_is_from_the_samples_to_the_data():
    labels, targets = [0, 0, 1], np.array([0.2, 0.3, 0.5])
    coverage = mode_coverage(labels, 3, targets)
    assert coverage.kl == pytest.approx(stats.entropy([2 / 3, 1 / 3, 0], targets), rel=1e-12)
    # Counts do as well as shares, and the divergence is 0 only where the two agree.
    assert mode_coverage(labels, 3, 40 * targets).kl == pytest.approx(coverage.kl, rel=1e-12)
    assert mode_coverage([0, 1, 1, 2], 3, [1, 2, 1]).kl == pytest.approx(0, abs=1e-15)


def test_a_mode_that_the_data_lacks_is_infinitely_far():
    assert mode_coverage([0, 2], 3, [0.5, 0.5, 0]).kl == math.inf
    assert mode_coverage([0, 1], 3, [0.5, 0.5, 0]).kl == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize(
    ("num_modes", "n", "targets"),
    [(8, 2500, None), (1000, 26_000, None), (10, 500, np.arange(10)[::-1])],
)
def test_the_floor_is_what_data_score(num_modes, n, targets):
    shares = np.ones(num_modes) if targets is None else targets
    rng = np.random.default_rng(0)
    runs = [
        mode_coverage(rng.choice(num_modes, n, p=shares / shares.sum()), num_modes, targets)
        for _ in range(200)
    ]
    # 2 n kl is chi-squared with d = modes - 1 degrees of freedom to first order, so that the mean
    # of 200 has a relative standard error of sqrt(2 / (200 d)); 5 of them, and 3% for the next
    # order, which is 1 / (6 * 26) of the floor for StackedMNIST.
    degrees = np.count_nonzero(shares) - 1
    assert runs[0].kl_floor == pytest.approx(degrees / (2 * n), rel=1e-12)
    mean = np.mean([run.kl for run in runs])
    assert mean == pytest.approx(runs[0].kl_floor, rel=0.03 + 5 * math.sqrt(2 / 200 / degrees))


@pytest.mark.parametrize("name", ["ring", "grid"])
def test_the_mixture_itself_is_covered(name):
    density = DENSITIES[name]
    n, modes = 20_000, len(density.means)
    coverage = mixture_coverage(density.sample(n, seed=1), density.means, density.std)
    assert coverage.found == modes
    # The radius is Rayleigh: P(r < 3 std) = 1 - exp(-9/2). Five standard errors.
    expected = -math.expm1(-4.5)
    error = math.sqrt(expected * (1 - expected) / n)
    assert coverage.high_quality == pytest.approx(expected, abs=5 * error)
    # Two-sided, 1e-6 in all: 2 n KL is chi-squared.
    low, high = stats.chi2.ppf([5e-7, 1 - 5e-7], modes - 1)
    assert low < 2 * n * coverage.kl < high


def test_quality_and_modes_of_constructed_samples():
    ring = Ring()
    offsets = ring.std * np.array([[0, 0], [2.99, 0], [0, -3.01]])
    samples = np.concatenate([ring.means[2] + offsets, ring.means[5] + offsets[2:]])
    coverage = mixture_coverage(samples, ring.means, ring.std)
    assert coverage.high_quality == 0.5
    assert coverage.found == 1  # mode 5 has no sample of high quality,
    assert coverage.shares[5] == 0.25  # but a share
    assert coverage.kl == pytest.approx(
        stats.entropy(coverage.shares, np.full(8, 1 / 8)), rel=1e-12
    )
    wider = mixture_coverage(samples, ring.means, ring.std, radius=3.1)
    assert (wider.found, wider.high_quality) == (2, 1.0)


def test_dropped_modes_are_seen():
    grid = DENSITIES["grid"]
    samples = grid.sample(20_000, seed=2)
    kept = samples[samples[:, 0] < 3]  # all but one column of the lattice
    coverage = mixture_coverage(kept, grid.means, grid.std)
    assert coverage.found == 20
    # 20 of 25 even modes: log(25 / 20), and the noise of 16,000 samples.
    assert coverage.kl == pytest.approx(math.log(25 / 20), abs=0.005)


def test_agrees_with_a_plain_loop():
    rng = np.random.default_rng(3)
    samples, means, std = rng.normal(size=(200, 3)), rng.normal(size=(6, 3)), 0.25
    good, counts = [0] * 6, [0] * 6
    for x in samples:
        distances = [math.dist(x, mean) for mean in means]
        mode = distances.index(min(distances))
        counts[mode] += 1
        good[mode] += distances[mode] < 3 * std
    coverage = mixture_coverage(samples, means, std)
    assert coverage.high_quality == sum(good) / 200
    assert coverage.found == sum(n > 0 for n in good)
    np.testing.assert_allclose(coverage.shares, np.array(counts) / 200, rtol=1e-12)


class Brightness:
    """Reads the digit that each pixel of an image is filled with."""

    num_classes = 10

    def labels(self, images):
        assert images.shape[-1] == 1
        return np.rint(10 * images.mean(axis=(1, 2, 3))).astype(np.int64)


def test_stacks_are_named_by_their_channels():
    digits = np.array([[0, 0, 0], [1, 2, 3], [9, 9, 9], [0, 4, 0]])
    images = np.broadcast_to(digits[:, None, None] / 10, [4, 5, 5, 3])
    modes = stacked_labels(images, Brightness())
    np.testing.assert_array_equal(modes, [0, 123, 999, 40])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0.5], 2), r"`labels`: expected integers of shape \[n\] .* received float64"),
        (([[0]], 2), r"`labels`: expected integers of shape \[n\] .* shape \(1, 1\)"),
        ((np.zeros(0, int), 2), r"`labels`: .* with n > 0, received int64 of shape \(0,\)"),
        (([0, 2], 2), "`labels`: expected integers from 0 to 1, received 0 to 2"),
        (([-1], 2), "`labels`: expected integers from 0 to 1, received -1 to -1"),
        (([0], 2, [1]), r"`target_shares`: .* of shape \[2\], .* received \[1\]"),
        (([0], 2, [1, -1]), "`target_shares`: .* none negative and not all zero"),
        (([0], 2, [2, -1]), "`target_shares`: .* none negative and not all zero"),
        (([0], 2, [0, 0]), "`target_shares`: .* none negative and not all zero"),
        (([0], 2, [1, math.inf]), "`target_shares`: expected finite numbers"),
        (([0], 2, [1, math.nan]), "`target_shares`: expected finite numbers"),
    ],
)
def test_unusable_labels_and_shares_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        mode_coverage(*arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[0.0, math.nan]], [[0, 0]], 1), "`samples`: expected finite numbers, received nan"),
        (([[0.0]], [[0, 0]], 1), "`samples`: expected rows of size 2, as `means` has"),
        (([[0.0, 0]], [0, 0], 1), r"`means`: expected shape \[n, d\], received shape \(2,\)"),
        (([[0.0, 0]], [[0, 0]], 0), "`std`: expected a positive number, received 0"),
        (([[0.0, 0]], [[0, 0]], 1, -1), "`radius`: expected a positive number, received -1"),
    ],
)
def test_unusable_samples_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        mixture_coverage(*arguments)


@pytest.mark.parametrize("shape", [(4, 5, 5, 1), (4, 5, 5)])
def test_stacks_have_three_channels(shape):
    with pytest.raises(ValueError, match=r"`images`: expected shape \[n, height, width, 3\], rec"):
        stacked_labels(np.zeros(shape), Brightness())
