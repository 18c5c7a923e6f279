"""Directories of pictures: splits, classes, and what is passed over."""

import hashlib
import time

import numpy as np
import pytest

from kgan.data import describe, labels
from kgan.data.folders import in_test, list_folder
from kgan.data.names import located, picture_directory


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def test_folders_named_train_and_test_are_the_splits(tmp_path):
    touch(tmp_path, "train/b/2.png", "train/a/1.JPG", "test/a/3.webp", "others/4.png", "notes.txt")
    folder = list_folder(tmp_path)
    assert folder.splits == {
        "train": ("train/a/1.JPG", "train/b/2.png"),
        "test": ("test/a/3.webp",),
    }
    assert (folder.class_names, folder.ignored) == (("a", "b"), 2)
    np.testing.assert_array_equal(folder.labels(folder.splits["train"]), [0, 1])


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        (["train/1.png"], {"train"}),
        (["train/1.png", "validation/2.png"], {"train", "validation"}),
        (["test/1.png", "test/2.png"], {"train"}),  # one class
        (["train/1.png", "car/2.png"], {"train"}),  # two classes
    ],
)
def test_a_folder_named_train_beside_classes_is_a_class(names, splits, tmp_path):
    folder = list_folder(touch(tmp_path, *names))
    assert set(folder.splits) == splits
    expected = {name.split("/")[0] for name in names} if splits == {"train"} else set()
    assert set(folder.class_names) == (expected if names != ["train/1.png"] else set())


def test_the_hash_of_a_path_is_stable():
    """Expectations by `sha256sum`: the first 8 bytes as a number, modulo 10.

    A change here would move pictures that runs were trained on into their test split.
    """
    names = [f"cat/{i}.png" for i in range(40)]
    assert [i for i, name in enumerate(names) if in_test(name)] == HASHED
    for name in names:
        head = hashlib.sha256(name.encode()).hexdigest()[:16]
        assert in_test(name) is (int(head, 16) % 10 == 0)


HASHED = [13, 28]


def test_one_picture_of_ten_is_tested_on_and_stays_there(tmp_path):
    touch(tmp_path, *(f"{i}.png" for i in range(1000)))
    before = list_folder(tmp_path).splits
    # Binomial: 100 with a standard deviation of 9.5.
    assert 60 < len(before["test"]) < 140
    touch(tmp_path, *(f"more{i}.png" for i in range(500)))
    after = list_folder(tmp_path).splits
    for split in ("train", "test"):
        assert set(before[split]) < set(after[split])


def test_the_form_of_unicode_does_not_matter():
    assert in_test("caf\u00e9/1.png") == in_test("cafe\u0301/1.png")
    assert len({in_test(f"\u00e9{i}.png") for i in range(100)}) == 2


def test_few_pictures_are_all_trained_on(tmp_path):
    names = [f"cat/{i}.png" for i in range(100) if in_test(f"cat/{i}.png")]
    assert list_folder(touch(tmp_path, *names)).splits == {"train": tuple(sorted(names))}


def test_hidden_and_other_files_are_passed_over(tmp_path):
    touch(tmp_path, ".hidden.png", ".git/x.png", "a.png", "b.txt", "deep/er/c.gif", "__pycache__/d")
    folder = list_folder(tmp_path)
    assert sorted(sum(folder.splits.values(), ())) == ["a.png", "deep/er/c.gif"]
    assert folder.ignored == 2


def test_links_are_followed_and_circles_end(tmp_path):
    touch(tmp_path / "elsewhere", "1.png")
    touch(tmp_path / "here", "2.png")
    (tmp_path / "here" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "here")
    assert sorted(list_folder(tmp_path / "here").splits["train"]) == ["2.png", "link/1.png"]


def test_two_links_to_one_folder_are_two_classes(tmp_path):
    touch(tmp_path, "pool/1.png", "here/birds/2.png")
    for name in ("cats", "dogs"):
        (tmp_path / "here" / name).symlink_to(tmp_path / "pool")
    folder = list_folder(tmp_path / "here")
    assert folder.class_names == ("birds", "cats", "dogs")
    assert sorted(folder.pictures) == ["birds/2.png", "cats/1.png", "dogs/1.png"]


def test_100000_files_are_listed_in_seconds(tmp_path):
    for c in range(100):
        (tmp_path / f"{c}").mkdir()
        for i in range(100):
            (tmp_path / f"{c}" / f"{i}.png").touch()
    start = time.monotonic()
    assert len(list_folder(tmp_path).splits["train"]) > 8000
    assert time.monotonic() - start < 2  # a tenth of them; 0.05 s on two idle cores


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([], "holds no visible files"),
        ([".a.png"], "holds no visible files"),
        (["a.txt", "b/c.tif"], "holds 2 files, none of which ends so"),
        (["digits/1.0.0/dataset_info.json"], "prepared data sets, give it as `data_dir`"),
    ],
)
def test_a_directory_without_pictures_is_refused(names, said, tmp_path):
    with pytest.raises(ValueError, match=r"`source`: expected a directory of pictures \(.png"):
        list_folder(touch(tmp_path, *names))
    with pytest.raises(ValueError, match=said):
        list_folder(tmp_path)


def test_a_directory_that_does_not_exist_is_refused_with_the_part_that_does(tmp_path):
    with pytest.raises(FileNotFoundError, match=rf"{tmp_path} exists, and {tmp_path}/a does not"):
        list_folder(tmp_path / "a" / "b")
    file = touch(tmp_path, "a.png") / "a.png"
    with pytest.raises(NotADirectoryError, match=r"which is a file\. Name the directory"):
        list_folder(file)


# Names and directories


def test_a_name_is_a_directory_only_where_no_data_set_has_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    touch(tmp_path, "digits/a.png", "mnist/a.png", "pets/a.png", "my/pets/a.png")
    for source in ("digits", "mnist", "cycle_gan/horse2zebra", "ring", "stacked_mnist", "absent"):
        assert picture_directory(source) is None
        assert located(source) == source
    for source in ("./digits", "digits/", "pets", "my/pets", tmp_path / "pets", str(tmp_path)):
        assert picture_directory(source).is_dir()
    assert located("my/pets") == str(tmp_path / "my" / "pets")
    assert picture_directory("./absent") == tmp_path / "absent"


@pytest.mark.parametrize("source", [None, 3, "", b"", ["a"]])
def test_other_sources_are_refused(source):
    with pytest.raises(ValueError, match="`source`: expected the name of a data set, the path"):
        picture_directory(source)


def test_descriptions_and_labels(tmp_path):
    touch(tmp_path, "train/b/1.png", "train/a/2.png", "train/b/3.png", "test/b/1.png", "x.txt")
    described = describe(tmp_path)
    assert (described.name, described.splits) == (str(tmp_path), {"train": 3, "test": 1})
    assert (described.num_classes, described.class_names) == (2, ("a", "b"))
    assert (described.directory, described.ignored) == (None, 1)
    assert described.rows("train[:2]+test") == 3
    np.testing.assert_array_equal(labels(tmp_path), [0, 1, 1])
    np.testing.assert_array_equal(labels(tmp_path, "train[1:]+test"), [1, 1, 1])
    with pytest.raises(ValueError, match=r"has train, test, .* received 'validation'"):
        labels(tmp_path, "validation")


def test_classes_and_splits_without_pictures_are_none(tmp_path):
    touch(tmp_path, "train/a/1.png", "train/b/2.png", "train/3.png", "test/a/4.png")
    folder = list_folder(tmp_path)
    assert (folder.class_names, folder.loose) == ((), 1)
    left = folder.without(["train/3.png"])
    assert (left.class_names, left.loose) == (("a", "b"), 0)
    left = left.without(["train/a/1.png", "test/a/4.png"])
    assert (left.splits, left.class_names) == ({"train": ("train/b/2.png",)}, ("b",))
    np.testing.assert_array_equal(left.labels(left.rows("train")), [0])


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["1.png"], r"\(CLASS/\), .* holds pictures without sub-folders"),
        (["1.png", "a/2.png"], r"\(CLASS/\), .* holds 1 picture outside"),
        (["train/1.png", "test/2.png"], r"\(train/CLASS/\), .* holds pictures without sub-fold"),
    ],
)
def test_pictures_without_a_class_are_counted(names, said, tmp_path):
    assert describe(touch(tmp_path, *names)).num_classes is None
    with pytest.raises(ValueError, match=f"`with_labels`: .* {said}"):
        labels(tmp_path)
