"""Precision, recall, density, coverage: a literal twin, known answers, expectations."""

import contextlib

import numpy as np
import prdc
import pytest
from scipy.spatial.distance import cdist

from kgan.metrics import manifold
from kgan.metrics.manifold import density_coverage, precision_recall


def _literal(real, samples, k):
    """The definitions, from differences; ties are inside."""

    def radii(rows):
        return np.sort(cdist(rows, rows), axis=1)[:, k]  # column 0 is the row itself

    between = cdist(real, samples)
    in_real = between <= radii(real)[:, None]
    in_samples = between <= radii(samples)
    return (
        in_real.any(axis=0).mean(),
        in_samples.any(axis=1).mean(),
        in_real.sum() / (k * len(samples)),
        in_real.any(axis=1).mean(),
    )


def _all(real, samples, k):
    first, second = precision_recall(real, samples, k), density_coverage(real, samples, k)
    return first.precision, first.recall, second.density, second.coverage


@pytest.mark.parametrize("block", [1, 1 << 21])
@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_definitions(k, dtype, block, monkeypatch):
    monkeypatch.setattr(manifold, "_BLOCK", block)
    rng = np.random.default_rng(0)
    real = rng.normal(size=(90, 3)).astype(dtype) + dtype(100)
    samples = 0.8 * rng.normal(size=(70, 3)).astype(dtype) + dtype(101)
    expected = _literal(real.astype(float), samples.astype(float), k)
    np.testing.assert_allclose(_all(real, samples, k), expected, rtol=1e-12)
    assert all(0.1 < figure < 0.9 for figure in expected)  # nothing trivial


@pytest.mark.parametrize(("k", "shift"), [(1, 0.0), (3, 0.5), (5, 1.0), (10, 2.0)])
def test_the_package_of_density_and_coverage_agrees(k, shift):
    """The authors' own (Naeem et al. 2020), whose balls are open: ties aside, the same counts."""
    rng = np.random.default_rng(k)
    real, samples = rng.normal(size=(300, 8)), 1.2 * rng.normal(size=(250, 8)) + shift
    with contextlib.redirect_stdout(None):
        expected = prdc.compute_prdc(real, samples, k)
    found = dict(
        zip(("precision", "recall", "density", "coverage"), _all(real, samples, k), strict=True)
    )
    assert found == pytest.approx(expected, rel=1e-12)
    assert 0 < found["coverage"] < 1


def test_the_defaults_are_the_papers():
    rng = np.random.default_rng(0)
    real, samples = rng.normal(size=(2, 50, 2))
    assert precision_recall(real, samples) == precision_recall(real, samples, k=3)
    assert density_coverage(real, samples) == density_coverage(real, samples, k=5)


def test_known_answers_on_a_line():
    """Radii at k = 1 are 1 for 0 and 1, and 9 for 10, whose closed ball reaches 1 and 19."""
    real = np.array([[0.0], [1.0], [10.0]])
    samples = np.array([[-1.0], [2.5], [19.0], [19.5]])
    # Balls that hold them: -1 that of 0 (on its rim); 2.5 that of 10; 19 that of 10 (rim); none.
    # Radii of the samples: 3.5, 3.5, 0.5, 0.5: the first two hold 0 and 1, nothing holds 10.
    assert _all(real, samples, 1) == (3 / 4, 2 / 3, 3 / 4, 2 / 3)


def test_the_data_themselves(monkeypatch):
    """Every ball holds its centre and its k neighbours, the last one on the rim."""
    real = np.random.default_rng(0).normal(size=(200, 64)) + 1e4
    assert _all(real, real[::-1], 5) == (1, 1, 6 / 5, 1)
    monkeypatch.setattr(manifold, "_SLACK", 0)  # then rounding decides who is on the rim
    assert density_coverage(real, real[::-1], 5).density < 6 / 5


def test_disjoint_sets():
    rng = np.random.default_rng(0)
    real, samples = rng.normal(size=(2, 60, 4))
    assert _all(real, samples + 100, 3) == (0, 0, 0, 0)


def test_a_generator_of_half_the_data():
    rng = np.random.default_rng(0)
    half = rng.normal(size=(100, 2))
    real = np.concatenate([half, rng.normal(size=(100, 2)) + 50])
    precision, recall, density, coverage = _all(real, rng.normal(size=(200, 2)), 5)
    assert precision > 0.9
    assert density > 0.9
    assert recall <= 0.5
    assert coverage <= 0.5


def test_a_wild_generator_has_recall_but_no_coverage():
    """Why both are there: wide balls around nonsense hold data, narrow ones around data do not."""
    rng = np.random.default_rng(0)
    real, samples = rng.normal(size=(200, 8)), 5 * rng.normal(size=(200, 8))
    precision, recall, density, coverage = _all(real, samples, 5)
    assert recall > 0.9
    assert max(precision, density, coverage) < 0.1


def test_a_collapsed_generator():
    """One constant: radii of 0, which hold nothing but that constant."""
    real = np.random.default_rng(0).normal(size=(80, 5))
    inside = np.repeat(real[:1], 80, axis=0)
    radii = np.sort(cdist(real, real), axis=1)
    holds = (cdist(real, real[:1])[:, 0] <= radii[:, 3]).sum()
    assert _all(real, inside, 3) == pytest.approx((1, 1 / 80, holds / 3, holds / 80))
    assert _all(real, np.full((80, 5), 1e3), 3) == (0, 0, 0, 0)
    assert _all(inside, inside, 3) == (1, 1, 80 / 3, 1)


def test_a_memorising_generator():
    """Ten images, each drawn many times: precision 1, and recall of those ten alone."""
    real = np.random.default_rng(0).normal(size=(100, 784)).astype("float32")
    samples = np.repeat(real[:10], 10, axis=0)
    precision, recall, density, coverage = _all(real, samples, 3)
    assert (precision, recall) == (1, 10 / 100)
    assert density >= 1 / 3
    assert coverage >= 10 / 100


def test_duplicates_among_the_data():
    """A ball of radius 0 holds the copies of its centre and not a row nearby."""
    real = np.concatenate([np.zeros((5, 3)), np.eye(3) * 10])
    assert precision_recall(real[:5], np.zeros((5, 3))).precision == 1
    near = np.full((5, 3), 1e-3)
    assert precision_recall(real[:5], near).precision == 0


def _expected(figure, seeds=20):
    values = []
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        values.append(figure(density_coverage(*rng.normal(size=(2, 300, 4)))))
    return np.mean(values), np.std(values, ddof=1) / np.sqrt(seeds)


def test_equal_distributions_have_density_one():
    """Among n - 1 others and a sample, the sample is as likely as any to be in the k nearest."""
    mean, error = _expected(lambda result: result.density)
    assert abs(mean - 1) < 3 * error
    assert error < 0.02


def test_equal_distributions_have_the_coverage_of_the_paper():
    """1 - prod_i (n - i) / (2 n - i) over i = 1, ..., k (Naeem et al. 2020, section 3)."""
    expected = 1 - np.prod([(300 - i) / (600 - i) for i in range(1, 6)])
    mean, error = _expected(lambda result: result.coverage)
    assert abs(mean - expected) < 3 * error
    assert error < 0.005
    assert expected == pytest.approx(1 - 2**-5, abs=0.002)


@pytest.mark.parametrize("figures", [precision_recall, density_coverage])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: {"k": 0}, r"`k`: expected an integer of at least 1, received 0"),
        (lambda x: {"real": x[:3], "k": 3}, r"`real`: expected at least 4 rows"),
        (lambda x: {"samples": x[:, 0]}, r"`samples`: expected shape \[n, d\]"),
        (lambda x: {"samples": x[:, :2]}, r"`samples`: expected rows of size 3, as `real`"),
        (lambda x: {"real": x * np.nan}, r"`real`: expected finite numbers"),
        (lambda x: {"samples": x[:0]}, r"`samples`: expected at least \d row"),
    ],
)
def test_unusable_arguments_are_named(figures, change, message):
    rows = np.arange(30.0).reshape(10, 3)
    with pytest.raises(ValueError, match=message):
        figures(**{"real": rows, "samples": rows, **change(rows)})


def test_recall_needs_neighbours_among_the_samples():
    rows = np.arange(30.0).reshape(10, 3)
    with pytest.raises(ValueError, match=r"`samples`: expected at least 4 rows"):
        precision_recall(rows, rows[:3])
    assert density_coverage(rows, rows[:1], 3).coverage > 0
