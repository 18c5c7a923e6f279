"""Why a file cannot be loaded, in one sentence."""

import keras
import pytest

from kgan.utils.loading import error_summary, explained_loading


def test_a_summary_is_the_type_and_the_first_line_without_configurations():
    error = TypeError(
        "Error when deserializing class 'Dense' using config={'units': 'x'}.\n\nException: y"
    )
    assert error_summary(error) == "TypeError: Error when deserializing class 'Dense' using"
    named = ValueError("Unknown layer. Full object config: {'class_name': 'A'}")
    assert error_summary(named) == "ValueError: Unknown layer."
    shorter = ValueError("Unknown layer. Full config: {'class_name': 'A'}")
    assert error_summary(shorter) == "ValueError: Unknown layer."
    assert error_summary(OSError()) == "OSError: "


def test_an_error_names_the_file_and_what_to_do():
    with (
        pytest.raises(
            ValueError, match=r"^a\.keras cannot be loaded \(OSError: short\)\. Copy it"
        ) as e,
        explained_loading("a.keras", "Copy it again."),
    ):
        raise OSError("short\nlong")
    assert isinstance(e.value.__cause__, OSError)
    with explained_loading("a.keras", "Copy it again."):
        pass


class Mine(keras.layers.Layer):
    pass


def test_a_class_that_keras_does_not_know_is_named(tmp_path):
    path = tmp_path / "model.keras"
    keras.Sequential([keras.Input((2,)), Mine()]).save(path)
    expected = rf"{path} cannot be loaded: it needs 'Mine', which is not registered with Keras"
    with pytest.raises(ValueError, match=expected) as caught, explained_loading(path, "No."):
        keras.models.load_model(path)
    assert "--import=MODULE" in str(caught.value)
    assert "No." not in str(caught.value)
