"""Algorithm 1 played by `kgan.GAN`: who moves when, on what, and that nothing else does."""

import contextlib
import json
import math
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
import warm

import kgan
from kgan import gan as gan_module
from kgan.training import seeds
from kgan.training.discriminator_pass import DiscriminatorPass
from kgan.training.minibatches import Minibatch


def images(n, shape=(8, 8, 1), seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (n, *shape)).astype("float32")


def adams():
    return keras.optimizers.Adam(2e-4, 0.5), keras.optimizers.Adam(2e-4, 0.5)


def mlp_gan(k=1, seed=0, dropout=0.0, **kwargs):
    return kgan.GAN(
        kgan.networks.MLPGenerator((8, 8, 1), latent_dim=5, units=(16,)),
        kgan.networks.MLPDiscriminator((8, 8, 1), units=(16,), hidden_dropout=dropout),
        kgan.priors.Uniform(5),
        discriminator_steps=k,
        seed=seed,
        **kwargs,
    )


class NoisyDiscriminator(kgan.networks.Discriminator):
    """Has everything that can move by itself: batch normalisation and dropout."""

    def __init__(self, image_shape, **kwargs):
        super().__init__(image_shape, **kwargs)
        self.dropout = keras.layers.Dropout(0.3)
        self.hidden = keras.layers.Dense(8)
        self.normalization = keras.layers.BatchNormalization()
        self.output_layer = keras.layers.Dense(1)

    def build(self, input_shape):
        self.hidden.build((None, 64))
        self.normalization.build((None, 8))
        self.output_layer.build((None, 8))

    def call(self, images, training=False):
        x = self.dropout(keras.ops.reshape(images, (-1, 64)), training=training)
        x = self.normalization(self.hidden(x), training=training)
        return self.output_layer(keras.ops.leaky_relu(x))


def noisy_gan(k=1, seed=0):
    """Batch normalisation in both players, dropout in D."""
    keras.utils.set_random_seed(1)
    gan = kgan.GAN(
        kgan.networks.DCGANGenerator((8, 8, 1), latent_dim=5, filters=4),
        NoisyDiscriminator((8, 8, 1)),
        kgan.priors.Normal(5),
        discriminator_steps=k,
        seed=seed,
    )
    gan.compile(*adams())
    return gan


def drawn_latents(gan, n, stream, position):
    """What the game draws: n latents of a stream at a position."""
    return gan.prior.sample(n, gan._seed(stream, position))


def snapshot(variables):
    return [v.numpy() for v in variables]


def identical(before, variables):
    return all(np.array_equal(b, v) for b, v in zip(before, snapshot(variables), strict=True))


# Algorithm 1: k discriminator updates, one generator update, and neither touches the other.


@pytest.mark.parametrize("k", [1, 3])
def test_iterations_are_k_to_one(k):
    gan = mlp_gan(k)
    gan.compile(*adams())
    gan.fit(images(60), batch_size=12, epochs=2, verbose=0)
    assert int(gan.step_counter) == 10
    assert int(gan.generator_optimizer.iterations) == 10
    assert int(gan.discriminator_optimizer.iterations) == 10 * k


@pytest.mark.slow
@pytest.mark.parametrize("compiled", [False, True])
def test_an_update_moves_one_player_only(compiled):
    gan = noisy_gan()
    wrap = tf.function if compiled else (lambda f: f)
    d_side = [*gan.discriminator.variables, *gan.discriminator_optimizer.variables]
    g_side = [*gan.generator.variables, *gan.generator_optimizer.variables]
    assert {"moving_mean", "seed_generator_state"} <= {v.name for v in d_side}

    d_before, g_before = snapshot(d_side), snapshot(g_side)
    wrap(lambda: gan._update_generator(Minibatch(tf.constant(images(6)), None)))()
    assert identical(d_before, d_side)
    moved = [not np.array_equal(b, v) for b, v in zip(g_before, snapshot(g_side), strict=True)]
    names = {v.name for v, m in zip(g_side, moved, strict=True) if m}
    assert {"kernel", "gamma", "moving_mean", "moving_variance", "iteration"} <= names

    d_before, g_before = snapshot(d_side), snapshot(g_side)
    wrap(lambda: gan._update_discriminator(Minibatch(tf.constant(images(6)), None), 0))()
    assert identical(g_before, g_side)
    moved = [not np.array_equal(b, v) for b, v in zip(d_before, snapshot(d_side), strict=True)]
    names = {v.name for v, m in zip(d_side, moved, strict=True) if m}
    assert {"kernel", "gamma", "moving_mean", "moving_variance", "iteration"} <= names


def test_without_the_guard_normalisation_statistics_do_move(monkeypatch):
    """The property above fails when its cause is removed."""
    gan = noisy_gan()
    monkeypatch.setattr(gan_module, "unchanged", lambda *_: contextlib.nullcontext())
    statistics = [v for v in gan.discriminator.variables if v.name.startswith("moving")]
    before = snapshot(statistics)
    gan._update_generator(Minibatch(tf.constant(images(6)), None))
    assert not identical(before, statistics)


class Recorder(kgan.networks.Discriminator):
    """A linear discriminator that remembers what it was shown."""

    def __init__(self, image_shape):
        super().__init__(image_shape)
        self.dense = keras.layers.Dense(1)
        self.seen = []

    def build(self, input_shape):
        self.dense.build((None, 64))

    def call(self, images, training=False):
        self.seen.append(np.array(images))
        return self.dense(keras.ops.reshape(images, (-1, 64)))


class RecordingPrior(kgan.priors.Uniform):
    def __init__(self, dim):
        super().__init__(dim)
        self.drawn = []

    def sample(self, batch, seed):
        latents = super().sample(batch, seed)
        self.drawn.append(np.array(latents))
        return latents


def test_every_update_has_fresh_data_and_fresh_noise():
    k, m, steps = 3, 4, 5
    prior, discriminator = RecordingPrior(5), Recorder((8, 8, 1))
    gan = kgan.GAN(
        kgan.networks.MLPGenerator((8, 8, 1), latent_dim=5, units=(4,)),
        discriminator,
        prior,
        discriminator_steps=k,
    )
    gan.compile("sgd", "sgd", run_eagerly=True)
    discriminator.seen.clear()
    data = images(k * m * steps)
    gan.fit(data, batch_size=k * m, epochs=1, verbose=0)

    drawn = np.concatenate(prior.drawn)
    assert drawn.shape == ((k + 1) * m * steps, 5)
    assert len(np.unique(drawn, axis=0)) == len(drawn)
    # Each round shows D (data, samples) k times and then samples once.
    real = [s for i, s in enumerate(discriminator.seen) if i % (2 * k + 1) in range(0, 2 * k, 2)]
    assert [len(minibatch) for minibatch in real] == [m] * k * steps
    rows = np.concatenate(real).reshape(-1, 64)
    assert len(np.unique(rows, axis=0)) == len(data)
    assert {row.tobytes() for row in rows} == {row.tobytes() for row in data.reshape(-1, 64)}


def test_one_pass_over_data_and_samples_changes_nothing(monkeypatch):
    results = []
    for one_pass in (True, False):
        monkeypatch.setattr(kgan.networks.MLPDiscriminator, "independent_examples", one_pass)
        keras.utils.set_random_seed(0)
        gan = mlp_gan(k=2)
        gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1))
        gan.fit(images(100), batch_size=20, shuffle=False, verbose=0)
        results.append(gan.get_weights())
    for one, two in zip(*results, strict=True):
        np.testing.assert_allclose(one, two, rtol=0, atol=1e-6)  # the order of float32 sums


def test_batch_normalisation_keeps_data_and_samples_apart():
    gan = noisy_gan()
    assert not gan.discriminator.independent_examples
    gan.discriminator.dropout.rate = 0.0
    data, samples = tf.constant(images(6)), tf.constant(images(6, seed=1) * 0.1)
    real, _ = DiscriminatorPass(gan.discriminator).logits(data, samples)
    np.testing.assert_allclose(real, gan.discriminator(data, training=True), atol=1e-6)
    both = gan.discriminator(tf.concat([data, samples], 0), training=True)
    assert np.abs(both[:6] - real).max() > 0.01, "in one pass the statistics would mix"


# The 1-D game G(z) = a z + b against D(x) = sigmoid(w x + c), whose gradients stand in closed form.


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def generator_slope(loss, d):
    """Derivative of G's loss by the fake logit: -D (minimax) and -(1 - D) (non-saturating)."""
    return {"minimax": -d, "non_saturating": -(1 - d), "blended": -0.5 * d - 0.5 * (1 - d)}[loss]


@pytest.mark.parametrize("loss", ["minimax", "non_saturating", "blended"])
def test_fifty_steps_agree_with_a_numpy_twin(loss):
    k, m, steps, d_rate, g_rate = 2, 8, 50, 0.1, 0.05
    affine = [keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)]) for _ in range(2)]
    gan = kgan.GAN(*affine, kgan.priors.Uniform(1), discriminator_steps=k, seed=3)
    gan.compile(keras.optimizers.SGD(g_rate), keras.optimizers.SGD(d_rate), loss=loss)
    affine[0].set_weights([np.array([[0.5]]), np.array([-1.0])])
    affine[1].set_weights([np.array([[0.3]]), np.array([0.1])])
    data = np.random.default_rng(0).normal(2.0, 0.5, (k * m * steps, 1)).astype("float32")

    a, b, w, c = 0.5, -1.0, 0.3, 0.1
    for step in range(steps):
        latents = [
            np.array(
                drawn_latents(gan, m, seeds.LATENTS, seeds.update_number(step, k, update)),
                np.float64,
            )[:, 0]
            for update in range(k + 1)
        ]
        for update in range(k):
            start = (step * k + update) * m
            x = data[start : start + m, 0].astype(np.float64)
            fake = a * latents[update] + b
            real_slope = -(1 - sigmoid(w * x + c))  # of -log D(x)
            fake_slope = sigmoid(w * fake + c)  # of -log(1 - D(G(z)))
            dw = np.mean(real_slope * x + fake_slope * fake)
            dc = np.mean(real_slope + fake_slope)
            w, c = w - d_rate * dw, c - d_rate * dc
        z = latents[k]
        slope = generator_slope(loss, sigmoid(w * (a * z + b) + c)) * w
        a, b = a - g_rate * np.mean(slope * z), b - g_rate * np.mean(slope)

    gan.fit(data, batch_size=k * m, shuffle=False, verbose=0)
    got = [float(v.numpy().squeeze()) for model in affine for v in model.weights]
    # float32 against float64 over 50 steps: some 50 roundings of 6e-8 each, times the dynamics.
    np.testing.assert_allclose(got, [a, b, w, c], rtol=0, atol=2e-5)
    assert abs(b + 1.0) > 0.1, "the generator must have moved for this to mean anything"


# Randomness: a pure function of (seed, iteration, update).

TWO_PROCESSES = """
import hashlib, sys
sys.path.insert(0, {tests!r})
import numpy as np
from test_gan import images, noisy_gan
gan = noisy_gan(k=2, seed=int(sys.argv[1]))
gan.fit(images(500), batch_size=20, epochs=2, verbose=0)
digest = hashlib.sha256()
optimizers = gan.generator_optimizer, gan.discriminator_optimizer
for v in [*gan.variables, *(v for optimizer in optimizers for v in optimizer.variables)]:
    digest.update(np.ascontiguousarray(v).tobytes())
print(int(gan.step_counter), digest.hexdigest())
"""


@pytest.mark.slow
def test_a_seed_repeats_fifty_steps_bit_for_bit_in_two_processes():
    script = TWO_PROCESSES.format(tests=str(pathlib.Path(__file__).parent))
    new = [sys.executable]  # whose hash seed is its own, as that of all forks is another
    runs = [
        subprocess.Popen([*python, "-c", script, seed], stdout=subprocess.PIPE, text=True)
        for python, seed in ((new, "7"), (warm.python(), "7"), (warm.python(), "8"))
    ]
    first, second, other = (run.communicate(timeout=300)[0].split()[-2:] for run in runs)
    assert first[0] == "50"
    assert first == second
    assert first[1] != other[1]


def test_noise_depends_on_seed_iteration_and_update():
    gan, same, other = mlp_gan(seed=1), mlp_gan(seed=1), mlp_gan(seed=2)
    for each in (gan, same, other):
        each.build()
    train, test = seeds.LATENTS, seeds.TEST_LATENTS
    draw = np.array(drawn_latents(gan, 4, train, 6))
    np.testing.assert_array_equal(draw, drawn_latents(same, 4, train, 6))
    for changed in (
        drawn_latents(other, 4, train, 6),
        drawn_latents(gan, 4, train, 7),
        drawn_latents(gan, 4, test, 6),
    ):
        assert not np.isclose(draw, changed).any()


def test_random_layers_draw_apart():
    """No two layers, updates or calls within one share a seed, in the 31 bits that Keras uses."""
    discriminator = keras.Sequential([keras.layers.Flatten()])
    for _ in range(3):
        discriminator.add(keras.layers.Dropout(0.5))
    discriminator.add(keras.layers.Dense(1))
    generator = kgan.networks.MLPGenerator((8, 8, 1), latent_dim=5, units=(4,))
    gan = kgan.GAN(generator, discriminator, kgan.priors.Uniform(5))
    gan.build()
    states = [v for v in discriminator.non_trainable_variables if v.name.startswith("seed")]
    assert len(states) == 3
    seeds = []
    for update in range(100):
        gan._seed_layers(tf.constant(update, tf.int64))
        for state in states:
            first, second = np.mod(state.numpy().astype(np.int64), 2**31 - 2)
            seeds += [(first, second), (first, second + 1)]  # D judges data, then samples
    assert len(set(seeds)) == 100 * 3 * 2


def test_layer_seeds_are_the_same_under_xla():
    gan = mlp_gan(dropout=0.5)
    gan.build()
    states = [v for v in gan.discriminator.non_trainable_variables if v.name.startswith("seed")]
    drawn = []
    for jit in (False, True):
        tf.function(gan._seed_layers, jit_compile=jit)(tf.constant(7, tf.int64))
        drawn.append(snapshot(states))
    np.testing.assert_array_equal(*drawn)


@pytest.mark.slow
def test_dropout_masks_are_a_function_of_the_iteration():
    """Training on from a state reached otherwise, as after a resume, gives the same numbers."""
    data = images(40)
    gan = noisy_gan()
    gan.fit(data, batch_size=10, shuffle=False, verbose=0)
    weights = gan.get_weights()
    optimizers = gan.generator_optimizer, gan.discriminator_optimizer
    slots = [snapshot(optimizer.variables) for optimizer in optimizers]
    gan.fit(data, batch_size=10, shuffle=False, verbose=0)
    straight = gan.get_weights()

    again = noisy_gan()
    again.set_weights(weights)
    for optimizer, values in zip(
        (again.generator_optimizer, again.discriminator_optimizer), slots, strict=True
    ):
        for variable, value in zip(optimizer.variables, values, strict=True):
            variable.assign(value)
    again.fit(data, batch_size=10, shuffle=False, verbose=0)
    for one, other in zip(straight, again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


# The average of the generator's weights.


def history_of_weights(gan, data, **options):
    """G's trained weights after each step of an epoch, float64."""
    seen = []
    record = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(
            [w.astype("float64") for w in snapshot(gan.generator.trainable_variables)]
        )
    )
    gan.fit(data, verbose=0, callbacks=[record], **options)
    return seen


@pytest.mark.slow
@pytest.mark.parametrize("decay", [0.0, 0.5, 0.999])
def test_the_average_is_that_of_its_recursion(decay):
    """Update t has decay min(ema_decay, t / (t + 9)), so that the first weights count for nothing.

    In closed form, for a decay that is never reached, the weights of update t count in proportion
    to (t + 8)! / t!: 9 / (t + 9) when they come, times s / (s + 9) at each later update s.
    """
    gan = mlp_gan(ema_decay=decay)
    gan.compile(*adams())
    seen = history_of_weights(gan, images(60), batch_size=3, shuffle=False)
    assert len(seen) == 20
    expected = [np.zeros_like(w) for w in seen[0]]
    for t, weights in enumerate(seen):
        kept = min(decay, t / (t + 9))
        expected = [kept * e + (1 - kept) * w for e, w in zip(expected, weights, strict=True)]
    for one, other in zip(expected, snapshot(gan.ema.averages), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-6)
    if decay == 0.999:
        shares = [math.prod(range(t + 1, t + 9)) for t in range(20)]
        for i, average in enumerate(gan.ema.averages):
            mean = np.average([weights[i] for weights in seen], axis=0, weights=shares)
            np.testing.assert_allclose(mean, average, rtol=0, atol=1e-6)


@pytest.mark.slow
def test_an_average_changes_no_training():
    results = []
    for decay in (None, 0.9):
        keras.utils.set_random_seed(0)
        gan = mlp_gan(k=2, dropout=0.5, ema_decay=decay)
        gan.compile(*adams())
        gan.fit(images(60), batch_size=20, shuffle=False, verbose=0)
        results.append([*snapshot(gan.generator.variables), *snapshot(gan.discriminator.variables)])
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)


def test_samples_are_the_averages_and_training_weights_come_back():
    gan = mlp_gan(ema_decay=0.9)
    gan.compile("sgd", "sgd")
    data = images(60)
    fresh = gan.sample(4)
    np.testing.assert_allclose(fresh, gan.generator(gan.prior.sample(4, 0)), atol=1e-6)
    gan.fit(data, batch_size=6, verbose=0)
    weights = gan.generator.trainable_variables
    trained = snapshot(weights)
    assert not np.array_equal(trained[0], gan.ema.averages[0])
    latents = gan.prior.sample(4, 0)
    raw = gan.generator(latents).numpy()
    samples, logs = gan.sample(4), gan.evaluate(data, verbose=0, return_dict=True)
    assert identical(trained, weights)

    for weight, average in zip(weights, gan.ema.averages, strict=True):
        weight.assign(average)
    np.testing.assert_allclose(samples, gan.generator(latents), atol=1e-6)
    assert np.abs(samples - raw).max() > 1e-4
    assert logs == gan.evaluate(data, verbose=0, return_dict=True)


def test_training_weights_come_back_after_a_failure():
    gan = mlp_gan(ema_decay=0.9)
    gan.compile("sgd", "sgd")
    gan.fit(images(60), batch_size=6, verbose=0)
    trained = snapshot(gan.generator.trainable_variables)

    def fail():
        with gan.averaged():
            assert not identical(trained, gan.generator.trainable_variables)
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        fail()
    assert identical(trained, gan.generator.trainable_variables)


def fine_tuned(ema_decay=0.9, frozen_before=None, frozen_after=None, n=2):
    """A game of two hidden layers of one shape after an epoch, a change, and another epoch."""
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(5, "tanh"), keras.layers.Dense(5, "tanh")]
    last = [keras.layers.Dense(64, "tanh"), keras.layers.Reshape((8, 8, 1))]
    generator = keras.Sequential([keras.Input((5,)), *layers, *last])
    discriminator = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(1)])
    if frozen_before is not None:
        generator.layers[frozen_before].trainable = False
    gan = kgan.GAN(generator, discriminator, kgan.priors.Normal(5), ema_decay=ema_decay)
    gan.compile("adam", "adam")
    gan.fit(images(60), batch_size=6, verbose=0)
    if frozen_after is not None:
        generator.layers[frozen_after].trainable = False
        gan.compile("adam", "adam")
    return gan


@pytest.mark.slow
@pytest.mark.parametrize("trained", [False, True])
def test_a_layer_that_is_frozen_later_keeps_its_own_average(trained):
    """Weights of equal shapes are not mixed up, and training weights come back."""
    gan = fine_tuned(frozen_after=0)
    reference = {id(w): a.numpy() for w, a in zip(gan.ema.sources(), gan.ema.averages, strict=True)}
    if trained:
        gan.fit(images(60), batch_size=6, epochs=9, verbose=0)
    weights = gan.generator.weights
    before = snapshot(weights)
    samples = gan.sample(4)
    assert identical(before, weights)
    if trained:  # the average of a frozen weight comes to the weight itself
        frozen = gan.generator.layers[0].kernel
        gap = np.abs(reference[id(frozen)] - frozen.numpy()).max()
        assert np.abs(gan.ema.averages[0].numpy() - frozen.numpy()).max() < 0.01 * gap
    for weight, average in zip(gan.ema.sources(), gan.ema.averages, strict=True):
        weight.assign(average)
    expected = gan.generator(gan.prior.sample(4, 0))
    np.testing.assert_allclose(samples, expected, rtol=0, atol=1e-6)


@pytest.mark.slow
def test_a_layer_that_is_unfrozen_later_needs_a_new_game(tmp_path):
    gan = fine_tuned(frozen_before=1)
    assert len(gan.ema.averages) == 4
    gan.compile("sgd", "sgd")  # nothing has changed
    gan.generator.layers[0].trainable = False
    gan.compile("sgd", "sgd")
    gan.generator.layers[0].trainable = True
    gan.compile("sgd", "sgd")  # it has its average
    gan.generator.layers[1].trainable = True
    sentence = r"others as well, such as '.*kernel'\. After unfreezing .* make a new game of"
    with pytest.raises(ValueError, match=sentence):
        gan.compile("sgd", "sgd")
    again = kgan.GAN(gan.generator, gan.discriminator, gan.prior, ema_decay=0.9)
    again.compile("sgd", "sgd")
    again.fit(images(60), batch_size=6, verbose=0)
    assert len(again.ema.averages) == 6
    assert np.isfinite(again.sample(2)).all()
    plain = fine_tuned(ema_decay=None, frozen_before=1)
    plain.generator.layers[1].trainable = True
    plain.compile("sgd", "sgd")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gan.keras", "gan.weights.h5"])
def test_weights_with_and_without_an_average_are_told_apart(name, tmp_path):
    """Else samples of the averaged game come from other weights than before."""
    averaged, plain = fine_tuned(), fine_tuned(ema_decay=None)
    for gan, folder in ((averaged, "averaged"), (plain, "plain")):
        (tmp_path / folder).mkdir()
        path = tmp_path / folder / name
        gan.save(path) if name.endswith(".keras") else gan.save_weights(path)
    fresh = fine_tuned()
    fresh.load_weights(tmp_path / "averaged" / name)
    np.testing.assert_array_equal(fresh.sample(3), averaged.sample(3))
    plain.load_weights(tmp_path / "plain" / name)

    with pytest.raises(ValueError, match=r"The file is of a game with an EMA of .* `ema_decay`"):
        plain.load_weights(tmp_path / "averaged" / name)
    with pytest.warns(UserWarning, match="The file is of a game with an EMA"):
        plain.load_weights(tmp_path / "averaged" / name, skip_mismatch=True)
    latest = averaged.generator(averaged.prior.sample(3, 0))
    np.testing.assert_allclose(plain.sample(3), latest, rtol=0, atol=1e-6)

    with pytest.raises(ValueError, match=r"The file has no EMA that fits .* skip_mismatch=True"):
        averaged.load_weights(tmp_path / "plain" / name)
    with pytest.warns(UserWarning, match="The file has no EMA that fits"):
        averaged.load_weights(tmp_path / "plain" / name, skip_mismatch=True)
    loaded = averaged.generator(averaged.prior.sample(3, 0))
    np.testing.assert_allclose(averaged.sample(3), loaded, rtol=0, atol=1e-6)


# Native Keras manners.


@pytest.mark.slow
def test_arrays_and_datasets_train_alike():
    data = images(60)
    results = []
    for source in ("array", "dataset", "tuple"):
        keras.utils.set_random_seed(0)
        gan = mlp_gan(k=2)
        gan.compile(*adams())
        if source == "array":
            gan.fit(data, batch_size=20, shuffle=False, verbose=0)
        else:
            dataset = tf.data.Dataset.from_tensor_slices(data).batch(20, drop_remainder=True)
            if source == "tuple":
                dataset = dataset.map(lambda x: (x,))
            gan.fit(dataset, verbose=0)
        results.append(gan.get_weights())
    for other in results[1:]:
        for one, two in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(one, two)


@pytest.mark.slow
@pytest.mark.parametrize("steps_per_execution", [2, 4])
def test_steps_per_execution_changes_nothing(steps_per_execution):
    results = []
    for n in (1, steps_per_execution):
        keras.utils.set_random_seed(0)
        gan = mlp_gan(k=2, dropout=0.5)
        gan.compile(*adams(), steps_per_execution=n)
        gan.fit(images(140), batch_size=20, shuffle=False, verbose=0)  # 7 steps
        assert int(gan.step_counter) == 7
        results.append(gan.get_weights())
    for one, two in zip(*results, strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.slow
def test_xla_agrees_with_the_plain_graph():
    results = []
    for jit in (False, True):
        keras.utils.set_random_seed(0)
        gan = mlp_gan(k=2)
        gan.compile(*adams(), jit_compile=jit)
        gan.fit(images(100), batch_size=20, epochs=2, shuffle=False, verbose=0)
        results.append(gan.get_weights())
    # Adam divides by the root of a small second moment, which magnifies roundings to some 1e-3 of a
    # step of 2e-4: 10 steps differ by less than 1e-5, and without equal noise by about 1e-3.
    for one, two in zip(*results, strict=True):
        np.testing.assert_allclose(one, two, rtol=0, atol=1e-5)


@pytest.mark.slow
def test_the_step_is_traced_once_and_never_leaves_the_graph():
    class Counting(kgan.GAN):
        traces = 0

        def train_step(self, data):
            type(self).traces += 1
            return super().train_step(data)

    gan = Counting(
        kgan.networks.MLPGenerator((8, 8, 1), latent_dim=5, units=(4,)),
        kgan.networks.MLPDiscriminator((8, 8, 1), units=(4,), hidden_dropout=0.2),
        kgan.priors.Uniform(5),
    )
    gan.compile(*adams())
    data = tf.data.Dataset.from_tensor_slices(images(60)).batch(20, drop_remainder=True)
    gan.fit(data, epochs=1, verbose=0)
    traces = Counting.traces
    gan.fit(data, epochs=3, verbose=0)
    assert Counting.traces == traces <= 2
    graph = tf.function(gan.train_step).get_concrete_function(tf.constant(images(20))).graph
    host = {op.type for op in graph.get_operations()} & {"PyFunc", "EagerPyFunc", "NumpyFunction"}
    assert not host


@pytest.mark.slow
def test_losses_come_as_string_config_and_object():
    results = []
    for loss in (
        "blended",
        keras.saving.serialize_keras_object(kgan.losses.Blended()),
        kgan.losses.Blended(0.5),
    ):
        keras.utils.set_random_seed(0)
        gan = mlp_gan()
        gan.compile("adam", {"class_name": "SGD", "config": {"learning_rate": 0.1}}, loss=loss)
        gan.fit(images(40), batch_size=20, shuffle=False, verbose=0)
        results.append(gan.get_weights())
    for other in results[1:]:
        for one, two in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(one, two)


def test_logs_are_the_means_of_their_definitions():
    gan = mlp_gan(k=2)
    gan.compile(keras.optimizers.SGD(1e-30), keras.optimizers.SGD(1e-30), loss="minimax")
    data = images(40)
    history = gan.fit(data, batch_size=20, shuffle=False, verbose=0).history
    weights = gan.generator, gan.discriminator  # at this learning rate nothing has moved
    real = np.array(weights[1](data), np.float64)[:, 0]
    drawn = [drawn_latents(gan, 10, seeds.LATENTS, update) for update in range(6)]  # d d g d d g
    d_latents = [drawn[i] for i in (0, 1, 3, 4)]
    fake = np.array(weights[1](weights[0](tf.concat(d_latents, 0))), np.float64)[:, 0]
    g_latents = [drawn[i] for i in (2, 5)]
    g_fake = np.array(weights[1](weights[0](tf.concat(g_latents, 0))), np.float64)[:, 0]
    value = np.mean(np.log(sigmoid(real)) + np.log(1 - sigmoid(fake)))
    expected = {
        "d_loss": -value,
        "g_loss": np.mean(np.log(1 - sigmoid(g_fake))),
        "d_real": np.mean(sigmoid(real)),
        "d_fake": np.mean(sigmoid(fake)),
        "d_accuracy": (np.mean(real > 0) + np.mean(fake <= 0)) / 2,
        "value": value,
        "twice_jsd_bound": 2 * math.log(2) + value,
    }
    assert set(history) == set(expected)
    for name, number in expected.items():
        assert history[name] == [pytest.approx(number, abs=2e-6)], name


def test_evaluate_measures_and_moves_nothing():
    gan = noisy_gan()
    data = images(50)
    before = snapshot([*gan.generator.variables, *gan.discriminator.variables, gan.step_counter])
    logs = gan.evaluate(data, batch_size=20, verbose=0, return_dict=True)  # 20, 20 and 10 images
    assert identical(
        before, [*gan.generator.variables, *gan.discriminator.variables, gan.step_counter]
    )
    latents = tf.concat(
        [
            drawn_latents(gan, n, seeds.TEST_LATENTS, seen)
            for n, seen in ((20, 0), (20, 20), (10, 40))
        ],
        axis=0,
    )
    assert len(np.unique(latents, axis=0)) == 50
    fake = gan.discriminator(gan.generator(latents)).numpy()
    real = gan.discriminator(data).numpy()
    # A mean over images, not over batches: the last batch is smaller.
    assert logs["d_real"] == pytest.approx(sigmoid(real).mean(), abs=1e-6)
    assert logs["d_fake"] == pytest.approx(sigmoid(fake).mean(), abs=1e-6)
    assert logs == gan.evaluate(data, batch_size=20, verbose=0, return_dict=True)


def test_validation_data_is_evaluated():
    gan = mlp_gan()
    gan.compile(*adams())
    history = gan.fit(
        images(40), batch_size=20, validation_data=(images(20, seed=1),), verbose=0
    ).history
    assert "val_d_real" in history


def test_sample_is_stateless_and_prefix_stable():
    gan = noisy_gan()
    twelve = gan.sample(12, seed=3)
    assert twelve.dtype == np.float32
    assert twelve.shape == (12, 8, 8, 1)
    low, high = gan.generator.value_range
    assert low <= twelve.min() < twelve.max() <= high
    np.testing.assert_array_equal(twelve, gan.sample(12, seed=3))
    np.testing.assert_array_equal(twelve, gan.sample(12, seed=(3, 0)))
    np.testing.assert_allclose(twelve[:5], gan.sample(5, seed=3), rtol=0, atol=1e-6)
    assert not np.isclose(twelve, gan.sample(12, seed=4)).all()
    np.testing.assert_allclose(
        twelve, gan.generator(gan.prior.sample(12, 3), training=False), rtol=0, atol=1e-6
    )


def test_mixed_float16_scales_both_losses():
    keras.config.set_dtype_policy("mixed_float16")
    gan = mlp_gan(dropout=0.5)
    gan.compile(*adams())
    for optimizer in (gan.generator_optimizer, gan.discriminator_optimizer):
        assert isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    history = gan.fit(images(40), batch_size=20, verbose=0).history
    assert all(np.isfinite(values).all() for values in history.values())
    assert all(v.dtype == "float32" for v in gan.generator.trainable_variables)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16", "float64"])
def test_plain_players_train_in_any_precision(policy):
    keras.config.set_dtype_policy(policy)
    generator = keras.Sequential([keras.layers.Dense(64), keras.layers.Reshape((8, 8, 1))])
    discriminator = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(1)])
    gan = kgan.GAN(generator, discriminator, kgan.priors.Normal(7))
    gan.compile("adam", "adam")
    before = generator.layers[0].kernel.numpy()
    history = gan.fit(images(40), batch_size=20, verbose=0).history
    assert all(np.isfinite(values).all() for values in history.values())
    assert not np.array_equal(before, generator.layers[0].kernel.numpy())


NEW_PROCESS = """
import json, sys
import keras, kgan, numpy as np
path, data, out = sys.argv[1:]
gan = keras.models.load_model(path)
data = np.load(data)
gan.fit(data, batch_size=20, shuffle=False, verbose=0)
np.savez(out, *gan.get_weights())
print(json.dumps([int(gan.step_counter), int(gan.generator_optimizer.iterations),
                  int(gan.discriminator_optimizer.iterations), type(gan.loss).__name__,
                  gan.discriminator_steps, gan.seed]))
"""


@pytest.mark.slow
def test_a_saved_game_goes_on_in_a_new_process(tmp_path):
    """Both optimizers, the counter and the objective come back: training on is bit-exact."""
    keras.utils.set_random_seed(0)
    gan = mlp_gan(k=2, dropout=0.5, seed=5)
    gan.compile(*adams(), loss="minimax")
    data = images(100)
    gan.fit(data, batch_size=20, shuffle=False, verbose=0)
    gan.save(tmp_path / "gan.keras")
    gan.fit(data, batch_size=20, shuffle=False, verbose=0)
    np.save(tmp_path / "data.npy", data)
    paths = [str(tmp_path / name) for name in ("gan.keras", "data.npy", "weights.npz")]
    done = subprocess.run(
        [*warm.python(), "-c", NEW_PROCESS, *paths], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout.splitlines()[-1]) == [10, 10, 20, "Minimax", 2, 5]
    with np.load(tmp_path / "weights.npz") as loaded:
        for here, there in zip(gan.get_weights(), loaded.values(), strict=True):
            np.testing.assert_array_equal(here, there)


def test_a_game_that_was_never_compiled_is_saved_too(tmp_path):
    gan = mlp_gan()
    gan.build()
    gan.save(tmp_path / "gan.keras")
    again = keras.models.load_model(tmp_path / "gan.keras")
    assert not again.compiled
    np.testing.assert_array_equal(gan.sample(3), again.sample(3))


def test_any_keras_models_may_play():
    generator = keras.Sequential(
        [keras.layers.Dense(64, activation="tanh"), keras.layers.Reshape((8, 8, 1))]
    )
    discriminator = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(1)])
    gan = kgan.GAN(generator, discriminator, kgan.priors.Normal(7))
    gan.compile("adam", "adam")
    gan.fit(images(40), batch_size=20, verbose=0)
    assert gan.sample(2).shape == (2, 8, 8, 1)


@pytest.mark.slow
def test_a_trained_game_learns_a_mean():
    """Two affine players find the mean of the data: G's offset comes to 2 and circles it."""
    affine = [keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)]) for _ in range(2)]
    gan = kgan.GAN(*affine, kgan.priors.Normal(1), seed=0)
    gan.compile(keras.optimizers.SGD(0.02), keras.optimizers.SGD(0.1))
    affine[0].set_weights([np.array([[0.5]]), np.array([-1.0])])
    affine[1].set_weights([np.array([[0.0]]), np.array([0.0])])
    data = np.random.default_rng(0).normal(2.0, 0.5, (6400, 1)).astype("float32")
    offsets = []
    for _ in range(10):
        gan.fit(data, batch_size=64, shuffle=False, verbose=0)
        offsets.append(float(affine[0].weights[1].numpy()[0]))
    assert abs(np.mean(offsets[-5:]) - 2.0) < 0.5, offsets


# One clear sentence where input is bad.


@pytest.mark.parametrize("k", [0, -1, 1.5, True])
def test_k_is_a_positive_integer(k):
    with pytest.raises(ValueError, match=r"`discriminator_steps`: expected a positive integer"):
        mlp_gan(k)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"prior": "normal"}, r"`prior`: expected a distribution of latents, .* received 'normal'"),
        ({"augmentation": "diff"}, r"`augmentation`: expected None, or a function of images and"),
        ({"ema_decay": "0.9"}, r"`ema_decay`: expected None or a number in .*, received '0\.9'"),
    ],
)
def test_parts_of_other_kinds_are_refused(options, sentence):
    generator = kgan.networks.MLPGenerator((8, 8, 1), 5, (4,))
    discriminator = kgan.networks.MLPDiscriminator((8, 8, 1), (4,))
    with pytest.raises(ValueError, match=sentence):
        kgan.GAN(generator, discriminator, **{"prior": kgan.priors.Normal(5), **options})


def test_a_game_is_built_once():
    gan = mlp_gan(ema_decay=0.9)
    gan.build()
    gan.compile("adam", "adam")
    weights = len(gan.weights)
    gan.build()
    assert len(gan.weights) == weights


def test_the_decay_of_the_average_is_fixed():
    gan = mlp_gan(ema_decay=0.9)
    assert gan.ema_decay == 0.9
    with pytest.raises(AttributeError, match="ema_decay"):
        gan.ema_decay = 0.5


def test_prior_and_generator_must_fit():
    with pytest.raises(ValueError, match=r"`prior`: expected .*latent_dim=5, received .*dim=6"):
        kgan.GAN(
            kgan.networks.MLPGenerator((8, 8, 1), latent_dim=5),
            kgan.networks.MLPDiscriminator((8, 8, 1)),
            kgan.priors.Normal(6),
        )


def test_generator_and_discriminator_must_fit():
    with pytest.raises(ValueError, match=r"`discriminator`: .*\(8, 8, 1\).*\(28, 28, 1\)"):
        kgan.GAN(
            kgan.networks.MLPGenerator((8, 8, 1), latent_dim=5),
            kgan.networks.MLPDiscriminator((28, 28, 1)),
            kgan.priors.Normal(5),
        )


def test_a_shape_may_be_a_list():
    discriminator = kgan.networks.MLPDiscriminator((8, 8, 1))
    discriminator.image_shape = [8, 8, 1]  # as a class of the user's own may declare it
    generator = kgan.networks.MLPGenerator((8, 8, 1), latent_dim=5)
    assert kgan.GAN(generator, discriminator, kgan.priors.Normal(5)).discriminator is discriminator


def test_too_few_latents_to_fill_a_plane_are_worth_a_warning():
    def game(latent_dim):
        return kgan.GAN(
            kgan.networks.MLPGenerator((2,), latent_dim=latent_dim, value_range=None),
            kgan.networks.MLPDiscriminator((2,)),
            kgan.priors.Normal(latent_dim),
        )

    with pytest.warns(UserWarning, match="1 latent dimensions cannot fill the 2 of the points"):
        game(1)
    game(2)  # warnings are errors here
    mlp_gan()  # images have more pixels than latents, always


def test_unknown_loss_lists_the_known():
    with pytest.raises(ValueError, match=r"`loss`: expected one of .*minimax.*received 'nash'"):
        mlp_gan().compile("adam", "adam", loss="nash")


def test_players_share_no_optimizer():
    adam = keras.optimizers.Adam()
    with pytest.raises(ValueError, match=r"`discriminator_optimizer`: expected .* its own"):
        mlp_gan().compile(adam, adam)


def test_a_batch_that_k_does_not_divide():
    gan = mlp_gan(k=3)
    gan.compile(*adams())
    sentence = r"discriminator_steps=3 splits every batch into 3 equal minibatches"
    with pytest.raises(ValueError, match=sentence + r".*has 20 images"):
        gan.fit(images(60), batch_size=20, verbose=0)
    with pytest.raises(ValueError, match=sentence + r".*has 5 images"):
        gan.fit(images(65), batch_size=30, verbose=0)
    with pytest.raises(ValueError, match=sentence + r".*has 20 images"):
        gan.fit(tf.data.Dataset.from_tensor_slices(images(60)).batch(20, drop_remainder=True))
    assert int(gan.step_counter) == 0
    with pytest.raises(ValueError, match=sentence + r".*has 20 images"):
        gan.fit(tf.data.Dataset.from_tensor_slices(images(60)).batch(20), verbose=0)


def test_integer_images_are_refused():
    gan = mlp_gan()
    gan.compile(*adams())
    with pytest.raises(ValueError, match=r"expected floating point images .*received uint8"):
        gan.fit(np.zeros((20, 8, 8, 1), np.uint8), verbose=0)


@pytest.mark.parametrize("n", [0, -3, 2.0])
def test_sample_wants_a_positive_number(n):
    with pytest.raises(ValueError, match=r"`n`: expected a positive integer"):
        mlp_gan().sample(n)
