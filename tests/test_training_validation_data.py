"""Data are checked where they enter: refused or warned of in one sentence, before any compiling."""

import os
import re
from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import kgan
from kgan.training.keras_private import held_bytes
from kgan.training.validation.batches import FirstBatches

SHAPE = (8, 8, 1)
CLASSES = 3
IMAGES = np.random.default_rng(0).uniform(-1, 1, (64, *SHAPE)).astype("float32")
BYTES = ((IMAGES + 1) * 127.5).astype("float32")  # 0 to 255, as image_dataset_from_directory yields
LABELS = np.arange(64) % CLASSES


def generator(activation="tanh"):
    dense = layers.Dense(64, activation)
    return keras.Sequential([keras.Input((8,)), dense, layers.Reshape(SHAPE)])


def discriminator():
    return keras.Sequential([keras.Input(SHAPE), layers.Flatten(), layers.Dense(1)])


def game(k=1, penalties=None, cls=kgan.GAN, activation="tanh", **options):
    """A game of plain Keras networks, which declare nothing."""
    networks = generator(activation), discriminator()
    gan = cls(*networks, kgan.priors.Normal(8), discriminator_steps=k, **options)
    gan.compile("adam", "adam", penalties=penalties)
    return gan


def conditional_game():
    gan = kgan.GAN(
        kgan.networks.MLPGenerator(SHAPE, 8, (4,), num_classes=CLASSES),
        kgan.networks.MLPDiscriminator(SHAPE, (4,), num_classes=CLASSES),
        kgan.priors.Normal(8),
    )
    gan.compile("sgd", "sgd")
    return gan


class TrainingBegins(BaseException):
    """Raised where `fit` would hand over to Keras, which compiles the step."""


def begins(gan, *data, **options):
    """Whether `fit` accepts the data; nothing is compiled."""
    keras_fit = mock.patch.object(keras.Model, "fit", side_effect=TrainingBegins)
    with keras_fit, pytest.raises(TrainingBegins):
        gan.fit(*data, verbose=0, **options)
    return True


def refused(gan, sentence, *data, **options):
    """Whether `fit` refuses the data in this sentence, before it compiles anything."""
    keras_fit = mock.patch.object(keras.Model, "fit", side_effect=TrainingBegins)
    with keras_fit, pytest.raises(ValueError, match=sentence) as caught:
        gan.fit(*data, verbose=0, **options)
    assert "\n" not in str(caught.value)
    assert "{{" not in str(caught.value)
    return True


def batches(*arrays, size=8):
    slices = arrays[0] if len(arrays) == 1 else arrays
    return tf.data.Dataset.from_tensor_slices(slices).batch(size)


def quoted(text):
    return re.escape(text)


class Sequence(keras.utils.PyDataset):
    """Batches by number."""

    def __init__(self, images, **kwargs):
        super().__init__(**kwargs)
        self.images = images

    def __len__(self):
        return len(self.images) // 8

    def __getitem__(self, i):
        return self.images[8 * i : 8 * i + 8]


def generated(images):
    return ((images[i : i + 8],) for i in range(0, len(images), 8))


# The pixel value range


@pytest.mark.parametrize("kind", [np.array, tf.constant, batches, Sequence, generated])
def test_pixels_from_0_to_255_are_refused_with_the_line_that_scales_them(kind):
    gan = game()
    line = "`.map(lambda x: x / 127.5 - 1)`" if kind is batches else "`x / 127.5 - 1`"
    refused(
        gan, r"value range \(-1, 1\), received values from 0.* to 25.*" + quoted(line), kind(BYTES)
    )
    assert begins(gan, kind(BYTES / np.float32(127.5) - 1))


@pytest.mark.parametrize(
    ("value_range", "line"),
    [((0, 1), "`x / 255`"), ((-0.5, 0.5), "`x / 255 - 0.5`"), ((0, 255), None), (None, None)],
)
def test_the_range_is_that_of_the_game(value_range, line):
    given = (-np.inf, np.inf) if value_range is None else value_range
    gan = game(value_range=given, activation="tanh" if value_range == (-0.5, 0.5) else None)
    assert begins(gan, BYTES) if line is None else refused(gan, quoted(line), BYTES)


def test_a_game_without_a_declared_range_is_offered_one():
    refused(game(), quoted("`kgan.GAN(..., value_range=(0, 255))`"), BYTES)
    sentence = (
        r"\(lambda x, y: \(x / 127.5 - 1, y\)\).* make the generator with `value_range=\(0, 255\)`"
    )
    refused(conditional_game(), sentence, batches(BYTES, LABELS))


def test_values_that_overshoot_are_to_be_clipped_and_rounding_is_allowed():
    gan = game()
    refused(gan, quoted("Clip them: `tf.clip_by_value(x, -1, 1)`"), 1.1 * IMAGES)
    refused(gan, "received values from -3 to 3. Scale them to that range", 3 * np.sign(IMAGES))
    assert begins(gan, IMAGES * np.float32(1.001))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_data_that_are_not_finite_are_refused(bad):
    last = IMAGES.copy()
    last[-1, 3, 3] = bad
    refused(game(), "`x`: expected finite numbers, received", last)
    refused(game(), "`x`: expected finite numbers, received", batches(last[::-1]))
    refused(game(), "`x`: expected finite numbers, received NaN", np.nan * IMAGES)
    both_ends = np.inf * np.sign(IMAGES - IMAGES.mean())
    refused(game(), "expected finite numbers, received values from -inf to inf", both_ends)
    points = kgan.GAN(
        kgan.networks.MLPGenerator((2,), 2, (4,), value_range=None),
        kgan.networks.MLPDiscriminator((2,), (4,)),
        kgan.priors.Normal(2),
    )
    points.compile("sgd", "sgd")
    refused(points, "expected finite numbers", np.full((8, 2), bad, "float32"))
    assert begins(points, np.full((8, 2), 1e6, "float32"))  # points have no bounds
    refused(points, quoted('`x.astype("float32")`'), np.zeros((8, 2), "int32"))


@pytest.mark.parametrize("kind", [np.array, batches, Sequence, generated])
@pytest.mark.parametrize(
    ("images", "line"), [((IMAGES + 1) / 2, "2 * x - 1"), (IMAGES / 2, "2 * x")]
)
def test_data_that_leave_half_of_the_range_unused_are_warned_of(kind, images, line):
    with pytest.warns(UserWarning, match=r"50% of it is unused.*" + quoted(line)):
        begins(game(), kind(images))


def test_pictures_that_use_their_range_are_not_warned_of():
    gan = game()
    dark = np.where(IMAGES > 0.99, 0.3, (IMAGES - 9) / 10).astype("float32")
    strokes = np.where(IMAGES > 0.9, IMAGES, -1).astype("float32")
    constant = np.full_like(IMAGES, 0.3)
    for images in (dark, strokes, -strokes, constant):
        assert begins(gan, images)
        assert begins(gan, batches(images))
    # The first batches are dark; a later one is not.
    dawn = np.concatenate([np.full_like(IMAGES, -0.9), -0.9 + IMAGES / 20, IMAGES])
    assert begins(gan, batches(dawn))


@pytest.mark.parametrize("kind", [np.array, batches])
def test_pixels_0_and_1_that_were_scaled_as_bytes_are_refused(kind):
    binary = np.where(IMAGES > 0, 1, 0) / np.float32(127.5) - 1  # -1 and -0.992
    line = r"0\.39% of it.*" + quoted("255 * x + 254")
    refused(game(), line, kind(binary.astype("float32")))
    assert begins(game(), kind(np.where(IMAGES > 0, 1, -1).astype("float32")))


def test_the_range_that_kgan_data_load_was_given_is_held_against_the_game():
    digits = kgan.data.load("digits", batch_size=64, value_range=(0, 1))
    line = quoted("`kgan.data.load(..., value_range=(-1, 1))`")
    with pytest.warns(UserWarning, match=r"50% of it is unused.*" + line):
        begins(game(), digits)
    assert begins(game(value_range=(0, 1)), digits)
    line = quoted("`kgan.data.load(..., value_range=(0, 1))`")
    refused(game(value_range=(0, 1)), line, kgan.data.load("digits", batch_size=64))
    assert kgan.data.load("ring").value_range is None


def test_held_out_data_are_checked_too():
    gan = game()
    refused(gan, "`validation_data`: expected pixels", IMAGES, validation_data=(BYTES,))
    assert begins(gan, IMAGES, validation_data=batches(IMAGES))
    with pytest.raises(ValueError, match="`x`: expected pixels"):
        gan.evaluate(BYTES, verbose=0)
    with pytest.raises(ValueError, match="`sample_weight`: expected None"):
        gan.evaluate(IMAGES, sample_weight=np.ones(64), verbose=0)


# What the first look leaves as it was


def test_a_look_at_the_data_changes_nothing_that_is_trained_on():
    def rows(dataset, epochs=2):
        return [batch.numpy().ravel().tolist() for _ in range(epochs) for batch in dataset]

    def shuffled():
        return tf.data.Dataset.range(20).shuffle(20, seed=1).batch(5).cache().prefetch(2)

    def own_epochs():
        return kgan.data.load("digits", batch_size=400).map(tf.negative)

    for make in (shuffled, own_epochs):
        dataset = make()
        looked_at = FirstBatches(dataset)
        assert len(looked_at.take(3)) == 3
        assert rows(looked_at.data) == rows(make())
    looked_at = FirstBatches(generated(IMAGES))
    (first,) = looked_at.take(1)
    assert len(looked_at.take(3)) == 3
    np.testing.assert_array_equal(first[0], IMAGES[:8])
    np.testing.assert_array_equal(np.concatenate([b for (b,) in looked_at.data]), IMAGES)


def test_a_look_works_where_a_data_set_cannot_be_copied():
    table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer([0, 1], [5, 6]), 0)
    dataset = tf.data.Dataset.range(2, output_type=tf.int32).map(table.lookup).batch(2)
    assert FirstBatches(dataset).take(1)[0].numpy().tolist() == [5, 6]


# The shape


@pytest.mark.parametrize(
    ("images", "received", "line"),
    [
        (IMAGES.transpose(0, 3, 1, 2), "(1, 8, 8)", "tf.transpose(x, [0, 2, 3, 1])"),
        (IMAGES[..., 0], "(8, 8)", "x[..., None]"),
        (IMAGES[:8, ..., 0], "(8, 8)", "x[..., None]"),
        (np.zeros((8, 16, 12, 1), "float32"), "(16, 12, 1)", "tf.image.resize(x, (8, 8)"),
        (np.zeros((8, 8, 8, 3), "float32"), "(8, 8, 3)", "tf.image.rgb_to_grayscale(x)"),
        (IMAGES.reshape(64, 64), "(64,)", "tf.reshape(x, (-1, 8, 8, 1))"),
        (np.zeros((8, 4, 8, 8, 1), "float32"), "(4, 8, 8, 1)", "Change one of the two"),
    ],
)
def test_another_shape_is_refused_with_what_to_do(images, received, line):
    sentence = f"images of shape (8, 8, 1), which the generator makes, received {received}"
    for data in (images, batches(images, size=4), generated(images)):
        refused(game(), quoted(sentence) + ".*" + quoted(line), data)


def test_grey_images_of_a_game_of_colour_are_to_be_repeated():
    shape = (8, 8, 3)
    gan = kgan.GAN(
        kgan.networks.MLPGenerator(shape, 8, (4,)),
        kgan.networks.MLPDiscriminator(shape, (4,)),
        kgan.priors.Normal(8),
    )
    gan.compile("sgd", "sgd")
    for data in (IMAGES, batches(IMAGES)):
        refused(gan, quoted("Repeat them") + ".*" + quoted("tf.image.grayscale_to_rgb(x)"), data)


def test_one_image_and_single_examples_are_to_be_batched():
    refused(game(), quoted("`x[None]`"), IMAGES[0])
    unbatched = tf.data.Dataset.from_tensor_slices(IMAGES)
    refused(game(), r"expected batches \[batch, 8, 8, 1\].*`\.batch\(64\)`", unbatched)


def test_a_size_that_only_the_batch_shows_is_checked_there():
    def unknown(images):
        dataset = batches(images).map(lambda x: tf.numpy_function(lambda v: v, [x], tf.float32))
        return dataset.map(lambda x: tf.ensure_shape(x, [None] * images.ndim))

    assert begins(game(), unknown(IMAGES))
    refused(game(), quoted("(1, 8, 8)"), unknown(IMAGES.transpose(0, 3, 1, 2)))


def test_an_unknown_size_beside_a_wrong_one_is_refused():
    flat = batches(np.zeros((8, 20, 3), "float32"))
    unknown = flat.map(
        lambda x: tf.ensure_shape(tf.py_function(tf.identity, [x], x.dtype), [8, None, 3])
    )
    refused(game(), quoted("received (None, 3)") + ".*Change one of the two", unknown)


def test_unknown_rank_is_refused_with_the_line_that_states_the_shape():
    dataset = batches(IMAGES).map(lambda x: tf.numpy_function(lambda v: v, [x], tf.float32))
    line = quoted("`.map(lambda x: tf.ensure_shape(x, (None, 8, 8, 1)))`")
    refused(game(), line, dataset)


# What is no image


def test_dictionaries_are_refused_with_the_line_that_takes_the_image_out():
    stored = {"id": LABELS, "image": BYTES.astype("uint8"), "label": LABELS}
    scaled = 'tf.cast(d["image"], tf.float32) / 127.5 - 1'
    examples = tf.data.Dataset.from_tensor_slices(stored)
    refused(game(), quoted(f"`.map(lambda d: {scaled}).batch(64)`"), examples)
    refused(game(), quoted(f"`.map(lambda d: {scaled})`"), examples.batch(8))
    line = f'`.map(lambda d: ({scaled}, d["label"]))`'
    refused(conditional_game(), quoted(line), examples.batch(8))
    refused(
        game(),
        quoted('`.map(lambda d: d["pixels"])`'),
        batches(IMAGES).map(lambda x: {"pixels": x}),
    )
    refused(game(), quoted('`x["image"]`'), {"image": IMAGES})


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ((), "received None"),
        (([IMAGES[0], IMAGES[1]],), r"a list of 2\. Stack them, `np\.stack\(x\)`"),
        (((IMAGES, LABELS),), r"a tuple of 2\. Give them apart, `fit\(images, labels\)`"),
        (("mnist",), r"`kgan\.data\.load\('mnist'\)`"),
        (((x for x in IMAGES.reshape(8, 8, *SHAPE)),), r"a generator of tuples `\(images,\)`"),
        ((batches(IMAGES, LABELS, LABELS),), "received a third part.*no sample weights"),
        ((batches(IMAGES, LABELS, LABELS, LABELS),), "received 4 parts"),
        ((batches((IMAGES, IMAGES), LABELS),), "one tensor of images, received 2 together"),
        ((batches(np.array(["a.png", "b.png"])),), "received string. Read or decode"),
        ((tf.data.Dataset.from_tensors(tf.ragged.constant([[[1.0]], []])),), "dense tensor"),
    ],
)
def test_other_forms_of_data_are_refused_in_one_sentence(data, sentence):
    refused(game(), sentence, *data)


@pytest.mark.parametrize(
    ("dtype", "line"),
    [
        ("uint8", "/ 127.5 - 1"),
        ("bool", "2 * tf.cast(x, tf.float32) - 1"),
        ("uint16", "/ 32767.5 - 1"),
    ],
)
def test_integer_images_are_refused_with_the_line_that_scales_them(dtype, line):
    images = np.zeros((8, *SHAPE), dtype)
    sentence = f"expected floating point images .*received {dtype}.*"
    refused(game(), sentence + quoted(line), batches(images))
    refused(game(), sentence + quoted('x.astype("float32")'), images)


def test_data_without_a_batch_are_refused_and_nothing_is_written(tmp_path):
    full_only = tf.data.Dataset.from_tensor_slices(IMAGES).batch(100, drop_remainder=True)
    none = batches(IMAGES).filter(lambda x: False)
    for data in (IMAGES[:0], full_only, none, generated(IMAGES[:0]), Sequence(IMAGES[:0])):
        callback = kgan.callbacks.Checkpoint(tmp_path)
        refused(game(), "at least one batch, received data with none", data, callbacks=[callback])
    assert os.listdir(tmp_path) == []
    refused(
        game(), "`validation_data`: expected at least one batch", IMAGES, validation_data=full_only
    )


def test_a_batch_that_k_does_not_divide_is_named_with_its_size():
    gan = game(k=3)
    for data in (batches(IMAGES), batches(IMAGES).map(lambda x: x[:8]), generated(IMAGES)):
        refused(gan, "discriminator_steps=3 .*has 8 images", data)
    refused(gan, "has 16 images", IMAGES, batch_size=48)
    assert begins(gan, IMAGES, batch_size=48, validation_split=0.25)  # 48 of 64 are trained on
    assert begins(gan, batches(IMAGES[:60], size=15))


def test_a_last_batch_that_k_does_not_divide_is_named_with_its_size():
    gan = game(k=3)
    with pytest.raises(ValueError, match=r"^Invalid batch size.*has 4 images") as caught:
        gan.fit(batches(IMAGES, size=30), verbose=0)
    assert "{{" not in str(caught.value)


# Labels and weights


@pytest.mark.parametrize("name", ["sample_weight", "class_weight"])
def test_weights_of_examples_are_refused_by_name(name):
    weights = {"sample_weight": np.ones(64), "class_weight": {0: 2.0}}[name]
    refused(game(), f"argument `{name}`: expected None", IMAGES, **{name: weights})
    assert begins(game(), IMAGES, **{name: None})


def test_weights_are_refused_on_a_single_batch_too():
    with pytest.raises(ValueError, match="`sample_weight`: expected None"):
        game().train_on_batch(IMAGES, sample_weight=np.ones(64))


def test_the_first_batch_of_a_loop_of_ones_own_is_looked_at():
    with pytest.raises(ValueError, match="argument `x`: expected pixels in"):
        game().train_on_batch(IMAGES * 127.5 + 127.5)
    gan = game()
    assert set(gan.train_on_batch(IMAGES, return_dict=True)) >= {"d_loss", "g_loss"}
    # Later ones cost nothing more.
    gan.train_on_batch(IMAGES * 127.5 + 127.5)
    assert gan.step == 2


class WithTerm(kgan.GAN):
    """A variant whose further term may use labels."""

    def discriminator_term(self, images, samples, condition, update):
        return 0.0


class WithStep(kgan.GAN):
    """A variant that takes its data apart itself."""

    def train_step(self, data):
        return super().train_step(data["pixels"] / 127.5 - 1)


def test_labels_that_nothing_uses_are_refused():
    refused(game(), "`y`: expected no labels.*`num_classes`, or leave `y` out", IMAGES, LABELS)
    line = quoted("`.map(lambda image, label: image)`")
    refused(game(), line, batches(IMAGES, LABELS))
    refused(game(), line, kgan.data.load("digits", batch_size=64, with_labels=True))
    assert begins(conditional_game(), batches(IMAGES, LABELS))
    assert begins(game(cls=WithTerm), batches(IMAGES, LABELS))


def test_a_variant_with_a_step_of_its_own_takes_what_it_likes():
    assert begins(game(cls=WithStep), batches(BYTES).map(lambda x: {"pixels": x}))


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        (LABELS + 1, "expected classes from 0 to 2, received 1 to 3"),
        (LABELS - 1, "expected classes from 0 to 2, received -1 to 1"),
        (LABELS.astype("float32"), "expected integer labels .*Cast class numbers"),
        (np.full(64, np.nan), "expected integer labels"),
        (np.eye(CLASSES, dtype="float32")[LABELS], "One-hot labels become integers"),
        (np.eye(CLASSES, dtype="int64")[LABELS], "One-hot labels become integers"),
    ],
)
def test_labels_of_the_first_batch_are_checked_before_the_step_is_compiled(labels, sentence):
    refused(conditional_game(), sentence, IMAGES, labels)
    refused(conditional_game(), sentence, batches(IMAGES, labels))


def test_labels_are_as_many_as_images_and_come_in_any_integer_form():
    refused(conditional_game(), "expected 64 integers, one an image", IMAGES, LABELS[:5])
    refused(conditional_game(), "expected pairs of images and labels", batches(IMAGES))
    for labels in (LABELS, LABELS[:, None], LABELS.astype("uint8"), LABELS.tolist()):
        assert begins(conditional_game(), IMAGES, labels)


def test_a_bad_label_in_a_later_batch_ends_the_training_in_a_sentence():
    late = np.where(np.arange(64) == 60, 7, LABELS)
    with pytest.raises(ValueError, match=r"^Invalid labels: .* the classes 0 to 2\.$"):
        conditional_game().fit(batches(IMAGES, late), verbose=0)
    with pytest.raises(ValueError, match=r"^Invalid labels: "):
        conditional_game().evaluate(batches(IMAGES, late), verbose=0)


# Precision


BOTH = [kgan.penalties.R1(1.0), kgan.penalties.GradientPenalty(1.0)]


@pytest.mark.parametrize("dtype", ["float64", "float16", "bfloat16"])
def test_data_of_any_precision_train_with_penalties(dtype):
    gan = game(penalties=BOTH)
    data = tf.data.Dataset.from_tensor_slices(tf.cast(IMAGES, dtype)).batch(32)
    logs = gan.fit(data, verbose=0).history
    assert np.isfinite(logs["d_loss"]).all()


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16", "float64"])
def test_plain_networks_of_any_precision_train_with_penalties(policy):
    keras.config.set_dtype_policy(policy)
    gan = game(penalties=BOTH)
    logs = gan.fit(batches(IMAGES, size=32), verbose=0).history
    assert np.isfinite(logs["d_loss"]).all()
    assert np.isfinite(gan.evaluate(IMAGES, verbose=0, return_dict=True)["d_loss"])
    samples = gan.sample(4)
    assert samples.dtype == np.float32
    assert np.abs(samples).max() <= 1


def test_the_bytes_that_a_data_set_holds_are_its_tensors_and_what_functions_capture():
    table = tf.constant(np.zeros((7, 3)))
    held = tf.data.Dataset.from_tensor_slices(np.zeros((5, 2), np.float32)).shuffle(5)
    assert held_bytes(held.map(lambda row: table[0] + tf.cast(row[0], tf.float64))) == 40 + 168
