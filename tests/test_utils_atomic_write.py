"""Files that are whole or not there."""

import errno
import os

import pytest

from kgan.utils.atomic_write import atomic_write


def test_a_file_appears_when_the_block_is_done(tmp_path):
    target = tmp_path / "new" / "deep" / "image.png"
    with atomic_write(target) as partial:
        partial.write_text("half")
        assert not target.exists()
        assert partial.parent == target.parent  # on the same file system, or no rename is atomic
        assert partial.suffix == ".png"
        assert partial.name.startswith(".")
    assert target.read_text() == "half"
    assert list(target.parent.iterdir()) == [target]


def test_a_file_is_replaced(tmp_path):
    target = tmp_path / "file.txt"
    target.write_text("old")
    with atomic_write(str(target)) as partial:
        partial.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("before", [None, "old"], ids=["new", "existing"])
def test_a_failure_leaves_what_was_there(tmp_path, before, error):
    target = tmp_path / "file.txt"
    if before is not None:
        target.write_text(before)

    def write():
        with atomic_write(target) as partial:
            partial.write_text("half of it")
            raise error("the disk is full")

    with pytest.raises(error, match="the disk is full"):
        write()
    left = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert left == ({} if before is None else {"file.txt": before})


def test_a_failed_rename_leaves_what_was_there(tmp_path, monkeypatch):
    target = tmp_path / "file.txt"
    target.write_text("old")

    def refuse(source, destination):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="Input/output error"), atomic_write(target) as partial:
        partial.write_text("new")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"file.txt": "old"}


def test_a_file_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    """Else a power failure could leave an empty file in place of the old one."""
    calls = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        record = lambda *a, name=name, real=real: (calls.append(name), real(*a))  # noqa: E731
        monkeypatch.setattr(os, name, record)
    with atomic_write(tmp_path / "file.txt") as partial:
        partial.write_text("new")
    assert calls == ["fsync", "replace", "fsync"]  # the file, its name, the directory


def test_no_file_stays_open(tmp_path, monkeypatch):
    opened, closed = [], []
    real_open, real_close = os.open, os.close

    def record(*arguments):
        opened.append(real_open(*arguments))
        return opened[-1]

    monkeypatch.setattr(os, "open", record)
    monkeypatch.setattr(os, "close", lambda file: (closed.append(file), real_close(file)))
    with atomic_write(tmp_path / "file.txt") as partial:
        partial.write_bytes(b"new")
    assert len(opened) == 2  # the file and its directory
    assert closed == opened
