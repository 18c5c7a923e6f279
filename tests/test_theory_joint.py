"""The optimum of a BiGAN on tables: equal joint distributions, so that E and G are inverse."""

import itertools
import math

import numpy as np
import pytest

from kgan import theory

LOG_2, LOG_4 = math.log(2.0), math.log(4.0)


def tables(seed, outcomes=4, latents=3):
    """Random p_data, E, prior and G."""
    rng = np.random.default_rng(seed)

    def rows(*shape):
        weights = rng.gamma(0.7, size=shape) + 1e-9
        return weights / weights.sum(axis=-1, keepdims=True)

    return rows(outcomes), rows(outcomes, latents), rows(latents), rows(latents, outcomes)


def permutation(order):
    """The table of the deterministic map i -> order[i]."""
    return np.eye(len(order))[list(order)]


@pytest.mark.parametrize("seed", range(20))
def test_the_criterion_is_the_divergence_of_the_joint_distributions(seed):
    """-log 4 + 2 JSD, computed by two ways that share nothing but the joints."""
    p_data, encoder, prior, generator = tables(seed)
    data, samples = theory.joints(p_data, encoder, prior, generator)
    # The definition, entry by entry.
    for x, z in np.ndindex(data.shape):
        assert data[x, z] == p_data[x] * encoder[x, z]
        assert samples[x, z] == prior[z] * generator[z, x]
    expected = -LOG_4 + 2 * float(theory.jsd(data.reshape(-1), samples.reshape(-1)))
    value = theory.joint_criterion(p_data, encoder, prior, generator)
    assert value == pytest.approx(expected, abs=1e-13)
    assert value > -LOG_4 + 1e-3  # no random tables are at the optimum


@pytest.mark.parametrize("seed", range(20))
def test_it_is_least_where_e_is_the_posterior_of_g(seed):
    """By Bayes' rule; every other encoder has a larger value, the posterior of another G too."""
    p_data, other, prior, generator = tables(seed)
    joint = prior[:, None] * generator
    p_data = joint.sum(axis=0)  # G makes the data
    posterior = (joint / p_data).T
    assert theory.joint_criterion(p_data, posterior, prior, generator) == pytest.approx(
        -LOG_4, abs=1e-13
    )
    mixed = 0.9 * posterior + 0.1 * other
    values = [theory.joint_criterion(p_data, e, prior, generator) for e in (mixed, other)]
    assert -LOG_4 + 1e-6 < values[0] < values[1]


def test_deterministic_maps_are_at_the_optimum_if_and_only_if_they_invert_each_other():
    """Of four equal outcomes and latents every permutation fits the marginals, as a GAN wants.

    Where E and G disagree on k of n points, these points have disjoint pairs: JSD = k/n log 2.
    """
    n = 4
    uniform = np.full(n, 1 / n)
    e = permutation((2, 0, 3, 1))
    optima = 0
    for order in itertools.permutations(range(n)):
        g = permutation(order)
        # The plain game cannot tell them apart: all make the data.
        assert theory.criterion(uniform, uniform @ g) == pytest.approx(-LOG_4, abs=1e-14)
        wrong = sum((e @ g)[i, i] == 0 for i in range(n))
        value = theory.joint_criterion(uniform, e, uniform, g)
        assert value == pytest.approx(-LOG_4 + 2 * wrong / n * LOG_2, abs=1e-14)
        inverse = np.array_equal(e @ g, np.eye(n)) and np.array_equal(g @ e, np.eye(n))
        assert inverse == (abs(value + LOG_4) < 1e-9)
        optima += inverse
    assert optima == 1


def test_inverses_alone_are_not_enough():
    """E inverts G, and G makes all outcomes alike, which the data are not."""
    p_data, prior = [0.7, 0.2, 0.1], np.full(3, 1 / 3)
    g = permutation((1, 2, 0))
    assert theory.joint_criterion(p_data, g.T, prior, g) > -LOG_4 + 0.05


def test_bad_tables():
    p_data, encoder, prior, generator = tables(0)
    with pytest.raises(ValueError, match=r"`generator`: expected shape \(3, 4\) .* \(4, 3\)"):
        theory.joints(p_data, encoder, prior, encoder)
    with pytest.raises(ValueError, match=r"`encoder`: expected shape \(4, 3\) .*vectors both"):
        theory.joint_criterion(p_data, generator, prior, generator)
    with pytest.raises(ValueError, match=r"`encoder`: expected"):
        theory.joints(p_data, 2 * encoder, prior, generator)
    with pytest.raises(ValueError, match=r"vectors both"):
        theory.joints([p_data], encoder, prior, generator)
