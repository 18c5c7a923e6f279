"""DCGAN networks as published."""

import math

import numpy as np
import pytest

from kgan.networks import DCGANDiscriminator, DCGANGenerator

SHAPE = (16, 12, 3)


def built(cls, filters):
    network = cls(SHAPE, filters=filters)
    network.build((None, 100) if cls is DCGANGenerator else (None, *SHAPE))
    return network


each_network = pytest.mark.parametrize("cls", [DCGANGenerator, DCGANDiscriminator])


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


@each_network
def test_dcgan_starts_as_published(cls):
    """Kernels from N(0, 0.02), no bias before normalisation (Radford et al. 2016, section 4)."""
    network = built(cls, 16)
    kernels = [w for w in network.trainable_variables if w.path.endswith("kernel")]
    values = np.concatenate([np.ravel(kernel) for kernel in kernels])
    # Five standard errors of a normal's mean and standard deviation.
    assert abs(values.mean()) < 5 * 0.02 / math.sqrt(values.size)
    assert abs(values.std() - 0.02) < 5 * 0.02 / math.sqrt(2 * values.size)
    generates = cls is DCGANGenerator
    convolutions = [*network.convolutions, *[network.output_layer] * generates]
    assert [(c.kernel_size, c.strides) for c in convolutions] == [((4, 4), (2, 2))] * 2
    # Two doublings. G normalises its grid and its first convolution, and the image has a bias; D
    # normalises its second convolution only, so the first has a bias, and so has the logit.
    assert len(network.normalizations) == (2 if generates else 1)
    assert [c.use_bias for c in convolutions] == ([False, True] if generates else [True, False])
    if generates:
        assert not network.projection.use_bias


@each_network
def test_normalization_statistics_move_in_training_only(cls):
    network, rng = built(cls, 4), np.random.default_rng(0)
    x = rng.normal(size=(3, *network.input_spec.shape[1:])).astype(np.float32)
    before = [v.numpy() for v in network.non_trainable_variables]
    assert before
    network(x, training=False)
    network(x)
    for old, new in zip(before, network.non_trainable_variables, strict=True):
        np.testing.assert_array_equal(old, new)
    network(x, training=True)
    for old, new in zip(before, network.non_trainable_variables, strict=True):
        assert (old != new.numpy()).any()


def test_a_dense_layer_beside_the_convolutions():
    """InfoGAN's networks for MNIST (Chen et al. 2016, table 1) have 1024 units on both sides."""
    generator = DCGANGenerator((28, 28, 1), 74, filters=64, dense_units=1024)
    discriminator = DCGANDiscriminator((28, 28, 1), filters=64, dense_units=1024)
    generator.build((None, 74))
    discriminator.build((None, 28, 28, 1))
    grid, kernel = 7 * 7 * 128, 4 * 4
    shared = 1024 * grid + 2 * 1024 + kernel * 64 * 128  # the dense layer and its normalization
    assert sum(w.shape.num_elements() for w in discriminator.trainable_variables) == (
        kernel * 64 + 64 + shared + 2 * 128 + 1024 + 1
    )
    assert sum(w.shape.num_elements() for w in generator.trainable_variables) == (
        74 * 1024 + shared + 2 * 128 + 2 * 64 + kernel * 64 + 1
    )
    assert discriminator.num_features == 1024
    x = np.random.default_rng(0).normal(size=(500, 28, 28, 1)).astype(np.float32)
    features = discriminator.features(x, training=True).numpy()
    below = np.where(features < 0, features / 0.2, features)
    np.testing.assert_allclose(below.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(below.std(0), 1, atol=0.01)
    for cls in (DCGANGenerator, DCGANDiscriminator):
        with pytest.raises(ValueError, match=r"`dense_units`: .*received 0\. None makes no dense"):
            cls((28, 28, 1), dense_units=0)


def test_dcgan_unknown_upsampling():
    with pytest.raises(
        ValueError,
        match=r"`upsampling`: expected one of 'transposed', 'resize', received 'bilinear'\. "
        r"DCGANGenerator supports",
    ):
        DCGANGenerator((8, 8, 1), upsampling="bilinear")


def test_dcgan_negative_slope_of_leaky_relu():
    """With identity-like weights a negative image comes out times 0.2 (2016, section 3)."""
    network = DCGANDiscriminator((8, 8, 1), filters=1)
    network.build((None, 8, 8, 1))
    ones = [np.ones(w.shape) if w.ndim > 1 else np.zeros(w.shape) for w in network.get_weights()]
    network.set_weights(ones)
    image = np.random.default_rng(0).uniform(0.1, 1, (1, 8, 8, 1)).astype(np.float32)
    # One convolution, then the sum: every activation has the image's sign.
    positive, negative = network(image).numpy().item(), network(-image).numpy().item()
    assert negative == pytest.approx(-0.2 * positive, rel=1e-6)
