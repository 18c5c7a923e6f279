"""Metrics of generators, each with its standard error, its value on real data or a control."""

from kgan.metrics.classifier import Classifier
from kgan.metrics.diversity import Diversity, diversity
from kgan.metrics.extractor import Extractor, Pixels
from kgan.metrics.features import ModelFeatures, load_features
from kgan.metrics.frechet import Moments, frechet_distance
from kgan.metrics.kernel import KernelDistance, kernel_distance
from kgan.metrics.latent import PathLength, interpolation_strips, path_length
from kgan.metrics.manifold import (
    DensityCoverage,
    PrecisionRecall,
    density_coverage,
    precision_recall,
)
from kgan.metrics.matching import Matching, match_codes
from kgan.metrics.memorisation import Memorisation, memorisation_test
from kgan.metrics.modes import (
    MixtureCoverage,
    ModeCoverage,
    mixture_coverage,
    mode_coverage,
    stacked_labels,
)
from kgan.metrics.neighbours import nearest
from kgan.metrics.parzen import ParzenEstimate, parzen_estimate, parzen_log_likelihood, parzen_table
from kgan.metrics.random_features import RandomConvolutional
from kgan.metrics.score import classifier_score

__all__ = [
    "Classifier",
    "DensityCoverage",
    "Diversity",
    "Extractor",
    "KernelDistance",
    "Matching",
    "Memorisation",
    "MixtureCoverage",
    "ModeCoverage",
    "ModelFeatures",
    "Moments",
    "ParzenEstimate",
    "PathLength",
    "Pixels",
    "PrecisionRecall",
    "RandomConvolutional",
    "classifier_score",
    "density_coverage",
    "diversity",
    "frechet_distance",
    "interpolation_strips",
    "kernel_distance",
    "load_features",
    "match_codes",
    "memorisation_test",
    "mixture_coverage",
    "mode_coverage",
    "nearest",
    "parzen_estimate",
    "parzen_log_likelihood",
    "parzen_table",
    "path_length",
    "precision_recall",
    "stacked_labels",
]
