"""Read rows of docs/results.json: their flags, their metrics, and whether the training was lost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from kgan.utils.types import JsonDict
from train.config import Config, resolve
from train.presets import PRESETS

__all__ = ["LOST_ACCURACY", "Measure", "Run", "flags", "label", "learned", "lost", "measure"]

Run: TypeAlias = JsonDict  # a row of results.json
Measure: TypeAlias = JsonDict  # a metric: its value, the value of real data, its error

LOST_ACCURACY = 0.99
LENGTHS = ("steps", "epochs")  # one of them is None, and the other takes the preset's back


def lost(run: Run) -> bool:
    """Return whether D won: its accuracy in the last epoch is at least 0.99.

    Such a D gives G almost no gradient to learn from. No run in the record has recovered from it.
    """
    return (run.get("last_epoch") or {}).get("d_accuracy", 0.0) >= LOST_ACCURACY


def measure(run: Run, name: str) -> Measure:
    """Return a metric of the evaluation, or an entry of the run or its last epoch as one.

    Returns:
        A dictionary with at least `value`; empty where the run has no such metric. With the shares
        of classes, it has their `largest_class_imbalance`: the largest relative difference between
        the share of a class in the samples and in the data.
    """
    entries = {**(run.get("last_epoch") or {}), **run}
    found = run.get("evaluation", {}).get("figures", {}).get(name, {})
    if entries.get(name) is not None:
        found = {"value": entries[name]}
    if "data_shares" in found:
        pairs = zip(found["shares"], found["data_shares"], strict=True)
        largest = max(abs(share / data - 1) for share, data in pairs)
        found = {**found, "largest_class_imbalance": largest}
    return found


def flags(preset: str, options: JsonDict) -> list[str]:
    """Return the flags of kgan-train that give these options.

    These are the preset, while it exists, and all that differs from it; without the preset where it
    sets an option that no flag takes back. An option that is newer than the run had its default
    value.
    """
    plain = Config(steps=1, seed=options["seed"]).options()
    options = {**plain, **options}
    found, changes = [], _differing(options, plain)
    if preset in PRESETS:
        beyond = _differing(options, resolve(preset, {"seed": options["seed"]}).options())
        if all(name in LENGTHS for name, value in beyond.items() if value is None):
            found, changes = [f"--preset={preset}"], beyond
    found.append(f"--seed={options['seed']}")
    for name, value in changes.items():
        if isinstance(value, bool):
            found.append(f"--{name}" if value else f"--no{name}")
        elif value is not None:
            found.append(f"--{name}={value}")
    return found


def _differing(options: JsonDict, base: JsonDict) -> JsonDict:
    return {key: value for key, value in options.items() if base.get(key) != value}


def label(run: Run) -> str:
    """Return the preset and the flags of a run, without the seed, as Markdown."""
    words = [word for word in flags(run["preset"], run["options"]) if "--seed=" not in word]
    if words and words[0].startswith("--preset="):
        return f"`{' '.join(words).removeprefix('--preset=')}`"
    why = "an earlier form" if run["preset"] in PRESETS else "no preset"
    return f"{run['preset']} ({why}): `{' '.join(words)}`"


def learned(runs: Sequence[Run], preset: str) -> tuple[list[Run], int, int]:
    """Return the runs of a preset that learned, the number of lost seeds, and that of all seeds.

    The first are evaluated runs of the preset at full length. The counts include seeds that were
    trained for fewer steps alone; of each seed the longest run decides.
    """
    prefixes = (f"--preset={preset}", "--seed=", "--steps=", "--epochs=")
    same = [
        run
        for run in runs
        if run["preset"] == preset
        and "evaluation" in run
        and all(flag.startswith(prefixes) for flag in flags(preset, run["options"]))
    ]
    longest = {run["seed"]: run for run in sorted(same, key=lambda run: run["steps"])}
    whole = [run for run in same if label(run) == f"`{preset}`" and not lost(run)]
    return whole, sum(map(lost, longest.values())), len(longest)
