"""Layers that Keras lacks."""

from kgan.layers.conditional import ClassEmbedding, ConditionalBatchNormalization
from kgan.layers.grouped import GroupedConv2D
from kgan.layers.maxout import Maxout
from kgan.layers.normalization import BatchNormalization, GroupNormalization
from kgan.layers.resampling import ResizeConv2D, double_bilinear, double_nearest, halve
from kgan.layers.spectral import SpectralConv2D, SpectralDense
from kgan.layers.weight_normalized import WeightNormalizedDense

__all__ = [
    "BatchNormalization",
    "ClassEmbedding",
    "ConditionalBatchNormalization",
    "GroupNormalization",
    "GroupedConv2D",
    "Maxout",
    "ResizeConv2D",
    "SpectralConv2D",
    "SpectralDense",
    "WeightNormalizedDense",
    "double_bilinear",
    "double_nearest",
    "halve",
]
