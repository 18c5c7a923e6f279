"""The loss battery: add a class to `CASES` and it is tested.

The oracle is a NumPy float64 twin of each player's objective and of its gradient along each logit,
written from the formula. The gradients are themselves held to finite differences of the objectives.
"""

import dataclasses
import math
import types
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import kgan
from kgan import losses


def log_d(o):
    """log sigmoid(o); exact at any logit, since logaddexp never leaves the log domain."""
    return -np.logaddexp(0.0, -o)


def log_not_d(o):
    """log(1 - sigmoid(o))."""
    return -np.logaddexp(0.0, o)


def d(o):
    """sigmoid(o), to full relative accuracy in both tails."""
    return np.exp(log_d(o))


def not_d(o):
    """1 - sigmoid(o)."""
    return np.exp(log_not_d(o))


@dataclasses.dataclass(frozen=True)
class Twin:
    """A function of the logits (r)eal and (f)ake, and its gradients along each."""

    value: Callable
    along_real: Callable
    along_fake: Callable


@dataclasses.dataclass(frozen=True)
class Case:
    loss: losses.AdversarialLoss
    discriminator: Twin
    generator: Twin
    cancellation: float = 0.0  # absolute error where terms of opposite sign cancel


def zero(r, f):
    return np.zeros_like(r + f)


def d_twin(weight=1.0):
    """-(log D(x) + log(1 - D(G(z)))) (2014, eq. 1), times a weight."""
    return Twin(
        lambda r, f: -weight * (log_d(r) + log_not_d(f)),
        lambda r, f: -weight * not_d(r),
        lambda r, f: weight * d(f),
    )


def g_twin(weight):
    """A mix of -log D (weight 1; 2014, section 3) and log(1 - D) (weight 0; eq. 1)."""
    return Twin(
        lambda r, f: -weight * log_d(f) + (1 - weight) * log_not_d(f),
        zero,
        lambda r, f: -weight * not_d(f) - (1 - weight) * d(f),
    )


def smoothed_twin(s):
    """D's target on data is 1 - s (arXiv 1606.03498, section 3.4)."""
    return Twin(
        lambda r, f: -((1 - s) * log_d(r) + s * log_not_d(r) + log_not_d(f)),
        lambda r, f: d(r) - (1 - s),
        lambda r, f: d(f),
    )


# arXiv 1611.04076, eq. 9, with a = 0 and b = c = 1.
SQUARES = (
    Twin(lambda r, f: ((r - 1) ** 2 + f**2) / 2, lambda r, f: r - 1, lambda r, f: f),
    Twin(lambda r, f: (f - 1) ** 2 / 2, zero, lambda r, f: f - 1),
)
# arXiv 1802.05957, eq. 16 and 17; the gradient at the corner is 0, as for every ReLU of TensorFlow.
HINGE = (
    Twin(
        lambda r, f: np.maximum(0, 1 - r) + np.maximum(0, 1 + f),
        lambda r, f: -1.0 * (r < 1),
        lambda r, f: 1.0 * (f > -1),
    ),
    Twin(lambda r, f: -f, zero, lambda r, f: -np.ones_like(f)),
)
# arXiv 1701.07875, eq. 2.
EARTH_MOVER = (
    Twin(lambda r, f: f - r, lambda r, f: -np.ones_like(r), lambda r, f: np.ones_like(f)),
    HINGE[1],
)
# arXiv 1807.00734, eq. 3 and 4, f = log sigmoid.
PAIRED = (
    Twin(lambda r, f: -log_d(r - f), lambda r, f: -not_d(r - f), lambda r, f: not_d(r - f)),
    Twin(lambda r, f: -log_d(f - r), lambda r, f: not_d(f - r), lambda r, f: -not_d(f - r)),
)

CASES = [
    Case(losses.Minimax(), d_twin(), g_twin(0.0)),
    Case(losses.Minimax(discriminator_weight=0.5), d_twin(0.5), g_twin(0.0)),
    Case(losses.NonSaturating(), d_twin(), g_twin(1.0)),
    Case(losses.NonSaturating(discriminator_weight=2.0), d_twin(2.0), g_twin(1.0)),
    # Near logit 0 two terms of at most log 2 cancel: a few of their units in the last place remain.
    Case(losses.Blended(), d_twin(), g_twin(0.5), cancellation=2e-7),
    Case(losses.Blended(0.3, discriminator_weight=0.5), d_twin(0.5), g_twin(0.3), 2e-7),
    Case(losses.Blended(0.0), d_twin(), g_twin(0.0)),
    Case(losses.Blended(1.0), d_twin(), g_twin(1.0)),
    Case(losses.NonSaturating(label_smoothing=0.1), smoothed_twin(0.1), g_twin(1.0)),
    Case(losses.LeastSquares(), *SQUARES),
    Case(losses.Hinge(), *HINGE),
    Case(losses.Wasserstein(), *EARTH_MOVER),
    Case(losses.RelativisticPaired(), *PAIRED),
]


def name_of(case):
    return "-".join(map(str, [type(case.loss).__name__, *case.loss.get_config().values()]))


def smoothing_of(loss):
    return getattr(loss, "label_smoothing", 0.0)


each_loss = pytest.mark.parametrize("case", CASES, ids=name_of)
each_network = pytest.mark.parametrize("player", ["discriminator", "generator"])

LOGITS = [-1e4, -100.0, -30.0, -1.0, 0.0, 1.0, 30.0, 100.0, 1e4]
GRID = np.array([(r, f) for r in LOGITS for f in LOGITS])

# A value is a handful of float32 operations, each right to an ulp or two (1.2e-7).
RTOL = 2e-6
# Below the smallest normal number of float32, results may be flushed to zero: sigmoid(-100).
TINY = 1.2e-38


def logits_of(dtype):
    """The grid as `[81, 1]` tensors of real and fake logits, and what they hold in float64."""
    real, fake = (tf.constant(column[:, None], dtype) for column in GRID.T)
    return real, fake, *(tf.cast(x, tf.float64).numpy()[:, 0] for x in (real, fake))


def value_and_gradients(objective, real, fake):
    with tf.GradientTape() as tape:
        tape.watch([real, fake])
        value = objective(real, fake)
    # The tape sums the examples, but each gradient is its own example's: no example sees another.
    gradients = tape.gradient(value, [real, fake], unconnected_gradients="zero")
    return value, *gradients


def assert_gradients(objective, twin, dtype="float32"):
    real, fake, r, f = logits_of(dtype)
    _, *gradients = value_and_gradients(objective, real, fake)
    # Gradients have the dtype of the logits: bfloat16 keeps 8 bits and float32's range, float16
    # keeps 11 bits and steps of 6e-8.
    rtol, atol = {
        "float64": (RTOL, TINY),
        "float32": (RTOL, TINY),
        "bfloat16": (2.0**-8, TINY),
        "float16": (2.0**-11, 6e-8),
    }[dtype]
    for gradient, expected in zip(
        gradients, (twin.along_real(r, f), twin.along_fake(r, f)), strict=True
    ):
        assert gradient.shape == (len(GRID), 1)
        np.testing.assert_allclose(
            tf.cast(gradient, tf.float64).numpy()[:, 0], expected, rtol=rtol, atol=atol
        )


@each_network
@each_loss
def test_the_twins_gradients_are_those_of_their_values(case, player):
    """Central differences in float64: an error of h^2 times a third derivative below 1/4."""
    twin, h = getattr(case, player), 1e-4
    r, f = np.random.default_rng(0).normal(scale=3.0, size=(2, 50))
    along_real = (twin.value(r + h, f) - twin.value(r - h, f)) / (2 * h)
    along_fake = (twin.value(r, f + h) - twin.value(r, f - h)) / (2 * h)
    np.testing.assert_allclose(twin.along_real(r, f), along_real, atol=1e-8)
    np.testing.assert_allclose(twin.along_fake(r, f), along_fake, atol=1e-8)


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
@each_network
@each_loss
def test_values(case, player, dtype):
    real, fake, r, f = logits_of(dtype)
    value = getattr(case.loss, player)(real, fake)
    assert value.dtype == ("float64" if dtype == "float64" else "float32")
    assert value.shape == (len(GRID),)
    expected = getattr(case, player).value(r, f)
    np.testing.assert_allclose(value, expected, rtol=RTOL, atol=TINY + case.cancellation)


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
@each_network
@each_loss
def test_gradients(case, player, dtype):
    assert_gradients(getattr(case.loss, player), getattr(case, player), dtype)


@each_loss
def test_compiled_by_xla_values_and_gradients_are_the_same(case):
    @tf.function(jit_compile=True)
    def compiled(real, fake):
        return [
            value_and_gradients(p, real, fake)
            for p in (case.loss.discriminator, case.loss.generator)
        ]

    real, fake, r, f = logits_of("float32")
    for (value, *gradients), twin in zip(
        compiled(real, fake), (case.discriminator, case.generator), strict=True
    ):
        atol = TINY + case.cancellation
        np.testing.assert_allclose(value, twin.value(r, f), rtol=RTOL, atol=atol)
        for gradient, expected in zip(
            gradients, (twin.along_real(r, f), twin.along_fake(r, f)), strict=True
        ):
            np.testing.assert_allclose(gradient[:, 0], expected, rtol=RTOL, atol=TINY)


@each_loss
def test_config_round_trip(case):
    config = keras.saving.serialize_keras_object(case.loss)
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is type(case.loss)
    assert again.get_config() == case.loss.get_config()
    assert losses.get(config).get_config() == case.loss.get_config()
    real, fake, *_ = logits_of("float32")
    for player in ("discriminator", "generator"):
        np.testing.assert_array_equal(
            getattr(again, player)(real, fake), getattr(case.loss, player)(real, fake)
        )


def test_every_loss_is_in_the_battery():
    public = {getattr(losses, name) for name in losses.__all__}
    classes = {x for x in public if isinstance(x, type) and x is not losses.AdversarialLoss}
    assert classes == {type(case.loss) for case in CASES}


# What the mathematics says of them


def naive_non_saturating(real, fake):
    """The usual guard against log 0. It also guards against learning."""
    return -tf.math.log(tf.sigmoid(fake[:, 0]) + 1e-8)


def test_non_saturating_gradient_survives_a_confident_discriminator():
    assert_gradients(losses.NonSaturating().generator, g_twin(1.0))
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        assert_gradients(naive_non_saturating, g_twin(1.0))


def test_gradients_at_minus_thirty():
    """sigmoid(-30) = 9.3576e-14 (1 / (1 + e^30)): one loss still learns, the other does not.

    The naive form's gradient there is D(1 - D) / (D + 1e-8) = 9.3575e-6.
    """
    fake = tf.constant([[-30.0]])
    gradient = {
        name: value_and_gradients(objective, fake, fake)[2].numpy().item()
        for name, objective in {
            "non_saturating": losses.NonSaturating().generator,
            "minimax": losses.Minimax().generator,
            "naive": naive_non_saturating,
        }.items()
    }
    assert gradient["non_saturating"] == pytest.approx(-1.0, rel=1e-6)
    assert gradient["minimax"] == pytest.approx(-9.3576e-14, rel=1e-4)
    assert gradient["naive"] == pytest.approx(-9.3575e-6, rel=1e-4)


def test_minimax_is_zero_sum_in_what_the_generator_moves():
    """G's loss + D's loss = -log D(x): the samples drop out (2014, eq. 1). Not so when G cheats."""
    real, fake, r, _ = logits_of("float32")

    def total(loss):
        return lambda real, fake: loss.generator(real, fake) + loss.discriminator(real, fake)

    value, _, along_fake = value_and_gradients(total(losses.Minimax()), real, fake)
    # The two terms of the samples cancel up to an ulp of their size, here at most 1e4.
    np.testing.assert_allclose(value, -log_d(r), rtol=RTOL, atol=1e-3)
    np.testing.assert_array_equal(along_fake, np.zeros((len(GRID), 1)))
    _, _, along_fake = value_and_gradients(total(losses.NonSaturating()), real, fake)
    assert np.abs(along_fake).max() == pytest.approx(1.0)


def test_value_is_minus_the_discriminators_loss():
    real, fake, *_ = logits_of("float32")
    for loss in (losses.Minimax(), losses.NonSaturating(), losses.Blended()):
        np.testing.assert_array_equal(losses.value(real, fake), -loss.discriminator(real, fake))


def test_where_data_and_samples_are_alike_the_value_is_greatest_at_one_half():
    """max over y of log y + log(1 - y) is -log 4, at y = 1/2 (2014, Theorem 1)."""
    logits = tf.constant([[o] for o in LOGITS])
    values = losses.value(logits, logits).numpy()
    assert LOGITS[values.argmax()] == 0.0
    assert values.max() == pytest.approx(-math.log(4.0), rel=1e-6)
    assert np.sort(values)[-2] < -1.6  # log D(1) + log(1 - D(1)) = -1.6265


def test_half_weight_is_the_cross_entropy_of_an_even_mix():
    """J_D = -V/2 (2016 tutorial, eq. 8) is Keras's binary cross-entropy of the labels 1 and 0."""
    real, fake, *_ = logits_of("float32")
    loss = losses.NonSaturating(discriminator_weight=0.5).discriminator(real, fake)
    entropy = keras.losses.BinaryCrossentropy(from_logits=True)
    expected = entropy(
        tf.concat([tf.ones_like(real), tf.zeros_like(fake)], 0), tf.concat([real, fake], 0)
    )
    assert float(tf.reduce_mean(loss)) == pytest.approx(float(expected), rel=1e-6)


def test_real_comes_before_fake():
    """A discriminator that is right loses little; one that is wrong loses the logits' sum."""
    positive, negative = tf.constant([[20.0]]), tf.constant([[-20.0]])
    games = [case.loss for case in CASES if not case.loss.get_config().get("label_smoothing")]
    right = {losses.LeastSquares: 380.5, losses.Wasserstein: -40.0}  # (19^2 + 20^2) / 2; -20 - 20
    wrong = {losses.LeastSquares: 420.5, losses.Hinge: 42.0}  # (21^2 + 20^2) / 2; (1 + 20) twice
    for loss in games:
        weight = loss.get_config().get("discriminator_weight", 1.0)
        value = loss.discriminator(positive, negative).numpy().item()
        assert value == pytest.approx(right.get(type(loss), 0.0) * weight, abs=1e-6)
        confused = loss.discriminator(negative, positive).numpy().item()
        assert confused == pytest.approx(wrong.get(type(loss), 40.0) * weight, rel=1e-6)


@each_loss
def test_generator_says_whether_it_needs_real_logits(case):
    real, fake, *_ = logits_of("float32")
    if case.loss.needs_real_logits:
        with pytest.raises(ValueError, match="None"):
            case.loss.generator(None, fake)
        return
    np.testing.assert_array_equal(case.loss.generator(None, fake), case.loss.generator(real, fake))


@pytest.mark.parametrize(
    "case", [case for case in CASES if not smoothing_of(case.loss)], ids=name_of
)
def test_a_loss_says_whether_its_best_logit_is_the_log_odds_of_the_data(case):
    """On two points: D's expected loss is stationary there, and nowhere beside it."""
    data, samples = np.array([0.8, 0.2]), np.array([0.3, 0.7])
    pairs = np.outer(data, samples)

    def slope(logits):
        along_real = case.discriminator.along_real(logits[:, None], logits[None])
        along_fake = case.discriminator.along_fake(logits[:, None], logits[None])
        return abs((pairs * along_real).sum(1) + (pairs * along_fake).sum(0)).max()

    log_odds = np.log(data / samples)
    is_best = slope(log_odds) < 1e-12 < 0.01 < slope(log_odds + 1)
    assert case.loss.log_odds == is_best


def test_a_loss_of_ones_own_promises_nothing():
    assert not losses.AdversarialLoss.needs_real_logits
    assert not losses.AdversarialLoss.log_odds


# Names, objects and errors


@pytest.mark.parametrize(
    ("name", "cls"),
    [
        ("minimax", losses.Minimax),
        ("non_saturating", losses.NonSaturating),
        ("blended", losses.Blended),
        ("least_squares", losses.LeastSquares),
        ("hinge", losses.Hinge),
        ("wasserstein", losses.Wasserstein),
        ("relativistic_paired", losses.RelativisticPaired),
    ],
)
def test_get_by_name(name, cls):
    loss = kgan.losses.get(name)
    assert type(loss) is cls
    assert loss.get_config() == cls().get_config()


def test_get_passes_objects_on():
    class Mine:
        def discriminator(self, real_logits, fake_logits): ...

        def generator(self, real_logits, fake_logits): ...

    given: list[Any] = [losses.Minimax(), Mine()]
    for loss in given:
        assert losses.get(loss) is loss


@pytest.mark.parametrize(
    "identifier",
    [
        "hinges",
        None,
        3,
        losses.Minimax,
        object(),
        types.SimpleNamespace(generator=abs),
        types.SimpleNamespace(discriminator=abs),
        types.SimpleNamespace(discriminator=abs, generator=1),
        keras.saving.serialize_keras_object(kgan.priors.Normal(2)),
    ],
    ids=[
        "misspelt",
        "none",
        "number",
        "class",
        "object",
        "generator-alone",
        "discriminator-alone",
        "no-method",
        "config-of-another",
    ],
)
def test_get_refuses_and_lists_what_there_is(identifier):
    known = r"expected one of \['blended', 'hinge', .*'wasserstein'\]"
    with pytest.raises(ValueError, match=rf"argument `loss`: {known}.*received .+\.$"):
        losses.get(identifier)


@pytest.mark.parametrize("weight", [-0.1, 1.1, math.nan])
def test_bad_blend(weight):
    with pytest.raises(
        ValueError, match=rf"argument `weight`: expected .*\[0, 1\], received {weight}"
    ):
        losses.Blended(weight)


@pytest.mark.parametrize("weight", [0, -0.5, math.nan])
@pytest.mark.parametrize("cls", [losses.Minimax, losses.NonSaturating, losses.Blended])
def test_bad_discriminator_weight(cls, weight):
    with pytest.raises(
        ValueError, match=rf"`discriminator_weight`: expected a positive number, received {weight}"
    ):
        cls(discriminator_weight=weight)


@pytest.mark.parametrize("smoothing", [-0.1, 0.5, math.nan])
@pytest.mark.parametrize("cls", [losses.Minimax, losses.NonSaturating, losses.Blended])
def test_bad_label_smoothing(cls, smoothing):
    cls(label_smoothing=0.49)
    expected = (
        r"`label_smoothing`: expected a number in \[0, 0\.5\), received .*\. 0\.1 is usual\.$"
    )
    with pytest.raises(ValueError, match=expected):
        cls(label_smoothing=smoothing)


def test_a_loss_of_ones_own_must_say_what_the_players_do():
    for player in ("discriminator", "generator"):
        with pytest.raises(NotImplementedError):
            getattr(losses.AdversarialLoss(), player)(None, None)


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case.loss.get_config()))
def test_mirrored_logits_exchange_data_and_samples(case):
    """D's loss is the same game with both in each other's place; label smoothing breaks that."""
    loss = case.loss
    rng = np.random.default_rng(0)
    real, fake = (tf.constant(rng.normal(0, 3, (50, 1))) for _ in range(2))
    np.testing.assert_allclose(loss.mirrored(loss.mirrored(real)), real[:, 0], atol=1e-12)
    exchanged = loss.discriminator(loss.mirrored(fake), loss.mirrored(real))
    differences = np.abs(exchanged - loss.discriminator(real, fake))
    if getattr(loss, "label_smoothing", 0):
        assert differences.max() > 0.01
    else:
        assert differences.max() < 1e-12
