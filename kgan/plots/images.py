"""Pictures of samples, as a grid of images or a plot of points; PNG files and animations."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import BinaryIO

import matplotlib.image
import numpy as np
import numpy.typing as npt
from PIL import Image

from kgan.plots import canvas
from kgan.utils.checks import bounds, number, positive_integer

__all__ = [
    "can_draw",
    "grid",
    "pixels",
    "points",
    "samples",
    "side_by_side",
    "write_apng",
    "write_gif",
    "write_png",
]

TILE = 56  # small images are enlarged to about this many pixels
GAP = 4
CHANNELS = (1, 3, 4)


def can_draw(shape: Sequence[int]) -> bool:
    """Return whether `samples` draws this shape: points, or images of 1, 3 or 4 channels.

    Args:
        shape: of one sample.
    """
    return len(shape) == 1 or (len(shape) == 3 and shape[-1] in CHANNELS)


def samples(
    images: npt.ArrayLike, value_range: tuple[float, float] | None = (-1.0, 1.0)
) -> np.ndarray:
    """Draw generated samples: a grid of images, or a plot of points.

    Args:
        images: `[n, height, width, channels]` images, or `[n, dim]` points with dim 1 or more.
        value_range: `(low, high)`, the pixel value range; points need none.

    Returns:
        uint8 `[height, width, 3]`.

    Example:
        ```python
        picture = kgan.plots.samples(gan.sample(64, seed=0))
        ```
    """
    images = np.asarray(images)
    return points(images) if images.ndim == 2 else grid(images, value_range)


def pixels(
    images: npt.ArrayLike, value_range: tuple[float, float] | None = (-1.0, 1.0)
) -> np.ndarray:
    """Return images as 8-bit pixels of their own size and channels.

    Args:
        images: `[n, height, width, channels]` with 1, 3 or 4 channels, the fourth alpha.
        value_range: `(low, high)`, the pixel value range; values outside are clipped. None is
            (-1, 1).

    Returns:
        uint8 `[n, height, width, channels]`.

    Raises:
        ValueError: another shape, no images, or no such range.

    Example:
        ```python
        kgan.plots.pixels(np.zeros((1, 8, 8, 1)), value_range=(0, 1)).shape  # (1, 8, 8, 1)
        ```
    """
    return _bytes(_shares(images, value_range))


def grid(
    images: npt.ArrayLike,
    value_range: tuple[float, float] | None = (-1.0, 1.0),
    columns: int | None = None,
) -> np.ndarray:
    """Draw images in a grid; small ones are enlarged by an integer factor without smoothing.

    Args:
        images: `[n, height, width, channels]` with 1, 3 or 4 channels, the fourth alpha; what is
            transparent is drawn white.
        value_range: `(low, high)`, the pixel value range; values outside are clipped. None is
            (-1, 1).
        columns: images per row; None makes the grid about square.

    Returns:
        uint8 `[height, width, 3]`.

    Raises:
        ValueError: another shape, no images, or an argument that is unusable.

    Example:
        ```python
        kgan.plots.write_png("samples.png", kgan.plots.grid(gan.sample(16, seed=0)))
        ```
    """
    shares = _shares(images, value_range)
    if shares.shape[-1] == 4:
        shares = shares[..., :3] * shares[..., 3:] + 1 - shares[..., 3:]
    factor = max(1, round(TILE / max(shares.shape[1:3])))
    tiles = _bytes(shares).repeat(factor, axis=1).repeat(factor, axis=2)
    n, height, width, _ = tiles.shape
    if columns is None:
        columns = math.ceil(math.sqrt(n))
    columns = positive_integer("columns", columns, "None makes the grid about square.")
    rows = math.ceil(n / columns)
    sheet = np.full(
        (rows * (height + GAP) + GAP, columns * (width + GAP) + GAP, 3), 255, dtype=np.uint8
    )
    for i, tile in enumerate(tiles):
        top = GAP + i // columns * (height + GAP)
        left = GAP + i % columns * (width + GAP)
        sheet[top : top + height, left : left + width] = tile
    return sheet


def side_by_side(
    *parts: npt.ArrayLike,
    value_range: tuple[float, float] | None = (-1.0, 1.0),
    columns: int | None = None,
) -> np.ndarray:
    """Draw the i-th images of several arrays beside each other, such as condition, result, truth.

    Args:
        *parts: `[n, height, width, channels]` each. Smaller images are enlarged without smoothing;
            of other channels than 1 and 3, the first one is drawn, and with 4, the first three.
        value_range: as `grid` has it.
        columns: groups in a row; None makes the picture about square.

    Returns:
        uint8 `[height, width, 3]`.

    Raises:
        ValueError: not all arrays have n images, or sides that are multiples, or an argument is
            unusable.

    Example:
        ```python
        picture = kgan.plots.side_by_side(outlines[:8], images[:8])
        ```
    """
    arrays = [np.asarray(part, np.float64) for part in parts]
    if not arrays or any(array.ndim != 4 or not array.size for array in arrays):
        shapes = ", ".join(str(array.shape) for array in arrays) or "none"
        raise ValueError(
            "Invalid value for argument `parts`: expected one or more arrays [n, height, width, "
            f"channels] with n > 0, received shapes {shapes}."
        )
    height, width = (max(array.shape[axis] for array in arrays) for axis in (1, 2))
    for array in arrays:
        whole = height % array.shape[1] == width % array.shape[2] == 0
        if len(array) != len(arrays[0]) or not whole:
            raise ValueError(
                "Invalid value for argument `parts`: expected as many images in each, whose sides "
                "divide those of the largest, received shapes "
                f"{', '.join(str(each.shape) for each in arrays)}."
            )
    drawn = [
        _coloured(array).repeat(height // array.shape[1], 1).repeat(width // array.shape[2], 2)
        for array in arrays
    ]
    tiles = np.stack(drawn, axis=1).reshape(-1, height, width, 3)
    if columns is None:
        columns = math.ceil(math.sqrt(len(arrays[0]) / len(arrays)))
    columns = positive_integer("columns", columns, "None makes the picture about square.")
    return grid(tiles, value_range, columns * len(arrays))


def _coloured(images: np.ndarray) -> np.ndarray:
    channels = 3 if images.shape[-1] in (3, 4) else 1
    return images[..., :channels].repeat(3 // channels, axis=-1)


def _shares(images: npt.ArrayLike, value_range: tuple[float, float] | None) -> np.ndarray:
    """Return images as shares of the pixel value range, float64 in [0, 1]."""
    images = np.asarray(images, dtype=np.float64)
    if images.ndim != 4 or images.shape[-1] not in CHANNELS or not len(images):
        raise ValueError(
            "Invalid value for argument `images`: expected [n, height, width, 1, 3 or 4] with n > "
            f"0, received shape {images.shape}."
        )
    low, high = bounds("value_range", value_range) or (-1.0, 1.0)
    return np.clip((images - low) / (high - low), 0, 1)


def _bytes(shares: np.ndarray) -> np.ndarray:
    return np.rint(255 * shares).astype(np.uint8)


def points(values: npt.ArrayLike) -> np.ndarray:
    """Draw a histogram of one-dimensional points, or a scatter plot of the first two coordinates.

    Args:
        values: `[n, dim]`.

    Returns:
        uint8 `[480, 480, 3]`.

    Raises:
        ValueError: another shape, or no points.

    Example:
        ```python
        kgan.plots.write_png("ring.png", kgan.plots.points(kgan.data.Ring().sample(500, seed=0)))
        ```
    """
    values = np.asarray(values)
    if values.ndim != 2 or not values.size:
        raise ValueError(
            "Invalid value for argument `values`: expected points [n, dim] with n > 0, received "
            f"shape {values.shape}."
        )
    figure = canvas.figure(4.8, 4.8)
    axes = figure.add_subplot()
    if values.shape[1] == 1:
        axes.hist(values[:, 0], bins=50, density=True, color="0.4")
        axes.set(xlabel="x", ylabel="density")
    else:
        axes.scatter(values[:, 0], values[:, 1], s=4, color="0.2")
        axes.set(xlabel="$x_1$", ylabel="$x_2$", aspect="equal")
    return canvas.picture(figure)


def write_png(path: str | os.PathLike[str] | BinaryIO, picture: np.ndarray) -> None:
    """Write a uint8 `[height, width, 3]` picture as a PNG file, or to a file that is open.

    Example:
        ```python
        kgan.plots.write_png("samples.png", kgan.plots.samples(gan.sample(16, seed=0)))
        ```
    """
    matplotlib.image.imsave(path, picture, format="png")


def write_gif(
    path: str | os.PathLike[str],
    pictures: Sequence[np.ndarray],
    seconds: float = 0.1,
    pause: float = 2.0,
) -> None:
    """Write uint8 `[height, width, 3]` pictures of one size as an endless GIF animation.

    Args:
        path: the file.
        pictures: the frames. Each is reduced to 64 colours.
        seconds: how long a frame is shown, at least 0.
        pause: how long the last frame is shown, in seconds.

    Raises:
        ValueError: no pictures, others than these, or a negative time.

    Example:
        ```python
        pictures = [kgan.plots.samples(gan.sample(4, seed=seed)) for seed in range(3)]
        kgan.plots.write_gif("samples.gif", pictures)
        ```
    """
    frames = [frame.quantize(64) for frame in _frames(pictures)]
    _write_frames(path, "GIF", frames, seconds, pause)


def write_apng(
    path: str | os.PathLike[str],
    pictures: Sequence[np.ndarray],
    seconds: float = 0.1,
    pause: float = 2.0,
) -> None:
    """Write pictures as an endless animated PNG file, which keeps every colour.

    Args:
        path: the file.
        pictures: the frames, uint8 `[height, width, 3]` of one size.
        seconds: how long a frame is shown, at least 0.
        pause: how long the last frame is shown, in seconds.

    Raises:
        ValueError: no pictures, others than these, or a negative time.

    Example:
        ```python
        pictures = [kgan.plots.samples(gan.sample(4, seed=seed)) for seed in range(3)]
        kgan.plots.write_apng("samples.png", pictures)
        ```
    """
    _write_frames(path, "PNG", _frames(pictures), seconds, pause)


def _frames(pictures: Sequence[np.ndarray]) -> list[Image.Image]:
    arrays = [*map(np.asarray, pictures)]
    kinds = {(array.shape, str(array.dtype)) for array in arrays}
    shape, dtype = kinds.pop() if len(kinds) == 1 else ((), "")
    if len(shape) != 3 or shape[-1] != 3 or dtype != "uint8":
        raise ValueError(
            "Invalid value for argument `pictures`: expected one or more, each uint8 [height, "
            "width, 3] of the same size, received "
            f"{', '.join(f'{array.dtype} {array.shape}' for array in arrays[:3]) or 'none'}."
        )
    return [*map(Image.fromarray, arrays)]


def _write_frames(
    path: str | os.PathLike[str],
    format: str,
    frames: Sequence[Image.Image],
    seconds: float,
    pause: float,
) -> None:
    first, *rest = frames
    seconds, pause = number("seconds", seconds, 0), number("pause", pause, 0)
    durations = [round(1000 * seconds)] * len(rest) + [round(1000 * pause)]
    first.save(path, format=format, save_all=True, append_images=rest, duration=durations, loop=0)
