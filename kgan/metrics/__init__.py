"""Evaluation that a reader can trust: every figure beside its floor or its control."""

from kgan.metrics.modes import (
    MixtureCoverage,
    ModeCoverage,
    mixture_coverage,
    mode_coverage,
    stacked_labels,
)
from kgan.metrics.neighbours import nearest

__all__ = [
    "MixtureCoverage",
    "ModeCoverage",
    "mixture_coverage",
    "mode_coverage",
    "nearest",
    "stacked_labels",
]
