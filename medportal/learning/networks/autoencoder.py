"""Networks that squeeze a slice into a code and make it anew: convolutional autoencoder and variational autoencoder."""

from __future__ import annotations

from math import ceil
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from medportal.errors import InvalidError
from medportal.learning.networks.blocks import ResidualBlock

LARGEST = 128
# Of the logarithm of a variance: beyond, the exponential runs off.
_STEEPEST = 10.0
# Places along each side that a description tells of, and its values.
PLACES, DESCRIBED = 4, 256


class Autoencoder(nn.Module):
    """Encoder, code and decoder (Hinton and Salakhutdinov 2006), all of convolutions: the code has a place for each cell.

    Nothing goes past the code. Of a variational one (Kingma and Welling 2014) the code is a mean, and while it learns
    it is drawn about that mean. Sides that the strides do not divide are padded by their outermost values, and cut again.
    """

    def __init__(self, channels: int, *, width: int, depth: int, code: int, cells: int, is_variational: bool) -> None:
        super().__init__()
        widths = [min(width * 2**stage, LARGEST) for stage in range(depth)]
        self.stride, self.is_variational = 2**depth, is_variational
        down = zip([channels, *widths[:-1]], widths, strict=True)
        self.encoder = nn.Sequential(*(_down(a, b) for a, b in down), ResidualBlock(widths[-1], widths[-1]))
        self.to_code = (
            nn.Conv2d(widths[-1], 2 * code, 1)
            if is_variational
            else nn.Sequential(nn.Conv2d(widths[-1], code, 1), nn.BatchNorm2d(code, affine=False))
        )
        self.describe = Description(widths[-1], cells)
        self.from_code = nn.Conv2d(code, widths[-1], 1)
        up = zip(widths[::-1], [*widths[-2::-1], widths[0]], strict=True)
        self.decoder = nn.Sequential(ResidualBlock(widths[-1], widths[-1]), *(_up(a, b) for a, b in up))
        self.last = nn.Conv2d(widths[0], channels, 3, padding=1)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return (mean and logarithm of the variance of the code, (batch, code, cells, cells); description (batch, values)).

        Of a plain code the variance is of no account.
        """
        rows, columns = ((-side) % self.stride for side in x.shape[-2:])
        if rows or columns:
            x = F.pad(x, (0, columns, 0, rows), mode="replicate")
        found = self.encoder(x)
        code, description = self.to_code(found), self.describe(found)
        if not self.is_variational:
            return code, torch.zeros_like(code), description
        mean, spread = code.chunk(2, 1)
        return mean, spread.clamp(-_STEEPEST, _STEEPEST), description

    def decode(self, code: Tensor, rows: int, columns: int) -> Tensor:
        """Return the images of codes, not yet held to 0…1."""
        image: Tensor = self.last(self.decoder(self.from_code(code)))
        return image[:, :, :rows, :columns]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return (reconstruction in 0…1, description (batch, values))."""
        mean, _, description = self.encode(x)
        return self.decode(mean, x.shape[-2], x.shape[-1]).clamp(0, 1), description


class Description(nn.Module):
    """What a slice is like, for the search of similar ones: what the encoder sees in each of 4 × 4 places.

    Each value is centred and of spread 1 over the slices that are learnt from, so that angles say what is alike; a fixed
    random projection keeps them (Johnson and Lindenstrauss 1984) in fewer values. The code itself does worse: it holds
    where each vessel lies.
    """

    projection: Tensor

    def __init__(self, channels: int, cells: int) -> None:
        super().__init__()
        size = ceil(cells / PLACES)
        self.pool = nn.AvgPool2d(size, ceil_mode=True, count_include_pad=False)
        values = channels * ceil(cells / size) ** 2
        self.standard = nn.BatchNorm1d(values, affine=False)
        directions = torch.randn(values, DESCRIBED, generator=torch.Generator().manual_seed(0)) / values**0.5
        self.register_buffer("projection", directions)

    def forward(self, found: Tensor) -> Tensor:
        """Return descriptions (batch, values) of an encoder's last maps; nothing is learnt for their sake."""
        described: Tensor = self.standard(self.pool(found).detach().flatten(1)) @ self.projection
        return described


def _down(channels_in: int, channels_out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 4, 2, 1, bias=False), nn.BatchNorm2d(channels_out), nn.ReLU(inplace=True)
    )


def _up(channels_in: int, channels_out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.ConvTranspose2d(channels_in, channels_out, 4, 2, 1, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(inplace=True),
    )


def code_values(config: dict[str, Any]) -> int:
    """Return how many values a slice's code has: `code`, as near as the number of its cells allows.

    Raises InvalidError `setting` where slices have no size of their own.
    """
    if not config["size"]:
        raise InvalidError("setting", "size must not be 0: an autoencoder squeezes slices of one size.")
    cells = _side(config) ** 2
    return max(1, round(int(config["code"]) / cells)) * cells


def _side(config: dict[str, Any]) -> int:
    """Return the cells of the code along each side."""
    return -(-int(config["size"]) // (1 << int(config["depth"])))


def build_autoencoder(config: dict[str, Any], *, channels: int) -> Autoencoder:
    """Return a fresh autoencoder as a configuration asks for."""
    return Autoencoder(
        channels,
        width=config["width"],
        depth=config["depth"],
        code=code_values(config) // _side(config) ** 2,
        cells=_side(config),
        is_variational=config["network"] == "vae",
    )
