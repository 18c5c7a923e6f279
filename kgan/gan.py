"""The game: Algorithm 1 of Goodfellow et al. (2014), whole, as a Keras model."""

from __future__ import annotations

import contextlib
import functools
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kgan import losses
from kgan import penalties as penalties_module
from kgan.fitting import Seek, accepted
from kgan.priors import Prior
from kgan.report import GameReport, discriminator_report

__all__ = ["GAN"]


@keras.saving.register_keras_serializable(package="kgan")
class GAN(keras.Model):
    """Two players and the game between them.

    One step of `fit` is one round of Algorithm 1: k updates of the discriminator, each on a
    minibatch of m fresh images and m fresh latent points, then one update of the generator on m
    fresh latent points. The data delivers k * m images a step.

    Every random draw is a pure function of (seed, iteration, update within it, replica), dropout
    inside the players included, so a run can be repeated and resumed. The weights' initial values
    are the networks' own affair: call `keras.utils.set_random_seed` before making them.

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
        seed: int = 0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        _check_players(generator, discriminator, prior)
        if (
            isinstance(discriminator_steps, bool)
            or not isinstance(discriminator_steps, int)
            or discriminator_steps < 1
        ):
            raise ValueError(
                "Invalid value for argument `discriminator_steps`: expected a positive integer, "
                f"the k of Algorithm 1, received {discriminator_steps!r}."
            )
        if ema_decay is not None and not 0 <= ema_decay < 1:
            raise ValueError(
                "Invalid value for argument `ema_decay`: expected None or a number in [0, 1), "
                f"received {ema_decay!r}. 0.999 is usual."
            )
        self.generator = generator
        self.discriminator = discriminator
        self.prior = prior
        self.discriminator_steps = discriminator_steps
        self.ema_decay = ema_decay
        self.seed = seed
        self.report = GameReport()

    def build(self, input_shape: Any = None) -> None:
        """Creates the variables of both players; `input_shape` is not needed."""
        # Called, a player whose class has no `build` of its own creates its variables as well.
        images = self.generator(keras.Input((self.prior.dim,)))
        self.discriminator(images)
        self.iteration = self.add_weight(
            shape=(), dtype="int64", initializer="zeros", trainable=False, name="iteration"
        )
        # How often the game went back to a checkpoint to take another way: part of every seed.
        self.detour = self.add_weight(
            shape=(), dtype="int64", initializer="zeros", trainable=False, name="detour"
        )
        averaged = self.generator.trainable_variables if self.ema_decay is not None else []
        self.average = [
            self.add_weight(
                shape=weight.shape,
                dtype=weight.dtype,
                initializer="zeros",
                trainable=False,
                name=f"average_{i}",
            )
            for i, weight in enumerate(averaged)
        ]
        self.built = True

    def compile(
        self,
        generator_optimizer: Any,
        discriminator_optimizer: Any,
        loss: Any = "non_saturating",
        penalties: Any = None,
        **kwargs: Any,
    ) -> None:
        """Sets the objective and how each player is updated.

        Args:
            generator_optimizer: a Keras optimizer, by name, configuration or object.
            discriminator_optimizer: another one; the two players share none.
            loss: an adversarial loss, by name (`"minimax"`, `"non_saturating"`, ...),
                configuration or object (`kgan.losses`).
            penalties: what D pays for being steep: none, one or a list (`kgan.penalties`). Each is
                added to D's loss.
            **kwargs: `jit_compile`, `steps_per_execution` and `run_eagerly`, as in Keras.

        Raises:
            ValueError: the loss or a penalty is not known, or both players got the same optimizer.
        """
        loss, penalties = losses.get(loss), penalties_module.get(penalties)
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
        if self.dtype_policy.name == "mixed_float16":
            optimizers = [
                given
                if isinstance(given, keras.optimizers.LossScaleOptimizer)
                else keras.optimizers.LossScaleOptimizer(given)
                for given in optimizers
            ]
        self.generator_optimizer, self.discriminator_optimizer = optimizers
        if not self.built:
            self.build()
        self.generator_optimizer.build(self.generator.trainable_variables)
        self.discriminator_optimizer.build(self.discriminator.trainable_variables)

    def train_step(self, data: Any) -> dict[str, tf.Tensor]:
        """One round of Algorithm 1 on k * m images; returns the logs."""
        minibatches = self._minibatches(data)
        # Without this, counters would move in a step for which the data have no batch left.
        with tf.control_dependencies(minibatches):
            reports = [
                self._update_discriminator(images, k) for k, images in enumerate(minibatches)
            ]
            g_loss = self._update_generator(minibatches[-1])
            self._update_average()
            batch = tf.shape(minibatches[-1])[0]
            self.report.update_state(g_loss, tf.reduce_mean(reports, axis=0), batch)
            self.iteration.assign_add(1)
            return self.get_metrics_result()

    def _update_discriminator(self, images: tf.Tensor, step: int) -> tf.Tensor:
        """Ascends D's objective on one minibatch of data and as many samples."""
        update = self._update_number(self.iteration, step)
        latents = self._latents(tf.shape(images)[0], _TRAIN, update)
        with _unchanged(self.generator):
            self._seed_layers(update)
            samples = self.generator(latents, training=True)
        weights = self.discriminator.trainable_variables
        optimizer = self.discriminator_optimizer
        with tf.GradientTape() as tape:
            with tf.GradientTape(watch_accessed_variables=False) as inner:
                inner.watch([images, samples])
                real_logits, fake_logits = self._judge(images, samples)
                total = tf.reduce_sum(real_logits) + tf.reduce_sum(fake_logits)
            loss = tf.reduce_mean(self.loss.discriminator(real_logits, fake_logits))
            slopes = self._slopes(inner, total, images, samples)
            for penalty in self.penalties:
                seed = self._seed(_PENALTIES, update)
                loss += tf.reduce_mean(penalty(images, samples, slopes, seed))
            scaled_loss = optimizer.scale_loss(loss)
        optimizer.apply(tape.gradient(scaled_loss, weights), weights)
        return discriminator_report(loss, real_logits, fake_logits)

    def _judge(self, images: tf.Tensor, samples: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """D's logits on data and samples: in one pass where it judges each example by itself.

        One pass is faster, but batch normalisation would mix the statistics of the two.
        """
        if getattr(self.discriminator, "independent_examples", False):
            both = tf.concat([images, tf.cast(samples, images.dtype)], axis=0)
            real_logits, fake_logits = tf.split(self.discriminator(both, training=True), 2)
            return real_logits, fake_logits
        return self.discriminator(images, training=True), self.discriminator(samples, training=True)

    def _slopes(
        self, inner: tf.GradientTape, total: tf.Tensor, images: tf.Tensor, samples: tf.Tensor
    ) -> Callable[[tf.Tensor], tf.Tensor]:
        """D's slopes at any points; on data and samples from the pass that judged them."""
        judged = functools.cache(lambda: inner.gradient(total, [images, samples]))

        def slopes(points: tf.Tensor) -> tf.Tensor:
            if points is images or points is samples:
                return judged()[0 if points is images else 1]
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(points)
                logits = tf.reduce_sum(self.discriminator(points, training=True))
            return tape.gradient(logits, points)

        return slopes

    def _update_generator(self, images: tf.Tensor) -> tf.Tensor:
        """Descends G's objective on a minibatch of samples; D plays as in training, but stays.

        Only a loss that compares with data looks at `images`.
        """
        update = self._update_number(self.iteration, self.discriminator_steps)
        latents = self._latents(tf.shape(images)[0], _TRAIN, update)
        weights = self.generator.trainable_variables
        optimizer = self.generator_optimizer
        with _unchanged(self.discriminator):
            self._seed_layers(update)
            with tf.GradientTape() as tape:
                samples = self.generator(latents, training=True)
                if getattr(self.loss, "needs_real_logits", False):
                    real_logits, fake_logits = self._judge(images, samples)
                else:
                    real_logits, fake_logits = None, self.discriminator(samples, training=True)
                loss = tf.reduce_mean(self.loss.generator(real_logits, fake_logits))
                scaled_loss = optimizer.scale_loss(loss)
        optimizer.apply(tape.gradient(scaled_loss, weights), weights)
        return loss

    def _update_average(self) -> None:
        """Moves the average of G's weights towards their present values."""
        if self.ema_decay is None:
            return
        update = tf.cast(self.iteration, tf.float32)
        decay = tf.minimum(self.ema_decay, update / (update + 9.0))
        for average, weight in zip(self.average, self.generator.trainable_variables, strict=True):
            kept = tf.cast(decay, average.dtype)
            average.assign(kept * average + (1 - kept) * tf.convert_to_tensor(weight))

    @contextlib.contextmanager
    def averaged(self) -> Iterator[None]:
        """Within this context the generator has its averaged weights, where `ema_decay` asks so.

        `with gan.averaged(): gan.generator.save(path)` saves what `sample` draws from.
        """
        if self.ema_decay is None or not self.built or not int(self.iteration):
            yield
            return
        weights = self.generator.trainable_variables
        kept = [tf.identity(weight) for weight in weights]
        try:
            for weight, average in zip(weights, self.average, strict=True):
                weight.assign(average)
            yield
        finally:
            for weight, value in zip(weights, kept, strict=True):
                weight.assign(value)

    def test_step(self, data: Any) -> dict[str, tf.Tensor]:
        """Measures both players in inference mode on one batch of images and fresh samples."""
        images = _images(data)
        batch = tf.shape(images)[0]
        latents = self._latents(batch, _TEST, self.report.examples)
        real_logits = self.discriminator(images, training=False)
        fake_logits = self.discriminator(self.generator(latents, training=False), training=False)
        d_loss = tf.reduce_mean(self.loss.discriminator(real_logits, fake_logits))
        g_loss = tf.reduce_mean(self.loss.generator(real_logits, fake_logits))
        report = discriminator_report(d_loss, real_logits, fake_logits)
        self.report.update_state(g_loss, report, batch)
        return self.get_metrics_result()

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """What `fit` and `evaluate` log: the report alone; no single loss describes two players."""
        return [self.report]

    def call(self, latents: Any, training: bool = False) -> Any:
        """The generator's images for `latents`; `predict` therefore generates."""
        return self.generator(latents, training=training)

    def predict(self, *args: Any, **kwargs: Any) -> Any:
        """Generates from latents, as `keras.Model.predict`, by the averaged weights if any."""
        with self.averaged():
            return super().predict(*args, **kwargs)

    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        """Measures the game, as `keras.Model.evaluate`, by the averaged weights if any."""
        with self.averaged():
            return super().evaluate(*args, **kwargs)

    def sample(self, n: int, seed: Any = 0) -> np.ndarray:
        """Draws images from the generator, in inference mode.

        Args:
            n: how many.
            seed: an int or two ints; the same seed gives the same images, and the first of many are
                those of few.

        Returns:
            float32 `[n, *image_shape]` in the generator's value range.
        """
        if isinstance(n, bool) or not isinstance(n, int) or n < 1:
            raise ValueError(
                f"Invalid value for argument `n`: expected a positive integer, received {n!r}."
            )
        if not self.built:
            self.build()
        return self.predict(self.prior.sample(n, seed), batch_size=500, verbose=0)

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
        batches) is k * m, which k must divide, the last batch of an epoch included.

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
        callbacks = accepted(callbacks)
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
        elif k > 1 and hasattr(x, "shape") and not kwargs.get("validation_split"):
            full = batch_size or 32
            for size in (min(full, len(x)), len(x) % full):
                if size % k:
                    raise ValueError(_indivisible(size, k))
        with warnings.catch_warnings():
            if done:  # Keras warns where an epoch that was begun before has fewer steps
                warnings.filterwarnings("ignore", message="Your input ran out of data")
            return super().fit(
                x, y, batch_size, callbacks=callbacks, initial_epoch=initial_epoch, **kwargs
            )

    def _minibatches(self, data: Any) -> list[tf.Tensor]:
        """The k minibatches of m images in a batch."""
        images = _images(data)
        k = self.discriminator_steps
        if k == 1:
            return [images]
        size = images.shape[0]
        if size is None:
            size = tf.shape(images)[0]
            divides = tf.debugging.Assert(size % k == 0, [_indivisible("?", k), size])
            with tf.control_dependencies([divides]):
                images = tf.identity(images)
        elif size % k:
            raise ValueError(_indivisible(size, k))
        return tf.unstack(tf.reshape(images, [k, size // k, *images.shape[1:]]))

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
        context = tf.distribute.get_replica_context()
        replica = context.replica_id_in_sync_group if context else 0
        place = tf.cast(position, tf.int64) * _REPLICAS + tf.cast(replica, tf.int64)
        way = tf.constant(self.seed, tf.int64) + tf.cast(self.detour, tf.int64) * _DETOURS
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
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> GAN:
        """The model that `config` describes."""
        parts = {
            name: keras.saving.deserialize_keras_object(config[name], custom_objects)
            for name in ("generator", "discriminator", "prior")
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


# Streams of random numbers: latents in training and in evaluation, penalties, one a random layer.
_TRAIN, _TEST, _PENALTIES, _LAYERS = range(4)
_STREAMS, _REPLICAS = 2**12, 2**16  # more than there will be; 2**35 updates remain
_DETOURS = 2**40  # seeds apart


@contextlib.contextmanager
def _unchanged(player: keras.Model) -> Iterator[None]:
    """Lets `player` run in training mode and then puts its state back, all but trained weights.

    An update is of one player only, so the other's normalisation statistics must not move.
    """
    before = [(state, tf.identity(state)) for state in player.non_trainable_variables]
    yield
    for state, kept in before:
        state.assign(kept)


def _images(data: Any) -> tf.Tensor:
    images, _, _ = keras.utils.unpack_x_y_sample_weight(data)
    if not images.dtype.is_floating:
        raise ValueError(
            "Invalid value for argument `x`: expected floating point images in the generator's "
            f"value range, received {images.dtype.name}. Scale them first "
            "(`kgan.data.load` does)."
        )
    return images


def _indivisible(size: Any, k: int) -> str:
    return (
        f"Invalid batch size: discriminator_steps={k} splits every batch into {k} equal "
        f"minibatches, but a batch has {size} images. Choose a batch size that is a multiple of "
        f"{k}, and drop or pad a last batch that is not."
    )


def _check_players(generator: keras.Model, discriminator: keras.Model, prior: Prior) -> None:
    latent_dim = getattr(generator, "latent_dim", prior.dim)
    if latent_dim != prior.dim:
        raise ValueError(
            "Invalid value for argument `prior`: expected latents of the generator's "
            f"latent_dim={latent_dim}, received a prior of dim={prior.dim}."
        )
    made = getattr(generator, "image_shape", None)
    judged = getattr(discriminator, "image_shape", None)
    if made is not None and judged is not None and tuple(judged) != tuple(made):
        raise ValueError(
            "Invalid value for argument `discriminator`: expected one for the generator's "
            f"image_shape={made}, received one for image_shape={judged}."
        )
    if made is not None and len(made) == 1 and prior.dim < made[0]:
        warnings.warn(
            f"{prior.dim} latent dimensions cannot fill the {made[0]} of the points: the samples "
            "lie on a thin surface, and their density is zero almost everywhere. Choose a larger "
            "`latent_dim` if the data fills its space.",
            stacklevel=3,
        )
