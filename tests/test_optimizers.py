import keras
import numpy as np
import pytest
import tensorflow as tf

from kgan.optimizers.fused_adam import fuse


def trajectory(optimizer, fused, updates=25, jit_compile=False):
    """A weight after each update by given gradients, large and small, with the operations used."""
    random = np.random.default_rng(0)
    weight = keras.Variable(random.normal(size=(6, 5)).astype("float32"))
    scales = 10.0 ** random.uniform(-6, 2, size=(6, 5))
    gradients = (random.normal(size=(updates, 6, 5)) * scales).astype("float32")
    optimizer.build([weight])
    if fused:
        fuse(optimizer)

    @tf.function(jit_compile=jit_compile)
    def update(gradient):
        optimizer.apply([gradient], [weight])

    path = []
    for gradient in tf.constant(gradients):
        update(gradient)
        path.append(weight.numpy())
    graph = update.get_concrete_function(tf.constant(gradients[0])).graph
    return np.array(path), {operation.type for operation in graph.get_operations()}


def assert_same_way(ours, kerass):
    """Equal, but for 1 - beta_2, which is 1e-3 (1 + 4.7e-5) in float32: Keras has it both ways."""
    length = np.abs(np.diff(kerass, axis=0)).sum(0)
    assert (np.abs(ours - kerass) <= 3e-5 * length + 1e-6).all()


@pytest.mark.parametrize(
    "make",
    [
        lambda: keras.optimizers.Adam(2e-4, 0.5),
        lambda: keras.optimizers.Adam(1e-2, 0.0, 0.99, epsilon=1e-4),
        lambda: keras.optimizers.Adam(1e-2, clipnorm=1.0, weight_decay=1e-2),
        lambda: keras.optimizers.Adam(keras.optimizers.schedules.ExponentialDecay(1e-2, 5, 0.5)),
        lambda: keras.optimizers.AdamW(1e-2),
    ],
    ids=["usual", "without momentum", "clipped", "schedule", "adamw"],
)
@pytest.mark.parametrize("jit_compile", [False, True], ids=["", "xla"])
def test_fused_adam_goes_the_way_of_keras(make, jit_compile):
    kerass, operations = trajectory(make(), fused=False, jit_compile=jit_compile)
    assert "ResourceApplyAdam" not in operations
    ours, operations = trajectory(make(), fused=True, jit_compile=jit_compile)
    assert "ResourceApplyAdam" in operations
    assert_same_way(ours, kerass)
    assert np.abs(kerass[-1] - kerass[0]).max() > 1e-3, "it moves"


def test_fused_adam_keeps_kerass_state():
    one, other = (keras.optimizers.Adam(0.1, name="adam") for _ in range(2))
    trajectory(one, fused=False)
    trajectory(other, fused=True)
    for a, b in zip(one.variables, other.variables, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=6e-5)
    assert other.iterations.numpy() == 25
    assert other.get_config() == one.get_config()


def test_a_loss_scaling_optimizer_is_fused_inside():
    """Its gradients are scaled alike on both ways; 1e2 is not finite when scaled in float16."""
    make = keras.optimizers.LossScaleOptimizer
    kerass, _ = trajectory(make(keras.optimizers.Adam(0.01)), fused=False)
    inner = keras.optimizers.Adam(0.01)
    ours, _ = trajectory(make(inner), fused=True)
    assert "update_step" in vars(inner)
    assert_same_way(ours, kerass)


def test_sparse_gradients_are_taken():
    table = keras.Variable(np.ones((4, 2), "float32"))
    optimizer = keras.optimizers.Adam(0.1)
    optimizer.build([table])
    fuse(optimizer)
    optimizer.apply([tf.IndexedSlices(tf.ones((1, 2)), [2], dense_shape=(4, 2))], [table])
    np.testing.assert_allclose(table.numpy()[:, 0], [1, 1, 0.9, 1], rtol=1e-6)


class Own(keras.optimizers.Adam):
    def update_step(self, gradient, variable, learning_rate):
        self.assign_sub(variable, learning_rate * gradient)


@pytest.mark.parametrize(
    "optimizer",
    [keras.optimizers.SGD(0.1), keras.optimizers.Adam(amsgrad=True), Own()],
    ids=["sgd", "amsgrad", "a subclass with an update of its own"],
)
def test_other_optimizers_are_left_alone(optimizer):
    fuse(optimizer)
    assert "update_step" not in vars(optimizer)
