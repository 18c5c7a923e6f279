"""Networks and arguments of `compile` that a game cannot use as they are."""

import functools
import json
import pathlib
import re
import subprocess
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
import warm
from keras import layers as L  # noqa: N812

import kgan
from kgan.checkpoint import variables
from kgan.training.minibatches import Minibatch

pytestmark = pytest.mark.eager

Adam = keras.optimizers.Adam
Cosine = keras.optimizers.schedules.CosineDecay
IMAGES = np.random.default_rng(0).uniform(-1, 1, (32, 8, 8, 1)).astype("float32")


def sequential(*layers, shape=(8, 8, 1)):
    return keras.Sequential([keras.Input(shape), *layers])


def generator(latent_dim=8):
    return sequential(L.Dense(64, "tanh"), L.Reshape((8, 8, 1)), shape=(latent_dim,))


def discriminator(units=1, activation=None):
    return sequential(L.Flatten(), L.Dense(units, activation=activation))


def functional(head):
    inputs = keras.Input((8, 8, 1))
    return keras.Model(inputs, head(L.Flatten()(inputs)))


class Subclassed(keras.Model):
    """A discriminator whose last operation cannot be seen."""

    def __init__(self, last, *hidden):
        super().__init__()
        self.hidden = [L.Flatten(), *hidden]
        self.dense = L.Dense(1)
        self.last = last

    def call(self, x, training=False):
        for layer in self.hidden:
            x = layer(x)
        return self.last(self.dense(x))


def make(g=None, d=None, **options):
    return kgan.GAN(g or generator(), d or discriminator(), kgan.priors.Normal(8), **options)


def game(g=None, d=None, optimizers=("adam", "adam"), penalties=None, **options):
    gan = make(g, d, **options)
    gan.compile(*optimizers, penalties=penalties)
    return gan


def fit(gan, **options):
    return gan.fit(IMAGES, batch_size=16, verbose=0, **options)


# A discriminator that ends in a sigmoid or a softmax.

BOUNDED = {
    "by name": lambda: discriminator(activation="sigmoid"),
    "softmax": lambda: discriminator(activation="softmax"),
    "hard sigmoid": lambda: discriminator(activation="hard_sigmoid"),
    "relu": lambda: discriminator(activation="relu"),
    "softplus": lambda: discriminator(activation="softplus"),
    "the logarithm of a sigmoid": lambda: discriminator(activation="log_sigmoid"),
    "TensorFlow's function": lambda: discriminator(activation=tf.nn.sigmoid),
    "a layer": lambda: sequential(L.Flatten(), L.Dense(1), L.Activation("sigmoid")),
    "before a layer that flattens": lambda: sequential(
        L.Conv2D(1, 8, activation="sigmoid"), L.Flatten()
    ),
    "before a nested model that flattens": lambda: sequential(
        L.Conv2D(1, 8, activation="sigmoid"), keras.Sequential([L.Flatten()])
    ),
    "before a cast": lambda: sequential(
        L.Flatten(), L.Dense(1, "sigmoid"), L.Activation("linear", dtype="float32")
    ),
    "in a nested model": lambda: sequential(discriminator(activation="sigmoid")),
    "in a wrapped layer": lambda: sequential(
        L.Flatten(), L.SpectralNormalization(L.Dense(1, "sigmoid"))
    ),
    "without an input layer": lambda: keras.Sequential([L.Flatten(), L.Dense(1, "sigmoid")]),
    "functional": lambda: functional(L.Dense(1, "sigmoid")),
    "functional, an operation": lambda: functional(lambda x: keras.ops.sigmoid(L.Dense(1)(x))),
    "functional, reshaped": lambda: functional(
        lambda x: keras.ops.reshape(L.Dense(1, "sigmoid")(x), (-1,))
    ),
    "functional, nested": lambda: functional(
        lambda x: sequential(L.Dense(1, "sigmoid"), shape=(64,))(x)
    ),
}


@pytest.mark.parametrize("make_discriminator", BOUNDED.values(), ids=BOUNDED)
def test_a_discriminator_that_ends_in_a_sigmoid_is_refused(make_discriminator):
    gan = make(d=make_discriminator())
    with pytest.raises(ValueError, match=r"`discriminator`: expected logits.*Leave out"):
        gan.compile("adam", "adam")
    assert not gan.compiled


UNBOUNDED = {
    "linear": discriminator,
    "tanh": lambda: discriminator(activation="tanh"),
    "sigmoids within": lambda: sequential(L.Flatten(), L.Dense(8, "sigmoid"), L.Dense(1)),
    "scaled": lambda: functional(lambda x: 8 * keras.ops.sigmoid(L.Dense(1)(x)) - 4),
    "subclassed": lambda: Subclassed(lambda x: x),
    "subclassed, normalized": lambda: Subclassed(lambda x: x, L.LayerNormalization()),
    "subclassed, squares": lambda: Subclassed(tf.square),
    "subclassed, up to 2": lambda: Subclassed(lambda x: 2 * tf.sigmoid(x)),
    "zero at first": lambda: sequential(
        L.Flatten(), L.Lambda(lambda x: x), L.Dense(1, kernel_initializer="zeros")
    ),
    "zero at first, unseen": lambda: sequential(
        L.Flatten(), L.Dense(1, kernel_initializer="zeros"), L.Lambda(lambda x: x)
    ),
}


@pytest.mark.parametrize("make_discriminator", UNBOUNDED.values(), ids=UNBOUNDED)
def test_logits_without_bounds_pass(make_discriminator):
    d = make_discriminator()
    game(d=d)  # a warning would fail the test


class Broken(keras.Model):
    def build(self, shape):
        self.built = True

    def call(self, x):
        raise ValueError("no\n\nsuch layer")


def test_why_a_network_fails_is_told_in_one_sentence():
    message = r"`discriminator`: expected .*, received one that fails on them: .*: no such layer\.$"
    with pytest.raises(ValueError, match=message):
        make(d=Broken()).build()


def with_output(activation):
    return sequential(L.Dense(64, activation), L.Reshape((8, 8, 1)), shape=(8,))


@pytest.mark.parametrize(
    ("activation", "value_range"),
    [("sigmoid", None), ("softmax", (-1, 1)), ("relu", None), ("tanh", (0, 255))],
)
def test_a_generator_that_cannot_fill_the_range_is_refused(activation, value_range):
    gan = make(g=with_output(activation), value_range=value_range)
    message = rf"`generator`: expected one that can fill .* ends in {activation}, with values from"
    with pytest.raises(ValueError, match=message):
        gan.compile("adam", "adam")


@pytest.mark.parametrize(
    ("activation", "value_range"),
    [("sigmoid", (0, 1)), ("tanh", None), (None, None), ("relu", (0, 255)), ("tanh", (-0.5, 0.5))],
)
def test_a_generator_that_can_fill_it_is_not(activation, value_range):
    game(g=with_output(activation), value_range=value_range)


def test_a_relu_layer_may_have_negative_values():
    slope = L.ReLU(negative_slope=1.0)
    game(g=sequential(L.Dense(64), slope, L.Reshape((8, 8, 1)), shape=(8,)))


HIDDEN = {
    "subclassed": lambda: Subclassed(tf.sigmoid),
    "subclassed, softmax": lambda: Subclassed(tf.nn.softmax),
    "a function": lambda: sequential(L.Flatten(), L.Dense(1), L.Lambda(tf.sigmoid)),
    "a shifted tanh": lambda: Subclassed(lambda x: (tf.tanh(x) + 1) / 2),
}


@pytest.mark.parametrize("make_discriminator", HIDDEN.values(), ids=HIDDEN)
def test_logits_that_never_leave_0_to_1_are_worth_a_warning(make_discriminator):
    gan = make(d=make_discriminator())
    gan.build()
    before = gan.get_weights()
    with pytest.warns(UserWarning, match=r"logits never leave \[0, 1\]"):
        gan.compile("adam", "adam")
    assert all(map(np.array_equal, before, gan.get_weights()))


# What the networks take and return.


class Returns(keras.Model):
    """Returns `output(x)`."""

    def __init__(self, output):
        super().__init__()
        self.dense = L.Dense(1)
        self.output_of = output

    def call(self, x):
        return self.output_of(self.dense(keras.ops.reshape(x, (-1, 64))))


@pytest.mark.parametrize(
    ("make_discriminator", "received"),
    [
        (lambda: discriminator(units=2), r"shape \[batch, 2\]"),
        (lambda: sequential(L.Conv2D(3, 3)), r"shape \[batch, 6, 6, 3\]"),
        (lambda: functional(lambda x: L.Reshape((1, 1))(L.Dense(1)(x))), r"shape \[batch, 1, 1\]"),
        (lambda: functional(lambda x: [L.Dense(1)(x)] * 2), "a list of 2"),
        (lambda: functional(lambda x: {"logits": L.Dense(1)(x)}), "a dict of 1"),
        (lambda: Returns(lambda x: (x, x)), "a tuple of 2"),
        (lambda: Returns(lambda x: tf.cast(x, tf.int32)), "int32"),
        (lambda: Returns(tf.reduce_mean), r"shape \[\]"),
        (lambda: Returns(lambda x: tf.reduce_mean(x, 0)), r"shape \[batch\]|\(1,\)"),
        (lambda: sequential(L.Flatten(), L.Dense(1), shape=(9, 9, 1)), r"takes \[batch, 9, 9, 1\]"),
    ],
)
def test_one_logit_an_image_or_patches(make_discriminator, received):
    sentence = rf"`discriminator`: expected .*received .*{received}"
    with pytest.raises(ValueError, match=sentence) as error:
        game(d=make_discriminator())
    assert "in packs" not in str(error.value)


@pytest.mark.parametrize(
    ("make_generator", "received"),
    [
        (lambda: generator(9), r"prior's latents \[batch, 8\].*takes \[batch, 9\]"),
        (lambda: sequential(L.Dense(1), L.Reshape(()), shape=(8,)), r"shape \[batch\]"),
        (lambda: functional_generator(lambda x: [x, x]), "a list of 2"),
        (lambda: functional_generator(lambda x: keras.ops.cast(x, "uint8")), "uint8"),
        (lambda: functional_generator(L.Lambda(lambda x: tf.cast(x, tf.uint8))), "uint8"),
        (lambda: sequential(L.Lambda(doubled), L.Dense(4), shape=(8,)), r"\(16, 4\)"),
    ],
)
def test_one_batch_of_images(make_generator, received):
    with pytest.raises(ValueError, match=rf"`generator`: expected .*{received}"):
        game(g=make_generator(), d=keras.Sequential([L.Flatten(), L.Dense(1)]))


def functional_generator(head):
    inputs = keras.Input((8,))
    return keras.Model(inputs, head(L.Reshape((8, 8, 1))(L.Dense(64)(inputs))))


def doubled(x):
    return tf.concat([x, x], axis=0)


def test_the_batch_of_a_packed_discriminator_is_named():
    with pytest.raises(ValueError, match=r"images \[batch, 8, 8, 2\], in packs of 2"):
        game(packing=2)
    packed = sequential(L.Flatten(), L.Dense(1), shape=(8, 8, 2))
    assert game(d=packed, packing=2).built


@pytest.mark.parametrize("penalty", [kgan.penalties.R1(), kgan.penalties.GradientPenalty()])
def test_patches_count_as_their_mean(penalty):
    """A game on patches is the game on their mean, in the logits' gradient and the losses' mean."""
    ends = []
    for patches in (True, False):
        keras.utils.set_random_seed(0)
        convolution = L.Conv2D(1, 3, strides=2)
        d = sequential(convolution) if patches else sequential(convolution, L.Lambda(mean_of))
        # Linear in the logits, so that the mean of losses is the loss of the mean.
        gan = make(d=d)
        gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1), "wasserstein", penalty)
        fit(gan, shuffle=False)
        ends.append(gan.discriminator.get_weights())
    for one, other in zip(*ends, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def mean_of(x):
    return tf.reduce_mean(x, axis=[1, 2])


def test_logits_may_lack_their_last_axis():
    gan = game(d=functional(lambda x: L.Reshape(())(L.Dense(1)(x))), penalties=kgan.penalties.R1())
    assert np.isfinite(fit(gan).history["d_loss"]).all()


# Layers that assign to trained weights.


class Halving(L.Dense):
    """Halves its kernel whenever it is called."""

    def call(self, x):
        self.kernel.assign(self.kernel / 2)
        return super().call(x)


class Unseen(keras.layers.Layer):
    """Halves its weight behind Keras's back."""

    def build(self, shape):
        self.scale = self.add_weight(shape=(1,), initializer="ones", autocast=False)

    def call(self, x):
        scale = self.scale.value
        if hasattr(scale, "assign"):
            scale.assign(scale / 2)
        return x * self.scale


OVERWRITING = {
    "Keras's spectral normalization": lambda: L.SpectralNormalization(L.Dense(4)),
    "nested": lambda: sequential(L.SpectralNormalization(L.Dense(4)), shape=(64,)),
    "a layer of one's own": lambda: Halving(4),
    "a TensorFlow variable": Unseen,
}


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("make_layer", OVERWRITING.values(), ids=OVERWRITING)
def test_an_update_of_one_network_leaves_weights_that_the_other_overwrites(make_layer, compiled):
    d = sequential(L.Flatten(), make_layer(), L.Dense(1))
    gan = make(d=d)
    gan.build()
    before = gan.get_weights()
    gan.compile("adam", "adam")
    assert all(map(np.array_equal, before, gan.get_weights())), "compiling moves nothing"
    before = [v.numpy() for v in d.variables]
    update = gan._update_generator
    (tf.function(update) if compiled else update)(Minibatch(tf.constant(IMAGES[:4]), None))
    assert all(np.array_equal(kept, v) for kept, v in zip(before, d.variables, strict=True))
    fit(gan)
    assert not np.array_equal(before[0], d.variables[0]), "its own updates move it"


def test_a_generator_stands_still_too():
    g = sequential(Halving(64), L.Reshape((8, 8, 1)), shape=(8,))
    gan = game(g=g)
    before = g.get_weights()
    gan._update_discriminator(Minibatch(tf.constant(IMAGES[:4]), None), 0)
    assert all(map(np.array_equal, before, g.get_weights()))


def test_ordinary_layers_cost_no_copies():
    assert game()._overwritten == frozenset()
    own = kgan.networks.DCGANDiscriminator((8, 8, 1), filters=2)
    assert game(d=own)._overwritten == frozenset()


@pytest.mark.parametrize(
    ("layer", "instead"),
    [
        (L.BatchNormalization, r"kgan\.layers\.BatchNormalization"),
        (lambda: L.UpSampling2D(interpolation="bilinear"), r"kgan\.layers\.double_bilinear"),
        (L.LayerNormalization, r"kgan\.layers\.GroupNormalization"),
        (lambda: L.GroupNormalization(1), r"kgan\.layers\.GroupNormalization"),
    ],
)
def test_wrong_second_derivatives_under_a_penalty_are_worth_a_warning(layer, instead):
    d = sequential(sequential(layer()), L.Flatten(), L.Dense(1))
    with pytest.warns(UserWarning, match=rf"wrong second derivatives.*Use {instead}"):
        game(d=d, penalties=kgan.penalties.R1())


@pytest.mark.parametrize(
    ("layer", "penalties"),
    [
        (L.BatchNormalization, None),
        (lambda: L.BatchNormalization(trainable=False), kgan.penalties.R1()),
        (kgan.layers.BatchNormalization, kgan.penalties.R1()),
        (L.UpSampling2D, kgan.penalties.R1()),
        (L.LayerNormalization, None),
        (lambda: kgan.layers.GroupNormalization(1), kgan.penalties.R1()),
    ],
)
def test_right_second_derivatives_pass(layer, penalties):
    game(d=sequential(layer(), L.Flatten(), L.Dense(1)), penalties=penalties)


# Arguments of `compile`.


@pytest.mark.parametrize(
    "options",
    [
        {"metrics": ["mae"]},
        {"weighted_metrics": ["mae"]},
        {"loss_weights": [1.0]},
        {"auto_scale_loss": False},
    ],
)
def test_arguments_without_effect_are_refused(options):
    (name,) = options
    gan = make()
    with pytest.raises(ValueError, match=f"`{name}`"):
        gan.compile("adam", "adam", **options)
    assert not gan.compiled


def test_defaults_of_keras_pass():
    make().compile(
        "adam",
        "adam",
        metrics=None,
        weighted_metrics=[],
        loss_weights=None,
        auto_scale_loss=True,
        steps_per_execution=2,
        run_eagerly=False,
        jit_compile=False,
    )


@pytest.mark.parametrize("name", ["optimizer", "metric"])
def test_unknown_arguments_are_refused(name):
    with pytest.raises(TypeError, match=f"`{name}`.*expected one of jit_compile"):
        make().compile("adam", "adam", **{name: "adam"})


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("wrapped", [False, True])
def test_an_optimizers_own_average_is_refused(place, wrapped):
    optimizers = [Adam(), Adam()]
    optimizers[place] = Adam(use_ema=True)
    if wrapped:
        optimizers[place] = keras.optimizers.LossScaleOptimizer(optimizers[place])
    name = ("generator_optimizer", "discriminator_optimizer")[place]
    with pytest.raises(ValueError, match=f"`{name}`: expected use_ema=False.*ema_decay"):
        game(optimizers=optimizers)


def test_weight_decay_and_accumulation_have_their_effect():
    ends = {}
    for name, options in (
        ("plain", {}),
        ("decay", {"weight_decay": 0.1}),
        ("accumulation", {"gradient_accumulation_steps": 2}),
    ):
        keras.utils.set_random_seed(0)
        gan = game(optimizers=[keras.optimizers.SGD(0.1, **options) for _ in range(2)])
        fit(gan, shuffle=False)
        ends[name] = gan.generator.get_weights()[0]
    assert np.abs(ends["decay"]).sum() < np.abs(ends["plain"]).sum()
    assert not np.allclose(ends["accumulation"], ends["plain"], atol=1e-6)


def test_an_optimizer_of_another_game_is_refused():
    optimizer = Adam()
    gan = game(optimizers=(optimizer, "adam"))
    fit(gan)
    gan.compile(optimizer, "adam")  # the same weights
    fit(gan)
    with pytest.raises(ValueError, match="`generator_optimizer`: expected a new optimizer"):
        game(optimizers=(optimizer, "adam"))


@pytest.mark.parametrize(
    "schedule",
    [Cosine(1e-3, 10), keras.optimizers.schedules.PiecewiseConstantDecay([5], [1.0, 0.1])],
)
@pytest.mark.parametrize("for_generator", [1e-3, Cosine(1e-3, 10)])
def test_a_discriminators_schedule_counts_updates(schedule, for_generator):
    optimizers = Adam(for_generator), Adam(schedule)
    with pytest.warns(UserWarning, match="counts its updates, 5 a step.*5 times too early"):
        game(optimizers=optimizers, discriminator_steps=5)
    game(optimizers=(Adam(for_generator), Adam(schedule)))  # k = 1: steps are updates


def test_a_schedule_that_was_made_for_updates_passes():
    game(optimizers=(Adam(Cosine(1e-3, 10)), Adam(Cosine(1e-3, 50))), discriminator_steps=5)
    game(optimizers=(Adam(Cosine(1e-3, 10)), Adam(1e-3)), discriminator_steps=5)
    risings = [kgan.optimizers.RisingMomentum(0.1, rise=10) for _ in range(2)]
    game(optimizers=risings, discriminator_steps=5)


# Integers and seeds.


@pytest.mark.parametrize("n", [np.int64(3), np.uint8(3), np.array(3), tf.constant(3)])
def test_integers_of_any_kind_count(n):
    gan = make()
    assert gan.sample(n).shape == (3, 8, 8, 1)
    assert make(discriminator_steps=n).discriminator_steps == 3


@pytest.mark.parametrize(
    "n", [0, -1, 3.0, np.float32(3), True, np.True_, None, "3", np.array([3]), tf.constant(3.0)]
)
def test_what_is_no_number_of_images_is_refused(n):
    with pytest.raises(ValueError, match="`n`: expected a positive integer"):
        make().sample(n)


@pytest.mark.parametrize(
    "seed", [3, np.int64(3), np.array(3), (3, 0), [np.int32(3), 0], np.array([3, 0])]
)
@pytest.mark.parametrize("prior", [kgan.priors.Normal(4), kgan.priors.Uniform(4)])
def test_one_seed_has_many_forms(seed, prior):
    expected = prior.sample(5, tf.constant([3, 0], tf.int64))
    np.testing.assert_array_equal(prior.sample(5, seed), expected)
    np.testing.assert_array_equal(prior.sample(np.int64(5), tf.constant(3)), expected)


BAD_SEEDS = [1.5, np.float32(1), None, True, "1", [1], [1, 2, 3], [1, 2.0], {1, 2}, 2**63]


@pytest.mark.parametrize("seed", BAD_SEEDS)
def test_what_is_no_seed_is_refused(seed):
    gan = make()
    for draw in (lambda: gan.sample(2, seed=seed), lambda: gan.prior.sample(2, seed)):
        with pytest.raises(ValueError, match="`seed`: expected an integer or two integers"):
            draw()


@pytest.mark.parametrize("seed", [*BAD_SEEDS, (1, 2)])
def test_the_seed_of_a_game_is_one_integer(seed):
    with pytest.raises(ValueError, match="`seed`: expected an integer of 64 bits"):
        make(seed=seed)
    assert make(seed=np.int64(7)).get_config()["seed"] == 7


@pytest.mark.parametrize("batch", [2.5, None, -1, True])
def test_the_size_of_a_draw_is_an_integer(batch):
    with pytest.raises(ValueError, match="`batch`: expected an integer of at least 0"):
        kgan.priors.Normal(4).sample(batch, 0)


# Changes after the first `fit`.


class Counting(kgan.GAN):
    """Counts how often its step is traced."""

    traces = 0

    def train_step(self, data):
        self.traces += 1
        return super().train_step(data)


def counting(fitted=True, **options):
    """A game of seed 0 that runs as a graph."""
    keras.utils.set_random_seed(0)
    d = sequential(L.Flatten(), L.Dropout(0.3), L.Dense(1))
    gan = Counting(generator(), d, kgan.priors.Normal(8), **options)
    adams = [kgan.optimizers.FusedAdam(1e-3) for _ in range(2)]
    gan.compile(*adams, penalties=kgan.penalties.R1(), run_eagerly=False)
    if fitted:
        fit(gan, shuffle=False)
        assert gan.traces == 1
    return gan


@pytest.mark.slow
def test_nothing_is_traced_again_without_a_change():
    gan = counting(ema_decay=0.9)
    gan.evaluate(IMAGES, verbose=0)
    gan.sample(2)
    gan.generator_optimizer.learning_rate = 1e-4  # a variable, which the graph reads
    fit(gan)
    assert gan.traces == 1


CHANGES = {
    "k": lambda gan: setattr(gan, "discriminator_steps", 2),
    "loss": lambda gan: setattr(gan, "loss", "hinge"),
    "penalties": lambda gan: setattr(gan, "penalties", None),
    "a penalty's weight": lambda gan: setattr(gan.penalties[0], "gamma", 9.0),
    "penalty_interval": lambda gan: setattr(gan, "penalty_interval", 2),
    "augmentation": lambda gan: setattr(gan, "augmentation", kgan.augmentation.DiffAugment()),
    "seed": lambda gan: setattr(gan, "seed", 5),
    "prior": lambda gan: setattr(gan, "prior", kgan.priors.Uniform(8)),
    "a layer's rate": lambda gan: setattr(gan.discriminator.layers[1], "rate", 0.6),
    "beta_1": lambda gan: setattr(gan.discriminator_optimizer, "beta_1", 0.1),
    "a schedule": lambda gan: setattr(
        gan.discriminator_optimizer, "learning_rate", Cosine(1e-2, 100)
    ),
}


@functools.cache
def after_a_fit():
    return {name: variable.numpy() for name, variable in variables(counting()).items()}


@pytest.mark.slow
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_has_its_effect(change):
    """The change after the first fit ends as in a game that goes on from there with it."""
    gan = counting()
    change(gan)
    fit(gan, shuffle=False)
    assert gan.traces == 2

    other = counting(fitted=False)
    for name, variable in variables(other).items():
        variable.assign(after_a_fit()[name])
    change(other)
    other.loss, other.penalties = kgan.losses.get(other.loss), list(other.penalties or [])
    fit(other, shuffle=False)
    assert other.traces == 1
    assert all(map(np.array_equal, gan.get_weights(), other.get_weights()))


@pytest.mark.slow
def test_changes_of_a_callback_count_from_the_next_epoch_on():
    class Sooner(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.discriminator_steps = 2

    gan = counting()
    before = int(gan.discriminator_optimizer.iterations.numpy())
    fit(gan, epochs=3, callbacks=[Sooner()])
    assert int(gan.discriminator_optimizer.iterations.numpy()) == before + 2 + 4 + 4


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "mixed_float16"])
def test_a_step_is_traced_once_where_nothing_changes(dtype):
    """Keras notes in its layers that they were called; that is no setting."""
    traces = []

    class Counting(kgan.GAN):
        def train_step(self, data):
            traces.append(data)
            return super().train_step(data)

    gan = Counting(
        kgan.networks.MLPGenerator((8, 8, 1), 8, (5,), dtype=dtype),
        kgan.networks.MLPDiscriminator((8, 8, 1), (5,), hidden_dropout=0.5, dtype=dtype),
        kgan.priors.Normal(8),
        ema_decay=0.9,
        augmentation=kgan.augmentation.DiffAugment(),
        dtype=dtype,
    )
    gan.compile("adam", "adam", penalties=kgan.penalties.R1(1.0), run_eagerly=False)
    fit(gan, epochs=3)
    gan.sample(2)
    gan.evaluate(IMAGES, verbose=0)
    fit(gan, epochs=2)
    assert len(traces) == 1
    gan.seed = 1
    fit(gan)
    assert len(traces) == 2


@pytest.mark.parametrize("k", [0, 2.5, True])
def test_a_later_k_is_an_integer_too(k):
    gan = game()
    fit(gan)
    gan.discriminator_steps = k
    with pytest.raises(ValueError, match="`discriminator_steps`: expected a positive integer"):
        fit(gan)


@pytest.mark.parametrize("trained_before", [False, True])
def test_layers_frozen_after_compile_want_another_compile(trained_before):
    gan = game()
    if trained_before:
        fit(gan)
    layer = gan.generator.layers[0]
    layer.trainable = False
    for _ in range(2):
        with pytest.raises(
            ValueError, match=r"frozen, unfrozen or replaced\. Call `compile` again"
        ):
            fit(gan)
        gan.compile("adam", "adam")
        before = layer.get_weights()
        fit(gan)
        assert all(map(np.array_equal, before, layer.get_weights())) == (not layer.trainable)
        layer.trainable = True


# Replicas.

SCOPES = """
import json, sys
import keras, numpy as np, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
sys.path.insert(0, "tests")
import test_training_validation_networks as t
two = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
one = tf.distribute.get_strategy()

def attempt(networks, game, optimizers, fit, **options):
    try:
        with networks.scope():
            g, d = t.generator(), t.discriminator()
        with game.scope():
            gan = t.make(g, d)
        with optimizers.scope():
            gan.compile(t.Adam(**options), t.Adam())
        with fit.scope():
            t.fit(gan)
        return "trained"
    except Exception as error:
        return f"{type(error).__name__}: {error}"

print(json.dumps({
    "all within": attempt(two, two, two, two),
    "fit outside": attempt(two, two, two, one),
    "networks outside": attempt(one, two, two, two),
    "game outside": attempt(one, one, two, two),
    "compile outside": attempt(two, two, one, two),
    "fit within": attempt(one, one, one, two),
    "accumulation": attempt(two, two, two, two, gradient_accumulation_steps=2),
}))
"""


@pytest.mark.slow
def test_a_game_is_made_in_the_scope_that_it_trains_in():
    done = subprocess.run(
        [*warm.python(), "-c", SCOPES],
        capture_output=True,
        text=True,
        timeout=600,
        cwd=pathlib.Path(__file__).parent.parent,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    for case in ("all within", "fit outside"):
        assert found.pop(case) == "trained"
    accumulation = found.pop("accumulation")
    assert re.match("ValueError: .*no gradient_accumulation_steps with several", accumulation)
    for case, sentence in found.items():
        assert re.match("ValueError: .*same `strategy.scope", sentence), (case, sentence)


def test_no_warning_is_raised_by_an_ordinary_game():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gan = make(discriminator_steps=2)
        gan.compile("adam", "adam", penalties=kgan.penalties.R1(), run_eagerly=False)
        fit(gan)
