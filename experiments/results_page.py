"""Writes the tables and pictures of docs/results.md, and README's table, from docs/results.json.

python -m experiments.results_page [--out=docs]
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import pathlib
import statistics
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from train.config import Config, resolve
from train.presets import PRESETS

Run = dict[str, Any]  # a line of results.json
Figure = dict[str, Any]  # an entry of its evaluation, or {"value": ...} of an entry of the run


@dataclasses.dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        head: what it is called.
        name: the figure of the evaluation, or the entry of the run or of its last epoch.
        entry: of the figure, which is shown.
        beside: the entry that stands beside it.
        target: what is asked of it, for the last line of the table.
        missed: whether a figure fails to reach that.
        spread: whether mean and standard deviation over the seeds are shown.
    """

    head: str
    name: str
    entry: str = "value"
    beside: str | None = None
    target: str = ""
    missed: Callable[[Figure], bool] = lambda figure: False
    spread: bool = True


def below(factor: float, other: str = "real") -> Callable[[Figure], bool]:
    """Whether the value is lower than so many times another entry."""
    return lambda figure: figure["value"] < factor * figure[other]


def above(factor: float, other: str = "real") -> Callable[[Figure], bool]:
    """Whether the value is higher than that."""
    return lambda figure: figure["value"] > factor * figure[other]


PARZEN = "parzen_log_likelihood"
TABLES = {
    "Training": [
        Column("steps", "steps", spread=False),
        Column("images seen", "images_seen", spread=False),
        Column("images/s", "images_per_second"),
        Column("minutes", "minutes"),
        Column("D right", "d_accuracy"),
        Column("commit", "commit", spread=False),
    ],
    "Parzen windows": [
        Column(
            "samples",
            PARZEN,
            target="≥ real images - 2 errors; more than real images is not better",
            missed=lambda figure: figure["value"] < figure["real"] - 2 * figure["error"],
        ),
        Column("error", PARZEN, "error", spread=False),
        Column("sigma", PARZEN, "sigma", spread=False),
        Column("real images", PARZEN, "real", spread=False),
        Column("k-means centroids", "parzen_of_centroids", spread=False),
    ],
    "Distances, quality, variety": [
        Column("Frechet", "frechet_distance", "value", "real", "≤ 3 real", above(3)),
        Column("kernel", "kernel_distance", "value", "real"),
        Column("precision", "precision", "value", "real", "≥ 0.9 real", below(0.9)),
        Column("recall", "recall", "value", "real", "≥ 0.9 real", below(0.9)),
        Column("density", "density", "value", "real"),
        Column("coverage", "coverage", "value", "real"),
        Column("path length", "path_length"),
    ],
    "Modes and classes": [
        Column("modes", "modes_found", "value", "of", "all", below(1, "of")),
        Column("KL / floor", "modes_kl", "value", "real"),
        Column(
            "furthest share",
            "modes_found",
            "furthest",
            target="≤ 0.2",
            missed=lambda figure: figure["furthest"] > 0.2,
        ),
        Column("score", "classifier_score", "value", "real"),
        Column(
            "asked class",
            "asked_class",
            "value",
            "real",
            "≥ 0.99",
            lambda figure: figure["value"] < 0.99,
        ),
        Column("high quality", "high_quality", "value", "real"),
    ],
    "Neighbours among the training images": [
        Column("distance", "neighbour_ratio", "value", "real"),
        Column("unusually near", "unusually_near", "value", "real", "≤ 2 real", above(2)),
        Column("z", "neighbour_z"),
        Column("in features: distance", "neighbour_ratio_in_features"),
        Column("unusually near", "unusually_near_in_features"),
        Column("z", "neighbour_z_in_features"),
    ],
}
SUMMARY = [  # README's table
    Column("Parzen, nats", PARZEN),
    Column("Frechet", "frechet_distance"),
    Column("precision", "precision"),
    Column("recall", "recall"),
    Column("unusually near", "unusually_near"),
    Column("steps", "steps"),
]
CAPTIONS = {
    "samples": "samples",
    "neighbours": "samples beside the training images nearest to them; below, the nearest pairs",
    "interpolation": "from one latent point to another",
}


def figure(run: Run, name: str) -> Figure:
    """A figure of the evaluation, or an entry of the run or its last epoch as one, or nothing."""
    entries = {**(run.get("last_epoch") or {}), **run}
    found = run.get("evaluation", {}).get("figures", {}).get(name, {})
    if entries.get(name) is not None:
        found = {"value": entries[name]}
    if "data_shares" in found:
        pairs = zip(found["shares"], found["data_shares"], strict=True)
        found = {**found, "furthest": max(abs(share / data - 1) for share, data in pairs)}
    return found


def flags(preset: str, options: dict[str, Any]) -> list[str]:
    """Flags that make these options: the preset, while it exists, and what differs from it.

    Options that came after a run stood at their defaults when it was made.
    """
    told, base = [], Config(steps=1, seed=options["seed"]).options()
    options = {**base, **options}
    if preset in PRESETS:
        told.append(f"--preset={preset}")
        base = resolve(preset, {"seed": options["seed"]}).options()
    changes = {key: value for key, value in options.items() if base.get(key) != value}
    told.append(f"--seed={options['seed']}")
    for name, value in changes.items():
        if isinstance(value, bool):
            told.append(f"--{name}" if value else f"--no{name}")
        elif value is not None:
            told.append(f"--{name}={value}")
    return told


def label(run: Run) -> str:
    """What `kgan-train` is told beside the seed."""
    words = [word for word in flags(run["preset"], run["options"]) if "--seed=" not in word]
    lost = "" if run["preset"] in PRESETS else f"{run['preset']} (no preset): "
    return f"{lost}`{' '.join(words).removeprefix('--preset=')}`"


def tables(runs: Sequence[Run]) -> str:
    """All tables, each with the runs that have one of its figures."""
    parts = []
    for title, columns in TABLES.items():
        used = [c for c in columns if any(cell(c, run) for run in runs)]
        rows = list(lines(used, runs))
        if rows:
            heads = ["preset", "seed", *(column.head for column in used)]
            rule = ["---", "--:"] + ["--:"] * len(used)
            parts.append(f"### {title}\n\n" + "\n".join(map(line, [heads, rule, *rows])))
    return "\n\n".join(parts) or "No run is evaluated."


def lines(columns: Sequence[Column], runs: Sequence[Run]) -> Iterator[list[str]]:
    """The cells of a table: a row a run, one for the seeds of a configuration, and the targets."""
    for name in dict.fromkeys(label(run) for run in runs):
        group = [run for run in runs if label(run) == name]
        rows = [(run, [cell(column, run) for column in columns]) for run in group]
        for run, row in rows:
            if any(row):
                yield [name, f"{run['seed']}{state(run)}", *row]
        whole = [run for run, row in rows if "evaluation" in run and any(row)]
        if len(whole) > 1:
            yield [name, "all", *(over_seeds(column, whole) for column in columns)]
    targets = [column.target for column in columns]
    if any(targets):
        yield ["*target*", "", *targets]


def state(run: Run) -> str:
    """What is missing of a run."""
    if "evaluation" in run:
        return ""
    return " (not evaluated)" if run["finished"] else " (unfinished)"


def cell(column: Column, run: Run) -> str:
    """What a run gets; bold where it misses the target."""
    found = figure(run, column.name)
    if found.get(column.entry) is None:
        return ""
    text = number(found[column.entry])
    if column.beside:
        text += f" / {number(found[column.beside])}"
    return f"**{text}**" if column.missed(found) else text


def over_seeds(column: Column, group: Sequence[Run]) -> str:
    """Mean and standard deviation."""
    found = [figure(run, column.name).get(column.entry) for run in group]
    values = [value for value in found if value is not None]
    if not column.spread or len(values) < 2:
        return ""
    deviation = statistics.stdev(values)
    digits = ",.0f" if deviation >= 10 else ".2g"
    return f"{number(statistics.mean(values))} ± {deviation:{digits}}"


def number(value: Any) -> str:
    """A number of four digits, or the beginning of a commit."""
    if isinstance(value, str):
        return f"`{value[:10]}`" + (" changed" if value.endswith("-dirty") else "")
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def line(cells: Sequence[str]) -> str:
    """A line of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def pictures(runs: Sequence[Run]) -> str:
    """The pictures of each preset's first run that has some."""
    parts = []
    for run in runs:
        for name in run.get("pictures", []):
            caption = CAPTIONS[name.rpartition("_")[2].removesuffix(".png")]
            text = f"{label(run)}, seed {run['seed']}: {caption}."
            parts.append(f"![{text.replace('`', '')}](images/results/{name})\n\n*{text}*")
    return "\n\n".join(parts) or "No picture is drawn."


def summary(runs: Sequence[Run]) -> str:
    """A line for each preset of MNIST, as it stands: means over its seeds, and real data."""
    evaluated = [run for run in runs if "evaluation" in run and label(run) == f"`{run['preset']}`"]
    evaluated = [run for run in evaluated if run["options"]["dataset"] == "mnist"]
    if not evaluated:
        return "No run is evaluated."
    rows = []
    for preset in dict.fromkeys(run["preset"] for run in evaluated):
        group = [run for run in evaluated if run["preset"] == preset]
        rows.append([f"`{preset}`", f"{len(group)}", *(mean(c, group, "value") for c in SUMMARY)])
    rows.append(["real images", "", *(mean(c, evaluated, "real") for c in SUMMARY)])
    heads = ["preset", "seeds", *(column.head for column in SUMMARY)]
    return "\n".join(map(line, [heads, ["---"] + ["--:"] * (len(heads) - 1), *rows]))


def mean(column: Column, group: Sequence[Run], entry: str) -> str:
    """The mean of an entry over runs, or nothing where none has it."""
    found = [figure(run, column.name).get(entry) for run in group]
    values = [value for value in found if value is not None]
    return number(round(statistics.mean(values), 3)) if values else ""


def written(page: str, runs: Sequence[Run]) -> str:
    """The page with its tables and pictures made anew, everything else as it was."""
    for name, make in (("tables", tables), ("pictures", pictures), ("summary", summary)):
        begin, end = f"<!-- {name}: by experiments/results_page.py -->", f"<!-- end of {name} -->"
        before, found, rest = page.partition(begin)
        if found:
            page = f"{before}{begin}\n\n{make(runs)}\n\n{end}{rest.partition(end)[2]}"
    return page


def write(out: pathlib.Path) -> None:
    """Writes `out / "results.md"` anew, and the table in the README.md above it."""
    runs = json.loads((out / "results.json").read_text())
    for page in (out / "results.md", out.parent / "README.md"):
        if page.exists():
            page.write_text(written(page.read_text(), runs))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("docs"))
    write(parser.parse_args().out)


if __name__ == "__main__":
    main()
