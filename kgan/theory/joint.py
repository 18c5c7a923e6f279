"""The game of a BiGAN on finite sets, where G and E are tables (Donahue et al. 2017).

arXiv 1605.09782, section 3. D sees pairs of an outcome x and a latent z. They come from the data
and the encoder, or from the prior and the generator:

    p_EX(x, z) = p_data(x) p_E(z | x),        p_GZ(x, z) = p_z(z) p_G(x | z).

For the best D, V is a criterion of the two joint distributions,

    C(E, G) = -log 4 + 2 JSD(p_EX || p_GZ)                                (proposition 2),

least where they are equal. Then the marginals are p_data and p_z, and if E and G are deterministic
they invert each other, E(G(z)) = z and G(E(x)) = x wherever there is mass (theorem 2).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kgan.theory import checks
from kgan.theory.value import criterion

__all__ = ["joint_criterion", "joints"]


def joints(
    p_data: npt.ArrayLike, encoder: npt.ArrayLike, prior: npt.ArrayLike, generator: npt.ArrayLike
) -> tuple[np.ndarray, np.ndarray]:
    """Return the joint distributions of data with their latents and of samples with theirs.

    Args:
        p_data: probabilities of the outcomes, `[outcomes]`.
        encoder: p_E(z | x), `[outcomes, latents]`; a deterministic encoder has rows of one 1.
        prior: p_z, `[latents]`.
        generator: p_G(x | z), `[latents, outcomes]`.

    Returns:
        p_EX and p_GZ, each float64 `[outcomes, latents]`.

    Raises:
        ValueError: rows that are no probabilities, or shapes that do not fit each other.

    Example:
        ```python
        identity = np.eye(2)
        of_data, of_samples = kgan.theory.joints([0.5, 0.5], identity, [0.25, 0.75], identity)
        of_samples  # [[0.25, 0.0], [0.0, 0.75]]
        ```
    """
    p_data, prior = (
        checks.probabilities(name, value) for name, value in (("p_data", p_data), ("prior", prior))
    )
    expected = (*p_data.shape, *prior.shape)
    tables = []
    for name, value, shape in (
        ("encoder", encoder, expected),
        ("generator", generator, expected[::-1]),
    ):
        table = checks.probabilities(name, value)
        if table.shape != shape or len(expected) != 2:
            raise ValueError(
                f"Invalid value for argument `{name}`: expected shape {shape} for p_data of shape "
                f"{p_data.shape} and a prior of shape {prior.shape}, vectors both, received shape "
                f"{table.shape}."
            )
        tables.append(table)
    return p_data[:, np.newaxis] * tables[0], (prior[:, np.newaxis] * tables[1]).T


def joint_criterion(
    p_data: npt.ArrayLike, encoder: npt.ArrayLike, prior: npt.ArrayLike, generator: npt.ArrayLike
) -> float:
    """Return C(E, G), the value of the game at the best D of pairs (arXiv 1605.09782, section 3).

    It is computed as V at D*, without the Jensen-Shannon divergence, so the two can be compared.

    Args:
        p_data: as for `joints`.
        encoder: likewise.
        prior: likewise.
        generator: likewise.

    Returns:
        In [-log 4, 0], up to rounding; -log 4 where the joint distributions are equal.

    Raises:
        ValueError: as `joints`.

    Example:
        ```python
        identity = np.eye(2)
        kgan.theory.joint_criterion([0.5, 0.5], identity, [0.5, 0.5], identity)  # -1.3863
        ```
    """
    data, samples = joints(p_data, encoder, prior, generator)
    return float(criterion(data.reshape(-1), samples.reshape(-1)))
