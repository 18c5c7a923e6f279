"""The Dirac-GAN (Mescheder et al. 2018): play that diverges, circles and converges, in one plane.

    python -m examples.dirac --output_dir=FIGURES

dirac.png shows the paths of (theta, psi) and the distance to the equilibrium at (0, 0). What is
printed compares the factor by which that distance grows a round with its prediction, the spectral
radius of the round's Jacobian.
"""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from absl import app, flags

from kgan import plots
from kgan.theory.dirac import DiracGAN, spectral_radius

RATE = 0.4
GAME, WITH_R1 = DiracGAN(), DiracGAN(penalty=0.3)


class Way(NamedTuple):
    """A way to play.

    Attributes:
        name: as it is shown.
        game: the game that is played.
        play: start, rounds, learning rate -> the points after each round.
        jacobian: learning rate -> derivative of a round at the equilibrium.
    """

    name: str
    game: DiracGAN
    play: Callable[[Any, int, float], np.ndarray]
    jacobian: Callable[[float], np.ndarray]


WAYS = (
    Way("simultaneous", GAME, GAME.simultaneous, GAME.simultaneous_jacobian),
    Way("alternating", GAME, GAME.alternating, GAME.alternating_jacobian),
    Way("alternating, R1", WITH_R1, WITH_R1.alternating, WITH_R1.alternating_jacobian),
)


def measured_growth(way: Way, rounds: int = 300) -> float:
    """Factor a round of the distance to the equilibrium, close to it, on average."""
    distances = np.linalg.norm(way.play((1e-4, 0.0), rounds, RATE), axis=-1)
    return float((distances[-1] / distances[0]) ** (1 / rounds))


def plane(way: Way) -> plots.Panel:
    """The path in the plane."""
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
    """The picture: three planes, and the three distances together."""
    distances = {
        way.name: (np.arange(121), np.linalg.norm(way.play((0.5, 0.0), 120, RATE), axis=-1))
        for way in WAYS
    }
    together = plots.Panel(
        distances, "rounds", "distance to (0, 0)", f"learning rate {RATE}", log_y=True
    )
    return plots.curves([*map(plane, WAYS), together], columns=2)


def run(folder: pathlib.Path) -> None:
    """Prints what was measured and writes dirac.png."""
    print(f"Growth of the distance to the equilibrium a round, learning rate {RATE}:")
    for way in WAYS:
        predicted = spectral_radius(way.jacobian(RATE))
        print(f"  {way.name:16} predicted {predicted:.4f}, measured {measured_growth(way):.4f}")
    folder.mkdir(parents=True, exist_ok=True)
    plots.write_png(folder / "dirac.png", draw())
    print(f"Wrote {folder / 'dirac.png'}.")


def main(argv: list[str]) -> None:
    del argv
    run(pathlib.Path(flags.FLAGS.output_dir))


if __name__ == "__main__":
    flags.DEFINE_string("output_dir", "figures", "Directory that receives the picture.")
    app.run(main)
