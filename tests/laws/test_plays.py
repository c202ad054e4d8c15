"""What the laws promise, shown in fifteen plays that anybody can watch."""

import pytest

from config.city import played
from config.city.run import City


def play(name: str) -> played.Play:
    return played.read(name, (played.FOLDER / f"{name}.json").read_text())


@pytest.mark.parametrize("name", played.plays())
def test_a_play_ends_as_it_says_and_tells_each_step(here: City, name: str) -> None:
    told: list[str] = []
    one = play(name)
    assert played.perform(here, one, told.append) == []
    assert len([line for line in told if line[:1].isdigit()]) == len(one.steps)
    assert one.says and (one.ends or one.never)


def test_a_play_fails_where_a_mend_is_missing(here: City) -> None:
    wrong = played.perform(here, play("silent_sensor"), lambda line: None, ["gaps"])
    assert any(one.startswith("L2") for one in wrong)
    assert any(one.startswith("not so at the end: gap") for one in wrong)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[", "is not JSON"),
        ('[["fly", {}]]', "nobody knows the step “fly”"),
        ('[["wait", 3]]', "a step is"),
        ('{"steps": ["wait"]}', "a step is"),
    ],
)
def test_what_is_no_play_is_refused_in_a_sentence(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        played.read("mine", text)
