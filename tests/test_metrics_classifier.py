"""The classifier on real digits and on toys; its cache; the score against closed forms."""

import math

import keras
import numpy as np
import pytest
import tfds_data
from scipy import special, stats
from sklearn.datasets import load_digits

from kgan.data import stacked
from kgan.metrics import (
    Classifier,
    classifier,
    classifier_score,
    mode_coverage,
    stacked_labels,
)


def _toy(n=200, shape=(6, 6, 1), seed=0):
    """Dark images of class 0 and bright ones of class 1."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(2, size=n)
    images = rng.uniform(0, 0.5, (n, *shape)) + 0.5 * labels[:, None, None, None]
    return images.astype(np.float32), labels


@pytest.fixture
def short(monkeypatch):
    """Makes trainings too short to learn much but brightness."""
    monkeypatch.setitem(classifier.RECIPE, "steps", 40)


@pytest.fixture(scope="module")
def trained():
    """A classifier of the toy, trained shortly."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(classifier.RECIPE, "steps", 40)
        return Classifier.train(_toy(), _toy(seed=1))


@pytest.mark.slow
def test_it_reads_digits():
    # Five seeds gave 97.5% to 98.6% of the 360 images, by other hands than those of the training.
    images, labels = load_digits(return_X_y=True)
    images = np.float32(images.reshape(-1, 8, 8, 1) / 16)
    digits = Classifier.train((images[:1437], labels[:1437]), (images[1437:], labels[1437:]))
    assert digits.num_classes == 10
    assert digits.accuracy >= 0.97


@pytest.fixture(scope="module")
def mnist():
    """MNIST as (images, labels) by split, in [0, 1]."""
    splits = tfds_data.mnist()
    return {key: (np.float32(images / 255), labels) for key, (images, labels) in splits.items()}


def modes_of_stacks(reader, images, labels, count):
    """The modes of stacks of three images each, as the classifier names them, and in truth."""
    numbers = stacked.draw("test", len(images))[:count]
    stacks = images[..., 0][numbers].transpose(0, 2, 3, 1)
    return stacked_labels(stacks, reader), labels[numbers] @ [100, 10, 1]


@pytest.mark.slow
@pytest.mark.long
def test_it_reads_mnist_and_names_the_modes_of_its_stacks(mnist):
    reader = Classifier.train(mnist["train"], mnist["test"])
    assert reader.accuracy >= 0.99
    images, labels = mnist["test"]
    mean, deviation = classifier_score(reader.probabilities(images))
    assert 9.5 < mean < 10  # ten classes, nearly even, nearly sure: 9.69 measured
    assert deviation < 0.2
    modes, truth = modes_of_stacks(reader, images, labels, 2000)
    # Three digits right, each with a chance of at least 99%: 97% less five standard errors.
    assert np.mean(modes == truth) > 0.97 - 5 * math.sqrt(0.97 * 0.03 / 2000)
    # 2,000 stacks have 879 of the 1,000 modes; a few wrong calls add some: 887 measured.
    found = mode_coverage(truth, 1000).found
    assert found - 20 < mode_coverage(modes, 1000).found < found + 20


def test_it_learns_what_there_is_to_learn(short, trained):
    assert trained.accuracy > 0.95  # 0.97 to 1 over five seeds
    images, labels = _toy()
    shuffled = np.random.default_rng(2).permutation(labels)
    guessing = Classifier.train((images, shuffled), _toy(2000, seed=1))
    assert guessing.accuracy < 0.75  # 0.27 to 0.59 over five seeds


@pytest.mark.slow
def test_equal_seeds_train_equal_classifiers(short, trained):
    keras.utils.set_random_seed(123)  # must not matter
    keras.config.set_dtype_policy("mixed_bfloat16")  # nor must this
    again, other = (Classifier.train(_toy(), _toy(seed=1), seed=seed) for seed in (0, 1))
    assert again.fingerprint == trained.fingerprint
    assert again.fingerprint != other.fingerprint


@pytest.mark.parametrize(
    ("shape", "halvings"), [((8, 8, 1), 1), ((16, 16, 1), 1), ((36, 20, 3), 3)]
)
def test_shapes_of_every_kind(short, monkeypatch, shape, halvings):
    monkeypatch.setitem(classifier.RECIPE, "steps", 1)
    reader = Classifier.train(_toy(20, shape), _toy(5, shape))
    images, _ = _toy(7, shape, seed=3)
    assert reader(images).shape == (7, 128)
    pools = [x for x in reader.model.layers if isinstance(x, keras.layers.MaxPooling2D)]
    assert len(pools) == halvings
    assert max(pools[-1].output.shape[1:3]) <= 8
    probabilities = reader.probabilities(images)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(reader.labels(images), probabilities.argmax(axis=1))


def test_features_are_what_the_logits_are_made_of(trained):
    images, _ = _toy(150, seed=4)
    kernel, bias = trained.model.get_layer("logits").get_weights()
    expected = special.softmax(trained(images) @ kernel + bias, axis=1)
    np.testing.assert_allclose(trained.probabilities(images), expected, atol=1e-5)


def test_batches_are_permutations_shifted_by_a_pixel():
    n, steps = 300, 7
    images = np.random.default_rng(0).uniform(size=(n, 5, 4, 2)).astype(np.float32)
    rows = []
    for batch, labels in classifier._batches(images, np.arange(n), steps, seed=0):
        bordered = np.pad(images[labels], [(0, 0), (1, 1), (1, 1), (0, 0)])
        shifts = [bordered[:, i : i + 5, j : j + 4] for i in range(3) for j in range(3)]
        equal = np.stack([(batch.numpy() == each).all(axis=(1, 2, 3)) for each in shifts])
        assert equal.any(axis=0).all()
        assert equal.any(axis=1).all()  # every shift occurs among 128
        rows.append(labels)
    rows = np.concatenate(rows)
    assert len(rows) == steps * 128
    for first in range(0, 600, n):
        np.testing.assert_array_equal(np.sort(rows[first : first + n]), np.arange(n))
    assert not np.array_equal(rows[:n], rows[n : 2 * n])


@pytest.mark.slow
def test_a_trained_classifier_is_kept(short, tmp_path, monkeypatch, capsys):
    cache = tmp_path / "cache"
    first = Classifier.load_or_train(cache, _toy(), _toy(seed=1))
    assert capsys.readouterr() == ("", "")
    (file,) = cache.iterdir()
    assert file.name.startswith("classifier-")
    with monkeypatch.context() as patch:
        patch.setattr(Classifier, "train", None)  # not to be called
        found = Classifier.load_or_train(cache, _toy(), _toy(seed=5))
    assert found.fingerprint == first.fingerprint
    images, _ = _toy(20, seed=6)
    np.testing.assert_array_equal(found(images), first(images))
    np.testing.assert_array_equal(found.probabilities(images), first.probabilities(images))
    # Another seed, other data and another recipe have files of their own.
    monkeypatch.setitem(classifier.RECIPE, "steps", 1)
    Classifier.load_or_train(cache, _toy(), _toy(seed=1))
    Classifier.load_or_train(cache, _toy(), _toy(seed=1), seed=1, progress=True)
    assert "accuracy" in capsys.readouterr().out
    Classifier.load_or_train(cache, _toy(seed=7), _toy(seed=1))
    assert len(list(cache.iterdir())) == 4


def test_an_interrupted_write_leaves_nothing(trained, tmp_path, monkeypatch):
    def interrupted(path):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(trained.model, "save", interrupted)
    monkeypatch.setattr(Classifier, "train", lambda *arguments: trained)
    with pytest.raises(KeyboardInterrupt):
        Classifier.load_or_train(tmp_path, _toy(), _toy(seed=1))
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_file_is_named(short, tmp_path):
    Classifier.load_or_train(tmp_path, _toy(), _toy(seed=1))
    (file,) = tmp_path.iterdir()
    file.write_bytes(b"not a classifier")
    with pytest.raises(ValueError, match=r"classifier-[0-9a-f]{16}\.keras is damaged.* Delete it"):
        Classifier.load_or_train(tmp_path, _toy(), _toy(seed=1))


@pytest.mark.parametrize(
    ("training", "message"),
    [
        (
            (_toy()[0], np.zeros(199, int)),
            r"`training`: expected labels .* shape \[200\], .*\(199,\)",
        ),
        ((_toy()[0], np.zeros(200)), "`training`: expected labels that are integers .* float64"),
        ((_toy()[0], np.full(200, -1)), "`training`: expected labels that are integers from 0 on"),
        ((_toy()[0][0], _toy()[1]), r"`training`: expected shape \[n, any, any, any\] with n > 0"),
        ((2 * _toy()[0], _toy()[1]), r"`training`: expected values in \[0, 1\], received"),
    ],
)
def test_unusable_training_data_are_named(training, message):
    with pytest.raises(ValueError, match=message):
        Classifier.train(training, _toy())


def test_unusable_images_are_named(trained):
    with pytest.raises(ValueError, match=r"`images`: expected shape \[n, 6, 6, 1\] with n > 0"):
        trained.probabilities(np.zeros((2, 6, 6, 3)))
    with pytest.raises(ValueError, match=r"`test`: expected labels"):
        Classifier(trained.model, (_toy()[0], None))


def test_the_score_of_certainty_and_of_ignorance():
    certain = np.eye(10)[np.arange(50) % 10]
    assert classifier_score(certain, splits=1) == (pytest.approx(10, rel=1e-12), 0)
    assert classifier_score(certain, splits=5)[0] == pytest.approx(10, rel=1e-12)
    assert classifier_score(np.full((50, 10), 0.1)) == (pytest.approx(1), pytest.approx(0))
    # One class only, however sure: no diversity.
    assert classifier_score(np.eye(10)[[3] * 50])[0] == pytest.approx(1)
    # Sorted by class, each part has two classes: the order matters, as the docstring says.
    assert classifier_score(np.sort(certain.argmax(1))[:, None] == np.arange(10), 5)[0] == 2


def test_the_score_agrees_with_its_formula():
    p = np.random.default_rng(0).dirichlet(np.full(7, 0.3), size=103)
    mean, deviation = classifier_score(p, splits=4)
    scores = []
    for part in (p[:26], p[26:52], p[52:78], p[78:]):
        divergences = [stats.entropy(row, part.mean(axis=0)) for row in part]
        scores.append(math.exp(np.mean(divergences)))
    assert mean == pytest.approx(np.mean(scores), rel=1e-12)
    assert deviation == pytest.approx(np.std(scores), rel=1e-9)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0.5, 0.5],), r"`probabilities`: expected rows .* received shape \(2,\)"),
        (([[0.5, 0.6]],), "`probabilities`: .* sum to 1, received shape .* Apply a softmax"),
        (([[-0.5, 1.5]],), "`probabilities`: .* not negative"),
        (([[math.nan, 1]],), "`probabilities`: .* not negative"),
        (([[0.5, 0.5]], 2), "`splits`: expected an integer from 1 to 1, received 2"),
        (([[0.5, 0.5]], 0), "`splits`: expected an integer from 1 to 1, received 0"),
    ],
)
def test_unusable_probabilities_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        classifier_score(*arguments)
