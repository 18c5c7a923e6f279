"""The run directory: whole files or none, and refusals that say what to do next."""

import contextlib
import errno
import json
import os
import pathlib
import shutil
import tempfile
import time

import pytest

from kgan.artifacts import RunDirectory
from kgan.utils import directory_lock

OPTIONS = {"dataset": "digits", "batch_size": 100, "rate": 2e-4, "units": [12, 12], "preset": None}


@pytest.fixture
def run(tmp_path):
    return RunDirectory(tmp_path / "runs" / "first")


# Names


def test_names_are_those_of_the_contract(tmp_path):
    run = RunDirectory(tmp_path)
    names = ("config", "checkpoints", "samples", "logs", "metrics", "generator", "discriminator")
    assert [str(getattr(run, name).relative_to(tmp_path)) for name in names] == [
        "config.json",
        "checkpoints",
        "samples",
        "logs",
        "metrics.jsonl",
        "generator.keras",
        "discriminator.keras",
    ]
    assert run.sample(1234).relative_to(tmp_path).as_posix() == "samples/step_00001234.png"
    # Names sort as steps do.
    assert sorted([run.sample(10_000), run.sample(9)]) == [run.sample(9), run.sample(10_000)]


def test_home_is_expanded_and_nothing_is_made(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    run = RunDirectory("~/runs")
    assert run.config == tmp_path / "runs" / "config.json"
    assert not run.path.exists()


# Options


def test_create_and_read_back(run):
    run.create(OPTIONS, versions={"kgan": "0.1.0"})
    assert run.read_config() == {"options": OPTIONS, "versions": {"kgan": "0.1.0"}}
    assert json.loads(run.config.read_text()) == run.read_config()
    assert list(run.path.iterdir()) == [run.config]


def test_the_same_options_may_go_on(run):
    """Tuples become lists on disk, and the order of the options says nothing."""
    run.create({**OPTIONS, "units": (12, 12)})
    before = run.config.read_text()
    run.check({**dict(reversed(OPTIONS.items())), "units": (12, 12)})
    run.check(OPTIONS)
    assert run.config.read_text() == before
    run.create(OPTIONS)
    assert run.read_config()["options"] == OPTIONS


def test_other_options_are_refused_with_each_difference(run):
    run.create(OPTIONS)
    before = run.config.read_text()
    other = {**OPTIONS, "dataset": "mnist", "batch_size": 50, "seed": 1}
    del other["rate"]
    for method in (run.check, run.create):
        with pytest.raises(
            ValueError,
            match=r"another configuration: batch_size 100 -> 50; dataset 'digits' -> 'mnist'; "
            r"rate 0\.0002 -> None; seed None -> 1\. Name another directory, or repeat the options",
        ) as caught:
            method(other)
        assert "units" not in str(caught.value)  # what is the same is not listed
        assert str(run.path) in str(caught.value)
    assert run.config.read_text() == before


def test_an_option_that_is_free_is_the_only_one(run):
    run.create(OPTIONS)
    other = {**OPTIONS, "batch_size": 99}
    run.check(other, free=("batch_size",))
    run.check({**OPTIONS, "batch_size": None}, free=("batch_size",))
    for options, name, change in (
        (other, "rate", "batch_size 100 -> 99"),
        ({**OPTIONS, "epochs": 1}, "batch_size", "epochs None -> 1"),
    ):
        with pytest.raises(ValueError, match=rf"another configuration: {change}\."):
            run.check(options, free=(name,))


def test_another_length_removes_the_end_and_nothing_else(run, monkeypatch):
    run.create(OPTIONS, versions={"kgan": "0.1.0"})
    ends = [run.discriminator, run.generator, run.evaluation(), run.evaluation("tflite")]
    ends += [run.evaluation(features="random"), run.evaluation_picture("neighbours")]
    kept = [run.metrics, run.sample(1), run.checkpoints / "step_00000001.npz"]
    for path in [*ends, *kept]:
        path.parent.mkdir(exist_ok=True)
        path.write_text("")

    def fail(*_):
        raise OSError("full")

    with monkeypatch.context() as patch:
        patch.setattr("os.replace", fail)
        with pytest.raises(OSError, match="full"):
            run.set_length({**OPTIONS, "batch_size": 101})
    assert run.read_config()["options"] == OPTIONS  # and unfinished, as the generator went first
    run.set_length({**OPTIONS, "batch_size": 101})
    assert run.read_config() == {
        "options": {**OPTIONS, "batch_size": 101},
        "versions": {"kgan": "0.1.0"},
    }
    assert not any(path.exists() for path in ends)
    assert all(path.exists() for path in kept)


def test_check_writes_nothing(run, tmp_path):
    run.check(OPTIONS)
    assert list(tmp_path.iterdir()) == []
    run.path.mkdir(parents=True)
    run.check(OPTIONS)
    assert list(run.path.iterdir()) == []


def test_a_file_in_place_of_the_directory(run):
    run.path.parent.mkdir()
    run.path.write_text("precious")
    for method in (run.check, run.create):
        with pytest.raises(
            NotADirectoryError, match=r"first is a file\. Name a directory, or one yet"
        ):
            method(OPTIONS)
    assert run.path.read_text() == "precious"


def test_a_directory_below_a_file(tmp_path):
    (tmp_path / "file").write_text("precious")
    run = RunDirectory(tmp_path / "file" / "runs" / "first")
    with pytest.raises(PermissionError, match=r"cannot be written to \(Not a directory\)"):
        run.check(OPTIONS)


def test_a_directory_that_cannot_be_written_to(run, tmp_path, monkeypatch):
    """Permissions do not bind every user, so the system's refusal is played."""

    def refuse(dir):
        assert dir == tmp_path  # the nearest directory that exists
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(dir))

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    with pytest.raises(
        PermissionError,
        match=r"first cannot be written to \(Permission denied\)\. Name another one\.",
    ):
        run.create(OPTIONS)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "3", "{}", '{"options": 3}', '{"options": null}'),
        '{"options": {"steps": {"a": 1}}}',
        '{"options": {"units": [[12]]}}',
        '{"options": {}, "data": 3}',
        '{"options": {}, "versions": ["3.15"]}',
        "[" * 100_000,
        '{"options": {}, "prior": [[1]]}',
        '{"options": {}, "prior": {"a": ' + "[" * 5_000 + "]" * 5_000 + "}}",  # can't be written
    ],
    ids=[
        *("empty", "cut", "list", "number", "no-options", "odd-options", "null-options"),
        *("nested", "lists", "data", "versions", "deep", "prior", "deep-prior"),
    ],
)
def test_damaged_config(run, text):
    run.path.mkdir(parents=True)
    run.config.write_text(text)
    for method in (run.read_config, lambda: run.check(OPTIONS), lambda: run.create(OPTIONS)):
        with pytest.raises(
            ValueError, match=r"config\.json is damaged .* Name another directory\."
        ):
            method()
    assert run.config.read_text() == text


def test_config_that_is_no_text(run):
    run.path.mkdir(parents=True)
    run.config.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match=r"config\.json is damaged"):
        run.read_config()


def test_a_config_that_cannot_be_read(run, monkeypatch):
    run.create(OPTIONS)

    def dying(*arguments, **options):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(pathlib.Path, "read_text", dying)
    for method in (run.read_config, lambda: run.check(OPTIONS)):
        with pytest.raises(
            OSError, match=r"config\.json cannot be read \(Input/output error\)\. Mend"
        ):
            method()


@pytest.mark.parametrize("name", ["config", "metrics", "generator", "discriminator"])
@pytest.mark.parametrize("kind", ["directory", "nothing", "loop"])
def test_no_file_of_a_run_may_be_a_directory_or_a_link_to_nothing(run, name, kind):
    run.create(OPTIONS)
    path = getattr(run, name)
    path.unlink(missing_ok=True)
    if kind == "directory":
        path.mkdir()
    else:
        path.symlink_to(path if kind == "loop" else run.path / "absent")
    with pytest.raises(ValueError, match=rf"{path.name} is no file, or a link to none\. Put back"):
        run.check(OPTIONS)


@pytest.mark.parametrize("name", ["checkpoints", "samples", "logs"])
def test_no_directory_of_a_run_may_be_a_file_or_a_link_to_nothing(run, tmp_path, name):
    run.create(OPTIONS)
    path = getattr(run, name)
    refused = pytest.raises(ValueError, match=rf"{name} is no directory, or a link to none\. Put")
    path.symlink_to(tmp_path / "elsewhere")
    with refused:
        run.check(OPTIONS)
    (tmp_path / "elsewhere").mkdir()
    run.check(OPTIONS)  # a link to a directory is fine
    path.unlink()
    path.write_text("")
    with refused:
        run.check(OPTIONS)


def test_a_name_that_is_not_utf_8(tmp_path):
    with pytest.raises(ValueError, match=r"directory '.*\\udcff' is not UTF-8\. Name another one"):
        RunDirectory(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    RunDirectory(tmp_path / "größer")


def test_what_remains_of_a_training(run):
    assert run.remains() == []
    run.create(OPTIONS)
    (run.path / "notes.txt").write_text("a user's own")
    run.samples.mkdir()
    assert run.remains() == []
    run.sample(1).write_text("")
    run.append_metrics({"step": 1})
    assert run.remains() == ["metrics.jsonl", "samples"]


def test_no_run_here(run):
    with pytest.raises(
        FileNotFoundError, match=r"first is no run directory: it has no config\.json"
    ):
        run.read_config()


# Metrics


def test_metrics_are_lines_in_order(run):
    run.create(OPTIONS)
    start = time.time()
    run.append_metrics({"step": 1, "d_loss": 1.386})
    run.append_metrics({"step": 2, "d_loss": 0.5, "note": "two\nlines"})
    first, second = map(json.loads, run.metrics.read_text().splitlines())
    # The time is rounded to milliseconds.
    assert start - 1e-3 <= first.pop("time") <= second.pop("time") <= time.time() + 1e-3
    assert first == {"step": 1, "d_loss": 1.386}
    assert second == {"step": 2, "d_loss": 0.5, "note": "two\nlines"}
    assert run.metrics.read_text().endswith("\n")


def test_metrics_stay_json_when_a_run_diverges(tmp_path):
    run = RunDirectory(tmp_path)
    run.append_metrics({"d_loss": float("nan"), "g_loss": float("inf"), "step": 3})
    line = json.loads(run.metrics.read_text(), parse_constant=pytest.fail)  # NaN is not JSON
    assert (line["d_loss"], line["g_loss"], line["step"]) == (None, None, 3)


def test_a_line_of_metrics_is_on_the_disk(run, monkeypatch):
    """Before the checkpoint that follows it is."""
    run.create(OPTIONS)
    synced = []
    monkeypatch.setattr(os, "fsync", lambda file: synced.append(os.fstat(file).st_size))
    run.append_metrics({"step": 1})
    assert synced == [run.metrics.stat().st_size]


def test_metrics_beyond_a_step_are_forgotten(run):
    run.create(OPTIONS)
    for step in (1, 2, 2, 3):
        run.append_metrics({"step": step})
    before = run.metrics.read_text().splitlines()
    run.forget_metrics(after=2)
    assert run.metrics.read_text().splitlines() == before[:3]
    run.forget_metrics(after=0)
    assert run.metrics.read_text() == ""


@pytest.mark.parametrize(
    "tail", [b'{"step": 2, "d_lo', b'{"step": 2}', b"\0\0\0\n", b"3\n", b"\xff\xfe\n", b"\n"]
)
def test_a_line_that_was_not_finished_is_forgotten(run, tail):
    run.create(OPTIONS)
    run.append_metrics({"step": 1})
    before = run.metrics.read_bytes()
    run.metrics.write_bytes(before + tail)
    run.forget_metrics(after=9)
    assert run.metrics.read_bytes() == before


def test_no_metrics_to_forget(run):
    run.forget_metrics(after=3)
    assert not run.path.exists()


# The lock


@pytest.mark.parametrize("error", [None, RuntimeError, KeyboardInterrupt])
def test_the_lock_goes_with_its_block(run, error):
    ends = pytest.raises(error) if error else contextlib.nullcontext()
    with ends, run.lock():
        run.create(OPTIONS)
        if error:
            raise error
    assert os.listdir(run.path) == ["config.json"]


def test_a_directory_of_which_nothing_came_is_removed(run):
    with pytest.raises(ValueError, match="no data"), run.lock():
        raise ValueError("no data")
    assert not run.path.exists()


def test_what_a_dead_process_left_half_written_is_removed(run):
    run.create(OPTIONS)
    half = [
        run.path / ".generator.partial-7.keras",
        run.checkpoints / ".step_00000007.partial-7.npz",
        run.samples / ".step_00000007.partial-7.png",
    ]
    whole = [run.checkpoints / "step_00000006.npz", run.samples / "step_00000007.png"]
    for path in (*half, *whole):
        path.parent.mkdir(exist_ok=True)
        path.write_text("")
    with run.lock():
        assert not any(path.exists() for path in half)
    assert all(path.exists() for path in whole)


def test_what_a_dead_process_left_below_a_link_is_removed(run, tmp_path):
    run.create(OPTIONS)
    for folder in (run.checkpoints, run.samples):
        elsewhere = tmp_path / "elsewhere" / folder.name
        elsewhere.mkdir(parents=True)
        folder.symlink_to(elsewhere)
        (elsewhere / ".step_00000007.partial-7.npz").write_text("")
        (elsewhere / "step_00000006.npz").write_text("")
    with run.lock():
        left = [path.name for path in (tmp_path / "elsewhere").glob("*/*")]
        assert left == ["step_00000006.npz"] * 2


@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES, errno.EROFS])
def test_a_directory_that_cannot_be_locked(run, monkeypatch, number):
    def refuse(*arguments):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(directory_lock.os, "open", refuse)
    sentence = (
        rf"first cannot be locked \({os.strerror(number)}\)\. Mend the cause, or name another"
    )
    with pytest.raises(OSError, match=sentence), run.lock():
        pytest.fail("not locked")


# A directory that vanishes


@pytest.mark.parametrize("how", ["removed", "replaced", "renamed", "unlocked", "in use again"])
def test_a_directory_that_was_removed_is_not_written_to(run, tmp_path, how):
    new = RunDirectory(run.path)
    with contextlib.ExitStack() as stack, run.lock():
        run.create(OPTIONS)
        run.check_lock()
        if how == "unlocked":
            (run.path / ".lock").unlink()
        elif how == "renamed":
            run.path.rename(tmp_path / "elsewhere")
        else:
            shutil.rmtree(run.path)
        if how == "replaced":
            run.path.mkdir()
        if how == "in use again":
            stack.enter_context(new.lock())
        before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        for write in (
            run.check_lock,
            lambda: run.set_length(OPTIONS),
            lambda: run.write_config({"options": OPTIONS}),
        ):
            with pytest.raises(
                RuntimeError, match=r"first was removed, renamed or replaced while this training"
            ):
                write()
        assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        run_exists = run.path.exists()
    assert run.path.exists() == (run_exists and how != "in use again")  # its own owner removed it


def test_a_directory_behind_a_link_is_the_same(run, tmp_path):
    with run.lock():
        run.path.rename(tmp_path / "elsewhere")
        run.path.symlink_to(tmp_path / "elsewhere")
        run.check_lock()
