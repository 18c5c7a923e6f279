"""The options of `kgan-sample`, checked before TensorFlow is imported."""

from __future__ import annotations

import dataclasses

from kgan_cli.options import (
    POSITIVE,
    POSITIVE_INTEGER,
    REQUIRED,
    Expected,
    check_options,
    option,
)

from ..choices import PRIORS
from .target import ANIMATION, DIRECTORY, GRID, Target

COUNTS = {GRID: 64, ANIMATION: 16, DIRECTORY: 64}
MOST = {GRID: 10_000, ANIMATION: 100}  # images in one picture
DIRECTIONS = ("x_to_y", "y_to_x")  # a test compares them with the library's
SEED = Expected("an integer of 64 bits", lambda value: -(2**63) <= value < 2**63)


@dataclasses.dataclass(frozen=True)
class Options:
    """Everything that decides what is sampled. Each field is the flag of its name.

    Raises:
        ValueError: an option's value is unusable; the sentence names the flag.
        OSError: nothing can be written to `output`, or it is a directory that is not empty.
    """

    output: str = option(
        REQUIRED,
        "FILE.png for a grid, FILE.gif or FILE.apng for a loop through the latents, DIR/ for a PNG "
        "file of each sample; a directory must be new or empty. Required",
    )
    run_dir: str | None = option(
        None, "Directory of a kgan-train run, finished or not. This or --model is required"
    )
    model: str | None = option(
        None,
        "A .keras file, a .tflite file, or a directory that holds a saved_model.pb, such as "
        "OUTPUT/saved_model/1 of kgan-export",
    )
    count: int | None = option(
        None,
        "Number of samples",
        expected=POSITIVE_INTEGER,
        unset=f"{COUNTS[GRID]}, and {COUNTS[ANIMATION]} for an animation",
    )
    input: str | None = option(
        None,
        "Directory of pictures to translate, one sample each, by a generator trained with "
        "--condition. The condition is made of each picture as in training",
        unset="none",
    )
    input_is_condition: bool = option(
        False,
        "The pictures of --input are conditions already, such as outlines that were drawn. Where "
        "parts of images were hidden in training, their transparent pixels are the hidden ones",
    )
    invert: str | None = option(
        None,
        "Directory of pictures whose latents are searched for by gradient descent; from those of "
        "the encoder, where --variant=bigan trained one. Writes what the generator makes of them",
        unset="none",
    )
    invert_steps: int | None = option(
        None, "Updates of each latent of --invert", expected=POSITIVE_INTEGER, unset="300"
    )
    direction: str | None = option(
        None,
        "Direction of a run of --variant=cyclegan: from the images of --dataset to those of "
        "--dataset_y, or back",
        choices=DIRECTIONS,
        unset="none, for a generator of one direction",
    )
    seed: int = option(0, "Seed of the samples: the same seed gives the same ones", expected=SEED)
    labels: tuple[str, ...] = option(
        (),
        "Classes to draw in turn, by name or number, separated by commas",
        unset="all, for a conditional generator",
    )
    step: int | None = option(
        None,
        "Sample the checkpoint after this step of the run",
        expected=POSITIVE_INTEGER,
        unset="the end of a finished run, else the newest",
    )
    truncation: float | None = option(
        None,
        "Truncate a normal prior to plus or minus this, such as 1: more typical and less varied "
        "samples",
        expected=POSITIVE,
        unset="none",
    )
    walk: bool = option(
        False,
        "Draw rows along each of which one code changes, of a run of --variant=infogan",
    )
    prior: str | None = option(
        None,
        "Distribution of the latents, for a --model that does not record it",
        choices=PRIORS,
        unset="the recorded one",
    )

    def __post_init__(self) -> None:
        if self.run_dir is None and self.model is None:
            raise ValueError(
                "--run_dir or --model is required: the directory of a run, or the file of a "
                "generator."
            )
        if self.run_dir is not None and self.model is not None:
            raise ValueError(
                f"--run_dir={self.run_dir} and --model={self.model}: give one of the two."
            )
        if self.step is not None and self.run_dir is None:
            raise ValueError(
                f"--step={self.step}: expected --run_dir beside it, as --model={self.model} has no "
                "steps."
            )
        if self.prior is not None and self.model is None:
            raise ValueError(f"--prior={self.prior}: expected none, as a run records its prior.")
        check_options(self)
        given = next((name for name in ("input", "invert") if getattr(self, name) is not None), "")
        if self.walk and (self.target.kind != GRID or given):
            pictures = f" and --{given}={getattr(self, given)}" if given else ""
            raise ValueError(
                "--walk: expected --output=FILE.png and neither --input nor --invert beside it, "
                f"received --output={self.output}{pictures}."
            )
        self._check_input()
        self._check_invert()
        self._check_count()
        self.target.check()

    def _check_input(self) -> None:
        if self.input is None:
            if self.input_is_condition:
                raise ValueError("--input_is_condition: expected --input=DIR beside it.")
            return
        if self.target.kind == ANIMATION:
            raise ValueError(
                f"--output={self.output}: expected FILE.png or DIR/ beside --input={self.input}, "
                "as a picture is translated to one sample."
            )
        for name, value in (("labels", self.labels), ("truncation", self.truncation)):
            if value:
                raise ValueError(f"--{name}: expected none beside --input={self.input}.")

    def _check_invert(self) -> None:
        if self.invert is None:
            if self.invert_steps is not None:
                raise ValueError(
                    f"--invert_steps={self.invert_steps}: expected --invert=DIR beside it."
                )
            return
        if self.target.kind == ANIMATION:
            raise ValueError(
                f"--output={self.output}: expected FILE.png or DIR/ beside --invert={self.invert}, "
                "as a picture has one reconstruction."
            )
        for name in ("input", "truncation"):
            value = getattr(self, name)
            if value is not None:
                raise ValueError(f"--{name}={value}: expected none beside --invert={self.invert}.")
        if len(self.labels) > 1:
            raise ValueError(
                f"--labels={','.join(self.labels)}: expected one class beside --invert="
                f"{self.invert}, that of all pictures."
            )

    def _check_count(self) -> None:
        kind = self.target.kind
        if self.images > MOST.get(kind, self.images):
            raise ValueError(
                f"--count={self.count}: expected at most {MOST[kind]} images in one {kind}. "
                "--output=DIR/ takes any number."
            )
        if len(self.labels) > self.images:
            raise ValueError(
                f"--count={self.images}: expected at least the {len(self.labels)} of --labels, "
                "each of which has a sample."
            )

    @property
    def target(self) -> Target:
        """What is written."""
        return Target(self.output)

    @property
    def images(self) -> int:
        """Number of samples."""
        return COUNTS[self.target.kind] if self.count is None else self.count
