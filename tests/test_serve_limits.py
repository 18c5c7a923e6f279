"""The server's limits: answers, bodies, connections, open files, and the time to its end."""

import asyncio
import contextlib
import http.client
import json
import pathlib
import re
import signal
import socket
import subprocess
import time

import httpx
import numpy as np
import pytest
import tensorflow as tf
import warm
from kgan_export.serving import bodies, connections, request, response, server
from kgan_export.serving.app import App, asgi
from kgan_export.serving.error import HttpError
from kgan_export.serving.versions import Versions
from kgan_export.serving.workers import Workers

ROOT = pathlib.Path(__file__).resolve().parent.parent
PREDICT = "/v1/models/gan:predict"
SMALL = {"inputs": [0]}


class Large(tf.Module):
    """Signatures whose answers are as large as one likes, or never come."""

    def wide(self, rows):
        return {"wide": tf.repeat(rows[:, None], 100_000, axis=1)}

    def open(self, sizes):
        return {"open": tf.zeros([sizes[0]])}

    def scalar(self, sizes):
        return {"scalar": tf.strings.as_string(sizes[0])}

    def text(self, sizes):
        return {"text": tf.strings.join([tf.repeat("x" * 2**20, sizes[0]), "y"])}

    def never(self, sizes):
        last = tf.cast(sizes[0], tf.int64) * 10**12
        loop = tf.while_loop(lambda i: i < last, lambda i: (i + 1,), [tf.constant(0, tf.int64)])
        return {"never": loop[0]}

    def sample(self, count, seed):
        return {"images": tf.ensure_shape(tf.zeros([count, 100, 100, 1]), [None, 100, 100, 1])}

    def png(self, count, seed):
        return {"png_bytes": tf.repeat("\x89PNG", count)}

    def save(self, path):
        drawn = [
            tf.TensorSpec([], tf.int32, name="count"),
            tf.TensorSpec([2], tf.int32, name="seed"),
        ]
        rows = [tf.TensorSpec([None], tf.float32, name="rows")]
        sizes = [tf.TensorSpec([None], tf.int32, name="sizes")]
        inputs = {"serving_default": (self.wide, rows)}
        inputs |= {
            name: (getattr(self, name), sizes) for name in ("open", "scalar", "text", "never")
        }
        inputs |= {"sample": (self.sample, drawn), "sample_png": (self.png, drawn)}
        signatures = {
            name: tf.function(function).get_concrete_function(*specs)
            for name, (function, specs) in inputs.items()
        }
        tf.saved_model.save(self, str(path), signatures)


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    directory = tmp_path_factory.mktemp("large")
    Large().save(directory / "1")
    return directory


@pytest.fixture(scope="module")
def versions(directory):
    return Versions(directory)


def predict(versions, signature, **inputs):
    document = {"signature_name": signature, "inputs": inputs}
    return json.loads(versions.find().predict(json.dumps(document).encode()))["outputs"]


# Answers


def test_an_answer_holds_at_most_400000_numbers(versions):
    assert np.shape(predict(versions, "serving_default", rows=[0, 1, 2, 3])) == (4, 100_000)
    with pytest.raises(HttpError, match=r"would hold 500,000 numbers; .* 400,000") as caught:
        predict(versions, "serving_default", rows=[0] * 5)
    assert caught.value.status == 400


def test_an_answer_of_unknown_shape_is_bounded_too(versions):
    assert len(predict(versions, "open", sizes=[400_000])) == 400_000
    with pytest.raises(HttpError, match=r"has 400,001 numbers; .* 400,000"):
        predict(versions, "open", sizes=[400_001])


def test_the_strings_of_an_answer_are_bounded(versions):
    assert len(predict(versions, "text", sizes=[7])) == 7
    with pytest.raises(HttpError, match=r"8,388,616 bytes of strings; .* 8,388,608"):
        predict(versions, "text", sizes=[8])
    assert predict(versions, "scalar", sizes=[8]) == "8"


def test_png_files_count_as_their_images_and_a_picture_holds_ten_times_as_many(versions):
    with pytest.raises(HttpError, match="410,000 numbers"):
        predict(versions, "sample", count=41, seed=[0, 0])
    assert len(predict(versions, "sample_png", count=41, seed=[0, 0])) == 41
    with pytest.raises(HttpError, match=r"4,010,000 numbers; .* 4,000,000"):
        predict(versions, "sample_png", count=401, seed=[0, 0])


def beats(work):
    """How often Python could let another thread run while `work` does, once a millisecond at most.

    It handles signals where it would release its lock. A thread that waits for the lock would also
    show how soon the system wakes it.
    """
    times = []
    before = signal.signal(signal.SIGALRM, lambda *_: times.append(1))
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    try:
        work()
        return len(times)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


NUMBERS = np.random.default_rng(0).normal(size=400_000)
LARGEST = {
    "floats": NUMBERS.astype(np.float32).reshape(1000, 20, 20),
    "one row": NUMBERS.astype(np.float32).reshape(1, -1),
    "float64": NUMBERS,
}


@pytest.mark.parametrize("name", LARGEST)
def test_other_threads_run_while_the_largest_answer_is_written(name):
    array = LARGEST[name]
    assert beats(lambda: response.columns({"x": array})) > 15


def test_json_alone_would_hold_pythons_lock():
    numbers = NUMBERS.tolist()
    assert beats(lambda: json.dumps(numbers)) <= 5


@pytest.mark.parametrize(
    "shape",
    [(), (1,), (3000,), (0,), (0, 3), (3, 0), (2, 1025), (2500, 1), (3, 2, 700), (2, 2, 2, 1024)],
)
def test_answers_of_any_shape_are_what_json_writes(shape):
    array = np.arange(np.prod(shape), dtype=np.float64).reshape(shape)
    assert response.columns({"x": array}) == json.dumps({"outputs": array.tolist()})
    words = np.frompyfunc(lambda number: b"%d" % number, 1, 1)(array)
    words = np.asarray(words, object)
    texts = json.loads(response.columns({"x": words}))["outputs"]
    assert texts == np.asarray(array.astype(int).astype(str)).tolist()
    if shape:
        expected = {"predictions": [{"x": row, "y": row} for row in array.tolist()]}
        assert json.loads(response.rows({"x": array, "y": array})) == expected
        assert json.loads(response.rows({"x": array})) == {"predictions": array.tolist()}


@pytest.mark.parametrize("item", ["0", "[0]"])
def test_other_threads_run_while_the_largest_request_is_read(item):
    body = f'{{"inputs": [{", ".join([item] * 200_000)}]}}'.encode()
    assert beats(lambda: request.parse(body)) > 15
    with pytest.raises(HttpError, match="at most 200,000 values"):
        request.parse(body.replace(b"]}", b', "", ""]}'))


def test_a_long_request_is_read_as_a_short_one():
    values = [0, -1.5, "\u00e9\n", True, None, {"b64": "QQ=="}, [[]], 1e300]
    body = json.dumps({"inputs": values * 3000}).encode()
    assert len(body) > 2**17
    assert request.parse(body) == {"inputs": values * 3000}
    for wrong, sentence in ((b"}", "not JSON"), (b', "inputs": 1}', "same key twice")):
        with pytest.raises(HttpError, match=sentence):
            request.parse(body[: -len(b"}")] + wrong + b" }" * (wrong == b"}"))
    with pytest.raises(HttpError, match="nested too deeply"):
        request.parse(b'{"inputs": ' + b"[" * 100_000)


def test_an_object_of_a_request_has_at_most_1000_keys():
    pairs = {str(i): 0 for i in range(1000)}
    assert request.parse(json.dumps(pairs).encode()) == pairs
    with pytest.raises(HttpError, match="more than 1,000 keys"):
        request.parse(json.dumps({**pairs, "more": 0}).encode())


# Bodies


def slow_body(go_on):
    async def parts():
        yield b'{"inputs": '
        await go_on.wait()
        yield b"[0]}"

    return parts()


def ask_at_once(handlers, *, after=()):
    """Answers to a slow request, and to a quick one that comes while the slow one is sent."""

    async def ask():
        transport = httpx.ASGITransport(asgi(handlers))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            go_on = asyncio.Event()
            slow = asyncio.ensure_future(client.post(PREDICT, content=slow_body(go_on)))
            await asyncio.sleep(0.05)
            quick = await client.post(PREDICT, json=SMALL)
            for step in after:
                step()
            go_on.set()
            return await slow, quick

    return asyncio.run(ask())


def test_a_slow_body_takes_no_place_of_a_request(versions):
    slow, quick = ask_at_once(App(versions, Workers(threads=1, waiting=0)))
    assert (slow.status_code, quick.status_code) == (200, 200)


def test_bodies_on_their_way_are_counted_and_the_slowest_gives_way(versions, monkeypatch):
    handlers = App(versions, Workers())
    handlers.bodies = bodies.Bodies(most=1)
    slow, quick = ask_at_once(handlers)
    assert (slow.status_code, quick.status_code) == (200, 503)
    assert quick.headers["retry-after"] == "1"
    monkeypatch.setattr(bodies, "SECONDS_ALONE", 0.0)
    slow, quick = ask_at_once(handlers)
    assert (slow.status_code, quick.status_code) == (408, 200)
    assert "too slowly" in slow.json()["error"]


def test_stopping_refuses_what_has_not_arrived(versions):
    handlers = App(versions, Workers())
    slow, quick = ask_at_once(handlers, after=[handlers.stop])
    assert (slow.status_code, quick.status_code) == (503, 200)
    assert slow.json() == {"error": "The server is stopping."}
    assert slow.headers["connection"] == "close"


# Addresses


@pytest.mark.parametrize("host", ["test", "evil.example", "x/v1/models/dog?", "@", "["])
def test_the_host_that_a_client_names_changes_nothing(versions, host):
    async def ask(path):
        transport = httpx.ASGITransport(asgi(App(versions, Workers())))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.get(path, headers={"Host": host})

    assert asyncio.run(ask("/v1/models/gan")).status_code == 200
    for path in ("/healthz/", "/sample.png/"):
        answer = asyncio.run(ask(path))
        assert (answer.status_code, answer.headers.get("location")) == (404, None)
        assert answer.json() == {"error": f"Not Found: GET {path}"}


# Connections


class Program:
    """The program in a process of its own, with other constants and few files."""

    def __init__(self, directory, log, files=1024, **constants):
        self.log = log
        code = f"""
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, ({files}, {files}))
from export.serve import cli
from export.serving import bodies, connections, server
for module in (bodies, connections, server):
    for name, value in {constants}.items():
        if hasattr(module, name):
            setattr(module, name, value)
cli()
"""
        with log.open("w") as out:
            self.process = subprocess.Popen(
                [*warm.python(), "-c", code, "--port=0", f"--model_dir={directory}"],
                cwd=ROOT,
                stdout=out,
                stderr=out,
            )
        while not (found := re.search(r"served at http://127\.0\.0\.1:(\d+)/\n", log.read_text())):
            assert self.process.poll() is None, log.read_text()
            time.sleep(0.05)
        self.port = int(found[1])

    def connect(self, data=b""):
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        connection.sendall(data)
        return connection

    def healthy(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200


@contextlib.contextmanager
def running(*arguments, **constants):
    program = Program(*arguments, **constants)
    try:
        yield program
    finally:
        program.process.kill()
        program.process.wait()


def everything(connection):
    """What comes until the connection ends, in whatever way."""
    data = b""
    with contextlib.suppress(ConnectionError):
        while part := connection.recv(2**16):
            data += part
    connection.close()
    return data


def post(document, more=0):
    """The bytes of a request; `more` bytes of its body do not come."""
    body = json.dumps(document)
    head = f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body) + more}\r\n\r\n"
    return (head + body).encode()


@pytest.mark.slow
def test_many_half_open_connections_and_few_files(directory, tmp_path):
    """Three times as many as there may be files, of each of three sorts."""
    with running(directory, tmp_path / "log", files=128) as program, contextlib.ExitStack() as kept:
        for data in (b"", b"GET /healthz HTTP/1.1\r\nHost", post(SMALL, more=9)):
            for _ in range(130):
                with contextlib.suppress(ConnectionError):  # refused before it had sent all
                    kept.enter_context(program.connect(data))
                time.sleep(0.01)  # where the queue is full, the next would try again in a second
            time.sleep(connections.SECONDS_ALONE)  # they are refused at first, then give way
            assert program.healthy()
            with program.connect(post(SMALL)) as connection:
                assert connection.recv(15) == b"HTTP/1.1 200 OK"
        told = program.log.read_text()
        assert "Traceback" not in told
        assert len(told) < 2000
        program.process.send_signal(signal.SIGTERM)


def test_too_few_files_to_serve_is_told():
    with socket.create_server(("127.0.0.1", 0)) as bound:
        resource = pytest.importorskip("resource")
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        most, backlog = connections.limits(bound)
        assert 0 < backlog <= connections.MAX_CONNECTIONS
        assert 0 < most <= connections.MAX_CONNECTIONS
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (32, before[1]))
            with pytest.raises(ValueError, match=r"may open 32 files, .* ulimit -n 1024"):
                connections.limits(bound)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_lack_of_files_is_reported_once(capsys):
    lines = []
    handle = connections.report(lines.append)
    loop = asyncio.new_event_loop()
    for _ in range(1000):
        handle(loop, {"exception": OSError(24, "Too many open files")})
    assert lines == ["No further connection can be opened: Too many open files."]
    loop.close()


@pytest.mark.slow
def test_clients_that_neither_send_nor_receive_are_dropped(directory, tmp_path):
    quick = {"SECONDS_TO_SEND": 1.0, "SECONDS_TO_RECEIVE": 1.0}
    with running(directory, tmp_path / "log", **quick) as program:
        assert everything(program.connect(b"GET /healthz HTTP/1.1\r\nHost")) == b""
        assert b" 408 " in everything(program.connect(post(SMALL, more=9)))
        reader = program.connect(post({"signature_name": "text", "inputs": [7]}))
        time.sleep(4)
        assert len(everything(reader)) < 7 * 2**20
        assert program.healthy()
        assert "Traceback" not in program.log.read_text()


# The end


@pytest.mark.slow
def test_the_server_ends_in_time_and_refuses_what_is_not_answered(directory, tmp_path):
    assert server._SECONDS_TO_ANSWER + server._SECONDS_TO_REFUSE + server._SECONDS_TO_COMPUTE < 28
    quick = {"_SECONDS_TO_ANSWER": 2.0, "_SECONDS_TO_COMPUTE": 1.0}
    never = post({"signature_name": "never", "inputs": [1]})
    with running(directory, tmp_path / "log", **quick) as program:
        refused = [
            program.connect(post(SMALL, more=9)),
            *(program.connect(never) for _ in range(3)),
        ]
        reader = program.connect(post({"signature_name": "text", "inputs": [7]}))
        half = program.connect(b"GET /healthz HTTP/1.1\r\nHost")
        assert program.healthy()
        program.process.send_signal(signal.SIGTERM)
        for connection in refused:
            head, _, body = everything(connection).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 503 ")
            assert json.loads(body) == {"error": "The server is stopping."}
        assert everything(half) == b""
        assert program.process.wait(60) == 0
        reader.close()
        told = program.log.read_text()
        assert told.endswith("Stopped.\n")
        assert "Traceback" not in told
        assert "Cancel" not in told
