"""Games with another term or another network, each a subclass of `kgan.GAN`."""

from kgan.variants.cyclegan import CycleGAN
from kgan.variants.pix2pix import Pix2Pix
from kgan.variants.semi_supervised import SemiSupervisedGAN

__all__ = ["CycleGAN", "Pix2Pix", "SemiSupervisedGAN"]
