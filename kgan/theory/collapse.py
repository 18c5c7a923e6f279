"""Mode collapse on a finite set (Goodfellow et al. 2014, section 6: the "Helvetica scenario").

For a fixed D, V(D, G) is linear in p_g. The best response of G puts all mass on the outcome with
the largest D. The loss improves on the way, so collapse shows only in the samples.

`effective_number` is the inverse Simpson index 1 / sum p_i^2; sum p_i^2 is the probability that
two samples coincide. `kgan.metrics.diversity` measures the same for samples in space.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kgan.theory import checks

__all__ = ["best_response", "effective_number"]


def effective_number(p: npt.ArrayLike) -> np.ndarray:
    """Return the effective number of outcomes 1 / sum p_i^2 (Simpson 1949; Hill 1973).

    It is n for n equally likely outcomes, and 1 when all mass is on one.

    Args:
        p: `[..., outcomes]`, probabilities.

    Returns:
        float64 `[...]`, from 1 to the number of outcomes.

    Raises:
        ValueError: negative numbers, or a sum that is not 1.

    Example:
        ```python
        kgan.theory.collapse.effective_number([0.5, 0.5])  # 2.0
        ```
    """
    return 1 / np.square(checks.probabilities("p", p)).sum(axis=-1)


def best_response(discriminator: npt.ArrayLike) -> np.ndarray:
    """Return the p_g that minimises V(D, p_g) for a fixed D: all mass where D is largest.

    V is linear in p_g with coefficients log(1 - D), so the minimum is a corner of the simplex,
    whatever p_data is. The non-saturating loss has the same minimum. Where D is constant, as at
    the equilibrium, every p_g is optimal.

    Args:
        discriminator: D, `[..., outcomes]`, in [0, 1].

    Returns:
        float64 `[..., outcomes]`; outcomes that share the maximum share the mass evenly.

    Raises:
        ValueError: D leaves [0, 1].

    Example:
        ```python
        kgan.theory.collapse.best_response([0.2, 0.8])  # [0.0, 1.0]
        ```
    """
    d = np.atleast_1d(checks.finite("discriminator", discriminator))
    checks.within("discriminator", d, 0, 1)
    largest = d == d.max(axis=-1, keepdims=True)
    return largest / largest.sum(axis=-1, keepdims=True)
