"""Start a run from the networks of another one: fine-tuning."""

from __future__ import annotations

from typing import Any

import kgan
from kgan.artifacts import RunDirectory
from kgan.checkpoint import variables
from kgan.runs import read_game, saved_from_python
from kgan.utils.types import JsonDict
from kgan_cli.options import OptionValues

from .config import Config, overridden
from .records import recorded_config

# Options that are of the other run's data, not of its networks.
_OF_DATA = (
    *("split", "image", "label", "image_size", "channels", "resize", "background"),
    "group_by",
)


def initial_config(given: OptionValues) -> Config:
    """Return the configuration of the run that `init_from` names, with options that are given.

    Of a run that was saved from Python, which records no options, those that are given are all.

    Args:
        given: the flags of `Config` that were given, `init_from` among them.

    Raises:
        FileNotFoundError: there is no run.
        OSError: its record cannot be read.
        ValueError: its record is damaged, or of a version of kgan with other options.
    """
    run = RunDirectory(given["init_from"])
    record = run.read_config()
    if saved_from_python(record):
        return overridden({}, given)
    options = recorded_config(run).options()
    if given.get("dataset", options["dataset"]) != options["dataset"]:
        options = {name: value for name, value in options.items() if name not in _OF_DATA}
        options.update(_form(record))
    options.pop("init_optimizers")
    return overridden(options, given)


def _form(record: JsonDict) -> JsonDict:
    """Return the options by which other images get the form of those that a run was trained on."""
    shape = record.get("data", {}).get("image_shape") or []
    if len(shape) != 3:
        return {}
    height, width, channels = shape
    size = height if height == width else f"{height},{width}"
    condition_shape = record["data"].get("condition_shape") or shape
    alike = condition_shape[-1] == channels  # the option is of both
    return {"image_size": size, "channels": channels if alike and channels in (1, 3, 4) else None}


def start_from(gan: kgan.GAN, config: Config) -> JsonDict:
    """Give a game the networks of the run that `config` names, at its newest checkpoint.

    The EMA begins anew, at the weights that are loaded.

    Args:
        gan: the compiled game, which has not trained yet.
        config: what to train.

    Returns:
        Where the networks come from, for the run card.

    Raises:
        FileNotFoundError: there is no run, or it has no checkpoint yet.
        OSError: a file cannot be read.
        ValueError: a file is damaged, or the networks or the optimizers do not fit.
    """
    run = RunDirectory(str(config.init_from))
    record = run.read_config()
    source, _ = read_game(run, compiled=bool(config.init_optimizers))
    _check_range(gan, source, config)
    for name in ("generator", "discriminator"):
        _copy_network(getattr(gan, name), getattr(source, name), name, config)
        if config.init_optimizers:
            _copy_optimizer(gan, source, f"{name}_optimizer", config)
    if gan.ema is not None:
        gan.ema.restart()
    return {
        "run": str(config.init_from),
        "step": source.step,
        "data": {
            "dataset": record["options"].get("dataset"),
            "fingerprint": record.get("data", {}).get("fingerprint"),
        },
    }


def _check_range(gan: kgan.GAN, source: Any, config: Config) -> None:
    if gan.value_range != source.value_range:
        raise ValueError(
            f"--init_from={config.init_from}: its pixel value range is {source.value_range}, that "
            f"of this run {gan.value_range}. Give the --value_range of that run."
        )


def _copy_network(network: Any, source: Any, name: str, config: Config) -> None:
    theirs, own = source.weights, network.weights
    shapes = [[tuple(weight.shape) for weight in weights] for weights in (theirs, own)]
    if shapes[0] != shapes[1]:
        differing = next((i for i, (a, b) in enumerate(zip(*shapes, strict=False)) if a != b), None)
        which = (
            f"{len(theirs)} weights there, {len(own)} here"
            if differing is None
            else f"{own[differing].path} is {shapes[0][differing]} there, {shapes[1][differing]} "
            "here"
        )
        raise ValueError(
            f"--init_from={config.init_from}: its {name} has other sizes than this one ({which}). "
            "Take its --network, --width, --latent_dim, --image_size and --channels, and data with "
            "as many classes."
        )
    network.set_weights(source.get_weights())


def _copy_optimizer(gan: kgan.GAN, source: Any, name: str, config: Config) -> None:
    """Copy the state of an optimizer, whose learning rate stays."""
    own, theirs = (
        {key: value for key, value in variables(game).items() if key.startswith(f"{name}/")}
        for game in (gan, source)
    )
    shapes = [{key: tuple(x.shape) for key, x in group.items()} for group in (own, theirs)]
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"--init_optimizers: the {name.replace('_', ' ')} of {config.init_from} is of another "
            "kind. Take its --optimizer and --precision, or leave the flag out for fresh ones."
        )
    for key, variable in own.items():
        if variable.name != "learning_rate":
            variable.assign(theirs[key].numpy())
