"""Data sets of tests: the real MNIST where it is prepared, and some made up as TFDS has them."""

import os
import pathlib

import numpy as np
import pytest
import tensorflow_datasets as tfds
from sklearn.datasets import load_digits


def mnist():
    """Images uint8 `[n, 28, 28, 1]` and labels of MNIST, by split; skip where it is absent."""
    directory = os.environ.get("KGAN_TEST_DATA_DIR")
    if not directory:
        pytest.skip("KGAN_TEST_DATA_DIR does not name a directory where mnist is prepared")
    builder = tfds.builder("mnist", data_dir=directory)
    return tfds.as_numpy(builder.as_dataset(batch_size=-1, as_supervised=True))


def batches(dataset, begin=0, count=None):
    """The images, or images and labels, of a data set's batches from step `begin` on."""
    from_position = dataset.from_position(dataset.steps)
    dataset.seek(begin, dataset.steps - begin if count is None else count)
    return list(from_position.as_numpy_iterator())


def write_small_mnist(data_dir):
    """Write a data set that TFDS takes for MNIST: scikit-learn's 1,797 digits, enlarged."""
    pixels, labels = load_digits(return_X_y=True)
    large = (pixels.reshape(-1, 8, 8) * 15.9).astype("uint8").repeat(3, 1).repeat(3, 2)
    images = np.pad(large, ((0, 0), (2, 2), (2, 2)))[..., None]
    rows = [{"image": image, "label": label} for image, label in zip(images, labels, strict=True)]
    tfds.dataset_builders.store_as_tfds_dataset(
        name="mnist",
        version=str(tfds.builder("mnist", data_dir=data_dir).version),
        features=tfds.features.FeaturesDict(
            {
                "image": tfds.features.Image(shape=(28, 28, 1)),
                "label": tfds.features.ClassLabel(num_classes=10),
            }
        ),
        split_datasets={
            "train": list(enumerate(rows[:1500])),
            "test": list(enumerate(rows[1500:])),
        },
        data_dir=data_dir,
        disable_shuffling=True,
    )


def describe_cifar10(data_dir, examples=50):
    """Write what TFDS needs to open CIFAR-10 for training; `mock_data` makes the images."""
    builder = tfds.builder("cifar10", data_dir=data_dir)
    template = tfds.core.ShardedFileTemplate(
        data_dir=builder.data_path, dataset_name="cifar10", filetype_suffix="tfrecord"
    )
    train = tfds.core.SplitInfo("train", [examples], num_bytes=1, filename_template=template)
    builder.info.set_splits(tfds.core.SplitDict([train]))
    pathlib.Path(builder.data_path).mkdir(parents=True)
    builder.info.write_to_directory(builder.data_path)


def store(data_dir, name, features, examples, config=None):
    """Write a data set without code, one split `train` in one file; return the path of the file."""
    builder = tfds.dataset_builders.store_as_tfds_dataset(
        name=name,
        version="1.0.0",
        features=tfds.features.FeaturesDict(features),
        split_datasets={"train": list(enumerate(examples))},
        config=config,
        data_dir=data_dir,
        disable_shuffling=True,
    )
    (path,) = builder.info.splits["train"].filepaths
    return pathlib.Path(path)
