"""Pictures: every pixel of a grid is known, so every pixel is tested."""

import itertools

import matplotlib.image
import numpy as np
import pytest
from PIL import Image

from kgan import plots
from kgan.plots.images import GAP


def test_grid_separates_and_enlarges_without_smoothing():
    images = np.full((5, 8, 8, 1), -1.0)
    images[3, :, 4:] = 1.0  # left half black, right half white
    picture = plots.grid(images)
    factor = 7  # 8 pixels become 56
    tile, gap = 8 * factor, GAP
    assert picture.dtype == np.uint8
    # Five tiles stand in two rows of three.
    assert picture.shape == (2 * (tile + gap) + gap, 3 * (tile + gap) + gap, 3)
    top, left = gap + tile + gap, gap  # the fourth begins the second row
    fourth = picture[top : top + tile, left : left + tile]
    assert (fourth[:, : tile // 2] == 0).all()
    assert (fourth[:, tile // 2 :] == 255).all()
    assert (picture[:gap] == 255).all()
    assert (picture[gap + tile : top] == 255).all()
    assert (picture[top:, left + tile + gap + tile :] == 255).all()  # no sixth tile


@pytest.mark.parametrize(("side", "factor"), [(8, 7), (28, 2), (32, 2), (64, 1), (128, 1)])
def test_small_images_grow_to_a_visible_size(side, factor):
    assert plots.grid(np.zeros((1, side, side, 1))).shape[0] == side * factor + 2 * GAP


@pytest.mark.parametrize("value_range", [(-1, 1), (0, 1)])
def test_value_range_becomes_black_to_white(value_range):
    low, high = value_range
    values = np.linspace(low, high, 256).reshape(1, 16, 16, 1)
    picture = plots.grid(values, value_range)
    factor = 56 // 16 + 1
    middle = picture[GAP:-GAP:factor, GAP:-GAP:factor, 0]
    np.testing.assert_array_equal(middle.ravel(), np.arange(256))
    outside = plots.grid(np.array([low - 9.0, high + 9.0]).reshape(1, 1, 2, 1), value_range)
    assert outside[GAP, GAP, 0] == 0
    assert outside[GAP, -GAP - 1, 0] == 255


def test_colour_stays():
    image = np.zeros((1, 64, 64, 3))
    image[..., 0] = 1.0
    inner = plots.grid(image, (0, 1))[GAP:-GAP, GAP:-GAP]
    assert (inner == [255, 0, 0]).all()


def test_columns_are_as_asked():
    assert plots.grid(np.zeros((6, 64, 64, 1)), columns=6).shape[:2] == (64 + 8, 6 * 68 + 4)


def test_transparent_images_are_drawn_over_white():
    image = np.zeros((1, 56, 56, 4))
    image[0, :28] = (1, 0.5, 0, 0.5)  # half of it shows: white takes the other half
    inner = plots.grid(image, (0, 1))[GAP:-GAP, GAP:-GAP]
    np.testing.assert_array_equal(inner[0, 0], (255, 191, 128))
    np.testing.assert_array_equal(inner[-1, 0], (255, 255, 255))


def test_names_stand_before_the_rows():
    """The grid stays as it is, and each name has ink beside its row alone."""
    rows = plots.grid(np.zeros((3, 56, 56, 1)), columns=1)
    labelled = plots.label_rows(rows, ["cat\n", "", "a name of more than 24 letters"])
    margin = labelled.shape[1] - rows.shape[1]
    assert 0 < margin < 300
    np.testing.assert_array_equal(labelled[:, margin:], rows)
    ink = [(part < 128).any() for part in np.array_split(labelled[:, :margin], 3)]
    assert ink == [True, False, True]


@pytest.mark.parametrize("shape", [(4, 8, 8), (0, 8, 8, 1), (4, 8, 8, 2)])
def test_grid_wants_images(shape):
    with pytest.raises(ValueError, match=r"`images`: expected \[n, height, width, 1, 3 or 4\]"):
        plots.grid(np.zeros(shape))


IMAGE = np.zeros((1, 8, 8, 1))
PICTURE = np.zeros((8, 8, 3), np.uint8)


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: plots.grid(IMAGE, columns=-1), "`columns`: .* received -1. None makes the grid"),
        (lambda: plots.grid(IMAGE, (1, 0)), r"`value_range`: .* received \(1, 0\)"),
        (lambda: plots.pixels(IMAGE, (0, 0)), r"`value_range`: .* received \(0, 0\)"),
        (lambda: plots.side_by_side(), "`parts`: expected one or more .* received shapes none"),
        (lambda: plots.side_by_side(IMAGE[0]), r"`parts`: .* received shapes \(8, 8, 1\)"),
        (lambda: plots.side_by_side(IMAGE, columns=0), "`columns`: .* received 0. None makes"),
        (lambda: plots.points(np.zeros(3)), r"`values`: .* received shape \(3,\)"),
        (lambda: plots.points(np.zeros((0, 2))), r"`values`: .* received shape \(0, 2\)"),
        (
            lambda: plots.write_gif("a.gif", []),
            "`pictures`: expected one or more, .* received none",
        ),
        (lambda: plots.write_apng("a.png", [IMAGE[0]]), r"`pictures`: .* float64 \(8, 8, 1\)"),
        (lambda: plots.write_gif("a.gif", [PICTURE, PICTURE[:4]]), r"`pictures`: .* \(4, 8, 3\)"),
        (lambda: plots.write_gif("a.gif", [PICTURE], pause=-1), "`pause`: .* received -1"),
    ],
)
def test_unusable_arguments_are_named(draw, message):
    with pytest.raises(ValueError, match=message):
        draw()


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_points_leave_ink(dim):
    picture = plots.samples(np.random.default_rng(0).normal(size=(200, dim)), None)
    assert picture.shape == (480, 480, 3)
    assert 0.01 < (picture < 128).mean() < 0.5


def test_write_png_keeps_every_pixel(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    plots.write_png(tmp_path / "a.png", picture)
    read = matplotlib.image.imread(tmp_path / "a.png")
    np.testing.assert_array_equal(np.rint(read[..., :3] * 255), picture)


def test_curves_are_told_apart_in_greyscale():
    x = np.linspace(0, 1, 50)
    lines = {f"line {i}": (x, x + i) for i in range(6)}
    picture = plots.curves(
        [plots.Panel(lines, "x [m]", "y [m]"), plots.Panel({"_": (x, x)}, "x", "y", equal=True)]
    )
    assert picture.dtype == np.uint8
    assert picture.shape == (360, 960, 3)
    assert (picture == picture[..., :1]).all()  # grey only
    stacked = plots.curves([plots.Panel({"a": (x, x)}, "x", "y")] * 3, columns=2)
    assert stacked.shape == (720, 960, 3)


def test_logarithmic_axes_and_limits_are_obeyed():
    x = np.logspace(0, 3, 20)
    straight = plots.Panel({"_": (x, x**2)}, "x", "y", log_x=True, log_y=True)
    bent = plots.Panel({"_": (x, x**2)}, "x", "y")
    near = plots.Panel({"_": (x, x**2)}, "x", "y", x_limits=(1, 10), y_limits=(1, 100))
    pictures = [plots.curves(panel) for panel in (straight, bent, near)]
    assert all((a != b).any() for a, b in itertools.combinations(pictures, 2))


@pytest.mark.parametrize("log", [False, True])
def test_axes_without_limits_show_the_whole_line(log, caplog):
    x = np.logspace(0, 3, 20)
    panels = [
        plots.Panel({"_": (x, x)}, "x", "y", log_x=log, log_y=log),
        plots.Panel({"_": (x, x)}, "x", "y", equal=True),
    ]
    for panel in panels:
        inside = plots.curves(panel)[30:290, 100:450] < 128
        assert inside.any(axis=(0, 2)).mean() > 0.7  # columns with ink
    assert not caplog.records  # matplotlib logs what it could not obey


def moment(**changes):
    x = np.linspace(-4, 4, 81)
    arrays = {
        "p_g": np.exp(-((x - 1) ** 2) / 2),
        "discriminator": 1 / (1 + np.exp(x)),
        "images": np.linspace(-2, 2, 9),
    }
    return plots.Moment(**(arrays | changes))


def figure1(*moments):
    x = np.linspace(-4, 4, 81)
    return plots.figure1(x, np.exp(-(x**2) / 2), np.linspace(0, 1, 9), moments)


def test_figure1_is_one_moment_or_a_strip():
    assert figure1(moment()).shape == (380, 480, 3)
    strip = figure1(moment(), moment(title="later"), moment())
    assert strip.shape == (380, 960, 3)
    assert (strip < 128).mean() > 0.005


@pytest.mark.parametrize(
    ("change", "above"),
    [
        ({"p_g": np.full(81, 0.2)}, True),
        ({"discriminator": np.full(81, 0.3)}, True),
        ({"images": np.linspace(-1, 3, 9)}, False),
    ],
)
def test_figure1_shows_curves_above_and_arrows_below(change, above):
    rows = (figure1(moment()) != figure1(moment(**change))).any(axis=(1, 2))
    lower = slice(300, None)  # below the ticks of the curves
    assert rows[:300].any() == above
    assert rows[lower].any() != above


def test_figure1_tells_its_curves_apart_in_greyscale():
    """Each is flat here, so that a row of pixels shows its dashes: solid, dashed, dotted."""
    x = np.linspace(-4, 4, 81)
    flat = moment(p_g=np.full(81, 0.2), discriminator=np.full(81, 0.75))
    picture = plots.figure1(x, np.full(81, 0.4), np.linspace(0, 1, 9), flat)
    ink = picture[70:265, 70:410].mean(axis=-1) < 200
    breaks = np.abs(np.diff(ink.astype(int), axis=1)).sum(axis=1)[ink.mean(axis=1) > 0.2]
    dashed, dotted, solid = breaks[[0, len(breaks) // 2, -1]]  # D, p_data and p_g, from the top
    assert solid == 0
    assert 20 < dashed < dotted / 1.25  # 62 and 92 ends of dashes and dots


def test_gif_moves(tmp_path):
    pictures = [np.full((20, 30, 3), shade, np.uint8) for shade in (0, 120, 250)]
    plots.write_gif(tmp_path / "a.gif", pictures, seconds=0.2)
    with Image.open(tmp_path / "a.gif") as animation:
        assert (animation.n_frames, animation.size) == (3, (30, 20))
        shades = []
        for i in range(3):
            animation.seek(i)
            shades.append((animation.convert("L").getpixel((3, 3)), animation.info["duration"]))
    assert shades == [(0, 200), (120, 200), (250, 2000)]


def test_apng_keeps_every_pixel_and_a_pause_may_be_none(tmp_path):
    pictures = list(np.random.default_rng(0).integers(0, 256, (3, 5, 7, 3), dtype=np.uint8))
    for suffix, write in (("apng", plots.write_apng), ("gif", plots.write_gif)):
        write(tmp_path / f"a.{suffix}", pictures, seconds=0.05, pause=0.05)
        with Image.open(tmp_path / f"a.{suffix}") as animation:
            assert (animation.n_frames, animation.info["loop"]) == (3, 0)
            for i, picture in enumerate(pictures):
                animation.seek(i)
                assert animation.info["duration"] == 50
                if suffix == "apng":
                    np.testing.assert_array_equal(np.asarray(animation.convert("RGB")), picture)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_pixels_are_those_of_the_value_range(channels):
    images = np.full([1, 2, 3, channels], [[[-1.0]], [[0.5]]])
    found = plots.pixels(images)
    assert (found.dtype, found.shape) == (np.uint8, images.shape)
    assert found[0, :, 0, -1].tolist() == [0, 191]  # 255 * 3 / 4 = 191.25
    np.testing.assert_array_equal(plots.pixels(images, None), found)
    np.testing.assert_array_equal(plots.pixels(images * 2, (-2, 2)), found)
    assert plots.pixels(images, (0, 1))[0, :, 0, -1].tolist() == [0, 128], "clipped below"
