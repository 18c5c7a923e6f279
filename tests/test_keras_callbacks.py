"""Keras's own callbacks and files: each works with two networks, or is refused by a sentence."""

import csv

import keras
import numpy as np
import pytest

import kgan
from kgan.checkpoint import variables


def game(units=4):
    gan = kgan.GAN(
        kgan.networks.MLPGenerator((8, 8, 1), latent_dim=3, units=(units,)),
        kgan.networks.MLPDiscriminator((8, 8, 1), units=(units,), hidden_dropout=0.5),
        kgan.priors.Normal(3),
        ema_decay=0.9,
    )
    gan.compile("adam", "rmsprop")
    return gan


def fit(gan, *callbacks, epochs=3):
    data = np.random.default_rng(0).uniform(-1, 1, (20, 8, 8, 1)).astype("float32")
    return gan.fit(
        data, batch_size=5, shuffle=False, verbose=0, epochs=epochs, callbacks=list(callbacks)
    )


def values(gan):
    """All state but the means of logs, which begin anew with each epoch."""
    return {
        name: np.array(variable)
        for name, variable in variables(gan).items()
        if not name.startswith("metrics")
    }


def assert_same(one, other):
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


# Files


def load_keras(path):
    return keras.models.load_model(path)


def load_weights(path):
    gan = game()
    gan.load_weights(path)
    return gan


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "load"), [("gan.keras", load_keras), ("gan.weights.h5", load_weights)]
)
def test_files_carry_both_optimizers(name, load, tmp_path):
    """Weights, EMA, counters and slots: training continues from the file as without it."""
    gan = game()
    fit(gan)
    getattr(gan, "save" if name == "gan.keras" else "save_weights")(tmp_path / name)
    written = values(gan)
    fit(gan)
    loaded = load(tmp_path / name)
    states = values(loaded)
    for name in written:  # the state of random layers is set anew before each update
        if "seed" not in variables(gan)[name].name:
            np.testing.assert_array_equal(written[name], states[name], err_msg=name)
    fit(loaded)
    assert_same(values(gan), values(loaded))


# Callbacks that work


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "load", "options"),
    [
        ("epoch_{epoch}.keras", load_keras, {}),
        ("epoch_{epoch}.weights.h5", load_weights, {"save_weights_only": True}),
    ],
)
def test_model_checkpoint(name, load, options, tmp_path):
    gan = game()
    fit(gan, keras.callbacks.ModelCheckpoint(tmp_path / name, **options))
    assert len(list(tmp_path.iterdir())) == 3
    again = load(tmp_path / name.format(epoch=2))
    fit(again, epochs=1)
    assert_same(values(gan), values(again))


def test_model_checkpoint_of_the_best(tmp_path):
    watcher = keras.callbacks.ModelCheckpoint(
        tmp_path / "best_{epoch}.keras", monitor="d_accuracy", mode="min", save_best_only=True
    )
    accuracies = fit(game(), watcher).history["d_accuracy"]
    best = np.minimum.accumulate(accuracies)
    improved = [i + 1 for i, a in enumerate(accuracies) if i == 0 or a < best[i - 1]]
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"best_{e}.keras" for e in improved]


def test_csv_logger(tmp_path):
    history = fit(game(), keras.callbacks.CSVLogger(tmp_path / "log.csv")).history
    with (tmp_path / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {"epoch", *history} <= set(rows[0])
    for name, numbers in history.items():
        assert [float(row[name]) for row in rows] == numbers


def test_early_stopping():
    watcher = keras.callbacks.EarlyStopping(monitor="d_loss", mode="max", baseline=1e9, patience=2)
    assert len(fit(game(), watcher, epochs=9).epoch) == 2


def test_tensorboard(tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    fit(game(), keras.callbacks.TensorBoard(tmp_path, histogram_freq=1))
    events = accumulator.EventAccumulator(str(tmp_path / "train")).Reload()
    tags = events.Tags()["tensors"]
    assert {"epoch_d_loss", "epoch_g_loss", "epoch_value"} <= set(tags)
    assert any("histogram" in tag for tag in tags)
    assert [event.step for event in events.Tensors("epoch_d_loss")] == [0, 1, 2]


def test_one_callback_needs_no_list():
    seen = []
    watcher = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch))
    gan = game()
    gan.fit(np.zeros((10, 8, 8, 1), "float32"), verbose=0, callbacks=watcher)
    assert seen == [0]


# Callbacks that are refused


@pytest.mark.parametrize(
    ("callback", "sentence"),
    [
        (
            keras.callbacks.BackupAndRestore("backup"),
            r"received BackupAndRestore: .* kgan\.callbacks\.Checkpoint resumes exactly",
        ),
        (
            keras.callbacks.LearningRateScheduler(lambda epoch: 0.1),
            r"received LearningRateScheduler: .* each optimizer a schedule",
        ),
        (
            keras.callbacks.ReduceLROnPlateau(monitor="d_loss"),
            r"received ReduceLROnPlateau: .* each optimizer a schedule",
        ),
        (
            keras.callbacks.SwapEMAWeights(),
            r"received SwapEMAWeights: .* ema_decay of kgan\.GAN averages the generator",
        ),
        (
            keras.callbacks.TerminateOnNaN(),
            r"received TerminateOnNaN: .* kgan\.callbacks\.NonFinite looks at both networks",
        ),
    ],
)
def test_refused(callback, sentence):
    gan = game()
    with pytest.raises(ValueError, match=r"`callbacks`: expected callbacks that .*" + sentence):
        fit(gan, callback)
    assert gan.step == 0


@pytest.mark.slow
def test_what_is_refused_does_not_do_its_work():
    """The reason given for TerminateOnNaN; the others fail or say less by themselves."""
    gan = game()
    gan.discriminator.trainable_variables[0].assign(np.full((64, 4), np.nan))
    fit_of_keras = keras.Model.fit
    data = np.zeros((20, 8, 8, 1), "float32")
    watchers = [keras.callbacks.TerminateOnNaN(raise_error=True)]
    history = fit_of_keras(gan, data, batch_size=5, epochs=2, verbose=0, callbacks=watchers).history
    assert np.isnan(history["d_loss"]).all()
    for watcher in (
        keras.callbacks.LearningRateScheduler(lambda epoch: 0.1),
        keras.callbacks.ReduceLROnPlateau(monitor="d_loss"),
        keras.callbacks.SwapEMAWeights(swap_on_epoch=True),
    ):
        with pytest.raises((AttributeError, ValueError)):
            fit_of_keras(game(), data, verbose=0, callbacks=[watcher])


def test_a_schedule_in_an_optimizer_is_what_the_sentence_promises():
    gan = game()
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([4], [0.0, 1.0])
    gan.compile(keras.optimizers.SGD(schedule), keras.optimizers.SGD(0.0))
    before = gan.generator.get_weights()
    fit(gan, epochs=1)
    for one, other in zip(before, gan.generator.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    fit(gan, epochs=2)
    assert not np.array_equal(before[0], gan.generator.get_weights()[0])
