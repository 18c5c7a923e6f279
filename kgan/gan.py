"""The game: Algorithm 1 of Goodfellow et al. (2014), whole, as a Keras model."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kgan import losses
from kgan import penalties as penalties_module
from kgan.optimizers.fused_adam import fuse
from kgan.priors import Prior
from kgan.training.discriminator_pass import DiscriminatorPass, pack, with_labels
from kgan.training.distribution import ReplicatedModel, apply, replica, replicas, synchronise
from kgan.training.ema import ExponentialMovingAverage
from kgan.training.fitting import Seek, validate_callbacks
from kgan.training.metrics import GameMetrics, discriminator_report
from kgan.training.minibatches import check_divides, minibatches
from kgan.training.validation import check_labels, check_penalties, check_players, unchanged

__all__ = ["GAN"]


@keras.saving.register_keras_serializable(package="kgan")
class GAN(ReplicatedModel):
    """Two players and the game between them.

    One step of `fit` is one round of Algorithm 1: k updates of the discriminator, each on a
    minibatch of m fresh images and m fresh latent points, then one update of the generator on m
    fresh latent points. The data delivers k * m images a step.

    Every random draw is a pure function of (seed, iteration, update within it, replica), dropout
    inside the players included, so a run can be repeated and resumed. The weights' initial values
    are the networks' own affair: call `keras.utils.set_random_seed` before making them.

    Where the players declare `num_classes`, the game is conditional (Mirza and Osindero 2014, arXiv
    1411.1784): the data are pairs of images and integer labels, G makes a sample for each label,
    and both players are called with a list of two, `[latents, labels]` and `[images, labels]`.

    Logs (natural logarithms, means over the epoch):
        `d_loss`, `g_loss`: what the two players minimise.
        `d_real`, `d_fake`: mean D(x) on data and mean D(G(z)); both are 1/2 at equilibrium.
        `d_accuracy`: share of data and samples that D tells right; 1/2 at equilibrium.
        `value`: the estimate V~ of the value function (eq. 1); -log 4 at equilibrium.
        `twice_jsd_bound`: 2 log 2 + V~, which estimates from below twice the Jensen-Shannon
            divergence between data and samples (Theorem 1); 0 at equilibrium.

    Args:
        generator: maps latents `[batch, latent_dim]` to images. Any `keras.Model` will do.
        discriminator: maps images to logits `[batch, 1]`. Any `keras.Model` will do.
        prior: distribution of the latent points, from `kgan.priors`.
        discriminator_steps: k of Algorithm 1.
        ema_decay: None, or the decay per generator update, in [0, 1), of an exponential moving
            average of the generator's weights (arXiv 1806.04498, eq. 2), by which `sample`,
            `predict` and `evaluate` then generate. At update t it is at most t / (t + 9), so the
            first weights are soon forgotten. A decay of 0.5 ** (batch / images) has a half-life
            of that many images. Normalisation statistics are the generator's latest.
        augmentation: None, or what is done to data and samples alike before D sees them, such as
            `kgan.augmentation.DiffAugment()`: a function of images and a seed, differentiable.
        packing: how many examples D judges at once (PacGAN, arXiv 1712.04086): it sees their
            channels on top of each other and gives one logit. D is then made for images of
            `packing` times the channels, and what is said of its examples here goes for packs.
        seed: an integer from which all randomness of the training follows.

    Raises:
        ValueError: the players, the prior and k do not fit each other.

    Example:
        ```python
        gan = kgan.GAN(
            generator=kgan.networks.MLPGenerator(image_shape=(28, 28, 1), latent_dim=100),
            discriminator=kgan.networks.MLPDiscriminator(image_shape=(28, 28, 1)),
            prior=kgan.priors.Uniform(100),
        )
        gan.compile(keras.optimizers.Adam(2e-4, 0.5), keras.optimizers.Adam(2e-4, 0.5))
        gan.fit(kgan.data.load("mnist", batch_size=100), epochs=20)
        images = gan.sample(16, seed=0)
        ```
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        prior: Prior,
        discriminator_steps: int = 1,
        ema_decay: float | None = None,
        augmentation: Any = None,
        packing: int = 1,
        seed: int = 0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        _check_positive("discriminator_steps", discriminator_steps, "the k of Algorithm 1, ")
        _check_positive("packing", packing)
        check_players(generator, discriminator, prior, packing)
        self.generator = generator
        self.discriminator = discriminator
        self.prior = prior
        self.discriminator_steps = discriminator_steps
        self.ema_decay = ema_decay
        self.ema = None if ema_decay is None else ExponentialMovingAverage(ema_decay)
        self.augmentation = augmentation
        self.packing = packing
        self.num_classes: int | None = getattr(generator, "num_classes", None)
        self.seed = seed
        self.report = GameMetrics()

    def build(self, input_shape: Any = None) -> None:
        """Creates the variables of both players; `input_shape` is not needed."""
        # Called, a player whose class has no `build` of its own creates its variables as well.
        latents, labels = keras.Input((self.prior.dim,)), None
        if self.num_classes is not None:
            labels = keras.Input((), dtype="int32")
        images = self.generator(with_labels(latents, labels))
        self.image_shape = tuple(images.shape[1:])
        if self.packing > 1:
            images = keras.Input((*self.image_shape[:-1], self.packing * self.image_shape[-1]))
            labels = None if labels is None else keras.Input((self.packing,), dtype="int32")
        self.discriminator(with_labels(images, labels))
        self.step_counter = self.add_weight(
            shape=(), dtype="int64", initializer="zeros", trainable=False, name="iteration"
        )
        # How often the game went back to a checkpoint to take another way: part of every seed.
        self.rollbacks = self.add_weight(
            shape=(), dtype="int64", initializer="zeros", trainable=False, name="detour"
        )
        for player in (self.generator, self.discriminator):
            synchronise(player)
        if self.ema is not None:
            self.ema.build(self.generator.trainable_variables)
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
        """Sets the objective and how each player is updated.

        Args:
            generator_optimizer: a Keras optimizer, by name, configuration or object. One that
                moves weights as Adam does so, from here on, by one operation a weight: the same
                numbers but for rounding, sooner.
            discriminator_optimizer: another one; the two players share none.
            loss: an adversarial loss, by name (`"minimax"`, `"non_saturating"`, ...),
                configuration or object (`kgan.losses`).
            penalties: what D pays for being steep: none, one or a list (`kgan.penalties`). Each is
                added to D's loss.
            penalty_interval: of how many updates of D one pays, as many times as much (lazy
                regularisation, arXiv 1912.04958, section 3.1): nearly as good, and cheaper.
            **kwargs: `jit_compile`, `steps_per_execution` and `run_eagerly`, as in Keras.

        Raises:
            ValueError: the loss or a penalty is not known or contradicts D, or both players got
                the same optimizer.
        """
        _check_positive("penalty_interval", penalty_interval)
        loss, penalties = losses.get(loss), penalties_module.get(penalties)
        if kwargs.get("jit_compile") is True and replicas() > 1:
            raise ValueError(
                "Invalid value for argument `jit_compile`: expected False with several replicas, "
                "which TensorFlow cannot compile with XLA, received True. A TPU compiles anyway."
            )
        optimizers = [
            keras.optimizers.get(given) for given in (generator_optimizer, discriminator_optimizer)
        ]
        if optimizers[0] is optimizers[1]:
            raise ValueError(
                "Invalid value for argument `discriminator_optimizer`: expected an optimizer of "
                "its own, received the generator's. Make two."
            )
        super().compile(optimizer=None, **kwargs)
        self.loss = loss
        self.penalties = penalties
        self.penalty_interval = penalty_interval
        if self.dtype_policy.name == "mixed_float16":
            optimizers = [
                given
                if isinstance(given, keras.optimizers.LossScaleOptimizer)
                else keras.optimizers.LossScaleOptimizer(given)
                for given in optimizers
            ]
        for optimizer in optimizers:
            fuse(optimizer)
        self.generator_optimizer, self.discriminator_optimizer = optimizers
        if not self.built:
            self.build()
        check_penalties(penalties, self.discriminator)
        self.generator_optimizer.build(self.generator_variables)
        self.discriminator_optimizer.build(self.discriminator_variables)

    @property
    def generator_variables(self) -> list[Any]:
        """What G's update moves. A variant with a further player on G's side adds its weights."""
        return self.generator.trainable_variables

    @property
    def discriminator_variables(self) -> list[Any]:
        """What D's update moves. A variant with a further player on D's side adds its weights."""
        return self.discriminator.trainable_variables

    def generator_term(self, samples: Any, latents: Any, labels: Any) -> Any:
        """What G's loss has beside the objective: nothing. A variant of the game overrides it.

        Args:
            samples: `[batch, ...]`, G's.
            latents: `[batch, latent_dim]`, what they were made of.
            labels: int32 `[batch]`, where the data have labels, else None.

        Returns:
            A scalar.
        """
        return 0.0

    def discriminator_term(self, images: Any, samples: Any, labels: Any) -> Any:
        """What D's loss has beside the objective and penalties: nothing, unless overridden.

        Args:
            images: `[batch, ...]`, data.
            samples: the same shape, G's.
            labels: int32 `[batch]`, of both, where the data have labels, else None.

        Returns:
            A scalar.
        """
        return 0.0

    def train_step(self, data: Any) -> dict[str, tf.Tensor]:
        """One round of Algorithm 1 on k * m images; returns the logs."""
        batches = minibatches(data, self.discriminator_steps, self.packing, self.num_classes)
        # Without this, counters would move in a step for which the data have no batch left.
        with tf.control_dependencies([images for images, _ in batches]):
            reports = [
                self._update_discriminator(images, labels, k)
                for k, (images, labels) in enumerate(batches)
            ]
            images, labels = batches[-1]
            g_loss = self._update_generator(images, labels)
            if self.ema is not None:
                self.ema.update(self.generator.trainable_variables, self.step_counter)
            self.report.update_state(g_loss, tf.reduce_mean(reports, axis=0), tf.shape(images)[0])
            self.step_counter.assign_add(1)
            return self.get_metrics_result()

    def _update_discriminator(self, images: tf.Tensor, labels: Any, step: int) -> tf.Tensor:
        """Ascends D's objective on one minibatch of data and as many samples."""
        update = self._update_number(self.step_counter, step)
        latents = self._latents(tf.shape(images)[0], _TRAIN, update)
        with unchanged(self.generator):
            self._seed_layers(update)
            samples = self.generator(with_labels(latents, self._told(labels)), training=True)
        judge = self._judge(labels, update)
        weights, optimizer = self.discriminator_variables, self.discriminator_optimizer
        for layer in self._spectral_layers():
            layer.power_iteration()

        def descent(paying: bool) -> list[tf.Tensor]:
            with tf.GradientTape() as tape:
                loss, logits = self._discriminator_loss(judge, images, samples, update, paying)
                loss += self.discriminator_term(images, samples, labels)
                scaled_loss = optimizer.scale_loss(loss / replicas())
            gradients = tape.gradient(scaled_loss, weights)
            if self.penalty_interval > 1:  # the branches below have no None
                pairs = zip(gradients, weights, strict=True)
                gradients = [tf.zeros(w.shape, w.dtype) if g is None else g for g, w in pairs]
            return [loss, *logits, *gradients]

        if not self.penalties or self.penalty_interval == 1:
            found = descent(paying=bool(self.penalties))
        else:
            ordinal = tf.cast(self.step_counter, tf.int64) * self.discriminator_steps + step
            due = ordinal % self.penalty_interval == 0
            found = tf.cond(due, lambda: descent(paying=True), lambda: descent(paying=False))
        loss, real_logits, fake_logits, *gradients = found
        apply(optimizer, gradients, weights)
        return discriminator_report(loss, real_logits, fake_logits)

    def _discriminator_loss(
        self,
        judge: DiscriminatorPass,
        images: tf.Tensor,
        samples: tf.Tensor,
        update: tf.Tensor,
        paying: bool,
    ) -> tuple[tf.Tensor, tuple[tf.Tensor, tf.Tensor]]:
        """D's objective, with what it pays for being steep, for several updates if not at each."""
        images, samples = pack(images, self.packing), pack(samples, self.packing)
        logits = judge.watched_logits(images, samples)
        loss = tf.reduce_mean(self.loss.discriminator(*logits))
        if paying:
            seed = self._seed(_PENALTIES, update)
            paid = [penalty(images, samples, judge.slopes, seed) for penalty in self.penalties]
            loss += self.penalty_interval * tf.add_n([tf.reduce_mean(one) for one in paid])
        return loss, logits

    def _update_generator(self, images: tf.Tensor, labels: Any) -> tf.Tensor:
        """Descends G's objective on a minibatch of samples; D plays as in training, but stays.

        The samples are of the labels of D's last minibatch. Only a loss that compares with data
        looks at `images`.
        """
        update = self._update_number(self.step_counter, self.discriminator_steps)
        latents = self._latents(tf.shape(images)[0], _TRAIN, update)
        judge = self._judge(labels, update)
        weights = self.generator_variables
        optimizer = self.generator_optimizer
        with unchanged(self.discriminator):
            self._seed_layers(update)
            real_logits = None
            if getattr(self.loss, "needs_real_logits", False):
                real_logits = judge.image_logits(pack(images, self.packing))
            with tf.GradientTape() as tape:
                samples = self.generator(with_labels(latents, self._told(labels)), training=True)
                fake_logits = judge.sample_logits(pack(samples, self.packing))
                loss = tf.reduce_mean(self.loss.generator(real_logits, fake_logits))
                loss += self.generator_term(samples, latents, labels)
                scaled_loss = optimizer.scale_loss(loss / replicas())
        apply(optimizer, tape.gradient(scaled_loss, weights), weights)
        return loss

    def _told(self, labels: Any) -> Any:
        """What the players are told of labels: nothing, unless the game is conditional."""
        return None if self.num_classes is None else labels

    def _judge(self, labels: Any, update: tf.Tensor) -> DiscriminatorPass:
        """D for one update of the game."""

        def augment(images: tf.Tensor, of_data: bool) -> tf.Tensor:
            return self.augmentation(images, self._seed(_AUGMENTATION + of_data, update))

        told = pack(self._told(labels), self.packing)
        return DiscriminatorPass(self.discriminator, told, augment if self.augmentation else None)

    def _spectral_layers(self) -> list[Any]:
        layers = self.discriminator._flatten_layers()
        return [layer for layer in layers if hasattr(layer, "power_iteration")]

    @property
    def step(self) -> int:
        """How many rounds have been played."""
        return int(self.step_counter.numpy())

    @contextlib.contextmanager
    def averaged(self) -> Iterator[None]:
        """Within this context the generator has its averaged weights, where `ema_decay` asks so.

        `with gan.averaged(): gan.generator.save(path)` saves what `sample` draws from.
        """
        if self.ema is None or not self.built or not self.step:
            yield
            return
        with self.ema.in_place_of(self.generator.trainable_variables):
            yield

    def test_step(self, data: Any) -> dict[str, tf.Tensor]:
        """Measures both players in inference mode on one batch of images and fresh samples."""
        ((images, labels),) = minibatches(data, 1, self.packing, self.num_classes)
        batch = tf.shape(images)[0]
        latents = self._latents(batch, _TEST, self.report.examples)
        samples = self.generator(with_labels(latents, self._told(labels)), training=False)
        told = pack(self._told(labels), self.packing)
        real_logits, fake_logits = (
            self.discriminator(with_labels(pack(examples, self.packing), told), training=False)
            for examples in (images, samples)
        )
        d_loss = tf.reduce_mean(self.loss.discriminator(real_logits, fake_logits))
        g_loss = tf.reduce_mean(self.loss.generator(real_logits, fake_logits))
        report = discriminator_report(d_loss, real_logits, fake_logits)
        self.report.update_state(g_loss, report, batch)
        return self.get_metrics_result()

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """What `fit` and `evaluate` log: the report alone; no single loss describes two players."""
        return [self.report]

    def call(self, inputs: Any, training: bool = False) -> Any:
        """The generator's images for latents, or `[latents, labels]`; so `predict` generates."""
        return self.generator(inputs, training=training)

    def predict(self, *args: Any, **kwargs: Any) -> Any:
        """Generates from latents, as `keras.Model.predict`, by the averaged weights if any."""
        with self.averaged():
            return super().predict(*args, **kwargs)

    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        """Measures the game, as `keras.Model.evaluate`, by the averaged weights if any."""
        with self.averaged():
            return super().evaluate(*args, **kwargs)

    def sample(self, n: int, seed: Any = 0, labels: Any = None) -> np.ndarray:
        """Draws images from the generator, in inference mode.

        Args:
            n: how many.
            seed: an int or two ints; the same seed gives the same images, and the first of many are
                those of few.
            labels: of a conditional game alone: the class of each image, integers `[n]`, or one for
                all; None for all classes in turn, 0, 1, ..., 0, 1, ...

        Returns:
            float32 `[n, *image_shape]` in the generator's value range.

        Raises:
            ValueError: `n` or `labels` is unusable.
        """
        _check_positive("n", n)
        if not self.built:
            self.build()
        inputs = self.prior.sample(n, seed)
        if self.num_classes is not None:
            inputs = [inputs, check_labels(labels, n, self.num_classes)]
        elif labels is not None:
            raise ValueError(
                "Invalid value for argument `labels`: expected None, as the generator is not "
                f"conditional, received {labels!r}. Make it with `num_classes`."
            )
        return self.predict(inputs, batch_size=500, verbose=0)

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        callbacks: Sequence[keras.callbacks.Callback] | None = None,
        initial_epoch: int = 0,
        **kwargs: Any,
    ) -> Any:
        """Plays the game; as `keras.Model.fit`, on arrays of images or a `tf.data.Dataset` of them.

        Images are floating point in the generator's value range. `batch_size` (or the data set's
        batches) is k * m, which k must divide, the last batch of an epoch included. Data of a
        conditional game are pairs `(images, labels)`, or `x` and `y`.

        On a data set of `kgan.data.load`, step t of the training has the batch that follows from
        the data set's seed and t. A callback with a method `resume`, such as
        `kgan.callbacks.Checkpoint`, may put the model where an earlier training stood; the epochs
        then go on from there.

        Keras's callbacks that know one optimizer or one loss alone are refused, where they would
        fail or do less than they say.

        Raises:
            ValueError: k does not divide a batch, or a callback cannot do its work here.
        """
        k = self.discriminator_steps
        callbacks = validate_callbacks(callbacks)
        stream = getattr(x, "stream", None)
        steps = 0
        if stream:
            steps = kwargs.pop("steps_per_epoch", None) or len(x)
            x = stream.sought(steps)
        done = 0
        for callback in callbacks:
            if hasattr(callback, "resume") and self.compiled:
                initial_epoch, done = callback.resume(self, steps) or (initial_epoch, 0)
        if stream:
            callbacks = [Seek(stream, steps, done), *callbacks]
        if isinstance(x, tf.data.Dataset):
            kwargs.setdefault("shuffle", False)  # Keras's default warns that it has no effect here
        elif hasattr(x, "shape") and not kwargs.get("validation_split"):
            full = batch_size or 32
            for size in (min(full, len(x)), len(x) % full):
                check_divides(size, k, self.packing)
            if y is not None and self.num_classes is not None:
                y = check_labels(y, len(x), self.num_classes)
        with warnings.catch_warnings():
            if done:  # Keras warns where an epoch that was begun before has fewer steps
                warnings.filterwarnings("ignore", message="Your input ran out of data")
            return super().fit(
                x, y, batch_size, callbacks=callbacks, initial_epoch=initial_epoch, **kwargs
            )

    def _update_number(self, iteration: Any, step: Any) -> tf.Tensor:
        """How many updates the game saw before update `step` of an iteration."""
        return tf.cast(iteration, tf.int64) * (self.discriminator_steps + 1) + step

    def _latents(self, batch: Any, stream: int, position: Any) -> tf.Tensor:
        return self.prior.sample(batch, self._seed(stream, position))

    def _seed_layers(self, update: tf.Tensor) -> None:
        """Makes what the players' random layers (dropout, noise) draw next depend on `update` only.

        Keras keeps a running state in each such layer, two integers of which it uses 31 bits and
        counts on the second; random ones, set anew before each update, keep the layers apart.
        """
        states = [
            state
            for player in (self.generator, self.discriminator)
            for state in player.non_trainable_variables
            if state.name == "seed_generator_state"
        ]
        for i, state in enumerate(states):
            seed = self._seed(_LAYERS + i, update)
            words = tf.random.stateless_uniform([2], seed, 0, 2**31 - 2, tf.int64, alg="philox")
            state.assign(tf.cast(words, state.dtype))

    def _seed(self, stream: int, position: Any) -> tf.Tensor:
        """A seed `[2]` that no other draw has: the model's seed, and where and when it is drawn."""
        place = tf.cast(position, tf.int64) * _REPLICAS + tf.cast(replica(), tf.int64)
        way = tf.constant(self.seed, tf.int64) + tf.cast(self.rollbacks, tf.int64) * _DETOURS
        return tf.stack([way, place * _STREAMS + stream])

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        serialize = keras.saving.serialize_keras_object
        return {
            **super().get_config(),
            "generator": serialize(self.generator),
            "discriminator": serialize(self.discriminator),
            "prior": serialize(self.prior),
            "discriminator_steps": self.discriminator_steps,
            "ema_decay": self.ema_decay,
            "augmentation": serialize(self.augmentation),
            "packing": self.packing,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> GAN:
        """The model that `config` describes."""
        parts = {
            name: keras.saving.deserialize_keras_object(config[name], custom_objects)
            for name in ("generator", "discriminator", "prior", "augmentation")
        }
        return cls(**{**config, **parts})

    def get_compile_config(self) -> dict[str, Any] | None:
        """The arguments of `compile`, so that a loaded model goes on with its optimizers."""
        if not self.compiled:
            return None
        serialize = keras.saving.serialize_keras_object
        return {
            "generator_optimizer": serialize(self.generator_optimizer),
            "discriminator_optimizer": serialize(self.discriminator_optimizer),
            "loss": serialize(self.loss),
            "penalties": [serialize(penalty) for penalty in self.penalties],
            "penalty_interval": self.penalty_interval,
            "jit_compile": self.jit_compile,
            "steps_per_execution": self.steps_per_execution,
            "run_eagerly": self.run_eagerly,
        }

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compiles as `get_compile_config` says; Keras calls this when it loads a model."""
        self.compile(**keras.saving.deserialize_keras_object(config))

    def get_build_config(self) -> dict[str, Any]:
        """Says that the model is built before its weights are loaded."""
        return {"built": True}

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Builds both players; Keras calls this when it loads a model."""
        if not self.built:
            self.build()


# Streams of random numbers: latents in training and in evaluation, penalties, augmentation of
# samples and of data, one a random layer.
_TRAIN, _TEST, _PENALTIES, _AUGMENTATION, _, _LAYERS = range(6)
_STREAMS, _REPLICAS = 2**12, 2**16  # more than there will be; 2**35 updates remain
_DETOURS = 2**40  # seeds apart


def _check_positive(name: str, value: Any, what: str = "") -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(
            f"Invalid value for argument `{name}`: expected a positive integer, {what}"
            f"received {value!r}."
        )
