"""The generator to evaluate: that of a run, or what it was exported to, as one function."""

from __future__ import annotations

import dataclasses
import hashlib
import pathlib
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from kgan.artifacts import RunDirectory
from kgan.priors import Prior

from ..program import quiet_start

BATCH = 500


@dataclasses.dataclass(frozen=True)
class Generator:
    """A generator, whatever it is kept in.

    Attributes:
        kind: `"keras"`, `"saved_model"` or `"tflite"`.
        path: where it lies.
        prior: what its latents are drawn from.
        function: maps latents float32 `[n, dim]`, and labels int32 `[n]` of a conditional one, to
            images, in [0, 1] where they are images.
        num_classes: of a conditional generator, else None.
    """

    kind: str
    path: pathlib.Path
    prior: Prior
    function: Callable[..., Any]
    num_classes: int | None = None

    def along(self, steps: int) -> Callable[[Any], np.ndarray]:
        """A function from latents to images or points, images clipped to [0, 1].

        Args:
            steps: how many latents in a row belong together, as a path does; those of a conditional
                generator are of one class, and the classes take turns.
        """

        def images(latents: Any) -> np.ndarray:
            made = self._made(latents, steps)
            return made.clip(0, 1) if made.ndim == 4 else made

        return images

    def _made(self, latents: Any, steps: int = 1) -> np.ndarray:
        """What it makes of latents `[n, dim]`, in batches."""
        inputs = [np.asarray(latents, np.float32)]
        if self.num_classes is not None:
            inputs.append(self.asked(len(latents), steps))
        parts = [
            np.asarray(self.function(*(x[start : start + BATCH] for x in inputs)), np.float32)
            for start in range(0, len(latents), BATCH)
        ]
        return np.concatenate(parts)

    def asked(self, n: int, steps: int = 1) -> np.ndarray:
        """The classes int32 `[n]` that n samples of a conditional generator are of, in turn."""
        return (np.arange(n) // steps % (self.num_classes or 1)).astype(np.int32)

    def sample(self, n: int, seed: int, image_shape: tuple[int, ...]) -> np.ndarray:
        """Images of `n` latents from the prior, the same for the same seed; all classes in turn.

        Raises:
            ValueError: they are not of `image_shape`, not finite, or not in [0, 1].
        """
        images = self._made(self.prior.sample(n, seed))
        if images.shape[1:] != image_shape:
            raise ValueError(
                f"{self.path} makes images of shape {images.shape[1:]}, where those of the data "
                f"have {image_shape}. Name the run that it was trained in."
            )
        bad = np.count_nonzero(~np.isfinite(images.reshape(n, -1)).all(axis=1))
        if bad:
            raise ValueError(
                f"{bad:,} of {n:,} samples of {self.path} hold NaN or infinity: its training "
                "diverged. Evaluate another run, or train this one anew."
            )
        if images.ndim == 2:
            return images
        low, high = images.min(), images.max()
        if not (low > -1e-3 and high < 1 + 1e-3):  # half precision rounds
            raise ValueError(
                f"The samples of {self.path} lie in [{low:.3g}, {high:.3g}], where images lie in "
                "[0, 1] once black and white are scaled to it. Let the generator declare its "
                "`value_range` and keep to it."
            )
        return images.clip(0, 1)

    def digest(self) -> str:
        """16 hexadecimal digits of the SHA-256 of its file or files."""
        sha = hashlib.sha256()
        for file in sorted(self.path.rglob("*")) if self.path.is_dir() else [self.path]:
            if file.is_file():
                sha.update(file.relative_to(self.path).as_posix().encode() + file.read_bytes())
        return sha.hexdigest()[:16]


def open_generator(
    run: RunDirectory, config: dict[str, Any], exported: str | None = None
) -> Generator:
    """Opens the generator of a run, or an export of it.

    Args:
        run: the run.
        config: what its `config.json` holds.
        exported: a `.tflite` file or a SavedModel's directory; None for the run's own generator.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it cannot be read, or is of another run.
    """
    try:
        prior = keras.saving.deserialize_keras_object(config["prior"])
    except Exception as error:
        raise ValueError(
            f"The prior in {run.config} cannot be read ({_gist(error)}). Name a run of kgan-train."
        ) from error
    path = pathlib.Path(exported).expanduser() if exported else run.generator
    if exported is None and not path.exists():
        raise FileNotFoundError(
            f"The run in {run.path} is not finished: it has no {path.name}. Repeat its kgan-train "
            "command, which goes on where it was stopped."
        )
    if exported and not (path.suffix == ".tflite" or (path / "saved_model.pb").exists()):
        raise FileNotFoundError(
            f"--generator={exported}: expected a .tflite file, or a directory that holds a "
            "saved_model.pb, such as OUTPUT/saved_model/1 of kgan-export."
        )
    kind = {".keras": "keras", ".tflite": "tflite"}.get(path.suffix, "saved_model")
    num_classes = config.get("data", {}).get("num_classes")
    try:
        with quiet_start():  # LiteRT greets as well
            open_kind = {"keras": _keras, "tflite": _tflite, "saved_model": _saved_model}[kind]
            generator = Generator(kind, path, prior, open_kind(path), num_classes)
            generator.along(1)(prior.sample(1, 0))
    except Exception as error:
        raise ValueError(
            f"{path} cannot be used with the latents of {run.path} ({_gist(error)}). Either it is "
            "damaged, or it was made by something else than this run."
        ) from error
    return generator


def _keras(path: pathlib.Path) -> Callable[..., Any]:
    model = keras.saving.load_model(path, compile=False)
    low, high = getattr(model, "value_range", (-1.0, 1.0)) or (0.0, 1.0)

    @tf.function(reduce_retracing=True)
    def images(latents: tf.Tensor, *labels: tf.Tensor) -> tf.Tensor:
        made = tf.cast(model([latents, *labels] if labels else latents, training=False), tf.float32)
        return made if made.shape.rank == 2 else (made - low) / (high - low)  # points stay

    return images


def _saved_model(path: pathlib.Path) -> Callable[..., Any]:
    model = tf.saved_model.load(str(path))

    def images(*inputs: np.ndarray) -> Any:
        named = dict(zip(("latents", "labels"), map(tf.constant, inputs), strict=False))
        return model.signatures["serving_default"](**named)["images"]

    return images


def _tflite(path: pathlib.Path) -> Callable[..., Any]:
    run = Interpreter(model_path=str(path)).get_signature_runner("serving_default")
    dim = run.get_input_details()["latents"]["shape"][-1]

    def images(latents: np.ndarray, *labels: np.ndarray) -> Any:
        if latents.shape[1] != dim:  # LiteRT would read beyond them
            raise ValueError(f"it takes latents of size {dim}, not {latents.shape[1]}")
        return run(latents=latents, **({"labels": labels[0]} if labels else {}))["images"]

    return images


def _gist(error: Exception) -> str:
    """The kind of `error` and the first line of what it says."""
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
