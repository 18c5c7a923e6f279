"""Examples in docstrings are executed, and the values that they show are those that they have."""

import ast
import dataclasses
import importlib
import inspect
import pathlib
import re
import textwrap

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from picture_files import noise, write
from tfds_data import write_small_mnist

import kgan
from export.program import export

ROOT = pathlib.Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"^( *)```python\n(.*?)^ *```$", re.M | re.S)


def examples():
    """The examples of each file, as (where, code)."""
    for path in sorted((ROOT / "kgan").rglob("*.py")):
        source = path.read_text()
        for match in BLOCK.finditer(source):
            line = source[: match.start()].count("\n") + 1
            yield f"{path.relative_to(ROOT)}:{line}", textwrap.dedent(match[2])


def run(code, names):
    """Execute an example; compare what an expression is with the literal after it."""
    lines = code.splitlines()
    for statement in ast.parse(code).body:
        piece = "\n".join(lines[statement.lineno - 1 : statement.end_lineno])
        value = literal(lines[statement.end_lineno - 1])
        if isinstance(statement, ast.Expr) and value is not None:
            found = eval(compile(ast.Expression(statement.value), "example", "eval"), names)
            same(found, value, piece)
        else:
            exec(compile(ast.Module([statement], []), "example", "exec"), names)


def literal(line):
    try:
        return ast.literal_eval(line.rpartition("# ")[2])
    except (SyntaxError, ValueError):
        return None


def same(found, shown, piece):
    if np.asarray(shown).dtype.kind in "fi":
        np.testing.assert_allclose(found, shown, rtol=0, atol=6e-5, err_msg=piece)
    else:
        assert found == shown, piece


# Where users find what they type.
ROOMS = (
    *("augmentation", "callbacks", "conditions", "constraints", "data", "layers", "losses"),
    *("masks", "metrics", "networks", "optimizers", "penalties", "plots", "priors", "variants"),
    *("theory", "theory.collapse", "theory.dirac", "theory.dominance", "theory.few_labels"),
    *("theory.games", "theory.information", "theory.known_games", "theory.sequential"),
    *("theory.tabular", "theory.zero_sum"),
)
WITHOUT = {
    *("Generator", "Discriminator"),  # docs/recipes.md subclasses them
    *("Extractor", "stacked_labels"),  # of `kgan-evaluate`
    "Digits",  # a builder of TFDS: its docstring would be the data set's description
    *("can_draw", "checked_mask", "masks_of_draws", "rectangles"),  # of other modules of kgan
}
SHAPE = (28, 28, 1)
IMAGES = np.random.default_rng(0).uniform(-1, 1, (256, *SHAPE)).astype("float32")
PHOTOS = noise(0, (8, 32, 32)).astype("float32") / 127.5 - 1
NOT_RUN = {
    "keras.applications.InceptionV3": "downloads its weights",
    "Classifier.train": "takes minutes, as test_metrics_classifier.py has it",
}
SLOW = ("kgan/gan.py", "kgan/variants/")


def networks():
    return (
        kgan.networks.MLPGenerator(SHAPE, latent_dim=8, units=(8,)),
        kgan.networks.MLPDiscriminator(SHAPE, units=(8,)),
        kgan.priors.Normal(8),
    )


def plain():
    return kgan.GAN(*networks())


def with_encoder():
    generator, _, prior = networks()
    return kgan.variants.BiGAN(
        generator,
        kgan.networks.MLPDiscriminator((28 * 28 + 8,), units=(8,)),
        kgan.networks.MLPEncoder(SHAPE, latent_dim=8, units=(8,)),
        prior,
    )


def of_two_domains():
    return kgan.variants.CycleGAN(
        *[kgan.networks.UNetGenerator(SHAPE, SHAPE, filters=2) for _ in range(2)],
        *[kgan.networks.PatchDiscriminator(SHAPE, filters=2) for _ in range(2)],
    )


# What `gan` is in the examples of a file, and the range of its `images`, where it is not the rule.
GAMES = {
    "kgan/training/inference_mode.py": with_encoder,
    "kgan/variants/cyclegan.py": of_two_domains,
}
OF_PICTURES = {"kgan/inference/inversion.py"}  # in [0, 1]
INTERNAL = ("kgan/utils/", "kgan/data/names.py")  # users do not import these


PARAMETERS = [
    pytest.param(code, id=where, marks=[pytest.mark.slow] if where.startswith(SLOW) else [])
    for where, code in examples()
]


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A directory with what the examples read: a run, its exports, pictures, MNIST."""
    place = tmp_path_factory.mktemp("desk")
    gan = plain()
    gan.compile("adam", "adam", run_eagerly=True)
    gan.fit(IMAGES, batch_size=64, verbose=0)
    gan.save_run(place / "runs/digits")
    export(place / "runs/digits", place / "exports/digits", quantization=["int8"])
    for name in ("photos", "paintings"):
        (place / name).mkdir()
        for i in range(2):
            write(place / name / f"{i}.png", noise(i, (32, 32)))
    write_small_mnist(place / "tensorflow_datasets")
    return place


def test_a_wrong_value_is_noticed():
    run("x = 1\nx / 3  # 0.3333\nstr(x)  # '1'\nx  # as it was", {})
    for code in ("1 / 3  # 0.3334", "(\n    2\n)  # 3", "str(1)  # '2'", "[1, 2]  # [1, 3]"):
        with pytest.raises(AssertionError):
            run(code, {})


@pytest.mark.parametrize("room", ROOMS)
def test_what_users_type_has_an_example(room):
    """All but records, which what returns them shows, and exceptions."""
    module, missing = importlib.import_module(f"kgan.{room}"), set()
    for name in module.__all__:
        found = getattr(module, name)
        is_class = inspect.isclass(found)
        record = is_class and (issubclass(found, tuple) or dataclasses.is_dataclass(found))
        if record or (is_class and issubclass(found, Exception)):
            continue
        if (is_class or inspect.isfunction(found)) and "```python" not in (found.__doc__ or ""):
            missing.add(name)
    assert missing <= WITHOUT


@pytest.mark.eager
@pytest.mark.parametrize("code", PARAMETERS)
def test_an_example_runs_and_shows_what_it_says(code, desk, request, tmp_path, monkeypatch):
    """Beside a game and its data; trainings are of one epoch."""
    for name, reason in NOT_RUN.items():
        if name in code:
            pytest.skip(f"{name} {reason}")
    for entry in desk.iterdir():
        (tmp_path / entry.name).symlink_to(entry)
    monkeypatch.chdir(tmp_path)
    where = request.node.callspec.id.partition(":")[0]
    generator, discriminator, prior = networks()
    gan = GAMES.get(where, plain)()
    gan.compile("adam", "adam")
    x = IMAGES if "callbacks" in where else IMAGES[:16]
    names = {
        **{"kgan": kgan, "keras": keras, "np": np, "tf": tf, "scipy": scipy},
        **{"gan": gan, "generator": generator, "discriminator": discriminator, "prior": prior},
        **{"network": generator, "x": x, "images": x, "labels": np.arange(len(x)) % 10},
        **{"outlines": x, "mask": x[0, ..., 0] > 0, "photos": PHOTOS, "paintings": PHOTOS},
    }
    if where in OF_PICTURES:
        names["images"] = (x + 1) / 2
    if where.startswith(INTERNAL):
        names.update(vars(importlib.import_module(where.removesuffix(".py").replace("/", "."))))
    code = re.sub(r"epochs=\d+", "epochs=1", code)
    run(code.replace('"mnist",', '"mnist", data_dir="tensorflow_datasets",'), names)
