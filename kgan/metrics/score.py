"""The classifier score: the formula of the Inception score, for any classifier."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import rel_entr

from kgan.utils.checks import integer

__all__ = ["classifier_score"]


def classifier_score(probabilities: npt.ArrayLike, splits: int = 10) -> tuple[float, float]:
    """Return the Inception score's formula on the probabilities of any classifier.

        exp( E_x KL(p(y | x) || p(y)) )

    (Salimans et al. 2016, arXiv 1606.03498, section 4), for each of `splits` consecutive parts of
    the samples, with p(y) the mean over that part. It ranges from 1 to the number of classes, and
    is high if the classifier is certain of each sample and the classes are equally frequent. Only
    with the Inception network is it the Inception score. Compare values of one network and one
    number of samples, beside that of real data.

    Args:
        probabilities: `[n, num_classes]`, in an order that does not depend on the classes.
        splits: number of parts, at most n.

    Returns:
        Mean and standard deviation over the parts.

    Raises:
        ValueError: rows that are not probabilities, or fewer rows than parts.

    Example:
        ```python
        kgan.metrics.classifier_score(np.tile(np.eye(3), (10, 1)), splits=2)  # (3.0, 0.0)
        ```
    """
    p = np.asarray(probabilities, np.float64)
    if p.ndim != 2 or not len(p) or not (p >= 0).all() or not (abs(p.sum(1) - 1) < 1e-3).all():
        raise ValueError(
            "Invalid value for argument `probabilities`: expected rows [n, num_classes] that are "
            f"not negative and sum to 1, received shape {p.shape}. Apply a softmax to logits."
        )
    splits = integer("splits", splits, 1, len(p), "Each part needs a sample.")
    parts = np.array_split(p, splits)
    scores = [np.exp(rel_entr(part, part.mean(0)).sum(1).mean()) for part in parts]
    return float(np.mean(scores)), float(np.std(scores))
