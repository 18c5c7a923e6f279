"""`load`: from a source to batches of images, or of points of a toy density."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence

import tensorflow as tf

from kgan import conditions
from kgan.data import bouncing, loaders
from kgan.data.densities import DENSITIES
from kgan.data.form import RESIZES, Form, check_none, checked_channels, checked_choice, colour
from kgan.data.names import Source, made_of, picture_directory
from kgan.data.pairs import PREVIOUS_FRAMES, Given, Pairing, find_condition
from kgan.data.pictures import find_pictures
from kgan.data.prepare import prepare
from kgan.data.source import check_has_labels, find_images
from kgan.data.stacked import PREFIX
from kgan.data.stream import SeekableDataset
from kgan.utils.checks import bounds, one_of, positive_integer, single_seed

__all__ = ["load"]


def load(
    source: Source,
    split: str = "train",
    batch_size: int = 100,
    discriminator_steps: int = 1,
    image_size: int | tuple[int, int] | None = None,
    value_range: tuple[float, float] | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    download: bool = True,
    with_labels: bool = False,
    image: str | None = None,
    label: str | None = None,
    channels: int | None = None,
    resize: str | None = None,
    background: str | None = None,
    mirror: bool = False,
    unreadable: str | None = None,
    condition: Given = None,
    group_by: str | None = None,
) -> SeekableDataset:
    """Load a data set as batches for Algorithm 1, one epoch per iteration.

    A batch holds the `discriminator_steps` minibatches of `batch_size` rows of one training step.
    No two minibatches of an epoch share a row; the rows that do not fill a batch are dropped.
    Images of at most 1 GiB as uint8 are decoded once and kept in memory. Others are read in each
    epoch: those of TFDS through a shuffle buffer of 256 MiB, files of a directory in an order of
    their own.

    Args:
        source: the name of any image data set of TensorFlow Datasets ('mnist',
            'cycle_gan/horse2zebra'), a TFDS builder, the bundled 'digits', or a density:
            'gaussian', 'ring', 'grid'. 'stacked_' before a data set of grey images stacks three
            random ones as the channels of one image: 'stacked_mnist' is the StackedMNIST of 1,000
            modes. 'bouncing_' moves two of them over each other: 'bouncing_mnist', with
            `condition='previous_frames'`. Or a directory of pictures, as a path object or a string
            ('./my_pictures'): PNG, JPEG, GIF, BMP and WebP files of any size and mode, at any
            depth.
        split: split or slice of one, such as 'train[:50%]'. A density has 100,000 points in
            'train' and 10,000 in 'test'. Stacks are 128,000 in 'train' and 26,000 in 'test', always
            the same ones, of images of that split; videos of bouncing images are 100,000 and
            10,000. A directory has the splits 'train' and 'test' that its sub-folders of these
            names hold; without these, a hash of each picture's path puts one of ten into 'test'
            (see `group_by`).
        batch_size: rows of one minibatch, m.
        discriminator_steps: minibatches in a batch, k.
        image_size: side of a square or (height, width) in pixels. None keeps the native size; for a
            directory, where the pictures differ or are larger than 64 pixels, it means 64.
        value_range: the pixel value range: what 0 and 255 become; None means (-1, 1). Points of a
            density are not scaled.
        shuffle: whether each epoch has its own random order; False keeps the order of TFDS, or that
            of the sorted paths of a directory.
        seed: seed of the orders; None means 0. Step t of `kgan.GAN.fit` receives batch t of an
            endless sequence of epochs that follows from the seed alone. Iterating over the data set
            yields the next epoch of that sequence.
        data_dir: directory of prepared data sets; None means TFDS's default,
            ~/tensorflow_datasets.
        download: whether a data set that is not prepared may be downloaded. False never touches
            the network.
        with_labels: whether to return pairs of images and labels, for conditional networks. The
            labels are the feature 'label', or else the only class label; of a directory, the rows
            of its sub-folders, sorted by name.
        image: name of the feature that is the image, dotted when nested ('camera.left'). None means
            the feature 'image', or else the only one of uint8 images; segmentation masks are none.
        label: name of the feature that is the label, dotted when nested; only with `with_labels`.
        channels: 1 (grey), 3 (colour) or 4 (colour and transparency). None means those of the
            images, without transparency.
        resize: how images get another aspect ratio: 'crop' (None) takes the largest centred piece,
            'pad' adds background, 'stretch' distorts. All are bilinear and antialiased.
        background: what transparent pixels are laid over, and what padding is: 'white' (None),
            'black', or a colour such as '#ff8800'.
        mirror: whether each image is mirrored with probability a half, left for right. Which ones
            follows from the seed and the place in the sequence.
        unreadable: what to do with files of a directory that cannot be decoded: 'error' (None)
            names them, 'skip' goes on as if they did not exist.
        condition: what each image comes with. 'label' is the same as `with_labels=True`. Another
            image, in the same value range: 'edges' (outlines), 'low_resolution' and
            'low_resolution_x2' (a quarter and half of each side), 'grey', 'masked' and
            'masked_half' (with a further channel: which pixels are given), or a
            `kgan.conditions.Condition`. Or given images, for the pictures of a directory: another
            directory with a picture of the same name for each, in another format perhaps; or
            'left_half' or 'right_half' of pictures that hold the condition and the image side by
            side. They are read as the images are, and mirrored with them. Of videos,
            'previous_frames': each frame comes with the three before it as channels.
        group_by: for a directory whose splits are not folders: pictures whose file names are equal
            up to this text are of one group, which is wholly in 'train' or in 'test'. With '_',
            'anna_1.png' and 'anna_2.png' are not on two sides.

    Returns:
        A finite, prefetched `tf.data.Dataset` of float32 [discriminator_steps * batch_size, height,
        width, channels], or [..., dim] for a density, of known cardinality; with labels, of pairs
        of these and int32 [discriminator_steps * batch_size]; with a condition, of pairs (images,
        conditions). It can seek, which `kgan.GAN.fit` uses to resume; a data set derived from it by
        `map` or `take` cannot.

    Raises:
        ValueError: an argument is unusable, the split is smaller than one batch, or the data
            set lacks what was asked for: uint8 images, one size or an `image_size`, one channel to
            stack, labels, pictures.
        FileNotFoundError: the data set is absent and cannot be downloaded, or there is no such
            directory.
        OSError: `data_dir` is a file or cannot be read, or pictures are unreadable.

    Example:
        ```python
        images = kgan.data.load("digits", batch_size=100)
        len(images)  # 14 batches of float32 [100, 8, 8, 1] in [-1, 1]
        ```
    """
    minibatches = positive_integer("discriminator_steps", discriminator_steps)
    rows = positive_integer("batch_size", batch_size) * minibatches
    switches = {"shuffle": shuffle, "mirror": mirror, "with_labels": with_labels}
    for argument, value in {**switches, "download": download}.items():
        one_of(argument, value, (False, True))
    own = 0 if seed is None else single_seed("seed", seed)
    order, mirrored = own if shuffle else None, own if mirror else None
    how = loaders.Batches(rows, minibatches, order, mirrored)
    wanted = Form(
        (1, 1),  # not known yet
        checked_channels(channels),
        checked_choice("resize", resize or "crop", RESIZES),
        colour(background),
    )
    checked_choice("unreadable", unreadable or "error", ("error", "skip"))
    if isinstance(condition, str) and condition == "label":
        with_labels, condition = True, None
    found_condition = find_condition(condition)
    if found_condition is not None and with_labels:
        raise ValueError(
            "Invalid value for argument `condition`: expected None beside `with_labels=True`, as "
            f"an image has one condition, received {condition!r}."
        )
    if label is not None and not with_labels:
        raise ValueError(
            "Invalid value for argument `label`: expected None where labels are not asked for "
            f"(`with_labels=True` asks for them), received {label!r}."
        )
    directory = picture_directory(source, data_dir)
    of_images = {
        **{"image_size": image_size, "value_range": value_range, "image": image},
        **{"channels": channels, "resize": resize, "background": background},
        **{"mirror": mirror or None, "condition": condition, "group_by": group_by},
        "unreadable": unreadable,
    }
    if isinstance(source, str) and directory is None:
        if with_labels:
            check_has_labels(source, source not in DENSITIES and made_of(source) == source)
        if source in DENSITIES:
            check_none(f"it is for images; expected None for the density {source!r}", **of_images)
            points = loaders.load_density(source, split, how)
            points.loaded_from = {"dataset": source, "split": split, "image_size": None}
            return points
        if source.startswith(PREFIX):
            check_none(
                f"expected None for {source!r}, whose channels are images", channels=channels
            )
        if source.startswith(bouncing.PREFIX):
            check_none(
                f"expected None for {source!r}, whose frames follow from its images",
                channels=channels,
                image_size=image_size,
            )
            if found_condition != PREVIOUS_FRAMES:
                raise ValueError(
                    "Invalid value for argument `condition`: expected 'previous_frames' for "
                    f"{source!r}, which are videos, received {condition!r}."
                )
    low, high = bounds("value_range", value_range) or (-1.0, 1.0)
    how = dataclasses.replace(how, scale=_scaler(low, high))
    if directory is not None:
        frames = condition if found_condition == PREVIOUS_FRAMES else None
        of_tfds = {"image": image, "label": label, "data_dir": data_dir, "condition": frames}
        check_none(
            f"it is for data sets of TFDS; expected None for the directory of pictures {directory}",
            **of_tfds,
        )
        pairing = found_condition if isinstance(found_condition, Pairing) else None
        pictures = find_pictures(
            directory, image_size, wanted, with_labels, unreadable == "skip", pairing, group_by
        )
        dataset = loaders.load_folder(pictures, split, how)
    else:
        given = condition if isinstance(found_condition, Pairing) else None
        check_none(
            "it is for a directory of pictures; expected None for a data set of TFDS",
            **{"unreadable": unreadable, "group_by": group_by, "condition": given},
        )
        assert not isinstance(source, os.PathLike)
        bounces = isinstance(source, str) and source.startswith(bouncing.PREFIX)
        videos = found_condition == PREVIOUS_FRAMES and not bounces
        found = find_images(source, image_size, with_labels, data_dir, image, label, wanted, videos)
        prepare(found.builder, download)
        loads = {PREFIX: loaders.load_stacks, bouncing.PREFIX: loaders.load_bouncing}
        prefix = found.name.removesuffix(made_of(found.name))
        batches = loads.get(prefix, loaders.load_videos if videos else loaders.load_images)
        dataset = batches(found, split, how)
        if found.label is not None:
            dataset.class_names = tuple(found.label.connector.names)
    dataset.value_range = (low, high)
    if isinstance(directory or source, str | os.PathLike):  # else a builder, which has no name
        dataset.loaded_from = {
            **{"dataset": os.fspath(directory or source), "split": split},
            **{"image": image, "label": label, "channels": wanted.channels, "resize": resize},
            **{"background": background, "unreadable": unreadable},
            "image_size": _plain_size(image_size),
            **({} if group_by is None else {"group_by": group_by}),
        }
        if isinstance(found_condition, Pairing):
            dataset.loaded_from["condition"] = found_condition.name
        elif found_condition == PREVIOUS_FRAMES:
            dataset.loaded_from["condition"] = PREVIOUS_FRAMES
    if not isinstance(found_condition, conditions.Condition):
        return dataset
    return dataset.conditioned(found_condition, _pairs(found_condition, low, high))


def _plain_size(image_size: int | Sequence[int] | None) -> int | str | None:
    """Return a size as a file of JSON and a flag hold it: 48, or '48,40' of height and width."""
    if isinstance(image_size, Sequence):
        return ",".join(str(int(side)) for side in image_size)
    return None if image_size is None else int(image_size)


def _pairs(
    condition: conditions.Condition, low: float, high: float
) -> Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
    """Return the function that adds the conditions to images, both in the value range."""

    def pairs(images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        made = condition((images - low) / (high - low))
        return images, low * (1.0 - made) + high * made

    return pairs


def _scaler(low: float, high: float) -> Callable[[tf.Tensor], tf.Tensor]:
    """Return the function that maps pixels 0 to 255 to a value range."""

    def scale(pixels: tf.Tensor) -> tf.Tensor:
        weight = tf.cast(pixels, tf.float32) / 255.0
        return low * (1.0 - weight) + high * weight  # exact at both ends

    return scale
