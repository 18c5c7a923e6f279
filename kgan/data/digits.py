"""The bundled data set `digits`, which TensorFlow Datasets prepares without a network."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import tensorflow_datasets as tfds

_DESCRIPTION = """\
1,797 handwritten digits as 8x8 grey images: the copy that scikit-learn carries of the test set of
the UCI "Optical Recognition of Handwritten Digits" data. Each pixel counts the pen's pixels in a
4x4 block of the scanned bitmap, 0 to 16, here scaled to 0 to 255.
"""

_CITATION = """\
@misc{optical_recognition_of_handwritten_digits_80,
  author = {Alpaydin, E. and Kaynak, C.},
  title = {Optical Recognition of Handwritten Digits},
  year = {1998},
  howpublished = {UCI Machine Learning Repository},
  note = {https://doi.org/10.24432/C50P49}
}
"""

_TRAIN_IMAGES = 1437


class Digits(tfds.core.GeneratorBasedBuilder):
    """scikit-learn's handwritten digits: `image` uint8 [8, 8, 1] in [0, 255] and `label` 0 to 9.

    The splits follow the order of the file: `train` is its first 1,437 images (four fifths) and
    `test` its last 360. The file does not name the writers, so the same person may have written
    digits of both splits.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar[dict[str, str]] = {"1.0.0": "First release."}
    url_infos: ClassVar[dict[str, object]] = {}  # nothing to download

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description=_DESCRIPTION,
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(8, 8, 1)),
                    "label": tfds.features.ClassLabel(num_classes=10),
                }
            ),
            supervised_keys=("image", "label"),
            homepage="https://archive.ics.uci.edu/dataset/80",
            citation=_CITATION,
        )

    def _split_generators(self, dl_manager):
        from sklearn.datasets import load_digits  # slow to import, and needed only to prepare

        images, labels = load_digits(return_X_y=True)
        images = np.rint(images.reshape(-1, 8, 8, 1) * (255 / 16)).astype(np.uint8)
        return {
            "train": self._generate_examples(images[:_TRAIN_IMAGES], labels[:_TRAIN_IMAGES]),
            "test": self._generate_examples(images[_TRAIN_IMAGES:], labels[_TRAIN_IMAGES:]),
        }

    def _generate_examples(self, images, labels):
        for key, (image, label) in enumerate(zip(images, labels, strict=True)):
            yield key, {"image": image, "label": label}
