"""From the network's logits to plates: the likeliest texts that are plates at all.

A prefix beam search over the CTC output walks only prefixes that can still become a plate
(`grammar.SHAPES`), so "the best reading" is the best *plate*, and what it gives up is visible in
the probabilities.
"""

import math
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from parking.vision.grammar import ALPHABET, SHAPES, fits, letters_in

_BEAM = 16
_LEAST = 2e-4  # characters less likely than this in a frame are not followed
_SURE_BLANK = 0.9995


@dataclass(frozen=True, slots=True)
class Text:
    """A plate text with its share of probability and each character's own confidence."""

    text: str
    probability: float
    characters: tuple[float, ...]


@lru_cache(maxsize=200_000)
def may_begin(prefix: str) -> bool:
    """Whether some plate begins with `prefix`."""
    n = len(prefix)
    for shape in SHAPES:
        if n > len(shape.slots):
            continue
        if all(c in slot for c, slot in zip(prefix, shape.slots, strict=False)):
            seen = sum(c.isalpha() and c.isascii() for c in prefix[2:])
            if shape.most_letters >= 8 or seen <= shape.most_letters:
                return True
    return False


@lru_cache(maxsize=50_000)
def is_plate(text: str) -> bool:
    return any(fits(text, shape) for shape in SHAPES)


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Softmax over the classes, (T, C)."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def texts(probs: np.ndarray, most: int = 5) -> list[Text]:
    """The likeliest plates in one strip, best first; probabilities are of all CTC paths."""
    beam: dict[str, tuple[float, float]] = {"": (1.0, 0.0)}  # ends in blank, ends in its character
    for frame in probs:
        blank = float(frame[0])
        if blank > _SURE_BLANK:
            beam = {t: ((b + c) * blank, 0.0) for t, (b, c) in beam.items()}
            continue
        likely = [(ALPHABET[i - 1], float(frame[i])) for i in np.nonzero(frame > _LEAST)[0] if i]
        grown: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
        for text, (in_blank, in_char) in beam.items():
            both = in_blank + in_char
            grown[text][0] += both * blank
            last = text[-1:]
            for char, p in likely:
                if char == last:
                    grown[text][1] += in_char * p
                    gain = in_blank * p
                else:
                    gain = both * p
                longer = text + char
                if gain and may_begin(longer):
                    grown[longer][1] += gain
        ranked = sorted(grown.items(), key=lambda item: -(item[1][0] + item[1][1]))[:_BEAM]
        beam = {t: (b, c) for t, (b, c) in ranked}
    whole = [(t, b + c) for t, (b, c) in beam.items() if is_plate(t)]
    whole.sort(key=lambda item: -item[1])
    return [Text(t, p, aligned(probs, t)) for t, p in whole[:most]]


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
    score = np.full(states, -np.inf)
    score[:2] = emit[0, :2]
    back = np.zeros((len(probs), states), np.int8)
    for t in range(1, len(probs)):
        one = np.concatenate(([-np.inf], score[:-1]))
        two = np.concatenate(([-np.inf, -np.inf], score[:-2])) + skip
        options = np.stack((score, one, two))
        back[t] = options.argmax(0)
        score = options.max(0) + emit[t]
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
    "is_plate",
    "letters_in",
    "logit",
    "merge",
    "probabilities",
    "texts",
]
