"""Train presets over seeds as a user would, and record the outcome of every run.

    python -m experiments.results play --preset=mnist_mlp,mnist_r3gan [--seeds=0-2]
        [--data_dir=DATA] [--runs_dir=runs/results]
    python -m experiments.results collect [--runs_dir=runs/results] [--out=docs]
    python -m experiments.results show [--preset=mnist_mlp] [--out=docs]

`play` runs kgan-train and kgan-evaluate for each preset and seed. It skips runs that are done and
resumes runs that were stopped. `collect` reads the run directories and updates OUT/results.json,
which keeps the runs of other machines, the pictures beside it, and the tables of OUT/results.md.
A preset without an evaluated run does not appear. `show` prints every run of OUT/results.json.
"""

from __future__ import annotations

import itertools
import json
import pathlib
import shlex
import statistics
import sys
from collections.abc import Sequence

from PIL import Image

from experiments import program, results_page, run_tables
from experiments.record import Run, flags, label
from kgan.artifacts import RunDirectory
from kgan.utils.types import JsonDict
from train.presets import PRESETS

# Options of kgan-evaluate that follow PacGAN's protocols (arXiv 1712.04086, section 4). The search
# for neighbours of 26,000 stacks among 128,000 takes many minutes; no paper publishes it.
PROTOCOLS = {
    "ring": ["--num_samples=2500"],
    "grid": ["--num_samples=2500"],
    "stacked_mnist": ["--num_samples=26000", "--metrics=modes,latent"],
}
# Presets of pictures that the user has are not among them.
DATASETS = {name: options["dataset"] for name, options in PRESETS.items() if "dataset" in options}
RUNS = pathlib.Path("runs", "results")
PAUSE = 30.0  # seconds; a shorter gap may be an evaluation, a checkpoint or a busy machine


def commands(
    training_flags: list[str], dataset: str, run_dir: pathlib.Path, data_dir: str | None = None
) -> list[str]:
    """Return the two commands of a run: its training with these flags, then its evaluation."""
    where = [f"--run_dir={run_dir}", *([f"--data_dir={data_dir}"] if data_dir else [])]
    return [
        shlex.join(["kgan-train", *training_flags, *where]),
        shlex.join(["kgan-evaluate", *where, *PROTOCOLS.get(dataset, [])]),
    ]


def play(
    presets: list[str], seeds: list[int], runs_dir: pathlib.Path, data_dir: str | None
) -> list[str]:
    """Run the commands of every run that is not evaluated; return the commands that failed."""
    failed = []
    for preset, seed in itertools.product(presets, seeds):
        run = RunDirectory(runs_dir / preset / str(seed))
        if run.evaluation().exists():
            print(f"{preset}, seed {seed}: done.")
            continue
        own = [f"--preset={preset}", f"--seed={seed}"]
        for command in commands(own, DATASETS[preset], run.path, data_dir):
            if not program.run(command):
                failed.append(command)
                break
    return failed


def collect(runs_dir: pathlib.Path, known: Sequence[Run] = ()) -> list[Run]:
    """Return the known runs and those of the run directories, ordered by preset and seed.

    A preset as it stands comes before its variants. An evaluated run replaces the known run of the
    same flags. The commands of other known runs are updated to the presets as they stand.
    """
    runs = {
        identity(run): {**run, "commands": repeat(run["preset"], run["options"])} for run in known
    }
    for path in runs_dir.glob("*/*/config.json"):
        run = record(RunDirectory(path.parent))
        if "evaluation" in run or identity(run) not in runs:
            runs[identity(run)] = run
    shown = {run["preset"] for run in runs.values() if "evaluation" in run}
    order = [*PRESETS, *sorted(shown - set(PRESETS))]

    def place(run: Run) -> tuple[int, int, str, int]:
        return order.index(run["preset"]), len(identity(run)), label(run), run["seed"]

    return sorted((run for run in runs.values() if run["preset"] in shown), key=place)


def repeat(preset: str, options: JsonDict) -> list[str]:
    """Return the commands that repeat a run of these options in a directory of its own."""
    words = flags(preset, options)
    changes = [word[2:] for word in words if not word.startswith(("--preset=", "--seed="))]
    place = "-".join([str(options["seed"]), *changes])
    return commands(words, options["dataset"], RUNS / preset / place)


def identity(run: Run) -> tuple[str, ...]:
    """Return the preset and the flags of a run, which no other run shares."""
    return (run["preset"], *flags(run["preset"], run["options"]))


def record(run: RunDirectory) -> Run:
    """Return the row of a run directory, whether the run is finished or not."""
    config, preset = run.read_config(), run.path.parent.name
    options, lines = config["options"], []
    if run.metrics.exists():
        text = run.metrics.read_text().splitlines()
        lines = [json.loads(line) for line in text if line.endswith("}")]
    steps = lines[-1]["step"] if lines else 0
    images = options["batch_size"] * options["discriminator_steps"]
    found: Run = {
        "preset": preset,
        "seed": options["seed"],
        "commands": repeat(preset, options),
        "commit": config.get("commit"),
        "versions": config["versions"],
        "options": options,
        "finished": run.generator.exists(),
        "steps": steps,
        "images_seen": steps * images,
        "last_epoch": next((line for line in reversed(lines) if "epoch" in line), None),
        **pace(lines, images),
    }
    if run.evaluation().exists():
        found["evaluation"] = json.loads(run.evaluation().read_text())
        del found["evaluation"]["generator"]["path"]  # of this machine
        if run.sample(steps).exists():
            found["samples"] = run.sample(steps)
    return found


def pace(lines: list[JsonDict], images: int) -> dict[str, float]:
    """Return speed and duration of a training by the times of its log, without pauses.

    A pause is a gap of more than 30 s in which the speed is below a third of the median: the run
    was stopped and resumed later. The time before the first line counts at the mean speed.
    """
    times = sorted({line["step"]: line["time"] for line in lines}.items())
    stretches = [(b[0] - a[0], b[1] - a[1]) for a, b in itertools.pairwise(times)]
    if not stretches:
        return {}
    median = statistics.median(seconds / steps for steps, seconds in stretches)
    going = [(n, s) for n, s in stretches if s <= max(PAUSE, 3 * median * n)]
    seconds = sum(s for _, s in going) / sum(n for n, _ in going)
    return {
        "images_per_second": images / seconds,
        "minutes": times[-1][0] * seconds / 60,
        "minutes_of_pauses": (times[-1][1] - times[0][1] - sum(s for _, s in going)) / 60,
    }


def write(runs: list[Run], out: pathlib.Path) -> None:
    """Write results.json, one line per run, and the first picture of each preset in 64 colours."""
    folder = out / "images" / "results"
    folder.mkdir(parents=True, exist_ok=True)
    drawn = set()
    for run in runs:
        samples = run.pop("samples", None)
        names = run.pop("pictures", [f"{run['preset']}_samples.png"] if samples else [])
        if names and run["preset"] in PRESETS and run["preset"] not in drawn:
            drawn.add(run["preset"])
            run["pictures"] = names
            if samples:
                small = Image.open(samples).convert("RGB").quantize(64)
                small.save(folder / names[0], optimize=True)
    lines = ",\n".join(json.dumps(run) for run in runs)
    (out / "results.json").write_text(f"[\n{lines}\n]\n")


def main() -> None:
    parser = program.parser(__doc__, seeds="0-2", only=False)
    parser.add_argument("what", choices=("play", "collect", "show"))
    parser.add_argument("--preset", default="", help="one or several, separated by commas")
    parser.add_argument("--runs_dir", type=pathlib.Path, default=RUNS)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("docs"))
    args = parser.parse_args()
    file = args.out / "results.json"
    known = json.loads(file.read_text()) if file.exists() else []
    if args.what == "collect":
        write(collect(args.runs_dir, known), args.out)
        results_page.write(args.out)
        return
    presets = args.preset.split(",") if args.preset else []
    if args.what == "show":
        wanted = presets or {run["preset"] for run in known}
        print(run_tables.tables([run for run in known if run["preset"] in wanted]))
        return
    for unknown in set(presets or [""]) - set(DATASETS):
        parser.error(f"--preset={unknown}: expected some of {', '.join(DATASETS)}")
    failed = play(presets, args.seeds, args.runs_dir, args.data_dir)
    if failed:
        sys.exit("These failed:\n" + "\n".join(failed))


if __name__ == "__main__":
    main()
