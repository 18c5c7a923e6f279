"""The latents of samples: truncated ones, and closed loops for animations."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.special

from kgan.priors import Normal, Prior

LATENTS = 4  # that a loop passes through
FRAMES = 20  # from one of them to the next: a second


def check_truncation(truncation: float | None, prior: Prior) -> None:
    """Check that a prior can be truncated.

    Raises:
        ValueError: it is not normal.
    """
    if truncation is not None and not isinstance(prior, Normal):
        raise ValueError(
            f"--truncation={truncation:g}: expected latents of a normal prior, received those of "
            f"{type(prior).__name__}. Leave it out."
        )


def truncated(latents: npt.ArrayLike, limit: float | None) -> np.ndarray:
    """Map standard normal coordinates to the normal distribution truncated to [-limit, limit].

        z' = F^-1(F(-t) + (F(t) - F(-t)) F(z)),    t the limit, F the normal distribution function

    has the distribution of the truncation trick of Brock, Donahue & Simonyan (2019, arXiv
    1809.11096, section 3.1), who draw each coordinate again until it lies within. The map is
    monotone, so a seed keeps its samples and a path stays a path.

    Args:
        latents: `[..., dim]`.
        limit: above 0; None for no truncation.

    Returns:
        float32 `[..., dim]`.
    """
    z = np.asarray(latents, np.float32)
    if limit is None:
        return z
    wide = z.astype(np.float64)
    tail = scipy.special.ndtr(-limit)
    # On the lower half, where float64 resolves small shares.
    share = tail + (1 - 2 * tail) * scipy.special.ndtr(-np.abs(wide))
    return np.clip(-np.sign(wide) * scipy.special.ndtri(share), -limit, limit).astype(np.float32)


def loops(prior: Prior, count: int, seed: int) -> np.ndarray:
    """Return latents along closed loops, each from one of the samples of the seed.

    A loop passes through `LATENTS` draws, by the path that the prior takes between two.

    Args:
        prior: distribution of the latents.
        count: number of loops.
        seed: the loops begin at `prior.sample(count, seed)`.

    Returns:
        float32 `[LATENTS * FRAMES, count, dim]`.
    """
    stops = np.asarray(prior.sample(LATENTS * count, seed)).reshape(LATENTS, count, -1)
    legs = [
        np.stack(
            [prior.interpolate(*ends, FRAMES + 1) for ends in zip(start, end, strict=True)], axis=1
        )
        for start, end in zip(stops, np.roll(stops, -1, axis=0), strict=True)
    ]
    return np.concatenate([leg[:-1] for leg in legs])
