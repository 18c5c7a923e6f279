"""The bundled data set `digits`."""

import socket

import numpy as np
import pytest
import tensorflow_datasets as tfds
from sklearn.datasets import load_digits

from kgan.data import load


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


def _by_content(images):
    flat = np.asarray(images, np.int64).reshape(len(images), -1)
    return flat[np.lexsort(flat.T)]


@pytest.mark.parametrize("download", [True, False])
def test_prepares_without_a_network(no_network, tmp_path, download):
    images = load("digits", data_dir=tmp_path, download=download)
    assert images.cardinality() == 14
    assert (tmp_path / "digits").is_dir()


@pytest.mark.usefixtures("no_network")
def test_pixels_labels_and_splits_are_scikit_learns(tmp_path):
    pixels, labels = load_digits(return_X_y=True)
    for split, rows in [("train", slice(None, 1437)), ("test", slice(1437, None))]:
        examples, info = tfds.load(
            "digits", split=split, data_dir=tmp_path, batch_size=-1, with_info=True
        )
        images = examples["image"].numpy()
        assert (images.dtype, images.shape[1:]) == (np.uint8, (8, 8, 1))
        # 0..16 to 0..255 rounded: 16 is 255 and 8, half way at 127.5, is 128.
        expected = np.floor(pixels[rows] * 255 / 16 + 0.5)
        np.testing.assert_array_equal(_by_content(images), _by_content(expected))
        np.testing.assert_array_equal(
            np.bincount(examples["label"]), np.bincount(labels[rows].astype(int))
        )
    assert "scikit-learn" in info.description
    assert "Alpaydin" in info.citation
    assert info.homepage.startswith("https://archive.ics.uci.edu")
