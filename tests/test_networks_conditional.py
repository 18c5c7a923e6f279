"""Conditional networks: how class labels change their outputs."""

import math

import numpy as np
import pytest
import tensorflow as tf

from kgan.networks import (
    DCGANDiscriminator,
    DCGANGenerator,
    MLPDiscriminator,
    MLPGenerator,
)

LATENTS = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
IMAGES = np.random.default_rng(1).uniform(-1, 1, size=(6, 8, 8, 2)).astype(np.float32)
LABELS = np.arange(6, dtype=np.int32) % 3

GENERATORS = [
    (MLPGenerator, {"units": (8,)}),
    (DCGANGenerator, {"filters": 4}),
    (DCGANGenerator, {"filters": 4, "conditioning": "batch_normalization"}),
]
DISCRIMINATORS = [
    (cls, {**arguments, "conditioning": conditioning})
    for cls, arguments in (
        (MLPDiscriminator, {"units": (8,)}),
        (DCGANDiscriminator, {"filters": 4}),
    )
    for conditioning in ("projection", "concatenation")
]


def made(cls, arguments, shape, num_classes=3):
    """Return the network with every weight changed, so that a class's scales are not all one."""
    network = cls(image_shape=(8, 8, 2), num_classes=num_classes, **arguments)
    network.build(shape)
    rng = np.random.default_rng(2)
    network.set_weights([w + rng.uniform(0.1, 0.3, w.shape) for w in network.get_weights()])
    return network


def generator(cls, arguments, num_classes=3):
    shape = (None, 4)
    if num_classes:
        shape = [shape, (None,)]
    return made(cls, {**arguments, "latent_dim": 4}, shape, num_classes)


def discriminator(cls, arguments, positions=1):
    condition_shape = (None,) if positions == 1 else (None, positions)
    return made(cls, arguments, [(None, 8, 8, 2), condition_shape])


@pytest.mark.parametrize(("cls", "arguments"), GENERATORS)
def test_the_class_decides_what_is_generated(cls, arguments):
    network = generator(cls, arguments)
    outputs = [network([LATENTS, np.full(6, c, np.int32)]).numpy() for c in range(3)]
    for i, j in ((0, 1), (0, 2), (1, 2)):
        assert np.abs(outputs[i] - outputs[j]).max() > 1e-2
    mixed = network([LATENTS, LABELS]).numpy()  # each image has its own label
    for i, c in enumerate(LABELS):
        np.testing.assert_allclose(mixed[i], outputs[c][i], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("cls", "arguments"), DISCRIMINATORS)
def test_the_class_decides_the_logit(cls, arguments):
    network = discriminator(cls, arguments)
    outputs = [network([IMAGES, np.full(6, c, np.int32)]).numpy() for c in range(3)]
    for i, j in ((0, 1), (0, 2), (1, 2)):
        assert (np.abs(outputs[i] - outputs[j]) > 1e-4).all()
    mixed = network([IMAGES, LABELS]).numpy()
    for i, c in enumerate(LABELS):
        np.testing.assert_allclose(mixed[i], outputs[c][i], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("cls", "arguments"), [GENERATORS[0], GENERATORS[1]])
def test_a_joined_class_is_further_latents(cls, arguments):
    """An unconditional network on latents and embedding side by side, with the same weights."""
    network = generator(cls, arguments)
    plain = cls(image_shape=(8, 8, 2), **{**arguments, "latent_dim": 8})
    plain.build((None, 8))
    table = network.embedding.get_weights()[0]
    plain.set_weights([w for w in network.get_weights() if w.shape != table.shape])
    joined = np.concatenate([LATENTS, table[LABELS]], axis=1)
    np.testing.assert_array_equal(network([LATENTS, LABELS]), plain(joined))


@pytest.mark.parametrize(("cls", "arguments"), DISCRIMINATORS[::2])
def test_projection_formula(cls, arguments):
    """o(x, y) = y^T V phi(x) + psi(phi(x)) (Miyato and Koyama 2018, eq. 3)."""
    network = discriminator(cls, arguments)
    seen = []
    read = network.logits
    network.logits = lambda features, *given: seen.append(features) or read(features, *given)
    logits = network([IMAGES, LABELS]).numpy()
    phi = seen[0].numpy().astype(np.float64)
    kernel, bias = network.output_layer.get_weights()
    (vectors,) = network.embedding.get_weights()
    expected = phi @ kernel + bias + (vectors[LABELS] * phi).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(logits, expected, rtol=1e-5, atol=1e-5)  # a hundred products


@pytest.mark.parametrize(("cls", "arguments"), DISCRIMINATORS[1::2])
def test_a_joined_class_is_further_channels(cls, arguments):
    network = discriminator(cls, arguments)
    plain = cls(image_shape=(8, 8, 4), units=(8,)) if cls is MLPDiscriminator else None
    plain = plain or cls(image_shape=(8, 8, 4), filters=4)
    plain.build((None, 8, 8, 4))
    table = network.embedding.get_weights()[0]
    plain.set_weights([w for w in network.get_weights() if w.shape != table.shape])
    joined = np.concatenate([IMAGES, table[LABELS].reshape(6, 8, 8, 2)], axis=-1)
    np.testing.assert_array_equal(network([IMAGES, LABELS]), plain(joined))


@pytest.mark.parametrize(("cls", "arguments"), DISCRIMINATORS)
def test_packed_labels(cls, arguments):
    """A pack of two images has two labels, and their order matters."""
    network = discriminator(cls, arguments, positions=2)
    features = math.prod(network.image_shape)
    if arguments["conditioning"] == "projection":
        features = network.output_layer.kernel.shape[0]
    assert network.embedding.get_weights()[0].shape == (2 * 3, features)
    labels = np.stack([LABELS, LABELS[::-1]], axis=1)
    logits = network([IMAGES, labels])
    assert logits.shape == (6, 1)
    assert (np.abs(logits - network([IMAGES, labels[:, ::-1]])) > 1e-4).any()
    with pytest.raises(ValueError, match=r"expected shape=\(None, 2\), found shape=\(6, 3\)"):
        network([IMAGES, np.zeros((6, 3), np.int32)])


@pytest.mark.parametrize(("cls", "arguments"), [*GENERATORS, *DISCRIMINATORS])
def test_labels_that_are_missing_are_asked_for(cls, arguments):
    network = cls(image_shape=(8, 8, 2), num_classes=3, **arguments)
    with pytest.raises(ValueError, match=r"expects 2 input\(s\), but it received 1"):
        network(tf.zeros((2, *network.input_spec[0].shape[1:])))


@pytest.mark.parametrize("given", [0, 1, -3, 2.5, "10", True])
@pytest.mark.parametrize("cls", [MLPGenerator, MLPDiscriminator])
def test_bad_number_of_classes(cls, given):
    with pytest.raises(
        ValueError,
        match=rf"`num_classes`: expected an integer of at least 2, received {given!r}\. "
        "None makes a network without classes",
    ):
        cls((8, 8, 1), num_classes=given)


@pytest.mark.parametrize(
    ("cls", "given", "known"),
    [
        (MLPGenerator, "batch_normalization", "'concatenation'"),
        (MLPGenerator, "projection", "'concatenation'"),
        (DCGANGenerator, "film", "'concatenation', 'batch_normalization'"),
        (DCGANDiscriminator, "batch_normalization", "'projection', 'concatenation'"),
    ],
)
def test_unknown_conditioning(cls, given, known):
    with pytest.raises(
        ValueError,
        match=rf"`conditioning`: expected one of {known}, received {given!r}\. "
        f"{cls.__name__} supports",
    ):
        cls((8, 8, 1), num_classes=3, conditioning=given)


def test_a_conditional_generator_starts_at_the_mean():
    network = MLPGenerator((2,), 3, (), num_classes=4, value_range=(0.0, 1.0))
    network.start_at_mean([0.25, 0.75])
    np.testing.assert_allclose(network.output_layer.bias, [-math.log(3), math.log(3)], rtol=1e-6)
