"""What users hand over, checked once, where it enters, before anything is compiled."""

from kgan.training.validation.arguments import check_jit_compile, two_optimizers
from kgan.training.validation.data import check_data, check_no_weights
from kgan.training.validation.labels import check_labels, sample_labels
from kgan.training.validation.networks import check_networks, check_penalties, shared_range

__all__ = [
    "check_data",
    "check_jit_compile",
    "check_labels",
    "check_networks",
    "check_no_weights",
    "check_penalties",
    "sample_labels",
    "shared_range",
    "two_optimizers",
]
