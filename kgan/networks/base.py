"""Base classes of generators and discriminators."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar, TypeAlias, cast

import keras
import tensorflow as tf

from kgan import layers
from kgan.layers.base import InitializerLike, Shape
from kgan.networks.checks import checked_filters, checked_shape, doublings
from kgan.utils.checks import bounds, integer, one_of, positive_integer
from kgan.utils.types import JsonDict

__all__ = [
    "ConvolutionalNetwork",
    "Discriminator",
    "Generator",
    "InputShape",
    "Inputs",
    "Network",
    "fresh_initializer",
    "with_condition",
]

# What a network is called with: its input, or `[input, condition]`. And the shape of that.
Inputs: TypeAlias = "tf.Tensor | Sequence[tf.Tensor]"
InputShape: TypeAlias = Shape | Sequence[Shape]


def fresh_initializer(identifier: InitializerLike) -> keras.Initializer:
    """Return a new initializer for one layer: a shared one would give equal shapes equal values."""
    initializer = keras.initializers.get(identifier)
    return initializer.clone() if isinstance(initializer, keras.Initializer) else initializer


def with_condition(x: tf.Tensor | Shape, condition: tf.Tensor | Shape | None) -> Any:
    """Return `[x, condition]`, or `x` where there is no condition; of tensors or of shapes."""
    return x if condition is None else [x, condition]


class Network(keras.Model):
    """A network that may take a condition beside its input: the class labels of the examples.

    With `num_classes` it is called with `[inputs, labels]`. `build` of a subclass begins with
    `joined_shape` and `call` with `joined`. Both return the input of the first layer, and what
    later layers need of the condition.

    Args:
        image_shape: shape of one image, `(height, width, channels)`, or `(dim,)` for points.
        num_classes: None, or the number of classes.
        conditioning: how the network uses the label, one of `conditionings`.

    Attributes:
        conditionings: the choices for `conditioning`.
        embedding: the layer that turns labels into vectors, or None.
    """

    conditionings: ClassVar[tuple[str, ...]] = ("concatenation",)
    embedding: layers.ClassEmbedding | None

    def __init__(
        self,
        image_shape: Sequence[int],
        num_classes: int | None,
        conditioning: str,
        **kwargs: object,
    ):
        super().__init__(**kwargs)
        self.image_shape = checked_shape(image_shape)
        self.num_classes = num_classes
        if num_classes is not None:
            hint = "None makes a network without classes."
            self.num_classes = integer("num_classes", num_classes, 2, hint=hint)
        hint = f"{type(self).__name__} supports no other."
        self.conditioning = one_of("conditioning", conditioning, self.conditionings, hint)
        self.embedding = None

    def joined_shape(self, input_shape: InputShape) -> tuple[Shape, Shape | None]:
        """Return the shapes of what `joined` returns, for `build`."""
        shape, condition_shape = self._split_shape(input_shape)
        if condition_shape is None or self.conditioning != "concatenation":
            return shape, condition_shape
        self._build_embedding(condition_shape)
        return (*shape[:-1], 2 * cast("int", shape[-1])), None

    def joined(self, inputs: Inputs) -> tuple[tf.Tensor, tf.Tensor | None]:
        """Return the first layer's input, and the condition for later layers or None."""
        if not self.num_classes:
            return inputs, None
        x, condition = inputs
        if self.conditioning != "concatenation":
            return x, condition
        return keras.ops.concatenate([x, self._embedded(condition)], axis=-1), None

    def get_config(self) -> JsonDict:
        return {
            **super().get_config(),
            "image_shape": self.image_shape,
            "num_classes": self.num_classes,
            "conditioning": self.conditioning,
        }

    def _build_embedding(self, condition_shape: Shape) -> None:
        """Create the weights of the embedding that `joined` concatenates."""
        raise NotImplementedError

    def _embedded(self, condition: tf.Tensor) -> tf.Tensor:
        """Return the vectors of the classes, in the shape of the input."""
        raise NotImplementedError

    def _split_shape(self, input_shape: InputShape) -> tuple[Shape, Shape | None]:
        """Return the shapes of the input and of the condition or None."""
        if not self.num_classes:
            return cast("Shape", input_shape), None
        shape, condition_shape = cast("Sequence[Shape]", input_shape)
        return shape, condition_shape


class Generator(Network):
    """A differentiable map from latent points to images (Goodfellow et al. 2014, section 3).

    Subclasses define `build` and `call`. Both begin with `joined_shape` and `joined`, which add
    the condition, and `call` ends with `to_range`.

    Args:
        image_shape: shape of one image, `(height, width, channels)`, or `(dim,)` for points.
        latent_dim: size of a latent point.
        value_range: `(low, high)` of the output, or None for an output without bounds.
        num_classes: None, or the number of classes of a conditional generator.
        conditioning: how the generator uses the label. `"concatenation"` appends a learned vector,
            as long as a latent point, to the latents. `"batch_normalization"` learns a scale and a
            shift for each class (`kgan.layers.ConditionalBatchNormalization`).
        **kwargs: `name` and `dtype` of Keras.

    Input:
        float `[batch, latent_dim]`; with classes, a list of these and int32 labels `[batch]`.

    Output:
        float32 `[batch, *image_shape]` in `value_range`.

    Attributes:
        conditionings: the choices for `conditioning`.
        needs_latents: whether `latent_dim` is at least 1.
    """

    needs_latents: ClassVar[bool] = True

    def __init__(
        self,
        image_shape: Sequence[int],
        latent_dim: int = 100,
        value_range: tuple[float, float] | None = (-1.0, 1.0),
        num_classes: int | None = None,
        conditioning: str = "concatenation",
        **kwargs: Any,
    ):
        super().__init__(image_shape, num_classes, conditioning, **kwargs)
        if self.needs_latents:
            self.latent_dim = positive_integer("latent_dim", latent_dim)
        else:
            self.latent_dim = integer("latent_dim", latent_dim, 0)
        self.value_range = bounds("value_range", value_range)
        self.input_spec = keras.layers.InputSpec(shape=(None, self.latent_dim))
        if self.num_classes:
            self.input_spec = [self.input_spec, keras.layers.InputSpec(shape=(None,))]
        if self.num_classes and conditioning == "concatenation":
            self.embedding = layers.ClassEmbedding(
                self.num_classes,
                self.latent_dim,
                keras.initializers.RandomNormal(stddev=1.0),
                dtype=self.dtype_policy,
            )

    def _build_embedding(self, condition_shape: Shape) -> None:
        self.embedding.build(condition_shape)  # type: ignore[union-attr]

    def _embedded(self, condition: tf.Tensor) -> tf.Tensor:
        return self.embedding(condition)  # type: ignore[misc]

    def normalization(self) -> keras.layers.Layer:
        """Return a new batch normalization, conditional where `conditioning` asks for it."""
        settings = {"momentum": 0.9, "epsilon": 1e-5, "dtype": self.dtype_policy}
        if self.num_classes and self.conditioning == "batch_normalization":
            return layers.ConditionalBatchNormalization(self.num_classes, **settings)
        return layers.BatchNormalization(**settings)

    def to_range(self, logits: tf.Tensor) -> tf.Tensor:
        """Map logits to float32 values in `value_range` by a scaled sigmoid.

        Without a value range, return the logits in float32.
        """
        logits = keras.ops.cast(logits, "float32")
        if self.value_range is None:
            return logits
        low, high = self.value_range
        return low + (high - low) * keras.ops.sigmoid(logits)

    def compute_output_shape(self, input_shape: InputShape) -> Shape:
        return (self._split_shape(input_shape)[0][0], *self.image_shape)

    def get_config(self) -> JsonDict:
        return {
            **super().get_config(),
            "latent_dim": self.latent_dim,
            "value_range": self.value_range,
        }


class Discriminator(Network):
    """A differentiable map from images to one logit o(x); D(x) = sigmoid(o(x)).

    Subclasses define `build`, which begins with `joined_shape` and ends with `build_logits`, and
    `last_features`, from an image, joined with the condition, to the features that the logit is
    computed from. `__init__` creates `output_layer`, from features to the logit, in the precision
    of the weights: a logit is often a small difference of large sums.

    Args:
        image_shape: shape of one image, `(height, width, channels)`, or `(dim,)` for points.
        num_classes: None, or the number of classes of a conditional discriminator.
        conditioning: how the discriminator uses the label. `"projection"` adds the product of the
            features and a learned vector to the logit (Miyato and Koyama 2018, arXiv 1802.05637,
            eq. 3). `"concatenation"` appends a learned image to the image along its last axis.
        weight_constraint: None, or a Keras constraint on all trainable weights, such as
            `kgan.constraints.WeightClip(0.01)`; optimizers enforce it after each update.
        classes: None, or K for a discriminator that is a classifier too. It has logits l_k of K
            classes, and 0 as that of samples: `o(x) = log sum_k exp l_k(x)`, so that D(x) is the
            probability of the classes together (Salimans et al. 2016, arXiv 1606.03498, section 5).
        **kwargs: `name` and `dtype` of Keras.

    Input:
        float `[batch, *image_shape]`; with `num_classes`, a list of these and int32 labels
        `[batch]`. Where an input is m images along the last axis (`kgan.GAN`, `packing`), labels
        are `[batch, m]`.

    Output:
        float32 logits `[batch, 1]`.

    Attributes:
        independent_examples: whether the logit of an image depends on that image alone, so that
            real and generated images may share a batch. Batch normalization makes it False.
        spectral_normalization: whether the embedding of the classes is spectrally normalized, as
            the subclass's own layers are.
        num_features: number of features of an example, once the network is built.
    """

    conditionings: ClassVar[tuple[str, ...]] = ("projection", "concatenation")
    independent_examples = False
    spectral_normalization = False
    output_layer: keras.layers.Layer
    num_features: int

    def __init__(
        self,
        image_shape: Sequence[int],
        num_classes: int | None = None,
        conditioning: str = "projection",
        weight_constraint: str | JsonDict | keras.constraints.Constraint | None = None,
        classes: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(image_shape, num_classes, conditioning, **kwargs)
        self.weight_constraint = keras.constraints.get(weight_constraint)
        self.classes = classes
        if classes is not None:
            self.classes = integer("classes", classes, 2, hint="None makes one logit.")
            if self.num_classes:
                raise ValueError(
                    "Invalid value for argument `classes`: expected None beside "
                    f"num_classes={num_classes}, as D cannot find out the class that it is given, "
                    f"received {classes!r}. Leave one of them out."
                )
        self.input_spec = keras.layers.InputSpec(shape=(None, *self.image_shape))
        if self.num_classes:
            condition_spec = keras.layers.InputSpec(min_ndim=1, max_ndim=2)
            self.input_spec = [self.input_spec, condition_spec]

    def _create_embedding(
        self, dim: int, stddev: float, condition_shape: Shape, dtype: keras.DTypePolicy | str
    ) -> None:
        self.embedding = layers.ClassEmbedding(
            cast("int", self.num_classes),
            dim,
            keras.initializers.RandomNormal(stddev=stddev),
            self.spectral_normalization,
            dtype=dtype,
        )
        self.embedding.build(condition_shape)

    def _build_embedding(self, condition_shape: Shape) -> None:
        dim = math.prod(self.image_shape)
        self._create_embedding(dim, 1.0, condition_shape, self.dtype_policy)

    def _embedded(self, condition: tf.Tensor) -> tf.Tensor:
        vectors = self.embedding(condition)  # type: ignore[misc]
        return keras.ops.reshape(vectors, (-1, *self.image_shape))

    @property
    def output_units(self) -> int:
        """Number of outputs of `output_layer`: K where there are classes, else 1."""
        return self.classes or 1

    def build_logits(self, features: int, condition_shape: Shape | None) -> None:
        """Create the weights that `logits` uses, and set the constraint of all weights.

        Args:
            features: number of features of an example.
            condition_shape: second value of `joined_shape`.
        """
        self.num_features = features
        self.output_layer.build((None, features))
        if condition_shape is not None:
            # Products with unit features then have unit variance.
            self._create_embedding(features, features**-0.5, condition_shape, self.variable_dtype)
        self._set_constraint()

    def _set_constraint(self) -> None:
        """Give all weights the constraint, when they exist."""
        if self.weight_constraint is not None:
            for variable in self.trainable_variables:
                variable.constraint = self.weight_constraint

    def call(self, inputs: Inputs, training: bool = False) -> tf.Tensor:
        x, condition = self.joined(inputs)
        return self.logits(self.last_features(x, training), condition, training)

    def class_logits(self, inputs: Inputs, training: bool = False) -> tf.Tensor:
        """Return the logits l_k, float32 `[batch, classes]`; their softmax is p(class | image)."""
        outputs = self.last_outputs(self.features(inputs, training), training)
        return keras.ops.cast(outputs, "float32")

    def features(self, inputs: Inputs, training: bool = False) -> tf.Tensor:
        """Return the features that the logit is computed from, `[batch, num_features]`."""
        if not self.built:
            self(inputs)  # creates the weights
        # The scope that `__call__` opens. Names of blocks begin with an underscore, which
        # TensorFlow allows within one alone.
        with tf.name_scope(self.name):
            return self.last_features(self.joined(inputs)[0], training)

    def last_features(self, x: tf.Tensor, training: bool) -> tf.Tensor:
        """Return features `[batch, num_features]` of the first value of `joined`."""
        raise NotImplementedError(f"A {type(self).__name__} has no features of one vector.")

    def last_outputs(self, features: tf.Tensor, training: bool) -> tf.Tensor:
        """Return what the output layer makes of features, in the precision of the weights."""
        return self.output_layer(keras.ops.cast(features, self.variable_dtype))

    def logits(
        self, features: tf.Tensor, condition: tf.Tensor | None, training: bool = False
    ) -> tf.Tensor:
        """Return float32 logits `[batch, 1]` from features `[batch, num_features]`."""
        logits = self.last_outputs(features, training)
        if self.classes:
            logits = keras.ops.logsumexp(logits, axis=-1, keepdims=True)
        if condition is not None:
            features = keras.ops.cast(features, self.variable_dtype)
            vectors = self.embedding(condition)  # type: ignore[misc]
            logits += keras.ops.sum(vectors * features, axis=-1, keepdims=True)
        return keras.ops.cast(logits, "float32")

    def compute_output_shape(self, input_shape: InputShape) -> Shape:
        return (self._split_shape(input_shape)[0][0], 1)

    def get_config(self) -> JsonDict:
        return {
            **super().get_config(),
            "weight_constraint": keras.constraints.serialize(self.weight_constraint),
            "classes": self.classes,
        }


class ConvolutionalNetwork(keras.Model):
    """A mixin of `Network` for images whose sides are those of a small grid, doubled.

    A subclass calls `_set_filters` in its constructor.
    """

    image_shape: tuple[int, ...]

    def _set_filters(self, filters: int, multiple: int = 1) -> None:
        """Keep the argument `filters`, and how often the sides are halved or doubled."""
        self.filters = checked_filters(filters, multiple)
        self.halvings = doublings(self.image_shape)

    def _smallest_grid(self, channels: int) -> tuple[int, int, int]:
        """Return the shape of the smallest features, with so many channels."""
        height, width, _ = self.image_shape
        return height >> self.halvings, width >> self.halvings, channels

    def _grid_projection(
        self, channels: int, initializer: keras.Initializer, use_bias: bool = True
    ) -> keras.layers.Layer:
        """Return a layer from latents to the smallest features; keep their shape."""
        self.grid_shape = self._smallest_grid(channels)
        return keras.layers.Dense(
            math.prod(self.grid_shape),
            use_bias=use_bias,
            kernel_initializer=initializer,
            dtype=self.dtype_policy,
        )

    def get_config(self) -> JsonDict:
        return {**super().get_config(), "filters": self.filters}
