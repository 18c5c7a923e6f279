"""A training is resumed with the settings and data it began with, or says what has changed."""

import json
import re
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

import kgan
from kgan import checkpoint
from kgan.callbacks import Checkpoint
from kgan.checkpoint import Checkpoints

NOTHING_LEFT = "Nothing is left to train: the checkpoint .* is already at epoch {} of {}"


def images(n=24, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (n, 4, 4, 1)).astype("float32")


def augment(examples, seed):
    return examples


def augment_otherwise(examples, seed):
    return 0.5 * examples


def game(rate=1e-3, seed=0, compiled=None, **options):
    keras.utils.set_random_seed(3)
    generator = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(16, "tanh"), keras.layers.Reshape((4, 4, 1))]
    )
    discriminator = keras.Sequential(
        [keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(1)]
    )
    options = {"prior": kgan.priors.Normal(3), **options}
    gan = kgan.GAN(generator, discriminator, seed=seed, **options)
    arguments = {
        "generator_optimizer": keras.optimizers.SGD(rate),
        "discriminator_optimizer": "sgd",
    }
    gan.compile(**{**arguments, **(compiled or {})})
    return gan


def fit(gan, directory, epochs=1, data=None, **options):
    """The history; options of `Checkpoint` are `accept_changes` and `every`."""
    own = {name: options.pop(name) for name in ("accept_changes", "every") if name in options}
    callbacks = [*options.pop("callbacks", ()), Checkpoint(directory, **own)]
    data = images() if data is None else data
    arguments = {"batch_size": 6, **options} if not isinstance(data, tf.data.Dataset) else options
    return gan.fit(data, epochs=epochs, verbose=0, callbacks=callbacks, **arguments)


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    directory = tmp_path_factory.mktemp("played")
    fit(game(), directory)
    return directory


@pytest.fixture
def begun(played, tmp_path):
    """A directory of the first epoch of a game, to go on with."""
    return shutil.copytree(played, tmp_path / "begun")


def state(gan):
    return {name: variable.numpy() for name, variable in checkpoint.variables(gan).items()}


def assert_same(one, other):
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


SGD = keras.optimizers.SGD


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"rate": 2e-3}, "generator_optimizer.learning_rate: 0.001 there, 0.002 now"),
        ({"seed": 1}, "seed: 0 there, 1 now"),
        ({"compiled": {"loss": "hinge"}}, "loss: NonSaturating there, Hinge now"),
        (
            {"compiled": {"loss": kgan.losses.NonSaturating(label_smoothing=0.1)}},
            "loss.label_smoothing: 0 there, 0.1 now",
        ),
        (
            {"compiled": {"penalties": [kgan.penalties.R1(1.0)]}},
            "penalties: [] there, ['R1'] now",
        ),
        (
            {"compiled": {"generator_optimizer": SGD(1e-3, clipnorm=1.0)}},
            "generator_optimizer.clipnorm: None there, 1 now",
        ),
        ({"prior": kgan.priors.Uniform(3)}, "prior: Normal there, Uniform now"),
        ({"discriminator_steps": 2}, "discriminator_steps: 1 there, 2 now"),
        ({"augmentation": augment}, "augmentation: None there, augment now"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_changed_setting_is_named_and_nothing_moves(change, named, begun):
    gan = game(**change)
    before = state(gan)
    sentence = (
        rf"step_00000004\.npz is of other settings: .*{re.escape(named)}.* accept_changes=True"
    )
    for epochs in (1, 2):
        with pytest.raises(ValueError, match=sentence):
            fit(gan, begun, epochs)
    assert_same(before, state(gan))


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        ({"penalties": kgan.penalties.R1(1.0)}, {"penalties": kgan.penalties.R1(2.0)}, "gamma: 1 "),
        ({"penalty_interval": 1}, {"penalty_interval": 4}, "penalty_interval: 1 there, 4 now"),
        (
            {"generator_optimizer": kgan.optimizers.RisingMomentum(0.1, 10)},
            {"generator_optimizer": kgan.optimizers.RisingMomentum(0.1, 20)},
            "generator_optimizer.rise: 10 there, 20 now",
        ),
        (
            {"discriminator_optimizer": SGD(keras.optimizers.schedules.CosineDecay(1e-3, 100))},
            {"discriminator_optimizer": SGD(keras.optimizers.schedules.CosineDecay(1e-3, 200))},
            "discriminator_optimizer.learning_rate.decay_steps: 100 there, 200 now",
        ),
    ],
)
def test_a_part_of_a_setting_is_named(before, after, named, tmp_path):
    fit(game(compiled=before), tmp_path)
    with pytest.raises(ValueError, match=re.escape(named)):
        fit(game(compiled=after), tmp_path, 2)


@pytest.mark.slow
def test_augmentations_are_told_apart_by_name_and_by_argument(tmp_path):
    kinds = [augment, augment_otherwise, *map(kgan.augmentation.DiffAugment, (0.1, 0.2))]
    fit(game(augmentation=kinds[0]), tmp_path)
    fit(game(augmentation=kinds[2]), tmp_path / "kgan")
    fit(game(augmentation=kinds[0]), tmp_path, 2)
    for directory, other in ((tmp_path, kinds[1]), (tmp_path / "kgan", kinds[3])):
        with pytest.raises(ValueError, match="augmentation"):
            fit(game(augmentation=other), directory, 2)


def test_the_same_settings_resume_in_any_form(begun):
    """By name, by configuration or as an object; the speed may change, and the epochs grow."""
    same = {
        "generator_optimizer": keras.optimizers.serialize(SGD(1e-3)),
        "discriminator_optimizer": SGD(),
        "loss": kgan.losses.NonSaturating(),
        "penalties": [],
        "run_eagerly": True,
    }
    gan = game(compiled=same)
    fit(gan, begun, 2)
    assert gan.step == 8


# Data


@pytest.mark.parametrize(
    ("data", "options", "named"),
    [
        (images(240), {}, "data.steps_per_epoch: 4 there, 40 now"),
        (images(48), {"batch_size": 12}, "data.batch_size: 6 there, 12 now"),
        (images(128), {"batch_size": None}, "data.batch_size: 6 there, 32 now"),
        (
            tf.data.Dataset.from_tensor_slices(images(30)).batch(6, drop_remainder=True),
            {},
            "data.steps_per_epoch: 4 there, 5 now",
        ),
    ],
)
def test_other_data_are_named(data, options, named, begun):
    gan = game()
    for epochs in (1, 2):
        with pytest.raises(ValueError, match=re.escape(named)):
            fit(gan, begun, epochs, data, **options)
    fit(gan, begun, 2, data, accept_changes=True, **options)
    assert gan.step >= 8


@pytest.mark.slow
def test_other_images_of_a_loaded_set_are_named(tmp_path):
    load = {"batch_size": 50, "image_size": 4, "data_dir": tmp_path / "data"}
    first, second = (
        kgan.data.load("digits", split=split, **load) for split in ("test[:100]", "test[100:200]")
    )
    fit(game(), tmp_path / "run", data=first)
    fit(game(), tmp_path / "run", 2, data=first)
    with pytest.raises(ValueError, match=r"data\.fingerprint: [0-9a-f]+ there, [0-9a-f]+ now"):
        fit(game(), tmp_path / "run", 3, data=second)


# Going on with other settings


def test_changes_that_are_accepted_take_effect(tmp_path):
    """The learning rate is a variable, which a checkpoint would set back."""
    fit(game(1e-3), tmp_path)
    gan = game(5e-4, seed=7, compiled={"loss": "hinge"})
    fit(gan, tmp_path, 2, accept_changes=True)
    assert float(gan.generator_optimizer.learning_rate) == pytest.approx(5e-4)
    assert float(gan.discriminator_optimizer.learning_rate) == pytest.approx(0.01)
    assert gan.step == 8
    again = game(5e-4, seed=7, compiled={"loss": "hinge"})
    fit(again, tmp_path, 3)  # they are recorded now
    with pytest.raises(ValueError, match=r"seed: 7 there, 0 now"):
        fit(game(), tmp_path, 4)


def test_accepted_changes_equal_the_same_steps_by_hand(tmp_path):
    gan = game(1e-3)
    fit(gan, tmp_path)
    begun = gan.get_weights()
    changed = game(5e-4)
    fit(changed, tmp_path, 2, accept_changes=True, shuffle=False)
    other = game(5e-4)
    other.set_weights(begun)
    other.fit(images(), batch_size=6, shuffle=False, verbose=0)
    for one, two in zip(changed.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_another_optimizer_is_refused_in_any_case(begun):
    gan = game(compiled={"generator_optimizer": "adam"})
    with pytest.raises(ValueError, match="generator_optimizer: SGD there, FusedAdam now"):
        fit(gan, begun, 2)
    with pytest.raises(ValueError, match="is of another model"):
        fit(gan, begun, 2, accept_changes=True)


def test_an_average_is_named(tmp_path):
    fit(game(ema_decay=0.9), tmp_path)
    with pytest.raises(ValueError, match=r"ema_decay: 0\.9 there, None now"):
        fit(game(), tmp_path, 2)


class Halve(keras.callbacks.Callback):
    """A learning rate that a user's own callback lowers."""

    def on_epoch_begin(self, epoch, logs=None):
        self.model.generator_optimizer.learning_rate = 1e-3 / 2**epoch


def test_a_learning_rate_that_the_training_itself_lowered_is_no_change(tmp_path):
    """Neither in the same process nor in a new one; a rate that is neither is one."""
    gan = game()
    fit(gan, tmp_path, 3, callbacks=[Halve()])
    assert float(gan.generator_optimizer.learning_rate) == pytest.approx(2.5e-4)
    fit(gan, tmp_path, 4)
    new = game()
    fit(new, tmp_path, 5)
    assert float(new.generator_optimizer.learning_rate) == pytest.approx(2.5e-4)
    new.generator_optimizer.learning_rate = 7e-4
    with pytest.raises(ValueError, match=r"learning_rate: 0\.00025 there, 0\.0007 now"):
        fit(new, tmp_path, 6)


# Nothing left


def test_a_finished_training_says_so(tmp_path):
    fit(game(), tmp_path, 2)
    gan = game()
    with pytest.warns(UserWarning, match=NOTHING_LEFT.format(2, 2)):
        assert fit(gan, tmp_path, 2).history == {}
    with pytest.warns(UserWarning, match=NOTHING_LEFT.format(2, 1)):
        fit(gan, tmp_path, 1)
    assert fit(gan, tmp_path, 3).epoch == [2]


def test_a_loop_of_single_epochs_is_told_how_epochs_count(tmp_path):
    gan = game()
    fit(gan, tmp_path)
    with pytest.warns(UserWarning, match="`epochs` counts from the start of the training: pass"):
        fit(gan, tmp_path)
    for epochs in (2, 3, 4):
        fit(gan, tmp_path, epochs)
    assert gan.step == 16


# What is written


def test_the_record_is_plain_and_the_same_for_the_same_training(tmp_path):
    for name in ("one", "other"):
        fit(game(), tmp_path / name)
    places = [Checkpoints(tmp_path / name).newest()[2] for name in ("one", "other")]
    assert places[0] == places[1]
    (settings,) = places[0]["settings"]
    assert settings == json.loads(json.dumps(settings))
    assert settings["data.steps_per_epoch"] == 4
    assert not [name for name in settings if name.endswith(("module", ".name"))]


def test_a_checkpoint_without_a_record_resumes(tmp_path):
    """Those of earlier editions have none."""
    gan = game()
    fit(gan, tmp_path)
    checkpoint.write(Checkpoints(tmp_path).path(4), gan, {"epoch": 1, "done": 0, "steps": 0})
    other = game(seed=5)
    fit(other, tmp_path, 2)
    with pytest.raises(ValueError, match="seed: 5 there, 0 now"):
        fit(gan, tmp_path, 3)


@pytest.mark.slow
def test_parts_without_a_configuration_are_no_hindrance(tmp_path):
    class Mine:
        dim = 3

        def sample(self, n, seed):
            return kgan.priors.Normal(3).sample(n, seed)

        def get_config(self):
            raise NotImplementedError

    for epochs in (1, 2):
        fit(game(prior=Mine(), augmentation=lambda x, seed: x), tmp_path, epochs)
