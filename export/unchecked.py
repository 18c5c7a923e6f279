"""What files say of labels that they do not check: TFLite and ONNX have no operation for it."""

from __future__ import annotations

__all__ = ["LABELS"]

LABELS = (
    "Labels are not checked: a label that is not from 0 to {} makes some image without an error."
)
