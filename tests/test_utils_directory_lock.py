"""The lock of a directory: one holder, whatever dies, moves or is a link."""

import contextlib
import os
import shutil
import subprocess
import sys

import pytest

from kgan.utils import directory_lock
from kgan.utils.directory_lock import DirectoryLock


@pytest.fixture
def lock(tmp_path):
    (tmp_path / "first").mkdir()
    return DirectoryLock(tmp_path / "first")


HOLDER = """
import pathlib, sys, time
from kgan.utils.directory_lock import DirectoryLock
with DirectoryLock(pathlib.Path(sys.argv[1])).held():
    print("locked", flush=True)
    time.sleep(100)
"""


@contextlib.contextmanager
def holder(path):
    """Another process that holds the lock."""
    words = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "locked\n"
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.slow
def test_a_second_process_is_refused_until_the_first_has_died(lock):
    refused = r"Another process \(process \d+\) is at work in .*first\. Wait until it ends, or name"
    with holder(lock.directory) as process:
        before = lock.path.read_text()
        assert before == f"process {process.pid}"
        for _ in range(2):
            with pytest.raises(BlockingIOError, match=refused), lock.held():
                pytest.fail("two at work")
        assert lock.path.read_text() == before  # who was refused leaves it alone
        process.kill()
        process.wait()
        assert lock.path.exists()  # stale, and no hindrance
        with lock.held():
            assert lock.path.read_text() == f"process {os.getpid()}"


def test_one_process_locks_once_too(lock):
    with lock.held():
        with pytest.raises(BlockingIOError, match=f"process {os.getpid()}"), lock.held():
            pytest.fail("twice at work")
        with pytest.raises(BlockingIOError), DirectoryLock(lock.directory).held():
            pytest.fail("the refused one freed it")


@pytest.mark.parametrize("kept", [False, True])
def test_the_file_goes_and_a_directory_that_is_empty(lock, kept):
    if kept:
        (lock.directory / "result").write_text("")
    with pytest.raises(KeyboardInterrupt), lock.held():
        raise KeyboardInterrupt
    assert lock.directory.exists() == kept
    assert not lock.path.exists()
    assert not lock.is_lost()


def test_a_lock_that_its_owner_removed_meanwhile_locks_nobody_out(lock, monkeypatch):
    """A process that opened the file just before its owner removed it must not believe it."""
    real = directory_lock.fcntl.flock

    def late(file, how):
        lock.path.unlink()
        real(file, how)

    monkeypatch.setattr(directory_lock.fcntl, "flock", late)
    with pytest.raises(BlockingIOError), lock.held():
        pytest.fail("another one could lock the path as well")


def test_it_never_writes_to_a_file_elsewhere(lock, tmp_path):
    victim = tmp_path / "precious"
    victim.write_text("precious")
    for make in (lock.path.symlink_to, lock.path.hardlink_to):
        make(victim)
        with (
            pytest.raises(OSError, match=r"\.lock is (a link|no file of its own)\. Remove it, or"),
            lock.held(),
        ):
            pytest.fail("the link was followed")
        lock.path.unlink()
    lock.path.symlink_to(tmp_path / "absent")
    with pytest.raises(OSError, match=r"\.lock is a link"), lock.held():
        pytest.fail("the link was followed")
    lock.path.unlink()
    os.mkfifo(lock.path)
    with pytest.raises(OSError, match=r"\.lock is no file of its own"), lock.held():
        pytest.fail("a pipe locks nobody out")
    assert victim.read_text() == "precious"
    assert not (tmp_path / "absent").exists()


def test_a_lock_is_lost_with_its_directory_and_the_next_one_outlives_it(lock):
    assert not lock.is_lost()
    later = contextlib.ExitStack()
    with lock.held():
        assert not lock.is_lost()
        shutil.rmtree(lock.directory)
        assert lock.is_lost()
        lock.directory.mkdir()
        later.enter_context(DirectoryLock(lock.directory).held())
        assert lock.is_lost()
    with later, pytest.raises(BlockingIOError), lock.held():
        pytest.fail("two at work")
