"""From image to image without pairs: CycleGAN (Zhu et al. 2017, arXiv 1703.10593)."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kgan.gan import GAN
from kgan.losses import LeastSquares
from kgan.priors import NoLatents
from kgan.training import seeds
from kgan.training.image_pool import ImagePool
from kgan.training.keras_private import is_validation_of_fit
from kgan.training.validation import check_domain
from kgan.utils.checks import image_function, integer, number
from kgan.utils.types import JsonDict
from kgan.variants.both_ways import (
    DIRECTIONS,
    ByDomain,
    TwoDiscriminators,
    TwoGenerators,
    check_discriminators,
    parted,
)

__all__ = ["CycleGAN"]

_WEIGHTS = ("cycle_weight", "identity_weight")
_NETWORKS = (*TwoGenerators.parts, *TwoDiscriminators.parts)


@keras.saving.register_keras_serializable(package="kgan")
class CycleGAN(GAN):
    """A game on images of two domains X and Y, of which no two need belong together.

    G maps images of X to Y and F maps them back; each has a discriminator of the images that it
    makes. It is Algorithm 1 for one generator of pairs, which maps (x, y) to (F(y), G(x)), and one
    discriminator, whose logits are those of x and y. Its losses are means over both domains, where
    the paper has sums. So `g_loss` and `d_loss` are half of the paper's, in the same balance. With
    `loss="least_squares"` they are a quarter: `kgan.losses.LeastSquares` has a factor 1/2 that the
    paper leaves out, and the terms are halved likewise. G's loss has two further terms:

    - `cycle_weight` times the mean absolute difference of F(G(x)) from x and of G(F(y)) from y
      (eq. 2 and 3).
    - `identity_weight` times that of F(x) from x and of G(y) from y (section 5.2), which keeps
      colours.

    D's loss is halved (appendix 7.1), and D is updated on samples of a pool of earlier ones, which
    is a part of the game's state. Replicas share one pool. Penalties are of the gradient of the
    mean logit of both domains with respect to the pair.

    `fit` takes a data set of pairs `(x, y)`, as `kgan.data.load_unpaired` gives them, or two arrays
    of any lengths. `translator("x_to_y")` is a game of one direction to sample, save and export.

    Args:
        generator_xy: G, a network with a `condition_shape` and without latents, such as
            `kgan.networks.ResNetTranslator`, or `kgan.networks.UNetGenerator(residual=False)`: a
            start at the identity is a minimum of the cycle term already, and hard to leave.
        generator_yx: F, likewise.
        discriminator_x: of images of X, which F makes, such as `kgan.networks.PatchDiscriminator`.
        discriminator_y: of images of Y, which G makes.
        cycle_weight: lambda, at least 0.
        identity_weight: at least 0; the paper's is half of lambda. 0 where images of X and Y have
            different channels.
        pool_size: samples in the pool of each domain; 0 updates D on new samples.
        **kwargs: the further arguments of `kgan.GAN`, but for `packing`. An augmentation is applied
            to each domain by itself.

    Raises:
        ValueError: the networks do not fit each other, or an argument is unusable.

    Example:
        ```python
        shape = (32, 32, 3)
        gan = kgan.variants.CycleGAN(
            generator_xy=kgan.networks.ResNetTranslator(shape),
            generator_yx=kgan.networks.ResNetTranslator(shape),
            discriminator_x=kgan.networks.PatchDiscriminator(shape),
            discriminator_y=kgan.networks.PatchDiscriminator(shape),
        )
        gan.compile("adam", "adam", loss="least_squares")
        gan.fit(kgan.data.load_unpaired("photos/", "paintings/", batch_size=1), epochs=10)
        paintings = gan.translator("x_to_y").sample(8, condition=photos[:8])
        ```
    """

    discriminator_loss_weight = 0.5
    traced = _WEIGHTS

    def __init__(
        self,
        generator_xy: keras.Model,
        generator_yx: keras.Model,
        discriminator_x: keras.Model,
        discriminator_y: keras.Model,
        cycle_weight: float = 10.0,
        identity_weight: float = 5.0,
        pool_size: int = 50,
        augmentation: Any = None,
        packing: int = 1,
        **kwargs: Any,
    ):
        generator = TwoGenerators(generator_xy, generator_yx)
        shapes = (generator.x_shape, generator.y_shape)
        check_discriminators(discriminator_x, discriminator_y, shapes)
        if packing != 1:
            raise ValueError(
                f"Invalid value for argument `packing`: expected 1, received {packing!r}. The "
                "discriminator of a CycleGAN sees the images of two domains, not packs."
            )
        channels = shapes[0][-1]
        image_function("augmentation", augmentation)
        super().__init__(
            generator,
            TwoDiscriminators(discriminator_x, discriminator_y, channels),
            NoLatents(),
            augmentation=None if augmentation is None else ByDomain(augmentation, channels),
            **kwargs,
        )
        self.cycle_weight = number("cycle_weight", cycle_weight, 0)
        self.identity_weight = number("identity_weight", identity_weight, 0)
        if self.identity_weight and channels != shapes[1][-1]:
            raise ValueError(
                "Invalid value for argument `identity_weight`: expected 0 for domains of "
                f"{channels} and {shapes[1][-1]} channels, as a generator cannot leave an image of "
                f"the other domain as it is, received {identity_weight!r}."
            )
        self.pool_size = integer("pool_size", pool_size, 0)
        self.pools = [ImagePool(self.pool_size) for _ in shapes] if self.pool_size else []

    @property
    def generator_xy(self) -> keras.Model:
        """G, from X to Y, with the latest weights."""
        return self.generator.generator_xy

    @property
    def generator_yx(self) -> keras.Model:
        """F, from Y to X, with the latest weights."""
        return self.generator.generator_yx

    def build(self, input_shape: object = None) -> None:
        """Create the variables of all networks and the pools; `input_shape` is not needed."""
        if self.built:
            return
        super().build(input_shape)
        for pool, shape in zip(
            self.pools, (self.generator.x_shape, self.generator.y_shape), strict=False
        ):
            pool.build(shape)

    # Algorithm 1 with two terms and a pool.

    def shown_samples(self, samples: tf.Tensor, update: tf.Tensor) -> tf.Tensor:
        """Return samples of the pools, and keep some of the new ones there."""
        if not self.pools:
            return samples
        parts = []
        for i, (pool, images) in enumerate(zip(self.pools, self._parted(samples), strict=True)):
            # Without the replica: all replicas share one pool.
            stream = seeds.POOLS + i
            seed = seeds.draw_seed(self.seed, self.rollbacks, stream, update, shared=True)
            parts.append(pool.exchange(images, seed))
        return tf.concat(parts, axis=-1)

    def generator_term(
        self,
        samples: tf.Tensor,
        latents: tf.Tensor,
        condition: tf.Tensor | None,
        images: tf.Tensor,
    ) -> tf.Tensor:
        """Return the weighted cycle and identity terms, means over both domains."""
        term = tf.zeros([], images.dtype)
        if self.cycle_weight:  # of (F(y), G(x)), the generator makes (F(G(x)), G(F(y)))
            term += self.cycle_weight * self._difference(latents, samples, images)
        if self.identity_weight:  # of (y, x), it makes (F(x), G(y))
            swapped = tf.concat(list(reversed(self._parted(images))), axis=-1)
            term += self.identity_weight * self._difference(latents, swapped, images)
        # The paper's least squares are without the 1/2 of Mao et al.
        return term / 2.0 if isinstance(self.loss, LeastSquares) else term

    def _difference(self, latents: tf.Tensor, pairs: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
        """Return the mean absolute difference of what G makes of pairs from images."""
        made = self.generator([latents, pairs], training=self.terms_in_training)
        differences = tf.abs(tf.cast(made, images.dtype) - images)
        # Each domain counts alike, however many channels it has.
        return tf.add_n([tf.reduce_mean(part) for part in self._parted(differences)]) / 2.0

    # Data of two domains.

    def stacked(self, data: tf.data.Dataset) -> tf.data.Dataset:
        """Return a data set of pairs `(x, y)` as the game sees it, for callbacks that take data.

        Each pair is stacked along the channels, and is its own condition.

        Raises:
            ValueError: it is no data set of pairs of batches of images of both domains.
        """
        if not self.built:
            self.build()
        spec = getattr(data, "element_spec", None)
        shapes = [tuple(each.shape[1:]) for each in tf.nest.flatten(spec) if each is not None]
        expected = [self.generator.x_shape, self.generator.y_shape]
        if not isinstance(spec, tuple) or shapes != expected:
            received = f"images of {shapes}" if isinstance(spec, tuple) else type(data).__name__
            raise ValueError(
                "Invalid value for argument `x`: expected arrays `x` and `y`, or a "
                "`tf.data.Dataset` of pairs of batches of images of the domains X and Y, "
                f"{expected}, such as `kgan.data.load_unpaired` returns, received {received}."
            )
        # A data set of kgan stays one that can seek.
        return data.mapped(_pair) if hasattr(data, "mapped") else data.map(_pair)

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> keras.callbacks.History:
        """Train on a data set of pairs `(x, y)`, or on arrays of images of both domains.

        Arrays may have different lengths. They are drawn from independently, in orders that follow
        from the game's seed; with `shuffle=False`, in their own order. An epoch has as many batches
        as the longer array fills. `validation_data` is a data set of pairs, or arrays `(x, y)`.

        The further arguments are those of `kgan.GAN.fit`.

        Raises:
            ValueError: the game cannot use the data.
        """
        held_out = kwargs.get("validation_data")
        if held_out is not None:
            pair = held_out if isinstance(held_out, tuple) else (held_out, None)
            if len(pair) != 2:
                raise ValueError(
                    "Invalid value for argument `validation_data`: expected a data set of pairs, "
                    f"or arrays `(x, y)`, received {len(pair)} parts."
                )
            found, condition = self._as_pairs(*pair)
            kwargs["validation_data"] = found if condition is None else (found, condition)
        if y is None:
            return super().fit(self.stacked(x), None, None, *args, **kwargs)
        from kgan.data import unpaired_arrays  # and with it TFDS

        self._check_arrays(x, y)
        seed = self.seed if kwargs.pop("shuffle", True) else None
        data = unpaired_arrays(x, y, batch_size or 32, seed)
        return super().fit(self.stacked(data), None, None, *args, **kwargs)

    def evaluate(
        self, x: Any = None, y: Any = None, batch_size: int | None = None, *args: Any, **kwargs: Any
    ) -> Any:
        """Compute the logs on a data set of pairs, or on arrays, up to the end of the shorter one.

        Raises:
            ValueError: the game cannot use the data, as in `fit`.
        """
        if not is_validation_of_fit(kwargs):
            x, y = self._as_pairs(x, y)
        return super().evaluate(x, y, batch_size, *args, **kwargs)

    def train_on_batch(self, x: Any, y: Any = None, **kwargs: Any) -> Any:
        """Take one step on arrays of as many images of X as of Y."""
        return super().train_on_batch(*self._as_pairs(x, y), **kwargs)

    def _as_pairs(self, x: Any, y: Any) -> tuple[Any, Any]:
        if y is None:
            return self.stacked(x), None
        self._check_arrays(x, y)
        count = min(len(x), len(y))
        return _pair(np.asarray(x)[:count], np.asarray(y)[:count])

    def _check_arrays(self, x: Any, y: Any, use: bool = True) -> None:
        if not self.built:
            self.build()
        shapes = (self.generator.x_shape, self.generator.y_shape)
        for name, images, shape in zip(("x", "y"), (x, y), shapes, strict=True):
            check_domain(self, images, shape, name, use)

    def _paired(self, condition: Sequence[Any]) -> np.ndarray:
        arrays = [np.asarray(part) for part in condition]
        if len(arrays) != 2 or len(arrays[0]) != len(arrays[1]):
            raise ValueError(
                "Invalid value for argument `condition`: expected two arrays of images of X and of "
                f"Y, as many of each, received arrays of {[len(array) for array in arrays]}."
            )
        x, y = arrays
        self._check_arrays(x, y, use=False)
        return np.concatenate([x, y], axis=-1)

    # What a trained game gives away.

    def translator(self, direction: str) -> GAN:
        """Return a game of one direction, to sample, save and export.

        It is a copy: its generator has the EMA weights, if there are any, and training this game
        further does not change it.

        Args:
            direction: `"x_to_y"` or `"y_to_x"`.

        Example:
            ```python
            forth = gan.translator("x_to_y")
            y = forth.sample(8, condition=x[:8])
            forth.save("x_to_y.keras")
            forth.export("x_to_y/1")
            ```
        """
        generator = self.generator.direction(direction)
        names = ("discriminator_y", "discriminator_x")
        opponent = getattr(self.discriminator, names[DIRECTIONS.index(direction)])
        if not self.built:
            self.build()
        copies = [
            keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(each))
            for each in (generator, opponent)
        ]
        game = GAN(
            copies[0],
            copies[1],
            NoLatents(),
            seed=self.seed,
            value_range=self._given_range,
            dtype=self.dtype_policy,
        )
        game.build()
        with self.averaged():
            for copy, network in zip(copies, (generator, opponent), strict=True):
                copy.set_weights(network.get_weights())
        return game

    def sample(
        self, n: int, seed: Any = 0, labels: Any = None, condition: Any = None
    ) -> np.ndarray:
        """Translate n pairs in both directions; `translator` is for one.

        Args:
            n: the number of pairs.
            seed: not used, as there are no latents.
            labels: None.
            condition: images of X and of Y, a tuple of two arrays `[n, ...]`; or one array of them,
                stacked along the channels.

        Returns:
            float32 `[n, height, width, channels]`: (F(y), G(x)), stacked along the channels.

        Raises:
            ValueError: these are no images of both domains, as many of each.
        """
        if isinstance(condition, tuple | list):
            condition = self._paired(condition)
        return super().sample(n, seed, labels, condition)

    def translations(self, condition: np.ndarray, seed: Any = 0) -> list[np.ndarray]:
        """Return arrays of images to draw beside each other: x, G(x), y and F(y)."""
        x, y = self._parted(condition)
        fake_x, fake_y = self._parted(self.sample(len(condition), seed, condition=condition))
        return [x, fake_y, y, fake_x]

    def export(
        self, filepath: str | os.PathLike[str], format: str = "tf_saved_model", verbose: Any = None
    ) -> None:
        """Write a SavedModel of each direction, to `filepath/x_to_y` and `filepath/y_to_x`."""
        for direction in DIRECTIONS:
            path = pathlib.Path(filepath, direction)
            self.translator(direction).export(path, format, verbose)

    # A Keras model.

    def training_settings(self) -> JsonDict:
        names = (*_WEIGHTS, "pool_size")
        return {**super().training_settings(), **{name: getattr(self, name) for name in names}}

    def get_config(self) -> JsonDict:
        config = super().get_config()
        for name in ("generator", "discriminator", "prior", "packing"):
            del config[name]
        serialize = keras.saving.serialize_keras_object
        applied = self.augmentation
        return {
            **config,
            "augmentation": serialize(applied.of_images if isinstance(applied, ByDomain) else None),
            **{name: serialize(network) for name, network in self._networks.items()},
            **{name: getattr(self, name) for name in (*_WEIGHTS, "pool_size")},
        }

    @classmethod
    def from_config(cls, config: JsonDict, custom_objects: JsonDict | None = None) -> CycleGAN:
        parts = {
            name: keras.saving.deserialize_keras_object(config[name], custom_objects)
            for name in (*_NETWORKS, "augmentation")
        }
        return cls(**{**config, **parts})

    @property
    def _networks(self) -> dict[str, keras.Model]:
        both = (self.generator, self.discriminator)
        return {name: getattr(each, name) for each in both for name in each.parts}

    def _parted(self, pairs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return parted(pairs, self.generator.x_shape[-1])


def _pair(x: Any, y: Any) -> tuple[Any, Any]:
    """Return pairs stacked along the channels: as images, and as their own condition."""
    if isinstance(x, np.ndarray):
        pairs = np.concatenate([x, y], axis=-1)
    else:
        pairs = tf.concat([x, tf.cast(y, x.dtype)], axis=-1)
    return pairs, pairs
