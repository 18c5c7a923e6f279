"""Zero-sum games: what one player wins the other loses, and the game has a value."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.optimize import linprog

from .games import MatrixGame, distribution

__all__ = ["Solution", "solve"]


class Solution(NamedTuple):
    """The solution of a zero-sum game: a saddle point.

    Attributes:
        value: what the first player gets on average, and the second pays.
        row: float64 `[rows]`, by which the first gets at least the value whatever the second does.
        column: float64 `[columns]`, by which the second pays at most the value.
    """

    value: float
    row: np.ndarray
    column: np.ndarray


def solve(game: MatrixGame) -> Solution:
    """The value of a zero-sum game and an optimal strategy of each player.

    `max_x min_y x^T row y = min_y max_x x^T row y` (von Neumann 1928). Each side is a linear
    programme. The value is unique; where the strategies are not, one optimal pair is returned.
    Its `deviation_gain` is below 1e-9 of the range of the payoffs.

    Args:
        game: one whose payoffs sum to zero.

    Returns:
        The value, the first player's strategy and the second's.

    Raises:
        ValueError: the game is not zero-sum.
    """
    sums = game.row + game.column
    if sums.any():
        raise ValueError(
            "Invalid value for argument `game`: expected payoffs that sum to zero, received a sum "
            f"of {sums[sums != 0][0]} among them. `MatrixGame(row)` makes a zero-sum game."
        )
    scaled = game.scaled()  # HiGHS takes tiny payoffs for zero
    x, y = _maximin(scaled.row), _maximin(scaled.column.T)
    return Solution(float(x @ game.row @ y), x, y)


def _maximin(payoffs: np.ndarray) -> np.ndarray:
    """The x that reaches `max_x min_j (x^T payoffs)_j`, for payoffs in [0, 1]."""
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
