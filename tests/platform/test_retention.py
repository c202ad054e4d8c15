"""Nothing is kept longer than its kind says, on disk neither, but for what is still needed."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from accounts.keys import Visit
from accounts.models import LoginCode, PlateHolding, SmsMessage
from arrears.models import Dispute
from arrears.states import DisputeState
from config.kept import KINDS, PAID_DAYS, REPORT_DAYS
from core import audit, clock, images, outbox, retention, wiring
from core.models import IdempotencyKey, RetentionRun, ShownImage, StoredImage
from parking.models import ParkingSession, Prepayment, Sighting, SignDoubt, SignReport
from parking.services import settle_sign_report
from parking.states import StayState
from payments.models import Introduction, Order
from tests.street import new_photograph
from tests.trail import said

DAY = timedelta(days=1)


def files() -> set[str]:
    return {path.name for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()}


def night_is_over() -> None:
    """All that a night does, and all batches of it."""
    retention.open_runs()
    while retention.work():
        pass


def in_days(held: Any, days: float) -> None:
    """So much later on every clock: what was kept is that much older."""
    held.advance(timedelta(days=days))
    past = timedelta(days=days)
    from django.db.models import F

    StoredImage.objects.update(created_at=F("created_at") - past)


def kind(name: str) -> retention.Kind:
    return next(one for one in KINDS if one.name == name)


@pytest.fixture
def stay(clock: Any, stay_at: Any) -> ParkingSession:
    """One that has ended and is paid, with a photograph of which there is a covered copy, too."""
    row = stay_at()
    Sighting.objects.create(
        merchant=row.section.merchant,
        stay=row,
        purpose="arrival",
        image_sha=new_photograph(),
        occurred_at=row.arrived_at,
        received_at=row.arrived_at,
    )
    ParkingSession.objects.filter(pk=row.pk).update(
        state=StayState.SETTLED, left_at=clock.now(), settled_at=clock.now()
    )
    row.refresh_from_db()
    return row


@pytest.fixture
def stay_at(section: Any, clock: Any) -> Any:
    def make() -> ParkingSession:
        version = section.tariff.versions.first()
        return ParkingSession.objects.create(
            berth=section.berths.first(),
            section=section,
            merchant=section.merchant,
            tariff_version=version,
            arrived_at=clock.now() - timedelta(hours=1),
            plate_text="沪A12345",
            plate_colour="blue",
            plate_state="settled",
        )

    return make


def copy_of(row: ParkingSession) -> str:
    sha = row.sightings.get().image_sha
    assert images.shown(sha, "") is None
    key = ShownImage.objects.get(original=sha).key
    images.put_shown(key, b"covered")
    return key


def test_a_paid_stays_photographs_go_with_their_copies_and_files(stay: Any, clock: Any) -> None:
    sha, key = stay.sightings.get().image_sha, copy_of(stay)
    in_days(clock, PAID_DAYS - 1)
    night_is_over()
    assert {sha, key} <= files()

    in_days(clock, 2)
    night_is_over()
    assert not files() & {sha, key}
    assert not StoredImage.objects.filter(pk=sha).exists()
    assert not ShownImage.objects.filter(key=key).exists()
    run = RetentionRun.objects.filter(kind="photographs").latest("night")
    assert (run.removed, run.needed) == (1, 0)
    assert audit.trail(run).get().facts["removed"] == 1


@pytest.mark.parametrize("why", ["unpaid", "objection", "question"])
def test_what_is_still_needed_is_held_and_said_so(
    stay: Any, clock: Any, why: str, owner: Any
) -> None:
    sha = stay.sightings.get().image_sha
    if why == "unpaid":
        ParkingSession.objects.filter(pk=stay.pk).update(state=StayState.DUE, settled_at=None)
    elif why == "objection":
        said = Dispute.objects.create(
            plate_text="沪A12345",
            merchant=stay.section.merchant,
            user=owner,
            reason="not_mine",
            opened_at=clock.now(),
            answer_by=clock.now() + DAY,
        )
        said.stays.add(stay)
    else:
        from parking.models import ReviewItem

        ReviewItem.objects.create(
            kind="plate",
            why="doubted",
            merchant=stay.section.merchant,
            stay=stay,
            opened_at=clock.now(),
        )
    in_days(clock, 400)
    night_is_over()
    assert sha in files()
    run = RetentionRun.objects.get(kind="photographs")
    assert (run.removed, run.needed) == (0, 1)
    assert Sighting.objects.filter(stay=stay).exists()

    ParkingSession.objects.filter(pk=stay.pk).update(
        state=StayState.SETTLED, settled_at=clock.now() - 100 * DAY
    )
    Dispute.objects.update(state=DisputeState.REJECTED, decided_at=clock.now() - 100 * DAY)
    stay.reviews.update(state="dropped")
    in_days(clock, 1)
    night_is_over()
    assert sha not in files()


def test_a_photograph_that_two_things_need_stays_for_the_longer_one(
    stay: Any, clock: Any, owner: Any
) -> None:
    sha = stay.sightings.get().image_sha
    PlateHolding.objects.create(
        user=owner, plate_text="沪A12345", evidence=sha, claimed_at=clock.now()
    )
    in_days(clock, 300)
    night_is_over()
    assert sha in files()  # a claim waits for a person


def report_of(clock: Any, **more: Any) -> SignReport:
    """Somebody told of a code, with a photograph and where they stood."""
    return SignReport.objects.create(
        kind="said",
        place="by the school",
        latitude=31.2,
        longitude=121.4,
        network="digest",
        image_sha=new_photograph(),
        told_at=clock.now(),
        **more,
    )


def test_what_came_with_a_report_of_a_code_goes_after_somebody_has_dealt_with_it(
    clock: Any, db: None
) -> None:
    report, open_one = report_of(clock), report_of(clock)
    sha, kept = report.image_sha, open_one.image_sha
    in_days(clock, 100)
    settle_sign_report(report.pk, actor="user:1")
    in_days(clock, REPORT_DAYS - 1)
    night_is_over()
    assert {sha, kept} <= files()
    report.refresh_from_db()
    assert (report.latitude, report.longitude, report.network) == (31.2, 121.4, "digest")

    in_days(clock, 2)
    night_is_over()
    assert sha not in files()
    assert not StoredImage.objects.filter(pk=sha).exists()
    report.refresh_from_db()
    assert (report.latitude, report.longitude, report.network) == (None, None, "")
    assert (report.image_sha, report.place, report.state) == ("", "by the school", "done")
    open_one.refresh_from_db()
    assert (open_one.latitude, open_one.image_sha) == (31.2, kept)
    assert kept in files()  # nobody has been there yet
    for name in ("photographs of codes", "places of reports"):
        run = RetentionRun.objects.filter(kind=name).latest("night")
        assert (run.removed, run.needed) == (1, 1)
        assert audit.trail(run).get().facts["removed"] == 1


def test_a_report_s_photograph_stays_for_a_claim_that_needs_it(clock: Any, owner: Any) -> None:
    report = report_of(clock, state="done", done_at=clock.now())
    PlateHolding.objects.create(
        user=owner, plate_text="沪A12345", evidence=report.image_sha, claimed_at=clock.now()
    )
    in_days(clock, REPORT_DAYS + 1)
    night_is_over()
    report.refresh_from_db()
    assert report.image_sha in files()
    assert report.latitude is None


@pytest.mark.parametrize("name", ["introductions", "doubts of codes"])
def test_who_was_asked_and_who_doubted_is_forgotten_with_a_proof(
    stay: Any, clock: Any, name: str
) -> None:
    one = kind(name)
    order = Order.objects.create(
        number="20260302090000000001",
        title="x",
        amount_fen=500,
        expires_at=clock.now(),
        created_at=clock.now(),
    )
    for n, hours in enumerate((1, -1)):
        at = business_real() - timedelta(days=one.days, hours=hours)
        if name == "introductions":
            Introduction.objects.create(
                order=order,
                provider="wechat",
                state=str(n),
                browser="b",
                asked_at=at,
            )
        else:
            SignDoubt.objects.create(berth=stay.berth, network=str(n), at=at)
    night_is_over()
    left = one.rows().get()
    assert (left.state if name == "introductions" else left.network) == "1"
    run = RetentionRun.objects.get(kind=name)
    assert (run.removed, run.needed, run.oldest_left_at) == (1, 0, getattr(left, one.moment))
    assert audit.trail(run).get().facts["removed"] == 1


def test_of_every_kind_nothing_older_stays(stay: Any, clock: Any) -> None:
    real = business_real()
    LoginCode.objects.create(phone_digest="x", code_digest="y", expires_at=real - 3 * DAY)
    Visit.objects.create(
        session_key="k",
        session_data="",
        expire_date=real - 3 * DAY,
        since=real - 9 * DAY,
        seen_at=real - 9 * DAY,
    )
    key = IdempotencyKey.objects.create(scope="s", key="k", request_hash="h")
    IdempotencyKey.objects.filter(pk=key.pk).update(created_at=real - 31 * DAY)
    SmsMessage.objects.create(
        key="k",
        phone_sealed="s",
        phone_masked="m",
        phone_digest="d",
        template="t",
        params_sealed="p",
        state="delivered",
        created_at=clock.now(),
        valid_until=clock.now(),
        leaves_at=clock.now(),
    )
    draft = Prepayment.objects.create(
        latitude=31.2,
        longitude=121.4,
        arrived_at=clock.now(),
        minutes=60,
        created_at=clock.now(),
        attempts_left=3,
    )
    in_days(clock, 400)
    night_is_over()

    for one in KINDS:
        assert not one.due().exists(), one.name
        run = RetentionRun.objects.get(kind=one.name)
        assert run.finished_at is not None
        assert run.needed == 0, one.name
        assert run.oldest_left_at is None or run.oldest_left_at >= one.cut
    removed = dict(RetentionRun.objects.filter(removed__gt=0).values_list("kind", "removed"))
    assert removed == {
        "photographs": 1,
        "sightings": 1,
        "places of telephones": 1,
        "texts": 1,
        "codes": 1,
        "sessions": 1,
        "answers": 1,
    }
    draft.refresh_from_db()
    assert (draft.latitude, draft.longitude) == (None, None)
    assert ParkingSession.objects.filter(pk=stay.pk).exists()  # the books know it


def business_real() -> Any:
    return clock.real()


def test_a_night_is_gone_through_once_whoever_works(stay: Any, clock: Any) -> None:
    night_is_over()
    assert RetentionRun.objects.count() == len(KINDS)
    night_is_over()
    assert RetentionRun.objects.count() == len(KINDS)
    for run in RetentionRun.objects.all():  # its proof, once
        [(action, actor, why, facts)] = said(run)
        assert (action, actor, why) == ("kept long enough", "system:core.retention", "")
        oldest = run.oldest_left_at
        assert facts == {
            "kind": run.kind,
            "removed": run.removed,
            "needed": run.needed,
            "oldest_left": oldest.isoformat() if oldest else None,
        }
    assert retention.open_runs in wiring.nightly()
    assert retention.work in wiring.sweeps()


def test_a_kind_is_declared_once_and_says_all(db: None) -> None:
    names = [one.name for one in KINDS]
    assert len(names) == len(set(names))
    for one in KINDS:
        assert all(str(text) for text in (one.what, one.why, one.basis, one.since))
        one.rows().model._meta.get_field(one.moment)
        assert one.days > 0


def test_what_a_run_has_removed_is_told_by_the_events_kind(db: None) -> None:
    assert kind("events").rows().model is outbox.OutboxEvent
