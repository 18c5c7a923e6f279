"""The exporter: a generator as SavedModel, TFLite and ONNX, each compared with the Keras model.

```python
kgan_export.export("runs/digits", "exports/digits", formats=["saved_model", "tflite"])
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .program import export

__all__ = ["export"]


def __getattr__(name: str) -> Any:
    if name == "export":  # on its first use, because it imports TensorFlow
        from .program import export

        return export
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
