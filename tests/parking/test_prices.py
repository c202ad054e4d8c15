"""What reaches the engine: names that stays are priced by, stops that are one, times by hand."""

from datetime import datetime, timedelta
from pathlib import Path
from time import process_time
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from core.errors import Invalid
from core.plates import Colour, Plate
from parking import services
from parking.models import Berth, ParkingSession, Section, Tariff
from parking.words import spoken
from tests.conftest import BEGIN
from tests.street import PLATE, TERMS, TEST, new_section, new_tariff


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"classes": {"truck": {"percent": 200}}}, "classes.truck"),
        ({"exempt": {"polise": None}}, "exempt.polise"),
        ({"exempt": {"pensioner": 7200}}, "exempt.pensioner"),
        ({"debtors_lose_benefits": True}, "debtors_lose_benefits"),
    ],
)
def test_a_name_that_no_stay_is_priced_by_is_refused(
    merchant: Any, terms: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid, match=field):
        new_tariff(merchant, TERMS | terms)


def test_a_yellow_plate_pays_as_a_large_vehicle_and_the_police_nothing(
    clock: Any, merchant: Any, stay_of: Any
) -> None:
    new_tariff(
        merchant, TERMS | {"classes": {"large": {"percent": 200}}, "exempt": {"police": None}}
    )
    new_section(merchant, code="M")
    lorry = Plate("沪D12345", Colour.yellow)
    police = Plate("沪A1234警", Colour.white)
    assert stay_of(Berth.objects.get(code="M-001"), lorry, minutes=60).fee_fen == 1200
    assert stay_of(Berth.objects.get(code="M-002"), police, minutes=60).fee_fen == 0


def test_all_stops_that_continue_each_other_share_the_cap_of_the_day(
    clock: Any, merchant: Any, stay_of: Any
) -> None:
    square = {"steps": [{"unit_fen": 500}], "start": "07:00", "end": "21:00"}
    terms = {"windows": [square], "caps": [{"per": "day", "fen": 3000}], "merge_gap_s": 1200}
    new_tariff(merchant, terms)
    new_section(merchant, code="M", berths=5)
    clock.advance(timedelta(hours=10))
    fees = [
        stay_of(berth, PLATE, ago_min=600 - 120 * at, minutes=110).fee_fen
        for at, berth in enumerate(Berth.objects.order_by("code"))
    ]
    assert fees == [1000, 1000, 1000, 0, 0]


def test_a_price_per_visit_is_asked_once_of_stops_that_are_one(
    clock: Any, merchant: Any, stay_of: Any
) -> None:
    new_tariff(merchant, {"windows": [{"visit_fen": 1000}], "merge_gap_s": 1800})
    new_section(merchant, code="M")
    one, other = Berth.objects.get(code="M-001"), Berth.objects.get(code="M-002")
    first = stay_of(one, PLATE, ago_min=120, minutes=60)
    second = stay_of(other, PLATE, ago_min=59, minutes=40)
    assert (first.fee_fen, second.fee_fen) == (1000, 0)


@pytest.mark.parametrize("year", [2006, 2025])
def test_a_mistyped_year_is_asked_about_before_anything_is_priced(
    berth: Berth, merchant_client: Any, year: int
) -> None:
    began = process_time()
    answer = merchant_client.post(
        "/merchant/stays/",
        {
            "berth": "A-001",
            "arrived_at": f"{year}-03-02T08:00",
            "plate": PLATE.text,
            "colour": "blue",
            "reason": "no sensor",
        },
        headers={"accept-language": "en"},
    )
    assert answer.status_code == 200
    assert "Look at the day and the year." in answer.content.decode()
    assert not berth.stays.exists()
    assert process_time() - began < 5


def test_a_stay_by_hand_may_begin_as_long_ago_as_vehicles_stay_here(
    berth: Berth, clock: Any
) -> None:
    def begin(ago: timedelta) -> int:
        return services.open_by_hand(
            berth_id=berth.pk, arrived_at=BEGIN - ago, actor="user:7", reason="no sensor"
        )

    with pytest.raises(Invalid, match="longer ago"):
        begin(timedelta(hours=24, seconds=1))
    assert begin(timedelta(hours=24))


def test_a_fee_stops_at_the_longest_stay_before_the_sweep_has_come(
    berth: Berth, clock: Any
) -> None:
    stay_id = services.open_stay(berth_id=berth.pk, occurred_at=BEGIN, said_by=TEST)
    clock.advance(timedelta(days=20))
    assert services.quote_stay(stay_id or 0).amount_fen == 24 * 600


def test_an_imported_stay_of_years_is_refused_with_its_line(berth: Berth, clock: Any) -> None:
    row = {"plate": PLATE.text, "colour": "blue", "berth": "A-001", "paid_at": ""}
    times = {"arrived_at": datetime(2006, 3, 1, tzinfo=BEGIN.tzinfo), "left_at": BEGIN}
    with pytest.raises(Invalid, match="Line 2"):
        services.import_history([row | times], actor=TEST)


HEAD = "plate,colour,berth,arrived_at,left_at,paid_at\n"
CAME, WENT = "2026-03-01T09:00:00+08:00", "2026-03-01T10:00:00+08:00"


@pytest.mark.parametrize(
    "row",
    [
        "沪A12345,blue,A-001,0001-01-01T00:00:00+08:00,0001-01-01T01:00:00+08:00,",
        "沪A12345,blue,A-001,0202-03-01T09:00:00+08:00,0202-03-01T10:00:00+08:00,",
        "沪A12345,blue,A-001,1999-03-01T09:00:00+08:00,1999-03-01T10:00:00+08:00,",
        f"沪A12345,blue,A-001,{CAME},9999-12-31T23:59:00-08:00,",
        f"沪A12345,blue,A-001,{CAME},{WENT},9999-12-31T23:00:00+08:00",
        f"沪A12345,blue,A-001,{CAME},{WENT},2026-03-03T09:00:00+08:00",
        f"沪A12345,blue,A-\0001,{CAME},{WENT},",
        f"沪A12345,blue,²,{CAME},{WENT},",
        f"沪A12345,blue,A-001,{CAME},{WENT[:10]},",
        f"沪A12345,blue,A-001,{CAME}",
    ],
)
def test_a_line_that_cannot_have_been_is_refused_and_no_other_line_is_kept(
    berth: Berth, tmp_path: Path, row: str
) -> None:
    file = tmp_path / "stays.csv"
    good = f"沪B67890,blue,A-001,{CAME},{WENT},\n"
    file.write_text(HEAD + good + row + "\n", encoding="utf-8")
    with pytest.raises(CommandError, match="3"):
        call_command("import_history", str(file))
    assert not ParkingSession.objects.exists()


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        ((HEAD + f"沪A12345,blue,A-001,{CAME},{WENT},\n").encode("gbk"), "UTF-8"),
        ((HEAD + f"沪A12345,blue,A-001,{CAME},{WENT},\n").encode("utf-16"), "UTF-8"),
        ((HEAD + "A" * 200_000 + "\n").encode(), "limit"),
        (f"沪A12345,blue,A-001,{CAME},{WENT},\n".encode(), "head line"),
        (b"", "head line"),
    ],
)
def test_a_file_that_is_no_list_of_stays_is_refused_in_a_sentence(
    berth: Berth, tmp_path: Path, raw: bytes, why: str
) -> None:
    file = tmp_path / "stays.csv"
    file.write_bytes(raw)
    with pytest.raises(CommandError, match=why):
        call_command("import_history", str(file))
    assert not ParkingSession.objects.exists()


WEEK = {"windows": [{"days": ["workday", "make_up"], "steps": [{"unit_fen": 600}]}]}


def test_a_bill_says_that_the_years_holidays_were_not_known_yet(
    clock: Any, merchant: Any, stay_of: Any
) -> None:
    new_tariff(merchant, WEEK)
    new_section(merchant, code="M")
    clock.hold(datetime(2040, 3, 5, 12, tzinfo=BEGIN.tzinfo))  # a Monday
    stay = stay_of(Berth.objects.get(code="M-001"), PLATE, minutes=60)
    assert [line["text_code"] for line in stay.lines] == ["all_day", "guessed_days"]
    assert spoken(stay.lines[1]).amount_fen == 0

    clock.hold(datetime(2040, 10, 1, 12, tzinfo=BEGIN.tzinfo))  # by law, whatever is announced
    assert stay_of(Berth.objects.get(code="M-002"), PLATE, minutes=60).fee_fen == 0


@pytest.mark.parametrize(("month", "day", "is_asked"), [(9, 30, False), (10, 1, True)])
def test_the_operator_is_asked_for_a_years_holidays_in_good_time(
    clock: Any, operator_client: Any, month: int, day: int, is_asked: bool
) -> None:
    clock.hold(datetime(2026, month, day, 12, tzinfo=BEGIN.tzinfo))
    page = operator_client.get("/admin/", headers={"accept-language": "en"}).content.decode()
    assert ("Holidays of 2027" in page) is is_asked


def test_what_happens_on_a_section_without_a_price_is_kept_and_free(
    clock: Any, merchant: Any, operator_client: Any
) -> None:
    section = new_section(merchant, code="M")
    Section.objects.filter(pk=section.pk).update(
        tariff=Tariff.objects.create(merchant=merchant, name="empty")
    )
    berth = Berth.objects.get(code="M-001")
    stay_id = services.open_stay(berth_id=berth.pk, occurred_at=BEGIN, said_by=TEST)
    page = operator_client.get("/admin/", headers={"accept-language": "en"}).content.decode()
    assert "Vehicles without a price" in page
    clock.advance(timedelta(hours=5))
    services.close_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by=TEST)
    stay = ParkingSession.objects.get(pk=stay_id)
    assert (stay.state, stay.fee_fen, stay.tariff_version) == ("settled", 0, None)
