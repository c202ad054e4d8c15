"""Money, time and plates are shown in one way."""

from datetime import timedelta

import pytest
from django.template import Context, Template
from django.utils.translation import override

from core.plates import Colour, Plate, chip
from core.templatetags import bowei


@pytest.mark.parametrize(
    ("fen", "shown"),
    [(600, "¥6.00"), (431850, "¥4,318.50"), (-5, "−¥0.05"), (0, "¥0.00"), (None, "—")],
)
def test_money_has_two_decimals_and_its_sign(fen, shown):
    assert bowei.money(fen) == shown


@pytest.mark.parametrize(
    ("seconds", "chinese", "english"),
    [
        (5640, "1 小时 34 分", "1 h 34 min"),
        (59, "59 秒", "59 s"),
        (3600, "1 小时", "1 h"),
        (86400 + 3600, "1 天 1 小时", "1 day 1 h"),
    ],
)
def test_a_length_of_time_is_said_in_hours_and_minutes(seconds, chinese, english):
    with override("zh-hans"):
        assert bowei.duration(seconds) == chinese
    with override("en"):
        assert bowei.duration(seconds) == english


def test_a_moment_is_said_as_people_say_it(clock):
    now = clock.now()
    with override("zh-hans"):
        assert bowei.when(now + timedelta(minutes=12)) == "今天 09:12"
        assert bowei.when(now - timedelta(days=1)) == "昨天 09:00"
        assert bowei.when(now - timedelta(days=9)) == "2月21日 09:00"
        assert bowei.when(now - timedelta(days=90)) == "2025年12月2日 09:00"
    with override("en"):
        assert bowei.when(now - timedelta(days=9)) == "21 Feb 09:00"


@pytest.mark.parametrize(
    ("text", "colour", "masked", "words"),
    [
        ("沪A12345", "blue", False, ["plate-blue", "沪A", "12345", "蓝牌"]),
        ("沪A12345", "blue", True, ["沪A", "1••45"]),
        ("沪B1234挂", "yellow", False, ["two-rows"]),
        ("沪A1234警", "white", False, ["<b>警</b>"]),
        ("", "", False, ["未识别车牌"]),
    ],
)
def test_a_plate_looks_like_itself(text, colour, masked, words):
    with override("zh-hans"):
        page = Template("{% load bowei %}{% plate what %}").render(
            Context({"what": {"text": text, "colour": colour, "masked": masked}})
        )
    for word in words:
        assert word in page
    if masked:
        assert "2345" not in page


def test_a_plate_is_shown_by_its_chip_or_as_it_is():
    plate = Plate("沪A12345", Colour.blue)

    def shown(what):
        return Template("{% load bowei %}{% plate what %}").render(Context({"what": what}))

    assert shown(plate) == shown(chip(plate)) != shown(chip(plate, whole=False))
    assert "12345" in shown(plate) and "plate-blue" in shown(plate)
    assert shown(chip(None)) == shown("")


def test_a_state_nobody_described_is_shown_by_its_name():
    page = Template('{% load bowei %}{% state "stay" "half_paid" %}').render(Context())
    assert "half paid" in page
