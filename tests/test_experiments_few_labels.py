"""The controls of the experiment on few labels."""

import numpy as np
import pytest

from experiments import few_labels, program
from train.config import resolve
from train.labelled import load_labelled

GIVEN = {"label_seed": 0, "labels_per_class": 10, "width": 64}


@pytest.mark.slow
def test_controls_learn_from_the_labels_alone(data_dir, monkeypatch):
    """On the digits with 100 labels: both are better than chance, which is 90% wrong."""
    monkeypatch.setattr(few_labels, "PRESET", "digits_semi_supervised")
    monkeypatch.setattr(few_labels, "_CHUNK", 1)
    row = few_labels.play(GIVEN, data_dir, steps=150, only="label")
    config = resolve("digits_semi_supervised", GIVEN)
    images, labels = few_labels.test_data(config, data_dir)
    assert set(row) == {"labels", "draw", "labels alone", "nearest labelled image"}
    assert (row["labels"], row["draw"]) == (100, 0)
    few = load_labelled(config, data_dir)
    distances = np.linalg.norm(
        (images[:, None] - few.images[None]).reshape(len(images), 100, -1), axis=-1
    )
    wrong = (few.labels[distances.argmin(1)] != labels).sum()
    assert row["nearest labelled image"] == wrong < 0.4 * len(labels)
    assert row["labels alone"] < 0.5 * len(labels)
    mean = few_labels.mean_row([row, {**row, "labels alone": row["labels alone"] + 2}])
    assert mean["labels alone"] == f"{row['labels alone'] + 1:.0f} +- 1"
    assert "| 100 | 0 |" in program.table([row, mean], few_labels.COLUMNS)
