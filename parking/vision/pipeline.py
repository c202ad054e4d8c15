"""One picture's way: places, views of each place, texts, colour, and the decision."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from parking.vision import decide, rectify
from parking.vision.decide import Text
from parking.vision.grammar import COLOURS, colours_of
from parking.vision.types import Candidate, Reading, Region

if TYPE_CHECKING:
    from parking.vision.serve import Looked, PlateReader

CROP_LONGEST, CROP_RATIO = 480, 1.5
_GREY_CHROMA = 7.0


@dataclass(slots=True)
class Place:
    """A plate in the picture with what was read there."""

    corners: np.ndarray
    texts: list[Text]
    colours: np.ndarray
    plate: float
    sharpness: float

    @property
    def area(self) -> float:
        return float(cv2.contourArea(self.corners.astype(np.float32)))


def looks_like_crop(picture: np.ndarray) -> bool:
    """Whether the picture may be about one plate and no more."""
    h, w = picture.shape[:2]
    return w <= CROP_LONGEST and w / h >= CROP_RATIO


def read(
    reader: "PlateReader", picture: np.ndarray, *, region: Region | None, reduced: float
) -> Reading:
    """The reading of one decoded picture."""
    if looks_like_crop(picture) and region is None:
        best = _crop(reader, picture)
        if best is None or not best.texts or best.texts[0].probability < 0.2:
            best = _better(best, _scene(reader, picture, None))
    else:
        best = _scene(reader, picture, region)
    if best is None or not best.texts:
        return _nothing(reader)
    return _decide(reader, picture, best, reduced)


def _better(a: Place | None, b: Place | None) -> Place | None:
    def worth(place: Place | None) -> float:
        return place.texts[0].probability if place and place.texts else -1.0

    return a if worth(a) >= worth(b) else b


def _nothing(reader: "PlateReader") -> Reading:
    return Reading(
        candidates=(),
        colour=None,
        colour_confidence=0.0,
        corners=None,
        sharpness=0.0,
        confident=False,
        why="no_plate",
        model=reader.model,
    )


def _whole(picture: np.ndarray) -> np.ndarray:
    h, w = picture.shape[:2]
    return np.array([(0, 0), (w, 0), (w, h), (0, h)], np.float32)


def _crop(reader: "PlateReader", picture: np.ndarray) -> Place | None:
    """A bare crop: read as it is and straightened, both views counting."""
    looked = reader.look(picture, [_whole(picture)])[0]
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    double = looked.double > 0.5
    strips = [rectify.tall(grey) if double else rectify.strip(grey)]
    if looked.plate > 0.3 and _sane(looked.corners, picture.shape):
        strips.append(_straight(grey, looked.corners, double=double))
    texts = _texts(reader, strips)
    if (not texts or texts[0].probability < 0.5) and 0.02 < looked.double < 0.98:
        other = [rectify.strip(grey) if double else rectify.tall(grey)]
        texts = _pick(texts, _texts(reader, other))
    return Place(looked.corners, texts, looked.colours, looked.plate, _sharpness(strips[-1]))


def _pick(a: list[Text], b: list[Text]) -> list[Text]:
    if not a or not b:
        return a or b
    return a if a[0].probability >= b[0].probability else b


def _scene(reader: "PlateReader", picture: np.ndarray, region: Region | None) -> Place | None:
    """The plate that counts in a whole picture: inside `region`, else the largest."""
    from parking.vision.serve import overlap

    found = reader.find(picture, int(reader.settings["find_side"]))
    found += [
        place
        for place in reader.find(picture, int(reader.settings["find_side_near"]))
        if all(overlap(place.corners, other.corners) < 0.3 for other in found)
    ]
    if region:
        found = [place for place in found if _inside(place.corners, region, picture.shape)]
    found = sorted(found, key=lambda place: -place.score)[:6]
    looks = reader.look(picture, [_wider(place.corners) for place in found])
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    places = [
        _read_place(reader, grey, place.corners, looked, place.score)
        for place, looked in zip(found, looks, strict=True)
        if max(looked.plate, place.score) > 0.3
    ]
    good = [p for p in places if p.texts and p.texts[0].probability > 0.3]
    if good:
        return max(good, key=lambda place: place.area)
    readable = [p for p in places if p.texts]
    return max(readable, key=lambda p: p.texts[0].probability, default=None)


def _read_place(
    reader: "PlateReader", grey: np.ndarray, rough: np.ndarray, looked: "Looked", score: float
) -> Place:
    corners = looked.corners if _sane(looked.corners, grey.shape) else rough
    double = looked.double > 0.5
    strips = [_straight(grey, corners, double=double)]
    texts = _texts(reader, strips)
    if not texts or texts[0].probability < 0.9:
        again = _straight(grey, rough, double=double)
        texts = decide.merge([texts, _texts(reader, [again])]) if texts else _texts(reader, [again])
        if not texts or texts[0].probability < 0.4:
            texts = _pick(texts, _texts(reader, [_straight(grey, corners, double=not double)]))
    return Place(corners, texts, looked.colours, max(looked.plate, score), _sharpness(strips[0]))


def _straight(grey: np.ndarray, corners: np.ndarray, *, double: bool) -> np.ndarray:
    from parking.vision.serve import _small_enough

    source, scale = _small_enough(grey, corners, rectify.WIDTH)
    if double:
        seen = rectify.warp(source, corners * scale, rectify.WIDTH, rectify.TALL)
        return rectify.join_rows(seen)
    return rectify.warp(source, corners * scale, rectify.WIDTH, rectify.HEIGHT)


def _texts(reader: "PlateReader", strips: list[np.ndarray]) -> list[Text]:
    even = [rectify.even(strip) for strip in strips]
    views = [decide.texts(probs) for probs in reader.probabilities(even)]
    return decide.merge(views) if len(views) > 1 else views[0]


def _sharpness(strip: np.ndarray) -> float:
    return float(cv2.Laplacian(strip, cv2.CV_32F).var())


def _wider(corners: np.ndarray) -> np.ndarray:
    centre = corners.mean(0)
    return (centre + (corners - centre) * np.array((1.2, 1.4), np.float32)).astype(np.float32)


def _sane(corners: np.ndarray, shape: tuple[int, ...]) -> bool:
    """A convex quadrilateral of some size, not far outside of the picture."""
    h, w = shape[:2]
    quad = corners.astype(np.float32)
    if not cv2.isContourConvex(quad) or cv2.contourArea(quad) < 60:
        return False
    room = np.array((w, h), np.float32) * 0.3
    return bool((quad > -room).all() and (quad < np.array((w, h)) + room).all())


def _inside(corners: np.ndarray, region: Region, shape: tuple[int, ...]) -> bool:
    h, w = shape[:2]
    polygon = np.array([(x * w, y * h) for x, y in region], np.float32)
    x, y = corners.mean(0)
    return cv2.pointPolygonTest(polygon, (float(x), float(y)), False) >= 0


def _is_grey(picture: np.ndarray, corners: np.ndarray) -> bool:
    """Infrared or black-and-white: nothing in the plate's neighbourhood has a colour."""
    h, w = picture.shape[:2]
    low = np.clip(corners.min(0) - 10, 0, (w - 2, h - 2)).astype(int)
    high = np.clip(corners.max(0) + 10, low + 2, (w, h)).astype(int)
    area = picture[low[1] : high[1], low[0] : high[0]].astype(np.int16)
    return float(np.percentile(area.max(2) - area.min(2), 95)) < _GREY_CHROMA


def _decide(reader: "PlateReader", picture: np.ndarray, place: Place, reduced: float) -> Reading:
    colours = place.colours
    grey = _is_grey(picture, place.corners)
    texts = place.texts
    if not grey:  # a text that cannot have the colour seen yields to one that can
        weights = [t.probability * (0.02 + _agreement(t.text, colours)) for t in texts]
        texts = [texts[i] for i in np.argsort(weights)[::-1]]
    best = texts[0]
    allowed = colours_of(best.text)
    mask = np.array([1.0 if c in allowed else 0.05 for c in COLOURS]) * colours
    mask = mask / mask.sum()
    colour_index = int(mask.argmax())
    colour_confidence = float(mask[colour_index]) * min(1.0, _agreement(best.text, colours) + 0.3)
    candidates = tuple(
        Candidate(
            text=t.text,
            probability=calibrated(reader.calibration, t),
            characters=tuple(round(c, 4) for c in t.characters),
        )
        for t in texts
    )
    settings = reader.settings
    why = "confident"
    if min(best.characters) < settings["least_character"]:
        why = "weak_character"
    elif candidates[0].probability < settings["least_plate"]:
        why = "weak_plate"
    elif grey or colour_confidence < settings["least_colour"]:
        why = "colour_unknown"
    elif _agreement(best.text, colours) < 0.1:
        why = "length_colour_mismatch"
    corners = tuple((float(x) * reduced, float(y) * reduced) for x, y in place.corners)
    return Reading(
        candidates=candidates,
        colour=None if grey else COLOURS[colour_index],
        colour_confidence=0.0 if grey else round(colour_confidence, 4),
        corners=corners,
        sharpness=place.sharpness,
        confident=why == "confident",
        why=why,
        model=reader.model,
    )


def _agreement(text: str, colours: np.ndarray) -> float:
    allowed = colours_of(text)
    return float(sum(colours[COLOURS.index(c)] for c in allowed))


def calibrated(calibration: dict, text: Text) -> float:
    """The probability that the whole text is right, by the held-out plates."""
    raw = decide.logit(min(text.probability, min(text.characters)))
    return float(np.interp(raw, calibration["raw"], calibration["right"]))
