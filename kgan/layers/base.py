"""What several layers share: types, and the initializer of a kernel."""

from __future__ import annotations

from typing import Any, TypeAlias

import keras

from kgan.utils.types import JsonDict

__all__ = ["InitializerLike", "KernelLayer", "Shape"]

# The shape of a batch; None is a size that is not known yet.
Shape: TypeAlias = tuple[int | None, ...]
# What `keras.initializers.get` takes.
InitializerLike: TypeAlias = "str | JsonDict | keras.Initializer"


class KernelLayer(keras.layers.Layer):
    """A layer whose kernel starts by an initializer that the user may choose.

    Args:
        kernel_initializer: initializer of the kernel.
        **kwargs: `name` and `dtype` of Keras.
    """

    def __init__(self, kernel_initializer: InitializerLike = "glorot_uniform", **kwargs: Any):
        super().__init__(**kwargs)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def get_config(self) -> JsonDict:
        return {
            **super().get_config(),
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }
