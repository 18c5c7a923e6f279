"""From a folder of pictures to PNG files of an asked class, as a person types it."""

import os
import pathlib
import subprocess

import numpy as np
import picture_files
import pytest
import warm
from PIL import Image

import kgan

ROOT = pathlib.Path(__file__).resolve().parent.parent
COMMANDS = """
train --dataset=./my_pictures --conditional --steps=4 --run_dir=run
export --run_dir=run --output_dir=out
train.sample --model=out/tflite/generator_float32.tflite --labels=dog --count=5 --output=dogs/
"""


@pytest.mark.slow
def test_three_commands_from_a_folder_to_pictures_of_a_class(tmp_path):
    picture_files.folder(tmp_path / "my_pictures", n=40)
    for line in COMMANDS.strip().splitlines():
        done = subprocess.run(
            [*warm.python(), "-m", *line.split()],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
    names = sorted(path.name for path in (tmp_path / "dogs").iterdir())
    assert names == [f"0000{i}_dog.png" for i in range(5)]
    gan = kgan.load_run(tmp_path / "run")
    low, high = gan.value_range
    expected = np.rint(255 * np.clip((gan.sample(5, labels=1) - low) / (high - low), 0, 1))
    for name, image in zip(names, expected, strict=True):
        with Image.open(tmp_path / "dogs" / name) as picture:
            np.testing.assert_allclose(np.asarray(picture), image, atol=1)
    dogs_and_cats = gan.sample(5, labels=1) - gan.sample(5, labels=0)
    assert np.abs(dogs_and_cats).max() > 0.01, "the class matters"
