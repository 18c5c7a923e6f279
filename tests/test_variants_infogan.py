"""InfoGAN: its term is the bound, in nats, and the codes come to be seen in the samples."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

import kgan
from kgan.theory.information import information_bound, mutual_information, posterior
from kgan.training import seeds
from kgan.variants import InfoGAN

SHAPE = (8, 8, 1)


def game(prior, **options):
    keras.utils.set_random_seed(0)
    gan = InfoGAN(
        kgan.networks.MLPGenerator(SHAPE, prior.dim, (32,)),
        kgan.networks.MLPDiscriminator(SHAPE, (32,)),
        prior,
        **options,
    )
    gan.build()
    return gan


def test_the_term_is_minus_the_bound_of_the_paper():
    """By NumPy: log-softmax of each categorical code, a normal density of variance 1, entropies."""
    prior = kgan.priors.Codes(kgan.priors.Normal(3), (4, 2), continuous=2)
    gan = game(prior, information_weight=0.7)
    latents = prior.sample(50, 1).numpy()
    samples = gan.generator(latents)
    outputs, codes = gan.discriminator.read(samples).numpy(), latents[:, 3:]
    log_q = np.zeros(50)
    for begin, end in ((0, 4), (4, 6)):
        logits = outputs[:, begin:end].astype(np.float64)
        log_q += (codes[:, begin:end] * (logits - np.logaddexp.reduce(logits, 1)[:, None])).sum(1)
    density = np.exp(-((codes[:, 6:] - outputs[:, 6:]) ** 2) / 2) / math.sqrt(2 * math.pi)
    bound = (log_q + np.log(density).sum(1)).mean() + math.log(4) + math.log(2) + 2 * math.log(2)
    assert float(gan.shared_term(samples, latents, None, None)) == pytest.approx(
        -0.7 * bound, rel=1e-5
    )
    assert gan.information(50, 1) == pytest.approx(bound, rel=1e-4)
    # Q's probabilities and means, in the order of the latents.
    read = gan.codes(samples.numpy())
    np.testing.assert_allclose(read[:, :4].sum(1), 1, rtol=1e-5)
    np.testing.assert_allclose(read[:, :4], tf.nn.softmax(outputs[:, :4]), rtol=1e-4)
    np.testing.assert_allclose(read[:, 4:6].sum(1), 1, rtol=1e-5)
    np.testing.assert_allclose(read[:, 6:], outputs[:, 6:], rtol=1e-4, atol=1e-6)


def test_the_bound_agrees_with_the_theory_on_a_finite_game():
    """A sample is one of three images, by its code: I = log 3, and L_I is the table's.

    G's output is saturated, so that noise does not show. Two heads: a poor one, whose bound is that
    of its own Q, and the posterior, whose bound is the information.
    """
    prior = kgan.priors.Codes(kgan.priors.Normal(2), (3,))
    gan = game(prior)
    images = np.where(np.random.default_rng(0).random((3, 64)) < 0.5, -1, 1)
    layers = gan.generator.layers
    first, last = (layer for layer in layers if isinstance(layer, keras.layers.Dense))
    kernel = np.zeros(first.kernel.shape, np.float32)
    kernel[2:, :3] = np.eye(3)  # hidden unit i is code i
    first.kernel.assign(kernel)
    kernel = np.zeros(last.kernel.shape, np.float32)
    kernel[:3] = 100.0 * images
    last.kernel.assign(kernel)
    n = 3000
    latents = prior.sample(n, 0).numpy()
    samples = gan.sample(n, 0)
    chosen = latents[:, 2:].argmax(1)
    np.testing.assert_array_equal(samples.reshape(n, 64), images[chosen])
    joint = np.diag(np.bincount(chosen) / n)
    q = tf.nn.softmax(gan.discriminator.read(images.reshape(3, *SHAPE).astype("float32"))).numpy()
    q = q.astype(np.float64) / q.sum(1, keepdims=True, dtype=np.float64)
    # `information` has the entropy of the prior, the table that of these draws.
    of_draws = -(np.diag(joint) * np.log(np.diag(joint))).sum()
    expected = information_bound(joint, q) - of_draws + math.log(3)
    assert gan.information(n, 0) == pytest.approx(expected, abs=1e-5)
    assert expected < mutual_information(joint) - 0.05
    features = gan.discriminator.discriminator.features(images.reshape(3, *SHAPE)).numpy()
    head = gan.discriminator.head
    head.kernel.assign(100.0 * np.linalg.pinv(features.astype(np.float64)))
    assert gan.information(n, 0) == pytest.approx(math.log(3), abs=1e-4)
    assert information_bound(joint, posterior(joint)) == pytest.approx(of_draws, rel=1e-12)


class Negative:
    """An augmentation that changes the sign of all values, and remembers its seeds."""

    def __init__(self):
        self.seeds = []

    def __call__(self, images, seed):
        self.seeds.append(tuple(np.asarray(seed)))
        return -images


def test_categorical_codes_alone_are_read_off_changed_samples():
    """Q's probabilities of -x and its means of x; those of x alone in inference mode."""
    prior = kgan.priors.Codes(kgan.priors.Normal(3), (4, 2), continuous=2)
    gan = game(prior, categorical_augmentation=Negative())
    latents, update = prior.sample(50, 1), tf.constant(0, tf.int64)
    samples = gan.generator(latents)
    plain, changed = (gan.discriminator.read(x) for x in (samples, -samples))
    joined = tf.concat([changed[:, :6], plain[:, 6:]], axis=1)
    term = float(gan.shared_term(samples, latents, None, update))
    assert term == pytest.approx(-float(gan._bound(joined, latents)), rel=1e-5)
    term = float(gan.shared_term(samples, latents, None, None))
    assert term == pytest.approx(-float(gan._bound(plain, latents)), rel=1e-5)
    assert term == pytest.approx(-gan.information(50, 1), rel=1e-4)
    # Without continuous codes, x itself is not read.
    prior = kgan.priors.Codes(kgan.priors.Normal(3), (4,))
    gan = game(prior, categorical_augmentation=Negative())
    latents = prior.sample(50, 1)
    samples = gan.generator(latents)
    expected = -float(gan._bound(gan.discriminator.read(-samples), latents))
    term = float(gan.shared_term(samples, latents, None, update))
    assert term == pytest.approx(expected, rel=1e-5)


def test_each_update_changes_samples_by_a_seed_of_its_own():
    gan = game(
        kgan.priors.Codes(kgan.priors.Normal(2), (3,)),
        categorical_augmentation=Negative(),
        discriminator_steps=2,
        seed=7,
    )
    gan.compile("sgd", "sgd", run_eagerly=True)
    gan.fit(np.zeros((16, *SHAPE), "float32"), batch_size=8, verbose=0)
    found = gan.categorical_augmentation.seeds
    expected = [gan._seed(seeds.TERM_AUGMENTATION, tf.constant(i)).numpy() for i in range(6)]
    assert found == [tuple(seed) for seed in expected]
    assert len(set(found)) == 6


def test_what_changes_the_samples_is_saved_and_compared(tmp_path):
    prior = kgan.priors.Codes(kgan.priors.Normal(2), (3,))
    gan = game(prior, categorical_augmentation=kgan.augmentation.RandomAffine(shear=0.1))
    gan.compile("sgd", "sgd")
    gan.save(tmp_path / "gan.keras")
    again = keras.models.load_model(tmp_path / "gan.keras")
    assert again.categorical_augmentation.get_config()["shear"] == 0.1
    assert again.training_settings() == gan.training_settings()
    assert gan.training_settings()["categorical_augmentation.shear"] == 0.1
    config = gan.get_config()
    del config["categorical_augmentation"]  # of an earlier edition
    assert InfoGAN.from_config(config).categorical_augmentation is None


def test_the_average_reads_codes():
    """The EMA is of both networks: `codes` and `information` use it, and leave the latest ones."""
    prior = kgan.priors.Codes(kgan.priors.Normal(2), (3,), continuous=1)
    gan = game(prior, ema_decay=0.9)
    gan.compile("adam", "adam")
    x = np.random.default_rng(0).uniform(-1, 1, (24, *SHAPE)).astype("float32")
    gan.fit(x, batch_size=8, verbose=0)
    latest = gan.discriminator.get_weights()
    samples = gan.sample(50, 1)
    with gan.averaged():
        averaged = gan.discriminator.get_weights()
        read = gan.discriminator.read(x).numpy()
        bound = float(gan._bound(gan.discriminator.read(samples), prior.sample(50, 1)))
    assert all((a != b).any() for a, b in zip(latest, averaged, strict=True))
    np.testing.assert_allclose(gan.codes(x)[:, :3], tf.nn.softmax(read[:, :3]), rtol=1e-5)
    np.testing.assert_array_equal(gan.codes(x)[:, 3], read[:, 3])
    assert gan.information(50, 1) == pytest.approx(bound, rel=1e-5)
    for a, b in zip(latest, gan.discriminator.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_codes_come_to_be_seen_with_the_term_alone():
    """Read without Q, as the nearest mean sample of each of four values.

    Wrong of 200 samples, over three seeds: 5% to 21% with the term, 57% to 69% without it. Chance
    is 75%.
    """
    x = np.random.default_rng(0).choice([-0.9, 0.9], (4, *SHAPE))
    noise = np.random.default_rng(1).uniform(-0.1, 0.1, (256, *SHAPE))
    x = (np.repeat(x, 64, axis=0) + noise).astype("float32")
    errors = []
    for weight in (1.0, 0.0):
        prior = kgan.priors.Codes(kgan.priors.Normal(4), (4,))
        gan = game(prior, information_weight=weight)
        adams = [keras.optimizers.Adam(rate, beta_1=0.5) for rate in (5e-3, 2e-3)]
        gan.compile(*adams, steps_per_execution=8)
        gan.fit(x, batch_size=32, epochs=20, verbose=0)
        codes = prior.sample(400, 0).numpy()[:, 4:]
        made = gan.sample(400, 0).reshape(400, 64)
        means = codes[:200].T @ made[:200] / codes[:200].sum(0)[:, None]
        found = np.square(made[200:, None] - means).sum(2).argmin(1)
        errors.append(np.mean(found != codes[200:].argmax(1)))
        assert (gan.information(200) > 1.2) == bool(weight)  # of log 4 = 1.39 nats
    assert errors[0] < 0.35 < 0.45 < errors[1]


@pytest.mark.parametrize(
    ("prior", "given", "expected"),
    [
        (kgan.priors.Codes(kgan.priors.Normal(2), (3,)), "affine", "None, or a function of images"),
        (
            kgan.priors.Codes(kgan.priors.Normal(2), continuous=1),
            kgan.augmentation.RandomAffine(),
            "None for codes of which none is categorical",
        ),
    ],
)
def test_what_cannot_change_the_samples_is_refused(prior, given, expected):
    said = rf"`categorical_augmentation`: expected {expected}.*received .*(affine|RandomAffine)"
    with pytest.raises(ValueError, match=said):
        game(prior, categorical_augmentation=given)


def test_what_has_no_codes_is_refused():
    prior = kgan.priors.Codes(kgan.priors.Normal(2), (3,))
    generator = kgan.networks.MLPGenerator(SHAPE, 5, (4,))
    discriminator = kgan.networks.MLPDiscriminator(SHAPE, (4,))
    with pytest.raises(ValueError, match=r"`prior`: expected kgan.priors.Codes, received Normal"):
        InfoGAN(generator, discriminator, kgan.priors.Normal(5))
    conditional = kgan.networks.MLPGenerator(SHAPE, 5, (4,), num_classes=3)
    with pytest.raises(ValueError, match=r"`generator`: .*without a condition.*num_classes=3"):
        InfoGAN(conditional, discriminator, prior)
    other = kgan.networks.MLPGenerator(SHAPE, 6, (4,))
    with pytest.raises(ValueError, match=r"`prior`: expected latents of .*latent_dim=6.*dim=5"):
        InfoGAN(other, discriminator, prior)


def test_labels_are_refused():
    gan = game(kgan.priors.Codes(kgan.priors.Normal(2), (3,)))
    gan.compile("adam", "adam")
    images = np.zeros((8, *SHAPE), "float32")
    with pytest.raises(ValueError, match=r"`y`: expected no labels, as the game is not condit"):
        gan.fit(images, np.zeros(8, "int32"), batch_size=8)
