"""The game on three outcomes: exact play, alternating play, and collapse under a fixed D.

    python -m examples.tabular_game --output_dir=FIGURES

tabular_game.png shows the divergence and the value function over the steps, the paths of p_g among
the distributions over three outcomes, and the effective number of outcomes when D is fixed.
"""

from __future__ import annotations

import pathlib

import numpy as np
import numpy.typing as npt

from examples import command_line
from kgan import plots
from kgan.theory.collapse import effective_number
from kgan.theory.tabular import Play, alternating_play, exact_play

P_DATA = np.array([0.5, 0.3, 0.2])
START = np.array([0.05, 0.15, 0.8])
STEPS = 80
RATE, DISCRIMINATOR_RATE = 0.5, 0.5
# Logits of a D that is hardly better than chance; G starts at p_data.
LOGITS = np.array([0.05, 0.1, -0.1])


def plays() -> dict[str, Play]:
    """Return exact play, and alternating play with k = 1, 4 and 16."""
    found = {"exact": exact_play(P_DATA, START, STEPS, RATE)}
    for k in (1, 4, 16):
        found[f"k = {k}"] = alternating_play(P_DATA, START, STEPS, k, RATE, DISCRIMINATOR_RATE)
    return found


def divergence_panel(found: dict[str, Play]) -> plots.Panel:
    """Return a panel of JSD over the steps."""
    steps = np.arange(STEPS + 1)
    lines = {name: (steps, play.jsd) for name, play in found.items()}
    return plots.Panel(lines, "steps", "JSD [nats]", "divergence", log_y=True, y_limits=(1e-9, 1.0))


def value_panel(found: dict[str, Play]) -> plots.Panel:
    """Return a panel of V over the steps."""
    steps = np.arange(STEPS + 1)
    lines = {name: (steps, play.value) for name, play in found.items()}
    return plots.Panel(
        lines, "steps", "V(D, G) [nats]", "value function; -log 4 at the end", x_limits=(-1, 40)
    )


def path_panel(found: dict[str, Play]) -> plots.Panel:
    """Return a panel with the paths of p_g in the triangle of all distributions."""
    x, y = P_DATA[:2]
    nothing = np.nan  # first, so that no start is marked
    lines: dict[str, tuple[npt.ArrayLike, npt.ArrayLike]] = {
        name: (play.p_g[:, 0], play.p_g[:, 1]) for name, play in found.items()
    }
    lines["p_data"] = (
        [nothing, x - 0.03, x + 0.03, nothing, x, x],
        [nothing, y, y, nothing, y - 0.03, y + 0.03],
    )
    lines["_triangle"] = ([nothing, 0, 1, 0, 0], [nothing, 0, 0, 1, 0])
    return plots.Panel(
        lines,
        "probability of the first outcome",
        "probability of the second",
        "paths of p_g",
        equal=True,
    )


def effective_numbers() -> dict[str, np.ndarray]:
    """Return the effective number of outcomes over 400 steps, with D learning and with D fixed."""
    rates = {"D keeps up, k = 5": DISCRIMINATOR_RATE, "D is fixed": 0.0}
    return {
        name: effective_number(
            alternating_play(P_DATA, P_DATA, 400, 5, RATE, d_rate, logits=LOGITS).p_g
        )
        for name, d_rate in rates.items()
    }


def collapse_panel(numbers: dict[str, np.ndarray]) -> plots.Panel:
    """Return a panel of the effective number of outcomes over the steps."""
    lines = {name: (np.arange(401), line) for name, line in numbers.items()}
    return plots.Panel(
        lines, "steps", "effective number of outcomes", "G starts at p_data", y_limits=(0.9, 3)
    )


def run(folder: pathlib.Path) -> None:
    """Print the results and write tabular_game.png."""
    found = plays()
    print(f"JSD(p_data, p_g) in nats, {found['exact'].jsd[0]:.3f} at first, G's rate {RATE}:")
    for name, play in found.items():
        rises = int((np.diff(play.jsd) > 1e-15).sum())
        print(
            f"  {name:6} {play.jsd[20]:.1e} after 20 steps, {play.jsd[-1]:.1e} after {STEPS}; "
            f"it rose in {rises} steps"
        )
    numbers = effective_numbers()
    print(f"Effective number of outcomes, {effective_number(P_DATA):.2f} when G starts at p_data:")
    for name, line in numbers.items():
        print(f"  {name}: {line[-1]:.2f} after {len(line) - 1} steps")
    panels = [
        divergence_panel(found),
        value_panel(found),
        path_panel(found),
        collapse_panel(numbers),
    ]
    command_line.save(folder / "tabular_game.png", plots.curves(panels, columns=2))


if __name__ == "__main__":
    command_line.start(run)
