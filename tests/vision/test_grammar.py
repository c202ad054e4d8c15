"""What the decoder takes for a plate (docs/facts.md 1)."""

from random import Random

import numpy as np
import pytest

from core import plates
from parking.vision import decide
from parking.vision.grammar import ALPHABET, colours_of, shape_of
from parking.vision.training.plates import KINDS, random_spec


@pytest.mark.parametrize(
    ("text", "kind", "colour"),
    [
        ("京A12345", "ordinary", "blue"),
        ("粤BD1234", "ordinary", "blue"),
        ("粤BD12345", "nev_small", "green"),
        ("粤B12345D", "nev_large", "yellow_green"),
        ("粤BD123A", "ordinary", "blue"),
        ("苏A1234挂", "trailer", "yellow"),
        ("皖Q0686学", "coach", "yellow"),
        ("鄂F8888警", "police", "white"),
        ("粤Z1234港", "hong_kong", "black"),
        ("沪A1234领", "consulate", "black"),
        ("123456使", "embassy", "black"),
        ("WJ京12345", "armed_police", "white"),
        ("CY21013", "military", "white"),
        ("京X1234应急", "emergency", "white"),
        ("京I12345", None, ""),
        ("京A1234O", None, ""),
        ("京AABC12", None, ""),
    ],
)
def test_kinds_and_colours_follow_the_standard(text: str, kind: str | None, colour: str) -> None:
    shape = shape_of(text)
    assert (shape.kind if shape else None) == kind
    if colour:
        assert colour in colours_of(text)


def network_output(text: str, frames: int = 32) -> np.ndarray:
    """Sure logits that spell `text`."""
    logits = np.full((frames, len(ALPHABET) + 1), -6.0)
    logits[:, 0] = 6.0
    for i, char in enumerate(text):
        place = 1 + i * (frames - 2) // len(text)
        logits[place] = -6.0
        logits[place, ALPHABET.index(char) + 1] = 6.0
    return logits


def test_a_sure_network_is_read_letter_by_letter() -> None:
    best = decide.texts(decide.probabilities(network_output("沪A88888")))[0]
    assert best.text == "沪A88888"
    assert best.probability > 0.9
    assert min(best.characters) > 0.9


def test_what_is_no_plate_is_never_said() -> None:
    """O is no serial letter: the best plate is said, with the doubt in its numbers."""
    logits = network_output("京A1234O")
    at = int(np.argmax(logits[:, ALPHABET.index("O") + 1]))
    logits[at, ALPHABET.index("0") + 1] = 3.0
    found = decide.texts(decide.probabilities(logits))
    assert found[0].text == "京A12340"
    assert found[0].characters[-1] < 0.2
    assert all(shape_of(candidate.text) for candidate in found)


def test_eight_characters_are_not_cut_to_seven() -> None:
    best = decide.texts(decide.probabilities(network_output("粤BD12345")))[0]
    assert best.text == "粤BD12345"


def test_views_that_disagree_leave_doubt() -> None:
    one = decide.texts(decide.probabilities(network_output("京A12345")))
    two = decide.texts(decide.probabilities(network_output("京A12346")))
    merged = decide.merge([one, two])
    assert {candidate.text for candidate in merged[:2]} == {"京A12345", "京A12346"}
    assert merged[0].probability < 0.6


def test_the_decoder_and_the_house_agree_on_what_a_plate_is() -> None:
    """Drawn plates of every kind are valid by `core.plates`, of the same kind and colour."""
    rng = Random(11)
    for kind, _ in KINDS:
        for _ in range(40):
            spec = random_spec(rng, kind)
            found = plates.check(spec.text)
            assert found.valid, (spec.text, found.why)
            assert found.kind == spec.kind, spec.text
            assert shape_of(spec.text) is not None
            if kind != "black":  # ordinary black plates are no longer issued, but still seen
                assert spec.colour in found.colours, spec
