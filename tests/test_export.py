"""What is exported makes the images that the Keras model makes, and is whole or not there."""

import contextlib
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
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from kgan_export import parity, saved_model, tflite
from kgan_export.program import export

import kgan
from kgan.artifacts import RunDirectory, replaced_when_whole

REPOSITORY = pathlib.Path(__file__).parents[1]
SEED = (3, 7)


@keras.saving.register_keras_serializable(package="test_export")
class BeyondTFLite(kgan.networks.MLPGenerator):
    """Somebody's own network, with an operation that TFLite lacks."""

    def call(self, latents, training=False):
        return tf.math.erfinv(super().call(latents, training) / 2)


def mlp(**kwargs):
    return kgan.networks.MLPGenerator((8, 8, 1), latent_dim=6, units=(128, 128), **kwargs)


def dcgan(**kwargs):
    """A DCGAN as if trained: its images are not all grey, nor its moving statistics the initial."""
    generator = kgan.networks.DCGANGenerator((16, 16, 3), latent_dim=5, filters=8, **kwargs)
    generator.build((None, 5))
    for layer in (generator.projection, *generator.convolutions, generator.output_layer):
        layer.set_weights([10 * weight for weight in layer.get_weights()])
    for seed in range(10):
        generator(1 + kgan.priors.Normal(5).sample(32, seed), training=True)
    return generator


def sequential():
    return keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(36, activation="tanh"),
            keras.layers.Reshape((6, 6, 1)),
        ]
    )


# name: generator, prior, and what turns its output into values in [0, 1].
GENERATORS = {
    "mlp": (lambda: mlp(value_range=(-1, 3)), kgan.priors.Uniform(6), lambda x: (x + 1) / 4),
    "dcgan": (dcgan, kgan.priors.Normal(5), lambda x: (x + 1) / 2),
    "sequential": (sequential, kgan.priors.Normal(4), lambda x: (x + 1) / 2),
}


def make_run(path, generator, prior):
    """What a finished training leaves of interest here."""
    run = RunDirectory(path)
    run.create({"seed": 0}, prior=keras.saving.serialize_keras_object(prior))
    if not generator.built:
        generator.build((None, prior.dim))
    with replaced_when_whole(run.generator) as partial:
        generator.save(partial)
    return path


def contents(directory):
    """Every file and directory below `directory`, with the time of its last change."""
    return {path: path.stat().st_mtime_ns for path in directory.rglob("*")}


def run_tflite(path, latents):
    return Interpreter(str(path)).get_signature_runner("serving_default")(latents=latents)["images"]


@pytest.fixture(scope="module")
def exports(tmp_path_factory):
    """Each generator trained, as it were, and exported: name -> (generator, directory, report)."""
    base = tmp_path_factory.mktemp("exports")
    made = {}
    for name, (make, prior, _) in GENERATORS.items():
        generator = make()
        run_dir = make_run(base / name, generator, prior)
        before = contents(base)
        report = export(run_dir, base / "out" / name)
        changed = contents(base).items() - before.items()
        assert all(path.is_relative_to(base / "out") for path, _ in changed)
        made[name] = (generator, base / "out" / name, report)
    return made


@pytest.fixture(scope="module")
def consumed(exports):
    """What another process, without kgan, makes of the SavedModels."""
    for name, (_, out, _) in exports.items():
        np.save(out / "latents.npy", GENERATORS[name][1].sample(9, 5).numpy())
    program = """
import pathlib, sys
sys.modules["kgan"] = None  # to import it is now an error
import numpy as np, tensorflow as tf
for out in map(pathlib.Path, sys.argv[1:]):
    model = tf.saved_model.load(str(out / "saved_model" / "1"))
    serve, sample = model.signatures["serving_default"], model.signatures["sample"]
    draw = lambda count, *seed: sample(count=tf.constant(count), seed=tf.constant(seed))["images"]
    np.savez(
        out / "made.npz",
        served=serve(latents=tf.constant(np.load(out / "latents.npy")))["images"],
        sampled=draw(6, 3, 7), again=draw(6, 3, 7), few=draw(2, 3, 7), other=draw(6, 3, 8),
    )
"""
    outs = {name: out for name, (_, out, _) in exports.items()}
    subprocess.run([sys.executable, "-c", program, *map(str, outs.values())], check=True)
    return {name: np.load(out / "made.npz") for name, out in outs.items()}


@pytest.mark.parametrize("name", GENERATORS)
class TestFormats:
    def test_parity_holds_and_is_recorded(self, exports, name):
        _, out, report = exports[name]
        recorded = json.loads((out / "parity.json").read_text())
        assert recorded["passed"] is True
        assert (recorded["latents"], recorded["seed"]) == (256, 0)
        assert set(recorded["formats"]) == set(report) == {"saved_model", "tflite"}
        for kind, tolerance in (("saved_model", 1e-6), ("tflite", 1e-5)):
            entry = recorded["formats"][kind]
            assert entry["tolerance"] == tolerance
            assert 0 <= entry["mean_absolute_error"] <= entry["max_absolute_error"] <= tolerance
            assert entry["passed"] is report[kind].passed is True
            written = out / entry["path"]
            files = [written, *written.rglob("*")]
            size = sum(file.stat().st_size for file in files if file.is_file())
            assert entry["bytes"] == size

    def test_only_the_promised_files_are_there(self, exports, name):
        _, out, _ = exports[name]
        assert {path.name for path in out.iterdir()} - {"latents.npy", "made.npz"} == {
            "parity.json",
            "saved_model",
            "tflite",
        }
        assert [path.name for path in (out / "saved_model").iterdir()] == ["1"]
        assert [path.name for path in (out / "tflite").iterdir()] == ["generator_float32.tflite"]

    def test_saved_model_serves_without_kgan(self, exports, consumed, name):
        generator, _, _ = exports[name]
        _, prior, rescaled = GENERATORS[name]
        expected = rescaled(generator(prior.sample(9, 5), training=False).numpy())
        served = consumed[name]["served"]
        assert served.dtype == np.float32
        assert 0 <= served.min() < 0.3
        assert 0.7 < served.max() <= 1
        np.testing.assert_allclose(served, expected, rtol=0, atol=1e-6)

    def test_samples_are_those_of_the_gan(self, exports, consumed, name):
        generator, _, _ = exports[name]
        _, prior, rescaled = GENERATORS[name]
        made = consumed[name]
        discriminator = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(1)])
        gan = kgan.GAN(generator, discriminator, prior)
        expected = rescaled(gan.sample(6, SEED))
        np.testing.assert_allclose(made["sampled"], expected, rtol=0, atol=1e-6)
        np.testing.assert_array_equal(made["sampled"], made["again"])
        np.testing.assert_allclose(made["few"], expected[:2], rtol=0, atol=1e-6)
        assert np.abs(made["other"] - expected).max() > 0.1

    @pytest.mark.parametrize("batch", [1, 3, 70])
    def test_tflite_takes_any_batch(self, exports, name, batch):
        generator, out, _ = exports[name]
        _, prior, rescaled = GENERATORS[name]
        latents = prior.sample(batch, 1).numpy()
        images = run_tflite(out / "tflite" / "generator_float32.tflite", latents)
        assert images.dtype == np.float32
        expected = rescaled(generator(latents, training=False).numpy())
        np.testing.assert_allclose(images, expected, rtol=0, atol=1e-5)

    def test_signatures_are_as_promised(self, exports, name):
        generator, out, _ = exports[name]
        _, prior, _ = GENERATORS[name]
        signatures = tf.saved_model.load(str(out / "saved_model" / "1")).signatures
        assert set(signatures) == {"serving_default", "sample", "sample_png"}
        images = tf.TensorSpec(generator.compute_output_shape((None, prior.dim)))
        inputs = {
            "serving_default": {"latents": tf.TensorSpec([None, prior.dim])},
            "sample": {"count": tf.TensorSpec([], tf.int32), "seed": tf.TensorSpec([2], tf.int32)},
        }
        for signature, specs in inputs.items():
            _, taken = signatures[signature].structured_input_signature
            assert {key: (spec.shape.as_list(), spec.dtype) for key, spec in taken.items()} == {
                key: (spec.shape.as_list(), spec.dtype) for key, spec in specs.items()
            }
            made = signatures[signature].structured_outputs
            assert list(made) == ["images"]
            assert made["images"].shape.as_list() == images.shape.as_list()
            assert made["images"].dtype == tf.float32


def test_weights_are_stored_once(exports):
    generator, out, report = exports["mlp"]
    weights = sum(weight.size for weight in generator.get_weights()) * 4
    variables = out / "saved_model" / "1" / "variables"
    stored = sum(file.stat().st_size for file in variables.iterdir())
    assert weights <= stored <= 1.1 * weights
    assert weights <= report["tflite"].bytes <= 1.1 * weights


@pytest.mark.slow
def test_tensorflows_own_tool_runs_the_saved_model(exports, tmp_path):
    _, out, _ = exports["dcgan"]
    np.save(tmp_path / "z.npy", np.zeros([2, 5], np.float32))
    tool = pathlib.Path(sys.executable).with_name("saved_model_cli")
    arguments = ["--dir", out / "saved_model" / "1", "--tag_set", "serve"]
    arguments += ["--signature_def", "serving_default", "--inputs", f"latents={tmp_path / 'z.npy'}"]
    arguments += ["--outdir", tmp_path]
    done = subprocess.run([tool, "run", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert np.load(tmp_path / "images.npy").shape == (2, 16, 16, 3)


def test_points_without_a_value_range_stay_as_they_are(tmp_path):
    generator = kgan.networks.MLPGenerator((2,), latent_dim=3, units=(8,), value_range=None)
    generator.build((None, 3))
    generator.output_layer.set_weights([60 * w for w in generator.output_layer.get_weights()])
    prior = kgan.priors.Normal(3)
    report = export(make_run(tmp_path / "run", generator, prior), tmp_path / "out", ["tflite"])
    latents = prior.sample(256, 0)
    points = generator(latents).numpy()
    greatest = np.abs(points).max()
    assert greatest > 50
    assert report["tflite"].tolerance == pytest.approx(1e-5 * greatest, rel=1e-5)
    made = run_tflite(tmp_path / "out" / report["tflite"].path, latents.numpy())
    np.testing.assert_allclose(made, points, rtol=0, atol=1e-5 * greatest)
    assert not (tmp_path / "out" / "saved_model").exists()


@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_ships_as_float32(tmp_path, precision):
    half = dcgan(dtype=precision)
    prior = kgan.priors.Normal(5)
    report = export(make_run(tmp_path / "run", half, prior), tmp_path / "out")
    full = dcgan()
    full.set_weights(half.get_weights())
    latents = prior.sample(20, 3)
    made = run_tflite(tmp_path / "out" / report["tflite"].path, latents.numpy())
    expected = (full(latents, training=False).numpy() + 1) / 2
    np.testing.assert_allclose(made, expected, rtol=0, atol=1e-5)


@contextlib.contextmanager
def shifted_weights(trained):
    weights = trained.model.get_weights()
    trained.model.set_weights([weight + 0.01 for weight in weights])
    yield
    trained.model.set_weights(weights)


@pytest.mark.parametrize("module", [saved_model, tflite])
def test_another_model_fails_parity_and_is_not_exported(tmp_path, monkeypatch, capsys, module):
    write = module.write

    def write_corrupted(trained, path):
        with shifted_weights(trained):
            write(trained, path)

    monkeypatch.setattr(module, "write", write_corrupted)
    name = module.__name__.rpartition(".")[2]
    run_dir = make_run(tmp_path / "run", mlp(), kgan.priors.Uniform(6))
    out = tmp_path / "out"
    with pytest.raises(parity.ParityError, match=rf"Parity failed for {name}: .*parity\.json"):
        export(run_dir, out)
    assert [path.name for path in out.iterdir()] == ["parity.json"]
    recorded = json.loads((out / "parity.json").read_text())
    assert recorded["passed"] is False
    assert {key: entry["passed"] for key, entry in recorded["formats"].items()} == {
        "saved_model": module is not saved_model,
        "tflite": module is not tflite,
    }
    assert recorded["formats"][name]["max_absolute_error"] > 1e-3
    assert re.search(rf"^{name} .*FAILED$", capsys.readouterr().out, re.MULTILINE)


def test_nan_is_not_within_any_tolerance():
    assert not parity.Comparison("x", 1, float("nan"), float("nan"), 1.0).passed


def test_a_diverged_generator_is_refused(tmp_path):
    generator = sequential()
    generator.set_weights([weight * np.nan for weight in generator.get_weights()])
    run_dir = make_run(tmp_path / "run", generator, kgan.priors.Normal(4))
    with pytest.raises(ValueError, match="NaN or infinity: its training diverged"):
        export(run_dir, tmp_path / "deep" / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_what_tflite_lacks_is_named_and_nothing_is_left(tmp_path):
    generator = BeyondTFLite((4, 4, 1), latent_dim=3, units=(8,))
    run_dir = make_run(tmp_path / "run", generator, kgan.priors.Normal(3))
    with pytest.raises(ValueError, match=r"does not convert to TFLite \(tf\.Erfinv\).*--formats"):
        export(run_dir, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    export(run_dir, tmp_path / "out", ["saved_model"])
    assert not (tmp_path / "out" / "tflite").exists()


class TestVersions:
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
        assert saved_model.choose_version(tmp_path / "absent", None) == 1
        for name in ("2", "10", ".30.partial", "latest", "-4"):
            (tmp_path / name).mkdir()
        assert saved_model.choose_version(tmp_path, None) == 11
        assert saved_model.choose_version(tmp_path, 3) == 3

    @pytest.mark.parametrize("version", [0, -1, 1.5, "2"])
    def test_nonsense_is_refused(self, tmp_path, version):
        with pytest.raises(ValueError, match=rf"`version`: expected a positive .*{version!r}"):
            saved_model.choose_version(tmp_path, version)


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
from export import tflite
load = tflite.load
tflite.load = lambda path: lambda **inputs: load(path)(**inputs) + 0.01
"""
INTERRUPTION = """
from export import tflite
def interrupted(*_): raise KeyboardInterrupt
tflite.write = interrupted
"""


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
        (flags("begun"), r"There is no finished generator: .*; train first \(kgan-train --run_.*"),
        (flags("cut"), r".*generator\.keras cannot be loaded \(.*\)\. Either it is damaged, or .*"),
        (flags("none"), r"The prior in .*config\.json cannot be read \(KeyError: 'prior'\)\. Na.*"),
        (flags("foreign"), r".* cannot be loaded \(.*BeyondTFLite.*\)\. .* import the module .*"),
        (flags("run", "file"), r"Nothing can be written to .*: .*file is a file\. Name a direct.*"),
        (flags("run", "file/x"), r"Nothing can be written to .*x: .*file is a file\. Name a dir.*"),
        (
            flags("run", "out", "--formats=onnx"),
            r".*one or more of saved_model, tflite, rec.*onnx.",
        ),
        (
            flags("run", "out", "--formats="),
            r".*one or more of saved_model, tflite, received none.",
        ),
        (flags("run", "out", "--version=0"), r".*`version`: expected a positive integer.*"),
        (flags("run", "out", "extra"), r"unexpected argument 'extra'; flags begin with --\."),
    ]
    wrong = flags("run", "wrong")
    cases = [  # command line, what breaks, exit code, and the sentence
        *((arguments, "", 1, sentence) for arguments, sentence in mistakes),
        (wrong, OTHER_IMAGES, 1, r"Parity failed for tflite: .*parity\.json has the numbers\."),
        (flags(), INTERRUPTION, 130, r"interrupted; nothing was exported\."),
    ]
    verbose = (flags("absent", "out", "--verbosity=1"), "")
    before = contents(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", DRIVER],
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
    assert after.keys() - before.keys() == {tmp_path / "wrong", tmp_path / "wrong" / "parity.json"}
    assert (tmp_path / "file").read_text() == "precious"


class TestProgram:
    def test_it_says_what_it_did_and_nothing_else(self, tmp_path):
        run_dir = make_run(tmp_path / "run", sequential(), kgan.priors.Normal(4))
        out, scratch = tmp_path / "out", tmp_path / "scratch"
        scratch.mkdir()
        done = subprocess.run(
            [sys.executable, "-m", "export", f"--run_dir={run_dir}", f"--output_dir={out}"],
            capture_output=True,
            text=True,
            cwd=REPOSITORY,
            env={**os.environ, "TMPDIR": str(scratch)},
        )
        assert (done.returncode, done.stderr) == (0, "")
        head, *rows, last = done.stdout.splitlines()
        assert re.fullmatch(r"format +size +max error +mean error +allowed", head)
        number = r"\d\.\de[+-]\d\d"
        for name, row in zip(("saved_model", "tflite"), rows, strict=True):
            assert re.fullmatch(rf"{name} +\d+\.\d\d MB( +{number}){{3}}  passed", row)
        assert last == (
            f"Exported to {out}: saved_model/1, tflite/generator_float32.tflite; "
            "compared in parity.json."
        )
        assert not list(scratch.iterdir())

    def test_help_and_flag_errors_need_no_tensorflow(self):
        program = pathlib.Path(sys.executable).with_name("kgan-export")
        start = time.monotonic()
        told = subprocess.run([program, "--help"], capture_output=True, text=True)
        assert time.monotonic() - start < 1
        assert "proves that what it wrote makes the same images" in told.stdout
        for flag in ("run_dir", "output_dir", "formats", "version"):
            assert f"--{flag}:" in told.stdout
        missing = subprocess.run([program, "--output_dir=x"], capture_output=True, text=True)
        assert missing.returncode == 1
        assert "--run_dir must have a value" in missing.stderr

    def test_only_native_chatter_is_silenced(self):
        program = (
            "import os, warnings\n"
            "from kgan_export.silence import native_silence\n"
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
