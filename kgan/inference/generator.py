"""A trained generator as one function of arrays, whatever file it is stored in."""

from __future__ import annotations

import dataclasses
import functools
import pathlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from kgan.conditions import Condition
from kgan.masks import checked_mask, masked
from kgan.priors import Prior
from kgan.training.validation import sample_labels
from kgan.utils.checks import positive_integer
from kgan.utils.digests import digest
from kgan.utils.types import JsonDict

if TYPE_CHECKING:
    from kgan.inference.keras_generator import KerasGenerator

__all__ = ["Function", "Generator"]

BATCH = 500
"""Images that a `Generator` computes in one call of its function."""

# Maps `latents` float32 [n, latent_dim], and `labels` int32 [n] or `conditions` float32 [n, ...],
# by these names, to images float32 [n, ...].
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
        condition_shape: shape of the images that it translates; None for a generator that takes
            none.
        condition: the map from images to their conditions that the run recorded, or None.
        options: the options of the run, where the file records them.
        masked: whether the last channel of a condition is a mask, whose given pixels come back.
        encoding: maps images float32 `[n, *image_shape]`, scaled as `function` returns them, to
            latents; None where the file has no encoder.
        network: the generator as TensorFlow differentiates it; None for exported files.

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
    condition_shape: tuple[int, ...] | None = None
    condition: Condition | None = None
    options: JsonDict = dataclasses.field(default_factory=dict)
    masked: bool = False
    encoding: Function | None = None
    network: KerasGenerator | None = None

    def __call__(
        self,
        latents: npt.ArrayLike,
        labels: npt.ArrayLike | None = None,
        conditions: npt.ArrayLike | None = None,
    ) -> np.ndarray:
        """Return the images of `latents`, computed in batches of `BATCH`.

        Args:
            latents: `[n, latent_dim]`.
            labels: integers `[n]` or one for all, for a conditional generator; None for all classes
                in turn.
            conditions: `[n, *condition_shape]` in [0, 1], for a generator that takes images.

        Returns:
            float32 `[n, height, width, channels]` in [0, 1], or points `[n, dim]`.

        Raises:
            ValueError: the generator takes no latents and there are some; or it takes labels or
                images and they do not fit, or takes none and there are some.
        """
        inputs = {"latents": np.asarray(latents, np.float32)}
        if not self.latent_dim and inputs["latents"].size:
            raise ValueError(
                f"Invalid value for argument `latents`: expected shape [n, 0] for {self.path}, "
                f"made with `latent_dim=0`, received {list(inputs['latents'].shape)}. Give "
                "np.zeros([n, 0]); `translate` does."
            )
        count = len(inputs["latents"])
        if self.condition_shape is not None:
            inputs["conditions"] = self._checked(conditions, count)
        elif conditions is not None:
            raise ValueError(
                f"Invalid value for argument `conditions`: expected None, as {self.path} takes no "
                "images, received some. Leave them out."
            )
        if not count:
            raise ValueError(
                "Invalid value for argument `latents`: expected at least one, received none."
            )
        classes = sample_labels(labels, count, self.num_classes)
        if classes is not None:
            inputs["labels"] = classes
        batches = (
            self.function(**{name: x[start : start + BATCH] for name, x in inputs.items()})
            for start in range(0, count, BATCH)
        )
        return np.concatenate([np.asarray(batch, np.float32) for batch in batches])

    @functools.cached_property
    def image_shape(self) -> tuple[int, ...]:
        """Shape of one image, `(height, width, channels)`, or of one point, `(dim,)`."""
        shape = self.condition_shape
        conditions = None if shape is None else np.zeros([1, *shape])
        return self(np.zeros([1, self.latent_dim]), conditions=conditions).shape[1:]

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
            labels: as in a call.

        Raises:
            ValueError: the file records no prior, or the labels do not fit.
        """
        if self.prior is None:
            raise ValueError(
                f"{self.path} does not record the prior that its latents come from. Give the "
                "argument `prior` of `kgan.inference.load`, such as kgan.priors.Normal(100)."
            )
        return self(self.prior.sample(positive_integer("count", count), seed), labels)

    def translate(
        self, images: npt.ArrayLike, seed: int | Sequence[int] = 0, made: bool = False
    ) -> np.ndarray:
        """Return what the generator makes of images.

        Args:
            images: `[n, height, width, channels]` in [0, 1]: images of which the conditions are
                made as in training, where the run recorded how; else the conditions themselves.
            seed: of the latents, as in `sample`.
            made: whether `images` are the conditions, for instance outlines that someone drew.

        Returns:
            float32 `[n, *image_shape]` in [0, 1].

        Raises:
            ValueError: the generator takes no images, or they have another shape or range.
        """
        if self.condition_shape is None or self.prior is None:
            raise ValueError(
                f"{self.path} translates no images: it was trained without a condition of images. "
                "Draw from it: `.sample(...)`."
            )
        conditions = np.asarray(images, np.float32)
        if self.condition is not None and not made:
            conditions = self.checked_images(conditions)
            conditions = np.asarray(self.condition(tf.constant(conditions)))
        latents = np.asarray(self.prior.sample(len(conditions), seed))
        return self(latents, conditions=conditions)

    def complete(
        self, images: npt.ArrayLike, mask: npt.ArrayLike, seed: int | Sequence[int] = 0
    ) -> np.ndarray:
        """Sample the hidden pixels of images from the given ones.

        Args:
            images: `[n, *image_shape]` in [0, 1]. What hidden pixels hold does not matter.
            mask: booleans `[n, height, width]` or `[n, height, width, 1]`, True where a pixel is
                given; or `[height, width]` for all images.
            seed: of the latents, as in `sample`.

        Returns:
            float32 `[n, *image_shape]` in [0, 1], with the given pixels unchanged.

        Raises:
            ValueError: the generator was not trained with masks, an argument has another shape, or
                given pixels another range.
        """
        if not self.masked or self.prior is None:
            raise ValueError(
                f"{self.path} completes no images: it was trained without masks. Train with "
                "--variant=any_conditional, or kgan.variants.AnyConditional."
            )
        found = np.asarray(images, np.float32)
        self._check_images(found)
        given = checked_mask(mask, len(found), found.shape[1:3])
        self._check_values("images", np.where(given, found, 0))
        conditions = masked(tf.constant(found), tf.constant(given)).numpy()
        latents = np.asarray(self.prior.sample(len(found), seed))
        return np.where(given, found, self(latents, conditions=conditions))

    def encode(self, images: npt.ArrayLike) -> np.ndarray:
        """Return the latents that the encoder makes of images, in batches of `BATCH`.

        Args:
            images: `[n, height, width, channels]` in [0, 1], or points `[n, dim]`.

        Returns:
            float32 `[n, latent_dim]`.

        Raises:
            ValueError: the file has no encoder, or the images have another shape.
        """
        if self.encoding is None:
            raise ValueError(
                f"{self.path} has no encoder, which makes latents of images: kgan-train "
                "--variant=bigan trains one, and TFLite and ONNX files leave it out. "
                "kgan.inference.invert searches for the latents of any generator."
            )
        given = self.checked_images(images)
        parts = (self.encoding(given[i : i + BATCH]) for i in range(0, len(given), BATCH))
        return np.concatenate([*parts])

    def reconstruct(self, images: npt.ArrayLike) -> np.ndarray:
        """Return the images of the latents that the encoder makes of images.

        Args:
            images: as for `encode`.

        Returns:
            float32, of their shape.

        Raises:
            ValueError: as `encode`.
        """
        return self(self.encode(images))

    def checked_images(self, images: npt.ArrayLike) -> np.ndarray:
        """Return images as float32 `[n, *image_shape]`.

        Raises:
            ValueError: they have another shape, are not finite, or not in [0, 1].
        """
        given = np.asarray(images, np.float32)
        self._check_images(given)
        self._check_values("images", given)
        return given

    def _check_values(self, name: str, given: np.ndarray) -> None:
        """Check that numbers are finite, and those of images in [0, 1] where these have bounds."""
        low, high = float(given.min()), float(given.max())
        bounded = self.bounded and given.ndim > 2  # points have no bounds
        if not np.isfinite(given).all() or (bounded and not (low > -1e-3 and high < 1 + 1e-3)):
            within = " in [0, 1]" if bounded else ""
            raise ValueError(
                f"Invalid value for argument `{name}`: expected finite numbers{within}, received "
                f"values from {low:.4g} to {high:.4g}. Scale them, `x / 255` for bytes."
            )

    def _check_images(self, images: np.ndarray) -> None:
        shape = tuple(self.image_shape)
        if images.shape[1:] != shape or not len(images):
            raise ValueError(
                f"Invalid value for argument `images`: expected [n, {', '.join(map(str, shape))}], "
                f"which {self.path} makes, received shape {images.shape}. Resize or convert them."
            )

    def _checked(self, conditions: npt.ArrayLike | None, count: int) -> np.ndarray:
        expected = (max(count, 1), *(self.condition_shape or ()))
        found = None if conditions is None else np.asarray(conditions, np.float32)
        if found is None or found.shape != expected:
            received = "none" if found is None else f"shape {found.shape}"
            raise ValueError(
                f"Invalid value for argument `conditions`: expected images of shape {expected}, "
                f"which {self.path} translates, received {received}."
            )
        self._check_values("conditions", found)
        return found

    def path_images(self, steps: int) -> Callable[[npt.ArrayLike], np.ndarray]:
        """Return a function from the latents of paths, `[paths * steps, dim]`, to images.

        Args:
            steps: latents a path. Those of one path share a class in a conditional generator.

        Returns:
            A function whose images are clipped to [0, 1]; points stay as they are.
        """

        def images(latents: npt.ArrayLike) -> np.ndarray:
            count = len(np.asarray(latents))
            made = self(latents, None if self.num_classes is None else self.labels(count, steps))
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
