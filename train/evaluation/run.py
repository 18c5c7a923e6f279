"""One evaluation: a run, its data, the figures, and the files that tell of them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from typing import Any

import tqdm

from kgan.artifacts import RunDirectory
from kgan.metrics.extractor import fingerprint

from . import classifier, data, metrics, modes, pictures
from . import features as extractors
from .material import Material
from .options import Options
from .report import Figure, NotApplicableError, table, write
from .samples import draw_samples, open_generator

FUNCTIONS = {
    "parzen": metrics.parzen,
    "frechet": metrics.frechet,
    "kernel": metrics.kernel,
    "precision_recall": metrics.precision_recall,
    "density_coverage": metrics.density_coverage,
    "score": modes.score,
    "modes": modes.modes,
    "memorisation": metrics.memorisation,
    "latent": metrics.latent,
}
PACKAGES = ("kgan", "tensorflow", "keras", "numpy", "scipy", "scikit-learn")


def evaluate(options: Options) -> dict[str, Any]:
    """Evaluates a generator, prints the table and writes `evaluation.json` and the pictures.

    Args:
        options: what to evaluate, and how.

    Returns:
        What `evaluation.json` holds.

    Raises:
        FileNotFoundError: there is no run, or it is not finished, or there is no such export.
        ValueError: the samples are not finite or not such as the data, or an option does not fit.
        OSError: the data cannot be had, or the run directory cannot be written to.
    """
    run = RunDirectory(options.run_dir)
    config = run.read_config()
    generator = open_generator(run, config, options.generator)
    run.check_writable()
    with _bar(len(options.metrics) + 3) as bar:
        with _stage(bar, "data"):
            real = data.read(run, config, options.data_dir)
        with _stage(bar, "samples"):
            samples = draw_samples(generator, options.num_samples, options.seed, real.image_shape)
            wanted = "pixels" if options.metrics == ("parzen",) else options.features
            features = extractors.choose(wanted, real)
        with _stage(bar, "classifier"):
            classes = None
            if features is None:
                classes = classifier.find_or_train(real, run, options.data_dir)
                features = classes.classifier
            elif real.have_classes and {"score", "modes"} & set(options.metrics):
                classes = classifier.find_or_train(real, run, options.data_dir)
        m = Material(real, generator, samples, options.seed, features, classes)
        figures: list[Figure] = []
        left_out = {}
        for name in options.metrics:
            with _stage(bar, name):
                try:
                    figures += FUNCTIONS[name](m)
                except NotApplicableError as reason:
                    left_out[name] = str(reason)
    record = _record(options, m, figures, left_out)
    write(run.evaluation(generator.kind), record)
    print(heading(m))
    print(table(figures, left_out))
    print(
        f"Protocol {record['protocol']}: figures compare where it, samples, reals and measured in "
        f"are the same.\nWritten: {run.evaluation(generator.kind)}"
    )
    pictures.draw(m, run, options.metrics)
    return record


def heading(m: Material) -> str:
    """What the table compares with what."""
    parts = {
        name: f"{part['split']}[{part['start']}:{part['stop']}]"
        for name, part in m.real.parts.items()
    }
    seen = "" if m.real.held_out else ", which the run has seen"
    lines = [
        f"{len(m.samples):,} samples of {m.generator.path}",
        f"{m.real.name}: trained on {parts['training']}, judged by {parts['test']}{seen}",
    ]
    if m.classes is not None:
        classifier = m.classes.classifier
        lines.append(
            f"Classifier {classifier.fingerprint}: {classifier.accuracy:.1%} of test images right"
        )
    return "\n".join(lines)


def _record(
    options: Options, m: Material, figures: Sequence[Figure], left_out: Mapping[str, str]
) -> dict[str, Any]:
    """What `evaluation.json` holds."""
    data = {
        "name": m.real.name,
        "fingerprint": m.real.fingerprint,
        "image_shape": list(m.real.image_shape),
        "parts": m.real.parts,
        "held_out": m.real.held_out,
    }
    versions = {name: metadata.version(name) for name in PACKAGES}
    return {
        "generator": {
            "kind": m.generator.kind,
            "path": str(m.generator.path),
            "fingerprint": m.generator.file_digest(),
        },
        "data": data,
        "protocol": fingerprint([data, versions["kgan"]]),
        "seed": options.seed,
        "versions": versions,
        "figures": {figure.name: figure.record() for figure in figures},
        "left_out": dict(left_out),
    }


def _bar(stages: int) -> tqdm.tqdm:
    return tqdm.tqdm(
        total=stages,
        desc="data: ",
        dynamic_ncols=True,
        bar_format="{desc}{n_fmt} of {total_fmt} done{bar}{elapsed}",
        leave=False,
    )


@contextlib.contextmanager
def _stage(bar: tqdm.tqdm, name: str) -> Iterator[None]:
    bar.set_description(name)
    yield
    bar.update()
