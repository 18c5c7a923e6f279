"""What can befall a training program: what it says of each fault, and that the run goes on."""

import contextlib
import errno
import os
import re
import shutil
import signal
import subprocess
import threading
import time

import keras
import pytest
import requests
import tensorflow as tf
import tensorflow_datasets as tfds
import tfds_data
import warm

import kgan
from benchmarks import kill
from kgan import callbacks, checkpoint
from kgan.artifacts import RunDirectory
from kgan.checkpoint import Checkpoints
from kgan.data import loaders, table
from kgan_cli.signals import interrupt_on_signals, stopping_on_signals
from train import card
from train import run as run_module
from train.config import Config
from train.records import check_run, recorded_config
from train.run import train


def small(**options):
    """12 steps of 11 an epoch, a checkpoint after every second and a picture after every fourth."""
    return Config(
        **{
            **{"width": 4, "latent_dim": 4, "batch_size": 64, "discriminator_steps": 2},
            **{"ema_decay": 0.9, "steps": 12, "checkpoint_every": 2, "sample_every": 4},
            **options,
        }
    )


@pytest.fixture(scope="module")
def alone(data_dir, tmp_path_factory):
    """What a run leaves that nothing befell."""
    run = tmp_path_factory.mktemp("runs") / "alone"
    train(small(), run, data_dir)
    return kill.state(run)


class BefallenError(Exception):
    """A fault of which the program knows nothing, such as a bug."""


def befalls(monkeypatch, step, what):
    """Lets something happen when the picture of a step is due."""
    draw = callbacks.SampleGrid.draw

    def drawn(self):
        if self.step == step:
            what(self)
        draw(self)

    monkeypatch.setattr(callbacks.SampleGrid, "draw", drawn)


def fails(error):
    def fail(*arguments, **options):
        raise error

    return fail


def break_off(run, data_dir, monkeypatch, step=8):
    """Leaves a run as one that broke off at a step, before its checkpoint."""
    with monkeypatch.context() as patch:
        befalls(patch, step, fails(BefallenError()))
        with pytest.raises(BefallenError):
            train(small(), run, data_dir)


@pytest.fixture(scope="module")
def broken_off(data_dir, tmp_path_factory):
    """A run that broke off, to be copied."""
    run = tmp_path_factory.mktemp("runs") / "broken_off"
    with pytest.MonkeyPatch.context() as patch:
        break_off(run, data_dir, patch)
    return run


def repeat(original, run, data_dir):
    """The program, as `small` trains."""
    words = [*warm.python(), "-m", "train", f"--reproduce={original}"]
    words += [f"--run_dir={run}", f"--data_dir={data_dir}"]
    return subprocess.run(words, capture_output=True, text=True, timeout=300)


def saved(run):
    return {path.name: path.read_bytes() for path in Checkpoints(run / "checkpoints").paths()}


def steps_of(run):
    return [int(name[5:13]) for name in saved(run)]


# SIGKILL


@pytest.mark.slow
@pytest.mark.parametrize(
    ("network", "kills"), [pytest.param("dcgan", 4, marks=pytest.mark.long), ("maxout", 2)]
)
def test_a_run_that_was_killed_ends_as_one_that_was_not(network, kills, data_dir, tmp_path):
    """With batch normalization (dcgan), dropout (maxout), k = 2 and an EMA."""
    hits, differences = kill.killed_again_and_again(
        tmp_path, data_dir, network, kills, seed=kills, start=3.0, python=warm.python()
    )
    assert differences == []
    assert sum(hits.values()) == kills
    assert hits["end"] == 0
    assert hits["checkpoint"] > 0, "one must have died while a checkpoint was half-written"


@pytest.mark.slow
def test_the_comparison_tells_runs_apart(alone, data_dir, tmp_path):
    train(small(seed=1), tmp_path / "run", data_dir)
    other = kill.state(tmp_path / "run")
    assert alone.keys() == other.keys()
    assert {"checkpoint", "generator", "metrics", "options", "step_00000012.png"} <= alone.keys()
    assert all(alone[key] != other[key] for key in alone)


# Signals


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_saves_and_ends_with_130(number, data_dir, tmp_path):
    run = tmp_path / "run"
    words = kill.command(run, data_dir, "maxout", steps=100_000, python=warm.python())
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as p:
        while kill.newest_step(RunDirectory(run)) < 10:
            time.sleep(0.01)
            assert p.poll() is None
        if number == signal.SIGTERM:
            second = subprocess.run(words, capture_output=True, text=True, timeout=300)
            assert second.returncode == 1
            sentence = rf"kgan-train: Another process \(process (\d+)\) is at work in {run}"
            named = int(re.search(sentence, second.stderr)[1])
            os.kill(named, 0)  # it exists
        p.send_signal(number)
        begin = time.monotonic()
        said = p.communicate(timeout=60)[1]
        elapsed = time.monotonic() - begin
        if number == signal.SIGTERM:
            with pytest.raises(ProcessLookupError):
                os.kill(named, 0)
    assert p.returncode == 130
    assert elapsed < 30  # not a measurement: other tests may be at work
    last = said.splitlines()[-1]
    step = steps_of(run)[-1]
    assert last == (
        f"kgan-train: Stopped after step {step}, which is saved; the same training goes on there."
    )
    assert "Traceback" not in said
    assert not list(run.rglob(".*")), "neither a lock nor half a file is left"


def test_a_second_signal_ends_at_once():
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    stops = []
    for first, second in (
        *((signal.SIGTERM, signal.SIGTERM), (signal.SIGINT, signal.SIGTERM)),
        *((signal.SIGHUP, signal.SIGHUP), (signal.SIGHUP, signal.SIGINT)),
    ):
        interrupt_on_signals()  # as the program does
        try:
            with pytest.raises(KeyboardInterrupt), stopping_on_signals(lambda: stops.append(1)):  # noqa: PT012
                signal.raise_signal(first)
                assert len(stops) == 1, "the first one asks for a stop"
                signal.raise_signal(second)
                pytest.fail("the second one does not wait")
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        stops.clear()


def test_under_nohup_a_hangup_stays_ignored():
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        interrupt_on_signals()
        with stopping_on_signals(lambda: pytest.fail("a hangup stopped it")):
            signal.raise_signal(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_signals_are_left_alone_outside_of_the_main_thread():
    before = signal.getsignal(signal.SIGTERM)

    def enter():
        with stopping_on_signals(pytest.fail):
            assert signal.getsignal(signal.SIGTERM) is before

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()


# The run directory


@pytest.mark.slow
def test_a_run_that_broke_off_goes_on(alone, broken_off, data_dir, tmp_path, capsys):
    run = tmp_path / "run"
    shutil.copytree(broken_off, run)
    assert steps_of(run) == [2, 4, 6]
    assert not list(run.rglob(".*"))
    train(small(), run, data_dir)
    assert "resuming it" in capsys.readouterr().out
    assert kill.state(run) == alone


def test_a_directory_in_use_is_refused(data_dir, tmp_path):
    run = RunDirectory(tmp_path / "run")
    with (
        run.lock(),
        pytest.raises(BlockingIOError, match=r"Another process .* is at work in .*run"),
    ):
        train(small(), run.path, data_dir)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["removed", "in use again"])
def test_a_directory_removed_under_a_training_ends_it(how, data_dir, tmp_path, monkeypatch):
    """With a picture, a line of metrics and a checkpoint due after it."""
    run = RunDirectory(tmp_path / "run")
    later = RunDirectory(run.path)
    locks = contextlib.ExitStack()

    def replaced(watcher):
        shutil.rmtree(run.path)
        if how == "in use again":
            locks.enter_context(later.lock())
            later.create({"seed": 1})
            later.append_metrics({"step": 1})

    monkeypatch.setattr(
        callbacks.GradientNorms,
        "on_train_batch_end",
        lambda self, batch, logs: replaced(self) if self.model.step == 7 else None,
    )
    with pytest.raises(
        RuntimeError,
        match=r"^The run directory .*run was removed, renamed or replaced while this training was "
        r"at work in it\. The training ends and writes nothing more there\.$",
    ):
        train(small(), run.path, data_dir)
    if how == "removed":
        assert not run.path.exists()
        return
    files = sorted(path.name for path in run.path.rglob("*"))
    assert files == [".lock", "config.json", "metrics.jsonl"]
    assert len(later.metrics.read_text().splitlines()) == 1
    later.check_lock()
    locks.close()


@pytest.mark.slow
def test_a_missing_config_is_written_again_for_the_same_command(
    alone, broken_off, data_dir, tmp_path, capsys
):
    run = RunDirectory(tmp_path / "run")
    shutil.copytree(broken_off, run.path)
    before = run.read_config()
    run.config.unlink()
    files = saved(run.path)
    with pytest.raises(ValueError, match=r"another configuration: generator_learning_rate .*seed"):
        train(small(seed=1, generator_learning_rate=0.1), run.path, data_dir)
    assert (saved(run.path), run.config.exists()) == (files, False)
    capsys.readouterr()
    train(small(), run.path, data_dir)
    assert "config.json was missing; it is written again from the newest" in capsys.readouterr().out
    assert kill.state(run.path) == alone
    after = run.read_config()
    assert {**after, "commit": None} == {**before, "commit": None}
    # And where the run is finished.
    run.config.unlink()
    train(small(), run.path, data_dir)
    assert "nothing is left to do" in capsys.readouterr().out
    assert run.read_config() == after
    with pytest.raises(ValueError, match=r"--steps=11: the run in .* has trained for 12 steps"):
        train(small(steps=11), run.path, data_dir)
    check_run(run, small(steps=13))


def test_other_data_are_refused_without_a_config_too(broken_off, data_dir, tmp_path, monkeypatch):
    run = RunDirectory(tmp_path / "run")
    shutil.copytree(broken_off, run.path)
    run.config.unlink()
    monkeypatch.setattr(table, "digest", lambda parts: "another")
    with pytest.raises(ValueError, match="The data are not those that the run in"):
        train(small(), run.path, data_dir)


def test_files_without_a_record_are_refused(data_dir, tmp_path, monkeypatch):
    """As of versions of kgan whose checkpoints carry none."""
    run = RunDirectory(tmp_path / "run")
    train(small(steps=2), run.path, data_dir)
    run.config.unlink()
    path = Checkpoints(run.checkpoints).paths()[0]
    arrays, place = checkpoint.read(path)
    del place["run"]
    monkeypatch.setattr(checkpoint, "variables", lambda model: arrays)
    for array in arrays:
        arrays[array] = keras.ops.convert_to_tensor(arrays[array])
    checkpoint.write(path, None, place)
    refused = r"holds .*generator\.keras.* of an earlier training, but no config\.json, and nothing"
    with pytest.raises(ValueError, match=refused):
        check_run(run, small(steps=2))
    shutil.rmtree(run.checkpoints)
    with pytest.raises(ValueError, match=refused):
        train(small(steps=2), run.path, data_dir)


def test_the_config_of_another_run_is_refused(broken_off, data_dir, tmp_path, monkeypatch):
    run = RunDirectory(tmp_path / "run")
    shutil.copytree(broken_off, run.path)
    before = saved(run.path)
    record = run.read_config()
    for change, named in (
        ({"options": small(seed=3).options()}, "seed 0 -> 3"),
        ({"data": {**record["data"], "num_classes": 4}}, "data .* -> "),
    ):
        run.write_config({**record, **change})
        monkeypatch.setattr(card, "_check_same", lambda known, card: None)
        config = Config(**{**record, **change}["options"])
        with pytest.raises(
            ValueError, match=rf"step_00000006\.npz is not of the run that .*config\.json .*{named}"
        ):
            train(config, run.path, data_dir)
    assert saved(run.path) == before


def test_a_run_that_another_process_ended_meanwhile_is_checked_again(
    data_dir, tmp_path, monkeypatch
):
    """Between the first look at the directory and the lock."""
    run = RunDirectory(tmp_path / "run")
    strategy = run_module.make_strategy

    def meanwhile(*arguments):
        run.create(small(seed=1).options())
        return strategy(*arguments)

    monkeypatch.setattr(run_module, "make_strategy", meanwhile)
    with pytest.raises(ValueError, match="another configuration: seed 1 -> 0"):
        train(small(), run.path, data_dir)


def test_a_finished_run_without_checkpoints_is_not_extended(data_dir, tmp_path, capsys):
    run = RunDirectory(tmp_path / "run")
    train(small(steps=2), run.path, data_dir)
    shutil.rmtree(run.checkpoints)
    with pytest.raises(ValueError, match="has no checkpoint left to go on from"):
        train(small(steps=4), run.path, data_dir)
    assert run.generator.exists()
    train(small(steps=2), run.path, data_dir)
    assert "nothing is left to do" in capsys.readouterr().out


@pytest.mark.slow
def test_a_damaged_generator_is_no_finished_run(data_dir, tmp_path, capsys):
    run = RunDirectory(tmp_path / "run")
    train(small(steps=2), run.path, data_dir)
    run.generator.write_bytes(run.generator.read_bytes()[:1000])
    train(small(steps=2), run.path, data_dir)
    assert "generator.keras is damaged; the run is completed again." in capsys.readouterr().out
    keras.saving.load_model(run.generator)


@pytest.mark.parametrize("error", ["TensorFlow", "Python"])
def test_networks_that_do_not_fit_into_memory(error, data_dir, tmp_path, monkeypatch):
    place = "/job:localhost/replica:0/task:0/device:CPU:0"
    text = (
        f"{{{{function_node __wrapped__StatelessTruncatedNormalV2_device_{place}}}}} OOM when "
        f"allocating tensor with shape[200000,200000] and type float on {place} by allocator cpu "
        "[Op:StatelessTruncatedNormalV2]"
    )
    raised = tf.errors.ResourceExhaustedError(None, None, text)
    failing = fails(raised if error == "TensorFlow" else MemoryError())
    monkeypatch.setattr(run_module, "make_gan", failing)
    reason = (
        r"OOM when allocating tensor with shape\[200000,200000\] and type float by allocator cpu"
        if error == "TensorFlow"
        else "MemoryError"
    )
    with pytest.raises(
        MemoryError,
        match=rf"^The networks and their training do not fit into memory \({reason}\)\. Give a "
        r"smaller --width than 200000, or a smaller --batch_size\.$",
    ):
        train(small(width=200_000), tmp_path / "run", data_dir)
    assert not (tmp_path / "run").exists()


def test_a_record_of_other_types_or_fields_is_not_repeated(tmp_path):
    run = RunDirectory(tmp_path)
    options = small().options()
    run.create(options)
    assert recorded_config(run) == small()
    for name, value in (
        *(("seed", "0"), ("seed", 0.5), ("seed", True), ("dataset", 3), ("dataset", None)),
        *(("conditional", 1), ("beta_1", "0.5"), ("width", [4]), ("network", ["mlp"])),
    ):
        run.write_config({"options": {**options, name: value}})
        with pytest.raises(
            ValueError, match=rf"config\.json is damaged: its option '{name}' cannot"
        ):
            recorded_config(run)
    run.write_config({"options": {**options, "colour": "red"}})
    with pytest.raises(ValueError, match=r"another version of kgan, .* 'colour'\)\. Install"):
        recorded_config(run)
    del options["seed"]
    run.write_config({"options": {**options, "beta_1": 0}})
    with pytest.warns(UserWarning, match=r"not record every option; .* defaults: --seed=0\."):
        assert recorded_config(run).beta_1 == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "number"),
    [
        ((RunDirectory, "append_metrics"), errno.ENOSPC),
        ((RunDirectory, "append_metrics"), errno.EIO),
        ((RunDirectory, "forget_metrics"), errno.EIO),
        ((callbacks.SampleGrid, "draw"), errno.EROFS),
        ((keras.Model, "save"), errno.ENOSPC),
    ],
    ids=["metrics", "metrics-EIO", "reading", "pictures", "networks"],
)
def test_a_full_or_read_only_disk(place, number, alone, data_dir, tmp_path, monkeypatch):
    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(*place, fails(OSError(number, os.strerror(number))))
        with pytest.raises(
            OSError,
            match=rf"The run in .*run could not be written \(\[Errno \d+\] {os.strerror(number)}\)"
            r"\. Its checkpoints are intact: mend the cause and repeat the command to go on from ",
        ):
            train(small(), run, data_dir)
    train(small(), run, data_dir)
    assert kill.state(run) == alone


@pytest.mark.slow
def test_a_disk_without_room_for_a_checkpoint(alone, data_dir, tmp_path, monkeypatch):
    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        refuse = fails(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
        befalls(patch, 8, lambda watcher: patch.setattr(Checkpoints, "save", refuse))
        with pytest.raises(
            OSError, match=r"^A checkpoint could not be written to .*checkpoints \(No space left"
        ):
            train(small(), run, data_dir)
    assert steps_of(run) == [2, 4, 6]
    train(small(), run, data_dir)
    assert kill.state(run) == alone


# Checkpoints


@pytest.mark.slow
def test_a_damaged_checkpoint_is_named_and_the_one_before_taken(
    alone, broken_off, data_dir, tmp_path
):
    run = tmp_path / "run"
    shutil.copytree(broken_off, run)
    newest = Checkpoints(run / "checkpoints").paths()[-1]
    newest.write_bytes(newest.read_bytes()[:-1000])
    done = repeat(run, run, data_dir)
    assert done.returncode == 0, done.stderr
    assert (
        f"kgan-train: The checkpoint {newest} is damaged: its content does not fit its digest. "
        "Trying the one before.\n"
    ) in done.stderr
    assert kill.state(run) == alone


@pytest.mark.slow
def test_damaged_checkpoints_alone(broken_off, data_dir, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(broken_off, run)
    for path in Checkpoints(run / "checkpoints").paths():
        path.write_bytes(b"")
    with (
        pytest.warns(UserWarning, match="is damaged"),
        pytest.raises(
            ValueError, match=r"Every checkpoint in .* is damaged\. Remove the directory"
        ),
    ):
        train(small(), run, data_dir)


# Data


@pytest.mark.slow
def test_bundled_data_that_vanished_are_made_again(alone, data_dir, tmp_path, monkeypatch):
    own = tmp_path / "data"
    shutil.copytree(data_dir, own)
    break_off(tmp_path / "run", own, monkeypatch)
    shutil.rmtree(own)
    train(small(), tmp_path / "run", own)
    assert kill.state(tmp_path / "run") == alone


@pytest.mark.slow
def test_data_that_vanished(tmp_path, monkeypatch):
    """Of a data set that must be downloaded, with no network."""
    config = small(dataset="cifar10", batch_size=8, image_size=4)
    data_dir, run = tmp_path / "data", tmp_path / "run"
    tfds_data.describe_cifar10(data_dir)
    with tfds.testing.mock_data(num_examples=50, data_dir=str(data_dir)):
        with monkeypatch.context() as patch:
            befalls(patch, 8, fails(BefallenError()))
            with pytest.raises(BefallenError):
                train(config, run, data_dir)
        before = saved(run)
        data_dir.rename(tmp_path / "elsewhere")
        monkeypatch.setattr(requests, "get", fails(requests.ConnectionError("no network")))
        with pytest.raises(FileNotFoundError, match=r"'cifar10/\S+' is not in .*data and was not"):
            train(config, run, data_dir)
        assert saved(run) == before
        assert not list(run.rglob(".*"))
        (tmp_path / "elsewhere").rename(data_dir)
        train(config, run, data_dir)
    assert (run / "generator.keras").exists()


@pytest.mark.slow
def test_streamed_data_that_vanish_on_the_way(data_dir, tmp_path, monkeypatch):
    own = tmp_path / "data"
    shutil.copytree(data_dir, own)
    monkeypatch.setattr(loaders, "_MEMORY_BYTES", 0)
    with monkeypatch.context() as patch:
        befalls(patch, 8, lambda watcher: shutil.rmtree(own))
        with pytest.raises(
            FileNotFoundError,
            match=r"file digits-train\S+ is missing\. Copy .* The run in .*run stopped\. Its "
            r"checkpoints are intact: mend the cause and repeat the command to go on from there\.",
        ):
            train(small(), tmp_path / "run", own)
    assert steps_of(tmp_path / "run")[-1] >= 8
    train(small(), tmp_path / "run", own)
    assert (tmp_path / "run" / "generator.keras").exists()


def test_other_data_are_refused(broken_off, data_dir, tmp_path, monkeypatch):
    run = tmp_path / "run"
    shutil.copytree(broken_off, run)
    before = saved(run)
    monkeypatch.setattr(table, "digest", lambda parts: "another")
    refused = (
        r"The data are not those that the run in .*run was made of: .* -> .*'another'.*\. Bring"
    )
    with pytest.raises(ValueError, match=refused):
        train(small(), run, data_dir)
    assert saved(run) == before
    with pytest.raises(ValueError, match=refused):
        train(small(), tmp_path / "again", data_dir, original=run)
    assert not (tmp_path / "again").exists()


@pytest.mark.slow
def test_other_versions_are_said(alone, broken_off, data_dir, tmp_path, monkeypatch, capsys):
    run = tmp_path / "run"
    shutil.copytree(broken_off, run)
    versions = {**card._versions(), "keras": "9.9"}
    monkeypatch.setattr(card, "_versions", lambda: versions)
    monkeypatch.setattr(card, "_commit", lambda: "c0ffee")
    train(small(), run, data_dir)
    said = capsys.readouterr().out
    assert f"The run in {run} was made with something else than this one, which may" in said
    assert f"keras {keras.__version__} -> 9.9; commit " in said
    assert "-> c0ffee." in said
    assert "numpy" not in said
    assert kill.state(run) == alone


def test_the_commit_is_that_of_kgan_alone(tmp_path, monkeypatch):
    """Not that of a checkout which happens to hold the environment that kgan is installed in."""
    for words in (["init", "--quiet"], ["add", "file"]):
        (tmp_path / "file").write_text("")
        subprocess.run(["git", "-C", tmp_path, *words], check=True)
    own = ["-c", "user.name=n", "-c", "user.email=e", "commit", "--quiet", "--message=m"]
    subprocess.run(["git", "-C", tmp_path, *own], check=True)
    package = tmp_path / "site-packages" / "kgan"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    monkeypatch.setattr(kgan, "__file__", str(package / "__init__.py"))
    assert card._commit() is None
    subprocess.run(["git", "-C", tmp_path, "add", "site-packages"], check=True)
    head = ["git", "-C", tmp_path, "rev-parse", "HEAD"]
    commit = subprocess.run(head, capture_output=True, text=True, check=True).stdout.strip()
    assert card._commit() == f"{commit}-dirty"
    monkeypatch.setenv("PATH", "")
    assert card._commit() is None


# Numbers that are not finite


def spoil(watcher):
    weight = watcher.model.discriminator.trainable_variables[0]
    weight.assign(weight * float("nan"))


@pytest.mark.slow
def test_numbers_that_are_not_finite_stop_the_run(data_dir, tmp_path, monkeypatch):
    befalls(monkeypatch, 8, spoil)
    with pytest.raises(
        FloatingPointError,
        match=r"The discriminator's weights are no longer finite at step 8\. Not finite in the "
        r"discriminator: \S*kernel\.",
    ):
        train(small(), tmp_path / "run", data_dir)
    assert steps_of(tmp_path / "run") == [2, 4, 6]


@pytest.mark.slow
def test_a_run_that_rolls_back_draws_other_numbers(alone, data_dir, tmp_path, monkeypatch, capsys):
    run, times = tmp_path / "run", [1, 2]
    befalls(monkeypatch, 8, lambda watcher: spoil(watcher) if times and times.pop() else None)
    train(small(on_non_finite="rollback"), run, data_dir)
    said = capsys.readouterr().err
    assert "rolled back to step_00000006.npz and continues with other random numbers" in said
    assert "(rollback 1 of 3)" in said
    assert "(rollback 2 of 3)" in said
    state = kill.state(run)
    assert [line["step"] for line in state["metrics"]] == [11, 12]
    assert state["step_00000004.png"] == alone["step_00000004.png"]
    assert state["step_00000008.png"] != alone["step_00000008.png"]


@pytest.mark.slow
def test_a_run_that_always_goes_bad_ends(data_dir, tmp_path):
    """No chance helps against such a learning rate: squares of its gradients soon overflow."""
    words = [
        *kill.command(tmp_path / "run", data_dir, "maxout", 50, python=warm.python()),
        *("--loss=wasserstein", "--discriminator_learning_rate=2e4", "--on_non_finite=rollback"),
        "--checkpoint_every=1",
    ]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1
    assert done.stderr.count("\nNot all variables are finite at step ") == 3
    assert done.stderr.count("The run is rolled back to step_") == 3
    last = done.stderr.splitlines()[-1]
    assert re.match(
        r"kgan-train: Not all variables are finite at step \d+\. Not finite in the generator: ",
        last,
    )
    assert "Traceback" not in done.stderr


# Repeating


@pytest.mark.slow
def test_a_run_is_repeated(alone, data_dir, tmp_path):
    train(small(), tmp_path / "run", data_dir)
    done = repeat(tmp_path / "run", tmp_path / "again", data_dir)
    assert done.returncode == 0, done.stderr
    assert kill.state(tmp_path / "again") == alone


@pytest.mark.parametrize("option", ["--seed=3", "--preset=digits_mlp", "--steps=9"])
def test_nothing_is_changed_of_a_run_that_is_repeated(option, tmp_path):
    words = [*warm.python(), "-m", "train", "--reproduce=RUN", f"--run_dir={tmp_path}", option]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1
    assert done.stderr == (
        "kgan-train: --reproduce repeats a run with its own options: "
        f"{option} cannot be given beside it.\n"
    )
