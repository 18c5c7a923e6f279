"""Train InfoGAN and AC-GAN beside their controls.

    python -m experiments.codes [--data_dir=DIR] [--only=REGEX] [--seeds=0-4] [--steps=N]

mnist_infogan is trained as it is, with the code read off samples as they are, and without the bound
on the mutual information. The error of the code, read as a class, is printed: that of Q on test
images, and that of the code a sample was made from, which a classifier names. mnist_acgan and
mnist_conditional, whose D is given the label by projection, are trained alike, and the share of the
asked class and recall are printed. Runs lie in runs/codes; those that are evaluated are not made
again.

Prints one line of JSON for each run, and a table of all.
"""

from __future__ import annotations

import json
import pathlib

from experiments import program, results
from kgan.artifacts import RunDirectory
from kgan.utils.types import JsonDict

RUNS = pathlib.Path("runs", "codes")
# The rows of the table: a preset and what differs from it.
ROWS: dict[str, tuple[str, JsonDict]] = {
    "InfoGAN": ("mnist_infogan", {}),
    "InfoGAN without augmentation": ("mnist_infogan", {"categorical_augmentation": False}),
    "InfoGAN without its term": ("mnist_infogan", {"information_weight": 0}),
    "AC-GAN": ("mnist_acgan", {}),
    "projection": ("mnist_conditional", {"steps": 30_000}),  # those of AC-GAN
}
METRICS = "modes,precision_recall"
COLUMNS = {
    "code_error": "error of Q on images",
    "code_error_of_samples": "error of the samples' code",
    "asked_class": "asked class",
    "precision": "precision",
    "recall": "recall",
}


def row(name: str, seed: int, found: JsonDict) -> JsonDict:
    """Return one line of the table, from the metrics of an evaluation."""
    values = {column: found.get(metric) for metric, column in COLUMNS.items()}
    return {
        "what": name,
        "seed": seed,
        **{column: each and program.rounded(each["value"], 4) for column, each in values.items()},
    }


def play(name: str, seed: int, steps: int, data_dir: str | None) -> JsonDict:
    """Train and evaluate one game, unless that is done, and return its row.

    Args:
        name: one of `ROWS`.
        seed: of the run.
        steps: of the training; 0 for those of the preset.
        data_dir: data directory of TFDS, or None.
    """
    preset, given = ROWS[name]
    options = {**given, "seed": seed, **({"steps": steps} if steps else {})}
    run = RunDirectory(RUNS / name.replace(" ", "_") / str(seed))
    if not run.evaluation().exists():
        flags = [f"--preset={preset}", *(f"--{key}={value}" for key, value in options.items())]
        training, evaluation = results.commands(flags, "mnist", run.path, data_dir)
        for command in (training, f"{evaluation} --metrics={METRICS}"):
            if not program.run(command):
                raise SystemExit(1)
    return row(name, seed, json.loads(run.evaluation().read_text())["figures"])


def main() -> None:
    args = program.parser(__doc__, seeds="0-4", steps=0).parse_args()
    rows = []
    for name in program.matching(ROWS, args.only):
        for seed in args.seeds:
            rows.append(play(name, seed, args.steps, args.data_dir))
            program.print_row("codes", **rows[-1])
    print(program.table(rows, ("what", "seed", *COLUMNS.values())))


if __name__ == "__main__":
    main()
