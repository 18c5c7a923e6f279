"""BiGAN: its losses, who moves whom, that E inverts G, and that it is saved and exported whole."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from variant_games import assert_goes_on, saved

import kgan
from kgan import losses, penalties
from kgan.networks import MLPDiscriminator, MLPEncoder, MLPGenerator
from kgan.training.minibatches import Minibatch
from kgan.variants import BiGAN
from kgan.variants.encoded import EncodedGenerator, OfImages
from train.choices import LOSSES

SHAPE, LATENT = (4, 4, 1), 3
PAIR = (16 + LATENT,)
X = np.random.default_rng(0).uniform(-1, 1, (24, *SHAPE)).astype("float32")
Z = np.random.default_rng(1).uniform(-1, 1, (8, LATENT)).astype("float32")


def networks(dtype="float32", packing=1, **options):
    return {
        "generator": MLPGenerator(SHAPE, LATENT, units=(8,), dtype=dtype),
        "discriminator": MLPDiscriminator((packing * PAIR[0],), units=(8,), dtype=dtype, **options),
        "encoder": MLPEncoder(SHAPE, LATENT, units=(8,), dtype=dtype),
    }


def game(compiled=None, dtype="float32", packing=1, players=None, **options):
    keras.utils.set_random_seed(0)
    gan = BiGAN(
        **(players or networks(dtype, packing)),
        prior=kgan.priors.Uniform(LATENT, -1, 1),
        packing=packing,
        dtype=dtype,
        **options,
    )
    gan.compile(*[kgan.optimizers.FusedAdam(0.01) for _ in range(2)], **(compiled or {}))
    return gan


def pairs_of(images, latents):
    return np.concatenate([np.reshape(images, (len(images), -1)), latents], axis=1)


# The game


def test_d_sees_an_image_and_its_latents():
    gan = game()
    np.testing.assert_array_equal(gan.seen(tf.constant(X[:8]), Z), pairs_of(X[:8], Z))
    encoded = gan.encoder(X[:8]).numpy()
    np.testing.assert_array_equal(gan.seen(tf.constant(X[:8])), pairs_of(X[:8], encoded))
    assert (gan.image_shape, gan.seen_shape) == (SHAPE, PAIR)


# What G and E minimize, from the logits of pairs of data and of samples, by hand: the formula of
# each loss for samples, and that with data and samples in each other's place.
BY_HAND = {
    # log D(x, E(x)) + log(1 - D(G(z), z)): D's value itself (arXiv 1605.09782, eq. 3)
    "minimax": lambda r, f: -np.logaddexp(0, -r) - np.logaddexp(0, f),
    # the other label for each
    "non_saturating": lambda r, f: np.logaddexp(0, r) + np.logaddexp(0, -f),
    # half of each of the two above: softplus(o) - softplus(-o) = o
    "blended": lambda r, f: (r - f) / 2,
    "least_squares": lambda r, f: (r**2 + (f - 1) ** 2) / 2,
    "hinge": lambda r, f: r - f,
    "wasserstein": lambda r, f: r - f,
    "relativistic_paired": lambda r, f: np.logaddexp(0, r - f),
}


@pytest.mark.parametrize("name", LOSSES)
def test_g_and_e_minimize_together_what_d_maximizes(name):
    """The logs are those of the formulas, D's loss and the loss of G and E."""
    gan = game({"loss": name})
    logs = gan.evaluate(X[:8], batch_size=8, verbose=0, return_dict=True)
    seed = gan._seed(kgan.training.seeds.TEST_LATENTS, 0.0)
    latents = gan.prior.sample(8, seed)
    samples = gan.generator(latents)
    real = gan.discriminator(pairs_of(X[:8], gan.encoder(X[:8]))).numpy()[:, 0].astype("float64")
    fake = gan.discriminator(pairs_of(samples, latents)).numpy()[:, 0].astype("float64")
    assert logs["g_loss"] == pytest.approx(BY_HAND[name](real, fake).mean(), rel=1e-5)
    d_loss = losses.get(name).discriminator(tf.constant(real), tf.constant(fake))
    assert logs["d_loss"] == pytest.approx(float(tf.reduce_mean(d_loss)), rel=1e-5)
    assert logs["d_real"] == pytest.approx((1 / (1 + np.exp(-real))).mean(), rel=1e-5)


def weights(gan):
    return {name: getattr(gan, name).get_weights() for name in ("generator", "discriminator")} | {
        "encoder": gan.encoder.get_weights(),
        "generator": gan.generator.generator.get_weights(),
    }


def moved(before, after):
    return {
        name: any((a != b).any() for a, b in zip(before[name], after[name], strict=True))
        for name in before
    }


def with_states():
    """Networks with batch normalization and dropout, as any Keras models."""
    layers = keras.layers
    state = lambda: [layers.Dense(8, "relu"), layers.BatchNormalization(), layers.Dropout(0.5)]  # noqa: E731
    return {
        "generator": keras.Sequential(
            [keras.Input((LATENT,)), *state(), layers.Dense(16, "tanh"), layers.Reshape(SHAPE)]
        ),
        "discriminator": keras.Sequential([keras.Input(PAIR), *state(), layers.Dense(1)]),
        "encoder": keras.Sequential(
            [keras.Input(SHAPE), layers.Flatten(), *state(), layers.Dense(LATENT)]
        ),
    }


@pytest.mark.parametrize("loss", ["non_saturating", "relativistic_paired"])
@pytest.mark.parametrize("make", [networks, with_states])
def test_each_update_moves_its_own_side_alone(loss, make):
    """D's moves neither G nor E, states included; G's moves both, and not D."""
    gan = game({"loss": loss, "run_eagerly": True}, players=make())
    minibatch = Minibatch(tf.constant(X[:8]), None)
    before = weights(gan)
    gan._update_discriminator(minibatch, 0)
    after = weights(gan)
    assert moved(before, after) == {"generator": False, "encoder": False, "discriminator": True}
    gan._update_generator(minibatch)
    assert moved(after, weights(gan)) == {
        **{"generator": True, "encoder": True, "discriminator": False},
    }


def test_without_its_part_of_the_loss_e_stands_still():
    """The cause of the above: the plain loss of G knows no pairs of data."""

    class Plain(BiGAN):
        needs_real_logits = False

        def generator_loss(self, real_logits, fake_logits):
            return self.loss.generator(None, fake_logits)

    players = networks()
    gan = Plain(**players, prior=kgan.priors.Uniform(LATENT, -1, 1))
    gan.compile("adam", "adam", run_eagerly=True)
    before = weights(gan)
    with pytest.warns(UserWarning, match="Gradients do not exist"):
        gan._update_generator(Minibatch(tf.constant(X[:8]), None))
    assert moved(before, weights(gan))["encoder"] is False


@pytest.mark.parametrize("loss", ["non_saturating", "relativistic_paired"])
def test_what_layers_add_to_the_loss_counts_for_e_as_well(loss):
    """Of one seed, with and without regularizers: Keras's L2 has the factor 0.01."""
    games = []
    for regularizer in (None, "l2"):
        keras.utils.set_random_seed(0)
        last = keras.layers.Dense(
            LATENT, activity_regularizer=regularizer, kernel_regularizer=regularizer
        )
        encoder = keras.Sequential([keras.Input(SHAPE), keras.layers.Flatten(), last])
        players = {**networks(), "encoder": encoder}
        games.append(game({"run_eagerly": True, "loss": loss}, players=players))
    plain, gan = games
    for one, other in zip(plain.get_weights(), gan.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    # Keras divides what activities add by the size of the batch.
    kernel, latents = gan.encoder.trainable_variables[0], gan.encoder(X[:8])
    added = 0.01 * (np.square(latents).sum() / 8 + np.square(kernel).sum())
    logs = [each.evaluate(X[:8], batch_size=8, verbose=0, return_dict=True) for each in games]
    assert logs[1]["g_loss"] - logs[0]["g_loss"] == pytest.approx(added, rel=1e-4)
    minibatch = Minibatch(tf.constant(X[:8]), None)
    trained = [float(each._update_generator(minibatch)) for each in games]
    assert trained[1] - trained[0] == pytest.approx(added, rel=1e-4)


def test_penalties_are_of_the_gradient_with_respect_to_the_pair():
    """R1 of gamma 2 adds the mean squared norm over all 19 numbers of a pair of data."""
    gan = game({"run_eagerly": True, "loss": Zero(), "penalties": penalties.R1(2.0)})
    pairs = tf.constant(pairs_of(X[:8], gan.encoder(X[:8])))
    with tf.GradientTape() as tape:
        tape.watch(pairs)
        logits = gan.discriminator(pairs)
    gradient = tape.gradient(logits, pairs).numpy()
    metrics = gan._update_discriminator(Minibatch(tf.constant(X[:8]), None), 0)
    assert float(metrics[0]) == pytest.approx(np.square(gradient).sum(1).mean(), rel=1e-5)
    assert np.square(gradient[:, 16:]).sum() > 0.01 * np.square(gradient).sum()


class Zero(losses.AdversarialLoss):
    def discriminator(self, real_logits, fake_logits):
        return 0.0 * real_logits[:, 0]

    def generator(self, real_logits, fake_logits):
        return 0.0 * fake_logits


class OwnLoss:
    """The two methods of a loss, and no word of what is mirrored."""

    def discriminator(self, real_logits, fake_logits):
        return fake_logits - real_logits

    def generator(self, real_logits, fake_logits):
        return -fake_logits


def test_a_loss_that_does_not_say_is_mirrored_by_the_sign():
    logs = [
        game({"loss": loss}).evaluate(X[:8], verbose=0, return_dict=True)["g_loss"]
        for loss in (OwnLoss(), "wasserstein")
    ]
    assert logs[0] == pytest.approx(logs[1], rel=1e-6)


def test_augmentation_is_of_the_images_alone():
    """Of packs as well, each image by itself; the latents stay as they are."""
    negative = OfImages(lambda images, seed: -images, SHAPE, PAIR[0])
    pairs = pairs_of(X[:8], Z)
    expected = pairs_of(-X[:8], Z)
    np.testing.assert_array_equal(negative(tf.constant(pairs), (0, 0)), expected)
    packs = tf.constant(pairs.reshape(4, -1))
    np.testing.assert_array_equal(negative(packs, (0, 0)), expected.reshape(4, -1))


PENALTIES = [None, penalties.R1(), penalties.R2(), penalties.GradientPenalty()]
OPTIONS = [
    {},
    {"ema_decay": 0.9, "discriminator_steps": 2},
    {"augmentation": kgan.augmentation.DiffAugment()},
    {"dtype": "mixed_bfloat16"},
    {"dtype": "mixed_float16"},
    {"packing": 2, "augmentation": kgan.augmentation.DiffAugment()},
]


@pytest.mark.slow
@pytest.mark.parametrize("i", range(len(LOSSES)), ids=LOSSES)
def test_every_part_plays_with_pairs(i):
    """Every loss, penalty and option, eagerly: nothing becomes NaN, and all networks move."""
    options = OPTIONS[i % len(OPTIONS)]
    compiled = {"loss": LOSSES[i], "penalties": PENALTIES[i % 4], "run_eagerly": True}
    gan = game(compiled, **options)
    before = weights(gan)
    logs = gan.fit(X[:8], batch_size=4, verbose=0).history
    assert all(np.isfinite(values).all() for values in logs.values()), options
    if options.get("dtype") != "mixed_float16":  # skips steps until the scale of the loss fits
        assert all(moved(before, weights(gan)).values()), options


# It learns


@pytest.mark.slow
def test_the_encoder_inverts_the_generator():
    """Points x = 2 z + 1 of a normal z, and linear maps: E(G(z)) comes close to z, G(E(x)) to x.

    E(x) has the prior's mean 0 and deviation 1. Without its part of the loss E stays E(x) = k x, of
    mean k and deviation 2 |k|, which miss these by 1/2 together at least.
    """
    x = 2 * np.random.default_rng(0).normal(size=(6400, 1)).astype("float32") + 1
    z = np.linspace(-1.5, 1.5, 61, dtype="float32")[:, None]

    class Plain(BiGAN):
        needs_real_logits = False

        def generator_loss(self, real_logits, fake_logits):
            return self.loss.generator(None, fake_logits)

    errors = []
    for cls, epochs in ((BiGAN, 15), (Plain, 1)):
        keras.utils.set_random_seed(1)
        gan = cls(
            MLPGenerator((1,), 1, units=(), value_range=None),
            MLPDiscriminator((2,), units=(32, 32)),
            MLPEncoder((1,), 1, units=()),
            kgan.priors.Normal(1),
            ema_decay=0.99,
        )
        adams = [kgan.optimizers.FusedAdam(0.01, beta_1=0.5) for _ in range(2)]
        gan.compile(*adams, penalties=penalties.R1(0.1), steps_per_execution=10)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of Keras: E has no gradient
            gan.fit(x, batch_size=64, epochs=epochs, verbose=0, collapse_alarm=False)
        found, back = gan.encode(x), gan.encode(gan.predict(z, verbose=0))
        inverse = np.abs(back - z).mean(), np.abs(gan.reconstruct(x) - x).mean()
        errors.append((abs(found.mean()) + abs(found.std() - 1), *inverse))
    print(errors)
    assert max(errors[0]) < 0.15, errors  # 0.01 measured
    assert errors[1][0] > 0.45, errors  # but for the deviation of the 6,400 points


# What it gives away


@pytest.fixture(scope="module")
def trained():
    """A game of three steps, and what decides the next three."""
    gan = game({"penalties": penalties.R1()}, ema_decay=0.9)
    gan.fit(X, batch_size=8, shuffle=False, verbose=0)
    return gan


def test_latents_and_reconstructions_are_those_of_the_ema(trained):
    encoded, again = trained.encode(X[:5]), trained.reconstruct(X[:5])
    assert (encoded.shape, encoded.dtype, again.shape) == ((5, LATENT), np.float32, (5, *SHAPE))
    with trained.averaged():
        expected = trained.encoder(X[:5])
        np.testing.assert_allclose(encoded, expected, atol=1e-6)
        np.testing.assert_allclose(again, trained.generator(expected), atol=1e-6)
    assert np.abs(encoded - trained.encoder(X[:5])).max() > 1e-3  # the latest weights


@pytest.mark.slow
def test_a_resumed_training_goes_on_as_it_would_have(trained, tmp_path):
    again, arrays = saved(trained, tmp_path)

    def fit(gan):
        gan.fit(X, batch_size=8, shuffle=False, verbose=0)

    assert_goes_on(trained, again, arrays, fit)


def test_a_configuration_makes_the_same_game():
    gan = game(augmentation=kgan.augmentation.DiffAugment(), packing=2)
    again = BiGAN.from_config(gan.get_config())
    assert again.get_config() == gan.get_config()
    assert isinstance(again.augmentation.of_images, kgan.augmentation.DiffAugment)
    settings = gan.training_settings()
    assert settings["packing"] == 2
    assert any(name.startswith("augmentation.of_images") for name in settings)
    generator = gan.generator
    assert type(EncodedGenerator.from_config(generator.get_config())) is EncodedGenerator


def test_a_saved_model_encodes_and_reconstructs(trained, tmp_path):
    """With the EMA, in plain TensorFlow and by kgan's own loader; pixels are in [0, 1] there."""
    given = (X[:5] + 1) / 2
    latents, again = trained.encode(X[:5]), (trained.reconstruct(X[:5]) + 1) / 2
    trained.export(tmp_path / "1", verbose=False)
    model = tf.saved_model.load(str(tmp_path / "1"))
    assert set(model.signatures) == {
        *("serving_default", "sample", "sample_png", "encode", "reconstruct"),
    }
    found = model.signatures["encode"](images=tf.constant(given))["latents"]
    np.testing.assert_allclose(found, latents, atol=1e-5)
    found = model.signatures["reconstruct"](images=tf.constant(given))["images"]
    np.testing.assert_allclose(found, again, atol=1e-5)
    samples = model.signatures["sample"](count=tf.constant(4), seed=tf.constant([0, 3]))["images"]
    np.testing.assert_allclose(samples, (trained.sample(4, (0, 3)) + 1) / 2, atol=1e-5)
    trained.save(tmp_path / "game.keras")
    trained.save_run(tmp_path / "run")
    for path in ("1", "game.keras", "run"):
        loaded = kgan.inference.load(tmp_path / path)
        np.testing.assert_allclose(loaded.encode(given), latents, atol=1e-5)
        np.testing.assert_allclose(loaded.reconstruct(given), again, atol=1e-5)
    again_game = kgan.load_run(tmp_path / "run")
    assert type(again_game) is BiGAN
    np.testing.assert_allclose(again_game.encode(X[:5]), latents, atol=1e-6)


def test_points_have_latents_too(tmp_path):
    keras.utils.set_random_seed(0)
    gan = BiGAN(
        MLPGenerator((2,), 2, units=(4,), value_range=None),
        MLPDiscriminator((4,), units=(4,)),
        MLPEncoder((2,), 2, units=(4,)),
        kgan.priors.Normal(2),
    )
    points = np.random.default_rng(0).normal(size=(6, 2)).astype("float32")
    encoded = gan.encode(points)
    gan.export(tmp_path / "1", verbose=False)
    loaded = kgan.inference.load(tmp_path / "1")
    np.testing.assert_allclose(loaded.encode(points), encoded, atol=1e-5)
    np.testing.assert_allclose(loaded.reconstruct(points), gan.reconstruct(points), atol=1e-5)


def test_an_encoder_keeps_to_its_range():
    encoder = MLPEncoder(SHAPE, LATENT, units=(4,), latent_range=(-1, 3))
    latents = encoder(1e6 * X).numpy()
    assert latents.min() == -1
    assert latents.max() == 3
    free = MLPEncoder(SHAPE, LATENT, units=(4,))
    assert np.abs(free(1e6 * X)).max() > 1e3


def test_an_encoder_has_features_below_its_latents():
    """Whatever the range of the latents: a weighted sum of the features, in half precision too."""
    encoder = MLPEncoder(SHAPE, LATENT, units=(6, 4), dtype="mixed_float16")
    features = encoder.features(X)
    assert (features.shape, features.dtype) == ((len(X), 4), tf.float16)
    kernel, bias = encoder.output_layer.get_weights()
    expected = features.numpy().astype("float32") @ kernel + bias
    np.testing.assert_allclose(encoder(X), expected, rtol=1e-5, atol=1e-5)


# What does not fit


def make(**changed):
    return BiGAN(**{**networks(), "prior": kgan.priors.Uniform(LATENT, -1, 1), **changed})


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (
            lambda: {"discriminator": MLPDiscriminator(SHAPE)},
            r"`discriminator`: expected one of pairs, with image_shape=\(19,\), the 16 numbers of "
            r"an image and its 3 latents, received one for image_shape=\(4, 4, 1\)",
        ),
        (
            lambda: {"packing": 2},
            r"`discriminator`: .*=\(19,\), in packs of 2 \(38,\), .*image_shape=\(19,\)\.",
        ),
        (
            lambda: {"encoder": MLPEncoder(SHAPE, 5)},
            r"`encoder`: expected one for the generator's latent_dim=3, .* latent_dim=5",
        ),
        (
            lambda: {"encoder": MLPEncoder((8, 8, 1), 3)},
            r"`encoder`: expected one for .* image_shape=\(4, 4, 1\), .*\(8, 8, 1\)",
        ),
        (
            lambda: {"generator": MLPGenerator(SHAPE, LATENT, num_classes=3)},
            r"`generator`: expected a network without a condition, .* num_classes=3",
        ),
        (
            lambda: {"discriminator": MLPDiscriminator(PAIR, num_classes=3)},
            r"`discriminator`: expected a network without a condition",
        ),
        (lambda: {"prior": kgan.priors.Normal(4)}, r"`prior`: expected latents of .*latent_dim=3"),
    ],
)
def test_what_does_not_fit_is_refused(changed, sentence):
    with pytest.raises(ValueError, match=sentence):
        make(**changed())


class Unknown(keras.Model):
    """Declares nothing."""

    def __init__(self, size=LATENT):
        super().__init__()
        self.layer = keras.layers.Dense(size)

    def call(self, images):
        return self.layer(keras.ops.reshape(images, (-1, 16)))


def test_a_network_that_declares_nothing_is_looked_at_when_it_is_built():
    gan = make(encoder=Unknown())
    gan.compile("adam", "adam")
    assert gan.encode(X[:2]).shape == (2, LATENT)
    for size, sentence in (
        (5, r"`encoder`: expected latents \[batch, 3\], received an output of shape \[batch, 5\]"),
    ):
        with pytest.raises(ValueError, match=sentence):
            make(encoder=Unknown(size)).compile("adam", "adam")
    with pytest.raises(ValueError, match=r"`encoder`: expected a network with the attribute `im"):
        make(encoder=Unknown(), generator=Unknown())


def test_images_that_cannot_be_encoded_are_refused(trained):
    for wrong, sentence in (
        (X[:2, :3], r"`images`: expected images of shape \(4, 4, 1\).*received \(3, 4, 1\)"),
        (X[0], r"`images`: .*Add the axis of the batch"),
        ((100 * X[:2]).astype("uint8"), r"`images`: expected floating point images"),
        (X[:2] + 3, r"`images`: expected pixels in the game's value range \(-1, 1\)"),
        (X[:2] * np.nan, r"`images`: expected finite numbers, received NaN"),
        (X[:0], r"`images`: expected at least one image"),
    ):
        for method in (trained.encode, trained.reconstruct):
            with pytest.raises(ValueError, match=sentence):
                method(wrong)


def test_labels_are_refused(trained):
    with pytest.raises(ValueError, match=r"`y`: expected no labels, as the game is not condit"):
        trained.fit(X, np.zeros(len(X), "int32"), batch_size=8)


def test_a_game_without_an_encoder_says_so(tmp_path):
    gan = kgan.GAN(
        MLPGenerator(SHAPE, LATENT, units=(4,)),
        MLPDiscriminator(SHAPE, units=(4,)),
        kgan.priors.Normal(LATENT),
    )
    with pytest.raises(ValueError, match=r"This GAN has no encoder, .*variants\.BiGAN trains one"):
        gan.encode(X)
    with pytest.raises(ValueError, match=r"This GAN has no encoder"):
        gan.reconstruct(X)
    gan.build()
    gan.save(tmp_path / "a.keras")
    with pytest.raises(ValueError, match=r"a\.keras has no encoder, .*--variant=bigan trains one"):
        kgan.inference.load(tmp_path / "a.keras").encode(X)
