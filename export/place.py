"""The output directory: one export at a time, checked targets, and files that appear whole."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence

import tensorflow as tf

from kgan.artifacts import RunDirectory
from kgan.utils.atomic_write import sync
from kgan_cli.signals import stopping_on_signals

from .report import FILES

_STAGE = ".export-"


class Place:
    """The directory that an export goes to.

    Args:
        output: the directory; made when it is locked.
        whole: the directory that errors name, where this one is a part of the export to it.
    """

    def __init__(self, output: pathlib.Path, whole: pathlib.Path | None = None):
        self.output = output
        self.whole = output if whole is None else whole

    @contextlib.contextmanager
    def locked(self) -> Iterator[Place]:
        """Keep other exports out, and explain failures of the system.

        The directory is made if absent. What a killed export left is removed, and so are empty
        directories that this one made.

        Raises:
            BlockingIOError: another process exports to the directory.
            OSError: it is a file, or the system fails.
        """
        folders = (self.output.absolute(), *self.output.absolute().parents)
        existing = next(path for path in folders if os.path.lexists(path))
        if not existing.is_dir():
            raise NotADirectoryError(
                f"Nothing can be written to {self.output}: {existing} is a file. "
                "Name a directory, or one yet to be made."
            )
        absent = folders[: folders.index(existing)]
        try:
            with self._explained(), RunDirectory(self.output).lock():
                for leftover in self.output.glob(f"{_STAGE}*"):
                    shutil.rmtree(leftover, ignore_errors=True)
                yield self
        finally:
            for path in absent:
                with contextlib.suppress(OSError):  # not empty: something was exported
                    path.rmdir()

    def check(self, targets: Iterable[pathlib.Path]) -> None:
        """Check that an export can move to these paths.

        Args:
            targets: relative to the directory.

        Raises:
            OSError: something is in the way, cannot be written to, or is on another file system.
        """
        for target in (*targets, *map(pathlib.Path, FILES)):
            path, parent = self.output / target, self.output / target.parent
            if os.path.lexists(parent):
                self._check_parent(parent)
            # Only a version of the SavedModel is a directory, and it must be new.
            if path.is_dir() or (target.parts[0] == "saved_model" and os.path.lexists(path)):
                raise FileExistsError(
                    f"{path} exists, where an export is to go. Move it away, or name another "
                    "--output_dir."
                )

    def _check_parent(self, parent: pathlib.Path) -> None:
        if not parent.is_dir():
            raise NotADirectoryError(
                f"{parent} is no directory, and an export is to go into it. Move it away, or name "
                "another --output_dir."
            )
        if not os.access(parent, os.W_OK | os.X_OK):
            raise PermissionError(
                f"Nothing can be written to {parent}: permission denied. Change its permissions, "
                "or name another --output_dir."
            )
        if parent.stat().st_dev != self.output.stat().st_dev:
            raise OSError(
                f"{parent} is on another file system than {self.output}, so that nothing can move "
                "there whole. Name a directory on that file system as --output_dir."
            )

    @contextlib.contextmanager
    def staging(self) -> Iterator[pathlib.Path]:
        """Yield a hidden directory within the output directory; remove it afterwards."""
        with tempfile.TemporaryDirectory(prefix=_STAGE, dir=self.output) as stage:
            yield pathlib.Path(stage)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Say what errors of the system and of TensorFlow's writer mean for the export."""
        try:
            yield
        except OSError as error:
            if error.errno is None:  # raised by kgan, which explains its errors
                raise
            reason = f"{error.strerror}: {error.filename}" if error.filename else error.strerror
            raise OSError(
                f"The export to {self.whole} failed ({reason}). Mend the cause and repeat the "
                "command."
            ) from error
        except tf.errors.OpError as error:
            raise OSError(
                f"The export to {self.whole} failed ({error.message.splitlines()[0]}). Mend the "
                "cause and repeat the command."
            ) from error


@dataclasses.dataclass(frozen=True)
class Staged:
    """What was written and is to be moved.

    Attributes:
        place: where it goes.
        stage: the directory in which everything was written.
        targets: what to move beside the report, relative to `stage`.
    """

    place: Place
    stage: pathlib.Path
    targets: Sequence[pathlib.Path]

    def move(self) -> None:
        """Move it."""
        output = self.place.output
        for target in self.targets:
            (output / target.parent).mkdir(exist_ok=True)
            os.replace(self.stage / target, output / target)
            sync(output / target.parent)
        for name in FILES:
            if (self.stage / name).exists():
                os.replace(self.stage / name, output / name)
            else:  # an earlier export's
                (output / name).unlink(missing_ok=True)
        sync(output)


def publish(staged: Sequence[Staged]) -> None:
    """Move what was written, and the reports, to their places; all of it is on disk then.

    Nothing moves before all of it can. A signal waits until everything has moved.

    Raises:
        OSError: as `Place.check`.
    """
    for one in staged:
        for path in (*one.stage.rglob("*"), one.stage):
            sync(path)
    for one in staged:
        one.place.check(one.targets)
    with stopping_on_signals(lambda: None):
        for one in staged:
            one.move()
