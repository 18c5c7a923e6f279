"""The game on a finite set, where G is the table p_g itself and D a table of logits.

This is the setting of Proposition 2 (Goodfellow et al. 2014, section 4.2): V(D, p_g) is linear in
p_g, so C(p_g) = sup over D of V(D, p_g) is convex, and the gradient of V at the D that attains the
supremum is a subgradient of C (Danskin's theorem):

    dV/dp_g at D* = log(1 - D*) = -softplus(o*),    o* = log p_data - log p_g.

G moves by exponentiated gradient, steepest descent where distance is KL (Kivinen and Warmuth 1997;
mirror descent of Beck and Teboulle 2003). It is also the natural gradient step on p_g's logits:

    p_g  <-  p_g exp(-rate dV/dp_g) / normaliser.

Step sizes. The second derivative of C by p_i is p_data_i / (p_i (p_data_i + p_i)), never more than
that of sum p log p, 1 / p_i. Hence every step with rate <= 1 lowers C, and after t steps

    C - (-log 4)  <=  KL(p_data || p_start) / (rate t)

(relative smoothness: Bauschke, Bolte and Teboulle 2017). At rate 1 a step minimises V(D*, p) +
KL(p || p_g), which is KL(p || m) up to a constant, with m = (p_data + p_g) / 2: it is the
mixture m itself. Close to p_data the logarithm of p_g / p_data shrinks by the factor 1 - rate/2
a step, so no rate above 4 converges. D ascends V, whose curvature in one logit is at most
(p_data_i + p_g_i) / 4 <= 1/2: any rate below 4 raises V, and rare outcomes are learnt slowly.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from scipy.special import expit, log_expit, log_softmax

from . import checks
from .divergences import jsd
from .value import game_value, optimal_logit

__all__ = ["LOSSES", "Play", "alternating_play", "exact_play", "subgradient"]

LOSSES = ("minimax", "non_saturating")


@dataclasses.dataclass(frozen=True)
class Play:
    """What happened, one entry a step along the first axis, the start included.

    Attributes:
        p_g: G's distribution, float64 `[steps + 1, ..., outcomes]`.
        logits: D's logits at that time, the same shape.
        value: V(D, p_g) in nats, `[steps + 1, ...]`; for exact play it is C(p_g).
        jsd: JSD(p_data, p_g) in nats, `[steps + 1, ...]`.
    """

    p_g: np.ndarray
    logits: np.ndarray
    value: np.ndarray
    jsd: np.ndarray


def subgradient(p_data: Any, p_g: Any) -> np.ndarray:
    """dV/dp_g at D*, a subgradient of C(p_g) = sup over D of V: log(1 - D*), in nats.

    Args:
        p_data: `[..., outcomes]`, probabilities.
        p_g: the same shape, none of them 0.

    Returns:
        float64 `[..., outcomes]`, not positive.

    Raises:
        ValueError: no probabilities, shapes that differ, or a p_g without full support.
    """
    p_data, p_g = _pair(p_data, "p_g", p_g)
    return log_expit(-optimal_logit(_log(p_data), _log(p_g)))


def exact_play(p_data: Any, start: Any, steps: int, learning_rate: float = 0.5) -> Play:
    """D is optimal at every step, and G steps down C(p_g) = V(D*, p_g).

    For a learning rate in (0, 1] V never rises, and p_g comes to p_data from any start with full
    support.

    Args:
        p_data: `[..., outcomes]`, probabilities; leading axes are games side by side.
        start: p_g at first, the same shape, none of them 0.
        steps: of G.
        learning_rate: rate of G.

    Returns:
        The play; `logits` are those of D* for each p_g, -inf where there are no data.

    Raises:
        ValueError: no probabilities, shapes that differ, a start without full support, or a
            setting out of range.
    """
    p_data, start = _pair(p_data, "start", start)
    rate = checks.not_negative("learning_rate", learning_rate)
    log_data, log_p = _log(p_data), _log(start)
    path = [(log_p, optimal_logit(log_data, log_p))]
    for _ in range(checks.positive_integer("steps", steps)):
        log_p, logits = path[-1]
        log_p = _stepped(log_p, logits, rate, "minimax")
        path.append((log_p, optimal_logit(log_data, log_p)))
    return _play(p_data, path)


def alternating_play(
    p_data: Any,
    start: Any,
    steps: int,
    discriminator_steps: int = 1,
    learning_rate: float = 0.5,
    discriminator_learning_rate: float = 2.0,
    loss: str = "minimax",
    logits: Any = None,
) -> Play:
    """Algorithm 1 on tables: k gradient steps of D's logits, then one step of G.

    G's step is that of `exact_play`, but against the D there is. With few D steps p_g overshoots,
    and JSD and V rise and fall on the way; with many the play comes close to the exact one. D's
    learning rate of 0 keeps D as it is.

    Args:
        p_data: `[..., outcomes]`, probabilities; leading axes are games side by side.
        start: p_g at first, the same shape, none of them 0.
        steps: rounds of Algorithm 1.
        discriminator_steps: k.
        learning_rate: rate of G.
        discriminator_learning_rate: rate of D; below 4 its steps raise V.
        loss: `"minimax"`, G descends V, or `"non_saturating"`, G descends E_g[-log D]. Both stand
            still at p_data. On tables it is the second that is slow, since -log D hardly tells
            outcomes apart that G misses; what saturates is the slope along the logit, and that
            plays no part here.
        logits: of D at first, the shape of `p_data`; None is D = 1/2.

    Returns:
        The play, after each round.

    Raises:
        ValueError: no probabilities, shapes that differ, a start without full support, or a
            setting out of range.
    """
    p_data, start = _pair(p_data, "start", start)
    rate = checks.not_negative("learning_rate", learning_rate)
    d_rate = checks.not_negative("discriminator_learning_rate", discriminator_learning_rate)
    k = checks.positive_integer("discriminator_steps", discriminator_steps)
    checks.one_of("loss", loss, LOSSES)
    logits = np.zeros_like(p_data) if logits is None else checks.finite("logits", logits)
    checks.same_shape("p_data", p_data, "logits", logits)
    path = [(_log(start), logits)]
    for _ in range(checks.positive_integer("steps", steps)):
        log_p, logits = path[-1]
        p_g = np.exp(log_p)
        for _ in range(k):
            logits = logits + d_rate * (p_data * expit(-logits) - p_g * expit(logits))
        path.append((_stepped(log_p, logits, rate, loss), logits))
    return _play(p_data, path)


def _stepped(log_p: np.ndarray, logits: np.ndarray, rate: float, loss: str) -> np.ndarray:
    """The new log p_g after one step of G against D's logits."""
    gradient = log_expit(-logits) if loss == "minimax" else -log_expit(logits)
    return log_softmax(log_p - rate * gradient, axis=-1)


def _play(p_data: np.ndarray, path: list[tuple[np.ndarray, np.ndarray]]) -> Play:
    p_g, logits = np.exp(np.stack([p for p, _ in path])), np.stack([o for _, o in path])
    p_data = np.broadcast_to(p_data, p_g.shape)
    return Play(p_g, logits, game_value(logits, p_data, p_g), jsd(p_data, p_g))


def _pair(p_data: Any, name: str, p_g: Any) -> tuple[np.ndarray, np.ndarray]:
    p_data, p_g = checks.probabilities("p_data", p_data), checks.probabilities(name, p_g)
    checks.same_shape("p_data", p_data, name, p_g)
    if not p_g.all():
        raise ValueError(
            f"Invalid value for argument `{name}`: expected full support, no probability of 0, "
            "received one. Mix in a little of the uniform distribution."
        )
    return p_data, p_g


def _log(p: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.log(p)
