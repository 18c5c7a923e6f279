"""The memorisation test on data whose answer is known, against SciPy's rank test."""

import math

import numpy as np
import pytest
from scipy import stats
from sklearn.datasets import load_digits

from kgan.metrics import memorisation_test


@pytest.fixture(scope="module")
def halves():
    """Real digits in three parts: training [1000, 64], held-out [398, 64], fresh [399, 64]."""
    images = load_digits().data / 16
    images = images[np.random.default_rng(0).permutation(len(images))]
    return images[:1000], images[1000:1398], images[1398:]


def _scipy_p(distances, controls):
    return stats.mannwhitneyu(
        distances, controls, alternative="less", method="asymptotic", use_continuity=False
    ).pvalue


def test_a_replay_of_training_images_is_exposed(halves):
    training, held_out, _ = halves
    test = memorisation_test(training[[5, 3, 999] * 50], training, held_out)
    np.testing.assert_array_equal(test.neighbours, [5, 3, 999] * 50)
    np.testing.assert_array_equal(test.distances, 0)
    assert (test.sample_median, test.ratio, test.near_duplicate_rate) == (0, 0, 1)
    assert test.z < -15
    assert test.p < 1e-50


def test_a_replay_under_noise_is_exposed(halves):
    training, held_out, _ = halves
    noise = np.random.default_rng(1).normal(0, 0.05, [300, 64])  # 0.4 from its image: a third
    test = memorisation_test(training[:300] + noise, training, held_out)
    assert (test.neighbours == np.arange(300)).mean() > 0.99
    assert test.ratio < 0.5
    assert test.near_duplicate_rate > 0.9
    assert test.z < -15


def test_fresh_images_are_not_accused(halves):
    training, held_out, fresh = halves
    test = memorisation_test(fresh, training, held_out)
    assert test.ratio == pytest.approx(1, abs=0.1)  # 0.97 to 1.00 over six partitions
    assert test.near_duplicate_rate == pytest.approx(
        0.05, abs=0.035
    )  # three standard errors of both quantiles
    assert abs(test.z) < 3


def test_under_fresh_data_p_is_uniform():
    rng = np.random.default_rng(2)
    training = rng.normal(size=(300, 5))
    tests = [
        memorisation_test(rng.normal(size=(80, 5)), training, rng.normal(size=(120, 5)))
        for _ in range(100)
    ]
    # The draws are independent given the training set, so the ranks are exact.
    assert stats.kstest([test.p for test in tests], "uniform").pvalue > 1e-3
    rate = np.mean([test.near_duplicate_rate for test in tests])
    # An empirical 5% quantile of 120 leaves 0.05 + O(1 / 120); its spread over the tests is 0.035.
    assert rate == pytest.approx(0.05, abs=1 / 120 + 5 * 0.035 / math.sqrt(100))


def test_a_share_of_copies_moves_z(halves):
    training, held_out, fresh = halves
    z = []
    for copies in (0, 50, 100, 200):
        samples = np.concatenate([training[:copies], fresh[: 300 - copies]])
        z.append(memorisation_test(samples, training, held_out).z)
    assert z == sorted(z, reverse=True)
    assert z[1] < z[0] - 2


def test_a_collapsed_generator_gets_numbers(halves):
    training, held_out, fresh = halves
    test = memorisation_test(np.repeat(fresh[:1], 200, axis=0), training, held_out)
    assert len(np.unique(test.neighbours)) == 1
    assert np.isfinite([test.ratio, test.near_duplicate_rate, test.z, test.p]).all()


def test_far_samples_are_not_copies(halves):
    training, held_out, _ = halves
    test = memorisation_test(np.random.default_rng(3).uniform(size=(200, 64)), training, held_out)
    assert test.ratio > 1.5
    assert (test.near_duplicate_rate, test.p) == (0, pytest.approx(1))
    assert test.z > 15


def test_the_easiest_class_looks_nearer_than_data(halves):
    """The other cause of a low z, which the docstring names; its removal removes it."""
    labels = load_digits().target[np.random.default_rng(0).permutation(1797)]
    training, held_out, fresh = halves
    zeros = fresh[labels[1398:] == 0]
    assert memorisation_test(zeros, training, held_out).z < -3  # -2.8 to -4.4 over six partitions
    within = memorisation_test(
        zeros, training[labels[:1000] == 0], held_out[labels[1000:1398] == 0]
    )
    assert abs(within.z) < 3


@pytest.mark.parametrize("decimals", [8, 1])  # without ties, and with many
def test_z_and_p_agree_with_scipy(decimals):
    rng = np.random.default_rng(4)
    training = np.zeros((1, 1))
    samples = np.round(rng.normal(size=(70, 1)) * 0.8, decimals)
    held_out = np.round(rng.normal(size=(90, 1)), decimals)
    test = memorisation_test(samples, training, held_out)
    assert test.p == pytest.approx(_scipy_p(abs(samples[:, 0]), abs(held_out[:, 0])), rel=1e-9)
    assert stats.norm.cdf(test.z) == pytest.approx(test.p, rel=1e-9)
    # Another way to the same z, by counting pairs.
    a, b = abs(samples), abs(held_out).T
    u = np.sum(a > b) + 0.5 * np.sum(a == b)
    plain = (u - 70 * 90 / 2) / math.sqrt(70 * 90 * 161 / 12)
    assert test.z == pytest.approx(plain, rel=1e-9 if decimals == 8 else 0.01)


def test_equal_distances_decide_nothing():
    test = memorisation_test([[1.0], [-1.0]], [[0.0]], [[1.0], [1.0]])
    assert (test.z, test.p, test.ratio, test.near_duplicate_rate) == (0, 0.5, 1, 0)


def test_a_held_out_set_of_copies_has_no_ratio():
    assert math.isnan(memorisation_test([[1.0]], [[0.0]], [[0.0]]).ratio)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[math.inf]], [[0]], [[0]]), "`samples`: expected finite numbers, received inf"),
        (([[0]], [0], [[0]]), r"`training`: expected shape \[n, d\], received shape \(1,\)"),
        (([[0]], [[0]], np.zeros((0, 1))), "`held_out`: expected at least 1 row"),
        (([[0, 0]], [[0]], [[0]]), "`samples`: expected rows of size 1, as `training` has"),
        (([[0]], [[0]], [[0, 0]]), "`held_out`: expected rows of size 1, as `training` has"),
        (([[0]], [[0]], [[0]], 1.0), r"`quantile`: expected a number in \(0, 1\), received 1.0"),
        (([[0]], [[0]], [[0]], 0), r"`quantile`: expected a number in \(0, 1\), received 0"),
    ],
)
def test_unusable_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        memorisation_test(*arguments)
