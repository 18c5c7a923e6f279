"""The classifier score: the Inception score's formula, for any classifier."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import rel_entr

__all__ = ["classifier_score"]


def classifier_score(probabilities: Any, splits: int = 10) -> tuple[float, float]:
    """The formula of the Inception score, on the probabilities of any classifier.

        exp( E_x KL(p(y | x) || p(y)) )

    (Salimans et al. 2016, arXiv 1606.03498, section 4), for each of `splits` consecutive parts of
    the samples, with p(y) the mean over that part. From 1 to the number of classes; higher where
    the classifier is sure of each sample and finds all classes equally often. It is the Inception
    score only if the network is Inception; scores of other networks are to be compared with that
    of data, under the same network and number of samples, and with nothing else.

    Args:
        probabilities: `[n, num_classes]`, in an order that does not depend on the classes.
        splits: how many parts, at most n.

    Returns:
        Mean and standard deviation over the parts.

    Raises:
        ValueError: rows that are not probabilities, or fewer rows than parts.
    """
    p = np.asarray(probabilities, np.float64)
    if p.ndim != 2 or not len(p) or not (p >= 0).all() or not (abs(p.sum(1) - 1) < 1e-3).all():
        raise ValueError(
            "Invalid value for argument `probabilities`: expected rows [n, num_classes] that are "
            f"not negative and sum to 1, received shape {p.shape}. Apply a softmax to logits."
        )
    if isinstance(splits, bool) or not isinstance(splits, int) or not 1 <= splits <= len(p):
        raise ValueError(
            f"Invalid value for argument `splits`: expected an integer from 1 to {len(p)}, the "
            f"number of samples, received {splits!r}."
        )
    parts = np.array_split(p, splits)
    scores = [np.exp(rel_entr(part, part.mean(0)).sum(1).mean()) for part in parts]
    return float(np.mean(scores)), float(np.std(scores))
