"""Masks: what they hide, that a seed decides them, and what a user may give."""

import numpy as np
import pytest
import tensorflow as tf

from kgan import masks

SIDES = (9, 16)
SEED = (3, 4)


@pytest.fixture(scope="module")
def drawn():
    return masks.random_masks(3000, SIDES, SEED).numpy()


def kind(given):
    """Which kind a mask is: the number of a half, "rectangle" or "pixels"."""
    for number, half in enumerate(masks.halves(SIDES)):
        if (given == half).all():
            return number
    rows, columns = (~given).any(1), (~given).any(0)
    whole = (~given).sum() == rows.sum() * columns.sum()
    return "rectangle" if whole and given.any() else "pixels"


def test_masks_are_halves_rectangles_and_pixels_alike(drawn):
    assert (drawn.shape, drawn.dtype) == ((3000, *SIDES, 1), bool)
    kinds = [kind(given) for given in drawn[..., 0]]
    counts = {each: kinds.count(each) for each in (0, 1, 2, 3, "rectangle", "pixels")}
    # Four standard deviations of a binomial: 250 +- 61 of each half, 1000 +- 103 of the others.
    assert all(189 < counts[half] < 311 for half in range(4))
    assert 897 < counts["rectangle"] < 1103
    assert 897 < counts["pixels"] < 1103
    hidden = {
        name: 1 - drawn[[each == name for each in kinds]].mean((1, 2, 3))
        for name in ("rectangle", "pixels")
    }
    # 4 to 12 of 16 pixels and 2 to 7 of 9.
    assert hidden["rectangle"].min() == pytest.approx(4 * 2 / 144)
    assert hidden["rectangle"].max() == pytest.approx(12 * 7 / 144)
    # Uniform from 1/4 to 1: deciles, with the noise of 144 pixels.
    shares = np.quantile(hidden["pixels"], [0.1, 0.5, 0.9])
    np.testing.assert_allclose(shares, [0.325, 0.625, 0.925], atol=0.05)


def test_the_halves_are_the_four_sides():
    left, right, upper, lower = masks.halves((3, 4))
    columns, rows = np.arange(4)[None] * np.ones([3, 1]), np.arange(3)[:, None] * np.ones([1, 4])
    np.testing.assert_array_equal(left, columns < 2)
    np.testing.assert_array_equal(right, columns >= 2)
    np.testing.assert_array_equal(upper, rows < 2)  # the middle row is given
    np.testing.assert_array_equal(lower, rows >= 1)


def test_a_seed_decides_the_masks_in_every_mode(drawn):
    def draw(seed):
        return masks.random_masks(40, SIDES, seed)

    for jit_compile in (False, True):
        made = tf.function(draw, jit_compile=jit_compile)(tf.constant(SEED, tf.int64))
        np.testing.assert_array_equal(made, draw(SEED))
    assert (draw((3, 5)).numpy() != draw(SEED).numpy()).any()


@pytest.mark.parametrize("value_range", [(0.0, 1.0), (-1.0, 3.0)])
def test_hidden_pixels_are_grey_and_the_mask_is_the_last_channel(value_range):
    low, high = value_range
    images = np.random.default_rng(0).uniform(low, high, (5, *SIDES, 3)).astype("float32")
    given = masks.random_masks(5, SIDES, SEED).numpy()
    images[0][~given[0, ..., 0]] = np.nan  # what is hidden does not matter
    made = masks.masked(tf.constant(images), given, value_range).numpy()
    expected = np.where(given, images, np.float32((low + high) / 2))
    np.testing.assert_array_equal(made[..., :3], expected)
    np.testing.assert_array_equal(made[..., 3:], np.where(given, high, low))


def test_a_users_mask_comes_in_three_shapes():
    whole = np.random.default_rng(0).uniform(size=(5, *SIDES, 1)) > 0.5
    for mask in (whole, whole[..., 0], whole.astype(int), whole.astype("float32").tolist()):
        found = masks.checked_mask(mask, 5, SIDES)
        assert found.dtype == bool
        np.testing.assert_array_equal(found, whole)
    one = masks.checked_mask(whole[0, ..., 0], 5, SIDES)
    np.testing.assert_array_equal(one, whole[:1].repeat(5, 0))


@pytest.mark.parametrize(
    "mask",
    [
        np.ones((5, 16, 9), bool),
        np.ones((4, *SIDES), bool),
        np.ones((5, *SIDES, 3), bool),
        np.ones(SIDES[::-1], bool),
        np.full((5, *SIDES), 0.5),
        True,
    ],
    ids=lambda mask: str(np.shape(mask)),
)
def test_other_masks_are_refused(mask):
    with pytest.raises(
        ValueError,
        match=r"`mask`: expected booleans \[5, 9, 16\], True where a pixel is given, or \[9, 16\]",
    ):
        masks.checked_mask(mask, 5, SIDES)
