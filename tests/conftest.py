"""What every test starts from: a quiet TensorFlow, its own data, one seed, one precision."""

import os
import pathlib
import signal

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as the programs have it on x86
os.environ.setdefault(  # the user's data sets stay untouched
    "TFDS_DATA_DIR",
    str(pathlib.Path(__file__).resolve().parent.parent / ".pytest_cache" / "tensorflow_datasets"),
)

import keras
import pytest
import tensorflow as tf
import warm
from kgan_export import parity as installed_parity

import kgan
from export import parity
from kgan.data import loaders
from kgan.data.untuned import untuned

# In the background of a shell, or under nohup, they are ignored, and the programs that the tests
# start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# The tests throw away thousands of iterators, which may take a minute each (see `untuned`).
_debug_options = tf.data.Dataset._apply_debug_options
tf.data.Dataset._apply_debug_options = lambda self: _debug_options(self.with_options(untuned()))

# Exports that tests make measure the speed of each format by one call of two.
for module in (parity, installed_parity):
    module.CALLS, module.SECONDS = 1, 0.0

# The files that take longest begin, so that none of them is left to one worker at the end.
FIRST = (
    *("docs", "combinations", "training_distribution", "faults", "gan", "conformance"),
    *("training_validation_networks", "evaluate", "train", "resume", "benchmarks_accelerator"),
    *("door", "experiments_recipe", "export_tflite", "data_pictures", "theory_training"),
    *("train_pictures", "layer_losses", "train_auto", "data_load", "callbacks_collapse_alarm"),
    *("variants_any_conditional", "variants_cyclegan", "variants_semi_supervised"),
)


def pytest_collection_modifyitems(items):
    places = {f"test_{name}.py": place for place, name in enumerate(FIRST)}
    items.sort(key=lambda item: places.get(item.path.name, len(FIRST)))


def pytest_collection_finish(session):
    warm.keep_what_is_loaded()


_compile = kgan.GAN.compile


def compile_eagerly(gan, *arguments, **options):
    """Compile a game for tests that are `eager`, unless the test says how it is to run."""
    if options.get("jit_compile") is not True:
        options.setdefault("run_eagerly", True)
    _compile(gan, *arguments, **options)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    """Also around the fixtures that a test is the first to ask for."""
    with pytest.MonkeyPatch.context() as patch:
        if item.get_closest_marker("eager"):
            patch.setattr(kgan.GAN, "compile", compile_eagerly)
        return (yield)


@pytest.fixture(autouse=True)
def _same_start():
    keras.utils.set_random_seed(0)
    yield
    keras.config.set_dtype_policy("float32")


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory):
    """A data directory of TFDS with `digits`, to which `kgan-evaluate` adds its classifiers."""
    directory = str(tmp_path_factory.mktemp("data"))
    kgan.data.load("digits", data_dir=directory)
    return directory


@pytest.fixture(params=["in memory", "streamed"])
def way(request, monkeypatch):
    """Load data sets through either path."""
    if request.param == "streamed":
        monkeypatch.setattr(loaders, "_MEMORY_BYTES", 0)
    return request.param
