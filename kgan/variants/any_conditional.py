"""All conditionals in one network (Goodfellow et al. 2014, section 6): any part from the rest."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from kgan.conditions import Masked
from kgan.masks import checked_mask, masked, random_masks
from kgan.priors import Prior
from kgan.training import seeds
from kgan.training.keras_private import is_validation_of_fit
from kgan.training.minibatches import Minibatch
from kgan.training.validation import check_condition_images, check_condition_values, check_domain
from kgan.utils.checks import number
from kgan.utils.types import JsonDict
from kgan.variants.pix2pix import Pix2Pix

__all__ = ["AnyConditional"]

_CHUNK = 1000  # images whose masks are made at once


@keras.saving.register_keras_serializable(package="kgan")
class AnyConditional(Pix2Pix):
    """One network for p(hidden pixels | given pixels), whichever pixels are hidden.

    It is `Pix2Pix` whose condition is the image without its hidden pixels, and the mask as a last
    channel. Each update draws new masks (`kgan.masks.random_masks`): halves, rectangles, and single
    pixels, up to all of them. So one generator learns every conditional (section 6, extension 3).

    pix2pix learns to ignore the latents, as the L1 term has one best answer for all of them, the
    median. G's update here makes two samples s and s' of each condition, and its further term for
    an image x is

        l1_weight * mean(|s - x| / 2 + |s' - x| / 2 - diversity_weight * |s - s'| / 2).

    With a `diversity_weight` of 1 its expectation is the continuous ranked probability score
    (Gneiting and Raftery 2007, section 4.2), which is least where each pixel of the samples has the
    distribution that it has in the data. With 0 it is the L1 term. Lower values give samples nearer
    to the median, with a smaller error and less variety.

    The data are images alone, or pairs with conditions of the same form. Training makes its own
    conditions. Those of the pairs are for `evaluate` and callbacks; without them, they are made by
    `kgan.conditions.Masked("any")`. `complete(images, mask)` samples the hidden pixels.

    Args:
        generator: a network that gives given pixels back, with `keep_given=True` and latents, such
            as `kgan.networks.UNetGenerator`.
        discriminator: as of `Pix2Pix`.
        prior: as of `Pix2Pix`.
        l1_weight: weight of the term above, at least 0.
        diversity_weight: from 0 to 1; 0 for a generator without latents.
        **kwargs: the further arguments of `kgan.GAN`.

    Raises:
        ValueError: the generator does not keep given pixels, or an argument is unusable.

    Example:
        ```python
        shapes = {"image_shape": (28, 28, 1), "condition_shape": (28, 28, 2)}
        gan = kgan.variants.AnyConditional(
            generator=kgan.networks.UNetGenerator(**shapes, latent_dim=32, keep_given=True),
            discriminator=kgan.networks.PatchDiscriminator(**shapes),
        )
        gan.compile("adam", "adam")
        gan.fit(images, batch_size=32, epochs=10)
        whole = gan.complete(images[:8], mask)  # bool [28, 28], True where a pixel is given
        ```
    """

    traced = ("l1_weight", "diversity_weight")

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        prior: Prior | None = None,
        l1_weight: float = 100.0,
        diversity_weight: float = 0.5,
        **kwargs: Any,
    ):
        if not getattr(generator, "keep_given", False):
            raise ValueError(
                "Invalid value for argument `generator`: expected one that gives given pixels back "
                "unchanged, such as kgan.networks.UNetGenerator(..., keep_given=True), received "
                f"{type(generator).__name__} without."
            )
        super().__init__(generator, discriminator, prior, l1_weight, **kwargs)
        self.autocast = False  # of conditions: in half precision, given pixels come back whole
        self.diversity_weight = number("diversity_weight", diversity_weight, 0, 1)
        if self.diversity_weight and not self.prior.dim:
            raise ValueError(
                "Invalid value for argument `diversity_weight`: expected 0 for a generator without "
                f"latents, whose samples do not differ, received {diversity_weight!r}. Give the "
                "generator a `latent_dim`."
            )

    def random_conditions(self, images: tf.Tensor, seed: Any) -> tf.Tensor:
        """Return images, each with a random part hidden, and their masks as a last channel.

        Args:
            images: floats `[batch, *image_shape]` in the value range.
            seed: two integers `[2]`; the same seed gives the same masks.
        """
        given = random_masks(tf.shape(images)[0], self.image_shape[:2], seed)
        return masked(images, given, self._range)

    def complete(self, images: npt.ArrayLike, mask: npt.ArrayLike, seed: Any = 0) -> np.ndarray:
        """Sample the hidden pixels of images from the given ones.

        Args:
            images: floats `[n, *image_shape]` in the value range. What hidden pixels hold does not
                matter; it may be NaN.
            mask: booleans `[n, height, width]` or `[n, height, width, 1]`, True where a pixel is
                given; or `[height, width]` for all images.
            seed: of the latents, as in `sample`. Another seed gives another sample.

        Returns:
            float32 `[n, *image_shape]`, with the given pixels unchanged.

        Raises:
            ValueError: an argument is unusable.
        """
        if not self.built:
            self.build()
        found = np.asarray(images)
        check_condition_images(found, self.image_shape, argument="images")
        found = found.astype(np.float32)
        given = checked_mask(mask, len(found), self.image_shape[:2])
        condition = masked(tf.constant(found), tf.constant(given), self._range).numpy()
        check_condition_values(condition, self.value_range, True, "images")
        return np.where(given, found, self.sample(len(found), seed, condition=condition))

    # Algorithm 1 with new masks in each update, and two samples in G's.

    def _update_discriminator(self, minibatch: Minibatch, i: int) -> tf.Tensor:
        return super()._update_discriminator(self._masked(minibatch, i), i)

    def _update_generator(self, minibatch: Minibatch) -> tf.Tensor:
        images, condition = self._masked(minibatch, self.discriminator_steps)
        return super()._update_generator(Minibatch(_twice(images), _twice(condition)))

    def _masked(self, minibatch: Minibatch, i: int) -> Minibatch:
        """Return the images with the conditions of the step's update `i`."""
        seed = self._seed(seeds.MASKS, self._update_number(i))
        return Minibatch(minibatch.images, self.random_conditions(minibatch.images, seed))

    def test_step(self, data: Any) -> dict[str, tf.Tensor]:
        """Compute the logs in inference mode on one batch, with two samples of each condition."""
        images, condition, _ = keras.utils.unpack_x_y_sample_weight(data)
        return super().test_step((_twice(images), _twice(condition)))

    def generator_term(
        self,
        samples: tf.Tensor,
        latents: tf.Tensor,
        condition: tf.Tensor | None,
        images: tf.Tensor,
    ) -> tf.Tensor:
        """Return the term of the class's description, of two samples of each condition.

        Args:
            samples: `[2 * batch, ...]`, one sample of each condition, then another of each.
            latents: not used.
            condition: not used.
            images: the same shape, all images twice.
        """
        term = super().generator_term(samples, latents, condition, images)
        if not self.diversity_weight:
            return term
        first, second = tf.split(tf.cast(samples, images.dtype), 2)
        difference = tf.reduce_mean(tf.abs(first - second))
        return term - self.l1_weight * self.diversity_weight / 2.0 * difference

    # Data of images alone.

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> keras.callbacks.History:
        """Train, as `kgan.GAN.fit`, on images alone or on pairs of images and conditions.

        Raises:
            ValueError: the game cannot use the data.
        """
        held_out = kwargs.get("validation_data")
        pair = held_out if isinstance(held_out, tuple) else (held_out,)
        if held_out is not None and len(pair) < 3:  # weights are refused
            images, conditions = self._pairs(*pair)
            kwargs["validation_data"] = images if conditions is None else (images, conditions)
        x, y = self._pairs(x, y)
        return super().fit(x, y, batch_size, *args, **kwargs)

    def evaluate(
        self, x: Any = None, y: Any = None, batch_size: int | None = None, *args: Any, **kwargs: Any
    ) -> Any:
        """Compute the logs, as `kgan.GAN.evaluate`, on data as in `fit`.

        Raises:
            ValueError: the game cannot use the data.
        """
        if not is_validation_of_fit(kwargs):
            x, y = self._pairs(x, y)
        return super().evaluate(x, y, batch_size, *args, **kwargs)

    def train_on_batch(self, x: Any, y: Any = None, **kwargs: Any) -> Any:
        """Take one step on one batch of images, as `kgan.GAN.train_on_batch`."""
        return super().train_on_batch(*self._pairs(x, y), **kwargs)

    def _pairs(self, x: Any, y: Any = None) -> tuple[Any, Any]:
        """Return data with conditions, made where there are none and the data are images."""
        if not self.built:
            self.build()
        if y is None and isinstance(x, tf.data.Dataset):
            return self._paired(x), None
        if y is None and hasattr(x, "shape"):
            check_domain(self, x, tuple(self.image_shape), "x")
            parts = np.array_split(np.asarray(x), -(-len(x) // _CHUNK))
            return x, np.concatenate([self._pair(tf.constant(part))[1] for part in parts])
        return x, y

    def _paired(self, data: tf.data.Dataset) -> tf.data.Dataset:
        spec = data.element_spec
        known = isinstance(spec, tf.TensorSpec) and spec.dtype.is_floating
        if not known or not spec.shape.is_compatible_with([None, *self.image_shape]):
            return data  # pairs, or what the check of the data refuses
        if hasattr(data, "conditioned"):  # of kgan: it stays one that can seek
            return data.conditioned(Masked("any"), self._pair)
        return data.map(self._pair)

    def _pair(self, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return images and conditions that follow from them."""
        low, high = self._range
        given = Masked("any").given((images - low) / (high - low))
        return images, masked(images, given, self._range)

    @property
    def _range(self) -> tuple[float, float]:
        return self.value_range or (-1.0, 1.0)

    # A Keras model.

    def training_settings(self) -> JsonDict:
        return {**super().training_settings(), "diversity_weight": self.diversity_weight}

    def get_config(self) -> JsonDict:
        return {**super().get_config(), "diversity_weight": self.diversity_weight}


def _twice(x: tf.Tensor) -> tf.Tensor:
    return tf.concat([x, x], axis=0)
