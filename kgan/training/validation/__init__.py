"""What users hand over, checked once, where it enters, before anything is compiled."""

from kgan.training.validation.arguments import (
    build_optimizers,
    check_options,
    check_schedules,
    two_optimizers,
)
from kgan.training.validation.conditions import (
    check_condition_images,
    check_condition_values,
    sample_conditions,
)
from kgan.training.validation.data import (
    check_array,
    check_data,
    check_domain,
    check_no_weights,
)
from kgan.training.validation.labels import check_labels, sample_labels
from kgan.training.validation.networks import (
    check_augmented_sides,
    check_fills_range,
    check_networks,
    shared_range,
)
from kgan.training.validation.outputs import (
    build_discriminator,
    build_encoder,
    build_generator,
)
from kgan.training.validation.structure import check_classes
from kgan.training.validation.trials import check_built

__all__ = [
    "build_discriminator",
    "build_encoder",
    "build_generator",
    "build_optimizers",
    "check_array",
    "check_augmented_sides",
    "check_built",
    "check_classes",
    "check_condition_images",
    "check_condition_values",
    "check_data",
    "check_domain",
    "check_fills_range",
    "check_labels",
    "check_networks",
    "check_no_weights",
    "check_options",
    "check_schedules",
    "sample_conditions",
    "sample_labels",
    "shared_range",
    "two_optimizers",
]
