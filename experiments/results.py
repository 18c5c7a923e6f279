"""The experiments: plays presets over seeds, and writes down what came of every run.

    python -m experiments.results play --preset=mnist_mlp,mnist_r3gan [--seeds=0,1,2]
        [--data_dir=DATA] [--runs_dir=runs/results]
    python -m experiments.results collect [--runs_dir=runs/results] [--out=docs]

`play` types the commands of a user, kgan-train and kgan-evaluate, run by run: what is done stays,
and what was stopped goes on. `collect` reads the files of the runs and writes what they say into
OUT/results.json, where runs that are not here stay, and the pictures beside it;
`experiments.results_page`, which it calls, makes the tables of OUT/results.md. A preset of which no
run is evaluated does not appear.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import pathlib
import shlex
import statistics
import sys
import sysconfig
from collections.abc import Sequence
from typing import Any

from PIL import Image

from experiments import results_page
from kgan.artifacts import RunDirectory
from train.presets import PRESETS

# How evaluations differ from the program's defaults: PacGAN's protocols (arXiv 1712.04086, section
# 4). To look 26,000 stacks up among 128,000 would take many minutes, for no published figure.
PROTOCOLS = {
    "ring": ["--num_samples=2500"],
    "grid": ["--num_samples=2500"],
    "stacked_mnist": ["--num_samples=26000", "--metrics=modes,latent"],
}
RUNS = pathlib.Path("runs", "results")
INTERRUPTED = 130  # exit code of a program that Ctrl-C has ended
PAUSE = 30.0  # seconds: what is shorter may be an evaluation, a checkpoint or a busy machine

Run = dict[str, Any]  # a line of results.json


def commands(
    told: list[str], dataset: str, run_dir: pathlib.Path, data_dir: str | None = None
) -> list[str]:
    """What a user types for one run: the training with these flags, and then the evaluation."""
    where = [f"--run_dir={run_dir}", *([f"--data_dir={data_dir}"] if data_dir else [])]
    return [
        shlex.join(["kgan-train", *told, *where]),
        shlex.join(["kgan-evaluate", *where, *PROTOCOLS.get(dataset, [])]),
    ]


def play(
    presets: list[str], seeds: list[int], runs_dir: pathlib.Path, data_dir: str | None
) -> list[str]:
    """Types the commands of every run that is not evaluated; returns those that failed."""
    os.environ["PATH"] = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])
    failed = []
    for preset, seed in itertools.product(presets, seeds):
        run = RunDirectory(runs_dir / preset / str(seed))
        if run.evaluation().exists():
            print(f"{preset}, seed {seed}: done.")
            continue
        told = [f"--preset={preset}", f"--seed={seed}"]
        for command in commands(told, PRESETS[preset]["dataset"], run.path, data_dir):
            print(f"$ {command}", flush=True)
            code = os.waitstatus_to_exitcode(os.system(command))
            if code == INTERRUPTED:
                sys.exit(INTERRUPTED)
            if code:
                failed.append(command)
                break
    return failed


def collect(runs_dir: pathlib.Path, known: Sequence[Run] = ()) -> list[Run]:
    """The known runs, and what the files of the runs say of these and of others.

    By preset, the preset itself before what differs, by seed. A run that is evaluated takes the
    place of the known one of the same flags, and the others' commands follow the presets.
    """
    runs = {told(run): {**run, "commands": again(run["preset"], run["options"])} for run in known}
    for path in runs_dir.glob("*/*/config.json"):
        run = record(RunDirectory(path.parent))
        if "evaluation" in run or told(run) not in runs:
            runs[told(run)] = run
    shown = {run["preset"] for run in runs.values() if "evaluation" in run}
    order = [*PRESETS, *sorted(shown - set(PRESETS))]

    def place(run: Run) -> tuple[int, int, str, int]:
        return order.index(run["preset"]), len(told(run)), results_page.label(run), run["seed"]

    return sorted((run for run in runs.values() if run["preset"] in shown), key=place)


def again(preset: str, options: dict[str, Any]) -> list[str]:
    """The commands that make a run of these options, as the presets stand, in its own place."""
    flags = results_page.flags(preset, options)
    changes = [flag[2:] for flag in flags if not flag.startswith(("--preset=", "--seed="))]
    place = "-".join([str(options["seed"]), *changes])
    return commands(flags, options["dataset"], RUNS / preset / place)


def told(run: Run) -> tuple[str, ...]:
    """What tells a run from all others."""
    return (run["preset"], *results_page.flags(run["preset"], run["options"]))


def record(run: RunDirectory) -> Run:
    """What the files of a run say of it, whether it is finished or not."""
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
        "commands": again(preset, options),
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
        files = {"samples": run.sample(steps)}
        files |= {name: run.evaluation_picture(name) for name in ("neighbours", "interpolation")}
        found["files"] = {name: path for name, path in files.items() if path.exists()}
    return found


def pace(lines: list[dict[str, Any]], images: int) -> dict[str, float]:
    """How long a training took, by the times of its log; what is left out when it stood still.

    A stretch of more than half a minute that has less than a third of the median speed is a pause:
    the run was stopped, and went on later. The time before the first line is taken to be like the
    rest.
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
    """Writes results.json, a line a run, and pictures of each preset's first run, in 64 colours."""
    folder = out / "images" / "results"
    folder.mkdir(parents=True, exist_ok=True)
    drawn = set()
    for run in runs:
        files = run.pop("files", {})
        pictures = run.pop("pictures", [picture(run, name) for name in files])
        if pictures and run["preset"] not in drawn:
            drawn.add(run["preset"])
            run["pictures"] = pictures
            for name, file in files.items():
                small = Image.open(file).convert("RGB").quantize(64)
                small.save(folder / picture(run, name), optimize=True)
    lines = ",\n".join(json.dumps(run) for run in runs)
    (out / "results.json").write_text(f"[\n{lines}\n]\n")


def picture(run: Run, name: str) -> str:
    """What a picture is called in the record."""
    return f"{run['preset']}_{name}.png"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("play", "collect"))
    parser.add_argument("--preset", default="", help="one or several, with commas between them")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--data_dir", help="of TFDS; its own when not given")
    parser.add_argument("--runs_dir", type=pathlib.Path, default=RUNS)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("docs"))
    args = parser.parse_args()
    if args.what == "collect":
        record_file = args.out / "results.json"
        known = json.loads(record_file.read_text()) if record_file.exists() else []
        write(collect(args.runs_dir, known), args.out)
        results_page.write(args.out)
        return
    presets = args.preset.split(",")
    for unknown in set(presets) - set(PRESETS):
        parser.error(f"--preset={unknown}: expected some of {', '.join(PRESETS)}")
    seeds = [int(seed) for seed in args.seeds.split(",")]
    failed = play(presets, seeds, args.runs_dir, args.data_dir)
    if failed:
        sys.exit("These failed:\n" + "\n".join(failed))


if __name__ == "__main__":
    main()
