"""Picture files of every kind, pixel by pixel."""

import io

import numpy as np
import picture_files
import pytest
import tensorflow as tf
from PIL import Image

from kgan.data.conversion import in_form
from kgan.data.decoding import decode, facts, why_unreadable
from kgan.data.form import Form, checked_channels, colour, grey
from train.choices import BACKGROUNDS, RESIZES

ORANGE = (255, 136, 0)


def encoded(pixels, kind="PNG", mode=None, **options):
    image = Image.fromarray(pixels)
    file = io.BytesIO()
    (image.convert(mode) if mode else image).save(file, kind, **options)
    return file.getvalue()


def form(size=(8, 8), channels=3, resize="crop", background=(255, 255, 255)):
    return Form(size, channels, resize, background)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "WEBP"])
def test_lossless_files_keep_their_pixels(kind):
    pixels = picture_files.noise()
    options = {"lossless": True} if kind == "WEBP" else {}
    np.testing.assert_array_equal(decode(encoded(pixels, kind, **options), form()), pixels)


def test_jpeg_is_near():
    pixels = np.full((8, 8, 3), (200, 100, 50), np.uint8)
    found = decode(encoded(pixels, "JPEG", quality=95), form())
    assert np.abs(found.astype(int) - pixels).max() <= 3


def test_of_an_animation_the_first_frame_counts():
    first, second = (Image.new("RGB", (8, 8), name) for name in ("red", "blue"))
    file = io.BytesIO()
    first.save(file, "GIF", save_all=True, append_images=[second])
    np.testing.assert_array_equal(decode(file.getvalue(), form()), np.full((8, 8, 3), (255, 0, 0)))


def test_black_and_white_and_grey():
    pixels = picture_files.noise(channels=1)
    grey_form = form(channels=1)
    np.testing.assert_array_equal(decode(encoded(pixels), grey_form)[..., 0], pixels)
    np.testing.assert_array_equal(decode(encoded(pixels), form()), pixels[..., None].repeat(3, -1))
    bits = (pixels > 127).astype(np.uint8) * 255
    np.testing.assert_array_equal(decode(encoded(bits, mode="1"), grey_form)[..., 0], bits)


def test_16_bits_are_rounded_to_8():
    values = np.array([[0, 128, 129, 257], [32896, 65406, 65407, 65535]], np.uint16)
    # 65535 / 255 = 257 levels of 16 bits make one of 8: the halves lie at 128.5 and 65406.5.
    expected = [[0, 0, 1, 1], [128, 254, 255, 255]]
    found = decode(encoded(values), form((2, 4), 1))
    np.testing.assert_array_equal(found[..., 0], expected)


def test_colours_become_grey_by_their_luma():
    pixels = picture_files.noise()
    weights = np.array([0.299, 0.587, 0.114])
    found = decode(encoded(pixels), form(channels=1))[..., 0]
    assert np.abs(found - pixels @ weights).max() <= 0.51
    assert [grey(0, 0, 0), grey(255, 255, 255), grey(255, 0, 0)] == [0, 255, 76]


def test_greys_are_those_of_pillow():
    """Of all reds, greens and every third blue: each weight is exact to its last bit."""
    levels = np.arange(256, dtype=np.uint8)
    colours = np.stack(np.meshgrid(levels, levels, levels[::3], indexing="ij"), -1)
    expected = np.asarray(Image.fromarray(colours.reshape(256, -1, 3)).convert("L"))
    np.testing.assert_array_equal(grey(*colours.reshape(256, -1, 3).T.astype(int)).T, expected)


def test_cmyk():
    """Without ink it is white, with all of black it is black, and cyan takes the red away."""
    inks = np.zeros((8, 8, 4), np.uint8)
    inks[:, 2:4, 3] = 255
    inks[:, 4:6, 0] = 255
    image = Image.fromarray(inks, "CMYK")
    file = io.BytesIO()
    image.save(file, "JPEG", quality=100, subsampling=0)
    found = decode(file.getvalue(), form()).astype(int)
    for column, expected in ((0, (255, 255, 255)), (2, (0, 0, 0)), (4, (0, 255, 255))):
        assert np.abs(found[:, column] - expected).max() <= 6


@pytest.mark.parametrize("background", [(255, 255, 255), (0, 0, 0), ORANGE])
@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_what_is_transparent_is_laid_over_the_background(mode, background):
    """alpha * colour + (1 - alpha) * background, rounded to the nearest."""
    pixels = picture_files.noise(channels=4)
    pixels[0, 0] = (1, 2, 3, 0)  # a colour that nothing shows
    if mode == "LA":
        pixels[..., 1:3] = pixels[..., :1]
    content = encoded(pixels[..., [0, 3]] if mode == "LA" else pixels)
    share = pixels[..., 3:] / 255
    expected = share * pixels[..., :3] + (1 - share) * np.array(background)
    found = decode(content, form(background=background))
    np.testing.assert_array_equal(found, np.floor(expected + 0.5))
    assert tuple(found[0, 0]) == background


def test_a_palette_with_transparency():
    """A GIF's transparent entry, and the alpha of a PNG's palette."""
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putpixel((1, 0), 1)
    file = io.BytesIO()
    image.save(file, "GIF", transparency=0)
    found = decode(file.getvalue(), form((1, 2), background=ORANGE))
    np.testing.assert_array_equal(found, [[ORANGE, (200, 100, 50)]])
    file = io.BytesIO()
    image.save(file, "PNG", transparency=bytes([0, 51]))  # 51 / 255 is a fifth
    found = decode(file.getvalue(), form((1, 2), background=(0, 0, 0)))
    np.testing.assert_array_equal(found, [[(0, 0, 0), (40, 20, 10)]])


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_the_transparent_value_of_16_bits_is_hidden_as_that_of_8(channels, tmp_path):
    few = np.array([[7, 8, 255, 7]], np.uint8)
    wanted = form((1, 4), channels, background=ORANGE)
    many = few.astype(np.uint16) * 257
    content = encoded(many, transparency=7 * 257)
    found = decode(content, wanted)
    np.testing.assert_array_equal(found, decode(encoded(few, transparency=7), wanted))
    np.testing.assert_array_equal(found[0, 0], wanted.fill)
    many[0, 3] += 1  # the same in 8 bits, but shown
    shown = decode(encoded(many, transparency=7 * 257), wanted)
    np.testing.assert_array_equal(shown[0, 3], [7] * min(channels, 3) + [255] * (channels == 4))
    (tmp_path / "a.png").write_bytes(content)
    assert not facts(tmp_path / "a.png").grey


def test_four_channels_keep_alpha_and_no_hidden_colour():
    pixels = picture_files.noise(channels=4)
    pixels[0, 0] = (1, 2, 3, 0)
    found = decode(encoded(pixels), form(channels=4, background=ORANGE))
    assert tuple(found[0, 0]) == (*ORANGE, 0)
    shown = pixels[..., 3] > 0
    np.testing.assert_array_equal(found[shown], pixels[shown])
    opaque = decode(encoded(pixels[..., :3]), form(channels=4))
    np.testing.assert_array_equal(opaque[..., 3], 255)


def test_hidden_colours_do_not_bleed_when_alpha_is_resized():
    pixels = np.zeros((8, 8, 4), np.uint8)
    pixels[...] = (255, 0, 0, 0)  # hidden red
    pixels[:, ::2] = (0, 0, 255, 255)
    small = decode(encoded(pixels), form((2, 2), 4))
    np.testing.assert_array_equal(small[..., :3], np.broadcast_to((0, 0, 255), (2, 2, 3)))
    assert np.abs(small[..., 3].astype(int) - 128).max() <= 30


ORIENTED = {  # EXIF's orientation -> how the stored pixels are to be turned
    1: lambda x: x,
    2: lambda x: x[:, ::-1],
    3: lambda x: x[::-1, ::-1],
    4: lambda x: x[::-1],
    5: lambda x: x.transpose(1, 0, 2),
    6: lambda x: np.rot90(x, -1),
    7: lambda x: x[::-1, ::-1].transpose(1, 0, 2),
    8: lambda x: np.rot90(x),
}


@pytest.mark.parametrize("orientation", ORIENTED)
def test_pictures_are_turned_as_exif_says(orientation, tmp_path):
    pixels = picture_files.noise(size=(4, 6))
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(pixels, exif=exif)
    expected = ORIENTED[orientation](pixels)
    size = expected.shape[:2]
    np.testing.assert_array_equal(decode(content, form(size)), expected)
    (tmp_path / "a.png").write_bytes(content)
    assert facts(tmp_path / "a.png").size == size


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_exif_does_not_know_turns_nothing(orientation, tmp_path):
    pixels = picture_files.noise(size=(4, 6))
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(pixels, exif=exif)
    (tmp_path / "a.png").write_bytes(content)
    assert facts(tmp_path / "a.png").size == (4, 6)
    np.testing.assert_array_equal(decode(content, form((4, 6))), pixels)


@pytest.mark.parametrize(
    ("pixels", "mode", "expected"),
    [
        (picture_files.noise(channels=1), None, True),
        (picture_files.noise(channels=1), "1", True),
        (picture_files.noise(channels=1).astype(np.uint16), None, True),
        (picture_files.noise(channels=1), "LA", False),
        (picture_files.noise(channels=1), "P", False),
        (picture_files.noise(), None, False),
    ],
)
def test_grey_is_what_is_stored_as_grey_and_opaque(pixels, mode, expected, tmp_path):
    (tmp_path / "a.png").write_bytes(encoded(pixels, mode=mode))
    assert facts(tmp_path / "a.png").grey is expected


def test_geometry():
    """Columns of a wide picture, 2 by 6, without antialiasing to think of."""
    row = np.repeat(np.arange(6, dtype=np.uint8)[:, None] * 40, 3, axis=1)
    wide = np.stack([row, row])
    centre = decode(encoded(wide), form((2, 2)))
    np.testing.assert_array_equal(centre, wide[:, 2:4])
    padded = decode(encoded(wide), form((6, 6), resize="pad", background=ORANGE))
    np.testing.assert_array_equal(padded[2:4], wide)
    np.testing.assert_array_equal(padded[[0, 1, 4, 5]], np.broadcast_to(ORANGE, (4, 6, 3)))
    tall = decode(encoded(wide.transpose(1, 0, 2)), form((6, 6), resize="pad"))
    np.testing.assert_array_equal(tall[:, 2:4], wide.transpose(1, 0, 2))
    assert (tall[:, [0, 1, 4, 5]] == 255).all()
    stretched = decode(encoded(np.stack([row] * 6)), form((3, 6), resize="stretch"))
    np.testing.assert_array_equal(stretched, np.stack([row] * 3))
    alpha = decode(encoded(wide), form((6, 6), 4, resize="pad"))
    np.testing.assert_array_equal(alpha[0, 0], (255, 255, 255, 0))


@pytest.mark.parametrize("resize", RESIZES)
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("stored", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [(9, 5), (16, 20), (4, 4)])
def test_images_of_tfds_are_treated_alike(size, stored, channels, resize):
    """TensorFlow's operations agree with Pillow's: exactly without resizing, to 2 levels with it.

    Pillow rounds after each axis. Where alpha is small, a level of it moves the colour further.
    """
    y, x = np.mgrid[0:16, 0:20]
    planes = [(7 * x + 3 * y) % 256, (5 * x + 11 * y) % 256, 12 * x, 110 + 9 * y]
    pixels = np.stack(planes[: stored - 1 + stored % 2], -1)
    if stored % 2 == 0:
        pixels = np.concatenate([pixels, planes[3][..., None]], -1)
    pixels = pixels.astype(np.uint8)
    wanted = form(size, channels, resize, ORANGE)
    by_pillow = decode(encoded(pixels if stored > 1 else pixels[..., 0]), wanted)
    known = in_form(tf.constant(pixels), wanted)
    unknown = tf.function(lambda image: in_form(image, wanted)).get_concrete_function(
        tf.TensorSpec([None, None, None], tf.uint8)
    )(tf.constant(pixels))
    np.testing.assert_array_equal(known, unknown)
    assert known.shape == by_pillow.shape
    limit = 0 if size == (16, 20) else 2
    assert np.abs(by_pillow.astype(int) - known.numpy()).max() <= limit * (
        2 if channels == 4 else 1
    )


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no PNG, JPEG, GIF, BMP or WebP file"),
        (b"GIF89a", "no PNG, JPEG"),
        (encoded(picture_files.noise(size=(64, 64)))[:3000], "image file is truncated"),
        (encoded(picture_files.noise(size=(64, 64)), "JPEG")[:900], "image file is truncated"),
        (encoded(picture_files.noise(), "TIFF"), "no PNG, JPEG, GIF, BMP or WebP file"),
    ],
    ids=["empty", "head", "png", "jpeg", "tiff"],
)
def test_why_a_file_cannot_be_decoded(content, why):
    with pytest.raises(Exception) as error:  # noqa: PT011 (of many kinds)
        decode(content, form())
    assert why in why_unreadable(error.value)


def test_only_the_formats_that_are_decoded_have_facts(tmp_path):
    (tmp_path / "a.png").write_bytes(encoded(picture_files.noise(), "TIFF"))
    with pytest.raises(Exception, match="cannot identify image file"):
        facts(tmp_path / "a.png")


def test_a_crop_is_the_middle_of_the_longer_side():
    """Without resizing, so that each pixel is where it was."""
    pixels = picture_files.noise()  # 8 x 8
    wide, high = pixels[:4], pixels[:, :4]
    np.testing.assert_array_equal(decode(encoded(wide), form((4, 4))), wide[:, 2:6])
    np.testing.assert_array_equal(decode(encoded(high), form((4, 4))), high[2:6])


def test_colours_and_channels():
    assert [colour(name) for name in (None, "white", "black", "#ff8800")] == [
        *((255, 255, 255), (255, 255, 255), (0, 0, 0)),
        ORANGE,
    ]
    assert {colour(name) for name in BACKGROUNDS} == {(255, 255, 255), (0, 0, 0)}
    for wrong in ("#ff88", "ff8800", "mauve", 3, "#gg0000"):
        with pytest.raises(ValueError, match="`background`: expected 'white', 'black' or a colour"):
            colour(wrong)
    assert [checked_channels(n) for n in (None, 1, 3, 4)] == [None, 1, 3, 4]
    for wrong in (0, 2, True, "3"):
        with pytest.raises(ValueError, match=r"`channels`: expected 1 \(grey\), 3"):
            checked_channels(wrong)
