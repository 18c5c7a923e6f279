"""The Helvetica scenario: on tables, in measures of samples, and with a real `kgan.GAN`."""

import math

import keras
import numpy as np
import pytest
from scipy.spatial.distance import cdist

import kgan
from kgan.data.densities import DENSITIES, Ring
from kgan.metrics.diversity import MOST, best_response, diversity, effective_number
from kgan.theory.tabular import LOSSES, alternating_play
from kgan.theory.value import game_value

RNG = np.random.default_rng(0)


def test_effective_number_of_known_distributions():
    p = [[0.25] * 4, [0.5, 0.5, 0, 0], [0, 0, 1, 0]]
    np.testing.assert_allclose(effective_number(p), [4, 2, 1], rtol=1e-15)
    # The probability that two draws coincide, counted: its standard error is 0.0012.
    p = RNG.dirichlet(np.ones(5))
    first, second = RNG.choice(5, size=(2, 150_000), p=p)
    assert 1 / effective_number(p) == pytest.approx((first == second).mean(), abs=0.006)


def test_best_response_is_the_best_corner_of_the_simplex():
    logits, p_data = RNG.normal(size=(20, 6)), RNG.dirichlet(np.ones(6), 20)
    corners = np.broadcast_to(np.eye(6)[:, None], (6, 20, 6))
    shape = corners.shape
    values = game_value(np.broadcast_to(logits, shape), np.broadcast_to(p_data, shape), corners)
    best = best_response(1 / (1 + np.exp(-logits)))
    np.testing.assert_array_equal(best.argmax(axis=-1), values.argmin(axis=0))
    np.testing.assert_array_equal(effective_number(best), 1)
    np.testing.assert_array_equal(best_response([0.2, 0.7, 0.7]), [0, 0.5, 0.5])


@pytest.mark.parametrize("loss", LOSSES)
def test_generator_trained_to_the_end_against_a_fixed_discriminator_collapses(loss):
    """Whatever the start, p_data included: step t is p_0 exp(-rate t gradient), normalised."""
    n, rate, steps = 8, 0.5, 2000
    p_data = RNG.dirichlet(np.full(n, 5.0), 10)
    logits = 0.3 * RNG.normal(size=(10, n))  # a D that is hardly better than a coin
    d = 1 / (1 + np.exp(-logits))
    for start in (p_data, RNG.dirichlet(np.ones(n), 10)):
        fixed = {"logits": logits, "discriminator_learning_rate": 0.0}
        play = alternating_play(p_data, start, steps, 1, rate, loss=loss, **fixed)
        np.testing.assert_array_equal(play.logits[-1], logits)
        gradient = np.log(1 - d) if loss == "minimax" else -np.log(d)
        weights = start * np.exp(-rate * 40 * gradient)
        closed = weights / weights.sum(axis=-1, keepdims=True)
        np.testing.assert_allclose(play.p_g[40], closed, rtol=1e-9)
        np.testing.assert_allclose(play.p_g[-1], best_response(d), atol=1e-3)
        np.testing.assert_allclose(effective_number(play.p_g[-1]) / n, 1 / n, rtol=2e-3)
        if loss == "minimax":
            assert (np.diff(play.value, axis=0) <= 1e-14).all()  # and it is all progress to G


def test_tables_do_not_collapse_where_the_discriminator_keeps_up_or_is_constant():
    p_data = RNG.dirichlet(np.full(8, 5.0), 10)
    logits = 0.3 * RNG.normal(size=(10, 8))
    played = alternating_play(p_data, p_data, 2000, 5, logits=logits).p_g[-1]
    np.testing.assert_allclose(effective_number(played), effective_number(p_data), rtol=1e-6)
    still = alternating_play(p_data, p_data, 2000, discriminator_learning_rate=0.0).p_g[-1]
    np.testing.assert_allclose(still, p_data, atol=1e-12)


def test_spread_is_a_ratio_of_mean_distances():
    samples, data = RNG.normal(size=(2, 50, 4, 3))
    pairs = 50 * 49
    distances = [cdist(x.reshape(50, 12), x.reshape(50, 12)).sum() / pairs for x in (samples, data)]
    assert diversity(samples, data).spread == pytest.approx(distances[0] / distances[1], rel=1e-12)
    assert diversity(0.3 * data + 7, data).spread == pytest.approx(0.3, rel=1e-12)
    same = diversity(data, data)
    assert (same.spread, same.distinct) == (1, 1)


def test_neither_measure_depends_on_units():
    samples, data = RNG.normal(size=(2, 100, 2))
    millimetres, metres = diversity(1e3 * samples, 1e3 * data), diversity(samples, data)
    assert millimetres.spread == pytest.approx(metres.spread, rel=1e-12)
    assert millimetres.distinct == pytest.approx(metres.distinct, rel=1e-12)


def test_distinct_is_a_ratio_of_inverse_simpson_indices_for_repeated_points():
    """100 draws from 10 points: the radius is zero, and "the same" is equality."""
    places = RNG.normal(size=(10, 3))
    shares = RNG.multinomial(100, RNG.dirichlet(np.ones(10)), size=2)
    samples, data = (np.repeat(places, counts, axis=0) for counts in shares)
    expected = effective_number(shares[0] / 100) / effective_number(shares[1] / 100)
    assert diversity(samples, data).distinct == pytest.approx(expected, rel=1e-12)


def test_one_point_is_the_least_diverse():
    data = RNG.normal(size=(256, 5))
    worst = diversity(np.ones((256, 5)), data)
    assert worst.spread == 0
    # All pairs coincide, against 1 % of the data's pairs and each point with itself.
    assert worst.distinct == pytest.approx(0.01 * 255 / 256 + 1 / 256, rel=0.01)


def test_two_modes_of_eight_are_seen_by_distinct_alone():
    """Opposite modes of the ring: pairs lie 1 apart on average, all of the ring's 1.26.

    Pairs meet 4 times as often. Ranges over 30 seeds: spread 0.77 to 0.82, distinct 0.24 to 0.40.
    """
    ring = DENSITIES["ring"]
    many = ring.sample(3000, seed=1)
    two = many[np.abs(many[:, 1]) < 0.2][:256]
    seen = diversity(two, ring.sample(256, seed=2))
    assert seen.spread == pytest.approx(1 / 1.26, abs=0.04)
    assert 0.2 < seen.distinct < 0.45


@pytest.mark.parametrize("name", DENSITIES)
def test_data_are_as_diverse_as_data(name):
    """Ranges over 30 seeds and three densities: spread 0.89 to 1.14, distinct 0.85 to 1.23."""
    density = DENSITIES[name]
    seen = diversity(density.sample(256, seed=1), density.sample(256, seed=2))
    assert seen.spread == pytest.approx(1, abs=0.2)
    assert seen.distinct == pytest.approx(1, abs=0.35)


@pytest.mark.slow
def test_generator_of_kgan_collapses_when_its_discriminator_is_frozen():
    """One game up to a point; then D goes on, or does not.

    Measured on 8 seeds and both losses: distinct 0.45 to 1.4 with Algorithm 1, 0.014 to 0.07 with
    D frozen. The spread falls below 0.5 only where a single place is left: two corners of the
    square have as much spread as the ring.
    """
    ring, batch, steps = Ring(std=0.1), 64, 600
    gan = kgan.GAN(
        kgan.networks.MLPGenerator((2,), latent_dim=2, units=(32, 32), value_range=(-1.5, 1.5)),
        kgan.networks.MLPDiscriminator((2,), units=(32, 32)),
        kgan.priors.Normal(2),
    )

    def play(generator_rate, discriminator_rate, seed):
        adams = [keras.optimizers.Adam(r, 0.5) for r in (generator_rate, discriminator_rate)]
        gan.compile(*adams, loss="minimax", steps_per_execution=50)
        points = ring.sample(batch * steps, seed)
        gan.fit(points, batch_size=batch, shuffle=False, verbose=0)

    play(1e-3, 1e-3, seed=1)
    players = gan.generator, gan.discriminator
    weights = [player.get_weights() for player in players]
    seen = {}
    for discriminator_rate in (4e-3, 0.0):
        for player, values in zip(players, weights, strict=True):
            player.set_weights(values)
        play(4e-3, discriminator_rate, seed=2)
        seen[discriminator_rate] = diversity(gan.sample(256, seed=3), ring.sample(256, seed=4))
    for frozen, before in zip(gan.discriminator.get_weights(), weights[1], strict=True):
        np.testing.assert_array_equal(frozen, before)
    assert seen[4e-3].distinct > 0.3
    assert seen[4e-3].spread > 0.8
    assert seen[0.0].distinct < 0.15


TWO = [[0.0], [1.0]]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: effective_number([0.5, 0.6]), r"`p`: expected probabilities that sum to 1"),
        (lambda: best_response([0.5, 1.5]), r"`discriminator`: expected numbers in \[0, 1\]"),
        (lambda: best_response([]), r"`discriminator`: expected at least one number"),
        (lambda: diversity(TWO, [[0.0]]), r"`data`: expected the shape of `samples`, \(2, 1\)"),
        (lambda: diversity([[0.0]], [[0.0]]), r"`samples`: expected 2 to 4096 points, received 1"),
        (lambda: diversity(1.0, 2.0), r"`samples`: expected 2 to 4096 points, received 0"),
        (
            lambda: diversity(np.zeros((MOST + 1, 1)), np.zeros((MOST + 1, 1))),
            r"`samples`: .* received 4097. A random part of many will do",
        ),
        (lambda: diversity(TWO, [[1.0], [1.0]]), r"`data`: expected points that differ"),
        (lambda: diversity([[math.nan], [0.0]], TWO), r"`samples`: expected finite numbers"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
