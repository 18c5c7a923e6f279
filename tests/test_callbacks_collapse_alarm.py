"""The collapse alarm: silent for healthy trainings, fires at collapse or if D separates all."""

import dataclasses
import json
import math
import subprocess
import types
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
import warm
from sklearn.datasets import load_digits

import kgan
from kgan import callbacks, losses
from kgan.callbacks import CollapseAlarm, CollapseError
from kgan.callbacks.collapse_metrics import LIMITS, CollapseMetrics, ReferenceImages, limits_for
from kgan.metrics.diversity import diversity
from kgan.training.collapse import CollapseWatch
from train import run as program
from train.config import Config

IMAGES = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")
GOOD = CollapseMetrics(1.0, 1.0, 0.5)
LOW = CollapseMetrics(0.1, 0.01, 0.5)


# What is measured


def test_metrics_are_the_diversity_and_the_error():
    samples = np.random.default_rng(1).normal(size=(40, 3))
    found = ReferenceImages(IMAGES, 40).measure(samples, 0.3)
    expected = diversity(samples, IMAGES)
    assert (found.spread, found.distinct, found.d_error) == (
        expected.spread,
        expected.distinct,
        0.3,
    )
    assert math.isnan(found.classes)
    far = ReferenceImages(IMAGES, 40).measure(4 * samples, 0.3)
    assert far.spread == pytest.approx(1 / (4 * expected.spread), rel=1e-12)
    assert ReferenceImages(IMAGES, 40).measure(0 * samples, 0.3).spread == 0
    assert str(dataclasses.replace(found, spread=0.5, distinct=0.25)) == (
        "spread 0.5, distinct 0.25, d_error 0.3"
    )


def of_classes(*counts):
    """Points whose first coordinate is their class."""
    labels = np.repeat(np.arange(len(counts)), counts)
    noise = np.random.default_rng(2).normal(size=(len(labels), 2))
    return np.column_stack([labels, noise]).astype("float32")


def first_coordinate(points):
    return points[:, 0].astype(int)


def as_scores(points):
    return np.eye(5)[first_coordinate(points)]


@pytest.mark.parametrize("classifier", [first_coordinate, as_scores])
@pytest.mark.parametrize(
    ("counts", "left"),
    [
        ((60, 30, 10), 1),
        ((94, 3, 3), 1),
        ((95, 2, 3), 2 / 3),  # 2 of 100 are less than a tenth of 30
        ((98, 1, 1), 2 / 3),  # and 1 is a tenth of 10
        ((100, 0, 0), 1 / 3),
        ((0, 0, 0, 0, 100), 0),  # a class that the data lack
    ],
)
def test_a_class_with_less_than_a_tenth_of_its_share_is_lost(classifier, counts, left):
    reference = ReferenceImages(of_classes(60, 30, 10), 100, classifier)
    assert reference.measure(of_classes(*counts), 0.5).classes == pytest.approx(left)


def test_small_classes_do_not_count():
    reference = ReferenceImages(of_classes(50, 41, 9), 100, first_coordinate)
    assert reference.measure(of_classes(50, 50, 0), 0.5).classes == 1


def test_the_reference_is_a_random_part_of_an_array_or_the_first_of_a_data_set():
    rows = np.arange(200, dtype="float32").reshape(100, 2)
    part = ReferenceImages(rows, 30).images
    assert len(np.unique(part[:, 0])) == 30
    assert np.isin(part[:, 0], rows[:, 0]).all()
    assert part[:, 0].max() > 100  # the first thirty end at 58
    np.testing.assert_array_equal(part, ReferenceImages(rows, 30).images)
    batches = tf.data.Dataset.from_tensor_slices(rows).batch(7).repeat()
    np.testing.assert_array_equal(ReferenceImages(batches, 30).images, rows[:30])
    np.testing.assert_array_equal(ReferenceImages(rows, 300).images, rows)


# When it fires: the alarm alone, with given metrics


def drive(alarm, script, start=0):
    """Give the alarm a model whose metrics at steps start + 1, start + 2, ... are those given."""
    game = types.SimpleNamespace(
        step=start,
        image_shape=(3,),
        num_classes=None,
        generator=None,
        value_range=None,
        loss=losses.NonSaturating(),
        sample=lambda n, seed: IMAGES[:n],
    )
    alarm.set_model(game)
    alarm.on_train_begin()
    for metrics in script:
        alarm.reference.measure = lambda samples, d_error, metrics=metrics: metrics
        game.step += 1
        alarm.on_train_batch_end(0, {"d_accuracy": 0.5})
    alarm.on_train_end()


def alarms(run_dir, script, start=0, **options):
    """Return the steps at which it fires."""
    alarm = CollapseAlarm(run_dir, IMAGES, **{"every": 1, "warmup": 0, **options})
    steps = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CollapseAlarm, "_fire", lambda self, collapsed: steps.append(self.step))
        drive(alarm, script, start)
    return steps


@pytest.mark.parametrize(
    ("script", "steps"),
    [
        ([GOOD] * 9, []),
        ([LOW] * 9, [3]),  # once
        ([LOW] * 3 + [dataclasses.replace(LOW, spread=0.4, distinct=0.04)] * 6, [3]),
        ([LOW, LOW, GOOD] * 3, []),
        ([GOOD, LOW, LOW, LOW, GOOD, LOW, LOW, LOW], [4, 8]),  # and again after a good one
        ([dataclasses.replace(GOOD, spread=0.49)] * 3, [3]),
        ([dataclasses.replace(GOOD, spread=0.5)] * 3, []),
        ([dataclasses.replace(GOOD, distinct=0.049)] * 3, [3]),
        ([dataclasses.replace(GOOD, d_error=0.009)] * 3, [3]),
        ([dataclasses.replace(GOOD, classes=0.4)] * 3, [3]),
        ([dataclasses.replace(GOOD, spread=x) for x in (0.3, 0.1, 0.34, 0.1)], [4]),  # it recovers
        ([dataclasses.replace(GOOD, spread=x) for x in (0.3, 0.1, 0.32, 0.1)], [3]),
        (  # never the same one
            [
                dataclasses.replace(GOOD, spread=0.1),
                dataclasses.replace(GOOD, distinct=0.01),
                dataclasses.replace(GOOD, d_error=0.0),
            ],
            [],
        ),
    ],
)
def test_it_fires_when_a_metric_stays_low_and_does_not_rise(script, steps, tmp_path):
    assert alarms(tmp_path, script) == steps


def test_warmup_patience_and_limits(tmp_path):
    assert alarms(tmp_path / "a", [LOW] * 9, warmup=4) == [7]
    assert alarms(tmp_path / "b", [LOW] * 9, patience=5) == [5]
    assert alarms(tmp_path / "c", [LOW] * 9, every=2) == [6]
    none = dataclasses.replace(LIMITS, spread=0.0, distinct=0.0)
    assert alarms(tmp_path / "d", [LOW] * 9, limits=none) == []


def test_a_resumed_training_hears_the_alarm_when_it_would_have_come(tmp_path):
    assert alarms(tmp_path, [GOOD, LOW, LOW]) == []
    assert alarms(tmp_path, [LOW], start=3) == [4]
    # Back at step 2, the checks of steps 3 and 4 are no more.
    assert alarms(tmp_path, [LOW, LOW], start=2) == [4]
    assert alarms(tmp_path / "other", [LOW], start=3) == []


def test_a_warning_names_the_metrics(tmp_path):
    alarm = CollapseAlarm(tmp_path, IMAGES, every=1, warmup=0)
    with pytest.warns(
        UserWarning,
        match=r"^Training has collapsed: 3 checks in a row, up to step 3, found spread below 0\.5 "
        r"and distinct below 0\.05; now spread 0\.1, distinct 0\.01, d_error 0\.5\. "
        r"docs/health\.md says what may help\.$",
    ):
        drive(alarm, [LOW] * 4)
    assert alarm.history == dict.fromkeys(range(1, 5), LOW)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 4]
    assert lines[0].items() > {"spread": 0.1, "distinct": 0.01, "d_error": 0.5}.items()
    assert "classes" not in lines[0]


@pytest.mark.parametrize(("script", "after"), [([LOW] * 3, 0), ([GOOD, GOOD, LOW, LOW, LOW], 2)])
def test_stop_raises_and_names_the_last_good_step(script, after, tmp_path):
    alarm = CollapseAlarm(tmp_path, IMAGES, every=1, warmup=0, action="stop")
    with pytest.raises(CollapseError, match="Training has collapsed: 3 checks in a row") as error:
        drive(alarm, script)
    assert error.value.after == after


def test_samples_that_are_not_finite_are_left_to_the_other_callback(tmp_path):
    alarm = CollapseAlarm(tmp_path, IMAGES, every=1, warmup=0)
    drive(alarm, [GOOD])
    alarm.model.sample = lambda n, seed: np.full((n, 3), np.nan)
    alarm.model.step += 1
    alarm.on_train_batch_end(0, {"d_accuracy": math.nan})
    assert list(alarm.history) == [1]


# Real trainings on scikit-learn's digits


DIGITS = (load_digits().data / 8 - 1).astype("float32").reshape(-1, 8, 8, 1)


def make_gan(seed=0, generator_rate=1e-3, discriminator_rate=1e-3, **options):
    keras.utils.set_random_seed(seed)
    gan = kgan.GAN(
        kgan.networks.MLPGenerator((8, 8, 1), latent_dim=8, units=(64, 64)),
        kgan.networks.MLPDiscriminator((8, 8, 1), units=(64, 64)),
        kgan.priors.Normal(8),
        seed=seed,
    )
    gan.generator.start_at_mean(DIGITS.mean(axis=0))
    gan.compile(
        kgan.optimizers.FusedAdam(generator_rate, beta_1=0.5),
        kgan.optimizers.FusedAdam(discriminator_rate, beta_1=0.5),
        **{"steps_per_execution": 50, **options},
    )
    return gan


def play(gan, epochs, *watchers, steps=100):
    order = np.random.default_rng(0).integers(len(DIGITS), size=32 * steps * epochs)
    gan.fit(
        tf.data.Dataset.from_tensor_slices(DIGITS[order]).batch(32).repeat(),
        steps_per_epoch=steps,
        epochs=epochs,
        verbose=0,
        callbacks=list(watchers),
    )


def listen(gan, run_dir, epochs, *watchers):
    """Return the warnings of an alarm that checks every 100 steps, and all its metrics."""
    alarm = CollapseAlarm(run_dir, DIGITS, every=100, warmup=200)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        play(gan, epochs, *watchers, alarm)
    return [str(warning.message) for warning in said], list(alarm.history.values())


def keep_up_or_not(gan, frozen):
    """From epoch 3 on both networks learn four times as fast, or G alone."""

    def change(epoch, logs):
        if epoch == 3:
            gan.generator_optimizer.learning_rate = 4e-3
            gan.discriminator_optimizer.learning_rate = 0.0 if frozen else 4e-3

    return keras.callbacks.LambdaCallback(on_epoch_begin=change)


# Ranges over 4 to 6 seeds, from the second check on. Healthy trainings: spread 0.68 to 1.04,
# distinct 0.10 to 0.72, D's error 0.18 to 0.37. A frozen D: spread at most 0.16, distinct 0.014. A
# slow D: spread at most 0.44, distinct 0.021. A slow G: D's error at most 0.001.


@pytest.mark.parametrize(
    "frozen", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["kept up", "frozen"]
)
def test_it_hears_the_helvetica_scenario_and_not_the_same_game_played_well(frozen, tmp_path):
    """Minimax, as the paper has it: "G must not be trained too much without updating D"."""
    gan = make_gan(loss="minimax")
    sentences, history = listen(gan, tmp_path, 6, keep_up_or_not(gan, frozen))
    if not frozen:
        assert sentences == []
        assert history[-1].distinct > 0.15
        assert history[-1].spread > 0.7
        assert 0.15 < history[-1].d_error < 0.45
    else:
        assert len(sentences) == 1
        assert "up to step 600, found spread below 0.5 and distinct below 0.05;" in sentences[0]
        assert history[-1].distinct < 0.02


@pytest.mark.slow
def test_it_hears_a_discriminator_that_hardly_learns(tmp_path):
    sentences, history = listen(make_gan(discriminator_rate=1e-6), tmp_path, 5)
    assert len(sentences) == 1
    assert "found spread below 0.5 and distinct below 0.05;" in sentences[0]
    assert history[-1].d_error > 0.4  # it is fooled


@pytest.mark.slow
def test_it_hears_a_generator_that_hardly_learns(tmp_path):
    sentences, history = listen(make_gan(generator_rate=1e-6), tmp_path, 5)
    assert len(sentences) == 1
    assert "d_error below 0.01;" in sentences[0]
    assert max(found.d_error for found in history[2:]) < 0.005


@pytest.mark.slow
def test_a_silent_alarm_changes_nothing(tmp_path):
    ends = []
    for alarm in ([], [CollapseAlarm(tmp_path, DIGITS, every=50)]):
        gan = make_gan()
        play(gan, 2, *alarm, steps=50)
        ends.append(gan.get_weights())
    assert list(alarm[0].history) == [50, 100]
    for one, other in zip(*ends, strict=True):
        np.testing.assert_array_equal(one, other)


# The alarm of a training that brings none


@pytest.fixture(scope="module")
def collapsed_game():
    """All samples are alike, and nothing moves."""
    keras.utils.set_random_seed(0)
    generator = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, "tanh")])
    generator.set_weights([np.zeros((2, 3)), np.zeros(3)])
    discriminator = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    gan = kgan.GAN(generator, discriminator, kgan.priors.Normal(2))
    gan.compile(*(keras.optimizers.SGD(0.0) for _ in range(2)), steps_per_execution=250)
    return gan


def end(gan, data, start=900, **options):
    """Take 2,000 steps from step `start` on."""
    gan.step_counter.assign(start)
    gan.fit(data, batch_size=40, verbose=0, **options)


def batches(images):
    return tf.data.Dataset.from_tensors(images).repeat(2000)


@pytest.mark.parametrize(
    "data", [np.tile(IMAGES, (2000, 1)), batches(IMAGES)], ids=["array", "data set"]
)
def test_fit_warns_once_of_a_collapse(data, collapsed_game):
    """At the ends of the executions that pass steps 1,500, 2,000 and 2,500."""
    with pytest.warns(UserWarning, match="Training has collapsed: 3 checks in a row") as said:
        end(collapsed_game, data)
    (sentence,) = (str(warning.message) for warning in said)
    assert "up to step 2650, found spread below 0.5 and distinct below 0.05;" in sentence


@pytest.mark.parametrize(
    ("data", "start", "options"),
    [
        (batches(IMAGES), 900, {"collapse_alarm": False}),
        (batches(IMAGES), 900, {"callbacks": [CollapseAlarm(None, IMAGES, patience=9)]}),
        (batches(IMAGES), 0, {}),  # too early to judge
        (batches(np.zeros((40, 3), "float32")), 900, {}),  # samples are no worse than these
    ],
    ids=["switched off", "one of the user", "begun", "equal images"],
)
def test_fit_does_not_warn(data, start, options, collapsed_game):
    end(collapsed_game, data, start, **options)
    assert collapsed_game.step == start + 2000


def fit_often(times, gan, data, **options):
    for _ in range(times):
        gan.fit(data, verbose=0, **options)


def test_fits_of_one_epoch_warn_as_one_of_many(collapsed_game):
    data = batches(IMAGES).take(250)
    collapsed_game.step_counter.assign(900)
    with pytest.warns(UserWarning, match="Training has collapsed") as said:
        fit_often(9, collapsed_game, data)
    (sentence,) = (str(warning.message) for warning in said)
    assert "up to step 2650" in sentence


def test_an_alarm_goes_on_over_several_fits(collapsed_game):
    """It warns once, and knows no checks of another game or of a later state."""
    alarm = CollapseAlarm(None, IMAGES, every=250, warmup=0)
    fit = {"batch_size": 40, "callbacks": [alarm]}
    data = np.tile(IMAGES, (250, 1))
    collapsed_game.step_counter.assign(0)
    with pytest.warns(UserWarning, match="Training has collapsed") as said:
        fit_often(5, collapsed_game, data, **fit)
    assert len(said) == 1
    assert list(alarm.history) == [250, 500, 750, 1000, 1250]
    collapsed_game.step_counter.assign(250)
    fit_often(1, collapsed_game, data, **fit)
    assert list(alarm.history) == [250, 500]
    parts = (collapsed_game.generator, collapsed_game.discriminator, collapsed_game.prior)
    other = kgan.GAN(*parts)
    other.compile("sgd", "sgd")
    alarm.set_model(other)
    alarm.on_train_begin()
    assert not alarm.history


def test_the_alarm_of_fit_reads_images_without_moving_the_data(tmp_path):
    options = {"batch_size": 40, "split": "train[:2000]", "seed": 0}
    data, other = (kgan.data.load("ring", data_dir=tmp_path, **options) for _ in range(2))
    alarm = CollapseWatch(data)
    alarm.set_model(types.SimpleNamespace(step=1000, loss=None, image_shape=(2,)))
    alarm.model.value_range = alarm.model.generator = alarm.model.num_classes = None
    alarm.on_train_batch_end(0)
    assert len(alarm._alarm.reference.images) == 256
    for batch, expected in zip(data, other, strict=True):
        np.testing.assert_array_equal(batch, expected)


def test_the_limit_of_ds_error_is_that_of_losses_with_log_odds():
    assert limits_for(losses.Blended()) == LIMITS
    assert limits_for(losses.Wasserstein()) == dataclasses.replace(LIMITS, d_error=0.0)


# kgan-train


def quick(monkeypatch, metrics_of):
    """Make kgan-train check every second step, and find `metrics_of(gan)`."""

    class Quick(CollapseAlarm):
        def __init__(self, *args, **options):
            super().__init__(*args, every=2, warmup=0, patience=2, **options)
            self.reference.measure = lambda samples, d_error: metrics_of(self.model)

    monkeypatch.setattr(callbacks, "CollapseAlarm", Quick)


def train(run, data_dir, **options):
    small = {"width": 8, "latent_dim": 4, "batch_size": 64, "steps": 12, "checkpoint_every": 2}
    program.train(Config(**small, **options), run, data_dir)
    return keras.models.load_model(run / "generator.keras").get_weights()


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.slow
def test_a_rollback_resumes_before_the_collapse_with_other_numbers(
    data_dir, tmp_path, monkeypatch, capsys
):
    plain = train(tmp_path / "ignore", data_dir, on_collapse="ignore")
    checked = []

    def low_after_4_before_a_rollback(gan):
        checked.append((int(gan.rollbacks), gan.step))
        return LOW if checked[-1][0] == 0 and checked[-1][1] > 4 else GOOD

    quick(monkeypatch, low_after_4_before_a_rollback)
    other = train(tmp_path / "back", data_dir, on_collapse="rollback")
    assert checked == [(0, 2), (0, 4), (0, 6), (0, 8), (1, 6), (1, 8), (1, 10), (1, 12)]
    assert not same(plain, other)
    assert (
        "found spread below 0.5 and distinct below 0.05; now spread 0.1, distinct 0.01, d_error "
        "0.5. docs/health.md says what may help. The run is rolled back to step_00000004.npz and "
        "continues with other random numbers (rollback 1 of 3)." in capsys.readouterr().err
    )
    lines = (tmp_path / "back" / "metrics.jsonl").read_text().splitlines()
    checks = [json.loads(line) for line in lines if "distinct" in line]
    assert [(line["step"], line["distinct"]) for line in checks] == [
        (step, 1) for step in range(2, 13, 2)
    ]
    # Without a collapse the weights are the same as without an alarm.
    quick(monkeypatch, lambda gan: GOOD)
    assert same(plain, train(tmp_path / "silent", data_dir, on_collapse="rollback"))


@pytest.mark.slow
def test_rollback_gives_up_after_three_times_or_without_a_good_checkpoint(
    data_dir, tmp_path, monkeypatch, capsys
):
    quick(monkeypatch, lambda gan: LOW if gan.step > 4 else GOOD)
    with pytest.raises(CollapseError, match="up to step 8"):
        train(tmp_path / "thrice", data_dir, on_collapse="rollback")
    assert "(rollback 3 of 3)" in capsys.readouterr().err
    quick(monkeypatch, lambda gan: LOW)
    with pytest.raises(CollapseError, match="up to step 4"):
        train(tmp_path / "never", data_dir, on_collapse="rollback")
    assert "The run is rolled back" not in capsys.readouterr().err
    assert list((tmp_path / "never" / "checkpoints").iterdir())  # none was removed


@pytest.mark.slow
def test_the_error_of_a_critic_does_not_matter(data_dir, tmp_path, monkeypatch):
    """Wasserstein's logits are no log-odds: their sign classifies nothing."""
    quick(monkeypatch, lambda gan: dataclasses.replace(GOOD, d_error=0.0))
    train(tmp_path / "critic", data_dir, loss="wasserstein", gradient_penalty=10.0)
    with pytest.warns(UserWarning, match=r"found d_error below 0\.01; now"):
        train(tmp_path / "minimax", data_dir, loss="minimax")


@pytest.mark.parametrize("action", ["warn", "stop", "rollback"])
def test_images_that_are_all_equal_name_the_way_out(action, data_dir, tmp_path):
    """One image is equal to itself."""
    one = {"split": "train[:1]", "batch_size": 1, "steps": 1, "latent_dim": 4, "width": 8}
    with pytest.raises(
        ValueError,
        match=rf"^--on_collapse={action}: the collapse alarm compares samples with the first images"
        r" of --dataset=digits, which must .* Give --on_collapse=ignore to train without the alarm",
    ):
        program.train(Config(**one, on_collapse=action), tmp_path / "run", data_dir)


def test_one_image_trains_without_the_alarm(data_dir, tmp_path):
    one = {"split": "train[:1]", "batch_size": 1, "steps": 1, "latent_dim": 4, "width": 8}
    program.train(Config(**one, on_collapse="ignore"), tmp_path / "run", data_dir)
    assert (tmp_path / "run" / "generator.keras").exists()


@pytest.mark.slow
def test_stop_is_one_sentence_and_exit_code_1(data_dir, tmp_path):
    """The program as a user starts it, with a D that hardly learns."""
    options = {
        "run_dir": tmp_path / "run",
        "data_dir": data_dir,
        "width": 8,
        "batch_size": 16,
        "steps": 4000,
        "steps_per_execution": 50,
        "discriminator_learning_rate": 1e-6,
        "on_collapse": "stop",
    }
    done = subprocess.run(
        [*warm.python(), "-m", "train", *(f"--{name}={value}" for name, value in options.items())],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 1
    (sentence,) = [line for line in done.stderr.splitlines() if line.startswith("kgan-train: ")]
    assert "Training has collapsed: 3 checks in a row, up to step 2500, found " in sentence
    assert "distinct below 0.05; now spread 0." in sentence
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run" / "generator.keras").exists()


# What is refused


NAN = np.full((20, 3), np.nan, "float32")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"every": 0}, r"`every`: expected a positive integer, received 0"),
        ({"every": 2.5}, r"`every`: expected a positive integer, received 2\.5"),
        ({"warmup": -1}, r"`warmup`: expected an integer of at least 0, received -1"),
        ({"patience": True}, r"`patience`: expected a positive integer, received True"),
        ({"count": 1}, r"`count`: expected an integer from 2 to 4096, received 1"),
        ({"count": 5000}, r"`count`: .* to 4096, received 5000"),
        ({"action": "rollback"}, r"`action`: expected one of 'warn', 'stop', received 'rollback'"),
        ({"images": IMAGES[:1]}, r"`images`: expected finite floats .* of shape \(1, 3\)"),
        ({"images": (IMAGES,) * 3}, r"`images`: expected .* a pair .*, received 3 arrays"),
        ({"seed": 1.5}, r"`seed`: expected an integer"),
        ({"images": IMAGES[:, 0]}, r"`images`: .* received float32 of shape \(40,\)"),
        ({"images": IMAGES.astype("int32")}, r"`images`: .* received int32"),
        ({"images": NAN}, r"`images`: expected finite floats"),
        ({"images": np.ones((20, 3))}, r"`images`: .* two rows or more and not all equal"),
        (
            {"classifier": lambda images: images[:, 0]},
            r"`classifier`: expected a function to integers \[40\] or scores \[40, classes\], "
            r"received float32 of shape \(40,\)",
        ),
        ({"classifier": lambda images: np.zeros(3, int)}, r"`classifier`: .* of shape \(3,\)"),
        (
            {"classifier": lambda images: np.arange(40) > 35},
            r"`classifier`: expected a function to integers",
        ),
        (
            {"classifier": lambda images: 1 * (np.arange(40) > 35)},
            r"`classifier`: expected two classes or more with at least 10 of the 40 images each, "
            r"received 1\. Compare more images \(`count`\)",
        ),
    ],
)
def test_bad_input_is_named(options, sentence, tmp_path):
    with pytest.raises(ValueError, match=sentence):
        CollapseAlarm(tmp_path, **{"images": IMAGES, **options})


def test_images_of_another_shape_than_the_generators(tmp_path):
    alarm = CollapseAlarm(tmp_path, IMAGES[:, :2])
    with pytest.raises(
        ValueError, match=r"`images`: expected the shape that the generator makes, \(3,\), received"
    ):
        drive(alarm, [])


def test_the_program_knows_four_ways():
    with pytest.raises(
        ValueError, match=r"--on_collapse=panic: expected one of warn, stop, rollback, ignore\."
    ):
        Config(steps=1, on_collapse="panic")
