"""Imports go one way, and the library keeps to what each room may use."""

import ast
import pathlib
import re
import subprocess
import sys

import pytest
import warm

ROOT = pathlib.Path(__file__).resolve().parent.parent

# What each room of kgan may import from kgan. A room is a module or a package of kgan.
ALLOWED = {
    "utils": set(),
    "losses": {"utils"},
    "priors": {"utils"},
    "augmentation": {"utils"},
    "masks": {"utils"},
    "conditions": {"masks", "utils"},
    "constraints": {"utils"},
    "layers": {"utils"},
    "optimizers": {"utils"},
    "artifacts": {"utils"},
    "plots": {"utils"},
    "theory": {"utils"},
    "metrics": {"utils"},
    "data": {"conditions", "utils"},
    "networks": {"layers", "utils"},
    "penalties": {"utils"},
    "training": {
        *("callbacks", "constraints", "losses", "optimizers", "penalties", "priors", "utils"),
    },
    "gan": {
        *("losses", "notebook", "optimizers", "penalties", "priors", "runs", "saved_model"),
        *("training", "utils"),
    },
    "variants": {
        *("conditions", "data", "gan", "layers", "losses", "masks", "networks", "priors"),
        *("training", "utils"),
    },
    "checkpoint": {"artifacts", "utils"},
    "runs": {"artifacts", "checkpoint", "utils"},
    "inference": {"artifacts", "conditions", "masks", "priors", "runs", "training", "utils"},
    "saved_model": {"inference", "masks", "priors", "utils"},
    "callbacks": {"artifacts", "checkpoint", "metrics", "notebook", "plots", "utils"},
    "notebook": {"plots", "utils"},
}
# Libraries that one room alone may import.
CONFINED = {
    "tensorflow_datasets": {"kgan/data"},
    "sklearn": {"kgan/data", "kgan/metrics"},
    "matplotlib": {"kgan/plots/"},
    "PIL": {"kgan/plots/", "kgan/data/decoding.py"},
    "nashpy": {"kgan/theory/games.py"},
    "absl": {"train", "export", "kgan_cli"},
    "ai_edge_litert": {"train", "export", "kgan/inference"},
}


def sources(*folders):
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def imported(path, text=None):
    """Full names of everything a file imports, relative imports resolved."""
    package = path.relative_to(ROOT).parent.parts
    names = set()
    for node in ast.walk(ast.parse(path.read_text() if text is None else text)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            names |= {f"{module}.{alias.name}" for alias in node.names}
    return names


def violations(path, text=None):
    """Sentences, one for each import of a file that breaks a rule."""
    relative = path.relative_to(ROOT).as_posix()
    top, room = relative.split("/")[0], relative.split("/")[1].removesuffix(".py")
    found = []
    for name in sorted(imported(path, text)):
        first, second = [*name.split("."), ""][:2]
        if room == "theory" and first in {"tensorflow", "keras"}:
            found.append(f"{relative}: theory is NumPy and SciPy alone, without {name}")
        for library, homes in CONFINED.items():
            if first == library and not any(relative.startswith(home) for home in homes):
                found.append(f"{relative}: {library} is imported in {sorted(homes)} alone")
        if first in {"train", "export", "kgan_train", "kgan_export"} and first != top:
            found.append(f"{relative}: {name} belongs to a program")
        if first == "kgan_cli" and top == "kgan":
            found.append(f"{relative}: kgan knows no command line, and so no {name}")
        if top == "kgan_cli" and first in {"kgan", "keras", "tensorflow"}:
            found.append(f"{relative}: --help does not wait for {name}")
        if (
            first == "kgan"
            and top == "export"
            and second
            not in {"artifacts", "inference", "networks", "plots", "priors", "saved_model", "utils"}
        ):
            found.append(f"{relative}: export imports no {name}")
        in_room = top == "kgan" and room != "__init__"
        if name.startswith("kgan.training.keras_private."):  # itself imports nothing from kgan
            continue
        if first == "kgan" and in_room and second not in {room, *ALLOWED[room]}:
            found.append(f"{relative}: {room} imports no {name}")
    return found


@pytest.mark.parametrize(
    "path",
    sources("kgan", "kgan_cli", "train", "export"),
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_imports_go_one_way(path):
    assert not violations(path)


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("kgan/losses.py", "from kgan import gan"),
        ("kgan/gan.py", "import kgan.data"),
        ("kgan/gan.py", "from absl import flags"),
        ("kgan/callbacks.py", "import matplotlib.pyplot"),
        ("kgan/networks/mlp.py", "from kgan.losses import get"),
        ("kgan/gan.py", "import train.run"),
        ("kgan/gan.py", "from kgan_cli.program import run"),
        ("kgan_cli/program.py", "from train.config import Config"),
        ("kgan_cli/program.py", "import tensorflow as tf"),
        ("kgan_cli/options.py", "from kgan.utils.types import JsonDict"),
        ("export/main.py", "from kgan import gan"),
        ("export/main.py", "from train.run import train"),
        ("train/run.py", "import tensorflow_datasets as tfds"),
        ("kgan/theory/value.py", "import tensorflow as tf"),
        ("kgan/theory/value.py", "from kgan import losses"),
    ],
)
def test_the_rules_notice_what_they_forbid(path, line):
    assert violations(ROOT / path, line)


def test_rooms_have_no_name_that_the_plan_lacks():
    rooms = {path.stem for path in (ROOT / "kgan").iterdir() if path.suffix == ".py"}
    rooms |= {path.parent.name for path in (ROOT / "kgan").glob("*/__init__.py")}
    assert rooms - {"__init__"} == set(ALLOWED)


@pytest.mark.slow
def test_importing_kgan_has_no_side_effects(tmp_path):
    """It opens no program, writes no file and loads no library that is not needed yet."""
    code = (
        "import os, sys, kgan\n"
        "assert 'tensorflow_datasets' not in sys.modules\n"
        "assert not any(m.split('.')[0] in ('train', 'export', 'kgan_cli') for m in sys.modules)\n"
        "kgan.data, kgan.plots, kgan.callbacks, kgan.theory, kgan.metrics\n"
        "assert {'data', 'plots', 'callbacks', 'theory', 'metrics', 'GAN'} <= set(dir(kgan))\n"
        "print(os.listdir('.'))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip() == "[]"


PRIVATE = ROOT / "kgan" / "training" / "keras_private.py"


def private_names(path, own):
    """Private attributes and modules in a file that no file of ours defines."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and node.attr.startswith("_"):
            dunder = node.attr.startswith("__") and node.attr.endswith("__")
            if not dunder and node.attr not in own:
                found.add(f"{path.relative_to(ROOT)}:{node.lineno} {ast.unparse(node)}")
        if isinstance(node, ast.ImportFrom) and re.search(r"\bsrc\b|\._", node.module or ""):
            found.add(f"{path.relative_to(ROOT)}:{node.lineno} {node.module}")
    return found


def own_names(paths):
    """Names with a leading underscore that these files define: functions, attributes, variables."""
    names = set()
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                names.add(node.name)
            elif isinstance(node, ast.Attribute | ast.Name) and isinstance(node.ctx, ast.Store):
                names.add(node.attr if isinstance(node, ast.Attribute) else node.id)
    return names


def test_one_file_has_the_private_names_of_other_libraries():
    paths = [path for path in sources("kgan", "train", "export") if path != PRIVATE]
    own = own_names(paths)
    assert set().union(*(private_names(path, own) for path in paths)) == set()
    assert len(private_names(PRIVATE, own)) >= 5, "and the rule notices them"


def test_an_import_starts_no_device():
    """After it, `tf.config` can still split the CPU, and a process may be forked."""
    code = """
import kgan, tensorflow as tf
(cpu,) = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
print(len(tf.config.list_logical_devices("CPU")))
"""
    done = subprocess.run(
        [*warm.python(), "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=300
    )
    assert done.stdout == "2\n", done.stderr
