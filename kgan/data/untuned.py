"""Options of `tf.data` without autotuning, whose thread makes programs wait."""

from __future__ import annotations

import tensorflow as tf

__all__ = ["untuned"]


def untuned() -> tf.data.Options:
    """Return options without autotuning: `AUTOTUNE` then means as many threads as there are CPUs.

    TensorFlow ends the thread that tunes an iterator by waking it before it sets the flag that the
    thread looks at. Now and then the thread sleeps on, up to a minute, and whoever throws the
    iterator away waits for it: at the end of `fit`, or whenever Python collects garbage.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return options
