"""Mutation testing: make small faults in kgan and run the tests on each.

A fault that every test survives is a missing assertion, or changes nothing that anybody can see.
First, all fast tests and the slow ones of the files' own tests run once, and each function of kgan
notes which tests call it. Then a seeded sample of faults (`mutations.py`) is tried, one process
each, with the tests that call the faulty function, the closest first. TensorFlow is loaded once:
each process is a fork of this one.
"""

from __future__ import annotations

import argparse
import ast
import collections
import contextlib
import functools
import importlib.abc
import importlib.machinery
import importlib.util
import itertools
import os
import pathlib
import pickle
import random
import signal
import sys
import tempfile
import threading
import time
import types
from collections.abc import Callable, Iterable, Iterator

from mutations import Mutation, mutated, mutations

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Where a fault would spoil trainings, files or the theory without a sign.
ROOMS = (
    "kgan/*.py",
    "kgan/training",
    "kgan/losses",
    "kgan/layers",
    "kgan/data",
    "kgan/metrics",
    "kgan/theory",
    "kgan/optimizers",
    "kgan/variants",
    "kgan/utils",
    "kgan/inference",
    "export/lite_sampling.py",
)
SECONDS = 80.0  # for one fault, of tests that are not its file's own, as the profile measured them
INSTALLED = {"export": "kgan_export", "train": "kgan_train"}

# Of the profile: tests by function, seconds by test, and tests that fail without a fault.
Profile = tuple[dict[str, set[str]], dict[str, float], set[str]]
# What a process is to do, and its time limit in seconds.
Work = tuple[Callable[[], object], float]


def main() -> None:
    arguments = _arguments()
    started = time.monotonic()
    files = [path for room in arguments.rooms for path in _files(room)]
    warm_up()
    profile = _profile(arguments.tests, arguments.workers, {_own(path) for path in files})
    if profile[2]:
        print(f"left out, as they fail without a fault: {', '.join(sorted(profile[2]))}")
    print(f"profile: {len(profile[1])} tests in {time.monotonic() - started:.0f} s", flush=True)
    population = [(path, each) for path in files for each in mutations(path.read_text())]
    sample = random.Random(arguments.seed).sample(population, min(arguments.count, len(population)))
    deadline = started + 60 * arguments.minutes
    outcomes: dict[str, list[str]] = collections.defaultdict(list)
    # Lazily: the time of a fault's turn decides whether it is begun.
    works = (_work(path, mutation, profile, deadline) for path, mutation in sample)
    for (path, mutation), outcome in zip(sample, _forked(works, arguments.workers), strict=True):
        where = f"{path.relative_to(ROOT)}:{mutation.line}: {mutation.change}"
        outcomes[str(outcome or "killed")].append(where)
        if outcome:
            print(f"{outcome}: {where}", flush=True)
    done = sum(map(len, outcomes.values())) - len(outcomes["no time"])
    killed = len(outcomes["killed"])
    print(
        f"{killed} of {done} killed ({killed / max(1, done):.1%}), seed {arguments.seed}, out of "
        f"{len(population)} faults, {time.monotonic() - started:.0f} s"
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=300, help="number of faults")
    parser.add_argument("--seed", type=int, default=0, help="seed of the sample")
    parser.add_argument("--minutes", type=float, default=30, help="begin no fault after this time")
    parser.add_argument("--workers", type=int, default=2, help="processes at a time")
    parser.add_argument("--tests", default="test_*.py", help="pattern of the files of tests")
    parser.add_argument("rooms", nargs="*", default=ROOMS, help="files, folders or patterns")
    return parser.parse_args()


def _files(room: str) -> list[pathlib.Path]:
    path = ROOT / room
    return sorted(path.rglob("*.py") if path.is_dir() else ROOT.glob(room))


def warm_up() -> None:
    """Import the libraries, and nothing of kgan: a forked process imports its own kgan."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras  # noqa: F401
    import pytest  # noqa: F401
    import scipy.stats  # noqa: F401
    import sklearn  # noqa: F401
    import tensorflow  # noqa: F401

    assert not any(name.split(".")[0] == "kgan" for name in sys.modules)


# The profile: which tests call which function.


def _profile(tests: str, workers: int, whole: set[str]) -> Profile:
    files = sorted((ROOT / "tests").glob(tests))
    chunks = [chunk for i in range(workers) if (chunk := files[i::workers])]
    works = [(functools.partial(_profiled, chunk, whole), 3600.0) for chunk in chunks]
    callers: dict[str, set[str]] = collections.defaultdict(set)
    seconds: dict[str, float] = {}
    failed: set[str] = set()
    for part in _forked(works, workers):
        if not isinstance(part, tuple):
            raise SystemExit("The process that ran the tests without a fault ended.")
        for function, tests in part[0].items():
            callers[function] |= tests
        seconds |= part[1]
        failed |= part[2]
    return callers, seconds, failed


def _profiled(files: list[pathlib.Path], whole: set[str]) -> Profile:
    recorder = _Recorder(whole)
    sys.meta_path.insert(0, _Finder(lambda path: _noting(path, recorder.note)))
    _pytest([str(path) for path in files], recorder)
    return recorder.result()


def _noting(path: pathlib.Path, note: Callable[[str], None]) -> types.CodeType:
    """Return the code of a module in which every function first calls `note`."""
    import builtins

    builtins._kgan_note = note  # type: ignore[attr-defined]
    tree = ast.parse(path.read_text())

    def walk(node: ast.AST, names: tuple[str, ...]) -> None:
        for child in ast.iter_child_nodes(node):
            inner = names
            if isinstance(child, (ast.FunctionDef, ast.ClassDef)):
                inner = (*names, child.name)
            if isinstance(child, ast.FunctionDef):
                key = f"{path.relative_to(ROOT)}:{'.'.join(inner)}"
                call = ast.parse(f"_kgan_note({key!r})").body[0]
                child.body.insert(1 if ast.get_docstring(child) else 0, call)
            walk(child, inner)

    walk(tree, ())
    return compile(ast.fix_missing_locations(tree), str(path), "exec")


class _Recorder:
    """A plugin of pytest that notes which test calls which function, and how long each takes.

    Of the slow tests only those of the files of tests in `whole` run.
    """

    def __init__(self, whole: set[str]) -> None:
        self._whole = whole
        self._test = self._phase = ""
        self._calls: set[tuple[str, str]] = set()  # function, and test or file
        self._seconds: dict[str, float] = collections.defaultdict(float)
        self._failed: set[str] = set()

    def note(self, function: str) -> None:
        # A fixture may serve all tests of its file.
        in_test = self._phase == "call"
        self._calls.add((function, self._test if in_test else self._test.partition("::")[0]))

    def pytest_collection_modifyitems(self, items: list) -> None:
        items[:] = [
            item
            for item in items
            if item.path.name in self._whole or not item.get_closest_marker("slow")
        ]

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._test, self._phase = nodeid, "setup"

    def pytest_runtest_call(self, item: object) -> None:
        self._phase = "call"

    def pytest_runtest_teardown(self, item: object) -> None:
        self._phase = "teardown"

    def pytest_runtest_logreport(self, report: object) -> None:
        self._seconds[report.nodeid] += report.duration  # type: ignore[attr-defined]
        if report.failed:  # type: ignore[attr-defined]
            self._failed.add(report.nodeid)  # type: ignore[attr-defined]

    def result(self) -> Profile:
        tests = collections.defaultdict(set)
        for test in self._seconds:
            tests[test.partition("::")[0]].add(test)
        callers: dict[str, set[str]] = collections.defaultdict(set)
        for function, where in self._calls:
            callers[function] |= tests.get(where, {where}) if where else set()
        return dict(callers), dict(self._seconds), self._failed


# One fault.


def _work(path: pathlib.Path, mutation: Mutation, profile: Profile, deadline: float) -> Work:
    """Return the trial of one fault, which returns "alive" or nothing, and its time limit."""
    if time.monotonic() > deadline:
        return lambda: "no time", 60.0
    tests = _tests(path, mutation, profile)
    if not any(tests):
        return lambda: "never called", 60.0
    code = mutated(path.read_text(), mutation.index)

    def trial() -> str | None:
        finder = _Finder(lambda p: compile(code, str(p), "exec") if p == path else None)
        sys.meta_path.insert(0, finder)
        # The file's own first: to import the files of all the others takes longer than most tests.
        killed = any(_pytest(["-x", *group], None) for group in tests if group)
        return None if killed else "alive"

    return trial, 60 + 5 * sum(profile[1].get(test, 0.0) for group in tests for test in group)


def _tests(path: pathlib.Path, mutation: Mutation, profile: Profile) -> tuple[list[str], list[str]]:
    """Return the tests for a fault: its file's own, quickest first, and others for `SECONDS`.

    Of the others those of the room are first, and of these those that call the fewest functions:
    they look closest at each.
    """
    callers, seconds, failed = profile
    module = f"{path.relative_to(ROOT)}:"
    if mutation.function:
        found = callers.get(module + mutation.function, set())
    else:
        found = set().union(*(tests for name, tests in callers.items() if name.startswith(module)))
    # Of tests that share what a function made, only the first has called it.
    own = {test for test in seconds if _own(path) in test} if found else set()

    calls = collections.Counter(test for tests in callers.values() for test in tests)
    room = f"test_{path.relative_to(ROOT).with_suffix('').parts[1]}_"

    def distance(test: str) -> tuple[bool, int, str]:
        return room not in test, calls[test], test

    others, total = [], 0.0
    for test in sorted(found - own - failed, key=distance):
        total += seconds.get(test, 0.0)
        if total > SECONDS and (own or others):
            break
        others.append(test)
    return sorted(own - failed, key=lambda test: (seconds.get(test, 0.0), test)), others


def _own(path: pathlib.Path) -> str:
    """Return the name of the file that has the tests of a file of kgan."""
    room = path.relative_to(ROOT).with_suffix("").parts[1:]
    return f"test_{'_'.join(part for part in room if part != '__init__')}.py"


class _Finder(importlib.abc.MetaPathFinder):
    """Finds kgan, train and export in the checkout, with other code where `code` returns some."""

    def __init__(self, code: Callable[[pathlib.Path], types.CodeType | None]):
        self._code = code

    def find_spec(self, name, path=None, target=None):
        first, *rest = name.split(".")
        folder = {installed: own for own, installed in INSTALLED.items()}.get(first, first)
        if folder not in ("kgan", *INSTALLED):
            return None
        base = ROOT.joinpath(folder, *rest)
        file = base / "__init__.py" if base.is_dir() else base.with_suffix(".py")
        if not file.exists():
            return None
        loader = _Loader(name, str(file), self._code)
        locations = [str(base)] if base.is_dir() else None
        return importlib.util.spec_from_file_location(
            name, file, loader=loader, submodule_search_locations=locations
        )


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, name: str, path: str, code: Callable):
        super().__init__(name, path)
        self._other_code = code

    def get_code(self, fullname: str) -> types.CodeType:
        return self._other_code(pathlib.Path(self.path)) or super().get_code(fullname)


def _pytest(arguments: list[str], plugin: object) -> int:
    import pytest

    options = ["-q", "-p", "no:cacheprovider", "-m", "not long", "--rootdir", str(ROOT)]
    return int(pytest.main([*options, *arguments], plugins=[plugin] if plugin else []))


def _forked(works: Iterable[Work], workers: int) -> Iterator[object]:
    """Yield what each work returns in a process of its own; None if it died or ran out of time.

    All forks come from this thread, as others could hold locks that the child would wait for.
    """
    waiting, running, done = enumerate(works), {}, {}
    with tempfile.TemporaryDirectory() as folder:
        for position in itertools.count():
            while position not in done:
                while len(running) < workers and (next_one := next(waiting, None)):
                    number, (work, seconds) = next_one
                    end = time.monotonic() + seconds
                    running[_fork(work, folder, number)] = number, end
                if not running:
                    return
                for child, (number, end) in list(running.items()):
                    if _has_ended(child, end):
                        done[number] = _result(folder, number)
                        del running[child]
                time.sleep(0.02)
            yield done.pop(position)


def _fork(work: Callable[[], object], folder: str, number: int) -> int:
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            os.setsid()
            threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
            os.chdir(ROOT)
            output = os.open(f"{folder}/{number}.output", os.O_WRONLY | os.O_CREAT)
            for stream in (1, 2):
                os.dup2(output, stream)
            result = work()
            pathlib.Path(folder, f"{number}.result").write_bytes(pickle.dumps(result))
        os._exit(0)
    return child


def _end_with(parent: int) -> None:
    """End this process and its own as soon as the parent has gone."""
    while os.getppid() == parent:
        time.sleep(1)
    os.killpg(0, signal.SIGKILL)


def _has_ended(child: int, end: float) -> bool:
    if os.waitpid(child, os.WNOHANG) != (0, 0):
        return True
    if time.monotonic() < end:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return True


def _result(folder: str, number: int) -> object:
    path = pathlib.Path(folder, f"{number}.result")
    return pickle.loads(path.read_bytes()) if path.exists() else None


if __name__ == "__main__":
    main()
