"""Keras callbacks that watch a game: pictures, logs, checkpoints."""

from kgan.callbacks.checkpoint import Checkpoint
from kgan.callbacks.logs import MetricsLog, Progress
from kgan.callbacks.samples import SampleGrid

__all__ = ["Checkpoint", "MetricsLog", "Progress", "SampleGrid"]
