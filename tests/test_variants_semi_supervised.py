"""SemiSupervisedGAN: its losses against the equations, its labels, resuming, and the classifier."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import special
from variant_games import assert_goes_on, saved

import kgan
from kgan import losses, penalties
from kgan.networks import MLPDiscriminator, MLPGenerator
from kgan.theory import few_labels
from kgan.training.labelled_set import LabelledSet
from kgan.variants import SemiSupervisedGAN
from train.choices import LOSSES

SHAPE, CLASSES = (4, 4, 1), 3
RNG = np.random.default_rng(0)
X = RNG.uniform(-1, 1, (24, *SHAPE)).astype("float32")
FEW = RNG.uniform(-1, 1, (7, *SHAPE)).astype("float32")
LABELS = np.array([0, 1, 2, 0, 1, 2, 0])
WEIGHT_NORM = {"input_noise": 0.3, "hidden_noise": 0.5, "weight_normalization": True}


def game(compiled=None, discriminator=None, dtype="float32", **options):
    keras.utils.set_random_seed(0)
    generator = MLPGenerator(SHAPE, 3, (8,), "softplus", batch_normalization=True, dtype=dtype)
    gan = SemiSupervisedGAN(
        generator,
        discriminator
        or MLPDiscriminator(SHAPE, (6, 5), classes=CLASSES, **WEIGHT_NORM, dtype=dtype),
        kgan.priors.Normal(3),
        dtype=dtype,
        **{"labelled": (FEW, LABELS), "labelled_batch_size": 4, **options},
    )
    gan.compile("adam", "adam", **(compiled or {}))
    return gan


def plain(**options):
    """A discriminator without noise, so that a call can be repeated by hand."""
    keras.utils.set_random_seed(1)
    discriminator = MLPDiscriminator(SHAPE, (6, 5), classes=CLASSES, **options)
    discriminator.build((None, *SHAPE))
    return discriminator


def weights(network):
    return [weight.numpy() for weight in network.trainable_variables]


def moved(before, after):
    return [bool((a != b).any()) for a, b in zip(before, after, strict=True)]


# The game


def test_the_discriminator_is_the_probability_of_the_classes_together():
    """D = Z / (Z + 1): the sum of the softmax over K classes and samples, without the last."""
    discriminator = plain()
    logits = discriminator.class_logits(X).numpy()
    assert logits.shape == (24, CLASSES)
    expected = few_labels.probabilities_with_samples(logits.astype(np.float64))
    found = special.expit(discriminator(X).numpy().astype(np.float64))
    np.testing.assert_allclose(found[:, 0], 1 - expected[:, -1], rtol=1e-6)


@pytest.mark.parametrize("augmentation", [None, lambda images, seed: 1 - 2 * images])
def test_an_update_of_the_discriminator_descends_the_loss_of_the_paper(augmentation):
    """Half of the game's loss and the cross-entropy of the update's own labels, by hand."""
    options = {"supervised_weight": 3.0, "labelled_augmentation": augmentation}
    gan = game({"run_eagerly": True}, plain(), **options)
    seen = []
    draw = gan.labelled.draw
    gan.labelled.draw = lambda count, seed: seen.append(draw(count, seed)) or seen[-1]
    start = weights(gan.discriminator)
    x = tf.constant(X[:8])
    latents = gan.prior.sample(8, gan._seed(0, tf.constant(0, tf.int64)))
    samples = gan.generator(latents, training=True).numpy()
    gan.generator.set_weights(game().generator.get_weights())  # whose statistics moved
    logs = gan.fit(x, batch_size=8, verbose=0, shuffle=False).history
    (images, labels) = (part.numpy() for part in seen[0])
    if augmentation:  # of labelled images alone
        images = 1 - 2 * images
    for variable, value in zip(gan.discriminator.trainable_variables, start, strict=True):
        variable.assign(value)
    real, fake, few = (
        gan.discriminator.class_logits(each).numpy().astype(np.float64)
        for each in (X[:8], samples, images)
    )
    adversarial = np.logaddexp(0, -special.logsumexp(real, -1)).mean()
    adversarial += np.logaddexp(0, special.logsumexp(fake, -1)).mean()
    supervised = -special.log_softmax(few, -1)[np.arange(4), labels].mean()
    assert logs["d_loss"][0] == pytest.approx(adversarial / 2 + 3 * supervised, rel=1e-5)


def test_consistency_is_the_cross_entropy_of_changed_images():
    """By hand, on the images without labels; the probabilities that are given are constants."""
    options = {"labelled_augmentation": lambda images, seed: images[:, ::-1]}
    terms, gradients = [], []
    for weight in (0.0, 2.0):
        gan = game({}, plain(), consistency_weight=weight, **options)
        variables = gan.discriminator.trainable_variables
        with tf.GradientTape() as tape:
            term = gan.discriminator_term(tf.constant(X[:8]), None, None, tf.constant(3))
        terms.append(float(term))
        gradients.append([part.numpy() for part in tape.gradient(term, variables)])
    as_given, changed = (
        special.log_softmax(gan.discriminator.class_logits(each).numpy().astype(np.float64), -1)
        for each in (X[:8], X[:8, ::-1])
    )
    expected = -(np.exp(as_given) * changed).sum(-1).mean()
    assert terms[1] - terms[0] == pytest.approx(2 * expected, rel=1e-5)
    with tf.GradientTape() as tape:
        logits = tf.nn.log_softmax(gan.discriminator.class_logits(X[:8, ::-1]))
        by_hand = -2 * tf.reduce_mean(
            tf.reduce_sum(tf.cast(np.exp(as_given), "float32") * logits, -1)
        )
    for without, with_it, alone in zip(*gradients, tape.gradient(by_hand, variables), strict=True):
        np.testing.assert_allclose(with_it - without, alone, atol=1e-5)
    # An evaluation draws nothing.
    assert gan.discriminator_term(tf.constant(X[:8]), None, None, None) == 0.0


def test_the_generator_matches_features_or_plays_the_loss():
    images, samples = tf.constant(X[:8]), tf.constant(X[8:16])
    gan = game({}, plain())
    features = [gan.discriminator.features(each).numpy().mean(0) for each in (samples, images)]
    expected = np.square(features[0] - features[1]).mean()
    term = gan.generator_term(samples, None, None, images)
    assert float(term) == pytest.approx(expected, rel=1e-5)
    logs = gan.evaluate(X, batch_size=24, verbose=0, return_dict=True)
    made = gan.generator(gan.prior.sample(24, gan._seed(1, tf.constant(0, tf.int64))))
    term = float(gan.generator_term(made, None, None, X))
    assert logs["g_loss"] == pytest.approx(term, rel=1e-5)
    gan.feature_matching = False
    logs = gan.evaluate(X, batch_size=24, verbose=0, return_dict=True)
    played = losses.NonSaturating().generator(None, gan.discriminator(made)).numpy().mean()
    assert logs["g_loss"] == pytest.approx(played, rel=1e-5)
    assert logs["g_loss"] > 2 * term


def test_features_are_those_before_the_last_noise():
    """Noise after the last hidden layer would be noise in the means that are matched."""
    noisy = plain(hidden_noise=0.5)
    noisy.noises[1].stddev = 0.0  # between the two hidden layers
    np.testing.assert_array_equal(noisy.features(X, training=True), noisy.features(X))
    assert np.abs(noisy(X, training=True) - noisy(X)).max() > 1e-2


# Who moves


def test_an_update_moves_one_network_and_no_label():
    gan = game({"run_eagerly": True})
    few = [weight.numpy() for weight in gan.labelled.weights]
    gan.discriminator_optimizer.learning_rate = 0.0
    start = weights(gan.generator), gan.discriminator.get_weights()
    gan.fit(X[:8], batch_size=8, verbose=0)
    assert all(moved(start[0], weights(gan.generator)))
    assert not any(moved(start[1], gan.discriminator.get_weights()))
    gan.generator_optimizer.learning_rate, gan.discriminator_optimizer.learning_rate = 0.0, 1e-3
    middle = weights(gan.generator)
    gan.fit(X[:8], batch_size=8, verbose=0)
    assert not any(moved(middle, weights(gan.generator)))
    after = [weight.numpy() for weight in gan.discriminator.trainable_variables]
    assert all(
        moved(
            [w for w, v in zip(start[1], gan.discriminator.weights, strict=True) if v.trainable],
            after,
        )
    )
    assert not any(moved(few, [weight.numpy() for weight in gan.labelled.weights]))


@pytest.mark.slow
def test_every_part_plays_with_few_labels():
    """Every loss, penalty and option, eagerly: nothing becomes NaN, and both networks move."""
    some = [None, penalties.R1(), penalties.R2(), penalties.GradientPenalty()]
    changes = {"labelled_augmentation": kgan.augmentation.RandomAffine(), "consistency_weight": 1}
    options = [
        {},
        {"ema_decay": 0.9, "discriminator_steps": 2},
        {"augmentation": kgan.augmentation.DiffAugment(), **changes},
        {"dtype": "mixed_bfloat16", "feature_matching": False},
        {"dtype": "mixed_float16", **changes},
    ]
    for i, loss in enumerate(LOSSES):
        for feature_matching in (True, False):
            given = {"feature_matching": feature_matching, **options[i % 5]}
            gan = game({"loss": loss, "penalties": some[i % 4], "run_eagerly": True}, **given)
            before = weights(gan.generator), weights(gan.discriminator)
            logs = gan.fit(X[:8], batch_size=4, verbose=0).history
            assert all(np.isfinite(values).all() for values in logs.values()), (loss, given)
            for start, network in zip(before, (gan.generator, gan.discriminator), strict=True):
                # float16 skips the first steps, until the scale of the loss fits.
                half = given.get("dtype") == "mixed_float16"
                assert any(moved(start, weights(network))) or half, (loss, given)


def test_convolutional_discriminators_have_classes_too():
    keras.utils.set_random_seed(0)
    shape = (8, 8, 1)
    images = np.resize(X, (9, *shape))
    gan = SemiSupervisedGAN(
        kgan.networks.DCGANGenerator(shape, 3, filters=2),
        kgan.networks.DCGANDiscriminator(shape, filters=2, classes=CLASSES),
        kgan.priors.Normal(3),
        labelled=(images[:7], LABELS),
    )
    gan.compile("adam", "adam", run_eagerly=True)
    gan.fit(images, batch_size=9, verbose=0)
    assert gan.classify(images).shape == (9, CLASSES)


# The labelled set


def test_a_draw_follows_from_its_seed_and_takes_all_alike():
    few = LabelledSet.of((FEW, LABELS), CLASSES)
    few.build(SHAPE)

    def rows(count, seed):
        images, labels = few.draw(count, tf.constant([0, seed], tf.int64))
        found = [int(np.argmax((image == FEW).all((1, 2, 3)))) for image in images.numpy()]
        np.testing.assert_array_equal(labels, LABELS[found])
        return found

    assert rows(4, 1) == rows(4, 1)
    assert len({tuple(rows(7, seed)) for seed in range(20)}) > 15
    for seed in range(5):
        assert len(set(rows(4, seed))) == 4  # without repetition
        counts = np.bincount(rows(17, seed), minlength=7)
        assert counts.max() - counts.min() == 1
        assert counts.sum() == 17
    # Each image comes first alike: 210 draws, 5 standard deviations of 5.1.
    first = np.bincount([rows(1, seed)[0] for seed in range(210)], minlength=7)
    assert np.abs(first - 30).max() < 26


def test_each_update_and_each_replica_draws_its_own():
    """The seeds of the draws: of the labelled stream, by the update, and by nothing else."""
    changed = []

    def augmentation(images, seed):
        changed.append(tuple(seed.numpy()))
        return images

    options = {"discriminator_steps": 2, "labelled_augmentation": augmentation}
    gan = game({"run_eagerly": True}, consistency_weight=1, **options)
    seen = []
    draw = gan.labelled.draw
    gan.labelled.draw = lambda count, seed: seen.append(tuple(seed.numpy())) or draw(count, seed)
    gan.fit(X, batch_size=8, verbose=0)
    assert (len(seen), len(changed)) == (6, 12)
    assert len({*seen, *changed}) == 18
    other = game({"run_eagerly": True}, discriminator_steps=2, seed=1)
    assert tuple(other._seed(kgan.training.seeds.LABELLED, tf.constant(0)).numpy()) not in seen


BAD = {
    "lacks": ((FEW[:2], LABELS[:2]), r"each of the 3 classes .* received 2 and none of class 2"),
    "fewer": ((FEW[:1], LABELS[:1]), r"received 1 and none of class 1, 2\. Label some"),
    "class": ((FEW, LABELS + 1), r"`labelled`: expected classes from 0 to 2, received 1 to 3"),
    "lengths": ((FEW, LABELS[:5]), r"as many images as labels, received 7 and 5"),
    "floats": ((FEW, LABELS / 2), r"`labelled`: expected integer labels \[batch\], received float"),
    "no pair": (FEW, r"`labelled`: expected two arrays.* received ndarray\. Give `labelled="),
}


@pytest.mark.parametrize("what", BAD)
def test_labels_that_cannot_be_learned_from_are_refused(what):
    labelled, sentence = BAD[what]
    with pytest.raises(ValueError, match=sentence):
        game(labelled=labelled)


def test_labelled_images_are_held_to_the_game():
    for wrong, sentence in (
        (FEW[:, :2], r"`labelled`: expected .*\(4, 4, 1\)"),
        (FEW * 100, r"`labelled`: expected .*-1"),
        (FEW * np.nan, r"`labelled`: expected finite"),
        (FEW / 300, r"`labelled`: expected pixels that use the game's value range"),
    ):
        with pytest.raises(ValueError, match=sentence):
            game(labelled=(wrong, LABELS))


def test_labels_beside_all_images_are_refused():
    """They would be ignored, and a user would take them for learned."""
    labels = np.zeros(len(X), "int32")
    with pytest.raises(ValueError, match=r"`y`: .* that it is to learn as `labelled`, or leave `y"):
        game({}).fit(X, labels, batch_size=8)


class Featureless(keras.Model):
    """A classifier that has no features for G to match."""

    classes = CLASSES

    def class_logits(self, images, training=False):
        return tf.zeros([len(images), CLASSES])


def test_a_discriminator_without_classes_is_refused():
    with pytest.raises(ValueError, match=r"`discriminator`: .*received Featureless with classes="):
        game(discriminator=Featureless())
    with pytest.raises(ValueError, match=r"`discriminator`: expected one with logits of classes"):
        game(discriminator=MLPDiscriminator(SHAPE, (4,)))
    with pytest.raises(ValueError, match=r"`packing`: expected 1, received 2"):
        game(packing=2)
    with pytest.raises(ValueError, match=r"`supervised_weight`: expected"):
        game(supervised_weight=-1)
    with pytest.raises(ValueError, match=r"`labelled_batch_size`: expected a positive"):
        game(labelled_batch_size=0)
    with pytest.raises(ValueError, match=r"`labelled_augmentation`: expected None, or a .*'turn'"):
        game(labelled_augmentation="turn")
    with pytest.raises(
        ValueError, match=r"`consistency_weight`: expected a finite number of at le"
    ):
        game(consistency_weight=-1, labelled_augmentation=kgan.augmentation.RandomAffine())
    with pytest.raises(ValueError, match=r"`consistency_weight`: expected 0 without .* received 2"):
        game(consistency_weight=2)
    with pytest.raises(ValueError, match=r"`classes`: expected an integer of at least 2"):
        MLPDiscriminator(SHAPE, (4,), classes=1)
    with pytest.raises(ValueError, match=r"`classes`: expected None beside num_classes=3"):
        MLPDiscriminator(SHAPE, (4,), classes=3, num_classes=3)
    with pytest.raises(ValueError, match=r"`classes`: expected None, as a patch has no class"):
        kgan.networks.PatchDiscriminator((8, 8, 1), classes=3)


# The state


@pytest.fixture(scope="module")
def trained():
    """A game of three steps, and what decides the next three."""
    applied = kgan.augmentation.RandomAffine(shear=0.1)
    options = {"labelled_augmentation": applied, "consistency_weight": 0.5}
    gan = game({"penalties": penalties.R1()}, ema_decay=0.9, **options)
    gan.fit(X, batch_size=8, shuffle=False, verbose=0)
    return gan


@pytest.mark.slow
def test_a_resumed_training_goes_on_as_it_would_have(trained, tmp_path):
    """From a `.keras` file, which brings the labelled images, and from a checkpoint."""
    again, arrays = saved(trained, tmp_path)
    np.testing.assert_array_equal(again.labelled.images, FEW)
    np.testing.assert_array_equal(again.labelled.labels, LABELS)
    np.testing.assert_array_equal(again.classify(X), trained.classify(X))

    def fit(gan):
        gan.fit(X, batch_size=8, shuffle=False, verbose=0)

    assert_goes_on(trained, again, arrays, fit)


def test_a_game_is_built_once(trained):
    weights = len(trained.weights)
    trained.build()
    assert len(trained.weights) == weights


def test_the_average_classifies_and_draws(trained):
    """The EMA is of both networks: `classify` uses it, and leaves the latest weights in place."""
    latest = weights(trained.discriminator)
    with trained.averaged():
        average = weights(trained.discriminator)
        expected = tf.nn.softmax(trained.discriminator.class_logits(X)).numpy()
    assert all(moved(latest, average))
    np.testing.assert_allclose(trained.classify(X), expected, atol=1e-6)
    assert not any(moved(latest, weights(trained.discriminator)))
    np.testing.assert_allclose(expected.sum(-1), 1, atol=1e-6)


def test_a_run_keeps_classifier_and_labels(trained, tmp_path):
    trained.save_run(tmp_path / "run")
    again = kgan.load_run(tmp_path / "run")
    np.testing.assert_array_equal(again.labelled.images, FEW)
    np.testing.assert_array_equal(again.classify(X), trained.classify(X))
    read = kgan.inference.read_run(tmp_path / "run")
    found = read.probabilities(tf.constant((X + 1) / 2))
    np.testing.assert_allclose(found, trained.classify(X), atol=1e-5)


def test_other_labels_are_noticed_and_may_be_accepted(tmp_path):
    def fit(labels, **options):
        gan = game({"run_eagerly": True}, labelled=(FEW, labels))
        checkpoint = kgan.callbacks.Checkpoint(tmp_path, **options)
        gan.fit(X[:8], batch_size=8, verbose=0, callbacks=[checkpoint])
        return gan

    fit(LABELS)
    mended = np.roll(LABELS, 1)
    with pytest.raises(ValueError, match=r"is of other settings: labelled: \w+ there, \w+ now"):
        fit(mended)
    with pytest.warns(UserWarning, match="Nothing is left to train"):
        gan = fit(mended, accept_changes=True)
    np.testing.assert_array_equal(gan.labelled.labels, mended)
    assert gan.step == 1


@pytest.mark.slow
def test_settings_that_decide_the_training_are_compared_and_traced(trained):
    settings = trained.training_settings()
    assert settings["feature_matching"] is True
    assert settings["labelled_augmentation.shear"] == 0.1
    assert settings["consistency_weight"] == 0.5
    config = trained.get_config()
    del config["labelled_augmentation"], config["consistency_weight"]  # of an earlier edition
    assert SemiSupervisedGAN.from_config(config).labelled_augmentation is None
    assert (settings["supervised_weight"], settings["labelled_batch_size"]) == (1.0, 4)
    class_losses = []
    gan = game(discriminator=plain())
    rates = (gan.generator_optimizer, gan.discriminator_optimizer)
    for optimizer in rates:
        optimizer.learning_rate = 0.0
    for weight in (1.0, 0.0):
        gan.supervised_weight = weight
        class_losses.append(gan.fit(X[:8], batch_size=8, verbose=0).history["d_loss"][0])
    assert class_losses[0] > class_losses[1] + 0.1


@pytest.mark.slow
def test_xla_plays_the_same_game():
    """But for roundings, which Adam's first steps turn into steps of either sign."""
    ends = []
    for jit_compile in (False, True):
        applied = kgan.augmentation.RandomAffine()
        # Without noise, which is another under XLA.
        options = {"labelled_augmentation": applied, "consistency_weight": 1}
        gan = game(discriminator=plain(), **options)
        gan.compile("sgd", "sgd", jit_compile=jit_compile)
        gan.fit(X, batch_size=8, shuffle=False, verbose=0)
        ends.append(gan.get_weights())
    for one, other in zip(*ends, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)


# What it is for


@pytest.mark.slow
def test_images_without_labels_help_the_classifier():
    """Two crescents of points with three labels each, which the labels alone cannot follow."""
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, np.pi, 2000)
    classes = rng.integers(2, size=2000)
    points = np.stack([np.cos(angle), np.sin(angle)], -1)
    points = np.where(classes[:, None], points, [1.0, 0.4] - points)
    points = (points + 0.05 * rng.normal(size=points.shape)).astype("float32")
    few = np.concatenate([np.flatnonzero(classes == k)[:3] for k in range(2)])

    def errors(supervised_only):
        keras.utils.set_random_seed(0)
        gan = SemiSupervisedGAN(
            MLPGenerator((2,), 2, (32,), value_range=None),
            MLPDiscriminator((2,), (64, 64), classes=2),
            kgan.priors.Normal(2),
            labelled=(points[few], classes[few]),
            labelled_batch_size=6,
            ema_decay=0.99,
        )
        if supervised_only:
            gan.discriminator_loss_weight = 0.0
        gan.compile(
            *(kgan.optimizers.FusedAdam(3e-3, 0.5) for _ in range(2)), steps_per_execution=20
        )
        gan.fit(points, batch_size=100, epochs=40, verbose=0)
        return (gan.classify(points).argmax(-1) != classes).mean()

    with_images, alone = errors(False), errors(True)
    assert with_images < 0.8 * alone, (with_images, alone)


# Taken away


def test_a_saved_model_classifies_in_plain_tensorflow(trained, tmp_path):
    trained.export(tmp_path / "1", verbose=False)
    model = tf.saved_model.load(str(tmp_path / "1"))
    assert set(model.signatures) == {"serving_default", "sample", "sample_png", "classify"}
    given = tf.constant((X + 1) / 2)
    found = model.signatures["classify"](images=given)["probabilities"]
    np.testing.assert_allclose(found, trained.classify(X), atol=1e-5)
    np.testing.assert_allclose(
        kgan.inference.load(tmp_path / "1").sample(3), (trained.sample(3) + 1) / 2, atol=1e-5
    )


def test_classify_refuses_what_is_no_image_of_the_game(trained):
    with pytest.raises(ValueError, match=r"`images`: expected .*\(4, 4, 1\)"):
        trained.classify(X[:, :2])
    with pytest.raises(ValueError, match=r"`images`: expected .*-1"):
        trained.classify(X * 100)
    assert trained.classify(np.full((1, *SHAPE), -1, "float32")).shape == (1, CLASSES)  # all black
