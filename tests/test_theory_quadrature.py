"""Integrals over the line: narrow, distant and bounded densities, beside their closed forms."""

import math

import numpy as np
import pytest

from kgan import theory
from kgan.theory.quadrature import integral


def normal(mean, deviation):
    def log_density(x):
        scaled = (x - mean) / deviation
        return -np.square(scaled) / 2 - math.log(deviation * math.sqrt(2 * math.pi))

    return log_density


@pytest.mark.parametrize("mean", [-1e6, 0.0, 1e6])
@pytest.mark.parametrize("named", [False, True])
def test_a_narrow_density_far_from_zero(mean, named):
    """Its deviation is 1e-7 of its distance from zero; 1e-8 is promised."""
    deviation = 0.1
    moments = [
        integral(
            lambda x, log_p, power=power: ((x - mean) / deviation) ** power * np.exp(log_p),
            {"p": normal(mean, deviation)},
            points=[mean] if named else [],
        )
        for power in range(5)
    ]
    np.testing.assert_allclose(moments, [1, 0, 1, 0, 3], atol=1e-8)


def test_the_first_of_several_centres_counts():
    """A spike below all others that the points alone name, too narrow for the pieces of those."""
    p, q = normal(-1000.0, 1e-4), normal(-1000.0, 2e-4)
    found = theory.kl_density(p, q, points=[-1000.0])
    assert found == pytest.approx(math.log(2) + 1 / 8 - 1 / 2, abs=1e-9)


def test_a_support_that_ends():
    def uniform(x):
        return np.where((x > 0.25) & (x < 0.75), math.log(2), -math.inf)

    for bounds in ((-math.inf, math.inf), (0.0, 1.0), (0.25, 0.75)):
        mean = integral(lambda x, log_p: x * np.exp(log_p), {"p": uniform}, bounds)
        assert mean == pytest.approx(0.5, abs=1e-9)
    with pytest.raises(ValueError, match=r"`p`: expected a log density that integrates to 1 over"):
        integral(lambda x, log_p: np.exp(log_p), {"p": uniform}, (0.0, 0.5))


def test_the_end_of_the_line_is_a_centre():
    """All of an exponential density lies at its bound, the only centre there is."""

    def exponential(x):
        return math.log(1e6) - 1e6 * x

    mean = integral(lambda x, log_p: 1e6 * x * np.exp(log_p), {"p": exponential}, (0.0, math.inf))
    assert mean == pytest.approx(1, abs=1e-9)
