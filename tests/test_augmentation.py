"""Augmentations: what they draw, what they do with it, and the gradient through them."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage, stats

import kgan
from kgan import augmentation
from kgan.augmentation import DiffAugment, RandomAffine

SEED = tf.constant([3, 4], tf.int64)
NONE = {"translation": 0, "cutout": 0, "brightness": 0}
STILL = {"rotation": 0, "shear": 0, "scale": 0, "translation": 0}
each = pytest.mark.parametrize("kind", [DiffAugment, RandomAffine])


def only(**part):
    return DiffAugment(**{**NONE, **part})


def random_images(batch=6, shape=(8, 12, 3), dtype="float32"):
    images = np.random.default_rng(0).uniform(0.1, 1, (batch, *shape))  # zero is what moves in
    return tf.constant(images, dtype)


def evenly(values, count):
    """Whether these look like even draws from 0 to count - 1: chi-squared, at one in ten thousand.

    The seeds are fixed, so a sound generator passes once and for all.
    """
    assert values.min() >= 0
    assert values.max() < count
    return stats.chisquare(np.bincount(values, minlength=count)).pvalue > 1e-4


def test_brightness_is_one_uniform_number_for_an_image():
    images = random_images(2000, (2, 3, 2))
    change = (only(brightness=0.3)(images, SEED) - images).numpy()
    np.testing.assert_allclose(
        change, np.broadcast_to(change[:, :1, :1, :1], change.shape), 0, 1e-6
    )
    numbers = change[:, 0, 0, 0]
    assert abs(numbers).max() <= 0.3 + 1e-6
    assert stats.kstest(numbers, stats.uniform(-0.3, 0.6).cdf).pvalue > 1e-4


def test_brightness_is_the_first_of_the_images_draws():
    """The draws are part of the resume: a run goes on with the numbers that it began with."""
    images = tf.zeros([5, 2, 2, 1])
    light = augmentation._uniform(5, 5, SEED)[0].numpy()
    change = only(brightness=0.5)(images, SEED).numpy()[:, 0, 0, 0]
    np.testing.assert_allclose(change, light - 0.5, rtol=0, atol=1e-7)


def test_the_defaults_are_those_of_the_paper():
    defaults = {"translation": 0.125, "cutout": 0.5, "brightness": 0.5}
    assert DiffAugment().get_config() == defaults


def moved(image, down, right):
    """NumPy twin: the image moves over a black table."""
    height, width, _ = image.shape
    table = np.zeros((3 * height, 3 * width, image.shape[2]), image.dtype)
    table[height + down : 2 * height + down, width + right : 2 * width + right] = image
    return table[height : 2 * height, width : 2 * width]


def test_translation_moves_every_way_evenly():
    """A quarter of 8 x 12 pixels is 2 down or up and 3 to either side: 5 x 7 places."""
    images = random_images(3500)
    ways = {(down, right): None for down in range(-2, 3) for right in range(-3, 4)}
    found = []
    augmented = only(translation=0.25)(images, SEED)
    for before, after in zip(images.numpy(), augmented.numpy(), strict=True):
        fits = [way for way in ways if np.array_equal(moved(before, *way), after)]
        assert len(fits) == 1
        found.append(list(ways).index(fits[0]))
    assert evenly(np.array(found), len(ways))


@pytest.mark.parametrize(
    ("cutout", "lengths", "starts"),
    [(0.5, (4, 6), ((-2, 6), (-3, 9))), (0.4, (3, 5), ((-1, 6), (-2, 9))), (1, (8, 12), None)],
)
def test_cutout_hides_a_rectangle_anywhere(cutout, lengths, starts):
    """First and last place of the rectangle along the sides 8 and 12; half of it is inside."""
    starts = starts or ((-4, 4), (-6, 6))
    images = random_images(3000)
    after = only(cutout=cutout)(images, SEED).numpy()
    np.testing.assert_array_equal(after[after != 0], images.numpy()[after != 0])
    hidden = (after == 0).all(axis=-1)
    assert ((after == 0).any(axis=-1) == hidden).all()  # in all channels
    places = []
    for mask in hidden:
        covered = []
        for axis, (length, (first, last)) in enumerate(zip(lengths, starts, strict=True)):
            lines = np.flatnonzero(mask.any(axis=1 - axis))
            top = lines[-1] + 1 - length if lines[0] == 0 else lines[0]
            assert first <= top <= last
            covered.append(len(lines))
            places.append(top - first)
        assert mask.sum() == np.prod(covered)  # a whole rectangle
        assert mask.sum() >= np.prod([length // 2 for length in lengths])
    for axis, (first, last) in enumerate(starts):
        assert evenly(np.array(places[axis::2]), last - first + 1)


def test_the_parts_and_the_images_draw_apart():
    """No two of the five numbers of an image, nor those of neighbours, go together."""
    draws = np.stack(augmentation._uniform(5000, 5, SEED))
    both = np.concatenate([draws[:, :-1], draws[:, 1:]])
    correlations = np.corrcoef(both) - np.eye(10)
    assert abs(correlations).max() < 5 / np.sqrt(5000)


def test_a_draw_never_reaches_the_count():
    largest = tf.constant(1 - 2.0**-24)
    for count in range(1, 3000):
        assert int(augmentation._integers(largest, count)) == count - 1


def places(shape=(9, 13)):
    """An image whose two channels are the columns and the rows, as distances from the middle."""
    rows, columns = (np.arange(side) - (side - 1) / 2 for side in shape)
    return np.stack(np.meshgrid(columns, rows), axis=-1).astype("float32")


def maps(count=4000, **parts):
    """What the images' middles show, as matrices `[n, 2, 2]` and shifts `[n, 2]`."""
    images = tf.tile(places()[None], [count, 1, 1, 1])
    shown = RandomAffine(**{**STILL, **parts})(images, SEED).numpy()
    matrices = [shown[:, 4, 7] - shown[:, 4, 6], shown[:, 5, 6] - shown[:, 4, 6]]
    return np.stack(matrices, axis=-1), shown[:, 4, 6]


def uniform(values, largest):
    assert abs(values).max() <= largest + 1e-5
    return stats.kstest(values, stats.uniform(-largest, 2 * largest).cdf).pvalue > 1e-4


def test_each_part_of_an_affine_map_is_uniform():
    matrices, shifts = maps(rotation=0.3)
    angles = np.arctan2(matrices[:, 1, 0], matrices[:, 0, 0])
    assert uniform(angles, 0.3)
    turned = [[np.cos(angles), -np.sin(angles)], [np.sin(angles), np.cos(angles)]]
    np.testing.assert_allclose(matrices, np.moveaxis(turned, -1, 0), atol=1e-5)
    np.testing.assert_array_equal(shifts, 0)
    matrices, _ = maps(shear=0.5)
    assert uniform(matrices[:, 0, 1], 0.5)
    matrices[:, 0, 1] = 0
    np.testing.assert_allclose(matrices, np.broadcast_to(np.eye(2), matrices.shape), atol=1e-5)
    matrices, _ = maps(scale=0.4)
    assert uniform(np.log(matrices[:, 0, 0]), 0.4)
    assert uniform(np.log(matrices[:, 1, 1]), 0.4)
    assert abs(np.corrcoef(matrices[:, 0, 0], matrices[:, 1, 1])[0, 1]) < 5 / np.sqrt(4000)
    np.testing.assert_allclose(matrices[:, [0, 1], [1, 0]], 0, atol=1e-5)
    matrices, shifts = maps(translation=0.25)
    np.testing.assert_allclose(matrices, np.broadcast_to(np.eye(2), matrices.shape), atol=1e-5)
    assert uniform(shifts[:, 0], 0.25 * 13)
    assert uniform(shifts[:, 1], 0.25 * 9)


def test_the_parts_of_an_affine_map_in_their_order():
    """R S D p + t, of the parts that each has alone from the same seed."""
    given = {"rotation": 0.3, "shear": 0.5, "scale": 0.4, "translation": 0.1}
    alone = {name: maps(20, **{name: value}) for name, value in given.items()}
    matrices, shifts = maps(20, **given)
    expected = alone["rotation"][0] @ alone["shear"][0] @ alone["scale"][0]
    np.testing.assert_allclose(matrices, expected, atol=1e-4)
    np.testing.assert_allclose(shifts, alone["translation"][1], atol=1e-4)


def test_images_are_read_as_scipy_reads_them():
    """Bilinear, and with the outermost pixels beyond the edge."""
    images = random_images(8, (9, 13, 3)).numpy()
    given = {"rotation": 1.0, "shear": 0.5, "scale": 0.4, "translation": 0.3}
    matrices, shifts = maps(8, **{**given, "translation": 0.0})[0], maps(8, translation=0.3)[1]
    middle = np.array([4, 6])
    for before, after, matrix, shift in zip(
        images, RandomAffine(**given)(images, SEED).numpy(), matrices, shifts, strict=True
    ):
        by_rows, moved_by = matrix[::-1, ::-1], shift[::-1]  # of (row, column)
        offset = middle + moved_by - by_rows @ middle
        for channel in range(3):
            expected = ndimage.affine_transform(
                before[..., channel], by_rows, offset, order=1, mode="nearest"
            )
            np.testing.assert_allclose(after[..., channel], expected, atol=1e-4)


def test_a_map_that_is_still_changes_nothing():
    images = random_images()
    np.testing.assert_array_equal(RandomAffine(**STILL)(images, SEED), images)
    defaults = {"rotation": 0.2, "shear": 0.4, "scale": 0.2, "translation": 0.05}
    assert RandomAffine().get_config() == defaults


@each
@pytest.mark.parametrize("jit_compile", [False, True])
def test_compiled_it_makes_the_same_changes(kind, jit_compile):
    images, augment = random_images(5), kind()
    compiled = tf.function(augment, jit_compile=jit_compile)
    np.testing.assert_allclose(compiled(images, SEED), augment(images, SEED), rtol=0, atol=1e-5)


@each
def test_changes_follow_from_the_seed_alone(kind):
    images, augment = random_images(), kind()
    first = augment(images, SEED).numpy()
    np.testing.assert_array_equal(augment(images, SEED), first)
    np.testing.assert_array_equal(augment(images[:2], SEED), first[:2])
    for other in ([4, 4], [3, 5]):
        assert (augment(images, other).numpy() != first).any(axis=(1, 2, 3)).all()
    anew = kind.from_config(augment.get_config())
    np.testing.assert_array_equal(anew(images, SEED), first)


@each
def test_of_an_unknown_number_of_images(kind):
    spec = tf.TensorSpec([None, 8, 12, 3])
    compiled = tf.function(kind(), input_signature=[spec, tf.TensorSpec([2], tf.int64)])
    images = random_images()
    np.testing.assert_allclose(compiled(images, SEED), kind()(images, SEED), 0, 1e-5)


@pytest.mark.parametrize("part", ["translation", "cutout", "brightness"])
def test_each_part_may_be_off(part):
    images = random_images()
    np.testing.assert_array_equal(DiffAugment(**NONE)(images, SEED), images)
    alone = only(**{part: 0.5})(images, SEED).numpy()
    assert (alone != images.numpy()).any(axis=(1, 2, 3)).all()


@each
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
@pytest.mark.parametrize("channels", [1, 6])
def test_type_and_shape_are_kept(dtype, channels, kind):
    images = random_images(4, (7, 9, channels), dtype)
    after = kind()(images, SEED)
    assert after.dtype == dtype
    assert after.shape == images.shape
    single = kind()(tf.cast(images, tf.float32), SEED)
    np.testing.assert_allclose(tf.cast(after, tf.float32), single, rtol=0, atol=1e-2)  # bfloat16's


@pytest.mark.parametrize(
    ("augment", "seen"),
    [
        (DiffAugment(translation=0.3, cutout=0.3, brightness=0.5), (0.2, 0.9)),
        (RandomAffine(translation=0.3), (0.2, 1.0)),
    ],
)
def test_gradients_against_finite_differences(augment, seen):
    """In float64, of sum(weights * T(x)^2); T is affine, so central differences are exact."""
    rng = np.random.default_rng(1)
    images = tf.constant(rng.normal(size=(3, 5, 6, 2)))
    weights = rng.normal(size=images.shape)

    def value(x):
        return tf.reduce_sum(weights * tf.square(augment(x, SEED)))

    with tf.GradientTape() as tape:
        tape.watch(images)
        total = value(images)
    gradient = tape.gradient(total, images).numpy()
    for _ in range(40):
        step = np.zeros(images.shape)
        place = tuple(rng.integers(n) for n in images.shape)
        step[place] = 1e-4
        measured = float(value(images + step) - value(images - step)) / 2e-4
        assert gradient[place] == pytest.approx(measured, rel=1e-6, abs=1e-8)
    # What left the image or was hidden plays no part; the rest does.
    assert seen[0] < (gradient != 0).mean() < seen[1]


def test_a_second_derivative_goes_through():
    """R1 needs it: for o = sum(T(x)^2) / 2 the squared norm is 2 o, and its gradient 2 T."""
    images, augment = random_images(), only(translation=0.25, cutout=0.5)
    with tf.GradientTape() as outer:
        outer.watch(images)
        with tf.GradientTape() as inner:
            inner.watch(images)
            value = tf.reduce_sum(tf.square(augment(images, SEED))) / 2
        squared = tf.reduce_sum(tf.square(inner.gradient(value, images)))
    second = outer.gradient(squared, images)
    assert float(squared) == pytest.approx(2 * float(value), rel=1e-5)
    seen = np.not_equal(second, 0)
    np.testing.assert_allclose(second.numpy()[seen], 2 * images.numpy()[seen], rtol=1e-6)
    assert seen.sum() == np.not_equal(augment(images, SEED), 0).sum()


def test_g_learns_the_data_and_not_their_augmentation():
    """G is one pixel's value, which comes to the data's 0.3, as data and samples are augmented.

    With the data alone made brighter by 1, G learns the wrong value.
    """

    def brighter(images, seed):
        return images + tf.cast(1 - seed[1] % 2, images.dtype)  # the seeds of data are even

    def learnt(augment):
        dense = keras.layers.Dense(1, kernel_initializer="zeros")
        generator = keras.Sequential([keras.Input((1,)), dense, keras.layers.Reshape((1, 1, 1))])
        layers = [keras.layers.Flatten(), keras.layers.Dense(1)]
        discriminator = keras.Sequential([keras.Input((1, 1, 1)), *layers])
        gan = kgan.GAN(generator, discriminator, kgan.priors.Normal(1), augmentation=augment)
        sgds = keras.optimizers.SGD(0.05), keras.optimizers.SGD(0.1)
        penalties = [kgan.penalties.R1(0.5), kgan.penalties.R2(0.5)]
        gan.compile(*sgds, penalties=penalties, steps_per_execution=50)
        data = np.full((64 * 250, 1, 1, 1), 0.3, "float32")
        gan.fit(data, batch_size=64, verbose=0)
        return float(dense.bias[0])

    # Over four seeds both came within 0.02.
    assert learnt(only(brightness=0.5)) == pytest.approx(0.3, abs=0.05)
    assert learnt(brighter) == pytest.approx(1.3, abs=0.05)


def test_a_game_with_it_is_saved_whole(tmp_path):
    gan = kgan.GAN(
        kgan.networks.MLPGenerator((4, 4, 1), 3, (4,)),
        kgan.networks.MLPDiscriminator((4, 4, 2), (4,)),
        kgan.priors.Normal(3),
        augmentation=DiffAugment(translation=0.25, cutout=0.0, brightness=0.1),
        packing=2,
    )
    gan.compile("sgd", "sgd")
    gan.save(tmp_path / "gan.keras")
    again = keras.models.load_model(tmp_path / "gan.keras").augmentation
    assert again.get_config() == {"translation": 0.25, "cutout": 0.0, "brightness": 0.1}


@pytest.mark.parametrize("bad", [-0.1, 1.5, float("nan")])
@pytest.mark.parametrize("name", ["translation", "cutout"])
def test_shares_lie_between_0_and_1(name, bad):
    sentence = rf"argument `{name}`: expected a number in \[0, 1\], received {bad}"
    with pytest.raises(ValueError, match=sentence):
        DiffAugment(**{name: bad})


@pytest.mark.parametrize("bad", [-0.1, float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["shear", "scale"])
def test_shear_and_scale_are_not_negative(name, bad):
    sentence = rf"argument `{name}`: expected a finite number of at least 0, received {bad}"
    with pytest.raises(ValueError, match=sentence):
        RandomAffine(**{name: bad})


@pytest.mark.parametrize("bad", [-0.1, float("nan"), 4.0])
@pytest.mark.parametrize("name", ["rotation", "translation"])
def test_an_angle_and_a_shift_have_an_upper_end(name, bad):
    sentence = rf"argument `{name}`: expected a number in \[0, [13.]+\d*\], received {bad}"
    with pytest.raises(ValueError, match=sentence):
        RandomAffine(**{name: bad})


@pytest.mark.parametrize("bad", [-0.1, float("nan"), float("inf")])
def test_brightness_is_not_negative(bad):
    sentence = rf"argument `brightness`: expected a finite number of at least 0, received {bad}"
    with pytest.raises(ValueError, match=sentence):
        DiffAugment(brightness=bad)


@each
@pytest.mark.parametrize(
    ("images", "what"),
    [
        (np.zeros((5, 2), "float32"), r"float32 of shape \(5, 2\)"),
        (np.zeros((5, 4, 4, 1), "uint8"), r"uint8 of shape \(5, 4, 4, 1\)"),
    ],
)
def test_what_are_no_images_is_refused(images, what, kind):
    sentence = rf"argument `images`: expected floats \[batch, height, width, channels\], .*{what}"
    with pytest.raises(ValueError, match=sentence):
        kind()(images, SEED)
