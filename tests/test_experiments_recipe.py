"""What is changed of the published recipe is changed, and nothing else."""

import keras
import numpy as np
import pytest

import kgan
from experiments import recipe
from train import game
from train.config import resolve

SMALL = {"dataset": "digits", "split": "train", "width": 8}


def made(change, **more):
    """The game of a change, on small images, after the given number of steps."""
    options, patched = recipe.CHANGES[change]
    steps = more.pop("steps", 0)
    config = resolve(recipe.PRESET, {**SMALL, **options, **more})
    with patched():
        images = kgan.data.load("digits", batch_size=100, value_range=config.pixels, seed=0)
        keras.utils.set_random_seed(0)
        gan = game.make_gan(config, images, None)
        if steps:
            gan.fit(images, steps_per_epoch=steps, epochs=1, verbose=0)
    return gan


def moved(network, other):
    pairs = zip(network.get_weights(), other.get_weights(), strict=True)
    return any(not np.array_equal(a, b) for a, b in pairs)


def test_simultaneous_players_see_each_other_as_before_the_step():
    still = made("as published", steps=1, discriminator_learning_rate=1e-30)
    alternating = made("as published", steps=1)
    both = made("simultaneous", steps=1)
    assert not moved(both.generator, still.generator)
    assert moved(both.generator, alternating.generator)
    assert not moved(both.discriminator, alternating.discriminator)


@pytest.mark.parametrize(
    "change", ["no dropout", "no dropout in G's step", "latents within 1", "normal latents"]
)
def test_the_players_learn_otherwise(change):
    changed, published = made(change, steps=1), made("as published", steps=1)
    assert moved(changed.generator, published.generator)
    g_alone = change == "no dropout in G's step"
    assert moved(changed.discriminator, published.discriminator) != g_alone


def test_the_momentum_is_another():
    changed, published = (made(change, steps=2) for change in ("momentum 0", "as published"))
    assert moved(changed.generator, published.generator)
    first = [made(change, steps=1) for change in ("momentum 0", "as published")]
    assert not moved(first[0].generator, first[1].generator)  # it has no velocity yet


def test_the_players_begin_otherwise():
    published = made("as published")
    for change, player, scale in (
        ("D begins within 0.05", "discriminator", 0.05),
        ("G begins within 0.02", "generator", 0.02),
    ):
        kernels = [w for w in getattr(made(change), player).get_weights() if w.ndim == 2]
        assert scale / 2 < max(np.abs(kernel).max() for kernel in kernels) <= scale
    bias = made("bias from 0").generator.output_layer.bias.numpy()
    assert not bias.any()
    assert published.generator.output_layer.bias.numpy().any()


def test_short_latents_have_a_third_of_the_variance():
    points = made("latents within 1").prior.sample(5000, seed=0).numpy()
    assert np.abs(points).max() <= 1
    assert points.var() == pytest.approx(1 / 3, rel=0.02)


def test_options_are_of_the_program():
    published = resolve(recipe.PRESET, {}).options()
    for options, _ in recipe.CHANGES.values():
        found = resolve(recipe.PRESET, options).options()
        assert {key: found[key] for key in found if found[key] != published[key]} == options


def test_what_is_not_finite_is_null():
    assert recipe.rounded(0.12344, 4) == 0.1234
    assert recipe.rounded(float("nan"), 4) is recipe.rounded(float("inf"), 4) is None


def test_a_row_says_how_the_game_went(monkeypatch):
    monkeypatch.setattr(recipe, "EVERY", 2)
    monkeypatch.setattr(
        recipe, "resolve", lambda _, more: resolve(recipe.PRESET, {**more, **SMALL})
    )
    row = recipe.play("pixels from -1 to 1", 0, 4, None)
    assert row["steps"] == 4
    assert len(row["d_fake"]) == len(row["d_accuracy"]) == 2
    assert all(0 < value < 1 for value in row["d_fake"])
    assert 0 < row["sigmoid_slope"] <= 0.25
    assert 0 < row["pixel_deviation"] < 0.5
