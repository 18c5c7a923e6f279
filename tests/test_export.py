"""The program `kgan-export`: what it writes where, what it says, and what it refuses."""

import json
import os
import pathlib
import re
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
import warm
from export_runs import (
    CASES,
    LITE,
    BeyondTFLite,
    contents,
    exported,
    make_run,
    sequential,
)
from kgan_export import program

import kgan
from kgan.artifacts import RunDirectory

REPOSITORY = pathlib.Path(__file__).parents[1]


def export(*arguments, **named):
    return program.export(*arguments, **named)


@pytest.mark.parametrize("name", CASES)
def test_only_the_promised_files_are_there(name):
    made = exported(name)
    lite = {f"tflite/generator_{LITE[q]}.tflite" for q in made.case.quantization}
    onnx = {"onnx/generator.onnx"} if "onnx" in made.case.formats else set()
    assert {entry.path for entry in made.report.values()} == {"saved_model/1", *lite, *onnx}
    reports = {f"parity.{kind}" for kind in ("json", "md", "png")}
    whole = {path.name for path in made.out.iterdir()} - {"inputs.npz", "made.npz"}
    assert whole == {*reports, "saved_model", "tflite", *(["onnx"] if onnx else [])}
    for folder, paths in (("tflite", lite), ("onnx", onnx)):
        there = {f"{folder}/{path.name}" for path in (made.out / folder).glob("*")}
        assert there == paths
    assert [path.name for path in (made.out / "saved_model").iterdir()] == ["1"]


def test_a_diverged_generator_is_refused(tmp_path):
    generator = sequential()
    generator.set_weights([weight * np.nan for weight in generator.get_weights()])
    run_dir = make_run(tmp_path / "run", generator, kgan.priors.Normal(4))
    with pytest.raises(ValueError, match="NaN or infinity: its training diverged"):
        export(run_dir, tmp_path / "deep" / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tflite", r"does not convert to TFLite \(tf\.Erfinv\)\. Leave tflite out of --formats"),
        ("onnx", r"does not convert to ONNX \(Erfinv\)\. Leave onnx out of --formats"),
    ],
)
def test_what_a_format_lacks_is_named_and_nothing_is_left(tmp_path, name, message):
    generator = BeyondTFLite((4, 4, 1), latent_dim=3, units=(8,))
    run_dir = make_run(tmp_path / "run", generator, kgan.priors.Normal(3))
    with pytest.raises(ValueError, match=message):
        export(run_dir, tmp_path / "out", ["saved_model", name])
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    export(run_dir, tmp_path / "out", ["saved_model"])
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        *("saved_model", "parity.json", "parity.md", "parity.png")
    }


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"formats": ["saved_model", "onnx"], "quantization": ["int8", "none"]},
            r"`quantization`: expected none beside `formats=saved_model,onnx`, as tflite alone has "
            r"it, received int8,none\. Add tflite to `formats`, or leave `quantization` out\.$",
        ),
        (
            {"formats": ["tflite"], "version": 3},
            r"`version`: expected none beside `formats=tflite`, as saved_model alone has it, "
            r"received 3\. Add saved_model to `formats`, or leave `version` out\.$",
        ),
        ({"formats": ["onnxx"], "version": 3}, r"`formats`: expected one or more of saved_model"),
    ],
)
def test_what_no_format_uses_is_refused(tmp_path, given, said):
    """It was ignored without a word. Nothing is read or made for it."""
    with pytest.raises(ValueError, match=said):
        export(tmp_path / "absent", tmp_path / "out", **given)
    assert not [*tmp_path.iterdir()]
    for none_given in ({}, {"formats": ["saved_model"], "quantization": ["none"]}):
        with pytest.raises(FileNotFoundError, match="absent"):
            export(tmp_path / "absent", tmp_path / "out", **none_given)


class TestVersions:
    @pytest.mark.slow
    def test_they_count_up_and_stay(self, tmp_path):
        run_dir = make_run(tmp_path / "run", sequential(), kgan.priors.Normal(4))
        out = tmp_path / "out"
        paths = [
            export(run_dir, out, ["saved_model"], version)["saved_model"].path
            for version in (None, 5, None)
        ]
        assert paths == ["saved_model/1", "saved_model/5", "saved_model/6"]
        before = contents(out)
        with pytest.raises(
            FileExistsError, match=r"Version 5 exists in .* leave --version out for 7"
        ):
            export(run_dir, out, ["saved_model"], 5)
        assert contents(out) == before

    def test_what_is_no_version_does_not_count(self, tmp_path):
        assert program.choose_version(None, tmp_path / "absent") == 1
        for name in ("2", "10", ".30.partial", "latest", "-4"):
            (tmp_path / name).mkdir()
        assert program.choose_version(None, tmp_path) == 11
        assert program.choose_version(3, tmp_path) == 3

    @pytest.mark.parametrize("version", [0, -1, 1.5, "2"])
    def test_nonsense_is_refused(self, tmp_path, version):
        with pytest.raises(ValueError, match=rf"`version`: expected a positive .*{version!r}"):
            program.choose_version(version, tmp_path)


# Runs the program on many command lines in one process, as TensorFlow takes seconds to import; a
# case may first break something. A NUL and the exit code end each case on both streams.
DRIVER = """
import json, sys
from absl.testing import flagsaver
from export.main import cli
for arguments, preparation in json.load(sys.stdin):
    exec(preparation)
    sys.argv = ["kgan-export", *arguments]
    with flagsaver.flagsaver():
        try:
            cli()
        except SystemExit as stop:
            code = stop.code
        except Exception as error:
            code = type(error).__name__
    for stream in (sys.stdout, sys.stderr):
        print(end=f"{code}\\0", file=stream, flush=True)
"""
OTHER_IMAGES = """
from kgan import inference
load = inference.tflite_function
inference.tflite_function = lambda path: lambda **inputs: load(path)(**inputs) + 0.01
"""
INTERRUPTION = """
from export import tflite
def interrupted(*_, **__): raise KeyboardInterrupt
tflite.write = interrupted
"""


@pytest.mark.slow
def test_mistakes_are_one_sentence_and_exit_1(tmp_path):
    run_dir = make_run(tmp_path / "run", sequential(), kgan.priors.Normal(4))
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("precious")
    unfinished, damaged, priorless = (RunDirectory(tmp_path / n) for n in ("begun", "cut", "none"))
    for run in (unfinished, damaged):
        run.create({}, prior=keras.saving.serialize_keras_object(kgan.priors.Normal(4)))
    priorless.create({})
    priorless.generator.write_bytes(b"")
    damaged.generator.write_bytes((run_dir / "generator.keras").read_bytes()[:1000])
    foreign = BeyondTFLite((4, 4, 1), latent_dim=3, units=(8,))
    make_run(tmp_path / "foreign", foreign, kgan.priors.Normal(3))

    def flags(run="run", output="out", *more):
        return [f"--run_dir={tmp_path / run}", f"--output_dir={tmp_path / output}", *more]

    mistakes = [  # command line, and the sentence
        (flags("absent"), r".*absent is no run directory: .* Name the --run_dir of a kgan-train.*"),
        (flags("empty"), r".*empty is no run directory: .* Name the --run_dir of a kgan-train .*"),
        (
            flags("begun"),
            r"The run in .* has no checkpoint yet\. .*: kgan-train --run_dir=.*begun \(and.*",
        ),
        (flags("cut"), r".*generator\.keras cannot be loaded \(.*\)\. Either it is damaged, or .*"),
        (flags("none"), r"The prior in .*config\.json cannot be read \(KeyError: 'prior'\)\. Na.*"),
        (flags("foreign"), r".* cannot be loaded: it needs 'BeyondTFLite'.* --import=MODULE .*"),
        (flags("run", "file"), r"Nothing can be written to .*: .*file is a file\. Name a direct.*"),
        (flags("run", "file/x"), r"Nothing can be written to .*x: .*file is a file\. Name a dir.*"),
        (flags("run", "out", "--formats=jpeg"), r".*--formats: expected one or more .*jpeg."),
        (flags("run", "out", "--formats="), r".*of saved_model, tflite, onnx, received none."),
        (
            flags("run", "out", "--quantization=int8,int4"),
            r".*--quantization: expected one or more of none, float16, .*received int8,int4\.",
        ),
        (flags("run", "out", "--version=0"), r".*--version: expected a positive integer.*"),
        (flags("run", "out", "extra"), r"unexpected argument 'extra'; flags begin with --\."),
    ]
    wrong = flags("run", "wrong")
    cases = [  # command line, what breaks, exit code, and the sentence
        *((arguments, "", 1, sentence) for arguments, sentence in mistakes),
        (wrong, OTHER_IMAGES, 1, r"Parity failed for tflite_float32: .*json has the numbers\."),
        (flags(), INTERRUPTION, 130, r"interrupted; nothing was exported\."),
    ]
    verbose = (flags("absent", "out", "--verbosity=1"), "")
    before = contents(tmp_path)
    done = subprocess.run(
        [*warm.python(), "-c", DRIVER],
        input=json.dumps([*(case[:2] for case in cases), verbose]),
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
    )
    assert done.returncode == 0, done.stderr
    *ends, verbose_end, _ = zip(done.stdout.split("\0"), done.stderr.split("\0"), strict=True)
    for (arguments, _, code, sentence), (out, err) in zip(cases, ends, strict=True):
        assert re.fullmatch(rf"kgan-export: {sentence}\n{code}", err), (arguments, err)
        assert out == str(code) or (arguments == wrong and "FAILED" in out)
    assert verbose_end == ("FileNotFoundError", "FileNotFoundError")  # goes on to a traceback
    after = contents(tmp_path)
    reports = {tmp_path / "wrong" / f"parity.{kind}" for kind in ("json", "md", "png")}
    assert after.keys() - before.keys() == {tmp_path / "wrong", *reports}
    assert (tmp_path / "file").read_text() == "precious"


class TestProgram:
    @pytest.mark.slow
    def test_it_says_what_it_did_and_nothing_else(self, tmp_path):
        run_dir = make_run(tmp_path / "run", sequential(), kgan.priors.Normal(4))
        out, scratch = tmp_path / "out", tmp_path / "scratch"
        scratch.mkdir()
        done = subprocess.run(
            [
                *(sys.executable, "-m", "export", f"--run_dir={run_dir}", f"--output_dir={out}"),
                *("--formats=onnx,tflite,saved_model", "--quantization=int8,none"),
            ],
            capture_output=True,
            text=True,
            cwd=REPOSITORY,
            env={**os.environ, "TMPDIR": str(scratch)},
        )
        assert (done.returncode, done.stderr) == (0, "")
        head, *rows, last = done.stdout.splitlines()
        assert re.fullmatch("format +size +max error +mean error +psnr +1 image +64 images", head)
        number, decimal = r" +\d\.\de[+-]\d\d", r" +[\d,]+\.\d+"
        psnr = rf"(?: +inf|{decimal})"  # infinite where a CPU computes both alike
        figures = rf"{decimal} MB{number}{number}{psnr} dB{decimal} ms +[\d,]+/s"
        names = ("saved_model", "tflite_float32", "tflite_int8", "onnx")
        for name, row in zip(names, rows, strict=True):
            assert re.fullmatch(rf"{name}{figures}  passed", row)
        assert last == (
            f"Exported to {out}: saved_model/1, tflite/generator_float32.tflite, "
            "tflite/generator_int8.tflite, onnx/generator.onnx; compared in parity.md."
        )
        # Where Python keeps what it compiles, TensorFlow leaves a function that it has rewritten.
        assert not {path.name for path in scratch.iterdir()} - {"__pycache__"}

    def test_help_and_flag_errors_need_no_tensorflow(self):
        program = pathlib.Path(sys.executable).with_name("kgan-export")
        start = time.monotonic()
        told = subprocess.run([program, "--help"], capture_output=True, text=True)
        assert time.monotonic() - start < 1
        assert "proves that what it wrote makes the same images" in told.stdout
        for flag in ("run_dir", "output_dir", "formats", "quantization", "version", "step"):
            assert f"--{flag}:" in told.stdout
        missing = subprocess.run([program, "--output_dir=x"], capture_output=True, text=True)
        assert missing.returncode == 1
        assert "--run_dir must have a value" in missing.stderr

    def test_only_native_chatter_is_silenced(self):
        program = (
            "import os, warnings\n"
            "from kgan_cli.silence import native_silence\n"
            "with native_silence():\n"
            "    os.write(2, b'native')\n"
            "    warnings.warn('from Python')\n"
            "os.write(2, b'afterwards')\n"
            "with native_silence():\n"
            "    raise ValueError('an error')\n"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
        assert "native'" not in done.stderr
        for said in ("UserWarning: from Python", "afterwards", "ValueError: an error"):
            assert said in done.stderr
