"""The built wheel, in an environment of its own outside the checkout."""

import os
import pathlib
import subprocess
import sys
import sysconfig
import venv
import zipfile

import pytest

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
    venv.create(home, with_pip=True)
    python = home / "bin" / "python"
    site = pathlib.Path(
        subprocess.check_output(
            [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True
        ).strip()
    )
    before = {path.name for path in site.iterdir()}
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", str(wheel)],
        check=True,
        timeout=300,
    )
    installed = {path.name for path in site.iterdir()} - before
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return home, installed


def run(environment, *command, cwd):
    home, _ = environment
    clean = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    return subprocess.run(
        [str(home / "bin" / command[0]), *command[1:]],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=clean,
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
def test_installed_wheel_trains_evaluates_and_exports(environment, tmp_path):
    _, installed = environment
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
    done = run(environment, "kgan-export", "--run_dir=run", "--output_dir=out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "saved_model" / "1" / "saved_model.pb").exists()

    arguments = ("--run_dir=run", "--data_dir=data", "--metrics=kernel", "--features=pixels")
    done = run(environment, "kgan-evaluate", *arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "evaluation.json").exists()

    needs = dict.fromkeys(("kgan-train", "kgan-evaluate", "kgan-export"), "--run_dir")
    for command, flag in {**needs, "kgan-serve": "--model_dir"}.items():
        done = run(environment, command, "--help", cwd=tmp_path)
        assert flag in done.stdout, done
        assert run(environment, command, cwd=tmp_path).returncode == 1
