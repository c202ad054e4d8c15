"""One picture's way: places, views of each place, texts, colour, and the decision."""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from heapq import nlargest
from typing import TYPE_CHECKING

import cv2
import numpy as np

from parking.vision import decide, rectify
from parking.vision.decide import Text
from parking.vision.grammar import COLOURS, colours_of
from parking.vision.types import Candidate, Reading, Region

if TYPE_CHECKING:
    from parking.vision.serve import FoundPlate, Looked, PlateReader

Strips = list[np.ndarray]
View = Callable[[], np.ndarray]
Texts = list[list[Text]]
Flow = Generator[Strips, Texts | None, "Place | None"]

CROP_LONGEST, CROP_RATIO, SURE_CROP_RATIO = 480, 1.5, 2.2
TIGHT = 0.15  # of width and height: as far from its corners a plate may end and still fill a crop
NEARER = 2  # looks more, where the plate does not fill the crop
_GREY_CHROMA = 7
_BLACK = COLOURS.index("black")


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
    return w / h >= (CROP_RATIO if w <= CROP_LONGEST else SURE_CROP_RATIO)


@dataclass(frozen=True, slots=True)
class Job:
    """One decoded picture (BGR uint8); `reduced` is by how much its sides were reduced."""

    picture: np.ndarray
    region: Region | None = None
    reduced: float = 1.0


def read(reader: "PlateReader", jobs: list[Job]) -> list[Reading]:
    """The readings of several pictures; what they ask of the reading network goes in batches."""
    readings = []
    for job, best in zip(jobs, best_places(reader, jobs), strict=True):
        if best is None or not best.texts:
            readings.append(_nothing(reader))
        else:
            readings.append(_decide(reader, job.picture, best, job.reduced))
    return readings


def best_places(reader: "PlateReader", jobs: list[Job]) -> list[Place | None]:
    """The place that counts in each picture; None where nothing looks like a plate.

    Each picture is a flow of its own that hands out strips and is given their texts; one round
    of all flows is one batch.
    """
    flows = [_flow(reader, job) for job in jobs]
    places: list[Place | None] = [None] * len(flows)
    given: dict[int, Texts | None] = dict.fromkeys(range(len(flows)))
    while given:
        asked: dict[int, Strips] = {}
        for number, texts in given.items():
            try:  # the first call of `send` starts a flow and takes None
                asked[number] = flows[number].send(texts)
            except StopIteration as end:
                places[number] = end.value
        found = iter(_texts(reader, [strip for strips in asked.values() for strip in strips]))
        given = {number: [next(found) for _ in strips] for number, strips in asked.items()}
    return places


def _flow(reader: "PlateReader", job: Job) -> Flow:
    if not looks_like_crop(job.picture) or job.region is not None:
        return (yield from _scene(reader, job.picture, job.region))
    best = yield from _crop(reader, job.picture)
    if best is None or best.plate < 0.5 or not _sure(best.texts, READ):
        return _better(best, (yield from _scene(reader, job.picture, None)))
    return best


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


def _whole(shape: tuple[int, ...]) -> np.ndarray:
    h, w = shape[:2]
    return np.array([(0, 0), (w, 0), (w, h), (0, h)], np.float32)


def _fills(corners: np.ndarray, shape: tuple[int, ...]) -> bool:
    """Whether the plate's corners are near those of the picture: straightening can only cut it."""
    size = np.array(shape[1::-1], np.float32)
    return bool((np.abs(corners - _whole(shape)) < TIGHT * size).all())


def _crop(reader: "PlateReader", picture: np.ndarray) -> Flow:
    """A bare crop as it is where the plate fills it, else straightened; where not sure, both."""
    looked = _looked_at(reader, picture)
    double, black = looked.double > 0.5, _black(looked)
    grey = rectify.grey(picture, black=black)
    bare = (rectify.strip, rectify.tall)
    views: list[View] = [partial(bare[double], grey)]
    others: list[View] = [partial(bare[not double], grey)]
    if looked.plate > 0.3 and sane(looked.corners, picture.shape):
        straight = partial(_seen, picture, looked.corners, looked)
        views.insert(int(_fills(looked.corners, picture.shape)), straight)
        others.append(partial(straight, turned=True))
    strip = views[0]()
    first = (yield [strip]) or [[]]
    texts = yield from _go_on(first[0], views[1:], others)
    return Place(looked.corners, texts, looked.colours, looked.plate, _sharpness(strip))


def _looked_at(reader: "PlateReader", picture: np.ndarray) -> "Looked":
    """A bare crop's corners and colour; while much lies around the plate, seen from nearer."""
    looked = reader.look(picture, [_whole(picture.shape)])[0]
    for _ in range(NEARER):
        if looked.plate < 0.3 or _fills(looked.corners, picture.shape):
            break
        nearer = reader.look(picture, [wider(looked.corners)])[0]
        if not sane(nearer.corners, picture.shape):
            break
        looked = nearer
    return looked


# raw scores: no other view can help; well read; read at all
SURE, READ, DOUBTFUL = 0.97, 0.8, 0.4


def _go_on(
    first: list[Text], more: list[View], others: list[View]
) -> Generator[Strips, Texts | None, list[Text]]:
    """The first view alone if it is sure, else all views merged, else another split of rows."""
    if _sure(first, SURE):
        return first
    texts = decide.merge([first, *((yield [see() for see in more]) or [])]) if more else first
    if not _sure(texts, DOUBTFUL):
        texts = max([texts, *((yield [see() for see in others]) or [])], key=_probability)
    return texts


def _sure(texts: list[Text], least: float) -> bool:
    return bool(texts) and raw_score(texts[0]) >= least


def _probability(texts: list[Text]) -> float:
    return texts[0].probability if texts else 0.0


MOST_PLACES = 3
CLOSER = 1.5  # by how much the second search is larger
ASKEW = (-15, 15)  # degrees


def _scene(reader: "PlateReader", picture: np.ndarray, region: Region | None) -> Flow:
    """The plate that counts in a whole picture: inside `region`, else the largest well read.

    Where none is well read the picture is searched again at a larger size; where none is read at
    all, with the head on one side: a strongly tilted plate may fall apart at first sight.
    """
    best = yield from _searched(reader, picture, region, 1.0)
    if best is None or not _sure(best.texts, READ):
        best = _better(best, (yield from _searched(reader, picture, region, CLOSER)))
    if best is None or not _sure(best.texts, DOUBTFUL):
        for degrees in ASKEW:
            place = yield from _searched_askew(reader, picture, region, degrees)
            if place is not None and _sure(place.texts, READ):
                return place
    return best


def _searched_askew(
    reader: "PlateReader", picture: np.ndarray, region: Region | None, degrees: float
) -> Flow:
    h, w = picture.shape[:2]
    turn = cv2.getRotationMatrix2D((w / 2, h / 2), degrees, 1.0)
    askew = cv2.warpAffine(picture, turn, (w, h), borderMode=cv2.BORDER_REPLICATE)
    if region:
        size = np.array((w, h), np.float32)
        points = cv2.transform(np.array([region], np.float32) * size, turn)[0] / size
        region = tuple((float(x), float(y)) for x, y in points)
    place = yield from _searched(reader, askew, region, 1.0)
    if place is not None:
        back = cv2.invertAffineTransform(turn)
        place.corners = cv2.transform(place.corners[None], back)[0]
    return place


def _searched(
    reader: "PlateReader", picture: np.ndarray, region: Region | None, closer: float
) -> Flow:
    found = distinct(_far_and_near(reader, picture, closer))
    if region:
        found = [place for place in found if _inside(place.corners, region, picture.shape)]
    found = found[:6]
    looks = reader.look(picture, [wider(place.corners) for place in found])
    sharper = [
        wider(looked.corners if sane(looked.corners, picture.shape) else place.corners)
        for place, looked in zip(found, looks, strict=True)
    ]
    looks = reader.look(picture, sharper)  # a second look, from nearer, places corners better
    spots = []
    for place, looked in zip(found, looks, strict=True):
        if max(looked.plate, place.score) > 0.3:
            corners = looked.corners if sane(looked.corners, picture.shape) else place.corners
            spots.append((place, looked, corners))
    spots = nlargest(MOST_PLACES, spots, key=lambda spot: spot[0].score + spot[1].plate)
    spots.sort(key=lambda spot: -cv2.contourArea(spot[2].astype(np.float32)))
    strips = [_seen(picture, quad, looked) for _, looked, quad in spots]
    firsts = ((yield strips) or []) if strips else []
    places = []
    for (place, looked, quad), strip, first in zip(spots, strips, firsts, strict=True):
        again = partial(_seen, picture, _grown(quad), looked)
        turned = partial(_seen, picture, quad, looked, turned=True)
        texts = yield from _go_on(first, [again], [turned])
        plate = max(looked.plate, place.score)
        places.append(Place(quad, texts, looked.colours, plate, _sharpness(strip)))
        if _sure(texts, READ):
            return places[-1]
    return max(places, key=lambda place: _probability(place.texts), default=None)


def texts_of(
    reader: "PlateReader", picture: np.ndarray, places: list[np.ndarray]
) -> list[list[Text]]:
    """What each of these quadrilaterals reads, best text first."""
    looks = reader.look(picture, places)
    return _texts(
        reader, [_seen(picture, quad, seen) for quad, seen in zip(places, looks, strict=True)]
    )


def _black(looked: "Looked") -> bool:
    return bool(looked.colours[_BLACK] > 0.5)


def _seen(
    picture: np.ndarray, corners: np.ndarray, looked: "Looked", *, turned: bool = False
) -> np.ndarray:
    """The plate straightened as `looked` says; `turned`: in the other number of rows."""
    double = (looked.double > 0.5) != turned
    source, quad = rectify.near(picture, corners, rectify.WIDTH)
    height = rectify.TALL if double else rectify.HEIGHT
    seen = rectify.grey(rectify.warp(source, quad, rectify.WIDTH, height), black=_black(looked))
    return rectify.join_rows(seen) if double else seen


def _texts(reader: "PlateReader", strips: Strips) -> Texts:
    """The texts of each strip, all strips in one batch."""
    if not strips:
        return []
    even = [rectify.even(strip) for strip in strips]
    return [decide.texts(probs) for probs in reader.probabilities(even)]


def _sharpness(strip: np.ndarray) -> float:
    return float(cv2.Laplacian(strip, cv2.CV_32F).var())


def wider(corners: np.ndarray) -> np.ndarray:
    centre = corners.mean(0)
    return (centre + (corners - centre) * np.array((1.2, 1.4), np.float32)).astype(np.float32)


def _grown(corners: np.ndarray) -> np.ndarray:
    """A little more than the plate, lest a corner cut off a character."""
    centre = corners.mean(0)
    return (centre + (corners - centre) * np.array((1.07, 1.1), np.float32)).astype(np.float32)


def sane(corners: np.ndarray, shape: tuple[int, ...]) -> bool:
    """A convex quadrilateral of some size, not far outside of the picture."""
    h, w = shape[:2]
    quad = corners.astype(np.float32)
    if not cv2.isContourConvex(quad) or cv2.contourArea(quad) < 60:
        return False
    room = np.array((w, h), np.float32) * 0.3
    return bool((quad > -room).all() and (quad < np.array((w, h)) + room).all())


def _far_and_near(reader: "PlateReader", picture: np.ndarray, closer: float) -> "list[FoundPlate]":
    """Both passes, each trusted for the sizes it sees well."""
    longest = max(picture.shape[:2])
    found = reader.find(picture, int(reader.settings["find_side"] * closer))
    for place in found:
        place.score *= min(1.0, 0.45 / max(place.width / longest, 1e-3))
    near = reader.find(picture, int(reader.settings["find_side_near"] * closer))
    for place in near:
        place.score *= min(1.0, place.width / longest / 0.18)
    return found + near


def distinct(found: "list[FoundPlate]") -> "list[FoundPlate]":
    """Best first, without those that mostly lie in a better one or hold it.

    A close-up looks like several half plates to the far pass, like one to the near pass.
    """
    kept: list[FoundPlate] = []
    for place in sorted(found, key=lambda place: -place.score):
        if all(shared(place.corners, other.corners) < 0.5 for other in kept):
            kept.append(place)
    return kept


def shared(a: np.ndarray, b: np.ndarray) -> float:
    """How much of the smaller upright box lies in the other."""
    low, high = np.maximum(a.min(0), b.min(0)), np.minimum(a.max(0), b.max(0))
    inter = float(np.prod(np.maximum(high - low, 0)))
    smaller = min(float(np.prod(np.ptp(a, axis=0))), float(np.prod(np.ptp(b, axis=0))))
    return inter / smaller if smaller > 0 else 0.0


def _inside(corners: np.ndarray, region: Region, shape: tuple[int, ...]) -> bool:
    h, w = shape[:2]
    polygon = np.array([(x * w, y * h) for x, y in region], np.float32)
    x, y = corners.mean(0)
    return cv2.pointPolygonTest(polygon, (float(x), float(y)), False) >= 0


def is_grey(picture: np.ndarray, corners: np.ndarray) -> bool:
    """Infrared or black-and-white: nothing in the plate's neighbourhood has a colour."""
    h, w = picture.shape[:2]
    low = np.clip(corners.min(0) - 10, 0, (w - 2, h - 2)).astype(int)
    high = np.clip(corners.max(0) + 10, low + 2, (w, h)).astype(int)
    blue, green, red = cv2.split(picture[low[1] : high[1], low[0] : high[0]])
    most, least = cv2.max(cv2.max(blue, green), red), cv2.min(cv2.min(blue, green), red)
    coloured = np.count_nonzero(cv2.subtract(most, least) >= _GREY_CHROMA)
    return coloured <= 0.05 * most.size


def _decide(reader: "PlateReader", picture: np.ndarray, place: Place, reduced: float) -> Reading:
    colours = place.colours
    grey = is_grey(picture, place.corners)
    texts = ranked(place, grey=grey)
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


def ranked(place: Place, *, grey: bool) -> list[Text]:
    """The texts, one that can't have the colour seen yielding to one that can."""
    if grey:
        return place.texts
    weights = [t.probability * (0.02 + _agreement(t.text, place.colours)) for t in place.texts]
    return [place.texts[i] for i in np.argsort(weights)[::-1]]


def raw_score(text: Text) -> float:
    """What calibration starts from: the weakest character bounds the whole."""
    return min(text.probability, *text.characters)


def _agreement(text: str, colours: np.ndarray) -> float:
    allowed = colours_of(text)
    return float(sum(colours[COLOURS.index(c)] for c in allowed))


def calibrated(calibration: dict, text: Text) -> float:
    """The probability that the whole text is right, by the held-out plates."""
    raw = decide.logit(raw_score(text))
    return float(np.interp(raw, calibration["raw"], calibration["right"]))
