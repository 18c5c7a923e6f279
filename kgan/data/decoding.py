"""One picture file of any kind -> pixels in the form that is wanted. Pillow decodes and resizes."""

from __future__ import annotations

import dataclasses
import io
import os

import numpy as np
from PIL import Image, ImageOps

from kgan.data.form import Form

__all__ = ["SUFFIXES", "Facts", "decode", "facts", "why_unreadable"]

# Suffixes of the files that are taken for pictures. What a file is, its content says.
SUFFIXES = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".gif", ".bmp", ".webp")
_FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP")
_WIDE = ("I;16", "I;16B", "I;16L", "I")  # grey in 16 bits
_GREY = ("1", "L", *_WIDE)
_ORIENTATION = 0x0112  # of EXIF
_TURNED = range(5, 9)  # orientations that exchange height and width


@dataclasses.dataclass(frozen=True)
class Facts:
    """What the head of a file says of its picture.

    Attributes:
        size: (height, width) in pixels, turned as EXIF says.
        grey: whether it is stored as grey and opaque.
    """

    size: tuple[int, int]
    grey: bool


def facts(path: str | os.PathLike[str], half: str | None = None) -> Facts:
    """Return what the head of a picture file says, or of a half of it; its pixels are not read.

    Raises:
        Exception: it cannot be read; Pillow raises errors of many kinds.
    """
    with Image.open(path, formats=_FORMATS) as image:
        width, height = image.size
        if image.getexif().get(_ORIENTATION) in _TURNED:
            width, height = height, width
        if half is not None:
            width //= 2
        return Facts((height, width), image.mode in _GREY and not _transparent(image))


def decode(content: bytes, form: Form, half: str | None = None) -> np.ndarray:
    """Return the pixels of a picture file: the first frame, turned as EXIF says.

    Transparent pixels are laid over the background; with four channels, the colour of those that
    nothing shows becomes that of the background.

    Args:
        content: of a PNG, JPEG, GIF, BMP or WebP file, of any mode.
        form: the form that is wanted, with its number of channels.
        half: "left" or "right", where that half of the picture alone is wanted.

    Returns:
        uint8 `[*form.size, form.channels]`.

    Raises:
        Exception: it cannot be decoded; Pillow raises errors of many kinds.
    """
    with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
        image.load()
        whole = _half(ImageOps.exif_transpose(image), half)
        picture = _resized(_converted(_eight_bits(whole), form), form)
    pixels = np.asarray(picture)
    if form.channels == 4:
        pixels = np.where(pixels[..., 3:] == 0, np.array(form.fill, np.uint8), pixels)
    return pixels.reshape(*form.size, form.channels or 3)


def why_unreadable(error: Exception) -> str:
    """Return in a few words why a file could not be decoded."""
    if isinstance(error, Image.UnidentifiedImageError):
        return "no PNG, JPEG, GIF, BMP or WebP file"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__


def _half(image: Image.Image, half: str | None) -> Image.Image:
    if half is None:
        return image
    if image.width % 2:
        raise ValueError(f"{image.width} pixels wide, an odd width, so that it has no two halves")
    middle = image.width // 2
    left, right = (0, middle) if half == "left" else (middle, image.width)
    return image.crop((left, 0, right, image.height))


def _transparent(image: Image.Image) -> bool:
    return image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info


def _eight_bits(image: Image.Image) -> Image.Image:
    if image.mode not in _WIDE:
        return image
    values = np.asarray(image).astype(np.int64)
    eight = Image.fromarray(((values + 128) // 257).clip(0, 255).astype(np.uint8))  # 65535 -> 255
    if _transparent(image):  # the one value of 16 bits that nothing shows
        hidden = values == image.info["transparency"]
        eight.putalpha(Image.fromarray(np.where(hidden, 0, 255).astype(np.uint8)))
    return eight


def _converted(image: Image.Image, form: Form) -> Image.Image:
    """Return an image of the wanted channels, laid over the background unless they have alpha."""
    if form.channels == 4:
        return image.convert("RGBA")
    if _transparent(image):
        layer = image.convert("RGBA")
        image = Image.new("RGB", layer.size, form.background)
        image.paste(layer.convert("RGB"), mask=layer.getchannel("A"))  # rounds to the nearest
    elif image.mode not in _GREY:
        image = image.convert("RGB")  # so that grey is made of it in one way
    return image.convert("L" if form.channels == 1 else "RGB")


def _resized(image: Image.Image, form: Form) -> Image.Image:
    """Resize: bilinear, antialiased when it shrinks, colours weighted by their alpha."""
    (height, width), box = form.size, None
    size = (width, height)
    if form.resize == "crop":
        columns = min(max(image.height * width // height, 1), image.width)
        rows = min(max(image.width * height // width, 1), image.height)
        left, top = (image.width - columns) // 2, (image.height - rows) // 2
        box = (left, top, left + columns, top + rows)
    elif form.resize == "pad":
        size = (
            min(width, max(1, (2 * image.width * height + image.height) // (2 * image.height))),
            min(height, max(1, (2 * image.height * width + image.width) // (2 * image.width))),
        )
    if box is not None:
        image = image.crop(box)  # as in `conversion`: nothing beyond the piece counts
    if image.size != size:
        image = image.resize(size, Image.Resampling.BILINEAR)
    if size == (width, height):
        return image
    fill = form.fill if len(form.fill) > 1 else form.fill[0]
    sheet = Image.new(image.mode, (width, height), fill)
    sheet.paste(image, ((width - size[0]) // 2, (height - size[1]) // 2))
    return sheet
