"""`--preset=auto`: a configuration that is chosen by the data and the machine.

docs/pictures.md has them in a table, docs/pictures_trained.md what they come from.
"""

from __future__ import annotations

import dataclasses
import math
import os
import sys
import time
import types
from collections.abc import Mapping
from typing import Any

import keras

from kgan import data
from kgan.networks.checks import doublings
from kgan.utils.types import JsonDict, Logs

from .choices import DENSE
from .config import Config, overridden
from .game import WIDTHS, make_gan
from .labelled import load_labelled
from .presets import POINTS, SETTLED
from .run import load_images
from .strategy import has_gpu, on_one_machine, share_memory

MINUTES = 30.0
SMALL = 16 * 16  # values of an image up to which narrow fully connected networks do
LARGEST_ON_CPU = 50 * 50  # up to which wide ones are chosen there, unless images are few
SIDE_ON_CPU = 32  # pixels to which images of more values are reduced there
DENSE_UNITS = 256  # of a dcgan whose discriminator has two convolutions or one, at 28x28 or less
FEW = 20_000  # images below which a discriminator needs convolutions, and augmentation
HALF_LIFE = 69_000  # images in which the EMA forgets half
GAMMAS = {"mlp": 0.25, "dcgan": 1.0}
MEASURED_SECONDS = 5.0
GRIDS = 20  # sample grids, and checkpoints, of a run


@dataclasses.dataclass(frozen=True)
class Facts:
    """What the choices depend on.

    Attributes:
        images: number in the split that is trained on.
        shape: of an image, `(height, width, channels)`, or of a point, `(dim,)`.
        gpu: whether there is a GPU.
    """

    images: int
    shape: tuple[int, ...]
    gpu: bool

    def __str__(self) -> str:
        kind = "images" if len(self.shape) == 3 else "points"
        shape = "x".join(map(str, self.shape))
        return f"{self.images:,} {kind} of {shape} on a {'GPU' if self.gpu else 'CPU'}"


def automatic(preset: str | None, given: Mapping[str, object], config: Config) -> bool:
    """Return whether the configuration is to be chosen.

    It is where that is asked for, and for a directory of pictures without a preset, a network and a
    condition.

    Args:
        preset: the flag of that name.
        given: the flags of `Config` that were given.
        config: what they make without a preset, the directory of pictures as an absolute path.
    """
    if preset == "auto":
        return True
    chooses = given.get("network") is None and config.condition is None and not config.unpaired
    return preset is None and chooses and os.path.isabs(config.dataset)


def chosen(
    config: Config,
    given: Mapping[str, object],
    data_dir: str | os.PathLike[str] | None,
    minutes: float | None,
) -> Config:
    """Return the configuration for the data, and print why.

    Args:
        config: what the flags make without a preset.
        given: the flags of `Config` that were given. They win.
        data_dir: directory of TFDS data; None for TFDS's own.
        minutes: how long to train; None for half an hour, or where `given` has steps or epochs.

    Raises:
        ValueError, OSError: as `train`.
    """
    given = {name: value for name, value in given.items() if value is not None}
    if config.condition is not None or config.unpaired:
        name = "condition" if "condition" in given else "variant"
        raise ValueError(
            f"--preset=auto: expected none beside --{name}={given[name]}, as it chooses "
            "networks that are given no images. Leave it out."
        )
    given["dataset"] = config.dataset
    length = [name for name in ("steps", "epochs") if name in given]
    if minutes is not None and length:
        raise ValueError(
            f"--minutes={minutes:g}: expected none beside --{length[0]}={given[length[0]]}, which "
            "says how long to train."
        )
    if not on_one_machine():
        raise ValueError(
            "--preset=auto looks at the data before several workers or a TPU can be used: name "
            "another --preset, or a --network."
        )
    share_memory()
    facts = _facts(config, data_dir)
    options, reasons = choose(facts, given)
    rows = options["batch_size"] * config.discriminator_steps
    options["steps_per_execution"] = max(
        1, min(options["steps_per_execution"], facts.images // rows)
    )
    print(f"--preset=auto for {facts}:")
    for what, reason in reasons.items():
        print(f"  {what + ':':<14}{reason}", flush=True)
    if stronger := [f"--{name}={given[name]}" for name in sorted(options) if name in given]:
        print(f"  {'given:':<14}{' '.join(stronger)}, which count instead", flush=True)
    if length:
        return overridden(options, given)
    trial = overridden({**options, "steps": options["steps_per_execution"]}, given)
    seconds = _seconds_a_step(trial, data_dir)
    steps = steps_in(MINUTES if minutes is None else minutes, seconds, trial.steps_per_execution)
    print(
        f"  {'length:':<14}{steps:,} steps; this will take about {_spoken(steps * seconds)} "
        f"({seconds * 1000:.3g} ms a step, measured)",
        flush=True,
    )
    every = max(1, steps // GRIDS)
    return overridden(
        {**options, "sample_every": every, "checkpoint_every": every, "steps": steps}, given
    )


def choose(
    facts: Facts, given: Mapping[str, Any] = types.MappingProxyType({})
) -> tuple[JsonDict, dict[str, str]]:
    """Return options but for the length of the training, and reasons for people by subject.

    Args:
        facts: what is known of the data and the machine.
        given: options that are given. Others follow `batch_size`, `image_size` and `network`; all
            networks with convolutions get what `dcgan` gets.
    """
    options: JsonDict = {
        **{name: value for name, value in SETTLED.items() if name != "dataset"},
        "prior": "normal",
        "latent_dim": 32,
    }
    if len(facts.shape) == 1:
        options = {name: value for name, value in POINTS.items() if name != "steps"}
        options["batch_size"] = given.get("batch_size", options["batch_size"])
        return options, {"network": "mlp of width 256, which points need no more than"}
    reasons, shape, dense = {}, facts.shape, ""
    few = facts.images < FEW
    most = SMALL if facts.gpu or few else LARGEST_ON_CPU
    large = math.prod(shape) > most
    if large and "image_size" not in given:
        shape, why = _brought(facts, doubled=given.get("network") not in DENSE)
        if shape != facts.shape:
            (high, wide, _), (height, width, _) = shape, facts.shape
            options["image_size"] = _size(high, wide)
            reasons["size"] = (
                f"{high}x{wide} of {height}x{width}, {why} (--image_size={_size(height, width)} "
                "keeps them)"
            )
    network = given.get("network", "dcgan" if large and _doubles(shape) else "mlp")
    convolutional = network not in DENSE
    gamma = GAMMAS["dcgan" if convolutional else "mlp"]
    options.update(network=network, r1=gamma, r2=gamma)
    if convolutional:
        why = f"images have more than {most:,} values"
        why += f" and are fewer than {FEW:,}" * (few and not facts.gpu)
        options.update(
            batch_size=128 if facts.gpu else 64,
            width=WIDTHS[network] if facts.gpu else WIDTHS[network] // 2,
            latent_dim=64,
            value_range=None,
            diffaugment=few,
        )
        if network == "dcgan":
            options["upsampling"] = "resize"
            if _doubles(shape) and doublings(shape) < 3:
                options["dense_units"] = DENSE_UNITS
                dense = f" with dense layers of {DENSE_UNITS} units"
    else:
        why = f"images have at most {most:,} values"
        if large:
            why = "convolutional networks double a grid of 3 to 8 pixels, and none fits"
        options["width"] = 256 if math.prod(shape) <= SMALL else WIDTHS[network]
    if facts.gpu:
        options.update(precision="mixed_bfloat16", jit_compile=True)
    batch = given.get("batch_size", min(options["batch_size"], max(1, facts.images)))
    options["batch_size"] = batch
    options["ema_decay"] = round(0.5 ** (batch / HALF_LIFE), 6)
    augmented = "DiffAugment" if options.get("diffaugment") else "none"
    because = "" if "network" in given else f", as {why}"
    return options, reasons | {
        "network": f"{network} of width {options['width']}{dense}{because}",
        "objective": f"{options['loss']} with R1 and R2 at every "
        f"{options['penalty_interval']}th step, gamma {gamma:g} ("
        + ", ".join(f"{value:g} for {name}" for name, value in GAMMAS.items())
        + ")",
        "learning": f"batches of {batch}, Adam at {options['generator_learning_rate']:g}, an EMA "
        f"with a half-life of {HALF_LIFE:,} images",
        "augmentation": augmented
        + (f", as there are {'fewer' if augmented != 'none' else 'no fewer'} than {FEW:,} images")
        * convolutional,
        "precision": "bfloat16 and XLA" if facts.gpu else "float32",
    }


def steps_in(minutes: float, seconds: float, multiple: int) -> int:
    """Return how many steps of so many seconds fit, a multiple of `multiple` and at least that."""
    return max(1, int(60 * minutes / seconds) // multiple) * multiple


def _brought(facts: Facts, doubled: bool) -> tuple[tuple[int, ...], str]:
    """Return the shape that images of many values are brought to, and why it is another.

    Args:
        facts: of the images.
        doubled: whether it is to be one that convolutional networks reach.
    """
    height, width, channels = facts.shape
    longer = max(height, width)
    slow = not facts.gpu and longer > SIDE_ON_CPU and math.prod(facts.shape) > LARGEST_ON_CPU
    if slow:
        height, width = (max(1, SIDE_ON_CPU * side // longer) for side in (height, width))
    kept = (SIDE_ON_CPU, SIDE_ON_CPU) if slow else (height, width)
    size = _reached(height, width) or kept if doubled else (height, width)
    shape = (*size, channels)
    if not slow:
        return shape, "as convolutional networks double a grid of 3 to 8 pixels"
    times = math.prod(facts.shape) // math.prod(shape)
    return shape, f"which take a CPU at least {times} times as long"


def _reached(height: int, width: int) -> tuple[int, int] | None:
    """Return the largest size that convolutional networks reach within another, if one is near."""
    longer = max(height, width)
    counts = [n for n in range(1, longer) if 3 <= longer >> n < 16]  # of doublings
    grids = [(min(height >> n, 8), min(width >> n, 8), n) for n in counts]
    fit = [(high << n, wide << n) for high, wide, n in grids if high and wide]
    return max(fit, key=math.prod, default=None)


def _size(height: int, width: int) -> int | str:
    """Return the option `image_size`."""
    return height if height == width else f"{height},{width}"


def _doubles(shape: tuple[int, ...]) -> bool:
    """Return whether convolutional networks reach a shape."""
    try:
        doublings(shape)
    except ValueError:
        return False
    return True


def _facts(config: Config, data_dir: str | os.PathLike[str] | None) -> Facts:
    described = data.describe(
        config.dataset, data_dir, config.label, config.unreadable, group_by=config.group_by
    )
    first = next(iter(described.splits))
    one = dataclasses.replace(
        config, split=f"{first}[:1]", batch_size=1, discriminator_steps=1, packing=1
    )
    images, _ = load_images(one, data_dir)
    spec = images.element_spec[0] if config.conditional else images.element_spec
    return Facts(described.rows(config.split), tuple(spec.shape[1:]), has_gpu())


def _seconds_a_step(config: Config, data_dir: str | os.PathLike[str] | None) -> float:
    """Play the game for some seconds and forget it."""
    images, num_classes = load_images(config, data_dir)
    gan = make_gan(config, images, num_classes, load_labelled(config, data_dir))
    clock = _Clock()
    gan.fit(images, epochs=sys.maxsize, verbose=0, callbacks=[clock])
    keras.backend.clear_session()
    return clock.seconds_a_step


class _Clock(keras.callbacks.Callback):
    """Ends a training some seconds after its first steps, which wait for the compiler."""

    def __init__(self) -> None:
        super().__init__()
        self.begin = self.seconds_a_step = 0.0
        self.steps = 0

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        done, now = int(self.model.step_counter), time.perf_counter()
        if not self.begin:
            self.begin, self.steps = now, done
        elif now - self.begin > MEASURED_SECONDS:
            self.seconds_a_step = (now - self.begin) / (done - self.steps)
            self.model.stop_training = True


def _spoken(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    minutes = seconds / 60
    return f"{minutes:.0f} minutes" if minutes < 90 else f"{minutes / 60:.1f} hours"
