"""Layers that Keras lacks."""

from kgan.layers.conditional import ClassEmbedding, ConditionalBatchNormalization
from kgan.layers.maxout import Maxout

__all__ = ["ClassEmbedding", "ConditionalBatchNormalization", "Maxout"]
