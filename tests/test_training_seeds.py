"""No two draws of a game share a seed."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgan.training import seeds

LAST = 2**35 - 1  # the largest position that is promised


def seed(*place, **options):
    found = seeds.draw_seed(*place, **options)
    assert found.dtype == tf.int64
    assert found.shape == (2,)
    return tuple(found.numpy().tolist())


def test_updates_are_counted_through():
    for k in (1, 3):
        steps = [tf.constant(step, tf.int64) for step in range(4)]
        found = [int(seeds.update_number(step, k, i)) for step in steps for i in range(k + 1)]
        assert found == list(range(4 * (k + 1)))
    many = seeds.update_number(tf.constant(2**30, tf.int32), 5, 2)
    assert many.dtype == tf.int64
    assert int(many) == 6 * 2**30 + 2


def test_streams_do_not_meet():
    named = [
        seeds.LATENTS,
        seeds.TEST_LATENTS,
        seeds.PENALTIES,
        *(seeds.AUGMENTATION, seeds.AUGMENTATION + 1),
        seeds.LAYERS,
        *(seeds.POOLS, seeds.POOLS + 1),
        seeds.LABELLED,
        seeds.MASKS,
        seeds.TERM_AUGMENTATION,
    ]
    assert len({*named}) == len(named)
    assert min(named) == 0
    assert max(named) < seeds.STREAMS
    # Random layers count up from theirs.
    assert min(stream for stream in named if stream > seeds.LAYERS) - seeds.LAYERS > 4000


def test_places_do_not_meet(monkeypatch):
    games, rollbacks, streams = (0, 1, 7), (0, 1, 2), (0, 1, seeds.STREAMS - 1)
    positions, replicas = (0, 1, 2, LAST), (0, 1, 2**16 - 1)
    seen = {}
    for number in replicas:
        monkeypatch.setattr(seeds, "replica", lambda number=number: number)
        for place in itertools.product(games, rollbacks, streams, positions):
            found = seed(*place)
            assert found not in seen, (place, number, seen[found])
            assert min(found) >= 0  # nothing has run over
            seen[found] = (place, number)
    assert len(seen) == 3 * 3 * 3 * 4 * 3


def test_the_parts_of_a_place_can_be_read():
    """Written down, as the bits of every run depend on it."""
    assert seed(5, 2, 3, 4) == (5 + 2 * 2**40, 4 * 2**28 + 3)


def test_replicas_share_what_is_shared(monkeypatch):
    for number in (0, 5):
        monkeypatch.setattr(seeds, "replica", lambda number=number: tf.constant(number))
        assert seed(1, 0, 2, 3, shared=True) == (1, 3 * 2**28 + 2)
        assert seed(1, 0, 2, 3) == (1, 3 * 2**28 + number * 2**12 + 2)


def test_random_layers_have_states_of_their_own():
    networks = [
        keras.Sequential([keras.Input((4,)), keras.layers.Dropout(0.5), keras.layers.Dense(2)]),
        keras.Sequential(
            [
                keras.Input((4,)),
                keras.layers.BatchNormalization(),
                keras.layers.GaussianNoise(1.0),
                keras.layers.Dropout(0.5),
            ]
        ),
    ]
    normalization = networks[1].layers[0]
    before = [weight.numpy() for weight in normalization.weights]
    states = [
        layer.seed_generator.state
        for layer in (networks[0].layers[0], networks[1].layers[1], networks[1].layers[2])
    ]
    asked = []

    def seed_of_layer(i):
        asked.append(i)
        return tf.constant([9, i], tf.int64)

    seeds.seed_layers(networks, seed_of_layer)
    assert asked == [0, 1, 2]
    first = [state.numpy().tolist() for state in states]
    assert len({tuple(state) for state in first}) == 3
    assert all(0 <= word < 2**31 - 2 for state in first for word in state)
    for state in states:
        state.assign([1, 1])
    seeds.seed_layers(networks, seed_of_layer)
    assert [state.numpy().tolist() for state in states] == first
    for weight, kept in zip(normalization.weights, before, strict=True):
        np.testing.assert_array_equal(weight, kept)


@pytest.mark.parametrize("position", [0, 1])
def test_a_layers_words_look_random(position):
    """Neighbouring seeds must not lead to neighbouring states, which Keras counts on from."""
    network = keras.Sequential([keras.Input((2,)), keras.layers.Dropout(0.5)])
    state = network.layers[0].seed_generator.state
    words = []
    for i in range(200):
        seeds.seed_layers([network], lambda _, i=i: tf.constant([i, 0], tf.int64))
        words.append(int(state.numpy()[position]))
    # Uniform on [0, 2^31): mean and deviation within four errors, and no order.
    shares = np.array(words) / 2**31
    assert abs(shares.mean() - 0.5) < 4 * (1 / 12 / 200) ** 0.5
    assert abs(np.corrcoef(shares[1:], shares[:-1])[0, 1]) < 4 / 200**0.5
    assert len({*words}) == 200
