"""`--preset=auto`: what is chosen for which data, that it is said, and that it stays."""

import itertools
import json
import os
import pathlib
import re
import subprocess

import picture_files
import pytest
import warm

from kgan.artifacts import RunDirectory
from kgan.networks.checks import doublings
from train import auto
from train.auto import Facts, automatic, choose, chosen, steps_in
from train.config import overridden, resolve
from train.records import resumed_config
from train.run import located, train

ROOT = pathlib.Path(__file__).resolve().parent.parent
COLOUR = (32, 32, 3)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(auto, "MEASURED_SECONDS", 0.1)


# What is chosen


@pytest.mark.parametrize(
    ("facts", "network", "width", "gamma", "diffaugment"),
    [
        (Facts(1437, (8, 8, 1), gpu=False), "mlp", 256, 0.25, None),
        (Facts(60_000, (28, 28, 1), gpu=False), "mlp", 1200, 0.25, None),
        (Facts(50_000, (28, 28, 3), gpu=False), "mlp", 1200, 0.25, None),
        (Facts(60_000, (50, 50, 1), gpu=False), "mlp", 1200, 0.25, None),
        (Facts(20_000, (28, 28, 1), gpu=False), "mlp", 1200, 0.25, None),
        (Facts(19_999, (28, 28, 1), gpu=False), "dcgan", 32, 1.0, True),
        (Facts(3268, (24, 20, 3), gpu=False), "dcgan", 32, 1.0, True),
        (Facts(3268, (25, 20, 3), gpu=False), "dcgan", 32, 1.0, True),  # 24 x 20 then
        (Facts(3268, (300, 2, 3), gpu=True), "mlp", 1200, 0.25, None),  # nothing near is doubled
        (Facts(3268, (16, 16, 1), gpu=False), "mlp", 256, 0.25, None),
        (Facts(3268, COLOUR, gpu=False), "dcgan", 32, 1.0, True),
        (Facts(20_000, (64, 64, 3), gpu=False), "dcgan", 32, 1.0, False),
        (Facts(3268, (64, 64, 1), gpu=False), "dcgan", 32, 1.0, True),  # though 32 x 32 then
        (Facts(3268, COLOUR, gpu=True), "dcgan", 64, 1.0, True),
        (Facts(19_999, COLOUR, gpu=True), "dcgan", 64, 1.0, True),
        (Facts(20_000, COLOUR, gpu=True), "dcgan", 64, 1.0, False),
        (Facts(3268, (33, 32, 3), gpu=True), "dcgan", 64, 1.0, True),
        (Facts(1437, (8, 8, 1), gpu=True), "mlp", 256, 0.25, None),
        (Facts(100_000, (2,), gpu=False), "mlp", 256, 0.1, None),
        (Facts(50, COLOUR, gpu=False), "dcgan", 32, 1.0, True),
    ],
)
def test_the_data_and_the_machine_decide(facts, network, width, gamma, diffaugment):
    options, _ = choose(facts)
    assert (options["network"], options["width"]) == (network, width)
    assert options["r1"] == options["r2"] == gamma
    assert options.get("diffaugment") is diffaugment
    loss = "relativistic_paired" if len(facts.shape) == 3 else "non_saturating"
    assert overridden({**options, "steps": options["steps_per_execution"]}, {}).loss == loss


@pytest.mark.parametrize(
    ("shape", "gpu", "given", "size"),
    [
        ((64, 64, 3), False, {}, 32),
        ((64, 48, 3), False, {}, "32,24"),
        ((218, 178, 3), False, {}, "32,24"),  # 32 x 26 cannot be reached by doubling
        ((218, 178, 3), False, {"network": "mlp"}, "32,26"),
        ((218, 178, 3), True, {}, "192,160"),
        ((50, 50, 3), True, {}, 48),
        ((50, 50, 3), True, {"network": "mlp"}, None),
        ((30, 30, 3), False, {}, 28),
        ((15, 15, 3), False, {}, 14),
        ((9, 9, 1), False, {}, None),  # 81 values
        ((8, 400, 3), False, {}, 32),
        ((64, 64, 3), False, {"image_size": 64}, None),
        ((64, 64, 3), True, {}, None),
        (COLOUR, False, {}, None),
        ((48, 48, 1), False, {}, None),  # no more than 2,500 values
    ],
)
def test_images_get_the_size_that_the_machine_and_the_networks_take(shape, gpu, given, size):
    options, reasons = choose(Facts(3268, shape, gpu), given)
    assert options.get("image_size") == size
    assert ("size" in reasons) == (size is not None)
    if shape == (64, 48, 3):
        assert reasons["size"] == (
            "32x24 of 64x48, which take a CPU at least 4 times as long (--image_size=64,48 keeps "
            "them)"
        )
    if shape == (30, 30, 3):
        assert reasons["size"] == (
            "28x28 of 30x30, as convolutional networks double a grid of 3 to 8 pixels "
            "(--image_size=30 keeps them)"
        )


def test_the_size_is_the_largest_that_convolutional_networks_reach():
    for height, width in itertools.product(range(17, 130), range(17, 130, 7)):
        high, wide = _sides(choose(Facts(3268, (height, width, 3), gpu=True))[0], height, width)
        within = itertools.product(range(high, height + 1), range(wide, width + 1))
        assert [size for size in within if reached(*size)] == [(high, wide)]


def _sides(options, height, width):
    size = str(options.get("image_size", f"{height},{width}"))
    sides = [int(side) for side in size.split(",")]
    return sides if len(sides) == 2 else sides * 2


def reached(height, width):
    try:
        return doublings((height, width, 3))
    except ValueError:
        return 0


@pytest.mark.parametrize(
    ("network", "width", "gamma", "upsampling"),
    [
        ("dcgan", 32, 1.0, "resize"),
        ("sngan", 32, 1.0, None),
        ("resnet", 8, 1.0, None),
        ("mlp", 256, 0.25, None),
        ("maxout", 256, 0.25, None),
    ],
)
def test_a_network_that_is_given_gets_its_own_game(network, width, gamma, upsampling):
    options, reasons = choose(Facts(1437, (8, 8, 1), gpu=False), {"network": network})
    assert (options["network"], options["width"], options["r1"]) == (network, width, gamma)
    assert options.get("upsampling") == upsampling
    assert (options["batch_size"] == 64) == ("diffaugment" in options) == (gamma == 1)
    dense = " with dense layers of 256 units" if network == "dcgan" else ""
    assert reasons["network"] == f"{network} of width {width}{dense}"
    assert overridden({**options, "steps": 10}, {}).network == network


@pytest.mark.parametrize(
    ("shape", "dense_units"),
    [((8, 8, 1), 256), ((28, 28, 1), 256), ((32, 32, 1), None), ((9, 9, 1), None)],
)
def test_a_dcgan_of_few_convolutions_gets_dense_layers(shape, dense_units):
    """28 pixels are halved twice, 32 three times, and 9 never, which the network itself refuses."""
    options, _ = choose(Facts(60_000, shape, gpu=True), {"network": "dcgan"})
    assert options.get("dense_units") == dense_units


def test_a_gpu_computes_in_half_precision():
    on_gpu, on_cpu = (choose(Facts(3268, COLOUR, gpu))[0] for gpu in (True, False))
    assert (on_gpu["precision"], on_gpu["jit_compile"]) == ("mixed_bfloat16", True)
    assert "precision" not in on_cpu
    assert "jit_compile" not in on_cpu


@pytest.mark.parametrize(("gpu", "batch_size"), [(False, None), (True, None), (False, 16)])
def test_the_ema_forgets_half_in_as_many_images_whatever_the_batch(gpu, batch_size):
    options, _ = choose(Facts(3268, COLOUR, gpu), {"batch_size": batch_size} if batch_size else {})
    assert batch_size in (None, options["batch_size"])
    steps = auto.HALF_LIFE / options["batch_size"]
    assert options["ema_decay"] ** steps == pytest.approx(0.5, abs=1e-3)


def test_each_choice_is_said_with_its_reason():
    options, reasons = choose(Facts(3268, COLOUR, gpu=True))
    assert [*reasons] == ["network", "objective", "learning", "augmentation", "precision"]
    assert reasons["network"] == "dcgan of width 64, as images have more than 256 values"
    assert f"batches of {options['batch_size']}" in reasons["learning"]
    assert reasons["augmentation"] == "DiffAugment, as there are fewer than 20,000 images"
    assert str(Facts(3268, COLOUR, gpu=True)) == "3,268 images of 32x32x3 on a GPU"
    for images, shape, why in (
        (
            19_999,
            COLOUR,
            "dcgan of width 32, as images have more than 256 values and are fewer than 20,000",
        ),
        (20_000, COLOUR, "dcgan of width 32, as images have more than 2,500 values"),
        (20_000, (28, 28, 3), "mlp of width 1200, as images have at most 2,500 values"),
        (100, (8, 8, 1), "mlp of width 256, as images have at most 256 values"),
    ):
        assert choose(Facts(images, shape, gpu=False))[1]["network"] == why


@pytest.mark.parametrize(
    ("minutes", "seconds", "multiple", "steps"),
    [(1, 0.5, 1, 120), (1, 0.5, 50, 100), (1, 61.0, 10, 10), (0.5, 0.007, 10, 4280)],
)
def test_steps_are_those_that_fit(minutes, seconds, multiple, steps):
    assert steps_in(minutes, seconds, multiple) == steps


@pytest.mark.parametrize(
    ("preset", "given", "expected"),
    [
        ("auto", {}, True),
        ("auto", {"network": "dcgan"}, True),
        (None, {}, True),
        (None, {"network": "dcgan"}, False),
        ("mnist_mlp", {}, False),
    ],
)
def test_it_is_the_default_for_directories(preset, given, expected, tmp_path):
    config = located(resolve(None, {**given, "dataset": str(tmp_path)}), None)
    assert automatic(preset, given, config) is expected
    assert automatic(preset, given, resolve(None, given)) is (preset == "auto")  # data by name


# A run


def choice(run, data_dir, minutes=None, **given):
    """What `kgan-train --preset=auto` trains."""
    if RunDirectory(run).config.exists():
        return resumed_config(RunDirectory(run), given, minutes)
    return chosen(resolve(None, given), given, data_dir, minutes)


@pytest.mark.slow
def test_the_length_follows_from_the_speed(data_dir, tmp_path, capsys):
    short, long = (choice(tmp_path / "run", data_dir, minutes) for minutes in (0.01, 1.0))
    assert short.steps % 10 == long.steps % 10 == 0
    assert 10 <= short.steps < long.steps
    lines = capsys.readouterr().out.splitlines()[:7]
    assert lines[0] == "--preset=auto for 1,437 images of 8x8x1 on a CPU:"
    assert re.fullmatch(
        r"  length:       [\d,]+ steps; this will take about \d+ seconds \([\d.]+ ms a step, "
        r"measured\)",
        lines[-1],
    )


@pytest.mark.parametrize(
    ("images", "given", "batch", "at_once"),
    [(50, {}, 50, 1), (250, {}, 100, 2), (250, {"batch_size": 250}, 250, 1), (1437, {}, 100, 10)],
)
def test_a_small_set_has_small_batches(images, given, batch, at_once, data_dir, tmp_path):
    config = choice(tmp_path, data_dir, split=f"train[:{images}]", steps=20, **given)
    assert (config.batch_size, config.steps_per_execution) == (batch, at_once)


def test_flags_win(data_dir, tmp_path, capsys):
    config = choice(tmp_path, data_dir, network="dcgan", width=4, steps=7, r1=0.5)
    assert (config.network, config.width, config.steps, config.r1) == ("dcgan", 4, 7, 0.5)
    assert (config.r2, config.loss) == (1.0, "relativistic_paired")
    said = capsys.readouterr().out
    assert "  given:        --network=dcgan --r1=0.5 --width=4, which count instead\n" in said
    assert choice(tmp_path, data_dir, split="train[:200]", epochs=2).epochs == 2


@pytest.mark.slow
def test_a_run_that_has_begun_keeps_its_choices(data_dir, tmp_path, monkeypatch):
    run = tmp_path / "run"
    first = choice(run, data_dir, 0.01, width=8)
    train(first, run, data_dir)
    monkeypatch.setattr(auto, "choose", None)  # not to be called
    assert choice(run, data_dir) == first
    assert choice(run, data_dir, steps=first.steps + 10).steps == first.steps + 10
    changed = choice(run, data_dir, seed=1)
    with pytest.raises(ValueError, match="seed 0 -> 1"):
        train(changed, run, data_dir)
    with pytest.raises(ValueError, match=r"^--minutes=3: the run in .* has begun"):
        choice(run, data_dir, 3.0)


def test_what_cannot_be_is_refused(data_dir, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"^--minutes=3: expected none beside --epochs=1, which"):
        choice(tmp_path, data_dir, 3.0, epochs=1)
    for given, named in (
        ({"condition": "edges"}, "condition=edges"),
        ({"variant": "cyclegan", "dataset_y": "digits"}, "variant=cyclegan"),
        ({"variant": "any_conditional"}, "variant=any_conditional"),
    ):
        expected = rf"^--preset=auto: expected none beside --{named}, as .* Leave it out\.$"
        with pytest.raises(ValueError, match=expected):
            choice(tmp_path, data_dir, **given)
    cluster = {"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(cluster))
    with pytest.raises(ValueError, match=r"^--preset=auto looks at the data before several"):
        choice(tmp_path, data_dir)


@pytest.mark.slow
def test_the_program_trains_on_a_directory_for_some_minutes(tmp_path):
    for i in range(60):
        picture_files.write(tmp_path / "pictures" / f"{i}.png", picture_files.noise(i))
    words = [*warm.python(), "-m", "train", "--dataset=pictures", "--run_dir=run", "--width=8"]

    def program(*more):
        return subprocess.run(
            [*words, *more],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )

    done = program("--minutes=0.002")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("--preset=auto for ")
    options = json.loads((tmp_path / "run" / "config.json").read_text())["options"]
    assert (options["loss"], options["width"]) == ("relativistic_paired", 8)
    assert "nothing is left to do" in program().stdout
    done = program("--preset=digits_mlp", "--minutes=3")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "kgan-train: --minutes=3: expected none unless --preset=auto chooses the game. This one is "
        "as long as --steps or --epochs say."
    )
