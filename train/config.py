"""The options of a training run, resolved and checked before anything heavy is imported."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from .presets import PRESETS

# kgan's own names, repeated here so that a wrong one is noticed before TensorFlow is imported;
# a test holds the two together.
LOSSES = (
    "minimax",
    "non_saturating",
    "blended",
    "least_squares",
    "hinge",
    "wasserstein",
    "relativistic_paired",
)
VALUE_GAMES = LOSSES[:3]  # whose D ascends the value function of 2014
NETWORKS = ("mlp", "maxout", "dcgan", "resnet", "sngan")
DENSE = NETWORKS[:2]  # fully connected
PRIORS = ("uniform", "normal")
OPTIMIZERS = ("adam", "sgd_2014")
STRATEGIES = ("auto", "none", "mirrored", "multi_worker", "tpu")
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
UPSAMPLINGS = ("transposed", "resize")
VALUE_RANGES = ("-1,1", "0,1")
ON_NON_FINITE = ("stop", "rollback")
ON_COLLAPSE = ("warn", "stop", "rollback", "ignore")


@dataclasses.dataclass(frozen=True)
class Config:
    """Everything that decides what a run computes; each field is the value of the flag of its name.

    Exactly one of `epochs` and `steps` is given.

    Raises:
        ValueError: an option's value is unusable; the sentence names the flag.
    """

    dataset: str = "digits"
    split: str = "train"
    conditional: bool = False
    image_size: int | None = None
    value_range: str | None = None
    network: str = "mlp"
    width: int | None = None
    dropout: bool | None = None
    discriminator_initializer_range: float | None = None
    upsampling: str = "transposed"
    packing: int = 1
    prior: str = "uniform"
    latent_dim: int = 100
    loss: str = "non_saturating"
    discriminator_weight: float = 1.0
    label_smoothing: float = 0.0
    r1: float = 0.0
    r2: float = 0.0
    gradient_penalty: float = 0.0
    penalty_interval: int = 1
    weight_clip: float = 0.0
    diffaugment: bool = False
    discriminator_steps: int = 1
    batch_size: int = 100
    epochs: int | None = None
    steps: int | None = None
    optimizer: str = "adam"
    beta_1: float = 0.5
    beta_2: float = 0.999
    generator_learning_rate: float = 2e-4
    discriminator_learning_rate: float = 2e-4
    ema_decay: float | None = None
    seed: int = 0
    sample_every: int = 500
    checkpoint_every: int = 500
    strategy: str = "auto"
    precision: str = "float32"
    jit_compile: bool = False
    steps_per_execution: int = 1
    deterministic: bool = False
    on_non_finite: str = "stop"
    on_collapse: str = "warn"

    def __post_init__(self) -> None:
        for name, known in (
            ("network", NETWORKS),
            ("prior", PRIORS),
            ("loss", LOSSES),
            ("optimizer", OPTIMIZERS),
            ("upsampling", UPSAMPLINGS),
            ("strategy", STRATEGIES),
            ("precision", PRECISIONS),
            ("on_non_finite", ON_NON_FINITE),
            ("on_collapse", ON_COLLAPSE),
        ):
            _check_known(name, getattr(self, name), known)
        if self.value_range is not None:
            _check_known("value_range", self.value_range, VALUE_RANGES)
        for name in ("dropout", "discriminator_initializer_range"):
            value = getattr(self, name)
            if value is not None and self.network not in DENSE:
                raise ValueError(
                    f"--{name}={value}: --network={self.network} has no such option; "
                    f"{', '.join(DENSE)} have it."
                )
        for name in (
            "image_size",
            "width",
            "packing",
            "penalty_interval",
            "latent_dim",
            "discriminator_steps",
            "batch_size",
            "epochs",
            "steps",
            "sample_every",
            "checkpoint_every",
            "steps_per_execution",
        ):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"--{name}={value}: expected a positive integer.")
        for name in (
            "discriminator_weight",
            "generator_learning_rate",
            "discriminator_learning_rate",
            "discriminator_initializer_range",
        ):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"--{name}={value}: expected a positive number.")
        for name in ("r1", "r2", "gradient_penalty", "weight_clip"):
            if not getattr(self, name) >= 0:
                raise ValueError(
                    f"--{name}={getattr(self, name)}: expected a number of at least 0."
                )
        for name in ("beta_1", "beta_2"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"--{name}={getattr(self, name)}: expected a number in [0, 1).")
        self._check_objective()
        if self.ema_decay is not None and not 0 <= self.ema_decay < 1:
            raise ValueError(f"--ema_decay={self.ema_decay}: expected a number in [0, 1).")
        if (self.epochs is None) == (self.steps is None):
            raise ValueError(
                f"--epochs={self.epochs} and --steps={self.steps}: give one of the two."
            )
        if self.steps is not None and self.steps % self.steps_per_execution:
            raise ValueError(
                f"--steps={self.steps}: expected a multiple of "
                f"--steps_per_execution={self.steps_per_execution}."
            )

    def _check_objective(self) -> None:
        if not 0 <= self.label_smoothing < 0.5:
            raise ValueError(
                f"--label_smoothing={self.label_smoothing}: expected a number in [0, 0.5)."
            )
        for name, neutral in (("label_smoothing", 0.0), ("discriminator_weight", 1.0)):
            value = getattr(self, name)
            if value != neutral and self.loss not in VALUE_GAMES:
                raise ValueError(
                    f"--{name}={value}: --loss={self.loss} has no such option; "
                    f"{', '.join(VALUE_GAMES)} have it."
                )
        if self.gradient_penalty and self.weight_clip:
            raise ValueError(
                f"--weight_clip={self.weight_clip}: expected none beside "
                f"--gradient_penalty={self.gradient_penalty}, which was made to replace it."
            )
        if self.deterministic and self.jit_compile:
            raise ValueError(
                "--deterministic: expected no --jit_compile beside it, which TensorFlow would turn "
                "off without a word."
            )
        if self.batch_size % self.packing:
            raise ValueError(
                f"--packing={self.packing}: expected a divisor of --batch_size={self.batch_size}."
            )

    @property
    def pixels(self) -> tuple[float, float] | None:
        """What black and white become, where it is given."""
        if self.value_range is None:
            return None
        low, high = self.value_range.split(",")
        return float(low), float(high)

    def options(self) -> dict[str, Any]:
        """The fields as a dictionary that JSON can hold."""
        return dataclasses.asdict(self)


def resolve(preset: str | None, explicit: Mapping[str, Any]) -> Config:
    """The configuration that a preset and the explicit options make; the latter win.

    Args:
        preset: a name in `PRESETS`, or None.
        explicit: options given by the user; those that are None were not given.

    Raises:
        ValueError: a name is not known or a value is unusable.
    """
    options: dict[str, Any] = {}
    if preset is not None:
        _check_known("preset", preset, PRESETS)
        options.update(PRESETS[preset])
    given = {name: value for name, value in explicit.items() if value is not None}
    for one, other in (("epochs", "steps"), ("steps", "epochs")):
        if one in given and other not in given:
            options.pop(other, None)  # either ends the run: the explicit one replaces the preset's
    options.update(given)
    executed = options.get("steps_per_execution", 1)
    if "steps_per_execution" not in given and (options.get("steps") or 0) % executed:
        options["steps_per_execution"] = 1  # the preset's does not fit the explicit steps
    if options.get("epochs") is None and options.get("steps") is None:
        options["epochs"] = 50
    return Config(**options)


def _check_known(name: str, value: str, known: Any) -> None:
    if value not in known:
        raise ValueError(f"--{name}={value}: expected one of {', '.join(known)}.")
