"""Read a trained generator from a run directory, `.keras` file, SavedModel or `.tflite` file."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from kgan.artifacts import RunDirectory
from kgan.inference import runtimes
from kgan.inference.generator import Function, Generator
from kgan.inference.keras_generator import KerasGenerator, classifier_of, range_of
from kgan.priors import Prior
from kgan.runs import read_game
from kgan.training.saving import SavedGame
from kgan.utils.loading import error_summary, explained_loading
from kgan.utils.types import JsonDict

__all__ = [
    "CARD",
    "class_names",
    "load",
    "read_card",
    "read_prior",
    "read_run",
]

CARD = "kgan.json"
"""What a SavedModel of kgan records of itself, a file in its `assets.extra`."""


def load(
    path: str | os.PathLike[str],
    *,
    prior: Prior | None = None,
    num_classes: int | None = None,
    value_range: tuple[float, float] | None = None,
    step: int | None = None,
    direction: str | None = None,
) -> Generator:
    """Read a trained generator.

    Args:
        path: a run directory, a `.keras` file of a generator or of a whole game, the directory of
            one SavedModel that kgan wrote, or a `.tflite` file.
        prior: distribution of the latents; None for the recorded one. `.keras` files of generators
            record none, nor do `.tflite` files of earlier versions.
        num_classes: number of classes; None for the recorded one. `.tflite` files of earlier
            versions record none.
        value_range: `(low, high)`, the pixel values that the generator of a `.keras` file makes;
            None for what it declares, else (-1, 1). `(-math.inf, math.inf)` for no bounds.
        step: the step of a run whose checkpoint is wanted; None for the end of a finished run, else
            the newest.
        direction: of a run or a `.keras` file of `kgan.variants.CycleGAN`, which translates both
            ways: `"x_to_y"` or `"y_to_x"`. None for any other.

    Raises:
        FileNotFoundError: there is no such file or checkpoint, or the run has none yet.
        ValueError: the file translates both ways and no direction is named, is damaged, needs a
            class that is not registered with Keras, or records its value range itself.

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
        generator = _load_run(path, step, direction)
    elif step is not None:
        raise ValueError(
            f"Invalid value for argument `step={step}`: expected none, as {path} is no run and has "
            "no steps."
        )
    elif (path / "saved_model.pb").exists():
        with explained_loading(path, _DAMAGED):
            generator = _load_saved_model(path)
    elif path.is_file() and path.suffix == ".keras":
        generator = _load_keras(path, prior, value_range, direction)
    elif path.is_file() and path.suffix == ".tflite":
        with explained_loading(path, _DAMAGED):
            generator = _load_tflite(path)
    else:
        raise FileNotFoundError(
            "Invalid value for argument `path`: expected a run directory, a .keras file, a .tflite "
            f"file, or a directory that holds a saved_model.pb, received {str(path)!r}."
        )
    if direction is not None and generator.kind != "keras":
        raise ValueError(
            f"Invalid value for argument `direction`: expected None, as {path} has one direction, "
            f"received {direction!r}."
        )
    recorded = generator.num_classes
    if num_classes is not None and recorded not in (None, num_classes):
        raise ValueError(
            f"Invalid value for argument `num_classes`: expected None or the {recorded} of "
            f"{path}, received {num_classes!r}."
        )
    _check_dimensions(path, prior, generator.latent_dim)
    num_classes = num_classes if recorded is None else recorded
    return dataclasses.replace(generator, prior=prior or generator.prior, num_classes=num_classes)


def read_run(run_dir: str | os.PathLike[str], step: int | None = None) -> KerasGenerator:
    """Read the generator of a run, with its EMA weights if it keeps any, and its classifier.

    Args:
        run_dir: the run directory.
        step: the step whose checkpoint is wanted; None for the end of a finished run, else the
            newest.

    Raises:
        FileNotFoundError: there is no run, no such checkpoint, or none yet.
        OSError: a file of the run cannot be read.
        ValueError: a file of the run is damaged, or made by a class that is not registered.
    """
    return _read_run(RunDirectory(run_dir), step)[0]


def _read_run(run: RunDirectory, step: int | None) -> tuple[KerasGenerator, pathlib.Path]:
    """Return the generator of a run and the file that it comes from."""
    config = run.read_config()
    if step is None and run.generator.exists():
        prior, given = read_prior(run), _recorded_range(run.config, config)
        classifier = _read_model(run.discriminator) if "classes" in config else None
        generator = _read_model(run.generator)
        return KerasGenerator(generator, prior, config, given, classifier), run.generator
    game, path = read_game(run, step)
    return _averaged(game, config), path


def _averaged(game: Any, config: JsonDict | None = None) -> KerasGenerator:
    """Return the generator of a game, which keeps the EMA weights from now on.

    Args:
        game: a built `kgan.GAN`. Train it no further.
        config: the run's own record.
    """
    classifier = classifier_of(game)
    networks = [game.generator] if classifier is None else [game.generator, classifier]
    with game.averaged():
        weights = [network.get_weights() for network in networks]
    for network, values in zip(networks, weights, strict=True):
        network.set_weights(values)
    return KerasGenerator(game.generator, game.prior, config, range_of(game), classifier)


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


_DAMAGED = "Either it is damaged, or it was not written by kgan-export."


def _read_model(path: pathlib.Path) -> keras.Model:
    with explained_loading(path, "Either it is damaged, or it is no model of Keras."):
        return keras.saving.load_model(path, compile=False)


def _load_run(path: pathlib.Path, step: int | None, direction: str | None) -> Generator:
    trained, file = _read_run(RunDirectory(path), step)
    trained = _directed(trained, file, direction)
    generator = _from_keras(trained, file)
    # A functional model takes labels without declaring how many classes there are.
    num_classes = trained.config.get("data", {}).get("num_classes") or trained.num_classes
    names = class_names(trained.config)
    return dataclasses.replace(generator, num_classes=num_classes, class_names=names)


def _directed(trained: KerasGenerator, path: pathlib.Path, direction: str | None) -> KerasGenerator:
    """Return the generator of one direction, where there are two.

    Raises:
        ValueError: there are two and none is named, or the other way round.
    """
    if direction is not None:
        return trained.toward(direction)
    if trained.directions:
        known = ", ".join(map(repr, trained.directions))
        raise ValueError(
            f"Invalid value for argument `direction`: expected one of {known}, as {path} "
            "translates both ways, received None."
        )
    return trained


def _load_keras(
    path: pathlib.Path,
    prior: Prior | None,
    value_range: tuple[float, float] | None,
    direction: str | None,
) -> Generator:
    model = _read_model(path)
    if isinstance(model, SavedGame):
        recorded = range_of(model)
        if value_range is not None and tuple(map(float, value_range)) != recorded:
            raise ValueError(
                f"Invalid value for argument `value_range`: expected None or the {recorded} that "
                f"the game in {path} records, received {value_range}."
            )
        return _from_keras(_directed(_averaged(model), path, direction), path)
    declared = _latent_dim(model)
    _check_dimensions(path, prior, declared)
    latent_dim = declared if prior is None else prior.dim
    if latent_dim is None:
        raise ValueError(
            f"{path} does not record the size of its latents. Declare `latent_dim` in the network, "
            "or call `kgan.inference.load` with a prior, such as kgan.priors.Normal(100)."
        )
    trained = KerasGenerator(model, prior or Prior(latent_dim), value_range=value_range)
    trained = _directed(trained, path, direction)
    return dataclasses.replace(_from_keras(trained, path), prior=prior)


def _check_dimensions(path: pathlib.Path, prior: Prior | None, latent_dim: int | None) -> None:
    if prior is not None and latent_dim not in (None, prior.dim):
        raise ValueError(
            f"Invalid value for argument `prior`: expected one of {latent_dim} dimensions, which "
            f"{path} takes, received {prior.dim}."
        )


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
        condition_shape=trained.condition_shape,
        condition=trained.condition,
        options=trained.config.get("options", {}),
        masked=trained.masked,
        encoding=trained.encoding(),
        network=trained,
    )


def _load_saved_model(path: pathlib.Path) -> Generator:
    model, card = tf.saved_model.load(str(path)), read_card(path)
    serve = model.signatures["serving_default"]
    channels = serve.structured_outputs["images"].shape[-1]
    # Earlier versions recorded no range, and left sample_png out for unbounded values.
    bounded = "sample_png" in model.signatures or channels not in (1, 3)
    inputs = serve.structured_input_signature[1]
    latent_dim = inputs["latents"].shape[-1] if "latents" in inputs else 0
    exported = _exported("saved_model", path, runtimes.served(model), latent_dim, card, bounded)
    return dataclasses.replace(exported, encoding=runtimes.encoding(model))


def _load_tflite(path: pathlib.Path) -> Generator:
    runner = runtimes.signature_runner(path)
    card = json.loads(runtimes.tflite_metadata(path, CARD) or "{}")
    inputs = runner.get_input_details()
    latent_dim = int(inputs["latents"]["shape"][-1]) if "latents" in inputs else 0
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
    prior, condition = config.get("prior"), config.get("condition")
    condition_shape = card.get("condition_shape")
    return Generator(
        kind,
        path,
        function,
        latent_dim,
        None if prior is None else keras.saving.deserialize_keras_object(prior),
        card.get("num_classes"),
        card["value_range"] is not None if "value_range" in card else bounded,
        class_names(config),
        None if condition_shape is None else tuple(condition_shape),
        None if condition is None else keras.saving.deserialize_keras_object(condition),
        config.get("options", {}),
        card.get("masked", False),
    )
