"""The register of outages: noticed by itself, written by the operator, asked by who waits."""

from datetime import timedelta

import pytest

from core import audit, outages
from core.errors import Invalid
from core.models import Outage, OutboxEvent, Pulse

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def ages(what: str, *, business: timedelta, real: timedelta) -> None:
    """The last pulse lies so far back on both clocks."""
    row = Pulse.objects.get(what=what)
    Pulse.objects.filter(what=what).update(at=row.at - business, real_at=row.real_at - real)


def fails_since(what: str, span: timedelta) -> None:
    row = Pulse.objects.get(what=what)
    Pulse.objects.filter(what=what).update(
        failing_since=row.failing_since - span, failing_real_since=row.failing_real_since - span
    )


# ── The pulse ────────────────────────────────────────────────────────────────────────────────
def test_a_hole_in_the_pulse_was_an_outage(clock):
    assert outages.pulse() == 0  # nothing is known of the time before the first
    ages("dispatcher", business=78 * HOUR, real=78 * HOUR)
    assert outages.pulse() == 1
    row = Outage.objects.get()
    assert (row.what, row.began_at, row.ended_at) == (
        "platform",
        clock.now() - 78 * HOUR,
        clock.now(),
    )
    assert OutboxEvent.objects.get(topic="core.outage_changed").data["outage_id"] == row.pk
    assert outages.pulse() == 0


def test_a_restart_is_no_outage(clock):
    outages.pulse()
    ages("dispatcher", business=timedelta(minutes=2), real=timedelta(minutes=2))
    assert outages.pulse() == 0
    assert not Outage.objects.exists()


@pytest.mark.parametrize(
    ("business", "real", "length"),
    [
        (80 * HOUR, timedelta(seconds=6), None),  # a demo's clock was moved on
        (timedelta(0), 10 * HOUR, None),  # it was held, or the demo slept for a night
        (80 * HOUR, HOUR, HOUR),  # moved on, and away for an hour
        (-HOUR, HOUR, None),  # set back
    ],
)
def test_a_moved_clock_is_no_outage(clock, business, real, length):
    outages.pulse()
    ages("dispatcher", business=business, real=real)
    assert outages.pulse() == (length is not None)
    found = [row.ended_at - row.began_at for row in Outage.objects.all()]
    assert [one // timedelta(minutes=1) for one in found] == ([60] if length else [])


def test_who_saw_the_database_go_says_so(clock):
    outages.pulse()
    ages("dispatcher", business=HOUR, real=HOUR)
    outages.suspect(outages.DATABASE)
    outages.pulse()
    assert Outage.objects.get().what == "database"
    ages("dispatcher", business=HOUR, real=HOUR)
    outages.pulse()
    assert Outage.objects.latest("pk").what == "platform"


def test_while_the_dispatcher_is_silent_everybody_else_knows(clock):
    outages.pulse()
    assert outages.running() == []
    ages("dispatcher", business=HOUR, real=HOUR)
    assert [one.what for one in outages.running()] == ["dispatcher"]
    begun = clock.now() - 2 * HOUR
    assert outages.stretched(begun, 90 * timedelta(minutes=1)) > clock.now()


# ── Others, whom we need ─────────────────────────────────────────────────────────────────────
def test_who_fails_for_long_is_away_from_the_first_failure_until_they_answer(clock):
    wechat = outages.provider("wechat")
    outages.failed(wechat)
    began_at = clock.now()
    outages.failed(wechat)
    assert outages.running() == []
    clock.advance(HOUR)
    fails_since(wechat, timedelta(minutes=10))
    outages.failed(wechat)
    outages.failed(wechat)
    row = Outage.objects.get()
    assert (row.what, row.began_at, row.ended_at) == (
        wechat,
        began_at - timedelta(minutes=10),
        None,
    )
    assert outages.running() == [row]
    clock.advance(HOUR)
    outages.worked(wechat)
    row.refresh_from_db()
    assert row.ended_at == clock.now()
    assert outages.running() == []


def test_a_single_failure_is_forgotten_with_the_next_answer(clock):
    outages.failed(outages.SMS)
    fails_since(outages.SMS, timedelta(minutes=9))
    outages.worked(outages.SMS)
    outages.failed(outages.SMS)
    assert not Outage.objects.exists()


def test_what_a_person_wrote_a_person_ends(clock):
    row = outages.write(
        what="sms", began_at=clock.now(), ended_at=None, reason="said by phone", actor="user:1"
    )
    outages.failed("sms")
    outages.worked("sms")
    assert outages.running() == [row]
    assert outages.end(outage_id=row.pk, actor="user:1")
    assert not outages.end(outage_id=row.pk, actor="user:1")
    assert outages.running() == []


# ── Written ──────────────────────────────────────────────────────────────────────────────────
def test_an_outage_is_corrected_and_what_it_was_stays_in_its_trail(clock):
    now = clock.now()
    row = outages.write(
        what="platform", began_at=now - 5 * HOUR, ended_at=now, reason="power", actor="user:1"
    )
    outages.correct(
        outage_id=row.pk,
        began_at=now - 3 * HOUR,
        ended_at=now - 2 * HOUR,
        reason="shorter",
        actor="user:2",
    )
    assert outages.stretched(now - 10 * HOUR, HOUR * 9) == now
    written, corrected = audit.trail(row)
    assert (written.action, corrected.action) == ("written", "corrected")
    assert corrected.facts["was"] == [(now - 5 * HOUR).isoformat(), now.isoformat()]
    since = [one.data["since"] for one in OutboxEvent.objects.order_by("pk")]
    assert since == [(now - 5 * HOUR).isoformat()] * 2  # what it no longer touches is set right too


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"what": "the moon"}, "what"),
        ({"began_at": HOUR, "ended_at": 2 * HOUR}, "began_at"),
        ({"ended_at": HOUR}, "ended_at"),
        ({"ended_at": -3 * HOUR}, "ended_at"),
        ({"reason": "  "}, "reason"),
        ({"began_at": -timedelta(days=400_000)}, "began_at"),
    ],
)
def test_an_outage_that_can_not_be_is_refused(clock, said, field):
    whole = {"what": "sms", "began_at": -2 * HOUR, "ended_at": -HOUR, "reason": "no signal"} | said
    for name in ("began_at", "ended_at"):
        whole[name] += clock.now()
    with pytest.raises(Invalid) as refused:
        outages.write(**whole, actor="user:1")
    assert field in refused.value.fields
    assert not Outage.objects.exists()


# ── Whom it bears on ─────────────────────────────────────────────────────────────────────────
def test_a_sections_outage_bears_on_that_section_alone(clock, section, road):
    now = clock.now()
    outages.write(
        what=outages.section(section.pk),
        began_at=now - 3 * HOUR,
        ended_at=None,
        reason="cable",
        actor="user:1",
    )
    assert outages.running() == outages.running(road.pk) == []
    assert len(outages.running(section.pk)) == 1
    begun = now - 4 * HOUR
    assert outages.stretched(begun, 2 * HOUR, about=road.pk) == now - 2 * HOUR
    assert outages.stretched(begun, 2 * HOUR, about=section.pk) == now + HOUR


def test_a_section_none_of_whose_sensors_is_heard_is_away(clock, section, merchant, enrolled):
    from devices.models import Device
    from parking import services as parking

    for n, berth in enumerate(section.berths.all()[:2]):
        device_id = enrolled(f"S-{n}", "sensor", merchant)
        parking.place_sensor(berth_id=berth.pk, device_id=device_id, actor="system:tests")
    sensors = Device.objects.filter(kind="sensor")
    sensors.update(state="active", silent=False, online=True)
    sensors.filter(code="S-0").update(silent=True)
    parking.note_silent_sections()
    assert outages.failing("section:") == set()  # the other one is heard
    sensors.update(silent=True)
    parking.note_silent_sections()
    what = outages.section(section.pk)
    assert outages.running(section.pk) == []
    fails_since(what, timedelta(minutes=10))
    parking.note_silent_sections()
    assert [one.what for one in outages.running(section.pk)] == [what]
    sensors.filter(code="S-1").update(silent=False)
    parking.note_silent_sections()
    assert outages.running(section.pk) == []


# ── On the desk ──────────────────────────────────────────────────────────────────────────────
def typed(began: str, ended: str, reason: str) -> dict[str, str]:
    """A form of the desk: days and times are the city's."""
    (began_day, began_time), (ended_day, ended_time) = (
        (one.split(" ") if one else ("", "")) for one in (began, ended)
    )
    return {
        "began_at_0": began_day,
        "began_at_1": began_time,
        "ended_at_0": ended_day,
        "ended_at_1": ended_time,
        "reason": reason,
    }


def test_the_operator_writes_corrects_and_ends_an_outage(clock, operator_client, operator):
    add = "/admin/core/outage/add/"
    to_come = typed("2026-03-02 20:00:00", "", "maintenance")
    assert "还没有到" in operator_client.post(add, {"what": "platform", **to_come}).content.decode()
    said = typed("2026-03-02 08:00:00", "", "a cable was cut")
    assert operator_client.post(add, {"what": "platform", **said}).status_code == 302
    row = Outage.objects.get()
    assert (row.began_at, row.ended_at) == (clock.now() - HOUR, None)
    assert row.said_by == operator.actor

    page = operator_client.get("/admin/").content.decode()
    assert "/admin/core/outage/?ended_at__isnull=1" in page
    running = operator_client.get("/admin/core/outage/?ended_at__isnull=1")
    assert "整个平台" in running.content.decode()
    clock.advance(HOUR)
    listed = {"action": "end_now", "_selected_action": [row.pk]}
    operator_client.post("/admin/core/outage/", listed)
    row.refresh_from_db()
    assert row.ended_at == clock.now()

    change = f"/admin/core/outage/{row.pk}/change/"
    assert "整个平台" in operator_client.get(change).content.decode()
    corrected = typed("2026-03-02 08:30:00", "2026-03-02 09:30:00", "later than we thought")
    assert operator_client.post(change, corrected).status_code == 302
    row.refresh_from_db()
    assert row.ended_at - row.began_at == HOUR
    assert [one.action for one in audit.trail(row)] == ["written", "ended", "corrected"]
    assert operator_client.post(f"/admin/core/outage/{row.pk}/delete/").status_code == 403
