"""The conformance table: add a network to `ROWS` and it is tested; left out, a test fails."""

import dataclasses
import functools
import inspect
import json
import os
import pathlib
import subprocess
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import warm
from ai_edge_litert.interpreter import Interpreter

import kgan
from kgan import networks
from kgan.constraints import WeightClip
from kgan.networks import (
    Discriminator,
    Generator,
    MLPEncoder,
    PatchDiscriminator,
    ResNetTranslator,
    UNetGenerator,
)
from kgan.networks.image_condition import ImageConditioned

SHAPES = {(28, 28, 1), (32, 32, 3), (64, 64, 3)}
CLASSES = 3
TRANSLATORS = {ResNetTranslator, UNetGenerator}  # always given an image
ENCODERS = {MLPEncoder}  # never told a class


@dataclasses.dataclass(frozen=True)
class Row:
    cls: type[keras.Model]
    image_shape: tuple[int, ...]
    options: dict[str, Any]

    def __str__(self):
        shape = "x".join(map(str, self.image_shape))
        told = self.options.get("conditioning", "unconditional" if not self.classes else "told")
        if self.condition_shape:
            told = "given_" + "x".join(map(str, self.condition_shape))
        return f"{self.cls.__name__}-{shape}-{told}"

    def __hash__(self):
        return hash(str(self))

    @property
    def generates(self):
        return issubclass(self.cls, Generator)

    @property
    def classes(self):
        return self.options.get("num_classes")

    @property
    def condition_shape(self):
        return self.options.get("condition_shape")

    @property
    def example_shape(self):
        return (self.options.get("latent_dim", 0),) if self.generates else self.image_shape

    @property
    def output_shape(self):
        if self.cls is PatchDiscriminator:
            factor = 2 ** self.options["halvings"]
            return (*(-(-side // factor) for side in self.image_shape[:2]), 1)
        if self.cls in ENCODERS:
            return (self.options["latent_dim"],)
        return self.image_shape if self.generates else (1,)

    @property
    def input_shape(self):
        shape = (None, *self.example_shape)
        if self.condition_shape:
            return [shape, (None, *self.condition_shape)]
        return [shape, (None,)] if self.classes else shape

    def make(self, **more):
        """The network, built."""
        network = self.cls(self.image_shape, **{**self.options, **more})
        network.build(self.input_shape)
        return network

    def inputs(self, batch=3, seed=0, dtype="float32"):
        """Latents, or images in (-1, 1), with their labels or other condition if there is one."""
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(batch, *self.example_shape))
        x = tf.constant(x if self.generates else np.tanh(x), dtype)
        if self.condition_shape:
            condition = np.tanh(rng.normal(size=(batch, *self.condition_shape)))
            if self.options.get("keep_given"):  # the mask
                condition[..., -1] = np.sign(condition[..., -1])
            return [x, tf.constant(condition, dtype)]
        return [x, tf.constant(np.arange(batch) % self.classes, tf.int32)] if self.classes else x


def rows(name, *variants):
    return [Row(getattr(networks, name), shape, options) for shape, options in variants]


TOLD = {"num_classes": CLASSES}
CLIP = {"weight_constraint": WeightClip(0.5)}
ROWS = [
    *rows(
        "MLPGenerator",
        (
            (28, 28, 1),
            {"latent_dim": 4, "units": (8, 8), "batch_normalization": True}
            | {"output_weight_normalization": True},
        ),
        (
            (32, 32, 3),
            {"latent_dim": 3, "units": (9,), "activation": "leaky_relu", **TOLD}
            | {"value_range": (0.0, 1.0), "kernel_initializer": "glorot_uniform"}
            | {"conditioning": "concatenation"},
        ),
        ((64, 64, 3), {"latent_dim": 4, "units": (3,), **TOLD}),
        ((2,), {"latent_dim": 2, "units": (), "value_range": None}),
    ),
    *rows(
        "DCGANGenerator",
        ((28, 28, 1), {"latent_dim": 4, "filters": 3}),
        ((32, 32, 3), {"latent_dim": 4, "filters": 2, "upsampling": "resize", **TOLD}),
        (
            (28, 28, 1),
            {"latent_dim": 4, "filters": 2, "dense_units": 5, **TOLD}
            | {"conditioning": "batch_normalization"},
        ),
        (
            (64, 64, 3),
            {"latent_dim": 4, "filters": 1, "value_range": (0.0, 255.0), **TOLD}
            | {"conditioning": "batch_normalization"},
        ),
    ),
    *rows(
        "ResNetGenerator",
        ((28, 28, 1), {"latent_dim": 4, "filters": 8, "value_range": (0.0, 1.0)}),
        ((32, 32, 3), {"latent_dim": 4, "filters": 8, "blocks": 2, **TOLD}),
        (
            (64, 64, 3),
            {"latent_dim": 4, "filters": 8, **TOLD, "conditioning": "concatenation"},
        ),
    ),
    *rows(
        "SNGANGenerator",
        ((28, 28, 1), {"latent_dim": 4, "filters": 4, "value_range": (0.0, 1.0)}),
        ((32, 32, 3), {"latent_dim": 4, "filters": 4, **TOLD}),
        (
            (64, 64, 3),
            {"latent_dim": 4, "filters": 3, **TOLD, "conditioning": "batch_normalization"},
        ),
    ),
    *rows(
        "MLPDiscriminator",
        (
            (28, 28, 1),
            {"units": (8, 8), "weight_normalization": True, "classes": 4},
        ),
        (
            (32, 32, 3),
            {"units": (5, 5), "maxout_pieces": 3, "input_dropout": 0.2, "hidden_dropout": 0.5}
            | {"input_noise": 0.3, "hidden_noise": 0.5}
            | {"kernel_initializer": "glorot_uniform", **TOLD},
        ),
        ((64, 64, 3), {"units": (3, 3), **CLIP, **TOLD, "conditioning": "concatenation"}),
        ((2,), {"units": (6, 6), "activation": "tanh"}),
    ),
    *rows(
        "MLPEncoder",
        ((28, 28, 1), {"latent_dim": 4, "units": (8, 8)}),
        (
            (32, 32, 3),
            {"latent_dim": 3, "units": (9,), "activation": "relu", "latent_range": (-1.0, 3.0)}
            | {"kernel_initializer": "glorot_uniform"},
        ),
        ((64, 64, 3), {"latent_dim": 4, "units": ()}),
    ),
    *rows(
        "DCGANDiscriminator",
        ((28, 28, 1), {"filters": 3, "classes": 4}),
        ((32, 32, 3), {"filters": 2, **TOLD}),
        ((28, 28, 1), {"filters": 2, "dense_units": 5, **TOLD}),
        ((64, 64, 3), {"filters": 1, **CLIP, **TOLD, "conditioning": "concatenation"}),
    ),
    *rows(
        "ResNetDiscriminator",
        ((28, 28, 1), {"filters": 8, "classes": 4}),
        ((32, 32, 3), {"filters": 8, "blocks": 2, **TOLD}),
        ((64, 64, 3), {"filters": 8, **CLIP, **TOLD, "conditioning": "concatenation"}),
    ),
    *rows(
        "SNGANDiscriminator",
        ((28, 28, 1), {"filters": 4, "classes": 4}),
        ((32, 32, 3), {"filters": 4, **TOLD}),
        ((64, 64, 3), {"filters": 3, **CLIP, **TOLD, "conditioning": "concatenation"}),
    ),
    *rows(
        "UNetGenerator",
        ((28, 28, 1), {"condition_shape": (7, 7, 1), "filters": 3, "residual": True}),
        (
            (32, 32, 3),
            {"condition_shape": (32, 32, 1), "latent_dim": 3, "filters": 2, "dropout": 0.5}
            | {"upsampling": "resize", "value_range": None},
        ),
        ((64, 64, 3), {"condition_shape": (64, 64, 4), "filters": 2, "keep_given": True}),
    ),
    *rows(
        "ResNetTranslator",
        ((28, 28, 1), {"condition_shape": (28, 28, 1), "filters": 2, "blocks": 2}),
        (
            (32, 32, 3),
            {"condition_shape": (16, 16, 1), "filters": 2, "blocks": 0, "upsampling": "resize"},
        ),
        (
            (64, 64, 3),
            {"condition_shape": (64, 64, 1), "filters": 1, "blocks": 1, "value_range": None},
        ),
    ),
    *rows(
        "PatchDiscriminator",
        ((28, 28, 1), {"condition_shape": (7, 7, 1), "filters": 3, "halvings": 1}),
        ((32, 32, 3), {"condition_shape": (32, 32, 4), "filters": 2, "halvings": 2}),
        ((64, 64, 3), {"filters": 1, "halvings": 3, **CLIP}),
    ),
]
each_row = pytest.mark.parametrize("row", ROWS, ids=str)
each_class = pytest.mark.parametrize(
    "row", [row for row in ROWS if row.image_shape == (28, 28, 1)], ids=str
)
each_discriminator = pytest.mark.parametrize(
    "row", [row for row in ROWS if not row.generates], ids=str
)


@functools.cache
def trained(row):
    """The network with no weight as it began, normalisation statistics included."""
    keras.utils.set_random_seed(1)  # whichever test asks first
    network = row.make()
    rng = np.random.default_rng(3)
    for variable in network.weights:
        if variable.name != "u":
            variable.assign(variable + moved(variable.shape, rng))
    for layer in network._flatten_layers():
        for _ in range(10 * hasattr(layer, "power_iteration")):
            layer.power_iteration()  # u follows the kernel
    return network


def moved(shape, rng):
    """Changes that neither drown nor blow up what passes through."""
    return rng.normal(0, 0.5 / np.sqrt(np.prod(shape[:-1])), shape) if len(shape) > 1 else 0.1


def copy(row, **more):
    """Another network of the same weights."""
    network = row.make(**more)
    network.set_weights(trained(row).get_weights())
    return network


@functools.cache
def outputs(row):
    return trained(row)(row.inputs(4)).numpy()


def scale(row):
    return np.abs(outputs(row)).max()


# The table


@pytest.mark.slow
def test_every_network_is_in_the_table_whole():
    public = {getattr(networks, name) for name in networks.__all__} - {Generator, Discriminator}
    assert public == {row.cls for row in ROWS}
    assert len({str(row) for row in ROWS}) == len(ROWS)
    for cls in public:
        mine = [row for row in ROWS if row.cls is cls]
        assert {row.image_shape for row in mine} >= SHAPES
        kinds = {True} if cls in TRANSLATORS else {False} if cls in ENCODERS else {True, False}
        assert {bool(row.condition_shape or row.classes) for row in mine} == kinds
        told = {trained(row).conditioning for row in mine if row.classes}
        known = getattr(cls, "conditionings", ("projection", "concatenation"))
        none = issubclass(cls, ImageConditioned) or cls in ENCODERS
        assert told == (set() if none else set(known))


@each_class
def test_no_option_goes_untested(row):
    """Every constructor argument is given by some row of the table."""
    base = Generator if row.generates else row.cls if row.cls in ENCODERS else Discriminator
    options = set(inspect.signature(row.cls).parameters) | set(inspect.signature(base).parameters)
    given = set().union(*(other.options for other in ROWS if other.cls is row.cls))
    if issubclass(row.cls, ImageConditioned):
        options -= {"num_classes", "conditioning", "classes"}
    if row.cls is ResNetTranslator:
        options -= {"latent_dim"}
    assert options - {"image_shape", "kwargs"} == given


# Outputs


@each_row
def test_output_in_every_precision(row):
    expected = outputs(row)
    assert expected.shape == (4, *row.output_shape)
    assert np.abs(expected - expected[0]).max() > 1e-3 * scale(row)
    for policy, bits in (("float32", None), ("mixed_bfloat16", 8), ("mixed_float16", 11)):
        network = trained(row) if bits is None else copy(row, dtype=policy)
        made = network(row.inputs(4))
        assert made.dtype == tf.float32
        error = np.abs(made - expected).max() / scale(row)
        if bits is None:
            assert error == 0
        else:
            # Low precision is at work inside; its roundings add up to 21 of the last bit or fewer.
            assert 0 < error < 32 * 2.0**-bits
            assert row.generates or network.output_layer.compute_dtype == "float32"
            made = network(row.inputs(3), training=True)
            assert made.dtype == tf.float32
            assert np.isfinite(made).all()
        assert {weight.dtype for weight in network.trainable_weights} == {"float32"}


@each_row
def test_an_example_alone_is_as_in_a_batch(row):
    few = tf.nest.map_structure(lambda x: x[:1], row.inputs(4))
    # Kernels for other batch sizes add in another order: a few float32 roundings.
    np.testing.assert_allclose(
        trained(row)(few), outputs(row)[:1], rtol=2e-5, atol=1e-5 * scale(row)
    )


@each_row
def test_shapes_are_known_before_the_call_and_kept(row):
    network = row.cls(row.image_shape, **row.options)
    assert network.compute_output_shape(row.input_shape) == (None, *row.output_shape)
    symbols = keras.Input(row.example_shape)
    symbols = [symbols, keras.Input((), dtype="int32")] if row.classes else symbols
    if row.condition_shape:
        symbols = [symbols, keras.Input(row.condition_shape)]
    assert network(symbols).shape == (None, *row.output_shape)
    assert network.built
    wrong = np.zeros((4, *row.example_shape[:-1], 2 * row.example_shape[-1] + 1), np.float32)
    condition = row.inputs(4)[1] if row.classes or row.condition_shape else None
    with pytest.raises(ValueError, match=r"expected shape=.*found shape="):
        network(wrong if condition is None else [wrong, condition])


@pytest.mark.parametrize("row", [row for row in ROWS if hasattr(row.cls, "features")], ids=str)
def test_features_do_not_wait_for_a_call(row):
    network = row.cls(row.image_shape, **row.options)
    if row.cls is PatchDiscriminator:
        with pytest.raises(NotImplementedError, match="PatchDiscriminator has no features of one"):
            network.features(row.inputs(4))
        return
    features = network.features(row.inputs(4))
    assert features.ndim == 2
    count = len(network.weights)
    network(row.inputs(4))
    assert len(network.weights) == count
    np.testing.assert_array_equal(network.features(row.inputs(4)), features)


@pytest.mark.parametrize("row", [row for row in ROWS if row.generates], ids=str)
def test_generator_stays_in_its_range_and_fills_it(row):
    network = copy(row)
    layer = network.output_layer
    size = getattr(layer, "scale", layer.kernel)  # of a weight-normalized kernel, the scale
    size.assign(size * 1e10)
    made = network(row.inputs(16)).numpy()
    if row.options.get("value_range", ...) is None:
        assert network.value_range is None
        assert np.abs(made).max() > 1e3
    else:
        low, high = network.value_range
        assert (low, high) == row.options.get("value_range", (-1.0, 1.0))
        # A sigmoid saturates to 0 and 1 exactly; the stretch rounds once more.
        assert made.min() == pytest.approx(low, abs=1e-6)
        assert made.max() == pytest.approx(high, rel=1e-6)


@each_class
def test_channels_come_last_whatever_keras_is_set_to(row):
    keras.config.set_image_data_format("channels_first")
    try:
        network = copy(row)
    finally:
        keras.config.set_image_data_format("channels_last")
    np.testing.assert_array_equal(network(row.inputs(4)), outputs(row))


# Configuration and files


@each_row
def test_config_round_trip(row):
    network = row.make(name="player", dtype="mixed_bfloat16")
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(network)))
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is row.cls
    assert again.get_config() == network.get_config()
    assert (again.name, again.dtype_policy.name) == ("player", "mixed_bfloat16")
    assert again.image_shape == row.image_shape
    for name, given in row.options.items():
        if name == "weight_constraint":
            assert {v.constraint.limit for v in again.trainable_variables} == {given.limit}
        elif name not in ("activation", "kernel_initializer"):  # stored as Keras writes them
            assert getattr(again, name) == given
            assert type(getattr(again, name)) is type(given)
    assert [w.shape for w in again.weights] == [w.shape for w in network.weights]


LOAD = """
import pathlib
import kgan, keras
import numpy as np

for path in sorted(pathlib.Path(".").glob("*.keras")):
    network = keras.models.load_model(path)
    names = sorted(pathlib.Path(".").glob(path.stem + ".input_*.npy"))
    inputs = [np.load(name) for name in names]
    np.save(path.with_suffix(".outputs.npy"), network(inputs[0] if len(inputs) == 1 else inputs))
"""


@pytest.mark.slow
def test_a_new_process_loads_them_with_no_more_than_the_import(tmp_path):
    for i, row in enumerate(ROWS):
        trained(row).save(tmp_path / f"{i}.keras")
        for j, given in enumerate(tf.nest.flatten(row.inputs(4))):
            np.save(tmp_path / f"{i}.input_{j}.npy", given)
    done = subprocess.run(
        [*warm.python(), "-c", LOAD],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(pathlib.Path(kgan.__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    for i, row in enumerate(ROWS):
        np.testing.assert_array_equal(
            np.load(tmp_path / f"{i}.outputs.npy"), outputs(row), str(row)
        )


def module(row):
    """The network without Keras, for inputs `x` and `condition`, as `export` makes it."""
    network = trained(row)
    specs = {"x": tf.TensorSpec([None, *row.example_shape], tf.float32, name="x")}
    if row.classes:
        specs["condition"] = tf.TensorSpec([None], tf.int32, name="condition")
    if row.condition_shape:
        specs["condition"] = tf.TensorSpec(
            [None, *row.condition_shape], tf.float32, name="condition"
        )
    if not row.example_shape[0]:  # TFLite has no inputs of no numbers
        del specs["x"]

    def compute(condition=None, x=None):
        if x is None:
            x = tf.zeros([tf.shape(condition)[0], 0])
        inputs = x if condition is None else [x, condition]
        return {"outputs": network(inputs, training=False)}

    made = tf.Module()
    made.state = [variable.value for variable in network.variables]
    made.compute = tf.function(compute)
    return made, made.compute.get_concrete_function(**specs)


@pytest.mark.slow
@pytest.mark.parametrize(  # nobody ships a discriminator: one row of each will do
    "row", [row for row in ROWS if row.generates or row.image_shape == (32, 32, 3)], ids=str
)
def test_compiled_saved_model_and_tflite(row, tmp_path):
    made, function = module(row)
    inputs = tf.nest.flatten(row.inputs(4))
    given = dict(zip(("x", "condition"), inputs, strict=False))
    if not row.example_shape[0]:
        del given["x"]
    # The same kernels; a graph may fold and fuse a few elementwise operations.
    graph = function(**given)["outputs"]
    np.testing.assert_allclose(graph, outputs(row), rtol=1e-5, atol=1e-5 * scale(row))
    tf.saved_model.save(made, str(tmp_path), signatures={"serving_default": function})
    loaded = tf.saved_model.load(str(tmp_path))
    saved = loaded.signatures["serving_default"](**given)["outputs"]
    np.testing.assert_allclose(saved, graph, rtol=1e-6, atol=1e-6 * scale(row))
    content = tf.lite.TFLiteConverter.from_concrete_functions([function], made).convert()
    run = Interpreter(model_content=content).get_signature_runner("serving_default")
    for batch in (1, 4):  # other kernels, which sum in another order
        lite = run(**{name: x[:batch].numpy() for name, x in given.items()})["outputs"]
        np.testing.assert_allclose(
            lite, outputs(row)[:batch], rtol=1e-4, atol=2e-5 * scale(row), err_msg=str(batch)
        )


# Modes and derivatives


def penalty_and_gradients(network, inputs, training):
    """The mean squared slope of the logit (R1 without its factor), and its gradients."""
    x = tf.nest.flatten(inputs)[0]
    weights = [v.value for v in network.trainable_variables]
    with tf.GradientTape() as outer:
        with tf.GradientTape() as tape:
            tape.watch(x)
            logits = network(inputs, training=training)
        slopes = tf.cast(
            tape.gradient(logits, x), logits.dtype if x.dtype != "float64" else x.dtype
        )
        penalty = tf.reduce_mean(tf.reduce_sum(tf.square(slopes), range(1, len(x.shape))))
    gradients = outer.gradient(penalty, weights, unconnected_gradients="zero")
    return penalty, gradients


@each_discriminator
def test_second_derivatives_are_right(row):
    """In float64, against the penalty's own growth along a random way through the weights."""
    network, x = copy(row, dtype="float64"), row.inputs(3, dtype="float64")
    training = not row.options.get("input_dropout")  # whose masks are drawn anew
    _, gradients = penalty_and_gradients(network, x, training)
    for weight, gradient in zip(network.trainable_variables, gradients, strict=True):
        # Joined to the image, a class moves the kinks of a piecewise linear D, not its slopes.
        joined = "class_embedding" in weight.path and network.conditioning == "concatenation"
        if weight.path.endswith("kernel") and not joined:
            assert np.abs(gradient).max() > 0, weight.path
    rng, h = np.random.default_rng(5), 1e-9
    before = [v.numpy() for v in network.trainable_variables]
    way = [rng.normal(size=w.shape) for w in before]
    ends = []
    for sign in (1, -1):
        for variable, weight, step in zip(network.trainable_variables, before, way, strict=True):
            variable.assign(weight + sign * h * step)
        ends.append(float(penalty_and_gradients(network, x, training)[0]))
    expected = sum(float(tf.reduce_sum(g * w)) for g, w in zip(gradients, way, strict=True))
    # Off by 1e-16 / h. With a larger h, of 100,000 kinks one is stepped over.
    assert (ends[0] - ends[1]) / (2 * h) == pytest.approx(expected, rel=1e-4)


@pytest.mark.slow
@each_class
def test_xla_computes_the_same(row):
    network, x = copy(row), row.inputs(4)
    if row.generates:
        made = tf.function(lambda x: network(x, training=False), jit_compile=True)(x)
        # XLA adds up in another order: a few dozen float32 roundings.
        np.testing.assert_allclose(made, outputs(row), rtol=1e-4, atol=1e-5 * scale(row))
        return

    def compute(x):
        return network(x, training=False), penalty_and_gradients(network, x, training=True)

    logits, (penalty, gradients) = tf.function(compute, jit_compile=True)(x)
    np.testing.assert_allclose(logits, outputs(row), rtol=1e-4, atol=1e-5 * scale(row))
    expected_penalty, expected = penalty_and_gradients(network, x, training=True)
    assert float(penalty) == pytest.approx(float(expected_penalty), rel=1e-3)
    for gradient, other in zip(gradients, expected, strict=True):
        # Normalisation divides by differences of sums: some hundred float32 roundings.
        np.testing.assert_allclose(gradient, other, rtol=1e-3, atol=1e-3 * np.abs(other).max())


@each_class
def test_second_derivatives_are_finite_in_half_precision(row):
    if row.generates:
        return
    for policy in ("mixed_bfloat16", "mixed_float16"):
        network = copy(row, dtype=policy)
        penalty, gradients = penalty_and_gradients(network, row.inputs(3), training=True)
        assert np.isfinite(penalty), policy
        assert all(np.isfinite(gradient).all() for gradient in gradients), policy


# Beginnings


@each_class
def test_a_seed_determines_the_weights(row):
    def made(seed):
        keras.utils.set_random_seed(seed)
        return row.make().get_weights()

    first, again, other = made(1), made(1), made(2)
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert any((a != b).any() for a, b in zip(first, other, strict=True))
