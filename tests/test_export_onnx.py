"""ONNX, as ONNX Runtime runs it."""

import sys

import numpy as np
import onnx
import onnxruntime
import pytest
from export_runs import exported, make_run, sequential
from kgan_export.onnx import OPSET
from kgan_export.program import export

import kgan


def path(name):
    return exported(name).out / "onnx" / "generator.onnx"


@pytest.mark.parametrize("name", ["mlp", "dcgan", "conditional"])
class TestOnnx:
    @pytest.mark.slow
    @pytest.mark.parametrize("batch", [1, 70])
    def test_it_makes_the_images_of_keras_in_any_batch(self, name, batch):
        made = exported(name)
        session = onnxruntime.InferenceSession(path(name), providers=["CPUExecutionProvider"])
        inputs = made.inputs(batch, 1)
        (images,) = session.run(None, inputs)
        assert images.dtype == np.float32
        np.testing.assert_allclose(images, made.images(**inputs), rtol=0, atol=1e-5)

    def test_the_model_is_as_promised(self, name):
        made = exported(name)
        model = onnx.load(path(name))
        onnx.checker.check_model(model, full_check=True)
        assert {o.domain: o.version for o in model.opset_import if not o.domain} == {"": OPSET}
        assert {node.domain for node in model.graph.node} <= {""}
        session = onnxruntime.InferenceSession(path(name), providers=["CPUExecutionProvider"])
        taken = [(value.name, value.shape, value.type) for value in session.get_inputs()]
        labels = [("labels", ["batch"], "tensor(int32)")] if name == "conditional" else []
        assert taken == [("latents", ["batch", made.case.prior.dim], "tensor(float)"), *labels]
        (given,) = session.get_outputs()
        assert given.name == "images"
        assert given.shape == ["batch", *made.trained.image_shape]


def test_without_its_packages_it_is_refused_at_once(tmp_path, monkeypatch):
    run_dir = make_run(tmp_path / "run", sequential(), kgan.priors.Normal(4))
    monkeypatch.setitem(sys.modules, "tf2onnx", None)  # to import it is now an error
    message = r"needs tf2onnx, which is not installed: pip install 'kgan\[onnx\]', or leave onnx"
    with pytest.raises(ModuleNotFoundError, match=message):
        export(run_dir, tmp_path / "out", ["saved_model", "onnx"])
    assert not (tmp_path / "out").exists()
