"""Types that several rooms name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

__all__ = ["JsonDict", "Logs"]

# A JSON object: a configuration, a record of a run. Its values are of many types by nature.
JsonDict: TypeAlias = dict[str, Any]
# What Keras hands to a callback.
Logs: TypeAlias = Mapping[str, Any] | None
