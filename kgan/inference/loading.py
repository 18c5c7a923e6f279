"""Read a trained generator from a run directory, `.keras` file, SavedModel or `.tflite` file."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import pathlib
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import keras
import tensorflow as tf

from kgan.artifacts import RunDirectory
from kgan.inference import runtimes
from kgan.inference.generator import Function, Generator
from kgan.inference.keras_generator import KerasGenerator, range_of
from kgan.priors import Prior
from kgan.training.saving import SavedGame
from kgan.utils.types import JsonDict

__all__ = [
    "CARD",
    "class_names",
    "error_summary",
    "from_game",
    "load",
    "read_card",
    "read_prior",
    "read_run",
]

CARD = "kgan.json"
"""What a SavedModel of kgan records of itself, a file in its `assets.extra`."""

T = TypeVar("T")


def load(
    path: str | os.PathLike[str],
    *,
    prior: Prior | None = None,
    num_classes: int | None = None,
    value_range: tuple[float, float] | None = None,
) -> Generator:
    """Read a trained generator.

    Args:
        path: a finished run directory, a `.keras` file of a generator or of a whole game, the
            directory of one SavedModel that kgan wrote, or a `.tflite` file.
        prior: distribution of the latents; None for the recorded one. `.keras` files of generators
            record none, nor do `.tflite` files of earlier versions.
        num_classes: number of classes; None for the recorded one. `.tflite` files of earlier
            versions record none.
        value_range: `(low, high)`, the pixel values that the generator of a `.keras` file makes;
            None for what it declares, else (-1, 1). `(-math.inf, math.inf)` for no bounds.

    Raises:
        FileNotFoundError: there is no such file, or the run is not finished.
        ValueError: the file is damaged, needs a class that is not registered with Keras, or records
            its value range itself.

    Example:
        ```python
        generator = kgan.inference.load("exports/digits/saved_model/1")
        images = generator.sample(16, seed=0)
        ```
    """
    path = pathlib.Path(path).expanduser()
    if value_range is not None and path.suffix != ".keras":
        raise ValueError(
            f"Invalid value for argument `value_range`: expected None, as {path} is no .keras file "
            f"and its images are in [0, 1] or have no bounds, received {value_range}."
        )
    if RunDirectory(path).config.exists():
        generator = _load_run(path)
    elif (path / "saved_model.pb").exists():
        generator = _attempt(path, lambda: _load_saved_model(path), _DAMAGED)
    elif path.is_file() and path.suffix == ".keras":
        generator = _load_keras(path, prior, value_range)
    elif path.is_file() and path.suffix == ".tflite":
        generator = _attempt(path, lambda: _load_tflite(path), _DAMAGED)
    else:
        raise FileNotFoundError(
            "Invalid value for argument `path`: expected a run directory, a .keras file, a .tflite "
            f"file, or a directory that holds a saved_model.pb, received {str(path)!r}."
        )
    if num_classes is None:
        num_classes = generator.num_classes
    return dataclasses.replace(generator, prior=prior or generator.prior, num_classes=num_classes)


def from_game(game: Any, path: pathlib.Path) -> Generator:
    """Return the generator of a game, with its EMA weights if it keeps any.

    The game's generator keeps these weights: train it no further.

    Args:
        game: a built `kgan.GAN`.
        path: the file that it was read from.
    """
    with game.averaged():
        weights = game.generator.get_weights()
    game.generator.set_weights(weights)
    trained = KerasGenerator(game.generator, game.prior, value_range=range_of(game))
    return _from_keras(trained, path)


def read_run(run_dir: str | os.PathLike[str]) -> KerasGenerator:
    """Read the generator of a finished training run.

    Raises:
        FileNotFoundError: there is no run, or it is not finished.
        ValueError: a file of the run is damaged, or made by a class that is not registered.
    """
    run = RunDirectory(run_dir)
    config = run.read_config()
    if not run.generator.exists():
        raise FileNotFoundError(
            f"The run in {run.path} is not finished: it has no {run.generator.name}. Repeat its "
            "kgan-train command, which goes on where it was stopped."
        )
    prior = read_prior(run)
    given = _recorded_range(run.config, config)
    return KerasGenerator(_read_model(run.generator), prior, config, given)


def _recorded_range(path: pathlib.Path, record: Mapping[str, Any]) -> tuple[float, float] | None:
    """Return the argument `value_range` that gives the recorded one; None where there is none."""
    if "value_range" not in record:  # of an earlier version
        return None
    found = record["value_range"]
    try:
        low, high = (-math.inf, math.inf) if found is None else map(float, found)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"The value_range in {path} cannot be read: expected two numbers or null, found "
            f"{found!r}. Name a run of kgan-train."
        ) from error
    return low, high


def read_prior(run: RunDirectory) -> Prior:
    """Read the prior that a run recorded.

    Raises:
        FileNotFoundError: there is no run.
        ValueError: the record is damaged, or made by a class that is not registered.
    """
    config = run.read_config()
    try:
        return keras.saving.deserialize_keras_object(config["prior"])
    except Exception as error:
        raise ValueError(
            f"The prior in {run.config} cannot be read ({error_summary(error)}). "
            "Name a run of kgan-train."
        ) from error


def class_names(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the classes that a run's `config.json` records; none if it has none."""
    return tuple(config.get("data", {}).get("class_names") or ())


def read_card(saved_model: pathlib.Path) -> JsonDict:
    """Read what the writer of a SavedModel recorded; empty for a SavedModel of other origin."""
    card = saved_model / "assets.extra" / CARD
    return json.loads(card.read_text()) if card.exists() else {}


def error_summary(error: Exception) -> str:
    """Return the type of `error` and the first line of its message; Keras and TFLite write many."""
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"


_DAMAGED = "Either it is damaged, or it was not written by kgan-export."
_UNREGISTERED = (
    "Either it is damaged, or a class that it needs is not registered with Keras: import the "
    "module that defines it, and repeat the call from Python."
)


def _attempt(path: pathlib.Path, read: Callable[[], T], hint: str) -> T:
    try:
        return read()
    except Exception as error:
        raise ValueError(f"{path} cannot be loaded ({error_summary(error)}). {hint}") from error


def _read_model(path: pathlib.Path) -> keras.Model:
    return _attempt(path, lambda: keras.saving.load_model(path, compile=False), _UNREGISTERED)


def _load_run(path: pathlib.Path) -> Generator:
    trained = read_run(path)
    generator = _from_keras(trained, RunDirectory(path).generator)
    config = RunDirectory(path).read_config()
    # A functional model takes labels without declaring how many classes there are.
    num_classes = config.get("data", {}).get("num_classes") or trained.num_classes
    return dataclasses.replace(generator, num_classes=num_classes, class_names=class_names(config))


def _load_keras(
    path: pathlib.Path, prior: Prior | None, value_range: tuple[float, float] | None
) -> Generator:
    model = _read_model(path)
    if isinstance(model, SavedGame):
        recorded = range_of(model)
        if value_range is not None and tuple(map(float, value_range)) != recorded:
            raise ValueError(
                f"Invalid value for argument `value_range`: expected None or the {recorded} that "
                f"the game in {path} records, received {value_range}."
            )
        return from_game(model, path)
    latent_dim = _latent_dim(model) if prior is None else prior.dim
    if latent_dim is None:
        raise ValueError(
            f"{path} does not record the size of its latents. Declare `latent_dim` in the network, "
            "or call `kgan.inference.load` with a prior, such as kgan.priors.Normal(100)."
        )
    trained = KerasGenerator(model, prior or Prior(latent_dim), value_range=value_range)
    return dataclasses.replace(_from_keras(trained, path), prior=prior)


def _latent_dim(model: keras.Model) -> int | None:
    """Return the size of the latents that a network declares, or that its inputs have."""
    inputs = getattr(model, "inputs", None)
    return getattr(model, "latent_dim", inputs[0].shape[-1] if inputs else None)


def _from_keras(trained: KerasGenerator, path: pathlib.Path) -> Generator:
    return Generator(
        "keras",
        path,
        trained.function(),
        trained.latent_dim,
        trained.prior,
        trained.num_classes,
        trained.value_range is not None,
    )


def _load_saved_model(path: pathlib.Path) -> Generator:
    model, card = tf.saved_model.load(str(path)), read_card(path)
    serve = model.signatures["serving_default"]
    channels = serve.structured_outputs["images"].shape[-1]
    # Earlier versions recorded no range, and left sample_png out for unbounded values.
    bounded = "sample_png" in model.signatures or channels not in (1, 3)
    latent_dim = serve.structured_input_signature[1]["latents"].shape[-1]
    return _exported("saved_model", path, runtimes.served(model), latent_dim, card, bounded)


def _load_tflite(path: pathlib.Path) -> Generator:
    runner = runtimes.signature_runner(path)
    card = json.loads(runtimes.tflite_metadata(path, CARD) or "{}")
    latent_dim = int(runner.get_input_details()["latents"]["shape"][-1])
    return _exported("tflite", path, runtimes.run_by_litert(runner), latent_dim, card, True)


def _exported(
    kind: str,
    path: pathlib.Path,
    function: Function,
    latent_dim: int,
    card: JsonDict,
    bounded: bool,
) -> Generator:
    """Return an exported generator, with what its card records; `bounded` holds without it."""
    config = card.get("config", {})
    prior = config.get("prior")
    return Generator(
        kind,
        path,
        function,
        latent_dim,
        None if prior is None else keras.saving.deserialize_keras_object(prior),
        card.get("num_classes"),
        card["value_range"] is not None if "value_range" in card else bounded,
        class_names(config),
    )
