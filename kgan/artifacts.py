"""The run directory: every file name in it, and how files come to be there.

This is all that training and export share. Files are written under a temporary name and renamed, so
a file that has its name is whole.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import math
import os
import pathlib
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from kgan.utils.atomic_write import atomic_write

__all__ = ["RunDirectory"]


def _evaluation(kind: str) -> str:
    return "evaluation" if kind == "keras" else f"evaluation_{kind}"


class RunDirectory:
    """One training run on disk.

    Args:
        path: the directory; `~` is expanded. Nothing is made or read until it is asked for.
    """

    def __init__(self, path: str | os.PathLike[str]):
        self.path = pathlib.Path(path).expanduser()
        self.config = self.path / "config.json"
        self.checkpoints = self.path / "checkpoints"
        self.samples = self.path / "samples"
        self.logs = self.path / "logs"
        self.metrics = self.path / "metrics.jsonl"
        self.generator = self.path / "generator.keras"
        self.discriminator = self.path / "discriminator.keras"

    def sample(self, step: int) -> pathlib.Path:
        """The sample grid of one step."""
        return self.samples / f"step_{step:08d}.png"

    def evaluation(self, kind: str = "keras") -> pathlib.Path:
        """What `kgan-evaluate` found of the generator, or of its export as `kind`."""
        return self.path / f"{_evaluation(kind)}.json"

    def evaluation_picture(self, name: str, kind: str = "keras") -> pathlib.Path:
        """A picture of that evaluation."""
        return self.path / f"{_evaluation(kind)}_{name}.png"

    def check(self, options: Mapping[str, Any], growing: Collection[str] = ()) -> None:
        """Makes sure that a run of these options may be written here, and writes nothing.

        Args:
            options: the resolved options of the run, as JSON holds them.
            growing: names of options whose numbers may be greater than those of the run here.

        Raises:
            NotADirectoryError: the path is a file.
            PermissionError: the directory cannot be written to.
            ValueError: it holds a run of other options, or a `config.json` that is none of ours.
        """
        if self.path.exists() and not self.path.is_dir():
            raise NotADirectoryError(
                f"The run directory {self.path} is a file. Name a directory, or one yet to be made."
            )
        self.check_writable()
        if self.config.exists():
            self._check_same(options, growing)

    def check_writable(self) -> None:
        """Makes sure that files can be written here, and leaves none.

        Raises:
            PermissionError: they cannot.
        """
        existing = self.path
        while not existing.exists():
            existing = existing.parent
        try:
            with tempfile.TemporaryFile(dir=existing):
                pass
        except OSError as error:
            raise PermissionError(
                f"The run directory {self.path} cannot be written to ({error.strerror}). "
                "Name another one."
            ) from error

    def _check_same(self, options: Mapping[str, Any], growing: Collection[str]) -> None:
        before, now = self.read_config()["options"], json.loads(json.dumps(dict(options)))
        changes = [
            f"{name} {before.get(name)!r} -> {now.get(name)!r}"
            for name in sorted({*before, *now})
            if before.get(name) != now.get(name)
            and not (name in growing and (now.get(name) or 0) > (before.get(name) or math.inf))
        ]
        if changes:
            raise ValueError(
                f"The run directory {self.path} holds a run of another configuration: "
                f"{'; '.join(changes)}. "
                "Name another directory, or repeat the options it began with."
            )

    def create(self, options: Mapping[str, Any], **record: Any) -> None:
        """Makes the directory and records the run's options, and what else shall be known of it.

        Args:
            options: the resolved options of the run.
            **record: more entries of `config.json`, such as versions.

        Raises:
            NotADirectoryError, PermissionError, ValueError: as `check`.
        """
        self.check(options)
        self._write_config({"options": dict(options), **record})

    def extend(self, options: Mapping[str, Any]) -> None:
        """Makes a run one that has further to go.

        The networks and evaluations of an earlier end are removed.

        Args:
            options: the options as they are to be recorded, that of its length among them.
        """
        self.generator.unlink(missing_ok=True)  # first, as it says that the run is finished
        for path in (self.discriminator, *self.path.glob("evaluation*")):
            path.unlink(missing_ok=True)
        self._write_config({**self.read_config(), "options": dict(options)})

    def _write_config(self, config: Mapping[str, Any]) -> None:
        with atomic_write(self.config) as partial:
            partial.write_text(json.dumps(config, indent=2) + "\n")

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Keeps every other process out of the directory, which is made if it is absent.

        The operating system frees the lock of a process that has died. What that process left
        half-written is removed.

        Raises:
            BlockingIOError: another process is at work in the directory.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        path = self.path / ".lock"
        with path.open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                ours = path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat())
            except BlockingIOError:
                ours = False
            if not ours:
                file.seek(0)
                raise BlockingIOError(
                    f"Another process ({file.read() or 'unknown'}) is at work in {self.path}. Wait "
                    "until it ends, or name another directory."
                )
            file.truncate(0)
            file.write(f"process {os.getpid()}")
            file.flush()
            for partial in self.path.rglob(".*.partial-*"):
                partial.unlink(missing_ok=True)
            try:
                yield
            finally:
                path.unlink(missing_ok=True)
                with contextlib.suppress(OSError):
                    self.path.rmdir()  # where nothing came of it

    def read_config(self) -> dict[str, Any]:
        """The recorded `options` and whatever else the run recorded.

        Raises:
            FileNotFoundError: no run began here.
            ValueError: the file is damaged.
        """
        if not self.config.exists():
            raise FileNotFoundError(
                f"{self.path} is no run directory: it has no {self.config.name}. "
                "Name the --run_dir of a kgan-train run."
            )
        try:
            config = json.loads(self.config.read_text())
            config["options"].items()
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f"{self.config} is damaged or was not written by kgan-train. "
                "Name another directory."
            ) from error
        return config

    def forget_metrics(self, after: int) -> None:
        """Removes the lines of steps beyond `after`, and a last one that was not finished."""
        if not self.metrics.exists():
            return
        kept = []
        for line in self.metrics.read_text(errors="replace").splitlines(keepends=True):
            with contextlib.suppress(ValueError, KeyError, TypeError):
                if line.endswith("\n") and json.loads(line)["step"] <= after:
                    kept.append(line)
        with atomic_write(self.metrics) as partial:
            partial.write_text("".join(kept))

    def append_metrics(self, values: Mapping[str, Any]) -> None:
        """Adds one line to `metrics.jsonl`: the values and the time, in seconds since 1970.

        The line is on the disk when this returns, as the checkpoint that follows it will be.
        A number that is not finite becomes null, as JSON knows no other word for it.
        """
        values = {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in values.items()
        }
        with self.metrics.open("a") as file:
            file.write(json.dumps({**values, "time": round(time.time(), 3)}) + "\n")
            file.flush()
            os.fsync(file.fileno())
