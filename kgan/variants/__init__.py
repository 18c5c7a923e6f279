"""Games with another term or another network, each a subclass of `kgan.GAN`."""

from kgan.variants.bigan import BiGAN
from kgan.variants.cyclegan import CycleGAN
from kgan.variants.pix2pix import Pix2Pix

__all__ = ["BiGAN", "CycleGAN", "Pix2Pix"]
