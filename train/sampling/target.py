"""What `--output` names: a grid, an animation or a directory. It imports no TensorFlow."""

from __future__ import annotations

import dataclasses
import os
import pathlib

GRID, ANIMATION, DIRECTORY = "grid", "animation", "directory"
SUFFIXES = {".png": GRID, ".gif": ANIMATION, ".apng": ANIMATION}


@dataclasses.dataclass(frozen=True)
class Target:
    """The file or directory that the samples go to.

    Args:
        output: as the user typed it.

    Raises:
        ValueError: it ends in another suffix than the known ones.
    """

    output: str

    def __post_init__(self) -> None:
        if self.kind not in (GRID, ANIMATION, DIRECTORY):
            raise ValueError(
                f"--output={self.output}: expected a file that ends in {', '.join(SUFFIXES)}, or "
                f"a directory such as {self.output}/, received {self.kind}."
            )

    @property
    def path(self) -> pathlib.Path:
        """The path; `~` is expanded."""
        return pathlib.Path(self.output).expanduser()

    @property
    def kind(self) -> str:
        """`GRID`, `ANIMATION` or `DIRECTORY`; a suffix that is not known is itself."""
        suffix = self.path.suffix.lower()
        if not suffix or self.output.endswith("/") or self.path.is_dir():
            return DIRECTORY
        return SUFFIXES.get(suffix, suffix)

    def check(self) -> None:
        """Check that the samples can be written, and write nothing.

        Raises:
            FileExistsError: the directory is not empty.
            NotADirectoryError: a file is where a directory is needed.
            PermissionError: nothing can be written there.
        """
        folder = self.path if self.kind == DIRECTORY else self.path.parent
        existing = next(p for p in (folder, *folder.absolute().parents) if os.path.lexists(p))
        if not existing.is_dir():
            raise NotADirectoryError(
                f"--output={self.output}: expected a directory, but {existing} is a file. Name "
                "another one."
            )
        if not os.access(existing, os.W_OK | os.X_OK):
            raise PermissionError(
                f"--output={self.output}: {existing} cannot be written to. Name another one."
            )
        if self.kind == DIRECTORY and existing == folder and (names := os.listdir(folder)):
            raise FileExistsError(
                f"--output={self.output}: expected a new or an empty directory, but it holds "
                f"{len(names)} files or directories, such as {min(names)}. Empty it, or name "
                "another one."
            )
