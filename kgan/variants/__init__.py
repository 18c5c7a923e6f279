"""Games with another term or another network, each a subclass of `kgan.GAN`."""

from kgan.variants.acgan import ACGAN
from kgan.variants.cyclegan import CycleGAN
from kgan.variants.infogan import InfoGAN
from kgan.variants.pix2pix import Pix2Pix

__all__ = ["ACGAN", "CycleGAN", "InfoGAN", "Pix2Pix"]
