"""The parity report: its figures, what fails it, and what people see of it."""

import contextlib
import dataclasses
import functools
import json
import math
import pathlib
import re
import time
import warnings

import matplotlib.image
import numpy as np
import pytest
from ai_edge_litert.schema_py_generated import Model
from export_runs import CASES, exported, make_run, mlp
from kgan_export import formats, parity, program
from kgan_export.formats import MAX_ERROR, MIN_PSNR, Format

import kgan
from kgan.inference import KerasGenerator

ALL = formats.chosen(formats.FORMATS, formats.tflite.QUANTIZATIONS, 1)
SPEED = parity.Speed(1.0, 1.0)


@functools.cache
def constant(value):
    """The reference of a generator whose every value is `value`, without bounds."""
    generator = kgan.networks.MLPGenerator((4, 4, 1), 3, (4,), value_range=None)
    generator.build((None, 3))
    generator.set_weights([np.zeros_like(weight) for weight in generator.get_weights()])
    generator.output_layer.bias.assign(np.full(16, value, np.float32))
    return parity.Reference(KerasGenerator(generator, kgan.priors.Normal(3)))


def shifted(value, shift, measure="psnr", limit=30.0):
    """The comparison of a format that makes `value + shift` where Keras makes `value`."""
    made = np.full((parity.BATCH, 4, 4, 1), value + shift, np.float32)
    place = pathlib.Path("x")
    kind = Format(
        "shifted", place, None, lambda path: lambda latents: made[: len(latents)], measure, limit
    )
    return constant(value).compare(pathlib.Path(__file__), kind)[0]


class TestFigures:
    @pytest.mark.parametrize(("shift", "decibels"), [(0.1, 20.0), (-0.01, 40.0), (0.001, 60.0)])
    def test_those_of_a_constant_error(self, shift, decibels):
        made = shifted(0.5, shift)
        assert made.max_absolute_error == pytest.approx(abs(shift), rel=1e-4)
        assert made.mean_absolute_error == pytest.approx(abs(shift), rel=1e-4)
        assert made.psnr == pytest.approx(decibels, abs=1e-3)
        assert made.bytes == pathlib.Path(__file__).stat().st_size

    def test_no_error_is_infinite_decibels(self):
        assert shifted(0.5, 0.0).psnr == math.inf

    @pytest.mark.parametrize("measure", ["max_absolute_error", "psnr"])
    @pytest.mark.parametrize("shift", [math.nan, math.inf, -math.inf])
    def test_what_is_not_finite_fails(self, measure, shift):
        assert not shifted(0.5, shift, measure).passed

    def test_values_beyond_1_are_measured_against_their_greatest(self):
        made = shifted(50.0, 0.5, "max_absolute_error", 1e-2)
        assert made.psnr == pytest.approx(40.0, abs=1e-3)
        assert made.limit == pytest.approx(0.5)
        assert made.passed

    @pytest.mark.parametrize(
        ("measure", "limit", "figure", "passed"),
        [
            ("max_absolute_error", 0.1, 0.1, True),
            ("max_absolute_error", 0.1, 0.1001, False),
            ("max_absolute_error", 0.1, math.nan, False),
            ("psnr", 30.0, 30.0, True),
            ("psnr", 30.0, math.inf, True),
            ("psnr", 30.0, 29.99, False),
            ("psnr", 30.0, math.nan, False),
        ],
    )
    def test_what_passes(self, measure, limit, figure, passed):
        figures = {"max_absolute_error": 0.0, "psnr": 99.0, measure: figure}
        made = parity.Comparison(
            path="x",
            bytes=1,
            mean_absolute_error=0.0,
            measure=measure,
            limit=limit,
            load_ms=1.0,
            speed=SPEED,
            **figures,
        )
        assert made.passed is passed

    def test_a_slow_call_is_slow(self, monkeypatch):
        monkeypatch.setattr(parity, "CALLS", 5)
        monkeypatch.setattr(parity, "SECONDS", 0.1)
        calls = []

        def call():
            calls.append(time.sleep(0.02))

        assert 0.02 <= parity.median_seconds(call) < 0.2
        assert len(calls) == 6  # one does not count


@pytest.mark.parametrize("name", CASES)
def test_the_report_holds_for_every_format(name):
    made = exported(name)
    record = json.loads((made.out / "parity.json").read_text())
    assert record["passed"] is True
    assert (record["latents"], record["seed"]) == (256, 0)
    assert set(record["formats"]) == set(made.report)
    expected = [k for k in ALL if k.name in made.report]
    assert list(record["formats"]) == [kind.name for kind in expected]
    for kind in expected:
        entry, comparison = record["formats"][kind.name], made.report[kind.name]
        assert entry["path"] == kind.place.as_posix() == comparison.path
        assert entry["passed"] is comparison.passed is True
        assert (entry["measure"], entry["limit"]) == (kind.measure, kind.limit)
        assert 0 <= entry["mean_absolute_error"] <= entry["max_absolute_error"] < 1
        assert entry["psnr"] is None or entry["psnr"] == comparison.psnr
        written = made.out / entry["path"]
        files = [written, *written.rglob("*")]
        assert entry["bytes"] == sum(f.stat().st_size for f in files if f.is_file())
        assert entry["load_ms"] > 0
        assert entry["latency_ms"] > 0
        assert entry["images_per_second"] > 1e3 / entry["latency_ms"] / 10
    assert record["keras_predict"]["latency_ms"] > 0


def test_the_errors_of_the_report_are_found_again():
    made = exported("dcgan")
    reference = made.images(made.case.prior.sample(256, 0))
    for quantization in ("none", "int8"):
        runner = made.lite(quantization)
        images = runner(latents=made.inputs(256, 0)["latents"])["images"]
        entry = made.report["tflite_float32" if quantization == "none" else "tflite_int8"]
        errors = np.abs(images - reference)
        # The report runs smaller batches, which may change the last bit.
        assert entry.max_absolute_error == pytest.approx(errors.max(), rel=0.01, abs=2e-7)
        assert entry.mean_absolute_error == pytest.approx(errors.mean(), rel=0.01, abs=2e-8)
        assert entry.psnr == pytest.approx(-10 * np.log10(np.mean(errors**2)), abs=0.1)


@contextlib.contextmanager
def other_weights(trained):
    weights = trained.model.get_weights()
    trained.model.set_weights([weight + 0.1 for weight in weights])
    yield
    trained.model.set_weights(weights)


@pytest.mark.slow
@pytest.mark.parametrize("name", [kind.name for kind in ALL])
def test_another_model_fails_in_every_format_and_nothing_is_exported(
    tmp_path, monkeypatch, capsys, name
):
    def chosen(*arguments):
        (kind,) = (kind for kind in ALL if kind.name == name)

        def write(trained, path):
            with other_weights(trained), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # its images use a part of the range alone
                kind.write(trained, path)

        return [dataclasses.replace(kind, write=write)]

    monkeypatch.setattr(program.kinds, "chosen", chosen)
    run_dir = make_run(tmp_path / "run", mlp(), kgan.priors.Uniform(6))
    out = tmp_path / "out"
    message = rf"Parity failed for {name}: .*parity\.json has the numbers"
    with pytest.raises(parity.ParityError, match=message):
        program.export(run_dir, out)
    assert {path.name for path in out.iterdir()} == {"parity.json", "parity.md", "parity.png"}
    record = json.loads((out / "parity.json").read_text())
    assert record["passed"] is record["formats"][name]["passed"] is False
    assert record["formats"][name]["psnr"] < 25
    assert "**FAILED, nothing was exported**" in (out / "parity.md").read_text()
    assert re.search(
        rf"^{name} .*FAILED: (psnr at least|max error at most) ", capsys.readouterr().out, re.M
    )


def test_a_format_that_makes_nan_fails_and_is_reported(tmp_path, monkeypatch):
    monkeypatch.setattr(
        formats.inference,
        "tflite_function",
        lambda path: lambda latents: np.full((len(latents), 8, 8, 1), np.nan),
    )
    run_dir = make_run(tmp_path / "run", mlp(), kgan.priors.Uniform(6))
    with pytest.raises(parity.ParityError, match="failed for tflite_float32: "):
        program.export(run_dir, tmp_path / "out", ["tflite"])
    record = json.loads((tmp_path / "out" / "parity.json").read_text())
    assert record["formats"]["tflite_float32"]["max_absolute_error"] is None
    assert record["passed"] is False
    assert (tmp_path / "out" / "parity.png").exists()


class TestForPeople:
    def test_the_page_has_a_row_for_each_format(self):
        made = exported("mlp")
        page = (made.out / "parity.md").read_text()
        rows = re.findall(r"^\| (\w+) \| (\S+) \| ([\d,]+) \|.*\| passed \|$", page, re.M)
        assert rows == [(k, v.path, f"{v.bytes:,}") for k, v in made.report.items()]
        for limit in (*MAX_ERROR.values(), *MIN_PSNR.values()):
            demand = f"{limit:.0f} dB" if limit >= 1 else f"{limit:.1e}"
            assert demand in page
        assert made.trained.fingerprint() in page

    def test_the_picture_shows_the_same_latents_in_every_row(self):
        made = exported("mlp")
        page = (made.out / "parity.md").read_text()
        names = re.search(r"Rows from the top: (.*)\.", page)[1].split("; ")
        assert names[:-1] == ["Keras", *made.report]
        factor = int(re.fullmatch(r"error of tflite_\w+, (\d+) times as large", names[-1])[1])
        picture = matplotlib.image.imread(made.out / "parity.png")[..., 0]
        tile, gap = 56, 4  # 8 x 8 pixels, seven times as large
        assert picture.shape == (len(names) * (tile + gap) + gap, 8 * (tile + gap) + gap)
        grid = picture[gap:, gap:].reshape(len(names), tile + gap, 8, tile + gap)
        tiles = grid[:, :tile:7, :, :tile:7].transpose(0, 2, 1, 3)
        keras = made.images(made.case.prior.sample(256, 0)[:8])[..., 0]
        np.testing.assert_allclose(tiles[0], keras, atol=0.003)  # 8-bit pixels
        for row, entry in zip(tiles[1:-1], made.report.values(), strict=True):
            assert np.abs(row - tiles[0]).max() <= entry.max_absolute_error + 0.006
        worst = max(np.abs(row - tiles[0]).max() for row in tiles[1:-1])
        assert tiles[-1].max() == pytest.approx(factor * worst, abs=0.003 + 0.006 * factor)
        assert 0.5 < tiles[-1].max() <= 1

    def test_errors_too_small_to_be_seen_get_no_row(self):
        page = (exported("sequential").out / "parity.md").read_text()
        assert "Rows from the top: Keras; saved_model; tflite_float32." in page


class TestLabels:
    def test_the_report_says_which_formats_do_not_check_them(self):
        made = exported("conditional")
        record = json.loads((made.out / "parity.json").read_text())["formats"]
        checking = [name for name, entry in record.items() if entry["checks_labels"]]
        assert checking == ["saved_model"]
        page = (made.out / "parity.md").read_text()
        said = "Labels are not checked: a label that is not from 0 to 2 makes some image without an"
        assert f"onnx: **{said} error.**" in page
        assert "tflite_float32, " in page
        lite = (made.out / "tflite" / "generator_float32.tflite").read_bytes()
        assert Model.GetRootAs(lite).Description().decode() == f"{said} error."
        onnx = (made.out / "onnx" / "generator.onnx").read_bytes()
        assert f"{said} error.".encode() in onnx

    @pytest.mark.parametrize("labels", [[99, 5], [3, 3]])
    def test_they_make_some_image_of_a_label_that_is_no_class(self, labels):
        """No operation of these formats raises an error; the SavedModel refuses."""
        made = exported("conditional")
        inputs = {"latents": np.zeros((2, 5), np.float32), "labels": np.array(labels, np.int32)}
        onnx = formats.onnx.load(made.out / "onnx" / "generator.onnx")(**inputs)
        for images in (made.lite("none")(**inputs)["images"], onnx):
            assert images.shape == (2, 16, 16, 3)
            assert np.isfinite(images).all()

    def test_without_labels_it_says_nothing(self):
        made = exported("sequential")
        record = json.loads((made.out / "parity.json").read_text())["formats"]
        assert not any("checks_labels" in entry for entry in record.values())
        assert "Labels" not in (made.out / "parity.md").read_text()
