"""The values that options can have, known before TensorFlow is imported."""

from __future__ import annotations

import os
import re

from kgan_cli.options import Expected

# kgan's own names, repeated here so that a wrong one is noticed before TensorFlow is imported. A
# test compares them with the library's.
VALUE_GAMES = ("minimax", "non_saturating", "blended")  # D ascends the value function of 2014
LOSSES = (*VALUE_GAMES, "least_squares", "hinge", "wasserstein", "relativistic_paired")
DENSE = ("mlp", "maxout")  # fully connected
NETWORKS = (*DENSE, "weight_norm", "dcgan", "resnet", "sngan", "unet")
TRANSLATORS = ("unet", "resnet")  # that make images of images; resnet makes images of latents too
MASKED = ("masked", "masked_half", "masked_pixels", "masked_any")  # with a mask as last channel
CONDITIONS = ("edges", "grey", "low_resolution", "low_resolution_x2", *MASKED)
HALVES = ("left_half", "right_half")
PREVIOUS_FRAMES = "previous_frames"
GIVEN = (*CONDITIONS, *HALVES, PREVIOUS_FRAMES)
# The networks of each variant.
LATENT_NETWORKS = tuple(name for name in NETWORKS if name != "unet")
VARIANT_NETWORKS = {
    **dict.fromkeys(("pix2pix", "cyclegan", "any_conditional"), TRANSLATORS),
    "bigan": DENSE,
    **dict.fromkeys(("semi_supervised", "infogan", "acgan"), LATENT_NETWORKS),
}
VARIANTS = tuple(VARIANT_NETWORKS)
PRIORS = ("uniform", "normal")
OPTIMIZERS = ("adam", "sgd_2014")
STRATEGIES = ("auto", "none", "mirrored", "multi_worker", "tpu")
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
UPSAMPLINGS = ("transposed", "resize")
VALUE_RANGES = ("-1,1", "0,1")
RESIZES = ("crop", "pad", "stretch")
BACKGROUNDS = ("white", "black")
UNREADABLE = ("error", "skip")
CHANNELS = Expected("1, 3 or 4", lambda value: value in (1, 3, 4))
COLOUR = Expected(
    f"{', '.join(BACKGROUNDS)} or a colour such as #ff8800",
    lambda value: bool(value in BACKGROUNDS or re.fullmatch("#[0-9a-fA-F]{6}", value)),
)
SIZE = Expected(
    "a positive integer, or HEIGHT,WIDTH such as 48,40",
    lambda value: bool(re.fullmatch("0*[1-9][0-9]*(,0*[1-9][0-9]*)?", str(value))),
)
CONDITION = Expected(
    f"one of {', '.join(GIVEN)}, or a directory of pictures such as ./outlines",
    lambda value: bool(
        value in GIVEN
        or (value and (value[0] in "/.~" or value.endswith("/") or os.path.isdir(value)))
    ),
)
SEED = Expected(f"an integer from 0 to {2**32 - 1}", lambda value: 0 <= value < 2**32)  # NumPy's
SHARE = Expected("a number from 0 to 1", lambda value: 0 <= value <= 1)
CODES = Expected(
    "numbers of values of at least 2, and c for each continuous code, such as 10,c,c",
    lambda value: bool(
        re.fullmatch("(0*([2-9]|[1-9][0-9]+)|c)(,(0*([2-9]|[1-9][0-9]+)|c))*", value)
    ),
)
ON_NON_FINITE = ("stop", "rollback")
ON_COLLAPSE = ("warn", "stop", "rollback", "ignore")


def parse_size(image_size: int | str | None) -> int | tuple[int, int] | None:
    """Return what `kgan.data.load` takes for the option `image_size`."""
    if image_size is None:
        return None
    height, *width = map(int, str(image_size).split(","))
    return (height, width[0]) if width else height


def parse_codes(codes: str) -> tuple[tuple[int, ...], int]:
    """Return the numbers of values of the categorical codes, and how many are continuous."""
    parts = codes.split(",")
    return tuple(int(part) for part in parts if part != "c"), parts.count("c")
