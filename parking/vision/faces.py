"""Where a picture shows faces (CenterFace, single-stage, without anchors).

Only found, never compared with anything: the one use is to cover them.
"""

from typing import Any

import cv2
import numpy as np

LEAST = 0.2  # low: a covered hydrant hurts nobody, a face that shows does
LONGEST_SIDE = 1280
_STRIDE, _MULTIPLE = 4, 32
_SHARED = 0.4


def find(network: Any, picture: np.ndarray) -> list[tuple[float, float, float, float]]:
    """Boxes (left, top, right, bottom) in pixels of the BGR picture, the surest first."""
    height, width = picture.shape[:2]
    scale = min(1.0, LONGEST_SIDE / max(height, width))
    size = tuple(_whole_cells(side * scale) for side in (width, height))
    blob = cv2.dnn.blobFromImage(picture, size=size, swapRB=True)
    heat, spans, offsets, _landmarks = network.run(None, {"input.1": blob})
    rows, columns = np.nonzero(heat[0, 0] > LEAST)
    order = np.argsort(-heat[0, 0, rows, columns])
    to_picture = np.array((width / size[0], height / size[1]) * 2)
    boxes: list[np.ndarray] = []
    for row, column in zip(rows[order], columns[order], strict=True):
        tall, wide = np.exp(spans[0, :, row, column]) * _STRIDE
        down, right = offsets[0, :, row, column] + 0.5
        x, y = (column + right) * _STRIDE, (row + down) * _STRIDE
        box = np.array((x - wide / 2, y - tall / 2, x + wide / 2, y + tall / 2)) * to_picture
        if all(_overlap(box, other) < _SHARED for other in boxes):
            boxes.append(box)
    return [(float(b[0]), float(b[1]), float(b[2]), float(b[3])) for b in boxes]


def _whole_cells(side: float) -> int:
    return max(1, int(np.ceil(side / _MULTIPLE))) * _MULTIPLE


def _overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union."""
    inter = np.prod(np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0))
    union = np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - inter
    return float(inter / union) if union > 0 else 0.0
