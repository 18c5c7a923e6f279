"""The pairs of networks whose steps `benchmarks.step` measures, and their losses."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TypeAlias

import keras

from kgan import networks, optimizers

Shape: TypeAlias = tuple[int, int, int]
SHAPE: Shape = (28, 28, 1)


@dataclasses.dataclass(frozen=True)
class Pair:
    """A generator, a discriminator and the settings of their optimizers.

    With `gamma` the loss is the relativistic one with R1 and R2 (Huang et al. 2024), without it the
    non-saturating one.
    """

    generator: Callable[[Shape, str], keras.Model]
    discriminator: Callable[[Shape, str], keras.Model]
    latent_dim: int
    batch_sizes: tuple[int, ...]
    beta_1: float = 0.5
    beta_2: float = 0.999
    gamma: float | None = None

    def networks(
        self, dtype: str = "float32", shape: Shape | None = None
    ) -> tuple[keras.Model, keras.Model]:
        """Return a generator and a discriminator of images of a shape, with fresh weights."""
        shape = shape or SHAPE
        generator, discriminator = self.generator(shape, dtype), self.discriminator(shape, dtype)
        generator.build((None, self.latent_dim))
        discriminator.build((None, *shape))
        return generator, discriminator

    def adam(self, fused: bool = True) -> keras.optimizers.Adam:
        """Return an optimizer for one network: kgan's, or Keras's where `fused` is False."""
        make = optimizers.FusedAdam if fused else keras.optimizers.Adam
        return make(2e-4, self.beta_1, self.beta_2)


PAIRS: dict[str, Pair] = {
    # The widths of the generator of 2014, in both networks.
    "mlp": Pair(
        lambda shape, dtype: networks.MLPGenerator(shape, 100, (1200, 1200), dtype=dtype),
        lambda shape, dtype: networks.MLPDiscriminator(shape, (1200, 1200), dtype=dtype),
        latent_dim=100,
        batch_sizes=(100, 512),
    ),
    "dcgan": Pair(
        lambda shape, dtype: networks.DCGANGenerator(shape, 100, dtype=dtype),
        lambda shape, dtype: networks.DCGANDiscriminator(shape, dtype=dtype),
        latent_dim=100,
        batch_sizes=(64,),
    ),
    # The networks of the preset mnist_r3gan.
    "residual": Pair(
        lambda shape, dtype: networks.ResNetGenerator(shape, 64, dtype=dtype),
        lambda shape, dtype: networks.ResNetDiscriminator(shape, dtype=dtype),
        latent_dim=64,
        batch_sizes=(64,),
        beta_1=0.0,
        beta_2=0.99,
        gamma=1.0,
    ),
}


def trainable(network: keras.Model) -> int:
    """Return the number of trainable parameters."""
    return sum(weight.shape.num_elements() for weight in network.trainable_weights)
