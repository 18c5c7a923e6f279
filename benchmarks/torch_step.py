"""The same steps in PyTorch, in a process of their own: two thread pools in one would compete.

    python -m benchmarks.torch_step mlp 100
    python benchmarks/torch_step.py --cells=mlp:256:28x28x1:tf32,residual:64:64x64x3:bfloat16

It needs PyTorch alone and imports nothing from kgan. `benchmarks.step` writes a line such as
`eager 20`, for 20 steps, and reads the seconds that one took. With --cells it times each pair,
batch, shape and precision on a GPU if there is one, and prints a line of JSON for each.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import statistics
import sys
import time
import warnings

import torch
from torch import nn
from torch.nn import functional

LATENT_DIM = {"mlp": 100, "dcgan": 100, "residual": 64}
BETAS = {"mlp": (0.5, 0.999), "dcgan": (0.5, 0.999), "residual": (0.0, 0.99)}
GAMMA = 1.0
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


class ToRange(nn.Module):
    """A sigmoid onto [-1, 1]."""

    def forward(self, x):
        return 2 * torch.sigmoid(x) - 1


class Double(nn.Module):
    """Bilinear upsampling to twice the size."""

    def forward(self, x):
        return functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


class Block(nn.Module):
    """A residual block: twice the channels, a convolution in groups of 16, the channels again."""

    def __init__(self, channels):
        super().__init__()
        hidden = 2 * channels
        self.layers = nn.Sequential(
            nn.Conv2d(channels, hidden, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden // 16),
            nn.LeakyReLU(0.2),
            nn.Conv2d(hidden, channels, 1),
        )

    def forward(self, x):
        return x + self.layers(x)


class Grid(nn.Module):
    """A learned grid: the generator's first layer, or the discriminator's last weighted sum."""

    def __init__(self, channels, sides, latent_dim=None):
        super().__init__()
        self.grid = nn.Parameter(torch.randn(channels, *sides))
        self.scale = nn.Linear(latent_dim, channels, bias=False) if latent_dim else None

    def forward(self, x):
        if self.scale is None:
            return (x * self.grid).sum((2, 3))
        return self.grid * self.scale(x)[:, :, None, None]


def networks(pair, shape=(28, 28, 1)):
    """Return generator and discriminator of a pair for images of a shape, `(height, width, c)`."""
    return {"mlp": mlp, "dcgan": dcgan, "residual": residual}[pair](shape)


def halvings(shape):
    """Return how often the sides of a shape are halved to a grid of 3 to 8 pixels."""
    count = 0
    while all(side >> count & 1 == 0 for side in shape[:2]) and max(shape[:2]) >> count > 4:
        count += 1
    return count


def mlp(shape):
    height, width, channels = shape
    pixels = height * width * channels
    generator = nn.Sequential(
        *(nn.Linear(100, 1200), nn.ReLU(), nn.Linear(1200, 1200), nn.ReLU()),
        *(nn.Linear(1200, pixels), ToRange(), nn.Unflatten(1, (channels, height, width))),
    )
    discriminator = nn.Sequential(
        *(nn.Flatten(), nn.Linear(pixels, 1200), nn.LeakyReLU(0.2)),
        *(nn.Linear(1200, 1200), nn.LeakyReLU(0.2), nn.Linear(1200, 1)),
    )
    return generator, discriminator


def dcgan(shape):
    times = halvings(shape)
    sides, channels = [side >> times for side in shape[:2]], shape[2]
    widths = [64 << i for i in range(times)]  # from the image's half size to the smallest
    grid = widths[-1], *sides
    generator = [
        *(nn.Linear(100, widths[-1] * sides[0] * sides[1], bias=False), nn.Unflatten(1, grid)),
        *(nn.BatchNorm2d(widths[-1]), nn.ReLU()),
    ]
    for wide, narrow in itertools.pairwise(widths[::-1]):
        up = nn.ConvTranspose2d(wide, narrow, 4, 2, 1, bias=False)
        generator += [up, nn.BatchNorm2d(narrow), nn.ReLU()]
    generator += [nn.ConvTranspose2d(64, channels, 4, 2, 1), ToRange()]
    discriminator = [nn.Conv2d(channels, 64, 4, 2, 1), nn.LeakyReLU(0.2)]
    for narrow, wide in itertools.pairwise(widths):
        down = nn.Conv2d(narrow, wide, 4, 2, 1, bias=False)
        discriminator += [down, nn.BatchNorm2d(wide), nn.LeakyReLU(0.2)]
    discriminator += [nn.Flatten(), nn.Linear(widths[-1] * sides[0] * sides[1], 1)]
    return nn.Sequential(*generator), nn.Sequential(*discriminator)


def residual(shape):
    times = halvings(shape)
    sides, channels = [side >> times for side in shape[:2]], shape[2]
    widths = [16 << i for i in range(times + 1)]
    generator = [Grid(widths[-1], sides, 64)]
    for wide, narrow in itertools.pairwise(widths[::-1]):
        generator += [Block(wide), nn.Conv2d(wide, narrow, 1), Double()]
    generator += [Block(16), nn.Conv2d(16, channels, 1), ToRange()]
    discriminator = [nn.Conv2d(channels, 16, 1), Block(16)]
    for narrow, wide in itertools.pairwise(widths):
        discriminator += [nn.AvgPool2d(2), nn.Conv2d(narrow, wide, 1), Block(wide)]
    discriminator += [Grid(widths[-1], sides), nn.Linear(widths[-1], 1)]
    return nn.Sequential(*generator), nn.Sequential(*discriminator)


class Game:
    """A pair and its two optimizers; compiled, the two losses are one compiled function each."""

    def __init__(self, pair, batch, compiled, shape=(28, 28, 1), precision="float32"):
        on_gpu = DEVICE.type == "cuda"
        layout = torch.channels_last if on_gpu and pair != "mlp" else torch.contiguous_format
        self.generator, self.discriminator = (
            network.to(DEVICE, memory_format=layout) for network in networks(pair, shape)
        )
        self.latent_dim, self.relativistic = LATENT_DIM[pair], pair == "residual"
        height, width, channels = shape
        self.images = torch.rand(batch, channels, height, width, device=DEVICE) * 2 - 1
        self.images = self.images.to(memory_format=layout)
        self.half = precision == "bfloat16"
        self.optimizers = [
            torch.optim.Adam(network.parameters(), 2e-4, BETAS[pair], eps=1e-7, fused=True)
            for network in (self.generator, self.discriminator)
        ]
        compile_or_not = torch.compile if compiled else lambda function: function
        self.make = compile_or_not(self.generator)
        self.d_loss = compile_or_not(self._d_loss)
        self.g_loss = compile_or_not(self._g_loss)

    def precision(self):
        """Return the context of forward passes."""
        if not self.half:
            return contextlib.nullcontext()
        return torch.autocast(DEVICE.type, torch.bfloat16)

    def _d_loss(self, images, samples):
        if self.relativistic:
            images.requires_grad_()
            samples.requires_grad_()
            real, fake = self.discriminator(torch.cat([images, samples])).chunk(2)
            total = real.sum() + fake.sum()
            gradients = torch.autograd.grad(total, [images, samples], create_graph=True)
            norm = torch.cat(gradients).square().sum((1, 2, 3)).mean() * 2
            return functional.softplus(fake - real).mean() + GAMMA / 2 * norm
        if any(isinstance(layer, nn.BatchNorm2d) for layer in self.discriminator):
            real, fake = self.discriminator(images), self.discriminator(samples)
        else:
            real, fake = self.discriminator(torch.cat([images, samples])).chunk(2)
        return functional.softplus(-real).mean() + functional.softplus(fake).mean()

    def _g_loss(self, images, latents):
        fake = self.discriminator(self.generator(latents))
        if not self.relativistic:
            return functional.softplus(-fake).mean()
        with torch.no_grad():
            real = self.discriminator(images)
        return functional.softplus(real - fake).mean()

    def update(self, loss, network, optimizer):
        optimizer.zero_grad(set_to_none=True)
        loss.backward(inputs=list(network.parameters()))  # no gradient of the other network
        optimizer.step()

    def step(self):
        shape = len(self.images), self.latent_dim
        with torch.no_grad(), self.precision():
            samples = self.make(torch.randn(shape, device=DEVICE))
        with self.precision():
            loss = self.d_loss(self.images.detach(), samples.float())
        self.update(loss, self.discriminator, self.optimizers[1])
        with self.precision():
            loss = self.g_loss(self.images.detach(), torch.randn(shape, device=DEVICE))
        self.update(loss, self.generator, self.optimizers[0])

    def seconds_a_step(self, steps):
        begin = time.perf_counter()
        for _ in range(steps):
            self.step()
        if DEVICE.type == "cuda":
            torch.cuda.synchronize()
        return (time.perf_counter() - begin) / steps


def answer_questions(pair, batch):
    """Read lines such as `eager 20` and write the seconds of a step."""
    games = {kind: Game(pair, batch, kind == "compiled") for kind in ("eager", "compiled")}
    sizes = [
        sum(weight.numel() for weight in network.parameters())
        for network in (games["eager"].generator, games["eager"].discriminator)
    ]
    print(json.dumps({"torch": torch.__version__, "sizes": sizes}), flush=True)
    for line in sys.stdin:
        kind, steps = line.split()
        try:
            answer = {"seconds": games[kind].seconds_a_step(int(steps))}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"}
        print(json.dumps(answer), flush=True)


def time_cell(cell, kind, seconds):
    """Return the figures of one cell, `pair:batch:shape:precision`."""
    pair, batch, shape, precision = cell.split(":")
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision != "float32"
    height, width, channels = map(int, shape.split("x"))
    torch.compiler.reset()
    game = Game(pair, int(batch), kind == "compiled", (height, width, channels), precision)
    begin = time.perf_counter()
    game.seconds_a_step(3)
    compile_seconds = time.perf_counter() - begin
    steps = max(3, min(200, int(0.2 / game.seconds_a_step(5))))
    found: list[float] = []
    begin = time.perf_counter()
    while time.perf_counter() - begin < seconds or len(found) < 3:
        found.append(game.seconds_a_step(steps))
    step = statistics.median(found)
    return {"ms": 1e3 * step, "images_per_second": int(batch) / step, "start": compile_seconds}


def main():
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pair", nargs="?", choices=list(LATENT_DIM))
    parser.add_argument("batch", nargs="?", type=int)
    parser.add_argument("--cells", help="pair:batch:shape:precision, separated by commas")
    parser.add_argument("--kinds", default="eager,compiled")
    parser.add_argument("--seconds", type=float, default=1.0, help="of timing for each")
    parser.add_argument("--limit", type=float, default=1e9, help="seconds after which none begins")
    args = parser.parse_args()
    if not args.cells:
        answer_questions(args.pair, args.batch)
        return
    begin = time.perf_counter()
    for kind in args.kinds.split(","):
        for cell in args.cells.split(","):
            if time.perf_counter() - begin > args.limit:
                return
            row = {"torch": torch.__version__, "kind": kind, "cell": cell}
            try:
                row.update(time_cell(cell, kind, args.seconds))
            except Exception as error:
                row["error"] = f"{type(error).__name__}: {str(error).strip()[:200]}"
            print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
