"""Properties of what enters: any data train, or are refused in one plain sentence."""

import functools
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from keras import layers

import kgan

SHAPE = (4, 4, 1)
CLASSES = 3
TYPES = ["float16", "float32", "float64", "uint8", "int32", "int64", "bool", "complex64", "object"]
# What pixels range over. The game's own range is (-1, 1).
RANGES = [(-1, 1), (0, 1), (0, 255), (-0.1, 0.1), (-1, 1.5), (0, 0), (3, 3), (-np.inf, 1)]
# What the kinds of data make of images and labels.
KINDS = {
    "array": lambda x, y, size: ((x, y), {"batch_size": size}),
    "tensor": lambda x, y, size: ((tf.constant(x), y), {"batch_size": size}),
    "dataset": lambda x, y, size: ((dataset(x, y).batch(size),), {}),
    "unbatched dataset": lambda x, y, size: ((dataset(x, y),), {}),
    "endless dataset": lambda x, y, size: (
        (dataset(x, y).batch(size).repeat(),),
        {"steps_per_epoch": 2},
    ),
    "generator": lambda x, y, size: ((batches(x, y, size),), {}),
    "list": lambda x, y, size: (([*x], y), {"batch_size": size}),
    "pair": lambda x, y, size: (((x, y),), {"batch_size": size}),
    "dictionary": lambda x, y, size: (({"image": x},), {"batch_size": size}),
    "path": lambda x, y, size: (("pictures",), {"batch_size": size}),
}


def dataset(x, y):
    return tf.data.Dataset.from_tensor_slices(x if y is None else (x, y))


def batches(x, y, size):
    """Return a generator of tuples, as Keras has them."""
    parts = [x] if y is None else [x, y]
    starts = range(0, len(x), size)
    return (each for each in [tuple(part[i : i + size] for part in parts) for i in starts])


@st.composite
def right(draw):
    """Draw data that train: images, labels, their kind, a batch size, whether conditional, k."""
    conditional, k = draw(st.booleans()), draw(st.integers(1, 2))
    size = k * draw(st.integers(1, 4))
    kind = draw(st.sampled_from(["array", "tensor", "dataset", "endless dataset", "generator"]))
    n = size * draw(st.integers(1, 2)) + k * draw(st.integers(0, 1))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    images = rng.uniform(-1, 1, (n, *SHAPE)).astype(draw(st.sampled_from(["float32", "float64"])))
    labels = rng.integers(0, CLASSES, n) if conditional else None
    return images, labels, kind, size, conditional, k


@st.composite
def anything(draw):
    """Draw data of any type, rank, range, size and kind."""
    dtype = draw(st.sampled_from(TYPES))
    shape = [draw(st.integers(0, 12)), *SHAPE, 2][: draw(st.integers(0, 5) | st.just(4))]
    if shape and draw(st.booleans()):
        shape[draw(st.integers(0, len(shape) - 1))] = draw(st.integers(0, 5))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    low, high = draw(st.sampled_from(RANGES))
    with np.errstate(invalid="ignore"):
        images = np.asarray(low + (high - low) * rng.uniform(size=shape)).astype(dtype)
    if images.size and dtype[0] == "f" and draw(st.booleans()):
        images.flat[0] = draw(st.sampled_from([np.nan, -np.inf, 300.0]))
    labels = None
    if draw(st.booleans()):
        kind = draw(st.sampled_from(["int64", "uint8", "float32", "str"]))
        labels = rng.integers(0, CLASSES + 1, draw(st.integers(0, 12))).astype(kind)
    kind = draw(st.sampled_from([*KINDS]))
    return (
        images,
        labels,
        kind,
        draw(st.integers(1, 8)),
        draw(st.booleans()),
        draw(st.integers(1, 2)),
    )


@functools.cache
def game(conditional, k):
    """Return the one game of its kind, which goes on from example to example."""
    if conditional:
        networks = (
            kgan.networks.MLPGenerator(SHAPE, 2, (4,), num_classes=CLASSES),
            kgan.networks.MLPDiscriminator(SHAPE, (4,), num_classes=CLASSES),
        )
    else:
        dense = layers.Dense(16, "tanh")
        networks = (
            keras.Sequential([keras.Input((2,)), dense, layers.Reshape(SHAPE)]),
            keras.Sequential([keras.Input(SHAPE), layers.Flatten(), layers.Dense(1)]),
        )
    gan = kgan.GAN(*networks, kgan.priors.Normal(2), discriminator_steps=k)
    gan.compile("sgd", "sgd", run_eagerly=True)
    return gan


def expected_steps(images, kind, size):
    """Return the steps of an epoch on right data."""
    return 2 if kind.startswith("endless") else -(-len(images) // size)


@pytest.mark.slow
@pytest.mark.parametrize("examples", [100, pytest.param(500, marks=pytest.mark.long)])
def test_data_train_or_are_refused_in_one_sentence(examples):
    """The same examples in each run; the eager step that plays them takes 0.1 s, to trace one 2."""
    settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )(given(data=right() | anything())(train_or_be_refused))()


def train_or_be_refused(data):
    images, labels, kind, size, conditional, k = data
    gan = game(conditional, k)
    begun, before = gan.step, [weight.numpy() for weight in gan.weights]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of much of the range unused, of generators
        try:
            positional, options = KINDS[kind](images, labels, size)
        except (TypeError, ValueError):  # no such tensor or data set can be made
            event("cannot be made")
            return
        try:
            logs = gan.fit(*positional, verbose=0, **options).history
        except ValueError as refusal:
            event("refused")
            sentence = str(refusal).splitlines()[0]
            # What came; two sentences say it in words of their own.
            what = ("received", "but a batch has", "know the classes")
            told = sentence.startswith("Invalid ") and any(words in sentence for words in what)
            assert told, sentence
            if not sentence.startswith("Invalid labels"):  # known only as the step runs
                after = [weight.numpy() for weight in gan.weights]
                assert all(np.array_equal(*pair) for pair in zip(before, after, strict=True))
            return
    event("trained")
    # What trained is what the game expects: floating point images in its range.
    assert np.issubdtype(images.dtype, np.floating)
    assert images.shape[1:] == SHAPE
    assert images.min() >= -1.002
    assert images.max() <= 1.002
    assert (labels is not None) == conditional
    assert gan.step - begun == expected_steps(images, kind, size)
    assert all(np.isfinite(weight).all() for weight in gan.weights)
    assert all(np.isfinite(values).all() for values in logs.values())
