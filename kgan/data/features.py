"""Which features of a TFDS data set are its images and its labels.

A data set read without its code has its features in another order in each process, so that nothing
here depends on their order.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from kgan.data.untuned import untuned
from kgan.utils.unheard import unheard

# What a feature must be, and what to do where it is not.
_EXPECTED = {
    "image": (
        "uint8 images (tfds.features.Image), 8 bits per channel, and no masks",
        [
            "Choose a data set or configuration that has them",
            "declare the feature so in the builder and prepare the data again",
        ],
    ),
    "label": (
        "one class label for each image",
        [
            "Declare the feature as tfds.features.ClassLabel(num_classes=...) in the builder and "
            "prepare the data again",
            "train without labels",
        ],
    ),
}

__all__ = [
    "Feature",
    "choices",
    "image_feature",
    "label_feature",
    "partial_decoding",
    "video_feature",
]


@dataclasses.dataclass(frozen=True)
class Feature:
    """A feature of a data set, at any depth.

    Attributes:
        name: keys of its path, joined by dots.
        path: keys that lead to it.
        connector: of TFDS, such as `tfds.features.Image`.
    """

    name: str
    path: tuple[str, ...]
    connector: Any

    @tf.autograph.experimental.do_not_convert
    def of(self, example: Mapping[str, Any]) -> Any:
        """Return the value of the feature in an example."""
        value: Any = example
        for key in self.path:
            value = value[key]
        return value


def image_feature(
    name: str, features: tfds.features.FeaturesDict, image: str | None = None
) -> Feature:
    """Find the images of a data set: the feature `image`, or else the only one that fits.

    An image fits if it is a `tfds.features.Image` of [height, width, channels], uint8, and no
    segmentation mask.

    Args:
        name: of the data set, for messages.
        features: its features.
        image: name of the feature, dotted when nested; None for the rule above.

    Raises:
        ValueError: no feature fits, several do, or the named one does not.
    """
    known = _flat(features)
    if image is not None:
        return _named("image", image, name, known, _is_image)
    own = known.get("image")
    # A mask or the name of a file may be called `image` beside the images themselves.
    passed_over = (tfds.features.LabeledImage, tfds.features.Text)
    if own is not None and not isinstance(own.connector, passed_over):
        return _fitting("image", own, name, known, _is_image)
    fitting = [feature for feature in known.values() if _is_image(feature.connector)]
    if not fitting:
        raise ValueError(
            f"Data set {name!r} has no image feature (its features are {_listed(known)}); "
            "expected a data set of images, uint8 [height, width, channels]."
        )
    return _only("image", fitting, name)


def label_feature(
    name: str, features: tfds.features.FeaturesDict, label: str | None = None
) -> Feature:
    """Find the labels of a data set: the feature `label`, or else the only class label.

    Args:
        name: of the data set, for messages.
        features: its features.
        label: name of the feature, dotted when nested; None for the rule above.

    Raises:
        ValueError: no feature is a class label, several are, or the named one is not.
    """
    known = _flat(features)
    if label is not None:
        return _named("label", label, name, known, _is_label)
    if "label" in known:
        return _fitting("label", known["label"], name, known, _is_label)
    fitting = [feature for feature in known.values() if _is_label(feature.connector)]
    if not fitting:
        raise ValueError(
            f"Data set {name!r} has no class labels (its features are {_listed(known)}); expected "
            "a tfds.features.ClassLabel. Train without labels."
        )
    return _only("label", fitting, name)


def video_feature(
    name: str, features: tfds.features.FeaturesDict, video: str | None = None
) -> Feature:
    """Find the videos of a data set: the only `tfds.features.Video` of uint8 frames.

    Args:
        name: of the data set, for messages.
        features: its features.
        video: name of the feature, dotted when nested; None for the rule above.

    Raises:
        ValueError: no feature fits, several do, or the named one does not.
    """
    known = _flat(features)
    fitting = [feature for feature in known.values() if _is_video(feature.connector)]
    if video is not None and fitting:
        if video in known and known[video] not in fitting:
            raise ValueError(
                f"Invalid value for argument `image`: expected a feature of videos of data set "
                f"{name!r} ({', '.join(feature.name for feature in fitting)}), received {video!r}, "
                f"which holds {_kind(known[video].connector)}."
            )
        return _named("image", video, name, known, _is_video)
    if not fitting:
        raise ValueError(
            f"Data set {name!r} has no videos (its features are {_listed(known)}); expected uint8 "
            "videos (tfds.features.Video) for `condition='previous_frames'`, such as those of "
            "'moving_mnist' or 'bouncing_mnist'."
        )
    return _only("image", fitting, name, "videos")


def choices(
    features: tfds.features.FeaturesDict, image: Feature, label: Feature | None
) -> dict[str, str]:
    """Return those of the names of image and label that the rules would not choose."""
    chosen = {}
    for argument, feature, rule in (
        ("image", image, image_feature),
        ("label", label, label_feature),
    ):
        if feature is not None and feature != _or_none(rule, features):
            chosen[argument] = feature.name
    return chosen


def partial_decoding(
    *features: Feature, decoders: Mapping[str, tfds.decode.Decoder] | None = None
) -> tfds.decode.PartialDecoding:
    """Return what makes TFDS decode these features alone.

    Args:
        *features: the features.
        decoders: name of a feature -> decoder that replaces its own.
    """
    of = {feature.name: feature for feature in features}
    replaced = {of[name].path: decoder for name, decoder in (decoders or {}).items()}
    wanted = _nested({feature.path: True for feature in features})
    return tfds.decode.PartialDecoding(wanted, decoders=_nested(replaced) or None)


def as_dataset(builder: tfds.core.DatasetBuilder, **options: Any) -> tf.data.Dataset:
    """Return `builder.as_dataset(**options)`, untuned, without a warning not meant for the user.

    With partial decoding, TFDS reads a property of its own features that it has deprecated.
    """
    with unheard("absl", r"FeatureConnector\.dtype"):
        return builder.as_dataset(**options).with_options(untuned())


def _or_none(
    rule: Callable[[str, tfds.features.FeaturesDict], Feature],
    features: tfds.features.FeaturesDict,
) -> Feature | None:
    try:
        return rule("", features)
    except ValueError:
        return None


def _flat(features: tfds.features.FeaturesDict, path: tuple[str, ...] = ()) -> dict[str, Feature]:
    """Return the features at every depth by their dotted names, sorted."""
    found: dict[str, Feature] = {}
    for key in sorted(features):
        where = (*path, key)
        if isinstance(features[key], tfds.features.FeaturesDict):
            found.update(_flat(features[key], where))
        else:
            found[".".join(where)] = Feature(".".join(where), where, features[key])
    return found


def _nested(values: Mapping[tuple[str, ...], object]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path, value in values.items():
        branch = tree
        for key in path[:-1]:
            branch = branch.setdefault(key, {})
        branch[path[-1]] = value
    return tree


def _is_image(connector: object) -> bool:
    return (
        isinstance(connector, tfds.features.Image)
        and not isinstance(connector, tfds.features.LabeledImage)
        and len(connector.shape) == 3
        and connector.np_dtype == np.uint8
    )


def _is_video(connector: object) -> bool:
    return (
        isinstance(connector, tfds.features.Video)
        and len(connector.shape) == 4
        and connector.feature.np_dtype == np.uint8
    )


def _is_label(connector: object) -> bool:
    return isinstance(connector, tfds.features.ClassLabel) and connector.num_classes is not None


def _named(
    argument: str,
    wanted: str,
    name: str,
    known: Mapping[str, Feature],
    fits: Callable[[object], bool],
) -> Feature:
    if wanted not in known:
        fitting = [other for other, feature in known.items() if fits(feature.connector)]
        raise ValueError(
            f"Invalid value for argument `{argument}`: expected a feature of data set {name!r} "
            f"({', '.join(fitting) or 'none fits'}), received {wanted!r}."
        )
    return _fitting(argument, known[wanted], name, known, fits)


def _fitting(
    argument: str,
    feature: Feature,
    name: str,
    known: Mapping[str, Feature],
    fits: Callable[[object], bool],
) -> Feature:
    """Return `feature` if it fits; otherwise say what it is, what is expected and what to do."""
    if fits(feature.connector):
        return feature
    expected, remedies = _EXPECTED[argument]
    others = [other for other, known_one in known.items() if fits(known_one.connector)]
    if others:
        remedies = [*remedies, f"name another feature, such as `{argument}={others[0]!r}`"]
    raise ValueError(
        f"The feature {feature.name!r} of data set {name!r} holds {_kind(feature.connector)}; "
        f"expected {expected}. {', '.join(remedies[:-1])}, or {remedies[-1]}."
    )


def _only(argument: str, fitting: list[Feature], name: str, kinds: str = "") -> Feature:
    if len(fitting) > 1:
        names = [feature.name for feature in fitting]
        kinds = kinds or {"image": "images", "label": "class labels"}[argument]
        raise ValueError(
            f"Invalid value for argument `{argument}`: data set {name!r} has several {kinds}, "
            f"expected the name of one ({', '.join(names)}), received None. "
            f"Give, for example, `{argument}={names[0]!r}`."
        )
    return fitting[0]


def _listed(known: Mapping[str, Feature]) -> str:
    return ", ".join(f"{name} ({_kind(feature.connector)})" for name, feature in known.items())


def _kind(connector: Any) -> str:
    """Return what a feature holds, in words."""
    if isinstance(connector, tfds.features.LabeledImage):
        return "segmentation masks"
    if isinstance(connector, tfds.features.Image):
        what = "images" if len(connector.shape) == 3 else f"animations of shape {connector.shape}"
        return f"{np.dtype(connector.np_dtype).name} {what}"
    if isinstance(connector, tfds.features.ClassLabel):
        known = connector.num_classes is not None
        return "class labels" if known else "class labels whose number of classes is not declared"
    if isinstance(connector, tfds.features.Text):
        return "texts"
    if isinstance(connector, tfds.features.Video):
        return f"videos of shape {connector.shape}"
    if isinstance(connector, tfds.features.Sequence):
        several = isinstance(connector.feature, tfds.features.ClassLabel)
        return "several class labels for each image" if several else "sequences"
    if isinstance(connector, tfds.features.Tensor):
        dtype = np.dtype(connector.np_dtype).name
        if connector.shape:
            return f"{dtype} tensors of shape {connector.shape}"
        if np.issubdtype(connector.np_dtype, np.integer):
            return f"integers ({dtype}) whose number of classes is not declared"
        return f"{dtype} numbers"
    return f"values of type {type(connector).__name__}"
