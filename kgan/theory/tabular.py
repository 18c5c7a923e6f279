"""The game on a finite set: G is the table p_g itself, and D a table of logits.

This is the setting of Proposition 2 (Goodfellow et al. 2014, section 4.2). V(D, p_g) is linear in
p_g, so C(p_g) = sup over D of V(D, p_g) is convex. The gradient of V at the D that attains the
supremum is a subgradient of C (Danskin's theorem):

    dV/dp_g at D* = log(1 - D*) = -softplus(o*),    o* = log p_data - log p_g.

G is updated by exponentiated gradient descent (Kivinen and Warmuth 1997), which is mirror descent
with KL as distance (Beck and Teboulle 2003) and a natural gradient step on p_g's logits:

    p_g  <-  p_g exp(-rate dV/dp_g) / normaliser.

Learning rates. The second derivative of C by p_i is p_data_i / (p_i (p_data_i + p_i)), at most that
of sum p log p, 1 / p_i. Hence every step with rate <= 1 lowers C, and after t steps

    C - (-log 4)  <=  KL(p_data || p_start) / (rate t)

(relative smoothness: Bauschke, Bolte and Teboulle 2017). At rate 1 a step minimises V(D*, p) +
KL(p || p_g), which is KL(p || m) up to a constant, m = (p_data + p_g) / 2: the step returns m.
Close to p_data the logarithm of p_g / p_data shrinks by the factor 1 - rate/2 per step, so no rate
above 4 converges. D ascends V, whose curvature in one logit is at most (p_data_i + p_g_i) / 4
<= 1/2. Any rate below 4 raises V, and D learns rare outcomes slowly.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
from scipy.special import expit, log_expit, log_softmax

from kgan.theory import checks
from kgan.theory.divergences import jsd
from kgan.theory.value import game_value, optimal_logit
from kgan.utils.checks import number, one_of, positive_integer

__all__ = ["LOSSES", "Play", "alternating_play", "exact_play", "subgradient"]

LOSSES = ("minimax", "non_saturating")


@dataclasses.dataclass(frozen=True)
class Play:
    """The history of a game: the start and one entry per step along the first axis.

    Attributes:
        p_g: G's distribution, float64 `[steps + 1, ..., outcomes]`.
        logits: D's logits after that step, the same shape.
        value: V(D, p_g) in nats, `[steps + 1, ...]`; for exact play it is C(p_g).
        jsd: JSD(p_data, p_g) in nats, `[steps + 1, ...]`.
    """

    p_g: np.ndarray
    logits: np.ndarray
    value: np.ndarray
    jsd: np.ndarray


def subgradient(p_data: npt.ArrayLike, p_g: npt.ArrayLike) -> np.ndarray:
    """Return dV/dp_g at D*, a subgradient of C(p_g) = sup over D of V: log(1 - D*), in nats.

    Args:
        p_data: `[..., outcomes]`, probabilities.
        p_g: the same shape, none of them 0.

    Returns:
        float64 `[..., outcomes]`, not positive.

    Raises:
        ValueError: no probabilities, shapes that differ, or a p_g without full support.

    Example:
        ```python
        kgan.theory.tabular.subgradient([0.5, 0.5], [0.5, 0.5])  # [-0.6931, -0.6931]
        ```
    """
    p_data, p_g = _pair(p_data, "p_g", p_g)
    return log_expit(-optimal_logit(_log(p_data), _log(p_g)))


def exact_play(
    p_data: npt.ArrayLike, start: npt.ArrayLike, steps: int, learning_rate: float = 0.5
) -> Play:
    """Descend C(p_g) = V(D*, p_g), with D optimal at every step.

    For a learning rate in (0, 1] V never increases, and p_g converges to p_data from any start with
    full support.

    Args:
        p_data: `[..., outcomes]`, probabilities; leading axes are independent games.
        start: initial p_g, the same shape, none of them 0.
        steps: number of steps.
        learning_rate: learning rate of G.

    Returns:
        The play; `logits` are those of D* for each p_g, -inf where there are no data.

    Raises:
        ValueError: no probabilities, shapes that differ, a start without full support, or a
            setting out of range.

    Example:
        ```python
        play = kgan.theory.tabular.exact_play([0.5, 0.5], [0.9, 0.1], steps=1000)
        play.p_g[-1]  # [0.5, 0.5]
        ```
    """
    p_data, start = _pair(p_data, "start", start)
    rate = number("learning_rate", learning_rate, 0)
    log_data, log_p = _log(p_data), _log(start)
    path = [(log_p, optimal_logit(log_data, log_p))]
    for _ in range(positive_integer("steps", steps)):
        log_p, logits = path[-1]
        log_p = _stepped(log_p, logits, rate, "minimax")
        path.append((log_p, optimal_logit(log_data, log_p)))
    return _play(p_data, path)


def alternating_play(
    p_data: npt.ArrayLike,
    start: npt.ArrayLike,
    steps: int,
    discriminator_steps: int = 1,
    learning_rate: float = 0.5,
    discriminator_learning_rate: float = 2.0,
    loss: str = "minimax",
    logits: npt.ArrayLike | None = None,
) -> Play:
    """Play Algorithm 1 on tables: each step is k updates of D's logits, then one of G.

    G's update is that of `exact_play`, against the current D. With small k p_g overshoots, and JSD
    and V rise and fall; with large k the play is close to the exact one.

    Args:
        p_data: `[..., outcomes]`, probabilities; leading axes are independent games.
        start: initial p_g, the same shape, none of them 0.
        steps: number of steps.
        discriminator_steps: k.
        learning_rate: learning rate of G.
        discriminator_learning_rate: learning rate of D. Updates with a rate below 4 raise V; 0
            keeps D fixed.
        loss: `"minimax"`, G descends V, or `"non_saturating"`, G descends E_g[-log D]. Both have
            p_data as fixed point. On tables the second is slower: -log D differs little between
            outcomes that G misses. Saturation concerns derivatives by the logit, which do not
            occur here.
        logits: initial logits of D, the shape of `p_data`; None means D = 1/2.

    Returns:
        The play, with one entry per step.

    Raises:
        ValueError: no probabilities, shapes that differ, a start without full support, or a
            setting out of range.

    Example:
        ```python
        play = kgan.theory.tabular.alternating_play([0.5, 0.5], [0.9, 0.1], steps=1000)
        play.jsd[-1] < 1e-3  # True
        ```
    """
    p_data, start = _pair(p_data, "start", start)
    rate = number("learning_rate", learning_rate, 0)
    d_rate = number("discriminator_learning_rate", discriminator_learning_rate, 0)
    k = positive_integer("discriminator_steps", discriminator_steps)
    one_of("loss", loss, LOSSES)
    o = np.zeros_like(p_data) if logits is None else checks.finite("logits", logits)
    checks.same_shape("p_data", p_data, "logits", o)
    path = [(_log(start), o)]
    for _ in range(positive_integer("steps", steps)):
        log_p, o = path[-1]
        p_g = np.exp(log_p)
        for _ in range(k):
            o = o + d_rate * (p_data * expit(-o) - p_g * expit(o))
        path.append((_stepped(log_p, o, rate, loss), o))
    return _play(p_data, path)


def _stepped(log_p: np.ndarray, logits: np.ndarray, rate: float, loss: str) -> np.ndarray:
    """Return log p_g after one update of G against D's logits."""
    gradient = log_expit(-logits) if loss == "minimax" else -log_expit(logits)
    return log_softmax(log_p - rate * gradient, axis=-1)


def _play(p_data: np.ndarray, path: list[tuple[np.ndarray, np.ndarray]]) -> Play:
    p_g, logits = np.exp(np.stack([p for p, _ in path])), np.stack([o for _, o in path])
    p_data = np.broadcast_to(p_data, p_g.shape)
    return Play(p_g, logits, game_value(logits, p_data, p_g), jsd(p_data, p_g))


def _pair(p_data: npt.ArrayLike, name: str, p_g: npt.ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    p_data, p_g = checks.distributions(p_data=p_data, **{name: p_g})
    if not p_g.all():
        raise ValueError(
            f"Invalid value for argument `{name}`: expected full support, no probability of 0, "
            "received one. Mix in a little of the uniform distribution."
        )
    return p_data, p_g


def _log(p: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.log(p)
