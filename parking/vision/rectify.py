"""From four corners, or from a bare crop, to the 160 x 40 strip that the network reads."""

import cv2
import numpy as np

WIDTH, HEIGHT = 160, 40
TALL = 80  # a two-row plate is rectified to 160 x 80 first, then its rows are laid in one line
_TOP_PX = 58  # of the strip's width for the upper row, the rest for the lower


def join_rows(plate: np.ndarray) -> np.ndarray:
    """Upper row left, lower row right, in one strip; `plate` shows two rows seen straight on."""
    h, w = plate.shape[:2]
    upper = plate[: round(0.40 * h), round(0.18 * w) : round(0.82 * w)]
    lower = plate[round(0.36 * h) :, :]
    left = cv2.resize(upper, (_TOP_PX, HEIGHT), interpolation=cv2.INTER_LINEAR)
    right = cv2.resize(lower, (WIDTH - _TOP_PX, HEIGHT), interpolation=cv2.INTER_LINEAR)
    return np.hstack((left, right))


def strip(picture: np.ndarray) -> np.ndarray:
    """A crop of one row, stretched to the network's shape."""
    shrink = picture.shape[1] > 1.5 * WIDTH
    how = cv2.INTER_AREA if shrink else cv2.INTER_LINEAR
    return cv2.resize(picture, (WIDTH, HEIGHT), interpolation=how)


def tall(picture: np.ndarray) -> np.ndarray:
    """A crop of two rows, stretched, its rows joined."""
    shrink = picture.shape[1] > 1.5 * WIDTH
    how = cv2.INTER_AREA if shrink else cv2.INTER_LINEAR
    return join_rows(cv2.resize(picture, (WIDTH, TALL), interpolation=how))


def grey(picture: np.ndarray, *, black: bool) -> np.ndarray:
    """What the network reads of colours: brightness; on a black plate the brightest channel.

    There red characters (使, 领, 港, 澳) are as light as white ones, in brightness nearly dark.
    """
    return picture.max(axis=2) if black else cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)


def even(strip_: np.ndarray) -> np.ndarray:
    """The strip with mean 128 and deviation 48: night and glare look alike to the network."""
    grey = strip_.astype(np.float32)
    grey = (grey - grey.mean()) * (48.0 / max(float(grey.std()), 4.0)) + 128.0
    return np.clip(grey, 0, 255).astype(np.uint8)


def near(picture: np.ndarray, quad: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """The part of the picture around `quad` and the quadrilateral in it.

    Where a warp to `width` pixels would skip some, the part is reduced first.
    """
    h, w = picture.shape[:2]
    span = float(np.linalg.norm(quad[1] - quad[0]))
    if span <= 1.8 * width:
        return picture, quad
    low = np.clip(np.floor(quad.min(0)).astype(int) - 2, 0, (w - 2, h - 2))
    high = np.clip(np.ceil(quad.max(0)).astype(int) + 2, low + 2, (w, h))
    part = picture[low[1] : high[1], low[0] : high[0]]
    scale = 1.3 * width / span
    size = (max(2, round(part.shape[1] * scale)), max(2, round(part.shape[0] * scale)))
    part = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
    ratio = np.array(size, np.float32) / (high - low)
    return part, ((quad - low) * ratio).astype(np.float32)


def warp(picture: np.ndarray, corners: np.ndarray, width: int, height: int) -> np.ndarray:
    """The quadrilateral (tl, tr, br, bl) seen straight on, `width` x `height`."""
    target = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    matrix = cv2.getPerspectiveTransform(np.asarray(corners, np.float32), target)
    return cv2.warpPerspective(
        picture, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


def finder_input(picture: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """The finder's input (1, 3, H, W) at a longest side of `side`, and the scale (x, y) of it."""
    h, w = picture.shape[:2]
    scale = side / max(h, w)
    wide, high = max(8, round(w * scale)), max(8, round(h * scale))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(picture, (wide, high), interpolation=how)
    grey = (114,) * 3
    small = cv2.copyMakeBorder(small, 0, -high % 32, 0, -wide % 32, cv2.BORDER_CONSTANT, value=grey)
    x = (small.transpose(2, 0, 1)[None].astype(np.float32) - 127.5) / 64
    return np.ascontiguousarray(x), np.array((wide / w, high / h), np.float32)


def look_input(views: list[np.ndarray]) -> np.ndarray:
    """The look network's input (N, 3, 48, 128) of as many views, BGR uint8."""
    x = np.stack(views).astype(np.float32).transpose(0, 3, 1, 2)
    return np.ascontiguousarray((x - 127.5) / 64)
