"""Python processes that find TensorFlow loaded: forks of one that has loaded it.

`subprocess.run([*warm.python(), "-m", "train", "--steps=2"])` is `python -m train --steps=2`
without the seconds that imports take. Arguments, folder, environment, streams, signals and exit
status are those of any process; the packages that kgan uses are loaded, kgan itself is not. A test
of imports, of what is written while they run, or of processes that must not share a hash seed,
needs `sys.executable` instead.

As a program this is the caller's end: it passes everything on to the fork and waits for it.
"""

import atexit
import contextlib
import json
import os
import signal
import socket
import sys
import threading

PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)
_PYTHON: list[str] = []


def python() -> list[str]:
    """Return the words to type instead of `python`; the first time, start what will be forked."""
    import subprocess
    import tempfile

    if not _PYTHON:
        folder = tempfile.TemporaryDirectory(prefix="warm")
        address = os.path.join(folder.name, "socket")
        words = [sys.executable, __file__, "--serve", address]
        # In a session of its own, so that Ctrl+C leaves it to its owner.
        server = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        assert server.stdout is not None
        assert server.stdout.readline() == b"ready\n"
        atexit.register(folder.cleanup)
        atexit.register(server.wait)
        atexit.register(server.kill)
        _PYTHON[:] = [sys.executable, "-I", "-S", __file__, address]
    return _PYTHON


def call(address: str, words: list[str]) -> int:
    """Run a program in a fork; return its exit status."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(address)
        socket.send_fds(connection, [b"!"], [0, 1, 2])
        asked = {"words": words, "folder": os.getcwd(), "environment": dict(os.environ)}
        connection.sendall(json.dumps(asked).encode() + b"\n")
        answers = connection.makefile()
        process = int(answers.readline())
        for number in PASSED_ON:
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, lambda number, _: os.kill(process, number))
        status = int(answers.readline())
    if status < 0:  # of a signal, as the caller shall see it
        if -status in PASSED_ON:
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    return status


def serve(address: str) -> None:
    """Load what takes long, then fork for each call. The forks return from here.

    Not TFDS, which reads the environment when it is loaded.
    """
    import ai_edge_litert.interpreter  # noqa: F401
    import etils.etree  # noqa: F401
    import keras  # noqa: F401
    import matplotlib.pyplot  # noqa: F401
    import scipy.optimize  # noqa: F401
    import sklearn.cluster
    import sklearn.datasets
    import sklearn.neighbors  # noqa: F401
    import tqdm  # noqa: F401

    keep_what_is_loaded()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who wait
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(16)
        print("ready", flush=True)
        while True:
            connection, _ = listener.accept()
            if os.fork() == 0:
                break
            connection.close()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    answer(connection)


def keep_what_is_loaded() -> None:
    """Keep the garbage collector from what is loaded, and call it less often: 8% of CPU time."""
    import gc

    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)


def answer(connection: socket.socket) -> None:
    """Fork the process that was asked for, and wait for it. That process returns from here."""
    _, streams, _, _ = socket.recv_fds(connection, 1, 3)
    with connection, connection.makefile() as reader:
        asked = json.loads(reader.readline())
        process = os.fork()
        if process:
            connection.sendall(f"{process}\n".encode())
            threading.Thread(target=die_with, args=(connection, process), daemon=True).start()
            status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
            connection.sendall(f"{status}\n".encode())
            os._exit(0)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    run(asked["words"])


def die_with(connection: socket.socket, process: int) -> None:
    """End a process once its caller has ended, which says nothing until then."""
    connection.recv(1)
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


def run(words: list[str]) -> None:
    """Run a program as `python WORDS` does."""
    import runpy

    sys.path[1:1] = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    kind, *rest = words
    if kind == "-m":
        sys.argv, sys.path[0] = rest, os.getcwd()
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    elif kind == "-c":
        sys.argv, sys.path[0] = ["-c", *rest[1:]], ""
        exec(compile(rest[0], "<string>", "exec"), vars(sys.modules["__main__"]))
    else:
        sys.argv, sys.path[0] = words, os.path.dirname(os.path.abspath(kind))
        runpy.run_path(kind, run_name="__main__")


if __name__ == "__main__":
    if sys.argv[1] == "--serve":
        serve(sys.argv[2])
    else:
        sys.exit(call(sys.argv[1], sys.argv[2:]))
