"""Generators and discriminators, as subclasses of `keras.Model`."""

from kgan.networks.base import Discriminator, Generator
from kgan.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from kgan.networks.mlp import MLPDiscriminator, MLPEncoder, MLPGenerator
from kgan.networks.patch import PatchDiscriminator
from kgan.networks.resnet import ResNetDiscriminator, ResNetGenerator
from kgan.networks.sngan import SNGANDiscriminator, SNGANGenerator
from kgan.networks.translator import ResNetTranslator
from kgan.networks.unet import UNetGenerator

__all__ = [
    "DCGANDiscriminator",
    "DCGANGenerator",
    "Discriminator",
    "Generator",
    "MLPDiscriminator",
    "MLPEncoder",
    "MLPGenerator",
    "PatchDiscriminator",
    "ResNetDiscriminator",
    "ResNetGenerator",
    "ResNetTranslator",
    "SNGANDiscriminator",
    "SNGANGenerator",
    "UNetGenerator",
]
