"""Residual networks against their formulas, and their initial state."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgan import layers
from kgan.networks import (
    ResNetDiscriminator,
    ResNetGenerator,
    SNGANDiscriminator,
    SNGANGenerator,
)

LATENTS = np.random.default_rng(0).normal(size=(4, 5)).astype(np.float32)
IMAGES = np.random.default_rng(1).uniform(-1, 1, (4, 16, 16, 3)).astype(np.float32)


def moved(network, inputs):
    """Built, and no weight as it began."""
    network(inputs)
    rng = np.random.default_rng(2)
    for variable in network.trainable_variables:
        noise = 0.5 / math.sqrt(max(np.prod(variable.shape[:-1]), 4))
        variable.assign(variable + rng.normal(0, noise, variable.shape))
    return network


def leaky(x):
    return np.where(x > 0, x, 0.2 * x)


def pointwise(x, layer):
    kernel, bias = layer.get_weights()
    return x @ kernel[0, 0] + bias


def block(x, made):
    """An inverted bottleneck by hand, but for its grouped convolution."""
    h = leaky(pointwise(x, made.widen))
    h = leaky(made.mix(tf.cast(h, tf.float32)).numpy())
    return x + pointwise(h, made.narrow)


def halve(x):
    return (x[:, ::2, ::2] + x[:, 1::2, ::2] + x[:, ::2, 1::2] + x[:, 1::2, 1::2]) / 4


def test_resnet_generator_formula():
    network = moved(ResNetGenerator((16, 16, 3), 5, filters=8, blocks=2), LATENTS)
    assert network.grid_shape == (4, 4, 32)
    x = network.grid.numpy() * (LATENTS @ network.scale.get_weights()[0])[:, None, None]
    for i, stage in enumerate(network.stages):
        for made in stage.blocks:
            x = block(x, made)
        if i < 2:
            x = pointwise(x, network.narrowings[i])
            x = layers.double_bilinear(tf.constant(x)).numpy()
    logits = pointwise(x, network.output_layer)
    assert logits.std() > 0.1
    # A dozen float32 layers of values of order one.
    np.testing.assert_allclose(network(LATENTS), 2 / (1 + np.exp(-logits)) - 1, atol=1e-4)


def test_resnet_discriminator_formula():
    network = moved(ResNetDiscriminator((16, 16, 3), filters=8, blocks=2), IMAGES)
    x = IMAGES
    for i, (widening, stage) in enumerate(zip(network.widenings, network.stages, strict=True)):
        x = pointwise(halve(x) if i else x, widening)
        for made in stage.blocks:
            x = block(x, made)
    features = (x * network.grid.numpy()).sum(axis=(1, 2))
    kernel, bias = network.output_layer.get_weights()
    expected = features @ kernel + bias
    np.testing.assert_allclose(network(IMAGES), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("blocks", [1, 3])
def test_blocks_start_as_the_identity(blocks):
    """Fixup: G is then linear in its latents, but for the sigmoid, however many blocks it has."""
    network = ResNetGenerator((16, 16, 3), 5, filters=8, blocks=blocks, value_range=None)
    at = [network(np.float32([z])).numpy() for z in (LATENTS[0], LATENTS[1], LATENTS[:2].sum(0))]
    start = network(np.zeros((1, 5), np.float32)).numpy()
    np.testing.assert_allclose(at[2] - start, at[0] + at[1] - 2 * start, atol=1e-5)
    for stage in network.stages:
        for made in stage.blocks:
            assert not made.narrow.kernel.numpy().any()
            x = np.random.default_rng(0).normal(size=(2, 4, 4, made.narrow.filters))
            np.testing.assert_array_equal(made(np.float32(x)), np.float32(x))
    # He's standard deviation for this negative slope, times L^(-1/4) for L blocks.
    kernels = np.concatenate([made.mix.kernel.numpy().ravel() for made in network.stages[0].blocks])
    fan_in = network.stages[0].blocks[0].mix.kernel.shape[:-1]
    expected = math.sqrt(2 / 1.04 / np.prod(fan_in)) * (3 * blocks) ** -0.25
    # Five standard errors.
    assert kernels.std() == pytest.approx(expected, rel=5 / math.sqrt(2 * kernels.size))


def test_resnet_logits_begin_of_order_one():
    """The standard deviation between images, 0.19 to 0.26 over these seeds."""
    spread = []
    for seed in range(5):
        keras.utils.set_random_seed(seed)
        network = ResNetDiscriminator((28, 28, 1))
        spread.append(np.std(network(np.random.default_rng(0).normal(size=(16, 28, 28, 1)))))
    assert 0.05 < min(spread) < max(spread) < 1


def convolved(x, layer):
    return tf.nn.conv2d(x, layer.normalized_kernel(), 1, "SAME").numpy() + layer.bias.numpy()


def test_sngan_discriminator_formula():
    """Three blocks: 16 pixels, halved to 8, and twice kept (2018, table 4b)."""
    network = moved(SNGANDiscriminator((16, 16, 3), filters=6), IMAGES)
    assert len(network.residuals) == 3
    first, *others = network.residuals
    h = np.maximum(convolved(IMAGES, first.convolutions[0]), 0)
    x = halve(convolved(h, first.convolutions[1])) + halve(convolved(IMAGES, first.shortcut))
    for made in others:
        h = np.maximum(convolved(np.maximum(x, 0), made.convolutions[0]), 0)
        x = x + convolved(h, made.convolutions[1])
    features = np.maximum(x, 0).sum(axis=(1, 2))
    kernel, bias = network.output_layer.normalized_kernel(), network.output_layer.bias
    np.testing.assert_allclose(network(IMAGES), features @ kernel + bias, rtol=1e-4, atol=1e-4)


def normalised(x, layer):
    gamma, beta, mean, variance = layer.get_weights()
    return np.float32(np.maximum((x - mean) / np.sqrt(variance + 1e-5) * gamma + beta, 0))


def plain(x, layer):
    kernel, bias = layer.get_weights()
    return tf.nn.conv2d(x, kernel, 1, "SAME").numpy() + bias


def test_sngan_generator_formula():
    """Each block doubles the sides (2018, table 4a)."""
    network = SNGANGenerator((16, 16, 3), 5, filters=6)
    network(LATENTS, training=True)  # moves the statistics
    moved(network, LATENTS)
    kernel, bias = network.projection.get_weights()
    x = (LATENTS @ kernel + bias).reshape(4, 4, 4, 6)
    for made in network.residuals:
        h = normalised(x, made.normalizations[0]).repeat(2, axis=1).repeat(2, axis=2)
        h = normalised(plain(h, made.convolutions[0]), made.normalizations[1])
        shortcut = plain(x, made.shortcut).repeat(2, axis=1).repeat(2, axis=2)
        x = plain(h, made.convolutions[1]) + shortcut
    logits = plain(normalised(x, network.last_normalization), network.output_layer)
    assert logits.std() > 0.1
    np.testing.assert_allclose(network(LATENTS), 2 / (1 + np.exp(-logits)) - 1, atol=1e-4)


@pytest.mark.parametrize(
    ("sides", "grid", "kept"),
    [((8, 8), 4, 4), ((28, 28), 7, 7), ((32, 32), 4, 8), ((48, 48), 3, 6), ((64, 64), 4, 8)],
    ids=str,
)
def test_sngan_sizes(sides, grid, kept):
    generator = SNGANGenerator((*sides, 1), 2, filters=2)
    assert generator.grid_shape == (grid, grid, 2)
    assert len(generator.residuals) == math.log2(sides[0] / grid)
    discriminator = SNGANDiscriminator((*sides, 1), filters=2)
    halvings = [made.halves for made in discriminator.residuals]
    assert halvings == [True] * int(math.log2(sides[0] / kept)) + [False, False]


def test_all_of_sngans_discriminator_is_normalised():
    network = SNGANDiscriminator((16, 16, 3), filters=6, num_classes=3)
    network.build([(None, 16, 16, 3), (None,)])
    kernels = [w for w in network.trainable_variables if w.name == "kernel"]
    vectors = [w for w in network.non_trainable_variables if w.name == "u"]
    assert len(kernels) == len(vectors) == 3 * 2 + 1 + 2  # blocks, a shortcut, logit and classes
    assert all(kernel.shape[-1] == u.shape[0] for kernel, u in zip(kernels, vectors, strict=True))


@pytest.mark.parametrize("classes", [None, 3])
def test_the_scale_of_sngans_kernels_does_not_matter(classes):
    network = SNGANDiscriminator((8, 8, 1), filters=4, num_classes=classes)
    x = tf.constant(np.random.default_rng(0).normal(size=(8, 8, 8, 1)), tf.float32)
    inputs = [x, tf.zeros(8, tf.int32)] if classes else x
    before = network(inputs).numpy()
    for variable in network.trainable_variables:
        if variable.name == "kernel":
            variable.assign(1000 * variable)
    np.testing.assert_allclose(network(inputs), before, rtol=1e-4, atol=1e-5)
