"""What both networks are given beside their own input, as they declare it."""

import numpy as np
import pytest

import kgan
from kgan.training.condition import ConditionSpec


@pytest.mark.parametrize("packing", [1, 2])
def test_examples_are_what_the_symbol_describes(packing):
    """Labels are of class 0, which every game has; pixels differ and are the same again."""
    labels = ConditionSpec(num_classes=1).examples(3, packing)
    assert not labels.numpy().any()
    pixels = ConditionSpec(shape=(4, 4, 2)).examples(3, packing).numpy()
    assert pixels.std() > 0.5
    assert np.abs(pixels).max() <= 1
    np.testing.assert_array_equal(ConditionSpec(shape=(4, 4, 2)).examples(3, packing), pixels)
    for spec, found in ((ConditionSpec(1), labels), (ConditionSpec(None, (4, 4, 2)), pixels)):
        symbol = spec.symbol(packing)
        assert (symbol.dtype, tuple(symbol.shape[1:])) == (found.dtype, tuple(found.shape[1:]))
    assert ConditionSpec().symbol(packing) is ConditionSpec().examples(3, packing) is None


def test_one_of_two_networks_may_leave_the_image_out():
    shapes = {"image_shape": (8, 8, 1), "condition_shape": (8, 8, 3)}
    unet = kgan.networks.UNetGenerator(**shapes, filters=2)
    alone = kgan.networks.PatchDiscriminator((8, 8, 1), filters=2)
    assert ConditionSpec.of(unet, alone) == ConditionSpec(None, (8, 8, 3))
    assert ConditionSpec.of(alone, unet) == ConditionSpec(None, (8, 8, 3))
    labelled = kgan.networks.MLPGenerator((8, 8, 1), 4, (4,), num_classes=3)
    assert ConditionSpec.of(labelled, alone) == ConditionSpec(3, None)
