"""A classifier from few labels: the semi-supervised game of Salimans et al. (2016)."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from kgan.gan import GAN, Augmentation
from kgan.priors import Prior
from kgan.training import seeds
from kgan.training.labelled_set import LabelledSet
from kgan.training.settings import flat
from kgan.training.validation import check_domain
from kgan.utils.checks import image_function, number, positive_integer
from kgan.utils.digests import digest
from kgan.utils.types import JsonDict

__all__ = ["SemiSupervisedGAN"]

_OPTIONS = ("feature_matching", "supervised_weight", "labelled_batch_size", "consistency_weight")
_CHUNK = 500  # images that are classified together


@keras.saving.register_keras_serializable(package="kgan")
class SemiSupervisedGAN(GAN):
    """A game whose discriminator learns the classes of images, of which few have labels.

    D has a logit l_k(x) for each of K classes, and 0 as that of samples (arXiv 1606.03498, section
    5). The game is that of `o(x) = log sum_k exp l_k(x)`, on images without labels. D's loss has a
    further term, `supervised_weight` times the cross-entropy of `softmax(l)` on labelled images,
    and the adversarial loss is halved, as in the authors' published code.

    With `feature_matching`, G does not play the adversarial loss: it minimizes the mean squared
    difference between the mean features of D on data and on samples (section 3.1). Classifiers
    become better by it, and samples worse.

    The data are images without labels. Labelled images are a part of the game, and of what `save`,
    `save_run` and checkpoints write and `load_weights` reads. Each update of D draws its own,
    independently of the data; on several replicas, each draws as many. With `ema_decay`, the
    averages are of both networks. `evaluate` computes D's loss without its further terms.

    Args:
        generator: a network without condition.
        discriminator: one with `classes`, such as `kgan.networks.MLPDiscriminator` has. Any
            `keras.Model` will do that has `classes`, and methods `class_logits` and `features`.
        prior: distribution of the latents.
        labelled: images `[n, ...]` in the value range and labels `[n]`, integers from 0: a pair of
            arrays that fit into memory. Each class has at least one.
        feature_matching: whether G matches features, in the place of the loss of `compile`.
        supervised_weight: at least 0.
        labelled_batch_size: labelled images that each update of D draws.
        labelled_augmentation: None, or a function of images and a seed, such as
            `kgan.augmentation.RandomAffine()`. The labels are then learned from labelled images
            that it has changed, each time anew. It must not change their classes. The paper has
            none.
        consistency_weight: at least 0; above it, `labelled_augmentation` is needed. Weight of a
            term of D's loss by which images without labels keep their classes as well when they
            are changed so: the cross-entropy of the changed images against the probabilities of
            the others, which are constants (Xie et al. 2020, arXiv 1904.12848, eq. 1). The paper
            of this game has none.
        **kwargs: the further arguments of `kgan.GAN`, but for `packing`.

    Raises:
        ValueError: the discriminator has no classes, a class has no label, or an argument is
            unusable.

    Example:
        ```python
        gan = kgan.variants.SemiSupervisedGAN(
            generator=kgan.networks.MLPGenerator((28, 28, 1), latent_dim=100),
            discriminator=kgan.networks.MLPDiscriminator((28, 28, 1), classes=10),
            prior=kgan.priors.Uniform(100),
            labelled=(images[:100], labels[:100]),
        )
        gan.compile("adam", "adam")
        gan.fit(images, batch_size=100, epochs=10)
        probabilities = gan.classify(images)
        ```
    """

    discriminator_loss_weight = 0.5
    traced = (*_OPTIONS, "labelled_augmentation")
    further_parts = ("labelled", "labelled_augmentation")

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        prior: Prior,
        labelled: tuple[npt.ArrayLike, npt.ArrayLike] | LabelledSet,
        feature_matching: bool = True,
        supervised_weight: float = 1.0,
        labelled_batch_size: int = 100,
        labelled_augmentation: Augmentation | None = None,
        consistency_weight: float = 0.0,
        packing: int = 1,
        **kwargs: Any,
    ):
        classes = _classes_of(discriminator)
        if packing != 1:
            raise ValueError(
                f"Invalid value for argument `packing`: expected 1, received {packing!r}. The "
                "discriminator of a SemiSupervisedGAN tells the class of one image, not of a pack."
            )
        if not isinstance(labelled, LabelledSet):
            labelled = LabelledSet.of(labelled, classes)
        super().__init__(generator, discriminator, prior, **kwargs)
        self.labelled = labelled
        self.feature_matching = bool(feature_matching)
        self.supervised_weight = number("supervised_weight", supervised_weight, 0)
        self.labelled_batch_size = positive_integer("labelled_batch_size", labelled_batch_size)
        self.labelled_augmentation = image_function("labelled_augmentation", labelled_augmentation)
        self.consistency_weight = number("consistency_weight", consistency_weight, 0)
        if self.consistency_weight and labelled_augmentation is None:
            raise ValueError(
                "Invalid value for argument `consistency_weight`: expected 0 without "
                f"`labelled_augmentation`, received {consistency_weight!r}. Pass "
                "`labelled_augmentation=kgan.augmentation.RandomAffine()`, say."
            )

    def build(self, input_shape: object = None) -> None:
        """Create the variables of both networks and the labelled set; no shape is needed."""
        if self.built:
            return
        super().build(input_shape)
        if self.labelled.given_images is not None:
            check_domain(self, self.labelled.given_images, self.image_shape, "labelled")
        if not self.labelled.built:  # Keras builds one that it loads
            self.labelled.build(self.image_shape)

    # Algorithm 1 with further terms of D and with feature matching.

    def generator_loss(self, real_logits: tf.Tensor | None, fake_logits: tf.Tensor) -> tf.Tensor:
        """Return the adversarial loss; 0 where G matches features instead."""
        if self.feature_matching:
            return tf.zeros_like(fake_logits)
        return super().generator_loss(real_logits, fake_logits)

    @property
    def averaged_variables(self) -> list[keras.Variable]:
        """The weights of both networks."""
        return self.generator.trainable_variables + self.discriminator.trainable_variables

    def discriminator_term(
        self,
        images: tf.Tensor,
        samples: tf.Tensor,
        condition: tf.Tensor | None,
        update: tf.Tensor | None,
    ) -> tf.Tensor | float:
        """Return the weighted terms of labels and of consistency; 0 in inference mode."""
        if update is None:
            return 0.0
        term = self.supervised_weight * self.labelled_loss(update)
        if self.consistency_weight:
            term += self.consistency_weight * self._inconsistency(images, update)
        return term

    def labelled_loss(self, update: tf.Tensor) -> tf.Tensor:
        """Return the mean cross-entropy on the labelled images of an update, by its number."""
        seed = self._seed(seeds.LABELLED, update)
        images, labels = self.labelled.draw(self.labelled_batch_size, seed)
        if self.labelled_augmentation is not None:
            seed = self._seed(seeds.TERM_AUGMENTATION, update)
            images = self.labelled_augmentation(images, seed)
        logits = self.discriminator.class_logits(images, training=True)
        return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))

    def _inconsistency(self, images: tf.Tensor, update: tf.Tensor) -> tf.Tensor:
        """Return the mean cross-entropy of changed images, given the images' probabilities."""
        assert self.labelled_augmentation is not None
        seed = self._seed(seeds.CONSISTENCY, update)
        changed = self.labelled_augmentation(images, seed)
        given = tf.nn.softmax(self.discriminator.class_logits(images, training=True))
        logits = self.discriminator.class_logits(changed, training=True)
        losses = tf.nn.softmax_cross_entropy_with_logits(tf.stop_gradient(given), logits)
        return tf.reduce_mean(losses)

    def generator_term(
        self,
        samples: tf.Tensor,
        latents: tf.Tensor,
        condition: tf.Tensor | None,
        images: tf.Tensor,
    ) -> tf.Tensor | float:
        """Return the mean squared difference of the mean features of samples and of data."""
        if not self.feature_matching:
            return 0.0
        difference = self._mean_features(samples) - tf.stop_gradient(self._mean_features(images))
        return tf.reduce_mean(tf.square(difference))

    def _mean_features(self, images: tf.Tensor) -> tf.Tensor:
        features = self.discriminator.features(images, training=self.terms_in_training)
        return tf.reduce_mean(tf.cast(features, tf.float32), axis=0)

    # The classifier.

    def classify(self, images: npt.ArrayLike) -> np.ndarray:
        """Return the probabilities of the classes, with the EMA weights if there are any.

        `gan.classify(images).argmax(-1)` are the classes.

        Args:
            images: floats `[n, *image_shape]` in the game's value range.

        Returns:
            float32 `[n, classes]`.

        Raises:
            ValueError: the images are of another shape or range.
        """
        if not self.built:
            self.build()
        x = images if hasattr(images, "shape") else np.asarray(images)
        check_domain(self, x, self.image_shape, "images", use=False)
        x = tf.convert_to_tensor(x)
        with self.averaged():
            parts = [self._probabilities(x[i : i + _CHUNK]) for i in range(0, len(x), _CHUNK)]
        return np.concatenate([part.numpy() for part in parts])

    def _probabilities(self, images: tf.Tensor) -> tf.Tensor:
        return tf.nn.softmax(self.discriminator.class_logits(images, training=False))

    # A Keras model.

    def training_settings(self) -> JsonDict:
        options = {name: getattr(self, name) for name in _OPTIONS}
        applied = flat("labelled_augmentation", self.labelled_augmentation)
        labelled = digest(variable.numpy() for variable in self.given_variables)
        return {**super().training_settings(), **options, **applied, "labelled": labelled}

    @property
    def given_variables(self) -> list[keras.Variable]:
        return self.labelled.variables

    def get_config(self) -> JsonDict:
        config = super().get_config()
        del config["packing"]
        return {**config, **{name: getattr(self, name) for name in _OPTIONS}}


def _classes_of(discriminator: keras.Model) -> int:
    """Return the number of classes that a discriminator tells apart.

    Raises:
        ValueError: it tells none apart.
    """
    classes = getattr(discriminator, "classes", None)
    methods = all(hasattr(discriminator, name) for name in ("class_logits", "features"))
    if classes is None or not methods:
        raise ValueError(
            "Invalid value for argument `discriminator`: expected one with logits of classes, such "
            "as kgan.networks.MLPDiscriminator(image_shape, classes=10), received "
            f"{type(discriminator).__name__} with classes={classes}."
        )
    return classes
