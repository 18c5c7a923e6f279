"""The EMA of weights: its recursion, what it covers, and weights that come back."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgan.training.ema import ExponentialMovingAverage, NoAverage


def weights():
    return [keras.Variable([1.0, 2.0], name="one"), keras.Variable([[5.0]], name="two")]


def average_of(sources, decay=0.9):
    made = ExponentialMovingAverage(decay)
    made.build(lambda: sources)
    return made


@pytest.mark.parametrize("decay", [0, 0.2, 0.999])
def test_each_update_takes_in_the_weights(decay):
    sources = weights()
    ema = average_of(sources, decay)
    assert [variable.name for variable in ema.variables] == ["ema_0", "ema_1"]
    assert not any(variable.trainable for variable in ema.variables)
    assert (ema.name, ema.trainable, ema.built, ema.complete) == ("ema", False, True, True)
    expected = 0.0
    for t in range(6):
        sources[1].assign([[float(t * t + 1)]])
        ema.update(tf.constant(t, tf.int64))
        kept = min(decay, t / (t + 9))
        expected = kept * expected + (1 - kept) * (t * t + 1)
        assert float(ema.averages[1][0, 0]) == pytest.approx(expected, rel=1e-6)
        np.testing.assert_allclose(ema.averages[0], [1.0, 2.0], rtol=1e-6)  # which never moved


@pytest.mark.parametrize("decay", [-0.1, 1, 1.5, float("nan")])
def test_a_decay_is_below_one(decay):
    with pytest.raises(ValueError, match=r"`ema_decay`: expected None or a number in \[0, 1\)"):
        ExponentialMovingAverage(decay)


def test_a_restart_has_the_weights():
    sources = weights()
    ema = average_of(sources)
    ema.complete = False
    ema.restart()
    for average, source in zip(ema.averages, sources, strict=True):
        np.testing.assert_array_equal(average, source)
    assert ema.complete


def test_weights_come_back_after_an_error():
    sources = weights()
    ema = average_of(sources)
    for average in ema.averages:
        average.assign(7 * np.ones(average.shape))

    def use():
        with ema.swapped_in():
            assert [source.numpy().max() for source in sources] == [7.0, 7.0]
            for source in sources:
                source.assign(0 * source)
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        use()
    np.testing.assert_array_equal(sources[0], [1.0, 2.0])
    np.testing.assert_array_equal(sources[1], [[5.0]])
    assert ema.averages[0].numpy().max() == 7.0


def test_weights_that_it_does_not_cover_are_named():
    sources = weights()
    ema = average_of(sources)
    ema.check_covers(sources[:1])  # one was frozen since
    ema.check_covers([])
    other = keras.Variable([0.0], name="other")
    with pytest.raises(ValueError, match=r"received others as well, such as '.*other'"):
        ema.check_covers([*sources, other])


def test_averages_have_the_dtype_of_their_weights():
    source = keras.Variable([1.0, 2.0], dtype="float64")
    ema = average_of([source])
    for t in range(3):
        ema.update(tf.constant(t))
    assert ema.averages[0].dtype == "float64"
    np.testing.assert_allclose(ema.averages[0], [1.0, 2.0], rtol=1e-6)


def test_a_file_has_what_the_game_has():
    ema = average_of(weights())
    with pytest.raises(ValueError, match=r"The file has no EMA .*ema_decay=None"):
        ema.load_own_variables({})
    assert not ema.complete
    ema.load_own_variables({"0": np.array([3.0, 4.0]), "1": np.array([[6.0]])})
    assert ema.complete
    np.testing.assert_array_equal(ema.averages[0], [3.0, 4.0])
    earlier = {"0": [1.0, 1.0], "1": [[1.0]], "2": [5.0, 7.0], "3": [[8.0]]}
    ema.load_own_variables({key: np.array(value) for key, value in earlier.items()})
    np.testing.assert_array_equal(ema.averages[0], [5.0, 7.0])
    np.testing.assert_array_equal(ema.averages[1], [[8.0]])
    NoAverage().load_own_variables({})
    with pytest.raises(ValueError, match=r"of a game with an EMA .*`ema_decay` as well"):
        NoAverage().load_own_variables({"0": np.zeros(2)})
