"""Objects that Keras saves by the arguments of their constructor."""

from __future__ import annotations

from typing import TypeVar

from kgan.utils.types import JsonDict

__all__ = ["Configurable"]

T = TypeVar("T", bound="Configurable")


class Configurable:
    """An object whose configuration is the arguments of its constructor.

    A subclass with arguments overrides `get_config`. It also needs
    `keras.saving.register_keras_serializable`, so that models that use it can be saved and loaded.

    Example:
        ```python
        @keras.saving.register_keras_serializable()
        class Shift(Configurable):
            def __init__(self, by):
                self.by = by

            def get_config(self):
                return {"by": self.by}


        Shift.from_config(Shift(2).get_config()).by == 2
        ```
    """

    def get_config(self) -> JsonDict:
        """Return the constructor's arguments, by name."""
        return {}

    @classmethod
    def from_config(cls: type[T], config: JsonDict) -> T:
        """Return a new object from what `get_config` returned."""
        return cls(**config)
