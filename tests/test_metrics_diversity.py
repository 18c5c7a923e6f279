"""Diversity of samples relative to data."""

import math

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from kgan import metrics
from kgan.data.densities import DENSITIES
from kgan.metrics.diversity import MOST, diversity
from kgan.theory.collapse import effective_number

RNG = np.random.default_rng(0)


def test_the_room_exports_it():
    assert metrics.diversity is diversity
    assert isinstance(diversity([[0.0], [1.0]], [[0.0], [2.0]]), metrics.Diversity)


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


TWO = [[0.0], [1.0]]


@pytest.mark.parametrize(
    ("call", "message"),
    [
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
