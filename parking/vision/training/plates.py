"""Generated plates: the text, the flat plate as GA 36 lays it out, and what a street does to it.

Millimetres of the standard are the unit; `SCALE` pixels a millimetre. Fonts come from Debian
packages, those that are installed, and are needed at training time only: fonts-noto-cjk(-extra),
fonts-wqy-zenhei, fonts-arphic-uming, fonts-arphic-ukai, fonts-dejavu, fonts-liberation,
fonts-open-sans, fonts-roboto-unhinted, fonts-inter, fonts-hack; for the generated test set
fonts-droid-fallback, fonts-urw-base35. A bank of real glyphs, if given, takes the place of fonts
where it can.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from random import Random

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from parking.vision.grammar import (
    DIGITS,
    ENERGY_LETTERS,
    LETTERS,
    PROVINCES,
    SERIAL,
    SERIAL_LETTERS,
)

SCALE = 0.5

_NOTO = "/usr/share/fonts/opentype/noto/"
HAN_FONTS = (
    (_NOTO + "NotoSansCJK-Regular.ttc", 2),
    (_NOTO + "NotoSansCJK-Bold.ttc", 2),
    (_NOTO + "NotoSansCJK-Regular.ttc", 0),
    (_NOTO + "NotoSansCJK-Medium.ttc", 2),
    (_NOTO + "NotoSansCJK-DemiLight.ttc", 2),
    (_NOTO + "NotoSerifCJK-Bold.ttc", 2),
    (_NOTO + "NotoSansCJK-Black.ttc", 2),
    (_NOTO + "NotoSansCJK-Light.ttc", 2),
    ("/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc", 0),
    ("/usr/share/fonts/truetype/arphic/uming.ttc", 0),
    ("/usr/share/fonts/truetype/arphic/ukai.ttc", 0),
)
LATIN_FONTS = (
    ("/usr/share/fonts/truetype/dejavu/DejaVuSansCondensed-Bold.ttf", 0),
    ("/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf", 0),
    ("/usr/share/fonts/truetype/dejavu/DejaVuSansCondensed.ttf", 0),
    ("/usr/share/fonts/truetype/liberation/LiberationSansNarrow-Bold.ttf", 0),
    ("/usr/share/fonts/truetype/liberation/LiberationSans-Bold.ttf", 0),
    ("/usr/share/fonts/truetype/liberation/LiberationMono-Bold.ttf", 0),
    (_NOTO + "NotoSansCJK-Medium.ttc", 2),
    (_NOTO + "NotoSansCJK-Bold.ttc", 2),
    ("/usr/share/fonts/truetype/noto/NotoMono-Regular.ttf", 0),
    ("/usr/share/fonts/truetype/open-sans/OpenSans-CondBold.ttf", 0),
    ("/usr/share/fonts/truetype/open-sans/OpenSans-Semibold.ttf", 0),
    ("/usr/share/fonts/truetype/roboto/unhinted/RobotoCondensed-Bold.ttf", 0),
    ("/usr/share/fonts/truetype/roboto/unhinted/RobotoTTF/Roboto-Medium.ttf", 0),
    ("/usr/share/fonts/opentype/inter/Inter-SemiBold.otf", 0),
    ("/usr/share/fonts/truetype/hack/Hack-Bold.ttf", 0),
)
# kept out of training, for the generated test set only
OTHER_HAN_FONTS = (("/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf", 0),)
OTHER_LATIN_FONTS = (
    ("/usr/share/fonts/opentype/urw-base35/NimbusSansNarrow-Bold.otf", 0),
    ("/usr/share/fonts/truetype/dejavu/DejaVuSansMono-Bold.ttf", 0),
)


@dataclass(frozen=True, slots=True)
class Fonts:
    han: tuple[tuple[str, int], ...]
    latin: tuple[tuple[str, int], ...]

    @classmethod
    def training(cls) -> "Fonts":
        return cls(_present(HAN_FONTS), _present(LATIN_FONTS))

    @classmethod
    def other(cls) -> "Fonts":
        return cls(_present(OTHER_HAN_FONTS), _present(OTHER_LATIN_FONTS))


def _present(fonts: tuple[tuple[str, int], ...]) -> tuple[tuple[str, int], ...]:
    found = tuple(font for font in fonts if Path(font[0]).exists())
    if not found:
        raise FileNotFoundError(f"none of these fonts is installed: {[f for f, _ in fonts]}")
    return found


@dataclass(frozen=True, slots=True)
class Spec:
    """A plate to draw: its text, kind, colour, and whether it has two rows."""

    text: str
    kind: str
    colour: str
    double: bool = False


KINDS = (
    ("ordinary", 32),
    ("yellow", 9),
    ("yellow_double", 13),
    ("nev_small", 15),
    ("nev_large", 12),
    ("coach", 5),
    ("trailer", 11),
    ("police", 7),
    ("hong_kong", 8),
    ("macau", 8),
    ("consulate", 5),
    ("embassy", 6),
    ("armed_police", 4),
    ("military", 5),
    ("civil_aviation", 3.5),
    ("emergency", 11),
    ("black", 4),
)


CONSULAR = (
    *("沪A", "粤A", "川A", "渝A", "辽A", "云A", "桂A"),
    *("鄂A", "湘A", "陕A", "闽D", "鲁B", "蒙E"),
)


LIKE_DIGITS = "CDGQZBS"  # drawn twice as often: what a reader takes for a digit


def serial(rng: Random, length: int = 5) -> str:
    """A serial number: every form (digits, one letter, two letters, any place) equally often."""
    chars = [rng.choice(DIGITS) for _ in range(length)]
    for place in rng.sample(range(length), rng.choice((0, 1, 1, 2, 2))):
        chars[place] = rng.choice(SERIAL_LETTERS + LIKE_DIGITS)
    if rng.random() < 0.06:
        chars = [rng.choice(SERIAL)] * length if rng.random() < 0.3 else chars
        chars[1:] = [chars[1]] * (length - 1)
        if sum(c in LETTERS for c in chars) > 2:
            chars[1:] = list(rng.choice(DIGITS) * (length - 1))
    return "".join(chars)


def _digits(rng: Random, n: int) -> str:
    return "".join(rng.choice(DIGITS) for _ in range(n))


def random_spec(rng: Random, kind: str | None = None) -> Spec:
    """One plate; provinces, office letters and serial forms equally often within a kind."""
    if kind is None:
        kind = rng.choices([k for k, _ in KINDS], [w for _, w in KINDS])[0]
    head = rng.choice(PROVINCES) + rng.choice(LETTERS)
    four = _digits(rng, 4)
    match kind:
        case "yellow" | "yellow_double":
            return Spec(head + serial(rng), "ordinary", "yellow", kind == "yellow_double")
        case "black":
            return Spec(head + serial(rng), "ordinary", "black")
        case "nev_small":
            second = rng.choice(DIGITS * 3 + SERIAL_LETTERS)
            energy = rng.choice("DDDFFF" + ENERGY_LETTERS)
            return Spec(head + energy + second + four, kind, "green")
        case "nev_large":
            text = head + _digits(rng, 5) + rng.choice("DDDFFF" + ENERGY_LETTERS)
            return Spec(text, kind, "yellow_green")
        case "coach":
            return Spec(head + four + "学", kind, "yellow", rng.random() < 0.2)
        case "trailer":
            return Spec(head + serial_short(rng) + "挂", kind, "yellow", rng.random() < 0.85)
        case "police":
            return Spec(head + rng.choice(DIGITS * 2 + "ABCD") + four[1:] + "警", kind, "white")
        case "hong_kong" | "macau":
            last = "港" if kind == "hong_kong" else "澳"
            return Spec("粤Z" + serial(rng, 4) + last, kind, "black")
        case "consulate":
            return Spec(rng.choice(CONSULAR) + four + "领", kind, "black")
        case "embassy":
            six = _digits(rng, 6)
            return Spec("使" + six if rng.random() < 0.4 else six + "使", kind, "black")
        case "armed_police":
            province = rng.choice(PROVINCES) if rng.random() < 0.75 else ""
            return Spec("WJ" + province + four + rng.choice(SERIAL), kind, "white")
        case "military":
            letters = rng.choice(SERIAL_LETTERS) + rng.choice(SERIAL_LETTERS)
            letters = "KA" if letters == "WJ" else letters  # WJ is the armed police
            return Spec(letters + _digits(rng, 5), kind, "white", rng.random() < 0.25)
        case "civil_aviation":
            return Spec("民航" + serial_short(rng) + rng.choice(DIGITS), kind, "green")
        case "emergency":
            return Spec(head[0] + rng.choice("XS") + four + "应急", kind, "white")
        case _:
            return Spec(head + serial(rng), "ordinary", "blue")


def serial_short(rng: Random) -> str:
    text = serial(rng, 4)
    return text if sum(c in LETTERS for c in text) <= 1 else _digits(rng, 4)


def layout(spec: Spec) -> tuple[tuple[int, int], list[tuple[float, float, float, float]]]:
    """Plate size in mm and a box (x, y, w, h) for each character (GA 36)."""
    n = len(spec.text)
    if spec.double:
        top = [(110.0, 15.0, 80.0, 60.0), (250.0, 15.0, 80.0, 60.0)]
        return (440, 220), top + [(27.5 + i * 80, 90.0, 65.0, 110.0) for i in range(n - 2)]
    if spec.kind in ("nev_small", "nev_large"):
        rest = [118.5 + 3 + i * 52.0 for i in range(6)]
        xs = [15.5, 69.5, *[x - 3 + (480 - 15.5 - 43 - rest[-1] + 3) for x in rest]]
        return (480, 140), [(x, 25.0, 45.0 if i == 0 else 43.0, 90.0) for i, x in enumerate(xs)]
    if n == 8:  # armed police, emergency: eight places on a plate of 440 mm
        return (440, 140), [
            (14.0 + i * 52.0 + (8 if i > 1 else 0), 25.0, 40.0, 90.0) for i in range(8)
        ]
    xs = [15.5, 72.5, *[151.5 + i * 57.0 for i in range(5)]]
    return (440, 140), [(x, 25.0, 45.0, 90.0) for x in xs]


RED = (40, 30, 200)


def _backgrounds(rng: Random, colour: str, h: int, w: int) -> tuple[np.ndarray, tuple]:
    """BGR ground of the plate and the colour of its characters."""
    j, u = rng.randint, rng.uniform
    if colour in ("blue", "black") and rng.random() < 0.35:  # faded: both are nearly grey then
        tone = j(30, 120)
        tint = u(1.2, 1.8) if colour == "blue" else u(0.88, 1.12)
        return _flat(h, w, (tone * tint, tone * u(0.96, 1.06), tone)), (j(200, 255),) * 3
    if colour == "blue":
        return _flat(h, w, (j(120, 230), j(40, 120), j(0, 50))), (j(220, 255),) * 3
    if colour == "yellow":
        return _flat(h, w, (j(0, 60), j(140, 200), j(190, 255))), (j(0, 40),) * 3
    if colour == "black":
        return _flat(h, w, (j(10, 50), j(10, 50), j(10, 50))), (j(215, 255),) * 3
    if colour == "white":
        return _flat(h, w, (j(215, 255), j(215, 255), j(215, 255))), (j(0, 40),) * 3
    green = np.array((j(70, 140), j(170, 225), j(20, 110)), np.float32)
    if colour == "yellow_green":
        ground = _flat(h, w, tuple(green))
        ground[:, : int(w * 0.27)] = (j(0, 60), j(150, 200), j(200, 255))
        return ground, (j(0, 40),) * 3
    pale = np.array((j(200, 255), j(225, 255), j(195, 255)), np.float32)
    t = np.linspace(0, 1, h, dtype=np.float32)[:, None, None] ** rng.uniform(0.6, 1.5)
    return np.broadcast_to(pale * (1 - t) + green * t, (h, w, 3)).copy(), (j(0, 40),) * 3


def _flat(h: int, w: int, bgr: tuple) -> np.ndarray:
    return np.full((h, w, 3), bgr, np.float32)


@lru_cache(maxsize=8192)
def glyph(char: str, font: tuple[str, int], height: int = 90) -> np.ndarray:
    """The character's mask, cut to its ink, `height` pixels high, uint8."""
    face = ImageFont.truetype(font[0], int(height * 1.3), index=font[1])
    canvas = Image.new("L", (height * 3, height * 3), 0)
    ImageDraw.Draw(canvas).text((height, height // 2), char, 255, font=face)
    mask = np.asarray(canvas)
    ys, xs = np.where(mask > 60)
    if len(ys) == 0:
        raise ValueError(f"{font} has no {char}")
    mask = mask[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]
    width = max(2, round(mask.shape[1] * height / mask.shape[0]))
    return cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA)


def _fit(mask: np.ndarray, w: int, h: int, *, keep: bool) -> np.ndarray:
    """Stretch to the box; `keep` holds a narrow character (1, J) at its own width."""
    if not keep:
        return cv2.resize(mask, (w, h), interpolation=cv2.INTER_AREA)
    own = min(w, max(2, round(mask.shape[1] * h / mask.shape[0])))
    out = np.zeros((h, w), mask.dtype)
    left = (w - own) // 2
    out[:, left : left + own] = cv2.resize(mask, (own, h), interpolation=cv2.INTER_AREA)
    return out


def draw_flat(
    spec: Spec,
    rng: Random,
    fonts: Fonts | None,
    bank: dict[str, list[np.ndarray]] | None = None,
    scale: float = SCALE,
    *,
    waved: bool = False,
) -> np.ndarray:
    """The plate seen straight on, BGR float32, with border, screws and dirt.

    Without fonts every character comes from `bank`; `waved` moves the strokes of some.
    """
    (w_mm, h_mm), boxes = layout(spec)
    w, h = round(w_mm * scale), round(h_mm * scale)
    ground, ink = _backgrounds(rng, spec.colour, h, w)
    if spec.kind == "civil_aviation":  # white on plain green, unlike new energy's
        ground = _flat(h, w, (rng.randint(30, 110), rng.randint(90, 170), rng.randint(0, 60)))
        ink = (rng.randint(215, 255),) * 3
    han, latin = (rng.choice(fonts.han), rng.choice(fonts.latin)) if fonts else (None, None)
    use_bank = bank is not None and (fonts is None or rng.random() < 0.75)
    weight = rng.choice((-1, 0, 0, 0, 1, 1))
    alpha = np.zeros((h, w), np.float32)
    red = np.zeros((h, w), np.float32)
    fat = rng.uniform(0.92, 1.08)
    shift_x, shift_y = rng.uniform(-3, 3), rng.uniform(-3, 3)
    red_chars = _red_places(spec, rng)
    bend = _bend(rng, scale) if rng.random() < 0.3 else None
    for place, (char, (x, y, bw, bh)) in enumerate(zip(spec.text, boxes, strict=True)):
        is_han = ord(char) > 255
        bw_px, bh_px = max(3, round(bw * fat * scale)), max(3, round(bh * scale))
        patch = None
        own = (bank or {}).get(char) if use_bank else None
        # few masks of a character: fonts keep it from being learnt by heart
        if own and (fonts is None or rng.random() < (0.85 if len(own) > 20 else 0.65)):
            patch = cv2.resize(rng.choice(own), (bw_px, bh_px), interpolation=cv2.INTER_AREA)
        else:
            face = han if is_han else latin
            assert face is not None, f"the bank has no {char}"
            patch = _fit(glyph(char, face), bw_px, bh_px, keep=char in "1")
            if bend is not None:
                patch = cv2.warpAffine(patch, bend, (bw_px, bh_px))
            if weight > 0 and not is_han:
                patch = cv2.dilate(patch, np.ones((2, 2), np.uint8))
            elif weight < 0:
                patch = cv2.erode(patch, np.ones((2, 2), np.uint8))
        if waved and rng.random() < (0.5 if is_han else 0.15):
            patch = _waved(patch, rng)
        x0 = round((x + shift_x + (bw - bw * fat) / 2) * scale + rng.uniform(-0.6, 0.6))
        y0 = round((y + shift_y) * scale + rng.uniform(-0.6, 0.6))
        x0, y0 = max(0, min(x0, w - bw_px)), max(0, min(y0, h - bh_px))
        layer = red if place in red_chars else alpha
        area = layer[y0 : y0 + bh_px, x0 : x0 + bw_px]
        np.maximum(area, patch.astype(np.float32) / 255.0, out=area)
    dotted = not spec.double and spec.kind != "embassy" and len(spec.text) == 7
    if dotted and rng.random() < 0.9:
        centre = (round((134.5 + shift_x) * scale), round((70 + shift_y) * scale))
        cv2.circle(alpha, centre, max(1, round(5 * scale)), 1.0, -1, cv2.LINE_AA)
    border = max(1, round(rng.uniform(1.0, 3.0) * scale))
    inset = round(rng.uniform(2, 6) * scale)
    if rng.random() < 0.85 and not spec.colour.endswith("green"):
        cv2.rectangle(alpha, (inset, inset), (w - 1 - inset, h - 1 - inset), 1.0, border)
    out = ground * (1 - alpha[..., None]) + np.array(ink, np.float32) * alpha[..., None]
    out = out * (1 - red[..., None]) + np.array(RED, np.float32) * red[..., None]
    _screws(out, rng, scale)
    _dirt(out, rng)
    return out


def _bend(rng: Random, scale: float) -> np.ndarray:
    """Leaning and stretching by which one font stands for its neighbours."""
    wide, tall, lean = rng.uniform(0.88, 1.08), rng.uniform(0.92, 1.04), rng.uniform(-0.07, 0.07)
    x0 = (22.5 * (1 - wide) - 45.0 * lean) * scale
    return np.array([(wide, lean, x0), (0, tall, 45.0 * (1 - tall) * scale)], np.float32)


def _waved(mask: np.ndarray, rng: Random) -> np.ndarray:
    """The character with its strokes moved a little, as no two fonts place them alike."""
    h, w = mask.shape
    draw = np.random.default_rng(rng.getrandbits(32)).normal(0, 0.035, (2, 4, 3))
    dy, dx = (cv2.resize(one.astype(np.float32), (w, h)) for one in draw)
    ys, xs = np.mgrid[0:h, 0:w].astype(np.float32)
    return cv2.remap(mask, xs + dx * w, ys + dy * h, cv2.INTER_LINEAR, borderValue=0)


def _red_places(spec: Spec, rng: Random) -> set[int]:
    last = len(spec.text) - 1
    match spec.kind:
        case "police" | "consulate" | "hong_kong" | "macau":
            return {last} if spec.colour == "white" or rng.random() < 0.5 else set()
        case "armed_police" | "military":
            return {0, 1}
        case "emergency":
            return {0, 1, last - 1, last} if rng.random() < 0.5 else {last - 1, last}
        case "embassy":
            return {spec.text.index("使")}
    return set()


def _screws(out: np.ndarray, rng: Random, scale: float) -> None:
    h, w = out.shape[:2]
    if rng.random() < 0.35:
        return
    grey = rng.randint(60, 230)
    bgr = (grey, grey, grey) if rng.random() < 0.7 else (rng.randint(0, 90), grey, grey)
    places = [(0.25, 0.09), (0.75, 0.09), (0.25, 0.91), (0.75, 0.91)]
    for fx, fy in places[: rng.choice((2, 4, 4))]:
        radius = max(1, round(rng.uniform(4, 9) * scale))
        centre = (round(w * (fx + rng.uniform(-0.02, 0.02))), round(h * fy))
        cv2.circle(out, centre, radius, bgr, -1, cv2.LINE_AA)


def _dirt(out: np.ndarray, rng: Random) -> None:
    h, w = out.shape[:2]
    if rng.random() < 0.25:
        for _ in range(rng.randint(1, 12)):
            tone = np.array([rng.randint(40, 150)] * 3) + np.array([0, 5, 15])
            centre = (rng.randrange(w), rng.randrange(h))
            radius = rng.randint(1, max(2, h // 18))
            cv2.circle(out, centre, radius, tuple(map(float, tone)), -1, cv2.LINE_AA)
    if rng.random() < 0.12:  # a film of dust over one edge
        strength = rng.uniform(0.1, 0.5)
        t = np.linspace(0, strength, h, dtype=np.float32)[:, None, None]
        if rng.random() < 0.5:
            t = t[::-1]
        out *= 1 - t
        out += t * np.array((110, 125, 140), np.float32)
