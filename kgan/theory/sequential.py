"""Games that take time: players who move one after the other, and games played again and again."""

from __future__ import annotations

from typing import Any

import numpy as np

from .checks import finite
from .games import MatrixGame

__all__ = ["backward_induction", "critical_discount", "hungry_lions"]


def backward_induction(payoffs: Any) -> tuple[bool, ...]:
    """Who goes on and who stops, when each player in a chain decides once and sees all before.

    Player 0 moves first. Whoever stops ends the game; whoever goes on hands the decision to the
    next. The last player's decision is solved first, then, knowing it, that of the one before
    (Zermelo 1913; Kuhn 1953): what comes out is the subgame-perfect equilibrium.

    Args:
        payoffs: `[players + 1, players]`; row k is what each gets if player k is the first to
            stop, the last row what each gets if nobody does.

    Returns:
        For each player, whether they go on if their turn comes. Where both are worth the same,
        they stop.

    Raises:
        ValueError: the payoffs are not finite, or not one row more than columns.
    """
    payoffs = finite("payoffs", payoffs, ndim=2)
    players = payoffs.shape[1]
    if len(payoffs) != players + 1:
        raise ValueError(
            "Invalid value for argument `payoffs`: expected one row more than columns, "
            f"[players + 1, players], received shape {payoffs.shape}."
        )
    goes_on = [False] * players
    end = players  # the row that play reaches from here
    for player in reversed(range(players)):
        goes_on[player] = bool(payoffs[end, player] > payoffs[player, player])
        if not goes_on[player]:
            end = player
    return tuple(goes_on)


def hungry_lions(n: int) -> tuple[bool, ...]:
    """Which lions eat, of `n` hungry ones in order of strength before a sheep.

    The strongest may eat the sheep and then sleeps, so that the next may eat it, and so on. A
    lion would rather be fed than hungry, and rather hungry than eaten. The first eats if and only
    if n is odd: a last lion is safe to eat, so the one before it is not, and so on back.

    Args:
        n: number of lions, at least 1.

    Returns:
        `[n]`, the strongest first: whether the lion eats if its turn comes.

    Raises:
        ValueError: `n` is not a positive integer.
    """
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise ValueError(
            f"Invalid value for argument `n`: expected a positive integer, received {n!r}."
        )
    fed, hungry, eaten = 1, 0, -1
    # Where lion k is the first not to eat, k - 1 sleeps fed and all before it were eaten.
    return backward_induction(
        [[eaten] * (k - 1) + [fed] * (k > 0) + [hungry] * (n - k) for k in range(n + 1)]
    )


def critical_discount(game: MatrixGame, cooperate: Any) -> float:
    """How much the future must weigh for two players to cooperate in a game repeated for ever.

    Both play the grim trigger (Friedman 1971): cooperate until somebody betrays, betray from then
    on. With R the payoff of cooperating together, T of betraying a cooperator, P of betraying
    each other, and payoffs t rounds away worth `discount ** t`, nobody gains by leaving this plan
    in any round, after any history, if and only if

        R / (1 - discount) >= T + discount P / (1 - discount),

    so from `discount = (T - R) / (T - P)` on. A game that goes on after each round with
    probability `discount` is the same: round t is reached with probability `discount ** t`. So an
    unknown end can sustain what a known last round cannot, where backward induction leaves only
    betrayal.

    Args:
        game: a symmetric game of two moves, equally named for both players, with T > R > P >= S,
            S being the payoff of the betrayed cooperator.
        cooperate: the name of the move to sustain; the other is betrayal.

    Returns:
        The least discount, in (0, 1).

    Raises:
        ValueError: the game is not of this kind, or has no such move.
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
    if cooperate not in game.row_moves:
        raise ValueError(
            f"Invalid value for argument `cooperate`: expected one of {game.row_moves}, "
            f"received {cooperate!r}."
        )
    c = game.row_moves.index(cooperate)
    b = 1 - c
    reward, sucker, temptation, punishment = game.row[[c, c, b, b], [c, b, c, b]].tolist()
    if not temptation > reward > punishment >= sucker:
        raise ValueError(
            "Invalid value for argument `game`: expected payoffs T > R > P >= S, received "
            f"T={temptation}, R={reward}, P={punishment}, S={sucker}."
        )
    return (temptation - reward) / (temptation - punishment)
