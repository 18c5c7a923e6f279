"""Matrix games: two players, finitely many moves, every payoff known.

The first player chooses a row, the second a column, both at once. Each maximises its own payoff.

Mixed equilibria come from nashpy, a maintained library for these games; every result is checked
against the definition of an equilibrium. SciPy's HiGHS solves the linear programmes of `zero_sum`
and `dominance`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from typing import NamedTuple

import nashpy
import numpy as np
import numpy.typing as npt

from kgan.theory.checks import finite, probabilities, same_shape

__all__ = [
    "Equilibrium",
    "MatrixGame",
    "deviation_gain",
    "equilibria",
    "expected_payoffs",
    "pure_equilibria",
]

_TOLERANCE = 1e-9


class MatrixGame:
    """Two payoff matrices and the names of the moves.

    Args:
        row: `[rows, columns]`, the first player's payoff for each pair of moves.
        column: `[rows, columns]`, the second player's; None makes the game zero-sum, `-row`.
        row_moves: names of the first player's moves, all different; None numbers them from 0.
        column_moves: the same for the second player.

    Attributes:
        row: float64 `[rows, columns]`, read-only.
        column: float64 `[rows, columns]`, read-only.
        row_moves: a tuple.
        column_moves: a tuple.

    Raises:
        ValueError: payoffs that are not finite matrices of one shape, or names that do not fit.

    Example:
        ```python
        pennies = kgan.theory.games.MatrixGame([[1, -1], [-1, 1]])  # zero-sum
        ```
    """

    def __init__(
        self,
        row: npt.ArrayLike,
        column: npt.ArrayLike | None = None,
        row_moves: Iterable[Hashable] | None = None,
        column_moves: Iterable[Hashable] | None = None,
    ):
        self.row = finite("row", row, ndim=2).copy()
        self.column = -self.row if column is None else finite("column", column).copy()
        same_shape("row", self.row, "column", self.column)
        self.row.flags.writeable = self.column.flags.writeable = False
        rows, columns = self.row.shape
        self.row_moves = _names("row_moves", row_moves, rows)
        self.column_moves = _names("column_moves", column_moves, columns)

    def scaled(self) -> MatrixGame:
        """Return the game with each player's payoffs mapped to [0, 1]; its equilibria are equal."""
        return MatrixGame(_unit(self.row), _unit(self.column), self.row_moves, self.column_moves)


def _unit(payoffs: np.ndarray) -> np.ndarray:
    """Return payoffs mapped to [0, 1], or zeros if they are all equal."""
    return (payoffs - payoffs.min()) / (np.ptp(payoffs) or 1.0)


def _names(name: str, moves: Iterable[Hashable] | None, count: int) -> tuple[Hashable, ...]:
    moves = tuple(range(count)) if moves is None else tuple(moves)
    if len(moves) != count or len(set(moves)) != count:
        raise ValueError(
            f"Invalid value for argument `{name}`: expected {count} different names, one for each "
            f"move, received {moves!r}."
        )
    return moves


# Payoffs of given strategies


def expected_payoffs(
    game: MatrixGame, row_strategy: npt.ArrayLike, column_strategy: npt.ArrayLike
) -> tuple[float, float]:
    """Return the expected payoffs `x^T row y` and `x^T column y`.

    Args:
        game: the game.
        row_strategy: x, `[rows]` probabilities of the first player's moves.
        column_strategy: y, `[columns]` probabilities of the second player's moves.

    Returns:
        The first player's expected payoff and the second's.

    Raises:
        ValueError: a strategy is not one probability for each move.

    Example:
        ```python
        coins = kgan.theory.known_games.COIN_FACES
        kgan.theory.games.expected_payoffs(coins, [1, 0], [0.5, 0.5])  # (0.5, -0.5)
        ```
    """
    x, y = _strategies(game, row_strategy, column_strategy)
    return float(x @ game.row @ y), float(x @ game.column @ y)


def deviation_gain(
    game: MatrixGame, row_strategy: npt.ArrayLike, column_strategy: npt.ArrayLike
) -> float:
    """Return the largest gain of one player from changing strategy while the other's stays.

    The gain is `max(max_i (row y)_i - x^T row y, max_j (x^T column)_j - x^T column y)`: some single
    move is always a best response. A pair is a Nash equilibrium if and only if the gain is 0
    (Nash 1951).

    Args:
        game: the game.
        row_strategy: x, `[rows]` probabilities.
        column_strategy: y, `[columns]` probabilities.

    Returns:
        The larger of the two players' gains, at least 0, in units of payoff.

    Raises:
        ValueError: a strategy is not one probability for each move.

    Example:
        ```python
        coins = kgan.theory.known_games.COIN_FACES
        kgan.theory.games.deviation_gain(coins, [0.375, 0.625], [0.375, 0.625])  # 0.0
        ```
    """
    x, y = _strategies(game, row_strategy, column_strategy)
    of_row, of_column = game.row @ y, x @ game.column
    return float(max(0.0, of_row.max() - x @ of_row, of_column.max() - of_column @ y))


def _strategies(
    game: MatrixGame, x: npt.ArrayLike, y: npt.ArrayLike
) -> tuple[np.ndarray, np.ndarray]:
    rows, columns = game.row.shape
    return _strategy("row_strategy", x, rows), _strategy("column_strategy", y, columns)


def _strategy(name: str, value: npt.ArrayLike, moves: int) -> np.ndarray:
    strategy = probabilities(name, value)
    if strategy.shape != (moves,):
        raise ValueError(
            f"Invalid value for argument `{name}`: expected {moves} probabilities, one for each "
            f"move, received shape {strategy.shape}."
        )
    return strategy


# Equilibria


class Equilibrium(NamedTuple):
    """A pair of strategies from which no player gains by deviating alone.

    Attributes:
        row: float64 `[rows]`, the probabilities of the first player's moves.
        column: float64 `[columns]`, those of the second player's.
    """

    row: np.ndarray
    column: np.ndarray


def pure_equilibria(game: MatrixGame) -> list[tuple[Hashable, Hashable]]:
    """Return all pairs of moves in which each is a best response to the other, ties included.

    Args:
        game: the game.

    Returns:
        `(row move, column move)` by name, row by row; empty where only mixed equilibria exist.

    Example:
        ```python
        dilemma = kgan.theory.known_games.PRISONERS_DILEMMA
        kgan.theory.games.pure_equilibria(dilemma)  # [('confess', 'confess')]
        ```
    """
    return [(game.row_moves[i], game.column_moves[j]) for i, j in _pure(game)]


def _pure(game: MatrixGame) -> np.ndarray:
    """Return the pure equilibria by index, `[equilibria, 2]`."""
    best_row = game.row == game.row.max(axis=0)
    best_column = game.column == game.column.max(axis=1, keepdims=True)
    return np.argwhere(best_row & best_column)


def equilibria(game: MatrixGame) -> list[Equilibrium]:
    """Return the Nash equilibria, pure and mixed (Nash 1950: there is at least one).

    They are the fully labelled pairs of vertices of the two best-response polytopes (Nisan et
    al., *Algorithmic Game Theory*, 2007, Algorithm 3.5). Almost all games have an odd, finite
    number of equilibria; all are returned. In a degenerate game, where some strategy has more best
    responses than it mixes moves, equilibria may form segments. Then the end points are returned,
    and every other equilibrium is a mixture of them.

    A pair is returned only if no deviation gains 1e-9 of the range of a player's payoffs. The time
    grows exponentially with the moves: 0.2 s for five each, 5 s for eight.

    Args:
        game: the game.

    Returns:
        Each equilibrium once, those with more weight on earlier moves first.

    Example:
        ```python
        kgan.theory.games.equilibria(kgan.theory.known_games.COIN_FACES)[0].row  # [0.375, 0.625]
        ```
    """
    unit = game.scaled()
    found = {
        tuple(np.concatenate(pair).round(9)): pair
        for pair in _vertices(unit)
        if deviation_gain(unit, *pair) < _TOLERANCE
    }
    return [found[key] for key in sorted(found, reverse=True)]


def _vertices(game: MatrixGame) -> Iterator[Equilibrium]:
    """Yield candidates; nashpy treats payoffs as equal that differ by 1e-5 of their size."""
    rows, columns = game.row.shape
    if 1 in (rows, columns):  # nashpy has no polytope in one dimension; a best response is pure
        for i, j in _pure(game):
            yield Equilibrium(np.eye(rows)[i], np.eye(columns)[j])
        return
    # Payoffs that are all positive bound the polytopes.
    for x, y in nashpy.Game(1 + game.row, 1 + game.column).vertex_enumeration():
        yield Equilibrium(distribution(x), distribution(y))


def distribution(x: np.ndarray) -> np.ndarray:
    """Return `x` without a solver's rounding: tiny entries set to zero, and the sum to one."""
    x = np.where(x < 1e-12, 0.0, x)
    return x / x.sum()
