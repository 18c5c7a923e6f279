"""The options of an evaluation, checked before TensorFlow is imported."""

from __future__ import annotations

import dataclasses
import pathlib

from kgan_cli.options import POSITIVE_INTEGER, REQUIRED, at_least, check_options, option

from ..choices import SEED

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
FEWEST = 20  # rows of a set: the kernel distance needs ten blocks of two


@dataclasses.dataclass(frozen=True)
class Options:
    """Everything that decides what an evaluation computes. Each field is the flag of its name.

    Raises:
        ValueError: an option's value is unusable; the sentence names the flag.
    """

    run_dir: str = option(REQUIRED, "Directory of a kgan-train run, finished or not. Required")
    generator: str | None = option(
        None,
        "Export to evaluate instead of the run's own generator: a .tflite file or a directory "
        "with a SavedModel, made by kgan-export from --run_dir",
    )
    step: int | None = option(
        None,
        "Evaluate the checkpoint after this step of the run",
        expected=POSITIVE_INTEGER,
        unset="the end of a finished run, else the newest",
    )
    metrics: tuple[str, ...] = option(METRICS, "Metrics to compute, separated by commas")
    num_samples: int = option(10_000, "Samples to draw", expected=at_least(FEWEST))
    seed: int = option(
        0, "Seed of the samples and of every choice among real images", expected=SEED
    )
    data_dir: str | None = option(
        None, "Directory of TFDS data", unset="~/tensorflow_datasets, as in TFDS"
    )
    features: str | None = option(
        None,
        "Features in which distances are measured: classifier (trained by kgan once for a "
        "dataset), random (an untrained network), pixels, or the path of a .keras file or a "
        "SavedModel",
        unset="classifier for data with labels, else random; coordinates for points",
    )

    def __post_init__(self) -> None:
        for name in self.metrics:
            if name not in METRICS:
                raise ValueError(f"--metrics={name}: expected some of {', '.join(METRICS)}.")
        if not self.metrics:
            raise ValueError(f"--metrics is empty: expected some of {', '.join(METRICS)}.")
        check_options(self)
        if self.step is not None and self.generator is not None:
            raise ValueError(
                f"--step={self.step}: expected none beside --generator={self.generator}, which has "
                "no steps."
            )
        known = self.features in (None, *FEATURES)
        if not known and not pathlib.Path(str(self.features)).expanduser().exists():
            raise ValueError(
                f"--features={self.features}: expected one of {', '.join(FEATURES)}, or the path "
                "of a .keras file or a SavedModel's directory."
            )
