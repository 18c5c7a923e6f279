"""kgan: generative adversarial networks for Keras, by Algorithm 1 of Goodfellow et al. (2014)."""

import importlib
from typing import TYPE_CHECKING, Any

from kgan.utils.notebooks import quiet_start

with quiet_start():
    from kgan import (
        artifacts,
        augmentation,
        conditions,
        constraints,
        layers,
        losses,
        masks,
        networks,
        optimizers,
        penalties,
        priors,
        variants,
    )
    from kgan.gan import GAN
    from kgan.runs import load_run

__version__ = "0.1.0"

if TYPE_CHECKING:
    from kgan import (
        callbacks,
        checkpoint,
        data,
        inference,
        metrics,
        plots,
        runs,
        saved_model,
        theory,
    )

# The modules above hold what a saved model refers to, so loading one needs `import kgan` alone.
# These are imported when first used.
_LAZY = (
    "callbacks",
    "checkpoint",
    "data",
    "inference",
    "metrics",
    "plots",
    "runs",
    "saved_model",
    "theory",
)

__all__ = [
    "GAN",
    "artifacts",
    "augmentation",
    "callbacks",
    "checkpoint",
    "conditions",
    "constraints",
    "data",
    "inference",
    "layers",
    "load_run",
    "losses",
    "masks",
    "metrics",
    "networks",
    "optimizers",
    "penalties",
    "plots",
    "priors",
    "runs",
    "saved_model",
    "theory",
    "variants",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return importlib.import_module(f"kgan.{name}")
    raise AttributeError(f"module 'kgan' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
