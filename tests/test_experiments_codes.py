"""InfoGAN and AC-GAN beside their controls: the commands, and the table made of evaluations."""

import json

import pytest

from experiments import codes, program
from train.config import resolve


def test_each_row_trains_and_evaluates_once(tmp_path, monkeypatch, capsys):
    """A control differs from its row by one flag; a run that is evaluated is not made again."""
    monkeypatch.chdir(tmp_path)
    figures = {"code_error": {"value": 0.12344}, "recall": {"value": float(1)}}
    said = []

    def run(command):
        said.append(command)
        if command.startswith("kgan-evaluate"):
            path = next(word for word in command.split() if word.startswith("--run_dir="))
            folder = tmp_path / path.partition("=")[2]
            folder.mkdir(parents=True)
            (folder / "evaluation.json").write_text(json.dumps({"figures": figures}))
        return True

    monkeypatch.setattr(program, "run", run)
    monkeypatch.setattr("sys.argv", ["codes", "--seeds=3", "--only=InfoGAN", "--steps=7"])
    codes.main()
    lines = capsys.readouterr().out.splitlines()
    assert json.loads(lines[0])["error of Q on images"] == 0.1234
    assert lines[-1] == "| InfoGAN without its term | 3 | 0.1234 |  |  |  | 1.0 |"
    assert len(said) == 6
    train = "kgan-train --preset=mnist_infogan"
    assert said[0].startswith(f"{train} --seed=3 --steps=7 --run_dir=")
    assert said[2].startswith(f"{train} --categorical_augmentation=False --seed=3 ")
    assert said[4].startswith(f"{train} --information_weight=0 --seed=3 ")
    assert said[5].endswith("--metrics=modes,precision_recall")
    codes.main()
    assert len(said) == 6
    monkeypatch.setattr(program, "run", lambda command: False)
    with pytest.raises(SystemExit):
        codes.play("AC-GAN", 0, 0, None)


def test_the_rows_are_what_they_say():
    configs = {name: resolve(preset, given) for name, (preset, given) in codes.ROWS.items()}
    assert configs["InfoGAN without its term"].information_weight == 0
    assert configs["InfoGAN"].categorical_augmentation
    assert not configs["InfoGAN without augmentation"].categorical_augmentation
    one, other = (configs[name].options() for name in ("AC-GAN", "projection"))
    differing = {name for name in one if one[name] != other[name]}
    assert differing == {"variant", "class_weight"}
