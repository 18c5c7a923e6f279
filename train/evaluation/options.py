"""The options of an evaluation, checked before anything heavy is imported."""

from __future__ import annotations

import dataclasses
import pathlib

METRICS = (
    "parzen",
    "frechet",
    "kernel",
    "precision_recall",
    "density_coverage",
    "score",
    "modes",
    "memorisation",
    "latent",
)
FEATURES = ("classifier", "random", "pixels")
FEWEST = 20  # rows of a set: what the kernel distance needs for ten blocks of two


@dataclasses.dataclass(frozen=True)
class Options:
    """Everything that decides what an evaluation computes; each field is the flag of its name.

    Raises:
        ValueError: an option's value is unusable; the sentence names the flag.
    """

    run_dir: str
    generator: str | None = None
    metrics: tuple[str, ...] = METRICS
    num_samples: int = 10_000
    seed: int = 0
    data_dir: str | None = None
    features: str | None = None

    def __post_init__(self) -> None:
        for name in self.metrics:
            if name not in METRICS:
                raise ValueError(f"--metrics={name}: expected some of {', '.join(METRICS)}.")
        if not self.metrics:
            raise ValueError(f"--metrics is empty: expected some of {', '.join(METRICS)}.")
        if self.num_samples < FEWEST:
            raise ValueError(f"--num_samples={self.num_samples}: expected at least {FEWEST}.")
        if self.seed < 0:
            raise ValueError(f"--seed={self.seed}: expected a number from 0.")
        known = self.features in (None, *FEATURES)
        if not known and not pathlib.Path(str(self.features)).expanduser().exists():
            raise ValueError(
                f"--features={self.features}: expected one of {', '.join(FEATURES)}, or the path "
                "of a .keras file or a SavedModel's directory."
            )
