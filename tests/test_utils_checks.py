"""Checks of arguments: what passes, as what it passes, and what is said of the rest."""

import math

import numpy as np
import pytest
import tensorflow as tf

from kgan.utils.checks import (
    bounds,
    integer,
    number,
    one_of,
    positive_integer,
    seed_pair,
    single_seed,
)

HINT = "Do that."
LARGEST, SMALLEST = 2**63 - 1, -(2**63)
# What is no integer, although Python would take some for one.
NO_INTEGERS = [True, np.True_, 1.0, "1", None, [1], np.array([1]), np.array(True), tf.constant(2.0)]


def refusal(check, *arguments, **options):
    with pytest.raises(ValueError, match=r"^Invalid value for argument `x`: expected ") as caught:
        check("x", *arguments, **options)
    return str(caught.value).partition("expected ")[2]


@pytest.mark.parametrize("value", [7, np.int8(7), np.array(7), tf.constant(7)])
def test_integers_of_any_type_become_int(value):
    for found in (positive_integer("x", value), integer("x", value, 7), single_seed("x", value)):
        assert type(found) is int
        assert found == 7


@pytest.mark.parametrize("value", NO_INTEGERS, ids=repr)
def test_what_is_no_integer(value):
    assert refusal(positive_integer, value).startswith("a positive integer, received ")
    assert refusal(integer, value, 0).startswith("an integer of at least 0, received ")
    assert refusal(single_seed, value).startswith("an integer of 64 bits, received ")


def test_a_positive_integer_is_at_least_1():
    assert positive_integer("x", 1) == 1
    assert refusal(positive_integer, 0, HINT) == "a positive integer, received 0. Do that."
    assert refusal(positive_integer, -1) == "a positive integer, received -1."


def test_an_integer_has_both_ends():
    assert [integer("x", value, -1, 2) for value in (-1, 2)] == [-1, 2]
    assert integer("x", 10**30, 3) == 10**30
    for value in (-2, 3):
        said = f"an integer from -1 to 2, received {value}. Do that."
        assert refusal(integer, value, -1, 2, HINT) == said
    assert refusal(integer, 2, 3) == "an integer of at least 3, received 2."
    assert refusal(integer, 1, 0, 0) == "an integer from 0 to 0, received 1."


@pytest.mark.parametrize(
    ("ends", "inside", "outside"),
    [
        ("[]", (0, 0.5, 1), (-1e-9, 1.0000001)),
        ("[)", (0, 0.5), (-1e-9, 1)),
        ("(]", (1e-9, 1), (0, 1.0000001)),
        ("()", (1e-9, 0.5), (0, 1)),
    ],
)
def test_a_number_has_the_ends_that_belong_to_it(ends, inside, outside):
    for value in inside:
        found = number("x", value, 0, 1, ends=ends)
        assert type(found) is float
        assert found == value
    for value in outside:
        said = refusal(number, value, 0, 1, ends=ends, hint=HINT)
        assert said == f"a number in {ends[0]}0, 1{ends[1]}, received {value!r}. Do that."


@pytest.mark.parametrize("value", [True, "1", None, [1.0], math.nan, math.inf, -math.inf])
def test_what_is_no_finite_number(value):
    assert refusal(number, value) == f"a finite number, received {value!r}."


@pytest.mark.parametrize(
    ("low", "ends", "said"),
    [
        (0, "[]", "a finite number of at least 0"),
        (0, "()", "a positive number"),
        (0.5, "[]", "a finite number of at least 0.5"),
        (0.5, "(]", "a finite number above 0.5"),
        (-2, "(]", "a finite number above -2"),
    ],
)
def test_a_number_with_one_end_is_told_in_words(low, ends, said):
    assert refusal(number, low - 1, low, ends=ends).startswith(f"{said}, received ")
    assert number("x", np.float32(7.5), low, ends=ends) == 7.5


def test_a_number_with_an_upper_end_alone():
    assert refusal(number, 2, high=1) == "a number in [-inf, 1], received 2."


def test_bounds_are_two_finite_numbers_in_order():
    assert bounds("x", None) is None
    assert bounds("x", [-1, 1]) == (-1.0, 1.0)
    assert bounds("x", np.array([0, 255], np.uint8)) == (0.0, 255.0)
    said = "(low, high) with low < high, both finite, or None, received "
    for value in (
        (1, 1),
        (1, 0),
        (0,),
        (0, 1, 2),
        3,
        "01x",
        (0, math.inf),
        (-math.inf, 0),
        (0, None),
    ):
        assert refusal(bounds, value) == f"{said}{value!r}."
    assert refusal(bounds, (-math.inf, math.inf)) == f"{said}(-inf, inf)."


def test_bounds_may_be_infinite_where_that_is_said():
    assert bounds("x", (-math.inf, math.inf), infinite=True) is None
    assert bounds("x", (0, 1), infinite=True) == (0.0, 1.0)
    said = "(low, high) with low < high, both finite or both infinite, or None, received "
    for value in ((0, math.inf), (-math.inf, 0), (math.inf, -math.inf)):
        assert refusal(bounds, value, infinite=True) == f"{said}{value!r}."


def test_a_seed_has_64_bits():
    for value in (SMALLEST, LARGEST):
        assert single_seed("x", value) == value
        assert seed_pair("x", value) == (value, 0)
        assert seed_pair("x", (0, value)) == (0, value)
    for value in (SMALLEST - 1, LARGEST + 1):
        assert refusal(single_seed, value) == f"an integer of 64 bits, received {value}."
        for pair in (value, (value, 0), (0, value)):
            said = f"an integer or two integers, each of 64 bits, received {pair!r}."
            assert refusal(seed_pair, pair) == said


@pytest.mark.parametrize("value", [(3, 4), [3, 4], np.array([3, 4]), tf.constant([3, 4])])
def test_a_pair_of_seeds_is_any_two_integers(value):
    found = seed_pair("x", value)
    assert found == (3, 4)
    assert {type(part) for part in found} == {int}


@pytest.mark.parametrize(
    "value", [(), (1,), (1, 2, 3), "12", {1, 2}, {1: 2, 3: 4}, (1, 2.0), (1, True), None, 1.5, True]
)
def test_what_is_no_pair_of_seeds(value):
    said = f"an integer or two integers, each of 64 bits, received {value!r}."
    assert refusal(seed_pair, value) == said


def test_a_choice_is_one_of_what_is_known():
    known = ("crop", "pad")
    assert one_of("x", "pad", known) == "pad"
    assert refusal(one_of, "cut", known, HINT) == "one of 'crop', 'pad', received 'cut'. Do that."
    assert refusal(one_of, None, known) == "one of 'crop', 'pad', received None."
