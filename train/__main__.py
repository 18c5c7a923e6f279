"""Makes `python -m train` the training program of a checkout."""

from .main import cli

cli()
