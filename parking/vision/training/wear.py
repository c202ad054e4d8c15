"""What light, lens and recording do to a picture: casts, night, glare, blur, noise, JPEG."""

from random import Random

import cv2
import numpy as np


def light(image: np.ndarray, rng: Random) -> np.ndarray:
    """Colour cast, exposure, contrast, shadows and glare on a float32 BGR picture."""
    h, w = image.shape[:2]
    if rng.random() < 0.5:
        spread = 0.12 if rng.random() < 0.6 else 0.4
        gains = [rng.uniform(1 - spread, 1 + spread) for _ in range(3)]
        image = image * np.array(gains, np.float32)
    if rng.random() < 0.3:  # flat, hazy or low contrast
        low = rng.uniform(0.25, 0.8)
        image = image * low + rng.uniform(0, 255 * (1 - low))
    if rng.random() < 0.45:
        image = image * rng.choice((rng.uniform(0.25, 0.7), rng.uniform(0.7, 1.5)))
    if rng.random() < 0.2:  # shadow edge
        x0, x1 = rng.uniform(-0.2, 1.2) * w, rng.uniform(-0.2, 1.2) * w
        shade = np.ones((h, w), np.float32)
        side = [(x0, 0), (x1, h), (w * 2, h), (w * 2, 0)]
        cv2.fillPoly(shade, [np.array(side, np.int32)], rng.uniform(0.35, 0.8))
        image = image * cv2.blur(shade, (5, 5))[..., None]
    if rng.random() < 0.15:  # glare or a lamp
        xs = np.arange(w, dtype=np.float32)[None] - rng.uniform(0, w)
        ys = np.arange(h, dtype=np.float32)[:, None] - rng.uniform(0, h)
        size = rng.uniform(0.15, 0.6) * w
        spot = np.exp(-(xs**2 + ys**2) / (size * size))
        image = image + spot[..., None] * rng.uniform(40, 200)
    if rng.random() < 0.06:  # infrared or grey camera
        image = np.repeat(image.mean(2, keepdims=True), 3, 2)
    return image


def lens(image: np.ndarray, rng: Random, strength: float = 1.0) -> np.ndarray:
    """Defocus or motion blur, sensor noise, sharpening, JPEG; uint8 out."""
    choice = rng.random()
    most = min(1.6, max(0.5, image.shape[1] / 75))
    if choice < 0.3 * strength:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, most))
    elif choice < 0.45 * strength:
        image = motion(image, rng, 7 if most > 1.4 else 3)
    elif choice > 0.9:  # oversharpened by the camera
        soft = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.8, 1.6))
        image = image + (image - soft) * rng.uniform(0.5, 2.0)
    if rng.random() < (0.5 if image.size < 60_000 else 0.25):
        sigma = rng.uniform(1, 14) if rng.random() < 0.8 else rng.uniform(10, 24)
        seed = np.random.default_rng(rng.getrandbits(32))
        image = image + seed.standard_normal(image.shape, dtype=np.float32) * sigma
    image = np.clip(image, 0, 255).astype(np.uint8)
    if rng.random() < 0.5:
        quality = int(rng.uniform(18, 95))
        packed = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        image = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR))
    return image


def motion(image: np.ndarray, rng: Random, most: int = 7) -> np.ndarray:
    size = min(most, rng.choice((3, 3, 5, 5, 7)))
    kernel = np.zeros((size, size), np.float32)
    angle = rng.uniform(0, np.pi)
    c = size // 2
    dx, dy = np.cos(angle) * c, np.sin(angle) * c
    ends = (round(c - dx), round(c - dy)), (round(c + dx), round(c + dy))
    cv2.line(kernel, *ends, 1.0)
    return cv2.filter2D(image, -1, kernel / kernel.sum())
