"""Spectral normalisation against the singular value decomposition; Keras's own layer fails."""

import os
import subprocess

import keras
import numpy as np
import pytest
import tensorflow as tf
import warm

import kgan
from kgan import layers

RNG = np.random.default_rng(0)
POINTS = RNG.normal(size=(16, 12)).astype(np.float32)
IMAGES = RNG.normal(size=(4, 5, 6, 2)).astype(np.float32)


def dense(**more):
    layer = layers.SpectralDense(8, **more)
    layer.build(POINTS.shape)
    return layer


def convolution(**more):
    layer = layers.SpectralConv2D(8, 3, **more)
    layer.build(IMAGES.shape)
    return layer


CASES = [(dense, POINTS), (convolution, IMAGES)]
each_layer = pytest.mark.parametrize(("make", "x"), CASES, ids=["dense", "convolution"])


def matrix(kernel):
    kernel = np.asarray(tf.cast(kernel, tf.float64))
    return kernel.reshape(-1, kernel.shape[-1])


def converged(layer):
    """The layer with the u at which its iterations arrive."""
    layer.u.assign(np.linalg.svd(matrix(layer.kernel))[2][:1].T)
    return layer


def through(x, kernel):
    """The linear map by hand."""
    return x @ kernel if len(x.shape) == 2 else tf.nn.conv2d(x, kernel, 1, "SAME")


def exact_gradient(x, kernel, targets):
    """Of sum(targets * map(x, W / sigma(W))) in W, by a singular value decomposition."""
    shape = kernel.shape
    u, s, vt = np.linalg.svd(matrix(kernel))
    normalized = tf.constant((matrix(kernel) / s[0]).reshape(shape))
    with tf.GradientTape() as tape:
        tape.watch(normalized)
        total = tf.reduce_sum(targets * through(tf.cast(x, tf.float64), normalized))
    outer = matrix(tape.gradient(total, normalized))
    sigma_gradient = np.outer(u[:, 0], vt[0])
    return (outer - (outer * matrix(normalized)).sum() * sigma_gradient) / s[0]


def gradient(layer, kernel, x, targets, **arguments):
    with tf.GradientTape() as tape:
        outputs = tf.cast(layer(x, **arguments), tf.float64)
        total = tf.reduce_sum(targets * outputs)
    return matrix(tape.gradient(total, kernel.value))


def cosine(a, b):
    return float((a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b))


@each_layer
def test_sigma_is_the_largest_singular_value(make, x):
    layer = make()
    truth = np.linalg.svd(matrix(layer.kernel))[1][0]
    assert float(layer.sigma()) == pytest.approx(truth, rel=0.02)  # from the start
    layer.kernel.assign(3 * np.random.default_rng(1).normal(size=layer.kernel.shape))
    truth = np.linalg.svd(matrix(layer.kernel))[1][0]
    estimates = []
    for _ in range(100):
        estimates.append(float(layer.sigma()))
        layer.power_iteration()
    assert np.diff(estimates).min() > -1e-5  # they rise, but for float32 rounding
    assert estimates[0] < 0.95 * truth
    assert float(layer.sigma()) == pytest.approx(truth, rel=1e-5)
    assert np.linalg.svd(matrix(layer.normalized_kernel()))[1][0] == pytest.approx(1, abs=1e-3)
    kernel = layer.normalized_kernel().numpy()
    np.testing.assert_allclose(layer(x), through(x, kernel), rtol=1e-5, atol=1e-5)
    layer.bias.assign(np.arange(8.0))
    np.testing.assert_allclose(layer(x), through(x, kernel) + np.arange(8.0), atol=1e-5)


@each_layer
def test_half_precision_does_not_reach_sigma(make, x):
    """Kernel and u stay in float32 within the call; float16 would round sigma to 11 bits."""
    layer = make(dtype="mixed_float16")
    outside, within = float(layer.sigma()), []

    def recorded():
        within.append(float(layer.sigma()))
        return type(layer).normalized_kernel(layer)

    layer.normalized_kernel = recorded
    layer(x)
    assert within == [pytest.approx(outside, rel=1e-6)]


@each_layer
def test_gradients_pass_through_sigma(make, x):
    layer = converged(make())
    targets = np.random.default_rng(1).normal(size=layer(x).shape)
    exact = exact_gradient(x, layer.kernel, targets)
    made = gradient(layer, layer.kernel, x, targets)
    assert cosine(made, exact) > 0.9999
    # Sums of some hundred float32 products.
    np.testing.assert_allclose(made, exact, atol=2e-4 * np.abs(exact).max())


@pytest.mark.parametrize("kind", ["dense", "convolution"])
def test_the_layer_of_keras_fails_these_tests(kind):
    """It moves the kernel at each call, and its gradient keeps a part along the kernel."""
    plain = keras.layers.Dense(8)
    if kind == "convolution":
        plain = keras.layers.Conv2D(8, 3, padding="same")
    x = POINTS if kind == "dense" else IMAGES
    layer = keras.layers.SpectralNormalization(plain)
    layer.build(x.shape)
    before = plain.kernel.numpy()
    for _ in range(100):
        layer(x, training=True)
    assert np.abs(plain.kernel.numpy() - before).max() > 1e-3
    targets = np.random.default_rng(1).normal(size=layer(x).shape)
    exact = exact_gradient(x, plain.kernel, targets)
    made = gradient(layer, plain.kernel, x, targets, training=True)
    assert cosine(made, exact) < 0.999


@each_layer
def test_only_a_power_iteration_moves_u_and_nothing_moves_the_kernel(make, x):
    layer = make()
    layer.u.assign(np.eye(8)[:, :1])
    u, kernel = layer.u.numpy(), layer.kernel.numpy()
    layer(x)
    np.testing.assert_array_equal(layer.u, u)
    layer.power_iteration()
    assert np.abs(layer.u.numpy() - u).max() > 1e-3
    np.testing.assert_array_equal(layer.kernel, kernel)
    assert np.linalg.norm(layer.u) == pytest.approx(1, abs=1e-6)
    assert [v.path for v in layer.non_trainable_variables] == [layer.u.path]


def test_one_iteration_is_as_in_algorithm_1():
    layer = dense()
    layer.u.assign(np.eye(8)[:, :1])
    kernel, u = matrix(layer.kernel), layer.u.numpy()
    v = kernel @ u
    v /= np.linalg.norm(v)
    u = kernel.T @ v
    u /= np.linalg.norm(u)
    layer.power_iteration()
    np.testing.assert_allclose(layer.u, u, atol=1e-6)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
@each_layer
def test_mixed_precision_normalises_in_float32(make, x, precision):
    """Inside a network of that precision as well, whose variables Keras casts when read."""

    class Network(keras.Model):
        def __init__(self):
            super().__init__(dtype=f"mixed_{precision}")
            self.layer = make(dtype=self.dtype_policy)

        def call(self, x):
            assert self.layer.sigma().dtype == tf.float32
            return self.layer(x)

    network = Network()
    converged(network.layer)
    assert {v.dtype for v in network.layer.variables} == {"float32"}
    truth = np.linalg.svd(matrix(network.layer.kernel))[1][0]
    assert float(network.layer.sigma()) == pytest.approx(truth, rel=1e-5)
    outputs = network(x)
    assert outputs.dtype == precision
    bits = 8 if precision == "bfloat16" else 11
    expected = through(tf.cast(x, tf.float64), tf.cast(network.layer.kernel, tf.float64) / truth)
    # Inputs, kernel and sums of up to 18 products of order one are rounded.
    np.testing.assert_allclose(tf.cast(outputs, tf.float64), expected, atol=16 * 2.0**-bits)
    targets = np.random.default_rng(1).normal(size=outputs.shape)
    exact = exact_gradient(x, network.layer.kernel, targets)
    made = gradient(network, network.layer.kernel, x, targets)
    # Four roundings of 2^-bits each: of inputs, kernel, the outputs' gradient and, on processors
    # with products in bfloat16, partial sums. The cosine lacks half the square of their sum.
    assert cosine(made, exact) > 1 - (4 * 2.0**-bits) ** 2 / 2 - 1e-5


@each_layer
def test_compiled_and_xla_do_the_same(make, x):
    start, results = make().get_weights(), []
    for wrapped in (lambda f: f, tf.function, lambda f: tf.function(f, jit_compile=True)):
        layer = make()
        layer.set_weights(start)

        def run(layer=layer):
            layer.power_iteration()
            return layer(x)

        results.append([wrapped(run)(), layer.u.numpy()])
    for made in results[1:]:
        np.testing.assert_allclose(made[0], results[0][0], rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(made[1], results[0][1], atol=1e-6)


@each_layer
def test_penalty_gradients_are_right(make, x):
    """In float64, against differences between kernels each of which has its own sigma."""
    layer = converged(make(dtype="float64"))
    points = tf.constant(x, tf.float64)

    def penalty():
        with tf.GradientTape() as tape:
            tape.watch(points)
            total = tf.reduce_sum(tf.tanh(layer(points)))
        return tf.reduce_sum(tape.gradient(total, points) ** 2)

    with tf.GradientTape() as tape:
        value = penalty()
    made = tape.gradient(value, layer.kernel.value).numpy()
    before = layer.kernel.numpy()
    way = np.random.default_rng(1).normal(size=before.shape)
    ends, h = [], 1e-5
    for sign in (1, -1):
        layer.kernel.assign(before + sign * h * way)
        converged(layer)
        ends.append(float(penalty()))
    # Central differences are off by h^2 and 1e-16 / h.
    assert (ends[0] - ends[1]) / (2 * h) == pytest.approx((made * way).sum(), rel=1e-7)


def test_a_kernel_of_zeros_is_finite():
    layer = dense(kernel_initializer="zeros")
    u = layer.u.numpy()
    layer.power_iteration()
    np.testing.assert_allclose(layer.u, u, atol=1e-6)
    np.testing.assert_array_equal(layer(POINTS), np.zeros((16, 8)))


@each_layer
def test_config_round_trip(make, x):
    initializer = keras.initializers.RandomNormal(stddev=0.3, seed=5)
    layer = make(kernel_initializer=initializer, use_bias=False, dtype="mixed_bfloat16")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert type(again) is type(layer)
    assert again.get_config() == layer.get_config()
    if not again.built:
        again.build(x.shape)
    np.testing.assert_array_equal(again.kernel, layer.kernel)
    assert len(again.get_weights()) == 2
    assert layer.compute_output_shape((None, *x.shape[1:])) == (None, *layer(x).shape[1:])


REPLICAS = """
import numpy as np, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
import keras, kgan
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
with strategy.scope():
    layer = kgan.layers.SpectralDense(8)
    layer.build((None, 12))
layer.kernel.assign(np.random.default_rng(0).normal(size=(12, 8)))
kernel, u = layer.kernel.numpy(), layer.u.numpy()
for _ in range(3):
    strategy.run(tf.function(layer.power_iteration))
    u = kernel.T @ (kernel @ u)
    u /= np.linalg.norm(u)
values = strategy.experimental_local_results(layer.u.value)
assert len(values) == 2
for value in values:
    np.testing.assert_allclose(value, u, atol=1e-5)
"""


@pytest.mark.slow
def test_replicas_keep_one_u():
    done = subprocess.run(
        [*warm.python(), "-c", REPLICAS],
        env={**os.environ, "PYTHONPATH": os.path.dirname(os.path.dirname(kgan.__file__))},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
