"""Keras callbacks for GANs: checkpoints, sample grids, logs, metrics and alarms."""

from kgan.callbacks.checkpoint import Checkpoint
from kgan.callbacks.collapse_alarm import CollapseAlarm, CollapseError
from kgan.callbacks.evaluate import Evaluate
from kgan.callbacks.gradient_norms import GradientNorms
from kgan.callbacks.health import NonFinite
from kgan.callbacks.logs import MetricsLog, Progress
from kgan.callbacks.samples import SampleGrid

__all__ = [
    "Checkpoint",
    "CollapseAlarm",
    "CollapseError",
    "Evaluate",
    "GradientNorms",
    "MetricsLog",
    "NonFinite",
    "Progress",
    "SampleGrid",
]
