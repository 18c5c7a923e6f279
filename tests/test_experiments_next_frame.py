"""Videos continued frame by frame: what is given back, and the measures of what was made."""

import types

import numpy as np
import pytest
import tensorflow as tf

import kgan
from experiments import next_frame, translation
from train.config import resolve


def test_what_was_made_is_given_back():
    """Each frame here is the sum of the three before it."""
    given = np.zeros((2, 5, 4, 4, 1), np.float32)
    given[:, -3:] = np.array([1.0, 2.0, 3.0])[:, None, None, None]
    made = next_frame.continued(lambda frames: frames.sum(1), given, 4)
    assert made.shape == (2, 4, 4, 4, 1)
    expected = np.array([6.0, 11.0, 20.0, 37.0])[:, None, None, None]
    np.testing.assert_array_equal(made, np.broadcast_to(expected, made.shape))


def videos(count=40, side=12):
    """A bright square that moves down by a pixel in each frame."""
    rng = np.random.default_rng(0)
    found = np.zeros((count, 20, side, side, 1), np.float32)
    for video, (row, column) in zip(found, rng.integers(0, side - 3, (count, 2)), strict=True):
        for i, frame in enumerate(video):
            rows = (row + i + np.arange(3)) % side
            frame[rows, column : column + 3] = 0.5 + 0.02 * i
    return found


def test_the_measures_are_of_the_ten_frames():
    made = videos()
    parts = lambda: iter(np.split(made, 2))  # noqa: E731
    found = next_frame.measured(next_frame.copied, parts())
    assert set(found) == set(next_frame.COLUMNS)
    errors = np.square(made[:, 10:] - made[:, 9:10]).sum((2, 3, 4)).mean(0)
    assert found["MSE, first"] == pytest.approx(errors[0], abs=1e-4)
    assert found["MSE, tenth"] == pytest.approx(errors[-1], abs=1e-4)
    assert found["MSE, all ten"] == pytest.approx(errors.mean(), abs=1e-4)
    last = np.broadcast_to(made[:, 9:10], made[:, 10:].shape)
    likeness = tf.image.ssim(made[:, 10:], last, 1.0).numpy().mean()
    assert found["SSIM, all ten"] == pytest.approx(likeness, abs=1e-4)
    # The truth itself: of the remembered video that ends in these frames.
    seen = {frames.tobytes(): after for v in made for frames, after in windows(v)}
    perfect = next_frame.measured(
        lambda frames: np.stack([seen[each.tobytes()] for each in frames]), parts()
    )
    assert [perfect[f"MSE, {which}"] for which in ("first", "tenth", "all ten")] == [0, 0, 0]
    assert perfect["SSIM, all ten"] == 1
    floor = next_frame.floor(parts())["Frechet distance, tenth"]
    assert perfect["Frechet distance, tenth"] == pytest.approx(floor, rel=1e-3)
    assert found["Frechet distance, tenth"] > floor


def windows(video):
    return [(video[i : i + 3], video[i + 3]) for i in range(len(video) - 3)]


def moving_videos_are_those_of_the_data_set(tmp_path):
    """`bouncing_digits`: the first frames of the test videos, whose images are those of TFDS."""
    kgan.data.load("digits", data_dir=tmp_path)
    made = np.concatenate([*next_frame.moving_videos("digits", 6, 5, str(tmp_path))])
    assert made.shape == (6, 5, 24, 24, 1)
    options = {"condition": "previous_frames", "value_range": (0.0, 1.0), "shuffle": False}
    frames, before = next(
        iter(kgan.data.load("bouncing_digits", "test", 6, data_dir=tmp_path, **options))
    )
    np.testing.assert_allclose(made[:, 3], frames, atol=1e-6)
    np.testing.assert_allclose(np.moveaxis(made[:, :3, ..., 0], 1, -1), before, atol=1e-6)


def test_the_control_and_the_game_stand_beside_the_copy(tmp_path, monkeypatch):
    """With a control that is trained for two steps, in the place of the game too."""
    monkeypatch.chdir(tmp_path)
    options = {"dataset": "bouncing_digits", "width": 2, "steps": 2, "batch_size": 4}
    config = resolve(next_frame.PRESET, options)
    monkeypatch.setattr(next_frame, "resolve", lambda preset, given: config)
    monkeypatch.setattr(next_frame, "VIDEOS", 24)
    ran = []
    monkeypatch.setattr(next_frame.program, "run", lambda command: ran.append(command) or True)
    load = kgan.inference.load
    control = tmp_path / "runs" / "next_frame" / "0" / "l1"
    reader = types.SimpleNamespace(load=lambda path: load(control), Generator=None)
    monkeypatch.setattr(next_frame, "inference", reader)
    rows = next_frame.play(0, 2, str(tmp_path))
    assert [row["what"] for row in rows] == ["game", "L1 alone", "copy", "real halves"]
    assert ran[0].startswith("kgan-train --preset=next_frame --seed=0 --steps=2 --run_dir=")
    assert rows[0]["MSE, first"] == rows[1]["MSE, first"] > 0
    text = translation.table(rows, ("seed", "what", *next_frame.COLUMNS))
    assert text.count("\n") == 5
