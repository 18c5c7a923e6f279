"""Mutual information and InfoGAN's bound on finite tables."""

import math

import numpy as np
import pytest

from kgan import theory
from kgan.theory.information import information_bound, mutual_information, posterior


def tables(count=300):
    """Joint distributions of some codes and outcomes, some with zeros, and a Q of each."""
    rng = np.random.default_rng(0)
    for i in range(count):
        codes, outcomes = rng.integers(2, 6, 2)
        joint = rng.dirichlet(np.full(codes * outcomes, 0.5)).reshape(codes, outcomes)
        if i % 3 == 0:
            joint[:, 0] = 0.0
            joint[0] += 1e-3  # each code occurs
        yield joint / joint.sum(), rng.dirichlet(np.ones(codes), outcomes)


def test_closed_forms():
    even = np.full((4, 3), 1 / 12)
    assert mutual_information(even) == pytest.approx(0.0, abs=1e-15)
    assert mutual_information(np.eye(5) / 5) == pytest.approx(math.log(5), rel=1e-14)
    # A binary symmetric channel with error 0.1: log 2 - H(0.1).
    noise = -0.1 * math.log(0.1) - 0.9 * math.log(0.9)
    channel = np.array([[0.45, 0.05], [0.05, 0.45]])
    assert mutual_information(channel) == pytest.approx(math.log(2) - noise, rel=1e-13)
    assert mutual_information(channel) == pytest.approx(mutual_information(channel.T), rel=1e-13)


def test_mutual_information_is_the_divergence_from_independence():
    for joint, _ in tables():
        product = np.outer(joint.sum(1), joint.sum(0))
        expected = theory.kl(joint.ravel(), product.ravel())
        assert mutual_information(joint) == pytest.approx(expected, rel=1e-11, abs=1e-14)


def test_the_bound_is_below_by_the_divergence_from_the_posterior():
    """I - L_I = E_x KL(p(c | x), Q(c | x)), at least 0, and 0 for the posterior."""
    for joint, q in tables():
        information, bound = mutual_information(joint), information_bound(joint, q)
        of_x = joint.sum(0)
        gap = sum(p * theory.kl(a, b) for p, a, b in zip(of_x, posterior(joint), q, strict=True))
        assert information - bound == pytest.approx(float(gap), rel=1e-10, abs=1e-13)
        assert bound < information
        best = information_bound(joint, posterior(joint))
        assert best == pytest.approx(information, rel=1e-11, abs=1e-13)
        mixed = 0.9 * posterior(joint) + 0.1 * q  # nearer to the posterior than q, and still below
        assert bound < information_bound(joint, mixed) < best + 1e-13


def test_a_q_that_excludes_what_occurs_has_no_bound():
    joint = np.eye(2) / 2
    assert information_bound(joint, np.eye(2)) == pytest.approx(math.log(2), rel=1e-14)
    assert information_bound(joint, np.eye(2)[::-1]) == -math.inf


def test_the_posterior_is_even_where_nothing_occurs():
    np.testing.assert_array_equal(posterior([[0.5, 0.0], [0.5, 0.0]]), np.full((2, 2), 0.5))


def test_unusable_tables_are_refused():
    with pytest.raises(ValueError, match=r"`joint`: expected 2 dimensions"):
        mutual_information([0.5, 0.5])
    with pytest.raises(ValueError, match=r"`joint`: expected probabilities that sum to 1"):
        posterior([[0.5, 0.6]])
    with pytest.raises(ValueError, match=r"`q`: expected shape \(3, 2\).*received \(2, 3\)"):
        information_bound(np.full((2, 3), 1 / 6), np.full((2, 3), 1 / 3))
