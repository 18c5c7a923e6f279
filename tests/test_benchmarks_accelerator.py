"""The exported step plays the same game in JAX, and comes back as a run."""

import dataclasses
import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from benchmarks.accelerator.export import write_training
from benchmarks.accelerator.imported import import_training
from benchmarks.accelerator.rehearsal import prepare
from kgan.artifacts import RunDirectory
from kgan.checkpoint import Checkpoints
from kgan.data import loaders
from train.config import resolve
from train.run import train

pytest.importorskip("jax", reason="the runner needs JAX: pip install kgan[jax]")

RUN = pathlib.Path(__file__).resolve().parent.parent / "benchmarks/accelerator/run.py"

# One preset of each kind of network, objective and data, on images of 8 x 8 pixels.
SMALL = {"dataset": "digits", "batch_size": 8, "width": 16, "latent_dim": 4, "split": "train"}
FAMILIES = {
    "digits_mlp": {"steps": 11, "batch_size": 128},  # one epoch
    "digits_dcgan": {"steps": 10},
    "mnist_conditional": {"steps": 10},
    "mnist_wgan_gp": {"steps": 10, "discriminator_steps": 2},
    "mnist_r3gan": {"steps": 10},
    "goodfellow2014_mnist": {"steps": 10},
    "ring": {"steps": 100, "dataset": "ring"},
}
TRAINED = "digits_mlp"
CHECKED = {"mnist_conditional": 5}  # penalties at every fourth update


def run(*arguments):
    command = [sys.executable, str(RUN), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Every family, exported, run and timed; the first one trained for an epoch."""
    folder = tmp_path_factory.mktemp("accelerator")
    for preset, options in FAMILIES.items():
        config = resolve(preset, {**SMALL, **options})
        write_training(config, folder / preset, checked=CHECKED.get(preset, 2))
    run(
        *[folder / preset for preset in FAMILIES],
        f"--out={folder / 'result'}",
        f"--train={folder / TRAINED}",
        *("--train_seconds=0", "--seconds=0"),
    )
    return folder


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("preset", FAMILIES)
def test_the_step_has_the_logs_of_tensorflow(folder, preset):
    found = json.loads((folder / "result" / "run.json").read_text())["steps"][preset]
    found["difference"].pop("d_accuracy")  # a count, which rounding changes where D is undecided
    assert max(found["difference"].values()) < 1e-4, found
    assert found["gflop_a_step"] > 0


@pytest.mark.slow
@pytest.mark.long
def test_a_training_comes_back_as_a_run(folder, tmp_path):
    """It is the run that `kgan-train` would have made, but for rounding, and goes on as one."""
    import_training(folder / TRAINED, folder / "result", tmp_path / "run")
    steps = json.loads((folder / "result" / "training.json").read_text())["steps"]
    config = resolve(TRAINED, {**SMALL, **FAMILIES[TRAINED], "steps": steps})
    train(config, tmp_path / "here")
    arrays, expected = (
        Checkpoints(RunDirectory(tmp_path / name).checkpoints).newest()[1]
        for name in ("run", "here")
    )
    assert arrays.keys() == expected.keys()
    assert int(arrays["model/0"]) == steps
    for name, array in arrays.items():
        if not name.startswith("metrics"):  # the means over the epoch, which start anew
            np.testing.assert_allclose(array, expected[name], atol=1e-6, err_msg=name)
    longer = dataclasses.replace(config, steps=2 * steps)
    train(longer, tmp_path / "run")
    assert RunDirectory(tmp_path / "run").sample(2 * steps).exists()


@pytest.mark.slow
@pytest.mark.long
def test_a_rehearsal_runs_from_its_folder_alone(tmp_path):
    folder = tmp_path / "rehearsal"
    prepare(folder, ["mlp"], [(8, 8, 1)], [(4, "tf32")], checked=2)
    command = [sys.executable, "rehearse.py", f"--out={tmp_path / 'result'}"]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("2 of 2 steps compiled"), done.stdout
    found = json.loads((tmp_path / "result" / "run.json").read_text())["steps"]
    assert found.keys() == {"mlp-64-16x16x1-float32", "mlp-4-8x8x1-tf32"}
    assert max(found["mlp-64-16x16x1-float32"]["difference"].values()) < 1e-4


def test_a_run_is_not_written_over(tmp_path):
    config = resolve(TRAINED, {**SMALL, **FAMILIES[TRAINED], "steps": 10})
    (tmp_path / "step.json").write_text(json.dumps({"options": config.options(), "epoch": 10}))
    (tmp_path / "training.json").write_text('{"steps": 10}')
    np.savez(tmp_path / "state.npz")
    RunDirectory(tmp_path / "run").create(config.options())
    with pytest.raises(ValueError, match="holds a run already"):
        import_training(tmp_path, tmp_path, tmp_path / "run")


def test_data_that_are_streamed_are_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(loaders, "_MEMORY_BYTES", 0)
    with pytest.raises(ValueError, match="streamed from disk"):
        write_training(resolve(TRAINED, {**SMALL, "steps": 10}), tmp_path)
