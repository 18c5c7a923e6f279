"""Train one network for every mask, and complete digits of which a half or 3/4 are hidden.

    python -m experiments.any_part [--data_dir=DIR] [--seeds=0-2] [--steps=N]

`mnist_any_conditional` is trained by kgan-train. The control, "L1 alone", is its generator without
latents, trained by Keras on the mean absolute difference with as many random masks. Both complete
test images. MNIST's classifier says how often it sees the class that it sees in the true image; a
classifier that is trained on the visible pixels, how much of the class these hold: how often its
likeliest class is the true one, and how often one is that is drawn by its probabilities.

L1 is that of one sample on the hidden pixels; also that of the mean of eight samples. Diversity is
the mean absolute difference there of two samples. Samples of the true distribution of the hidden
pixels would have a diversity equal to their L1.

Runs lie in runs/any_part, each seed's beside a picture, completed.png; those that are finished are
not made again. Prints one line of JSON for each row, and a table of all.
"""

from __future__ import annotations

import pathlib

import numpy as np

from experiments import program, translation
from kgan import inference, plots
from kgan.artifacts import RunDirectory
from kgan.conditions import Masked
from kgan.metrics import Classifier
from kgan.utils.types import JsonDict
from train.config import resolve
from train.evaluation.classifier import find_or_train
from train.evaluation.data import read

PRESET = "mnist_any_conditional"
RUNS = pathlib.Path("runs", "any_part")
PARTS = {"half": "the right half", "pixels": "3/4 of the pixels"}
IMAGES = 2_000
SAMPLES = 8
SHOWN = 10
SHOWN_SAMPLES = 3
COLUMNS = ("same class", "L1", "L1 of the mean", "diversity")


def completed(
    generator: inference.Generator, images: np.ndarray, part: str, classifier: Classifier
) -> JsonDict:
    """Return the measures of what a generator makes of images with a part hidden.

    Args:
        generator: one that was trained with masks.
        images: float32 `[n, height, width, channels]` in [0, 1].
        part: what is hidden, as `kgan.conditions.Masked` has it.
        classifier: of such images.
    """
    given = np.asarray(Masked(part).given(images))
    count = SAMPLES if generator.latent_dim else 1
    made = np.stack([generator.complete(images, given, seed) for seed in range(count)])
    share = 1.0 - given.mean()

    def on_hidden(differences: np.ndarray) -> float:
        return float(np.abs(differences).mean(dtype=np.float64) / share)

    same = classifier.labels(made[0]) == classifier.labels(images)
    found = {"same class": same.mean(), "L1": on_hidden(made[0] - images)}
    if count > 1:
        found["L1 of the mean"] = on_hidden(made.mean(0) - images)
        found["diversity"] = on_hidden(made[0] - made[1])
    return {name: program.rounded(float(value), 4) for name, value in found.items()}


def picture(generator: inference.Generator, images: np.ndarray) -> np.ndarray:
    """Return a grid: the images, and of each part what is given, in grey the rest, and samples."""
    rows = [images]
    for part in PARTS:
        given = np.asarray(Masked(part).given(images))
        rows.append(np.where(given > 0, images, np.float32(0.5)))
        rows += [generator.complete(images, given, seed) for seed in range(SHOWN_SAMPLES)]
    return plots.grid(np.concatenate(rows), (0, 1), len(images))


def play(seed: int, steps: int | None, data_dir: str | None) -> list[JsonDict]:
    """Train the preset and its control, and return the rows of the table."""
    given: JsonDict = {"seed": seed, **({"steps": steps} if steps else {})}
    config = resolve(PRESET, given)
    game, control = (RunDirectory(RUNS / str(seed) / what) for what in ("game", "l1"))
    translation.train(PRESET, given, game, data_dir)
    if not control.config.exists():
        translation.train_on_l1(config, control.path, data_dir)
    real = read(game, game.read_config(), data_dir)
    classifier = find_or_train(real, game, data_dir).classifier
    shown = picture(inference.load(game.path), real.test[:SHOWN])
    plots.write_png(RUNS / str(seed) / "completed.png", shown)
    rows = []
    for part, words in PARTS.items():
        about = {"seed": seed, "hidden": words}
        for run, what in ((game, "game"), (control, "L1 alone")):
            generator = inference.load(run.path)
            found = completed(generator, real.test[:IMAGES], part, classifier)
            rows.append({**about, "what": what, **found})
        if seed == 0:
            known = translation.information_of(Masked(part), real, data_dir)
            for what, value in zip(("classifier", "draws of the class"), known, strict=True):
                rows.append({**about, "what": what, "same class": program.rounded(value, 4)})
    return rows


def main() -> None:
    parser = program.parser(__doc__, seeds="0-2", steps=0, only=False)
    args = parser.parse_args()
    rows = []
    for seed in args.seeds:
        for found in play(seed, args.steps, args.data_dir):
            program.print_row("any_part", **found)
            rows.append(found)
    print(program.table(rows, ("seed", "hidden", "what", *COLUMNS)))


if __name__ == "__main__":
    main()
