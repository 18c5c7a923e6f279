"""The Dirac-GAN: a game with one weight per player, where training circles, diverges or converges.

All data are zero, G is one point theta, and D(x) = sigmoid(psi x) has one weight (Mescheder,
Geiger and Nowozin 2018, arXiv 1801.04406, section 2). In kgan's convention, where D is large on
data, the value function (Goodfellow et al. 2014, eq. 1) is

    V(theta, psi) = log D(0) + log(1 - D(theta)) = f(0) + f(-psi theta),  f(t) = -log(1 + exp(-t)).

The paper's D is large on samples instead, so its psi has the opposite sign. The only equilibrium
is (theta, psi) = (0, 0): G's point equals the data and D(x) = 1/2. A point of the plane is an array
`[..., 2]` that holds (theta, psi); leading axes are independent games.

The vector field of the players is

    d theta / dt = -dV / dtheta =  psi sigmoid(psi theta),
    d psi / dt   =  dV / dpsi   = -theta sigmoid(psi theta),

a rotation about the equilibrium: theta^2 + psi^2 is constant. A step along the tangent of a circle
leaves it, so simultaneous play diverges at any learning rate. In alternating play the paths near
the equilibrium are closed ellipses. With a gradient penalty play converges to (0, 0).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.integrate import solve_ivp
from scipy.special import expit

from kgan.theory import checks
from kgan.utils.checks import number, one_of, positive_integer

__all__ = ["LOSSES", "DiracGAN", "spectral_radius"]

LOSSES = ("minimax", "non_saturating", "wasserstein")

Step = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]  # of (theta, psi)


@dataclasses.dataclass(frozen=True)
class DiracGAN:
    """The Dirac-GAN with a loss and a gradient penalty.

    Attributes:
        loss: the loss of G: `"minimax"` V itself; `"non_saturating"` -log D(theta), while D
            ascends V; `"wasserstein"` the game with f(t) = t, which is linear.
        penalty: gamma of the penalty R1 on D: gamma / 2 times the mean over data of the squared
            gradient of the logit (section 4.1 of the paper). The gradient is psi at every x, so
            R2, the same penalty over samples, has the same value here.

    Raises:
        ValueError: the loss is unknown, or the penalty is negative.

    Example:
        ```python
        kgan.theory.dirac.DiracGAN("minimax", penalty=1.0).eigenvalues()  # [-0.5, -0.5]
        ```
    """

    loss: str = "minimax"
    penalty: float = 0.0

    def __post_init__(self) -> None:
        one_of("loss", self.loss, LOSSES)
        number("penalty", self.penalty, 0)

    def value(self, point: npt.ArrayLike) -> np.ndarray:
        """Return V(theta, psi) without the penalty, in nats, `[...]`, at points `[..., 2]`."""
        theta, psi = _coordinates("point", point)
        if self.loss == "wasserstein":
            return -psi * theta
        return -np.log(2) - np.logaddexp(0, psi * theta)

    def field(self, point: npt.ArrayLike) -> np.ndarray:
        """Return the vector field of both players, `[..., 2]`, at points `[..., 2]`."""
        return self._field(*_coordinates("point", point))

    def _field(self, theta: np.ndarray, psi: np.ndarray) -> np.ndarray:
        logit = psi * theta
        by_d = np.ones_like(logit) if self.loss == "wasserstein" else expit(logit)
        by_g = expit(-logit) if self.loss == "non_saturating" else by_d
        return np.stack([psi * by_g, -theta * by_d - self.penalty * psi], axis=-1)

    def jacobian(self) -> np.ndarray:
        """Return the Jacobian of the field at the equilibrium: `[[0, s], [-s, -penalty]]`.

        s is f'(0): 1/2, or 1 for the Wasserstein game.
        """
        s = 1.0 if self.loss == "wasserstein" else 0.5
        return np.array([[0.0, s], [-s, -self.penalty]])

    def eigenvalues(self) -> np.ndarray:
        """Return the eigenvalues of `jacobian`, in closed form (sections 2 and 3 of the paper).

        They are -gamma/2 +- sqrt(gamma^2/4 - s^2). Without a penalty they are +-i s: the flow keeps
        its distance from the equilibrium. Convergence is fastest at gamma = 2 s, where the square
        root is zero.

        Returns:
            complex128 `[2]`.
        """
        s = self.jacobian()[0, 1]
        root = np.sqrt(complex(self.penalty**2 / 4 - s**2))
        return np.array([-self.penalty / 2 + root, -self.penalty / 2 - root])

    def flow(self, start: npt.ArrayLike, times: npt.ArrayLike) -> np.ndarray:
        """Integrate the vector field in continuous time.

        Without a penalty the minimax game keeps its distance r from the equilibrium. In the
        non-saturating game r decreases as 1/sqrt(t): near the equilibrium the mean of d(r^2)/dt
        over a turn is -r^4/8.

        Args:
            start: `[..., 2]`, at time 0.
            times: `[times]`, increasing, none before 0 and the last after it.

        Returns:
            float64 `[times, ..., 2]`, with about eight correct digits.

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

    def simultaneous(self, start: npt.ArrayLike, steps: int, learning_rate: float) -> np.ndarray:
        """Update both players at once, from the same point.

        Without a penalty the squared distance to the equilibrium grows in every step, by the factor
        1 + h^2 sigmoid(psi theta)^2 in the minimax game: play diverges at any learning rate h. The
        non-saturating game ends on a circle of radius sqrt(2 h) for small h, where the growth h^2/4
        per step and the decrease of `flow` cancel.

        Args:
            start: `[..., 2]`.
            steps: number of steps.
            learning_rate: h, of both players.

        Returns:
            float64 `[steps + 1, ..., 2]`, the start first.

        Raises:
            ValueError: `start` is no point, or a setting is out of range.
        """
        h = number("learning_rate", learning_rate, 0)

        def step(theta: np.ndarray, psi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            update = h * self._field(theta, psi)
            return theta + update[..., 0], psi + update[..., 1]

        return _path(step, start, steps)

    def alternating(
        self, start: npt.ArrayLike, steps: int, learning_rate: float, discriminator_steps: int = 1
    ) -> np.ndarray:
        """Play Algorithm 1 (2014): each step is k updates of D, then one of G.

        Args:
            start: `[..., 2]`.
            steps: number of steps.
            learning_rate: h, of both players.
            discriminator_steps: k.

        Returns:
            float64 `[steps + 1, ..., 2]`, the start first, then the point after each step.

        Raises:
            ValueError: `start` is no point, or a setting is out of range.
        """
        h = number("learning_rate", learning_rate, 0)
        k = positive_integer("discriminator_steps", discriminator_steps)

        def step(theta: np.ndarray, psi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            for _ in range(k):
                psi = psi + h * self._field(theta, psi)[..., 1]
            return theta + h * self._field(theta, psi)[..., 0], psi

        return _path(step, start, steps)

    def simultaneous_jacobian(self, learning_rate: float) -> np.ndarray:
        """Return the Jacobian `[2, 2]` of a simultaneous step at the equilibrium: I + h `jacobian`.

        Its eigenvalues are 1 + h lambda. Without a penalty their modulus is sqrt(1 + h^2 s^2) > 1.
        While they are complex it is sqrt(1 - h gamma + h^2 s^2), less than 1 for gamma > h s^2.
        """
        return np.eye(2) + number("learning_rate", learning_rate, 0) * self.jacobian()

    def alternating_jacobian(
        self, learning_rate: float, discriminator_steps: int = 1
    ) -> np.ndarray:
        """Return the Jacobian `[2, 2]` of one step of Algorithm 1 at the equilibrium.

        It is the product of those of G's update and of D's k updates. Its determinant is
        (1 - h gamma)^k. Without a penalty both eigenvalues lie on the unit circle while
        k h^2 s^2 <= 4: play circles. With a penalty and h gamma < 1 their modulus, while they are
        complex, is (1 - h gamma)^(k/2) < 1: play converges.
        """
        step = number("learning_rate", learning_rate, 0) * self.jacobian()
        k = positive_integer("discriminator_steps", discriminator_steps)
        generator = np.eye(2) + step * [[1], [0]]
        discriminator = np.eye(2) + step * [[0], [1]]
        return generator @ np.linalg.matrix_power(discriminator, k)


def spectral_radius(matrix: npt.ArrayLike) -> float:
    """Return the largest modulus of an eigenvalue of a square matrix `[n, n]`.

    For the Jacobian of a step at a fixed point it is the long-run factor per step of the distance
    to that point: play converges below 1 and diverges above 1.

    Raises:
        ValueError: the matrix is not square or not finite.

    Example:
        ```python
        kgan.theory.dirac.spectral_radius([[0.0, 1.0], [-1.0, 0.0]])  # 1.0
        ```
    """
    matrix = checks.finite("matrix", matrix, 2)
    if matrix.shape[0] != matrix.shape[1]:
        raise ValueError(
            "Invalid value for argument `matrix`: expected a square matrix, "
            f"received shape {matrix.shape}."
        )
    return float(np.abs(np.linalg.eigvals(matrix)).max())


def _coordinates(name: str, point: npt.ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    point = checks.finite(name, point)
    if point.ndim < 1 or point.shape[-1] != 2:
        raise ValueError(
            f"Invalid value for argument `{name}`: expected (theta, psi) along the last axis, "
            f"received shape {point.shape}."
        )
    return point[..., 0], point[..., 1]


def _path(step: Step, start: npt.ArrayLike, steps: int) -> np.ndarray:
    """Return the points after 0, 1, ... `steps` steps, `[steps + 1, ..., 2]`."""
    points = [_coordinates("start", start)]
    for _ in range(positive_integer("steps", steps)):
        points.append(step(*points[-1]))
    return np.stack([np.stack(point, axis=-1) for point in points])
