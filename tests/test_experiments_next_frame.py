"""Frames predicted one after the other."""

import numpy as np
import pytest

from experiments import next_frame
from kgan.data import bouncing

SHAPE = (12, 12, 1)


@pytest.fixture
def videos():
    return np.random.default_rng(0).uniform(size=(3, 20, *SHAPE)).astype("float32")


def test_each_frame_is_made_of_the_three_before_it(videos):
    seen = []

    def predict(frames):
        seen.append(frames)
        return frames.mean(-1, keepdims=True)

    made = next_frame.roll_out(predict, videos)
    assert made.shape == (3, 10, *SHAPE)
    frames = np.concatenate([videos[:, 7:10], made], axis=1)[..., 0]
    for i, given in enumerate(seen):
        np.testing.assert_array_equal(given, np.moveaxis(frames[:, i : i + 3], 1, -1))
        np.testing.assert_allclose(made[:, i, ..., 0], frames[:, i : i + 3].mean(1), atol=1e-6)


def test_what_follows_the_tenth_frame_is_not_looked_at(videos):
    other = videos.copy()
    other[:, 10:] = 0
    made = [next_frame.roll_out(lambda frames: frames[..., -1:], each) for each in (videos, other)]
    np.testing.assert_array_equal(*made)


def test_measures_of_frames_are_sums_over_pixels_and_means_over_videos(videos):
    true = videos[:, 10:]
    exact = next_frame.measure(true, true, true)
    assert exact["MSE"] == 0
    assert exact["SSIM"] == pytest.approx(1, abs=1e-6)
    assert exact["Frechet 10"] == pytest.approx(0, abs=1e-6)
    wrong = true.copy()
    wrong[:, 4] = 0.0  # the fifth frame
    found = next_frame.measure(wrong, true, true)
    expected = np.square(true[:, 4]).reshape(3, -1).sum(1).mean()
    assert found["MSE 5"] == pytest.approx(expected, rel=1e-5)
    assert found["MSE"] == pytest.approx(expected / 10, rel=1e-5)
    assert found["MSE 1"] == found["MSE 10"] == 0
    assert found["SSIM 5"] < 0.5 < found["SSIM 1"]
    assert found["Frechet 5"] > 0.1 > found["Frechet 10"]


def test_the_videos_begin_as_those_that_the_networks_learn_from(monkeypatch):
    """A frame does not depend on how many follow it."""
    digits = np.random.default_rng(0).integers(256, size=(6, 28, 28, 1)).astype(np.uint8)
    pixels = digits.astype("float32") / 255
    monkeypatch.setattr(next_frame.data, "load", lambda *args, **kwargs: [pixels[:4], pixels[4:]])
    monkeypatch.setattr(next_frame, "_TOGETHER", 2)
    videos = next_frame.videos_of_test(3, None)
    assert videos.shape == (3, 20, 64, 64, 1)
    numbers, motions = bouncing.draw("test", len(digits))
    short = bouncing.videos(digits, numbers[:3], motions[:3]).numpy()
    np.testing.assert_allclose(videos[:, :4], short / 255, atol=1e-6)
