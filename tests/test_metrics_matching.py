"""Codes read as classes: the best assignment, by hand and against all permutations."""

import itertools

import numpy as np
import pytest

from kgan.metrics import match_codes


def test_a_permutation_is_undone():
    labels = np.arange(50) % 10
    order = np.random.default_rng(0).permutation(10)
    found = match_codes(order[labels], labels, 10, 10)
    assert found.error == 0
    np.testing.assert_array_equal(found.classes[order], np.arange(10))


def test_no_other_assignment_is_better():
    rng = np.random.default_rng(1)
    for _ in range(50):
        codes, labels = rng.integers(0, 4, (2, 30))
        errors = [
            np.mean(np.array(classes)[codes] != labels)
            for classes in itertools.permutations(range(4))
        ]
        assert match_codes(codes, labels, 4, 4).error == pytest.approx(min(errors), abs=1e-12)


def test_a_class_has_one_code_and_a_code_one_class():
    """Two codes of one class: one of them is wrong; so is a class that no code is left for."""
    found = match_codes([0, 1, 1, 2], [0, 0, 0, 1], 3, 2)
    assert found.error == 0.25
    np.testing.assert_array_equal(found.classes, [-1, 0, 1])
    assert match_codes([0, 0, 0, 1], [0, 1, 2, 1], 2, 3).error == 0.5


def test_chance_is_chance():
    """10 codes that say nothing; the best assignment gains a little, by the noise of 100 cells."""
    rng = np.random.default_rng(2)
    error = match_codes(*rng.integers(0, 10, (2, 10_000)), 10, 10).error
    assert 0.87 < error < 0.9


@pytest.mark.parametrize(
    ("codes", "labels", "said"),
    [
        ([0, 2], [0, 1], r"`codes`: expected integers \[n\] from 0 to 1, received .*0 to 2"),
        ([0, 1], [0.0, 1.0], r"`labels`: expected integers .*received float64"),
        ([], [], r"`codes`: expected integers"),
        ([0, 1, 1], [0, 1], r"`labels`: expected 3, one for each code, received 2"),
    ],
)
def test_unusable_numbers_are_refused(codes, labels, said):
    with pytest.raises(ValueError, match=said):
        match_codes(codes, labels, 2, 2)
