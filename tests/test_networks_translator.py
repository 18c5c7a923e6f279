"""The generator of CycleGAN: its size as published, its borders, and what it refuses."""

import numpy as np
import pytest
import tensorflow as tf

from kgan.networks import ResNetTranslator


def test_it_has_the_weights_of_the_paper():
    """The kernels of the authors' network of nine blocks: 11,378,179 weights less 5,251 biases.

    By their layers: 7 x 7 x 3 x 64 twice, 3 x 3 x 64 x 128 and 3 x 3 x 128 x 256 twice each, and
    18 times 3 x 3 x 256 x 256. `upsampling="resize"` has their 3 x 3 kernels.
    """
    network = ResNetTranslator((256, 256, 3), upsampling="resize")
    network.build([(None, 0), (None, 256, 256, 3)])
    kernels = [w for w in network.trainable_variables if w.name == "kernel"]
    assert sum(int(np.prod(kernel.shape)) for kernel in kernels) == 11_378_179 - 5_251
    assert [network.blocks, ResNetTranslator((128, 256, 3)).blocks] == [9, 6]


def test_the_border_is_reflected():
    """A constant image has no border: with zeros around it, it would."""
    network = ResNetTranslator((16, 16, 1), filters=2, blocks=0, value_range=None)
    layer = network.entry
    layer.build((None, 16, 16, 1))
    made = layer(tf.ones([1, 16, 16, 1])).numpy()
    np.testing.assert_allclose(made, np.broadcast_to(made[:, :1, :1], made.shape), rtol=1e-5)
    assert layer.padding == "valid"


def test_without_a_residual_block_changes_nothing_else():
    """Blocks begin as small changes of their input: the shape stays, and the sum is there."""
    network = ResNetTranslator((8, 12, 1), (4, 6, 3), filters=2, blocks=1)
    condition = tf.random.stateless_uniform([2, 4, 6, 3], (0, 1), -1.0, 1.0)
    made = network([tf.zeros([2, 0]), condition])
    assert made.shape == (2, 8, 12, 1)
    block = network.residuals[0]
    x = tf.random.stateless_normal([2, 2, 3, 8], (0, 1))
    h = tf.nn.relu(block.normalizations[0](block.convolutions[0](x)))
    expected = x + block.normalizations[1](block.convolutions[1](h))
    np.testing.assert_allclose(block(x), expected, rtol=1e-6)


@pytest.mark.parametrize("shape", [(28, 30, 1), (4, 8, 1), (64,)])
def test_sides_that_cannot_be_halved_twice_are_refused(shape):
    with pytest.raises(ValueError, match=r"`image_shape`: expected .*multiples of 4, at least 8"):
        ResNetTranslator(shape)


def test_other_arguments_are_refused():
    for name, value in (("blocks", -1), ("filters", 0), ("upsampling", "bilinear")):
        with pytest.raises(ValueError, match=f"`{name}`: expected"):
            ResNetTranslator((8, 8, 1), **{name: value})
    with pytest.raises(ValueError, match=r"`condition_shape`: expected images as large"):
        ResNetTranslator((8, 8, 1), (5, 8, 1))
