"""Tables of single runs, with spread over seeds and targets, from docs/results.json.

`python -m experiments.results show` prints them; docs/results.md shows their summary alone.
"""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Callable, Iterator, Sequence

from experiments.record import Measure, Run, label, measure

__all__ = ["PARZEN", "Column", "number", "over_seeds", "row", "tables"]


@dataclasses.dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        head: its heading.
        name: the metric, or the entry of the run or of its last epoch.
        entry: the entry of the metric that is shown.
        beside: the entry after the slash.
        target: the target, for the last row of the table.
        missed: whether a metric misses the target.
        spread: whether mean and standard deviation over the seeds are shown.
    """

    head: str
    name: str
    entry: str = "value"
    beside: str | None = None
    target: str = ""
    missed: Callable[[Measure], bool] = lambda found: False
    spread: bool = True


def below(factor: float, other: str = "real") -> Callable[[Measure], bool]:
    """Return a test whether the value is less than `factor` times another entry."""
    return lambda found: found["value"] < factor * found[other]


def above(factor: float, other: str = "real") -> Callable[[Measure], bool]:
    """Return a test whether the value is more than `factor` times another entry."""
    return lambda found: found["value"] > factor * found[other]


PARZEN = "parzen_log_likelihood"
TABLES = {
    "Training": [
        Column("steps", "steps", spread=False),
        Column("images seen", "images_seen", spread=False),
        Column("images/s", "images_per_second"),
        Column("minutes", "minutes"),
        Column("D accuracy", "d_accuracy"),
        Column("commit", "commit", spread=False),
    ],
    "Parzen windows": [
        Column(
            "samples",
            PARZEN,
            target="≥ real images - 2 errors; more than real images is not better",
            missed=lambda found: found["value"] < found["real"] - 2 * found["error"],
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
            "largest class imbalance",
            "modes_found",
            "largest_class_imbalance",
            target="≤ 0.2",
            missed=lambda found: found["largest_class_imbalance"] > 0.2,
        ),
        Column("score", "classifier_score", "value", "real"),
        Column(
            "asked class",
            "asked_class",
            "value",
            "real",
            "≥ 0.99",
            lambda found: found["value"] < 0.99,
        ),
        Column("high quality", "high_quality", "value", "real"),
    ],
    "Neighbours among the training images": [
        Column("distance", "neighbour_ratio", "value", "real"),
        Column("near-duplicate rate", "near_duplicate_rate", "value", "real", "≤ 2 real", above(2)),
        Column("z", "neighbour_z"),
        Column("in features: distance", "neighbour_ratio_in_features"),
        Column("near-duplicate rate", "near_duplicate_rate_in_features"),
        Column("z", "neighbour_z_in_features"),
    ],
}


def tables(runs: Sequence[Run]) -> str:
    """Return all tables, each with the runs that have one of its metrics."""
    parts = []
    for title, columns in TABLES.items():
        used = [c for c in columns if any(cell(c, run) for run in runs)]
        rows = list(lines(used, runs))
        if rows:
            heads = ["preset", "seed", *(column.head for column in used)]
            rule = ["---", "--:"] + ["--:"] * len(used)
            parts.append(f"### {title}\n\n" + "\n".join(map(row, [heads, rule, *rows])))
    return "\n\n".join(parts) or "No run is evaluated."


def lines(columns: Sequence[Column], runs: Sequence[Run]) -> Iterator[list[str]]:
    """Yield the cells of a table: a row per run, one per configuration, and the targets."""
    for name in dict.fromkeys(label(run) for run in runs):
        group = [run for run in runs if label(run) == name]
        rows = [(run, [cell(column, run) for column in columns]) for run in group]
        for run, cells in rows:
            if any(cells):
                yield [name, f"{run['seed']}{state(run)}", *cells]
        whole = [run for run, cells in rows if "evaluation" in run and any(cells)]
        if len(whole) > 1:
            yield [name, "all", *(over_seeds(c, whole) if c.spread else "" for c in columns)]
    targets = [column.target for column in columns]
    if any(targets):
        yield ["*target*", "", *targets]


def state(run: Run) -> str:
    """Return what a run lacks, in parentheses."""
    if "evaluation" in run:
        return ""
    return " (not evaluated)" if run["finished"] else " (unfinished)"


def cell(column: Column, run: Run) -> str:
    """Return the cell of one run; bold where it misses the target."""
    found = measure(run, column.name)
    if found.get(column.entry) is None:
        return ""
    text = number(found[column.entry])
    if column.beside:
        text += f" / {number(found[column.beside])}"
    return f"**{text}**" if column.missed(found) else text


def over_seeds(column: Column, group: Sequence[Run]) -> str:
    """Return mean and standard deviation over runs, or one value where they do not differ."""
    found = [measure(run, column.name).get(column.entry) for run in group]
    values = [value for value in found if value is not None]
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    if not deviation:
        return number(values[0]) if values else ""
    decimals = max(0, 1 - math.floor(math.log10(deviation)))  # two digits of the deviation
    return f"{statistics.mean(values):,.{decimals}f} ± {deviation:,.{decimals}f}"


def number(value: float | str) -> str:
    """Return a number with four digits, or the first digits of a commit."""
    if isinstance(value, str):
        return f"`{value[:10]}`" + (" changed" if value.endswith("-dirty") else "")
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def row(cells: Sequence[str]) -> str:
    """Return a row of a Markdown table."""
    return f"| {' | '.join(cells)} |"
