"""Class embeddings and conditional batch normalisation against their formulas."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgan import layers

TABLE = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)


@pytest.mark.parametrize("shape", [(None,), (None, 2)], ids=str)
def test_embedding_reads_the_row_of_each_position_and_class(shape):
    """Row j * num_classes + c, summed over j."""
    positions = 1 if len(shape) == 1 else 2
    layer = layers.ClassEmbedding(6 // positions, 4)
    layer.build(shape)
    layer.set_weights([TABLE])
    if positions == 1:
        labels, expected = [0, 5, 2], TABLE[[0, 5, 2]]
    else:
        labels, expected = [[0, 2], [1, 1], [2, 0]], TABLE[[0, 1, 2]] + TABLE[[5, 4, 3]]
    outputs = layer(np.array(labels, np.int32))
    np.testing.assert_allclose(outputs, expected, atol=1e-6)  # one float32 sum
    assert layer.compute_output_shape((3, *shape[1:])) == outputs.shape
    with pytest.raises(ValueError, match=r"expected (shape|ndim)=.*found (shape|ndim)="):
        layer(np.zeros((3, 5), np.int32))


def test_an_unknown_number_of_positions_is_one():
    layer = layers.ClassEmbedding(6, 4)
    layer.build((None, None))
    assert layer.table.kernel.shape == (6, 4)


def test_embedding_with_spectral_normalisation():
    layer = layers.ClassEmbedding(6, 4, spectral_normalization=True)
    layer.build((None,))
    layer.table.kernel.assign(TABLE)
    for _ in range(50):
        layer.table.power_iteration()
    sigma = np.linalg.svd(TABLE)[1][0]
    np.testing.assert_allclose(layer(np.arange(6)), TABLE / sigma, atol=1e-5)


def test_embedding_has_dense_gradients():
    """Of sparse ones, some optimizers and `clipnorm` make something else."""
    layer = layers.ClassEmbedding(6, 4)
    layer.build((None,))
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer(np.array([1, 1, 3], np.int32)))
    (gradient,) = tape.gradient(total, layer.trainable_variables)
    assert isinstance(gradient, tf.Tensor)
    np.testing.assert_array_equal(gradient[:, 0], [0, 2, 0, 1, 0, 0])


def test_defaults_are_those_of_keras():
    ours, theirs = layers.ConditionalBatchNormalization(2), keras.layers.BatchNormalization()
    assert (ours.momentum, ours.epsilon) == (theirs.momentum, theirs.epsilon)


def test_conditional_normalisation_formula():
    rng = np.random.default_rng(0)
    x = rng.normal(3, 2, size=(8, 5, 4, 3)).astype(np.float32)
    labels = np.arange(8, dtype=np.int32) % 2
    layer = layers.ConditionalBatchNormalization(2, momentum=0.5, epsilon=0.1)
    layer.build([x.shape, labels.shape])
    mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
    normal = (x - mean) / np.sqrt(variance + 0.1)
    # It starts as the normalisation alone. Sums of 160 float32 numbers: 1e-5.
    np.testing.assert_allclose(layer([x, labels], training=True), normal, atol=1e-5)
    scale, shift = rng.normal(size=(2, 2, 3)).astype(np.float32)
    layer.scale.set_weights([scale])
    layer.shift.set_weights([shift])
    expected = scale[labels][:, None, None] * normal + shift[labels][:, None, None]
    np.testing.assert_allclose(layer([x, labels], training=True), expected, atol=3e-5)
    # Inference has the moving statistics: from 0 and 1, two steps of one half.
    mean, variance = 0.75 * mean, 0.25 + 0.75 * variance
    normal = (x - mean) / np.sqrt(variance + 0.1)
    expected = scale[labels][:, None, None] * normal + shift[labels][:, None, None]
    np.testing.assert_allclose(layer([x, labels]), expected, atol=3e-5)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (layers.ClassEmbedding(3, 4, "ones", True, dtype="mixed_bfloat16", name="a"), (None, 2)),
        (
            layers.ConditionalBatchNormalization(3, 0.8, 1e-4, dtype="mixed_bfloat16", name="b"),
            [(None, 5), (None,)],
        ),
    ],
    ids=["embedding", "normalisation"],
)
def test_config_round_trip(layer, shape):
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert type(again) is type(layer)
    assert again.get_config() == layer.get_config()
    for made in (layer, again):
        made.build(shape)
    for ours, theirs in zip(layer.trainable_variables, again.trainable_variables, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert layer.compute_dtype == again.compute_dtype == "bfloat16"
    inner = again._flatten_layers(include_self=False)
    assert {each.dtype_policy.name for each in inner} == {"mixed_bfloat16"}
    assert {weight.dtype for weight in again.weights} == {"float32"}
