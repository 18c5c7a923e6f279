"""ACGAN: its terms are cross-entropies of cosines, and samples come to be of their class."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from variant_games import Zero

import kgan
from kgan.variants import ACGAN

SHAPE, CLASSES = (8, 8, 1), 4


def game(classes=CLASSES, **options):
    keras.utils.set_random_seed(0)
    gan = ACGAN(
        kgan.networks.MLPGenerator(SHAPE, 4, (32,), num_classes=classes),
        kgan.networks.MLPDiscriminator(SHAPE, (32,)),
        kgan.priors.Normal(4),
        **options,
    )
    adams = [keras.optimizers.Adam(rate, beta_1=0.5) for rate in (5e-3, 2e-3)]
    gan.compile(*adams, steps_per_execution=8)
    return gan


def test_the_terms_are_cross_entropies_of_cosines():
    """By NumPy. D's: the class on data; G's: the class on samples."""
    gan = game(class_weight=0.5)
    rng = np.random.default_rng(0)
    x, samples = rng.uniform(-1, 1, (2, 20, *SHAPE)).astype("float32")
    y = (np.arange(20) % CLASSES).astype(np.int32)

    def unit(vectors, axis):
        return vectors / np.linalg.norm(vectors, axis=axis, keepdims=True)

    def entropy(images):
        features = gan.discriminator.discriminator.features(images).numpy().astype(np.float64)
        logits = 8 * unit(features, 1) @ unit(gan.discriminator.head.kernel.numpy(), 0)
        return np.mean(np.logaddexp.reduce(logits, 1) - logits[np.arange(20), y])

    on_data = float(gan.discriminator_term(x, samples, y, None))
    assert on_data == pytest.approx(0.5 * entropy(x), rel=1e-5)
    on_samples = float(gan.generator_term(samples, None, y, x))
    assert on_samples == pytest.approx(0.5 * entropy(samples), rel=1e-5)
    assert gan.shared_term(samples, None, y, None) == 0
    trained = gan.discriminator.head.trainable_weights  # no scale, so that these stay cosines
    assert [weight.name for weight in trained] == ["kernel", "bias"]
    # The logs have both. Labels reach the head, and not D.
    logs = gan.evaluate(x, y, batch_size=20, verbose=0, return_dict=True)
    made = gan.sample(
        20, seed=gan._seed(kgan.training.seeds.TEST_LATENTS, tf.constant(0)), labels=y
    )
    assert logs["d_loss"] == pytest.approx(-logs["value"] + 0.5 * entropy(x), rel=1e-4)
    logits = gan.discriminator([made, y]).numpy().astype(np.float64)
    non_saturating = np.logaddexp(0, -logits).mean()
    assert logs["g_loss"] == pytest.approx(non_saturating + 0.5 * entropy(made), rel=1e-4)
    others = gan.discriminator([x, (y + 1) % CLASSES])
    np.testing.assert_array_equal(gan.discriminator([x, y]), others)
    read = gan.classify(x)
    np.testing.assert_allclose(read, tf.nn.softmax(gan.discriminator.read(x)), rtol=1e-5)


@pytest.mark.slow
def test_d_learns_to_name_data_and_g_to_be_named_as_asked():
    """By the terms alone, one side after the other, on four clusters of points.

    D named all data, and of 100 samples 58 as asked, and after G's updates all.
    """
    keras.utils.set_random_seed(0)
    corners = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]], np.float32)
    y = np.arange(128) % CLASSES
    x = (corners[y] + np.random.default_rng(0).normal(0, 0.1, (128, 2))).astype("float32")
    gan = ACGAN(
        kgan.networks.MLPGenerator((2,), 2, (32,), num_classes=CLASSES, value_range=None),
        kgan.networks.MLPDiscriminator((2,), (32,)),
        kgan.priors.Normal(2),
    )
    gan.compile("adam", "adam", loss=Zero(), steps_per_execution=4)
    found = []
    for rates in ((0.0, 1e-2), (1e-2, 0.0)):
        gan.generator_optimizer.learning_rate, gan.discriminator_optimizer.learning_rate = rates
        gan.fit(x, y, batch_size=32, epochs=25, verbose=0)
        named = gan.classify(gan.sample(100)).argmax(1) == np.arange(100) % CLASSES
        found.append((np.mean(gan.classify(x).argmax(1) == y), named.mean()))
    assert found[0][0] > 0.9
    assert found[1][0] == found[0][0]  # D stood still
    assert found[1][1] > 0.95 > 0.8 > found[0][1]


def test_a_generator_without_classes_is_refused():
    with pytest.raises(ValueError, match=r"`generator`: expected one with `num_classes`.*without"):
        ACGAN(
            kgan.networks.MLPGenerator(SHAPE, 4, (8,)),
            kgan.networks.MLPDiscriminator(SHAPE, (8,)),
            kgan.priors.Normal(4),
        )
    with pytest.raises(ValueError, match=r"`y`: the networks are conditional and expected pairs"):
        game().fit(np.zeros((8, *SHAPE), "float32"), verbose=0)
