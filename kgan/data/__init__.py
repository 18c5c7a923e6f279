"""Data: directories of pictures, image data sets of TFDS, the bundled `digits`, toy densities."""

from kgan.data.densities import DENSITIES, Gaussian, Grid, Ring
from kgan.data.description import Description, describe, labels
from kgan.data.digits import Digits  # registers the name with TFDS
from kgan.data.images import images_of, mean_image
from kgan.data.names import located
from kgan.data.pipeline import load
from kgan.data.stream import SeekableDataset
from kgan.data.unpaired import load_unpaired, unpaired_arrays

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
    "load_unpaired",
    "located",
    "mean_image",
    "unpaired_arrays",
]
