"""Read a trained generator as one function, whatever file it is stored in.

```python
generator = kgan.inference.load("runs/digits")  # or a .keras file, a SavedModel, a .tflite file
images = generator.sample(16, seed=0)           # float32 [16, height, width, channels] in [0, 1]
```
"""

from kgan.inference.generator import Generator
from kgan.inference.inversion import Inversion, invert
from kgan.inference.keras_generator import KerasGenerator
from kgan.inference.loading import (
    class_names,
    load,
    read_card,
    read_prior,
    read_run,
)
from kgan.inference.runtimes import saved_model_function, tflite_function

__all__ = [
    "Generator",
    "Inversion",
    "KerasGenerator",
    "class_names",
    "invert",
    "load",
    "read_card",
    "read_prior",
    "read_run",
    "saved_model_function",
    "tflite_function",
]
