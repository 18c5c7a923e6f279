"""Games that courses tell, and the GAN as one."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from .checks import probabilities
from .games import MatrixGame

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
# You show a side of your coin, she shows one of hers, and she pays you.
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


def gan(p_data: Any, levels: int) -> MatrixGame:
    """The value function V(D, G) of 2014, eq. 1, on finitely many outcomes, as a matrix game.

    The first player is D, who maximises V; the second is G, who minimises it. A move of D gives
    each outcome a probability of being data, one of the `levels` midpoints 1/2k, 3/2k, ... of
    [0, 1], with k = levels. A move of G is one outcome, and a mixture of them is p_g itself:

        V(D, p_g) = sum_x p_data(x) log D(x) + sum_x p_g(x) log(1 - D(x))

    is linear in p_g. It is concave in D, so that D has nothing to gain from mixing but a value
    between levels. The value of the game is `log(1/4 - e^2)`, e the distance from 1/2 of the
    nearest level: -log 4 for odd k, and -log 4 + log(1 - 1/k^2) for even k. p_g = p_data is
    optimal for G. For even k nothing else is; for odd k the lone optimum of D is 1/2 wherever there
    is data, and its next levels are too far away to punish a p_g near p_data.

    Args:
        p_data: `[outcomes]` probabilities.
        levels: k, at least 2.

    Returns:
        A zero-sum game, payoffs in nats, of `levels ** outcomes` rows named by D's values, a
        tuple, and one column for each outcome.

    Raises:
        ValueError: `p_data` is not a vector of probabilities, or `levels` no integer above 1.
    """
    p_data = probabilities("p_data", p_data)
    if p_data.ndim != 1:
        raise ValueError(
            f"Invalid value for argument `p_data`: expected one distribution, [outcomes], "
            f"received shape {p_data.shape}."
        )
    if isinstance(levels, bool) or not isinstance(levels, int) or levels < 2:
        raise ValueError(
            f"Invalid value for argument `levels`: expected an integer, at least 2, "
            f"received {levels!r}."
        )
    values = [(i + 0.5) / levels for i in range(levels)]
    moves = list(itertools.product(values, repeat=len(p_data)))
    d = np.array(moves)
    return MatrixGame((np.log(d) @ p_data)[:, np.newaxis] + np.log1p(-d), row_moves=moves)
