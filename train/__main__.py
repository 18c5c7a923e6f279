"""Run `kgan-train` as `python -m train` in a checkout."""

from .main import cli

cli()
