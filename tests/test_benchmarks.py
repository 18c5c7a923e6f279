"""The benchmarks measure what they claim."""

import dataclasses
import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
import warm

from benchmarks import __main__ as entry
from benchmarks import floor, lean, pairs, timing, translation
from benchmarks.keras_shaped import NestedTapes
from benchmarks.step import compiled_game
from kgan import networks

ROOT = pathlib.Path(__file__).resolve().parent.parent
SHAPE = (8, 8, 1)


def tiny(generator, discriminator, gamma=None):
    return pairs.Pair(generator, discriminator, 3, (), gamma=gamma)


MLP = tiny(
    lambda shape, dtype: networks.MLPGenerator(shape, 3, (5, 7), dtype=dtype),
    lambda shape, dtype: networks.MLPDiscriminator(shape, (6, 8), dtype=dtype),
)


def step_of(pair, monkeypatch, batch=10):
    monkeypatch.setattr(pairs, "SHAPE", SHAPE)
    game = lean.Lean(pair)
    return game, game.step.get_concrete_function(tf.TensorSpec((batch, *SHAPE)))


def test_the_floor_has_the_products_that_the_algorithm_needs(monkeypatch):
    """Counted by hand: no gradient of images, latents or the other network's weights."""
    _, step = step_of(MLP, monkeypatch)
    g_first, g = 3 * 5, 3 * 5 + 5 * 7 + 7 * 64
    d_first, d = 64 * 6, 64 * 6 + 6 * 8 + 8 * 1
    d_update = g + 2 * (d + d + (d - d_first))  # data and samples: forward, weights, inputs
    g_update = g + d + d + g + (g - g_first)
    found = [floor.multiply_adds(product) for product in floor.products(step)]
    assert sum(found) == 10 * (d_update + g_update)
    assert len(found) == 25


def test_the_floor_counts_convolutions():
    images, kernel = tf.zeros((2, 6, 6, 3)), tf.zeros((3, 3, 3, 5))

    @tf.function
    def gradients(images, kernel):
        with tf.GradientTape() as tape:
            tape.watch([images, kernel])
            total = tf.reduce_sum(tf.nn.conv2d(images, kernel, 2, "SAME") ** 2)
        return tape.gradient(total, [images, kernel])

    found = floor.products(gradients.get_concrete_function(images, kernel))
    forward = (2 * 3 * 3 * 5) * (3 * 3 * 3)  # outputs times taps; each gradient has as many
    assert [floor.multiply_adds(product) for product in found] == [forward] * 3
    assert {product.type for product in found} == set(floor.PRODUCTS) - {"MatMul"}


DCGAN = tiny(
    lambda shape, dtype: networks.DCGANGenerator(shape, 3, 4, dtype=dtype),
    lambda shape, dtype: networks.DCGANDiscriminator(shape, 4, dtype=dtype),
)
RESIDUAL = tiny(
    lambda shape, dtype: networks.ResNetGenerator(shape, 3, 8, dtype=dtype),
    lambda shape, dtype: networks.ResNetDiscriminator(shape, 8, dtype=dtype),
    gamma=1.0,
)


@pytest.mark.slow
@pytest.mark.parametrize("pair", [MLP, DCGAN, RESIDUAL], ids=["mlp", "dcgan", "residual"])
def test_kgan_computes_the_products_of_the_floor(monkeypatch, pair):
    """None twice, and none in vain."""
    _, lean_step = step_of(pair, monkeypatch)
    gan = compiled_game(pair)
    spec = tf.TensorSpec((10, *SHAPE))
    step = tf.function(gan.train_step).get_concrete_function(spec)
    ours, floors = (
        sorted((product.type, floor.multiply_adds(product)) for product in floor.products(f))
        for f in (step, lean_step)
    )
    assert ours == floors


@pytest.mark.slow
@pytest.mark.long
def test_nested_tapes_compute_more(monkeypatch):
    """They run D once for the loss and once for each penalty; one pass is enough for all."""
    _, lean_step = step_of(RESIDUAL, monkeypatch)
    naive = NestedTapes(RESIDUAL)
    step = tf.function(naive.train_step).get_concrete_function(tf.TensorSpec((10, *SHAPE)))
    more, least = (
        sum(floor.multiply_adds(product) for product in floor.products(f))
        for f in (step, lean_step)
    )
    assert more / least == pytest.approx(1.3, abs=0.02)  # and 1.301 for 28 x 28 images


@pytest.mark.parametrize("gamma", [None, 1.0])
def test_the_floor_runs_every_product_once(monkeypatch, gamma):
    _, step = step_of(dataclasses.replace(DCGAN, gamma=gamma), monkeypatch)
    products = floor.products(step)
    alone = floor.Floor(products)
    assert alone.seconds_a_step(1) > 0
    again = floor.products(alone._run.get_concrete_function())
    assert sorted(map(floor.multiply_adds, again)) == sorted(map(floor.multiply_adds, products))
    assert alone.multiply_adds == sum(map(floor.multiply_adds, products))


def test_the_bare_loop_learns(monkeypatch):
    """Adam's first step moves each weight that has a gradient by the learning rate."""
    game, _ = step_of(MLP, monkeypatch)
    before = [weight.numpy() for weight in game.d_weights + game.g_weights]
    game.step(tf.random.stateless_uniform((10, *SHAPE), (0, 0), -1, 1))
    moved = [
        np.abs(weight.numpy() - old)
        for weight, old in zip(game.d_weights + game.g_weights, before, strict=True)
    ]
    # The weights of an inactive unit stay. float32 rounds 2e-4 added to 1 by 6e-8.
    for change in moved:
        assert np.max(change) == pytest.approx(2e-4, rel=2e-3)


def test_turns_alternate_and_leave_the_first_round_out():
    order = []

    def turn(name, value):
        order.append(name)
        return value

    found = timing.in_turns({"a": lambda: turn("a", 1), "b": lambda: turn("b", 2)}, 3)
    assert order == ["a", "b"] * 4
    assert found == {"a": [1] * 3, "b": [2] * 3}


def test_a_ratio_is_of_rounds_and_not_of_medians():
    """A machine that is slow in one round is so for both."""
    assert timing.ratio([2.0, 20.0, 200.0], [1.0, 10.0, 100.0]) == (2.0, 2.0, 2.0)
    assert timing.ratio([1.0, 2.0, 3.0, 4.0, 5.0], [1.0] * 5) == (2.0, 3.0, 4.0)
    assert timing.ratio([3.0], [2.0]) == (1.5, 1.5, 1.5)


@pytest.mark.eager
def test_both_contenders_without_pairs_have_the_same_losses(monkeypatch):
    """kgan's are a quarter of the sums of both domains, as `kgan.variants.CycleGAN` says."""
    draw = np.random.default_rng(0).uniform
    pair = tuple(draw(-1, 1, (2, 8, 8, 1)).astype("float32") for _ in range(2))
    monkeypatch.setitem(translation.GAMES, "unet", (((8, 8, 1), 2), *translation.GAMES["unet"][1:]))
    networks = translation.players("unet")
    monkeypatch.setattr(translation, "players", lambda name: networks)
    found = translation.cycle_gan("unet").evaluate(*pair, batch_size=2, verbose=0, return_dict=True)
    losses = translation.KerasCycleGAN(networks[:2], networks[2:]).train_step(pair)
    assert 4 * found["g_loss"] == pytest.approx(
        float(losses["g_loss"] + losses["f_loss"]), rel=1e-4
    )
    assert 4 * found["d_loss"] == pytest.approx(
        float(losses["d_x_loss"] + losses["d_y_loss"]), rel=1e-4
    )


def test_the_record_names_versions_and_the_machine(capsys):
    timing.print_record("name", figure=1)
    record = json.loads(capsys.readouterr().out)
    assert record["benchmark"] == "name"
    assert record["figure"] == 1
    assert set(timing.VERSIONS) | {"python"} < set(record)
    assert record["machine"]["cores"] >= 1
    assert record["machine"]["processor"]


def test_the_entry_knows_every_benchmark():
    folder = ROOT / "benchmarks"
    for name in entry.NAMES:
        assert (folder / f"{name}.py").exists()
        assert entry.sentence(name).endswith(".")


def test_the_entry_refuses_what_it_does_not_know(monkeypatch, capsys):
    for words, said in ((["stp"], "stp: expected one of step"), (["--rounds=2"], "name the")):
        monkeypatch.setattr(sys, "argv", ["benchmarks", *words])
        with pytest.raises(SystemExit):
            entry.main()
        assert said in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.long
def test_the_step_has_all_its_contenders():
    """Started by the entry; without PyTorch, a line says so."""
    command = [*warm.python(), "-m", "benchmarks", "step", "--pair=mlp", "--batch_size=4"]
    done = subprocess.run(
        [*command, "--rounds=1", "--steps=2"], capture_output=True, text=True, cwd=ROOT, timeout=900
    )
    assert done.returncode == 0, done.stderr
    record = next(line for line in done.stdout.splitlines() if line.startswith("{"))
    (pair,) = json.loads(record)["pairs"].values()
    names = {"keras-shaped", "kgan", "kgan, 10 at once", "kgan, bfloat16", "bare loop", "floor"}
    assert names <= set(pair["contenders"])
    assert "PyTorch" in done.stdout
    assert pair["multiply_adds"] == 4 * 27_057_600  # a test above has the formula
    assert all(row["ms"] > 0 for row in pair["contenders"].values())
