"""Games in notebooks: the lines of docs/runs.md in a kernel, and the words for everywhere else."""

import base64
import os
import pathlib
import re

import pytest

import kgan

ROOT = pathlib.Path(__file__).resolve().parent.parent


@pytest.mark.slow
def test_eight_lines_in_a_real_kernel(tmp_path, monkeypatch):
    nbclient = pytest.importorskip("nbclient", reason="pip install kgan[test]")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    page = (ROOT / "docs" / "runs.md").read_text()
    (code,) = re.findall(r"^## Notebooks\n\n```py\n(.*?)^```$", page, re.M | re.S)
    lines = [*filter(None, code.splitlines())]
    assert len(lines) == 8
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    for name, value in {"PYTHONPATH": path, "TFDS_DATA_DIR": str(tmp_path / "data")}.items():
        monkeypatch.setenv(name, value)
    cells = [nbformat.v4.new_code_cell(line) for line in lines]
    notebook = nbformat.v4.new_notebook(cells=cells)
    nbclient.NotebookClient(
        notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    pictures = [
        [
            output["data"]["image/png"]
            for output in cell["outputs"]
            if "image/png" in output.get("data", {})
        ]
        for cell in notebook.cells
    ]
    assert [len(found) for found in pictures] == [0, 0, 0, 0, 0, 1, 1, 0], "one that is redrawn"
    for (picture,) in filter(None, pictures):
        assert base64.b64decode(picture).startswith(b"\x89PNG")
    written = "".join(
        output.get("text", "") for cell in notebook.cells for output in cell["outputs"]
    )
    for noise in ("WARNING", "Warning", "I0000", "E0000", "oneDNN", "deprecated"):
        assert noise not in written
    training = "".join(output.get("text", "") for output in notebook.cells[5]["outputs"])
    assert "22/22" in training, "Keras's progress bar"
    assert kgan.load_run(tmp_path / "runs" / "notebook").step == 44
    assert not (tmp_path / "samples").exists()


def test_elsewhere_both_say_what_to_do():
    gan = kgan.GAN(
        kgan.networks.MLPGenerator((4, 4, 1), 2, (4,)),
        kgan.networks.MLPDiscriminator((4, 4, 1), (4,)),
        kgan.priors.Normal(2),
    )
    for call in (gan.show, lambda: kgan.callbacks.SampleGrid(show=True)):
        with pytest.raises(RuntimeError, match=r"shown in notebooks alone\. In a program write"):
            call()
    with pytest.raises(ValueError, match=r"`run_dir`: expected a directory for the grids, or show"):
        kgan.callbacks.SampleGrid()
