"""What `kgan.GAN.fit` adds to Keras's: checked data, callbacks for two optimizers, resume."""

from __future__ import annotations

import types
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from kgan.training.collapse import CollapseWatch
from kgan.training.minibatches import plain_errors
from kgan.training.tracing import RetraceEachEpoch
from kgan.training.validation import check_data, check_no_weights
from kgan.utils.explained import explained
from kgan.utils.types import JsonDict

if TYPE_CHECKING:
    from kgan.training.saving import SavedGame

__all__ = ["Fitting", "SeekEachEpoch", "validate_callbacks"]

# Keras's callbacks that expect one optimizer or one loss, and what to use in their place.
_REFUSED = {
    keras.callbacks.BackupAndRestore: (
        "it begins an interrupted epoch again with the weights from within it; "
        "kgan.callbacks.Checkpoint resumes exactly"
    ),
    keras.callbacks.LearningRateScheduler: (
        "there are two learning rates; give each optimizer a schedule "
        "(keras.optimizers.schedules) instead"
    ),
    keras.callbacks.ReduceLROnPlateau: (
        "there are two learning rates, and a game that goes well need not lower any loss; give "
        "each optimizer a schedule (keras.optimizers.schedules) instead"
    ),
    keras.callbacks.SwapEMAWeights: (
        "there are two optimizers; the argument ema_decay of kgan.GAN averages the generator"
    ),
    keras.callbacks.TerminateOnNaN: (
        'it looks at logs["loss"] alone, which a game does not have; '
        "kgan.callbacks.NonFinite looks at both networks"
    ),
}


class Fitting(keras.Model):
    """The methods of `kgan.GAN` that train: Keras's own, on data that are checked."""

    _batch_checked = False
    _watch: CollapseWatch | None = None  # of the last fit

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        callbacks: Sequence[keras.callbacks.Callback] | None = None,
        initial_epoch: int = 0,
        collapse_alarm: bool = True,
        **kwargs: Any,
    ) -> keras.callbacks.History:
        """Train, as `keras.Model.fit`, on arrays of images or a `tf.data.Dataset` of them.

        Images are floating point in the game's value range. `batch_size` (or the data set's
        batches) is k * m, which k must divide, the last batch of an epoch included. Data of a
        conditional game are pairs `(images, labels)`, or `x` and `y`. Arrays, and the first batch
        of other data, are checked before anything is compiled.

        On a data set of `kgan.data.load`, the batch of step t follows from the data set's seed and
        t. A callback with a method `resume`, such as `kgan.callbacks.Checkpoint`, may restore an
        earlier training, whose epochs then go on. Keras's callbacks for one optimizer are refused.

        From step 1,000 on, samples are compared with images every 500 steps, and a warning is given
        once if they collapse: `kgan.callbacks.CollapseAlarm`. Name one in `callbacks` to choose how
        and when; `collapse_alarm=False` is for none.

        Raises:
            ValueError: the game cannot use the data, k does not divide a batch, or a callback
                cannot do its work here.
        """
        callbacks = [*validate_callbacks(callbacks), RetraceEachEpoch()]
        given = x
        if self.compiled:
            self.make_train_function()  # refuses what changed since `compile`, before data are read
            x, y = _checked_data(self, x, y, batch_size, kwargs)
        facts = _facts(given, batch_size, kwargs)
        if collapse_alarm and not any(hasattr(each, "watches_collapse") for each in callbacks):
            self._watch = CollapseWatch(x, y, given, self._watch)
            callbacks.append(self._watch)
        seekable = x if hasattr(x, "seek") else None
        steps = 0
        if seekable is not None:
            steps = kwargs.pop("steps_per_epoch", None) or len(x)
            x = seekable.from_position(steps)
        # `resume` restores the state of an earlier training and says where its epochs stood.
        done = 0
        for callback in callbacks:
            if hasattr(callback, "resume") and self.compiled:
                initial_epoch, done = callback.resume(self, steps, facts) or (initial_epoch, 0)
        # First, so that the data stand right before any other callback looks at them.
        if seekable is not None:
            callbacks = [SeekEachEpoch(seekable, steps, done), *callbacks]
        if isinstance(x, (tf.data.Dataset, types.GeneratorType)):
            kwargs.setdefault("shuffle", False)  # Keras's default warns that it has no effect here
        # Data that are read from disk say what is wrong with them.
        explain = getattr(seekable, "explain", None)
        with plain_errors(), explained(explain), warnings.catch_warnings():
            if done:  # Keras warns when an epoch that was begun before has fewer steps
                warnings.filterwarnings("ignore", message="Your input ran out of data")
            return super().fit(
                x, y, batch_size, callbacks=callbacks, initial_epoch=initial_epoch, **kwargs
            )

    def train_on_batch(self, x: Any, y: Any = None, **kwargs: Any) -> Any:
        """Take one step on one batch, as `keras.Model.train_on_batch`.

        The pixels of the first batch are checked, as in `fit`, those of later ones are not.

        Raises:
            ValueError: the game cannot use the batch.
        """
        if self.compiled and not self._batch_checked and hasattr(x, "shape"):
            _, y = check_data(self, x, y, len(x), self.discriminator_steps)
            self._batch_checked = True
        if self.run_eagerly:  # Keras hands arrays through as they are
            x, y = (None if each is None else tf.convert_to_tensor(each) for each in (x, y))
        with plain_errors():
            return super().train_on_batch(x, y, **kwargs)


def _checked_data(
    gan: SavedGame, x: Any, y: Any, batch_size: int | None, options: dict[str, Any]
) -> tuple[Any, Any]:
    """Check all data of `fit`, which takes them as `x`, `y` and `validation_data`."""
    check_no_weights(gan, **{name: options.get(name) for name in ("sample_weight", "class_weight")})
    validation_data = options.get("validation_data")
    if validation_data is not None:
        held_out, condition, weights = keras.utils.unpack_x_y_sample_weight(validation_data)
        check_no_weights(gan, validation_data=weights)
        size = options.get("validation_batch_size") or batch_size
        held_out = check_data(gan, held_out, condition, size, argument="validation_data")
        options["validation_data"] = held_out
    share = 1.0 if validation_data is not None else 1.0 - (options.get("validation_split") or 0.0)
    return check_data(gan, x, y, batch_size, gan.discriminator_steps, share)


def _facts(x: Any, batch_size: int | None, options: dict[str, Any]) -> JsonDict:
    """Return what is known of data without reading them, for a callback that resumes."""
    steps, batch = options.get("steps_per_epoch"), None
    if isinstance(x, tf.data.Dataset):
        shape = tf.nest.flatten(x.element_spec)[0].shape
        batch = shape[0] if shape.rank else None
        known = int(x.cardinality())  # negative: unknown, or without end
        steps = steps or (known if known >= 0 else None)
    elif hasattr(x, "shape"):
        batch = batch_size or 32
        rows = int(len(x) * (1 - (options.get("validation_split") or 0)))
        steps = steps or -(-rows // batch)
    fingerprint = getattr(x, "data_fingerprint", None)
    facts = {"steps_per_epoch": steps, "batch_size": batch, "fingerprint": fingerprint}
    condition = getattr(x, "condition", None)
    if condition is not None:
        facts["condition"] = f"{type(condition).__name__} {condition.get_config()}"
    return {f"data.{name}": value for name, value in facts.items() if value is not None}


def validate_callbacks(callbacks: Any) -> list[keras.callbacks.Callback]:
    """Return the callbacks as a list.

    Raises:
        ValueError: a callback cannot do its work with two optimizers, or several would resume.
    """
    given = keras.tree.flatten(callbacks) if callbacks else []
    for callback in given:
        for refused, reason in _REFUSED.items():
            if isinstance(callback, refused):
                raise ValueError(
                    "Invalid value for argument `callbacks`: expected callbacks that work with two "
                    f"optimizers, received {type(callback).__name__}: {reason}."
                )
    if sum(hasattr(callback, "resume") for callback in given) > 1:
        raise ValueError(
            "Invalid value for argument `callbacks`: expected at most one that resumes, received "
            "several. Keep one kgan.callbacks.Checkpoint."
        )
    return given


class SeekEachEpoch(keras.callbacks.Callback):
    """Start each epoch at the batch of the model's next step.

    Args:
        dataset: the data, with a method `seek(begin, count)`.
        steps: the number of steps of an epoch.
        done: the number of steps of the first epoch that were taken before.
    """

    def __init__(self, dataset: Any, steps: int, done: int):
        super().__init__()
        self.dataset = dataset
        self.steps = steps
        self.done = done

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.dataset.seek(self.model.step, self.steps - self.done)
        self.done = 0
