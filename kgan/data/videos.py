"""Videos: each frame with the three before it, from which a network makes it."""

from __future__ import annotations

import tensorflow as tf

__all__ = ["PREVIOUS", "check_length", "last_and_previous", "windows", "windows_of"]

PREVIOUS = 3
"""Frames that a frame is made of."""


def check_length(name: str, frames: int | None) -> int:
    """Return the number of frames of each video of a data set.

    Raises:
        ValueError: it is not declared, or smaller than that of a frame and those before it.
    """
    if frames is None or frames <= PREVIOUS:
        received = "any number" if frames is None else str(frames)
        raise ValueError(
            f"Data set {name!r} has videos of {received} frames; expected a declared number of at "
            f"least {PREVIOUS + 1} for `condition='previous_frames'`: {PREVIOUS} frames and the "
            "next. Cut the videos to one length and prepare them again, or choose other data."
        )
    return frames


def windows(frames: int) -> int:
    """Return the number of frames of a video that have enough frames before them."""
    return frames - PREVIOUS


def windows_of(video: tf.Tensor) -> tf.data.Dataset:
    """Return each frame of a video with those before it, `[PREVIOUS + 1, h, w, c]`, in order."""
    shape = [PREVIOUS + 1, *video.shape[1:]]
    starts = tf.data.Dataset.range(tf.shape(video, tf.int64)[0] - PREVIOUS)
    return starts.map(lambda start: tf.ensure_shape(video[start : start + PREVIOUS + 1], shape))


def last_and_previous(frames: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the last frame of each window, and those before it as its channels.

    Args:
        frames: `[batch, PREVIOUS + 1, height, width, channels]`.

    Returns:
        `[batch, height, width, channels]` and `[batch, height, width, PREVIOUS * channels]`, from
        the oldest frame to the newest.
    """
    before = tf.unstack(frames[:, :-1], PREVIOUS, axis=1)
    return frames[:, -1], tf.concat(before, axis=-1)
