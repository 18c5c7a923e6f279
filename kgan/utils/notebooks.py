"""Notebooks: whether this is one, and quiet there, where native code's lines would be shown."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import warnings
from collections.abc import Iterator

__all__ = ["in_notebook", "quiet_start"]


def in_notebook() -> bool:
    """Return whether this process is the kernel of a notebook."""
    ipython = sys.modules.get("IPython")
    return hasattr(ipython.get_ipython(), "kernel") if ipython else False


@contextlib.contextmanager
def quiet_start() -> Iterator[None]:
    """In a notebook, discard what TensorFlow writes to standard error while the block imports it.

    It is native code that writes, so the block redirects the file descriptor. Elsewhere, and where
    TensorFlow is loaded already, the block changes nothing.
    """
    if not in_notebook() or "tensorflow" in sys.modules:
        yield
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # What TFDS says of its own code when it loads a data set.
    logging.getLogger("absl").addFilter(lambda record: "FeatureConnector" not in str(record.msg))
    kept, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        yield
        import tensorflow as tf

        tf.config.list_physical_devices()  # says the same again, else before the first operation
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a bar that is text without ipywidgets
            import tqdm.auto  # noqa: F401
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(null)
