"""The two small networks that serve through ONNX: `Finder` (whole picture), `Look` (one plate)."""

import torch
from torch import nn

COLOURS = 6


def _conv(cin: int, cout: int, stride: int = 1, kernel: int = 3) -> nn.Sequential:
    layer = nn.Conv2d(cin, cout, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(cout), nn.ReLU(inplace=True))


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _conv(channels, channels)
        self.second = nn.Sequential(
            nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(x + self.second(self.first(x)))


class Finder(nn.Module):
    """Picture (N, 3, H, W), sides multiples of 32, values (x - 127.5) / 64, BGR.

    Out: (N, 9, H / 8, W / 8): the heat (logit) of a plate's middle, then its four corners as
    offsets from the cell's middle in units of 64 pixels, x and y in turn, tl tr br bl.
    """

    def __init__(self) -> None:
        super().__init__()
        self.low = nn.Sequential(_conv(3, 16, 2), _conv(16, 32, 2), _conv(32, 32))
        self.eighth = nn.Sequential(_conv(32, 64, 2), _Residual(64))
        self.sixteenth = nn.Sequential(_conv(64, 96, 2), _Residual(96))
        self.coarse = nn.Sequential(_conv(96, 128, 2), _Residual(128), _conv(128, 96, 1, 1))
        self.merge16 = _conv(96, 64, 1, 1)
        self.merge8 = _conv(64, 64)
        self.head = nn.Conv2d(64, 9, 1)
        nn.init.constant_(self.head.bias, 0.0)
        self.head.bias.data[0] = -4.0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        eighth = self.eighth(self.low(x))
        sixteenth = self.sixteenth(eighth)
        coarse = nn.functional.interpolate(self.coarse(sixteenth), scale_factor=2.0)
        up = nn.functional.interpolate(self.merge16(sixteenth + coarse), scale_factor=2.0)
        return self.head(self.merge8(eighth + up))


class Look(nn.Module):
    """About one plate (N, 3, 48, 128), values (x - 127.5) / 64, BGR.

    Out: (N, 8 + COLOURS + 2): corners as shares of width and height, colour logits, the logit
    that it has two rows, the logit that it is a plate at all.
    """

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _conv(3, 16, 2), _conv(16, 32, 2), _Residual(32), _conv(32, 64, 2), _Residual(64)
        )
        self.narrow = nn.Sequential(_conv(64, 96, 2), _Residual(96), _conv(96, 24, 1, 1))
        self.dense = nn.Sequential(
            nn.Flatten(), nn.Linear(24 * 3 * 8, 128), nn.ReLU(), nn.Linear(128, 8 + COLOURS + 2)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.dense(self.narrow(self.body(x)))
