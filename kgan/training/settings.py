"""What decides a training beside its variables, as plain values that two trainings can compare."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from typing import Any

import keras

from kgan.utils.types import JsonDict

__all__ = ["flat", "settings"]

# Of Keras's configurations: where a class is defined, and names that differ between processes.
_SKIPPED = {"module", "registered_name", "build_config", "name"}
_PARTS = ("generator_optimizer", "discriminator_optimizer", "loss", "penalties")
_VALUES = ("penalty_interval", "discriminator_steps", "ema_decay", "packing", "seed")


def settings(gan: keras.Model) -> JsonDict:
    """Return the arguments of a compiled game by name, such as `"loss"` and `"loss.weight"`.

    The networks are left out: their variables are compared one by one. So is what changes the speed
    alone, such as `jit_compile`.
    """
    found: JsonDict = {"dtype": gan.dtype_policy.name}
    for name in (*_PARTS, *_VALUES, "prior", "augmentation", "value_range"):
        found.update(flat(name, getattr(gan, name)))
    return json.loads(json.dumps(found))


def flat(name: str, value: Any) -> JsonDict:
    """Return a value and its parts by their names; an object counts by class and configuration."""
    if hasattr(value, "get_config"):
        return {name: type(value).__name__, **_parts(name, _config(value))}
    if isinstance(value, Mapping) and "class_name" in value:  # an object that Keras serialized
        return {name: value["class_name"], **_parts(name, value.get("config") or {})}
    if isinstance(value, Mapping):
        return _parts(name, value)
    if isinstance(value, list | tuple):
        parts = [flat("", each) for each in value]
        found = {name: [part.get("") for part in parts]}
        for i, part in enumerate(parts):
            found.update({f"{name}.{i}{key}": each for key, each in part.items() if key})
        return found
    if hasattr(value, "tolist"):  # NumPy's
        return {name: value.tolist()}
    if value is None or isinstance(value, bool | int | float | str):
        return {name: value}
    # A function by its name, and anything else by its class: an address differs each time.
    return {name: getattr(value, "__qualname__", type(value).__name__)}


def _parts(name: str, config: Mapping[str, Any]) -> JsonDict:
    found: JsonDict = {}
    for key, value in config.items():
        if key not in _SKIPPED:
            found.update(flat(f"{name}.{key}", value))
    return found


def _config(value: Any) -> Mapping[str, Any]:
    """Return an object's configuration; empty where it cannot tell, as with a lambda inside."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return value.get_config()
        except Exception:  # of users' own classes, whatever it is
            return {}
