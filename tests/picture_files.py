"""Folders of pictures of tests, made of noise."""

import pathlib

import numpy as np
from PIL import Image


def noise(seed=0, size=(8, 8), channels=3):
    """Pixels uint8 `[height, width, channels]`, or `[height, width]` of one channel."""
    shape = size if channels == 1 else (*size, channels)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def write(path, pixels, **options):
    """Write pixels to a file of the format of its suffix; return the pixels."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return pixels


def folder(root, n=24, classes=("cat", "dog"), size=(8, 8), channels=3):
    """Write `n` PNG files into `root/train/CLASS/`; return their pixels in the order of paths."""
    written = {}
    for i in range(n):
        name = f"train/{classes[i % len(classes)]}/{i:03}.png" if classes else f"train/{i:03}.png"
        written[name] = write(root / name, noise(i, size, channels))
    return np.stack([written[name] for name in sorted(written)])
