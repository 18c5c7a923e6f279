"""Optimizers that Keras lacks: Adam in one operation a weight, and the schedule of 2014."""

from kgan.optimizers.fused_adam import fuse
from kgan.optimizers.rising_momentum import RisingMomentum

__all__ = ["RisingMomentum", "fuse"]
