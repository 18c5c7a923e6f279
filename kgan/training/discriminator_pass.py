"""The discriminator as one update of the game sees it: with labels, augmentation and slopes."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf

__all__ = ["DiscriminatorPass", "pack", "with_labels"]

# Takes images and whether they are data; returns them augmented.
Augment = Callable[[tf.Tensor, bool], tf.Tensor]


def pack(examples: Any, packing: int) -> Any:
    """Lays every `packing` examples in a row on top of each other, as the channels of one.

    This is how D sees examples in PacGAN (Lin et al. 2018, arXiv 1712.04086, section 3).

    Args:
        examples: images `[n, height, width, channels]`, points `[n, dim]`, labels `[n]` or None.
        packing: divides n.

    Returns:
        `[n / packing, height, width, packing * channels]`, `[n / packing, packing * dim]`, or
        `[n / packing, packing]`, or None.
    """
    if packing == 1 or examples is None:
        return examples
    shape = examples.shape[1:]
    packs = tf.reshape(examples, [-1, packing, *shape])
    if not shape.rank:
        return packs
    last = shape.rank
    packs = tf.transpose(packs, [0, *range(2, last + 1), 1, last + 1])
    return tf.reshape(packs, [-1, *shape[:-1], packing * shape[-1]])


def with_labels(inputs: Any, labels: Any) -> Any:
    """What a player is called with: a conditional one, with a list of two."""
    return inputs if labels is None else [inputs, labels]


class DiscriminatorPass:
    """What D says of data and samples, and how steep it is there.

    Args:
        discriminator: D.
        labels: what a conditional D is told of each example; else None.
        augment: what is done to images before D sees them; None for nothing.
    """

    def __init__(
        self, discriminator: keras.Model, labels: tf.Tensor | None, augment: Augment | None
    ):
        self.discriminator = discriminator
        self.labels = labels
        self.augment = augment

    def image_logits(self, images: tf.Tensor) -> tf.Tensor:
        """D's logits `[batch, 1]` on data alone."""
        return self._logits(self._augmented(images, True), self.labels)

    def sample_logits(self, samples: tf.Tensor) -> tf.Tensor:
        """D's logits `[batch, 1]` on samples alone."""
        return self._logits(self._augmented(samples, False), self.labels)

    def logits(self, images: tf.Tensor, samples: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """D's logits on data and samples: in one pass where it judges each example by itself.

        One pass is faster, but batch normalisation would mix the statistics of the two.
        """
        if not getattr(self.discriminator, "independent_examples", False):
            return self.image_logits(images), self.sample_logits(samples)
        images, samples = self._augmented(images, True), self._augmented(samples, False)
        both = tf.concat([images, tf.cast(samples, images.dtype)], axis=0)
        labels = None if self.labels is None else tf.concat([self.labels, self.labels], axis=0)
        real_logits, fake_logits = tf.split(self._logits(both, labels), 2)
        return real_logits, fake_logits

    def watched_logits(self, images: tf.Tensor, samples: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """As `logits`, remembered, so that `slopes` on these images and samples costs no pass."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([images, samples])
            real_logits, fake_logits = self.logits(images, samples)
            total = tf.reduce_sum(real_logits) + tf.reduce_sum(fake_logits)
        judged = functools.cache(lambda: tape.gradient(total, [images, samples]))
        self._judged = {images.ref(): lambda: judged()[0], samples.ref(): lambda: judged()[1]}
        return real_logits, fake_logits

    def slopes(self, points: tf.Tensor) -> tf.Tensor:
        """The gradient of D's logit along its input at any points, computed in full precision."""
        low = tf.as_dtype(self.discriminator.compute_dtype).size < 4
        if not low and points.ref() in self._judged:
            return self._judged[points.ref()]()
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(points)
            with _in_full_precision(self.discriminator) if low else contextlib.nullcontext():
                total = tf.reduce_sum(self.sample_logits(points))
        return tape.gradient(total, points)

    def _augmented(self, images: tf.Tensor, of_data: bool) -> tf.Tensor:
        return images if self.augment is None else self.augment(images, of_data)

    def _logits(self, images: tf.Tensor, labels: tf.Tensor | None) -> tf.Tensor:
        return self.discriminator(with_labels(images, labels), training=True)


@contextlib.contextmanager
def _in_full_precision(network: keras.Model) -> Iterator[None]:
    """Within this context the network computes in the type of its weights."""
    layers: list[Any] = list(network._flatten_layers())
    policies = [layer.dtype_policy for layer in layers]
    try:
        for layer in layers:
            layer.dtype_policy = layer.variable_dtype
        yield
    finally:
        for layer, policy in zip(layers, policies, strict=True):
            layer.dtype_policy = policy
