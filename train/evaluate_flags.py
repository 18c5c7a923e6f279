"""Evaluates the generator of a finished run, every figure beside what real data get.

    kgan-evaluate --run_dir=runs/digits

Prints a table and writes evaluation.json and pictures into the run directory. docs/evaluation.md
tells what each figure means and when not to believe it.
"""

from __future__ import annotations

from absl import flags

from .evaluation.options import METRICS, Options

flags.DEFINE_string("run_dir", None, "Directory of a finished kgan-train run. Required.")
flags.DEFINE_string(
    "generator",
    None,
    "What to evaluate instead of the run's generator.keras: a .tflite file or a SavedModel's "
    "directory that kgan-export made of it. Data and prior are those of --run_dir.",
)
flags.DEFINE_list("metrics", list(METRICS), "What to evaluate: some of the default's.")
flags.DEFINE_integer("num_samples", Options.num_samples, "How many samples to draw.")
flags.DEFINE_integer("seed", Options.seed, "Of the samples and of every choice among real images.")
flags.DEFINE_string(
    "data_dir", None, "Directory of TFDS data; TFDS's own (~/tensorflow_datasets) when not given."
)
flags.DEFINE_string(
    "features",
    None,
    "What distances are measured in: classifier (trained by kgan, once for a data set), random (a "
    "network that is not trained), pixels, or the path of a .keras file or a SavedModel. When not "
    "given: classifier where the data have labels, else random; the coordinates of points.",
)
