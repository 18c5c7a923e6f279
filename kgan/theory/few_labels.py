"""The game of a discriminator that tells K classes apart (Salimans et al. 2016, arXiv 1606.03498).

D has a logit l_k(x) of each class, and 0 as that of samples, class K + 1. A softmax over all K + 1
gives samples the probability 1 / (1 + Z), Z(x) = sum_k exp l_k(x), so that D(x) = Z / (Z + 1) =
sigmoid(log Z). Its loss is that of the game of D, and a cross-entropy of the classes of data:

    L = -w_a (E_data[log D(x)] + E_g[log(1 - D(x))]) - w_s E_data[log softmax(l(x))_k]

Both terms are least where `l_k = log p_data(x, k) - log p_g(x)`, whatever their weights: D(x) is
then that of 2014, and the softmax is p_data(k given x).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.special import log_softmax, logsumexp

from kgan.theory import checks
from kgan.theory.value import HIGHEST, game_value

__all__ = ["class_game_loss", "optimal_class_logits", "probabilities_with_samples"]


def optimal_class_logits(log_p_data: npt.ArrayLike, log_p_g: npt.ArrayLike) -> np.ndarray:
    """Return the optimal logits: `log p_data(x, k) - log p_g(x)`.

    Args:
        log_p_data: `[..., classes]`, log density or log probability of a point and its class, -inf
            where there is none.
        log_p_g: `[...]`, that of the point among samples.

    Returns:
        float64 `[..., classes]`; NaN where both are -inf: every logit is optimal there.

    Raises:
        ValueError: NaN, inf, or shapes that do not fit.

    Example:
        ```python
        log_p_data = np.log([[0.4, 0.1]])  # a point of two classes
        kgan.theory.few_labels.optimal_class_logits(log_p_data, np.log([0.1]))  # [[1.3863, 0.0]]
        ```
    """
    log_p_data = checks.within("log_p_data", log_p_data, -math.inf, HIGHEST)
    log_p_g = checks.within("log_p_g", log_p_g, -math.inf, HIGHEST)
    checks.same_shape("log_p_g", log_p_g, "log_p_data without classes", log_p_data[..., 0])
    with np.errstate(invalid="ignore"):
        return log_p_data - log_p_g[..., None]


def probabilities_with_samples(logits: npt.ArrayLike) -> np.ndarray:
    """Return the softmax of class logits and of 0, the logit of samples.

    Args:
        logits: `[..., classes]`.

    Returns:
        float64 `[..., classes + 1]`; the last one is 1 - D(x).

    Raises:
        ValueError: logits that are not finite.

    Example:
        ```python
        kgan.theory.few_labels.probabilities_with_samples([0.0, 0.0])  # [0.3333, 0.3333, 0.3333]
        ```
    """
    logits = checks.finite("logits", logits)
    return np.exp(log_softmax(_with_samples(logits), axis=-1))


def class_game_loss(
    logits: npt.ArrayLike,
    p_data: npt.ArrayLike,
    p_g: npt.ArrayLike,
    adversarial_weight: float = 1.0,
    supervised_weight: float = 1.0,
) -> float:
    """Return the loss L of D in a game on a finite set of points, in nats.

    Args:
        logits: `[points, classes]`.
        p_data: `[points, classes]`, probabilities of a point and its class; they sum to 1.
        p_g: `[points]`, probabilities of the samples.
        adversarial_weight: w_a.
        supervised_weight: w_s.

    Raises:
        ValueError: numbers that are not finite, no probabilities, or shapes that do not fit.

    Example:
        ```python
        p_data = [[0.5, 0.0], [0.0, 0.5]]
        kgan.theory.few_labels.class_game_loss(np.zeros((2, 2)), p_data, [0.5, 0.5])  # 2.1972
        ```
    """
    logits = checks.finite("logits", logits, ndim=2)
    p_data = checks.finite("p_data", p_data, ndim=2)
    checks.same_shape("logits", logits, "p_data", p_data)
    checks.probabilities("p_data", p_data.reshape(-1))
    value = game_value(logsumexp(logits, axis=-1), p_data.sum(axis=-1), p_g)
    cross_entropy = -(p_data * log_softmax(logits, axis=-1)).sum()
    return float(-adversarial_weight * value + supervised_weight * cross_entropy)


def _with_samples(logits: np.ndarray) -> np.ndarray:
    return np.concatenate([logits, np.zeros_like(logits[..., :1])], axis=-1)
