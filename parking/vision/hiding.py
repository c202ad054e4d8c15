"""A photograph as strangers may see it: plates and faces covered for good, one plate left at most.

Covered means replaced: a plate by one colour, a face by nine, each its part's mean, coarsely
rounded. The copy is drawn anew from pixels, so that nothing a camera wrote beside them is in it.
"""

import cv2
import numpy as np

from parking.vision import faces, pipeline
from parking.vision.images import decode
from parking.vision.serve import FoundPlate, PlateReader, reader
from parking.vision.types import Hidden

SIDES = (320, 640, 960, 1440)  # the finder looks for close plates, usual ones, and small ones
LEAST = 0.12  # far below what is read: what is hidden in vain hurts nobody
AROUND_PLATE = np.array((1.2, 1.5), np.float32)
AROUND_FACE = 1.3
_FACE_CELLS, _TONE_STEP = 3, 16
_QUALITY = 85


def hide(data: bytes, *, keeps: str = "") -> Hidden:
    """As `parking.vision.hide`."""
    picture, _reduced = decode(data)
    return hide_pixels(reader(), picture, keeps=keeps)


def hide_pixels(networks: PlateReader, picture: np.ndarray, *, keeps: str = "") -> Hidden:
    """`hide` for a decoded picture, BGR uint8."""
    with networks.alone():
        places = _plates(networks, picture)
        kept = _reads(networks, picture, places, keeps) if keeps else None
        boxes = faces.find(networks.faces, picture)
    covered = picture.copy()
    for corners in places:
        if kept is None or not _same_place(corners, kept):
            _cover_plate(covered, picture, corners)
    for box in boxes:
        _cover_face(covered, picture, box)
    packed = cv2.imencode(".jpg", covered, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1]
    return Hidden(jpeg=packed.tobytes(), kept=kept is not None)


def _plates(networks: PlateReader, picture: np.ndarray) -> list[np.ndarray]:
    """The corners of whatever may be a plate, as found and as seen from near."""
    found: list[FoundPlate] = []
    for side in SIDES:
        found += networks.find(picture, side, least=LEAST)
    distinct = pipeline.distinct(found)
    looks = networks.look(picture, [pipeline.wider(one.corners) for one in distinct])
    places = []
    for one, looked in zip(distinct, looks, strict=True):
        places.append(one.corners)
        if pipeline.sane(looked.corners, picture.shape):
            places.append(looked.corners)
    return places


def _reads(
    networks: PlateReader, picture: np.ndarray, places: list[np.ndarray], text: str
) -> np.ndarray | None:
    """The place that most surely reads `text` and nothing else; None where none does."""
    best: tuple[float, np.ndarray] | None = None
    for corners, texts in zip(places, pipeline.texts_of(networks, picture, places), strict=True):
        if texts and texts[0].text == text and (best is None or texts[0].probability > best[0]):
            best = texts[0].probability, corners
    return best[1] if best else None


def _same_place(a: np.ndarray, b: np.ndarray) -> bool:
    return pipeline.shared(a, b) > 0.3


def _cover_plate(covered: np.ndarray, picture: np.ndarray, corners: np.ndarray) -> None:
    centre = corners.mean(0)
    quad = np.round(centre + (corners - centre) * AROUND_PLATE).astype(np.int32)
    mask = np.zeros(picture.shape[:2], np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(quad), 255)
    if mask.any():
        covered[mask > 0] = _rounded(np.array(cv2.mean(picture, mask=mask)[:3]))


def _cover_face(
    covered: np.ndarray, picture: np.ndarray, box: tuple[float, float, float, float]
) -> None:
    height, width = picture.shape[:2]
    centre = np.array((box[0] + box[2], box[1] + box[3])) / 2
    half = np.array((box[2] - box[0], box[3] - box[1])) / 2 * AROUND_FACE
    x0, y0 = np.maximum(np.floor(centre - half), 0).astype(int)
    x1, y1 = np.minimum(np.ceil(centre + half), (width, height)).astype(int)
    if x1 <= x0 or y1 <= y0:
        return
    few = cv2.resize(
        picture[y0:y1, x0:x1], (_FACE_CELLS, _FACE_CELLS), interpolation=cv2.INTER_AREA
    )
    size = (int(x1 - x0), int(y1 - y0))
    covered[y0:y1, x0:x1] = cv2.resize(_rounded(few), size, interpolation=cv2.INTER_NEAREST)


def _rounded(tones: np.ndarray) -> np.ndarray:
    return np.clip(np.round(tones / _TONE_STEP) * _TONE_STEP, 0, 255).astype(np.uint8)
