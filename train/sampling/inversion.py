"""Pictures whose latents are searched for, and what the generator makes of these."""

from __future__ import annotations

import numpy as np
import tqdm

from kgan import plots
from kgan.inference import Generator, invert

from . import files
from .labels import class_numbers
from .options import COUNTS, Options
from .reading import read_pictures
from .target import GRID

STEPS = 300
STARTS = 4  # draws from the prior, without an encoder


def write(generator: Generator, options: Options) -> str:
    """Invert the pictures of `options.invert` and write the images; return what was measured.

    A grid shows each picture, what the generator makes of the encoder's latents where there is an
    encoder, and what it makes of the latents found. A directory gets the last of these, a PNG file
    for each picture, of the same name.

    Raises:
        ValueError: the generator has no gradients, or the pictures or labels do not fit it.
        OSError: the pictures cannot be read.
    """
    if generator.network is None:
        raise ValueError(
            f"--invert={options.invert}: expected a run or a .keras file, as {generator.path} has "
            "no gradients by which latents are searched for. Name the run that it was exported "
            "from: --run_dir=RUN."
        )
    if generator.condition_shape is not None:
        raise ValueError(
            f"--invert={options.invert}: expected none, as {generator.path} translates images: "
            "give --input=DIR."
        )
    numbers = class_numbers(options.labels, generator)
    if generator.num_classes is not None and not options.labels:
        raise ValueError(
            f"--invert={options.invert}: expected --labels=CLASS beside it, the class of the "
            f"pictures, as {generator.path} is conditional."
        )
    most = options.count or (COUNTS[GRID] if options.target.kind == GRID else None)
    pictures, names = read_pictures(
        "invert", options.invert, generator, generator.image_shape, most
    )
    labels = np.resize(numbers, len(pictures)) if len(numbers) else None
    steps = options.invert_steps or STEPS
    starts = 1 if generator.encoding is not None else STARTS
    total = len(pictures) * starts * (steps + 1)
    with tqdm.tqdm(total=total, desc="Inverting", unit=" updates", leave=False) as bar:
        found = invert(
            generator,
            pictures,
            steps=steps,
            starts=starts,
            seed=options.seed,
            labels=labels,
            progress=bar.update,
        )
    if options.target.kind == GRID:
        encoded = [generator.reconstruct(pictures)] if found.encoded else []
        picture = plots.side_by_side(pictures, *encoded, found.images, value_range=(0.0, 1.0))
        files.write_picture(options.target.path, picture)
    else:
        pixels = plots.pixels(found.images, generator.value_range)
        files.write_directory(options.target.path, [pixels], names)
    start = "the encoder's latents" if found.encoded else f"the best of {starts} draws"
    return (
        f"{len(pictures):,} pictures inverted by {generator.path}. Mean squared error of a pixel "
        f"in [0, 1]: {found.start_errors.mean():.4g} with {start}, {found.errors.mean():.4g} after "
        f"{steps} steps"
    )
