"""The run directory: every file name in it, its configuration, its metrics and its lock.

Training and export share nothing else. Files are written atomically, so a file that has its name is
complete.
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

from kgan.utils.atomic_write import atomic_write
from kgan.utils.types import JsonDict

__all__ = ["RunDirectory"]


def _evaluation(kind: str) -> str:
    return "evaluation" if kind == "keras" else f"evaluation_{kind}"


class RunDirectory:
    """One training run on disk.

    Args:
        path: the directory; `~` is expanded. The constructor reads and writes nothing.
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
        """Return the path of the sample grid of one step."""
        return self.samples / f"step_{step:08d}.png"

    def evaluation(self, kind: str = "keras") -> pathlib.Path:
        """Return the path of the results of `kgan-evaluate`.

        Args:
            kind: `"keras"` for the run's generator, or the format of an export of it.
        """
        return self.path / f"{_evaluation(kind)}.json"

    def evaluation_picture(self, name: str, kind: str = "keras") -> pathlib.Path:
        """Return the path of a picture of that evaluation."""
        return self.path / f"{_evaluation(kind)}_{name}.png"

    def check(self, options: Mapping[str, object], growing: Collection[str] = ()) -> None:
        """Check that a run with these options may be written here, and write nothing.

        Args:
            options: the resolved options of the run, as JSON holds them.
            growing: names of options whose numbers may exceed those recorded here.

        Raises:
            NotADirectoryError: the path is a file.
            PermissionError: the directory cannot be written to.
            ValueError: it holds a run with other options, or `config.json` is damaged.
        """
        if self.path.exists() and not self.path.is_dir():
            raise NotADirectoryError(
                f"The run directory {self.path} is a file. Name a directory, or one yet to be made."
            )
        self.check_writable()
        if self.config.exists():
            self._check_same(options, growing)

    def check_writable(self) -> None:
        """Check that files can be written here, and leave none.

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

    def _check_same(self, options: Mapping[str, object], growing: Collection[str]) -> None:
        # As JSON holds them: a tuple is a list there.
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

    def create(self, options: Mapping[str, object], **record: object) -> None:
        """Create the directory and write `config.json`.

        Args:
            options: the resolved options of the run.
            **record: more entries of `config.json`, such as versions.

        Raises:
            NotADirectoryError, PermissionError, ValueError: as `check`.
        """
        self.check(options)
        self._write_config({"options": dict(options), **record})

    def extend(self, options: Mapping[str, object]) -> None:
        """Record a greater length of the run, and remove its networks and evaluations.

        Args:
            options: all options to record, with the new `steps` or `epochs`.
        """
        self.generator.unlink(missing_ok=True)  # first, as its presence means a finished run
        for path in (self.discriminator, *self.path.glob("evaluation*")):
            path.unlink(missing_ok=True)
        self._write_config({**self.read_config(), "options": dict(options)})

    def _write_config(self, config: Mapping[str, object]) -> None:
        with atomic_write(self.config) as partial:
            partial.write_text(json.dumps(config, indent=2) + "\n")

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Keep every other process out of the directory, and create it if absent.

        The operating system frees the lock of a process that has died. Incomplete files of such a
        process are removed.

        Raises:
            BlockingIOError: another process is at work in the directory.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        path = self.path / ".lock"
        with path.open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # The former owner may have removed the file between `open` and `flock`.
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
                    self.path.rmdir()  # succeeds only if nothing was written

    def read_config(self) -> JsonDict:
        """Return the content of `config.json`: `options`, and what else `create` recorded.

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
        """Remove lines of `metrics.jsonl` of later steps than `after`, and incomplete lines."""
        if not self.metrics.exists():
            return
        kept = []
        for line in self.metrics.read_text(errors="replace").splitlines(keepends=True):
            with contextlib.suppress(ValueError, KeyError, TypeError):
                if line.endswith("\n") and json.loads(line)["step"] <= after:
                    kept.append(line)
        with atomic_write(self.metrics) as partial:
            partial.write_text("".join(kept))

    def append_metrics(self, values: Mapping[str, object]) -> None:
        """Append one line to `metrics.jsonl`: the values and the time, in seconds since 1970.

        The line is on the disk when this returns, so that no later checkpoint can exist without it.

        Args:
            values: what JSON can hold. A float that is not finite becomes null, as JSON has no NaN.
        """
        values = {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in values.items()
        }
        with self.metrics.open("a") as file:
            file.write(json.dumps({**values, "time": round(time.time(), 3)}) + "\n")
            file.flush()
            os.fsync(file.fileno())
