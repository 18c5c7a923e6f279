"""Proposition 2 on tables: exact play converges as proved, and alternating play beside it."""

import itertools
import math

import numpy as np
import pytest
from PIL import Image
from scipy.special import softmax

from examples import tabular_game
from kgan.theory.divergences import jsd, kl
from kgan.theory.tabular import LOSSES, alternating_play, exact_play, subgradient
from kgan.theory.value import criterion

RNG = np.random.default_rng(0)
DATA = RNG.dirichlet(np.ones(10), 64)
# Starts that almost miss some outcomes: the smallest probability is about 1e-9.
START = 1e-8 / 10 + (1 - 1e-8) * RNG.dirichlet(np.full(10, 0.3), 64)


@pytest.mark.parametrize("rate", [0.25, 0.5, 1.0])
def test_exact_play_falls_at_every_step_and_faster_than_its_bound(rate):
    play = exact_play(DATA, START, 100, rate)
    assert play.p_g.shape == play.logits.shape == (101, 64, 10)
    assert play.value.shape == play.jsd.shape == (101, 64)
    assert (play.jsd[0] > 0.01).all()
    assert (np.diff(play.value, axis=0) <= 1e-15).all()
    steps = np.arange(1, 101)[:, None]
    assert (play.value[1:] + math.log(4) <= kl(DATA, START) / (rate * steps) + 1e-15).all()
    assert (play.jsd[-1] < 1e-6).all()
    assert np.abs(play.p_g[-1] - DATA).max() < 1e-3
    np.testing.assert_allclose(play.value, 2 * play.jsd - math.log(4), atol=1e-12)  # Theorem 1


def test_at_rate_one_a_step_is_the_mixture():
    """p <- (p_data + p) / 2, so that the difference halves."""
    play = exact_play(DATA, START, 30, 1.0)
    halves = 0.5 ** np.arange(31)[:, None, None]
    np.testing.assert_allclose(play.p_g, DATA + halves * (START - DATA), rtol=1e-9, atol=1e-15)


def test_outcomes_that_data_never_show_die_out():
    data = np.array([0.5, 0.5, 0.0])
    play = exact_play(data, [0.1, 0.1, 0.8], 40, 1.0)
    assert np.isneginf(play.logits[:, 2]).all()
    np.testing.assert_allclose(play.p_g[:, 2], 0.8 * 0.5 ** np.arange(41), rtol=1e-9)
    assert play.jsd[-1] < 1e-6


@pytest.mark.parametrize("rate", [0.2, 1.0, 3.0])
def test_near_the_data_the_log_ratio_shrinks_by_one_minus_half_the_rate(rate):
    start = DATA * (1 + 1e-5 * RNG.normal(size=DATA.shape))
    play = exact_play(DATA, start / start.sum(-1, keepdims=True), 5, rate)
    ratio = np.log(play.p_g / DATA)
    # The next order is 1e-5 smaller; the normaliser's share is of that order too.
    np.testing.assert_allclose(ratio[1:], (1 - rate / 2) * ratio[:-1], atol=1e-9)


def test_rates_above_four_do_not_converge():
    near = 0.999 * DATA + 0.001 / 10
    assert (exact_play(DATA, near, 200, 3.9).jsd[-1] < 1e-6).all()
    assert (exact_play(DATA, near, 200, 4.1).jsd[-1] > 1e-3).all()


def test_the_supremum_is_convex_in_p_g_but_not_in_the_logits_of_p_g():
    """Proposition 2 needs the first; a parametrised G has the second (2014, section 4.2)."""
    t = RNG.uniform(size=(64, 1))
    a, b = START, RNG.dirichlet(np.ones(10), 64)
    chord = t[:, 0] * criterion(DATA, a) + (1 - t[:, 0]) * criterion(DATA, b)
    assert (criterion(DATA, t * a + (1 - t) * b) <= chord + 1e-14).all()
    between = softmax(t * np.log(a) + (1 - t) * np.log(b), axis=-1)
    assert (criterion(DATA, between) > chord + 0.01).any()


def test_the_gradient_of_v_at_the_best_discriminator_is_that_of_the_supremum():
    """Danskin: by central differences along directions that keep the sum at one."""
    p_g = RNG.dirichlet(np.full(10, 3.0), 64)
    direction = RNG.normal(size=(64, 10))
    direction -= direction.mean(axis=-1, keepdims=True)
    h = 1e-4 * p_g.min(axis=-1, keepdims=True)
    above, below = (criterion(DATA, p_g + sign * h * direction) for sign in (1, -1))
    slope = (subgradient(DATA, p_g) * direction).sum(axis=-1)
    np.testing.assert_allclose((above - below) / (2 * h[:, 0]), slope, rtol=1e-6, atol=1e-6)


def test_subgradient_supports_the_supremum_from_below():
    p, q = RNG.dirichlet(np.ones(10), (2, 64))
    below = criterion(DATA, p) + (subgradient(DATA, p) * (q - p)).sum(axis=-1)
    assert (below <= criterion(DATA, q) + 1e-14).all()
    # At the equilibrium it is log(1/2) for every outcome: no direction is left to go.
    np.testing.assert_allclose(subgradient(DATA, DATA), -math.log(2), atol=1e-15)


def test_many_discriminator_steps_bring_alternating_play_to_the_exact_one():
    data, start = RNG.dirichlet(np.full(5, 5.0), (2, 16))
    exact = exact_play(data, start, 30)
    distances = [
        np.abs(alternating_play(data, start, 30, k).p_g - exact.p_g).max()
        for k in (1, 10, 100, 1000)
    ]
    # Measured, five seeds: 0.09 to 0.15, 0.012 to 0.028, 1e-5 to 2e-4, less than 1e-6.
    assert all(fewer > 3 * more for fewer, more in itertools.pairwise(distances))
    assert distances[-1] < 1e-5


def test_alternating_play_overshoots_where_exact_play_descends():
    play = alternating_play(DATA, START, 300)
    rises = np.diff(play.jsd, axis=0) > 1e-6
    assert rises.any(axis=0).all()  # in every game, sooner or later
    assert not (np.diff(exact_play(DATA, START, 300).jsd, axis=0) > 1e-12).any()
    # V estimates C from below, whatever D is.
    assert (play.value <= criterion(np.broadcast_to(DATA, play.p_g.shape), play.p_g) + 1e-12).all()


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("k", [1, 4])
def test_alternating_play_spirals_into_uniform_data_at_the_predicted_rate(loss, k):
    """Linearised at p_data = 1/n, D = 1/2: with a = d_rate/(2 n), A = 1 - (1 - a)^k, b = rate/2,

    a round maps (o, log p_g/p_data) by [[1 - A, -A], [b (1 - A), 1 - b A]], whose determinant is
    (1 - a)^k < 1. The eigenvalues are complex here: play spirals in, by (1 - a)^(k/2) a round.
    """
    n, rate, d_rate, steps = 5, 0.3, 0.5, 40
    A, b = 1 - (1 - d_rate / (2 * n)) ** k, rate / 2
    round_ = np.array([[1 - A, -A], [b * (1 - A), 1 - b * A]])
    values, vectors = np.linalg.eig(round_.T)
    modulus = (1 - d_rate / (2 * n)) ** (k / 2)
    np.testing.assert_allclose(np.abs(values), modulus, atol=1e-12)

    start = softmax(1e-5 * RNG.normal(size=n))
    play = alternating_play(np.full(n, 1 / n), start, steps, k, rate, d_rate, loss)
    state = np.stack([play.logits, np.log(n * play.p_g)], axis=-1)
    distance = np.abs(state @ vectors[:, 0])  # in coordinates that make the spiral round
    predicted = distance[0] * modulus ** np.arange(steps + 1)[:, None]
    np.testing.assert_allclose(distance, predicted, rtol=1e-3, atol=1e-9)


@pytest.mark.parametrize("loss", LOSSES)
def test_both_losses_end_at_the_data(loss):
    data, start = RNG.dirichlet(np.full(5, 5.0), (2, 16))
    play = alternating_play(data, start, 600, 5, loss=loss)
    assert (play.jsd[-1] < 1e-6).all()
    np.testing.assert_allclose(play.value[-1], -math.log(4), atol=1e-4)
    np.testing.assert_allclose(play.logits[-1], 0, atol=0.01)
    still = alternating_play(data, data, 10, loss=loss)
    np.testing.assert_allclose(still.p_g, np.broadcast_to(data, still.p_g.shape), atol=1e-14)


def test_on_tables_the_non_saturating_loss_is_slow_to_find_what_g_misses():
    """A round multiplies what is missed by about the odds that D gives it, or by 3, to the rate."""
    data, start = [0.5, 0.5], [1 - 1e-6, 1e-6]
    missed = {loss: alternating_play(data, start, 40, 50, loss=loss).p_g[:, 1] for loss in LOSSES}
    rounds = {loss: int((p > 0.1).argmax()) for loss, p in missed.items()}
    assert 0 < rounds["minimax"] < 10
    assert rounds["non_saturating"] > 15
    growth = (missed["non_saturating"][2:10] / missed["non_saturating"][1:9]).mean()
    assert growth == pytest.approx(math.sqrt(3), rel=0.02)


def test_discriminator_rates_below_four_raise_the_value():
    """With nearly all mass on one outcome the curvature of V there is 1/2, the largest."""
    p = np.array([1 - 1e-6, 1e-6])
    logits = np.array([0.1, 0.0])
    for rate, rises in ((1.0, True), (3.9, True), (4.2, False)):
        play = alternating_play(p, p, 100, 1, 0.0, rate, logits=logits)
        assert (np.diff(play.value) >= -1e-15).all() == rises
        assert (abs(play.logits[-1, 0]) < 0.01) == rises


def test_games_side_by_side_are_the_same_games():
    alone = alternating_play(DATA[3], START[3], 20, 2, loss="non_saturating")
    together = alternating_play(DATA, START, 20, 2, loss="non_saturating")
    np.testing.assert_allclose(together.p_g[:, 3], alone.p_g, rtol=1e-12)
    np.testing.assert_allclose(together.jsd[-1, 3], jsd(DATA[3], alone.p_g[-1]), atol=1e-12)


def test_the_example_measures_and_draws(tmp_path, capsys):
    tabular_game.run(tmp_path)
    printed = capsys.readouterr().out
    assert "exact  3.0e-06 after 20 steps" in printed  # as docs/images/theory was drawn
    assert "D keeps up, k = 5: 2.63 after 400 steps" in printed
    assert "D is fixed: 1.02 after 400 steps" in printed
    with Image.open(tmp_path / "tabular_game.png") as picture:
        assert picture.size == (960, 720)


HALF = [0.5, 0.5]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: exact_play([0.5, 0.6], HALF, 1), r"`p_data`: expected probabilities that sum to"),
        (lambda: exact_play(HALF, [1.0, 0.0], 1), r"`start`: expected full support.*Mix in"),
        (lambda: exact_play(HALF, [0.2, 0.3, 0.5], 1), r"`start`: expected the shape of `p_data`"),
        (lambda: exact_play(HALF, HALF, 0), r"`steps`: expected a positive integer, received 0"),
        (lambda: exact_play(HALF, HALF, 1, -0.1), r"`learning_rate`: expected a finite number"),
        (lambda: subgradient(HALF, [1.0, 0.0]), r"`p_g`: expected full support"),
        (lambda: alternating_play(HALF, HALF, 1, 0), r"`discriminator_steps`: .* received 0"),
        (lambda: alternating_play(HALF, HALF, 1, loss="wasserstein"), r"`loss`: expected one of"),
        (lambda: alternating_play(HALF, HALF, 1, logits=[0.0]), r"`logits`: expected the shape"),
        (
            lambda: alternating_play(HALF, HALF, 1, discriminator_learning_rate=np.nan),
            r"`discriminator_learning_rate`: expected a finite number of at least 0, received nan",
        ),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
