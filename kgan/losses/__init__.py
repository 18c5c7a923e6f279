"""Adversarial losses on logits.

A loss defines what the discriminator and the generator minimize. Both methods take the
discriminator's logits `o(x)`, with `D(x) = sigmoid(o(x))`, as `[batch, 1]` tensors, real before
fake. They return one value an example, `[batch]`, not reduced. Half-precision logits are cast to
float32.
"""

from __future__ import annotations

from typing import cast

import keras

from kgan.losses.base import AdversarialLoss
from kgan.losses.critics import Hinge, LeastSquares, RelativisticPaired, Wasserstein
from kgan.losses.value_games import Blended, Minimax, NonSaturating, value
from kgan.utils.types import JsonDict

__all__ = [
    "AdversarialLoss",
    "Blended",
    "Hinge",
    "LeastSquares",
    "Minimax",
    "NonSaturating",
    "RelativisticPaired",
    "Wasserstein",
    "get",
    "value",
]

_BY_NAME = {
    "minimax": Minimax,
    "non_saturating": NonSaturating,
    "blended": Blended,
    "least_squares": LeastSquares,
    "hinge": Hinge,
    "wasserstein": Wasserstein,
    "relativistic_paired": RelativisticPaired,
}


def get(identifier: str | JsonDict | AdversarialLoss) -> AdversarialLoss:
    """Return a loss from its name, its configuration, or itself.

    Args:
        identifier: a class name in snake case, such as `"non_saturating"`, a configuration made
            by `keras.saving.serialize_keras_object`, or an object with `discriminator` and
            `generator` methods.

    Returns:
        The loss.

    Raises:
        ValueError: the name is unknown, or the object is no adversarial loss.

    Example:
        ```python
        kgan.losses.get("hinge")  # a Hinge
        ```
    """
    if isinstance(identifier, str) and identifier in _BY_NAME:
        return _BY_NAME[identifier]()
    loss: object = identifier
    if isinstance(identifier, dict):
        loss = keras.saving.deserialize_keras_object(identifier)
    # Any object with the two methods will do: a loss need not be a subclass.
    methods = [getattr(loss, name, None) for name in ("discriminator", "generator")]
    if all(map(callable, methods)) and not isinstance(loss, type):
        return cast("AdversarialLoss", loss)
    raise ValueError(
        f"Invalid value for argument `loss`: expected one of {sorted(_BY_NAME)}, a configuration "
        "or an object with `discriminator` and `generator` methods (`kgan.losses.Minimax()`), "
        f"received {identifier!r}."
    )
