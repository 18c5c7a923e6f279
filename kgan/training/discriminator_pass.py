"""The discriminator pass: logits, and their gradients with respect to the images, of one update."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence

import keras
import tensorflow as tf

from kgan.penalties import Penalty
from kgan.training.keras_private import all_layers
from kgan.training.layer_losses import call_losses, weight_losses
from kgan.training.minibatches import network_inputs

__all__ = ["DiscriminatorPass", "pack", "power_iterations"]

# Takes images, and whether they are data; returns them augmented.
Augment = Callable[[tf.Tensor, bool], tf.Tensor]


def pack(examples: tf.Tensor, packing: int) -> tf.Tensor:
    """Stack every `packing` consecutive examples along the channels.

    The discriminator of PacGAN sees examples so (Lin et al. 2018, arXiv 1712.04086, section 3).

    Args:
        examples: images `[n, height, width, channels]`, points `[n, dim]` or labels `[n]`.
        packing: divides n.

    Returns:
        `[n / packing, height, width, packing * channels]`, `[n / packing, packing * dim]` or
        `[n / packing, packing]`.
    """
    if packing == 1:
        return examples
    shape = examples.shape[1:]
    # [n / packing, packing, ..., channels] -> [..., packing, channels] -> channels side by side.
    packs = tf.reshape(examples, [-1, packing, *shape])
    if not shape.rank:
        return packs
    last = shape.rank
    packs = tf.transpose(packs, [0, *range(2, last + 1), 1, last + 1])
    return tf.reshape(packs, [-1, *shape[:-1], packing * shape[-1]])


def power_iterations(network: keras.Model) -> None:
    """Run one power iteration in each spectrally normalized layer of a network.

    Miyato et al. 2018 (arXiv 1802.05957, Algorithm 1) ask for one at each discriminator update. The
    layers do not iterate when called, so a generator update leaves their vectors alone.
    """
    for layer in all_layers(network):
        if hasattr(layer, "power_iteration"):
            layer.power_iteration()


class DiscriminatorPass:
    """The discriminator with the packing, augmentation and condition of one update.

    All methods but `inference_logits` call it in training mode.

    Args:
        discriminator: maps images, or `[images, condition]`, to logits `[batch]`, `[batch, 1]` or
            `[batch, height, width, 1]` of patches, whose mean is the logit of the image.
        condition: of each example, for a conditional discriminator: class labels or images.
        augment: applied to data and samples before the discriminator, and to images that are their
            condition, which move alike; None for no augmentation.
        packing: the number of examples that the discriminator sees at once.

    Attributes:
        losses: what D's layers add to its loss, after `logits` or `inference_logits`: weight
            regularizers once, and `add_loss` and activity regularizers of the passes on data and on
            samples, summed.
    """

    losses: list[tf.Tensor]

    def __init__(
        self,
        discriminator: keras.Model,
        condition: tf.Tensor | None = None,
        augment: Augment | None = None,
        packing: int = 1,
    ):
        self.discriminator = discriminator
        self.condition = None if condition is None else pack(condition, packing)
        self.augment = augment
        self.packing = packing

    def real_logits(self, images: tf.Tensor) -> tf.Tensor:
        """Return the logits of data."""
        packs = self._augmented(pack(images, self.packing), True)
        return self._logits(packs, self._condition_of(True))

    def fake_logits(self, samples: tf.Tensor) -> tf.Tensor:
        """Return the logits of samples."""
        packs = self._augmented(pack(samples, self.packing), False)
        return self._logits(packs, self._condition_of(False))

    def inference_logits(
        self, images: tf.Tensor, samples: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the logits of data and samples in inference mode, without augmentation."""
        packs = [pack(examples, self.packing) for examples in (images, samples)]
        return self._apart(packs[0], packs[1], [self.condition] * 2, training=False)

    def logits(self, images: tf.Tensor, samples: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the logits of data and of samples, and keep what `penalty` needs.

        The tape around the pass makes the gradients at these images and samples free of another
        pass.
        """
        # Penalties mix both, and in half precision or float64 a network's samples have its type.
        dtype = max(images.dtype, samples.dtype, key=lambda dtype: dtype.size)
        self._images, self._samples = (
            tf.cast(pack(x, self.packing), dtype) for x in (images, samples)
        )
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([self._images, self._samples])
            real_logits, fake_logits = self._both_logits()
            # Each logit depends on its own example, so the sum's gradient is that of each.
            total = _total(real_logits) + _total(fake_logits)
        # Lazy: a step without penalties records the tape and never asks it.
        self._gradients = functools.cache(
            lambda: tape.gradient(total, [self._images, self._samples])
        )
        self._dtype = real_logits.dtype
        return real_logits, fake_logits

    def penalty(self, penalties: Sequence[Penalty], seed: tf.Tensor) -> tf.Tensor:
        """Return the sum of penalties, means over the last data and samples: a scalar.

        Args:
            penalties: one or more.
            seed: int64 `[2]`, for penalties that draw.
        """
        values = [
            penalty(self._images, self._samples, self.gradients, seed) for penalty in penalties
        ]
        # In the type of the loss: a penalty is as precise as its points.
        return tf.add_n([tf.cast(tf.reduce_mean(value), self._dtype) for value in values])

    def gradients(self, points: tf.Tensor) -> tf.Tensor:
        """Return the gradient of the logit with respect to its input, in full precision.

        Args:
            points: packed examples: the data or samples of the last pass, or any other points,
                which are augmented as samples are.

        Returns:
            At least float32, of the shape of `points`.
        """
        # A gradient in half precision errs by 1e-2, and its square underflows.
        low = tf.as_dtype(self.discriminator.compute_dtype).size < 4
        if not low and points is self._images:
            return self._gradients()[0]
        if not low and points is self._samples:
            return self._gradients()[1]
        of_data = points is self._images  # else a sample's augmentation would be seen on data
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(points)
            with _in_full_precision(self.discriminator) if low else contextlib.nullcontext():
                augmented = self._augmented(points, of_data)
                total = _total(self._logits(augmented, self._condition_of(of_data)))
        return tape.gradient(total, points)

    def _both_logits(self) -> tuple[tf.Tensor, tf.Tensor]:
        images = self._augmented(self._images, True)
        samples = self._augmented(self._samples, False)
        conditions = [self._condition_of(of_data) for of_data in (True, False)]
        # One pass is faster, but batch normalization would mix the statistics of the two.
        if not getattr(self.discriminator, "independent_examples", False):
            return self._apart(images, samples, conditions)
        both = tf.concat([images, tf.cast(samples, images.dtype)], axis=0)
        twice = None if self.condition is None else tf.concat(conditions, axis=0)
        real_logits, fake_logits = tf.split(self._logits(both, twice), 2)
        # Layers that add losses may take means over the batch, so they need two passes as well.
        if call_losses(self.discriminator):
            return self._apart(images, samples, conditions)
        self.losses = weight_losses(self.discriminator)
        return real_logits, fake_logits

    def _apart(
        self,
        images: tf.Tensor,
        samples: tf.Tensor,
        conditions: Sequence[tf.Tensor | None],
        training: bool = True,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the logits of data and of samples, from two passes. Set `losses`."""
        real_logits = self._logits(images, conditions[0], training)
        losses = call_losses(self.discriminator)  # the next call clears them
        fake_logits = self._logits(samples, conditions[1], training)
        losses += call_losses(self.discriminator)
        self.losses = losses + weight_losses(self.discriminator)
        return real_logits, fake_logits

    def _augmented(self, packs: tf.Tensor, of_data: bool) -> tf.Tensor:
        return packs if self.augment is None else self.augment(packs, of_data)

    def _condition_of(self, of_data: bool) -> tf.Tensor | None:
        """Return the condition of data or samples; images are augmented as these are."""
        images = self.condition is not None and self.condition.dtype.is_floating
        return self._augmented(self.condition, of_data) if images else self.condition

    def _logits(
        self, packs: tf.Tensor, condition: tf.Tensor | None, training: bool = True
    ) -> tf.Tensor:
        inputs = network_inputs(self.discriminator, packs, condition)
        logits = self.discriminator(inputs, training=training)
        # A plain Keras network has logits in half precision, in which losses lose digits.
        return tf.cast(logits, tf.float32) if logits.dtype.size < 4 else logits


def _total(logits: tf.Tensor) -> tf.Tensor:
    """Return the sum of the logits over the examples. The logit of patches is their mean.

    Isola et al. 2017 (arXiv 1611.07004, section 3.2.2) average the patches to D's output.
    """
    return tf.reduce_sum(tf.reduce_mean(logits, axis=range(1, logits.shape.rank)))


@contextlib.contextmanager
def _in_full_precision(network: keras.Model) -> Iterator[None]:
    """Let a network compute in the type of its weights within this context."""
    layers = all_layers(network)
    policies = [layer.dtype_policy for layer in layers]
    try:
        # Only the policies change: weights are kept in full precision anyway.
        for layer in layers:
            layer.dtype_policy = layer.variable_dtype
        yield
    finally:
        for layer, policy in zip(layers, policies, strict=True):
            layer.dtype_policy = policy
