"""One sampling: from the options to the files that show the samples."""

from __future__ import annotations

import numpy as np

from kgan import plots
from kgan_cli.silence import native_silence

from . import files, grid, inversion, translation
from .latents import FRAMES
from .options import Options
from .sampler import Sampler
from .source import open_generator
from .target import ANIMATION, DIRECTORY, GRID


def sample(options: Options) -> None:
    """Sample a generator and write what the options ask for.

    Args:
        options: what to sample, and what to write.

    Raises:
        FileNotFoundError: there is no such run, checkpoint or file.
        ValueError: the generator cannot be read, or an option does not fit it.
        OSError: the output cannot be written.
    """
    with native_silence():  # LiteRT writes to standard error when it starts
        generator = open_generator(options)
    if options.input is not None:
        count = translation.write(generator, options)
        print(f"{count:,} pictures translated by {generator.path}: {options.target.path}")
        return
    if options.invert is not None:
        report = inversion.write(generator, options)
        print(f"{report}: {options.target.path}")
        return
    if generator.condition_shape is not None:
        raise ValueError(
            f"{generator.path} translates images: give --input=DIR, a directory of pictures."
        )
    target, sampler = options.target, Sampler(generator, options)
    write = {GRID: _write_grid, ANIMATION: _write_animation, DIRECTORY: _write_directory}
    if options.walk:
        images, columns = sampler.walks()
        files.write_picture(target.path, plots.grid(images, sampler.value_range, columns))
        print(f"{len(images):,} samples of {generator.path} along their codes: {target.path}")
        return
    write[target.kind](sampler, options)
    print(f"{options.images:,} samples of {generator.path}, seed {options.seed}: {target.path}")


def _write_grid(sampler: Sampler, options: Options) -> None:
    images = np.concatenate([*sampler.samples()])
    picture = grid.draw(images, sampler.value_range, sampler.classes)
    files.write_picture(options.target.path, picture)


def _write_animation(sampler: Sampler, options: Options) -> None:
    pictures = [
        grid.draw(images, sampler.value_range, sampler.classes) for images in sampler.loops()
    ]
    files.write_animation(options.target.path, pictures, 1 / FRAMES)


def _write_directory(sampler: Sampler, options: Options) -> None:
    pixels = (plots.pixels(images, sampler.value_range) for images in sampler.samples())
    names = files.file_names(options.images, sampler.classes)
    files.write_directory(options.target.path, pixels, names)
