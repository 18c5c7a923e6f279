"""The samples of one seed, and the loops that begin at them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import tqdm

from kgan.inference import Generator
from kgan.inference.generator import BATCH
from kgan.priors import Codes

from ..evaluation.samples import check_finite
from . import latents
from .labels import class_names, class_numbers
from .options import Options


class Sampler:
    """The images that some options ask of a generator.

    Args:
        generator: the generator, with its prior.
        options: which images.

    Attributes:
        value_range: lowest and highest pixel value of the images; None where there are no bounds.
        classes: names of the classes in turn; empty for a generator without labels.

    Raises:
        ValueError: the options do not fit the generator.
    """

    def __init__(self, generator: Generator, options: Options):
        assert generator.prior is not None
        self.prior = generator.prior
        self.generator = generator
        self.options = options
        self.value_range = generator.value_range
        latents.check_truncation(options.truncation, self.prior)
        numbers = class_numbers(options.labels, generator)
        self.classes = class_names(numbers, generator)
        # In turn. They are zeros, which no one reads, for a generator without labels.
        self._labels = np.resize(numbers, options.images)

    def samples(self) -> Iterator[np.ndarray]:
        """Yield the images, `[n, height, width, channels]` each time."""
        points = self.prior.sample(self.options.images, self.options.seed)
        return self._images(points, self._labels)

    def walks(self) -> tuple[np.ndarray, int]:
        """Return the images of rows along which one code changes, and the length of a row.

        Raises:
            ValueError: the prior has no codes.
        """
        if not isinstance(self.prior, Codes):
            raise ValueError(
                "--walk: expected a generator of latents with codes, as --variant=infogan trains, "
                f"received latents of {type(self.prior).__name__}. Leave it out."
            )
        points = self.prior.walks(self.options.images, self.options.seed)
        flat = points.reshape(-1, self.prior.dim)
        images = np.concatenate([*self._images(flat, np.zeros(len(flat), np.int32))])
        return images, points.shape[1]

    def loops(self) -> np.ndarray:
        """Return the images of closed loops: `[frames, images, height, width, channels]`.

        The first frame shows the samples. Along a loop the class stays the same.
        """
        points = latents.loops(self.prior, self.options.images, self.options.seed)
        frames, count, dim = points.shape
        images = self._images(points.reshape(-1, dim), np.tile(self._labels, frames))
        return np.concatenate([*images]).reshape(frames, count, *self.generator.image_shape)

    def _images(self, points: npt.ArrayLike, labels: np.ndarray) -> Iterator[np.ndarray]:
        points = latents.truncated(points, self.options.truncation)
        # Checked batch by batch, so that the memory holds no more of a directory's images.
        with tqdm.tqdm(total=len(points), desc="Sampling", unit=" images", leave=False) as bar:
            for start in range(0, len(points), BATCH):
                part = slice(start, start + BATCH)
                classes = None if self.generator.num_classes is None else labels[part]
                images = self.generator(points[part], classes)
                check_finite(images, self.generator)
                yield images
                bar.update(len(images))
