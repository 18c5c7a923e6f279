"""Documents are executed: every command, every Python block, every link and test name."""

import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import sysconfig

import pytest
import warm
from PIL import Image
from sklearn.datasets import load_digits
from tfds_data import write_small_mnist

from train.presets import PRESETS

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOCUMENTS = sorted(path.relative_to(ROOT) for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
PAGES = [document for document in DOCUMENTS if document.parent.name == "docs"]
TOOLS = ("benchmarks", "experiments")
SHORT = ["--steps=2", "--steps_per_execution=1", "--width=8", "--batch_size=16"]


def blocks(document, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", (ROOT / document).read_text(), re.M | re.S)


def commands(document):
    return [line for block in blocks(document, "sh") for line in block.splitlines() if line]


# What several documents say is typed once.
ALL_COMMANDS = [*dict.fromkeys(command for d in DOCUMENTS for command in commands(d))]


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """Where the documents' commands are typed, one after the other; MNIST is a small one."""
    place = tmp_path_factory.mktemp("desk")
    write_small_mnist(place / "tensorflow_datasets")
    return place


def shell(command, cwd, **environment):
    scripts = pathlib.Path(sysconfig.get_path("scripts"))
    path = f"{scripts}{os.pathsep}{os.environ['PATH']}"
    first, *rest = command
    if first == sys.executable:
        command = [*warm.python(), *rest]
    elif (scripts / first).exists():
        command = [*warm.python(), scripts / first, *rest]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "PATH": path, **environment},
        timeout=1800,  # two busy cores are slow
    )


def check(done):
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


@pytest.fixture(scope="module")
def tools_help():
    """The help of each benchmark and experiment; one process, as each imports TensorFlow."""
    code = """
import contextlib, importlib, io, json, sys
found, names, sys.argv = {}, sys.argv[1:], ["tool", "--help"]
for name in names:
    module = importlib.import_module(name)
    if not hasattr(module, "main"):
        module = importlib.import_module(f"{name}.__main__")
    with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.suppress(SystemExit):
        module.main()
    found[name] = said.getvalue()
print(json.dumps(found))
"""
    modules = [words[2] for words in map(str.split, ALL_COMMANDS) if words[:2] == ["python", "-m"]]
    named = {module for module in modules if module.startswith(TOOLS)}
    done = shell([sys.executable, "-c", code, *sorted(named)], ROOT)
    check(done)
    return json.loads(done.stdout.splitlines()[-1])


def make_pictures(desk, name="my_pictures"):
    """A directory of pictures of the documents: digits, a folder for each class."""
    folders = ["cat", "dog", *map(str, range(2, 10))]
    for i, (pixels, label) in enumerate(zip(*load_digits(return_X_y=True), strict=True)):
        path = desk / name / folders[label] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((pixels.reshape(8, 8) * 15.9).astype("uint8")).save(path)


def type_in(command, desk, tools_help):
    """Executes a documented command, with few steps and samples where it asks for thousands."""
    words = [re.sub(r"^--count=\d000+$", "--count=60", word) for word in shlex.split(command)]
    data = desk / "tensorflow_datasets"
    if words[0] == "kgan-train":
        if "--data_dir=DATA" in words:
            # test_data_prepare.py prepares it from its archives.
            (desk / "DATA").symlink_to(data, target_is_directory=True)
        elif "my_pictures" in command:
            make_pictures(desk)
        elif "--dataset=targets" in words:
            make_pictures(desk, "targets")
            make_pictures(desk, "sources")
        words = [word for word in words if not word.startswith("--minutes=")]  # SHORT has steps
        check(shell([*words, *SHORT], desk, TFDS_DATA_DIR=str(data)))
    elif words[0] in ("kgan-export", "kgan-sample", "saved_model_cli"):
        # test_demo makes all precisions.
        words = [re.sub(r"^(--quantization=).*", r"\1none,int8_io", word) for word in words]
        check(shell(words, desk))
    elif words[0] == "kgan-evaluate":
        if "mnist" in command:
            # test_metrics_classifier.py trains the classifier that this would wait for.
            words += ["--features=random", "--metrics=frechet,latent"]
        elif "runs/cats" in command or "runs/categories" in command:
            words += ["--features=random", "--metrics=frechet,latent"]  # so does this one
        elif "--generator=" in command:
            words += ["--metrics=frechet,latent"]  # the one without has them all
        check(shell([*words, "--num_samples=200"], desk, TFDS_DATA_DIR=str(data)))
    elif words[:2] == ["python", "-m"] and words[2].startswith("examples."):
        trains = "start(run, steps=" in (ROOT / f"{words[2].replace('.', '/')}.py").read_text()
        short = ["--steps=3"] if trains else []  # test_theory_training.py runs these for longer
        check(shell([sys.executable, *words[1:], *short], desk, PYTHONPATH=str(ROOT)))
    elif words[1:2] == ["benchmarks/accelerator/run.py"]:
        pytest.importorskip("jax", reason="the runner needs JAX: pip install kgan[jax]")
        check(shell([sys.executable, ROOT / words[1], *words[2:], "--train_seconds=0"], desk))
    elif words[2:4] in (["benchmarks.accelerator", "export"], ["benchmarks.accelerator", "import"]):
        if words[3] == "import" and not (desk / "result").exists():
            pytest.skip("the runner needs JAX: pip install kgan[jax]")
        words += ["--width=8", "--steps=110"] if words[3] == "export" else []
        places = {"PYTHONPATH": str(ROOT), "TFDS_DATA_DIR": str(data)}
        check(shell([sys.executable, *words[1:]], desk, **places))
    elif words[:2] == ["python", "-m"] and words[2].startswith(TOOLS):
        # These take minutes to hours: the test checks that their help names every option.
        options = [word.partition("=")[0] for word in words[3:] if word.startswith("--")]
        assert all(option in tools_help[words[2]] for option in ("usage:", *options))
    elif words[0] == "make":
        check(shell([*words, "--dry-run"], ROOT))  # test_demo runs one; this test is in the other
    elif "pytest" in words:
        files = [] if any("test_" in word for word in words) else ["tests/test_words.py"]
        check(shell([sys.executable, *words[1:], *files, "--collect-only", "--quiet"], ROOT))
    elif "venv" in words or "pip" in words:
        recipe = shell(["make", "--dry-run", "--always-make", "lint"], ROOT).stdout
        assert set(words) - {"install"} <= set(shlex.split(recipe)), recipe
    else:
        assert words == [".venv/bin/python", "-m", "build"], (
            f"{command!r} is new: say here how it is executed."
        )  # test_packaging.py builds


@pytest.mark.slow
@pytest.mark.parametrize("command", ALL_COMMANDS)
def test_commands_work(command, desk, tools_help):
    type_in(command, desk, tools_help)


@pytest.mark.slow
def test_demo(tmp_path):
    """`make demo`, whole but for the length of its training."""
    done = shell(["make", "demo", f"DEMO={tmp_path / 'demo'}", "STEPS=20"], ROOT)
    check(done)
    run, out = tmp_path / "demo" / "run", tmp_path / "demo" / "export"
    assert len(list((run / "samples").iterdir())) >= 1
    assert (out / "saved_model" / "1" / "saved_model.pb").exists()
    assert list((out / "tflite").iterdir())
    for place in (run / "samples", run, out):
        assert str(place) in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("document", [d for d in DOCUMENTS if blocks(d, "python")], ids=str)
def test_python_blocks_run(document, tmp_path):
    code = "\n".join(blocks(document, "python"))
    if "my_pictures" in code:
        make_pictures(tmp_path)
    check(shell([sys.executable, "-c", code], tmp_path, TFDS_DATA_DIR=str(tmp_path / "data")))


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_links_lead_somewhere(document):
    for target in re.findall(r"\]\(([^)#]+)\)", (ROOT / document).read_text()):
        if "://" not in target:
            assert (ROOT / document).parent.joinpath(target).exists(), target


def test_every_preset_and_file_is_named():
    presets = (ROOT / "docs/presets.md").read_text()
    for preset in PRESETS:
        assert f"`{preset}`" in presets
    readme = (ROOT / "README.md").read_text()
    for path in set(re.findall(r"^\| `([^`]+)`", readme, re.M)) - set(PRESETS):
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("document", [d for d in DOCUMENTS if "::test_" in (ROOT / d).read_text()])
def test_named_tests_exist(document):
    """`test_file.py::test_name`, and `::test_other` of the file that was named before."""
    file = None
    for name, function in re.findall(
        r"`(?:tests/)?(test_\w+\.py)?(?:::(\w+))?`", (ROOT / document).read_text()
    ):
        if not name and not function:
            continue
        file = name or file
        source = (ROOT / "tests" / file).read_text()
        assert f"def {function}(" in source or not function, (file, function)


@pytest.mark.parametrize("document", ["README.md", *PAGES], ids=str)
def test_pages_are_short(document):
    """A page of more than 1,500 words is data: it belongs into a file beside the page."""
    assert len((ROOT / document).read_text().split()) < 1500


def test_make_lists_its_targets():
    done = shell(["make"], ROOT)
    check(done)
    targets = re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.M)[0].split()
    assert re.findall(r"^make (\w+) +\w", done.stdout, re.M) == targets
