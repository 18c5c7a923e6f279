"""Iterated elimination of strictly dominated moves."""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple

import numpy as np

from kgan.theory import zero_sum
from kgan.theory.games import MatrixGame

__all__ = ["Dominance", "Elimination", "undominated"]

_TOLERANCE = 1e-9


class Elimination(NamedTuple):
    """One dominated move.

    Attributes:
        player: "row" or "column".
        move: its name.
        by: the dominating mixture, name of a move -> its probability.
    """

    player: str
    move: Hashable
    by: dict[Hashable, float]


class Dominance(NamedTuple):
    """The result of iterated elimination.

    Attributes:
        row_moves: the first player's surviving moves.
        column_moves: the second player's.
        eliminated: the others, in the order of their elimination.
    """

    row_moves: tuple[Hashable, ...]
    column_moves: tuple[Hashable, ...]
    eliminated: tuple[Elimination, ...]


def undominated(game: MatrixGame) -> Dominance:
    """Eliminate strictly dominated moves, one after the other, until none is left.

    A move is strictly dominated if some mixture of the player's other moves has a larger payoff
    against every move of the opponent; no single move need dominate. No equilibrium contains a
    dominated move, and the surviving moves do not depend on the order. Weakly dominated moves stay,
    since equilibria may contain them (Osborne and Rubinstein, *A Course in Game Theory*, 1994,
    chapter 4). A move that loses less than 1e-9 of the range of the payoffs stays too.

    Args:
        game: the game.

    Returns:
        The surviving moves, and the eliminated ones with the mixture that dominates most.

    Example:
        ```python
        from kgan.theory import dominance

        dilemma = kgan.theory.known_games.PRISONERS_DILEMMA
        dominance.undominated(dilemma).row_moves  # ('confess',)
        ```
    """
    eliminated: list[Elimination] = []
    while step := _first_dominated(game):
        eliminated.append(step)
        game = _without(game, step.player, step.move)
    return Dominance(game.row_moves, game.column_moves, tuple(eliminated))


def _first_dominated(game: MatrixGame) -> Elimination | None:
    """Return the next dominated move, the first player's moves before the second's.

    Consider the zero-sum game of the payoff differences to a move. Its value is the largest
    advantage that a mixture secures: the move is dominated if and only if the value is positive.
    """
    for player, payoffs, moves in (
        ("row", game.row, game.row_moves),
        ("column", game.column.T, game.column_moves),
    ):
        for move, of_move in zip(moves, payoffs, strict=True):
            advantage = payoffs - of_move
            mixture = zero_sum.solve(MatrixGame(advantage)).row
            if (mixture @ advantage).min() > _TOLERANCE * np.ptp(payoffs):
                by = {m: float(p) for m, p in zip(moves, mixture, strict=True) if p}
                return Elimination(player, move, by)
    return None


def _without(game: MatrixGame, player: str, move: Hashable) -> MatrixGame:
    rows = [i for i, m in enumerate(game.row_moves) if (player, m) != ("row", move)]
    columns = [j for j, m in enumerate(game.column_moves) if (player, m) != ("column", move)]
    left = np.ix_(rows, columns)
    return MatrixGame(
        game.row[left],
        game.column[left],
        [game.row_moves[i] for i in rows],
        [game.column_moves[j] for j in columns],
    )
