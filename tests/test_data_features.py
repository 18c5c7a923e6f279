"""Which feature is the image and which the label: never the first, whatever their order."""

import itertools
import logging

import numpy as np
import pytest
import tensorflow_datasets as tfds

from kgan.data.features import as_dataset, choices, image_feature, label_feature, partial_decoding

F = tfds.features
PICTURE = F.Image(shape=(8, 8, 1))
MASK = F.LabeledImage(labels=3, shape=(8, 8, 1))
LABEL = F.ClassLabel(num_classes=7)


def orders(features):
    """The features in each order, as different processes read them from disk."""
    for keys in itertools.permutations(features):
        yield F.FeaturesDict({key: features[key] for key in keys})


def found(rule, features, *wanted):
    """The name that the rule chooses, which is the same in each order."""
    names = {rule("d", ordered, *wanted).name for ordered in orders(features)}
    assert len(names) == 1
    return names.pop()


def refusal(rule, features, *wanted):
    """The sentence with which the rule refuses, which is the same in each order."""
    sentences = set()
    for ordered in orders(features):
        with pytest.raises(ValueError, match="ata set 'd'") as error:
            rule("d", ordered, *wanted)
        sentences.add(str(error.value))
    assert len(sentences) == 1
    return sentences.pop()


@pytest.mark.parametrize(
    ("features", "name"),
    [
        ({"b": PICTURE, "image": F.Image(shape=(8, 6, 3)), "a": PICTURE}, "image"),
        ({"caption": F.Text(), "photo": PICTURE}, "photo"),
        ({"mask": MASK, "photo": PICTURE}, "photo"),
        ({"image": MASK, "photo": PICTURE}, "photo"),
        ({"image": F.Text(), "photo": PICTURE}, "photo"),
        ({"depth": F.Image(shape=(8, 8, 1), dtype=np.float32), "rgb": PICTURE}, "rgb"),
        ({"clip": F.Image(shape=(4, 8, 8, 3)), "still": PICTURE}, "still"),
        ({"camera": {"left": PICTURE, "time": np.float32}, "mask": MASK}, "camera.left"),
        ({"camera": {"image": PICTURE}, "image": PICTURE}, "image"),
    ],
)
def test_the_image_is_the_feature_of_that_name_or_the_only_one_that_fits(features, name):
    assert found(image_feature, features) == name
    assert found(image_feature, features, name) == name


def test_of_several_images_one_must_be_named():
    features = {"right": PICTURE, "camera": {"back": PICTURE}, "left": PICTURE, "mask": MASK}
    assert refusal(image_feature, features) == (
        "Invalid value for argument `image`: data set 'd' has several images, expected the name of "
        "one (camera.back, left, right), received None. Give, for example, `image='camera.back'`."
    )
    assert found(image_feature, features, "right") == "right"
    assert found(image_feature, features, "camera.back") == "camera.back"


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ("middle", r"`image`: expected a feature of data set 'd' \(photo\), received 'middle'\."),
        ("camera", r"expected a feature of data set 'd' \(photo\), received 'camera'"),
        ("mask", "'mask' of data set 'd' holds segmentation masks; .*such as `image='photo'`"),
        ("depth", "'depth' of data set 'd' holds float32 images; expected uint8 images"),
        ("clip", r"holds uint8 animations of shape \(4, 8, 8, 3\)"),
        ("camera.raw", r"'camera.raw' .* holds uint8 tensors of shape \(8, 8, 1\)"),
    ],
)
def test_a_name_that_is_no_image_is_refused(image, reason):
    features = F.FeaturesDict(
        {
            "photo": PICTURE,
            "mask": MASK,
            "depth": F.Image(shape=(8, 8, 1), dtype=np.float32),
            "clip": F.Image(shape=(4, 8, 8, 3)),
            "camera": {"raw": F.Tensor(shape=(8, 8, 1), dtype=np.uint8)},
        }
    )
    with pytest.raises(ValueError, match=reason):
        image_feature("d", features, image)


def test_a_data_set_without_images_is_refused_with_its_features():
    reason = refusal(image_feature, {"caption": F.Text(), "stars": np.int64, "mask": MASK})
    assert "has no image feature (its features are caption (texts), mask (segmen" in reason


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_other_pixels_than_uint8_are_refused_even_beside_a_thumbnail(dtype):
    features = {"image": F.Image(shape=(8, 8, 1), dtype=dtype), "thumbnail": PICTURE}
    reason = refusal(image_feature, features)
    assert f"'image' of data set 'd' holds {np.dtype(dtype).name} images; expected uint8" in reason
    assert reason.endswith("or name another feature, such as `image='thumbnail'`.")


@pytest.mark.parametrize(
    ("features", "name"),
    [
        ({"a": F.ClassLabel(num_classes=2), "label": LABEL, "image": PICTURE}, "label"),
        ({"image": PICTURE, "kind": LABEL, "age": np.int64}, "kind"),
        ({"image": PICTURE, "about": {"kind": LABEL}, "mask": MASK}, "about.kind"),
    ],
)
def test_the_label_is_the_feature_of_that_name_or_the_only_class_label(features, name):
    assert found(label_feature, features) == name
    assert found(label_feature, features, name) == name


def test_of_several_labels_one_must_be_named():
    features = {"coarse": F.ClassLabel(num_classes=2), "fine": LABEL, "image": PICTURE}
    reason = refusal(label_feature, features)
    assert "`label`: data set 'd' has several class labels, expected the name of" in reason
    assert "one (coarse, fine), received None" in reason
    assert reason.endswith("Give, for example, `label='coarse'`.")
    assert found(label_feature, features, "fine") == "fine"


@pytest.mark.parametrize(
    ("label", "kind"),
    [
        (np.int64, r"integers \(int64\) whose number of classes is not declared"),
        (F.Sequence(LABEL), "several class labels for each image"),
        (F.Tensor(shape=(5,), dtype=np.int32), r"int32 tensors of shape \(5,\)"),
        (F.Text(), "texts"),
        (F.ClassLabel(), "class labels whose number of classes is not declared"),
        (np.float32, "float32 numbers"),
    ],
)
def test_labels_that_are_no_class_labels_are_said_to_be_what_they_are(label, kind):
    features = F.FeaturesDict({"image": PICTURE, "label": label, "other": LABEL})
    with pytest.raises(ValueError, match=rf"'label' of data set 'd' holds {kind}; expected one"):
        label_feature("d", features)
    assert label_feature("d", features, "other").name == "other"


def test_a_data_set_without_labels_is_refused_with_its_features():
    reason = refusal(label_feature, {"image": PICTURE, "age": np.int64})
    assert "no class labels (its features are age (integers (int64) whose number" in reason


def test_names_that_the_rules_choose_are_no_choice():
    features = F.FeaturesDict({"left": PICTURE, "right": PICTURE, "label": LABEL, "kind": LABEL})
    right, label = image_feature("d", features, "right"), label_feature("d", features)
    assert choices(features, right, None) == choices(features, right, label) == {"image": "right"}
    kind = label_feature("d", features, "kind")
    assert choices(features, right, kind) == {"image": "right", "label": "kind"}
    single = F.FeaturesDict({"photo": PICTURE, "mask": MASK})
    assert choices(single, image_feature("d", single, "photo"), None) == {}


def test_a_warning_of_tfds_about_itself_is_not_shown(caplog):
    with tfds.testing.mock_data(num_examples=2):
        builder = tfds.builder("mnist")
        image = image_feature("mnist", builder.info.features, None)
        with caplog.at_level("WARNING", logger="absl"):
            as_dataset(builder, split="train", decoders=partial_decoding(image))
            assert "FeatureConnector.dtype" not in caplog.text
            logging.getLogger("absl").warning("another one")
    assert "another one" in caplog.text


def test_reading_starts_no_thread_that_tunes():
    """Programs would now and then wait for its end, up to a minute; the option is passed on."""
    with tfds.testing.mock_data(num_examples=2):
        batches = as_dataset(tfds.builder("mnist"), split="train").batch(2).prefetch(1)
    assert batches.options().autotune.enabled is False
