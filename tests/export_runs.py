"""Runs for the tests of the exporter: generators as if trained, and what was exported of them."""

import dataclasses
import functools
import pathlib
import tempfile

import keras
import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from kgan_export.program import export
from kgan_export.tflite import QUANTIZATIONS

import kgan
from kgan.artifacts import RunDirectory
from kgan.inference import KerasGenerator
from kgan.utils.atomic_write import atomic_write

SEED = (3, 7)
LITE = {"none": "float32"} | {name: name for name in QUANTIZATIONS[1:]}


@keras.saving.register_keras_serializable(package="export_runs")
class BeyondTFLite(kgan.networks.MLPGenerator):
    """Somebody's own network, with an operation that neither TFLite nor ONNX has."""

    def call(self, latents, training=False):
        return tf.math.erfinv(super().call(latents, training) / 2)


def mlp(latent_dim=6, **kwargs):
    return kgan.networks.MLPGenerator((8, 8, 1), latent_dim, units=(128, 128), **kwargs)


def dcgan(num_classes=None, **kwargs):
    """A DCGAN as if trained: its images are not all grey, nor its moving statistics the initial."""
    generator = kgan.networks.DCGANGenerator(
        (16, 16, 3), latent_dim=5, filters=8, num_classes=num_classes, **kwargs
    )
    build(generator, 5)
    for layer in (generator.projection, *generator.convolutions, generator.output_layer):
        layer.set_weights([10 * weight for weight in layer.get_weights()])
    labels = () if num_classes is None else (tf.range(32) % num_classes,)
    for seed in range(10):
        latents = 1 + kgan.priors.Normal(5).sample(32, seed)
        generator([latents, *labels] if labels else latents, training=True)
    return generator


def sequential():
    return keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(36, activation="tanh"),
            keras.layers.Reshape((6, 6, 1)),
        ]
    )


def build(generator, latent_dim):
    if not generator.built:
        conditional = getattr(generator, "num_classes", None)
        shape = (None, latent_dim)
        generator.build([shape, (None,)] if conditional else shape)


@dataclasses.dataclass(frozen=True)
class Case:
    """A generator, its prior, and how its output becomes values in [0, 1]."""

    make: callable
    prior: kgan.priors.Prior
    rescaled: callable = lambda images: (images + 1) / 2
    formats: tuple = ("saved_model", "tflite", "onnx")
    quantization: tuple = QUANTIZATIONS


CASES = {
    "mlp": Case(
        lambda: mlp(32, value_range=(-1, 3)), kgan.priors.Uniform(32), lambda x: (x + 1) / 4
    ),
    "dcgan": Case(dcgan, kgan.priors.Normal(5)),
    "conditional": Case(lambda: dcgan(num_classes=3), kgan.priors.Normal(5)),
    "sequential": Case(
        sequential, kgan.priors.Normal(4), formats=("saved_model", "tflite"), quantization=["none"]
    ),
}


@dataclasses.dataclass(frozen=True)
class Exported:
    """A case exported: the generator itself, where to, and what `export` returned."""

    case: Case
    generator: keras.Model
    out: pathlib.Path
    report: dict

    @property
    def trained(self):
        return KerasGenerator(self.generator, self.case.prior)

    def inputs(self, count, seed):
        """Latents, and labels, by name."""
        return {name: x.numpy() for name, x in self.trained.inputs(count, seed).items()}

    def images(self, latents, labels=None):
        """What Keras makes of them, in [0, 1]."""
        inputs = latents if labels is None else [latents, labels]
        return self.case.rescaled(self.generator(inputs, training=False).numpy())

    def saved_model(self):
        return tf.saved_model.load(str(self.out / "saved_model" / "1"))

    def lite(self, quantization, signature="serving_default"):
        path = self.out / "tflite" / f"generator_{LITE[quantization]}.tflite"
        return Interpreter(str(path)).get_signature_runner(signature)


def make_run(path, generator, prior):
    """What a finished training leaves of interest here."""
    run = RunDirectory(path)
    run.create({"seed": 0}, prior=keras.saving.serialize_keras_object(prior))
    build(generator, prior.dim)
    with atomic_write(run.generator) as partial:
        generator.save(partial)
    return path


def contents(directory):
    """Every file and directory below `directory`, with the time of its last change."""
    return {path: path.stat().st_mtime_ns for path in directory.rglob("*")}


@functools.cache
def exported(name):
    """The case of this name, exported once for all tests of a process."""
    case = CASES[name]
    base = pathlib.Path(_scratch().name)
    keras.utils.set_random_seed(0)
    generator = case.make()
    run_dir = make_run(base / name, generator, case.prior)
    before = contents(base)
    report = export(run_dir, base / "out" / name, case.formats, None, case.quantization)
    changed = contents(base).items() - before.items()
    assert all(path.is_relative_to(base / "out") for path, _ in changed)
    return Exported(case, generator, base / "out" / name, report)


@functools.cache
def _scratch():
    return tempfile.TemporaryDirectory(prefix="export-", ignore_cleanup_errors=True)


def dequantized(runner, images):
    """Images of [0, 1], also where a file gives 8-bit integers."""
    if images.dtype != np.int8:
        return images
    scale, zero = runner.get_output_details()["images"]["quantization"]
    return (images.astype(np.float32) - zero) * scale


def quantized(runner, inputs):
    """The inputs as the file takes them."""
    details = runner.get_input_details()
    taken = {}
    for name, values in inputs.items():
        scale, zero = details[name]["quantization"]
        eight = details[name]["dtype"] == np.int8
        levels = np.clip(np.round(values / scale) + zero, -128, 127) if eight else values
        taken[name] = levels.astype(details[name]["dtype"])
    return taken


def hashed_latents(prior, count, seed):
    """What `lite_sampling.latents` documents, in NumPy and float64."""

    def mixed(x):
        for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
            x = (x ^ (x >> np.uint32(shift))) * np.uint32(factor)
        return x ^ (x >> np.uint32(16))

    def uniform(length):
        first, second = mixed(np.array(seed, np.int64).astype(np.uint32) + np.uint32([1, 2]))
        key = np.array([first], np.uint32) * np.uint32(5) + second
        bits = mixed(mixed(np.arange(length, dtype=np.uint32)) + key)
        return ((bits >> np.uint32(9)) + 0.5) / 2.0**23

    if isinstance(prior, kgan.priors.Uniform):
        z = prior.low + (prior.high - prior.low) * uniform(count * prior.dim)
    else:
        u, v = uniform(2 * count * prior.dim).reshape(-1, 2).T
        z = np.sqrt(-2 * np.log(u)) * np.cos(2 * np.pi * v)
    return z.reshape(count, prior.dim).astype(np.float32)
