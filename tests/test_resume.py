"""A training that was stopped and resumed ends with the bits of one that never was."""

import contextlib
import errno
import functools
import json
import os
import time

import keras
import numpy as np
import pytest
import tensorflow as tf

import kgan
from kgan import artifacts, checkpoint
from kgan.callbacks import Checkpoint, MetricsLog
from kgan.callbacks.base import StepCallback
from kgan.checkpoint import variables
from kgan.data.stream import SeekableDataset

EPOCHS, STEPS = 3, 7  # 360 images in batches of 50


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    directory = tmp_path_factory.mktemp("data")
    return lambda **options: kgan.data.load(
        "digits", **{"split": "test", "batch_size": 50, "data_dir": directory, **options}
    )


def mlp(k=1, units=(8,), **options):
    """Dropout in D and an EMA."""
    gan = kgan.GAN(
        kgan.networks.MLPGenerator((8, 8, 1), latent_dim=3, units=units),
        kgan.networks.MLPDiscriminator((8, 8, 1), units=units, hidden_dropout=0.5),
        kgan.priors.Normal(3),
        discriminator_steps=k,
        ema_decay=0.9,
    )
    gan.compile("adam", "adam", **options)
    return gan


def dcgan(k=1, **options):
    """Batch normalization in both networks and an EMA."""
    gan = kgan.GAN(
        kgan.networks.DCGANGenerator((8, 8, 1), latent_dim=3, filters=4),
        kgan.networks.DCGANDiscriminator((8, 8, 1), filters=4),
        kgan.priors.Uniform(3),
        discriminator_steps=k,
        ema_decay=0.9,
    )
    gan.compile("adam", "rmsprop", **options)
    return gan


def values(gan):
    return {name: np.array(keras.ops.convert_to_numpy(v)) for name, v in variables(gan).items()}


def assert_same(one, other, leaving=()):
    assert one.keys() == other.keys()
    for name in one:
        if not name.startswith(tuple(leaving)):
            np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def set_all(gan, state):
    for name, variable in variables(gan).items():
        variable.assign(state[name])


@functools.cache
def _played():
    gan = mlp()
    return gan, values(gan)


def mlp_again():
    """One game for many tests, which is compiled once: each finds it as it was at first."""
    gan, start = _played()
    set_all(gan, start)
    gan.stop_training = False
    return gan


def scramble(gan):
    """What a new process would have, and worse: every variable but the settings is another."""
    for variable in variables(gan).values():
        if variable.name != "learning_rate":  # compared, as users change it: test_resume_changes.py
            variable.assign(np.full(variable.shape, 3, variable.dtype))


FIT = ("batch_size", "shuffle", "validation_data")


class At(StepCallback):
    """Does something when a step is done."""

    def __init__(self, step, do):
        super().__init__()
        self.at = step
        self.do = do

    def on_steps_end(self, before, logs):
        if before < self.at <= self.step:
            self.do()


class Diary(keras.callbacks.Callback):
    """The logs of each epoch, over several calls of `fit`."""

    def __init__(self):
        super().__init__()
        self.epochs = []

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append((epoch, dict(logs)))


def play(gan, images, directory, stops=(), epochs=EPOCHS, **options):
    """Trains with a stop after each of some steps; returns the final state and the diary."""
    diary = Diary()
    fit = {key: options.pop(key) for key in FIT if key in options}
    for stop in (*stops, None):
        callback = Checkpoint(directory, **options)
        watchers = [diary, MetricsLog(directory), *([At(stop, callback.stop)] if stop else [])]
        ends = pytest.raises(KeyboardInterrupt, match=r"Stopped after step \d+, which is saved; ")
        with ends if stop else contextlib.nullcontext():
            gan.fit(images, epochs=epochs, verbose=0, callbacks=[*watchers, callback], **fit)
        if stop:
            scramble(gan)
    return values(gan), diary.epochs


def metrics_of(directory):
    lines = [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]
    return [{**line, "time": None} for line in lines]


PENALTY = {"loss": "wasserstein", "penalties": [kgan.penalties.GradientPenalty(1.0)]}


@pytest.mark.parametrize(
    ("make", "options", "stops"),
    [
        pytest.param(mlp, {}, (1, 5, 7, 16), id="dropout"),
        pytest.param(dcgan, {}, (1, 12), id="batch normalisation"),
        pytest.param(mlp, {"k": 2}, (1, 2, 5), id="k"),  # 3 steps an epoch
        # An epoch's last execution is short.
        pytest.param(mlp, {"steps_per_execution": 2}, (1, 7, 11), id="executions"),
        pytest.param(mlp, {"policy": "mixed_float16"}, (5,), id="float16", marks=pytest.mark.slow),
        pytest.param(mlp, PENALTY, (9,), id="penalty", marks=pytest.mark.slow),
        pytest.param(mlp, {"run_eagerly": True}, (2,), id="eager", marks=pytest.mark.slow),
        pytest.param(mlp, {"jit_compile": True, "k": 2}, (2, 4), id="xla", marks=pytest.mark.slow),
    ],
)
def test_a_stopped_training_ends_with_the_same_bits(make, options, stops, digits, tmp_path):
    options = dict(options)
    keras.config.set_dtype_policy(options.pop("policy", "float32"))
    gan = make(**options)
    start = values(gan)
    images = digits(discriminator_steps=gan.discriminator_steps)
    whole, diary = play(gan, images, tmp_path / "whole")
    set_all(gan, start)
    parts, diary_of_parts = play(gan, images, tmp_path / "parts", stops)
    assert_same(whole, parts)
    assert gan.step == EPOCHS * len(images)
    assert diary == diary_of_parts
    assert [epoch for epoch, _ in diary] == list(range(EPOCHS))
    assert metrics_of(tmp_path / "whole") == metrics_of(tmp_path / "parts")


@pytest.mark.slow
def test_loss_scales_come_back(digits, tmp_path):
    """An overflow halves the scale, and so many good steps double it: both are in the file."""
    keras.config.set_dtype_policy("mixed_float16")
    gan = mlp()
    scaled = gan.discriminator_optimizer
    scaled.dynamic_scale.assign(2.0**9)
    scaled.step_counter.assign(1998)  # doubled two steps later
    gan.fit(digits(), steps_per_epoch=1, verbose=0, callbacks=[Checkpoint(tmp_path)])
    scramble(gan)
    gan.fit(digits(), steps_per_epoch=1, epochs=2, verbose=0, callbacks=[Checkpoint(tmp_path)])
    assert float(scaled.dynamic_scale) == 2.0**10
    assert int(scaled.step_counter) == 0


# Each part of the state is needed: without it the end is another.


@pytest.mark.slow
@pytest.mark.parametrize(
    "group", ["model", "generator_optimizer", "discriminator_optimizer", "metrics"]
)
def test_without_a_part_of_the_state_the_end_is_another(group, digits, tmp_path, monkeypatch):
    gan, images = mlp_again(), digits()
    start = values(gan)
    whole, diary = play(gan, images, tmp_path / "whole")
    set_all(gan, start)
    part = {name: v for name, v in variables(gan).items() if not name.startswith(group)}
    monkeypatch.setattr(checkpoint, "variables", lambda model: part)
    parts, diary_of_parts = play(gan, images, tmp_path / "parts", [5])
    if group == "metrics":  # lost with the epoch's first logs, and nothing else
        assert_same(whole, parts)
        assert diary[0] != diary_of_parts[0]
        assert diary[1:] == diary_of_parts[1:]
    else:
        with pytest.raises(AssertionError, match="Arrays are not equal"):
            assert_same(whole, parts)


def test_without_the_place_in_the_data_the_end_is_another(digits, tmp_path, monkeypatch):
    gan, images = mlp_again(), digits()
    start = values(gan)
    whole, _ = play(gan, images, tmp_path / "whole")
    set_all(gan, start)
    seek = SeekableDataset.seek
    monkeypatch.setattr(SeekableDataset, "seek", lambda self, begin, count: seek(self, 0, count))
    parts, _ = play(gan, images, tmp_path / "parts", [5])
    with pytest.raises(AssertionError, match="Arrays are not equal"):
        assert_same(whole, parts)


@pytest.mark.slow
def test_a_step_with_no_data_left_moves_nothing(monkeypatch):
    """Also where the data take their time to say so; else counters run ahead of the weights."""
    images = np.zeros((5, 8, 8, 1), "float32")

    def is_there(i):
        time.sleep(0.3 if i == 3 else 0)
        return i < 3

    def moved():
        keras.utils.set_random_seed(0)
        gan = mlp()
        there = tf.data.Dataset.range(4).filter(
            lambda i: tf.ensure_shape(tf.py_function(is_there, [i], tf.bool), [])
        )
        with pytest.warns(UserWarning, match="Your input ran out of data"):
            gan.fit(there.map(lambda _: tf.constant(images)), steps_per_epoch=9, verbose=0)
        optimizers = gan.generator_optimizer, gan.discriminator_optimizer
        return [int(n) for n in (gan.step_counter, *(o.iterations for o in optimizers))]

    assert moved() == [3, 3, 3]
    monkeypatch.setattr(tf, "control_dependencies", lambda inputs: contextlib.nullcontext())
    assert moved() == [4, 4, 4], "the property fails without its cause"


# When checkpoints are written


def saved(directory):
    return [int(path.stem.removeprefix("step_")) for path in sorted(directory.glob("*.npz"))]


@pytest.mark.parametrize(
    ("options", "steps"),
    [
        ({}, [7, 14, 21]),
        ({"every": 5}, [5, 10, 15, 20, 21]),
        ({"every": 7}, [7, 14, 21]),
        ({"every": 100}, [21]),
        ({"every": 100, "minutes": 1e-9}, [*range(1, 22)]),
        ({"minutes": 100}, [7, 14, 21]),
        ({"every": 1, "keep": 2}, [20, 21]),
    ],
    ids=str,
)
def test_when_checkpoints_are_written(options, steps, digits, tmp_path):
    gan = mlp_again()
    gan.fit(
        digits(), epochs=3, verbose=0, callbacks=[Checkpoint(tmp_path, **{"keep": 99, **options})]
    )
    assert saved(tmp_path) == steps


def test_when_checkpoints_are_written_with_executions(digits, tmp_path):
    """After the execution that passes a multiple; an epoch's last one has 1 step here."""
    gan = mlp(steps_per_execution=3)
    gan.fit(digits(), epochs=2, verbose=0, callbacks=[Checkpoint(tmp_path, every=4, keep=99)])
    assert saved(tmp_path) == [6, 10, 13, 14]


# Data that cannot seek to a step


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["array", "dataset", "derived"])
def test_other_data_are_resumed_at_ends_of_epochs(kind, digits, tmp_path):
    images = np.concatenate(list(digits(shuffle=False).as_numpy_iterator()))
    data, options = {
        "array": (images, {"batch_size": 50, "shuffle": False}),
        "dataset": (tf.data.Dataset.from_tensor_slices(images).batch(50), {}),
        "derived": (digits(shuffle=False).map(tf.negative), {}),
    }[kind]
    gan = mlp_again()
    start = values(gan)
    whole, diary = play(gan, data, tmp_path / "whole", every=3, **options)
    set_all(gan, start)
    parts, diary_of_parts = play(gan, data, tmp_path / "parts", [1, 9], every=3, **options)
    assert_same(whole, parts)
    assert diary == diary_of_parts
    assert saved(tmp_path / "parts") == [7, 14, 21]


@pytest.mark.slow
def test_derived_data_in_another_order_each_time_end_otherwise(digits, tmp_path):
    """What the documents say is not covered: this order starts anew with the data set."""
    gan = mlp()
    start = values(gan)
    whole, _ = play(gan, digits().map(tf.negative), tmp_path / "whole")
    set_all(gan, start)
    fit = {"verbose": 0, "epochs": EPOCHS}
    stopped = Checkpoint(tmp_path / "parts")
    with pytest.raises(KeyboardInterrupt):
        gan.fit(digits().map(tf.negative), callbacks=[At(1, stopped.stop), stopped], **fit)
    gan.fit(digits().map(tf.negative), callbacks=[Checkpoint(tmp_path / "parts")], **fit)
    with pytest.raises(AssertionError, match="Arrays are not equal"):
        assert_same(whole, values(gan))


# Around a training


def test_a_training_that_ended_itself_goes_on_with_the_next_epoch(digits, tmp_path):
    gan, images = mlp_again(), digits()
    start = values(gan)
    gan.fit(images, epochs=1, steps_per_epoch=17, verbose=0)
    whole = values(gan)
    set_all(gan, start)

    def end():
        gan.stop_training = True

    diary = Diary()
    fit = {"steps_per_epoch": 7, "verbose": 0}
    gan.fit(images, epochs=2, callbacks=[At(3, end), diary, Checkpoint(tmp_path)], **fit)
    assert saved(tmp_path) == [3]
    gan.fit(images, epochs=3, callbacks=[diary, Checkpoint(tmp_path)], **fit)
    assert [epoch for epoch, _ in diary.epochs] == [0, 1, 2]
    assert_same(whole, values(gan), leaving=["metrics"])  # 3 + 7 + 7 steps: means of another epoch


def test_fit_again_goes_on_where_there_are_more_epochs(digits, tmp_path):
    gan, images, callback = mlp_again(), digits(), Checkpoint(tmp_path)
    fit = {"verbose": 0, "callbacks": [callback]}
    histories = [gan.fit(images, epochs=1, **fit)]
    with pytest.warns(UserWarning, match="Nothing is left to train: .* is already at epoch 1 of 1"):
        histories.append(gan.fit(images, epochs=1, **fit))
    histories.append(gan.fit(images, epochs=2, **fit))
    assert [history.epoch for history in histories] == [[0], [], [1]]
    assert gan.step == 14


def test_a_stop_is_for_one_training(digits, tmp_path):
    gan, images, callback = mlp_again(), digits(), Checkpoint(tmp_path)
    callback.stop()  # as a signal may come before the first step
    with pytest.raises(KeyboardInterrupt, match="Stopped after step 1, which is saved"):
        gan.fit(images, verbose=0, callbacks=[callback])
    gan.fit(images, verbose=0, callbacks=[callback])
    assert gan.step == 7


@pytest.mark.slow
def test_validation_moves_nothing_and_resumes(digits, tmp_path):
    """While it lasts, G has its EMA weights."""
    gan, images = mlp_again(), digits()
    start = values(gan)
    whole, diary = play(gan, images, tmp_path / "whole")
    validation = digits(shuffle=False)
    for name, stops in (("watched", ()), ("parts", [5, 14])):
        set_all(gan, start)
        state, watched = play(gan, images, tmp_path / name, stops, validation_data=validation)
        assert_same(whole, state, leaving=["metrics"])
        if name == "watched":
            expected = watched
    assert watched == expected
    for (_, logs), (_, more) in zip(diary, watched, strict=True):
        assert logs.items() <= more.items()
        assert more["val_d_real"] != more["d_real"]


@pytest.mark.slow
def test_a_rollback_draws_other_numbers(digits, tmp_path):
    """And the same ones each time, so that a run with a rollback can be killed and resumed too."""
    gan, images = mlp_again(), digits()
    fit = {"epochs": 2, "verbose": 0}
    gan.fit(images, epochs=1, verbose=0, callbacks=[Checkpoint(tmp_path / "run0")])
    ends = []
    for rollbacks in (0, 1, 2, 1):
        directory = tmp_path / f"run{len(ends) + 1}"
        directory.mkdir()
        for file in (tmp_path / "run0").iterdir():
            (directory / file.name).write_bytes(file.read_bytes())
        callback = Checkpoint(directory)
        callback.rollbacks = rollbacks
        gan.fit(images, callbacks=[callback], **fit)
        assert int(gan.rollbacks) == rollbacks
        ends.append(values(gan))
    assert_same(ends[1], ends[3])
    for one, other in ((0, 1), (0, 2), (1, 2)):
        with pytest.raises(AssertionError, match="Arrays are not equal"):
            assert_same(ends[one], ends[other], leaving=["metrics", "model/0"])
    # A new process reads the rollback count from the checkpoint.
    again = Checkpoint(tmp_path / "run3")
    with pytest.warns(UserWarning, match="Nothing is left to train"):
        gan.fit(images, callbacks=[again], **fit)
    assert again.rollbacks == 2


# What is refused


def test_a_place_within_an_epoch_of_other_data(digits, tmp_path):
    gan = mlp_again()
    callback = Checkpoint(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        gan.fit(digits(), verbose=0, callbacks=[At(3, callback.stop), callback])
    scramble(gan)
    before = values(gan)
    images = np.zeros((50, 8, 8, 1), "float32")
    for data, received in (
        (digits(batch_size=100), "an epoch of 3"),
        (images, "data that cannot seek to a step"),
    ):
        with pytest.raises(
            ValueError,
            match=rf"step_00000003\.npz lies within an epoch of 7 steps: .* received {received}\.",
        ):
            gan.fit(data, verbose=0, callbacks=[Checkpoint(tmp_path)])
        assert_same(before, values(gan))


def test_another_model_is_refused_by_fit(digits, tmp_path):
    mlp().fit(digits(), verbose=0, callbacks=[Checkpoint(tmp_path)])
    with pytest.raises(ValueError, match="is of another model"):
        mlp(units=(9,)).fit(digits(), verbose=0, callbacks=[Checkpoint(tmp_path)])


def test_two_that_resume_are_refused(tmp_path):
    callbacks = [Checkpoint(tmp_path / "one"), Checkpoint(tmp_path / "two")]
    with pytest.raises(ValueError, match=r"`callbacks`: expected at most one that resumes"):
        mlp().fit(np.zeros((5, 8, 8, 1), "float32"), callbacks=callbacks)


def test_a_model_that_was_not_compiled_gets_keras_own_sentence(tmp_path):
    gan = kgan.GAN(
        kgan.networks.MLPGenerator((8, 8, 1), latent_dim=3, units=(4,)),
        kgan.networks.MLPDiscriminator((8, 8, 1), units=(4,)),
        kgan.priors.Normal(3),
    )
    with pytest.raises(ValueError, match="call `compile"):
        gan.fit(np.zeros((5, 8, 8, 1), "float32"), callbacks=[Checkpoint(tmp_path)])


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"every": 0}, r"`every`: expected a positive integer, received 0"),
        ({"every": 2.5}, r"`every`: expected a positive integer, received 2\.5"),
        ({"keep": 0}, r"`keep`: expected a positive integer, received 0"),
        ({"keep": None}, r"`keep`: expected a positive integer, received None"),
        (
            {"minutes": 0},
            r"`minutes`: expected a positive number, received 0\. None sets no limit\.",
        ),
        ({"minutes": float("nan")}, r"`minutes`: expected a positive number, received nan"),
    ],
)
def test_unusable_arguments(options, sentence, tmp_path):
    with pytest.raises(ValueError, match=sentence):
        Checkpoint(tmp_path, **options)


def test_a_full_disk_stops_the_training_with_a_sentence(digits, tmp_path, monkeypatch):
    gan = mlp()
    callback = Checkpoint(tmp_path, every=2)
    real = artifacts.os.fsync

    def fill():
        def refuse(descriptor):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(artifacts.os, "fsync", refuse)

    with pytest.raises(
        OSError,
        match=r"A checkpoint could not be written to .* \(No space left on device\)\. Earlier ones "
        r"are intact: mend the cause and repeat the same training to go on from there\.",
    ):
        gan.fit(digits(), verbose=0, callbacks=[At(3, fill), callback])
    monkeypatch.setattr(artifacts.os, "fsync", real)
    assert saved(tmp_path) == [2]
    gan.fit(digits(), verbose=0, callbacks=[Checkpoint(tmp_path, every=2, keep=9)])
    assert saved(tmp_path) == [2, 4, 6, 7]
