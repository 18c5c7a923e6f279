"""Mode collapse, the "Helvetica scenario" (Goodfellow et al. 2014, section 6), and how to see it.

G must not be trained too much without updating D. Against a fixed D, V(D, G) is linear in p_g:
G's best answer is to make the one x of which D is surest, from every z, and nothing in the game
rewards a second x. The loss only improves on the way there, so it is the samples that must tell.

On a finite set the number of outcomes that G uses is the inverse Simpson index 1 / sum p_i^2, since
sum p_i^2 is the probability that two samples coincide. `kgan.metrics.diversity` measures the
same of samples in space.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import checks

__all__ = ["best_response", "effective_number"]


def effective_number(p: Any) -> np.ndarray:
    """How many outcomes a distribution really uses: 1 / sum p_i^2 (Simpson 1949; Hill 1973).

    It is n for n equally likely outcomes, and 1 when all mass is on one.

    Args:
        p: `[..., outcomes]`, probabilities.

    Returns:
        float64 `[...]`, from 1 to the number of outcomes.

    Raises:
        ValueError: negative numbers, or a sum that is not 1.
    """
    return 1 / np.square(checks.probabilities("p", p)).sum(axis=-1)


def best_response(discriminator: Any) -> np.ndarray:
    """The p_g that minimises V(D, p_g) for a fixed D: all mass where D is largest.

    V is linear in p_g with coefficients log(1 - D), so the minimum lies in a corner of the simplex,
    whatever p_data is and wherever G started. Only a D that is constant, as it is at the
    equilibrium, leaves the optimum open: every p_g is one. The non-saturating loss has the same.

    Args:
        discriminator: D, `[..., outcomes]`, in [0, 1].

    Returns:
        float64 `[..., outcomes]`; outcomes that share the maximum share the mass evenly.

    Raises:
        ValueError: D leaves [0, 1].
    """
    d = np.atleast_1d(checks.finite("discriminator", discriminator))
    checks.within("discriminator", d, 0, 1)
    largest = d == d.max(axis=-1, keepdims=True)
    return largest / largest.sum(axis=-1, keepdims=True)
