"""The mathematics of GANs as code: NumPy and SciPy in float64, no TensorFlow or Keras.

The room imports only `kgan.utils` from the rest of kgan.
"""

from kgan.theory import (
    collapse,
    dirac,
    few_labels,
    games,
    information,
    known_games,
    sequential,
    tabular,
)
from kgan.theory.divergences import (
    Estimate,
    jsd,
    jsd_density,
    jsd_samples,
    kl,
    kl_density,
    kl_gaussian,
    kl_samples,
)
from kgan.theory.generator import (
    EarlierOptimum,
    GeneratorLosses,
    generator_losses,
    value_at_earlier_optimum,
    value_at_earlier_optimum_density,
)
from kgan.theory.joint import joint_criterion, joints
from kgan.theory.likelihood import (
    Fit,
    entropy,
    expected_log_likelihood,
    exponential,
    gaussian,
    maximum_likelihood,
    minimum_kl,
)
from kgan.theory.transforms import (
    invertible_log_density,
    monotone_log_density,
    pushforward_cdf,
    pushforward_density,
)
from kgan.theory.value import (
    criterion,
    criterion_density,
    game_value,
    game_value_density,
    optimal_discriminator,
    optimal_logit,
    pointwise_value,
)

__all__ = [
    "EarlierOptimum", "Estimate", "Fit", "GeneratorLosses", "collapse", "criterion",
    "criterion_density", "dirac", "entropy", "expected_log_likelihood", "exponential", "few_labels",
    "game_value", "game_value_density", "games", "gaussian", "generator_losses",
    "information", "invertible_log_density", "joint_criterion", "joints", "jsd", "jsd_density",
    "jsd_samples", "kl", "kl_density", "kl_gaussian", "kl_samples", "known_games",
    "maximum_likelihood", "minimum_kl", "monotone_log_density", "optimal_discriminator",
    "optimal_logit", "pointwise_value", "pushforward_cdf", "pushforward_density", "sequential",
    "tabular", "value_at_earlier_optimum", "value_at_earlier_optimum_density",
]  # fmt: skip
