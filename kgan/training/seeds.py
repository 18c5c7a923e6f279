"""Seeds: every random draw of a game is a pure function of (seed, step, update, replica).

A run can therefore be repeated, resumed at any step, and distributed without two draws ever sharing
their numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from kgan.training.distribution import replica

__all__ = [
    "AUGMENTATION",
    "CONSISTENCY",
    "LABELLED",
    "LATENTS",
    "LAYERS",
    "MASKS",
    "PENALTIES",
    "POOLS",
    "STREAMS",
    "TERM_AUGMENTATION",
    "TEST_LATENTS",
    "draw_seed",
    "seed_layers",
    "update_number",
]

# Streams of random numbers. Augmentation has two: samples, then data. Random layers have one each.
LATENTS, TEST_LATENTS, PENALTIES, AUGMENTATION, _, LAYERS = range(6)
# Upper bounds of streams and of replicas; 2**35 updates remain within an int64.
STREAMS, REPLICAS = 2**12, 2**16
POOLS = STREAMS - 2  # two, from the end: random layers count up
LABELLED = STREAMS - 3
MASKS = STREAMS - 4
TERM_AUGMENTATION = STREAMS - 5  # of what the further term of a variant reads
CONSISTENCY = STREAMS - 6  # augmentation of data in a term beside that
ROLLBACK = 2**40  # between the seeds of a run before and after a rollback


def update_number(step: tf.Tensor, discriminator_steps: int, i: int) -> tf.Tensor:
    """Return the number of optimizer updates of both networks before update `i` of a step.

    Args:
        step: the number of finished steps, an integer scalar.
        discriminator_steps: k of Algorithm 1.
        i: the update within the step, from 0; the generator's is `discriminator_steps`.

    Returns:
        An int64 scalar.
    """
    return tf.cast(step, tf.int64) * (discriminator_steps + 1) + i


def draw_seed(
    seed: int, rollbacks: tf.Tensor, stream: int, position: tf.Tensor, shared: bool = False
) -> tf.Tensor:
    """Return a seed for `tf.random.stateless_*` that no other draw of the game has.

    Args:
        seed: the game's seed.
        rollbacks: how often the game was rolled back; it then needs other numbers than before.
        stream: what is drawn, one of the constants of this module.
        position: when, such as an update's number.
        shared: whether all replicas draw alike.

    Returns:
        int64 `[2]`.
    """
    place = tf.cast(position, tf.int64) * REPLICAS
    if not shared:
        place += tf.cast(replica(), tf.int64)
    run = tf.constant(seed, tf.int64) + tf.cast(rollbacks, tf.int64) * ROLLBACK
    return tf.stack([run, place * STREAMS + stream])


def seed_layers(networks: Sequence[keras.Model], seed_of_layer: Callable[[int], tf.Tensor]) -> None:
    """Set the state of every random layer (dropout, noise) of some networks.

    Keras keeps a running state in such a layer: two integers, of which it uses 31 bits and counts
    on the second. Without this, masks would depend on how often the layer has been called.

    Args:
        networks: networks whose layers are seeded.
        seed_of_layer: from a layer's position to a seed `[2]`.
    """
    states = [
        state
        for network in networks
        for state in network.non_trainable_variables
        if state.name == "seed_generator_state"
    ]
    for i, state in enumerate(states):
        # Random words, not the seed itself: neighbouring seeds would meet as Keras counts on.
        words = tf.random.stateless_uniform(
            [2], seed_of_layer(i), 0, 2**31 - 2, tf.int64, alg="philox"
        )
        state.assign(tf.cast(words, state.dtype))
