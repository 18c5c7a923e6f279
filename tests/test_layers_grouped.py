"""Grouped convolutions against one whose kernel is zero between groups."""

import contextlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgan import layers
from kgan.layers import grouped

IMAGES = np.random.default_rng(0).normal(size=(3, 5, 4, 6)).astype(np.float32)


@pytest.mark.parametrize("groups", [1, 2, 3])
def test_formula(groups):
    layer = layers.GroupedConv2D(12, 3, groups)
    layer.build(IMAGES.shape)
    layer.bias.assign(np.arange(12.0))
    kernel = layer.kernel.numpy()
    assert kernel.shape == (3, 3, 6 // groups, 12)
    whole = np.zeros((3, 3, 6, 12), np.float32)
    for g in range(groups):
        ins = slice(g * 6 // groups, (g + 1) * 6 // groups)
        outs = slice(g * 12 // groups, (g + 1) * 12 // groups)
        whole[:, :, ins, outs] = kernel[..., outs]
    expected = tf.nn.conv2d(IMAGES, whole, 1, "SAME") + np.arange(12.0)
    np.testing.assert_allclose(layer(IMAGES), expected, atol=1e-5)  # up to 54 products
    assert layer.compute_output_shape((None, 5, 4, 6)) == (None, 5, 4, 12)


def test_one_operation_for_accelerators_is_the_same_convolution():
    layer = layers.GroupedConv2D(12, 3, 2)
    layer.build(IMAGES.shape)

    def penalty(images):
        """A gradient's norm and its own gradients, as gradient penalties need them."""
        with tf.GradientTape() as outer:
            with tf.GradientTape() as inner:
                inner.watch(images)
                value = tf.reduce_sum(layer(images) ** 3)
            norm = tf.reduce_sum(inner.gradient(value, images) ** 2)
        return value, norm, *outer.gradient(norm, layer.trainable_weights)

    images = tf.constant(IMAGES)
    expected = penalty(images)
    with grouped.for_accelerators():
        compiled = tf.function(penalty, jit_compile=True)
        operations = compiled.get_concrete_function(images).graph.get_operations()
        found = compiled(images)
    assert sum(operation.type == "Conv2D" for operation in operations) < 4  # not one a group
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


def test_the_one_operation_ends_with_its_block():
    """TensorFlow has no gradient of it on a CPU."""
    layer = layers.GroupedConv2D(12, 3, 2)
    layer.build(IMAGES.shape)

    def operations():
        traced = tf.function(layer.call, autograph=False).get_concrete_function(IMAGES)
        return sum(each.type == "Conv2D" for each in traced.graph.get_operations())

    with contextlib.suppress(RuntimeError), grouped.for_accelerators():
        assert operations() == 1
        raise RuntimeError("in the middle")
    assert operations() == 2


def test_images_have_their_channels_last_whatever_keras_is_told():
    layer = layers.GroupedConv2D(12, 3, 2)
    expected = layer(IMAGES)
    keras.config.set_image_data_format("channels_first")
    try:
        found = layer(IMAGES)
    finally:
        keras.config.set_image_data_format("channels_last")
    np.testing.assert_array_equal(found, expected)


def test_weights_are_laid_out_as_those_of_keras():
    ours, theirs = layers.GroupedConv2D(12, 3, 2), keras.layers.Conv2D(12, 3, groups=2)
    ours.build(IMAGES.shape)
    theirs.build(IMAGES.shape)
    assert [w.shape for w in ours.weights] == [w.shape for w in theirs.weights]
    assert not np.any(ours.bias)


def test_config_round_trip():
    layer = layers.GroupedConv2D(12, 3, 2, kernel_initializer="he_normal", dtype="mixed_bfloat16")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert type(again) is layers.GroupedConv2D
    assert again.get_config() == layer.get_config()


def test_groups_that_do_not_divide():
    with pytest.raises(ValueError, match=r"`groups`: expected a divisor of filters=12, received 5"):
        layers.GroupedConv2D(12, 3, 5)
    with pytest.raises(ValueError, match="`groups`: expected a positive integer, received 0"):
        layers.GroupedConv2D(12, 3, 0)
    with pytest.raises(ValueError, match=r"groups=4 must divide the 6 channels"):
        layers.GroupedConv2D(12, 3, 4).build(IMAGES.shape)
