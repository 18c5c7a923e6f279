"""The experiments: runs become a record, the record becomes pages, and commands repeat each run."""

import functools
import itertools
import json
import pathlib
import re
import shlex
import subprocess
import sys
from importlib import metadata

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
import warm
from kgan_export.program import export
from PIL import Image

import kgan
from experiments import program, record, results, results_page, run_tables
from kgan.artifacts import RunDirectory
from train.config import resolve
from train.evaluation.options import Options
from train.evaluation.run import evaluate
from train.presets import PRESETS
from train.run import train

DOCS = pathlib.Path(__file__).resolve().parent.parent / "docs"
RECORD = json.loads((DOCS / "results.json").read_text())
STEPS = 40


def parsed(module, commands):
    """The flag values of each command of a program, parsed in another process."""
    code = f"""
import json, sys
from absl.flags import FLAGS
from train import {module}
found, own = [], FLAGS.get_flags_for_module({module}.__name__)
for words in json.loads(sys.argv[1]):
    for flag in own:
        flag.unparse()
    left = FLAGS(words)
    assert len(left) == 1, left
    found.append({{flag.name: flag.value for flag in own}})
print(json.dumps(found))
"""
    words = json.dumps([shlex.split(command) for command in commands])
    done = subprocess.run(
        [*warm.python(), "-c", code, words], capture_output=True, text=True, cwd=DOCS.parent
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


# The pages


@pytest.mark.parametrize("file", ["results.md", "../README.md"])
def test_the_pages_say_what_the_record_says(file):
    """If not: `python -m experiments.results_page` writes them anew."""
    page = (DOCS / file).read_text()
    assert results_page.written(page, RECORD) == page
    changed = json.loads(json.dumps(RECORD))
    for run in changed:
        run["evaluation"]["figures"].get("recall", {})["value"] = 0.123
    assert results_page.written(page, changed) != page


def test_the_flags_of_a_run_give_its_options():
    words = [record.flags(run["preset"], run["options"]) for run in RECORD]
    given = parsed("main", [shlex.join(["kgan-train", *own]) for own in words])
    for run, flags in zip(RECORD, given, strict=True):
        explicit = {name: value for name, value in flags.items() if name in run["options"]}
        options = resolve(flags["preset"], explicit).options()
        assert {name: options[name] for name in run["options"]} == run["options"]
        assert (flags["preset"] == run["preset"]) == (record.label(run)[0] == "`")
        assert run["commands"] == results.repeat(run["preset"], run["options"])
    places = [
        [flags["run_dir"] for flags in parsed(module, [run["commands"][i] for run in RECORD])]
        for i, module in enumerate(("main", "evaluate"))
    ]
    assert places[0] == places[1]
    assert len(set(places[0])) == len(RECORD)  # no run meets another's directory


def test_every_picture_is_there_and_small():
    named = {name for run in RECORD for name in run.get("pictures", [])}
    assert named
    for name in named:
        assert 1000 < (DOCS / "images" / "results" / name).stat().st_size < 150_000, name


# Playing


def typed(preset, seed, runs_dir, data_dir=None):
    own, dataset = [f"--preset={preset}", f"--seed={seed}"], results.DATASETS[preset]
    return results.commands(own, dataset, runs_dir / preset / str(seed), data_dir)


def test_the_commands_are_those_of_the_programs():
    pairs = [typed(preset, 3, pathlib.Path("a b"), "D") for preset in results.DATASETS]
    of_training = parsed("main", [training for training, _ in pairs])
    of_evaluation = parsed("evaluate", [evaluation for _, evaluation in pairs])
    for preset, first, second in zip(results.DATASETS, of_training, of_evaluation, strict=True):
        assert (first["preset"], first["seed"], first["data_dir"]) == (preset, 3, "D")
        assert first["run_dir"] == second["run_dir"] == f"a b/{preset}/3"
        published = {"ring": 2500, "grid": 2500, "stacked_mnist": 26_000}
        expected = published.get(results.DATASETS[preset], Options.num_samples)
        assert second["num_samples"] == expected


def test_play_leaves_out_what_is_done_and_goes_on_after_a_failure(tmp_path, monkeypatch, capsys):
    done = tmp_path / "ring" / "0"
    done.mkdir(parents=True)
    RunDirectory(done).evaluation().write_text("{}")
    codes = {"ring/1": 1, "ring/2": 0, "grid/0": 0, "grid/1": 130}
    heard = []

    def run(command, shell, env):
        heard.append(command)
        assert env["PATH"].startswith(str(pathlib.Path(sys.executable).parent))
        code = next(code for run, code in codes.items() if run in command)
        return subprocess.CompletedProcess(command, code)

    monkeypatch.setattr(program.subprocess, "run", run)
    failed = results.play(["ring"], [0, 1, 2], tmp_path, None)
    expected = [typed("ring", seed, tmp_path) for seed in (1, 2)]
    assert heard == [expected[0][0], *expected[1]]
    assert failed == [expected[0][0]]
    assert capsys.readouterr().out.splitlines()[0] == "ring, seed 0: done."
    with pytest.raises(SystemExit) as stopped:
        results.play(["grid"], [0, 1, 2], tmp_path, None)
    assert stopped.value.code == 130
    assert heard[-1] == typed("grid", 1, tmp_path)[0]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["play", "--preset=ring,mnist"], r"--preset=mnist: expected some of digits_mlp, .*grid"),
        (["watch"], r"invalid choice: 'watch'"),
        (["play"], r"--preset=: expected some of"),
    ],
)
def test_unusable_arguments(words, sentence, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["results", *words])
    with pytest.raises(SystemExit) as stopped:
        results.main()
    assert stopped.value.code == 2
    assert re.search(sentence, capsys.readouterr().err)


# Collecting


def log(*moments):
    return [{"step": step, "time": float(seconds)} for step, seconds in moments]


def test_pace_is_that_of_the_log_without_pauses():
    """100 steps of 64 images in 10 s each, and once 90 s later; the first 100 like the rest."""
    steady = log((100, 1010), (200, 1020), (300, 1030), (300, 1030), (400, 1040))
    assert results.pace(steady, 64) == pytest.approx(
        {"images_per_second": 640, "minutes": 40 / 60, "minutes_of_pauses": 0}
    )
    paused = [*steady[:2], *({**line, "time": line["time"] + 90} for line in steady[2:])]
    assert results.pace(paused, 64) == pytest.approx(
        {"images_per_second": 640, "minutes": 40 / 60, "minutes_of_pauses": 100 / 60}
    )
    slower = [*steady[:2], *({**line, "time": line["time"] + 15} for line in steady[2:])]
    assert results.pace(slower, 64)["minutes_of_pauses"] == 0  # 25 s: no pause, as below 30
    assert results.pace(slower, 64)["minutes"] == pytest.approx(400 * (45 / 300) / 60)
    assert results.pace(steady[:1], 64) == results.pace([], 64) == {}


def test_a_run_that_differs_from_its_preset_is_named_by_the_difference():
    options = resolve("digits_mlp", {"seed": 4}).options()
    assert record.flags("digits_mlp", options) == ["--preset=digits_mlp", "--seed=4"]
    options |= {"width": 7, "jit_compile": True}
    words = record.flags("digits_mlp", options)
    assert words == ["--preset=digits_mlp", "--seed=4", "--width=7", "--jit_compile"]
    earlier = resolve("mnist_mlp", {"seed": 4}).options()
    del earlier["penalty_interval"]  # from before that flag
    words = record.flags("mnist_mlp", earlier)
    assert words == ["--preset=mnist_mlp", "--seed=4", "--penalty_interval=1"]
    gone = record.flags("mnist_gone", resolve(None, {"seed": 4, "dataset": "ring"}).options())
    assert gone == ["--seed=4", "--dataset=ring", "--epochs=50"]


def test_a_run_without_what_its_preset_adds_is_named_without_the_preset():
    """No flag takes dense layers back, while one length takes the place of the other."""
    options = resolve("digits_dcgan", {"seed": 4, "epochs": 2}).options()
    assert record.flags("digits_dcgan", options) == [
        "--preset=digits_dcgan",
        "--seed=4",
        "--epochs=2",
    ]
    plain = {**options, "dense_units": None}
    words = record.flags("digits_dcgan", plain)
    assert words[0] == "--seed=4"
    assert {"--network=dcgan", "--epochs=2"} < set(words)
    assert not any("dense_units" in word or "preset" in word for word in words)
    named = record.label({"preset": "digits_dcgan", "options": plain})
    assert named.startswith("digits_dcgan (an earlier form): `--network=dcgan ")


@pytest.fixture(scope="module")
def runs_dir(tmp_path_factory):
    """One run that is evaluated, one that is not finished, and one of a preset without any."""
    place, data_dir = tmp_path_factory.mktemp("runs"), str(tmp_path_factory.mktemp("data"))
    changes = {"width": 8, "latent_dim": 4, "steps": STEPS, "steps_per_execution": 1}
    config = resolve("digits_mlp", {"seed": 3, **changes})
    train(config, place / "digits_mlp" / "3", data_dir)
    evaluate(
        Options(
            run_dir=str(place / "digits_mlp" / "3"),
            metrics=("parzen", "precision_recall", "memorisation", "latent"),
            num_samples=400,
            data_dir=data_dir,
            features="pixels",  # no classifier is trained for them
        )
    )
    done = RunDirectory(place / "digits_mlp" / "3")
    done.evaluation(features="pixels").rename(done.evaluation())
    for name, seed in (("digits_mlp", 5), ("ring", 0)):
        run = RunDirectory(place / name / str(seed))
        run.create({**config.options(), "seed": seed}, versions={}, commit="c" * 40 + "-dirty")
        run.append_metrics({"step": 20, "epoch": 1})
        run.metrics.write_text(run.metrics.read_text() + '{"step": 21, "cut o')
    return place, data_dir


def test_runs_of_the_same_flags_stand_together(tmp_path):
    """The preset itself first; of the others each flag for all its seeds, as the page has them."""
    steps = PRESETS["digits_mlp"]["steps"]
    for i, (n, seed) in enumerate(itertools.product((10, 20, steps), (0, 1))):
        options = resolve("digits_mlp", {"seed": seed, "steps": n}).options()
        run = RunDirectory(tmp_path / "digits_mlp" / str(i))
        run.create(options, versions={}, commit=None)
        run.evaluation().write_text(json.dumps({"generator": {"path": ""}}))
    runs = [(run["options"]["steps"], run["seed"]) for run in results.collect(tmp_path)]
    assert runs == [(steps, 0), (steps, 1), (10, 0), (10, 1), (20, 0), (20, 1)]


def test_a_record_keeps_the_runs_that_are_elsewhere(tmp_path):
    """Another machine's runs stay, with their pictures; an evaluated run replaces its own line."""
    known = [faked("ring", 0, value=1), faked("ring", 1, value=1), faked("grid", 0, value=1)]
    for run in known:
        run["pictures"] = [f"{run['preset']}_samples.png"]
    for place, seed, evaluated in (("1", 1, True), ("0", 0, False), ("2", 2, True)):
        run = RunDirectory(tmp_path / "runs" / "ring" / place)
        run.create(resolve("ring", {"seed": seed}).options(), versions={}, commit=None)
        run.sample(0).parent.mkdir()
        Image.new("L", (8, 8)).save(run.sample(0))
        if evaluated:
            run.evaluation().write_text(json.dumps({"generator": {"path": ""}, "figures": {}}))
    found = results.collect(tmp_path / "runs", known)
    assert [(run["preset"], run["seed"]) for run in found] == [
        *(("ring", seed) for seed in (0, 1, 2)),
        ("grid", 0),
    ]
    for kept, run in ((found[0], known[0]), (found[3], known[2])):
        command, *_ = kept.pop("commands")
        name = run["preset"]
        assert command == f"kgan-train --preset={name} --seed=0 --run_dir=runs/results/{name}/0"
        assert kept == run
    assert known[1]["last_epoch"]
    assert found[1]["last_epoch"] is None
    results.write(found, tmp_path)
    drawn = [run.get("pictures") for run in json.loads((tmp_path / "results.json").read_text())]
    assert drawn == [["ring_samples.png"], None, None, ["grid_samples.png"]]
    assert not list((tmp_path / "images" / "results").iterdir())  # no other run's picture is shown
    results.write(results.collect(tmp_path / "runs"), tmp_path)
    assert (tmp_path / "images" / "results" / "ring_samples.png").exists()


@pytest.mark.slow
def test_runs_become_a_record_and_the_record_a_page(runs_dir, tmp_path):
    (tmp_path / "results.md").write_text((DOCS / "results.md").read_text())
    results.write(results.collect(runs_dir[0]), tmp_path)
    first, second = json.loads((tmp_path / "results.json").read_text())
    run = RunDirectory(runs_dir[0] / "digits_mlp" / "3")
    assert (first["preset"], first["seed"], first["finished"]) == ("digits_mlp", 3, True)
    assert (first["steps"], first["images_seen"]) == (STEPS, STEPS * 64)
    evaluation = json.loads(run.evaluation().read_text())
    assert evaluation["generator"].pop("path") == str(run.generator)
    assert first["evaluation"] == evaluation
    assert first["commands"][0].startswith("kgan-train --preset=digits_mlp --seed=3 --width=8 ")
    assert first["commands"][1].startswith("kgan-evaluate --run_dir=runs/results/digits_mlp/3-w")
    assert first["options"] == run.read_config()["options"]
    assert first["commit"] == run.read_config()["commit"]
    assert first["versions"]["kgan"] == metadata.version("kgan")
    assert first["last_epoch"]["step"] == STEPS
    assert first["minutes"] > 0
    assert first["pictures"] == ["digits_mlp_samples.png"]
    for name in first["pictures"]:
        assert (tmp_path / "images" / "results" / name).exists()
    assert (second["seed"], second["finished"], second["steps"]) == (5, False, 20)
    assert "evaluation" not in second
    results_page.write(tmp_path)
    page = (tmp_path / "results.md").read_text()
    assert "No run is evaluated." in page  # of a preset as it stands
    assert page.count("![digits_mlp") == 1
    rows = run_tables.tables([first, second])
    assert "`digits_mlp --width=8 --latent_dim=4" in rows
    assert "| 5 (unfinished) | 20 | 1,280 |" in rows
    assert str(runs_dir[0]) not in page + (tmp_path / "results.json").read_text()


@pytest.mark.slow
def test_the_script_of_the_page_agrees(runs_dir, tmp_path, monkeypatch, capsys):
    """On the same samples it prints the figure of kgan.metrics."""
    place, data_dir = runs_dir
    export(place / "digits_mlp" / "3", tmp_path, formats=("saved_model",))
    path = str(tmp_path / "saved_model" / "1")
    script = re.search(r"```py\n(.*?)```", (DOCS / "results.md").read_text(), re.S)[1]
    for old, new in (
        ('"exports/mnist/saved_model/1"', repr(path)),
        ('"mnist"', '"digits"'),
        ("train[50000:51000]", "train[1198:]"),
    ):
        assert old in script
        script = script.replace(old, new)
    monkeypatch.setattr(tfds, "load", functools.partial(tfds.load, data_dir=data_dir))
    capsys.readouterr()
    names = {}
    exec(script, names)
    real = [
        tfds.as_numpy(tfds.load("digits", split=split, batch_size=-1))["image"].reshape(-1, 64)
        for split in ("train[1198:]", "test")
    ]
    drawn = tf.saved_model.load(path).signatures["sample"]
    last = drawn(count=tf.constant(1000), seed=tf.constant([0, 9]))["images"]
    np.testing.assert_array_equal(names["samples"][9000:], np.reshape(last, (1000, 64)))
    ours = kgan.metrics.parzen_estimate(names["samples"], real[0] / 255, real[1] / 255)
    printed = [float(word) for word in re.findall(r"-?\d+\.\d+", capsys.readouterr().out)]
    assert printed == pytest.approx([ours.mean, ours.standard_error, ours.sigma], abs=0.051)
    assert names["test"].mean() == pytest.approx(ours.mean, abs=1e-4)


# The tables


def faked(preset, seed, commit="a" * 40, options=None, **figures):
    known = resolve(preset, {}).options() if preset in results.DATASETS else {}
    return {
        "preset": preset,
        "seed": seed,
        "options": {**known, "seed": seed, **(options or {})},
        "commit": commit,
        "steps": 12_345,
        "minutes": 10.0 + seed,
        "last_epoch": {"step": 12_345, "d_accuracy": 0.75},
        "evaluation": {"figures": figures},
    }


def test_tables_show_every_seed_their_spread_and_what_misses_its_target():
    figures = [
        {
            "precision": {"value": value, "real": 0.9},
            "modes_found": {"value": 10, "of": 10, "shares": [0.3, 0.7], "data_shares": shares},
        }
        for value, shares in ((0.9, [0.3, 0.7]), (0.8, [0.2, 0.8]))
    ]
    runs = [faked("ring", seed, **figures[seed]) for seed in (0, 1)]
    for seed, finished in ((2, False), (3, True)):
        runs.append({**faked("ring", seed), "steps": 99, "finished": finished})
        del runs[seed]["evaluation"]
    text = run_tables.tables([*runs, faked("ring2", 0, "b" * 40 + "-dirty", {"r1": 2})])
    for line in (
        "| `ring` | 0 | 12,345 | 10 | 0.75 | `aaaaaaaaaa` |",
        "| `ring` | 1 | 12,345 | 11 | 0.75 | `aaaaaaaaaa` |",
        "| `ring` | 2 (unfinished) | 99 | 12 | 0.75 | `aaaaaaaaaa` |",
        "| `ring` | 3 (not evaluated) | 99 | 13 | 0.75 | `aaaaaaaaaa` |",
        "| `ring` | all |  | 10.50 ± 0.71 | 0.75 |  |",
        "| ring2 (no preset): `--r1=2` | 0 | 12,345 | 10 | 0.75 | `bbbbbbbbbb` changed |",
        "| `ring` | 0 | 0.9 / 0.9 |",
        "| `ring` | 1 | **0.8 / 0.9** |",
        "| `ring` | all | 0.850 ± 0.071 |",
        "| *target* |  | ≥ 0.9 real |",
        "| `ring` | 0 | 10 / 10 | 0 |",
        "| `ring` | 1 | 10 / 10 | **0.5** |",
    ):
        assert line in text.splitlines(), text
    assert text.count("ring2 (") == text.count("unfinished") == 1  # they have no other figures
    assert "Parzen" not in text
    assert run_tables.tables([]) == "No run is evaluated."


def parzen_run(preset, seed, nats, accuracy=0.75, steps=12_345, **changes):
    parzen = {"value": nats, "real": 243.4}
    run = faked(preset, seed, options=changes, parzen_log_likelihood=parzen)
    return {**run, "steps": steps, "last_epoch": {"step": steps, "d_accuracy": accuracy}}


def test_the_summary_is_of_presets_as_they_stand():
    run = parzen_run
    runs = [run("mnist_mlp", 0, 230), run("mnist_mlp", 1, 241), run("mnist_mlp", 2, 9, width=7)]
    unfinished = {**run("mnist_maxout", 0, 5)}
    del unfinished["evaluation"]
    text = results_page.summary([*runs, run("digits_mlp", 0, 16), unfinished])
    assert text.splitlines()[2:] == [
        "| `mnist_mlp` | 2 | 0 of 2 | 235.5 ± 7.8 |  |  |  |  | 12,345 |",
        "| *floor: real `mnist`* |  |  | 243.4 |  |  |  |  |  |",
    ]
    assert results_page.summary([]) == "No run is evaluated."


def test_a_lost_run_is_counted_and_not_averaged():
    """The rule: D's accuracy in the last epoch is at least 0.99; see `record.lost`."""
    assert record.lost(parzen_run("ring", 0, 1, record.LOST_ACCURACY))
    assert not record.lost(parzen_run("ring", 0, 1, record.LOST_ACCURACY - 0.001))
    assert not record.lost({**parzen_run("ring", 0, 1), "last_epoch": None})
    runs = [parzen_run("mnist_mlp", 0, 186, 0.64), parzen_run("mnist_mlp", 1, -482, 1.0)]
    text = results_page.summary(runs)
    assert "| `mnist_mlp` | 1 | 1 of 2 | 186 |" in text
    assert "-482" not in text
    both = results_page.summary([{**run, "last_epoch": None} for run in runs])  # without the rule
    assert "| `mnist_mlp` | 2 | 0 of 2 | -148 ± 472 |" in both
    all_lost = results_page.summary(runs[1:])
    assert "| `mnist_mlp` | 0 | 1 of 1 |  |" in all_lost


def test_the_longest_run_of_a_seed_says_whether_it_is_lost():
    runs = [
        parzen_run("mnist_mlp", 0, 186, 0.64, steps=99),
        parzen_run("mnist_mlp", 0, 90, 0.999, steps=9, epochs=20),  # recovers
        parzen_run("mnist_mlp", 1, -400, 0.999, steps=9, epochs=20),
        parzen_run("mnist_mlp", 2, -400, 0.999, steps=9, epochs=20, width=7),  # another game
    ]
    assert record.learned(runs, "mnist_mlp") == ([runs[0]], 1, 2)


def test_the_recipe_of_2014_is_lost_on_four_seeds_of_five():
    whole, lost, seeds = record.learned(RECORD, "goodfellow2014_mnist")
    assert [run["seed"] for run in whole] == [0]
    assert (lost, seeds) == (4, 5)
    for run in RECORD:  # the rule agrees with the samples: no real image is near one of them
        if run["preset"] == "goodfellow2014_mnist":
            assert record.lost(run) == (record.measure(run, "recall")["value"] < 0.01)


def test_the_largest_class_imbalance_is_relative():
    shares = {"value": 2, "shares": [0.3, 0.7], "data_shares": [0.5, 0.5]}
    run = faked("ring", 0, modes_found=shares)
    found = record.measure(run, "modes_found")["largest_class_imbalance"]
    assert found == pytest.approx(0.4)


def test_every_run_can_be_shown(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["results", "show", "--preset=ring", f"--out={DOCS}"])
    results.main()
    text = capsys.readouterr().out
    assert text.count("| `ring` | 9 |") == len(run_tables.TABLES) - 1  # points have no Parzen
    assert "mnist" not in text
