"""Where an export goes: one at a time, whole or not at all, and nothing in the way."""

import errno
import fcntl
import os
import pathlib
import signal
import subprocess

import pytest
import warm
from export_runs import contents, make_run, sequential
from kgan_export import place, program

import kgan

REPOSITORY = pathlib.Path(__file__).parents[1]
PRIOR = kgan.priors.Normal(4)
REPORT = {"parity.json", "parity.md", "parity.png"}


@pytest.fixture
def run_dir(tmp_path):
    return make_run(tmp_path / "run", sequential(), PRIOR)


def export(*arguments, **named):
    return program.export(*arguments, **named)


def names(path):
    return {found.name for found in path.iterdir()}


def never(*_, **__):
    raise AssertionError("the run is read")


class TestWhatIsInTheWay:
    """It was found after everything had been computed, some of it already in place."""

    @pytest.mark.parametrize(
        ("name", "formats"),
        [("tflite", ["tflite"]), ("saved_model", ["saved_model"]), ("onnx", ["onnx"])],
    )
    def test_a_file_instead_of_a_directory(self, run_dir, tmp_path, monkeypatch, name, formats):
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / name).write_text("precious")
        before = contents(tmp_path).keys()
        monkeypatch.setattr(program.inference, "read_run", never)
        with pytest.raises(NotADirectoryError, match=rf"{name} is no directory.*Move it away, or"):
            export(run_dir, tmp_path / "out", formats)
        assert contents(tmp_path).keys() == before

    @pytest.mark.parametrize(
        "name", ["tflite/generator_float32.tflite", "parity.json", "parity.md", "parity.png"]
    )
    def test_a_directory_instead_of_a_file(self, run_dir, tmp_path, monkeypatch, name):
        (tmp_path / "out" / name / "within").mkdir(parents=True)
        before = contents(tmp_path).keys()
        monkeypatch.setattr(program.inference, "read_run", never)
        with pytest.raises(FileExistsError, match=rf"{name} exists, where an export is to go"):
            export(run_dir, tmp_path / "out")
        assert contents(tmp_path).keys() == before

    def test_a_link_to_nothing(self, run_dir, tmp_path):
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "tflite").symlink_to(tmp_path / "absent")
        with pytest.raises(NotADirectoryError, match="tflite is no directory"):
            export(run_dir, tmp_path / "out")

    def test_another_file_system(self, run_dir, tmp_path):
        other = pathlib.Path("/dev/shm")
        if not other.is_dir() or other.stat().st_dev == tmp_path.stat().st_dev:
            pytest.skip("there is no other file system")
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "tflite").symlink_to(other)
        with pytest.raises(OSError, match=r"tflite is on another file system than .*out"):
            export(run_dir, tmp_path / "out")

    def test_a_version_that_appears_meanwhile(self, run_dir, tmp_path, monkeypatch):
        """It was "Directory not empty", after other formats had moved."""
        out, write = tmp_path / "out", program.report.write

        def late(*arguments):
            (out / "saved_model" / "1" / "variables").mkdir(parents=True)
            write(*arguments)

        monkeypatch.setattr(program.report, "write", late)
        with pytest.raises(FileExistsError, match=r"saved_model/1 exists, where an export is"):
            export(run_dir, out, ["tflite", "saved_model"])
        assert names(out) == {"saved_model"}

    def test_what_the_system_says_is_one_sentence(self, run_dir, tmp_path, monkeypatch):
        def full(*_):
            raise OSError(errno.ENOTEMPTY, "Directory not empty", "x")

        monkeypatch.setattr(place.os, "replace", full)
        message = r"The export to .*out failed \(Directory not empty: x\)\. Mend the cause and"
        with pytest.raises(OSError, match=message):
            export(run_dir, tmp_path / "out", ["saved_model"])


class TestVersions:
    @pytest.mark.parametrize("version", [2**63, 10**30, True, False, -1])
    def test_beyond_int64_is_refused(self, tmp_path, version):
        with pytest.raises(ValueError, match="positive integer of at most 9223372036854775807"):
            program.choose_version(version, tmp_path)

    def test_the_greatest_is_not(self, tmp_path):
        assert program.choose_version(2**63 - 1, tmp_path) == 2**63 - 1

    def test_what_tensorflow_serving_cannot_read_does_not_count(self, tmp_path):
        for name in ("3", "99999999999999999999", "\u0664"):
            (tmp_path / name).mkdir()
        assert program.choose_version(None, tmp_path) == 4

    def test_none_follows_the_greatest(self, tmp_path):
        (tmp_path / str(2**63 - 1)).mkdir()
        with pytest.raises(ValueError, match=r"reads no higher one\. Choose a free version with"):
            program.choose_version(None, tmp_path)
        with pytest.raises(FileExistsError, match=r"is not overwritten\. Choose another\.$"):
            program.choose_version(2**63 - 1, tmp_path)


def test_what_a_killed_export_left_is_removed(run_dir, tmp_path):
    left = tmp_path / "out" / ".export-abc" / "saved_model" / "1"
    left.mkdir(parents=True)
    (left / "saved_model.pb").write_bytes(b"x")
    (tmp_path / "out" / ".parity.partial-1.json").write_text("{")
    export(run_dir, tmp_path / "out", ["saved_model"])
    assert names(tmp_path / "out") == {"saved_model", *REPORT}


def test_two_exports_to_one_directory_are_refused(run_dir, tmp_path):
    (tmp_path / "out").mkdir()
    with (tmp_path / "out" / ".lock").open("w") as file:
        file.write("process 1")
        file.flush()
        fcntl.flock(file, fcntl.LOCK_EX)
        before = contents(tmp_path)
        with pytest.raises(BlockingIOError, match=r"Another process \(process 1\) is at work in"):
            export(run_dir, tmp_path / "out")
        assert contents(tmp_path) == before
    export(run_dir, tmp_path / "out", ["saved_model"])


def test_everything_is_on_disk_before_it_has_its_name(run_dir, tmp_path, monkeypatch):
    synced, moved, replace = set(), [], os.replace

    def sync(path):
        synced.add(path)

    def move(source, target):
        if ".partial-" in source.name:
            return replace(source, target)
        moved.append(target)
        parts = {source, *source.rglob("*")} if source.is_dir() else {source}
        assert parts <= synced
        return replace(source, target)

    monkeypatch.setattr(place, "sync", sync)
    monkeypatch.setattr(place.os, "replace", move)
    out = tmp_path / "out"
    export(run_dir, out, ["saved_model", "tflite"])
    assert {out, out / "saved_model", out / "tflite"} <= synced
    assert [path.name for path in moved] == ["1", "generator_float32.tflite", *sorted(REPORT)]


@pytest.mark.slow
def test_the_picture_of_an_earlier_export_does_not_stay(run_dir, tmp_path):
    out = tmp_path / "out"
    export(run_dir, out, ["saved_model"])
    network = kgan.networks.MLPGenerator((4, 4, 2), 4, (8,))  # no pictures
    export(make_run(tmp_path / "two", network, PRIOR), out, ["saved_model"])
    assert names(out) == {"saved_model", *REPORT - {"parity.png"}}


def test_a_signal_waits_until_everything_has_moved(run_dir, tmp_path, monkeypatch):
    replace = os.replace

    def move(source, target):
        if ".partial-" not in source.name:
            monkeypatch.setattr(place.os, "replace", replace)  # a second signal would end it
            os.kill(os.getpid(), signal.SIGINT)
        replace(source, target)

    monkeypatch.setattr(place.os, "replace", move)
    export(run_dir, tmp_path / "out", ["saved_model", "tflite"])
    assert names(tmp_path / "out") == {"saved_model", "tflite", *REPORT}


# Exports under real SIGTERMs: after the run is read, within TFLite's converter, after the report.
TERMINATED = """
import os, signal, sys
from absl.testing import flagsaver
from export import main, program, report, tflite
from kgan import inference
moments = [(inference, "read_run"), (tflite, "convert"), (report, "write")]
sys.argv = ["kgan-export", *sys.argv[1:]]
for module, name in moments:
    function = getattr(module, name)
    def interrupting(*given, **named):
        result = function(*given, **named)
        os.kill(os.getpid(), signal.SIGTERM)
        return result
    setattr(module, name, interrupting)
    with flagsaver.flagsaver():
        try:
            main.cli()
        except SystemExit as stop:
            print(stop.code, end=" ")
    setattr(module, name, function)
"""


@pytest.mark.slow
def test_a_terminated_export_leaves_nothing(run_dir, tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    before = contents(tmp_path)
    flags = [f"--run_dir={run_dir}", f"--output_dir={tmp_path / 'deep' / 'out'}"]
    done = subprocess.run(
        [*warm.python(), "-c", TERMINATED, *flags],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        env={**os.environ, "TMPDIR": str(scratch)},
    )
    assert done.stdout == "130 130 130 ", done.stderr
    assert done.stderr.count("kgan-export: interrupted; nothing was exported.\n") == 3
    assert "Traceback" not in done.stderr
    assert contents(tmp_path).keys() == before.keys()
