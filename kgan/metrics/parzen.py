"""Parzen-window log-likelihood, the figure of 2014, beside the controls that show its limits."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from sklearn.cluster import KMeans

from kgan.metrics import checks

__all__ = [
    "SIGMAS",
    "ParzenEstimate",
    "choose_sigma",
    "parzen_estimate",
    "parzen_log_likelihood",
    "parzen_table",
]

SIGMAS = tuple(np.logspace(-1, 0, 10).tolist())
_BLOCK = 1 << 21  # distances of one block: 16 MiB in float64
_ROUNDS = 5  # of k-means; ten would add 1.2 nats to the control on MNIST


@dataclasses.dataclass(frozen=True)
class ParzenEstimate:
    """The outcome of the protocol of 2014.

    Attributes:
        mean: mean log-likelihood of the test examples, in nats.
        standard_error: of that mean, over the test examples; not over trainings, nor over samples.
        sigma: the window that `validation` chose. At either end of the grid, the grid did not
            hold the best one.
        num_samples: how many windows.
        num_test: how many test examples.
    """

    mean: float
    standard_error: float
    sigma: float
    num_samples: int
    num_test: int


def parzen_log_likelihood(test: Any, samples: Any, sigma: Any) -> np.ndarray:
    """Log-density at `test` of a mixture of equal Gaussian windows, one on each of the samples.

        log p(x) = log mean_i exp(-||x - s_i||^2 / (2 sigma^2)) - d/2 log(2 pi sigma^2)

    (Breuleux, Bengio & Vincent 2011; Goodfellow et al. 2014, section 5.) It is a density: it
    depends on the unit of the pixels (published figures of MNIST have them in [0, 1]) and has no
    upper bound.

    Args:
        test: `[n, d]`.
        samples: `[m, d]`.
        sigma: standard deviation of the windows, or several, which share one pass of distances.

    Returns:
        float64 `[n]` in nats, or `[n, sigmas]`.

    Raises:
        ValueError: an array is not finite or not `[n, d]`, or a sigma is not positive.
    """
    test, samples = checks.samples("test", test), checks.samples("samples", samples)
    checks.same_width("samples", samples, "test", test)
    sigmas = _positive("sigma", sigma)
    shift = samples.mean(axis=0, dtype=np.float64)
    centres = samples - shift
    norms = np.einsum("ij,ij->i", centres, centres)
    rows = max(1, _BLOCK // len(centres))
    blocks = [
        _log_density(test[start : start + rows] - shift, centres, norms, sigmas)
        for start in range(0, len(test), rows)
    ]
    densities = np.concatenate(blocks)
    return densities if np.ndim(sigma) else densities[:, 0]


def choose_sigma(validation: Any, samples: Any, sigmas: Any = SIGMAS) -> float:
    """The one of `sigmas` with the highest mean log-likelihood on `validation`.

    Args:
        validation: `[n, d]`, disjoint from what the samples were made of: a copy among them
            pulls sigma towards 0.
        samples: `[m, d]`.
        sigmas: the candidates; by default 10 from 0.1 to 1 with equal ratios.

    Returns:
        The sigma.
    """
    samples = checks.samples("samples", samples)
    validation = checks.samples("validation", validation)
    checks.same_width("samples", samples, "validation", validation)
    sigmas = _positive("sigmas", sigmas)
    means = parzen_log_likelihood(validation, samples, sigmas).mean(axis=0)
    return float(sigmas[means.argmax()])


def parzen_estimate(
    samples: Any, validation: Any, test: Any, sigmas: Any = SIGMAS
) -> ParzenEstimate:
    """The protocol of 2014: sigma from `validation`, mean and standard error over `test`.

    Published figures of MNIST come from 10,000 samples, 1,000 validation images and the 10,000
    test images with pixels in [0, 1] (Goodfellow et al. 2014, Table 1: 225 +- 2). In so many
    dimensions the figure says little of a generator, and can be gamed (Theis et al. 2016): print
    the controls of `parzen_table` beside it.

    Args:
        samples: `[m, d]`, of the generator.
        validation: `[n, d]`, which choose sigma.
        test: `[n, d]`, at least 2, which are judged.
        sigmas: the candidates.

    Returns:
        A `ParzenEstimate`.
    """
    test = checks.samples("test", test, 2)
    sigma = choose_sigma(validation, samples, sigmas)
    values = parzen_log_likelihood(test, samples, sigma)
    error = values.std(ddof=1) / np.sqrt(len(values))
    return ParzenEstimate(float(values.mean()), float(error), sigma, len(samples), len(values))


def parzen_table(
    samples: Any, training: Any, validation: Any, test: Any, sigmas: Any = SIGMAS, seed: int = 0
) -> dict[str, ParzenEstimate]:
    """`parzen_estimate` of the samples and of two controls, which need no generator.

    Beside 10,000 real images of MNIST, which get 243, a mere 1,000 k-means centroids of them get
    283: blurred means lie nearer to test images than other images do. So a figure above the real
    images' is no praise.

    Args:
        samples: `[m, d]`, of the generator.
        training: `[n, d]`, what it was trained on, disjoint from `validation` and `test`.
        validation: `[n, d]`, which choose each row's sigma.
        test: `[n, d]`, at least 2, which are judged.
        sigmas: the candidates.
        seed: draws the training images and the start of k-means.

    Returns:
        Estimates by name: "samples", "training images" (m of them, or all where they are fewer)
        and "k-means centroids" (of all training images, a tenth as many as the second row).
    """
    samples, training = checks.samples("samples", samples), checks.samples("training", training)
    number = min(len(samples), len(training))
    chosen = np.random.default_rng(seed).choice(len(training), number, replace=False)
    rows = {
        "samples": samples,
        "training images": training[chosen],
        "k-means centroids": _centroids(training, max(1, number // 10), seed),
    }
    return {name: parzen_estimate(row, validation, test, sigmas) for name, row in rows.items()}


def _centroids(training: np.ndarray, number: int, seed: int) -> np.ndarray:
    means = KMeans(number, init="random", n_init=1, max_iter=_ROUNDS, random_state=seed)
    return means.fit(training).cluster_centers_


def _positive(name: str, sigmas: Any) -> np.ndarray:
    values = np.atleast_1d(np.asarray(sigmas, dtype=np.float64))
    if values.ndim != 1 or not values.size or not np.all((values > 0) & np.isfinite(values)):
        raise ValueError(
            f"Invalid value for argument `{name}`: expected positive numbers, received {sigmas!r}."
        )
    return values


def _log_density(
    x: np.ndarray, centres: np.ndarray, norms: np.ndarray, sigmas: np.ndarray
) -> np.ndarray:
    """`[rows, sigmas]` of a block.

    The nearest sample's window is taken out of the sum, once for all sigmas, in float64. The
    others are compared with it, so that no sum underflows, and float32 is enough for them.
    """
    distances = norms - 2 * (x @ centres.T)  # without ||x||^2, which a row has in common
    least = distances.min(axis=1)
    further = (distances - least[:, None]).astype(np.float32)
    least += np.einsum("ij,ij->i", x, x)
    result = np.empty((len(x), len(sigmas)))
    for column, sigma in enumerate(sigmas):
        precision = 1 / (2 * sigma**2)
        relative = np.exp(further * np.float32(-precision)).mean(axis=1, dtype=np.float64)
        volume = x.shape[1] / 2 * np.log(2 * np.pi * sigma**2)
        result[:, column] = np.log(relative) - precision * least - volume
    return result
