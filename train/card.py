"""The run card: what a run was made of, so that it can be understood, resumed and repeated."""

from __future__ import annotations

import pathlib
import platform
import subprocess
from importlib import metadata
from typing import Any

import keras
import tensorflow as tf

import kgan
from kgan.artifacts import RunDirectory

from .config import Config

PACKAGES = ("kgan", "tensorflow", "keras", "tensorflow-datasets", "numpy")


def write_or_check(
    run: RunDirectory, config: Config, gan: kgan.GAN, images: tf.data.Dataset
) -> None:
    """Records a run that begins; makes sure that one that goes on is still the same.

    Other versions of the libraries are named, and the run goes on.

    Raises:
        ValueError: the data are not those that the run began with.
    """
    card = {
        "prior": keras.saving.serialize_keras_object(gan.prior),
        "data": {
            "image_shape": list(images.element_spec.shape[1:]),
            "split": "train",
            "fingerprint": images.stream.fingerprint,
        },
        "versions": _versions(),
        "commit": _commit(),
    }
    if not run.config.exists():
        run.create(config.options(), **card)
        return
    before = run.read_config()
    if before.get("data") != card["data"]:
        raise ValueError(
            f"The data of {config.dataset} are not those that the run in {run.path} began with: "
            f"{before.get('data')} -> {card['data']}. Name another run directory."
        )
    versions = _versions()
    changes = [
        f"{name} {version} -> {versions.get(name)}"
        for name, version in before.get("versions", {}).items()
        if version != versions.get(name)
    ]
    print(f"{run.path} holds an unfinished run of this configuration; it goes on.")
    if changes:
        print(f"It began with other versions, so it may end differently: {'; '.join(changes)}.")


def _versions() -> dict[str, str]:
    return {"python": platform.python_version(), **{p: metadata.version(p) for p in PACKAGES}}


def _commit() -> str | None:
    """The commit of the checkout that kgan is run from; None for an installed wheel."""
    command: list[Any] = ["git", "-C", pathlib.Path(kgan.__file__).parent, "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except OSError:
        return None
    return done.stdout.strip() or None
