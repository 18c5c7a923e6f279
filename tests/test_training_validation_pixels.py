"""The values of data beside a value range, at every border."""

import math
import warnings

import ml_dtypes
import numpy as np
import pytest

from kgan.training.validation import pixels
from kgan.training.validation.pixels import (
    Extremes,
    check_use_of_range,
    check_values,
    rescaled,
    suspicious,
)


def same(expression):
    return expression


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ml_dtypes.bfloat16])
def test_extremes_are_of_all_arrays_piece_by_piece(dtype, monkeypatch):
    monkeypatch.setattr(pixels, "_CHUNK", 4)
    arrays = [np.arange(12).reshape(6, 2).astype(dtype), np.full((1, 1, 3), -7).astype(dtype)]
    assert Extremes.of(arrays) == (-7.0, 11.0)
    assert Extremes.of([arrays[0][::-1]]) == (0.0, 11.0)
    arrays[0][3, 1] = np.nan
    assert all(map(math.isnan, Extremes.of(arrays)))


def test_within_allows_a_thousandth_of_the_width():
    assert Extremes(-0.002, 2.002).within(0, 2)
    assert not Extremes(-0.0021, 1).within(0, 2)
    assert not Extremes(0, 2.0021).within(0, 2)


@pytest.mark.parametrize(
    ("source", "target", "expression"),
    [
        ((0, 255), (-1, 1), "x / 127.5 - 1"),
        ((0, 255), (0, 1), "x / 255"),
        ((0, 1), (-1, 1), "2 * x - 1"),
        ((-1, 1), (0, 1), "x / 2 + 0.5"),
        ((-0.5, 0.5), (0, 1), "x + 0.5"),
        ((0, 1), (0, 255), "255 * x"),
    ],
)
def test_rescaled_maps_both_ends(source, target, expression):
    assert rescaled(source, target) == expression
    for end, expected in zip(source, target, strict=True):
        assert eval(expression, {"x": end}) == pytest.approx(expected)


def test_three_fifths_of_the_range_are_enough():
    assert suspicious(Extremes(0, 2.9999), (0, 5))
    assert not suspicious(Extremes(0, 3), (0, 5))  # 3 / 5 is the same number as 0.6
    assert not suspicious(Extremes(0, 0), None)


def test_a_hundredth_is_refused_and_a_single_value_allowed():
    with pytest.raises(ValueError, match=r"`x`: .* received values from 0 to 1, 1% of it"):
        check_use_of_range("x", Extremes(0, 1), (0, 100), same)
    with pytest.warns(UserWarning, match=r"98% of it is unused.* scaled to \(0, 2\), .*50 \* x\."):
        check_use_of_range("x", Extremes(0, 2), (0, 100), same)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_use_of_range("x", Extremes(7, 7), (0, 100), same)


@pytest.mark.parametrize(
    ("seen", "guess"), [((0, 1), "0, 1"), ((-0.4, 0.5), "-0.5, 0.5"), ((-0.3, 1.2), "-0.3, 1.2")]
)
def test_the_guess_is_the_narrowest_usual_range_or_what_there_is(seen, guess):
    with pytest.warns(UserWarning, match=rf"scaled to \({guess}\)"):
        check_use_of_range("x", Extremes(*seen), (-2, 2), same)


@pytest.mark.parametrize(
    ("seen", "advice"),
    [
        ((0, 1.2), r"Clip them: tf\.clip_by_value\(x, 0, 1\)\."),
        ((-0.2, 1), r"Clip them: tf\.clip_by_value\(x, 0, 1\)\."),
        ((0, 100), r"Scale them: x / 255\. If the generator .* `kgan.GAN\(.*range=\(0, 255\)\)`"),
        ((-1, 1), r"Scale them: x / 2 \+ 0\.5\."),
        ((0, 1.25), r"Scale them to that range\."),
        ((-3, 2), r"Scale them to that range\. If .* `kgan.GAN\(..., value_range=\(-3, 2\)\)`"),
    ],
)
def test_values_beyond_the_range_are_to_be_clipped_or_scaled(seen, advice):
    with pytest.raises(ValueError, match=advice):
        check_values("x", Extremes(*seen), (0, 1), False, same)
    with pytest.raises(ValueError, match=r"Or make the generator with `value_range=\(.*\)`\."):
        check_values("x", Extremes(*seen), (0, 1), True, same)
    check_values("x", Extremes(*seen), None, False, same)


@pytest.mark.parametrize(
    ("seen", "what"),
    [
        ((math.nan, math.nan), "NaN"),
        ((0, math.inf), "values from 0 to inf"),
        ((-math.inf, 0), "val"),
    ],
)
def test_values_that_are_not_finite_are_refused_whatever_the_range(seen, what):
    for value_range in ((0, 1), None):
        with pytest.raises(ValueError, match=f"expected finite numbers, received {what}"):
            check_values("x", Extremes(*seen), value_range, False, same)
