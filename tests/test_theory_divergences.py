"""Divergences against closed forms, SciPy, and a trapezium rule written here."""

import math
import pathlib
import subprocess
import sys
import types

import numpy as np
import pytest
import warm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special, stats

from examples import divergences as example
from kgan import theory
from kgan.data import DENSITIES
from kgan.theory import quadrature

ROOT = pathlib.Path(__file__).resolve().parent.parent
LOG_2 = math.log(2.0)
normal, uniform = stats.norm, stats.uniform


def kl_normal(m, s, n, t):
    return math.log(t / s) + (s**2 + (m - n) ** 2) / (2 * t**2) - 0.5


def kl_gamma(k, s, j, t):
    """Shapes k and j, scales s and t."""
    shape = (k - j) * special.digamma(k) - special.gammaln(k) + special.gammaln(j)
    return shape + j * math.log(t / s) + k * (s - t) / t


def kl_beta(a, b, c, d):
    means = (a - c) * special.digamma(a) + (b - d) * special.digamma(b)
    return (
        special.betaln(c, d)
        - special.betaln(a, b)
        + means
        + (c - a + d - b) * special.digamma(a + b)
    )


def kl_cauchy(m, s, n, t):
    return math.log(((s + t) ** 2 + (m - n) ** 2) / (4 * s * t))


# Textbook closed forms: p, q, KL(p || q).
KNOWN = {
    "normal": (normal(0, 1), normal(1, 2), kl_normal(0, 1, 1, 2)),
    "normal-swapped": (normal(1, 2), normal(0, 1), kl_normal(1, 2, 0, 1)),
    "normal-same": (normal(3, 2), normal(3, 2), 0.0),
    "normal-narrow-and-wide": (normal(0, 1e-6), normal(0, 1e6), kl_normal(0, 1e-6, 0, 1e6)),
    "normal-narrow-and-far": (
        normal(1e3, 1e-3),
        normal(1e3 + 1e-3, 2e-3),
        kl_normal(1e3, 1e-3, 1e3 + 1e-3, 2e-3),
    ),
    "normal-far-apart": (normal(-1e4, 1), normal(1e4, 3), kl_normal(-1e4, 1, 1e4, 3)),
    "exponential": (stats.expon(0, 2), stats.expon(0, 5), math.log(2.5) + 0.4 - 1),
    # SciPy's log density of it is -inf beyond 745, as it takes the density's logarithm.
    "laplace": (stats.laplace(0, 1), stats.laplace(1.5, 1), 1.5 + math.exp(-1.5) - 1),
    "cauchy": (stats.cauchy(0, 1e-3), stats.cauchy(5e3, 3), kl_cauchy(0, 1e-3, 5e3, 3)),
    "gamma-with-a-pole": (
        stats.gamma(0.3, scale=3),
        stats.gamma(1.5, scale=1),
        kl_gamma(0.3, 3, 1.5, 1),
    ),
    "beta": (stats.beta(2, 3), stats.beta(4, 1), kl_beta(2, 3, 4, 1)),
    # KL does not change under a map of both, here exp.
    "lognormal": (
        stats.lognorm(5),
        stats.lognorm(2, scale=3),
        kl_normal(0, 5, math.log(3), 2),
    ),
    "uniform-in-uniform": (uniform(0, 1), uniform(-1, 3), math.log(3)),
    "uniform-in-normal": (
        uniform(-10, 20),
        normal(0, 1),
        -math.log(20) + 0.5 * math.log(2 * math.pi) + 100 / 6,
    ),
    "uniform-not-in-uniform": (uniform(0, 1), uniform(0.5, 1), math.inf),
    "disjoint": (uniform(0, 1), uniform(5, 1), math.inf),
    # 1.5e-23 of the mass lies outside.
    "normal-not-in-uniform": (normal(0, 1), uniform(-10, 20), math.inf),
    # x^2 p(x) tends to a constant: the integral of p log q diverges.
    "cauchy-to-normal": (stats.cauchy(), normal(), math.inf),
}


@pytest.mark.parametrize(("p", "q", "expected"), KNOWN.values(), ids=KNOWN)
def test_kl_of_densities_is_the_closed_form(p, q, expected):
    value = theory.kl_density(p.logpdf, q.logpdf)
    # 1e-8 of nats as promised; one float64 holds a KL of 1e7 to 1e-9 of it and no better.
    assert value == pytest.approx(expected, abs=1e-8, rel=1e-12)


def two_normals(m, n, weights):
    def log_density(x):
        parts = [normal(m, 1).logpdf(x), normal(n, 1).logpdf(x)]
        return special.logsumexp(parts, axis=0, b=np.reshape(weights, (2, 1)))

    return log_density


def test_kl_of_mixtures_far_apart():
    """Peaks 2e4 apart never meet: what is left is the KL of their weights."""
    p, q = two_normals(-1e4, 1e4, [0.3, 0.7]), two_normals(-1e4, 1e4, [0.6, 0.4])
    expected = 0.3 * math.log(0.3 / 0.6) + 0.7 * math.log(0.7 / 0.4)
    assert theory.kl_density(p, q) == pytest.approx(expected, abs=1e-8)


def test_quadrature_that_does_not_look_for_peaks_misses_them():
    """What the scan is for: without centres the same rule sees none of the mass, and says so."""
    far = normal(1234.5, 1e-3)
    assert integrate.quad(far.pdf, -np.inf, np.inf)[0] == pytest.approx(0, abs=1e-6)
    assert theory.kl_density(far.logpdf, far.logpdf) == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quadrature, "_peaks", lambda name, density, x: np.empty(0))
        with pytest.raises(ValueError, match=r"`log_p`: expected a log density that integrates"):
            theory.kl_density(far.logpdf, far.logpdf)


def test_a_narrow_support_far_away_is_refused_until_it_is_named():
    p, q = uniform(1000, 1e-3), uniform(999, 3)
    with pytest.raises(ValueError, match=r"`log_p`: .* integrates to 0\.0\. Name in `points`"):
        theory.kl_density(p.logpdf, q.logpdf)
    for where in ({"points": [1000.0004]}, {"bounds": (999, 1003)}):
        # 1000 + 1e-3 is known to 1e-13, or 1e-10 of the width; the log ratio is 8.
        value = theory.kl_density(p.logpdf, q.logpdf, **where)
        assert value == pytest.approx(math.log(3000), abs=1e-8)


def trapezium(f, low, high, steps=4000):
    """Errs by about exp(-2 pi^2 s^2 / h^2) on a Gaussian of deviation s: nothing, for h < s/2."""
    x = np.linspace(low, high, steps)
    return (x[1] - x[0]) * f(x).sum()


@pytest.mark.parametrize(
    ("shift", "spread"), [(1e-3, 1), (0.5, 1), (1, 2), (3, 0.5), (8, 1), (30, 1)]
)
def test_jsd_of_gaussians_agrees_with_the_trapezium_rule(shift, spread):
    p, q = normal(0, 1), normal(shift, spread)

    def terms(x):
        a, b = np.maximum([p.pdf(x), q.pdf(x)], 1e-300)
        m = (a + b) / 2
        return (a * np.log(a / m) + b * np.log(b / m)) / 2

    expected = trapezium(terms, -25, 60)
    assert theory.jsd_density(p.logpdf, q.logpdf) == pytest.approx(expected, abs=1e-10)
    assert theory.jsd_density(q.logpdf, p.logpdf) == pytest.approx(expected, abs=1e-10)


def test_jsd_saturates_and_its_slope_vanishes_on_disjoint_supports():
    """Of two unit intervals d apart, JSD is d log 2 until they part, and log 2 from there on."""

    def jsd(d):
        return theory.jsd_density(uniform(0, 1).logpdf, uniform(d, 1).logpdf)

    for d in (0.25, 0.5, 0.9):
        assert jsd(d) == pytest.approx(d * LOG_2, abs=1e-8)
        assert (jsd(d + 1e-3) - jsd(d)) / 1e-3 == pytest.approx(LOG_2, abs=1e-4)
    for d in (1.0, 1.5, 40.0):
        assert jsd(d) == pytest.approx(LOG_2, abs=1e-12)
        assert jsd(d + 1e-3) - jsd(d) == pytest.approx(0, abs=1e-12)


def test_jsd_slope_of_gaussians_vanishes_with_distance():
    def jsd(d):
        return theory.jsd_density(normal(0, 1).logpdf, normal(d, 1).logpdf)

    def slope_at_one(x):
        """Under the integral, d JSD / dd = E_q[(x - d) log(q/m)] / 2."""
        a, b = normal(0, 1).pdf(x), normal(1, 1).pdf(x)
        return (x - 1) * b * np.log(2 * b / (a + b)) / 2

    slopes = [(jsd(d + 1e-2) - jsd(d - 1e-2)) / 2e-2 for d in (1.0, 5.0, 10.0, 20.0)]
    # Central differences err by h^2 / 6 times a third derivative below 1.
    assert slopes[0] == pytest.approx(trapezium(slope_at_one, -25, 25), abs=2e-5)
    assert (np.diff(slopes) < 0).all()
    assert abs(slopes[2]) < 1e-5
    assert abs(slopes[3]) < 1e-10


# Discrete distributions


def batch_of_pairs(seed, outcomes, alpha, empty):
    """500 pairs, from nearly uniform to nearly deterministic, a share of the outcomes empty."""
    rng = np.random.default_rng(seed)
    pairs = rng.gamma(alpha, size=(2, 500, outcomes)) + 1e-300
    gone = rng.random(pairs.shape) < empty
    gone[..., rng.integers(outcomes)] = False
    pairs[gone] = 0
    return pairs / pairs.sum(axis=-1, keepdims=True)


BOUNDED = settings(max_examples=20, derandomize=True, deadline=None, database=None)
batches = given(
    seed=st.integers(0, 2**32 - 1),
    outcomes=st.integers(2, 30),
    alpha=st.floats(0.02, 20),
    empty=st.floats(0, 0.6),
)


@pytest.mark.slow
@BOUNDED
@batches
def test_divergences_of_ten_thousand_pairs(**batch):
    """20 times 500 pairs: ranges, symmetry, and agreement with SciPy."""
    p, q = batch_of_pairs(**batch)
    jsd, kl = theory.jsd(p, q), theory.kl(p, q)
    assert jsd.shape == kl.shape == (500,)
    assert ((jsd >= 0) & (jsd <= LOG_2)).all()
    np.testing.assert_allclose(jsd, theory.jsd(q, p), atol=1e-15)
    m = (p + q) / 2
    halves = special.rel_entr(p, m).sum(-1), special.rel_entr(q, m).sum(-1)
    np.testing.assert_allclose(jsd, np.mean(halves, axis=0), atol=1e-13)
    assert (kl >= 0).all()
    np.testing.assert_allclose(kl, special.rel_entr(p, q).sum(-1), rtol=1e-12, atol=1e-13)
    np.testing.assert_array_equal(np.isinf(kl), ((p > 0) & (q == 0)).any(-1))
    # From Pinsker's inequality for both halves, and from Lin (1991), Theorem 3.
    variation = np.abs(p - q).sum(-1) / 2
    assert (jsd >= variation**2 / 2 - 1e-12).all()
    assert (jsd <= variation * LOG_2 + 1e-12).all()


@BOUNDED
@batches
def test_kl_is_not_symmetric(**batch):
    """The property that JSD has and KL lacks."""
    p, q = batch_of_pairs(**batch)
    finite = np.isfinite(theory.kl(p, q)) & np.isfinite(theory.kl(q, p))
    differ = theory.kl(p, q)[finite] != theory.kl(q, p)[finite]
    assert not finite.any() or differ.any()


def test_kl_by_hand():
    """log 2 one way, infinite the other way."""
    p, q = [1.0, 0.0], [0.5, 0.5]
    assert theory.kl(p, q) == pytest.approx(LOG_2)
    assert theory.kl(q, p) == math.inf
    assert theory.kl(p, p) == 0
    # Three quarters and a quarter, by hand.
    assert theory.kl([0.75, 0.25], q) == pytest.approx(0.75 * math.log(1.5) + 0.25 * math.log(0.5))


def test_disjoint_supports_are_log_2_apart():
    rng = np.random.default_rng(0)
    p, q = np.zeros((2, 100, 20))
    p[:, :10], q[:, 10:] = rng.dirichlet(np.ones(10), size=(2, 100))
    found = theory.jsd(p, q)
    np.testing.assert_allclose(found, LOG_2, rtol=4e-16)
    assert found.max() <= LOG_2  # rounding alone would take one in three of them beyond


def test_rounding_makes_no_divergence_negative():
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(10), size=200)
    q = p * np.exp(1e-9 * rng.normal(size=p.shape))
    q /= q.sum(axis=1, keepdims=True)
    for divergence in (theory.kl, theory.jsd):
        assert divergence(p, q).min() >= 0


def test_probabilities_that_a_mean_would_lose():
    """Half of the smallest number is zero, and with it m = (p + q)/2, so the usual form is inf."""
    p, q = np.array([1.0, 5e-324, 0.0]), np.array([1.0, 0.0, 5e-324])
    with np.errstate(all="ignore"):
        m = (p + q) / 2
        assert special.rel_entr(p, m).sum() == math.inf
    assert theory.jsd(p, q) == 0


# Gaussians


def test_kl_of_gaussians_on_the_line():
    assert theory.kl_gaussian(0, 1, 1, 4) == pytest.approx(kl_normal(0, 1, 1, 2), abs=1e-15)
    assert theory.kl_gaussian(0, 1, 0, 1) == 0


def test_kl_of_gaussians_in_the_plane_agrees_with_the_trapezium_rule():
    means = np.array([[0.3, -0.2], [1.0, 0.5]])
    covariances = np.array([[[1.0, 0.6], [0.6, 1.5]], [[2.0, -0.5], [-0.5, 0.7]]])
    ticks = np.linspace(-9, 9, 400)
    grid = np.stack(np.meshgrid(ticks, ticks), axis=-1)
    log_p, log_q = (
        stats.multivariate_normal(mean, covariance).logpdf(grid)
        for mean, covariance in zip(means, covariances, strict=True)
    )
    expected = (np.exp(log_p) * (log_p - log_q)).sum() * (ticks[1] - ticks[0]) ** 2
    value = theory.kl_gaussian(means[0], covariances[0], means[1], covariances[1])
    assert value == pytest.approx(expected, abs=1e-8)


def test_kl_of_gaussians_survives_a_map_of_both():
    rng = np.random.default_rng(0)
    roots, map_ = rng.normal(size=(2, 5, 5)), rng.normal(size=(5, 5))
    mean_p, mean_q = rng.normal(size=(2, 5))
    p, q = (root @ root.T + np.eye(5) for root in roots)
    value = theory.kl_gaussian(mean_p, p, mean_q, q)
    mapped = theory.kl_gaussian(map_ @ mean_p, map_ @ p @ map_.T, map_ @ mean_q, map_ @ q @ map_.T)
    assert mapped == pytest.approx(value, rel=1e-8)


# Samples


def test_estimates_from_samples_are_as_far_off_as_they_say():
    """Over 200 draws, errors in units of the standard error have mean 0 and deviation 1."""
    p, q = normal(0, 1), normal(1, 1.5)
    kl, jsd = theory.kl_density(p.logpdf, q.logpdf), theory.jsd_density(p.logpdf, q.logpdf)
    rng = np.random.default_rng(0)
    errors = []
    for _ in range(200):
        x_p, x_q = p.rvs(500, random_state=rng), q.rvs(400, random_state=rng)
        first = theory.kl_samples(p.logpdf, q.logpdf, x_p)
        second = theory.jsd_samples(p.logpdf, q.logpdf, x_p, x_q)
        errors.append([(first[0] - kl) / first[1], (second[0] - jsd) / second[1]])
    # Standard errors of these: 0.07 of a mean and 0.05 of a deviation; 4 of them.
    np.testing.assert_allclose(np.mean(errors, axis=0), 0, atol=0.28)
    np.testing.assert_allclose(np.std(errors, axis=0), 1, atol=0.2)


def test_estimates_in_the_plane():
    """The toy ring, and a Gaussian around it: four standard errors, and JSD's range."""
    ring, wide = DENSITIES["ring"], stats.multivariate_normal([0, 0], 0.5 * np.eye(2))
    x = ring.sample(4000, seed=1).astype(np.float64)
    kl = theory.kl_samples(ring.log_prob, wide.logpdf, x)
    # Modes far apart for their width: -H(ring) = -log 8 - H(mode), and E log of the Gaussian.
    variance = 1e-4
    entropy = math.log(8) + math.log(2 * math.pi * math.e * variance)
    cross = -math.log(2 * math.pi * 0.5) - (1 + 2 * variance) / (2 * 0.5)
    assert kl.value == pytest.approx(-entropy - cross, abs=4 * kl.standard_error)
    assert 0 < kl.standard_error < 0.05
    jsd = theory.jsd_samples(
        ring.log_prob, wide.logpdf, x, wide.rvs(4000, random_state=np.random.default_rng(0))
    )
    assert 0.5 * LOG_2 < jsd.value < LOG_2 + 4 * jsd.standard_error


def test_samples_on_disjoint_supports():
    p, q = uniform(0, 1), uniform(5, 1)
    x_p, x_q = np.linspace(0.1, 0.9, 9), np.linspace(5.1, 5.9, 7)
    assert theory.kl_samples(p.logpdf, q.logpdf, x_p) == (math.inf, 0)
    assert theory.kl_samples(p.logpdf, uniform(0.5, 1).logpdf, x_p) == (math.inf, 0)  # at some
    value, error = theory.jsd_samples(p.logpdf, q.logpdf, x_p, x_q)
    assert (value, error) == (pytest.approx(LOG_2), 0)


def test_a_softmax_in_float32_is_a_distribution():
    """Its sum is 1 up to float32's rounding; in float64 that would be an error."""
    p = np.float32([0.1, 0.2, 0.7])
    q = np.full(3, 1 / 3)
    assert abs(p.astype(float).sum() - 1) > 1e-9
    exact = p.astype(float) / p.astype(float).sum()
    assert theory.kl(p, q) == pytest.approx(theory.kl(exact, q), rel=1e-12)
    with pytest.raises(ValueError, match="sum to 1"):
        theory.kl(p.astype(float), q)


# Bad input


@pytest.mark.parametrize(
    ("p", "q", "message"),
    [
        ([0.5, 0.6], [0.5, 0.5], r"`p`: expected probabilities that sum to 1 .* a sum of 1\.1"),
        ([0.5, 0.5], [1.5, -0.5], r"`q`: expected probabilities, which are not negative.*-0\.5"),
        ([0.5, 0.5], [0.2, 0.3, 0.5], r"`q`: expected the shape of `p`, \(2,\), received .*\(3,\)"),
        ([0.5, 0.5], [[0.5, 0.5]], r"`q`: expected the shape of `p`, \(2,\), received .*\(1, 2\)"),
        ([], [], r"`p`: expected at least one number, received shape \(0,\)"),
        (
            [[0.5, 0.5], [0.6, 0.6], [0.5, 0.2]],
            [[0.5, 0.5]] * 3,
            r"`p`: expected probabilities that sum to 1 .* a sum of 0\.7",
        ),
        ([0.0, 0.0], [1.0, 0.0], r"`p`: expected probabilities that sum to 1 .* a sum of 0\.0"),
        ([math.nan, 1.0], [1.0, 0.0], r"`p`: expected finite numbers, received nan"),
        ("half", [1.0, 0.0], r"`p`: expected an array of numbers, received 'half'"),
    ],
)
@pytest.mark.parametrize("divergence", [theory.kl, theory.jsd])
def test_what_is_no_pair_of_distributions(divergence, p, q, message):
    with pytest.raises(ValueError, match=message):
        divergence(p, q)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"log_p": 3}, r"`log_p`: expected a function of points, .*received 3"),
        ({"log_q": lambda x: 0.0}, r"`log_q`: .*one number a point, .*received shape \(\)"),
        (
            {"log_q": lambda x: x * np.nan},
            r"`log_q`: .*returns numbers, received NaN at -1000000000000\.0",
        ),
        ({"log_p": normal.pdf}, r"`log_p`: .*integrates to 1 over `bounds`, received .*e\+50\."),
        ({"log_q": lambda x: -(x**2)}, r"`log_q`: expected .* received .*1\.77245"),
        ({"bounds": (-5, 5)}, r"`log_p`: .* integrates to 0\.99999942.* `bounds` hold all of it"),
        ({"bounds": (1, 1)}, r"`bounds`: expected \(low, high\) with low < high, .*\(1, 1\)"),
        ({"bounds": (math.nan, 1)}, r"`bounds`: expected \(low, high\)"),
        ({"bounds": 3}, r"`bounds`: expected \(low, high\) with low < high, received 3"),
        ({"points": [math.inf]}, r"`points`: expected finite numbers, received inf"),
    ],
)
@pytest.mark.parametrize("divergence", [theory.kl_density, theory.jsd_density])
def test_what_is_no_pair_of_densities(divergence, arguments, message):
    with np.errstate(over="ignore"), pytest.raises(ValueError, match=message):
        divergence(**{"log_p": normal.logpdf, "log_q": normal.logpdf, **arguments})


def test_an_integral_that_never_settles():
    def rough(x):
        return normal.logpdf(x) + np.where(np.sin(1e7 * x) > 0, 1e-3, 0.0)

    with pytest.raises(ValueError, match=r"`log_p` and `log_q`: expected an integral that settles"):
        theory.kl_density(rough, normal.logpdf)


@pytest.mark.parametrize("x", [[1.0], [0.5, 3.0], [0.5, math.nan]])
def test_what_are_no_samples(x):
    with pytest.raises(ValueError, match=r"argument `x_p`: expected (two or more|finite)"):
        theory.kl_samples(uniform(0, 1).logpdf, normal.logpdf, x)
    with pytest.raises(ValueError, match=r"argument `x_q`: expected (two or more|finite)"):
        theory.jsd_samples(normal.logpdf, uniform(0, 1).logpdf, [0.0, 1.0], x)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 0, 0, 1), r"`covariance_p`: expected a symmetric, positive definite matrix"),
        ((0, 1, 0, -1), r"`covariance_q`: expected a symmetric, positive definite matrix"),
        (([0, 0], [[1, 0.5], [0, 1]], 0, 1), r"`covariance_p`: expected a symmetric"),
        (([0, 0], 1, 0, 1), r"`covariance_p`: expected shape \(2, 2\) .*received shape \(1, 1\)"),
        ((0, 1, [0, 0], np.eye(2)), r"`mean_q`: expected the shape of `mean_p`, \(1,\)"),
        ((math.inf, 1, 0, 1), r"`mean_p`: expected finite numbers, received inf"),
    ],
)
def test_what_are_no_gaussians(arguments, message):
    with pytest.raises(ValueError, match=message):
        theory.kl_gaussian(*arguments)


# The room


def run_program(*arguments, cwd, python=(sys.executable,)):
    """Run a Python program; return what it printed."""
    options = {"capture_output": True, "text": True, "timeout": 300}
    done = subprocess.run([*python, *map(str, arguments)], cwd=cwd, **options)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_the_room_needs_no_tensorflow_and_only_utils_of_kgan(tmp_path):
    """`kgan/__init__.py` imports Keras; with an empty one in its place, nothing else does."""
    for room in ("theory", "utils"):
        (tmp_path / "kgan").mkdir(exist_ok=True)
        (tmp_path / "kgan" / room).symlink_to(ROOT / "kgan" / room)
    code = (
        "import sys\n"
        "from kgan import theory\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)\n"
        "rooms = {name.split('.')[1] for name in sys.modules if name.startswith('kgan.')}\n"
        "assert rooms == {'theory', 'utils'}, rooms\n"
        "print(theory.jsd([1.0, 0.0], [0.0, 1.0]))\n"
    )
    assert float(run_program("-c", code, cwd=tmp_path)) == pytest.approx(LOG_2)


def test_every_public_name_is_public_in_its_module():
    """`theory` re-exports its functions flat; its submodules alone keep names to themselves."""
    for name in theory.__all__:
        thing = getattr(theory, name)
        if not isinstance(thing, types.ModuleType):
            assert name in sys.modules[thing.__module__].__all__


# The pictures


@pytest.mark.slow
@pytest.mark.parametrize(
    ("draw", "shape"),
    [
        (example.optimal_discriminator, (720, 960, 3)),
        (example.generator_losses, (360, 1440, 3)),
        (example.jsd_over_distance, (360, 1440, 3)),
    ],
    ids=lambda x: getattr(x, "__name__", ""),
)
def test_pictures_are_drawn_in_grey(draw, shape):
    picture = draw()
    assert (picture.dtype, picture.shape) == (np.uint8, shape)
    assert (picture == picture[..., :1]).all()
    assert 0.01 < (picture < 128).mean() < 0.2


@pytest.mark.slow
def test_the_example_is_a_program(tmp_path):
    pictures = tmp_path / "pictures"
    words = ("-m", "examples.divergences", f"--output_dir={pictures}")
    run_program(*words, cwd=ROOT, python=warm.python())
    written = {path.name for path in pictures.iterdir()}
    assert written == {
        "generator_losses.png",
        "jsd_over_distance.png",
        "optimal_discriminator.png",
    }
