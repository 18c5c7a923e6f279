"""A trained generator as one function of arrays, whatever file it is stored in."""

from __future__ import annotations

import dataclasses
import functools
import pathlib
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from kgan.priors import Prior
from kgan.utils.digests import digest

__all__ = ["Function", "Generator"]

BATCH = 500
"""Images that a `Generator` computes in one call of its function."""

# Maps `latents` float32 [n, latent_dim], and `labels` int32 [n], to images float32 [n, ...].
Function: TypeAlias = Callable[..., np.ndarray]


@dataclasses.dataclass(frozen=True)
class Generator:
    """A trained generator as a function of arrays, independent of the file format.

    Attributes:
        kind: `"keras"`, `"saved_model"` or `"tflite"`.
        path: the file or directory.
        function: maps latents float32 `[n, latent_dim]`, and labels int32 `[n]` of a conditional
            generator, to images in [0, 1] or to points.
        latent_dim: size of a latent point.
        prior: distribution of the latent points; None where the file does not record it.
        num_classes: number of classes; None for a generator without labels.
        bounded: whether images are in [0, 1]. True for a `.tflite` file that does not record it.
        class_names: names of the classes; empty where the file records none.

    Example:
        ```python
        generator = kgan.inference.load("exports/digits/tflite/generator_int8.tflite")
        images = generator(np.zeros([1, generator.latent_dim]))
        ```
    """

    kind: str
    path: pathlib.Path
    function: Function
    latent_dim: int
    prior: Prior | None = None
    num_classes: int | None = None
    bounded: bool = True
    class_names: tuple[str, ...] = ()

    def __call__(self, latents: npt.ArrayLike, labels: npt.ArrayLike | None = None) -> np.ndarray:
        """Return the images of `latents`, computed in batches of `BATCH`.

        Args:
            latents: `[n, latent_dim]`.
            labels: `[n]`, for a conditional generator; None for all classes in turn.

        Returns:
            float32 `[n, height, width, channels]` in [0, 1], or points `[n, dim]`.
        """
        inputs = [np.asarray(latents, np.float32)]
        if self.num_classes is not None:
            labels = self.labels(len(inputs[0])) if labels is None else labels
            inputs.append(np.asarray(labels, np.int32))
        starts = range(0, len(inputs[0]), BATCH)
        batches = (self.function(*(x[start : start + BATCH] for x in inputs)) for start in starts)
        return np.concatenate([np.asarray(batch, np.float32) for batch in batches])

    @functools.cached_property
    def image_shape(self) -> tuple[int, ...]:
        """Shape of one image, `(height, width, channels)`, or of one point, `(dim,)`."""
        return self(np.zeros([1, self.latent_dim])).shape[1:]

    @property
    def value_range(self) -> tuple[float, float] | None:
        """Lowest and highest value of the images; None for unbounded ones and for points."""
        return (0.0, 1.0) if self.bounded and len(self.image_shape) > 1 else None

    def labels(self, count: int, repeats: int = 1) -> np.ndarray:
        """Return int32 labels `[count]`: all classes in turn, each `repeats` times in a row."""
        return (np.arange(count) // repeats % (self.num_classes or 1)).astype(np.int32)

    def sample(
        self, count: int, seed: int | Sequence[int] = 0, labels: npt.ArrayLike | None = None
    ) -> np.ndarray:
        """Return images of `count` latents from the prior; the same seed gives the same images.

        Args:
            count: number of images.
            seed: an int, or two integers `[2]`.
            labels: `[count]`, for a conditional generator; None for all classes in turn.

        Raises:
            ValueError: the file records no prior.
        """
        if self.prior is None:
            raise ValueError(
                f"{self.path} does not record the prior that its latents come from. Give the "
                "argument `prior` of `kgan.inference.load`, such as kgan.priors.Normal(100)."
            )
        return self(self.prior.sample(count, seed), labels)

    def path_images(self, steps: int) -> Callable[[npt.ArrayLike], np.ndarray]:
        """Return a function from the latents of paths, `[paths * steps, dim]`, to images.

        Args:
            steps: latents a path. Those of one path share a class in a conditional generator.

        Returns:
            A function whose images are clipped to [0, 1]; points stay as they are.
        """

        def images(latents: npt.ArrayLike) -> np.ndarray:
            made = self(latents, self.labels(len(np.asarray(latents)), steps))
            return made.clip(0, 1) if made.ndim == 4 else made

        return images

    def file_digest(self) -> str:
        """Return 16 hexadecimal digits of the SHA-256 of the file, or of all files."""
        files = sorted(self.path.rglob("*")) if self.path.is_dir() else [self.path]
        parts = (
            file.relative_to(self.path).as_posix().encode() + file.read_bytes()
            for file in files
            if file.is_file()
        )
        return digest(parts)
