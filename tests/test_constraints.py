"""Weight clipping: the rule itself, and how optimizers enforce it on D."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgan.constraints import WeightClip
from kgan.networks import MLPDiscriminator, SNGANDiscriminator

IMAGES = np.random.default_rng(0).normal(size=(8, 8, 8, 1)).astype(np.float32)
LABELS = np.arange(8, dtype=np.int32) % 3


def test_clip():
    weights = tf.constant([-1.0, -0.25, 0.0, 0.1, 7.0])
    np.testing.assert_array_equal(
        WeightClip(0.25)(weights), np.float32([-0.25, -0.25, 0, 0.1, 0.25])
    )
    assert WeightClip().limit == 0.01  # Arjovsky et al. 2017, Algorithm 1


def test_config_round_trip():
    serialized = keras.saving.serialize_keras_object(WeightClip(0.3))
    again = keras.saving.deserialize_keras_object(serialized)
    assert (type(again), again.limit) == (WeightClip, 0.3)


@pytest.mark.parametrize("limit", [0, -1, float("nan"), float("inf"), "0.01", None, True])
def test_bad_limit(limit):
    with pytest.raises(
        ValueError, match=rf"`limit`: expected a positive number, received {limit!r}\. 0\.01 is"
    ):
        WeightClip(limit)


def after_an_update(network, optimizer):
    """Largest weight after an update that goes far."""
    network.build([(None, 8, 8, 1), (None,)])
    with tf.GradientTape() as tape:
        loss = optimizer.scale_loss(tf.reduce_mean(network([IMAGES, LABELS], training=True)))
    weights = network.trainable_variables
    optimizer.apply(tape.gradient(loss, weights), weights)
    return [float(np.abs(w).max()) for w in weights], network


@pytest.mark.parametrize("scaled", [False, True], ids=["plain", "loss-scaled"])
@pytest.mark.parametrize("cls", [MLPDiscriminator, SNGANDiscriminator])
def test_an_update_ends_within_the_limit(cls, scaled):
    """Biases, embeddings and all; without the constraint it does not."""
    options = {"units": (4,)} if cls is MLPDiscriminator else {"filters": 4}

    def largest(**more):
        optimizer = keras.optimizers.RMSprop(0.1)
        if scaled:
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        return after_an_update(cls((8, 8, 1), num_classes=3, **options, **more), optimizer)

    limited, network = largest(weight_constraint=WeightClip(0.05))
    assert max(limited) == np.float32(0.05)
    assert all(0 < weight <= np.float32(0.05) for weight in limited)
    assert all(isinstance(v.constraint, WeightClip) for v in network.trainable_variables)
    assert not any(v.constraint for v in network.non_trainable_variables)
    free, network = largest()
    assert max(free) > 0.1
    assert not any(v.constraint for v in network.trainable_variables)


def test_a_discriminator_takes_the_constraint_by_name_or_configuration():
    by_name = MLPDiscriminator((2,), (4,), weight_constraint="non_neg")
    assert isinstance(by_name.weight_constraint, keras.constraints.NonNeg)
    again = MLPDiscriminator.from_config(by_name.get_config())
    assert isinstance(again.weight_constraint, keras.constraints.NonNeg)
