"""`kgan.optimizers`: FusedAdam takes Keras's way, and no optimizer of a user's own is changed."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kgan
from kgan.optimizers import FusedAdam


def trajectory(optimizer, updates=25, jit_compile=False):
    """A weight after each update by given gradients, large and small, with the operations used."""
    random = np.random.default_rng(0)
    weight = keras.Variable(random.normal(size=(6, 5)).astype("float32"))
    scales = 10.0 ** random.uniform(-6, 2, size=(6, 5))
    gradients = (random.normal(size=(updates, 6, 5)) * scales).astype("float32")
    optimizer.build([weight])

    @tf.function(jit_compile=jit_compile)
    def update(gradient):
        optimizer.apply([gradient], [weight])

    path = []
    for gradient in tf.constant(gradients):
        update(gradient)
        path.append(weight.numpy())
    graph = update.get_concrete_function(tf.constant(gradients[0])).graph.as_graph_def()
    nodes = [*graph.node, *(node for body in graph.library.function for node in body.node_def)]
    return np.array(path), {node.op for node in nodes}


def assert_same_way(ours, kerass):
    """Equal, but for 1 - beta_2, which is 1e-3 (1 + 4.7e-5) in float32: Keras has it both ways."""
    length = np.abs(np.diff(kerass, axis=0)).sum(0)
    assert (np.abs(ours - kerass) <= 3e-5 * length + 1e-6).all()


ARGUMENTS = {
    "usual": {"learning_rate": 2e-4, "beta_1": 0.5},
    "without momentum": {"learning_rate": 1e-2, "beta_1": 0.0, "beta_2": 0.99, "epsilon": 1e-4},
    "clipped": {"learning_rate": 1e-2, "clipnorm": 1.0, "weight_decay": 1e-2},
    "schedule": {"learning_rate": keras.optimizers.schedules.ExponentialDecay(1e-2, 5, 0.5)},
}


@pytest.mark.parametrize("arguments", ARGUMENTS.values(), ids=ARGUMENTS)
@pytest.mark.parametrize("jit_compile", [False, True], ids=["", "xla"])
def test_fused_adam_goes_the_way_of_keras(arguments, jit_compile):
    kerass, operations = trajectory(keras.optimizers.Adam(**arguments), jit_compile=jit_compile)
    assert "ResourceApplyAdam" not in operations
    ours, operations = trajectory(FusedAdam(**arguments), jit_compile=jit_compile)
    assert "ResourceApplyAdam" in operations
    assert_same_way(ours, kerass)
    assert np.abs(kerass[-1] - kerass[0]).max() > 1e-3, "it moves"


def test_its_state_is_kerass():
    one, other = keras.optimizers.Adam(0.1), FusedAdam(0.1)
    trajectory(one)
    trajectory(other)
    assert len(one.variables) == len(other.variables)
    for a, b in zip(one.variables, other.variables, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=6e-5)
    assert other.iterations.numpy() == 25


def test_it_is_saved_under_its_own_name():
    optimizer = FusedAdam(3e-4, beta_1=0.5, clipnorm=2.0)
    config = keras.saving.serialize_keras_object(optimizer)
    assert config["registered_name"] == "kgan>FusedAdam"
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is FusedAdam
    assert again.get_config() == optimizer.get_config()


def test_the_optimizer_of_2014_is_saved_with_its_schedules():
    optimizer = kgan.optimizers.RisingMomentum(0.1, rise=7, momentum=(0.25, 0.75))
    config = keras.saving.serialize_keras_object(optimizer)
    again = keras.saving.deserialize_keras_object(config)
    assert config["registered_name"] == "kgan>RisingMomentum"
    np.testing.assert_array_equal(trajectory(again)[0], trajectory(optimizer)[0])


def test_without_momentum_the_optimizer_of_2014_is_plain_descent():
    ours = kgan.optimizers.RisingMomentum(0.1, rise=7, momentum=(0.0, 0.0))
    decay = 1.000004  # a division of the learning rate at every update
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 100_000, decay**-100_000)
    plain = keras.optimizers.SGD(schedule)
    np.testing.assert_array_equal(trajectory(ours)[0], trajectory(plain)[0])


def test_a_loss_scaling_optimizer_takes_it():
    """Its gradients are scaled alike on both ways; 1e2 is not finite when scaled in float16."""
    scaled = keras.optimizers.LossScaleOptimizer
    kerass, _ = trajectory(scaled(keras.optimizers.Adam(0.01)))
    ours, operations = trajectory(scaled(FusedAdam(0.01)))
    assert "ResourceApplyAdam" in operations
    assert_same_way(ours, kerass)


def test_sparse_gradients_are_taken():
    table = keras.Variable(np.ones((4, 2), "float32"))
    optimizer = FusedAdam(0.1)
    optimizer.build([table])
    optimizer.apply([tf.IndexedSlices(tf.ones((1, 2)), [2], dense_shape=(4, 2))], [table])
    np.testing.assert_allclose(table.numpy()[:, 0], [1, 1, 0.9, 1], rtol=1e-6)


def test_amsgrad_is_kerass_alone():
    with pytest.raises(ValueError, match=r"`amsgrad`: expected False.*keras.optimizers.Adam"):
        FusedAdam(amsgrad=True)


def compiled(*optimizers):
    gan = kgan.GAN(
        kgan.networks.MLPGenerator((2, 2, 1), latent_dim=2, units=(4,)),
        kgan.networks.MLPDiscriminator((2, 2, 1), units=(4,)),
        kgan.priors.Normal(2),
    )
    gan.compile(*optimizers)
    return gan


@pytest.mark.parametrize("name", ["adam", "Adam"])
def test_the_name_adam_means_it(name):
    gan = compiled(name, name)
    assert type(gan.generator_optimizer) is type(gan.discriminator_optimizer) is FusedAdam


def test_an_optimizer_of_a_users_own_is_never_changed():
    adam, config = keras.optimizers.Adam(1e-3), {"class_name": "Adam", "config": {}}
    before = dict(vars(adam))
    gan = compiled(adam, config)
    assert gan.generator_optimizer is adam
    assert "update_step" not in vars(adam)
    assert set(before) <= set(vars(adam))
    assert type(gan.discriminator_optimizer) is keras.optimizers.Adam


def test_other_names_are_kerass():
    assert type(kgan.optimizers.get("sgd")) is keras.optimizers.SGD
    with pytest.raises(ValueError, match="nadam2"):
        kgan.optimizers.get("nadam2")


@pytest.mark.parametrize(
    "options", [{"rise": 0}, {"rise": 1.5}, {"momentum": 0.5}, {"momentum": (0.5,)}]
)
def test_a_rise_that_is_none(options):
    (name,) = options
    with pytest.raises(ValueError, match=rf"`{name}`: expected"):
        kgan.optimizers.RisingMomentum(0.1, **{"rise": 7, **options})
