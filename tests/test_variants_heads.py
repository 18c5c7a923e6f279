"""Games whose D has a head: what each update moves, and that they train, resume and go anywhere."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from variant_games import Zero, assert_goes_on, saved

import kgan
from kgan import networks, penalties
from kgan.variants import ACGAN, InfoGAN
from kgan.variants.heads import WithHead
from train.choices import LOSSES

SHAPE, CLASSES = (8, 8, 1), 3
X = np.random.default_rng(0).uniform(-1, 1, (24, *SHAPE)).astype("float32")
Y = np.arange(24) % CLASSES
PRIOR = kgan.priors.Codes(kgan.priors.Uniform(2, -1.0, 1.0), (3, 2), continuous=1)
FAMILIES = {
    "MLP": {"units": (6,)},
    "DCGAN": {"filters": 2},
    "ResNet": {"filters": 8},
    "SNGAN": {"filters": 3},
}
WEIGHTS = {InfoGAN: "information_weight", ACGAN: "class_weight"}
each_game = pytest.mark.parametrize("variant", [InfoGAN, ACGAN])


def game(variant, compiled=None, family="MLP", dtype="float32", **options):
    keras.utils.set_random_seed(0)
    classes = {"num_classes": CLASSES} if variant is ACGAN else {}
    prior = kgan.priors.Normal(PRIOR.dim)
    if variant is InfoGAN:
        prior = PRIOR
        options = {"categorical_augmentation": kgan.augmentation.RandomAffine(), **options}
    sizes = {**FAMILIES[family], "dtype": dtype}
    gan = variant(
        getattr(networks, f"{family}Generator")(SHAPE, prior.dim, **classes, **sizes),
        getattr(networks, f"{family}Discriminator")(SHAPE, **sizes),
        prior,
        dtype=dtype,
        **options,
    )
    gan.compile("adam", "adam", **(compiled or {}))
    return gan


def data(variant, count=24):
    return (X[:count], Y[:count]) if variant is ACGAN else (X[:count],)


def moved(before, network):
    return [(a != b).any() for a, b in zip(before, network.get_weights(), strict=True)]


@each_game
def test_the_term_alone_moves_what_belongs_to_the_side_of_the_update(variant):
    """D's update: the head and the features, not the logit's layer. G's update: G alone."""
    gan = game(variant, {"loss": Zero(), "run_eagerly": True})
    assert [w.path for w in gan.discriminator_variables] == [
        w.path for w in gan.discriminator.trainable_variables
    ]
    head, body = gan.discriminator.head, gan.discriminator.discriminator
    parts = {"generator": gan.generator, "head": head, "body": body}
    for side, rates in (("discriminator", (0.0, 1e-2)), ("generator", (1e-2, 0.0))):
        gan.generator_optimizer.learning_rate, gan.discriminator_optimizer.learning_rate = rates
        before = {name: part.get_weights() for name, part in parts.items()}
        logit = body.output_layer.get_weights()
        gan.fit(*data(variant, 8), batch_size=8, verbose=0)
        found = {name: moved(before[name], part) for name, part in parts.items()}
        for a, b in zip(logit, body.output_layer.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)  # Adam does not move by a gradient of 0
        if side == "discriminator":
            assert sum(found["head"]) == len(head.trainable_weights)
            assert sum(found["body"]) == len(found["body"]) - len(logit)
            assert not any(found["generator"])
        else:
            assert not any(found["head"] + found["body"])
            assert all(found["generator"])


@each_game
def test_without_its_weight_the_term_moves_nothing(variant):
    gan = game(variant, {"loss": Zero(), "run_eagerly": True}, **{WEIGHTS[variant]: 0.0})
    before = [w.numpy() for w in (*gan.generator_variables, *gan.discriminator_variables)]
    logs = gan.fit(*data(variant, 8), batch_size=8, verbose=0).history
    assert logs["d_loss"] == logs["g_loss"] == [0.0]
    after = [w.numpy() for w in (*gan.generator_variables, *gan.discriminator_variables)]
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
@each_game
def test_a_weight_that_is_changed_after_a_fit_takes_effect(variant):
    gan = game(variant, {"loss": Zero()})
    whole = gan.fit(*data(variant, 8), batch_size=8, verbose=0).history["g_loss"][0]
    setattr(gan, WEIGHTS[variant], 0.0)
    rest = gan.fit(*data(variant, 8), batch_size=8, verbose=0).history["g_loss"][0]
    assert rest == 0 != whole
    assert gan.training_settings()[WEIGHTS[variant]] == 0.0


@pytest.fixture(scope="module", params=[InfoGAN, ACGAN])
def trained(request):
    """A game of three steps, with what the next three follow from."""
    gan = game(request.param, {"penalties": penalties.R1()}, ema_decay=0.9)
    gan.fit(*data(request.param), batch_size=8, shuffle=False, verbose=0)
    return gan


def test_a_resumed_training_goes_on_as_it_would_have(trained, tmp_path):
    variant = type(trained)
    again, arrays = saved(trained, tmp_path)
    for name in ("prior", WEIGHTS[variant], "seed", "packing"):
        one, other = (getattr(game, name) for game in (again, trained))
        assert getattr(one, "get_config", lambda one=one: one)() == (
            getattr(other, "get_config", lambda other=other: other)()
        )

    def fit(gan):
        gan.fit(*data(variant), batch_size=8, shuffle=False, verbose=0)

    assert_goes_on(trained, again, arrays, fit)


def test_a_run_and_its_networks_are_read_again(trained, tmp_path):
    trained.save_run(tmp_path)
    again = kgan.load_run(tmp_path)
    np.testing.assert_array_equal(again.outputs_of(X), trained.outputs_of(X))
    discriminator = keras.models.load_model(tmp_path / "discriminator.keras")
    assert isinstance(discriminator, WithHead)
    inputs = [X, Y] if trained.num_classes else X
    with trained.averaged():
        np.testing.assert_array_equal(discriminator.read(X), trained.discriminator.read(X))
        np.testing.assert_array_equal(discriminator(inputs), trained.discriminator(inputs))


def test_a_saved_model_samples_as_the_game_does(trained, tmp_path):
    """With the EMA, from the same prior, in plain TensorFlow; pixels are in [0, 1] there."""
    trained.export(tmp_path / "1", verbose=False)
    model = tf.saved_model.load(str(tmp_path / "1"))
    given = {"count": tf.constant(6), "seed": tf.constant([4, 0])}
    if trained.num_classes:
        given["labels"] = tf.constant(Y[:6], tf.int32)
    made = model.signatures["sample"](**given)["images"]
    expected = (trained.sample(6, seed=4, labels=Y[:6] if trained.num_classes else None) + 1) / 2
    np.testing.assert_allclose(made, expected, atol=1e-5)
    loaded = kgan.inference.load(tmp_path / "1")
    assert type(loaded.prior) is type(trained.prior)
    assert loaded.prior.get_config() == trained.prior.get_config()


PENALTIES = [None, penalties.R1(), penalties.R2(), penalties.GradientPenalty()]
OPTIONS = [
    {},
    {"ema_decay": 0.9, "discriminator_steps": 2},
    {"augmentation": kgan.augmentation.DiffAugment()},
    {"dtype": "mixed_bfloat16"},
    {"dtype": "mixed_float16"},
]


@pytest.mark.slow
@each_game
def test_every_part_plays_with_a_head(variant):
    """Every loss, penalty, option and family, eagerly: all is finite, and every part moves."""
    for i, loss in enumerate(LOSSES):
        options, family = OPTIONS[i % 5], list(FAMILIES)[i % 4]
        compiled = {"loss": loss, "penalties": PENALTIES[i % 4], "run_eagerly": True}
        gan = game(variant, compiled, family, **options)
        parts = (gan.generator, gan.discriminator.discriminator, gan.discriminator.head)
        before = [part.get_weights() for part in parts]
        logs = gan.fit(*data(variant, 8), batch_size=4, verbose=0).history
        assert all(np.isfinite(values).all() for values in logs.values()), (loss, options)
        assert gan.discriminator.head.kernel.dtype == "float32"
        assert gan.discriminator.read(X[:2]).dtype == tf.float32
        for start, part in zip(before, parts, strict=True):
            # float16 skips the first steps, until the scale of the loss fits.
            assert any(moved(start, part)) or options.get("dtype") == "mixed_float16", (
                loss,
                family,
            )


@pytest.mark.slow
@each_game
def test_xla_plays_the_same_game(variant):
    """But for roundings, which Adam's first steps turn into steps of either sign."""
    ends = []
    for jit_compile in (False, True):
        gan = game(variant)
        gan.compile("sgd", "sgd", penalties=penalties.R1(), jit_compile=jit_compile)
        gan.fit(*data(variant), batch_size=8, shuffle=False, verbose=0)
        ends.append(gan.get_weights())
    for one, other in zip(*ends, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)


@each_game
def test_logs_in_inference_mode_have_the_terms(variant):
    """Without dropout in D, whose masks would differ from batch to batch."""
    gan = game(variant, {"loss": Zero(), "run_eagerly": True})
    classes = {"num_classes": CLASSES} if variant is ACGAN else {}
    again = variant(
        networks.MLPGenerator(SHAPE, PRIOR.dim, (6,), **classes),
        networks.MLPDiscriminator(SHAPE, (6,), hidden_dropout=0.5),
        gan.prior,
    )
    again.compile("adam", "adam", loss=Zero(), run_eagerly=True)
    for name in ("generator", "discriminator"):
        ours, theirs = (getattr(each, name).trainable_variables for each in (gan, again))
        for weight, other in zip(ours, theirs, strict=True):
            other.assign(weight)
    logs = [
        each.evaluate(*data(variant), batch_size=24, verbose=0, return_dict=True)
        for each in (gan, again)
    ]
    for name in ("d_loss", "g_loss"):
        assert logs[0][name] == pytest.approx(logs[1][name], rel=1e-5)
        assert logs[0][name] != 0
    np.testing.assert_allclose(gan.outputs_of(X), again.outputs_of(X), rtol=1e-5, atol=1e-6)


class Featureless(keras.Model):
    def call(self, images, training=False):
        return tf.reduce_mean(images, (1, 2, 3))[:, None]


@each_game
def test_discriminators_without_features_of_the_image_alone_are_refused(variant):
    classes = {"num_classes": CLASSES} if variant is ACGAN else {}
    generator = networks.MLPGenerator(SHAPE, PRIOR.dim, (6,), **classes)
    for discriminator, received in (
        (networks.PatchDiscriminator(SHAPE, filters=2), "PatchDiscriminator, which has none"),
        (Featureless(), "Featureless, which is none"),
        (keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(1)]), "Sequential"),
        (networks.MLPDiscriminator(SHAPE, (6,), num_classes=CLASSES), "one that takes labels"),
    ):
        said = f"`discriminator`: expected one of kgan.networks with `features`.*{received}"
        with pytest.raises(ValueError, match=said):
            variant(generator, discriminator, PRIOR)
    discriminator = networks.MLPDiscriminator(SHAPE, (6,))
    with pytest.raises(ValueError, match=r"`packing`: expected 1, received 2\. .*single images"):
        variant(generator, discriminator, PRIOR, packing=2)
    with pytest.raises(ValueError, match=rf"`{WEIGHTS[variant]}`: expected .*received -1"):
        variant(generator, discriminator, PRIOR, **{WEIGHTS[variant]: -1})
    gan = variant(generator, discriminator, PRIOR)
    with pytest.raises(ValueError, match=r"`images`: expected"):
        gan.outputs_of(X[:, :4])
