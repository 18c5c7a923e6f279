"""Errors of TensorFlow about data, in the words of the data's source."""

import numpy as np
import pytest
import tensorflow as tf

from kgan.utils.explained import explained, reason

BROKEN = tf.errors.InvalidArgumentError(None, None, "broken")


def test_an_error_becomes_what_the_source_says():
    seen = []

    def explain(error):
        seen.append(error)
        return OSError("example 7 is no image")

    with pytest.raises(OSError, match="example 7") as caught, explained(explain):
        raise BROKEN
    assert seen == [BROKEN]
    assert caught.value.__suppress_context__
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("explain", [None, lambda error: None], ids=["none", "unknown"])
def test_what_nobody_explains_passes(explain):
    with pytest.raises(tf.errors.InvalidArgumentError, match="broken"), explained(explain):
        raise BROKEN


def test_other_errors_and_none_pass():
    asked = []
    with pytest.raises(KeyError), explained(asked.append):
        raise KeyError("a")
    with explained(asked.append):
        pass
    assert not asked


def message_of(run):
    with pytest.raises(tf.errors.OpError) as caught:
        run()
    return caught.value


def decode(content):
    data = tf.data.Dataset.from_tensors(content).map(tf.io.decode_png)
    return message_of(lambda: list(data))


def test_the_reason_is_without_the_nodes_of_the_program():
    raw = decode(b"no picture")
    assert "[[" in raw.message
    assert "{{" in raw.message
    said = reason(raw)
    assert said.startswith("Unknown image file format")
    assert not any(part in said for part in ("{{", "[[", "Iterator", "\n", "[Op:", "/job:"))


def test_the_reason_of_an_eager_operation():
    raw = message_of(lambda: tf.reshape(tf.zeros([4]), [3]))
    assert "[Op:Reshape]" in raw.message
    assert (
        reason(raw) == "Input to reshape is a tensor with 4 values, but the requested shape has 3"
    )


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (BROKEN, "broken"),
        (OSError("It is full. "), "It is full"),
        (ValueError("first line.\nsecond"), "first line"),
        (ValueError("{{function_node f}} no room"), "no room"),
        (ValueError("no room on /job:localhost/replica:0 [Op:Mul] name: "), "no room"),
        (
            ValueError("Error in user-defined function passed to Map: Iterator::Root::Map: broken"),
            "broken",
        ),
        (
            ValueError("2 root error(s) found.\nThe disk is full\n\t [[node x]]\n"),
            "The disk is full",
        ),
        (KeyError(), "KeyError"),
    ],
)
def test_the_reason_is_one_line(error, said):
    assert reason(error) == said


def test_data_that_python_makes():
    def rows():
        yield np.zeros(2)
        raise OSError("the disk is gone")

    data = tf.data.Dataset.from_generator(rows, output_signature=tf.TensorSpec([2]))
    assert "the disk is gone" in str(message_of(lambda: list(data)))
