"""Predict the frames of a video one after the other, each from the three before it.

    python -m experiments.next_frame [--data_dir=DIR] [--seeds=0] [--steps=N] [--videos=N]

Trains the preset next_frame by kgan-train and, beside it, its generator on L1 alone
(experiments.translation). Both see ten frames of videos of the test, of which they use the last
three, and predict ten more: each frame that they make is among the three for the next. The control
repeats the last frame that was seen.

MSE is the sum of the squared differences of a frame's pixels, in [0, 1], and SSIM has a Gaussian
window of 11 pixels. Both are means over videos. The Frechet distance compares the frames of one
time with those of other videos at that time, in the features of `kgan.metrics.RandomConvolutional`:
it is the smaller, the more the frames look like frames. Runs lie in runs/translation/next_frame,
and beside them a picture, frames.png: the true frames of two videos, the game's, those of L1.

Prints one line of JSON for each run and a table.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from experiments import program, translation
from kgan import data, inference, plots
from kgan.artifacts import RunDirectory
from kgan.data import bouncing
from kgan.data.videos import PREVIOUS
from kgan.metrics import RandomConvolutional, frechet_distance
from kgan.utils.types import JsonDict
from train.config import resolve

PRESET = "next_frame"
GIVEN = PREDICTED = 10
TABLE = (1, 5, 10)  # frames that have columns
_TOGETHER = 100  # videos
_SHOWN = 2


def videos_of_test(count: int, data_dir: str | None) -> np.ndarray:
    """Return videos of the test of bouncing_mnist, float32 `[count, 20, 64, 64, 1]` in [0, 1]."""
    batches = data.load("mnist", "test", 1000, shuffle=False, value_range=(0, 1), data_dir=data_dir)
    images = np.concatenate([np.asarray(batch) for batch in batches])
    table = tf.constant(np.round(255 * images).astype(np.uint8))
    numbers, motions = bouncing.draw("test", len(images))
    made = [
        bouncing.videos(table, numbers[rows], motions[rows], GIVEN + PREDICTED).numpy()
        for rows in (slice(i, min(i + _TOGETHER, count)) for i in range(0, count, _TOGETHER))
    ]
    return np.concatenate(made).astype(np.float32) / np.float32(255)


def roll_out(predict: Callable[[np.ndarray], np.ndarray], videos: np.ndarray) -> np.ndarray:
    """Return the frames that follow the first ten, by feeding back what was predicted.

    Args:
        predict: maps three frames, `[n, height, width, 3]`, to the next, `[n, height, width, 1]`.
        videos: `[n, 20, height, width, 1]`; what follows the tenth frame is not looked at.

    Returns:
        `[n, 10, height, width, 1]`.
    """
    frames = [videos[:, i] for i in range(GIVEN - PREVIOUS, GIVEN)]
    for _ in range(PREDICTED):
        frames.append(predict(np.concatenate(frames[-PREVIOUS:], axis=-1)))
    return np.stack(frames[PREVIOUS:], axis=1)


def measure(made: np.ndarray, true: np.ndarray, others: np.ndarray) -> JsonDict:
    """Return MSE and SSIM of each predicted frame and their means, and Frechet distances.

    Args:
        made: predicted frames, `[n, 10, height, width, 1]`.
        true: the frames that they predict.
        others: frames of other videos at the same times.
    """
    features = RandomConvolutional(made.shape[2:])
    mse = np.square(made - true).sum((2, 3, 4)).mean(0)
    ssim = [
        float(tf.reduce_mean(tf.image.ssim(made[:, i], true[:, i], 1.0))) for i in range(PREDICTED)
    ]
    distances = {
        f"Frechet {frame}": frechet_distance(
            features(others[:, frame - 1]), features(made[:, frame - 1])
        )
        for frame in TABLE
    }
    return {
        "MSE": float(mse.mean()),
        "SSIM": float(np.mean(ssim)),
        **{f"MSE {frame}": float(mse[frame - 1]) for frame in TABLE},
        **{f"SSIM {frame}": ssim[frame - 1] for frame in TABLE},
        **distances,
    }


def play(seed: int, steps: int | None, count: int, data_dir: str | None) -> list[JsonDict]:
    """Train what is not trained yet; return the rows of the table for a seed."""
    given: JsonDict = {"seed": seed, **({"steps": steps} if steps else {})}
    place = translation.RUNS / PRESET / str(seed)
    game, control = RunDirectory(place / "game"), RunDirectory(place / "l1")
    translation.train(PRESET, given, game, data_dir)
    if not control.config.exists():
        translation.train_on_l1(resolve(PRESET, given), control.path, data_dir)
    videos = videos_of_test(2 * count, data_dir)
    true, others = videos[:count, GIVEN:], videos[count:, GIVEN:]
    predictions = {
        what: roll_out(inference.load(run.path).translate, videos[:count])
        for what, run in (("game", game), ("L1 alone", control))
    }
    predictions["last frame repeated"] = roll_out(lambda frames: frames[..., -1:], videos[:count])
    predictions["true frames"] = true
    rows = [
        predictions[what][video]
        for video in range(_SHOWN)
        for what in ("true frames", "game", "L1 alone")
    ]
    plots.write_png(place / "frames.png", plots.grid(np.concatenate(rows), (0, 1), PREDICTED))
    return [
        {"seed": seed, "what": what, **{k: round(v, 4) for k, v in found.items()}}
        for what, made in predictions.items()
        for found in [measure(made, true, others)]
    ]


def main() -> None:
    parser = program.parser(__doc__, seeds="0", steps=0, only=False)
    parser.add_argument("--videos", type=int, default=1000, help="videos of the test")
    args = parser.parse_args()
    rows = []
    for seed in args.seeds:
        for found in play(seed, args.steps, args.videos, args.data_dir):
            program.print_row("next_frame", **found)
            rows.append(found)
    print(program.table(rows, tuple(rows[0])))


if __name__ == "__main__":
    main()
