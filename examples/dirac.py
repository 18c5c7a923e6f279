"""The Dirac-GAN (Mescheder et al. 2018): play that diverges, circles or converges.

    python -m examples.dirac --output_dir=FIGURES

dirac.png shows the paths of (theta, psi) and the distance to the equilibrium at (0, 0). The program
prints the growth factor of that distance per step, and its prediction: the spectral radius of the
step's Jacobian.
"""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from examples import command_line
from kgan import plots
from kgan.theory.dirac import DiracGAN, spectral_radius

RATE = 0.4
GAME, WITH_R1 = DiracGAN(), DiracGAN(penalty=0.3)


class Way(NamedTuple):
    """A rule of play.

    Attributes:
        name: label in the picture.
        game: the game.
        play: start, steps, learning rate -> the points after each step.
        jacobian: learning rate -> Jacobian of a step at the equilibrium.
    """

    name: str
    game: DiracGAN
    play: Callable[[npt.ArrayLike, int, float], np.ndarray]
    jacobian: Callable[[float], np.ndarray]


WAYS = (
    Way("simultaneous", GAME, GAME.simultaneous, GAME.simultaneous_jacobian),
    Way("alternating", GAME, GAME.alternating, GAME.alternating_jacobian),
    Way("alternating, R1", WITH_R1, WITH_R1.alternating, WITH_R1.alternating_jacobian),
)


def measured_growth(way: Way, steps: int = 300) -> float:
    """Return the mean growth factor per step of the distance, close to the equilibrium."""
    distances = np.linalg.norm(way.play((1e-4, 0.0), steps, RATE), axis=-1)
    return float((distances[-1] / distances[0]) ** (1 / steps))


def plane(way: Way) -> plots.Panel:
    """Return a panel with the path in the plane."""
    start = (0.5, 0.0)
    played = way.play(start, 120, RATE)
    continuous = way.game.flow(start, np.linspace(0, 4 * np.pi, 200))
    lines = {"_played": played, "_continuous": continuous}
    return plots.Panel(
        {label: (points[:, 0], points[:, 1]) for label, points in lines.items()},
        r"generator's point $\theta$",
        r"discriminator's weight $\psi$",
        f"{way.name}; dashed: continuous time",
        equal=True,
    )


def draw() -> np.ndarray:
    """Draw the three paths, and the three distances in one panel."""
    distances = {
        way.name: (np.arange(121), np.linalg.norm(way.play((0.5, 0.0), 120, RATE), axis=-1))
        for way in WAYS
    }
    together = plots.Panel(
        distances, "steps", "distance to (0, 0)", f"learning rate {RATE}", log_y=True
    )
    return plots.curves([*map(plane, WAYS), together], columns=2)


def run(folder: pathlib.Path) -> None:
    """Print the growth factors and write dirac.png."""
    print(f"Growth of the distance to the equilibrium per step, learning rate {RATE}:")
    for way in WAYS:
        predicted = spectral_radius(way.jacobian(RATE))
        print(f"  {way.name:16} predicted {predicted:.4f}, measured {measured_growth(way):.4f}")
    command_line.save(folder / "dirac.png", draw())


if __name__ == "__main__":
    command_line.start(run)
