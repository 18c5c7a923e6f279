"""Adversarial losses on logits.

A loss says what each player minimises. Both methods take the discriminator's logits
`o(x)`, with `D(x) = sigmoid(o(x))`, as `[batch, 1]` tensors, real before fake, and return one
value an example, `[batch]`, in nats, not reduced. Half-precision logits are raised to float32.

Working on logits is not a nicety. `-log(sigmoid(o) + 1e-8)` has a gradient of 9e-6 instead
of 1 at `o = -30`, so that a "non-saturating" loss saturates; `softplus(-o)` is exact at any logit:

    log D      = log sigmoid(o)       = -softplus(-o)
    log(1 - D) = log(1 - sigmoid(o))  = -softplus(o)
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

__all__ = ["AdversarialLoss", "Blended", "Minimax", "NonSaturating", "get", "value"]


def _full_precision(logits: Any) -> tf.Tensor:
    """`[batch]` logits in at least float32, from `[batch, 1]`."""
    logits = tf.convert_to_tensor(logits)
    if logits.dtype in (tf.float16, tf.bfloat16):
        logits = tf.cast(logits, tf.float32)
    return tf.reshape(logits, [-1])


def _log_d(logits: Any) -> tf.Tensor:
    return -tf.math.softplus(-_full_precision(logits))


def _log_one_minus_d(logits: Any) -> tf.Tensor:
    return -tf.math.softplus(_full_precision(logits))


def value(real_logits: Any, fake_logits: Any) -> tf.Tensor:
    """The value function's terms, `log D(x_i) + log(1 - D(G(z_i)))`.

    Their mean over a minibatch is the estimate V~ of V(D, G) (Goodfellow et al. 2014, eq. 1
    and Algorithm 1). V lies in (-inf, 0], and is -log 4 where D cannot tell the two apart.

    Args:
        real_logits: `[batch, 1]`, D's logits on data.
        fake_logits: `[batch, 1]`, D's logits on samples.

    Returns:
        `[batch]`, in nats.
    """
    return _log_d(real_logits) + _log_one_minus_d(fake_logits)


class AdversarialLoss:
    """What the two players minimise. Subclass it to make a game of your own.

    A subclass defines `discriminator` and `generator`; one that takes arguments also defines
    `get_config`, and `keras.saving.register_keras_serializable` lets models that use it be saved.
    """

    def discriminator(self, real_logits: Any, fake_logits: Any) -> tf.Tensor:
        """D's loss for each example, `[batch]`, from two `[batch, 1]` logits."""
        raise NotImplementedError

    def generator(self, real_logits: Any, fake_logits: Any) -> tf.Tensor:
        """G's loss for each example, `[batch]`, from two `[batch, 1]` logits."""
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> AdversarialLoss:
        """The loss that `config` describes."""
        return cls(**config)


class _ValueGame(AdversarialLoss):
    """D ascends the value function; the subclasses differ in what G does."""

    def __init__(self, discriminator_weight: float = 1.0):
        if not discriminator_weight > 0:
            raise ValueError(
                "Invalid value for argument `discriminator_weight`: expected a positive number "
                f"(1, or 0.5 for J_D = -V/2), received {discriminator_weight!r}."
            )
        self.discriminator_weight = discriminator_weight

    def discriminator(self, real_logits: Any, fake_logits: Any) -> tf.Tensor:
        """`-(log D(x) + log(1 - D(G(z))))`, times `discriminator_weight`: ascent of V (eq. 1)."""
        return -self.discriminator_weight * value(real_logits, fake_logits)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"discriminator_weight": self.discriminator_weight}


@keras.saving.register_keras_serializable(package="kgan")
class Minimax(_ValueGame):
    """The zero-sum game: G descends the value function that D ascends (2014, eq. 1, Algorithm 1).

    G's gradient through the logit is `-D`, which vanishes while D rejects the samples with
    confidence: the game saturates early in training.

    Args:
        discriminator_weight: factor of D's loss; 0.5 gives J_D = -V/2, the binary
            cross-entropy over an even mix of data and samples.
    """

    def generator(self, real_logits: Any, fake_logits: Any) -> tf.Tensor:
        """`log(1 - D(G(z)))`; `real_logits` plays no part and may be None."""
        return _log_one_minus_d(fake_logits)


@keras.saving.register_keras_serializable(package="kgan")
class NonSaturating(_ValueGame):
    """G maximises log D(G(z)) instead: same fixed point, strong gradient early (2014, section 3).

    G's gradient through the logit is `-(1 - D)`, which tends to -1 where `Minimax`'s vanishes.

    Args:
        discriminator_weight: factor of D's loss; 0.5 gives J_D = -V/2.
    """

    def generator(self, real_logits: Any, fake_logits: Any) -> tf.Tensor:
        """`-log D(G(z))`; `real_logits` plays no part and may be None."""
        return -_log_d(fake_logits)


@keras.saving.register_keras_serializable(package="kgan")
class Blended(_ValueGame):
    """A convex mix of the two, which the authors' published code of 2014 offered as an option.

    Args:
        weight: share of the non-saturating loss, in [0, 1]; 0 is `Minimax`, 1 is `NonSaturating`.
        discriminator_weight: factor of D's loss; 0.5 gives J_D = -V/2.
    """

    def __init__(self, weight: float = 0.5, discriminator_weight: float = 1.0):
        super().__init__(discriminator_weight)
        if not 0 <= weight <= 1:
            raise ValueError(
                "Invalid value for argument `weight`: expected a number in [0, 1], "
                f"received {weight!r}."
            )
        self.weight = weight

    def generator(self, real_logits: Any, fake_logits: Any) -> tf.Tensor:
        """`-weight log D(G(z)) + (1 - weight) log(1 - D(G(z)))`; `real_logits` may be None."""
        return -self.weight * _log_d(fake_logits) + (1 - self.weight) * _log_one_minus_d(
            fake_logits
        )

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"weight": self.weight, **super().get_config()}


_BY_NAME = {"minimax": Minimax, "non_saturating": NonSaturating, "blended": Blended}


def get(identifier: str | dict[str, Any] | AdversarialLoss) -> AdversarialLoss:
    """A loss from its name, its configuration, or itself.

    Args:
        identifier: `"minimax"`, `"non_saturating"` or `"blended"`, a configuration made by
            `keras.saving.serialize_keras_object`, or an object with `discriminator` and
            `generator` methods.

    Returns:
        The loss.

    Raises:
        ValueError: the name is not known, or the object is no adversarial loss.
    """
    if isinstance(identifier, str) and identifier in _BY_NAME:
        return _BY_NAME[identifier]()
    loss: Any = identifier
    if isinstance(identifier, dict):
        loss = keras.saving.deserialize_keras_object(identifier)
    methods = [getattr(loss, name, None) for name in ("discriminator", "generator")]
    if all(map(callable, methods)) and not isinstance(loss, type):
        return loss
    raise ValueError(
        f"Invalid value for argument `loss`: expected one of {sorted(_BY_NAME)}, a configuration "
        "or an object with `discriminator` and `generator` methods (`kgan.losses.Minimax()`), "
        f"received {identifier!r}."
    )
