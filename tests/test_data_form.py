"""The form that pictures are brought to."""

import pytest

from kgan.data.form import Form


@pytest.mark.parametrize(("channels", "size"), [(None, 6), (1, 6), (3, 18), (4, 24)])
def test_a_picture_has_a_byte_for_each_channel(channels, size):
    """Channels that are not known yet count as one."""
    assert Form((2, 3), channels).image_bytes == size
