"""Path lengths against closed forms of linear generators; strips between latent points."""

import numpy as np
import pytest

from kgan import priors
from kgan.metrics import Pixels, RandomConvolutional, interpolation_strips, path_length

DIM = 6
SHAPE = (4, 5, 1)


def _linear(matrix):
    """x = 1/2 + A z as images; A is small enough for pixels in [0, 1]."""

    def generate(latents):
        return (0.5 + latents @ matrix.T).reshape(-1, *SHAPE).astype(np.float32)

    return generate


@pytest.fixture(scope="module")
def matrix():
    return np.random.default_rng(0).uniform(-1, 1, (20, DIM)) * 0.04


def test_straight_paths_of_a_linear_generator(matrix):
    prior = priors.Uniform(DIM)
    length = path_length(_linear(matrix), prior, Pixels(), pairs=2000)
    # Independent coordinates of variance 1: E ||A (z1 - z0)||^2 = 2 tr(A A^T) = 2 ||A||^2.
    expected = 2 * (matrix**2).sum()
    assert abs(length.mean - expected) < 5 * length.standard_error
    assert length.standard_error < 0.02 * expected
    # Given the ends, every place has the same speed. An image moves by some 2e-4 in a step and is
    # rounded to 3e-8.
    ends = prior.sample(4000, 0).numpy().astype(np.float64)
    exact = (((ends[1::2] - ends[::2]) @ matrix.T) ** 2).sum(1)
    assert length.mean == pytest.approx(exact.mean(), rel=1e-3)
    error = exact.std(ddof=1) / np.sqrt(2000)
    assert length.standard_error == pytest.approx(error, rel=1e-3)


def test_great_circles_of_an_isometry():
    # Speed on a path whose radius passes linearly: z' = r' u + r theta u_perp, so that
    # |z'|^2 = (r1 - r0)^2 + theta^2 r(t)^2, and r(t)^2 is (r0^2 + r0 r1 + r1^2) / 3 on average.
    scale = 0.05
    prior = priors.Normal(DIM)
    length = path_length(_linear(scale * np.eye(20)[:, :DIM]), prior, Pixels(), pairs=2000)
    ends = prior.sample(4000, 0).numpy().astype(np.float64)
    a, b = ends[::2], ends[1::2]
    r0, r1 = np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1)
    theta = np.arccos((a * b).sum(1) / (r0 * r1))
    squared = (r1 - r0) ** 2 + theta**2 * (r0**2 + r0 * r1 + r1**2) / 3
    # The ends are the same, so only the random places differ: by 0.4% to 1.4% over five seeds.
    assert length.mean == pytest.approx(scale**2 * squared.mean(), rel=0.03)


def test_it_is_quadratic_in_the_features(matrix):
    prior = priors.Uniform(DIM)
    lengths = [path_length(_linear(k * matrix), prior, Pixels(), pairs=50) for k in (0, 0.5, 1)]
    assert lengths[0].mean == lengths[0].standard_error == 0
    assert lengths[2].mean == pytest.approx(4 * lengths[1].mean, rel=1e-3)


def test_the_standard_error_is_that_of_other_seeds(matrix):
    prior = priors.Uniform(DIM)
    lengths = [
        path_length(_linear(matrix), prior, Pixels(), pairs=60, steps=20, seed=seed)
        for seed in range(40)
    ]
    spread = np.std([length.mean for length in lengths], ddof=1)
    claimed = np.mean([length.standard_error for length in lengths])
    assert spread == pytest.approx(claimed, rel=0.4)  # 40 values: a relative error of 0.11


def test_a_jump_has_no_speed():
    """A generator of two images: the figure grows with the number of steps, without end."""

    def generate(latents):
        return np.broadcast_to(latents[:, :1, None, None] > 0, [len(latents), *SHAPE]) * np.float32(
            1
        )

    prior = priors.Uniform(DIM)
    lengths = [path_length(generate, prior, Pixels(), pairs=1000, steps=n) for n in (4, 16)]
    # Half of the paths cross 0, in one of n parts, by 20 pixels: 20 n^2 / (2 n).
    for length, n in zip(lengths, (4, 16), strict=True):
        assert abs(length.mean - 10 * n) < 5 * length.standard_error
    smooth = [
        path_length(_linear(np.full((20, DIM), 0.02)), prior, Pixels(), pairs=100, steps=n).mean
        for n in (4, 16)
    ]
    assert smooth[0] == pytest.approx(smooth[1], rel=1e-3)


def test_the_features_are_named(matrix):
    features = RandomConvolutional(SHAPE)
    length = path_length(_linear(matrix), priors.Uniform(DIM), features, pairs=5, steps=10)
    assert length.features == f"random {features.fingerprint}"
    assert length.mean > 0


def test_strips_go_from_end_to_end(matrix):
    prior = priors.Normal(DIM)
    strips = interpolation_strips(_linear(matrix), prior, strips=3, steps=5, seed=7)
    assert strips.shape == (3, 5, *SHAPE)
    ends = _linear(matrix)(prior.sample(6, 7).numpy())
    np.testing.assert_allclose(strips[:, [0, -1]].reshape(ends.shape), ends, atol=1e-6)
    path = prior.interpolate(*prior.sample(2, 7), 5).numpy()
    np.testing.assert_allclose(strips[0], _linear(matrix)(path), atol=1e-6)


def test_few_strips_are_the_first_of_many(matrix):
    few, many = (
        interpolation_strips(_linear(matrix), priors.Uniform(DIM), strips=n, steps=3)
        for n in (2, 4)
    )
    np.testing.assert_array_equal(few, many[:2])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pairs": 1}, "`pairs`: expected an integer of at least 2, received 1"),
        ({"pairs": 2.5}, "`pairs`: expected an integer of at least 2, received 2.5"),
        ({"steps": 0}, "`steps`: expected an integer of at least 1, received 0"),
    ],
)
def test_unusable_numbers_of_paths_are_named(matrix, options, message):
    with pytest.raises(ValueError, match=message):
        path_length(_linear(matrix), priors.Uniform(DIM), Pixels(), **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"strips": 0}, "`strips`: expected an integer of at least 1, received 0"),
        ({"steps": 1}, "`steps`: expected an integer of at least 2, received 1"),
    ],
)
def test_unusable_numbers_of_strips_are_named(matrix, options, message):
    with pytest.raises(ValueError, match=message):
        interpolation_strips(_linear(matrix), priors.Uniform(DIM), **options)


def test_images_out_of_range_are_named(matrix):
    with pytest.raises(ValueError, match=r"`images`: expected values in \[0, 1\]"):
        path_length(_linear(100 * matrix), priors.Uniform(DIM), Pixels(), pairs=5, steps=2)
