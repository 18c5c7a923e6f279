"""Keep to themselves what libraries log about their own code."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Iterator

__all__ = ["unheard"]


@contextlib.contextmanager
def unheard(name: str, pattern: str) -> Iterator[None]:
    """Within this context, leave out what the logger of this name says that matches a pattern."""
    logger = logging.getLogger(name)

    def others(record: logging.LogRecord) -> bool:
        return not re.search(pattern, record.getMessage())

    logger.addFilter(others)
    try:
        yield
    finally:
        logger.removeFilter(others)
