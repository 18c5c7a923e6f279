"""The players: subclassed `keras.Model` generators and discriminators."""

from kgan.networks.base import Discriminator, Generator
from kgan.networks.convolutional import DCGANDiscriminator, DCGANGenerator
from kgan.networks.mlp import MLPDiscriminator, MLPGenerator

__all__ = [
    "DCGANDiscriminator",
    "DCGANGenerator",
    "Discriminator",
    "Generator",
    "MLPDiscriminator",
    "MLPGenerator",
]
