"""What the tests of variants share: a loss of nothing, and the check that a training resumes."""

import keras
import numpy as np

from kgan import checkpoint, losses


class Zero(losses.AdversarialLoss):
    """A game without an adversarial term, so that a variant's own terms stand alone."""

    def discriminator(self, real_logits, fake_logits):
        return 0.0 * real_logits

    def generator(self, real_logits, fake_logits):
        return 0.0 * fake_logits


def saved(gan, directory):
    """Write a game; return the one of its `.keras` file, and the arrays of its checkpoint."""
    checkpoint.write(directory / "a.npz", gan, {})
    gan.save(directory / "a.keras")
    return keras.models.load_model(directory / "a.keras"), checkpoint.read(directory / "a.npz")[0]


def assert_goes_on(trained, again, arrays, fit):
    """Train a game that is `saved`, and what was read of it, by `fit`: all end with the same bits.

    From the file of Keras first, then from the checkpoint.
    """
    assert type(again) is type(trained)
    before = trained.get_weights()
    fit(trained)
    end = trained.get_weights()
    assert any((one != other).any() for one, other in zip(before, end, strict=True))
    for restored in (False, True):
        if restored:
            checkpoint.restore(again, arrays)
        fit(again)
        for one, other in zip(end, again.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)
