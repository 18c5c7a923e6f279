"""Train image-to-image presets, and beside each the same generator without the game.

    python -m experiments.translation [--data_dir=DIR] [--only=REGEX] [--seeds=0-2] [--steps=N]
        [--emoji=DIR]

A preset is trained by kgan-train and evaluated by kgan-evaluate. The control, "L1 alone", is its
generator without latents, trained by Keras on the mean absolute difference: the same data, batches,
optimizer and number of steps. A game without pairs has another control: itself without the cycle
term. A classifier that is trained on the conditions, enlarged to the size of the images, says how
much of the class these hold. emoji_pix2pix is left out without --emoji, a directory that holds
google/ and twitter/. Runs lie in runs/translation; those that are evaluated are not made again.

Prints one line of JSON for each run, and a table of all. docs/translation_results.md shows it.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib

import keras
import numpy as np
import tensorflow as tf

from experiments import program, results
from kgan import data
from kgan.artifacts import RunDirectory
from kgan.conditions import Condition
from kgan.metrics import Classifier
from kgan.utils.types import JsonDict
from kgan.variants import AnyConditional, Pix2Pix
from train.config import Config, resolve
from train.evaluation.data import RealData, read
from train.evaluation.options import Options
from train.evaluation.run import evaluate
from train.evaluation.samples import open_generator
from train.game import make_gan
from train.presets import DIRECTORIES
from train.run import load_images

PRESETS = ("edges_to_digits", "digits_x4", "fill_in", "digits_cyclegan", "emoji_pix2pix")
RUNS = pathlib.Path("runs", "translation")
METRICS = ("frechet", "precision_recall", "modes")
# Of emoji: a classifier of their categories would not look at the style.
OF_PICTURES: JsonDict = {"metrics": ("frechet", "precision_recall"), "features": "random"}
COLUMNS = {
    "pairs_l1": "L1",
    "pairs_psnr": "PSNR, dB",
    "pairs_ssim": "SSIM",
    "pairs_same_class": "same class",
    "frechet_distance": "Frechet distance",
}


def train_on_l1(config: Config, run_dir: pathlib.Path, data_dir: str | None) -> None:
    """Train the generator of a configuration by Keras on L1 alone, and save it as a run."""
    keras.utils.set_random_seed(config.seed)
    without: JsonDict = {"latent_dim": 0}
    if config.variant == "any_conditional":
        without["diversity_weight"] = 0.0
    config = dataclasses.replace(config, **without)
    pairs, _ = load_images(config, data_dir)
    gan = make_gan(config, pairs, None)
    assert config.steps
    pairs.seek(0, config.steps)
    batches = pairs.from_position(config.steps)
    if isinstance(gan, AnyConditional):  # new masks in each step, as in the game
        seeds = tf.data.Dataset.counter().map(lambda step: tf.stack([np.int64(config.seed), step]))
        batches = tf.data.Dataset.zip(batches, seeds).map(
            lambda pair, seed: (pair[0], gan.random_conditions(pair[0], seed))
        )
    batches = batches.map(
        lambda images, conditions: ((tf.zeros([tf.shape(images)[0], 0]), conditions), images)
    )
    optimizer = type(gan.generator_optimizer).from_config(gan.generator_optimizer.get_config())
    gan.generator.compile(optimizer, "mae")
    counted = batches.apply(tf.data.experimental.assert_cardinality(config.steps))
    gan.generator.fit(counted, shuffle=False, verbose=0)
    trained = Pix2Pix(gan.generator, gan.discriminator, gan.prior)
    trained.compile("adam", "adam")
    trained.save_run(run_dir, data=pairs)


def information(run: RunDirectory, data_dir: str | None) -> float:
    """Return the test accuracy of a classifier that sees the conditions in place of the images."""
    config = run.read_config()
    condition = open_generator(run, config).condition
    assert condition is not None
    return information_of(condition, read(run, config, data_dir), data_dir)[0]


def information_of(
    condition: Condition, real: RealData, data_dir: str | None
) -> tuple[float, float]:
    """Return how well a classifier sees the class in certain conditions of real images.

    Returns:
        Its test accuracy, and the mean probability that it gives the true class. That is how often
        a class has the true one that is drawn as the conditions leave it open, so what samples
        reach that do not prefer the likeliest.
    """

    def labelled(images: np.ndarray, part: str) -> tuple[np.ndarray, np.ndarray]:
        batches = np.array_split(images, -(-len(images) // 1000))
        conditions = np.concatenate([np.asarray(condition(tf.constant(x))) for x in batches])
        factor = images.shape[1] // conditions.shape[1]
        conditions = conditions.repeat(factor, axis=1).repeat(factor, axis=2)
        return conditions, data.labels(real.name, real.parts[part]["split"], data_dir)

    training, test = labelled(real.training, "training"), labelled(real.test, "test")
    classifier = Classifier.train(training, test)
    probabilities = classifier.probabilities(test[0])
    return classifier.accuracy, float(probabilities[np.arange(len(test[1])), test[1]].mean())


def row(preset: str, seed: int, name: str, found: JsonDict, control: str = "") -> JsonDict:
    """Return one line of the table, from the metrics of an evaluation."""
    values = {column: found.get(f"{metric}{control}") for metric, column in COLUMNS.items()}
    return {
        "preset": preset,
        "seed": seed,
        "what": name,
        **{column: each and program.rounded(each["value"], 4) for column, each in values.items()},
    }


def directories(preset: str, emoji: pathlib.Path | None) -> JsonDict:
    """Return the options of a preset that name directories of pictures."""
    if preset not in DIRECTORIES:
        return {}
    assert emoji is not None
    return {"dataset": str(emoji / "twitter"), "condition": str(emoji / "google")}


def train(preset: str, given: JsonDict, run: RunDirectory, data_dir: str | None) -> None:
    """Train a preset with further flags by kgan-train, unless that is done."""
    if run.generator.exists():
        return
    flags = [f"--preset={preset}", *(f"--{name}={value}" for name, value in given.items())]
    training, _ = results.commands(flags, resolve(preset, given).dataset, run.path, data_dir)
    if not program.run(training):
        raise SystemExit(1)


def play(
    preset: str, given: JsonDict, data_dir: str | None, emoji: pathlib.Path | None
) -> list[JsonDict]:
    """Train and evaluate a preset and its control; return the rows of the table.

    Args:
        preset: its name.
        given: the options that differ from it; `seed` is one.
        data_dir: data directory of TFDS, or None.
        emoji: directory of the pictures of `emoji_pix2pix`, or None.
    """
    seed, folders = given["seed"], directories(preset, emoji)
    given = {**folders, **given}
    data_dir = None if folders else data_dir  # which is for TFDS
    config = resolve(preset, given)
    control = "without the cycle term" if config.unpaired else "L1 alone"
    place = RUNS / preset / str(seed)
    runs = {"game": RunDirectory(place / "game")}
    train(preset, given, runs["game"], data_dir)
    if config.unpaired:
        runs[control] = RunDirectory(place / "no_cycle")
        train(preset, {**given, "cycle_weight": 0}, runs[control], data_dir)
    else:
        runs[control] = RunDirectory(place / "l1")
        if not runs[control].config.exists():
            train_on_l1(config, runs[control].path, data_dir)
    figures = {}
    options: JsonDict = OF_PICTURES if folders else {"metrics": METRICS}
    for what, run in runs.items():
        record = run.evaluation(features=options.get("features"))
        if not record.exists():
            evaluate(Options(run_dir=str(run.path), data_dir=data_dir, **options))
        figures[what] = json.loads(record.read_text())["figures"]
    rows = [
        *(row(preset, seed, what, found) for what, found in figures.items()),
        row(preset, seed, "nearest pair", figures["game"], "_of_nearest_pair"),
        row(preset, seed, "the condition", figures["game"], "_of_condition"),
    ]
    if seed == 0 and not folders:
        accuracy = program.rounded(information(runs["game"], data_dir), 4)
        rows.append({"preset": preset, "seed": seed, "what": "classifier", "same class": accuracy})
    return rows


def main() -> None:
    parser = program.parser(__doc__, seeds="0-2", steps=0)
    parser.add_argument("--emoji", type=pathlib.Path, help="directory of google/ and twitter/")
    args = parser.parse_args()
    rows = []
    steps = {"steps": args.steps} if args.steps else {}
    for preset in program.matching(PRESETS, args.only):
        if preset in DIRECTORIES and args.emoji is None:
            print(f"{preset}: left out without --emoji.")
            continue
        for seed in args.seeds:
            for found in play(preset, {"seed": seed, **steps}, args.data_dir, args.emoji):
                program.print_row("translation", **found)
                rows.append(found)
    print(program.table(rows, ("preset", "seed", "what", *COLUMNS.values())))


if __name__ == "__main__":
    main()
