"""Arguments that every network rejects."""

import math
import re

import numpy as np
import pytest
import tensorflow as tf

from kgan.networks import (
    DCGANDiscriminator,
    DCGANGenerator,
    MLPDiscriminator,
    MLPGenerator,
    ResNetDiscriminator,
    ResNetGenerator,
    SNGANDiscriminator,
    SNGANGenerator,
)

GENERATORS = [MLPGenerator, DCGANGenerator, ResNetGenerator, SNGANGenerator]
DISCRIMINATORS = [MLPDiscriminator, DCGANDiscriminator, ResNetDiscriminator, SNGANDiscriminator]


@pytest.mark.parametrize("image_shape", [(), (0, 4), (4, -1), (2.5,), (None, 4, 1), "ab", 28, None])
@pytest.mark.parametrize("cls", [*GENERATORS, *DISCRIMINATORS])
def test_bad_image_shape(cls, image_shape):
    with pytest.raises(
        ValueError, match=r"`image_shape`: expected positive integers such as .*received"
    ):
        cls(image_shape)


@pytest.mark.parametrize("latent_dim", [0, -1, 2.5, "8", None])
@pytest.mark.parametrize("cls", GENERATORS)
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
@pytest.mark.parametrize("cls", GENERATORS)
def test_bad_value_range(cls, value_range):
    with pytest.raises(
        ValueError, match=r"`value_range`: expected \(low, high\) with low < high, .*received"
    ):
        cls((8, 8, 1), value_range=value_range)


@pytest.mark.parametrize(
    "image_shape",
    [(50, 50, 1), (9, 9, 1), (4, 4, 1), (1, 8, 1), (28,), (28, 28), (32, 30, 1)],
    ids=str,
)
@pytest.mark.parametrize("cls", [*GENERATORS[1:], *DISCRIMINATORS[1:]])
def test_convolutional_networks_refuse_other_sizes(cls, image_shape):
    with pytest.raises(
        ValueError,
        match=r"`image_shape`: convolutional networks take images .*3 to 8 pixels doubled once "
        rf"or more.*received {re.escape(str(image_shape))}\. Resize the images \(`image_size`\)\.",
    ):
        cls(image_shape)


@pytest.mark.parametrize("given", [0, -1, 2.5, "8", True])
@pytest.mark.parametrize(
    ("cls", "name"),
    [
        (DCGANGenerator, "filters"),
        (DCGANDiscriminator, "filters"),
        (ResNetGenerator, "filters"),
        (ResNetGenerator, "blocks"),
        (ResNetDiscriminator, "filters"),
        (ResNetDiscriminator, "blocks"),
        (SNGANGenerator, "filters"),
        (SNGANDiscriminator, "filters"),
    ],
)
def test_bad_sizes(cls, name, given):
    with pytest.raises(
        ValueError, match=rf"`{name}`: expected a positive integer, received {given!r}\."
    ):
        cls((8, 8, 1), **{name: given})


@pytest.mark.parametrize("cls", [ResNetGenerator, ResNetDiscriminator])
def test_filters_that_do_not_fall_into_groups(cls):
    with pytest.raises(
        ValueError, match=r"`filters`: expected a multiple of 8, which groups .*, received 12\."
    ):
        cls((8, 8, 1), filters=12)


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("cls", DISCRIMINATORS)
def test_the_logit_is_a_function_of_the_features(cls, dtype):
    network = cls((8, 8, 1), dtype=dtype)
    images = np.random.default_rng(0).normal(size=(3, 8, 8, 1)).astype("float32")
    logits = network(images)
    features = network.features(images)
    assert features.shape == (3, network.num_features)
    np.testing.assert_array_equal(network.logits(features, None), logits)


@pytest.mark.parametrize("cls", DISCRIMINATORS)
def test_features_and_classes_can_be_computed_in_a_graph(cls):
    sizes = {"units": (4,)} if cls is DISCRIMINATORS[0] else {"filters": 8}
    network = cls((8, 8, 1), classes=3, **sizes)
    images = np.random.default_rng(0).normal(size=(3, 8, 8, 1)).astype("float32")
    expected = network.class_logits(images)
    logits = tf.function(network.class_logits, autograph=False)(tf.constant(images))
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-5)
