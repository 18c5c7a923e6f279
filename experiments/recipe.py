"""Change one thing of the published MNIST recipe of 2014 at a time.

    python -m experiments.recipe [--only=REGEX] [--seeds=0,1] [--steps=3000] [--data_dir=DIR]

Trains the preset goodfellow2014_mnist unchanged and with each of the changes below. Each run prints
one line of JSON:

- `d_fake`, `d_accuracy`: mean of D(G(z)) and accuracy of D over each 500 steps;
- `sigmoid_derivative`: mean of x (1 - x) over 1,000 samples x in [0, 1]. It is the derivative of
  the output sigmoid, through which every gradient of G passes;
- `pixel_deviation`: standard deviation of a pixel over these samples, averaged over pixels.

Numbers that are not finite are null. docs/recipe_2014.md shows the table.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import keras
import tensorflow as tf

import kgan
from experiments import program
from kgan import data, networks, priors
from kgan.losses import NonSaturating
from kgan.optimizers import RisingMomentum
from kgan.utils.types import JsonDict

EVERY = 500  # steps in an epoch of the logs
LATENT_DIM = 100
BATCH_SIZE = 100
RISE = 250  # epochs in which the momentum rises


@dataclasses.dataclass(frozen=True)
class Recipe:
    """The published recipe; each change replaces one field.

    Attributes:
        value_range: lowest and highest pixel value.
        generator_learning_rate: of the first update.
        discriminator_learning_rate: of the first update.
        momentum: at first, and after 250 epochs.
        generator_range: the first weights of G are uniform in plus or minus this.
        discriminator_range: the same for D.
        prior: distribution of the latent points.
        mean_bias: whether the output bias of G starts at the mean image; else at 0.
        input_dropout: dropout rate of the images that D sees.
        hidden_dropout: dropout rate of its hidden layers.
        game: the class that trains.
        loss: the adversarial loss.
        delayed: whether D's update is applied after G's.
    """

    value_range: tuple[float, float] = (0.0, 1.0)
    generator_learning_rate: float = 0.1
    discriminator_learning_rate: float = 0.1
    momentum: tuple[float, float] = (0.5, 0.7)
    generator_range: float = 0.05
    discriminator_range: float = 0.005
    prior: priors.Prior = dataclasses.field(default_factory=lambda: priors.Uniform(LATENT_DIM))
    mean_bias: bool = True
    input_dropout: float = 0.2
    hidden_dropout: float = 0.5
    game: type[kgan.GAN] = kgan.GAN
    loss: kgan.losses.AdversarialLoss = dataclasses.field(
        default_factory=lambda: NonSaturating(discriminator_weight=0.5)
    )
    delayed: bool = False

    def make_gan(self, images: tf.data.Dataset, seed: int, width: int = 1200) -> kgan.GAN:
        """Return the compiled game for batches of `images`; `width` is that of G's layers."""
        image_shape = tuple(images.element_spec.shape[1:])
        # Each takes its seed from Keras here, in the order in which the program makes them.
        for_g, for_d = map(_uniform, (self.generator_range, self.discriminator_range))
        generator = networks.MLPGenerator(
            image_shape,
            LATENT_DIM,
            units=(width, width),
            value_range=self.value_range,
            kernel_initializer=for_g,
        )
        discriminator = networks.MLPDiscriminator(
            image_shape,
            units=(240, 240),
            maxout_pieces=5,
            input_dropout=self.input_dropout,
            hidden_dropout=self.hidden_dropout,
            kernel_initializer=for_d,
        )
        gan = self.game(generator, discriminator, self.prior, seed=seed)
        for_discriminator = DelayedMomentum if self.delayed else RisingMomentum
        rise = RISE * len(images)
        gan.compile(
            RisingMomentum(self.generator_learning_rate, rise, self.momentum),
            for_discriminator(self.discriminator_learning_rate, rise, self.momentum),
            loss=self.loss,
        )
        if self.mean_bias:
            generator.start_at_mean(data.mean_image(images))
        return gan


def _uniform(limit: float) -> keras.initializers.Initializer:
    return keras.initializers.RandomUniform(-limit, limit)


class NoObjectiveForG(NonSaturating):
    """The non-saturating loss for D, and a loss of 0 for G."""

    def generator(self, real_logits: tf.Tensor | None, fake_logits: tf.Tensor) -> tf.Tensor:
        return tf.zeros_like(NonSaturating().generator(real_logits, fake_logits))


class NoDropoutForG(kgan.GAN):
    """A game in which G learns from D without dropout, and D with it.

    Its loss is `NoObjectiveForG`: the objective of G is the further term.
    """

    def generator_term(
        self,
        samples: tf.Tensor,
        latents: tf.Tensor,
        condition: tf.Tensor | None,
        images: tf.Tensor,
    ) -> tf.Tensor:
        logits = self.discriminator(samples, training=False)
        return tf.reduce_mean(NonSaturating().generator(None, logits))


class DelayedMomentum(RisingMomentum):
    """`RisingMomentum` that keeps its update until `apply_delayed` is called in the same step."""

    def apply(
        self,
        grads: Sequence[tf.Tensor],
        trainable_variables: Sequence[keras.Variable] | None = None,
    ) -> None:
        self._delayed = grads, trainable_variables

    def apply_delayed(self) -> None:
        """Apply the update of this step."""
        super().apply(*self._delayed)


class Simultaneous(kgan.GAN):
    """A game in which G's update sees D as it was before the step, as in the code of 2014."""

    def train_step(self, data: tf.Tensor) -> dict[str, tf.Tensor]:
        logs = super().train_step(data)
        self.discriminator_optimizer.apply_delayed()
        return logs


CHANGES: dict[str, JsonDict] = {
    "as published": {},
    "pixels from -1 to 1": {"value_range": (-1.0, 1.0)},
    "rates 0.03": {"generator_learning_rate": 0.03, "discriminator_learning_rate": 0.03},
    "rates 0.3": {"generator_learning_rate": 0.3, "discriminator_learning_rate": 0.3},
    "G's rate 0.3": {"generator_learning_rate": 0.3},
    "momentum 0": {"momentum": (0.0, 0.0)},
    "momentum 0.9": {"momentum": (0.9, 0.9)},
    "D begins within 0.05": {"discriminator_range": 0.05},
    "G begins within 0.02": {"generator_range": 0.02},
    "normal latents": {"prior": priors.Normal(LATENT_DIM)},
    # Their variance is a third; the published latents have variance 1.
    "latents within 1": {"prior": priors.Uniform(LATENT_DIM, low=-1.0, high=1.0)},
    "bias from 0": {"mean_bias": False},
    "no dropout in G's step": {
        "game": NoDropoutForG,
        "loss": NoObjectiveForG(discriminator_weight=0.5),
    },
    "no dropout": {"input_dropout": 0.0, "hidden_dropout": 0.0},
    "simultaneous": {"game": Simultaneous, "delayed": True},
}


def play(change: str, seed: int, steps: int, data_dir: str | None) -> JsonDict:
    """Train one game; return its logs of each 500 steps and the statistics of its samples."""
    recipe = Recipe(**CHANGES[change])
    images = data.load(
        "mnist",
        "train[:50000]",
        BATCH_SIZE,
        value_range=recipe.value_range,
        seed=seed,
        data_dir=data_dir,
    )
    keras.utils.set_random_seed(seed)
    gan = recipe.make_gan(images, seed)
    logs = gan.fit(images, steps_per_epoch=EVERY, epochs=steps // EVERY, verbose=0).history
    low, high = recipe.value_range
    pixels = (gan.sample(1000, seed=0) - low) / (high - low)
    curves = {
        name: [program.rounded(v, 4) for v in logs[name]] for name in ("d_fake", "d_accuracy")
    }
    return {
        "steps": len(logs["d_fake"]) * EVERY,
        **curves,
        "sigmoid_derivative": program.rounded(float((pixels * (1 - pixels)).mean()), 5),
        "pixel_deviation": program.rounded(float(pixels.std(axis=0).mean()), 4),
    }


def main() -> None:
    args = program.parser(__doc__, seeds="0,1", steps=3000).parse_args()
    for change in program.matching(CHANGES, args.only):
        for seed in args.seeds:
            found = play(change, seed, args.steps, args.data_dir)
            program.print_row("recipe", change=change, seed=seed, **found)


if __name__ == "__main__":
    main()
