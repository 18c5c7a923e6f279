"""Trains a GAN on images, of TFDS or your own, by Algorithm 1 of Goodfellow et al. (2014).

    kgan-train --preset=digits_mlp --run_dir=runs/digits

The run directory receives config.json, checkpoints/, samples/, logs/ (TensorBoard), metrics.jsonl,
generator.keras and discriminator.keras; kgan-export turns it into files that serve. The same
command resumes a run that was stopped, and so does --run_dir alone; other --epochs or --steps
make it longer or shorter.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from absl import flags

from kgan_cli.flags import define_flags, given_flags
from kgan_cli.imports import define_import_flag, import_modules
from kgan_cli.options import OptionValues
from kgan_cli.program import run
from kgan_cli.silence import native_silence

from .config import Config, check_effects, resolve
from .presets import PRESETS

if TYPE_CHECKING:
    from kgan.artifacts import RunDirectory

# Arguments of the library whose flags have other names.
ARGUMENTS = {"source": "dataset", "with_labels": "conditional"}

_RUN_DIR = flags.DEFINE_string("run_dir", None, "Directory that receives the run. Required.")
_DATA_DIR = flags.DEFINE_string(
    "data_dir", None, "Directory of TFDS data (default: ~/tensorflow_datasets, as in TFDS)"
)
_PRESET = flags.DEFINE_string(
    "preset",
    None,
    "Named configuration; explicit flags override it. auto chooses by the data, as it does for a "
    f"directory of pictures without --preset and --network (one of auto, {', '.join(PRESETS)})",
)
_MINUTES = flags.DEFINE_float(
    "minutes", None, "With --preset=auto: how long to train, by the speed of the first steps", 0.0
)
_REPRODUCE = flags.DEFINE_string(
    "reproduce", None, "Run directory of a run to repeat in the new --run_dir."
)
_DRY_RUN = flags.DEFINE_bool("dry_run", False, "Print the resolved configuration and stop.")
define_import_flag(__name__)
define_flags(Config, __name__)


def cli() -> None:
    """Run the program and exit: 0 done, 1 failed, 130 interrupted."""
    run("kgan-train", __name__, main, "Interrupted.", arguments=ARGUMENTS)


def main() -> None:
    """Resolve the flags and train."""
    if _RUN_DIR.value is None:
        raise ValueError("--run_dir is required: the directory that receives the run.")
    given = given_flags(Config)
    if _REPRODUCE.value is None:
        config = resolve(None if _PRESET.value == "auto" else _PRESET.value, given)
    else:
        config = _recorded(_REPRODUCE.value, {"preset": _PRESET.value, **given})
    with native_silence():
        from .records import RunDirectory, check_run
        from .run import located, train

        import_modules()
    config = located(config, _DATA_DIR.value)
    run_dir = RunDirectory(_RUN_DIR.value)
    if _REPRODUCE.value is None:
        directories = {"dataset", "condition", "init_from"} & given.keys()
        absolute = {name: getattr(config, name) for name in directories}
        config = _begun_or_chosen(config, run_dir, {**given, **absolute})
        if not run_dir.config.exists():  # a run that began with them goes on
            check_effects(config, given)
    elif _MINUTES.value is not None:
        raise ValueError(_NO_MINUTES.format(_MINUTES.value))
    print(json.dumps(config.options(), indent=2), flush=True)
    if _DRY_RUN.value:
        check_run(run_dir, config)
        return
    train(config, _RUN_DIR.value, _DATA_DIR.value, _REPRODUCE.value)


_NO_MINUTES = (
    "--minutes={:g}: expected none unless --preset=auto chooses the game. This one is as long as "
    "--steps or --epochs say."
)


def _begun_or_chosen(config: Config, run_dir: RunDirectory, given: OptionValues) -> Config:
    """Return the configuration of a run that has begun, or starts from another, or is chosen.

    Args:
        config: what the flags make alone; the answer where none of these holds.
        run_dir: the run directory.
        given: the flags of `Config` that were given, directories as absolute paths.
    """
    from .auto import automatic, chosen
    from .initial import initial_config
    from .records import resumed_config

    preset, minutes = _PRESET.value, _MINUTES.value
    if preset in (None, "auto") and run_dir.config.exists():
        return resumed_config(run_dir, given, minutes)
    if preset is None and config.init_from:
        config = initial_config(given)
    elif automatic(preset, given, config):
        return chosen(config, given, _DATA_DIR.value, minutes)
    if minutes is not None:
        raise ValueError(_NO_MINUTES.format(minutes))
    return config


def _recorded(run_dir: str, given: OptionValues) -> Config:
    """Return the configuration that a run recorded, to repeat the run."""
    for name, value in given.items():
        if value is not None:
            raise ValueError(
                f"--reproduce repeats a run with its own options: --{name}={value} cannot be given "
                "beside it."
            )
    with native_silence():
        from .records import RunDirectory, recorded_config
    return recorded_config(RunDirectory(run_dir))
