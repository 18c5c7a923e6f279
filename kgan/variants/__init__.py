"""Games with another term or another network, each a subclass of `kgan.GAN`."""

from kgan.variants.acgan import ACGAN
from kgan.variants.any_conditional import AnyConditional
from kgan.variants.bigan import BiGAN
from kgan.variants.cyclegan import CycleGAN
from kgan.variants.infogan import InfoGAN
from kgan.variants.pix2pix import Pix2Pix
from kgan.variants.semi_supervised import SemiSupervisedGAN

__all__ = [
    "ACGAN",
    "AnyConditional",
    "BiGAN",
    "CycleGAN",
    "InfoGAN",
    "Pix2Pix",
    "SemiSupervisedGAN",
]
