"""The form in which pictures are wanted: size, channels, how to resize, background."""

from __future__ import annotations

import dataclasses
import math
import re

__all__ = [
    "BACKGROUNDS",
    "RESIZES",
    "Form",
    "check_none",
    "checked_channels",
    "checked_choice",
    "colour",
    "grey",
]

RESIZES = ("crop", "pad", "stretch")
BACKGROUNDS = {"white": (255, 255, 255), "black": (0, 0, 0)}
_HEX = re.compile(r"#[0-9a-fA-F]{6}")


@dataclasses.dataclass(frozen=True)
class Form:
    """The form of every picture that a network receives.

    Attributes:
        size: (height, width) in pixels.
        channels: 1 (grey), 3 (red, green, blue) or 4 (with alpha); None where the first images of a
            data set decide.
        resize: 'crop', 'pad' or 'stretch', as `kgan.data.load` has it.
        background: red, green and blue, 0 to 255, of what is transparent or padded.
    """

    size: tuple[int, int]
    channels: int | None
    resize: str = "crop"
    background: tuple[int, int, int] = BACKGROUNDS["white"]

    @property
    def image_bytes(self) -> int:
        """Size of one picture, uint8."""
        return math.prod((*self.size, self.channels or 1))

    @property
    def fill(self) -> tuple[int, ...]:
        """What a pixel without a picture becomes, one number a channel; transparent if it can."""
        if self.channels == 1:
            return (grey(*self.background),)
        return self.background if self.channels == 3 else (*self.background, 0)


def grey(red: int, green: int, blue: int) -> int:
    """Return the luma of a colour, ITU-R BT.601 in 16-bit fixed point: 0 to 255.

    The weights 0.299, 0.587 and 0.114 are those of Pillow's conversion to grey.
    """
    return (19595 * red + 38470 * green + 7471 * blue + 32768) >> 16


def colour(background: str | None) -> tuple[int, int, int]:
    """Return red, green and blue of a background; None is white.

    Raises:
        ValueError: it is no colour.
    """
    if background is None:
        return BACKGROUNDS["white"]
    if isinstance(background, str):
        if background in BACKGROUNDS:
            return BACKGROUNDS[background]
        if _HEX.fullmatch(background):
            red, green, blue = bytes.fromhex(background[1:])
            return red, green, blue
    raise ValueError(
        "Invalid value for argument `background`: expected 'white', 'black' or a colour such as "
        f"'#ff8800', received {background!r}."
    )


def checked_channels(channels: int | None) -> int | None:
    """Return `channels`.

    Raises:
        ValueError: it is not 1, 3, 4 or None.
    """
    if channels is not None and (isinstance(channels, bool) or channels not in (1, 3, 4)):
        raise ValueError(
            "Invalid value for argument `channels`: expected 1 (grey), 3 (colour), 4 (colour and "
            f"transparency) or None, received {channels!r}."
        )
    return None if channels is None else int(channels)


def checked_choice(argument: str, value: object, choices: tuple[str, ...]) -> str:
    """Return `value`.

    Raises:
        ValueError: it is none of `choices`.
    """
    if value not in choices:
        raise ValueError(
            f"Invalid value for argument `{argument}`: expected one of {', '.join(choices)}, "
            f"received {value!r}."
        )
    return str(value)


def check_none(what: str, **arguments: object) -> None:
    """Raise for the first argument that is given, though it does not apply.

    Args:
        what: why none is expected, for the message.
        **arguments: by their names.

    Raises:
        ValueError: one is not None.
    """
    for argument, value in arguments.items():
        if value is not None:
            raise ValueError(
                f"Invalid value for argument `{argument}`: {what}, received {value!r}."
            )
