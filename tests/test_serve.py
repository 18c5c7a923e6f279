"""The server: TensorFlow Serving's API, bounds, bad input, newer versions, start and stop."""

import asyncio
import base64
import contextlib
import gzip
import html
import http.client
import io
import json
import pathlib
import re
import shlex
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
import urllib.parse

import httpx
import keras
import matplotlib.image
import numpy as np
import pytest
import tensorflow as tf
import warm
from google.protobuf import json_format
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kgan_export.serving import bodies as bodies_module
from kgan_export.serving.address import check_origins
from kgan_export.serving.app import make_app
from kgan_export.serving.error import HttpError
from kgan_export.serving.model import Model
from kgan_export.serving.page import page
from kgan_export.serving.versions import Versions
from kgan_export.serving.workers import Workers
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2

import kgan
from kgan import plots, saved_model
from kgan.inference import KerasGenerator

ROOT = pathlib.Path(__file__).resolve().parent.parent
PREDICT = "/v1/models/gan:predict"
PAIRS = {"a": tf.float32, "b": tf.int32}
KINDS = [tf.uint8, tf.int64, tf.uint64, tf.float16, tf.bfloat16, tf.float64, tf.bool]


class Zoo(tf.Module):
    """Signatures of every sort, whose answers are known in closed form.

    Args:
        offset: what tells one version from another.
    """

    def __init__(self, offset=0.0):
        super().__init__()
        self.offset = tf.Variable(offset)

    def images(self, latents):
        return {"images": tf.reshape(latents * 2 + self.offset, [-1, 2, 2, 1])}

    def sample(self, count, seed, labels):
        """Image i is of the brightness labels[i] / 2, but for the first pixel, the seed."""
        tf.debugging.Assert(seed[0] != 13, ["13 is no seed"])
        grey = tf.cast(labels, tf.float32) / 2
        rest = tf.repeat(grey[:, None], 3, axis=1)
        first = tf.fill([count, 1], tf.cast(seed[0], tf.float32))
        return {"images": tf.reshape(tf.concat([first, rest], 1), [count, 2, 2, 1])}

    def png(self, count, seed):
        return {"png_bytes": tf.repeat(tf.constant(b"\x89PNG"), count)}

    def two(self, a, b):
        return {"sum": a + tf.cast(b, tf.float32), "b": b}

    def words(self, words):
        return {"upper": tf.strings.upper(words), "first_bytes": tf.strings.substr(words, 0, 1)}

    def kinds(self, **kinds):
        return {f"{name}_out": tf.identity(kind) for name, kind in kinds.items()}

    def total(self, table):
        return {"total": tf.reduce_sum(table)}

    def wave(self, wave):
        return {"wave": tf.identity(wave)}

    def wide(self, rows):
        return {"wide": tf.repeat(rows[:, None], 100_000, axis=1)}

    def save(self, path):
        """Writes the version `path`, whole or not at all."""

        def spec(shape, dtype, name):
            return tf.TensorSpec(shape, dtype, name=name)

        drawn = {"count": spec([], tf.int32, "count"), "seed": spec([2], tf.int32, "seed")}
        inputs = {
            "serving_default": (self.images, {"latents": spec([None, 4], tf.float32, "latents")}),
            "sample": (self.sample, {**drawn, "labels": spec([None], tf.int32, "labels")}),
            "sample_png": (self.png, drawn),
            "two": (self.two, {name: spec([None], kind, name) for name, kind in PAIRS.items()}),
            "words": (self.words, {"words": spec([None], tf.string, "words")}),
            "kinds": (self.kinds, {kind.name: spec([None], kind, kind.name) for kind in KINDS}),
            "total": (self.total, {"table": spec([2, None], tf.float32, "table")}),
            "wave": (self.wave, {"wave": spec([None], tf.complex64, "wave")}),
            "wide": (self.wide, {"rows": spec([None], tf.float32, "rows")}),
        }
        signatures = {
            name: tf.function(function).get_concrete_function(**specs)
            for name, (function, specs) in inputs.items()
        }
        partial = path.parent / f".{path.name}"
        tf.saved_model.save(self, str(partial), signatures)
        (partial / "assets.extra").mkdir()
        card = {"num_classes": 3, "config": {"data": {"class_names": ["cat", "dog", "7"]}}}
        (partial / "assets.extra" / "kgan.json").write_text(json.dumps(card))
        partial.rename(path)


@pytest.fixture(scope="module")
def zoo(tmp_path_factory):
    """A directory with version 1, which nobody changes."""
    directory = tmp_path_factory.mktemp("zoo")
    Zoo().save(directory / "1")
    return directory


class Client:
    """Asks an application in this process, whose unexpected exceptions come through."""

    def __init__(self, app):
        self.loop = asyncio.new_event_loop()
        transport = httpx.ASGITransport(app)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://test")

    def ask(self, method, path, **request):
        return self.loop.run_until_complete(self.http.request(method, path, **request))

    def predict(self, body, path=PREDICT):
        content = body if isinstance(body, (bytes, str)) else json.dumps(body)
        return self.ask("POST", path, content=content)

    def close(self):
        self.loop.run_until_complete(self.http.aclose())
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()


@pytest.fixture(scope="module")
def client(zoo):
    client = Client(make_app(Versions(zoo), Workers()))
    yield client
    client.close()


def refused(answer, status, sentence):
    """The answer is an error of TensorFlow Serving's shape."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    error = answer.json()
    assert set(error) == {"error"}
    assert re.search(sentence, error["error"]), error
    assert len(error["error"]) < 500


# The API


def test_status_and_metadata_are_the_official_messages(client):
    for path in ("/v1/models/gan", "/v1/models/gan/versions/1"):
        status = json_format.Parse(
            client.ask("GET", path).text, get_model_status_pb2.GetModelStatusResponse()
        )
        (version,) = status.model_version_status
        assert (version.version, version.state, version.status.error_code) == (1, 30, 0)
        assert get_model_status_pb2.ModelVersionStatus.State.Name(version.state) == "AVAILABLE"
    for path in ("/v1/models/gan/metadata", "/v1/models/gan/versions/1/metadata"):
        metadata = client.ask("GET", path).json()
        assert metadata["model_spec"] == {"name": "gan", "signature_name": "", "version": "1"}
        signatures = json_format.ParseDict(
            metadata["metadata"]["signature_def"], get_model_metadata_pb2.SignatureDefMap()
        ).signature_def
        latents = signatures["serving_default"].inputs["latents"]
        assert latents.dtype == tf.float32.as_datatype_enum
        assert [dim.size for dim in latents.tensor_shape.dim] == [-1, 4]


IMAGE = [[[0.0], [2.0]], [[4.0], [0.5]]]
B64 = {"b64": base64.b64encode(b"\x89PNG").decode()}
ALL_KINDS = {
    "uint8": 255,
    "int64": -(2**63),
    "uint64": 2**64 - 1,
    "float16": 0.5,
    "bfloat16": 3.0,
    "float64": 0.1,
    "bool": True,
}
ANSWERS = {
    "rows": ({"instances": [[0, 1, 2, 0.25]] * 2}, {"predictions": [IMAGE, IMAGE]}),
    "named rows": ({"instances": [{"latents": [0, 1, 2, 0.25]}]}, {"predictions": [IMAGE]}),
    "with a byte order mark": (
        '\ufeff{"inputs": [[0, 1, 2, 0.25]]}'.encode(),
        {"outputs": [IMAGE]},
    ),
    "a column": ({"inputs": [[0, 1, 2, 0.25]]}, {"outputs": [IMAGE]}),
    "a named column": ({"inputs": {"latents": [[0, 1, 2, 0.25]]}}, {"outputs": [IMAGE]}),
    "default by name": (
        {"signature_name": "", "inputs": [[0] * 4]},
        {"outputs": [[[[0.0]] * 2] * 2]},
    ),
    "rows of several": (
        {"signature_name": "two", "instances": [{"a": 1.5, "b": 2}, {"b": -1, "a": 0}]},
        {"predictions": [{"sum": 3.5, "b": 2}, {"sum": -1.0, "b": -1}]},
    ),
    "columns of several": (
        {"signature_name": "two", "inputs": {"a": [1.5, 0], "b": [2, -1]}},
        {"outputs": {"sum": [3.5, -1.0], "b": [2, -1]}},
    ),
    "a scalar": ({"signature_name": "total", "inputs": [[1], [2]]}, {"outputs": 3.0}),
    "bytes that are no text": (
        {"signature_name": "sample_png", "inputs": {"count": 2, "seed": [0, -(2**31)]}},
        {"outputs": [B64, B64]},
    ),
    "text and bytes": (
        {"signature_name": "words", "instances": ["né", {"b64": "Yg"}, {"b64": " Y w = =\n"}]},
        {
            "predictions": [
                {"upper": "Né", "first_bytes": {"b64": "bg=="}},
                {"upper": "B", "first_bytes": {"b64": "Yg=="}},
                {"upper": "C", "first_bytes": {"b64": "Yw=="}},
            ]
        },
    ),
    "every kind": (
        {"signature_name": "kinds", "instances": [ALL_KINDS]},
        {"predictions": [{f"{name}_out": value for name, value in ALL_KINDS.items()}]},
    ),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_answers(client, name):
    body, expected = ANSWERS[name]
    for path in (PREDICT, "/v1/models/gan/versions/1:predict"):
        answer = client.predict(body, path)
        assert (answer.status_code, answer.json()) == (200, expected), answer.text
        assert answer.headers["content-type"] == "application/json"


def test_numbers_come_and_go_exactly(client):
    """Float32 numbers of all sizes that TensorFlow does not flush to zero, and infinity."""
    rng = np.random.default_rng(0)
    bits = rng.integers(2**32, size=4096, dtype=np.uint32).view(np.float32)
    finite = bits[(np.abs(bits) > 1e-37) & (np.abs(bits) < 1e38)][:3600]
    for sent in (finite.tolist(), finite.astype("U").astype(np.float64).tolist()):
        answer = client.predict({"instances": np.reshape(sent, (-1, 4)).tolist()}).json()
        np.testing.assert_array_equal(np.float32(answer["predictions"]).ravel(), 2 * finite)
    beyond = client.predict('{"instances": [[3e38, -3e38, 0, 0]]}').text
    assert "[Infinity], [-Infinity]" in beyond


def test_other_addresses(client):
    assert client.ask("GET", "/healthz").json() == {"status": "ok"}
    assert client.ask("GET", "/").headers["content-type"].startswith("text/html")


# Bad input

DEEP = 100_000
BAD_BODIES = {
    "nothing": ("", "not JSON"),
    "no JSON": ("{", "not JSON"),
    "two values": ('{"inputs": [[0, 0, 0, 0]]} {}', "not JSON"),
    "no UTF-8": (b'{"inputs": "\xff"}', "not JSON: .*utf-8"),
    "UTF-16": ('{"inputs": 1}'.encode("utf-16"), "not JSON"),
    "deep": ('{"inputs": ' + "[" * DEEP, "nested too deeply"),
    "deep and whole": ('{"inputs": ' + '{"a":' * DEEP + "1" + "}" * DEEP + "}", "too deeply"),
    "no object": ("[1]", "must be an object, received a list of 1"),
    "the same key twice": ('{"inputs": [[0, 0, 0, 0]], "inputs": [[1, 0, 0, 0]]}', "key twice"),
    "a number of many digits": ('{"inputs": ' + "9" * 10_000 + "}", "not JSON"),
    "no input": ({}, "either 'instances' .* or 'inputs'"),
    "two inputs": ({"inputs": [[0] * 4], "instances": [[0] * 4]}, "either 'instances'"),
    "signature no text": ({"signature_name": 3, "inputs": []}, "must be a string"),
    "signature unknown": ({"signature_name": "x" * 999, "inputs": []}, "no signature 'xxx.*two"),
    "signature odd": ('{"signature_name": "\\ud800", "inputs": []}', "no signature '\ud800'"),
    "no rows": ({"instances": []}, "must be a list with rows, received a list of 0"),
    "rows no list": ({"instances": {"latents": [0] * 4}}, "list with rows, received an object"),
    "rows mixed": ({"instances": [{"latents": [0] * 4}, [0] * 4]}, "Row 1 must be an object"),
    "rows mixed, too": ({"instances": [[0] * 4, {"latents": [0] * 4}]}, "differ in length"),
    "input missing": (
        {"signature_name": "two", "inputs": {"a": [1]}},
        r"inputs \[.*b.*received \[a\]",
    ),
    "input unknown": ({"inputs": {"z": [[0] * 4]}}, r"inputs \[latents\], received \[z\]"),
    "input unnamed": ({"signature_name": "two", "inputs": [1]}, "name them"),
    "row's input missing": (
        {"signature_name": "two", "instances": [{"a": 1}]},
        r"received the keys \[a\]",
    ),
    "wrong latent size": ({"inputs": [[0] * 5]}, r"shape \[any, 4\], received \[1, 5\]"),
    "wrong rank": ({"inputs": [0] * 4}, r"shape \[any, 4\], received \[4\]"),
    "ragged": ({"inputs": [[0] * 4, [0] * 3]}, "differ in length"),
    "ragged rank": ({"inputs": [[0] * 4, 0]}, "differ in length"),
    "empty": ({"inputs": []}, r"received \[0\]"),
    "no latents": ({"signature_name": "two", "inputs": {"a": [], "b": []}}, "1 to 1024 rows .* 0"),
    "too many": ({"inputs": [[0] * 4] * 1025}, "'latents': expected 1 to 1024 rows .* 1025"),
    "NaN": ('{"inputs": [[0, 0, 0, NaN]]}', "NaN, infinite or beyond float32"),
    "infinite": ('{"inputs": [[0, 0, 0, -Infinity]]}', "NaN, infinite"),
    "beyond float32": ('{"inputs": [[0, 0, 0, 1e39]]}', "beyond float32"),
    "beyond float64": ('{"inputs": [[0, 0, 0, 1e999]]}', "beyond float32"),
    "a great integer": ({"inputs": [[0, 0, 0, 10**400]]}, "beyond float32"),
    "text for numbers": ({"inputs": [["0"] * 4]}, 'expected values of float32, received "0"'),
    "null": ({"inputs": [[None] * 4]}, "expected values of float32, received null"),
    "true for a number": ({"inputs": [[True] * 4]}, "expected values of float32, received true"),
    "bytes for numbers": ({"inputs": [[B64] * 4]}, "float32, received an object"),
    "float for int": (
        {"signature_name": "two", "inputs": {"a": [1], "b": [1.0]}},
        "int32, received 1.0",
    ),
    "beyond int32": (
        {"signature_name": "two", "inputs": {"a": [1], "b": [2**31]}},
        "range of int32",
    ),
    "no base64": ({"signature_name": "words", "inputs": [{"b64": "?"}]}, "Input 'words'"),
    "no text": ({"signature_name": "words", "inputs": [1]}, 'a string or {"b64": ...}, received 1'),
    "half a character": ('{"signature_name": "words", "inputs": ["\\ud800"]}', "surrogates"),
    "outputs no rows": ({"signature_name": "total", "instances": [[1], [2]]}, "ask by 'inputs'"),
    "no form in JSON": ({"signature_name": "wave", "inputs": [1]}, "complex64, which has no form"),
    "a wide answer": (
        {"signature_name": "wide", "inputs": [0] * 5},
        "500,000 numbers; .* 400,000",
    ),
    "unequal rows": (
        {"signature_name": "two", "inputs": {"a": [1, 2], "b": [1, 2, 3]}},
        "ncompatible",
    ),
    "no count": (
        {"signature_name": "sample", "inputs": {"count": 0, "seed": [0, 0], "labels": [0]}},
        "1 to 1024 .* 0",
    ),
    "a count of a million": (
        {"signature_name": "sample", "inputs": {"count": 10**6, "seed": [0, 0], "labels": [0]}},
        "1 to 1024 .* 1000000",
    ),
    "what the model refuses": (
        {"signature_name": "sample", "inputs": {"count": 1, "seed": [13, 0], "labels": [0]}},
        r"^assertion failed: \[13 is no seed\]$",
    ),
}


@pytest.mark.parametrize("name", BAD_BODIES)
def test_bad_bodies(client, name):
    body, sentence = BAD_BODIES[name]
    refused(client.predict(body), 400, sentence)


@pytest.mark.parametrize(
    ("method", "path", "status", "sentence"),
    [
        ("GET", "/v1/models/dog", 404, "no model 'dog'; there is 'gan'"),
        ("GET", "/v1/models/gan/versions/7", 404, "no version 7"),
        ("GET", "/v1/models/gan/versions/7/metadata", 404, "Version 7 .* not served; 1 is"),
        ("POST", "/v1/models/gan/versions/7:predict", 404, "Version 7 .* not served"),
        ("POST", "/v1/models/dog:predict", 404, "no model 'dog'"),
        (
            "GET",
            "/v1/models/gan/versions/x",
            400,
            "Malformed request: GET /v1/models/gan/versions/x",
        ),
        ("GET", f"/v1/models/gan/versions/{'9' * 30}", 400, "Malformed"),
        ("GET", "/v1/models/gan:predict", 400, "Malformed"),
        ("POST", "/v1/models/gan", 400, "Malformed"),
        ("POST", "/v1/models/gan:classify", 400, "Malformed"),
        ("DELETE", "/v1/models/gan", 405, "Method Not Allowed"),
        ("POST", "/sample.png", 405, "Method Not Allowed"),
        ("GET", "/v2", 404, "Not Found: GET /v2"),
        ("GET", "/%F0%9F%A6%89/%00", 404, "Not Found"),
    ],
)
def test_bad_addresses(client, method, path, status, sentence):
    refused(client.ask(method, path), status, sentence)


@pytest.mark.parametrize(
    ("body", "encoding", "status", "sentence"),
    [
        (gzip.compress(b'{"signature_name": "total", "inputs": [[1], [2]]}'), "gzip", 200, "3.0"),
        (b'{"signature_name": "total", "inputs": [[1], [2]]}', "identity", 200, "3.0"),
        (gzip.compress(b" " * 2**23), "gzip", 413, "at most 4,194,304 bytes, without gzip"),
        (gzip.compress(b"{}")[:-4], "GZIP", 400, "The gzip of the body is cut off"),
        (b"{}", "gzip", 400, "The body is not gzip"),
        (b"{}", "br", 415, "Content-Encoding: expected gzip, received br"),
    ],
    ids=["read", "plain", "too long", "cut off", "no gzip", "another encoding"],
)
def test_bodies_in_gzip(client, body, encoding, status, sentence):
    answer = client.ask("POST", PREDICT, content=body, headers={"Content-Encoding": encoding})
    assert answer.status_code == status
    assert sentence in answer.text


def test_pages_of_the_origins_that_are_named_may_read_answers(zoo):
    named = {"Origin": "https://example.org"}
    asked = {**named, "Access-Control-Request-Method": "POST"}
    for origins, heard in (((), None), (["https://example.org"], "https://example.org")):
        client = Client(make_app(Versions(zoo), Workers(), origins))
        answer = client.ask("GET", "/v1/models/gan", headers=named)
        assert answer.headers.get("access-control-allow-origin") == heard
        if origins:
            asking = client.ask("OPTIONS", PREDICT, headers=asked)
            assert asking.headers["access-control-allow-methods"] == "GET, POST"
            other = client.ask("GET", "/v1/models/gan", headers={"Origin": "https://other.org"})
            assert "access-control-allow-origin" not in other.headers
        client.close()


def test_origins_have_no_path():
    check_origins(["*", "http://localhost:3000", "https://example.org"])
    for wrong in ("example.org", "https://example.org/", "", "ftp://a"):
        with pytest.raises(ValueError, match=f"^--cors={wrong}: expected "):
            check_origins([wrong])


def test_the_page_works_below_a_prefix_and_has_a_field_for_classes(client):
    text = client.ask("GET", "/").text
    links = re.findall(r'(?:href|src|action)="([^"]+)"', text)
    assert len(links) >= 5
    assert not any(link.startswith(("/", "http")) for link in links)
    for link in links:
        assert client.ask("GET", f"/{html.unescape(link)}").status_code == 200, link
    assert '<input name="labels"' in text
    assert '<option value="cat"><option value="dog"><option value="7">' in text
    assert "labels" not in page(1, {"sample": {}}).partition("<h2>")[0]
    assert "<form" in page(1, {"sample": {}})
    assert "<form" not in page(1, {"translate": {}}), "made of images"


# Pictures


def test_the_picture_is_the_grid_of_the_samples(client):
    def read(query):
        answer = client.ask("GET", f"/sample.png{query}")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
        return np.rint(255 * matplotlib.image.imread(io.BytesIO(answer.content))).astype(np.uint8)

    def grid(classes, seed):
        images = np.repeat(np.float32(classes) / 2, 4).reshape(-1, 2, 2, 1)
        images[:, 0, 0] = seed
        return plots.grid(images, (0, 1))

    np.testing.assert_array_equal(read(""), grid(np.arange(16) % 3, 0))
    np.testing.assert_array_equal(read("?count=5&seed=1"), grid(np.arange(5) % 3, 1))
    np.testing.assert_array_equal(read("?seed=-1&labels=2,2,0,1"), grid([2, 2, 0, 1], 0))
    np.testing.assert_array_equal(read("?labels=dog, 7&count=5"), grid([1, 2, 1, 2, 1], 0))
    np.testing.assert_array_equal(read("?labels=&count=4"), grid([0, 1, 2, 0], 0))


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("count=0", "1 to 1024 rows"),
        ("count=1000000", "1 to 1024 rows"),
        ("count=-1", "1 to 1024 rows .* received -1"),
        ("count=2147483647", "1 to 1024 rows"),
        ("count=9999999999", "range of int32"),
        ("count=", "'count': expected an integer, received ''"),
        ("count=1.5", "an integer, received '1.5'"),
        ("count=99999999999999999999", "an integer"),
        ("count=%EF%BC%91", "an integer"),
        ("seed=2147483648", "range of int32"),
        ("seed=13", "13 is no seed"),
        ("labels=,", "'labels': expected 0 to 2, or names of classes, received ''"),
        ("labels=3", "'labels': expected 0 to 2, or names of classes, received '3'"),
        ("labels=0,-1", "expected 0 to 2, or names of classes, received '-1'"),
        ("labels=bird", "expected 0 to 2, or names of classes, received 'bird'"),
        ("labels=" + ",".join("0" * 1025), "1 to 1024 rows"),
        ("size=3", "Unknown argument 'size'"),
    ],
)
def test_bad_queries(client, query, sentence):
    refused(client.ask("GET", f"/sample.png?{query}"), 400, sentence)


@pytest.mark.parametrize(
    ("signature", "shape", "query", "status", "sentence"),
    [
        ("sample", (2,), "count=9", 200, None),  # points are plotted
        ("sample", (2, 2, 1), "labels=0", 400, "knows no classes"),
        ("sample", (2, 2, 2), "", 400, r"expected \[n, height, width, 1, 3 or 4\]"),
        ("sample", None, "", 404, "makes no 'images'"),
        ("draw", (2, 2, 1), "", 404, "no signature 'sample'"),
    ],
)
def test_pictures_of_other_models(tmp_path, signature, shape, query, status, sentence):
    """Models without the card of kgan-export."""

    @tf.function
    def sample(count, seed):
        return {"images": tf.zeros([count, *shape])} if shape else {"seed": seed}

    specs = {"count": tf.TensorSpec([], tf.int32), "seed": tf.TensorSpec([2], tf.int32)}
    function = sample.get_concrete_function(**specs)
    tf.saved_model.save(tf.Module(), str(tmp_path / "1"), {signature: function})
    client = Client(make_app(Versions(tmp_path), Workers()))
    answer = client.ask("GET", f"/sample.png?{query}")
    if sentence is None:
        assert matplotlib.image.imread(io.BytesIO(answer.content)).shape == (480, 480, 3)
    else:
        refused(answer, status, sentence)
    client.close()


# Bounds


def test_a_long_body_is_not_read_to_its_end(client):
    sent = []

    async def endless():
        for i in range(10_000):
            sent.append(i)
            yield b"[" * 2**16

    answer = client.ask("POST", PREDICT, content=endless())
    refused(answer, 413, "at most 4,194,304 bytes")
    assert len(sent) == 65


def test_a_slow_body_is_not_waited_for(client, monkeypatch):
    monkeypatch.setattr(bodies_module, "SECONDS_TO_SEND", 0.05)

    async def slow():
        yield b"{"
        await asyncio.sleep(60)

    refused(client.ask("POST", PREDICT, content=slow()), 408, "more than 0 seconds")


def test_requests_beyond_the_queue_are_refused(zoo):
    """One is computed, one waits, one is refused, and all is well afterwards."""
    go_on, body = threading.Event(), {"inputs": [[0] * 4]}
    versions, workers = Versions(zoo), Workers(threads=1, waiting=1)
    model = versions.find()
    predict = model.predict
    model.predict = lambda body: go_on.wait(60) and predict(body)
    client = Client(make_app(versions, workers))

    async def crowd():
        early = [asyncio.ensure_future(client.http.post(PREDICT, json=body)) for _ in range(2)]
        while workers.free:
            await asyncio.sleep(0.01)
        late = [await client.http.post(PREDICT, json=body), await client.http.get("/sample.png")]
        health = await client.http.get("/healthz")
        go_on.set()
        return await asyncio.gather(*early), late, health

    early, late, health = client.loop.run_until_complete(crowd())
    for answer in late:
        refused(answer, 503, "Too many requests")
        assert answer.headers["retry-after"] == "1"
    assert health.status_code == 200
    assert [answer.status_code for answer in early] == [200, 200]
    assert workers.free == 2
    assert client.predict(body).status_code == 200
    client.close()


def test_places_come_back_after_errors(zoo):
    workers = Workers(threads=1, waiting=0)
    client = Client(make_app(Versions(zoo), workers))
    for _ in range(3):
        refused(client.predict("{"), 400, "not JSON")
        refused(client.ask("GET", "/sample.png?count=x"), 400, "integer")
    assert workers.free == 1
    client.close()


def test_our_own_faults_have_the_same_shape(zoo):
    versions = Versions(zoo)
    versions.find().predict = lambda body: 1 / 0
    app = make_app(versions, Workers())
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)

    async def ask():
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.post(PREDICT, content="{}")

    refused(asyncio.run(ask()), 500, "^The server failed: ZeroDivisionError.$")


# Versions


def states(versions):
    found = versions.status()["model_version_status"]
    return {int(version["version"]): version["state"] for version in found}


@pytest.mark.slow
def test_a_newer_version_takes_over_and_the_old_one_ends_with_its_requests(tmp_path, capsys):
    Zoo().save(tmp_path / "1")
    versions = Versions(tmp_path)
    assert states(versions) == {1: "AVAILABLE"}
    running = versions.find()

    Zoo(offset=5.0).save(tmp_path / "12")
    versions.poll()  # sees the files
    assert versions.find() is running
    versions.poll()  # sees them lie still
    assert states(versions) == {12: "AVAILABLE", 1: "UNLOADING"}
    body = json.dumps({"inputs": [[0] * 4]}).encode()
    assert json.loads(running.predict(body))["outputs"] == [[[[0]] * 2] * 2]
    assert json.loads(versions.find().predict(body))["outputs"] == [[[[5]] * 2] * 2]
    with pytest.raises(HttpError, match="Version 1 of gan is not served; 12 is"):
        versions.find(1)
    del running
    assert states(versions) == {12: "AVAILABLE", 1: "END"}
    assert "Version 12 is served; 1 ends with its requests." in capsys.readouterr().out

    shutil.rmtree(tmp_path / "12")  # back to what is left
    versions.poll()
    versions.poll()
    assert states(versions) == {12: "END", 1: "AVAILABLE"}
    shutil.rmtree(tmp_path / "1")  # nothing is left: what is in memory goes on
    versions.poll()
    assert states(versions) == {12: "END", 1: "AVAILABLE"}


@pytest.mark.slow
def test_what_is_not_a_whole_version_is_not_served(zoo, tmp_path, capsys):
    """Other names, copies that have not arrived, copies that never will."""
    shutil.copytree(zoo / "1", tmp_path / "1")
    versions = Versions(tmp_path)
    for name in (".export-x", "1.tmp", "007", "latest", "-3"):
        shutil.copytree(zoo / "1", tmp_path / name)
    (tmp_path / "5").mkdir()
    (tmp_path / "6").write_text("a file")
    new = tmp_path / "2"
    new.mkdir()
    shutil.copy(zoo / "1" / "saved_model.pb", new)
    for i in range(3):  # a file more at each look: it is being written
        (new / f"part{i}").write_text("x")
        versions.poll()
    assert states(versions) == {1: "AVAILABLE"}

    for _ in range(3):  # without variables it does not load, and is not tried again and again
        versions.poll()
    assert states(versions) == {2: "END", 1: "AVAILABLE"}
    assert capsys.readouterr().err.count("Version 2 cannot be loaded") == 1
    (status,) = versions.status(2)["model_version_status"]
    assert status["status"]["error_code"] == "UNKNOWN"
    assert "Error" in status["status"]["error_message"]

    shutil.copytree(zoo / "1" / "variables", new / "variables")  # until the rest arrives
    versions.poll()
    versions.poll()
    assert states(versions) == {2: "AVAILABLE", 1: "END"}


def test_a_directory_without_a_version(tmp_path):
    for directory in (tmp_path, tmp_path / "absent"):
        with pytest.raises(FileNotFoundError, match=r"no SavedModel in .*kgan-export"):
            Versions(directory)
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "saved_model.pb").write_bytes(b"nonsense")
    with pytest.raises(ValueError, match=r"1 cannot be loaded \(DecodeError.*Export it anew"):
        Versions(tmp_path)


def test_a_version_is_warm_before_it_serves(zoo):
    """Its first answer comes within 3 times the median; of a cold one it takes some 20 times.

    The least of three tries, as a busy machine may be slow at any moment.
    """
    inputs = {"count": 4, "seed": [0, 0], "labels": [0, 1, 2, 0]}
    request = {"signature_name": "sample", "inputs": inputs}
    body = json.dumps(request).encode()

    def seconds(model):
        start = time.perf_counter()
        model.predict(body)
        return time.perf_counter() - start

    def first_to_median(model):
        first = seconds(model)
        return first / statistics.median(seconds(model) for _ in range(20))

    assert min(first_to_median(Versions(zoo).find()) for _ in range(3)) < 3
    assert min(first_to_median(Model(zoo / "1")) for _ in range(3)) > 3


# Any request


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([0, 1, -1, 10**6, 2**31, 2**63, 10**40])
    | st.floats()
    | st.text(max_size=5)
    | st.builds(lambda text: {"b64": text}, st.text("AZ=+ \u00e9", max_size=5))
)
ANYTHING = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


def tensor(shape, leaf):
    """Nested lists of about this shape."""
    for size in reversed(shape):
        leaf = st.lists(leaf, min_size=size, max_size=size)
    return leaf


NUMBERS = st.integers(-2, 3) | st.floats(-9, 9) | LEAVES
ROWS = st.integers(0, 3)
INPUTS = {
    "serving_default": lambda n: {"latents": tensor([n, 4], st.floats(-9, 9))},
    "sample": lambda n: {
        **{"count": st.just(n), "seed": tensor([2], st.integers(-5, 5))},
        "labels": tensor([n], st.integers(0, 2)),
    },
    "sample_png": lambda n: {"count": NUMBERS, "seed": tensor([2], NUMBERS)},
    "two": lambda n: {"a": tensor([n], st.floats(-9, 9)), "b": tensor([n], st.integers(-5, 5))},
    "words": lambda n: {"words": tensor([n], st.text(max_size=3) | LEAVES)},
    "kinds": lambda n: {kind.name: tensor([n], NUMBERS) for kind in KINDS},
    "total": lambda n: {"table": tensor([2, n], NUMBERS)},
}


@st.composite
def bodies(draw):
    """A request, right or nearly so: one of its parts may be replaced by anything."""
    name = draw(st.sampled_from(sorted(INPUTS)))
    columns = draw(st.fixed_dictionaries(INPUTS[name](draw(ROWS))))
    request = {"signature_name": name, "inputs": columns}
    change = draw(st.sampled_from(["none", "none", "rows", "input", "part", "more", "bytes"]))
    if change == "rows":
        lists = [column for column in columns.values() if isinstance(column, list)]
        rows = [dict(zip(columns, row, strict=False)) for row in zip(*lists, strict=False)]
        request = {"signature_name": name, "instances": rows}
    elif change == "input":
        columns[draw(st.sampled_from(sorted(columns)) | st.text(max_size=3))] = draw(ANYTHING)
    elif change == "part":
        request[draw(st.sampled_from(["signature_name", "inputs", "instances"]))] = draw(ANYTHING)
    elif change == "more":
        request |= draw(st.dictionaries(st.text(max_size=9), ANYTHING, max_size=3))
    body = json.dumps(request).encode()
    if change == "bytes":
        place = draw(st.integers(0, len(body)))
        body = body[:place] + draw(st.binary(max_size=4)) + body[place + draw(st.integers(0, 4)) :]
    return body


PATHS = st.sampled_from(
    ["/", "/healthz", "/v1/models/gan", "/v1/models/gan/metadata", "/v1/models/gan/versions/1"]
) | st.text(max_size=12).map(lambda text: f"/v1/models/{urllib.parse.quote(text, safe='')}")
QUERIES = st.dictionaries(
    st.sampled_from(["count", "seed", "labels"]) | st.text(max_size=3),
    st.integers(-2, 40).map(str) | st.integers().map(str) | st.text(max_size=5),
    max_size=3,
)
REQUESTS = (
    st.tuples(st.just("POST"), st.just(PREDICT), st.none(), bodies())
    | st.tuples(st.just("POST"), st.just(PREDICT), st.none(), bodies())
    | st.tuples(st.just("POST"), st.just(PREDICT), st.none(), ANYTHING.map(json.dumps))
    | st.tuples(st.just("POST"), PATHS, st.none(), st.binary(max_size=9))
    | st.tuples(st.sampled_from(["GET", "HEAD", "PUT"]), PATHS, st.none(), st.none())
    | st.tuples(st.just("GET"), st.just("/sample.png"), QUERIES, st.none())
)


@pytest.mark.slow
def test_any_request_gets_an_answer_or_an_error_of_the_right_shape(client):
    """Two thousand requests; a 500 would be an exception here, which the client lets through."""
    statuses = []

    busy = [HealthCheck.too_slow]  # as the machine may be

    @settings(
        max_examples=2000,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=busy,
    )
    @given(REQUESTS)
    def fuzz(request):
        method, path, query, body = request
        answer = client.ask(method, path, params=query, content=body)
        statuses.append(answer.status_code)
        if answer.status_code != 200:
            assert 400 <= answer.status_code < 500
            assert method == "HEAD" or set(answer.json()) == {"error"}
        elif path == PREDICT:
            assert set(answer.json()) <= {"predictions", "outputs"}

    fuzz()
    assert len(statuses) >= 2000
    # So that it is not all refused at the door: 366 are answered, 1,465 refused with a 400.
    assert statuses.count(200) > 200
    assert statuses.count(400) > 1000
    assert client.predict(ANSWERS["rows"][0]).json() == ANSWERS["rows"][1]


# The program


@keras.saving.register_keras_serializable(package="test_serve")
class Tiny(kgan.networks.MLPGenerator):
    """A conditional generator of the shapes of docs/serving.md."""

    def __init__(self):
        super().__init__((8, 8, 1), latent_dim=32, units=(16,), num_classes=10)


def write_version(path, seed):
    """An export with other weights for each seed; whole, or not there."""
    keras.utils.set_random_seed(seed)
    model = Tiny()
    model.build([(None, 32), (None,)])
    trained = KerasGenerator(model, kgan.priors.Normal(32))
    partial = path.parent / f".{path.name}"
    saved_model.write(trained, partial)
    partial.rename(path)
    return trained


class Server:
    """The program in a process of its own, answering."""

    def __init__(self, model_dir, log):
        self.log = log
        program = [*warm.python(), "-m", "export.serve", "--port=0", "--access_log"]
        with log.open("w") as out:
            self.process = subprocess.Popen(
                [*program, f"--model_dir={model_dir}"], cwd=ROOT, stdout=out, stderr=out
            )
        address = r"Version 1 is served at http://127\.0\.0\.1:(\d+)/\n"
        while not (found := re.search(address, log.read_text())):
            assert self.process.poll() is None, log.read_text()
            time.sleep(0.05)
        self.port = int(found[1])

    def ask(self, method, path, body=None):
        """Status and body, over a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def sample(self, count=4):
        """What the signature `sample` makes."""
        labels = [i % 10 for i in range(count)]
        drawn = {"count": count, "seed": [3, 7], "labels": labels}
        body = {"signature_name": "sample", "inputs": drawn}
        status, answer = self.ask("POST", PREDICT, json.dumps(body))
        assert status == 200, answer
        return np.float32(json.loads(answer)["outputs"])

    def send(self, data, size):
        """The first bytes that come back for raw bytes; if none are expected, the client leaves."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as connection:
            connection.sendall(data)
            return connection.makefile("rb").read(size)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A directory with version 1, and the generator in it."""
    directory = tmp_path_factory.mktemp("exported")
    return directory, write_version(directory / "1", seed=1)


@pytest.fixture(scope="module")
def server(exported, tmp_path_factory):
    server = Server(exported[0], tmp_path_factory.mktemp("log") / "log")
    yield server
    server.process.kill()
    server.process.wait()


def test_an_export_is_served_as_keras_makes_it(exported, server):
    _, trained = exported
    images = trained.images(**trained.inputs(5, (3, 7))).numpy()
    np.testing.assert_allclose(server.sample(5), images, atol=1e-6, rtol=0)

    labels = [i % 10 for i in range(5)]
    drawn = {"count": 5, "seed": [3, 7], "labels": labels}
    body = {"signature_name": "sample_png", "inputs": drawn}
    files = json.loads(server.ask("POST", PREDICT, json.dumps(body))[1])["outputs"]
    pixels = [matplotlib.image.imread(io.BytesIO(base64.b64decode(f["b64"]))) for f in files]
    np.testing.assert_allclose(pixels, images[..., 0], atol=0.5 / 255 + 1e-6, rtol=0)

    sent = {name: value.numpy().tolist() for name, value in trained.inputs(2, (3, 7)).items()}
    rows = [dict(zip(sent, row, strict=True)) for row in zip(*sent.values(), strict=True)]
    answer = json.loads(server.ask("POST", PREDICT, json.dumps({"instances": rows}))[1])
    np.testing.assert_allclose(answer["predictions"], images[:2], atol=1e-6, rtol=0)

    rows[1]["labels"] = 10
    status, answer = server.ask("POST", PREDICT, json.dumps({"instances": rows}))
    assert status == 400
    assert b"expected classes 0 to 9" in answer

    picture = server.ask("GET", "/sample.png?labels=1,0&seed=7")[1]
    pair = trained.images(trained.prior.sample(2, 7), tf.constant([1, 0])).numpy()
    shown = np.rint(255 * matplotlib.image.imread(io.BytesIO(picture)))
    np.testing.assert_allclose(shown, plots.grid(pair, (0, 1)), atol=1)
    assert "GET /sample.png?labels=1,0&seed=7 HTTP/1.1" in server.log.read_text()


def test_a_connection_that_is_kept_is_no_slower(server):
    """Were answers held back until the client acknowledges their heads, each would take 40 ms."""
    drawn = {"count": 1, "seed": [0, 0], "labels": [0]}
    body = json.dumps({"signature_name": "sample", "inputs": drawn})

    def seconds(ask):
        start = time.perf_counter()
        assert ask()
        return time.perf_counter() - start

    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    with contextlib.closing(connection):

        def ask():
            connection.request("POST", PREDICT, body)
            return connection.getresponse().read()

        kept = statistics.median(seconds(ask) for _ in range(21))
    fresh = statistics.median(seconds(lambda: server.ask("POST", PREDICT, body)) for _ in range(21))
    assert kept < max(3 * fresh, 0.03)


def documented():
    """Commands of docs/serving.md, and what the document says that they print."""
    text = (ROOT / "docs" / "serving.md").read_text()
    for block in re.findall(r"^```console\n(.*?)^```$", text, re.M | re.S):
        command, printed = re.fullmatch(r"\$ ((?:[^\n]*\\\n)*[^\n]*\n)(.*)", block, re.S).groups()
        yield shlex.split(command.replace("\\\n", "")), printed


def same_but_for_numbers(printed, expected):
    """Whether a text is as expected; `...` stands for anything, and a decimal for any other."""
    known = re.split(r"(\.\.\.|\d\.\d+(?:e-\d+)?)", expected.strip())
    patterns = [r"\d\.\d+(?:e-\d+)?" if part[0].isdigit() else ".*" for part in known[1::2]]
    pattern = "".join(map("".join, zip(map(re.escape, known[::2]), [*patterns, ""], strict=True)))
    return re.fullmatch(pattern, printed.strip(), re.S)


def test_the_document_tells_what_is_printed(server):
    commands = list(documented())
    assert [words[0] for words, _ in commands] == ["kgan-serve"] + ["curl"] * 6
    assert commands[0][1].replace("8501", str(server.port)) in server.log.read_text()
    for words, expected in commands[1:]:
        options = dict(zip(words[1:-1:2], words[2:-1:2], strict=True))
        path = words[-1].removeprefix("http://127.0.0.1:8501")
        status, answer = server.ask("POST" if "-d" in options else "GET", path, options.get("-d"))
        assert status == (400 if '"error":' in expected else 200), (path, answer)
        if "-o" in options:
            assert answer.startswith(b"\x89PNG")
        else:
            assert same_but_for_numbers(answer.decode(), expected), answer


HEAD = f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\n".encode()


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        (HEAD + b"Content-Length: 99\r\n\r\n{}", b""),  # and no more comes
        (HEAD + b"Content-Length: 1\r\n\r\n{}", b"HTTP/1.1 400 "),
        (HEAD + b"Content-Length: -1\r\n\r\n{}", b"HTTP/1.1 400 "),
        (HEAD + b"Content-Length: many\r\n\r\n{}", b"HTTP/1.1 400 "),
        (HEAD + b"Content-Length: 9000000\r\n\r\n" + b"[" * 9_000_000, b"HTTP/1.1 413 "),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}", b"HTTP/1.1 400 "),
        (HEAD + b"X: " + b"x" * 100_000, b"HTTP/1.1 400 "),
        (b"\x16\x03\x01\x02\x00\x01\xfc\x03\x03", b"HTTP/1.1 400 "),
        (b"BREW /v1/models/gan HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b"HTTP/1.1 405 "),
        (b"", b""),
    ],
)
def test_connections_that_break_the_rules(server, data, answer):
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):  # it closes without reading on
        assert server.send(data, len(answer)) == answer
    assert server.ask("GET", "/healthz")[0] == 200
    assert server.process.poll() is None
    assert "Traceback" not in server.log.read_text()


@pytest.mark.slow
def test_no_request_is_lost_to_a_newer_version(exported, server):
    """Four clients ask all the while; each answer is the old version's or the new one's."""
    directory, _ = exported
    old_images = server.sample()
    stop, seen, errors = threading.Event(), [], []

    def keep_asking():
        try:
            while not stop.is_set():
                seen.append((time.monotonic(), server.sample()))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=keep_asking) for _ in range(4)]
    for thread in threads:
        thread.start()
    new = write_version(directory / "2", seed=2)
    deadline = time.monotonic() + 60
    while server.ask("POST", "/v1/models/gan/versions/2:predict", "{}")[0] == 404:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    served = time.monotonic()
    time.sleep(0.5)
    stop.set()
    for thread in threads:
        thread.join()

    assert not errors
    new_images = new.images(**new.inputs(4, (3, 7))).numpy()
    assert np.abs(new_images - old_images).max() > 0.1
    for moment, images in seen:
        was_old, was_new = (np.abs(images - x).max() < 1e-6 for x in (old_images, new_images))
        assert was_new or (was_old and moment < served)
    assert np.abs(seen[0][1] - old_images).max() < 1e-6
    assert np.abs(seen[-1][1] - new_images).max() < 1e-6
    states = json.loads(server.ask("GET", "/v1/models/gan")[1])["model_version_status"]
    assert [(s["version"], s["state"]) for s in states] == [("2", "AVAILABLE"), ("1", "END")]


def test_a_request_under_way_is_answered_before_the_end(server):
    """SIGTERM comes when half of it has; the address is closed to others at once."""
    drawn = {"count": 1, "seed": [0, 0], "labels": [0]}
    body = json.dumps({"signature_name": "sample", "inputs": drawn}).encode()
    head = HEAD + f"Content-Length: {len(body)}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(head + body[:10])
        server.ask("GET", "/healthz")  # the bytes are there by now
        server.process.send_signal(signal.SIGTERM)
        with contextlib.suppress(OSError):  # refused, or reset just before
            while server.process.poll() is None:
                server.ask("GET", "/healthz")
        connection.sendall(body[10:])
        answer = b"".join(iter(lambda: connection.recv(2**16), b""))
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert server.process.wait(60) == 0
    assert server.log.read_text().endswith("Stopped.\n")


def run_program(*arguments, code="from export.serve import cli; cli()", python=None):
    done = subprocess.run(
        [*(python or warm.python()), "-c", code, *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.slow
def test_mistakes_are_told_in_a_sentence(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, _, told = run_program(f"--model_dir={tmp_path}", f"--port={port}")
    sentence = rf"kgan-serve: Nothing can listen at 127\.0\.0\.1:{port} \(Address already in use\)"
    assert code == 1
    assert re.match(sentence, told)
    assert told.count("\n") == 1
    for arguments, sentence in (
        (["--port=65536"], "--port: expected 0 to 65535, received 65536"),
        (["--host=no.such.name.invalid"], "Nothing can listen at no.such.name.invalid:8501"),
        (["more"], "unexpected argument 'more'"),
    ):
        code, _, told = run_program(f"--model_dir={tmp_path}", *arguments)
        assert (code, told.count("\n")) == (1, 1), told
        assert sentence in told
    assert "--model_dir must have a value" in run_program()[2]


@pytest.mark.parametrize("library", ["starlette", "uvicorn"])
def test_a_missing_extra_is_named(tmp_path, library):
    hidden = f"import sys; sys.modules[{library!r}] = None; from export.serve import cli; cli()"
    code, _, told = run_program(f"--model_dir={tmp_path}", "--port=0", code=hidden)
    sentence = "is not installed, which serving needs: pip install 'kgan[serve]'"
    assert (code, told) == (1, f"kgan-serve: {library} {sentence}\n")


def test_help_does_not_wait_for_tensorflow():
    start = time.monotonic()
    _, told, _ = run_program("--help", python=[sys.executable])
    assert time.monotonic() - start < 1
    for flag in ("model_dir", "host", "port", "[no]access_log"):
        assert f"--{flag}:" in told
