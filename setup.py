"""The distribution: what is installed, under which names, and what it needs."""

import pathlib
import re

from setuptools import setup

HERE = pathlib.Path(__file__).parent
INIT = (HERE / "kgan" / "__init__.py").read_text(encoding="utf-8")
VERSION = re.findall(r'^__version__ = "(.+)"$', INIT, re.MULTILINE)[0]  # kgan imports Keras

REQUIREMENTS = [
    "absl-py>=2.1",  # flags of the programs
    "ai-edge-litert>=2.1",  # runs .tflite files; tf.lite.Interpreter is being removed
    "flatbuffers>=24",  # writes the seeded sampling of .tflite files
    "importlib_resources>=6",  # needed by tensorflow-datasets 4.9.10, which does not ask for it
    # Earlier releases read other files, or exhaust the memory, for a crafted .keras file. 3.12 is
    # the last that runs on Python 3.10.
    "keras>=3.12.2,<4; python_version < '3.11'",
    "keras>=3.14.1,<4; python_version >= '3.11'",
    "matplotlib>=3.8",  # sample grids and plots
    "nashpy>=0.0.41",  # mixed equilibria of matrix games
    "numpy>=1.26",
    # On Python 3.10 pip may search for these two without end: tensorflow-metadata bounds protobuf
    # there, and etils 1.14 needs Python 3.11.
    "etils<1.14; python_version < '3.11'",
    "protobuf<=6.32; python_version < '3.11'",
    "pillow>=10",  # decodes and resizes pictures of directories; animations
    "requests>=2.31",  # asks whether a download can succeed; TFDS downloads with it
    "scikit-learn>=1.5",  # carries the images of the bundled data set `digits`
    "scipy>=1.11",  # densities, quadrature and linear programmes in float64
    "tensorflow>=2.21,<3",
    "tensorflow-datasets>=4.9.10",  # earlier releases do not import with protobuf 7
    "tqdm>=4.66",  # the progress bar, as TFDS has it
]
SERVE = [
    "starlette>=1.3.1",  # the HTTP side of kgan-serve; earlier ones trust Host headers and paths
    "uvicorn>=0.42",  # and its sockets
    "h11>=0.16",  # earlier ones read malformed chunks
]
ONNX = [
    "onnx>=1.16",  # reads and checks what was converted
    "onnxruntime>=1.20",  # runs what was exported, to compare it
    "tf2onnx>=1.17",  # converts TensorFlow's graphs
]
TENSORBOARD = ["tensorboard>=2.20"]  # no longer installed with TensorFlow
JAX = ["jax>=0.10; python_version >= '3.11'"]  # runs exported training steps on accelerators
TEST = [
    *ONNX,
    *SERVE,
    *TENSORBOARD,
    "hypothesis>=6.100",  # properties over random inputs
    "build>=1.2",  # builds the wheel that the tests open
    "httpx>=0.27",  # speaks to the server
    "ipykernel>=6.29",  # the kernel that the notebook of docs/runs.md runs in
    "nbclient>=0.10",  # and what runs it there
    "prdc>=0.2",  # density and coverage by their authors, to compare with
    "pytest>=8",
    "pytest-xdist>=3.7",  # runs the test files on every core
    "setuptools>=77",  # as pyproject.toml asks, for a build without isolation
    "tensorflow-serving-api>=2.18",  # the official messages
]

setup(
    name="kgan",
    version=VERSION,
    description="Generative adversarial networks for Keras",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author="the kgan authors",
    keywords=[
        "algorithm 1",
        "gan",
        "generative adversarial networks",
        "generative models",
        "image synthesis",
        "keras",
        "tensorflow",
        "tflite",
    ],
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.10,<3.14",
    install_requires=REQUIREMENTS,
    extras_require={
        "onnx": ONNX,
        "serve": SERVE,
        "tensorboard": TENSORBOARD,
        "test": TEST,
        "jax": JAX,
        "dev": [*TEST, *JAX, "mypy>=2.4", "ruff>=0.8"],
    },
    # train/ and export/ keep their names in the repository; site-packages gets nothing so generic.
    packages=[
        "kgan",
        "kgan.callbacks",
        "kgan.data",
        "kgan.inference",
        "kgan.layers",
        "kgan.losses",
        "kgan.metrics",
        "kgan.networks",
        "kgan.optimizers",
        "kgan.plots",
        "kgan.theory",
        "kgan.training",
        "kgan.training.validation",
        "kgan.utils",
        "kgan.variants",
        "kgan_cli",
        "kgan_train",
        "kgan_train.evaluation",
        "kgan_train.sampling",
        "kgan_export",
        "kgan_export.serving",
    ],
    package_dir={"kgan_train": "train", "kgan_export": "export"},
    package_data={"kgan": ["py.typed"]},
    entry_points={
        "console_scripts": [
            "kgan-train = kgan_train.main:cli",
            "kgan-evaluate = kgan_train.evaluate:cli",
            "kgan-sample = kgan_train.sample:cli",
            "kgan-export = kgan_export.main:cli",
            "kgan-serve = kgan_export.serve:cli",
        ]
    },
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Intended Audience :: Education",
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
)
