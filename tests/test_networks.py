"""The conformance table: add a network to `GENERATORS` or `DISCRIMINATORS` and it is tested."""

import dataclasses
import inspect
import itertools
import json
import math
import os
import pathlib
import subprocess
import sys
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import kgan
from kgan import networks
from kgan.networks import (
    DCGANDiscriminator,
    DCGANGenerator,
    Discriminator,
    Generator,
    MLPDiscriminator,
    MLPGenerator,
    ResNetDiscriminator,
    ResNetGenerator,
    SNGANDiscriminator,
    SNGANGenerator,
)
from kgan.networks.base import fresh_initializer


@dataclasses.dataclass(frozen=True)
class Case:
    cls: type[keras.Model]
    arguments: dict[str, Any]

    def __str__(self):
        shape = "x".join(map(str, self.arguments["image_shape"]))
        options = [str(v) for k, v in self.arguments.items() if k not in ("image_shape", "units")]
        return "-".join([self.cls.__name__, shape, *options]).replace(" ", "")

    def make(self, **more):
        """The network, built."""
        network = self.cls(**{**self.arguments, **more})
        network.build(self.input_shape)
        return network

    @property
    def example_shape(self):
        if issubclass(self.cls, Generator):
            return (self.arguments["latent_dim"],)
        return self.arguments["image_shape"]

    @property
    def input_shape(self):
        shape = (None, *self.example_shape)
        return [shape, (None,)] if "num_classes" in self.arguments else shape

    def inputs(self, batch=3, seed=0):
        """Latents, or images in (-1, 1), with their labels if there are classes."""
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(batch, *self.example_shape)).astype(np.float32)
        x = tf.constant(x if issubclass(self.cls, Generator) else np.tanh(x))
        if "num_classes" not in self.arguments:
            return x
        return [x, tf.constant(np.arange(batch) % self.arguments["num_classes"], tf.int32)]


GENERATORS = [
    Case(MLPGenerator, {"image_shape": (6, 5, 2), "latent_dim": 4, "units": (8, 8)}),
    Case(
        MLPGenerator,
        {"image_shape": (7,), "latent_dim": 3, "units": (9,), "activation": "leaky_relu"}
        | {"value_range": (0.0, 1.0), "kernel_initializer": "glorot_uniform"},
    ),
    Case(MLPGenerator, {"image_shape": (2,), "latent_dim": 2, "units": (), "value_range": None}),
    Case(DCGANGenerator, {"image_shape": (16, 12, 3), "latent_dim": 5, "filters": 4}),
    Case(
        DCGANGenerator,
        {"image_shape": (8, 8, 1), "latent_dim": 2, "filters": 3, "value_range": (0.0, 255.0)},
    ),
    Case(MLPGenerator, {"image_shape": (6,), "latent_dim": 4, "units": (8,), "num_classes": 3}),
    Case(
        DCGANGenerator,
        {"image_shape": (8, 8, 1), "latent_dim": 2, "filters": 3, "num_classes": 3}
        | {"upsampling": "resize"},
    ),
    Case(
        DCGANGenerator,
        {"image_shape": (8, 8, 1), "latent_dim": 2, "filters": 3, "num_classes": 3}
        | {"conditioning": "batch_normalization"},
    ),
    Case(
        ResNetGenerator,
        {"image_shape": (8, 8, 1), "latent_dim": 2, "filters": 8, "blocks": 2}
        | {"value_range": (0.0, 255.0)},
    ),
    Case(
        ResNetGenerator,
        {"image_shape": (8, 8, 1), "latent_dim": 2, "filters": 8, "num_classes": 3},
    ),
    Case(
        SNGANGenerator,
        {"image_shape": (8, 8, 1), "latent_dim": 2, "filters": 8, "value_range": (0.0, 255.0)},
    ),
    Case(
        SNGANGenerator,
        {"image_shape": (8, 8, 1), "latent_dim": 2, "filters": 8, "num_classes": 3}
        | {"conditioning": "batch_normalization"},
    ),
]
DISCRIMINATORS = [
    Case(MLPDiscriminator, {"image_shape": (6, 5, 2), "units": (8, 8)}),
    Case(
        MLPDiscriminator,
        {"image_shape": (7,), "units": (5, 5), "maxout_pieces": 3}
        | {"input_dropout": 0.2, "hidden_dropout": 0.5, "kernel_initializer": "glorot_uniform"},
    ),
    Case(MLPDiscriminator, {"image_shape": (2,), "units": (6, 6), "activation": "tanh"}),
    Case(DCGANDiscriminator, {"image_shape": (16, 12, 3), "filters": 4}),
    Case(DCGANDiscriminator, {"image_shape": (8, 8, 1), "filters": 3}),
    *(
        Case(cls, {**arguments, "num_classes": 3, "conditioning": conditioning})
        for cls, arguments in (
            (MLPDiscriminator, {"image_shape": (6,), "units": (8, 8)}),
            (DCGANDiscriminator, {"image_shape": (8, 8, 1), "filters": 3}),
            (ResNetDiscriminator, {"image_shape": (8, 8, 1), "filters": 8, "blocks": 1}),
            (SNGANDiscriminator, {"image_shape": (8, 8, 1), "filters": 8}),
        )
        for conditioning in ("projection", "concatenation")
    ),
]
each_generator = pytest.mark.parametrize("case", GENERATORS, ids=str)
each_discriminator = pytest.mark.parametrize("case", DISCRIMINATORS, ids=str)
each_network = pytest.mark.parametrize("case", GENERATORS + DISCRIMINATORS, ids=str)


def test_every_network_is_in_the_table():
    public = {getattr(networks, name) for name in networks.__all__} - {Generator, Discriminator}
    assert public == {case.cls for case in GENERATORS + DISCRIMINATORS}


@each_network
def test_no_option_goes_untested(case):
    """Every constructor argument is given by some row of the table."""
    options = set(inspect.signature(case.cls).parameters) - {"kwargs"}
    given = [set(c.arguments) for c in GENERATORS + DISCRIMINATORS if c.cls is case.cls]
    classes = {"num_classes", "conditioning"}
    assert options == set().union(*given) - classes
    assert classes <= set().union(*given) or not case.cls.__name__.startswith("DCGAN")


# Outputs


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16"])
@each_network
def test_output(case, policy):
    keras.config.set_dtype_policy(policy)
    network = case.make()
    shape = case.arguments["image_shape"] if case in GENERATORS else (1,)
    for batch, training in itertools.product((1, 4), (False, True)):
        outputs = network(case.inputs(batch), training=training)
        assert outputs.dtype == tf.float32
        assert outputs.shape == (batch, *shape)
        assert np.isfinite(outputs).all()
    assert {weight.dtype for weight in network.weights} == {"float32"}
    # Low precision is at work inside, and nowhere else.
    exact = case.cls.from_config({**network.get_config(), "dtype": "float32"})
    exact.build(case.input_shape)
    exact.set_weights(network.get_weights())
    x = case.inputs(16)
    error = np.abs(network(x) - exact(x)).max() / np.abs(exact(x)).max()
    # Four layers at most, each good to the type's 8 or 11 bits, with room for sums.
    bits = {"float32": None, "mixed_bfloat16": 8, "mixed_float16": 11}[policy]
    if bits is None:
        assert error == 0
    else:
        assert 0 < error < 4 * 4 * 2.0**-bits


@each_generator
def test_generator_stays_in_its_range_and_fills_it(case):
    network = case.make()
    network.output_layer.kernel.assign(network.output_layer.kernel * 1e10)
    outputs = network(case.inputs(64)).numpy()
    if case.arguments.get("value_range", ...) is None:
        assert network.value_range is None
        assert np.abs(outputs).max() > 1e3
    else:
        low, high = network.value_range
        assert (low, high) == case.arguments.get("value_range", (-1.0, 1.0))
        # A sigmoid saturates to 0 and 1 exactly; the stretch rounds once more.
        assert outputs.min() == pytest.approx(low, abs=1e-6)
        assert outputs.max() == pytest.approx(high, rel=1e-6)


@each_network
def test_shapes_are_known_before_the_call(case):
    network = case.cls(**case.arguments)
    shape = case.arguments["image_shape"] if case in GENERATORS else (1,)
    assert network.compute_output_shape(case.input_shape) == (None, *shape)
    symbols = keras.Input(case.example_shape)
    if network.num_classes:
        symbols = [symbols, keras.Input((), dtype="int32")]
    assert network(symbols).shape == (None, *shape)
    assert network.built


@each_network
def test_inputs_of_another_shape_are_refused(case):
    """Rather than be reshaped to fewer, larger examples."""
    wrong = np.zeros((4, *case.example_shape[:-1], 2 * case.example_shape[-1]), np.float32)
    if "num_classes" in case.arguments:
        wrong = [wrong, np.zeros(4, np.int32)]
    with pytest.raises(ValueError, match=r"expected shape=.*found shape="):
        case.make()(wrong)


@each_network
def test_examples_do_not_see_each_other_outside_training(case):
    network, x = case.make(), case.inputs(6)
    # Kernels for other batch sizes add in another order: a few float32 roundings.
    few = tf.nest.map_structure(lambda given: given[:2], x)
    np.testing.assert_allclose(network(x)[:2], network(few), rtol=2e-5, atol=2e-6)


# Configuration and files


@each_network
def test_config_round_trip(case):
    network = case.make(name="player", dtype="mixed_bfloat16")
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(network)))
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is case.cls
    assert again.get_config() == network.get_config()
    assert (again.name, again.dtype_policy.name) == ("player", "mixed_bfloat16")
    for name, given in case.arguments.items():
        if name in ("activation", "kernel_initializer"):  # stored as Keras writes them
            continue
        assert getattr(again, name) == given
        assert type(getattr(again, name)) is type(given)
    if not again.built:
        again.build(case.input_shape)
    again.set_weights(network.get_weights())
    np.testing.assert_array_equal(again(case.inputs()), network(case.inputs()))


def trained(case):
    """The network with no weight as it began, normalisation statistics included."""
    network = case.make()
    rng = np.random.default_rng(3)
    network.set_weights([w + rng.uniform(0.1, 0.5, w.shape) for w in network.get_weights()])
    return network


@each_network
def test_save_and_load(case, tmp_path):
    network = trained(case)
    network.save(tmp_path / "player.keras")
    again = keras.models.load_model(tmp_path / "player.keras")
    assert type(again) is case.cls
    assert again.get_config() == network.get_config()
    np.testing.assert_array_equal(again(case.inputs()), network(case.inputs()))


LOAD = """
import pathlib
import kgan, keras
import numpy as np

for path in sorted(pathlib.Path(".").glob("*.keras")):
    network = keras.models.load_model(path)
    inputs = [np.load(name) for name in sorted(pathlib.Path(".").glob(path.stem + "_input_*.npy"))]
    np.save(path.with_suffix(".outputs.npy"), network(inputs[0] if len(inputs) == 1 else inputs))
"""


@pytest.mark.slow
def test_a_new_process_loads_them_with_no_more_than_the_import(tmp_path):
    cases = {f"network_{i:02}": case for i, case in enumerate(GENERATORS + DISCRIMINATORS)}
    expected = {}
    for name, case in cases.items():
        network = trained(case)
        network.save(tmp_path / f"{name}.keras")
        for i, given in enumerate(tf.nest.flatten(case.inputs())):
            np.save(tmp_path / f"{name}_input_{i}.npy", given)
        expected[name] = network(case.inputs())
    done = subprocess.run(
        [sys.executable, "-c", LOAD],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(pathlib.Path(kgan.__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    for name in cases:
        np.testing.assert_array_equal(np.load(tmp_path / f"{name}.outputs.npy"), expected[name])


# Modes


@each_network
def test_graph_and_xla_compute_the_same(case):
    network, x = trained(case), case.inputs(8)
    eager = network(x).numpy()
    scale = np.abs(eager).max()
    # The same kernels; a graph may fold and fuse a few elementwise operations.
    graph = tf.function(lambda x: network(x, training=False))(x)
    np.testing.assert_allclose(graph, eager, rtol=1e-5, atol=1e-6 * scale)
    # XLA adds up in another order; a dozen float32 roundings over four layers.
    xla = tf.function(lambda x: network(x, training=False), jit_compile=True)(x)
    np.testing.assert_allclose(xla, eager, rtol=1e-4, atol=1e-5 * scale)


def slope_penalty(network, inputs, training):
    """The mean squared norm of the logit's gradient in the image (R1 without its factor)."""
    x = tf.nest.flatten(inputs)[0]
    with tf.GradientTape() as tape:
        tape.watch(x)
        logits = network(inputs, training=training)
    slopes = tape.gradient(logits, x)
    return tf.reduce_mean(tf.reduce_sum(tf.square(slopes), axis=list(range(1, x.shape.rank))))


def penalty_and_gradients(network, x, training):
    """The penalty, and its gradients in the kernels, that of the classes first."""
    kernels = [w for w in network.trainable_variables if w.path.endswith("kernel")]
    kernels.sort(key=lambda kernel: "class_embedding" not in kernel.path)
    with tf.GradientTape() as tape:
        penalty = slope_penalty(network, x, training)
    return penalty, tape.gradient(penalty, kernels, unconnected_gradients="zero")


@pytest.mark.parametrize("mode", ["eager", "graph", "xla"])
@each_discriminator
def test_second_derivatives_reach_every_kernel(case, mode):
    """Gradient penalties differentiate D twice, in training mode."""
    network, x = trained(case), case.inputs(8)

    def computed(x):
        return penalty_and_gradients(network, x, training=True)

    if mode != "eager":
        computed = tf.function(computed, jit_compile=mode == "xla")
    penalty, gradients = computed(x)
    assert float(penalty) > 0
    assert len(gradients) >= 2
    for gradient in gradients:
        assert np.isfinite(gradient).all()
    # A class that is joined to the image moves the kinks of a piecewise linear D, not its slopes.
    joined = case.arguments.get("conditioning") == "concatenation"
    for gradient in gradients[joined:]:
        assert np.abs(gradient).max() > 0
    if not case.arguments.get("input_dropout"):  # whose masks are drawn anew
        _, expected = penalty_and_gradients(network, x, training=True)
        for gradient, other in zip(gradients, expected, strict=True):
            # Normalisation divides by differences of sums: some hundred float32 roundings.
            np.testing.assert_allclose(
                gradient, other, rtol=1e-3, atol=1e-4 * np.abs(other).max(), err_msg=mode
            )


@pytest.mark.parametrize("activation", ["softplus", "tanh"])
def test_second_derivatives_are_right(activation):
    """Along its own gradient g, the penalty grows by |g|^2 (central difference of a smooth D)."""
    network = Case(MLPDiscriminator, {"image_shape": (6,), "units": (8, 8)}).make(
        activation=activation
    )
    x = tf.constant(np.random.default_rng(0).normal(size=(8, 6)), tf.float32)
    kernels = [w for w in network.trainable_variables if w.path.endswith("kernel")]
    _, gradients = penalty_and_gradients(network, x, training=True)
    norm = math.sqrt(sum(float(tf.reduce_sum(g**2)) for g in gradients))
    before, h = [w.numpy() for w in kernels], 1e-2

    def moved(by):
        for kernel, old, gradient in zip(kernels, before, gradients, strict=True):
            kernel.assign(old + by * gradient / norm)
        return float(slope_penalty(network, x, training=True))

    # Off by h^2 and by float32's 1e-7 / h: both below 1e-3 here.
    assert (moved(h) - moved(-h)) / (2 * h) == pytest.approx(norm, rel=1e-3)


# Beginnings


@each_network
def test_a_seed_determines_the_weights(case):
    def made(seed):
        keras.utils.set_random_seed(seed)
        return case.make().get_weights()

    first, again, other = made(1), made(1), made(2)
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert any((a != b).any() for a, b in zip(first, other, strict=True))


def equal_pairs(network):
    """Pairs of drawn weights of one shape that are equal."""
    drawn = [w for w in network.get_weights() if w.std() > 0]
    return [
        (a, b) for a, b in itertools.combinations(drawn, 2) if a.shape == b.shape and (a == b).all()
    ]


WIDE = [
    Case(MLPGenerator, {"image_shape": (8,), "latent_dim": 8, "units": (8, 8)}),
    Case(MLPDiscriminator, {"image_shape": (8,), "units": (8, 8, 8)}),
    Case(MLPDiscriminator, {"image_shape": (8,), "units": (8, 8), "maxout_pieces": 2}),
]


@pytest.mark.parametrize("case", WIDE, ids=str)
def test_layers_of_one_shape_do_not_start_alike(case):
    assert not equal_pairs(case.make())
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(case.cls(**case.arguments))
    )
    again.build(case.input_shape)
    assert not equal_pairs(again)


@pytest.mark.parametrize("case", WIDE, ids=str)
def test_one_initializer_for_all_layers_is_made_fresh_for_each(case, monkeypatch):
    """Keras's initializers draw the same numbers each time they are asked."""
    assert not equal_pairs(case.make(kernel_initializer=keras.initializers.HeNormal()))
    monkeypatch.setattr(f"{case.cls.__module__}.fresh_initializer", keras.initializers.get)
    assert equal_pairs(case.make(kernel_initializer=keras.initializers.HeNormal()))


def test_a_plain_function_may_be_an_initializer():
    def third(shape, dtype=None):
        return tf.fill(shape, 1 / 3)

    assert fresh_initializer(third) is third
    network = MLPDiscriminator((2,), units=(2,), kernel_initializer=third)
    network.build((None, 2))
    np.testing.assert_array_equal(network.output_layer.kernel, np.full((2, 1), np.float32(1 / 3)))


# The fully connected players against their formulas


def dense(x, layer):
    kernel, bias = (np.asarray(w, np.float64) for w in layer.get_weights())
    return x @ kernel + bias


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


ACTIVATIONS = {
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.2 * x),
}


@pytest.mark.parametrize("value_range", [(-1.0, 1.0), (0.0, 1.0), (-3.0, 7.0), None])
@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
def test_mlp_generator_formula(activation, value_range):
    case = Case(MLPGenerator, {"image_shape": (2, 3, 1), "latent_dim": 4, "units": (8, 5)})
    network = case.make(activation=activation, value_range=value_range)
    network.set_weights([w + 0.1 for w in network.get_weights()])
    x = case.inputs(20)
    h = x.numpy().astype(np.float64)
    for layer in network.hidden:
        h = ACTIVATIONS[activation](dense(h, layer))
    h = dense(h, network.output_layer).reshape(20, 2, 3, 1)
    if value_range is not None:
        h = value_range[0] + (value_range[1] - value_range[0]) * sigmoid(h)
    # Twenty float32 products and sums of order one to ten.
    np.testing.assert_allclose(network(x), h, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
def test_mlp_discriminator_formula(activation):
    case = Case(MLPDiscriminator, {"image_shape": (2, 3, 1), "units": (8, 5)})
    network = case.make(activation=activation)
    network.set_weights([w + 0.1 for w in network.get_weights()])
    x = case.inputs(20)
    h = x.numpy().astype(np.float64).reshape(20, 6)
    for layer in network.hidden:
        h = ACTIVATIONS[activation](dense(h, layer))
    np.testing.assert_allclose(network(x), dense(h, network.output_layer), rtol=1e-5, atol=1e-5)


def test_mlp_discriminator_with_maxout_formula():
    case = Case(MLPDiscriminator, {"image_shape": (2, 3, 1), "units": (8, 5), "maxout_pieces": 3})
    network = case.make()
    network.set_weights([w + 0.1 for w in network.get_weights()])
    x = case.inputs(20)
    h = x.numpy().astype(np.float64).reshape(20, 6)
    for layer in network.hidden:
        h = dense(h, layer).reshape(20, 3, layer.units).max(axis=1)
    np.testing.assert_allclose(network(x), dense(h, network.output_layer), rtol=1e-5, atol=1e-5)


# Dropout


@pytest.mark.parametrize(
    ("rates", "units"),
    [((0.2, 0.0), ()), ((0.0, 0.5), (1,)), ((0.2, 0.5), (1,)), ((0.0, 0.5), (1, 1))],
    ids=["input", "hidden", "both", "two-hidden"],
)
def test_dropout_zeroes_its_share_in_training_and_keeps_the_mean(rates, units):
    """One unit a layer and weights of one: the logit is 0 where any unit fell out.

    What is kept is divided by the chance to be kept, so that its mean stays.
    """
    n = 20_000
    network = MLPDiscriminator(
        (1,),
        units,
        activation="relu",
        input_dropout=rates[0],
        hidden_dropout=rates[1],
        kernel_initializer=keras.initializers.Ones(),
    )
    ones = np.ones((n, 1), np.float32)
    np.testing.assert_array_equal(network(ones, training=False), ones)
    np.testing.assert_array_equal(network(ones), ones)
    logits = network(ones, training=True).numpy()
    kept = (1 - rates[0]) * (1 - rates[1]) ** len(units)
    np.testing.assert_allclose(np.unique(logits), [0, 1 / kept], rtol=1e-6)
    # Five standard errors of a share.
    assert abs((logits > 0).mean() - kept) < 5 * math.sqrt(kept * (1 - kept) / n)
    assert (network(ones, training=True).numpy() != logits).any()  # a new mask each time


def test_no_dropout_by_default():
    network = MLPDiscriminator((5,), (4,))
    x = np.ones((9, 5), np.float32)
    np.testing.assert_array_equal(network(x, training=True), network(x, training=False))


# Starting at the mean


@pytest.mark.parametrize("value_range", [(0.0, 1.0), (-1.0, 1.0), (0.0, 255.0), None], ids=str)
def test_generator_starts_at_the_mean(value_range):
    """With no signal from below, the image is the mean: sigmoid of its own logit."""
    network = MLPGenerator((3, 2, 1), 4, (5,), value_range=value_range)
    low, high = value_range or (-40.0, 40.0)
    mean = low + (high - low) * np.random.default_rng(0).uniform(0.001, 0.999, (3, 2, 1))
    network.start_at_mean(mean)  # builds the network
    images = network(np.zeros((2, 4), np.float32))
    # The bias is a float32 of at most 7, good to 4e-7 in the logit, of which a quarter arrives.
    np.testing.assert_allclose(images, [mean, mean], rtol=1e-6, atol=5e-7 * (high - low))
    # Kernels are left as they were.
    assert np.asarray(network(np.ones((2, 4), np.float32)) != images).any()


def test_means_at_the_ends_are_kept_off_them():
    """Always black would need a bias of minus infinity: 1e-4 of the range is left."""
    network = MLPGenerator((3,), 4, (), value_range=(-1.0, 1.0))
    network.start_at_mean([-1.0, 0.0, 1.0])
    logit = math.log(1e-4 / (1 - 1e-4))  # -9.2102
    np.testing.assert_allclose(
        network.output_layer.bias, [logit, 0.0, -logit], rtol=1e-6, atol=1e-9
    )
    images = network(np.zeros((1, 4), np.float32))
    np.testing.assert_allclose(images, [[-0.9998, 0.0, 0.9998]], atol=1e-6)
    # Means of float32 images may pass an end by a rounding.
    network.start_at_mean(np.array([-1 - 1e-7, 0.0, 1 + 1e-7], np.float32))
    np.testing.assert_allclose(
        network.output_layer.bias, [logit, 0.0, -logit], rtol=1e-6, atol=1e-9
    )


def test_bad_means():
    network = MLPGenerator((3,), 4, (), value_range=(0.0, 1.0))
    with pytest.raises(ValueError, match=r"`mean`: expected shape \(3,\), received \(4,\)"):
        network.start_at_mean(np.zeros(4))
    for bad in (-0.1, 1.1, math.nan):
        with pytest.raises(
            ValueError, match=r"`mean`: expected values in \(0\.0, 1\.0\), received .+ to"
        ):
            network.start_at_mean([0.5, bad, 0.5])


# DCGAN


@pytest.mark.parametrize(
    ("sides", "grid"),
    [
        ((8, 8), (4, 4)),
        ((6, 6), (3, 3)),
        ((28, 28), (7, 7)),
        ((32, 32), (4, 4)),
        ((48, 48), (3, 3)),
        ((64, 64), (4, 4)),
        ((96, 64), (3, 2)),
    ],
    ids=str,
)
def test_dcgan_sizes(sides, grid):
    generator = DCGANGenerator((*sides, 1), 2, filters=1)
    discriminator = DCGANDiscriminator((*sides, 1), filters=1)
    images = generator(np.ones((1, 2), np.float32))
    assert images.shape == (1, *sides, 1)
    assert discriminator(images).shape == (1, 1)
    doublings = int(math.log2(sides[0] / grid[0]))
    # Channels double with each halving, and the logit is read off the small grid.
    assert generator.grid_shape == (*grid, 2 ** (doublings - 1))
    assert discriminator.output_layer.kernel.shape == (math.prod(generator.grid_shape), 1)
    assert [c.filters for c in discriminator.convolutions] == [2**i for i in range(doublings)]
    assert [c.filters for c in generator.convolutions] == [2**i for i in range(doublings - 1)][::-1]


@pytest.mark.parametrize(
    "image_shape", [(50, 50, 1), (9, 9, 1), (4, 4, 1), (28,), (28, 28), (32, 30, 1), (2, 28, 28, 1)]
)
@pytest.mark.parametrize("cls", [DCGANGenerator, DCGANDiscriminator])
def test_dcgan_refuses_other_sizes(cls, image_shape):
    received = str(image_shape).replace("(", r"\(").replace(")", r"\)")
    with pytest.raises(
        ValueError,
        match=r"`image_shape`: convolutional networks take images .*3 to 8 pixels doubled once "
        rf"or more.*received {received}\. Resize the images \(`image_size`\)\.",
    ):
        cls(image_shape)


@pytest.mark.parametrize("case", [GENERATORS[3], DISCRIMINATORS[3]], ids=str)
def test_dcgan_starts_as_published(case):
    """Kernels from N(0, 0.02), no bias before normalisation (Radford et al. 2016, section 4)."""
    network = case.make(filters=16)
    kernels = [w for w in network.trainable_variables if w.path.endswith("kernel")]
    values = np.concatenate([np.ravel(kernel) for kernel in kernels])
    # Five standard errors of a normal's mean and standard deviation.
    assert abs(values.mean()) < 5 * 0.02 / math.sqrt(values.size)
    assert abs(values.std() - 0.02) < 5 * 0.02 / math.sqrt(2 * values.size)
    generates = case in GENERATORS
    convolutions = [*network.convolutions, *[network.output_layer] * generates]
    assert [(c.kernel_size, c.strides) for c in convolutions] == [((4, 4), (2, 2))] * 2
    # Two doublings. G normalises its grid and its first convolution, and the image has a bias; D
    # normalises its second convolution only, so the first has a bias, and so has the logit.
    assert len(network.normalizations) == (2 if generates else 1)
    assert [c.use_bias for c in convolutions] == ([False, True] if generates else [True, False])
    if generates:
        assert not network.projection.use_bias


@pytest.mark.parametrize("case", [GENERATORS[3], DISCRIMINATORS[3]], ids=str)
def test_normalisation_statistics_move_in_training_only(case):
    network = case.make()
    before = [v.numpy() for v in network.non_trainable_variables]
    assert before
    network(case.inputs(), training=False)
    network(case.inputs())
    for old, new in zip(before, network.non_trainable_variables, strict=True):
        np.testing.assert_array_equal(old, new)
    network(case.inputs(), training=True)
    for old, new in zip(before, network.non_trainable_variables, strict=True):
        assert (old != new.numpy()).any()


@pytest.mark.parametrize("case", [GENERATORS[3], DISCRIMINATORS[3]], ids=str)
def test_dcgan_is_channels_last_whatever_keras_is_set_to(case):
    expected = case.make()
    keras.config.set_image_data_format("channels_first")
    try:
        network = case.make()
    finally:
        keras.config.set_image_data_format("channels_last")
    network.set_weights(expected.get_weights())
    np.testing.assert_array_equal(network(case.inputs()), expected(case.inputs()))


def test_dcgan_unknown_upsampling():
    with pytest.raises(
        ValueError,
        match=r"`upsampling`: expected one of 'transposed', 'resize' for DCGANGenerator, "
        r"received 'bilinear'\.",
    ):
        DCGANGenerator((8, 8, 1), upsampling="bilinear")


def test_dcgan_slope_of_leaky_relu():
    """With identity-like weights a negative image comes out times 0.2 (2016, section 3)."""
    network = DCGANDiscriminator((8, 8, 1), filters=1)
    network.build((None, 8, 8, 1))
    ones = [np.ones(w.shape) if w.ndim > 1 else np.zeros(w.shape) for w in network.get_weights()]
    network.set_weights(ones)
    image = np.random.default_rng(0).uniform(0.1, 1, (1, 8, 8, 1)).astype(np.float32)
    # One convolution, then the sum: every activation has the image's sign.
    positive, negative = network(image).numpy().item(), network(-image).numpy().item()
    assert negative == pytest.approx(-0.2 * positive, rel=1e-6)


# Errors


@pytest.mark.parametrize("image_shape", [(), (0, 4), (4, -1), (2.5,), (None, 4, 1), "ab", 28, None])
@pytest.mark.parametrize(
    "cls", [MLPGenerator, MLPDiscriminator, DCGANGenerator, DCGANDiscriminator]
)
def test_bad_image_shape(cls, image_shape):
    with pytest.raises(
        ValueError, match=r"`image_shape`: expected positive integers such as .*received"
    ):
        cls(image_shape)


@pytest.mark.parametrize("latent_dim", [0, -1, 2.5, "8", None])
@pytest.mark.parametrize("cls", [MLPGenerator, DCGANGenerator])
def test_bad_latent_dim(cls, latent_dim):
    with pytest.raises(
        ValueError, match=rf"`latent_dim`: expected a positive integer, received {latent_dim!r}"
    ):
        cls((8, 8, 1), latent_dim)


@pytest.mark.parametrize(
    "value_range",
    [(1.0, 0.0), (1.0, 1.0), (0.0,), (0, 1, 2), (), (math.nan, 1), (-math.inf, 1.0), 3.0, "ab"],
    ids=str,
)
@pytest.mark.parametrize("cls", [MLPGenerator, DCGANGenerator])
def test_bad_value_range(cls, value_range):
    with pytest.raises(
        ValueError, match=r"`value_range`: expected \(low, high\) with low < high, .*received"
    ):
        cls((8, 8, 1), value_range=value_range)
