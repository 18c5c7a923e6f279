"""Standard examples of matrix games, and the GAN as a matrix game."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt

from kgan.theory.checks import probabilities
from kgan.theory.games import MatrixGame
from kgan.utils.checks import integer

__all__ = ["BOXED_PIGS", "COIN_FACES", "PRISONERS_DILEMMA", "TWO_FIRMS", "gan"]

# Years in prison, negative.
PRISONERS_DILEMMA = MatrixGame(
    row=[[-8, 0], [-10, -1]],
    column=[[-8, -10], [0, -1]],
    row_moves=("confess", "deny"),
    column_moves=("confess", "deny"),
)
# Prices of two firms: each alone earns more by breaking the agreement.
TWO_FIRMS = MatrixGame(
    row=[[3, -3], [5, -1]],
    column=[[3, 5], [-3, -1]],
    row_moves=("cooperate", "betray"),
    column_moves=("cooperate", "betray"),
)
# Both show a side of a coin; the second player gives the first the payoff.
COIN_FACES = MatrixGame(
    row=[[3, -2], [-2, 1]],
    row_moves=("heads", "tails"),
    column_moves=("heads", "tails"),
)
# A big pig and a small one. The lever is far from the trough it fills (Baldwin and Meese 1979).
BOXED_PIGS = MatrixGame(
    row=[[5, 4], [9, 0]],
    column=[[1, 4], [-1, 0]],
    row_moves=("press", "wait"),
    column_moves=("press", "wait"),
)


def gan(p_data: npt.ArrayLike, levels: int) -> MatrixGame:
    """Return the value function V(D, G) of 2014, eq. 1, on finitely many outcomes as a matrix game.

    The first player is D, who maximises V; the second is G, who minimises it. A move of D gives
    each outcome a probability of being data, one of the k = `levels` midpoints 1/2k, 3/2k, ... of
    [0, 1]. A move of G is one outcome, and a mixture of moves is p_g itself:

        V(D, p_g) = sum_x p_data(x) log D(x) + sum_x p_g(x) log(1 - D(x))

    is linear in p_g. It is concave in D, so D gains from mixing only values between levels. The
    value of the game is `log(1/4 - e^2)`, where e is the distance from 1/2 of the nearest level:
    -log 4 for odd k, and -log 4 + log(1 - 1/k^2) for even k. p_g = p_data is optimal for G. For
    even k it is the only optimum. For odd k the only optimum of D is 1/2 wherever there is data,
    and the other levels are too far from 1/2 to exclude a p_g near p_data.

    Args:
        p_data: `[outcomes]` probabilities.
        levels: k, at least 2.

    Returns:
        A zero-sum game, payoffs in nats, of `levels ** outcomes` rows named by D's values, a
        tuple, and one column for each outcome.

    Raises:
        ValueError: `p_data` is not a vector of probabilities, or `levels` no integer above 1.

    Example:
        ```python
        game = kgan.theory.known_games.gan([0.5, 0.5], levels=3)
        game.row.shape  # (9, 2)
        ```
    """
    p_data = probabilities("p_data", p_data)
    if p_data.ndim != 1:
        raise ValueError(
            f"Invalid value for argument `p_data`: expected one distribution, [outcomes], "
            f"received shape {p_data.shape}."
        )
    levels = integer("levels", levels, 2)
    values = [(i + 0.5) / levels for i in range(levels)]
    moves = list(itertools.product(values, repeat=len(p_data)))
    d = np.array(moves)
    return MatrixGame((np.log(d) @ p_data)[:, np.newaxis] + np.log1p(-d), row_moves=moves)
