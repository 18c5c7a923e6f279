"""A game that is called, without being told how."""

import numpy as np

import kgan


def test_a_game_that_is_called_infers():
    generator = kgan.networks.DCGANGenerator((8, 8, 1), 4, filters=2)
    gan = kgan.GAN(
        generator, kgan.networks.DCGANDiscriminator((8, 8, 1), filters=2), kgan.priors.Normal(4)
    )
    latents = gan.prior.sample(6, 0)
    expected = generator(latents, training=False)
    before = [weight.numpy() for weight in generator.non_trainable_variables]
    np.testing.assert_array_equal(gan(latents), expected)
    for old, new in zip(before, generator.non_trainable_variables, strict=True):
        np.testing.assert_array_equal(new, old)
    assert np.abs(gan(latents, training=True) - expected).max() > 1e-3
