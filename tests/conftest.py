"""What every test starts from: a quiet TensorFlow, the same seed, the default precision."""

import gc
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if "PYTEST_XDIST_WORKER" in os.environ:
    # Workers share the cores: with a thread a core in each, they would wait for each other.
    # Programs that tests start inherit it.
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")

import keras
import pytest


@pytest.fixture(autouse=True)
def _same_start():
    keras.utils.set_random_seed(0)
    yield
    keras.config.set_dtype_policy("float32")


@pytest.fixture(autouse=True, scope="module")
def _short_collections():
    """Keep what outlives a file out of later garbage collections.

    After some files a worker holds millions of objects, graphs above all, and each full collection
    takes seconds: a test that imports much took 60 s where it takes 1 s alone.
    """
    yield
    gc.collect()
    gc.freeze()
