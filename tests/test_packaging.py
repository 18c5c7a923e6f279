"""The built wheel, in an environment of its own outside the checkout."""

import os
import pathlib
import subprocess
import sys
import sysconfig
import venv
import zipfile

import pytest
import warm
from packaging.requirements import Requirement

import kgan

ROOT = pathlib.Path(__file__).resolve().parent.parent
# What the wheel installs, by the folder of the checkout.
PACKAGES = {
    "kgan": "kgan",
    "kgan_cli": "kgan_cli",
    "train": "kgan_train",
    "export": "kgan_export",
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    out = tmp_path_factory.mktemp("wheel")
    # By way of the source distribution, which is thereby shown to be whole.
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    (path,) = out.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory):
    """A fresh environment with the wheel; its dependencies are those of this one, by path.

    The path is added as a plain line, so that the editable install of the checkout, which works by
    an import hook, is not seen.
    """
    home = tmp_path_factory.mktemp("environment")
    venv.create(home)
    python = home / "bin" / "python"
    site = pathlib.Path(
        subprocess.check_output(
            [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True
        ).strip()
    )
    before = {path.name for path in site.iterdir()}
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "--python", python, "install", "--quiet"),
            *("--no-deps", "--no-index", str(wheel)),
        ],
        check=True,
        timeout=300,
    )
    installed = {path.name for path in site.iterdir()} - before
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return home, site, installed


def run(environment, *command, cwd, warm_up=False):
    """Run a program of the environment; `warm_up` loads its dependencies from this one's."""
    home, site, _ = environment
    clean = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    return subprocess.run(
        [*(warm.python() if warm_up else ()), str(home / "bin" / command[0]), *command[1:]],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**clean, "PYTHONPATH": str(site)} if warm_up else clean,
        timeout=300,
    )


def test_wheel_holds_its_packages_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = (n for n in names if n.endswith("METADATA"))
        text = archive.read(metadata).decode()
    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == set(PACKAGES.values())
    assert all(n.endswith((".py", ".typed")) for n in names if ".dist-info/" not in n)
    assert any(n.endswith("licenses/LICENSE") for n in names)
    assert "kgan/py.typed" in names
    for folder, package in PACKAGES.items():
        for source in (ROOT / folder).rglob("*.py"):
            assert f"{package}/{source.relative_to(ROOT / folder).as_posix()}" in names
    assert f"Version: {kgan.__version__}\n" in text
    for requirement in ("importlib_resources", "tensorflow-datasets", "absl-py", "keras"):
        assert f"Requires-Dist: {requirement}" in text


@pytest.mark.slow
def test_installed_wheel_trains_samples_evaluates_and_exports(environment, tmp_path):
    *_, installed = environment
    packages = {name for name in installed if not name.endswith(".dist-info")}
    assert packages == set(PACKAGES.values())

    code = "import kgan; print(kgan.__file__)"
    done = run(environment, "python", "-c", code, cwd=tmp_path)
    assert str(ROOT) not in done.stdout
    assert "site-packages/kgan/__init__.py" in done.stdout

    arguments = ("--run_dir=run", "--data_dir=data", "--steps=5", "--width=8", "--batch_size=32")
    done = run(environment, "kgan-train", "--dataset=digits", *arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "5/5" in done.stderr
    # What follows is warmed up; it is the wheel's all the same.
    script = tmp_path / "where.py"
    script.write_text("import kgan, kgan_export; print(kgan.__file__, kgan_export.__file__)")
    done = run(environment, script, cwd=tmp_path, warm_up=True)
    assert done.stdout.count("site-packages/kgan") == 2, done.stdout + done.stderr
    assert str(ROOT / "kgan") not in done.stdout
    assert str(ROOT / "export") not in done.stdout

    arguments = ("--run_dir=run", "--output_dir=out")
    done = run(environment, "kgan-export", *arguments, cwd=tmp_path, warm_up=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "saved_model" / "1" / "saved_model.pb").exists()

    arguments = ("--run_dir=run", "--data_dir=data", "--metrics=kernel", "--features=pixels")
    done = run(environment, "kgan-evaluate", *arguments, cwd=tmp_path, warm_up=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "evaluation_in_pixels.json").exists()

    arguments = ("--run_dir=run", "--output=a.png")
    done = run(environment, "kgan-sample", *arguments, cwd=tmp_path, warm_up=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "a.png").exists()

    programs = ("kgan-train", "kgan-sample", "kgan-evaluate", "kgan-export")
    needs = dict.fromkeys(programs, "--run_dir")
    for command, flag in {**needs, "kgan-serve": "--model_dir"}.items():
        done = run(environment, command, "--help", cwd=tmp_path)
        assert flag in done.stdout, done
        assert run(environment, command, cwd=tmp_path).returncode == 1


def test_keras_and_the_server_are_asked_for_without_known_faults(wheel):
    """No release that an advisory names: of Keras on .keras files, of Starlette on addresses."""
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = (name for name in archive.namelist() if name.endswith("METADATA"))
        lines = archive.read(metadata).decode().splitlines()
    needs = [Requirement(line[15:]) for line in lines if line.startswith("Requires-Dist: ")]

    def allowed(name, python="3.12", extra=""):
        marks = {"python_version": python, "extra": extra}
        (found,) = (
            need
            for need in needs
            if need.name == name and (need.marker is None or need.marker.evaluate(marks))
        )
        return found.specifier

    assert "3.12.1" not in allowed("keras", "3.10")
    assert "3.12.2" in allowed("keras", "3.10")
    for python in ("3.11", "3.12", "3.13"):
        assert "3.14.0" not in allowed("keras", python)
        assert "3.14.1" in allowed("keras", python)
        assert "4.0" not in allowed("keras", python)
    assert "1.3.0" not in allowed("starlette", extra="serve")
    assert "1.3.1" in allowed("starlette", extra="serve")
    assert "0.15.0" not in allowed("h11", extra="serve")
