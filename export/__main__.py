"""Run `kgan-export` as `python -m export` in a checkout."""

from .main import cli

cli()
