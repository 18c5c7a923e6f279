"""The Frechet distance against closed forms and scipy.linalg.sqrtm; moments against NumPy."""

import numpy as np
import pytest
import scipy.linalg

from kgan.metrics.frechet import Moments, _distance, frechet_distance


def _spd(rng, dim):
    factor = rng.normal(size=(dim, 2 * dim))
    return factor @ factor.T / dim


def test_equal_covariances_leave_the_distance_of_the_means():
    rng = np.random.default_rng(0)
    covariance, mean, other = _spd(rng, 9), rng.normal(size=9), rng.normal(size=9)
    distance = _distance(mean, covariance, other, covariance)
    assert distance == pytest.approx(((mean - other) ** 2).sum(), rel=1e-12)


def test_diagonal_covariances():
    """The sum of (s_i - t_i)^2 over the standard deviations."""
    rng = np.random.default_rng(0)
    s, t = rng.uniform(0.1, 3, 8), rng.uniform(0.1, 3, 8)
    distance = _distance(np.zeros(8), np.diag(s**2), np.zeros(8), np.diag(t**2))
    assert distance == pytest.approx(((s - t) ** 2).sum(), rel=1e-12)


def test_commuting_covariances():
    """With the eigenvectors in common, the same sum over the roots of the eigenvalues."""
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.normal(size=(8, 8)))[0]
    s, t = rng.uniform(0.1, 3, 8), rng.uniform(0.1, 3, 8)
    first, second = (basis * s**2) @ basis.T, (basis * t**2) @ basis.T
    distance = _distance(np.zeros(8), first, np.zeros(8), second)
    assert distance == pytest.approx(((s - t) ** 2).sum(), rel=1e-11)


@pytest.mark.parametrize("seed", range(3))
def test_any_covariances_against_the_root_of_their_product(seed):
    rng = np.random.default_rng(seed)
    first, second = _spd(rng, 12), _spd(rng, 12)
    root = scipy.linalg.sqrtm(first @ second)
    expected = np.trace(first) + np.trace(second) - 2 * np.trace(root).real
    distance = _distance(np.zeros(12), first, np.zeros(12), second)
    assert distance == pytest.approx(expected, rel=1e-9)


def test_rows_of_known_moments():
    """Two points at m +- s have the covariance 2 s^2, so the distance is known by hand."""
    real, samples = np.array([[-1.0], [1.0]]), np.array([[1.0], [7.0]])
    expected = (0 - 4) ** 2 + (np.sqrt(2) - np.sqrt(18)) ** 2
    assert frechet_distance(real, samples) == pytest.approx(expected, rel=1e-14)


def test_fewer_rows_than_features():
    """The trace of the root of A'A B'B is also the nuclear norm of the small matrix A B'."""
    rng = np.random.default_rng(0)
    real, samples = rng.normal(size=(7, 40)), rng.normal(size=(9, 40)) + 1
    a, b = real - real.mean(axis=0), samples - samples.mean(axis=0)
    overlap = np.linalg.norm(a @ b.T / np.sqrt((7 - 1) * (9 - 1)), "nuc")
    shift = real.mean(axis=0) - samples.mean(axis=0)
    expected = shift @ shift + (a**2).sum() / 6 + (b**2).sum() / 8 - 2 * overlap
    # Zero eigenvalues that come out as 1e-16 have roots of 1e-8.
    assert frechet_distance(real, samples) == pytest.approx(expected, rel=1e-7)


def test_singular_covariances_with_nothing_in_common():
    """The overlap is 0; the roots of 1e-8 meet all of the other's spread: the worst case."""
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.normal(size=(60, 60)))[0]
    real, samples = rng.normal(size=(99, 30)) @ basis[:30], rng.normal(size=(99, 30)) @ basis[30:]
    spread = real.var(axis=0, ddof=1).sum() + samples.var(axis=0, ddof=1).sum()
    expected = ((real.mean(axis=0) - samples.mean(axis=0)) ** 2).sum() + spread
    assert frechet_distance(real, samples) == pytest.approx(expected, rel=1e-7)


def test_constant_samples_are_no_special_case():
    """A collapsed generator: |m - c|^2 and the data's whole variance."""
    real = np.random.default_rng(0).normal(size=(50, 6))
    constant = np.full((50, 6), 0.3)
    expected = ((real.mean(axis=0) - 0.3) ** 2).sum() + real.var(axis=0, ddof=1).sum()
    assert frechet_distance(real, constant) == pytest.approx(expected, rel=1e-12)
    assert frechet_distance(constant, constant) == 0


@pytest.mark.parametrize("rows", [10, 300])
def test_equal_features_are_at_distance_zero_and_never_below(rows):
    features = np.random.default_rng(0).normal(size=(rows, 64))
    distance = frechet_distance(features, features[::-1])
    assert 0 <= distance < 1e-9  # of a trace of 64


def test_moments_in_batches_are_those_of_all_rows():
    rows = np.random.default_rng(0).normal(size=(101, 5)) + 1e6
    left, right = Moments(), Moments()
    for batch in np.array_split(rows[:60], 7):
        left.update(batch)
    right.update(rows[60:61]).update(rows[61:])
    moments = left.merge(right).merge(Moments())
    assert moments.count == 101
    np.testing.assert_allclose(moments.mean, rows.mean(axis=0), rtol=1e-15)
    centred = rows - 1e6  # exact but for the last digits that adding 1e6 took
    np.testing.assert_allclose(moments.covariance, np.cov(centred.T), rtol=0, atol=1e-9)
    naive = rows.T @ rows / 101 - np.outer(rows.mean(axis=0), rows.mean(axis=0))
    assert np.abs(naive * 101 / 100 - np.cov(centred.T)).max() > 1e-5


def test_merging_leaves_the_other_as_it_was():
    rng = np.random.default_rng(0)
    one, other = (
        Moments().update(rng.normal(size=(9, 3))),
        Moments().update(rng.normal(size=(9, 3))),
    )
    before = other.covariance.copy(), other.mean.copy()
    total = Moments().merge(other)
    total.update(rng.normal(size=(4, 3)))
    one.merge(other)
    np.testing.assert_array_equal(other.covariance, before[0])
    np.testing.assert_array_equal(other.mean, before[1])
    assert other.count == 9


def test_moments_stand_for_their_rows():
    rng = np.random.default_rng(0)
    real, samples = rng.normal(size=(30, 4)).astype("float32"), rng.normal(size=(40, 4))
    expected = frechet_distance(real, samples)
    assert frechet_distance(Moments().update(real), samples) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: frechet_distance(x[:1], x), r"`real`: expected at least 2 rows"),
        (lambda x: frechet_distance(x, x[:, 0]), r"`samples`: expected shape \[n, d\]"),
        (lambda x: frechet_distance(x, x * np.nan), r"`samples`: expected finite numbers"),
        (lambda x: frechet_distance(x, x[:, :2]), r"`samples`: expected rows of size 3, as `real`"),
        (lambda x: Moments().update(x).update(x[:, :2]), r"`features`: expected rows of size 3"),
        (
            lambda x: Moments().update(x).merge(Moments().update(x[:, :2])),
            r"`other`: expected rows of size 3",
        ),
        (lambda x: Moments().update(x[:1]).covariance, r"`features`: expected at least 2 rows"),
        (lambda x: frechet_distance(Moments(), x), r"`features`: expected at least 2 rows"),
    ],
)
def test_unusable_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(np.arange(12.0).reshape(4, 3) ** 2)
