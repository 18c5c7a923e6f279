"""The run directory: every file name in it, its configuration and its metrics.

Training and export share nothing else. Files are written atomically, so a file that has its name is
complete.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import os
import pathlib
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping

from kgan.utils.atomic_write import atomic_write
from kgan.utils.directory_lock import DirectoryLock
from kgan.utils.types import JsonDict

__all__ = ["RunDirectory", "check_record", "option_changes"]


def _evaluation(kind: str) -> str:
    return "evaluation" if kind == "keras" else f"evaluation_{kind}"


def option_changes(
    before: Mapping[str, object], now: Mapping[str, object], free: Collection[str] = ()
) -> list[str]:
    """Return the differences between two sets of options, such as `"seed 0 -> 1"`.

    Args:
        before: recorded options. An absent one is None.
        now: resolved options.
        free: names of options that may differ.
    """
    now = json.loads(json.dumps(dict(now)))  # as JSON holds them: a tuple is a list there
    return [
        f"{name} {before.get(name)!r} -> {now.get(name)!r}"
        for name in sorted({*before, *now}.difference(free))
        if before.get(name) != now.get(name)
    ]


def check_record(record: object) -> JsonDict:
    """Return `record` if it can be what `RunDirectory.create` wrote.

    Raises:
        ValueError: an entry is absent or of another type, or the entries are nested too deeply.
    """
    try:
        if not isinstance(record, dict) or not isinstance(record.get("options"), dict):
            raise ValueError("it has no options")
        for entry in ("options", "data", "versions"):
            values = record.get(entry, {})
            if not isinstance(values, dict) or not all(map(_flat, values.values())):
                raise ValueError(f"{entry!r} is of another type")
        if not isinstance(record.get("prior", {}), dict):
            raise ValueError("'prior' is of another type")
        json.dumps(record, indent=2)  # what is read can be written again
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    return record


def _flat(value: object) -> bool:
    parts = value if isinstance(value, list) else [value]
    return all(part is None or isinstance(part, str | int | float) for part in parts)


class RunDirectory:
    """One training run on disk.

    Args:
        path: the directory; `~` is expanded. The constructor reads and writes nothing.

    Raises:
        ValueError: the path is not UTF-8, which TensorFlow needs.
    """

    def __init__(self, path: str | os.PathLike[str]):
        self.path = pathlib.Path(path).expanduser()
        try:
            str(self.path).encode()
        except UnicodeEncodeError as error:
            raise ValueError(
                f"The name of the run directory {str(self.path)!r} is not UTF-8. Name another one."
            ) from error
        self.config = self.path / "config.json"
        self.game = self.path / "game.json"
        self.checkpoints = self.path / "checkpoints"
        self.samples = self.path / "samples"
        self.logs = self.path / "logs"
        self.metrics = self.path / "metrics.jsonl"
        self.generator = self.path / "generator.keras"
        self.discriminator = self.path / "discriminator.keras"
        self._lock = DirectoryLock(self.path)

    def sample(self, step: int) -> pathlib.Path:
        """Return the path of the sample grid of one step."""
        return self.samples / f"step_{step:08d}.png"

    def evaluation(self, kind: str = "keras", features: str | None = None) -> pathlib.Path:
        """Return the path of the results of `kgan-evaluate`.

        Args:
            kind: `"keras"` for the run's generator, or the format of an export of it.
            features: the name of the features that were asked for; None for those of the data.
        """
        asked = f"_in_{features}" if features else ""
        return self.path / f"{_evaluation(kind)}{asked}.json"

    def evaluation_picture(self, name: str, kind: str = "keras") -> pathlib.Path:
        """Return the path of a picture of that evaluation."""
        return self.path / f"{_evaluation(kind)}_{name}.png"

    def check(self, options: Mapping[str, object], free: Collection[str] = ()) -> None:
        """Check that a run with these options may be written here, and write nothing.

        Args:
            options: the resolved options of the run, as JSON holds them.
            free: names of options that may differ from those recorded here.

        Raises:
            NotADirectoryError: the path is a file.
            PermissionError: the directory cannot be written to.
            OSError: the directory cannot be read.
            ValueError: it holds a run with other options, `config.json` is damaged, or a directory
                or link has the name of a file of the run, or the reverse.
        """
        with self._explained("read"):
            if os.path.lexists(self.path) and not self.path.is_dir():
                raise NotADirectoryError(
                    f"The run directory {self.path} is a file. Name a directory, or one yet to be "
                    "made."
                )
            self._check_kinds()
        self.check_writable()
        if self.config.exists():
            self._check_same(options, free)

    def _check_kinds(self) -> None:
        files = (self.config, self.game, self.metrics, self.generator, self.discriminator)
        folders = (self.checkpoints, self.samples, self.logs)
        for path, kind, right in (
            *((path, "file", path.is_file()) for path in files),
            *((path, "directory", path.is_dir()) for path in folders),
        ):
            if not right and os.path.lexists(path):
                raise ValueError(
                    f"{path} is no {kind}, or a link to none. Put back the {kind} of the run, or "
                    "name another run directory."
                )

    @contextlib.contextmanager
    def _explained(self, done: str) -> Iterator[None]:
        """Turn an error of the system into a sentence."""
        try:
            yield
        except OSError as error:
            if error.errno is None:  # raised here, with a sentence
                raise
            raise OSError(
                f"The run directory {self.path} cannot be {done} ({error.strerror}). "
                "Mend the cause, or name another directory."
            ) from error

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

    def _check_same(self, options: Mapping[str, object], free: Collection[str]) -> None:
        self.check_options(self.read_config()["options"], options, free)

    def check_options(
        self,
        before: Mapping[str, object],
        options: Mapping[str, object],
        free: Collection[str] = (),
    ) -> None:
        """Check options against those that the run here was recorded with.

        Raises:
            ValueError: they differ; the sentence names each difference.
        """
        changes = option_changes(before, options, free)
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
        self.write_config({"options": dict(options), **record})

    def set_length(self, options: Mapping[str, object]) -> None:
        """Record another length of the run, and remove its networks and evaluations.

        Args:
            options: all options to record, with the new `steps` or `epochs`.
        """
        self.remove_results()
        self.write_config({**self.read_config(), "options": dict(options)})

    def remove_results(self) -> None:
        """Remove the networks of a finished run, and the evaluations of them."""
        self.check_lock()
        self.generator.unlink(missing_ok=True)  # first, as its presence means a finished run
        for path in (self.discriminator, *self.path.glob("evaluation*")):
            path.unlink(missing_ok=True)

    def write_config(self, config: Mapping[str, object]) -> None:
        """Write `config.json`, whatever it held before."""
        self._write_json(self.config, config)

    def write_game(self, game: Mapping[str, object]) -> None:
        """Write `game.json`: how the run's game is made, as Keras serializes it."""
        self._write_json(self.game, game)

    def _write_json(self, path: pathlib.Path, content: Mapping[str, object]) -> None:
        self.check_lock()
        with atomic_write(path) as partial:
            partial.write_text(json.dumps(content, indent=2) + "\n")

    def remains(self) -> list[str]:
        """Return the names of what a training left here, `config.json` aside."""
        files = (self.game, self.metrics, self.generator, self.discriminator)
        folders = (self.checkpoints, self.samples, self.logs)
        with self._explained("read"):
            return [
                *(path.name for path in files if path.exists()),
                *(path.name for path in folders if path.is_dir() and any(path.iterdir())),
            ]

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Keep every other process out of the directory, and create it if absent.

        The operating system frees the lock of a process that has died. Incomplete files of such a
        process are removed.

        Raises:
            BlockingIOError: another process is at work in the directory.
            OSError: the directory cannot be made, or the lock is a link or no file.
        """
        with contextlib.ExitStack() as stack:
            with self._explained("locked"):
                self.path.mkdir(parents=True, exist_ok=True)
                stack.enter_context(self._lock.held())
                self._remove_partial()
            yield

    def _remove_partial(self) -> None:
        """Remove what a dead process left half-written, below linked directories too."""
        name = ".*.partial-*"
        linked = (self.checkpoints.glob(name), self.samples.glob(name))
        for partial in itertools.chain(self.path.rglob(name), *linked):
            if not partial.is_dir():
                partial.unlink(missing_ok=True)

    def check_lock(self) -> None:
        """Check that the directory is still the one that this object locked, if it locked one.

        Raises:
            RuntimeError: the directory or its lock was removed or replaced.
        """
        if self._lock.is_lost():
            raise RuntimeError(
                f"The run directory {self.path} was removed, renamed or replaced while this "
                "training was at work in it. The training ends and writes nothing more there."
            )

    def read_config(self) -> JsonDict:
        """Return the content of `config.json`: `options`, and what else `create` recorded.

        Raises:
            FileNotFoundError: no run began here.
            OSError: the file cannot be read.
            ValueError: the file is damaged.
        """
        try:
            return check_record(json.loads(self.config.read_text(encoding="utf-8")))
        except (FileNotFoundError, NotADirectoryError) as error:
            raise FileNotFoundError(
                f"{self.path} is no run directory: it has no {self.config.name}. "
                "Name the --run_dir of a kgan-train run."
            ) from error
        except OSError as error:
            raise OSError(
                f"{self.config} cannot be read ({error.strerror}). Mend the cause, or name another "
                "directory."
            ) from error
        except (ValueError, RecursionError) as error:
            raise ValueError(
                f"{self.config} is damaged or was not written by kgan-train. "
                "Name another directory."
            ) from error

    def read_game(self) -> JsonDict:
        """Return the content of `game.json`.

        Raises:
            FileNotFoundError: there is none; earlier versions wrote none.
            OSError: the file cannot be read.
            ValueError: the file is damaged.
        """
        try:
            game = json.loads(self.game.read_text(encoding="utf-8"))
            if not isinstance(game, dict):
                raise ValueError("it is no object")
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f"The run in {self.path} has no {self.game.name}, which says how its networks are "
                "made: it is of an earlier version of kgan. Train it further with kgan-train, "
                "which writes the file."
            ) from error
        except OSError as error:
            raise OSError(
                f"{self.game} cannot be read ({error.strerror}). Mend the cause, or name another "
                "directory."
            ) from error
        except (ValueError, RecursionError) as error:
            raise ValueError(
                f"{self.game} is damaged. Train the run further with kgan-train, which writes the "
                "file again."
            ) from error
        return game

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
