"""Games that train nothing: called, and on single batches."""

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


def test_single_batches_use_the_averages():
    gan = kgan.GAN(
        kgan.networks.MLPGenerator((8, 8, 1), 4, (6,)),
        kgan.networks.MLPDiscriminator((8, 8, 1), (6,)),
        kgan.priors.Normal(4),
        ema_decay=0.9,
    )
    gan.compile("adam", "adam")
    images = np.random.default_rng(0).uniform(-1, 1, (8, 8, 8, 1)).astype("float32")
    gan.fit(images, batch_size=4, verbose=0)
    latents = gan.prior.sample(6, 0).numpy()
    np.testing.assert_array_equal(gan.predict_on_batch(latents), gan.predict(latents, verbose=0))
    assert np.abs(gan.predict_on_batch(latents) - gan(latents)).max() > 1e-4
    expected = gan.evaluate(images, batch_size=8, verbose=0, return_dict=True)
    gan.reset_metrics()
    assert gan.test_on_batch(images, return_dict=True) == expected
