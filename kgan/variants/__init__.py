"""Games with another term or another network, each a subclass of `kgan.GAN`."""

from kgan.variants.pix2pix import Pix2Pix

__all__ = ["Pix2Pix"]
