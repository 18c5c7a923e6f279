"""D's margin and gradient norms: closed forms, packs and classes, and no state changed."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import kgan
from kgan import penalties
from kgan.callbacks import GradientNorms

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(-1, 1, (12, 4, 4, 1)).astype("float32")
LABELS = RNG.integers(3, size=12)


class Weighing(keras.Model):
    """o = sum over the examples of a pack of c |x|^2 / 2; c is 1, or 1 more than the class."""

    def __init__(self, packing, num_classes):
        super().__init__()
        self.image_shape = (4, 4, packing)
        self.num_classes = num_classes
        self.compiled_game = False  # `compile` tries both modes

    def call(self, inputs, training=False):
        assert not (training and self.compiled_game)
        x, labels = inputs if self.num_classes else (inputs, None)
        squares = tf.reduce_sum(tf.square(x), [1, 2]) / 2  # [batch, packing]
        if labels is not None:
            squares *= tf.reshape(1 + tf.cast(labels, tf.float32), tf.shape(squares))
        return tf.reduce_sum(squares, axis=1, keepdims=True)


class SameLatents(kgan.priors.Normal):
    """The latents of one seed, whatever the seed."""

    def sample(self, batch, seed):
        return super().sample(batch, 0)


def make_gan(discriminator=None, num_classes=None, prior=None, **options):
    keras.utils.set_random_seed(0)
    discriminator = discriminator or kgan.networks.MLPDiscriminator(
        (4, 4, options.get("packing", 1)), (5,), hidden_dropout=0.5, num_classes=num_classes
    )
    gan = kgan.GAN(
        kgan.networks.MLPGenerator((4, 4, 1), 3, (5,), num_classes=num_classes),
        discriminator,
        prior or kgan.priors.Normal(3),
        **options,
    )
    gan.compile("adam", "adam")
    discriminator.compiled_game = True
    return gan


def measured(gan, run_dir, images=IMAGES, **options):
    """Return the scalars of one measurement."""
    watcher = GradientNorms(run_dir, images, count=12, **options)
    watcher.set_model(gan)
    watcher.on_train_begin()
    scalars = watcher.measure()
    watcher.on_train_end()
    return scalars


def fit(gan, steps, *watchers, epochs=1):
    images = np.random.default_rng(1).uniform(-1, 1, (4 * steps, 4, 4, 1)).astype("float32")
    gan.fit(images, batch_size=4, epochs=epochs, shuffle=False, verbose=0, callbacks=[*watchers])


def lines(run_dir):
    return [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("packing", [1, 3])
@pytest.mark.parametrize("num_classes", [None, 3])
def test_norms_of_a_known_gradient(packing, num_classes, tmp_path):
    """The gradient of `Weighing` at a pack is c x; successive examples are a pack."""
    gan = make_gan(Weighing(packing, num_classes), num_classes, packing=packing)
    images = (IMAGES, LABELS) if num_classes else IMAGES
    samples = gan.sample(12, 7, LABELS if num_classes else None)
    c = 1.0 + LABELS if num_classes else np.ones(12)
    logits, norms = [], []
    for x in (IMAGES, samples):
        squares = np.square(x.astype(float)).sum(axis=(1, 2, 3))
        logits.append((c * squares).reshape(-1, packing).sum(axis=1) / 2)
        norms.append(np.sqrt((c**2 * squares).reshape(-1, packing).sum(axis=1)))
    expected = {
        "margin": logits[0].mean() - logits[1].mean(),
        "r1": (norms[0] ** 2).mean() / 2,
        "r2": (norms[1] ** 2).mean() / 2,
        "gradient_norm_real": norms[0].mean(),
        "gradient_norm_fake": norms[1].mean(),
    }
    scalars = measured(gan, tmp_path, images, seed=7)
    assert scalars == pytest.approx(expected, rel=1e-5)
    (line,) = lines(tmp_path)
    assert line == {"step": 0, **scalars, "time": line["time"]}


@pytest.mark.slow
def test_r1_is_the_penalty_at_gamma_1(tmp_path):
    """D's loss with R1(1000) is larger by 1000 `r1`, and with R2(1000) by 1000 `r2`."""
    gan = make_gan(kgan.networks.MLPDiscriminator((4, 4, 1), (5,)), prior=SameLatents(3))
    scalars = measured(gan, tmp_path)
    start = gan.get_weights()
    losses = {}
    for name, penalty in (
        ("none", None),
        ("r1", penalties.R1(1000.0)),
        ("r2", penalties.R2(1000.0)),
    ):
        gan.set_weights(start)
        gan.compile("sgd", "sgd", penalties=penalty)
        history = gan.fit(IMAGES, batch_size=12, shuffle=False, verbose=0).history
        losses[name] = history["d_loss"][0]
    for name in ("r1", "r2"):
        assert losses[name] - losses["none"] == pytest.approx(1000 * scalars[name], rel=1e-5)


@pytest.mark.slow
def test_it_measures_at_multiples_and_changes_nothing(tmp_path):
    options = {"ema_decay": 0.9}
    watched, alone = make_gan(**options), make_gan(**options)
    fit(watched, 7, GradientNorms(tmp_path, IMAGES, every=5, count=12), epochs=2)
    fit(alone, 7, epochs=2)
    assert [line["step"] for line in lines(tmp_path)] == [5, 10]
    for ours, theirs in zip(watched.get_weights(), alone.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    # The same state gives the same scalars; a later state, others.
    first, again = (measured(watched, tmp_path) for _ in range(2))
    assert first == again
    assert first["margin"] != lines(tmp_path)[1]["margin"]


def test_the_samples_are_of_the_weights_and_not_of_their_ema(tmp_path):
    """With an EMA that stays near the start, `sample` draws others."""
    gan = make_gan(Weighing(1, None), ema_decay=0.999)
    gan.generator.output_layer.bias.assign(np.full(16, 9.0))  # all pixels are 1
    gan.step_counter.assign(1)
    scalars = measured(gan, tmp_path)
    assert scalars["gradient_norm_fake"] == pytest.approx(4, rel=1e-2)
    assert np.square(gan.sample(12)).mean() < 0.1  # the EMA is still 0


def test_lines_of_steps_ahead_are_forgotten(tmp_path):
    gan = make_gan()
    fit(gan, 4, GradientNorms(tmp_path, IMAGES, every=2, count=12))
    gan.step_counter.assign(2)
    fit(gan, 2, GradientNorms(tmp_path, IMAGES, every=2, count=12))
    assert [line["step"] for line in lines(tmp_path)] == [2, 4]


@pytest.mark.parametrize("num_classes", [None, 3])
def test_data_may_be_arrays_or_a_data_set(num_classes, tmp_path):
    """An unconditional GAN ignores labels."""
    gan = make_gan(num_classes=num_classes)
    pairs = IMAGES.astype("float64"), LABELS[:, None]
    more = np.zeros((30, 4, 4, 1)), np.zeros((30, 1), int)
    rows = tuple(np.concatenate([x, y]) for x, y in zip(pairs, more, strict=True))
    found = [
        measured(gan, tmp_path, given)
        for given in (pairs, rows, tf.data.Dataset.from_tensor_slices(rows).batch(5).repeat())
    ]
    if num_classes is None:
        found.append(measured(gan, tmp_path, tf.data.Dataset.from_tensors(IMAGES)))
        found.append(measured(gan, tmp_path, IMAGES))
    assert all(scalars == found[0] for scalars in found)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_in_half_precision(policy, tmp_path):
    scalars = []
    for name in ("float32", policy):
        keras.config.set_dtype_policy(name)
        scalars.append(measured(make_gan(), tmp_path))
    assert scalars[1] == pytest.approx(scalars[0], rel=0.05, abs=0.02)  # bfloat16 has 8 bits


def test_what_is_not_finite_becomes_null(tmp_path):
    gan = make_gan()
    gan.generator.output_layer.bias.assign(np.full(16, np.nan))
    measured(gan, tmp_path)
    (line,) = lines(tmp_path)
    assert line["margin"] is None
    assert line["gradient_norm_real"] > 0


def test_tensorboard_shows_the_scalars_over_the_steps(tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    fit(make_gan(), 4, GradientNorms(tmp_path, IMAGES, every=2, count=12))
    (file,) = (tmp_path / "logs").iterdir()
    events = accumulator.EventAccumulator(str(file)).Reload()
    for name in ("margin", "r1", "r2", "gradient_norm_real", "gradient_norm_fake"):
        assert [event.step for event in events.Tensors(name)] == [2, 4]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"every": 0}, r"`every`: expected a positive integer, received 0"),
        ({"count": 2.5}, r"`count`: expected a positive integer, received 2.5"),
        ({"count": 13}, r"`images`: expected at least count=13, received 12. Give more"),
    ],
)
def test_unusable_arguments(arguments, sentence, tmp_path):
    with pytest.raises(ValueError, match=sentence):
        GradientNorms(tmp_path, IMAGES, **arguments)


@pytest.mark.parametrize(
    ("images", "options", "sentence"),
    [
        (IMAGES[:, :3], {}, r"`images`: expected the shape .*\(4, 4, 1\), received \(3, 4, 1\)"),
        (IMAGES, {"num_classes": 3}, r"`images`: .*conditional and expected pairs .*images alone"),
        (IMAGES, {"packing": 5}, r"`count`: expected a multiple of .*packing=5, received 12"),
    ],
)
def test_what_does_not_fit_the_gan(images, options, sentence, tmp_path):
    with pytest.raises(ValueError, match=sentence):
        measured(make_gan(**options), tmp_path, images)
