"""Sequential games by backward induction, and repeated games."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
import numpy.typing as npt

from kgan.theory.checks import finite
from kgan.theory.games import MatrixGame
from kgan.utils.checks import one_of, positive_integer

__all__ = ["backward_induction", "critical_discount", "hungry_lions"]


def backward_induction(payoffs: npt.ArrayLike) -> tuple[bool, ...]:
    """Return the subgame-perfect equilibrium of a chain of players who stop or continue.

    Player 0 moves first. A player who stops ends the game; a player who continues passes the
    decision to the next. The last player's decision is solved first, then the one before
    (Zermelo 1913; Kuhn 1953).

    Args:
        payoffs: `[players + 1, players]`; row k holds the payoffs if player k is the first to stop,
            the last row those if no player stops.

    Returns:
        For each player, whether they continue at their turn. With equal payoffs they stop.

    Raises:
        ValueError: the payoffs are not finite, or not one row more than columns.

    Example:
        ```python
        kgan.theory.sequential.backward_induction([[1, 0], [0, 2], [2, 1]])  # (False, False)
        ```
    """
    payoffs = finite("payoffs", payoffs, ndim=2)
    players = payoffs.shape[1]
    if len(payoffs) != players + 1:
        raise ValueError(
            "Invalid value for argument `payoffs`: expected one row more than columns, "
            f"[players + 1, players], received shape {payoffs.shape}."
        )
    continues = [False] * players
    end = players  # the row that play reaches if this player continues
    for player in reversed(range(players)):
        continues[player] = bool(payoffs[end, player] > payoffs[player, player])
        if not continues[player]:
            end = player
    return tuple(continues)


def hungry_lions(n: int) -> tuple[bool, ...]:
    """Return which of `n` hungry lions eat, in order of strength, before a sheep.

    The strongest lion may eat the sheep and then sleeps, so the next may eat it, and so on. A lion
    prefers being fed to being hungry, and being hungry to being eaten. The first lion eats if and
    only if n is odd: the last lion can eat safely, so the one before it cannot, and so on.

    Args:
        n: number of lions, at least 1.

    Returns:
        `[n]`, the strongest first: whether the lion eats if its turn comes.

    Raises:
        ValueError: `n` is not a positive integer.

    Example:
        ```python
        kgan.theory.sequential.hungry_lions(3)  # (True, False, True)
        ```
    """
    n = positive_integer("n", n)
    fed, hungry, eaten = 1, 0, -1
    # If lion k is the first not to eat, lion k - 1 is fed and all before it are eaten.
    return backward_induction(
        [[eaten] * (k - 1) + [fed] * (k > 0) + [hungry] * (n - k) for k in range(n + 1)]
    )


def critical_discount(game: MatrixGame, cooperate: Hashable) -> float:
    """Return the least discount that sustains cooperation in an infinitely repeated game.

    Both players use the grim trigger (Friedman 1971): cooperate until one betrays, then betray for
    ever. R is the payoff of mutual cooperation, T of betraying a cooperator, P of mutual betrayal;
    a payoff t rounds away has weight `discount ** t`. No deviation gains, in any round and after
    any history, if and only if

        R / (1 - discount) >= T + discount P / (1 - discount),

    that is for `discount >= (T - R) / (T - P)`. A game that continues after each round with
    probability `discount` is equivalent: it reaches round t with probability `discount ** t`. With
    a known last round, backward induction leaves only betrayal.

    Args:
        game: a symmetric game of two moves, equally named for both players, with T > R > P >= S,
            where S is the payoff of the betrayed cooperator.
        cooperate: the name of the move to sustain; the other is betrayal.

    Returns:
        The least discount, in (0, 1).

    Raises:
        ValueError: the game is not of this kind, or has no such move.

    Example:
        ```python
        firms = kgan.theory.known_games.TWO_FIRMS
        kgan.theory.sequential.critical_discount(firms, cooperate="cooperate")  # 0.3333
        ```
    """
    if (
        game.row.shape != (2, 2)
        or game.row_moves != game.column_moves
        or not np.array_equal(game.column, game.row.T)
    ):
        raise ValueError(
            "Invalid value for argument `game`: expected a symmetric game of two moves with the "
            f"same names, received row={game.row.tolist()} of {game.row_moves} and "
            f"column={game.column.tolist()} of {game.column_moves}."
        )
    one_of("cooperate", cooperate, game.row_moves)
    c = game.row_moves.index(cooperate)
    b = 1 - c
    reward, sucker, temptation, punishment = game.row[[c, c, b, b], [c, b, c, b]].tolist()
    if not temptation > reward > punishment >= sucker:
        raise ValueError(
            "Invalid value for argument `game`: expected payoffs T > R > P >= S, received "
            f"T={temptation}, R={reward}, P={punishment}, S={sucker}."
        )
    return (temptation - reward) / (temptation - punishment)
