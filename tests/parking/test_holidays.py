"""A year's holidays are versions that the operator enters; a stay is priced by what was known when
it arrived (docs/rules.md L9)."""

import json
from datetime import date, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from core.errors import Invalid
from parking import services
from parking.models import Berth, HolidayYear, ParkingSession, Tariff
from parking.services.holidays import as_known
from tests.parking.test_pages import body
from tests.street import TEST

LAW = "2027-01-01,break,元旦\n2027-05-01,break,劳动节\n2027-05-02,break,劳动节\n"
LAW += "2027-10-01,break,国庆节\n2027-10-02,break,国庆节\n2027-10-03,break,国庆节\n"
NOTICE = LAW + "2027-10-04，休，国庆节\n2027-10-09,班,国庆节\n"
TERMS = {
    "windows": [
        {"days": ["workday", "make_up"], "steps": [{"unit_fen": 1000, "unit_s": 3600}]},
        {"days": ["weekend", "break"], "steps": [{"unit_fen": 100, "unit_s": 3600}]},
    ]
}


def enter(text: str = NOTICE, year: int = 2027) -> HolidayYear:
    return services.publish_year(year=year, text=text, notice="国办发明电〔2026〕7号", actor=TEST)


def at(day: str) -> datetime:
    return datetime.fromisoformat(f"{day}T10:00:00+08:00")


@pytest.fixture
def fee(section: Any, clock: Any) -> Any:
    """What an hour from ten on costs that day, and the codes of its bill's lines."""
    services.publish_tariff(
        merchant_id=section.merchant_id,
        name="按日",
        terms=TERMS,
        valid_from=at("2023-01-01"),
        actor=TEST,
    )
    section.tariff = Tariff.objects.get(name="按日")
    section.save()
    berth = Berth.objects.get(code="A-001")

    def ask(day: str, *, then: Any = None) -> tuple[int, list[str]]:
        clock.move_to(at(day))
        stay_id = services.open_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by=TEST)
        clock.advance(timedelta(hours=1))
        if then is not None:
            then()
        services.close_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by=TEST)
        clock.advance(timedelta(hours=1))
        services.finish_departures()
        stay = ParkingSession.objects.get(pk=stay_id)
        return stay.fee_fen, [line["text_code"] for line in stay.lines]

    return ask


def test_what_the_operator_entered_prices_the_day_and_is_no_guess(fee: Any) -> None:
    guessed = fee("2027-10-04")  # a Monday
    assert guessed[0] == 1000
    assert "guessed_days" in guessed[1]
    enter()
    assert fee("2027-10-05") == (1000, ["all_day"])  # a plain workday now, and known


@pytest.mark.parametrize(
    ("day", "fen"), [("2027-10-04", 100), ("2027-10-05", 1000), ("2027-10-09", 1000)]
)
def test_breaks_and_days_worked_for_them_cost_what_they_are(fee: Any, day: str, fen: int) -> None:
    enter()
    assert fee(day)[0] == fen


def test_a_stay_keeps_the_days_that_were_known_when_it_arrived(fee: Any) -> None:
    said = fee("2027-10-04", then=enter)
    assert said[0] == 1000
    assert "guessed_days" in said[1]


def test_a_correction_is_another_version_for_who_arrives_after_it(fee: Any, clock: Any) -> None:
    first = enter()
    before = clock.now()
    clock.advance(timedelta(days=1))
    second = enter(LAW)
    assert (first.number, second.number) == (1, 2)
    on = date(2027, 10, 4)
    assert (as_known(before)(on).kind, as_known(clock.now())(on).kind) == ("break", "workday")
    assert as_known(before - timedelta(days=1))(on).source == "guess"


def test_a_day_that_the_law_fixes_is_a_public_holiday(clock: Any) -> None:
    enter()
    found = as_known(clock.now())(date(2027, 10, 1))
    assert (found.kind, found.statutory, found.name) == ("break", True, "国庆节")
    assert as_known(clock.now())(date(2027, 10, 10)).kind == "weekend"


@pytest.mark.parametrize(
    "text",
    [
        "",
        LAW.replace("2027-10-03,break,国庆节\n", ""),
        LAW + "2027-10-03,break,twice",
        LAW + "2026-10-04,break,x",
        LAW + "2027-10-08,make_up,a Friday",
        LAW + "2027-10-04,holiday,x",
        LAW + "2027-10-04",
        LAW + "4 October,break,x",
        LAW + "2027-02-30,break,x",
    ],
)
def test_what_cannot_be_a_year_is_refused_whole(clock: Any, text: str) -> None:
    with pytest.raises(Invalid):
        enter(text)
    assert not HolidayYear.objects.exists()


def test_the_desk_asks_for_a_year_in_good_time_and_takes_it(
    operator_client: Client, clock: Any
) -> None:
    clock.move_to(at("2026-11-20"))
    front = body(operator_client.get(reverse("admin:index")))
    add = reverse("admin:parking_holidayyear_add")
    assert add in front
    wrong = operator_client.post(add, {"year": 2027, "notice": "通知", "text": LAW + "2027-13-01"})
    assert wrong.status_code == 200
    assert "第7行" in body(wrong).replace(" ", "")
    operator_client.post(add, {"year": 2027, "notice": "通知", "text": NOTICE})
    row = HolidayYear.objects.get()
    assert (row.year, row.number, row.notice) == (2027, 1, "通知")
    assert row.made_by.startswith("user:")
    assert services.unknown_soon() is None
    assert add not in body(operator_client.get(reverse("admin:index")))
    url = reverse("admin:parking_holidayyear_change", args=[row.pk])
    assert operator_client.post(url, {"year": 2028}).status_code == 403
    assert HolidayYear.objects.get().year == 2027


# ── By a file ────────────────────────────────────────────────────────────────────────────────
def as_json(text: str) -> str:
    days = []
    for line in text.replace("，", ",").splitlines():
        on, kind, name = line.split(",")
        days.append({"date": on, "name": name, "isOffDay": kind in ("break", "休")})
    return json.dumps({"year": 2027, "days": days}, ensure_ascii=False)


@pytest.fixture
def imported(tmp_path: Path, db: None, clock: Any) -> Any:
    def go(text: str, *flags: str) -> str:
        file = tmp_path / "notice"
        file.write_text(text, encoding="utf-8")
        out = StringIO()
        given = [str(file), "--year", "2027", "--notice", "国办发明电〔2026〕7号", *flags]
        call_command("import_holidays", *given, stdout=out)
        return out.getvalue()

    return go


@pytest.mark.parametrize("form", [str, as_json])
def test_a_notices_file_is_shown_first_and_entered_on_demand(imported: Any, form: Any) -> None:
    shown = imported(form(NOTICE))
    assert "2027-10-09 make_up  国庆节" in shown
    assert not HolidayYear.objects.exists()
    imported(form(NOTICE), "--publish")
    row = HolidayYear.objects.get()
    assert (row.year, row.number, row.notice) == (2027, 1, "国办发明电〔2026〕7号")
    assert row.days["2027-10-04"] == ["break", "国庆节"]


def test_a_year_that_was_entered_is_replaced_by_a_new_version_alone(imported: Any) -> None:
    imported(NOTICE, "--publish")
    less = NOTICE.replace("2027-10-04，休，国庆节\n", "")
    assert "- 2027-10-04" in imported(less)
    with pytest.raises(CommandError, match="已"):
        imported(less, "--publish")
    assert HolidayYear.objects.count() == 1
    imported(less, "--publish", "--new-version")
    assert [row.number for row in HolidayYear.objects.order_by("pk")] == [1, 2]


@pytest.mark.parametrize("text", ["{}", '{"days": [1]}', '{"days"', "2027-10-01;break", "休"])
def test_a_file_that_is_no_notice_is_refused_with_a_sentence(imported: Any, text: str) -> None:
    with pytest.raises(CommandError):
        imported(text, "--publish")
    assert not HolidayYear.objects.exists()


@pytest.mark.parametrize(
    ("today", "asked"), [("2026-09-30", None), ("2026-10-01", 2027), ("2027-01-01", 2027)]
)
def test_from_october_on_the_next_year_is_asked_for(clock: Any, today: str, asked: Any) -> None:
    clock.move_to(at(today))
    assert services.unknown_soon() == asked
    enter()
    assert services.unknown_soon() is None
