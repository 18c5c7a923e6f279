"""Evaluation that a reader can trust: every figure beside its floor or its control."""

from kgan.metrics.neighbours import nearest

__all__ = ["nearest"]
