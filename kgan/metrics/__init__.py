"""Evaluation that a reader can trust: every figure beside its floor or its control."""
