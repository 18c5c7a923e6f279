"""Write what was sampled, so that it appears whole or not at all."""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import tensorflow as tf

from kgan import plots
from kgan.utils.atomic_write import atomic_write, sync
from kgan_cli.signals import stopping_on_signals

DIGITS = 5  # of the numbers in names of files, at least
LETTERS = 50  # of a class in the name of a file, which may have 255 bytes


def write_picture(path: pathlib.Path, picture: np.ndarray) -> None:
    """Write a uint8 `[height, width, 3]` picture as a PNG file."""
    with _explained(path), atomic_write(path) as partial:
        plots.write_png(partial, picture)


def write_animation(path: pathlib.Path, pictures: Sequence[np.ndarray], seconds: float) -> None:
    """Write pictures as the GIF or APNG file that `path` names, each shown for some seconds."""
    write = plots.write_gif if path.suffix.lower() == ".gif" else plots.write_apng
    with _explained(path), atomic_write(path) as partial:
        write(partial, pictures, seconds, pause=seconds)


def write_directory(
    path: pathlib.Path, batches: Iterable[np.ndarray], names: Iterable[str]
) -> None:
    """Write a PNG file for each image.

    Args:
        path: a new or empty directory.
        batches: images, uint8 `[n, height, width, channels]` with 1, 3 or 4 channels.
        names: names of the files, as many as there are images.
    """
    with _explained(path), _staged(path) as stage:
        # TensorFlow encodes a batch several times faster than Pillow its images.
        files = (file for batch in batches for file in tf.io.encode_png(batch).numpy())
        for name, file in zip(names, files, strict=True):
            (stage / name).write_bytes(file)


def file_names(count: int, classes: Sequence[str]) -> list[str]:
    """Return the names of the files of `count` samples.

    Args:
        count: the number of samples.
        classes: names of the classes that they are of in turn; empty for none.
    """
    digits = max(DIGITS, len(str(count - 1)))
    ends = [f"_{_plain(name)}" for name in classes] or [""]
    return [f"{number:0{digits}}{ends[number % len(ends)]}.png" for number in range(count)]


def _plain(name: str) -> str:
    """Return a name without what file systems and shells do not take as a part of a name."""
    return re.sub(r"[^\w.+-]+", "_", name)[:LETTERS]


@contextlib.contextmanager
def _staged(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yield a hidden directory within `path`; move its files to `path` when the block succeeds.

    They are on disk then. Within `path`, as that may be the working directory, or a file system of
    its own. If the block fails nothing remains.
    """
    absent = [folder for folder in (path, *path.parents) if not folder.exists()]
    stage = path / f".partial-{os.getpid()}"
    try:
        stage.mkdir(parents=True)
        yield stage
        files = sorted(stage.iterdir())
        os.sync()  # at once: one by one, 10,000 files take a minute
        if os.listdir(path) != [stage.name]:
            raise FileExistsError(
                f"--output={path}: other files appeared there meanwhile, and nothing was written. "
                "Name another directory."
            )
        with stopping_on_signals(lambda: None):  # a signal waits until every file has moved
            for file in files:
                os.replace(file, path / file.name)
            stage.rmdir()
            sync(path)
    finally:
        shutil.rmtree(stage, ignore_errors=True)
        for folder in absent:
            with contextlib.suppress(OSError):  # not empty: the samples are there
                folder.rmdir()


@contextlib.contextmanager
def _explained(path: pathlib.Path) -> Iterator[None]:
    """Say of an error of the system what could not be written."""
    try:
        yield
    except OSError as error:
        if error.errno is None:  # raised by kgan, which explains its errors
            raise
        raise OSError(
            f"--output={path} could not be written ({error.strerror}). It is left as it was. Mend "
            "the cause and repeat the command."
        ) from error
