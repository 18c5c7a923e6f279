"""The value of a zero-sum game, and optimal strategies, by linear programming."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.optimize import linprog

from kgan.theory.games import MatrixGame, distribution

__all__ = ["Solution", "solve"]


class Solution(NamedTuple):
    """The solution of a zero-sum game: a saddle point.

    Attributes:
        value: expected payoff of the first player, and expected loss of the second.
        row: float64 `[rows]`, a strategy that secures the first player at least the value.
        column: float64 `[columns]`, a strategy that limits the second player's loss to the value.
    """

    value: float
    row: np.ndarray
    column: np.ndarray


def solve(game: MatrixGame) -> Solution:
    """Return the value of a zero-sum game and an optimal strategy of each player.

    `max_x min_y x^T row y = min_y max_x x^T row y` (von Neumann 1928). Each side is a linear
    programme. The value is unique; the strategies need not be, and one optimal pair is returned.
    Its `deviation_gain` is below 1e-9 of the range of the payoffs.

    Args:
        game: a game whose payoffs sum to zero.

    Returns:
        The value and both strategies.

    Raises:
        ValueError: the game is not zero-sum.

    Example:
        ```python
        from kgan.theory import zero_sum

        zero_sum.solve(kgan.theory.known_games.COIN_FACES).value  # -0.125
        ```
    """
    sums = game.row + game.column
    if sums.any():
        raise ValueError(
            "Invalid value for argument `game`: expected payoffs that sum to zero, received a sum "
            f"of {sums[sums != 0][0]} among them. `MatrixGame(row)` makes a zero-sum game."
        )
    scaled = game.scaled()  # HiGHS rounds tiny payoffs to zero
    x, y = _maximin(scaled.row), _maximin(scaled.column.T)
    return Solution(float(x @ game.row @ y), x, y)


def _maximin(payoffs: np.ndarray) -> np.ndarray:
    """Return an x that attains `max_x min_j (x^T payoffs)_j`, for payoffs in [0, 1]."""
    rows, columns = payoffs.shape
    # The variables are x and v. Maximise v subject to v <= (x^T payoffs)_j for every j.
    solved = linprog(
        np.append(np.zeros(rows), -1.0),
        A_ub=np.hstack([-payoffs.T, np.ones((columns, 1))]),
        b_ub=np.zeros(columns),
        A_eq=np.append(np.ones(rows), 0.0)[np.newaxis],
        b_eq=[1.0],
        bounds=(0.0, 1.0),
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    return distribution(solved.x[:-1])
