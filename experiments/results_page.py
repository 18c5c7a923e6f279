"""Write the tables and pictures of docs/results.md, and README's table, from docs/results.json.

python -m experiments.results_page [--out=docs]
"""

from __future__ import annotations

import argparse
import json
import pathlib
import statistics
from collections.abc import Callable, Sequence

from experiments.record import Run, label, learned, measure
from experiments.run_tables import PARZEN, Column, number, over_seeds, row

COLUMNS = [
    Column("Parzen, nats", PARZEN),
    Column("Frechet distance", "frechet_distance"),
    Column("precision", "precision"),
    Column("recall", "recall"),
    Column("near-duplicate rate", "near_duplicate_rate"),
    Column("largest class imbalance", "modes_found", "largest_class_imbalance"),
    Column("modes", "modes_found"),
]
README_COLUMNS = [*COLUMNS[:5], Column("steps", "steps")]


def table(runs: Sequence[Run], columns: Sequence[Column] = COLUMNS) -> str:
    """Return a row per preset, as it stands, and a row of floors after those of a data set.

    Cells are means and standard deviations over the seeds that learned. The floor is the value of
    real data, or of points of the density.
    """
    as_they_stand = [
        run for run in runs if "evaluation" in run and label(run) == f"`{run['preset']}`"
    ]
    rows = []
    for dataset in dict.fromkeys(run["options"]["dataset"] for run in as_they_stand):
        group = [run for run in as_they_stand if run["options"]["dataset"] == dataset]
        for preset in dict.fromkeys(run["preset"] for run in group):
            whole, lost_seeds, seeds = learned(runs, preset)
            lost_text = f"{lost_seeds} of {seeds}"
            cells = [over_seeds(column, whole) for column in columns]
            rows.append([f"`{preset}`", f"{len(whole)}", lost_text, *cells])
        floors = [_floor(column, group) for column in columns]
        rows.append([f"*floor: real `{dataset}`*", "", "", *floors])
    if not rows:
        return "No run is evaluated."
    heads = ["preset", "seeds", "lost", *(column.head for column in columns)]
    return "\n".join(map(row, [heads, ["---"] + ["--:"] * (len(heads) - 1), *rows]))


def _floor(column: Column, group: Sequence[Run]) -> str:
    """Return the mean of what real data get, where a value is shown beside it."""
    found = [measure(run, column.name).get("real") for run in group]
    values = [value for value in found if value is not None]
    shown = column.entry == "value" and values
    return number(float(f"{statistics.mean(values):.4g}")) if shown else ""


def summary(runs: Sequence[Run]) -> str:
    """Return README's table: the presets of MNIST."""
    return table([run for run in runs if run["options"]["dataset"] == "mnist"], README_COLUMNS)


def pictures(runs: Sequence[Run]) -> str:
    """Return the picture of each preset: the samples of its first run that has one."""
    parts = []
    for run in runs:
        for name in run.get("pictures", []):
            text = f"{label(run)}, seed {run['seed']}: 64 samples"
            parts.append(f"![{text.replace('`', '')}](images/results/{name})\n\n*{text}.*")
    return "\n\n".join(parts) or "No picture is drawn."


MADE: dict[str, Callable[[Sequence[Run]], str]] = {
    "tables": table,
    "pictures": pictures,
    "summary": summary,
}


def written(page: str, runs: Sequence[Run]) -> str:
    """Return the page with its tables and pictures replaced, and all else unchanged."""
    for name, make in MADE.items():
        begin, end = f"<!-- {name}: by experiments/results_page.py -->", f"<!-- end of {name} -->"
        before, found, rest = page.partition(begin)
        if found:
            page = f"{before}{begin}\n\n{make(runs)}\n\n{end}{rest.partition(end)[2]}"
    return page


def write(out: pathlib.Path) -> None:
    """Rewrite `out / "results.md"` and the table of the README.md above it."""
    runs = json.loads((out / "results.json").read_text())
    for page in (out / "results.md", out.parent / "README.md"):
        if page.exists():
            page.write_text(written(page.read_text(), runs))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("docs"))
    write(parser.parse_args().out)


if __name__ == "__main__":
    main()
