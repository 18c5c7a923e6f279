"""Keras callbacks that watch a game: pictures, logs, checkpoints."""

from kgan.callbacks.checkpoint import Checkpoint
from kgan.callbacks.health import NonFinite
from kgan.callbacks.logs import MetricsLog, Progress
from kgan.callbacks.samples import SampleGrid

__all__ = ["Checkpoint", "MetricsLog", "NonFinite", "Progress", "SampleGrid"]
