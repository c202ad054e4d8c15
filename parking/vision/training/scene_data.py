"""Endless scenes with the four corners of every plate: real ones, and plates put into them.

A plate (generated, or a real tight crop used as a texture) is laid over a real plate's place, set
anywhere into a real photograph, into a drawn street or into mere noise; writing, stripes and empty
plates are set beside them, for much of a street looks like a plate; then the whole is worn.
"""

from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import cv2
import numpy as np

from parking.vision.grammar import COLOURS
from parking.vision.training import drawing, photographs, reader_data, signs, wear
from parking.vision.training.bank import Bank
from parking.vision.training.photographs import LabelledPhotograph
from parking.vision.training.plates import Fonts, Spec, draw_flat, random_spec

SIDE = 320
TEXTURES = (("blue", 0.5), ("yellow", 0.24), ("green", 0.13), ("black", 0.08), ("white", 0.05))


@dataclass(slots=True)
class Mark:
    """One plate in a scene; `exact` where the corners are known, not only a box."""

    corners: np.ndarray
    colour: str | None
    double: bool
    exact: bool = True


def blackened(plate: np.ndarray, rng: Random) -> np.ndarray:
    """A real blue plate as if it were an old black one; the photographs show few of these.

    The white of its characters says what grey looks like in this light.
    """
    plate = plate.astype(np.float32)
    bright = plate.mean(axis=2)
    ink = plate[bright >= np.percentile(bright, 88)].mean(axis=0)
    grey = float(ink.mean())
    ink = grey + np.clip(ink - grey, -0.06 * grey, 0.06 * grey)  # thin strokes keep some blue
    level = np.clip(bright / max(grey, 1.0), 0, 1.3) ** rng.uniform(1.0, 1.7)
    ground = ink * np.array([rng.uniform(0.94, 1.08), 1.0, rng.uniform(0.94, 1.04)], np.float32)
    share = np.clip(level, 0, 1)[..., None]  # 1: ink
    return level[..., None] * (share * ink + (1 - share) * ground)


def _blacken(picture: np.ndarray, mark: "Mark", rng: Random) -> "Mark":
    """Where `mark` is a blue plate, the picture (float32, in place) shows a black one."""
    if mark.colour != "blue":
        return mark
    quad = np.clip(mark.corners, 0, (picture.shape[1] - 1, picture.shape[0] - 1))
    (x0, y0), (x1, y1) = quad.min(0).astype(int), quad.max(0).astype(int) + 1
    if x1 - x0 < 16 or y1 - y0 < 6:
        return mark
    part = picture[y0:y1, x0:x1]
    cover = np.zeros(part.shape[:2], np.float32)
    cv2.fillPoly(cover, [(quad - (x0, y0)).astype(np.int32)], 1.0)
    cover = cv2.blur(cover, (3, 3))[..., None]
    part += (blackened(part, rng) - part) * cover
    return Mark(mark.corners, "black", mark.double, mark.exact)


@dataclass(slots=True)
class Scene:
    """`others` are places that only look like plates."""

    picture: np.ndarray
    marks: list[Mark]
    others: list[np.ndarray] = field(default_factory=list)


class Scenes:
    """Scenes out of the given photographs' rows, drawn ones and generated plates."""

    def __init__(
        self, folder: Path, rows: list[LabelledPhotograph], bank: Bank | None = None
    ) -> None:
        self.fonts, self.bank = Fonts.training(), bank
        self.real: list[Scene] = []
        self._again: list[Scene] = []
        self.crop_used = False
        self.textures: list[tuple[np.ndarray, str]] = []
        for row in rows:
            picture = photographs.picture(folder, row)
            if row.kind == "crop":
                if picture.shape[1] / picture.shape[0] > 2.6:
                    self.textures.append((picture, row.colours[0]))
                continue
            marks = []
            for box, corners, colour, plate in zip(
                row.boxes, row.corners, row.colours, row.plates, strict=True
            ):
                quad, exact = corners, True
                if quad is None and box is not None:
                    quad = photographs.corners_of(box)
                    exact = False
                if quad is None:
                    continue
                wide = photographs.width_to_height(quad)
                double = wide < 2.2 and colour in ("yellow", "white", "black")
                if len(plate) == 8 and plate[-1].isalpha() and colour == "green":
                    colour = "yellow_green"
                marks.append(Mark(quad.astype(np.float32), colour, double, exact))
            if len(marks) == len(row.plates):
                self.real.append(Scene(picture, marks))

    def texture(self, rng: Random) -> tuple[np.ndarray, str]:
        """A real crop; the colours far more evenly than the photographs, mostly blue, have them."""
        wanted = rng.choices(*zip(*TEXTURES, strict=True))[0]
        if wanted == "black" and rng.random() < 0.9:
            of_it = [picture for picture, colour in self.textures if colour == "blue"]
            if of_it:
                return blackened(rng.choice(of_it), rng), wanted
        alike = [texture for texture in self.textures if texture[1] == wanted]
        return rng.choice(alike or self.textures)

    def flat_plate(self, rng: Random, scale: float = 0.6) -> tuple[np.ndarray, str, bool]:
        """A plate seen straight on, its colour, whether it has two rows.

        Real crops serve too; they are not cut exactly at the plate's edges.
        """
        self.crop_used = bool(self.textures) and rng.random() < 0.25
        if self.crop_used:
            picture, colour = self.texture(rng)
            return picture.astype(np.float32), colour, False
        spec = two_rows(rng) if rng.random() < 0.1 else random_spec(rng)
        return draw_flat(spec, rng, self.fonts, self.bank, scale), spec.colour, spec.double

    def scene(self, rng: Random) -> Scene:
        """One worn scene of any size with its plates."""
        roll = rng.random()
        if roll < 0.12 or not self.real:
            spec = random_spec(rng)
            bank = None
            picture, corners = drawing.paint_scene(spec, seed=rng.getrandbits(30), bank=bank)
            return Scene(picture, [Mark(corners, spec.colour, spec.double)])
        if roll < 0.24:
            return self._plain(rng)
        base = rng.choice(self.real)
        picture = base.picture.astype(np.float32)
        marks = list(base.marks)
        roll = rng.random()
        if roll < 0.5:
            marks = [self._replace(picture, mark, rng) for mark in marks]
        elif roll < 0.6:
            marks = [_blacken(picture, mark, rng) for mark in marks]
        for _ in range(rng.choice((0, 1, 1, 2, 3))):
            mark = self._anywhere(picture, marks, rng)
            if mark is not None:
                marks.append(mark)
        others: list[np.ndarray] = []
        for _ in range(rng.choice((0, 0, 1, 2, 4))):
            taken = [mark.corners for mark in marks] + others
            quad = self._other(picture, taken, rng)
            if quad is not None:
                others.append(quad)
        return Scene(picture, marks, others)

    def used(self, rng: Random, times: int) -> Scene:
        """A scene, handed out `times` times in a row: drawing one is dear."""
        if not self._again:
            self._again = [self.scene(rng)] * times
        return self._again.pop()

    def _plain(self, rng: Random) -> Scene:
        w, h = rng.choice(((640, 480), (480, 360), (480, 480)))
        noise = np.random.default_rng(rng.getrandbits(32))
        cells = noise.integers(0, 255, (rng.randint(2, 12), rng.randint(2, 16), 3))
        how = rng.choice((cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_CUBIC))
        picture = cv2.resize(cells.astype(np.float32), (w, h), interpolation=how)
        marks: list[Mark] = []
        for _ in range(rng.choice((1, 1, 2, 3))):
            mark = self._anywhere(picture, marks, rng)
            if mark is not None:
                marks.append(mark)
        return Scene(picture, marks)

    def _replace(self, picture: np.ndarray, mark: Mark, rng: Random) -> Mark:
        """Another plate where a real one hangs (a little larger, so that nothing peeps out)."""
        for _ in range(8):
            flat, colour, double = self.flat_plate(rng)
            if double == mark.double:
                break
        else:
            return mark
        grow = np.array((1.05, 1.12), np.float32)
        centre = mark.corners.mean(0)
        quad = centre + (mark.corners - centre) * grow
        self._stick(picture, flat, quad, rng)
        return Mark(quad, colour, double, not self.crop_used)

    def _anywhere(self, picture: np.ndarray, marks: list[Mark], rng: Random) -> Mark | None:
        flat, colour, double = self.flat_plate(rng)
        quad = _spot(picture, flat, [mark.corners for mark in marks], rng)
        if quad is None:
            return None
        if rng.random() < 0.3:  # a holder or bumper around it
            centre = quad.mean(0)
            holder = centre + (quad - centre) * rng.uniform(1.05, 1.5)
            tone = (
                [rng.randint(0, 120)] * 3
                if rng.random() < 0.7
                else [rng.randint(0, 255) for _ in range(3)]
            )
            cv2.fillPoly(picture, [holder.astype(np.int32)], tone, cv2.LINE_AA)
        self._stick(picture, flat, quad, rng)
        return Mark(quad, colour, double, not self.crop_used)

    def _other(
        self, picture: np.ndarray, taken: list[np.ndarray], rng: Random
    ) -> np.ndarray | None:
        """Something that is no plate but looks like one; its corners."""
        flat = signs.no_plate(rng, self.fonts)
        quad = _spot(picture, flat, taken, rng)
        if quad is not None:
            self._stick(picture, flat, quad, rng)
        return quad

    def _stick(self, picture: np.ndarray, flat: np.ndarray, quad: np.ndarray, rng: Random) -> None:
        if rng.random() < 0.6:  # as bright as its place
            x0, y0 = np.maximum(quad.min(0).astype(int), 0)
            x1, y1 = quad.max(0).astype(int) + 1
            around = picture[y0:y1, x0:x1].mean() if picture[y0:y1, x0:x1].size else 128.0
            flat = flat * np.clip((60 + around) / 190.0 * rng.uniform(0.8, 1.2), 0.3, 1.3)
        if rng.random() < 0.3:
            flat = wear.light(flat, rng)
        if rng.random() < 0.4:
            flat = cv2.GaussianBlur(flat, (0, 0), rng.uniform(0.4, 2.0))
        drawing.stick(picture, np.ascontiguousarray(flat, dtype=np.float32), quad)

    def cut(self, rng: Random, side: int = SIDE) -> tuple[np.ndarray, list[Mark]]:
        """A `side` x `side` part of a worn scene at a random scale, with what lies in it."""
        scene = self.used(rng, 2)
        h, w = scene.picture.shape[:2]
        shown = [mark.corners for mark in scene.marks]
        if scene.others and rng.random() < 0.15:
            shown = scene.others
        if shown and rng.random() < 0.93:
            corners = rng.choice(shown)
            own = float(np.linalg.norm(corners[1] - corners[0]))
            want = float(np.exp(rng.uniform(np.log(22), np.log(300))))
            scale = min(want / own, 3.0, 1.9 * want / 22)
            scale = max(scale, side / max(h, w) * 0.6)
            middle = corners.mean(0) * scale
        else:
            scale = rng.uniform(side / max(h, w), 1.0)
            middle = np.array((rng.uniform(0, w), rng.uniform(0, h))) * scale
        reach = side * 0.5
        corner = (
            middle
            - reach
            + np.array((rng.uniform(-0.4, 0.4), rng.uniform(-0.4, 0.4))) * side * 0.95
        )
        room = np.array((w, h)) * scale - side
        corner = np.where(
            room > 0, np.clip(corner, 0, np.maximum(room, 0)), room / 2 + rng.uniform(-20, 20)
        )
        matrix = np.array([(scale, 0, -corner[0]), (0, scale, -corner[1])], np.float32)
        source = scene.picture
        if scale < 0.7:
            source = cv2.resize(source, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            ratio = np.array((source.shape[1] / w / scale, source.shape[0] / h / scale))
            moved = np.array(
                [(1 / ratio[0], 0, -corner[0]), (0, 1 / ratio[1], -corner[1])], np.float32
            )
        else:
            moved = matrix
        pad = rng.choice((0, 114, 128))
        seen = cv2.warpAffine(
            source, moved, (side, side), flags=cv2.INTER_LINEAR, borderValue=(pad,) * 3
        )
        seen = seen.astype(np.float32)
        if rng.random() < 0.5:
            seen = wear.light(seen, rng)
        seen = wear.lens(seen, rng, 0.6)
        marks = []
        for mark in scene.marks:
            quad = mark.corners * scale - corner.astype(np.float32)
            marks.append(Mark(quad.astype(np.float32), mark.colour, mark.double, mark.exact))
        return seen, marks


def _spot(
    picture: np.ndarray, flat: np.ndarray, taken: list[np.ndarray], rng: Random
) -> np.ndarray | None:
    """Corners for `flat` anywhere in the picture, turned and from the side; None where no room."""
    h, w = picture.shape[:2]
    span = float(np.exp(rng.uniform(np.log(0.06), np.log(0.7)))) * w
    ratio = flat.shape[0] / flat.shape[1] * rng.uniform(0.85, 1.15)
    turn = rng.gauss(0, 0.12) if rng.random() < 0.85 else rng.uniform(-0.6, 0.6)
    skew = rng.gauss(0, 0.15)
    quad = np.array([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)], np.float32)
    quad *= np.array((span, span * ratio), np.float32)
    if rng.random() < 0.4:  # seen from the side
        quad[:, 0] *= rng.uniform(0.55, 0.95)
        near = 1 if rng.random() < 0.5 else 0
        side = quad[:, 0] > 0 if near else quad[:, 0] < 0
        quad[side, 1] *= rng.uniform(1.0, 1.2)
    quad[:, 0] += quad[:, 1] * skew
    c, s = np.cos(turn), np.sin(turn)
    quad = quad @ np.array([(c, s), (-s, c)], np.float32)
    low, high = quad.min(0), quad.max(0)
    size = high - low
    if size[0] > w * 0.98 or size[1] > h * 0.98:
        return None
    quad += np.array((rng.uniform(0, w - size[0]), rng.uniform(0, h - size[1]))) - low
    quad = quad.astype(np.float32)
    low, high = quad.min(0), quad.max(0)
    for other in taken:
        a, b = other.min(0), other.max(0)
        if (low < b + 4).all() and (a - 4 < high).all():
            return None
    return quad


def targets(marks: list[Mark], side: int = SIDE) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For the Finder: heat (1, n, n), corners (8, n, n), weight of the corners (1, n, n)."""
    n = side // 8
    heat = np.zeros((1, n, n), np.float32)
    offsets = np.zeros((8, n, n), np.float32)
    weight = np.zeros((1, n, n), np.float32)
    ys, xs = np.mgrid[0:n, 0:n].astype(np.float32)
    for mark in marks:
        quad = mark.corners
        cx, cy = quad.mean(0)
        if not (0 <= cx < side and 0 <= cy < side):
            continue
        width = max(8.0, float(quad[:, 0].max() - quad[:, 0].min()))
        height = max(4.0, float(quad[:, 1].max() - quad[:, 1].min()))
        gx, gy = int(cx / 8), int(cy / 8)
        rx, ry = max(0.6, width / 8 / 6), max(0.6, height / 8 / 4)
        blob = np.exp(-(((xs + 0.5 - cx / 8) / rx) ** 2 + ((ys + 0.5 - cy / 8) / ry) ** 2) / 2)
        blob[gy, gx] = 1.0
        better = blob > np.maximum(heat[0], 0.3)
        heat[0] = np.maximum(heat[0], blob)
        for i, (x, y) in enumerate(quad):
            offsets[2 * i][better] = ((x - (xs * 8 + 4)) / 64)[better]
            offsets[2 * i + 1][better] = ((y - (ys * 8 + 4)) / 64)[better]
        strength = (1.0 if mark.exact else 0.3) * 64 / (width * 0.7 + 20)
        weight[0][better] = strength * blob[better]
    return heat, offsets, weight


def two_rows(rng: Random) -> Spec:
    """A plate of two rows, of those kinds that have them alike."""
    while True:
        spec = random_spec(rng, rng.choice(("yellow_double", "trailer", "military", "coach")))
        if spec.double:
            return spec


LOOK_W, LOOK_H = 128, 48


def look_example(
    scenes: Scenes, rng: Random
) -> tuple[np.ndarray, np.ndarray, float, int, float, float]:
    """For Look: picture, corners as shares, their weight, colour index or -1, two rows, plate."""
    roll = rng.random()
    if roll < 0.3 and scenes.textures:  # a bare crop; a real one's colour is known, not its corners
        shares, weight = np.zeros(8, np.float32), 0.0
        if rng.random() < 0.6:
            flat, colour, double = scenes.flat_plate(rng, 0.5)
            picture, corners = reader_data.place(flat, rng, None, tall=double)
            h, w = picture.shape[:2]
            if not scenes.crop_used:
                shares, weight = (corners / np.array((w, h), np.float32)).reshape(8), 1.0
        else:
            (picture, colour), double = scenes.texture(rng), False
        seen = cv2.resize(picture, (LOOK_W, LOOK_H), interpolation=cv2.INTER_AREA).astype(
            np.float32
        )
        if rng.random() < 0.6:
            seen = np.clip(wear.light(seen, rng) if rng.random() < 0.5 else seen, 0, 255)
        seen = wear.lens(seen, rng, 0.5)
        return seen, shares, weight, _colour(colour, seen), float(double), 1.0
    scene = scenes.used(rng, 8)
    h, w = scene.picture.shape[:2]
    mark = rng.choice(scene.marks) if scene.marks else None
    plate = mark is not None and rng.random() < 0.85
    if plate:
        assert mark is not None
        base = mark.corners
    else:
        span = rng.uniform(40, 0.5 * w)
        at = np.array(
            (rng.uniform(0, w - span), rng.uniform(0, max(1, h - span * 0.4))), np.float32
        )
        base = at + np.array([(0, 0), (1, 0), (1, 0.33), (0, 0.33)], np.float32) * span
        if scene.others and rng.random() < 0.6:
            base = rng.choice(scene.others)
        if mark is not None and _overlap(base, [m.corners for m in scene.marks]):
            plate, base = True, mark.corners
    centre = base.mean(0)
    edge = base[1] - base[0]
    size = np.array((np.abs(edge[0]), max(np.abs(base[:, 1] - centre[1]).max() * 2, 4)))
    if rng.random() < 0.65:  # around the finder's quadrilateral
        jitter = np.random.default_rng(rng.getrandbits(32)).normal(0, 0.05, (4, 2)) * size
        quad = base + jitter.astype(np.float32)
        centre = quad.mean(0)
        quad = centre + (quad - centre) * np.array((rng.uniform(1.1, 1.35), rng.uniform(1.2, 1.7)))
    else:  # an upright box, as a bare crop is
        low, high = base.min(0), base.max(0)
        room = (high - low) * np.array((rng.uniform(-0.02, 0.15), rng.uniform(-0.05, 0.4)))
        low, high = low - room * rng.random(), high + room * rng.random()
        quad = np.array([low, (high[0], low[1]), high, (low[0], high[1])])
    target = np.array([(0, 0), (LOOK_W, 0), (LOOK_W, LOOK_H), (0, LOOK_H)], np.float32)
    matrix = cv2.getPerspectiveTransform(quad.astype(np.float32), target)
    span = float(np.linalg.norm(quad[1] - quad[0]))
    picture = scene.picture
    if span > 1.8 * LOOK_W:
        scale = 1.3 * LOOK_W / span
        picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        matrix = matrix @ np.diag([1 / scale, 1 / scale, 1.0])
    seen = cv2.warpPerspective(picture, matrix, (LOOK_W, LOOK_H), borderMode=cv2.BORDER_REPLICATE)
    seen = seen.astype(np.float32)
    if rng.random() < 0.6:
        seen = wear.light(seen, rng)
    seen = wear.lens(seen, rng, 0.7)
    if not plate:
        return seen, np.zeros(8, np.float32), 0.0, -1, 0.0, 0.0
    assert mark is not None
    places = cv2.perspectiveTransform(
        mark.corners[None].astype(np.float32),
        cv2.getPerspectiveTransform(quad.astype(np.float32), target),
    )[0]
    shares = (places / np.array((LOOK_W, LOOK_H), np.float32)).reshape(8)
    weight = 1.0 if mark.exact else 0.15
    return seen, shares, weight, _colour(mark.colour, seen), float(mark.double), 1.0


def _colour(colour: str | None, seen: np.ndarray) -> int:
    """Index of the colour, -1 where none is known or the picture is (nearly) grey."""
    if colour not in COLOURS:
        return -1
    spread = seen.astype(np.int16)
    if (
        colour in ("blue", "yellow", "green", "yellow_green")
        and np.percentile(spread.max(2) - spread.min(2), 80) < 12
    ):
        return -1
    return COLOURS.index(colour)


def _overlap(base: np.ndarray, others: list[np.ndarray]) -> bool:
    low, high = base.min(0), base.max(0)
    return any((low < o.max(0)).all() and (o.min(0) < high).all() for o in others)
