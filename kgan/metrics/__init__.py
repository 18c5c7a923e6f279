"""Evaluation that a reader can trust: every figure beside its floor or its control."""

from kgan.metrics.memorisation import Memorisation, memorisation_test
from kgan.metrics.modes import (
    MixtureCoverage,
    ModeCoverage,
    mixture_coverage,
    mode_coverage,
    stacked_labels,
)
from kgan.metrics.neighbours import nearest

__all__ = [
    "Memorisation",
    "MixtureCoverage",
    "ModeCoverage",
    "memorisation_test",
    "mixture_coverage",
    "mode_coverage",
    "nearest",
    "stacked_labels",
]
