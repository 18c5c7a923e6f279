"""Data: any image data set of TensorFlow Datasets, the bundled `digits`, and toy densities."""

from kgan.data.densities import DENSITIES, Gaussian, Grid, Ring
from kgan.data.description import Description, describe, labels
from kgan.data.digits import Digits  # registers the name with TFDS
from kgan.data.images import images_of, mean_image
from kgan.data.pipeline import load
from kgan.data.stream import SeekableDataset

__all__ = [
    "DENSITIES",
    "Description",
    "Digits",
    "Gaussian",
    "Grid",
    "Ring",
    "SeekableDataset",
    "describe",
    "images_of",
    "labels",
    "load",
    "mean_image",
]
