"""Latency and throughput of a server under the load of 16 clients, over the loopback.

    python -m benchmarks.serve [--model_dir=OUT/saved_model] [--seconds=30] [--connections=16]

Without a model it serves the DCGAN generator of MNIST, untrained. Starts kgan-serve five
times and sends it one request and then a hundred more, each over a connection of its own. Then
every connection requests `count` images of the signature `sample`, one request after the other.
Clients and server share the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

from benchmarks.timing import print_record

PREDICT = "/v1/models/gan:predict"
WRITE_MODEL = """
import pathlib, sys
from benchmarks.export import presets
from kgan import saved_model
saved_model.write(presets()["dcgan"], pathlib.Path(sys.argv[1], "1"))
"""


def _start(model_dir: str) -> tuple[subprocess.Popen, int]:
    command = [sys.executable, "-m", "export.serve", f"--model_dir={model_dir}", "--port=0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        found = re.search(r"served at http://[^/]*:(\d+)/", line)
        if found:
            return process, int(found[1])
    raise SystemExit("The server did not start.")


def _rss_mib(process: subprocess.Popen) -> float:
    """Return the resident memory of the process; on Linux only."""
    pages = int(pathlib.Path(f"/proc/{process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _request(count: int) -> bytes:
    labels = [i % 10 for i in range(count)]  # of the digits
    inputs = {"count": count, "seed": [0, 0], "labels": labels}
    document = {"signature_name": "sample", "inputs": inputs}
    body = json.dumps(document)
    head = f"POST {PREDICT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}"
    return f"{head}\r\n\r\n{body}".encode()


async def _ask(reader, writer, request) -> tuple[float, bytes]:
    """Return the seconds until the whole response has arrived, and its first line."""
    start = time.perf_counter()
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head, re.I)
    assert length is not None
    await reader.readexactly(int(length[1]))
    return time.perf_counter() - start, head.partition(b"\r\n")[0]


async def _load(port: int, request: bytes, connections: int, seconds: float):
    """Return the seconds of every request answered with a 200, and the number of the others."""
    times: list[float] = []
    lost = 0
    end = time.perf_counter() + seconds

    async def client():
        nonlocal lost
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.perf_counter() < end:
            try:
                took, status = await _ask(reader, writer, request)
            except (OSError, asyncio.IncompleteReadError):
                lost += 1
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                continue
            if status == b"HTTP/1.1 200 OK":
                times.append(took)
            else:
                lost += 1
        writer.close()

    await asyncio.gather(*(client() for _ in range(connections)))
    return times, lost


async def _one_by_one(port: int, request: bytes, times: int) -> list[float]:
    """Return the seconds of `times` requests, each over a connection of its own."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await _ask(reader, writer, request)
        taken.append(time.perf_counter() - start)
        writer.close()
    return taken


@contextlib.contextmanager
def _server(model_dir: str):
    """Yield the process and port of a server that ends with the block."""
    process, port = _start(model_dir)
    try:
        yield process, port
    finally:
        process.terminate()
        process.wait()


def _measure(args: argparse.Namespace) -> dict[str, float]:
    request = _request(args.count)
    firsts, others = [], []
    for _ in range(args.starts):
        with _server(args.model_dir) as (_, port):
            first, *more = asyncio.run(_one_by_one(port, request, 101))
        firsts.append(first)
        others += more
    with _server(args.model_dir) as (process, port):
        asyncio.run(_load(port, request, args.connections, 2.0))  # warms up threads and buffers
        before = _rss_mib(process)
        times, lost = asyncio.run(_load(port, request, args.connections, args.seconds))
        after = _rss_mib(process)
    percentiles = statistics.quantiles(times, n=100)
    return {
        "first_ms": 1e3 * statistics.median(firsts),
        "one_by_one_p50_ms": 1e3 * statistics.median(others),
        "requests_per_second": len(times) / args.seconds,
        "p50_ms": 1e3 * percentiles[49],
        "p99_ms": 1e3 * percentiles[98],
        "lost": lost,
        "rss_before_mib": before,
        "rss_after_mib": after,
    }


@contextlib.contextmanager
def _model(model_dir: str | None):
    """Yield the directory of the model, by default a temporary one."""
    if model_dir:
        yield model_dir
        return
    with tempfile.TemporaryDirectory() as scratch:
        # A process of its own keeps TensorFlow out of the clients'.
        subprocess.run([sys.executable, "-c", WRITE_MODEL, scratch], check=True)
        yield scratch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model_dir", help="OUT/saved_model of kgan-export")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument(
        "--starts", type=int, default=5, help="servers whose first request is timed"
    )
    parser.add_argument("--count", type=int, default=1, help="images a request")
    args = parser.parse_args()

    with _model(args.model_dir) as args.model_dir:
        figures = {name: round(value, 2) for name, value in _measure(args).items()}
    for name, value in figures.items():
        print(f"{name:>20}: {value:9.2f}")
    settings = {name: value for name, value in vars(args).items() if name != "model_dir"}
    print_record("serve", **settings, **figures)


if __name__ == "__main__":
    main()
