"""The reading network, in the form that EasyOCR's custom-network mechanism loads.

Input: one grey channel, 40 pixels high, values (x / 255 - 0.5) / 0.5. Output: logits
(N, width / 4, classes), class 0 the CTC blank. Convolutions only, so one thread is enough.
"""

import torch
from torch import nn

_Pair = int | tuple[int, int]


def _conv(cin: int, cout: int, kernel: _Pair = 3, stride: _Pair = 1) -> nn.Sequential:
    pad = kernel // 2 if isinstance(kernel, int) else (kernel[0] // 2, kernel[1] // 2)
    layer = nn.Conv2d(cin, cout, kernel, stride, pad, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(cout), nn.ReLU(inplace=True))


class _Residual(nn.Module):
    def __init__(self, channels: int, kernel: int | tuple[int, int] = 3) -> None:
        super().__init__()
        pad = kernel // 2 if isinstance(kernel, int) else (kernel[0] // 2, kernel[1] // 2)
        self.first = _conv(channels, channels, kernel)
        self.second = nn.Sequential(
            nn.Conv2d(channels, channels, kernel, 1, pad, bias=False), nn.BatchNorm2d(channels)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(x + self.second(self.first(x)))


class Model(nn.Module):
    """`num_class` counts the blank; `columns` is how many places the position table knows."""

    def __init__(self, num_class: int, width: int = 128, columns: int = 40) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _conv(1, 16),
            _conv(16, 32, 3, 2),
            _Residual(32),
            _conv(32, 64, 3, 2),
            _Residual(64),
            _conv(64, width, 3, (2, 1)),
            _Residual(width),
        )
        self.collapse = nn.Sequential(
            nn.Conv2d(width, 2 * width, (5, 1), bias=False),
            nn.BatchNorm2d(2 * width),
            nn.ReLU(inplace=True),
        )
        self.place = nn.Parameter(torch.zeros(1, 2 * width, 1, columns))
        self.line = nn.Sequential(_Residual(2 * width, (1, 3)), nn.Dropout(0.1))
        self.head = nn.Conv2d(2 * width, num_class, 1)

    def forward(self, image: torch.Tensor, text: torch.Tensor | None = None) -> torch.Tensor:
        x = self.collapse(self.body(image))
        place = self.place
        if x.shape[3] != place.shape[3]:
            place = nn.functional.interpolate(place, (1, x.shape[3]), mode="bilinear")
        x = self.head(self.line(x + place))
        return x.squeeze(2).permute(0, 2, 1)
