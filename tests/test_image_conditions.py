"""A condition that is an image passes through Algorithm 1 untouched, and is checked at the door."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kgan
from kgan.networks import PatchDiscriminator, UNetGenerator
from kgan.training.discriminator_pass import DiscriminatorPass

SHAPE, GIVEN = (8, 8, 1), (4, 4, 2)


def images(n, shape=SHAPE, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (n, *shape)).astype("float32")


def game(condition_shape=GIVEN, latent_dim=3, **options):
    keras.utils.set_random_seed(0)
    return kgan.GAN(
        UNetGenerator(SHAPE, condition_shape, latent_dim, filters=2),
        PatchDiscriminator(SHAPE, condition_shape, filters=2),
        kgan.priors.Normal(latent_dim) if latent_dim else kgan.priors.NoLatents(),
        **options,
    )


class Witness(keras.Model):
    """A network that remembers what it was called with, and passes it to another."""

    def __init__(self, network):
        super().__init__()
        self.network = network
        self.condition_shape = network.condition_shape
        self.seen = []

    def call(self, inputs, training=False):
        if hasattr(inputs[0], "numpy"):
            self.seen.append([np.array(x) for x in inputs])
        return self.network(inputs, training=training)


def test_both_networks_see_the_conditions_of_their_minibatch():
    plain = game()
    generator, discriminator = Witness(plain.generator), Witness(plain.discriminator)
    gan = kgan.GAN(generator, discriminator, kgan.priors.Normal(3), discriminator_steps=2)
    gan.compile("sgd", "sgd", run_eagerly=True)
    generator.seen.clear()  # of the trial calls of `compile`
    discriminator.seen.clear()
    x, y = images(6), images(6, GIVEN)
    gan.fit(x, y, batch_size=6, shuffle=False, verbose=0)
    parts = [y[:3], y[3:], y[3:]]  # two updates of D, one of G on D's last conditions
    for seen, part in zip(generator.seen, parts, strict=True):
        np.testing.assert_array_equal(seen[1], part)
    # Data and samples with the same conditions in D's updates, samples alone in G's.
    for seen, part in zip(
        discriminator.seen, [*parts[:1] * 2, *parts[1:2] * 2, y[3:]], strict=True
    ):
        np.testing.assert_array_equal(seen[1], part)
    np.testing.assert_array_equal(discriminator.seen[0][0], x[:3])


def test_samples_follow_the_condition_and_the_latents():
    gan = game()
    given = images(4, GIVEN)
    made = gan.sample(4, seed=1, condition=given)
    assert made.shape == (4, *SHAPE)
    np.testing.assert_allclose(
        made[:2], gan.sample(2, seed=1, condition=given[:2]), atol=1e-6
    )  # kernels for other batch sizes add in another order
    one = gan.sample(4, seed=1, condition=given[2])  # one for all
    np.testing.assert_allclose(one[2], made[2], atol=1e-6)
    assert np.abs(one[0] - made[0]).max() > 0.01
    other = gan.sample(4, seed=2, condition=given)
    assert np.abs(other - made).max() > 1e-4
    np.testing.assert_allclose(  # no latents, no other image
        *(game(latent_dim=0).sample(4, seed=seed, condition=given) for seed in (1, 2)), atol=0
    )


def test_gradients_on_patches_are_those_of_the_mean_logit():
    """Central differences of each image's mean over the patches, in float64."""
    network = PatchDiscriminator(SHAPE, GIVEN, filters=2, dtype="float64")
    x, given = tf.constant(images(3), tf.float64), tf.constant(images(3, GIVEN), tf.float64)
    for weight in (network([x, given]), network.weights)[1]:
        weight.assign(np.random.default_rng(3).normal(size=weight.shape))
    discriminator = DiscriminatorPass(network, given)
    discriminator.logits(x, x[::-1])
    rng, h = np.random.default_rng(1), 1e-6
    way = rng.normal(size=x.shape)
    ends = [tf.reduce_mean(network([x + sign * h * way, given]), (1, 2, 3)) for sign in (1, -1)]
    measured = (ends[0] - ends[1]) / (2 * h)
    for points in (x, x + 0.0):  # of the last pass, and any others
        made = tf.reduce_sum(discriminator.gradients(points) * way, (1, 2, 3))
        # Logits come in float32: off by 1e-7 / h.
        np.testing.assert_allclose(made, measured, rtol=0.02, atol=0.2)
    penalty = kgan.penalties.R1(2.0)(x, x, discriminator.gradients, None)
    squares = tf.reduce_sum(discriminator.gradients(x) ** 2, (1, 2, 3))
    np.testing.assert_allclose(penalty, squares)


@pytest.mark.parametrize("shape", [(), (1,), (2, 3, 1)])
def test_logits_are_numbers_columns_or_patches(shape):
    def network(shape):
        layers = keras.layers
        size = int(np.prod(shape))
        inner = [layers.Flatten(), layers.Dense(size), layers.Reshape(shape)]
        return keras.Sequential([keras.Input(SHAPE), *inner])

    generator = kgan.networks.MLPGenerator(SHAPE, 3, units=(4,))
    gan = kgan.GAN(generator, network(shape), kgan.priors.Normal(3))
    gan.compile("sgd", "sgd", run_eagerly=True)
    logs = gan.fit(images(4), batch_size=4, verbose=0).history
    assert all(np.isfinite(value).all() for value in logs.values())
    for wrong in ((2,), (2, 3), (2, 3, 2), (2, 3, 4, 1)):
        with pytest.raises(ValueError, match=r"one logit for each image, \[batch, 1\], or patches"):
            kgan.GAN(generator, network(wrong), kgan.priors.Normal(3)).build()


def test_an_augmentation_moves_images_and_their_condition_alike():
    class Difference(keras.Model):
        condition_shape = SHAPE

        def call(self, inputs, training=False):
            return keras.ops.mean(keras.ops.abs(inputs[0] - inputs[1]), axis=(1, 2, 3))[:, None]

    x, shift = tf.constant(images(3)), kgan.augmentation.DiffAugment()
    augment = lambda packs, of_data: shift(packs, (0, int(of_data)))  # noqa: E731
    passed = DiscriminatorPass(Difference(), x, augment)
    both = tf.concat(passed.logits(x, x), axis=0)
    np.testing.assert_array_equal(both, np.zeros((6, 1)))
    assert np.abs(passed._condition_of(True) - x).max() > 0.1
    with pytest.raises(
        ValueError, match=r"`augmentation`: expected None for conditions of another"
    ):
        game(augmentation=shift).build()
    game(SHAPE, augmentation=shift).build()


BAD = [
    (None, r"expected floating point images \[4, 4, 4, 2\], the condition.*received none"),
    (images(4, (4, 4, 1)), r"received shape \(4, 4, 4, 1\)\. Resize or convert them"),
    (images(3, GIVEN), r"received shape \(3, 4, 4, 2\)"),
    (np.zeros((4, *GIVEN), np.uint8), r"received uint8 of shape .*Scale them"),
    (images(4, GIVEN) * 255, r"argument `y`: expected pixels in the game's value range \(-1, 1\)"),
    (images(4, GIVEN) * np.nan, r"argument `y`: expected finite numbers, received NaN"),
]


@pytest.mark.parametrize(("conditions", "sentence"), BAD)
def test_bad_conditions_are_refused_before_anything_is_compiled(conditions, sentence):
    gan = game()
    gan.compile("sgd", "sgd")
    x = images(4)
    with pytest.raises(ValueError, match=sentence):
        gan.fit(x, conditions, batch_size=4, verbose=0)
    pair = x if conditions is None else (x[: len(conditions)], conditions[: len(x)])
    if conditions is None or len(conditions) == len(x):
        sentence = sentence.replace(r"\[4,", r"\[(batch|4),").replace(r"\(4, 4", r"\((None|4), 4")
        with pytest.raises(ValueError, match=sentence):
            gan.fit(tf.data.Dataset.from_tensor_slices(pair).batch(4), verbose=0)
    assert gan.train_function is None or gan.step == 0


def test_bad_conditions_of_samples_are_refused():
    gan = game()
    for wrong, sentence in (
        (None, r"argument `condition`: expected floating point .*received none"),
        (images(3, (2, 2, 2)), r"argument `condition`: .*received shape \(3, 2, 2, 2\)"),
        (images(2, GIVEN), r"argument `condition`: .*received shape \(2, 4, 4, 2\)"),
    ):
        with pytest.raises(ValueError, match=sentence):
            gan.sample(3, condition=wrong)
    plain = kgan.networks.MLPGenerator(SHAPE, 3, units=(4,))
    d = kgan.networks.MLPDiscriminator(SHAPE, units=(4,))
    with pytest.raises(ValueError, match=r"expected None, as the generator takes no images"):
        kgan.GAN(plain, d, kgan.priors.Normal(3)).sample(3, condition=images(3, GIVEN))


def test_networks_agree_on_the_condition():
    gan = game()
    other = PatchDiscriminator(SHAPE, SHAPE, filters=2)
    with pytest.raises(ValueError, match=r"condition_shape=\(4, 4, 2\), received one for .*\(8, 8"):
        kgan.GAN(gan.generator, other, gan.prior)
    kgan.GAN(gan.generator, PatchDiscriminator(SHAPE, filters=2), gan.prior).build()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (((27, 27, 1), (27, 27, 1)), r"`image_shape`: .*such as 8, 28, 32, 48, 64 or 96"),
        (((28, 28, 1), (9, 9, 1)), r"`condition_shape`: .*\(28, 28, channels\), \(14, 14, chan"),
        (((28, 28, 1), (28, 28)), r"`condition_shape`: .*\(height, width, channels\); received"),
        (
            ((8, 8, 3), (8, 8, 4), 0, 2, None, "transposed", 0.0, True),
            r"`residual`: expected False or None for a condition of 4 channels and an image of 3",
        ),
        ((SHAPE, SHAPE, 0, 2, None, "transposed", 0.0, None, True), r"`keep_given`: expected Fal"),
        ((SHAPE, SHAPE, -1), r"`latent_dim`: expected an integer of at least 0, received -1"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        UNetGenerator(*arguments)


def test_a_residual_start_among_several_frames_is_the_newest():
    frames = np.random.default_rng(0).uniform(-0.9, 0.9, (2, 8, 8, 3)).astype("float32")
    keras.utils.set_random_seed(0)
    generator = UNetGenerator((8, 8, 1), (8, 8, 3), filters=2, residual=True)
    generator([tf.zeros([2, 0]), frames])
    generator.set_weights([0 * weight for weight in generator.get_weights()])
    made = generator([tf.zeros([2, 0]), frames]).numpy()
    np.testing.assert_allclose(made, frames[..., 2:], atol=1e-5)
    assert not UNetGenerator((8, 8, 1), (8, 8, 3), filters=2).residual, "it is asked for"


def test_a_residual_start_is_the_condition_and_given_pixels_stay():
    x = images(4)
    begun = UNetGenerator(SHAPE, SHAPE, filters=2)([tf.zeros([4, 0]), x]).numpy()
    cold = UNetGenerator(SHAPE, SHAPE, filters=2, residual=False)([tf.zeros([4, 0]), x]).numpy()
    # Values beyond 0.9 begin there, where the sigmoid has a slope; the last layer adds little.
    assert np.abs(begun - x.clip(-0.9, 0.9)).max() < 0.2 < np.abs(cold - x).max()
    mask = np.sign(images(4, seed=1))
    network = UNetGenerator(SHAPE, (8, 8, 2), filters=2, keep_given=True)
    made = network([tf.zeros([4, 0]), np.concatenate([x, mask], axis=-1)]).numpy()
    np.testing.assert_allclose(made[mask > 0], x[mask > 0], atol=1e-6)
    assert np.abs(made[mask < 0] - x[mask < 0]).max() > 0.01


def test_the_patch_is_not_larger_than_the_image():
    """16, 34 and 70 pixels for 1, 2 and 3 halvings: what moves the middle logit."""
    for side, halvings, patch in ((28, 1, 16), (64, 2, 34), (96, 3, 70)):
        network = PatchDiscriminator((side, side, 1), filters=1)
        assert network.halvings == halvings
        x = tf.constant(images(1, (side, side, 1)))
        network(x)
        # Normalization sees the whole image: without it, the convolutions alone.
        for layer in network.normalizations:
            layer.call = lambda x: x
        with tf.GradientTape() as tape:
            tape.watch(x)
            logits = network(x)
            middle = logits[0, logits.shape[1] // 2, logits.shape[2] // 2, 0]
        rows = np.flatnonzero(np.abs(tape.gradient(middle, x)[0]).max(axis=(1, 2)))
        assert rows.max() - rows.min() + 1 == patch


@pytest.mark.slow
def test_callbacks_draw_and_measure_with_the_conditions_of_the_images(tmp_path):
    """Samples are made from the conditions of the images that they are compared with."""
    gan, pair = game(), (images(40), images(40, GIVEN))
    gan.compile("sgd", "sgd")
    watchers = [
        kgan.callbacks.SampleGrid(tmp_path, every=2, count=4, condition=pair[1]),
        kgan.callbacks.GradientNorms(tmp_path, pair, every=2, count=8),
        kgan.callbacks.CollapseAlarm(tmp_path, pair, every=2, count=8),
        kgan.callbacks.Evaluate(tmp_path, pair, every=2, num_samples=20),
    ]
    gan.fit(*pair, batch_size=20, callbacks=watchers, verbose=0)
    for name in ("margin", "distinct", "frechet"):
        assert any(name in line for line in (tmp_path / "metrics.jsonl").read_text().splitlines())
    drawn = kgan.plots.side_by_side(pair[1][:4], gan.sample(4, condition=pair[1][:4]))
    assert (tmp_path / "samples" / "step_00000002.png").stat().st_size > 0
    assert drawn.shape[1] == 4 * (56 + 4) + 4  # two groups of a condition and a sample in a row
    for watcher in (
        kgan.callbacks.SampleGrid(tmp_path, every=2),
        kgan.callbacks.CollapseAlarm(tmp_path, pair[0], every=2, count=8),
        kgan.callbacks.Evaluate(tmp_path, pair[0], every=2, num_samples=20),
        kgan.callbacks.GradientNorms(tmp_path, pair[0], every=2, count=8),
    ):
        with pytest.raises(ValueError, match=r"expected pairs of images and conditions"):
            gan.fit(*pair, batch_size=20, callbacks=[watcher], verbose=0)


def test_pictures_side_by_side_have_sides_that_divide_the_largest():
    colour = images(2, (8, 8, 4))
    assert kgan.plots.side_by_side(images(2), colour, images(2, (4, 4, 2))).shape[2] == 3
    with pytest.raises(ValueError, match=r"`parts`: expected as many images in each"):
        kgan.plots.side_by_side(images(2), images(3))
    with pytest.raises(ValueError, match=r"sides divide those of the largest"):
        kgan.plots.side_by_side(images(2), images(2, (3, 3, 1)))
