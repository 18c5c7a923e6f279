"""The command-line harness: exit codes, a sentence for an error, quiet libraries, options."""

from __future__ import annotations

import dataclasses
import os
import pty
import signal
import subprocess
import sys

import pytest
from absl import flags

from kgan_cli.flags import define_flags, given_flags
from kgan_cli.options import (
    NON_NEGATIVE,
    REQUIRED,
    at_least,
    below,
    check_given,
    check_options,
    option,
)


def python(code, *arguments):
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("pass", 0, ""),
        ("warnings.warn('odd')", 0, "prog: odd\n"),
        ("raise ValueError('wrong.')", 1, "prog: wrong.\n"),
        ("raise ValueError", 1, "prog: ValueError\n"),
        ("raise KeyboardInterrupt", 130, "prog: stopped early.\n"),
        ("raise KeyboardInterrupt('Saved.')", 130, "prog: Saved.\n"),
        ("os.kill(os.getpid(), signal.SIGTERM); time.sleep(30)", 130, "prog: stopped early.\n"),
        ("os.kill(os.getpid(), signal.SIGHUP); time.sleep(30)", 130, "prog: stopped early.\n"),
        ("sys.exit(os.environ.get('CUDA_VISIBLE_DEVICES') != '-1')", 0, ""),
    ],
)
def test_a_program_ends_with_a_code_and_at_most_one_sentence(line, code, said):
    program = f"""
import os, signal, sys, time, warnings
from kgan_cli.program import run
def work():
    {line}
run("prog", __name__, work, "stopped early.", hide_gpus=True)
"""
    assert python(program) == (code, said)
    if "ValueError" in line:
        assert "Traceback" in python(program, "--verbosity=1")[1]


@pytest.mark.parametrize(
    ("machine", "given", "seen"),
    [("x86_64", None, "1"), ("AMD64", None, "1"), ("x86_64", "0", "0"), ("aarch64", None, None)],
)
def test_programs_switch_on_the_faster_operations_of_x86(machine, given, seen):
    program = f"""
import os, platform
os.environ.pop("TF_ENABLE_ONEDNN_OPTS", None)
os.environ.update({{"TF_ENABLE_ONEDNN_OPTS": {given!r}}} if {given!r} else {{}})
platform.machine = lambda: {machine!r}
from kgan_cli.program import run
run("prog", __name__, lambda: print(os.environ.get("TF_ENABLE_ONEDNN_OPTS")))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"{seen}\n"), done.stderr


def test_a_terminal_that_hangs_up_does_not_keep_a_training_from_saving(tmp_path):
    """What is printed after the hangup would raise, and the progress bar prints at each step."""
    program = """
import os, pathlib, sys, time
from kgan_cli.program import run
from kgan_cli.signals import stopping_on_signals
def work():
    stops = []
    with stopping_on_signals(lambda: stops.append(1)):
        while not stops:
            time.sleep(0.01)
            print("step", flush=True)
        print("step", file=sys.stderr, flush=True)
        pathlib.Path(sys.argv[0]).write_text("saved")
        raise KeyboardInterrupt("Saved.")
sys.argv = [os.environ["SAVED"]]
run("prog", __name__, work)
"""
    screen, terminal = pty.openpty()
    environment = {**os.environ, "SAVED": str(tmp_path / "saved")}
    words = [sys.executable, "-c", program]
    with subprocess.Popen(
        words, stdout=terminal, stderr=terminal, env=environment, start_new_session=True
    ) as process:
        os.close(terminal)
        assert os.read(screen, 4) == b"step"
        os.close(screen)
        process.send_signal(signal.SIGHUP)
        assert process.wait(timeout=60) == 130
    assert (tmp_path / "saved").read_text() == "saved"


def test_arguments_of_the_library_are_named_as_the_flags_that_they_are():
    program = """
from absl import flags
from kgan_cli.program import run
for name in ("data_dir", "dataset", "image"):
    flags.DEFINE_string(name, None, "")
def work():
    raise ValueError(
        "Invalid value for argument `name`: lower `batch`, give `image='left'`; in X (`data_dir`). "
        "Invalid value for argument `other`; call `fit(image=1)`."
    )
run("prog", __name__, work, arguments={"name": "dataset"})
"""
    assert python(program) == (
        1,
        "prog: Invalid value for --dataset: lower `batch`, give --image=left; in X (--data_dir). "
        "Invalid value for argument `other`; call `fit(image=1)`.\n",
    )


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("cli_good", ""),
        ("cli_package.inner,cli_good", ""),
        ("cli_absent", "no module 'cli_absent' is installed or lies in the current directory."),
        ("cli_package.absent", "no module 'cli_package.absent' is installed or lies in"),
        ("cli_good.py", "expected the dotted name of a module, such as my_package.my_set.\n"),
        ("./cli_good", "expected the dotted name of a module, such as my_package.my_set.\n"),
        ("cli_needs", "importing it failed (ModuleNotFoundError: No module named 'cli_absent')"),
        ("cli_fails", "importing it failed (TypeError: two lines)"),
        ("cli_typo", "importing it failed (SyntaxError: "),
        ("cli_exits", "importing it failed (SystemExit: 3)"),
    ],
)
def test_modules_of_the_user_are_imported(name, said, tmp_path):
    (tmp_path / "cli_package").mkdir()
    for module, code in {
        "cli_good": "print('imported')",
        "cli_package/__init__": "",
        "cli_package/inner": "",
        "cli_needs": "import cli_absent",
        "cli_fails": "raise TypeError('two\\nlines')",
        "cli_typo": "def",
        "cli_exits": "import sys; sys.exit(3)",
    }.items():
        (tmp_path / f"{module}.py").write_text(code)
    program = f"""
import os, sys
sys.path = [path for path in sys.path if path]  # as in an installed program
os.chdir({str(tmp_path)!r})
from kgan_cli.imports import define_import_flag, import_modules
from kgan_cli.program import run
define_import_flag(__name__)
run("prog", __name__, import_modules)
"""
    code, printed = python(program, f"--import={name}")
    assert code == bool(said)
    assert printed.count("\n") == bool(said)
    if said:
        assert f"prog: --import={name}: {said}" in printed


def test_a_logger_of_the_quiet_block_works_after_it():
    code, said = python(
        "import logging, os, sys\n"
        "from kgan_cli.silence import native_silence\n"
        "with native_silence():\n"
        "    log = logging.getLogger('x'); log.addHandler(logging.StreamHandler())\n"
        "    log.warning('within'); os.write(2, b'native')\n"
        "log.warning('after')\n"
        "print('last', file=sys.stderr)\n"
    )
    assert (code, said) == (0, "within\nafter\nlast\n")


@dataclasses.dataclass(frozen=True)
class Example:
    cli_place: str = option(REQUIRED, "Where")
    cli_kind: str = option("plain", "Kind of it", ("plain", "odd"))
    cli_rate: float = option(
        0.5, "Rate of odd ones", expected=below(1), only_with={"cli_kind": ("odd",)}
    )
    cli_weight: float | None = option(None, "Weight", expected=NON_NEGATIVE, unset="no weight")
    cli_count: int = option(
        3, "Count", expected=at_least(2), given_with={"cli_kind": ("plain", "new")}
    )
    cli_names: tuple[str, ...] = option(("a", "b"), "Names")
    cli_fast: bool = option(False, "Be fast")


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"cli_kind": "new"}, r"^--cli_kind=new: expected one of plain, odd\.$"),
        ({"cli_rate": 0.1}, r"^--cli_rate=0\.1: --cli_kind=plain has no such option; odd has it"),
        ({"cli_kind": "odd", "cli_rate": 1.0}, r"^--cli_rate=1\.0: expected a number in \[0, 1\)"),
        ({"cli_weight": -1.0}, r"^--cli_weight=-1\.0: expected a number of at least 0\.$"),
        ({"cli_count": 1}, r"^--cli_count=1: expected an integer of at least 2\.$"),
    ],
)
def test_a_field_checks_its_value(values, sentence):
    with pytest.raises(ValueError, match=sentence):
        check_options(Example("here", **values))
    check_options(Example("here", cli_kind="odd", cli_rate=0.1))


def test_a_field_without_effect_is_refused_where_it_is_given():
    for values in ({"cli_kind": "odd"}, {"cli_count": 4}):
        check_given(Example("here", **values), {"cli_kind", "cli_count"})
    odd = Example("here", cli_kind="odd", cli_count=4)
    check_options(odd)
    check_given(odd, {"cli_kind"})
    sentence = r"^--cli_count=4: --cli_kind=odd has no such option; plain, new have it\.$"
    with pytest.raises(ValueError, match=sentence):
        check_given(odd, {"cli_count"})


@pytest.mark.parametrize("with_defaults", [False, True])
def test_a_field_becomes_a_flag(with_defaults):
    names = [field.name for field in dataclasses.fields(Example)]
    define_flags(Example, "tests.example", with_defaults=with_defaults)
    try:
        own = {flag.name: flag for flag in flags.FLAGS.get_flags_for_module("tests.example")}
        assert [*own] == names
        defaults = ("; default plain", "; default 0.5", "; default 3")
        kind, rate, count = ("", "", "") if with_defaults else defaults
        assert [own[name].help for name in names[:5]] == [
            "Where.",
            f"Kind of it (one of plain, odd{kind})",
            f"Rate of odd ones (for --cli_kind=odd{rate})",
            "Weight (default: no weight)",
            f"Count (for --cli_kind=plain, new{count})",
        ]
        given = {name: flag.value for name, flag in own.items() if flag.value is not None}
        assert given == (
            {
                "cli_kind": "plain",
                "cli_rate": 0.5,
                "cli_count": 3,
                "cli_names": ["a", "b"],
                "cli_fast": False,
            }
            if with_defaults
            else {}
        )
        for name, text in (("cli_names", "c,d"), ("cli_count", "4"), ("cli_fast", "true")):
            own[name].parse(text)
        values = given_flags(Example)
        assert values == {**values, "cli_names": ("c", "d"), "cli_count": 4, "cli_fast": True}
        assert "cli_place" not in values
    finally:
        for name in names:
            delattr(flags.FLAGS, name)
