"""Each change of the published recipe changes its one thing and nothing else."""

import dataclasses
import functools
import re
import subprocess
import sys

import keras
import numpy as np
import pytest

import kgan
from experiments import __main__ as entry
from experiments import program, recipe
from train.config import resolve
from train.game import make_gan

pytestmark = pytest.mark.eager

PRESET = "goodfellow2014_mnist"
PUBLISHED = recipe.Recipe()
WIDTH = 8
RATES = ("generator_learning_rate", "discriminator_learning_rate")
# What kgan-train calls the changes that its flags can make.
FLAGS = {
    "as published": {},
    "pixels from -1 to 1": {"value_range": "-1,1"},
    "rates 0.03": dict.fromkeys(RATES, 0.03),
    "rates 0.3": dict.fromkeys(RATES, 0.3),
    "G's rate 0.3": {RATES[0]: 0.3},
    "D begins within 0.05": {"discriminator_initializer_range": 0.05},
    "normal latents": {"prior": "normal"},
    "no dropout": {"dropout": False},
}

ALWAYS = ("as published", "pixels from -1 to 1", "no dropout")


def digits(value_range=(0.0, 1.0)):
    return kgan.data.load("digits", batch_size=100, value_range=value_range, seed=0)


@functools.cache
def made(change, steps=0, **more):
    """The game of a change, on small images, after the given number of steps; to be read only."""
    changed = dataclasses.replace(recipe.Recipe(**recipe.CHANGES[change]), **more)
    images = digits(changed.value_range)
    keras.utils.set_random_seed(0)
    return trained(changed.make_gan(images, seed=0, width=WIDTH), images, steps)


def trained(gan, images, steps):
    if steps:
        gan.fit(images, steps_per_epoch=steps, epochs=1, verbose=0)
    return gan


def moved(network, other):
    pairs = zip(network.get_weights(), other.get_weights(), strict=True)
    return any(not np.array_equal(a, b) for a, b in pairs)


@pytest.mark.parametrize(
    "change",
    [
        change
        if change in ALWAYS
        else pytest.param(change, marks=[pytest.mark.slow, pytest.mark.long])
        for change in FLAGS
    ],
)
def test_a_change_is_that_of_the_flags(change):
    """The experiment builds the game itself; the program builds the same, bit for bit."""
    config = resolve(PRESET, {"dataset": "digits", "width": WIDTH, "seed": 0, **FLAGS[change]})
    images = digits(config.pixels)
    keras.utils.set_random_seed(0)
    program_gan = trained(make_gan(config, images, None), images, steps=2)
    gan = made(change, steps=2)
    assert not moved(gan.generator, program_gan.generator)
    assert not moved(gan.discriminator, program_gan.discriminator)
    assert gan.loss.get_config() == program_gan.loss.get_config()
    for role in ("generator_optimizer", "discriminator_optimizer"):
        ours, theirs = getattr(gan, role), getattr(program_gan, role)
        assert ours.rise == theirs.rise == recipe.RISE * len(images)
        assert {**ours.get_config(), "name": ""} == {**theirs.get_config(), "name": ""}


def test_the_constants_are_those_of_the_preset():
    config = resolve(PRESET, {})
    assert (config.dataset, config.split) == ("mnist", "train[:50000]")
    assert (config.batch_size, config.latent_dim) == (recipe.BATCH_SIZE, recipe.LATENT_DIM)
    width = recipe.Recipe.make_gan.__defaults__[-1]
    assert (config.width, config.pixels) == (width, PUBLISHED.value_range)


@pytest.mark.slow
def test_simultaneous_updates_see_the_other_network_as_before_the_step():
    still = made("as published", steps=1, discriminator_learning_rate=1e-30)
    alternating = made("as published", steps=1)
    both = made("simultaneous", steps=1)
    assert not moved(both.generator, still.generator)
    assert moved(both.generator, alternating.generator)
    assert not moved(both.discriminator, alternating.discriminator)


@pytest.mark.parametrize(
    "change", ["no dropout", "no dropout in G's step", "latents within 1", "normal latents"]
)
def test_the_networks_learn_otherwise(change):
    changed, published = made(change, steps=1), made("as published", steps=1)
    assert moved(changed.generator, published.generator)
    g_alone = change == "no dropout in G's step"
    assert moved(changed.discriminator, published.discriminator) != g_alone


def test_without_dropout_anywhere_g_learns_the_same_by_its_own_term():
    """With dropout 0 for D as well, the further term is the objective that it replaces."""
    rates = {"input_dropout": 0.0, "hidden_dropout": 0.0}
    by_term = made("no dropout in G's step", steps=1, **rates)
    published = made("as published", steps=1, **rates)
    pairs = zip(by_term.generator.get_weights(), published.generator.get_weights(), strict=True)
    for ours, expected in pairs:
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("change", ["momentum 0", "momentum 0.9"])
def test_the_momentum_is_another(change):
    changed, published = (made(name, steps=2) for name in (change, "as published"))
    assert moved(changed.generator, published.generator)
    first = [made(name, steps=1) for name in (change, "as published")]
    assert not moved(first[0].generator, first[1].generator)  # it has no velocity yet


def test_momentum_0_is_plain_gradient_descent():
    weight = keras.Variable(np.float32([1.0, -2.0]))
    optimizer = kgan.optimizers.RisingMomentum(0.1, rise=4, momentum=(0.0, 0.0))
    for _ in range(3):
        optimizer.apply([np.float32([0.5, 0.25])], [weight])
    np.testing.assert_allclose(weight, [1.0 - 0.15, -2.0 - 0.075], rtol=1e-5)


def test_the_networks_begin_otherwise():
    published = made("as published")
    for change, network, scale in (
        ("D begins within 0.05", "discriminator", 0.05),
        ("G begins within 0.02", "generator", 0.02),
    ):
        kernels = [w for w in getattr(made(change), network).get_weights() if w.ndim == 2]
        assert scale / 2 < max(np.abs(kernel).max() for kernel in kernels) <= scale
    bias = made("bias from 0").generator.output_layer.bias.numpy()
    assert not bias.any()
    assert published.generator.output_layer.bias.numpy().any()


def test_short_latents_have_a_third_of_the_variance():
    points = made("latents within 1").prior.sample(5000, seed=0).numpy()
    assert np.abs(points).max() <= 1
    assert points.var() == pytest.approx(1 / 3, rel=0.02)


def test_numbers_that_are_not_finite_are_null():
    assert program.rounded(0.12344, 4) == 0.1234
    assert program.rounded(float("nan"), 4) is program.rounded(float("inf"), 4) is None


def test_a_row_has_the_logs_and_the_statistics_of_samples(monkeypatch):
    monkeypatch.setattr(recipe, "EVERY", 2)
    images = digits((-1.0, 1.0))
    monkeypatch.setattr(recipe.data, "load", lambda *_, **__: images)
    row = recipe.play("pixels from -1 to 1", 0, 4, None)
    assert row["steps"] == 4
    assert len(row["d_fake"]) == len(row["d_accuracy"]) == 2
    assert all(0 < value < 1 for value in row["d_fake"])
    assert 0 < row["sigmoid_derivative"] <= 0.25
    assert 0 < row["pixel_deviation"] < 0.5


# What the experiments share


def test_seeds_are_a_list_or_a_range():
    parsed = program.parser("Some experiment.", seeds="0-2").parse_args
    assert parsed([]).seeds == [0, 1, 2]
    assert parsed(["--seeds=3,5-6"]).seeds == [3, 5, 6]


def test_seeds_that_are_none_are_refused(capsys):
    with pytest.raises(SystemExit):
        program.parser("Some experiment.", seeds="0").parse_args(["--seeds=a"])
    assert re.search(
        r"--seeds: expected seeds such as 0,1,2 or 0-9, got 'a'", capsys.readouterr().err
    )


def test_the_experiments_are_listed_without_tensorflow():
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "experiments"], capture_output=True, text=True
    )
    assert done.returncode == 0
    for name in entry.NAMES:
        assert re.search(rf"^  {name} +[A-Z].*\.$", done.stdout, re.M), name
    assert "tensorflow" not in done.stderr


def test_an_experiment_runs_by_name(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["experiments", "results", "play", "--preset=nothing"])
    with pytest.raises(SystemExit):
        entry.main()
    assert "--preset=nothing: expected some of" in capsys.readouterr().err
