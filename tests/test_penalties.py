"""Penalties against closed forms, finite differences, and a game played in NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kgan
from kgan import penalties

SEED = tf.constant([3, 4], tf.int64)


def gradients_of(function):
    """Return the gradients of logits by autodiff, as `kgan.GAN` passes them to a penalty."""

    def gradients(points):
        with tf.GradientTape() as tape:
            tape.watch(points)
            logits = tf.reduce_sum(function(points))
        return tape.gradient(logits, points)

    return gradients


def points(rows=6, shape=(3, 2), seed=0):
    draws = np.random.default_rng(seed).normal(size=(2, rows, *shape))
    return [tf.constant(x, tf.float32) for x in draws]


def test_zero_centered_penalties_of_a_known_gradient():
    """o(x) = |x|^2 / 2 has the gradient x: R1 is gamma/2 |x|^2, R2 the same of the samples."""
    images, samples = points()
    gradients = gradients_of(lambda x: tf.reduce_sum(x**2, [1, 2]) / 2)
    for penalty, where in ((penalties.R1(3.0), images), (penalties.R2(3.0), samples)):
        expected = 1.5 * (where.numpy() ** 2).sum(axis=(1, 2))
        np.testing.assert_allclose(penalty(images, samples, gradients, SEED), expected, rtol=1e-6)


def test_gradient_penalty_between_the_two():
    """The gradient x shows which points were used: on the segment, at one u a pair."""
    images, samples = points(rows=200)
    seen = []

    def gradients(x):
        seen.append(x.numpy())
        return x

    penalty_value = penalties.GradientPenalty(10.0)(images, samples, gradients, SEED)
    norm = np.sqrt((seen[0] ** 2).sum(axis=(1, 2)))
    np.testing.assert_allclose(penalty_value, 10 * (norm - 1) ** 2, rtol=1e-5)
    shares = (seen[0] - samples) / (images - samples)
    u = np.median(shares, axis=(1, 2))
    np.testing.assert_allclose(shares, np.broadcast_to(u[:, None, None], shares.shape), atol=1e-3)
    # 200 uniform draws: mean 1/2 and variance 1/12, within four standard errors.
    assert abs(u.mean() - 0.5) < 4 * np.sqrt(1 / 12 / 200)
    assert abs(u.var() - 1 / 12) < 4 * np.sqrt(1 / 180 / 200)
    assert (u >= 0).all()
    assert (u < 1).all()
    seen.clear()
    penalties.GradientPenalty()(images, samples, gradients, SEED + 1)
    other = np.median((seen[0] - samples) / (images - samples), axis=(1, 2))
    assert abs(np.corrcoef(u, other)[0, 1]) < 0.3


def test_gradient_penalty_of_a_flat_discriminator_has_a_gradient():
    """Where D is constant the root's derivative is infinite: the plain form gives NaN."""
    images, samples = points()
    weight = tf.Variable(0.0)

    def gradient(penalty):
        with tf.GradientTape() as tape:
            gradients = gradients_of(lambda x: weight * tf.reduce_sum(x, [1, 2]))
            penalty_value = tf.reduce_mean(penalty(images, samples, gradients, SEED))
        return float(penalty_value), float(tape.gradient(penalty_value, weight))

    def naive(images, samples, gradients, seed):
        norm = tf.sqrt(tf.reduce_sum(gradients(images) ** 2, [1, 2]))
        return 10 * (norm - 1) ** 2

    assert gradient(penalties.GradientPenalty(10.0)) == (10.0, 0.0)
    assert np.isnan(gradient(naive)[1])


@pytest.mark.parametrize(
    "penalty",
    [penalties.R1(0.7), penalties.R2(0.7), penalties.GradientPenalty(2.0)],
    ids=lambda penalty: type(penalty).__name__,
)
def test_gradients_against_finite_differences(penalty):
    """The penalty moves weights by a second derivative; central differences in float64."""
    keras.config.set_dtype_policy("float64")
    rng = np.random.default_rng(1)
    layers = [keras.layers.Dense(5, activation="tanh"), keras.layers.Dense(1)]
    network = keras.Sequential([keras.layers.Flatten(), *layers])
    images, samples = (tf.constant(x) for x in rng.normal(size=(2, 4, 3, 2)))
    network(images)

    def penalty_value():
        return tf.reduce_mean(penalty(images, samples, gradients_of(network), SEED))

    with tf.GradientTape() as tape:
        value = penalty_value()
    gradients = tape.gradient(value, network.trainable_variables)
    h = 1e-5
    for variable, gradient in zip(network.trainable_variables, gradients, strict=True):
        before = variable.numpy()
        place = tuple(rng.integers(n) for n in before.shape)
        step = np.zeros_like(before)
        step[place] = h
        values = []
        for sign in (1, -1):
            variable.assign(before + sign * step)
            values.append(float(penalty_value()))
        variable.assign(before)
        measured = (values[0] - values[1]) / (2 * h)
        gradient = 0.0 if gradient is None else gradient.numpy()[place]
        assert gradient == pytest.approx(measured, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_gradients_are_squared_in_float32(dtype):
    """300^2 is beyond float16."""
    images, samples = points(shape=(1,))
    penalty_value = penalties.R1(2.0)(
        images, samples, lambda x: tf.fill(x.shape, tf.cast(300, dtype)), SEED
    )
    assert penalty_value.dtype == "float32"
    np.testing.assert_allclose(penalty_value, 300.0**2, rtol=5e-3)  # bfloat16 holds 300 as 300


class Line(keras.Model):
    """o(x) = w x + b; its gradient is w everywhere."""

    def __init__(self, independent_examples):
        super().__init__()
        self.independent_examples = independent_examples
        self.dense = keras.layers.Dense(1, kernel_initializer=keras.initializers.Constant(0.4))

    def call(self, x, training=False):
        return self.dense(x)


@pytest.mark.parametrize("independent_examples", [False, True])
@pytest.mark.parametrize("loss", ["minimax", "relativistic_paired"])
def test_one_update_in_closed_form(loss, independent_examples):
    """SGD on a line against a frozen G: w moves by the gradient, and gamma w for R1 and R2."""
    rate, r1, r2 = 0.1, 0.5, 0.25
    images = np.random.default_rng(0).normal(size=(8, 1)).astype("float32")
    generator = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    gan = kgan.GAN(generator, Line(independent_examples), kgan.priors.Normal(1), seed=5)
    gan.compile(
        keras.optimizers.SGD(0.0),
        keras.optimizers.SGD(rate),
        loss=loss,
        penalties=[penalties.R1(r1), penalties.R2(r2)],
    )
    samples = generator(gan.prior.sample(8, gan._seed(0, 0))).numpy()
    w = 0.4
    logs = gan.fit(images, batch_size=8, shuffle=False, verbose=0).history
    sigmoid = lambda o: 1 / (1 + np.exp(-o))  # noqa: E731
    real, fake = w * images, w * samples
    if loss == "minimax":
        value = np.log1p(np.exp(-real)) + np.log1p(np.exp(fake))
        gradient = -(1 - sigmoid(real)) * images + sigmoid(fake) * samples
    else:
        value = np.log1p(np.exp(fake - real))
        gradient = sigmoid(fake - real) * (samples - images)
    penalty_value = (r1 + r2) / 2 * w**2
    assert logs["d_loss"][0] == pytest.approx(value.mean() + penalty_value, rel=1e-5)
    moved = gan.discriminator.dense.get_weights()[0].item()
    assert moved == pytest.approx(w - rate * (gradient.mean() + (r1 + r2) * w), rel=1e-5)


@pytest.mark.slow
def test_compiled_by_xla_the_game_is_the_same():
    images = np.random.default_rng(0).normal(size=(32, 6)).astype("float32")
    weights = []
    for jit_compile in (False, True):
        keras.utils.set_random_seed(0)
        gan = kgan.GAN(
            kgan.networks.MLPGenerator((6,), 6, (8,), value_range=None),
            kgan.networks.MLPDiscriminator((6,), (8,)),
            kgan.priors.Normal(6),
        )
        gan.compile(
            keras.optimizers.SGD(0.05),
            keras.optimizers.SGD(0.05),
            penalties=[penalties.R1(), penalties.GradientPenalty()],
            jit_compile=jit_compile,
        )
        gan.fit(images, batch_size=8, shuffle=False, verbose=0)
        weights.append(gan.discriminator.get_weights())
    for plain, compiled in zip(*weights, strict=True):
        np.testing.assert_allclose(plain, compiled, rtol=1e-4, atol=1e-6)


def test_a_game_with_penalties_is_saved_whole(tmp_path):
    gan = kgan.GAN(
        kgan.networks.MLPGenerator((6,), 6, (8,), value_range=None),
        kgan.networks.MLPDiscriminator((6,), (8,)),
        kgan.priors.Normal(6),
    )
    gan.compile("sgd", "sgd", penalties=[penalties.R1(0.3), penalties.GradientPenalty(7.0)])
    gan.save(tmp_path / "gan.keras")
    again = keras.models.load_model(tmp_path / "gan.keras")
    assert [type(p).__name__ for p in again.penalties] == ["R1", "GradientPenalty"]
    assert [p.get_config() for p in again.penalties] == [{"gamma": 0.3}, {"weight": 7.0}]


@pytest.mark.parametrize("bad", ["r1", penalties.R1, 3, [penalties.R1(), "r2"]])
def test_what_is_no_penalty_is_refused(bad):
    with pytest.raises(ValueError, match=r"argument `penalties`: expected .*R1.*, received"):
        penalties.get(bad)


def test_one_or_several_or_none():
    one = penalties.R1()
    assert penalties.get(None) == []
    assert penalties.get(one) == [one]
    assert penalties.get([one, one]) == [one, one]


def test_configurations_become_penalties():
    saved = keras.saving.serialize_keras_object(penalties.R1(0.3))
    for found in (penalties.get(saved), penalties.get((penalties.R2(), saved))[1:]):
        assert [type(each) for each in found] == [penalties.R1]
        assert found[0].gamma == 0.3


def test_the_default_weight_is_that_of_the_paper():
    """Gulrajani et al. 2017, section 4: lambda = 10 worked well for all of their games."""
    assert penalties.GradientPenalty().weight == 10


def test_a_weight_may_be_zero():
    assert penalties.R1(0).gamma == penalties.GradientPenalty(0).weight == 0


@pytest.mark.parametrize("weight", [-1.0, float("nan")])
def test_weights_are_not_negative(weight):
    for cls, name in ((penalties.R1, "gamma"), (penalties.GradientPenalty, "weight")):
        expected = rf"argument `{name}`: expected a finite number of at least 0, received"
        with pytest.raises(ValueError, match=expected):
            cls(weight)
