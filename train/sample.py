"""Samples a trained generator: a grid, an animation, or a PNG file for each image.

    kgan-sample --run_dir=runs/digits --output=digits.png

FILE.png is a grid of samples, FILE.gif or FILE.apng a loop through the latents, and DIR/ receives a
PNG file for each sample. A run that is not finished is sampled from its newest checkpoint.
docs/sampling.md has examples.
"""

from __future__ import annotations

from kgan_cli.flags import define_flags, given_flags
from kgan_cli.imports import define_import_flag, import_modules
from kgan_cli.program import run
from kgan_cli.silence import native_silence

from .sampling.options import Options

define_import_flag(__name__)
define_flags(Options, __name__)


def cli() -> None:
    """Run the program and exit: 0 done, 1 failed, 130 interrupted."""
    # A training beside it needs all of the GPU's memory.
    run("kgan-sample", __name__, main, "Interrupted; nothing was written.", hide_gpus=True)


def main() -> None:
    """Check the flags and sample."""
    given = given_flags(Options)
    if not given.get("output"):
        raise ValueError("--output is required: FILE.png, FILE.gif, FILE.apng or DIR/.")
    options = Options(**given)
    with native_silence():
        from .sampling.run import sample

        import_modules()
    sample(options)


if __name__ == "__main__":
    cli()
