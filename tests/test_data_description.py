"""Splits, labels and place of a data set, against scikit-learn's own copy of the digits."""

import numpy as np
import picture_files
import pytest
from sklearn.datasets import load_digits

from kgan import data


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """A directory where `digits` is prepared by `describe`."""
    directory = tmp_path_factory.mktemp("data")
    data.describe("digits", directory)
    return directory


def test_descriptions(data_dir):
    splits = {"train": 1437, "test": 360}
    names = tuple("0123456789")
    assert data.describe("digits", data_dir) == data.Description(
        "digits", splits, 10, data_dir, class_names=names
    )
    stacks = data.Description(
        "stacked_digits", {"train": 128_000, "test": 26_000}, 10, data_dir, "digits", names
    )
    assert data.describe("stacked_digits", data_dir) == stacks
    assert data.describe("ring") == data.Description("ring", {"train": 100_000, "test": 10_000})


def test_rows_of_slices(data_dir):
    described = data.describe("digits", data_dir)
    for split in ("test", "train[:7]", "train[50%:]", "train[:10]+test[-20:]"):
        assert described.rows(split) == len(data.labels("digits", split, data_dir))
    assert data.describe("ring").rows("train[:1%]") == 1000
    with pytest.raises(ValueError, match=r"'digits' has train, test, .* received 'val'"):
        described.rows("val")


@pytest.mark.parametrize(("split", "n"), [("train[:7]", 7), ("test", 360)])
def test_labels_are_those_of_the_images_of_load(split, n, data_dir):
    """The images are looked up in scikit-learn's table, where they have the same labels."""
    pixels, expected = load_digits(return_X_y=True)
    labels = data.labels("digits", split, data_dir)
    assert (labels.dtype, labels.shape) == (np.int64, (n,))
    images = data.load("digits", split, n, shuffle=False, value_range=(0, 16), data_dir=data_dir)
    table = {tuple(row): label for row, label in zip(pixels, expected, strict=True)}
    rows = np.rint(next(iter(images)).numpy().reshape(-1, 64))
    assert [table[tuple(row)] for row in rows] == labels.tolist()


@pytest.mark.parametrize("name", ["ring", "stacked_digits"])
def test_data_without_labels(name, data_dir):
    with pytest.raises(ValueError, match=rf"`source`: expected a data set with .* '{name}'"):
        data.labels(name, data_dir=data_dir)


def test_an_unknown_name(data_dir):
    with pytest.raises(ValueError, match=r"`source`: .* received 'digit'; close matches: digits"):
        data.describe("digit", data_dir)


@pytest.mark.parametrize(
    ("source", "options", "said"),
    [
        ("folder", {"unreadable": "skp"}, "`unreadable`: expected one of error, skip, received"),
        ("folder", {"label": "nope"}, "`label`: it is for data sets of TFDS"),
        ("folder", {"condition": "previous_frames"}, "`condition`: it is for data sets of TFDS"),
        ("digits", {"unreadable": "skp"}, "`unreadable`: expected one of error, skip, received"),
        ("digits", {"unreadable": "skip"}, "`unreadable`: it is for a directory of pictures"),
        ("digits", {"condition": "nope"}, "`condition`: expected None, 'label', one of"),
        ("digits", {"condition": "left_half"}, "`condition`: it is for a directory of pictures"),
        ("digits", {"group_by": "_"}, "`group_by`: it is for a directory of pictures"),
        ("ring", {"unreadable": "skip"}, "`unreadable`: it is for images; .* density 'ring'"),
        ("ring", {"condition": "nope"}, "`condition`: expected None, 'label', one of"),
        ("ring", {"condition": "edges"}, "`condition`: it is for images"),
        ("ring", {"label": "nope"}, "`label`: it is for images"),
    ],
)
def test_arguments_that_load_would_refuse_are_refused(source, options, said, tmp_path, data_dir):
    picture_files.write(tmp_path / "a" / "1.png", picture_files.noise())
    name, where = {"folder": (tmp_path, None), "digits": ("digits", data_dir)}.get(
        source, (source, None)
    )
    with pytest.raises(ValueError, match=said):
        data.describe(name, where, **options)
    if source != "ring":  # without labels
        with pytest.raises(ValueError, match=said):
            data.labels(name, data_dir=where, **options)


def test_conditions_of_data_sets_are_described(data_dir):
    for condition in ("label", "edges"):
        assert data.describe("digits", data_dir, condition=condition).num_classes == 10
