"""The same steps in PyTorch, in a process of their own: two thread pools in one would compete.

    python -m benchmarks.torch_step mlp 100

It needs PyTorch alone and imports nothing from kgan. `benchmarks.step` writes a line such as
`eager 20`, for 20 steps, and reads the seconds that one took.
"""

from __future__ import annotations

import json
import sys
import time
import warnings

import torch
from torch import nn
from torch.nn import functional

LATENT_DIM = {"mlp": 100, "dcgan": 100, "residual": 64}
BETAS = {"mlp": (0.5, 0.999), "dcgan": (0.5, 0.999), "residual": (0.0, 0.99)}
GAMMA = 1.0


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

    def __init__(self, latent_dim=None):
        super().__init__()
        self.grid = nn.Parameter(torch.randn(64, 7, 7))
        self.scale = nn.Linear(latent_dim, 64, bias=False) if latent_dim else None

    def forward(self, x):
        if self.scale is None:
            return (x * self.grid).sum((2, 3))
        return self.grid * self.scale(x)[:, :, None, None]


def networks(pair):
    """Return generator and discriminator of a pair, initialised as PyTorch does."""
    return {"mlp": mlp, "dcgan": dcgan, "residual": residual}[pair]()


def mlp():
    generator = nn.Sequential(
        *(nn.Linear(100, 1200), nn.ReLU(), nn.Linear(1200, 1200), nn.ReLU()),
        *(nn.Linear(1200, 784), ToRange(), nn.Unflatten(1, (1, 28, 28))),
    )
    discriminator = nn.Sequential(
        *(nn.Flatten(), nn.Linear(784, 1200), nn.LeakyReLU(0.2)),
        *(nn.Linear(1200, 1200), nn.LeakyReLU(0.2), nn.Linear(1200, 1)),
    )
    return generator, discriminator


def dcgan():
    generator = nn.Sequential(
        *(nn.Linear(100, 128 * 7 * 7, bias=False), nn.Unflatten(1, (128, 7, 7))),
        *(nn.BatchNorm2d(128), nn.ReLU()),
        *(nn.ConvTranspose2d(128, 64, 4, 2, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU()),
        *(nn.ConvTranspose2d(64, 1, 4, 2, 1), ToRange()),
    )
    discriminator = nn.Sequential(
        *(nn.Conv2d(1, 64, 4, 2, 1), nn.LeakyReLU(0.2)),
        *(nn.Conv2d(64, 128, 4, 2, 1, bias=False), nn.BatchNorm2d(128), nn.LeakyReLU(0.2)),
        *(nn.Flatten(), nn.Linear(128 * 7 * 7, 1)),
    )
    return generator, discriminator


def residual():
    generator = nn.Sequential(
        *(Grid(64), Block(64), nn.Conv2d(64, 32, 1), Double()),
        *(Block(32), nn.Conv2d(32, 16, 1), Double()),
        *(Block(16), nn.Conv2d(16, 1, 1), ToRange()),
    )
    discriminator = nn.Sequential(
        *(nn.Conv2d(1, 16, 1), Block(16), nn.AvgPool2d(2)),
        *(nn.Conv2d(16, 32, 1), Block(32), nn.AvgPool2d(2)),
        *(nn.Conv2d(32, 64, 1), Block(64), Grid(), nn.Linear(64, 1)),
    )
    return generator, discriminator


class Game:
    """A pair and its two optimizers; compiled, the two losses are one compiled function each."""

    def __init__(self, pair, batch, compiled):
        self.generator, self.discriminator = networks(pair)
        self.latent_dim, self.relativistic = LATENT_DIM[pair], pair == "residual"
        self.images = torch.rand(batch, 1, 28, 28) * 2 - 1
        self.optimizers = [
            torch.optim.Adam(network.parameters(), 2e-4, BETAS[pair], eps=1e-7, fused=True)
            for network in (self.generator, self.discriminator)
        ]
        compile_or_not = torch.compile if compiled else lambda function: function
        self.d_loss = compile_or_not(self._d_loss)
        self.g_loss = compile_or_not(self._g_loss)

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
        with torch.no_grad():
            samples = self.generator(torch.randn(shape))
        loss = self.d_loss(self.images.detach(), samples)
        self.update(loss, self.discriminator, self.optimizers[1])
        loss = self.g_loss(self.images.detach(), torch.randn(shape))
        self.update(loss, self.generator, self.optimizers[0])

    def seconds_a_step(self, steps):
        begin = time.perf_counter()
        for _ in range(steps):
            self.step()
        return (time.perf_counter() - begin) / steps


def main():
    warnings.simplefilter("ignore")
    pair, batch = sys.argv[1], int(sys.argv[2])
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


if __name__ == "__main__":
    main()
