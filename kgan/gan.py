"""The game: Algorithm 1 of Goodfellow et al. (2014), whole, as a Keras model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from kgan import losses
from kgan import penalties as penalties_module
from kgan.notebook import ShownGame
from kgan.priors import Prior
from kgan.runs import SavedRun
from kgan.saved_model import ExportedGame
from kgan.training import seeds
from kgan.training.condition import ConditionSpec
from kgan.training.discriminator_pass import DiscriminatorPass, power_iterations
from kgan.training.distribution import apply, check_scope, replicas, synchronize
from kgan.training.ema import ExponentialMovingAverage
from kgan.training.fitting import Fitting
from kgan.training.inference_mode import InferenceMode
from kgan.training.layer_losses import layer_losses, plus
from kgan.training.lazy_penalties import with_lazy_penalties
from kgan.training.metrics import GameMetrics, discriminator_metrics
from kgan.training.minibatches import Minibatch, network_inputs, split
from kgan.training.saving import SavedGame
from kgan.training.tracing import Retraced
from kgan.training.unchanged import unchanged
from kgan.training.validation import (
    build_discriminator,
    build_generator,
    build_optimizers,
    check_augmented_sides,
    check_built,
    check_fills_range,
    check_networks,
    check_options,
    check_schedules,
    shared_range,
    two_optimizers,
)
from kgan.training.variant_hooks import VariantHooks
from kgan.utils.checks import image_function, positive_integer, single_seed

__all__ = ["GAN"]

# From images and a seed to images of the same shape.
Augmentation = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


@keras.saving.register_keras_serializable(package="kgan")
class GAN(
    Fitting, SavedGame, SavedRun, ExportedGame, ShownGame, InferenceMode, Retraced, VariantHooks
):
    """A generator G, a discriminator D, and the game between them.

    One step of `fit` is one iteration of Algorithm 1: k updates of the discriminator, each on a
    minibatch of m fresh images and m fresh latents, then one update of the generator on m fresh
    latents. A batch of data holds the k * m images of a step.

    Every random draw is a pure function of (seed, step, update, replica), dropout inside the
    networks included, so a run can be repeated and resumed. The weights' initial values are the
    networks' own affair: call `keras.utils.set_random_seed` before making them.

    If the networks declare `num_classes`, the game is conditional (Mirza and Osindero 2014, arXiv
    1411.1784): the data are pairs of images and integer labels, G makes a sample for each label,
    and both networks are called with a list of two, `[latents, labels]` and `[images, labels]`.
    With `condition_shape` in the place of `num_classes`, the condition of an image is another
    image, in the same value range.

    Regularizers and `add_loss` of a network's layers are added to that network's loss, as in Keras.
    What D's layers add on data and on samples is summed.

    Logs (natural logarithms, means over the epoch):
        `d_loss`, `g_loss`: the losses that the two networks minimize, regularizers included.
        `d_real`, `d_fake`: mean D(x) on data and mean D(G(z)); both are 1/2 at equilibrium.
        `d_accuracy`: share of data and samples that D classifies correctly; 1/2 at equilibrium.
        `value`: the estimate V~ of the value function (eq. 1); -log 4 at equilibrium.
        `twice_jsd_bound`: 2 log 2 + V~, which estimates from below twice the Jensen-Shannon
            divergence between data and samples (Theorem 1); 0 at equilibrium.

    Args:
        generator: maps latents `[batch, latent_dim]` to images. Any `keras.Model` will do.
        discriminator: maps images to logits `[batch]`, `[batch, 1]`, or `[batch, height, width, 1]`
            of patches, whose mean counts. Any `keras.Model` will do.
        prior: distribution of the latents, from `kgan.priors`.
        discriminator_steps: k of Algorithm 1.
        ema_decay: None, or the decay per generator update, in [0, 1), of an exponential moving
            average (EMA) of the generator's weights (arXiv 1806.04498, eq. 2), which `sample`,
            `predict` and `evaluate` then use. At update t it is at most t / (t + 9), so the first
            weights are soon forgotten. A decay of 0.5 ** (batch / images) has a half-life of that
            many images. Normalization statistics are the generator's latest. The EMA is of the
            weights that are trained when the game is built: freeze any of them later, but make a
            new game of the same networks after unfreezing others, or `compile` refuses.
        augmentation: None, or a differentiable function of images and a seed, applied to data and
            samples alike before D, such as `kgan.augmentation.DiffAugment()`; with the same seed
            also to images that are their condition.
        packing: the number of examples that D sees at once (PacGAN, arXiv 1712.04086), stacked
            along the channels, with one logit for all. D is made for `packing` times the channels.
        seed: an integer from which all randomness of the training follows.
        value_range: `(low, high)`, the pixel values of data and samples. None takes the
            generator's own, else (-1, 1), or no bounds for points `[batch, dim]`.
            `(-math.inf, math.inf)` says that images have no bounds.

    Raises:
        ValueError: networks, prior and k do not fit each other.

    Example:
        ```python
        gan = kgan.GAN(
            generator=kgan.networks.MLPGenerator(image_shape=(28, 28, 1), latent_dim=100),
            discriminator=kgan.networks.MLPDiscriminator(image_shape=(28, 28, 1)),
            prior=kgan.priors.Uniform(100),
        )
        gan.compile("adam", "adam")
        gan.fit(kgan.data.load("mnist", batch_size=100), epochs=20)
        images = gan.sample(16, seed=0)
        ```
    """

    # Algorithm 1. `train_step` is one iteration of its outer loop; k is `discriminator_steps`.

    def train_step(self, data: Any) -> dict[str, tf.Tensor]:
        """Take one step: k updates of D and one of G, on k * m images. Return the logs."""
        minibatches = split(data, self.discriminator_steps, self.packing, self.num_classes)
        # At the end of the data, Keras runs one more step, on a batch that does not exist. It fails
        # where the images are read, so nothing may move before they are.
        with tf.control_dependencies([minibatch.images for minibatch in minibatches]):
            # "For k steps do": each update sees images and latents that no other update sees.
            d_metrics = [
                self._update_discriminator(minibatch, i) for i, minibatch in enumerate(minibatches)
            ]
            g_loss = self._update_generator(minibatches[-1])
            if self.ema is not None:
                self.ema.update(self.step_counter)
            d_means = tf.reduce_mean(d_metrics, axis=0)
            self.report.update_state(g_loss, d_means, minibatches[-1].size)
            self.step_counter.assign_add(1)
            return self.get_metrics_result()

    def _update_discriminator(self, minibatch: Minibatch, i: int) -> tf.Tensor:
        """Update D once, the step's update `i`, on m images and m samples. Return its metrics."""
        images, condition = minibatch
        update = self._update_number(i)  # decides every random draw below
        weights, optimizer = self.discriminator_variables, self.discriminator_optimizer
        # Draw m latents from the prior and map them to samples. G runs as in training, but this is
        # D's update: `unchanged` puts G's normalization statistics back.
        latents = self.prior.sample(minibatch.size, self._seed(seeds.LATENTS, update))
        with unchanged(self.generator, self._overwritten):
            self._seed_layers(update)
            samples = self.generator(
                network_inputs(self.generator, latents, condition), training=True
            )
            images, samples = self.seen(images), self.seen(samples, latents)
        samples = self.shown_samples(samples, update)
        discriminator = self._discriminator_pass(condition, update)
        power_iterations(self.discriminator)  # of spectral normalization: one an update of D

        def descent(penalties: Sequence[penalties_module.Penalty]) -> list[tf.Tensor]:
            """Return D's loss, its logits and the gradients. The samples are constants here."""
            with tf.GradientTape() as tape:
                real_logits, fake_logits = discriminator.logits(images, samples)
                # With the losses of 2014: -log D(x) - log(1 - D(G(z))), as D(x) = sigmoid(logit).
                loss = tf.reduce_mean(self.loss.discriminator(real_logits, fake_logits))
                loss *= self.discriminator_loss_weight
                if penalties:
                    seed = self._seed(seeds.PENALTIES, update)
                    loss += self.penalty_interval * discriminator.penalty(penalties, seed)
                term = self.discriminator_term(images, samples, condition, update)
                loss += tf.cast(term, loss.dtype)
                shared = self.shared_term(samples, latents, condition, update)
                loss += tf.cast(shared, loss.dtype)
                loss = plus(loss, discriminator.losses)  # regularizers, `add_loss`
                # Optimizers sum gradients over replicas; float16 needs a scaled loss.
                scaled_loss = optimizer.scale_loss(loss / replicas())
            return [loss, real_logits, fake_logits, *tape.gradient(scaled_loss, weights)]

        ordinal = tf.cast(self.step_counter, tf.int64) * self.discriminator_steps + i
        loss, real_logits, fake_logits, *gradients = with_lazy_penalties(
            descent, self.penalties, self.penalty_interval, ordinal, weights
        )
        apply(optimizer, gradients, weights)
        return discriminator_metrics(loss, real_logits, fake_logits)

    def _update_generator(self, minibatch: Minibatch) -> tf.Tensor:
        """Update G once on m samples. Return its loss.

        The samples have the condition of D's last minibatch, whose images only some losses use.
        """
        images, condition = minibatch
        update = self._update_number(self.discriminator_steps)
        weights, optimizer = self.generator_variables, self.generator_optimizer
        latents = self.prior.sample(minibatch.size, self._seed(seeds.LATENTS, update))
        discriminator = self._discriminator_pass(condition, update)
        # D runs as in training, dropout included, and does not move.
        with unchanged(self.discriminator, self._overwritten):
            self._seed_layers(update)
            real_logits = None
            with tf.GradientTape() as tape:
                samples = self.generator(
                    network_inputs(self.generator, latents, condition), training=True
                )
                if self.needs_real_logits or getattr(self.loss, "needs_real_logits", False):
                    real_logits = discriminator.real_logits(self.seen(images))
                losses_of_layers = layer_losses(self.generator)
                # The gradient flows through D's logits into G.
                fake_logits = discriminator.fake_logits(self.seen(samples, latents))
                loss = tf.reduce_mean(self.generator_loss(real_logits, fake_logits))
                term = self.generator_term(samples, latents, condition, images)
                term += self.shared_term(samples, latents, condition, update)
                loss += tf.cast(term, loss.dtype)
                loss = plus(loss, losses_of_layers)
                scaled_loss = optimizer.scale_loss(loss / replicas())
        apply(optimizer, tape.gradient(scaled_loss, weights), weights)
        return loss

    # A Keras model.

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        prior: Prior,
        discriminator_steps: int = 1,
        ema_decay: float | None = None,
        augmentation: Augmentation | None = None,
        packing: int = 1,
        seed: int = 0,
        value_range: tuple[float, float] | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        k = positive_integer("discriminator_steps", discriminator_steps, "It is k of Algorithm 1.")
        packing = positive_integer("packing", packing)
        check_networks(generator, discriminator, prior, packing)
        self.generator = generator
        self.discriminator = discriminator
        self.prior = prior
        self.discriminator_steps = k
        self.ema = None if ema_decay is None else ExponentialMovingAverage(ema_decay)
        self.augmentation = image_function("augmentation", augmentation)
        self.packing = packing
        self.condition = ConditionSpec.of(generator, discriminator)
        self.num_classes = self.condition.num_classes
        self.seed = single_seed("seed", seed)
        self._given_range = value_range
        self._overwritten: frozenset[int] = frozenset()
        self.report = GameMetrics()

    def build(self, input_shape: object = None) -> None:
        """Create the variables of both networks, once; `input_shape` is not needed."""
        if self.built:
            return
        packing = self.packing
        self.image_shape = build_generator(self.generator, self.prior.dim, self.condition)
        self.value_range = shared_range(self._given_range, self.generator, self.image_shape)
        check_fills_range(self.generator, self.value_range)
        self.seen_shape = tuple(self.seen(keras.Input(self.image_shape)).shape[1:])
        build_discriminator(self.discriminator, self.seen_shape, self.condition, packing)
        check_augmented_sides(self.augmentation, self.image_shape, self.condition.shape)
        # The order of these two is that of checkpoint files.
        counter = {"shape": (), "dtype": "int64", "initializer": "zeros", "trainable": False}
        self.step_counter = self.add_weight(name="step_counter", **counter)
        self.rollbacks = self.add_weight(name="rollbacks", **counter)  # part of every seed
        for network in (self.generator, self.discriminator):
            synchronize(network)
        if self.ema is not None:
            self.ema.build(lambda: self.averaged_variables)
        self.built = True

    def compile(
        self,
        generator_optimizer: Any,
        discriminator_optimizer: Any,
        loss: Any = "non_saturating",
        penalties: Any = None,
        penalty_interval: int = 1,
        **kwargs: Any,
    ) -> None:
        """Set the objective and both optimizers.

        Args:
            generator_optimizer: a Keras optimizer, by name, configuration or object. The name
                `"adam"` is `kgan.optimizers.FusedAdam`.
            discriminator_optimizer: another one; the two networks share none. Its schedule counts
                its own updates, k a step: multiply a length in steps by k.
            loss: an adversarial loss, by name (`"minimax"`, `"non_saturating"`, ...),
                configuration or object (`kgan.losses`).
            penalties: none, one or a list of gradient penalties (`kgan.penalties`), which are added
                to D's loss.
            penalty_interval: apply the penalties every `penalty_interval` discriminator updates,
                multiplied by `penalty_interval` (lazy regularization, arXiv 1912.04958, section
                3.1).
            **kwargs: `jit_compile`, `steps_per_execution` and `run_eagerly`, as in Keras.

        Raises:
            ValueError: the loss or a penalty is not known or contradicts D, D does not return
                logits, both networks got the same optimizer, an argument has no effect, or the EMA
                lacks a trained weight.
        """
        positive_integer("penalty_interval", penalty_interval)
        loss, penalties = losses.get(loss), penalties_module.get(penalties)
        check_options(kwargs)
        optimizers = two_optimizers(
            generator_optimizer,
            discriminator_optimizer,
            scale_losses=self.dtype_policy.name == "mixed_float16",
        )
        check_schedules(optimizers, self.discriminator_steps)
        if not self.built:
            self.build()
        check_scope(self, optimizers)
        self._overwritten = check_built(self, penalties)
        if self.ema is not None:
            self.ema.check_covers(self.averaged_variables)
        weights = (self.generator_variables, self.discriminator_variables)
        build_optimizers(list(zip(optimizers, weights, strict=True)))
        super().compile(optimizer=None, **kwargs)
        self.loss = loss
        self.penalties = penalties
        self.penalty_interval = penalty_interval
        self.generator_optimizer, self.discriminator_optimizer = optimizers
        self.remember_weights()

    @property
    def ema_decay(self) -> float | None:
        """The decay of the EMA, which is fixed when the game is made; None without an EMA."""
        return None if self.ema is None else self.ema.decay

    @property
    def step(self) -> int:
        """The number of finished steps."""
        return int(self.step_counter.numpy())

    def _discriminator_pass(
        self, condition: tf.Tensor | None, update: tf.Tensor | None = None
    ) -> DiscriminatorPass:
        """Return D with the condition, packing and augmentation of one update."""
        augmentation, augment = self.augmentation, None
        if augmentation is not None:

            def augment(packs: tf.Tensor, of_data: bool) -> tf.Tensor:
                return augmentation(packs, self._seed(seeds.AUGMENTATION + of_data, update))

        return DiscriminatorPass(self.discriminator, condition, augment, self.packing)

    def _update_number(self, i: int) -> tf.Tensor:
        return seeds.update_number(self.step_counter, self.discriminator_steps, i)

    def _seed(self, stream: int, position: tf.Tensor) -> tf.Tensor:
        return seeds.draw_seed(self.seed, self.rollbacks, stream, position)

    def _seed_layers(self, update: tf.Tensor) -> None:
        networks = (self.generator, self.discriminator)
        seeds.seed_layers(networks, lambda i: self._seed(seeds.LAYERS + i, update))
