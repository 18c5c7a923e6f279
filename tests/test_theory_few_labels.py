"""The game of K classes and samples: its optimum, against its definition and a minimizer."""

import numpy as np
import pytest
from scipy import optimize, special

from kgan import theory
from kgan.theory import few_labels

POINTS, CLASSES = 5, 3
RNG = np.random.default_rng(0)
P_DATA = RNG.dirichlet(np.full(POINTS * CLASSES, 5.0)).reshape(POINTS, CLASSES)
P_G = RNG.dirichlet(np.full(POINTS, 5.0))
BEST = few_labels.optimal_class_logits(np.log(P_DATA), np.log(P_G))


def test_the_optimum_says_how_probable_each_class_is():
    """p_data(x, k) / (p_data(x) + p_g(x)), and of samples p_g(x) / (p_data(x) + p_g(x))."""
    total = P_DATA.sum(-1) + P_G
    expected = np.concatenate([P_DATA, P_G[:, None]], axis=-1) / total[:, None]
    found = few_labels.probabilities_with_samples(BEST)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    # D* of 2014 follows, and the classes of data alone.
    discriminator = theory.optimal_discriminator(P_DATA.sum(-1), P_G)
    np.testing.assert_allclose(1 - found[:, -1], discriminator, rtol=1e-12)
    logit = special.logsumexp(BEST, axis=-1)
    np.testing.assert_allclose(special.expit(logit), discriminator, rtol=1e-12)
    given_data = P_DATA / P_DATA.sum(-1, keepdims=True)
    np.testing.assert_allclose(special.softmax(BEST, axis=-1), given_data, rtol=1e-12)


@pytest.mark.parametrize("weights", [(1.0, 1.0), (0.5, 1.0), (2.0, 0.1)])
def test_a_minimizer_finds_it_whatever_the_weights(weights):
    """From random logits, by BFGS with numerical gradients, whose roundings leave up to 1e-4."""

    def loss(flat):
        return few_labels.class_game_loss(flat.reshape(BEST.shape), P_DATA, P_G, *weights)

    found = optimize.minimize(loss, RNG.normal(size=BEST.size), tol=1e-9)
    np.testing.assert_allclose(found.x.reshape(BEST.shape), BEST, atol=1e-3)
    # Its value: the game's, and the entropy of the classes of a point.
    value = theory.game_value(special.logsumexp(BEST, axis=-1), P_DATA.sum(-1), P_G)
    entropy = -(P_DATA * np.log(P_DATA / P_DATA.sum(-1, keepdims=True))).sum()
    expected = -weights[0] * value + weights[1] * entropy
    assert loss(BEST.ravel()) == pytest.approx(expected, rel=1e-12)
    assert found.fun == pytest.approx(expected, abs=1e-7)
    assert found.fun >= expected - 1e-12


def test_the_supervised_term_alone_leaves_the_game_open():
    """A shift of all logits changes D and not the classes, so each term sees what it is about."""
    shifted = BEST + 1.0

    def alone(logits, *weights):
        return few_labels.class_game_loss(logits, P_DATA, P_G, *weights)

    assert alone(shifted, 0.0, 1.0) == pytest.approx(alone(BEST, 0.0, 1.0), rel=1e-12)
    assert alone(shifted, 1.0, 0.0) > alone(BEST, 1.0, 0.0) + 1e-3


def test_points_without_data_or_samples():
    log_p = np.array([[-np.inf, 0.0], [-np.inf, -np.inf]])
    found = few_labels.optimal_class_logits(log_p, np.array([-np.inf, 0.0]))
    np.testing.assert_array_equal(found, [[np.nan, np.inf], [-np.inf, -np.inf]])


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="expected the shape of `log_p_g`"):
        few_labels.optimal_class_logits(np.zeros((3, 2)), np.zeros(2))
    with pytest.raises(ValueError, match=r"`log_p_data`: expected numbers in"):
        few_labels.optimal_class_logits([[np.nan, 0.0]], [0.0])
    with pytest.raises(ValueError, match=r"`logits`: expected"):
        few_labels.probabilities_with_samples([np.inf, 0.0])
    with pytest.raises(ValueError, match=r"`p_data`: expected the shape of `logits`"):
        few_labels.class_game_loss(np.zeros((3, 2)), np.ones((2, 2)) / 4, np.ones(3) / 3)
    with pytest.raises(ValueError, match=r"`p_data`: expected probabilities that sum"):
        few_labels.class_game_loss(np.zeros((2, 2)), np.ones((2, 2)), np.ones(2) / 2)
