"""ACGAN: its terms are the cross-entropies of the paper, and samples come to be of their class."""

import keras
import numpy as np
import pytest
import tensorflow as tf

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


def test_the_terms_are_those_of_the_paper():
    """By NumPy. D's: the class on data and on samples; G's: the class on samples."""
    gan = game(class_weight=0.5)
    rng = np.random.default_rng(0)
    x, samples = rng.uniform(-1, 1, (2, 20, *SHAPE)).astype("float32")
    y = (np.arange(20) % CLASSES).astype(np.int32)

    def entropy(images):
        logits = gan.discriminator.read(images).numpy().astype(np.float64)
        return np.mean(np.logaddexp.reduce(logits, 1) - logits[np.arange(20), y])

    on_data = float(gan.discriminator_term(x, samples, y))
    assert on_data == pytest.approx(0.5 * entropy(x), rel=1e-5)
    on_samples = float(gan.shared_term(samples, None, y))
    assert on_samples == pytest.approx(0.5 * entropy(samples), rel=1e-5)
    assert gan.generator_term(samples, None, y, x) == 0
    # The logs have both. Labels reach the head, and not D.
    logs = gan.evaluate(x, y, batch_size=20, verbose=0, return_dict=True)
    made = gan.sample(
        20, seed=gan._seed(kgan.training.seeds.TEST_LATENTS, tf.constant(0)), labels=y
    )
    assert logs["d_loss"] == pytest.approx(
        -logs["value"] + 0.5 * (entropy(x) + entropy(made)), rel=1e-4
    )
    others = gan.discriminator([x, (y + 1) % CLASSES])
    np.testing.assert_array_equal(gan.discriminator([x, y]), others)
    read = gan.classify(x)
    np.testing.assert_allclose(read, tf.nn.softmax(gan.discriminator.read(x)), rtol=1e-5)


@pytest.mark.slow
def test_samples_come_to_be_of_their_class_with_the_term_alone():
    """Four images, one of each class; D is not given the labels, so without the term G is free.

    The share of the asked class over three seeds: MEASURED.
    """
    images = np.random.default_rng(0).choice([-1.0, 1.0], (CLASSES, *SHAPE)).astype("float32")
    y = np.arange(256) % CLASSES
    rng = np.random.default_rng(1)
    x = (0.9 * images[y] + rng.uniform(-0.1, 0.1, (256, *SHAPE))).astype("float32")
    shares = []
    for weight in (1.0, 0.0):
        gan = game(class_weight=weight)
        gan.fit(x, y, batch_size=32, epochs=30, verbose=0)
        made = gan.sample(200).reshape(200, 1, 64)
        found = np.square(made - images.reshape(1, CLASSES, 64)).sum(2).argmin(1)
        shares.append(np.mean(found == np.arange(200) % CLASSES))
        accuracy = np.mean(gan.classify(x).argmax(1) == y)
        assert (accuracy == 1) == bool(weight)
    print(shares)
    assert shares[0] > 0.95
    assert shares[1] < 0.6


def test_a_generator_without_classes_is_refused():
    with pytest.raises(ValueError, match=r"`generator`: expected one with `num_classes`.*without"):
        ACGAN(
            kgan.networks.MLPGenerator(SHAPE, 4, (8,)),
            kgan.networks.MLPDiscriminator(SHAPE, (8,)),
            kgan.priors.Normal(4),
        )
    with pytest.raises(ValueError, match=r"`y`: the networks are conditional and expected pairs"):
        game().fit(np.zeros((8, *SHAPE), "float32"), verbose=0)
