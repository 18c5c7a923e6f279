"""Import the user's modules, so that what they register has a name: data sets, layers."""

from __future__ import annotations

import importlib
import os
import sys

from absl import flags

__all__ = ["define_import_flag", "import_modules"]


def define_import_flag(module: str) -> None:
    """Define the flag `--import`, listed under `module` as `flags.define_flags` lists its own."""
    flags.DEFINE_list(
        "import",
        [],
        "Modules to import first, such as my_package.my_networks, whose TFDS builders then have "
        "names for --dataset, and whose layers and networks Keras then finds. Found as Python "
        "finds them, and in the current directory.",
        module_name=sys.argv[0] if module == "__main__" else module,
    )


def import_modules() -> None:
    """Import the modules that `--import` names.

    Raises:
        ValueError: a module is not found or fails; the sentence names it.
    """
    names: list[str] = flags.FLAGS["import"].value or []
    if names and not {"", os.getcwd()} & {*sys.path}:
        sys.path.append(os.getcwd())  # an installed program does not look there
    for name in names:
        try:
            importlib.import_module(name)
        except (Exception, SystemExit) as error:
            raise ValueError(f"--import={name}: {_why(name, error)}") from error


def _why(name: str, error: BaseException) -> str:
    parts = name.split(".")
    if not all(part.isidentifier() for part in parts) or parts[-1] == "py":
        return "expected the dotted name of a module, such as my_package.my_set."
    missing = getattr(error, "name", None) if isinstance(error, ModuleNotFoundError) else None
    if missing and (name == missing or name.startswith(f"{missing}.")):
        return (
            f"no module {missing!r} is installed or lies in the current directory. Install it, or "
            "name its directory in the environment variable PYTHONPATH."
        )
    message = " ".join(str(error).split()) or "no message"
    return f"importing it failed ({type(error).__name__}: {message})."
