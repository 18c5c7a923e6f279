"""Games beside the plain one: conditional, packed, augmented, lazily penalised, with more terms."""

import warnings
from typing import ClassVar

import keras
import numpy as np
import pytest
import tensorflow as tf

import kgan
from kgan import penalties
from kgan.training.minibatches import Minibatch
from kgan.training.validation import sample_labels

SHAPE = (4, 4, 1)
CLASSES = 3


def images(n, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (n, *SHAPE)).astype("float32")


def labels(n):
    return np.random.default_rng(1).integers(CLASSES, size=n)


def game(num_classes=None, packing=1, cls=kgan.GAN, k=1, **kwargs):
    keras.utils.set_random_seed(0)
    return cls(
        kgan.networks.MLPGenerator(SHAPE, latent_dim=4, units=(8,), num_classes=num_classes),
        kgan.networks.MLPDiscriminator(
            (*SHAPE[:-1], packing * SHAPE[-1]), units=(8,), num_classes=num_classes
        ),
        kgan.priors.Normal(4),
        discriminator_steps=k,
        packing=packing,
        **kwargs,
    )


def weights(gan):
    return [weight.numpy() for weight in gan.trainable_variables]


def assert_equal(one, other):
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


class Nothing(kgan.losses.AdversarialLoss):
    """Leaves D what it pays for being steep."""

    def discriminator(self, real_logits, fake_logits):
        return tf.zeros_like(real_logits[:, 0])

    def generator(self, real_logits, fake_logits):
        return -fake_logits[:, 0]


# Conditional games


class Witness(keras.Model):
    """A player that remembers what it was called with, and passes it to a player."""

    def __init__(self, player):
        super().__init__()
        self.player = player
        self.num_classes = player.num_classes
        self.image_shape = player.image_shape
        self.seen = []

    def call(self, inputs, training=False):
        if hasattr(inputs[0], "numpy"):
            self.seen.append([np.array(x) for x in inputs])
        return self.player(inputs, training=training)


def test_both_players_are_told_the_labels_of_the_data():
    plain = game(CLASSES)
    generator, discriminator = Witness(plain.generator), Witness(plain.discriminator)
    gan = kgan.GAN(generator, discriminator, kgan.priors.Normal(4), discriminator_steps=2)
    gan.compile("sgd", "sgd", run_eagerly=True)
    generator.seen.clear()  # of the trial calls of `compile`
    discriminator.seen.clear()
    x, y = images(12), labels(12)
    gan.fit(x, y, batch_size=12, shuffle=False, verbose=0)
    told = [y[:6], y[6:], y[6:]]  # two updates of D, one of G on D's last labels
    assert [len(seen) for seen in generator.seen] == [2, 2, 2]
    assert_equal([seen[1] for seen in generator.seen], told)
    # Data and samples of the same labels in D's updates, samples alone in G's.
    assert_equal([seen[1] for seen in discriminator.seen], [y[:6], y[:6], y[6:], y[6:], y[6:]])
    assert_equal([discriminator.seen[i][0] for i in (0, 2)], [x[:6], x[6:]])
    assert discriminator.seen[0][1].dtype == np.int32


@pytest.mark.slow
def test_a_conditional_game_learns_the_distribution_of_each_class():
    """Two classes of points, N(-2, 0.3^2) and N(2, 0.3^2): p(x|c), row F of the theory.

    Over seeds 0 to 4 each class mean came within 0.08 of its own.
    """
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=2560)
    x = (4 * y - 2 + 0.3 * rng.normal(size=y.shape))[:, None].astype("float32")
    gan = kgan.GAN(
        kgan.networks.MLPGenerator((1,), 2, units=(16,), value_range=None, num_classes=2),
        kgan.networks.MLPDiscriminator((1,), units=(32,), num_classes=2),
        kgan.priors.Normal(2),
    )
    adams = [keras.optimizers.Adam(5e-3, 0.5) for _ in range(2)]
    gan.compile(*adams, penalties=kgan.penalties.R1(0.1), steps_per_execution=20)
    gan.fit(x, y, batch_size=128, epochs=30, verbose=0)
    for label, mean in ((0, -2), (1, 2)):
        assert gan.sample(500, seed=1, labels=label).mean() == pytest.approx(mean, abs=0.25)


def test_labels_of_samples():
    assert sample_labels(None, 5, CLASSES).dtype == np.int32
    gan = game(CLASSES)
    turn = gan.sample(7, seed=2)
    assert_equal([turn], [gan.sample(7, seed=2, labels=[0, 1, 2, 0, 1, 2, 0])])
    assert_equal([gan.sample(4, seed=2, labels=1)], [gan.sample(4, seed=2, labels=[1] * 4)])
    assert np.abs(turn[0] - gan.sample(1, seed=2, labels=1)[0]).max() > 1e-3
    for wrong in ([0, 1], 3, -1, [0.0, 1.0, 2.0]):
        with pytest.raises(ValueError, match=r"argument `labels`: expected (3 int|classes from 0)"):
            gan.sample(3, labels=wrong)
    with pytest.raises(ValueError, match="expected None, as the generator is not conditional"):
        game().sample(3, labels=1)


def test_bad_labels_of_data_are_refused():
    gan = game(CLASSES)
    gan.compile("sgd", "sgd")
    x = images(8)
    with pytest.raises(ValueError, match="the networks are conditional and expected pairs"):
        gan.fit(x, batch_size=8, verbose=0)
    with pytest.raises(ValueError, match="expected classes from 0 to 2, received 0 to 3"):
        gan.fit(x, np.array([0, 1, 2, 3] * 2), batch_size=8, verbose=0)
    one_hot = tf.data.Dataset.from_tensors((x, np.eye(3, dtype="float32")[[0] * 8]))
    with pytest.raises(ValueError, match="expected integer labels"):
        gan.fit(one_hot, verbose=0)
    unknown = tf.data.Dataset.from_tensors((x, np.array([0, 1, 2, 3] * 2)))
    with pytest.raises(ValueError, match="expected classes from 0 to 2, received 0 to 3"):
        gan.fit(unknown, verbose=0)
    with pytest.raises(ValueError, match=r"num_classes=3, received one for num_classes=None"):
        kgan.GAN(gan.generator, game().discriminator, kgan.priors.Normal(4))


@pytest.mark.slow
def test_a_conditional_packed_game_is_saved_whole(tmp_path):
    gan = game(CLASSES, packing=2, ema_decay=0.9)
    gan.compile("adam", "adam", penalties=penalties.R1(1.0), penalty_interval=4)
    gan.fit(images(8), labels(8), batch_size=8, verbose=0)
    gan.save(tmp_path / "gan.keras")
    again = keras.saving.load_model(tmp_path / "gan.keras")
    assert (again.packing, again.num_classes, again.penalty_interval) == (2, CLASSES, 4)
    assert_equal([again.sample(5)], [gan.sample(5)])
    for one in (gan, again):
        one.fit(images(8), labels(8), batch_size=8, shuffle=False, verbose=0)
    assert_equal(weights(again), weights(gan))
    assert set(again.evaluate(images(8), labels(8), verbose=0, return_dict=True)) >= {"d_loss"}


# Packs


def test_packs_are_what_the_discriminator_is_shown():
    """Pairs of images as the channels of one, data and samples, and their labels beside."""
    plain = game(CLASSES, packing=2)
    shown = Witness(plain.discriminator)
    gan = kgan.GAN(plain.generator, shown, kgan.priors.Normal(4), packing=2)
    gan.compile("sgd", "sgd", run_eagerly=True)
    shown.seen.clear()  # of the trial calls of `compile`
    x, y = images(8), labels(8)
    latents = gan.prior.sample(8, gan._seed(0, tf.constant(0, tf.int64)))
    samples = plain.generator([latents, y]).numpy()
    gan.fit(x, y, batch_size=8, shuffle=False, verbose=0)
    for (seen, told), given in zip(shown.seen[:2], (x, samples), strict=True):
        pairs = np.concatenate([given[0::2], given[1::2]], axis=-1)
        np.testing.assert_allclose(seen, pairs, atol=1e-6)
        np.testing.assert_array_equal(told, np.stack([y[0::2], y[1::2]], axis=1))


def test_a_penalty_on_a_pack_is_of_its_whole_slope():
    """D = w . (both images): R1 is gamma / 2 ||w||^2, however many images the packs hold."""
    gan = game(packing=2)
    flat, linear = keras.layers.Flatten(), keras.layers.Dense(1, use_bias=False)
    gan.discriminator = keras.Sequential([flat, linear])
    gan.compile("sgd", keras.optimizers.SGD(0.1), penalties=penalties.R1(4.0))
    gan.loss = Nothing()
    kernel = gan.discriminator.weights[0]
    before = kernel.numpy()
    gan._update_discriminator(Minibatch(tf.constant(images(8)), None), 0)
    np.testing.assert_allclose(kernel, before * (1 - 0.1 * 4.0), atol=1e-6)


def test_packs_fill_every_minibatch():
    for size, k, multiple in ((7, 1, 2), (6, 2, 4)):
        gan = game(packing=2, k=k)
        gan.compile("sgd", "sgd")
        with pytest.raises(ValueError, match=rf"packing=2.* a multiple of {multiple}"):
            gan.fit(images(size), batch_size=size, verbose=0)
        with pytest.raises(ValueError, match=rf"packing=2.* a multiple of {multiple}"):
            gan.fit(tf.data.Dataset.from_tensors(images(size)), verbose=0)
    with pytest.raises(ValueError, match=r"in packs of 2 \(4, 4, 2\), received one for .*4, 4, 1"):
        kgan.GAN(game().generator, game().discriminator, kgan.priors.Normal(4), packing=2)


# Lazy penalties


@pytest.mark.slow
@pytest.mark.parametrize("jit_compile", [False, True])
def test_lazy_penalties_are_paid_now_and_then_for_all_the_time(jit_compile):
    def after(steps, penalty, interval=1):
        gan = game(k=2)
        sgd = [keras.optimizers.SGD(0.05) for _ in range(2)]
        gan.compile(*sgd, penalties=penalty, penalty_interval=interval, jit_compile=jit_compile)
        gan.fit(images(24), batch_size=8, epochs=1, shuffle=False, verbose=0, steps_per_epoch=steps)
        return weights(gan)

    # D's updates are 0, 1 | 2, 3 | ... With interval 3, updates 0 and 3 pay three times as much.
    class At(penalties.R1):
        """Paid with another weight at each update, by the game's own count."""

        def __call__(self, images, samples, slopes, seed):
            ordinal = next(At.count)
            return At.paid[ordinal] * super().__call__(images, samples, slopes, seed)

    lazy = after(2, penalties.R1(2.0), interval=3)
    by_hand = game(k=2)
    sgd = [keras.optimizers.SGD(0.05) for _ in range(2)]
    by_hand.compile(*sgd, penalties=At(2.0), run_eagerly=True)
    At.count, At.paid = iter(range(4)), [3.0, 0.0, 0.0, 3.0]
    by_hand.fit(images(16), batch_size=8, shuffle=False, verbose=0)
    for one, other in zip(lazy, weights(by_hand), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=2e-6)
    never = after(2, None)
    assert max(np.abs(a - b).max() for a, b in zip(lazy, never, strict=True)) > 1e-3


@pytest.mark.parametrize("run_eagerly", [False, True])
@pytest.mark.parametrize("interval", [1, 2])
def test_a_weight_that_nothing_depends_on_stays(interval, run_eagerly):
    """D's last bias has no part in what D pays for its slopes."""
    gan = game()
    gan.compile("sgd", "sgd", penalties=penalties.R1(1.0), penalty_interval=interval)
    gan.run_eagerly = run_eagerly
    gan.loss = Nothing()
    bias = gan.discriminator.output_layer.bias
    before = bias.numpy()
    x = tf.data.Dataset.from_tensor_slices(images(16)).batch(8)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Gradients do not exist")
        gan.fit(x, verbose=0)
    np.testing.assert_array_equal(bias, before)


def test_an_interval_is_a_positive_integer():
    with pytest.raises(ValueError, match="`penalty_interval`: expected a positive integer"):
        game().compile("sgd", "sgd", penalty_interval=0)


# Augmentation


@keras.saving.register_keras_serializable(package="tests")
class Scaled:
    """Multiplies images by a number that follows from the seed."""

    seeds: ClassVar[list] = []

    def __call__(self, images, seed):
        if tf.executing_eagerly():
            Scaled.seeds.append(tuple(seed.numpy()))
        return images * 0.5

    def get_config(self):
        return {}

    @classmethod
    def from_config(cls, config):
        return cls()


def test_data_and_samples_are_augmented_in_both_updates():
    """To G, a D that sees halved images is a D whose first weights are halved."""
    Scaled.seeds.clear()
    gan = game(augmentation=Scaled())
    gan.compile("sgd", "sgd", penalties=penalties.R1(1.0), run_eagerly=True)
    gan.fit(images(8), batch_size=8, verbose=0)
    # Of data and of samples in D's update, of samples in G's.
    assert len(Scaled.seeds) == len(set(Scaled.seeds)) == 3
    halved = game()
    halved.build()
    kernel = halved.discriminator.hidden[0].kernel
    kernel.assign(kernel / 2)
    halved.compile(keras.optimizers.SGD(0.01), keras.optimizers.SGD(0.01))
    plain = game(augmentation=Scaled())
    plain.compile(keras.optimizers.SGD(0.01), keras.optimizers.SGD(0.01))
    x = tf.constant(images(8))
    halved._update_generator(Minibatch(x, None))
    plain._update_generator(Minibatch(x, None))
    for a, b in zip(
        halved.generator.trainable_variables, plain.generator.trainable_variables, strict=True
    ):
        np.testing.assert_allclose(a, b, atol=1e-7)
    config = keras.saving.serialize_keras_object(plain)
    assert isinstance(keras.saving.deserialize_keras_object(config).augmentation, Scaled)


# Further terms and players


class WithCode(kgan.GAN):
    """InfoGAN's idea: a third player reads the first latent off the sample, and G helps it."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.reader = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(1)])

    def build(self, input_shape=None):
        super().build()
        self.reader.build((None, *SHAPE))

    @property
    def generator_variables(self):
        return self.generator.trainable_variables + self.reader.trainable_variables

    def generator_term(self, samples, latents, condition, images):
        return tf.reduce_mean(tf.square(self.reader(samples) - latents[:, :1]))


@pytest.mark.slow
def test_a_third_player_moves_with_the_generator():
    gan = game(cls=WithCode)
    gan.compile(keras.optimizers.Adam(1e-2), keras.optimizers.Adam(1e-2))
    start = [weight.numpy() for weight in gan.reader.weights]
    x = tf.constant(images(64))
    gan._update_discriminator(Minibatch(x, None), 0)
    assert_equal([weight.numpy() for weight in gan.reader.weights], start)

    def error():
        latents = gan.prior.sample(500, 9)
        samples = gan.generator(latents)
        return float(gan.generator_term(samples, latents, None, None))

    before = error()
    gan.fit(images(640), batch_size=64, epochs=15, verbose=0)
    assert error() < 0.5 * before


def test_a_further_term_of_the_discriminator_sees_data_samples_and_labels():
    seen = []

    class WithTerm(kgan.GAN):
        def discriminator_term(self, images, samples, condition, update):
            seen.append((images.shape, samples.shape, condition.numpy()))
            return 0.0

    gan = game(cls=WithTerm)
    gan.compile("sgd", "sgd", run_eagerly=True)
    y = labels(8)
    gan.fit(images(8), y, batch_size=8, shuffle=False, verbose=0)
    ((real, fake, told),) = seen
    assert real == fake == (8, *SHAPE)
    assert_equal([told], [y])


# Precision


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_500_steps_in_half_precision(policy):
    """No number is not finite; of float16's updates a few are skipped while the scale settles."""
    gan = kgan.GAN(
        kgan.networks.MLPGenerator((8, 8, 1), 4, units=(16,), dtype=policy),
        kgan.networks.MLPDiscriminator((8, 8, 1), units=(16,), dtype=policy),
        kgan.priors.Normal(4),
        dtype=policy,
    )
    adams = [keras.optimizers.Adam(2e-4, 0.5) for _ in range(2)]
    both = [penalties.R1(1.0), penalties.R2(1.0)]
    gan.compile(*adams, "relativistic_paired", both, steps_per_execution=50)
    x = np.tanh(np.random.default_rng(0).normal(size=(2000, 8, 8, 1))).astype("float32")
    history = gan.fit(x, batch_size=8, epochs=2, verbose=0).history
    assert all(np.isfinite(values).all() for values in history.values())
    assert all(np.isfinite(weight).all() for weight in weights(gan))
    for optimizer in (gan.generator_optimizer, gan.discriminator_optimizer):
        assert isinstance(optimizer, keras.optimizers.LossScaleOptimizer) == (
            policy == "mixed_float16"
        )
        assert 480 <= int(optimizer.iterations.numpy()) <= 500
