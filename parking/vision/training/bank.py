"""Real glyphs: masks of characters cut at training time out of training photographs.

A trained reader says where in a crop each character stands (its CTC alignment); the ink around
that place becomes a mask of 45 x 90. Nothing of it is kept in the repository.
"""

from pathlib import Path

import cv2
import numpy as np
import torch

from parking.vision import decide
from parking.vision.grammar import ALPHABET
from parking.vision.networks.bowei_plate import Model
from parking.vision.training import photographs, reader_data

Bank = dict[str, list[np.ndarray]]
_W, _H = 384, 96  # the crop enlarged for cutting
_MOST = 120  # masks kept of one character


def load(file: Path) -> Bank:
    """A bank as `cut` saved it: for each character its masks, uint8."""
    with np.load(file) as packed:
        return {chr(int(key)): list(packed[key]) for key in packed.files}


def cut(folder: Path, weights: Path, file: Path, *, free_only: bool = True) -> dict[str, int]:
    """Cut the bank and save it; how many masks each character got."""
    model = Model(len(ALPHABET) + 1)
    model.load_state_dict(torch.load(weights, weights_only=True))
    model.eval()
    rows = photographs.training_part(folder, free_only=free_only)
    real = reader_data.RealPlates(folder, rows)
    bank: Bank = {}
    for item in real.items:
        picture, text = item.picture, item.text
        if item.tall or picture.shape[1] < 80 or len(text) not in (7, 8):
            continue
        strip = item.strip(tall=False)
        x = torch.from_numpy(strip)[None, None].float().div(255).sub(0.5).div(0.5)
        with torch.inference_mode():
            probs = decide.probabilities(model(x)[0].numpy())
        if min(decide.aligned(probs, text)) < 0.6:
            continue
        grey = cv2.resize(
            cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), (_W, _H), interpolation=cv2.INTER_CUBIC
        )
        for char, mask in _characters(grey, probs, text):
            bank.setdefault(char, []).append(mask)
    bank = {char: alike for char, masks in bank.items() if (alike := _alike(masks)[:_MOST])}
    packed = {str(ord(char)): np.stack(masks) for char, masks in bank.items()}
    np.savez_compressed(file, allow_pickle=False, **packed)
    return {char: len(masks) for char, masks in sorted(bank.items())}


def _alike(masks: list[np.ndarray]) -> list[np.ndarray]:
    """The masks that look like most of them, best first: screws and bad cuts fall out."""
    flat = np.stack([cv2.blur(m, (7, 7)).reshape(-1) for m in masks]).astype(np.float32)
    flat -= flat.mean(1, keepdims=True)
    flat /= np.linalg.norm(flat, axis=1, keepdims=True) + 1e-6
    middle = np.median(flat, axis=0)
    likeness = flat @ (middle / (np.linalg.norm(middle) + 1e-6))
    order = np.argsort(-likeness)
    return [masks[i] for i in order if likeness[i] > 0.62]


def _middles(probs: np.ndarray, text: str) -> np.ndarray:
    """Where each character stands, as a share of the width (mean of its frames)."""
    places = decide.alignment(probs, text)
    return (np.array(places) + 0.5) / len(probs)


def _characters(grey: np.ndarray, probs: np.ndarray, text: str) -> list[tuple[str, np.ndarray]]:
    middles = _middles(probs, text) * _W
    steps = np.diff(middles)
    pitch = float(np.median(steps[2:]))
    middles[0] = middles[1] - pitch  # a network fires early on the first character
    if pitch < 0.08 * _W or pitch > 0.2 * _W:
        return []
    light = text_is_light(grey, middles, pitch)
    ink = grey if light else 255 - grey
    cuts = []
    for i, char in enumerate(text):
        half = pitch * 0.5
        if len(text) == 7 and i == 1:
            half = pitch * 0.48
        if ord(char) > 255:
            half = pitch * 0.56
        x0, x1 = round(middles[i] - half), round(middles[i] + half)
        if x0 < -0.5 * pitch or x1 > _W + 0.3 * pitch:
            continue
        padded = np.pad(ink, ((0, 0), (_W // 8, _W // 8)), mode="edge")
        mask = _mask(padded[:, x0 + _W // 8 : x1 + _W // 8], char)
        if mask is not None:
            cuts.append((char, mask))
    return cuts


def text_is_light(grey: np.ndarray, middles: np.ndarray, pitch: float) -> bool:
    """Light characters on a dark ground: less of the area is ink than ground."""
    area = grey[_H // 4 : -_H // 4, int(middles[0]) : int(middles[-1])]
    level, _ = cv2.threshold(area, 0, 255, cv2.THRESH_OTSU)
    return float((area > level).mean()) < 0.5


def _mask(window: np.ndarray, char: str) -> np.ndarray | None:
    _, binary = cv2.threshold(window, 0, 255, cv2.THRESH_OTSU)
    h, w = window.shape
    count, _, stats, centres = cv2.connectedComponentsWithStats(binary, connectivity=8)
    low, high = h, 0
    left, right = w, 0
    for i in range(1, count):
        x, y, cw, ch, area = stats[i]
        cx, cy = centres[i]
        if area < 0.004 * h * w or not 0.08 * w < cx < 0.92 * w or not 0.14 * h < cy < 0.86 * h:
            continue
        if cw > 0.85 * w and ch < 0.15 * h:  # the border line
            continue
        low, high = min(low, y), max(high, y + ch)
        left, right = min(left, x), max(right, x + cw)
    height, width = high - low, right - left
    if not 0.45 * h < height < 0.93 * h or width < 4:
        return None
    if char == "1" or width < 0.45 * w:
        middle = (left + right) / 2
        left = max(0, round(middle - w * 0.42))
        right = min(w, round(middle + w * 0.42))
    elif width < 0.6 * w and char not in "JL":
        return None
    part = window[low:high, left:right].astype(np.float32)
    ground, top = np.percentile(window, 25), np.percentile(part, 96)
    if top - ground < 35:
        return None
    alpha = np.clip((part - ground) / (top - ground), 0, 1)
    alpha = np.clip((alpha - 0.15) / 0.75, 0, 1)
    return cv2.resize((alpha * 255).astype(np.uint8), (45, 90), interpolation=cv2.INTER_AREA)
