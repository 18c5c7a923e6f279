"""The kernel distance against a double loop, a known value and its own freedom from bias."""

import numpy as np
import pytest

from kgan.metrics.kernel import _mmd, kernel_distance


def _literal(x, y):
    """Gretton et al. 2012, eq. 3, pair by pair."""

    def kernel(a, b):
        return (np.dot(a, b) / len(a) + 1) ** 3

    m, n = len(x), len(y)
    among_x = sum(kernel(x[i], x[j]) for i in range(m) for j in range(m) if i != j)
    among_y = sum(kernel(y[i], y[j]) for i in range(n) for j in range(n) if i != j)
    between = sum(kernel(a, b) for a in x for b in y)
    return among_x / (m * (m - 1)) + among_y / (n * (n - 1)) - 2 * between / (m * n)


def test_one_block_is_the_double_loop():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(12, 5)), rng.normal(size=(12, 5)) + 0.5
    assert _mmd(x, y) == pytest.approx(_literal(x, y), rel=1e-12)


def test_the_mean_and_error_are_those_of_disjoint_blocks():
    """The blocks are found from the seed; every row is used once."""
    rng = np.random.default_rng(0)
    real, samples = rng.normal(size=(63, 4)), rng.normal(size=(50, 4)) + 0.3
    result = kernel_distance(real, samples, block_size=4, seed=5)
    assert (result.blocks, result.block_size) == (12, 4)
    shuffle = np.random.default_rng(5)
    ours, theirs = (shuffle.permutation(n)[:48].reshape(12, 4) for n in (63, 50))
    values = [_literal(real[a], samples[b]) for a, b in zip(ours, theirs, strict=True)]
    assert result.mean == pytest.approx(np.mean(values), rel=1e-11)
    assert result.standard_error == pytest.approx(np.std(values, ddof=1) / 12**0.5, rel=1e-11)


@pytest.mark.slow
def test_the_defaults():
    """Blocks of 1,000 rows where there are ten of them; the shuffle of seed 0."""
    rng = np.random.default_rng(0)
    real, samples = rng.normal(size=(2, 10_100, 2))
    result = kernel_distance(real, samples)
    assert result == kernel_distance(real, samples, block_size=1000, seed=0)
    assert (result.blocks, result.block_size) == (10, 1000)
    assert result != kernel_distance(real, samples, block_size=1001, seed=0)


def test_constants_have_a_known_distance():
    """Every pair of a set is alike, so the distance is k(a, a) + k(b, b) - 2 k(a, b)."""
    real, samples = np.full((20, 3), 1.0), np.full((20, 3), 2.0)
    result = kernel_distance(real, samples)
    assert result.mean == pytest.approx(2**3 + 5**3 - 2 * 3**3, rel=1e-12)
    assert result.standard_error == pytest.approx(0, abs=1e-12)
    assert result.blocks == 10
    assert kernel_distance(real, real).mean == pytest.approx(0, abs=1e-12)


def _over_draws(statistic, draws=200):
    """Mean and standard error of a statistic of two sets drawn from one distribution."""
    rng = np.random.default_rng(0)
    values = [statistic(*rng.normal(size=(2, 40, 6))) for _ in range(draws)]
    return np.mean(values), np.std(values, ddof=1) / np.sqrt(draws)


def test_equal_distributions_have_distance_zero_on_average():
    mean, error = _over_draws(lambda x, y: kernel_distance(x, y).mean)
    assert abs(mean) < 3 * error


def test_comparing_rows_with_themselves_would_bias_it():
    def biased(x, y):
        def mean(a, b):
            return ((a @ b.T / 6 + 1) ** 3).mean()

        return mean(x, x) + mean(y, y) - 2 * mean(x, y)

    mean, error = _over_draws(biased)
    assert mean > 20 * error


def test_the_standard_error_is_honest():
    """Over draws, the means spread as far as a single draw says.

    Both are known to some 5% here: four seeds gave ratios of 0.98 to 1.10. One that forgot to
    divide by the root of the 10 blocks would be 3.2.
    """
    rng = np.random.default_rng(0)
    results = [kernel_distance(*rng.normal(size=(2, 40, 6))) for _ in range(200)]
    spread = np.std([result.mean for result in results], ddof=1)
    claimed = np.sqrt(np.mean([result.standard_error**2 for result in results]))
    assert claimed / spread == pytest.approx(1, abs=0.25)


@pytest.mark.parametrize("what", ["mean", "spread"])
def test_a_difference_is_seen(what):
    rng = np.random.default_rng(0)
    real, samples = rng.normal(size=(2, 1000, 6))
    result = kernel_distance(real, samples + 0.5 if what == "mean" else samples * 2, 100)
    assert result.mean > 5 * result.standard_error


def test_the_seed_decides():
    real, samples = np.random.default_rng(0).normal(size=(2, 100, 3))
    assert kernel_distance(real, samples, seed=1) == kernel_distance(real, samples, seed=1)
    assert kernel_distance(real, samples, seed=1) != kernel_distance(real, samples, seed=2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: kernel_distance(x[:19], x), r"`real`: expected at least 20 rows"),
        (lambda x: kernel_distance(x, x[:19]), r"`samples`: expected at least 20 rows"),
        (lambda x: kernel_distance(x, x[:, 0]), r"`samples`: expected shape \[n, d\]"),
        (lambda x: kernel_distance(x * np.inf, x), r"`real`: expected finite numbers"),
        (lambda x: kernel_distance(x, x[:, :2]), r"`samples`: expected rows of size 3"),
        (
            lambda x: kernel_distance(x, x, block_size=1),
            r"`block_size`: expected an integer of at least 2, received 1",
        ),
        (lambda x: kernel_distance(x, x, block_size=2.0), r"`block_size`: expected an integer"),
    ],
)
def test_unusable_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(np.arange(1.0, 61.0).reshape(20, 3))
