"""Conditions that are made of images: their definitions, and data that come with them."""

import itertools
import json
import subprocess

import keras
import numpy as np
import pytest
import tensorflow as tf
import warm

import kgan
from export import onnx
from export.program import export
from export.serving.model import Model
from kgan import conditions
from kgan.data import load
from train.auto import automatic, chosen
from train.config import Config, resolve
from train.run import located, train
from train.sampling.options import Options
from train.sampling.run import sample

IMAGES = np.random.default_rng(0).uniform(0, 1, (6, 8, 12, 3)).astype("float32")
GREY = IMAGES[..., :1]


def test_edges_are_steps_of_a_quarter_or_more():
    """By Sobel's operator, whose response to a vertical step of height h is 4 h."""
    steps = np.zeros((3, 8, 8, 1), np.float32)
    for image, height in zip(steps, (1.0, 0.26, 0.24), strict=True):
        image[:, 4:] = height
    made = conditions.Edges()(steps).numpy()
    assert made.shape == (3, 8, 8, 1)
    on_both_sides = np.zeros((8, 8, 1))
    on_both_sides[:, 3:5] = 1
    for image, expected in zip(
        made, (on_both_sides, on_both_sides, 0 * on_both_sides), strict=True
    ):
        np.testing.assert_array_equal(image, expected)


def test_grey_is_the_luma():
    made = conditions.Grey()(IMAGES)
    np.testing.assert_allclose(made[..., 0], IMAGES @ [0.299, 0.587, 0.114], rtol=1e-6)
    assert conditions.Grey()(GREY) is GREY


@pytest.mark.parametrize("factor", [2, 4])
def test_low_resolution_is_the_mean_of_blocks(factor):
    made = conditions.LowResolution(factor)(IMAGES).numpy()
    blocks = IMAGES.reshape(6, 8 // factor, factor, 12 // factor, factor, 3).mean((2, 4))
    np.testing.assert_allclose(made, blocks, rtol=1e-5)
    # What a finer grid has is gone: nothing of a chessboard is left to alias.
    board = np.indices((8, 8)).sum(0) % 2
    coarse = conditions.LowResolution(factor)(board[None, ..., None].astype("float32"))
    np.testing.assert_allclose(coarse, 0.5)


def test_masks_keep_what_is_given_and_say_where():
    half = conditions.Masked("half")(IMAGES).numpy()
    assert half.shape == (6, 8, 12, 4)
    np.testing.assert_array_equal(half[:, :, :6, :3], IMAGES[:, :, :6])
    np.testing.assert_array_equal(half[:, :, 6:, :3], 0.5)
    np.testing.assert_array_equal(half[..., 3], np.broadcast_to(np.arange(12) < 6, (6, 8, 12)))

    many = np.random.default_rng(1).uniform(0, 1, (400, 16, 16, 1)).astype("float32")
    masked = conditions.Masked()(many).numpy()
    mask = masked[..., 1] == 1
    np.testing.assert_array_equal(masked[mask, 0], many[mask, 0])
    np.testing.assert_array_equal(masked[~mask, 0], 0.5)
    rows, columns = (~mask).any(2).sum(1), (~mask).any(1).sum(1)
    np.testing.assert_array_equal(rows * columns, (~mask).sum((1, 2)))  # one rectangle each
    for sides in (rows, columns):
        assert (sides.min(), sides.max()) == (4, 12)
        assert np.bincount(sides)[4:13].min() > 10
    assert mask.mean((0, 1)).max() < 0.97  # every column is hidden now and then
    # A function of the image alone: the same in another batch, a graph and XLA.
    np.testing.assert_array_equal(conditions.Masked()(many[7:9]), masked[7:9])
    compiled = tf.function(conditions.Masked(), jit_compile=True)
    np.testing.assert_array_equal(compiled(many[:50]), masked[:50])


def test_random_parts_follow_from_the_image():
    """`pixels` hides 3/4, each pixel as often as any other; `any` hides what random masks hide."""
    many = np.random.default_rng(1).uniform(0, 1, (1000, 16, 16, 1)).astype("float32")
    given = conditions.Masked("pixels").given(many).numpy()
    assert given.shape == (1000, 16, 16, 1)
    # Four standard deviations of 256,000 and of 1,000 draws.
    assert given.mean() == pytest.approx(0.25, abs=0.0034)
    assert np.abs(given.mean(0) - 0.25).max() < 0.055
    # Neighbours and images are independent: as often both given as chance has it.
    for other in (np.roll(given, 1, 2), np.roll(given, 1, 0)):
        assert (given & other).mean() == pytest.approx(0.0625, abs=0.002)
    hidden = 1 - conditions.Masked("any").given(many).numpy().mean((1, 2, 3))
    assert 280 < (hidden == 0.5).sum() < 390, "a third are halves, and some rectangles are as large"
    assert hidden.min() < 0.1
    assert hidden.max() > 0.95
    for part in ("pixels", "any"):  # of the image alone, in a graph and XLA too
        condition = conditions.Masked(part)
        made = condition(many[:50]).numpy()
        np.testing.assert_array_equal(condition(many[7:9]), made[7:9])
        np.testing.assert_array_equal(tf.function(condition, jit_compile=True)(many[:50]), made)


@pytest.mark.parametrize("name", conditions.CONDITIONS)
def test_conditions_come_from_names_and_configurations(name):
    condition = conditions.get(name)
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(condition)))
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is type(condition)
    np.testing.assert_array_equal(again(IMAGES), condition(IMAGES))
    assert conditions.get(condition) is condition
    made = condition(IMAGES)
    assert made.dtype == tf.float32
    assert 0 <= float(tf.reduce_min(made)) <= float(tf.reduce_max(made)) <= 1


def test_bad_conditions_are_named():
    with pytest.raises(ValueError, match=r"`condition`: expected None, 'label', one of edges"):
        conditions.get("sketch")
    with pytest.raises(ValueError, match=r"`factor`: expected a power of 2.*received 3"):
        conditions.LowResolution(3)
    with pytest.raises(ValueError, match=r"sides 8 divides, received 8 x 12\. Resize them"):
        conditions.LowResolution(8)(IMAGES)
    with pytest.raises(ValueError, match=r"`part`: expected one of"):
        conditions.Masked("quarter")


# Data


@pytest.mark.slow
@pytest.mark.parametrize("value_range", [(-1.0, 1.0), (0.0, 1.0)])
def test_data_come_with_their_conditions(data_dir, value_range):
    options = {"batch_size": 50, "data_dir": data_dir, "value_range": value_range, "mirror": True}
    low, high = value_range
    plain = next(iter(load("digits", **options)))
    pairs = load("digits", condition="masked_half", **options)
    images, made = next(iter(pairs))
    np.testing.assert_array_equal(images, plain)
    # Of the mirrored images: it is the right half that is hidden.
    expected = conditions.Masked("half")((plain - low) / (high - low))
    np.testing.assert_allclose(made, low + (high - low) * expected, atol=1e-6)
    assert pairs.value_range == value_range
    # What a resumed training compares.
    edges = load("digits", condition="edges", **options)
    assert isinstance(edges.condition, conditions.Edges)
    assert pairs.condition.part == "half"
    # It seeks as any data do.
    pairs.seek(len(pairs) + 2, 1)
    (found,) = pairs.from_position(1)
    again = load("digits", condition="masked_half", **options)
    expected = next(itertools.islice(itertools.chain(again, again), len(again) + 2, None))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_condition_is_one_and_of_images(data_dir):
    options = {"batch_size": 50, "data_dir": data_dir}
    labelled = load("digits", condition="label", **options)
    assert len(labelled.class_names) == 10
    with pytest.raises(ValueError, match=r"`condition`: expected None beside `with_labels=True`"):
        load("digits", condition="edges", with_labels=True, **options)
    with pytest.raises(ValueError, match=r"`condition`: it is for images"):
        load("ring", condition="edges")
    with pytest.raises(ValueError, match=r"`condition`: expected None, 'label', one of edges"):
        load("digits", condition="sketch", **options)


# The program


SMALL = {"dataset": "digits", "network": "unet", "width": 2, "batch_size": 16, "steps": 4}


@pytest.mark.slow
def test_a_run_records_its_condition_and_resumes(data_dir, tmp_path):
    """Two runs of four steps, one of which is stopped after two, end with the same bits."""
    options = {**SMALL, "variant": "pix2pix", "condition": "masked", "latent_dim": 2, "r1": 1.0}
    whole = Config(**options, checkpoint_every=2)
    train(whole, tmp_path / "whole", data_dir)
    train(Config(**{**options, "steps": 2}, checkpoint_every=2), tmp_path / "parts", data_dir)
    train(whole, tmp_path / "parts", data_dir)
    record = json.loads((tmp_path / "whole" / "config.json").read_text())
    assert record["data"]["condition_shape"] == [8, 8, 2]
    assert keras.saving.deserialize_keras_object(record["condition"]).part == "rectangle"
    one, other = (
        keras.saving.load_model(tmp_path / n / "generator.keras") for n in ("whole", "parts")
    )
    assert isinstance(one, kgan.networks.UNetGenerator)
    assert one.keep_given
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert (tmp_path / "whole" / "samples" / "step_00000004.png").stat().st_size > 0


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"condition": "edges", "network": "mlp"},
            r"--condition=edges and --network=mlp: expected one of unet, resnet for --network",
        ),
        ({"network": "unet"}, r"--network=unet: expected --condition beside it"),
        (
            {"network": "resnet", "variant": "pix2pix"},
            r"--variant=pix2pix: expected --condition beside it",
        ),
        (
            {"network": "resnet", "condition": "masked", "latent_dim": 0},
            r"--network=resnet: expected unet for --condition=masked",
        ),
        (
            {"network": "resnet", "condition": "edges"},
            r"--latent_dim=100: expected 0 for --network=resnet beside an image",
        ),
        (
            {"network": "unet", "condition": "edges", "conditional": True},
            r"--conditional: expected none beside --condition=edges",
        ),
        ({"latent_dim": 0}, r"--latent_dim=0: expected a positive integer for --network=mlp"),
        ({"variant": "pix2pix"}, r"--variant=pix2pix: --network=mlp has no such option"),
        (
            {"network": "unet", "condition": "edges", "l1_weight": 10.0},
            r"--l1_weight=10.0: --variant=None has no such option; pix2pix, any_con",
        ),
    ],
)
def test_flags_that_do_not_fit_are_refused(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        Config(steps=1, **options)


def test_a_condition_chooses_the_network_that_takes_it():
    config = resolve(None, {"condition": "edges"})
    assert config.network == "unet"
    assert not automatic(None, {"condition": "edges"}, located(config, None))
    with pytest.raises(ValueError, match=r"--preset=auto: expected none beside --condition=edges"):
        chosen(config, {"condition": "edges"}, None, None)
    with pytest.raises(ValueError, match="--condition=edges and --network=sngan"):
        resolve(None, {"condition": "edges", "network": "sngan"})


@pytest.mark.slow
def test_residual_blocks_take_the_place_of_the_u_net(data_dir, tmp_path):
    given = {**SMALL, "network": "resnet", "variant": "pix2pix", "condition": "low_resolution_x2"}
    config = resolve(None, {**given, "upsampling": "resize", "value_range": "0,1", "steps": 1})
    assert config.latent_dim == 0
    train(config, tmp_path / "run", data_dir)
    generator = kgan.load_run(tmp_path / "run").generator
    assert isinstance(generator, kgan.networks.ResNetTranslator)
    assert (generator.filters, generator.upsampling) == (2, "resize")
    assert generator.value_range == (0.0, 1.0)
    assert resolve(None, {"network": "resnet"}).latent_dim == 100, "a game of latents"


def test_the_presets_of_pairs_have_their_networks():
    for name in ("edges_to_digits", "digits_x4", "fill_in", "next_frame"):
        config = resolve(name, {})
        assert (config.network, config.variant) == ("unet", "pix2pix")
    with pytest.raises(ValueError, match=r"--preset=emoji_pix2pix: expected --dataset=DIR and --c"):
        resolve("emoji_pix2pix", {"dataset": "twitter/"})
    pictures = {"dataset": "twitter/", "condition": "google/"}
    config = resolve("emoji_pix2pix", pictures)
    assert (config.network, config.variant, config.group_by) == ("unet", "pix2pix", "-")


@pytest.fixture(scope="module")
def run(data_dir, tmp_path_factory):
    """A finished run that makes digits of digits of a half of their sides, without latents."""
    path = tmp_path_factory.mktemp("runs") / "run"
    options = {"variant": "pix2pix", "condition": "low_resolution_x2", "latent_dim": 0}
    train(Config(**SMALL, **options), path, data_dir)
    return path


@pytest.mark.slow
def test_every_format_of_a_run_translates_as_the_run_does(run, tmp_path):
    """The map of the training is inside: from whole images to their conditions to images."""
    images = np.random.default_rng(0).uniform(0, 1, (3, 8, 8, 1)).astype("float32")
    generator = kgan.inference.load(run)
    made = generator.translate(images)
    small = images.reshape(3, 4, 2, 4, 2, 1).mean((2, 4))
    np.testing.assert_allclose(generator.translate(small, made=True), made, atol=1e-6)
    export(run, tmp_path, formats=("saved_model", "tflite", "onnx"))
    model = tf.saved_model.load(str(tmp_path / "saved_model" / "1"))
    served = model.signatures["translate"](images=tf.constant(images))["images"]
    np.testing.assert_allclose(served, made, atol=1e-5)
    for path in (tmp_path / "saved_model" / "1", *(tmp_path / "tflite").glob("*.tflite")):
        np.testing.assert_allclose(kgan.inference.load(path).translate(images), made, atol=1e-4)
    request = {"signature_name": "translate", "instances": images.tolist()}
    answer = Model(tmp_path / "saved_model" / "1").predict(json.dumps(request).encode())
    np.testing.assert_allclose(json.loads(answer)["predictions"], made, atol=1e-5)
    outside = onnx.load(tmp_path / "onnx" / "generator.onnx")(conditions=small.astype("float32"))
    np.testing.assert_allclose(outside, made, atol=1e-4)
    with pytest.raises(ValueError, match=r"`images`: expected \[n, 8, 8, 1\], .* received shape"):
        generator.translate(small)
    with pytest.raises(ValueError, match=r"`images`: expected finite numbers in \[0, 1\]"):
        generator.translate(255 * images)
    with pytest.raises(ValueError, match=r"`conditions`: expected finite numbers in \[0, 1\]"):
        generator.translate(255 * small, made=True)
    with pytest.raises(ValueError, match=r"`conditions`: expected images of shape"):
        generator.translate(small[:0], made=True)


def test_latents_are_refused_where_there_are_none(run, tmp_path):
    """`latent_dim=0` makes one image of each condition: nothing draws or varies latents."""
    small = np.zeros([1, 4, 4, 1], np.float32)
    gan = kgan.load_run(run)
    gan.export(tmp_path / "model", verbose=False)
    for path in (run, tmp_path / "model"):
        generator = kgan.inference.load(path)
        assert generator(np.zeros([1, 0]), conditions=small).shape == (1, 8, 8, 1)
        with pytest.raises(
            ValueError, match=r"`latents`: expected shape \[n, 0\] .*`latent_dim=0`"
        ):
            generator(np.zeros([1, 5]), conditions=small)
        with pytest.raises(ValueError, match=r"one point alone.*`latent_dim=0`"):
            generator.prior.interpolate(np.zeros(0), np.zeros(0), 3)
    with pytest.raises(ValueError, match=r"--truncation: expected none beside --input"):
        sample(
            Options(
                output=str(tmp_path / "a.png"),
                run_dir=str(run),
                input=str(tmp_path),
                truncation=1.0,
            )
        )


def pictures(folder, count=3, side=11):
    """PNG files of noise, one of them in a folder."""
    rng = np.random.default_rng(0)
    for i in range(count):
        name = folder / ("inner/2.png" if i == 2 else f"{i}.png")
        name.parent.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (side, side, 1), dtype=np.uint8)
        name.write_bytes(tf.io.encode_png(pixels).numpy())
    return folder


def sampled(*, output, **options):
    sample(Options(output=str(output), **{name: str(v) for name, v in options.items()}))


def test_pictures_are_translated_one_by_one_and_side_by_side(run, tmp_path, capsys):
    given = pictures(tmp_path / "given", side=8)
    sampled(run_dir=run, input=given, output=tmp_path / "made/")
    assert "3 pictures translated by" in capsys.readouterr().out
    names = sorted(path.name for path in (tmp_path / "made").iterdir())
    assert names == ["0.png", "1.png", "inner_2.png"]
    read = lambda path: tf.io.decode_png(path.read_bytes()).numpy() / 255  # noqa: E731
    expected = kgan.inference.load(run).translate(read(given / "1.png")[None])[0]
    np.testing.assert_allclose(read(tmp_path / "made" / "1.png"), expected, atol=0.51 / 255)
    sampled(run_dir=run, input=given, output=tmp_path / "grid.png")
    assert (tmp_path / "grid.png").stat().st_size > 0


@pytest.mark.slow
def test_pictures_that_cannot_be_translated_are_named(run, data_dir, tmp_path):
    given = pictures(tmp_path / "given")
    options = {"run_dir": run, "output": tmp_path / "a.png"}
    with pytest.raises(ValueError, match=r"translates images: give --input=DIR"):
        sampled(**options)
    with pytest.raises(ValueError, match=r"a\.gif: expected FILE\.png or DIR/ beside --input"):
        sampled(run_dir=run, input=given, output=tmp_path / "a.gif")
    with pytest.raises(ValueError, match=r"--input_is_condition: expected --input=DIR beside it"):
        sample(Options(output=str(tmp_path / "a.png"), run_dir="r", input_is_condition=True))
    with pytest.raises(FileNotFoundError, match="nowhere"):
        sampled(input=tmp_path / "nowhere", **options)
    (given / "broken.png").write_bytes(b"no picture")
    with pytest.raises(OSError, match=r"broken\.png cannot be decoded"):
        sampled(input=given, **options)
    words = [f"--{name}={value}" for name, value in options.items()]
    done = subprocess.run(
        [*warm.python(), "-m", "train.sample", *words, f"--input={tmp_path / 'nowhere'}"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1
    assert "Invalid value for --input: expected a directory of pictures" in done.stderr
    assert not (tmp_path / "a.png").exists()
