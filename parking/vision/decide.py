"""From the network's logits to plates: the likeliest texts that are plates at all.

A prefix beam search over the CTC output walks only prefixes that can still become a plate
(`grammar.SHAPES`), so "the best reading" is the best *plate*, and what it gives up is visible in
the probabilities.
"""

import math
from collections import defaultdict
from dataclasses import dataclass
from heapq import nlargest

import numpy as np

from parking.vision.grammar import ALPHABET, SHAPES

_BEAM = 16
_LEAST = 2e-4  # characters less likely than this in a frame are not followed
_MOST = 12  # nor are more than these, less the blank
_SURE_BLANK = 0.9995
_HOPELESS = 1e-9  # beside the likeliest, a beginning that is no longer followed


@dataclass(frozen=True, slots=True)
class Text:
    """A plate text with its share of probability and each character's own confidence."""

    text: str
    probability: float
    characters: tuple[float, ...]


_ALL = (1 << len(SHAPES)) - 1
_LOOSE = sum(1 << i for i, shape in enumerate(SHAPES) if shape.most_letters >= 8)
_FEW_LETTERS = 2  # the limit of every shape that has one
_ENDS = [
    sum(1 << i for i, shape in enumerate(SHAPES) if len(shape.slots) == length)
    for length in range(max(len(shape.slots) for shape in SHAPES) + 1)
]


def _fitting(place: int, char: str) -> int:
    """The shapes, a bit each, that may have `char` at `place`."""
    return sum(
        1 << i
        for i, shape in enumerate(SHAPES)
        if place < len(shape.slots) and char in shape.slots[place]
    )


_FITTING = [{char: _fitting(place, char) for char in ALPHABET} for place in range(len(_ENDS))]


class _Path:
    """A beginning of a plate: which shapes it may become, and its probability by how it ends."""

    __slots__ = ("in_blank", "in_char", "letters", "shapes", "text")

    def __init__(self, text: str, shapes: int, letters: int) -> None:
        self.text, self.shapes, self.letters = text, shapes, letters
        self.in_blank = self.in_char = 0.0

    def longer(self, char: str) -> "tuple[int, int]":
        """The shapes left after `char`, none as 0, and the letters among the serial places."""
        place = len(self.text)
        shapes = self.shapes & _FITTING[place][char]
        letters = self.letters + (place >= 2 and "A" <= char <= "Z")
        return (shapes & _LOOSE if letters > _FEW_LETTERS else shapes), letters


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Softmax over the classes, (T, C)."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def texts(probs: np.ndarray, most: int = 5) -> list[Text]:
    """The likeliest plates in one strip, best first; probabilities are of all CTC paths."""
    first = _Path("", _ALL, 0)
    first.in_blank = 1.0
    beam = [first]
    tops = np.argpartition(probs, -_MOST, axis=1)[:, -_MOST:]
    for frame, top in zip(probs, tops, strict=True):
        blank = float(frame[0])
        if blank > _SURE_BLANK:
            for path in beam:
                path.in_blank, path.in_char = (path.in_blank + path.in_char) * blank, 0.0
            continue
        likely = [(ALPHABET[i - 1], float(frame[i])) for i in top if i and frame[i] > _LEAST]
        grown: dict[str, _Path] = {}
        for path in beam:
            text, both = path.text, path.in_blank + path.in_char
            same = _at(grown, text, path.shapes, path.letters)
            same.in_blank += both * blank
            last = text[-1:]
            for char, p in likely:
                gain = both * p
                if char == last:
                    same.in_char += path.in_char * p
                    gain = path.in_blank * p
                if gain:
                    shapes, letters = path.longer(char)
                    if shapes:
                        _at(grown, text + char, shapes, letters).in_char += gain
        beam = nlargest(_BEAM, grown.values(), key=_weight)
        least = _weight(beam[0]) * _HOPELESS
        beam = [path for path in beam if _weight(path) >= least]
    whole = [(path.text, path.in_blank + path.in_char) for path in beam if _whole(path)]
    whole.sort(key=lambda item: -item[1])
    return [Text(t, p, aligned(probs, t)) for t, p in whole[:most]]


def _at(grown: dict[str, _Path], text: str, shapes: int, letters: int) -> _Path:
    path = grown.get(text)
    if path is None:
        path = grown[text] = _Path(text, shapes, letters)
    return path


def _weight(path: _Path) -> float:
    return path.in_blank + path.in_char


def _whole(path: _Path) -> bool:
    return bool(path.shapes & _ENDS[len(path.text)])


def aligned(probs: np.ndarray, text: str) -> tuple[float, ...]:
    """Each character's probability where the best alignment puts it."""
    return tuple(best for best, _ in _align(probs, text))


def alignment(probs: np.ndarray, text: str) -> tuple[float, ...]:
    """The frame, weighted by probability, where each character stands."""
    return tuple(place for _, place in _align(probs, text))


def _align(probs: np.ndarray, text: str) -> list[tuple[float, float]]:
    """Viterbi over blank, first character, blank, …: (best probability, place) each."""
    codes = [0]
    for char in text:
        codes += [ALPHABET.index(char) + 1, 0]
    states = len(codes)
    emit = np.log(probs[:, codes] + 1e-12)
    skip = np.full(states, -np.inf)
    for s in range(3, states, 2):
        if codes[s] != codes[s - 2]:
            skip[s] = 0.0
    shifted = np.full(states + 2, -np.inf)  # two places before the first state stay impossible
    score = shifted[2:]
    score[:2] = emit[0, :2]
    options = np.empty((3, states))
    back = np.zeros((len(probs), states), np.int8)
    for t in range(1, len(probs)):
        options[0], options[1] = score, shifted[1:-1]
        np.add(shifted[:-2], skip, out=options[2])
        back[t] = options.argmax(0)
        np.add(options.max(0), emit[t], out=score)
    state = states - 1 if score[-1] >= score[-2] else states - 2
    best = [0.0] * len(text)
    sums, places = [1e-9] * len(text), [0.0] * len(text)
    for t in range(len(probs) - 1, -1, -1):
        if state % 2:
            p, i = float(probs[t, codes[state]]), state // 2
            best[i] = max(best[i], p)
            sums[i] += p
            places[i] += p * t
        state -= int(back[t, state])
    return [(b, place / total) for b, place, total in zip(best, places, sums, strict=True)]


def merge(views: list[list[Text]], most: int = 5) -> list[Text]:
    """One list out of several views of the same plate, each heard as far as it is sure itself.

    A view that shows nothing (a badly straightened plate) says little; two sure views that
    disagree leave half a probability each, and so an abstention.
    """
    sums: dict[str, float] = defaultdict(float)
    chars: dict[str, list[tuple[float, ...]]] = defaultdict(list)
    sure = [max((found.probability for found in view), default=0.0) + 1e-6 for view in views]
    for view, own in zip(views, sure, strict=True):
        for found in view:
            sums[found.text] += found.probability * own / sum(sure)
            chars[found.text].append(found.characters)
    ranked = sorted(sums.items(), key=lambda item: -item[1])[:most]
    return [Text(t, p, tuple(np.mean(chars[t], axis=0).tolist())) for t, p in ranked]


def logit(p: float) -> float:
    p = min(max(p, 1e-6), 1 - 1e-6)
    return math.log(p / (1 - p))


__all__ = [
    "Text",
    "aligned",
    "alignment",
    "logit",
    "merge",
    "probabilities",
    "texts",
]
