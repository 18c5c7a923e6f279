"""Clients that know nothing of kgan: the programs of docs/exports.md, and TensorFlow's own."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from export_runs import exported
from tensorflow_serving.apis import predict_pb2

pytestmark = pytest.mark.slow

DOCUMENT = pathlib.Path(__file__).parents[1] / "docs" / "exports.md"
# To import one of these packages is then an error, as where it is not installed.
ABSENT = "import sys; sys.modules.update(dict.fromkeys({packages}))\n"


def python_blocks():
    return re.findall(r"^```py\n(.*?)^```$", DOCUMENT.read_text(), re.M | re.S)


@pytest.fixture(scope="module")
def made():
    return exported("mlp")


@pytest.fixture
def desk(made, tmp_path):
    """A directory where the documented paths lead to the exports."""
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "digits").symlink_to(made.out)
    return tmp_path


def run_block(desk, word, absent=("kgan",)):
    """The `images` of the documented Python that has `word` in it."""
    (code,) = (block for block in python_blocks() if word in block)
    program = f"{ABSENT.format(packages=absent)}{code}\nimport numpy\nnumpy.save('x', images)\n"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=desk,
        capture_output=True,
        text=True,
        env={**os.environ, "ORT_DISABLE_TELEMETRY": "1"},
    )
    assert done.returncode == 0, done.stderr
    return np.load(desk / "x.npy")


class TestPython:
    def test_tensorflow(self, made, desk):
        images = run_block(desk, "saved_model", absent=("kgan", "keras"))
        expected = made.images(made.case.prior.sample(16, (0, 7)))
        np.testing.assert_allclose(images, expected, rtol=0, atol=1e-6)

    def test_litert_where_there_is_no_tensorflow(self, made, desk):
        images = run_block(desk, "ai_edge_litert", absent=("kgan", "keras", "tensorflow"))
        run = made.lite("int8", "sample")
        expected = run(count=np.int32(16), seed=np.array([0, 7], np.int32))["images"]
        np.testing.assert_array_equal(images, expected)

    def test_onnx_runtime_where_there_is_no_tensorflow(self, made, desk):
        images = run_block(desk, "onnxruntime", absent=("kgan", "keras", "tensorflow"))
        latents = np.random.default_rng(0).standard_normal((16, 32), np.float32)
        np.testing.assert_allclose(images, made.images(latents), rtol=0, atol=1e-5)

    def test_absent_packages_are_absent(self, desk):
        program = f"{ABSENT.format(packages=('tensorflow',))}import tensorflow.lite"
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
        assert "ModuleNotFoundError" in done.stderr


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """The documented C program, compiled against the C library of TensorFlow's wheel."""
    if shutil.which("cc") is None:
        pytest.skip("there is no C compiler")
    desk = tmp_path_factory.mktemp("c")
    code = (DOCUMENT.parent / "sample_png.c").read_text()
    (desk / "sample_png.c").write_text(code)
    command = re.search(r"/\* (cc sample_png\.c .*)\n", code)[1]
    words = command.replace("$TF", tf.sysconfig.get_lib()).split()
    subprocess.run(words, cwd=desk, check=True)
    return desk / "a.out"


class TestC:
    def test_it_writes_the_png_files_of_python(self, made, client, tmp_path):
        directory = made.out / "saved_model" / "1"
        name = output_operation(directory, "sample_png", "png_bytes")
        subprocess.run(
            [client, directory, name, "3", "0", "7"], cwd=tmp_path, check=True, capture_output=True
        )
        assert sorted(path.name for path in tmp_path.iterdir()) == [
            f"image_{i}.png" for i in range(3)
        ]
        sample = made.saved_model().signatures["sample_png"]
        expected = sample(count=tf.constant(3), seed=tf.constant([0, 7]))["png_bytes"]
        for i, file in enumerate(expected.numpy()):
            assert (tmp_path / f"image_{i}.png").read_bytes() == file

    def test_it_hears_what_is_wrong(self, made, client, tmp_path):
        directory = made.out / "saved_model" / "1"
        name = output_operation(directory, "sample_png", "png_bytes")
        done = subprocess.run(
            [client, directory, name, "0", "0", "7"], cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == 1
        assert "Invalid value for input `count`: expected 1 to 1024, received" in done.stderr
        assert not list(tmp_path.iterdir())


def output_operation(directory, signature, output):
    """What `saved_model_cli show` says of an output, without the number of the result."""
    from tensorflow.core.protobuf import saved_model_pb2

    record = saved_model_pb2.SavedModel.FromString((directory / "saved_model.pb").read_bytes())
    (graph,) = record.meta_graphs
    return graph.signature_def[signature].outputs[output].name.partition(":")[0]


def test_official_messages_carry_requests_and_responses(made):
    """A request and its response survive the wire format of TensorFlow Serving's gRPC service."""
    inputs = made.inputs(3, 5)
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "gan"
    request.model_spec.signature_name = "serving_default"
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    heard = predict_pb2.PredictRequest.FromString(request.SerializeToString())
    taken = {name: tf.constant(tf.make_ndarray(x)) for name, x in heard.inputs.items()}
    serve = made.saved_model().signatures[heard.model_spec.signature_name]
    response = predict_pb2.PredictResponse()
    for name, value in serve(**taken).items():
        response.outputs[name].CopyFrom(tf.make_tensor_proto(value))
    answer = predict_pb2.PredictResponse.FromString(response.SerializeToString())
    images = tf.make_ndarray(answer.outputs["images"])
    np.testing.assert_allclose(images, made.images(**inputs), rtol=0, atol=1e-6)


def test_tensorflows_own_tool(made, tmp_path):
    tool = pathlib.Path(sys.executable).with_name("saved_model_cli")
    arguments = ["run", "--dir", made.out / "saved_model" / "1", "--tag_set", "serve"]
    asked = ["--signature_def", "sample", "--input_exprs", "count=4;seed=[0,7]"]
    done = subprocess.run(
        [tool, *arguments, *asked, "--outdir", tmp_path], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    expected = made.images(made.case.prior.sample(4, (0, 7)))
    images = np.load(tmp_path / "images.npy")
    np.testing.assert_allclose(images, expected, rtol=0, atol=1e-6)
