"""What readers' photographs and owners' declarations come to: a plate, or a person (P2.3, P2.5)."""

import pytest

from core.plates import Colour, Plate
from parking.rules.votes import DECLARED, OF_ANOTHER, UNTRUSTED, By, Voice, count

A, B, QUITE_ANOTHER = "沪A12345", "沪A12346", "京N88K01"


def photo(
    name: str, *said: tuple[str, float], colour: Colour | None = Colour.blue, eye: str = ""
) -> list[Voice]:
    """One photograph with the reader's candidates."""
    return [
        Voice(by=By.photograph, voter=name, plate=Plate(text, colour), certainty=sure, eye=eye)
        for text, sure in said
    ]


def owner(
    text: str,
    *,
    name: str = "owner",
    colour: Colour | None = Colour.blue,
    sure: float = DECLARED,
) -> list[Voice]:
    return [Voice(by=By.owner, voter=name, plate=Plate(text, colour), certainty=sure)]


def alike(said: Plate, shown: Plate) -> bool:
    """One character may be misread."""
    return sum(a != b for a, b in zip(said.text, shown.text, strict=True)) <= 1


CASES: list[tuple[str, list[Voice], str | None, str]] = [
    ("nobody says anything", [], None, "silent"),
    ("a declaration alone", owner(A), None, "alone"),
    ("a declaration with a photograph of nothing", owner(A) + photo("1", (A, 0.49)), None, "alone"),
    ("one weak photograph", photo("1", (A, 0.89)), None, "alone"),
    ("one sure photograph", photo("1", (A, 0.99)), None, "alone"),
    ("likelier than not, and declared", photo("1", (A, 0.50)) + owner(A), A, "agreed"),
    (
        "the second candidate is what was declared",
        photo("1", (A, 0.985), (B, 0.98)) + owner(B),
        B,
        "agreed",
    ),
    (
        "a second candidate that is unlikely, declared",
        photo("1", (A, 0.55), (B, 0.45)) + owner(B),
        None,
        "alone",
    ),
    ("two photographs", photo("1", (A, 0.69)) + photo("2", (A, 0.69)), A, "agreed"),
    ("two weak ones", photo("1", (A, 0.68)) + photo("2", (A, 0.68)), None, "weak"),
    (
        "two photographs of one camera",
        photo("1", (A, 0.79), eye="C") + photo("2", (A, 0.79), eye="C"),
        A,
        "agreed",
    ),
    (
        "two of one camera that are less sure",
        photo("1", (A, 0.78), eye="C") + photo("2", (A, 0.78), eye="C"),
        None,
        "weak",
    ),
    (
        "the surer of one camera counts whole, in whatever order",
        photo("1", (A, 0.6), eye="C") + photo("2", (A, 0.85), eye="C"),
        A,
        "agreed",
    ),
    (
        "two of one camera and one of another",
        [v for n in "12" for v in photo(n, (A, 0.6), eye="C")] + photo("3", (A, 0.65), eye="H"),
        A,
        "agreed",
    ),
    ("one photograph twice", photo("1", (A, 0.8)) + photo("1", (A, 0.8)), None, "alone"),
    ("three weak ones", [v for n in "123" for v in photo(n, (A, 0.55))], A, "agreed"),
    (
        "two against the one that was read surely and may be misread",
        photo("1", (A, 0.95)) + photo("2", (B, 0.7)) + owner(B),
        B,
        "agreed",
    ),
    (
        "two against a sure photograph of quite another vehicle",
        photo("1", (QUITE_ANOTHER, 0.95)) + photo("2", (B, 0.7)) + owner(B),
        None,
        "divided",
    ),
    (
        "two against an unsure photograph of quite another one",
        photo("1", (QUITE_ANOTHER, 0.89)) + photo("2", (B, 0.7)) + owner(B),
        B,
        "agreed",
    ),
    (
        "two plates with two voices each",
        [v for n in "12" for v in photo(n, (A, 0.8), (B, 0.8))],
        None,
        "divided",
    ),
    ("two photographs that differ", photo("1", (A, 0.8)) + photo("2", (B, 0.8)), None, "divided"),
    (
        "two plates declared for one stay",
        photo("1", (A, 0.8)) + owner(A) + owner(B, name="another"),
        None,
        "alone",
    ),
    (
        "the same plate declared twice is one voice at most",
        photo("1", (A, 0.49)) + owner(A) + owner(A, name="again"),
        None,
        "alone",
    ),
    (
        "another person's plate, read almost surely",
        photo("1", (A, 0.80)) + owner(A, sure=OF_ANOTHER),
        A,
        "agreed",
    ),
    (
        "another person's plate, read less surely",
        photo("1", (A, 0.79)) + owner(A, sure=OF_ANOTHER),
        None,
        "weak",
    ),
    (
        "two photographs of a camera that does not bill",
        photo("1", (A, UNTRUSTED)) + photo("2", (A, UNTRUSTED)),
        None,
        "weak",
    ),
    (
        "such a photograph and the owner",
        photo("1", (A, UNTRUSTED)) + owner(A),
        A,
        "agreed",
    ),
    (
        "another ground than was declared",
        photo("1", (A, 0.8), colour=Colour.yellow) + owner(A),
        None,
        "alone",
    ),
    ("a ground that nobody read", photo("1", (A, 0.8), colour=None) + owner(A), A, "agreed"),
    (
        "a ground that only one photograph shows",
        photo("1", (A, 0.7), colour=None) + photo("2", (A, 0.7)),
        A,
        "agreed",
    ),
    (
        "a text that is no plate of its ground",
        photo("1", ("沪AD12345", 0.9)) + photo("2", ("沪AD12345", 0.9)),
        None,
        "alone",
    ),
]


@pytest.mark.parametrize(
    ("voices", "plate", "why"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_what_two_independent_voices_say_is_the_plate(
    voices: list[Voice], plate: str | None, why: str
) -> None:
    found = count(voices, alike=alike)
    assert (found.plate and found.plate.text, found.why) == (plate, why)
    assert found.plate is None or (found.certainty >= 0.90 and len(found.voters) >= 2)
    assert count(list(reversed(voices)), alike=alike).plate == found.plate


def test_the_ground_is_what_a_photograph_shows_and_never_what_was_only_declared() -> None:
    unread = count(photo("1", (A, 0.8), colour=None) + owner(A), alike=alike)
    assert unread.plate == Plate(A, None)
    read = count(photo("1", (A, 0.8), colour=None) + photo("2", (A, 0.8)) + owner(A), alike=alike)
    assert read.plate == Plate(A, Colour.blue)


def test_an_unread_ground_is_neither_of_two_vehicles() -> None:
    two = photo("1", (A, 0.7)) + photo("2", (A, 0.7), colour=Colour.yellow)
    assert count(two + photo("3", (A, 0.7), colour=None), alike=alike).plate is None


def test_certainty_says_how_likely_all_who_agree_are_wrong() -> None:
    found = count(photo("1", (A, 0.7)) + photo("2", (A, 0.8)) + owner(A), alike=alike)
    assert found.certainty == pytest.approx(1 - 0.3 * 0.2 * 0.2)
    assert found.voters == {"1", "2", "owner"}
