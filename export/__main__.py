"""`python -m export`, the same as the installed `kgan-export`."""

from .main import cli

cli()
