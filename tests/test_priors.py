"""Latent priors: distribution, statelessness, the same numbers in every mode, interpolation."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgan import priors

DIM = 16
each_prior = pytest.mark.parametrize(
    "prior",
    [priors.Uniform(DIM), priors.Uniform(DIM, -3.3, 11.7), priors.Normal(DIM)],
    ids=["uniform", "uniform-wide", "normal"],
)
# (prior, mean, variance, fourth central moment, eighth): U(a, b) of width w has w^2/12, w^4/80 and
# w^8/2304, and the normal 1, 3 and 105.
MOMENTS = [
    (priors.Uniform(DIM), 0.0, 1.0, 9 / 5, 9.0),
    (priors.Uniform(DIM, 0.0, 1.0), 0.5, 1 / 12, 1 / 80, 1 / 2304),
    (priors.Normal(DIM), 0.0, 1.0, 3.0, 105.0),
]


# The distribution. Seeds are fixed, so these pass or fail for good; five standard errors is what
# a right sampler exceeds for one seed in 1.7 million.


@pytest.mark.parametrize(
    ("prior", "mean", "variance", "fourth", "eighth"), MOMENTS, ids=["uniform", "unit", "normal"]
)
def test_moments(prior, mean, variance, fourth, eighth):
    z = prior.sample(10_000, seed=1).numpy().astype(np.float64).ravel() - mean
    n = z.size
    assert abs(z.mean()) < 5 * math.sqrt(variance / n)
    assert abs((z**2).mean() - variance) < 5 * math.sqrt((fourth - variance**2) / n)
    assert abs((z**4).mean() - fourth) < 5 * math.sqrt((eighth - fourth**2) / n)


@each_prior
def test_coordinates_are_independent(prior):
    """Correlations of independent samples have a standard error of 1 / sqrt(n)."""
    n = 10_000
    z = prior.sample(n, seed=2).numpy()
    assert z.shape == (n, DIM)
    pairs = np.concatenate([z, prior.sample(n, seed=3).numpy(), np.roll(z, 1, axis=0)], axis=1)
    correlation = np.corrcoef(pairs, rowvar=False) - np.eye(3 * DIM)
    assert np.abs(correlation).max() < 5 / math.sqrt(n)


def test_uniform_fills_its_interval_and_does_not_leave_it():
    z = priors.Uniform(DIM, -3.3, 11.7).sample(10_000, seed=4).numpy()
    assert np.float32(-3.3) <= z.min() < -3.29
    assert 11.69 < z.max() <= np.float32(11.7)


def test_uniform_has_unit_variance_by_default():
    prior = priors.Uniform(2)
    assert (prior.high - prior.low) ** 2 / 12 == pytest.approx(1.0, rel=1e-12)
    assert prior.low == -prior.high
    z = priors.Uniform(DIM).sample(10_000, seed=5).numpy()
    assert np.abs(z).max() == pytest.approx(math.sqrt(3), abs=1e-3)
    assert np.abs(z).max() <= np.float32(math.sqrt(3))


def test_normal_has_tails():
    """P(|z| > 3) = 0.0026998, P(|z| > 1) = 0.3173105 (erfc(k / sqrt 2))."""
    z = np.abs(priors.Normal(DIM).sample(10_000, seed=6).numpy()).ravel()
    for k in (1, 3):
        p = math.erfc(k / math.sqrt(2))
        assert abs((z > k).mean() - p) < 5 * math.sqrt(p * (1 - p) / z.size)


# Statelessness


@each_prior
def test_same_seed_same_points(prior):
    first = prior.sample(9, seed=7).numpy()
    assert first.dtype == np.float32
    assert first.shape == (9, DIM)
    tf.random.normal([3])  # another draw between the two changes nothing
    np.testing.assert_array_equal(prior.sample(9, seed=7), first)


@each_prior
def test_other_seeds_other_points(prior):
    seeds = [0, 1, -1, 2**31 - 1, 2**40, (0, 1), (1, 1), (1, 2)]
    draws = [prior.sample(9, seed).numpy() for seed in seeds]
    values = np.concatenate([draw.ravel() for draw in draws])
    # Of 1,152 values, floats with 24 random bits collide by chance 0.04 times.
    assert len(np.unique(values)) > 0.99 * values.size


@each_prior
@pytest.mark.parametrize(
    "seed",
    [
        *(5, np.int64(5), tf.constant(5), tf.constant(5, tf.int64)),
        *([5, 0], tf.constant([5, 0]), (tf.constant(5), 0)),
    ],
)
def test_an_integer_is_the_pair_with_zero(prior, seed):
    np.testing.assert_array_equal(prior.sample(9, seed), prior.sample(9, (5, 0)))


@each_prior
def test_a_small_draw_begins_a_large_one(prior):
    large = prior.sample(1001, seed=8).numpy()
    for batch in (1, 2, 33, 1000):
        np.testing.assert_array_equal(prior.sample(batch, seed=8), large[:batch])


@each_prior
@pytest.mark.parametrize("jit_compile", [False, True], ids=["graph", "xla"])
def test_every_mode_draws_the_same_bits(prior, jit_compile):
    @tf.function(jit_compile=jit_compile)
    def compiled(seed):
        return prior.sample(1001, seed)

    seed = tf.constant([9, 4])  # an argument, or the draw would be folded to a constant
    np.testing.assert_array_equal(compiled(seed), prior.sample(1001, seed))


def test_tensorflows_own_floats_are_not_the_same_in_every_mode():
    """Why the priors make floats of integers: when this fails, `tf.random` can do it for them."""

    def sample(seed):
        return tf.random.stateless_uniform([1001], seed, alg="philox")

    seed = tf.constant([9, 4])
    compiled = tf.function(sample, jit_compile=True)(seed)
    assert np.abs(compiled - sample(seed)).max() > 0.1


@each_prior
def test_batch_may_be_a_tensor(prior):
    @tf.function
    def compiled(batch):
        points = prior.sample(batch, seed=10)
        assert points.shape.as_list() == [None, DIM]
        return points

    for batch in (1, 12):
        expected = prior.sample(batch, seed=10)
        np.testing.assert_array_equal(prior.sample(tf.constant(batch), seed=10), expected)
        np.testing.assert_array_equal(compiled(tf.constant(batch)), expected)


# Interpolation

START, END = np.random.default_rng(11).normal(size=(2, DIM)).astype(np.float32)


@each_prior
def test_interpolation_ends_where_it_should(prior):
    points = prior.interpolate(START, END, steps=5)
    assert points.dtype == tf.float32
    assert points.shape == (5, DIM)
    # A few roundings of numbers of order one.
    np.testing.assert_allclose(points[0], START, atol=1e-6)
    np.testing.assert_allclose(points[-1], END, atol=1e-6)
    np.testing.assert_allclose(prior.interpolate(START, END, 2), [START, END], atol=1e-6)


def test_uniform_goes_straight_in_equal_steps():
    points = priors.Uniform(DIM).interpolate(START, END, steps=7).numpy()
    expected = np.repeat([(END - START) / 6], 6, axis=0)
    np.testing.assert_allclose(np.diff(points, axis=0), expected, atol=1e-6)


def test_normal_goes_along_the_great_circle_in_equal_angles():
    points = priors.Normal(DIM).interpolate(START, END, steps=7).numpy().astype(np.float64)
    lengths = np.linalg.norm(points, axis=1)
    np.testing.assert_allclose(lengths, np.linspace(lengths[0], lengths[-1], 7), rtol=1e-6)
    unit = points / lengths[:, None]
    angles = np.arccos(np.sum(unit[1:] * unit[:-1], axis=1))
    whole = np.arccos(np.dot(START, END) / np.linalg.norm(START) / np.linalg.norm(END))
    np.testing.assert_allclose(angles, whole / 6, rtol=1e-5)
    # Equal angles that add up to the whole leave no other path.


def test_only_the_great_circle_keeps_the_length():
    """Halfway between orthogonal points of length r, the straight line has r / sqrt 2."""
    start, end = 4 * np.eye(DIM)[:2]
    middle = priors.Normal(DIM).interpolate(start, end, 3)[1]
    assert np.linalg.norm(middle) == pytest.approx(4.0, rel=1e-6)
    middle = priors.Uniform(DIM).interpolate(start, end, 3)[1]
    assert np.linalg.norm(middle) == pytest.approx(4 / math.sqrt(2), rel=1e-6)


@pytest.mark.parametrize(
    ("end", "middle"),
    [((3.0, 4.0), (3.0, 4.0)), ((6.0, 8.0), (4.5, 6.0)), ((-3.0, -4.0), (0.0, 0.0))],
    ids=["equal", "same-direction", "opposite"],
)
def test_normal_on_one_line_with_zero(end, middle):
    points = priors.Normal(2).interpolate((3.0, 4.0), end, 3)
    np.testing.assert_allclose(points, [(3.0, 4.0), middle, end], atol=1e-5)


@each_prior
def test_interpolation_in_a_graph(prior):
    compiled = tf.function(lambda start, end: prior.interpolate(start, end, 5))
    expected = prior.interpolate(START, END, 5)
    np.testing.assert_allclose(compiled(START, END), expected, atol=1e-6)


# Configuration and errors


@each_prior
def test_config_round_trip(prior):
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(prior))
    assert type(again) is type(prior)
    assert again.get_config() == prior.get_config()
    np.testing.assert_array_equal(again.sample(3, seed=0), prior.sample(3, seed=0))


@pytest.mark.parametrize("dim", [0, -1, 1.5, "8", True, None])
@pytest.mark.parametrize("cls", [priors.Uniform, priors.Normal])
def test_bad_dim(cls, dim):
    with pytest.raises(ValueError, match=rf"`dim`: expected a positive integer, received {dim!r}"):
        cls(dim)


@pytest.mark.parametrize(("low", "high"), [(1.0, 1.0), (2.0, 1.0), (0.0, math.nan)])
def test_bad_interval(low, high):
    with pytest.raises(
        ValueError,
        match=f"`low` and `high`: expected low < high, received low={low} and high={high}",
    ):
        priors.Uniform(2, low, high)


@each_prior
@pytest.mark.parametrize("steps", [1, 0, -2])
def test_bad_steps(prior, steps):
    expected = f"`steps`: expected an integer of at least 2, received {steps}"
    with pytest.raises(ValueError, match=expected):
        prior.interpolate(START, END, steps)


def test_a_prior_of_ones_own_must_say_how_to_sample():
    with pytest.raises(NotImplementedError):
        priors.Prior(2).sample(1, seed=0)
