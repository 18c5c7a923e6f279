"""Latent priors: distribution, statelessness, the same numbers in every mode, interpolation."""

import json
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
@pytest.mark.parametrize("seed", [tf.constant(1.5), tf.constant([[1, 2]])])
def test_other_tensors_are_no_seeds(prior, seed):
    with pytest.raises(ValueError, match=r"`seed`: .* two integers, received (float|int)32 of sha"):
        prior.sample(9, seed)


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


# Codes


CODES = priors.Codes(priors.Uniform(3, -1.0, 1.0), categorical=(4, 2), continuous=2)


def test_a_point_is_noise_then_one_hot_codes_then_continuous_ones():
    assert (CODES.dim, CODES.code_dim, CODES.sizes) == (11, 8, (4, 2, 1, 1))
    assert CODES.entropy == pytest.approx(math.log(4) + math.log(2) + 2 * math.log(2), rel=1e-14)
    n = 20_000
    z = CODES.sample(n, seed=1).numpy()
    assert z.dtype == np.float32
    np.testing.assert_array_equal(z[:, :3], CODES.noise.sample(n, seed=1))
    for begin, size in ((3, 4), (7, 2)):
        part = z[:, begin : begin + size]
        assert set(np.unique(part)) == {0.0, 1.0}
        np.testing.assert_array_equal(part.sum(1), 1)
        p = 1 / size  # each value is equally likely, within five standard errors
        assert np.abs(part.mean(0) - p).max() < 5 * math.sqrt(p * (1 - p) / n)
    continuous = z[:, 9:].astype(np.float64)
    assert -1 <= continuous.min() < -0.999
    assert 0.999 < continuous.max() < 1
    assert np.abs(continuous.mean(0)).max() < 5 * math.sqrt(1 / 3 / n)
    assert np.abs((continuous**2).mean(0) - 1 / 3).max() < 5 * math.sqrt((1 / 5 - 1 / 9) / n)
    # All parts are independent, also of the noise, which has the same seed.
    free = np.delete(z, [3, 7], axis=1)  # the other values of a code decide these
    correlation = np.corrcoef(free, rowvar=False)
    correlation[3:6, 3:6] = np.where(np.eye(3), 1, 0)  # values of one code exclude each other
    correlation[2:5, 2:5] = np.eye(3)
    assert np.abs(correlation - np.eye(9)).max() < 5 / math.sqrt(n)


def test_codes_are_stateless_and_the_same_in_every_mode():
    first = CODES.sample(9, seed=7).numpy()
    np.testing.assert_array_equal(CODES.sample(20, seed=7)[:9], first)
    assert (CODES.sample(9, seed=8).numpy() != first).any(axis=0).all()
    pair = tf.constant([7, 0], tf.int64)
    for options in ({}, {"jit_compile": True}):
        compiled = tf.function(CODES.sample, **options)
        np.testing.assert_array_equal(compiled(9, pair), first)
    np.testing.assert_array_equal(CODES.sample(tf.constant(9), tf.constant([7, 0])), first)


def test_codes_are_saved_with_their_noise():
    config = keras.saving.serialize_keras_object(CODES)
    again = keras.saving.deserialize_keras_object(json.loads(json.dumps(config)))
    assert type(again.noise) is priors.Uniform
    np.testing.assert_array_equal(again.sample(5, 3), CODES.sample(5, 3))
    normal = priors.Codes(priors.Normal(3), continuous=1)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(normal))
    np.testing.assert_array_equal(again.sample(5, 3)[:, :3], priors.Normal(3).sample(5, 3))


def test_noise_takes_the_path_of_its_prior_and_codes_straight_ones():
    prior = priors.Codes(priors.Normal(3), (2,))
    start, end = prior.sample(2, 0).numpy()
    path = prior.interpolate(start, end, 5).numpy()
    np.testing.assert_array_equal(path[:, :3], priors.Normal(3).interpolate(start[:3], end[:3], 5))
    t = np.linspace(0, 1, 5)[:, None]
    np.testing.assert_allclose(path[:, 3:], (1 - t) * start[3:] + t * end[3:], atol=1e-6)
    compiled = tf.function(lambda *ends: prior.interpolate(*ends, 5))  # as metrics call it
    ends = (tf.constant(start), tf.constant(end))
    np.testing.assert_allclose(compiled(*ends), path, atol=1e-6)


def test_along_a_walk_one_code_changes():
    walks = CODES.walks(80, seed=2)
    points = CODES.sample(2, seed=2).numpy()  # 80 points are two rows of ten for each of four codes
    assert walks.shape == (8, 10, 11)
    assert walks.dtype == np.float32
    begin = 3
    for i, size in enumerate(CODES.sizes):
        part = slice(begin, begin + size)
        begin += size
        for row, point in zip(walks[2 * i : 2 * i + 2], points, strict=True):
            same = np.delete(row, np.arange(11)[part], axis=1)
            np.testing.assert_array_equal(
                same, np.tile(np.delete(point, np.arange(11)[part]), (10, 1))
            )
            if size > 1:
                np.testing.assert_array_equal(row[:, part].argmax(1), np.arange(10) % size)
                np.testing.assert_array_equal(np.sort(row[:, part], 1)[:, -2:], [[0, 1]] * 10)
            else:
                np.testing.assert_allclose(row[:, part][:, 0], np.linspace(-1, 1, 10), atol=1e-6)
    assert priors.Codes(priors.Normal(1), (12,)).walks(1, 0).shape == (1, 12, 13)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((priors.Normal(2),), r"`categorical` and `continuous`: expected at least one code"),
        ((priors.Normal(2), (1,)), r"`categorical`: expected an integer from 2 to .*received 1"),
        ((priors.Normal(2), (), -1), r"`continuous`: expected an integer of at least 0"),
        ((3, (2,)), r"`noise`: expected a prior with latents.*received 3"),
        ((priors.NoLatents(), (2,)), r"`noise`: expected a prior with latents"),
        ((CODES, (2,)), r"`noise`: expected a prior with latents and without codes"),
    ],
)
def test_unusable_codes_are_refused(arguments, said):
    with pytest.raises(ValueError, match=said):
        priors.Codes(*arguments)
