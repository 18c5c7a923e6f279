"""Train the preset `next_frame`, and continue videos by ten frames, each made of those before.

    python -m experiments.next_frame [--data_dir=DIR] [--seeds=0-2] [--steps=N]

The preset is trained by kgan-train. The control, "L1 alone", is its generator, trained by Keras on
the mean absolute difference: the same data, batches, optimizer and number of steps. Both are given
ten frames of test videos of `bouncing_mnist`. They make the next one of the last three, and what
they made is given back to them, up to the twentieth. "Copy" repeats the tenth frame.

MSE is the sum of the squared errors of a frame, of pixels in [0, 1], and SSIM that of TensorFlow:
means over videos, of the first frame that was made, of the tenth, and of all ten. Published tables
of Moving MNIST have the last ("10 -> 10"). What differs: they are of that data set's own test
videos, and of networks that see all ten frames. The Frechet distance, in random features, compares
tenth frames with true ones of other videos; two halves of true ones are its floor.

Runs lie in runs/next_frame; those that are finished are not made again. Prints one line of JSON for
each row, and a table of all.
"""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf

from experiments import program, results, translation
from kgan import data, inference, metrics
from kgan.artifacts import RunDirectory
from kgan.data import bouncing
from kgan.data.videos import PREVIOUS
from kgan.utils.types import JsonDict
from train.config import resolve

PRESET = "next_frame"
RUNS = pathlib.Path("runs", PRESET)
GIVEN, MADE = 10, 10  # frames
VIDEOS = 2_000
CHUNK = 100  # videos that are held as floats at once
MEASURES = ("MSE", "SSIM")
COLUMNS = (
    *(f"{name}, {which}" for name in MEASURES for which in ("first", "tenth", "all ten")),
    "Frechet distance, tenth",
)

# From frames `[n, PREVIOUS, height, width, 1]` in [0, 1] to the next one, `[n, height, width, 1]`.
NextFrame = Callable[[np.ndarray], np.ndarray]


def moving_videos(
    name: str, count: int, frames: int, data_dir: str | None = None
) -> Iterator[np.ndarray]:
    """Yield videos of test images that bounce, float32 `[CHUNK, frames, ...]` in [0, 1].

    Args:
        name: of the data set of images.
        count: number of videos, the first ones of the split `test` of `bouncing_` and the name.
        frames: frames of a video.
        data_dir: directory of TFDS data; None for TFDS's own.
    """
    rows = data.describe(name, data_dir).rows("test")
    batches = data.load(
        name, "test", rows, shuffle=False, value_range=(0.0, 255.0), data_dir=data_dir
    )
    images = tf.constant(next(iter(batches)).numpy().round().astype(np.uint8))
    numbers, motions = (drawn[:count] for drawn in bouncing.draw("test", rows))
    for start in range(0, count, CHUNK):
        part = slice(start, start + CHUNK)
        videos = bouncing.videos(images, tf.constant(numbers[part]), motions[part], frames)
        yield videos.numpy().astype(np.float32) / 255


def continued(next_frame: NextFrame, given: np.ndarray, count: int = MADE) -> np.ndarray:
    """Return the next frames of videos, each made of those before it.

    Args:
        next_frame: makes one of the last `PREVIOUS`.
        given: `[n, frames, height, width, 1]` in [0, 1].
        count: frames to make.

    Returns:
        float32 `[n, count, height, width, 1]`.
    """
    frames = list(np.moveaxis(given[:, -PREVIOUS:], 1, 0))
    for _ in range(count):
        frames.append(next_frame(np.stack(frames[-PREVIOUS:], axis=1)))
    return np.stack(frames[PREVIOUS:], axis=1)


def of_generator(generator: inference.Generator) -> NextFrame:
    """Return the next frame by a generator that was trained on `previous_frames`."""

    def next_frame(frames: np.ndarray) -> np.ndarray:
        # The frames are the channels of a condition, from the oldest to the newest.
        return generator.translate(np.concatenate(np.moveaxis(frames, 1, 0), axis=-1), made=True)

    return next_frame


def copied(frames: np.ndarray) -> np.ndarray:
    """Return the last frame as the next one."""
    return frames[:, -1]


def measured(next_frame: NextFrame, videos: Iterator[np.ndarray]) -> JsonDict:
    """Return the measures of the frames that continue the first `GIVEN` of some videos."""
    errors: list[np.ndarray] = []
    likeness: list[np.ndarray] = []
    ends: list[np.ndarray] = []
    truths: list[np.ndarray] = []
    features = None
    for part in videos:
        made, true = continued(next_frame, part[:, :GIVEN]), part[:, GIVEN:]
        errors.append(np.square(made - true).sum((2, 3, 4)))
        likeness.append(tf.image.ssim(made, true, 1.0).numpy())
        features = features or metrics.load_features("random", true.shape[2:])
        ends.append(features(made[:, -1]))
        truths.append(features(true[:, -1]))
    found = {}
    for name, values in zip(MEASURES, (errors, likeness), strict=True):
        by_frame = np.concatenate(values).mean(0)
        found[f"{name}, first"], found[f"{name}, tenth"] = by_frame[0], by_frame[-1]
        found[f"{name}, all ten"] = by_frame.mean()
    end, truth = np.concatenate(ends), np.concatenate(truths)
    half = len(end) // 2
    found["Frechet distance, tenth"] = metrics.frechet_distance(truth[:half], end[half:])
    return {name: program.rounded(float(value), 4) for name, value in found.items()}


def floor(videos: Iterator[np.ndarray]) -> JsonDict:
    """Return the Frechet distance of two halves of true tenth frames."""
    frames = np.concatenate([part[:, -1] for part in videos])
    features, half = metrics.load_features("random", frames.shape[1:]), len(frames) // 2
    distance = metrics.frechet_distance(features(frames[:half]), features(frames[half:]))
    return {"Frechet distance, tenth": program.rounded(distance, 4)}


def play(seed: int, steps: int | None, data_dir: str | None) -> list[JsonDict]:
    """Train the preset and its control, and return the rows of the table."""
    given: JsonDict = {"seed": seed, **({"steps": steps} if steps else {})}
    config = resolve(PRESET, given)
    game, control = (RunDirectory(RUNS / str(seed) / what) for what in ("game", "l1"))
    if not game.generator.exists():
        flags = [f"--preset={PRESET}", *(f"--{name}={value}" for name, value in given.items())]
        training, _ = results.commands(flags, config.dataset, game.path, data_dir)
        if not program.run(training):
            raise SystemExit(1)
    if not control.config.exists():
        translation.train_on_l1(config, control.path, data_dir)
    name = config.dataset.removeprefix(bouncing.PREFIX)

    def videos() -> Iterator[np.ndarray]:
        return moving_videos(name, VIDEOS, GIVEN + MADE, data_dir)

    rows = [
        {"seed": seed, "what": what, **measured(of_generator(inference.load(run.path)), videos())}
        for run, what in ((game, "game"), (control, "L1 alone"))
    ]
    if seed == 0:
        rows.append({"seed": seed, "what": "copy", **measured(copied, videos())})
        rows.append({"seed": seed, "what": "real halves", **floor(videos())})
    return rows


def main() -> None:
    parser = program.parser(__doc__, seeds="0-2", steps=0, only=False)
    args = parser.parse_args()
    rows = []
    for seed in args.seeds:
        for found in play(seed, args.steps, args.data_dir):
            program.print_row("next_frame", **found)
            rows.append(found)
    print(translation.table(rows, ("seed", "what", *COLUMNS)))


if __name__ == "__main__":
    main()
