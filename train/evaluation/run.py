"""One evaluation: a run, its data, the metrics, and the files that record them."""

from __future__ import annotations

import contextlib
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import metadata

import tqdm

from kgan.artifacts import RunDirectory
from kgan.metrics.extractor import fingerprint
from kgan.utils.types import JsonDict

from . import (
    classifier,
    codes,
    data,
    few_labels,
    metrics,
    modes,
    pairs,
    pictures,
    reconstruction,
)
from . import features as extractors
from .context import EvaluationContext
from .options import Options
from .report import MetricResult, NotApplicableError, table, write
from .samples import draw_samples, labels_like, open_generator, translate_samples

FUNCTIONS: dict[str, Callable[[EvaluationContext], list[MetricResult]]] = {
    "parzen": metrics.parzen,
    "frechet": metrics.frechet_distance,
    "kernel": metrics.kernel_distance,
    "precision_recall": metrics.precision_recall,
    "density_coverage": metrics.density_coverage,
    "score": modes.score,
    "modes": modes.modes,
    "memorisation": metrics.memorisation,
    "latent": metrics.path_length,
}
PACKAGES = ("kgan", "tensorflow", "keras", "numpy", "scipy", "scikit-learn")


def evaluate(options: Options) -> JsonDict:
    """Evaluate a generator, print the table and write `evaluation.json` and the pictures.

    Args:
        options: what to evaluate, and how.

    Returns:
        The content of `evaluation.json`.

    Raises:
        FileNotFoundError: there is no run, no such checkpoint, or no such export.
        ValueError: the samples are not finite or do not fit the data, or an option does not fit.
        OSError: the data cannot be had, or the run directory cannot be written to.
    """
    run = RunDirectory(options.run_dir)
    config = run.read_config()
    generator = open_generator(run, config, options.generator, options.step)
    run.check_writable()
    with _bar(len(options.metrics) + 3) as bar:
        with _stage(bar, "data"):
            real = data.read(run, config, options.data_dir)
        with _stage(bar, "samples"):
            labels = None
            if generator.num_classes is not None and real.labels is not None:
                labels = labels_like(real.labels, options.num_samples, options.seed)
            if generator.condition_shape is None:
                samples = draw_samples(
                    generator, options.num_samples, options.seed, real.image_shape, labels
                )
            else:
                given = real.conditions.get("test", real.test)
                samples = translate_samples(generator, given, options.num_samples, options.seed)
            # Parzen windows see pixels alone: no classifier is trained for them.
            source = "pixels" if options.metrics == ("parzen",) else options.features
            features = extractors.choose(source, real)
        with _stage(bar, "classifier"):
            classes = None
            if features is None:
                classes = classifier.find_or_train(real, run, options.data_dir)
                features = classes.classifier
            elif real.have_classes and {"score", "modes"} & set(options.metrics):
                classes = classifier.find_or_train(real, run, options.data_dir)
        context = EvaluationContext(
            real, generator, samples, options.seed, features, classes, labels
        )
        results, left_out = _compute(context, options.metrics, bar)
        if generator.condition_shape is not None:
            results += pairs.pairs(context)
        if "classes" in config and options.generator is None:
            results += few_labels.class_error(run, options.step, real, options.data_dir)
        if generator.encoding is not None:
            results += reconstruction.reconstruction(context)
        if options.generator is None:
            results += codes.code_errors(context, run, options.step, options.data_dir)
    record = _record(options, context, results, left_out)
    # `--features` given: beside the evaluation without it, not in its place.
    asked = None if options.features is None else pathlib.Path(options.features).stem
    path = run.evaluation(context.kind, asked)
    write(path, record)
    print(heading(context))
    print(table(results, left_out))
    print(
        f"Protocol {record['protocol']}: compare results only where it, num samples, num real and "
        f"features are the same.\nWritten: {path}"
    )
    pictures.draw(context, run, options.metrics)
    return record


def _compute(
    context: EvaluationContext, names: Sequence[str], bar: tqdm.tqdm
) -> tuple[list[MetricResult], dict[str, str]]:
    """Return the results of the named metrics, and why those left out do not apply."""
    results: list[MetricResult] = []
    left_out = {}
    for name in names:
        with _stage(bar, name):
            try:
                results += FUNCTIONS[name](context)
            except NotApplicableError as reason:
                left_out[name] = str(reason)
    return results, left_out


def heading(context: EvaluationContext) -> str:
    """Return the lines above the table: which samples are compared with which data."""
    parts = {
        name: f"{part['split']}[{part['start']}:{part['stop']}]"
        for name, part in context.real.parts.items()
    }
    seen = "" if context.real.held_out else ", which the run has seen"
    lines = [
        f"{len(context.samples):,} samples of {context.generator.path}",
        f"{context.real.name}: trained on {parts['training']}, compared with {parts['test']}{seen}",
    ]
    if context.classes is not None:
        found = context.classes.classifier
        lines.append(f"Classifier {found.fingerprint}: test accuracy {found.accuracy:.1%}")
    return "\n".join(lines)


def _record(
    options: Options,
    context: EvaluationContext,
    results: Sequence[MetricResult],
    left_out: Mapping[str, str],
) -> JsonDict:
    """Return the content of `evaluation.json`."""
    real, generator = context.real, context.generator
    of_data = {
        "name": real.name,
        "fingerprint": real.fingerprint,
        "image_shape": list(real.image_shape),
        "parts": real.parts,
        "held_out": real.held_out,
    }
    asked = [] if context.labels is None else ["classes in the shares of the training data"]
    versions = {name: metadata.version(name) for name in PACKAGES}
    return {
        "generator": {
            "kind": generator.kind,
            "path": str(generator.path),
            "fingerprint": generator.file_digest(),
        },
        "data": of_data,
        "protocol": fingerprint([of_data, *asked, versions["kgan"]]),
        "seed": options.seed,
        "versions": versions,
        "figures": {result.name: result.record() for result in results},
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
