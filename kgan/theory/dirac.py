"""The Dirac-GAN: the smallest game that shows why GAN training circles, diverges or converges.

Data are all zero, G is one point theta, and D(x) = sigmoid(psi x) has one weight (Mescheder,
Geiger and Nowozin 2018, arXiv 1801.04406, section 2). In the notation of this library, where D is
large on data, the value function (Goodfellow et al. 2014, eq. 1) is

    V(theta, psi) = log D(0) + log(1 - D(theta)) = f(0) + f(-psi theta),  f(t) = -log(1 + exp(-t)).

The paper's D is large on samples instead, so that its psi is minus ours. The one equilibrium is
(theta, psi) = (0, 0): G's point lies on the data and D(x) = 1/2. A point of the plane is an array
`[..., 2]` that holds (theta, psi), so that many games are played at once.

Both gradients of V have the slope sigmoid(psi theta), and the players' vector field is

    d theta / dt = -dV / dtheta =  psi sigmoid(psi theta),
    d psi / dt   =  dV / dpsi   = -theta sigmoid(psi theta),

a rotation about the equilibrium: theta^2 + psi^2 stays what it was. A step along the tangent of
a circle leaves it, so simultaneous play diverges at any learning rate. When D moves first, the
paths near the equilibrium close to ellipses. A gradient penalty is friction: it ends in (0, 0).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp
from scipy.special import expit

from . import checks

__all__ = ["LOSSES", "DiracGAN", "spectral_radius"]

LOSSES = ("minimax", "non_saturating", "wasserstein")


@dataclasses.dataclass(frozen=True)
class DiracGAN:
    """The game, and the ways in which its players may move.

    Attributes:
        loss: what G descends: `"minimax"` V itself; `"non_saturating"` -log D(theta), while D
            ascends V; `"wasserstein"` the game with f(t) = t, which is linear.
        penalty: gamma of the gradient penalty R1, gamma / 2 times the mean square over data of the
            logit's gradient (section 4.1 of the paper), which D pays. That gradient is psi at any
            x, so R2, the same penalty over samples, is the same number here.

    Raises:
        ValueError: the loss is not known, or the penalty is negative.
    """

    loss: str = "minimax"
    penalty: float = 0.0

    def __post_init__(self) -> None:
        checks.one_of("loss", self.loss, LOSSES)
        checks.not_negative("penalty", self.penalty)

    def value(self, point: Any) -> np.ndarray:
        """V(theta, psi) in nats, penalty not included; `[...]` from points `[..., 2]`."""
        theta, psi = _coordinates("point", point)
        if self.loss == "wasserstein":
            return -psi * theta
        return -np.log(2) - np.logaddexp(0, psi * theta)

    def field(self, point: Any) -> np.ndarray:
        """The direction in which both players move, `[..., 2]`, at points `[..., 2]`."""
        return self._field(*_coordinates("point", point))

    def _field(self, theta: np.ndarray, psi: np.ndarray) -> np.ndarray:
        logit = psi * theta
        slope = np.ones_like(logit) if self.loss == "wasserstein" else expit(logit)
        generator_slope = expit(-logit) if self.loss == "non_saturating" else slope
        return np.stack([psi * generator_slope, -theta * slope - self.penalty * psi], axis=-1)

    def jacobian(self) -> np.ndarray:
        """Derivative of the field at the equilibrium: `[[0, s], [-s, -penalty]]`.

        s is f'(0): 1/2, or 1 for the Wasserstein game.
        """
        s = 1.0 if self.loss == "wasserstein" else 0.5
        return np.array([[0.0, s], [-s, -self.penalty]])

    def eigenvalues(self) -> np.ndarray:
        """Eigenvalues of `jacobian`, in closed form (sections 2 and 3 of the paper).

        They are -gamma/2 +- sqrt(gamma^2/4 - s^2): +-i s without a penalty, so that time alone
        neither brings the players to the equilibrium nor away from it. The real part of the slower
        one is lowest at gamma = 2 s, where the square root is zero.

        Returns:
            complex128 `[2]`.
        """
        s = self.jacobian()[0, 1]
        root = np.sqrt(complex(self.penalty**2 / 4 - s**2))
        return np.array([-self.penalty / 2 + root, -self.penalty / 2 - root])

    def flow(self, start: Any, times: Any) -> np.ndarray:
        """Play in continuous time, both players at once.

        Minimax without a penalty keeps its distance r from the equilibrium. The non-saturating game
        loses it, but slowly: near the equilibrium the mean of d(r^2)/dt over a turn is -r^4/8, so
        that r falls as 1/sqrt(t).

        Args:
            start: `[..., 2]`, at time 0.
            times: `[times]`, increasing, none before 0 and the last after it.

        Returns:
            float64 `[times, ..., 2]`, right to about eight digits.

        Raises:
            ValueError: `start` is no point, or `times` are not such times.
        """
        start = np.stack(_coordinates("start", start), axis=-1)
        times = checks.finite("times", times, 1)
        if times[0] < 0 or times[-1] <= 0 or (np.diff(times) <= 0).any():
            raise ValueError(
                "Invalid value for argument `times`: expected increasing times, none before 0 and "
                f"the last after it, received {times}."
            )

        def velocity(_: float, flat: np.ndarray) -> np.ndarray:
            points = flat.reshape(start.shape)
            return self._field(points[..., 0], points[..., 1]).ravel()

        solved = solve_ivp(
            velocity,
            (0, times[-1]),
            start.ravel(),
            method="DOP853",
            t_eval=times,
            rtol=1e-10,
            atol=1e-13,
        )
        return solved.y.T.reshape(-1, *start.shape)

    def simultaneous(self, start: Any, steps: int, learning_rate: float) -> np.ndarray:
        """Both players step at once, from the same point.

        Without a penalty the squared distance to the equilibrium grows in every step, by the factor
        1 + h^2 sigmoid(psi theta)^2 in the minimax game: play diverges at any learning rate h. The
        non-saturating game, whose flow falls inward, ends on a circle of radius sqrt(2 h) for small
        h, where the growth h^2/4 per round and the fall of `flow` cancel.

        Args:
            start: `[..., 2]`.
            steps: rounds to play.
            learning_rate: h, of both players.

        Returns:
            float64 `[steps + 1, ..., 2]`, the start first.

        Raises:
            ValueError: `start` is no point, or a setting is out of range.
        """
        h = checks.not_negative("learning_rate", learning_rate)

        def round_(theta: np.ndarray, psi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            step = h * self._field(theta, psi)
            return theta + step[..., 0], psi + step[..., 1]

        return _played(round_, start, steps)

    def alternating(
        self, start: Any, steps: int, learning_rate: float, discriminator_steps: int = 1
    ) -> np.ndarray:
        """Algorithm 1 (2014): D steps k times, then G once, each from where the other stands.

        Args:
            start: `[..., 2]`.
            steps: rounds to play.
            learning_rate: h, of both players.
            discriminator_steps: k.

        Returns:
            float64 `[steps + 1, ..., 2]`, the start first, then the point after each round.

        Raises:
            ValueError: `start` is no point, or a setting is out of range.
        """
        h = checks.not_negative("learning_rate", learning_rate)
        k = checks.positive_integer("discriminator_steps", discriminator_steps)

        def round_(theta: np.ndarray, psi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            for _ in range(k):
                psi = psi + h * self._field(theta, psi)[..., 1]
            return theta + h * self._field(theta, psi)[..., 0], psi

        return _played(round_, start, steps)

    def simultaneous_jacobian(self, learning_rate: float) -> np.ndarray:
        """Derivative `[2, 2]` of one simultaneous round at the equilibrium: I + h `jacobian`.

        Its eigenvalues are 1 + h lambda. Without a penalty their modulus is sqrt(1 + h^2 s^2) > 1;
        while they are complex it is sqrt(1 - h gamma + h^2 s^2), less than 1 once gamma > h s^2.
        """
        return np.eye(2) + checks.not_negative("learning_rate", learning_rate) * self.jacobian()

    def alternating_jacobian(
        self, learning_rate: float, discriminator_steps: int = 1
    ) -> np.ndarray:
        """Derivative `[2, 2]` of one round of Algorithm 1 at the equilibrium.

        It is the product of G's step and k of D's. Its determinant is (1 - h gamma)^k. Without
        a penalty both eigenvalues lie on the unit circle while k h^2 s^2 <= 4: play circles. With
        one, h gamma < 1, and while they are complex, their modulus is (1 - h gamma)^(k/2) < 1: play
        converges.
        """
        step = checks.not_negative("learning_rate", learning_rate) * self.jacobian()
        k = checks.positive_integer("discriminator_steps", discriminator_steps)
        generator = np.eye(2) + step * [[1], [0]]
        discriminator = np.eye(2) + step * [[0], [1]]
        return generator @ np.linalg.matrix_power(discriminator, k)


def spectral_radius(matrix: Any) -> float:
    """Largest modulus of an eigenvalue of a square matrix `[n, n]`.

    Near a fixed point it is the factor by which a step makes the distance larger or smaller in the
    long run: play converges where it is less than 1 and diverges where it is more.

    Raises:
        ValueError: the matrix is not square or not finite.
    """
    matrix = checks.finite("matrix", matrix, 2)
    if matrix.shape[0] != matrix.shape[1]:
        raise ValueError(
            "Invalid value for argument `matrix`: expected a square matrix, "
            f"received shape {matrix.shape}."
        )
    return float(np.abs(np.linalg.eigvals(matrix)).max())


def _coordinates(name: str, point: Any) -> tuple[np.ndarray, np.ndarray]:
    point = checks.finite(name, point)
    if point.ndim < 1 or point.shape[-1] != 2:
        raise ValueError(
            f"Invalid value for argument `{name}`: expected (theta, psi) along the last axis, "
            f"received shape {point.shape}."
        )
    return point[..., 0], point[..., 1]


def _played(
    round_: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]],
    start: Any,
    steps: int,
) -> np.ndarray:
    """The points after 0, 1, ... `steps` rounds."""
    points = [_coordinates("start", start)]
    for _ in range(checks.positive_integer("steps", steps)):
        points.append(round_(*points[-1]))
    return np.stack([np.stack(point, axis=-1) for point in points])
