"""Conditions that are given beside the images: directories of equal names, halves of pictures."""

import numpy as np
import picture_files
import pytest
import tensorflow as tf
from tfds_data import batches

from kgan.data import describe, labels, load, loaders
from kgan.data.folders import list_folder

N = 24


@pytest.fixture
def root(tmp_path):
    """Grey images and coloured conditions of equal names, in other formats."""
    for i in range(N):
        name = f"train/{'cat' if i % 2 else 'dog'}/{i:02}"
        picture_files.write(tmp_path / "images" / f"{name}.png", picture_files.noise(i, channels=1))
        picture_files.write(tmp_path / "conditions" / f"{name}.bmp", picture_files.noise(100 + i))
    return tmp_path


def pairs(root, **options):
    options = {"batch_size": 4, "value_range": (0, 255), **options}
    return load(root / "images", condition=root / "conditions", **options)


def numbers(images, offset=0, channels=1):
    """Which pictures these are, and whether each is mirrored."""
    known = np.stack([picture_files.noise(offset + i, channels=channels) for i in range(N)])
    known = known.reshape(N, 8, 8, channels)
    found = []
    for image in images:
        for flipped, candidates in ((False, known), (True, known[:, :, ::-1])):
            found += [
                (row, flipped) for row in np.flatnonzero((candidates == image).all((1, 2, 3)))
            ]
    return found


@pytest.mark.usefixtures("way")
def test_each_image_comes_with_the_picture_of_its_name(root):
    dataset = pairs(root, mirror=True)
    assert dataset.element_spec == (
        tf.TensorSpec([4, 8, 8, 1], tf.float32),
        tf.TensorSpec([4, 8, 8, 3], tf.float32),
    )
    assert (dataset.condition, dataset.condition_record, len(dataset)) == (None, {}, 6)
    found = []
    for images, conditions in batches(dataset):
        of_images = numbers(images)
        assert numbers(conditions, 100, 3) == of_images, "a condition is mirrored with its image"
        found += of_images
    assert sorted(row for row, _ in found) == list(range(N))
    assert 0 < sum(flipped for _, flipped in found) < N
    unshuffled = batches(pairs(root, shuffle=False))
    order = sorted(range(N), key=lambda i: (i % 2 == 0, i))  # cats first
    assert [row for images, _ in unshuffled for row, _ in numbers(images)] == order


def test_both_ways_yield_the_same_batches_and_any_step_can_come_first(root, monkeypatch):
    options = {"discriminator_steps": 2, "seed": 3, "mirror": True}
    whole = batches(pairs(root, **options), 0, 8)
    monkeypatch.setattr(loaders, "_MEMORY_BYTES", 0)
    rest = batches(pairs(root, **options), 2, 6)
    for one, other in zip(whole[2:], rest, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.usefixtures("way")
def test_the_fingerprint_is_of_both(root):
    first = pairs(root).data_fingerprint
    assert pairs(root).data_fingerprint == first
    assert load(root / "images", batch_size=4).data_fingerprint != first
    picture_files.write(root / "conditions" / "train" / "dog" / "00.bmp", picture_files.noise(7))
    assert pairs(root).data_fingerprint != first


def test_conditions_are_read_as_images_are(root):
    """Size, resizing and background hold for both; channels that are asked for as well."""
    picture_files.write(
        root / "conditions" / "train" / "dog" / "00.bmp", picture_files.noise(7, (9, 30))
    )
    spec = pairs(root).element_spec  # sizes differ, so that all are of 64 pixels
    assert [x.shape[1:] for x in spec] == [(64, 64, 1), (64, 64, 3)]
    spec = pairs(root, image_size=(4, 6), channels=4, resize="pad").element_spec
    assert [x.shape[1:] for x in spec] == [(4, 6, 4), (4, 6, 4)]
    picture_files.write(root / "images" / "train" / "dog" / "00.png", picture_files.noise(7))
    assert pairs(root).element_spec[0].shape[-1] == 3, "grey beside colour becomes colour"


def test_a_pair_is_left_out_where_either_is_unreadable(root):
    (root / "images" / "train" / "cat" / "01.png").write_bytes(b"?")
    (root / "conditions" / "train" / "cat" / "03.bmp").write_bytes(b"?")
    with pytest.raises(OSError, match=r"1 picture of \S*images cannot be read: train/cat/01\.png"):
        pairs(root)
    dataset = pairs(root, unreadable="skip", batch_size=N - 2)
    assert dataset.skipped == 2
    ((images, conditions),) = batches(dataset)
    found = numbers(images)
    assert numbers(conditions, 100, 3) == found
    assert sorted(row for row, _ in found) == [i for i in range(N) if i not in (1, 3)]
    about = {"unreadable": "skip", "condition": root / "conditions"}
    assert describe(root / "images", **about).splits == {"train": N - 2}
    assert len(labels(root / "images", **about)) == N - 2
    assert describe(root / "images", unreadable="skip").splits == {"train": N - 1}


def test_names_without_a_partner_are_counted_and_five_named(root):
    for i in range(0, 14, 2):
        (root / "conditions" / "train" / "dog" / f"{i:02}.bmp").unlink()
    with pytest.raises(
        ValueError,
        match=r"`condition`: expected a directory with one picture for each of the 24 in \S+images"
        r".*which holds 17: 7 of \S+images have no picture in \S+conditions \(train/dog/00, "
        r"train/dog/02, train/dog/04, train/dog/06, train/dog/08 and 2 more\)\. Add, remove",
    ):
        pairs(root)
    for i in (0, 2):  # five are missing, and all are named
        path = root / "conditions" / "train" / "dog" / f"{i:02}.bmp"
        picture_files.write(path, picture_files.noise(i))
    with pytest.raises(ValueError, match=r"\(train/dog/04, .*, train/dog/12\)\. Add, remove"):
        pairs(root)
    picture_files.write(root / "conditions" / "other.png", picture_files.noise(0))
    (root / "conditions" / "other.png").rename(root / "conditions" / "train" / "cat" / "x.png")
    with pytest.raises(
        ValueError, match=r"; 1 of \S+conditions has no picture in .* \(train/cat/x"
    ):
        pairs(root)


def test_a_name_twice_is_refused(root):
    picture_files.write(root / "conditions" / "train" / "dog" / "00.png", picture_files.noise(0))
    with pytest.raises(ValueError, match=r"`condition`: expected pictures whose names differ in .*"
                       r"holds train/dog/00 more than once"):  # fmt: skip
        pairs(root)


def test_a_condition_that_is_no_directory_is_refused(root, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"`condition`: expected a directory of pictures"):
        load(root / "images", condition=root / "absent")
    with pytest.raises(ValueError, match=r"`condition`: expected None, .*no directory \S+/sketch"):
        load(root / "images", condition="sketch")
    with pytest.raises(ValueError, match=r"`condition`: it is for a directory of pictures; expect"):
        load("digits", condition=root / "conditions", data_dir=tmp_path)
    with pytest.raises(ValueError, match=r"`condition`: it is for images; expected None for the"):
        load("ring", condition="left_half")
    with pytest.raises(ValueError, match=r"`condition`: expected None beside `with_labels=True`"):
        load(root / "images", condition=root / "conditions", with_labels=True)


def test_a_directory_with_the_name_of_a_condition_has_a_path(root, monkeypatch):
    monkeypatch.chdir(root)
    (root / "conditions").rename(root / "edges")
    named = load("images", condition="edges", batch_size=4)
    assert named.condition is not None
    assert load("images", condition="./edges", batch_size=4).condition is None
    assert load("images", condition="edges/", batch_size=4).condition is None


# Halves


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.usefixtures("way")
def test_one_half_is_the_condition_of_the_other(channels, tmp_path):
    """Each half is resized by itself: nothing of one bleeds into the other."""
    pixels = np.stack(
        [
            picture_files.write(tmp_path / f"{i:02}.png", picture_files.noise(i, (8, 16), channels))
            for i in range(N)
        ]
    ).reshape(N, 8, 16, channels)
    left, right = pixels[:, :, :8], pixels[:, :, 8:]
    options = {"value_range": (0, 255), "shuffle": False, "split": "train+test", "batch_size": N}
    order = list_folder(tmp_path).rows("train+test")
    rows = [int(name[:2]) for name in order]
    for condition, images, conditions in (("left_half", right, left), ("right_half", left, right)):
        ((found, given),) = load(tmp_path, condition=condition, **options).as_numpy_iterator()
        np.testing.assert_array_equal(found, images[rows])
        np.testing.assert_array_equal(given, conditions[rows])
    ((small, _),) = load(tmp_path, condition="left_half", image_size=4, **options)
    means = right[rows].reshape(N, 4, 2, 4, 2, channels).mean((2, 4))
    # Pillow's triangle filter weighs neighbours too: near the means, and far from other pictures'.
    assert np.abs(small - means).mean() < 25 < np.abs(small - np.roll(means, 1, 0)).mean()
    mirrored = load(
        tmp_path, condition="left_half", mirror=True, batch_size=8, value_range=(0, 255)
    )
    for images, conditions in mirrored.as_numpy_iterator():
        for image, given in zip(images, conditions, strict=True):
            ways = [(image == right[:, :, ::step]).all((1, 2, 3)) for step in (1, -1)]
            (row,) = np.flatnonzero(ways[0] | ways[1])
            np.testing.assert_array_equal(given, left[row, :, :: 1 if ways[0][row] else -1])


def test_odd_widths_have_no_halves(tmp_path):
    for i in range(8):
        width = 15 if i < 6 else 16
        picture_files.write(tmp_path / f"train/{i}.png", picture_files.noise(i, (8, width)))
    with pytest.raises(
        OSError,
        match=r"6 pictures of \S+ cannot be read: train/0\.png \(15 pixels wide, an odd width, so "
        r"that it has no two halves\), train/1\.png .* and 1 more\. Mend or remove them",
    ):
        load(tmp_path, condition="left_half", batch_size=2, image_size=8)


# Groups


def test_pictures_of_one_group_are_on_one_side(tmp_path):
    names = [f"{'ab'[i % 2]}/{person}_{i}.png" for person in range(200) for i in range(3)]
    for name in names:
        picture_files.write(tmp_path / name, picture_files.noise(0, (1, 1)))
    for person in range(200):
        picture_files.write(tmp_path / f"{person}.jpg", picture_files.noise(0, (1, 1)))
    sides = {}
    for split, pictures in list_folder(tmp_path, "_").splits.items():
        for picture in pictures:
            sides.setdefault(picture.split("/")[-1].split(".")[0].split("_")[0], set()).add(split)
    assert all(len(side) == 1 for side in sides.values())
    tested = sum(side == {"test"} for side in sides.values())
    assert 0 < tested < 60  # binomial: 20 with a standard deviation of 4.2
    alone = list_folder(tmp_path).splits["test"]
    assert {f"{name.split('_')[0]}_0.png" for name in alone} - set(alone), "else groups are split"
    assert load(tmp_path, group_by="_", batch_size=1).loaded_from["group_by"] == "_"
    described = describe(tmp_path, group_by="_").splits
    assert described["train"] == len(load(tmp_path, group_by="_", batch_size=1))
    with pytest.raises(ValueError, match=r"`group_by`: it is for a directory of pictures"):
        load("digits", group_by="_")
    with pytest.raises(ValueError, match=r"`group_by`: expected text.*received ''"):
        load(tmp_path, group_by="")
