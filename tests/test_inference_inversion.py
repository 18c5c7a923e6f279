"""The search for latents finds what is known, stays within the prior, and refuses the rest."""

import keras
import numpy as np
import pytest

import kgan
from kgan.inference import Generator, KerasGenerator, invert
from kgan.inference.loading import load
from kgan.networks import MLPDiscriminator, MLPEncoder, MLPGenerator

SHAPE, LATENT = (4, 4, 1), 2


def game(prior=None, cls=kgan.GAN, **options):
    keras.utils.set_random_seed(0)
    seen = (16 + LATENT,) if cls is kgan.variants.BiGAN else SHAPE
    classes = options.pop("num_classes", None)
    if cls is kgan.variants.BiGAN:
        options["encoder"] = MLPEncoder(SHAPE, LATENT, units=(8,))
    return cls(
        generator=MLPGenerator(SHAPE, LATENT, units=(16,), num_classes=classes),
        discriminator=MLPDiscriminator(seen, units=(4,), num_classes=classes),
        prior=prior or kgan.priors.Normal(LATENT),
        **options,
    )


def loaded(gan, tmp_path):
    if not gan.built:
        gan.build()
    gan.save(tmp_path / "game.keras")
    return load(tmp_path / "game.keras")


@pytest.mark.parametrize(
    "prior", [kgan.priors.Normal(LATENT), kgan.priors.Uniform(LATENT)], ids=["normal", "uniform"]
)
def test_samples_are_found_again(prior, tmp_path):
    """Two latents and 16 pixels: each sample has its own, which the search comes back to.

    Without a step it has the best of its draws.
    """
    generator = loaded(game(prior), tmp_path)
    images = generator.sample(20, seed=3)
    counted = []
    found = invert(generator, images, steps=200, seed=1, progress=counted.append)
    assert found.errors.max() < 1e-6 < 1e-4 < found.start_errors.mean()
    assert np.abs(found.latents - prior.sample(20, 3)).max() < 0.01
    np.testing.assert_allclose(found.images, images, atol=2e-3)
    assert not found.encoded
    assert sum(counted) == 20 * 4 * 201


@pytest.mark.parametrize(
    ("prior", "deviation"),
    [(kgan.priors.Normal(LATENT), 1), (kgan.priors.Uniform(LATENT, -9, 9), 27**0.5)],
    ids=["normal", "uniform"],
)
def test_the_first_step_is_that_of_adam(prior, deviation, tmp_path):
    """Whatever the gradient, each latent moves by the learning rate (Kingma & Ba 2015, alg. 1)."""
    generator = loaded(game(prior), tmp_path)
    images = generator.sample(20, seed=3)
    found = invert(generator, images, steps=1, starts=1, learning_rate=0.01, seed=1)
    moved = np.abs(found.latents - prior.sample(20, 1))
    better = found.errors < found.start_errors
    assert better.sum() > 15
    np.testing.assert_allclose(moved[better], 0.01 * deviation, rtol=1e-3)


def test_an_image_is_searched_for_by_itself(tmp_path):
    generator = loaded(game(), tmp_path)
    images = generator.sample(3, seed=3)
    alone = invert(generator, images[:1], steps=20)
    together = invert(generator, images, steps=20)
    np.testing.assert_allclose(alone.latents[0], together.latents[0], atol=1e-5)
    np.testing.assert_allclose(alone.errors[0], together.errors[0], rtol=1e-3)
    # The errors are those of the images returned.
    again = np.square(together.images - images).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(together.errors, again, rtol=1e-3, atol=1e-9)
    other = invert(generator, images, steps=20, seed=5)
    assert np.abs(other.start_errors - together.start_errors).max() > 1e-5


def test_latents_of_a_uniform_prior_stay_within_its_ends(tmp_path):
    """Images of latents beyond them: those of a normal prior are found, these are not."""
    beyond = np.full((4, LATENT), 2.0, np.float32)
    kept = []
    for prior in (kgan.priors.Uniform(LATENT, -1, 1), kgan.priors.Normal(LATENT)):
        generator = loaded(game(prior), tmp_path)
        found = invert(generator, generator(beyond), steps=200)
        kept.append((np.abs(found.latents).max(), found.errors.max()))
    assert kept[0][0] <= 1 < kept[1][0]
    assert kept[1][1] < 0.1 * kept[0][1], kept


def test_the_search_begins_at_the_encoders_latents(tmp_path):
    gan = game(kgan.priors.Uniform(LATENT, -1, 1), kgan.variants.BiGAN)
    generator = loaded(gan, tmp_path)
    images = np.random.default_rng(0).uniform(0, 1, (5, *SHAPE)).astype("float32")
    found = invert(generator, images, steps=50)
    assert found.encoded
    expected = np.square(generator.reconstruct(images) - images).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(found.start_errors, expected, rtol=1e-4)
    # Never worse than the start, even where the encoder left the range of the prior.
    assert (found.errors <= found.start_errors).all()
    assert found.errors.mean() < 0.95 * found.start_errors.mean()


def test_a_conditional_generator_is_asked_for_a_class(tmp_path):
    generator = loaded(game(num_classes=3), tmp_path)
    labels = np.array([2, 0, 1], "int32")
    images = generator.sample(3, 0, labels)
    found = invert(generator, images, steps=200, labels=labels)
    assert found.errors.max() < 1e-5
    wrong = invert(generator, images, steps=200, labels=(labels + 1) % 3)
    assert wrong.errors.mean() > 10 * found.errors.mean()
    for given, sentence in (
        (None, r"`labels`: expected the class of each image, as the generator is conditional, rec"),
        ([0, 1], r"`labels`: expected 3 integers from 0 to 2"),
        ([0, 1, 3], r"`labels`: expected 3 integers from 0 to 2"),
        ([0.0, 1.0, 2.0], r"`labels`: expected 3 integers from 0 to 2"),
    ):
        with pytest.raises(ValueError, match=sentence):
            invert(generator, images, labels=given)


def test_points_are_inverted(tmp_path):
    keras.utils.set_random_seed(0)
    gan = kgan.GAN(
        MLPGenerator((3,), 3, units=(8,), value_range=None),
        MLPDiscriminator((3,), units=(4,)),
        kgan.priors.Normal(3),
    )
    generator = loaded(gan, tmp_path)
    assert invert(generator, generator.sample(4), steps=200).errors.max() < 1e-4


def test_what_cannot_be_searched_is_refused(tmp_path):
    gan = game()
    images = np.zeros((2, *SHAPE), np.float32)
    gan.export(tmp_path / "1", verbose=False)
    with pytest.raises(ValueError, match=r"1 has no gradients, .*received a SavedModel"):
        invert(load(tmp_path / "1"), images)
    generator = loaded(gan, tmp_path)
    for given, sentence in (
        (images[:, :2], r"`images`: expected \[n, 4, 4, 1\], .*received shape \(2, 2, 4, 1\)"),
        (images[:0], r"`images`: expected \[n, 4, 4, 1\]"),
        (images + 200, r"`images`: .*in \[0, 1\], received values from 200 to 200"),
        (2 * np.eye(4).reshape(1, *SHAPE), r"received values from 0 to 2"),
        (1 - 2 * np.eye(4).reshape(1, *SHAPE), r"received values from -1 to 1"),
        (images * np.nan, r"`images`: .*finite"),
    ):
        with pytest.raises(ValueError, match=sentence):
            invert(generator, given)
    for name, value in (("steps", 0), ("starts", 0), ("learning_rate", 0)):
        with pytest.raises(ValueError, match=f"`{name}`: expected"):
            invert(generator, images, **{name: value})
    with pytest.raises(ValueError, match="`labels`: expected None, as it is not conditional"):
        invert(generator, images, labels=[0, 1])
    gan.generator.save(tmp_path / "generator.keras")
    with pytest.raises(ValueError, match="does not record the prior"):
        invert(load(tmp_path / "generator.keras"), images)
    translating = kgan.networks.UNetGenerator((8, 8, 1), (8, 8, 1), latent_dim=0, filters=2)
    network = KerasGenerator(translating, kgan.priors.NoLatents())
    unet = Generator(
        "keras",
        tmp_path,
        network.function(),
        0,
        network.prior,
        network=network,
        condition_shape=(8, 8, 1),
    )
    with pytest.raises(ValueError, match="translates images, and has no latents"):
        invert(unet, images)
