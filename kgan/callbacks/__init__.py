"""Keras callbacks that watch a game: pictures, logs, checkpoints."""

from kgan.callbacks.checkpoint import Checkpoint
from kgan.callbacks.collapse import CollapseAlarm, CollapseError
from kgan.callbacks.evaluate import Evaluate
from kgan.callbacks.health import NonFinite
from kgan.callbacks.logs import MetricsLog, Progress
from kgan.callbacks.samples import SampleGrid
from kgan.callbacks.steepness import Steepness

__all__ = [
    "Checkpoint",
    "CollapseAlarm",
    "CollapseError",
    "Evaluate",
    "MetricsLog",
    "NonFinite",
    "Progress",
    "SampleGrid",
    "Steepness",
]
