"""The exponential moving average (EMA) of a generator's weights."""

from __future__ import annotations

import contextlib
import numbers
from collections.abc import Callable, Iterator, Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf

__all__ = ["ExponentialMovingAverage", "NoAverage"]


class ExponentialMovingAverage(keras.layers.Layer):
    """The EMA of some weights: `ema = d * ema + (1 - d) * weight` at each update.

    At update t, d is `min(decay, t / (t + 9))`, so that the first weights are soon forgotten.

    Args:
        decay: the decay per update, in [0, 1).

    Attributes:
        complete: whether the last file that was loaded held an EMA.
    """

    def __init__(self, decay: float):
        super().__init__(name="ema", trainable=False)
        if not isinstance(decay, numbers.Real) or not 0 <= decay < 1:
            raise ValueError(
                "Invalid value for argument `ema_decay`: expected None or a number in [0, 1), "
                f"received {decay!r}. 0.999 is usual."
            )
        self.decay: float = decay

    def build(self, sources: Callable[[], Sequence[keras.Variable]]) -> None:
        """Create an EMA for each of some weights, zero at first.

        The weights stay the same ones, whatever a user freezes or unfreezes later.

        Args:
            sources: returns the weights. Keras would count a list of them, or one that is an
                attribute, among this layer's own, and save them with it.
        """
        weights = list(sources())
        self.sources = lambda: weights
        self.averages = [
            self.add_weight(
                shape=weight.shape,
                dtype=weight.dtype,
                initializer="zeros",
                trainable=False,
                name=f"ema_{i}",
            )
            for i, weight in enumerate(weights)
        ]
        self.complete = True
        self.built = True

    def check_covers(self, weights: Sequence[keras.Variable]) -> None:
        """Check that each of some trained weights has an EMA.

        Raises:
            ValueError: one was frozen, or did not exist, when the EMA was built.
        """
        covered = {id(source) for source in self.sources()}
        other = [weight.path for weight in weights if id(weight) not in covered]
        if other:
            raise ValueError(
                "Invalid value for the generator's trained weights: expected those that the EMA "
                f"averages since the game was built, received others as well, such as {other[0]!r}."
                " After unfreezing or adding weights, make a new game of the same networks: "
                "kgan.GAN(gan.generator, gan.discriminator, ...)."
            )

    def update(self, t: tf.Tensor) -> None:
        """Take in the weights of update `t`, an integer scalar that counts from 0."""
        t = tf.cast(t, tf.float32)
        # At t = 0 this is 0: the EMA begins as the first weights, not as zeros to be corrected for.
        decay = tf.minimum(self.decay, t / (t + 9.0))
        for average, weight in zip(self.averages, self.sources(), strict=True):
            kept = tf.cast(decay, average.dtype)
            average.assign(kept * average + (1 - kept) * tf.convert_to_tensor(weight))

    def restart(self) -> None:
        """Give each EMA the value of its weight."""
        for average, weight in zip(self.averages, self.sources(), strict=True):
            average.assign(weight)
        self.complete = True

    def load_own_variables(self, store: Mapping[str, np.ndarray]) -> None:
        """Load the EMA; Keras calls this for each file of weights.

        Raises:
            ValueError: the file has none for these weights. `complete` is False then.
        """
        # Keras tries each attribute that holds this layer, and the file has it under one of them.
        self.complete = False
        if not list(store.keys()):
            raise ValueError(
                "The file has no EMA that fits this game's generator. Make the game with "
                "ema_decay=None, or pass skip_mismatch=True to start the EMA at the loaded weights."
            )
        count = len(self.averages)
        if len(store.keys()) == 2 * count:  # an earlier file: the weights themselves come before
            store = {str(i): store[str(i + count)] for i in range(count)}
        super().load_own_variables(store)
        self.complete = True

    @contextlib.contextmanager
    def swapped_in(self) -> Iterator[None]:
        """Give the weights the values of their EMA within this context."""
        weights = self.sources()
        # Copies, not references: the weights are assigned to below.
        kept = [tf.identity(weight) for weight in weights]
        try:
            for weight, average in zip(weights, self.averages, strict=True):
                weight.assign(average)
            yield
        finally:
            for weight, value in zip(weights, kept, strict=True):
                weight.assign(value)


class NoAverage(keras.layers.Layer):
    """What a game without an EMA has in its place: it refuses a file that has one."""

    def load_own_variables(self, store: Mapping[str, np.ndarray]) -> None:
        """Check that the file has no EMA; Keras calls this for each file of weights.

        Raises:
            ValueError: it has one.
        """
        if list(store.keys()):
            raise ValueError(
                "The file is of a game with an EMA of the generator's weights, from which it "
                "samples. Make this game with `ema_decay` as well, or pass skip_mismatch=True to "
                "load the generator's latest weights."
            )
