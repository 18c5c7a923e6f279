"""The run card: what a run was made of, so that it can be understood, resumed and repeated."""

from __future__ import annotations

import os
import pathlib
import platform
import subprocess
from importlib import metadata

import keras

import kgan
from kgan.artifacts import RunDirectory
from kgan.data import SeekableDataset
from kgan.runs import classes_record, directions_record
from kgan.utils.types import JsonDict

from .config import Config

PACKAGES = ("kgan", "tensorflow", "keras", "tensorflow-datasets", "numpy")


def write_or_check(
    run: RunDirectory,
    config: Config,
    gan: kgan.GAN,
    images: SeekableDataset,
    original: str | os.PathLike[str] | None,
    origin: JsonDict | None = None,
) -> None:
    """Record a new run; check that the data of a resumed or repeated run are still the same.

    Other versions of the libraries, another commit and another number of replicas are printed.

    Args:
        run: the run directory.
        config: the configuration of the run.
        gan: the compiled GAN.
        images: the batches it trains on.
        original: the run that this one repeats; None for none.
        origin: where the first networks come from; None for new ones, or a run that has begun.

    Raises:
        ValueError: the data, or the networks that it started from, are not those that the run was
            made of.
    """
    card = {
        "prior": keras.saving.serialize_keras_object(gan.prior),
        "value_range": gan.value_range,
        "data": {
            "image_shape": list(gan.image_shape),
            "num_classes": gan.num_classes,
            "split": config.split,
            **images.record,
            **_condition_shape(gan),
        },
        **images.condition_record,
        **directions_record(gan),
        **classes_record(gan),
        "versions": _versions(),
        "replicas": gan.distribute_strategy.num_replicas_in_sync,
        "commit": _commit(),
    }
    if origin is not None:
        card["init_from"] = origin
    begun = run.config.exists()
    for known in (run.path if begun else None, original):
        if known is not None:
            _check_same(RunDirectory(known), card)
    if begun:
        print(f"{run.path} holds an unfinished run of this configuration; resuming it.")
    else:
        run.create(config.options(), **card)


def _condition_shape(gan: kgan.GAN) -> JsonDict:
    """Return the shape of the images that are the condition, if there are any."""
    shape = gan.condition.shape
    return {} if shape is None else {"condition_shape": list(shape)}


def _check_same(known: RunDirectory, card: JsonDict) -> None:
    before = known.read_config()
    recorded = before.get("data")
    data = dict(card["data"])
    for entry in ("image", "label", "class_names"):  # unknown to earlier versions
        if entry not in (recorded or {}):
            data.pop(entry, None)
    if recorded != data:
        raise ValueError(
            f"The data are not those that the run in {known.path} was made of: "
            f"{recorded} -> {data}. Bring them back, or start a run on these in "
            "another directory."
        )
    if "init_from" in card and card["init_from"] != before.get("init_from"):
        raise ValueError(
            f"The run in {known.path} started from other networks: {before.get('init_from')} -> "
            f"{card['init_from']}. Put that run back as it was, or start a run in another "
            "directory without --reproduce."
        )
    old, new = (
        {**record.get("versions", {}), **{key: record.get(key) for key in ("commit", "replicas")}}
        for record in (before, card)
    )
    changes = [
        f"{name} {old.get(name)} -> {new[name]}" for name in new if new[name] != old.get(name)
    ]
    if changes:
        print(
            f"The run in {known.path} was made with something else than this one, which may "
            f"therefore end differently: {'; '.join(changes)}."
        )


def _versions() -> dict[str, str]:
    return {"python": platform.python_version(), **{p: metadata.version(p) for p in PACKAGES}}


def _commit() -> str | None:
    """Return the commit of the checkout that kgan runs from, "-dirty" if changed, else None."""

    def git(*arguments: str) -> str:
        folder = str(pathlib.Path(kgan.__file__).parent)
        command = ["git", "--no-optional-locks", "-C", folder, *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=10).stdout.strip()

    try:
        if not git("ls-files", "__init__.py"):  # installed below someone else's checkout
            return None
        return git("describe", "--always", "--dirty", "--abbrev=40", "--exclude=*") or None
    except (OSError, subprocess.SubprocessError):
        return None
