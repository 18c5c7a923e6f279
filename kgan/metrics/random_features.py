"""Features of an untrained convolutional network with reproducible random weights."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from kgan.metrics.extractor import Extractor, fingerprint

__all__ = ["RandomConvolutional"]


class RandomConvolutional(Extractor):
    """An untrained convolutional network, equal on every machine and in every version.

    It has three blocks of 3x3 convolution, ReLU and 2x2 average pooling, with 32, 64 and 128
    channels. The features are the means over the image after each ReLU, 224 in all. They capture
    texture, stroke and contrast at three scales, not the content of the images.

    The weights are uniform on +-sqrt(6 / fan_in) (He et al. 2015, arXiv 1502.01852, eq. 10). They
    are words of a Philox generator, whose sequence is stable across NumPy versions, times powers of
    two and one root, so their rounding does not depend on the machine. The sums of the convolutions
    may differ in the last bits of float32.

    Args:
        image_shape: (height, width, channels), both sides at least 4.
        seed: selects the weights; not negative.

    Example:
        ```python
        features = kgan.metrics.RandomConvolutional((28, 28, 1))
        real = features((images + 1) / 2)  # float32 [n, features]; images in [0, 1]
        ```
    """

    WIDTHS = (32, 64, 128)

    def __init__(self, image_shape: Sequence[int], seed: int = 0):
        height, width, channels = image_shape
        if min(height, width) < 4:
            raise ValueError(
                "Invalid value for argument `image_shape`: expected sides of at least 4 pixels, "
                f"which can be halved twice, received {tuple(image_shape)}. Choose 'pixels'."
            )
        self.name = "random"
        self.shapes = [(height, width, channels)]
        kernels = _random_kernels(channels, self.WIDTHS, seed)
        configuration = {"name": self.name, "shape": [height, width, channels]}
        self.fingerprint = fingerprint(configuration, kernels)
        signature = [tf.TensorSpec([None, height, width, channels], tf.float32)]
        self._network = tf.function(
            lambda images: _network(images, kernels), signature, autograph=False
        )

    def _extract(self, images: np.ndarray) -> np.ndarray:
        return self._network(images).numpy()


def _network(images: tf.Tensor, kernels: Sequence[np.ndarray]) -> tf.Tensor:
    x, means = 2.0 * images - 1.0, []
    for kernel in kernels:
        x = tf.nn.relu(tf.nn.conv2d(x, kernel, 1, "SAME"))
        means.append(tf.reduce_mean(x, axis=(1, 2)))
        x = tf.nn.avg_pool2d(x, 2, 2, "SAME")
    return tf.concat(means, axis=1)


def _random_kernels(channels: int, widths: Sequence[int], seed: int) -> list[np.ndarray]:
    """Return float32 `[3, 3, in, out]` for each width."""
    words = np.random.Philox(key=seed)
    kernels = []
    for width in widths:
        fan_in = 9 * channels
        unit = (words.random_raw(fan_in * width) >> np.uint64(11)) * 2.0**-52 - 1.0  # in [-1, 1)
        kernel = np.sqrt(6 / fan_in) * unit.reshape(3, 3, channels, width)
        kernels.append(kernel.astype(np.float32))
        channels = width
    return kernels
