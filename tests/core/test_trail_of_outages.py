"""Who noticed, wrote, ended or corrected an outage stands in its trail, and each change is told."""

from datetime import timedelta
from typing import Any

from core import outages
from core.models import Outage, Pulse
from tests.trail import events, said

HOUR = timedelta(hours=1)


def told() -> list[dict[str, Any]]:
    return events("core.outage_changed")


def test_an_outage_that_noticed_itself_says_so(clock: Any) -> None:
    outages.pulse()
    row = Pulse.objects.get(what="dispatcher")
    Pulse.objects.update(at=row.at - HOUR, real_at=row.real_at - HOUR)
    outages.pulse()
    outage = Outage.objects.get()
    assert said(outage) == [("noticed", outages.SYSTEM, outage.reason, {})]
    assert told() == [{"outage_id": outage.pk, "since": outage.began_at.isoformat()}]


def test_an_outage_that_a_person_wrote_ended_and_corrected_says_what_it_was(clock: Any) -> None:
    began, ended = clock.now() - 3 * HOUR, clock.now() - HOUR
    outage = outages.write(
        what=outages.PLATFORM, began_at=began, ended_at=None, reason="fire", actor="user:1"
    )
    for actor, since, until in (("user:2", began, ended), ("user:3", began - HOUR, ended)):
        outages.correct(
            outage_id=outage.pk, began_at=since, ended_at=until, reason="looked", actor=actor
        )
    assert said(outage) == [
        ("written", "user:1", "fire", {}),
        ("ended", "user:2", "looked", {"was": [began.isoformat(), None]}),
        ("corrected", "user:3", "looked", {"was": [began.isoformat(), ended.isoformat()]}),
    ]
    since = [began, began, began - HOUR]
    assert told() == [{"outage_id": outage.pk, "since": at.isoformat()} for at in since]
