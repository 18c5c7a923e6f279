"""The training program: flags, presets, the run directory, and one sentence for every mistake."""

import dataclasses
import functools
import json
import re
import shutil
import subprocess
import sys
import time

import keras
import matplotlib.image
import numpy as np
import pytest
import warm

import kgan
from kgan.optimizers import RisingMomentum
from train import choices
from train.config import Config, check_effects, resolve
from train.game import make_gan, untrained_gan
from train.presets import DIRECTORIES, PRESETS
from train.records import check_run
from train.run import RunDirectory, train


@pytest.fixture(scope="module")
def finished(data_dir, tmp_path_factory):
    """A run of `small()`, to be read only."""
    run = tmp_path_factory.mktemp("finished") / "run"
    train(small(), run, data_dir)
    return run


@pytest.fixture
def run(finished, tmp_path):
    """A run of `small()`, to go on with."""
    return shutil.copytree(finished, tmp_path / "run")


def program(*arguments, timeout=300, python=None):
    return subprocess.run(
        [*(python or warm.python()), "-m", "train", *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def small(**options):
    return Config(**{"width": 8, "latent_dim": 4, "batch_size": 64, "steps": 6, **options})


class _Stop(kgan.callbacks.base.StepCallback):
    def __init__(self, step, stop):
        super().__init__()
        self.last, self.stop = step, stop

    def on_steps_end(self, before, logs):
        if self.step == self.last:
            self.stop()


def stop_after(step, config, run, data_dir):
    """Train until Ctrl-C after `step` steps."""
    original = kgan.GAN.fit

    def fit(gan, *args, callbacks, **kwargs):
        checkpoint = callbacks[-1]
        return original(
            gan,
            *args,
            callbacks=[*callbacks[:-1], _Stop(step, checkpoint.stop), checkpoint],
            **kwargs,
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kgan.GAN, "fit", fit)
        with pytest.raises(KeyboardInterrupt, match=f"Stopped after step {step}"):
            train(config, run, data_dir)


# Configuration


def test_names_are_those_of_the_library():
    for name in choices.LOSSES:
        assert isinstance(kgan.losses.get(name), kgan.losses.AdversarialLoss)
    with pytest.raises(ValueError, match="expected one of") as error:
        kgan.losses.get("?")
    assert all(f"'{name}'" in str(error.value) for name in choices.LOSSES)
    assert str(error.value).count("'") == 2 * len(choices.LOSSES) + 2
    assert set(choices.CONDITIONS) == set(kgan.conditions.CONDITIONS)
    assert choices.HALVES == kgan.data.pairs.HALVES
    assert choices.PREVIOUS_FRAMES == kgan.data.pairs.PREVIOUS_FRAMES


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_a_configuration(preset):
    config = resolve(preset, dict.fromkeys(DIRECTORIES.get(preset, ()), "./pictures"))
    for name, value in PRESETS[preset].items():
        assert getattr(config, name) == value


def test_an_explicit_flag_beats_its_preset():
    config = resolve("digits_mlp", {"batch_size": 7, "latent_dim": None})
    assert config.batch_size == 7
    assert config.latent_dim == PRESETS["digits_mlp"]["latent_dim"]


def test_explicit_epochs_replace_the_steps_of_a_preset_and_the_reverse():
    config = resolve("digits_mlp", {"epochs": 3})
    assert (config.epochs, config.steps) == (3, None)
    config = resolve("mnist_mlp", {"steps": 30})
    assert (config.epochs, config.steps) == (None, 30)


def test_explicit_steps_need_not_fit_the_executions_of_a_preset():
    assert resolve("ring", {"steps": 300}).steps_per_execution == 100
    assert resolve("ring", {"steps": 30}).steps_per_execution == 1
    with pytest.raises(ValueError, match=r"--steps=30: expected a multiple of .*=100"):
        resolve("ring", {"steps": 30, "steps_per_execution": 100})


def test_the_configuration_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Config(steps=1).seed = 1


@pytest.mark.slow
def test_float16_without_a_gpu_is_commented_on(data_dir, tmp_path, monkeypatch, capsys):
    for gpu, precision, said in (
        (False, "mixed_float16", True),
        (False, "mixed_bfloat16", False),
        (True, "mixed_float16", False),
    ):
        monkeypatch.setattr("train.run.has_gpu", lambda gpu=gpu: gpu)
        train(small(precision=precision, steps=1), tmp_path / f"{precision} {gpu}", data_dir)
        assert ("use --precision=mixed_bfloat16" in capsys.readouterr().out) is said


@pytest.mark.parametrize(
    ("expected", "values"),
    [
        ("one of mlp, maxout, weight_norm, dcgan, resnet, sngan, unet", {"network": "vgg"}),
        ("one of uniform, normal", {"prior": "cauchy"}),
        (choices.CONDITION.words, {"condition": "sketch"}),
        (f"one of {', '.join(choices.VARIANTS)}", {"variant": "stylegan"}),
        (choices.CODES.words, {"codes": "10,x"}),
        (choices.CODES.words, {"codes": "1,c"}),
        (choices.CODES.words, {"codes": ""}),
        ("an integer of at least 0", {"latent_dim": -1}),
        (f"one of {', '.join(choices.LOSSES)}", {"loss": "nash"}),
        ("one of stop, rollback", {"on_non_finite": "hope"}),
        ("one of adam, sgd_2014", {"optimizer": "newton"}),
        ("one of transposed, resize", {"upsampling": "cubic"}),
        ("one of -1,1, 0,1", {"value_range": "0,255"}),
        ("1, 3 or 4", {"channels": 2}),
        ("one of crop, pad, stretch", {"resize": "fit"}),
        ("one of error, skip", {"unreadable": "hope"}),
        ("white, black or a colour such as #ff8800", {"background": "#ff88"}),
        ("a positive integer, or HEIGHT,WIDTH such as 48,40", {"image_size": "48,0"}),
        ("a positive integer, or HEIGHT,WIDTH such as 48,40", {"image_size": "48x40"}),
        ("a positive integer, or HEIGHT,WIDTH such as 48,40", {"image_size": "1,2,3"}),
        (
            "a positive integer",
            {"batch_size": 0, "discriminator_steps": 0, "penalty_interval": 0}
            | {"steps": 0, "checkpoint_every": 0, "dense_units": 0},
        ),
        (
            "a positive number",
            {"generator_learning_rate": -0.1, "discriminator_learning_rate": 0.0}
            | {"discriminator_initializer_range": 0.0, "discriminator_weight": float("nan")}
            | {"epsilon": 0.0},
        ),
        ("a number of at least 0", {"weight_clip": -1.0, "r1": float("nan")}),
        ("a number in [0, 1)", {"ema_decay": 1.0, "beta_1": 1.0, "beta_2": float("nan")}),
        ("a number in [0, 0.5)", {"label_smoothing": 0.5}),
        (choices.SEED.words, {"seed": -1}),
        (choices.SEED.words, {"seed": 2**32}),
    ],
)
def test_values_that_an_option_cannot_have(expected, values):
    for name, value in values.items():
        sentence = re.escape(f"--{name}={value}: expected {expected}.")
        with pytest.raises(ValueError, match=f"^{sentence}$"):
            resolve(None, {name: value})


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"steps": 3, "epochs": 3}, r"--epochs=3 and --steps=3: give one"),
        ({"steps": 5, "steps_per_execution": 2}, r"--steps=5: expected a multiple of .*=2"),
        (
            {"loss": "hinge", "label_smoothing": 0.1},
            r"--label_smoothing=0\.1: --loss=hinge has no such option; minimax, .* have it",
        ),
        ({"loss": "hinge", "discriminator_weight": 0.5}, r"=0\.5: --loss=hinge has no such option"),
        (
            {"gradient_penalty": 10.0, "weight_clip": 0.01},
            r"--weight_clip=0\.01: expected none beside --gradient_penalty=10\.0",
        ),
        ({"packing": 3, "batch_size": 64}, r"--packing=3: expected a divisor of --batch_size=64"),
        (
            {"network": "dcgan", "dropout": True},
            r"--dropout=True: --network=dcgan has no such option; mlp, maxout have it",
        ),
    ],
)
def test_options_that_do_not_fit_each_other(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        resolve(None, options)


@pytest.mark.parametrize(
    ("preset", "given", "sentence"),
    [
        (
            "mnist_mlp",
            {"optimizer": "sgd_2014", "beta_1": 0.9},
            "--beta_1=0.9: --optimizer=sgd_2014 has no such option; adam has it.",
        ),
        (
            "goodfellow2014_mnist",
            {"beta_2": 0.9},
            "--beta_2=0.9: --optimizer=sgd_2014 has no such option; adam has it.",
        ),
        (
            None,
            {"optimizer": "sgd_2014", "epsilon": 1e-3},
            "--epsilon=0.001: --optimizer=sgd_2014 has no such option; adam has it.",
        ),
        (
            "mnist_mlp",
            {"r1": 0.0, "r2": 0.0, "penalty_interval": 4},
            "--penalty_interval=4: expected --r1, --r2 or --gradient_penalty beside it, the "
            "penalties that it is for.",
        ),
        (
            None,
            {"upsampling": "resize"},
            "--upsampling=resize: --network=mlp has no such option; dcgan, unet, resnet have it.",
        ),
        (
            None,
            {"network": "resnet", "upsampling": "resize"},
            "--upsampling=resize: expected --condition or --variant=cyclegan beside "
            "--network=resnet, which has no such option where it makes images of latents.",
        ),
    ],
)
def test_what_has_no_effect_is_refused_where_it_is_given(preset, given, sentence):
    """A preset may hold it, so that another flag can take its effect away."""
    config = resolve(preset, given)
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        check_effects(config, given)
    check_effects(config, {"optimizer"})


@pytest.mark.parametrize(
    ("preset", "given"),
    [
        ("mnist_mlp", {"penalty_interval": 8}),
        (None, {"gradient_penalty": 10.0, "penalty_interval": 8}),
        (None, {"network": "resnet", "condition": "edges", "upsampling": "resize"}),
        ("digits_cyclegan", {"network": "resnet", "upsampling": "resize"}),
        ("mnist_dcgan", {"upsampling": "resize", "epsilon": 1e-3}),
        (None, {"upsampling": "transposed", "penalty_interval": 1}),
    ],
)
def test_what_has_an_effect_is_not(preset, given):
    check_effects(resolve(preset, given), given)


@pytest.mark.parametrize(
    ("typed", "recorded", "size"),
    [("48", 48, 48), (48, 48, 48), ("48,40", "48,40", (48, 40)), (None, None, None)],
)
def test_sizes_of_images(typed, recorded, size):
    """One number is recorded as ever, so that earlier runs go on."""
    config = resolve(None, {"image_size": typed})
    assert (config.options()["image_size"], config.size) == (recorded, size)


def test_unknown_preset_lists_the_known():
    with pytest.raises(ValueError, match=r"--preset=best: expected one of digits_mlp, "):
        resolve("best", {})


# Runs


@pytest.mark.slow
def test_a_run_leaves_what_the_run_directory_promises(data_dir, tmp_path):
    run = tmp_path / "run"
    train(small(sample_every=4, discriminator_steps=2), run, data_dir)
    record = json.loads((run / "config.json").read_text())
    assert record["options"] == small(sample_every=4, discriminator_steps=2).options()
    assert record["versions"]["keras"] == keras.__version__
    assert record["data"]["image_shape"] == [8, 8, 1]
    assert record["value_range"] == [-1.0, 1.0]
    prior = keras.saving.deserialize_keras_object(record["prior"])
    assert isinstance(prior, kgan.priors.Uniform)
    assert prior.dim == 4
    assert sorted(p.name for p in (run / "samples").iterdir()) == [
        "step_00000004.png",
        "step_00000006.png",
    ]
    assert matplotlib.image.imread(run / "samples" / "step_00000006.png").shape[:2] == (484, 484)
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert lines[-1]["step"] == 6
    generator = keras.models.load_model(run / "generator.keras")
    discriminator = keras.models.load_model(run / "discriminator.keras")
    assert discriminator(generator(prior.sample(3, 0))).shape == (3, 1)
    hidden = [path.name for path in run.rglob(".*")]
    assert not hidden


def test_epochs_are_passes_over_the_data(data_dir, tmp_path):
    train(Config(width=8, latent_dim=4, batch_size=100, epochs=2), tmp_path / "run", data_dir)
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [14, 28]  # 1,437 images


@pytest.mark.slow
def test_steps_end_inside_an_epoch_and_keep_to_executions(data_dir, tmp_path):
    train(small(steps=32, steps_per_execution=4), tmp_path / "run", data_dir)
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [20, 32]  # of 22 steps, 20 are whole


@pytest.mark.slow
def test_the_generator_starts_at_the_pixel_means(data_dir, tmp_path):
    """After one step of a tiny learning rate the mean sample is near the mean image."""
    options = {"steps": 1, "generator_learning_rate": 1e-12, "batch_size": 1437}
    train(small(**options), tmp_path / "run", data_dir)
    generator = keras.models.load_model(tmp_path / "run" / "generator.keras")
    mean = kgan.data.mean_image(kgan.data.load("digits", batch_size=1437, data_dir=data_dir))
    at_origin = generator.to_range(generator.output_layer.bias).numpy().reshape(8, 8, 1)
    np.testing.assert_allclose(at_origin, mean, rtol=0, atol=3e-4)  # clipped at 1e-4 of the range


@pytest.mark.slow
def test_pixels_from_0_to_1(data_dir, tmp_path):
    """Data and samples alike, and so what is saved and drawn."""
    train(small(value_range="0,1", steps=1), tmp_path / "run", data_dir)
    generator = keras.models.load_model(tmp_path / "run" / "generator.keras")
    assert generator.value_range == (0.0, 1.0)
    samples = generator(kgan.priors.Uniform(4).sample(50, 0)).numpy()
    assert 0 <= samples.min() < 0.1
    assert 0.9 < samples.max() <= 1
    images = kgan.data.load("digits", batch_size=64, data_dir=data_dir, value_range=(0, 1))
    mean = kgan.data.mean_image(images)
    bias = generator.to_range(generator.output_layer.bias).numpy().reshape(8, 8, 1)
    np.testing.assert_allclose(bias, mean, rtol=0, atol=1e-3)  # one step of Adam at 2e-4


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {"network": "maxout", "optimizer": "sgd_2014", "discriminator_weight": 0.5},
        {"network": "dcgan", "conditional": True, "packing": 2, "upsampling": "resize"},
        {"network": "resnet", "loss": "relativistic_paired", "r1": 1.0, "penalty_interval": 2},
        {"network": "sngan", "loss": "hinge", "diffaugment": True, "width": 4},
        {"loss": "minimax", "label_smoothing": 0.1, "weight_clip": 0.01},
    ],
    ids=str,
)
def test_networks_and_losses_train(options, data_dir, tmp_path):
    train(small(**options), tmp_path / "run", data_dir)
    line = json.loads((tmp_path / "run" / "metrics.jsonl").read_text())
    assert all(np.isfinite(value) for value in line.values())


def test_options_reach_the_game(data_dir):
    """Each is seen in the game that the configuration makes."""
    images = kgan.data.load("digits", batch_size=16, data_dir=data_dir, with_labels=True)
    options = {
        **{"conditional": True, "packing": 2, "diffaugment": True, "ema_decay": 0.9},
        **{"discriminator_weight": 0.5, "label_smoothing": 0.1, "r1": 1.0, "r2": 2.0},
        **{"penalty_interval": 3, "weight_clip": 0.02, "beta_1": 0.1, "beta_2": 0.8, "width": 6},
        **{"epsilon": 1e-3},
    }
    gan = make_gan(small(**options), images, 10)
    assert gan.num_classes == gan.discriminator.num_classes == 10
    assert (gan.packing, gan.discriminator.image_shape) == (2, (8, 8, 2))
    assert isinstance(gan.augmentation, kgan.augmentation.DiffAugment)
    assert gan.ema.decay == 0.9
    assert (gan.loss.discriminator_weight, gan.loss.label_smoothing) == (0.5, 0.1)
    assert [penalty.gamma for penalty in gan.penalties] == [1.0, 2.0]
    assert gan.penalty_interval == 3
    assert gan.discriminator.weight_constraint.limit == 0.02
    for adam in (gan.generator_optimizer, gan.discriminator_optimizer):
        assert (adam.beta_1, adam.beta_2, adam.epsilon) == (0.1, 0.8, 1e-3)
    assert gan.generator.units == (6, 6)
    dense = untrained_gan(small(network="dcgan", dense_units=5), (8, 8, 1), None)
    assert dense.generator.dense_units == dense.discriminator.dense_units == 5


@pytest.mark.parametrize(
    ("options", "dropout", "starts"),
    [
        ({"network": "mlp"}, (0.0, 0.0), (None, None)),
        ({"network": "maxout"}, (0.2, 0.5), (0.05, 0.005)),
        ({"network": "mlp", "dropout": True}, (0.2, 0.5), (None, None)),
        ({"network": "mlp", "discriminator_initializer_range": 0.01}, (0.0, 0.0), (None, 0.01)),
        (
            {"network": "maxout", "dropout": False, "discriminator_initializer_range": 0.02},
            (0.0, 0.0),
            (0.05, 0.02),
        ),
    ],
    ids=str,
)
def test_dropout_and_initial_weights_of_dense_networks(options, dropout, starts, data_dir):
    images = kgan.data.load("digits", batch_size=16, data_dir=data_dir)
    gan = make_gan(small(**{"width": 64, **options}), images, None)
    assert (gan.discriminator.input_dropout, gan.discriminator.hidden_dropout) == dropout
    for network, start in zip((gan.generator, gan.discriminator), starts, strict=True):
        kernels = [w for w in network.trainable_variables if w.path.endswith("kernel")]
        largest = max(np.abs(kernel).max() for kernel in kernels)
        assert 0.98 * start < largest <= start if start else largest > 0.1


def test_the_optimizer_of_2014_against_its_recurrence():
    """v = mu v - lr g; lr falls by 1.000004 an update, mu rises from 0.5 to 0.7 in `rise`."""
    weight = keras.Variable(np.float32([1.0, -2.0]))
    optimizer = RisingMomentum(0.1, rise=4)
    x, v = np.array([1.0, -2.0]), np.zeros(2)
    for t in range(8):
        gradient = np.array([0.3, -0.1]) * (t + 1)
        optimizer.apply([gradient.astype("float32")], [weight])
        v = (0.5 + 0.2 * min(1, t / 4)) * v - 0.1 / 1.000004**t * gradient
        x = x + v
        np.testing.assert_allclose(weight, x, rtol=1e-5)
    schedule = optimizer._learning_rate
    assert float(schedule(250_000)) == pytest.approx(0.1 * np.exp(-250_000 * np.log1p(4e-6)), 1e-5)


@pytest.mark.parametrize(("density", "dim"), [("gaussian", 1), ("ring", 2)])
def test_densities_train(density, dim, tmp_path):
    train(small(dataset=density), tmp_path / "run")
    generator = keras.models.load_model(tmp_path / "run" / "generator.keras")
    assert generator.image_shape == (dim,)
    assert generator.value_range is None
    assert (tmp_path / "run" / "samples" / "step_00000006.png").exists()


def test_the_same_command_gives_the_same_weights(finished, data_dir, tmp_path):
    train(small(), tmp_path / "again", data_dir)
    runs = (finished, tmp_path / "again")
    a, b = (keras.models.load_model(run / "generator.keras") for run in runs)
    for one, other in zip(a.get_weights(), b.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_finished_run_is_left_alone(run, data_dir, capsys):
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    train(small(), run, data_dir)
    assert "nothing is left to do" in capsys.readouterr().out
    assert before == {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}


def test_a_run_that_lacks_its_networks_is_completed(run, data_dir, capsys):
    """As one that was killed between its last checkpoint and the networks."""
    metrics = (run / "metrics.jsonl").read_text()
    generator = keras.models.load_model(run / "generator.keras").get_weights()
    for name in ("generator.keras", "discriminator.keras", "samples/step_00000006.png"):
        (run / name).unlink()
    train(small(), run, data_dir)
    assert "holds an unfinished run of this configuration; resuming it" in capsys.readouterr().out
    assert (run / "metrics.jsonl").read_text() == metrics
    assert (run / "samples" / "step_00000006.png").exists()
    again = keras.models.load_model(run / "generator.keras").get_weights()
    for one, other in zip(generator, again, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.fixture(scope="module")
def never_ended(data_dir, tmp_path_factory):
    """A function that trains without a pause, once for each length."""

    @functools.cache
    def run(**options):
        directory = tmp_path_factory.mktemp("once") / "run"
        train(small(**options), directory, data_dir)
        return directory

    return run


@pytest.mark.slow
@pytest.mark.parametrize("sooner", [{"steps": 16}, {"steps": 26}, {"epochs": 1}])
def test_an_extended_run_is_as_if_it_had_never_ended(
    sooner, never_ended, data_dir, tmp_path, capsys
):
    """Epochs have 23 steps: the end was within the first, within the second, at the first's.

    The second run is as one that was killed before its networks were written.
    """
    every = {"checkpoint_every": 10, "ema_decay": 0.9, "network": "maxout"}  # which has dropout
    later = {**every, **({"steps": None, "epochs": 3} if "epochs" in sooner else {"steps": 60})}
    once, twice = never_ended(**later), tmp_path / "twice"
    train(small(**{**every, "steps": None, **sooner}), twice, data_dir)
    (twice / "evaluation.json").write_text("{}")
    if sooner == {"steps": 26}:
        (twice / "generator.keras").unlink()
    capsys.readouterr()
    train(small(**later), twice, data_dir)
    assert "networks and evaluations of the earlier end are removed" in capsys.readouterr().out
    assert not (twice / "evaluation.json").exists()
    lines = [
        [
            {k: v for k, v in json.loads(line).items() if k not in ("time", "images_per_second")}
            for line in (run / "metrics.jsonl").read_text().splitlines()
        ]
        for run in (once, twice)
    ]
    assert lines[0] == lines[1]
    for name in ("generator.keras", "discriminator.keras"):
        one, other = (keras.models.load_model(run / name).get_weights() for run in (once, twice))
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)
    assert RunDirectory(twice).read_config() == RunDirectory(once).read_config()
    train(small(**later), twice, data_dir)
    assert "nothing is left to do" in capsys.readouterr().out


def test_a_run_does_not_end_before_its_newest_checkpoint(run, data_dir):
    with pytest.raises(ValueError, match=r"--steps=5: the run in .* has trained for 6 steps, .*=6"):
        train(small(steps=5), run, data_dir)
    with pytest.raises(ValueError, match="--steps=5: "):
        check_run(RunDirectory(run), small(steps=5))  # all that a dry run does
    assert (run / "generator.keras").exists()


@pytest.mark.slow
@pytest.mark.parametrize("asked", [{"epochs": 3, "steps": None}, {"steps": 60}])
def test_a_run_ends_sooner_where_it_was_stopped_and_later_goes_on(
    asked, never_ended, data_dir, tmp_path, capsys
):
    """Its checkpoint lies within the second epoch of 22 steps; nothing is trained beyond it."""
    every = {"checkpoint_every": 10, "ema_decay": 0.9, "network": "maxout"}
    once, run = never_ended(**every, steps=60), RunDirectory(tmp_path / "run")
    stop_after(30, small(**{**every, **asked}), run.path, data_dir)
    assert not run.generator.exists()
    train(small(**every, steps=30), run.path, data_dir)
    assert "The run now ends after 30 steps" in capsys.readouterr().out
    assert (run.samples / "step_00000030.png").exists()
    assert run.read_config()["options"] == small(**every, steps=30).options()
    ended = kgan.load_run(run.path)
    assert ended.step == 30
    expected = (kgan.inference.load(run.path).sample(5) * 2) - 1
    np.testing.assert_allclose(ended.sample(5), expected, atol=1e-5)
    train(small(**every, steps=60), run.path, data_dir)
    one, other = (
        keras.models.load_model(path / "generator.keras").get_weights() for path in (once, run.path)
    )
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


def test_another_configuration_is_refused_with_the_difference(run, data_dir):
    with pytest.raises(
        ValueError, match=r"another configuration: batch_size 64 -> 32; seed 0 -> 1"
    ):
        train(small(batch_size=32, seed=1), run, data_dir)


def test_an_image_size_that_the_network_cannot_make(data_dir, tmp_path):
    with pytest.raises(
        ValueError, match=r"`image_shape`: convolutional networks .* received \(50, 50, 1\)"
    ):
        train(small(network="dcgan", image_size=50), tmp_path / "run", data_dir)
    assert not (tmp_path / "run").exists()


def test_more_steps_an_execution_than_an_epoch_has(data_dir, tmp_path):
    with pytest.raises(
        ValueError, match=r"--steps_per_execution=50: expected at most the 22 steps"
    ):
        train(small(steps=100, steps_per_execution=50), tmp_path / "run", data_dir)
    assert not (tmp_path / "run").exists()


# The program, as a user starts it


def test_help_is_immediate_and_whole():
    begin = time.perf_counter()
    done = program("--help", python=[sys.executable])
    elapsed = time.perf_counter() - begin
    assert "Algorithm 1" in done.stdout
    for name in (*Config(steps=1).options(), "run_dir", "data_dir", "preset", "dry_run"):
        assert f"{name}:" in done.stdout, name
    assert "--beta_1: Adam beta_1 (for --optimizer=adam; default 0.5)" in done.stdout
    # Not a measurement: importing TensorFlow alone takes longer than this.
    assert elapsed < 2.5


@pytest.mark.slow
def test_the_program_trains(data_dir, tmp_path):
    run = tmp_path / "run"
    done = program(
        "--preset=digits_mlp",
        f"--data_dir={data_dir}",
        f"--run_dir={run}",
        "--steps=3",
        "--width=8",
        python=[sys.executable],  # what TensorFlow says when it is imported counts as well
    )
    assert done.returncode == 0, done.stderr
    assert json.loads((run / "config.json").read_text())["options"]["steps"] == 3
    assert f"Generator: {run / 'generator.keras'}" in done.stdout
    assert "3/3" in done.stderr
    for noise in ("oneDNN", "cuda", "WARNING", "I0000", "E0000", "Traceback"):
        assert noise not in done.stderr


def test_a_dry_run_resolves_and_writes_nothing(tmp_path):
    done = program("--preset=mnist_dcgan", f"--run_dir={tmp_path / 'run'}", "--seed=9", "--dry_run")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == resolve("mnist_dcgan", {"seed": 9}).options()
    assert not (tmp_path / "run").exists()


def test_flags_without_effect_are_refused_but_of_a_run_that_began_with_them(tmp_path):
    given = {"optimizer": "sgd_2014", "beta_1": 0.9, "steps": 3}
    words = [f"--run_dir={tmp_path / 'run'}", *(f"--{name}={x}" for name, x in given.items())]
    done = program(*words, "--dry_run")
    assert (done.returncode, done.stdout) == (1, "")
    assert "kgan-train: --beta_1=0.9: --optimizer=sgd_2014 has no such option;" in done.stderr
    options = resolve(None, given).options()
    RunDirectory(tmp_path / "run").create(options, versions={}, commit=None)
    for own in (words, words[:1]):
        done = program(*own, "--dry_run")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout) == options


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--steps=3"], "kgan-train: --run_dir is required"),
        (["--run_dir=R", "--preset=nope"], "kgan-train: --preset=nope: expected one of digits_mlp"),
        (["--run_dir=R", "--batch_size=0"], "kgan-train: --batch_size=0: expected a positive"),
        (["--run_dir=R", "--batch_size=x"], "flag --batch_size=x: invalid literal for int"),
        (["--run_dir=R", "--colour=red"], "Unknown command line flag 'colour'"),
        (["--run_dir=R", "stray"], "kgan-train: unexpected argument 'stray'"),
        (["--run_dir=R", "--dataset=mnits"], "mnist"),
        (["--run_dir=FILE"], "FILE is a file"),
    ],
)
def test_a_mistake_gets_one_sentence_and_exit_code_1(arguments, sentence, tmp_path):
    (tmp_path / "FILE").write_text("")
    places = {
        "--run_dir=R": f"--run_dir={tmp_path / 'R'}",
        "--run_dir=FILE": f"--run_dir={tmp_path / 'FILE'}",
    }
    done = program(*[places.get(a, a) for a in arguments], f"--data_dir={tmp_path / 'data'}")
    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "R").exists()
    assert (tmp_path / "FILE").read_text() == ""


def test_verbosity_adds_the_traceback():
    done = program("--steps=3", "--verbosity=1")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "--run_dir is required" in done.stderr
