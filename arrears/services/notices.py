"""Recovery notices: made for a sighting, sent to its terminal, withdrawn when untrue (P3.4)."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from arrears.models import BlacklistEntry, Debt, RecoveryNotice
from arrears.selectors.questions import standing_still, under_way, with_held
from arrears.states import DebtState, ListingState, NoticeState
from core import clock, live, locks, plates
from core.errors import BoweiError
from core.money import format_fen
from core.transition import transition
from core.vehicles import of_vehicle
from devices import selectors as devices
from devices import services as device_services
from parking import selectors as parking

log = logging.getLogger("bowei.arrears")
SYSTEM = "system:arrears.notices"
LIVES = timedelta(minutes=15)
SURE = 0.90  # below this a reading may be kept, but nobody is accused on it
REFERENCE = "arrears.notice:"
Outcome = RecoveryNotice.Outcome


@transaction.atomic
def issue_notices(
    *,
    sighting_id: int,
    device_id: int | None,
    section_id: int | None,
    merchant_id: int,
    plate: plates.Plate,
    confidence: float | None,
) -> list[RecoveryNotice]:
    """Tell the terminal that has just seen a listed vehicle; the notices made by this call.

    The entry is locked, then looked at: a payment of the same moment either comes first, and there
    is no notice, or comes second, and withdraws it. The amount is read now, and is what this
    merchant is owed: a debt to another is told to another only where the law's consent is had
    (BOWEI_SHARE_LISTINGS; PIPL art. 23). What this sighting was misread for before is taken back.
    """
    take_back_misread(sighting_id=sighting_id, plate=plate)
    if confidence is not None and confidence < SURE:
        return []
    if parking.is_questioned_sighting(sighting_id):
        return []
    entry = _active_entry(plate)
    if entry is None:
        return []
    debts = _owed_here(entry, merchant_id)
    if not debts:
        return []
    made = []
    facts = _facts(entry, debts, plate=plate, merchant_id=merchant_id, section_id=section_id)
    for terminal_id in _terminals(device_id, section_id):
        notice, created = RecoveryNotice.objects.exclude(state=NoticeState.WITHDRAWN).get_or_create(
            sighting_id=sighting_id, device_id=terminal_id, defaults=facts
        )
        if created:
            made.append(notice)
            _send(notice, debts)
    live.push(f"merchant:{merchant_id}")
    return made


@dataclass(frozen=True, slots=True)
class ToldToLot:
    """What a lot shows at its barrier: the sum, since when it is open, until when this holds."""

    notice_id: int
    amount_fen: int
    since: datetime
    until: datetime


@transaction.atomic
def tell_lot(*, merchant_id: int, section_id: int, plate: plates.Plate) -> ToldToLot | None:
    """Tell a lot's own system, which has the vehicle at its barrier and asks; None: nothing to say.

    By the rules of `issue_notices` for what may be told to whom, as a notice like any other.
    """
    entry = _active_entry(plate)
    debts = _owed_here(entry, merchant_id) if entry is not None else []
    if entry is None or not debts:
        return None
    facts = _facts(entry, debts, plate=plate, merchant_id=merchant_id, section_id=section_id)
    notice = RecoveryNotice.objects.create(sighting_id=None, **facts)
    transition(notice, source=NoticeState.MADE, target=NoticeState.SENT, actor=SYSTEM)
    live.push(f"merchant:{merchant_id}")
    return _told_to_lot(notice, debts)


def told_before(notice_id: int) -> ToldToLot | None:
    """What `tell_lot` said, while all of it is still true."""
    rows = RecoveryNotice.objects.filter(state__in=RecoveryNotice.LIVE, due_at__gt=clock.now())
    notice = rows.filter(pk=notice_id).first()
    if notice is None:
        return None
    found = with_held(Debt.objects.filter(pk__in=notice.debt_ids, state=DebtState.OPEN))
    debts = list(found.filter(held=False))
    return _told_to_lot(notice, debts) if len(debts) == len(notice.debt_ids) else None


def _told_to_lot(notice: RecoveryNotice, debts: list[Debt]) -> ToldToLot:
    since = min(debt.opened_at for debt in debts)
    return ToldToLot(notice.pk, notice.amount_fen, since, notice.due_at)


def _facts(
    entry: BlacklistEntry,
    debts: list[Debt],
    *,
    plate: plates.Plate,
    merchant_id: int,
    section_id: int | None,
) -> dict[str, Any]:
    now = clock.now()
    return {
        "entry": entry,
        "merchant_id": merchant_id,
        "section_id": section_id,
        "plate_text": plate.text,
        "plate_colour": plate.colour_text,
        "amount_fen": sum(debt.amount_fen for debt in debts),
        "debt_ids": [debt.pk for debt in debts],
        "made_at": now,
        "due_at": now + LIVES,
    }


def _active_entry(plate: plates.Plate) -> BlacklistEntry | None:
    """The locked active entry of this vehicle, if there is one after waiting for its lock."""
    rows = BlacklistEntry.objects.filter(of_vehicle(plate), state=ListingState.ACTIVE)
    entries = locks.lock(rows)
    return entries[0] if entries else None


def _owed_here(entry: BlacklistEntry, merchant_id: int) -> list[Debt]:
    """Debts that were asked for, and are owed to whom the terminal may know of."""
    if standing_still():
        return []
    debts = Debt.objects.filter(
        of_vehicle(entry.plate), state=DebtState.OPEN, demanded_at__isnull=False
    ).select_related("stay__section", "stay__berth")
    debts = with_held(debts).filter(held=False)
    if not settings.BOWEI_SHARE_LISTINGS:
        debts = debts.filter(merchant_id=merchant_id)
    found = list(debts.order_by("opened_at", "pk"))
    paying = under_way([debt.stay_id for debt in found])
    return [debt for debt in found if debt.stay_id not in paying]


def _terminals(device_id: int | None, section_id: int | None) -> list[int | None]:
    """Who reads it: the terminal itself, else the section's handhelds, else the merchant's page."""
    if device_id is not None and devices.device(device_id).abilities.read_by_people:
        return [device_id]
    handhelds: list[int | None] = list(parking.terminals_for(section_id)) if section_id else []
    return handhelds or [None]


def _send(notice: RecoveryNotice, debts: list[Debt]) -> None:
    if notice.device_id is None:
        return
    with translation.override(settings.LANGUAGE_CODE):
        lines = [
            _("%(place)s, %(day)s: %(amount)s")
            % {
                "place": debt.stay.section.name,
                "day": timezone.localtime(debt.stay.arrived_at).strftime("%Y-%m-%d"),
                "amount": format_fen(debt.amount_fen),
            }
            for debt in debts[:20]
        ]
    try:
        with transaction.atomic():
            command_id = device_services.order(
                device_id=notice.device_id,
                action="ShowNotice",
                payload={
                    "notice_id": notice.pk,
                    "plate": plates.display(notice.plate_text),
                    "lines": lines,
                    "amount_fen": notice.amount_fen,
                    "expires_at_ms": int(notice.due_at.timestamp() * 1000),
                },
                reference=f"{REFERENCE}{notice.pk}",
                ttl_s=max(int((notice.due_at - clock.now()).total_seconds()), 1),
                actor=SYSTEM,
            )
    except BoweiError as error:  # revoked meanwhile: the merchant still sees it
        log.warning("arrears.notice_not_sent notice=%s error=%s", notice.pk, error.code)
        return
    transition(
        notice,
        source=NoticeState.MADE,
        target=NoticeState.SENT,
        actor=SYSTEM,
        command_id=command_id,
    )


def take_back_misread(*, sighting_id: int, plate: plates.Plate | None) -> list[int]:
    """A person says that another vehicle is in the photograph: what was said of this one was not
    true; the notices that this call withdrew."""
    rows = RecoveryNotice.objects.filter(sighting_id=sighting_id, state__in=RecoveryNotice.LIVE)
    misread = rows.exclude(of_vehicle(plate)).values_list("pk", flat=True)
    return withdraw(list(misread), actor=SYSTEM, reason="misread")


def withdraw_stale(*, entry_id: int, listed: bool, actor: str) -> list[int]:
    """Take back notices that are no longer true: all once the vehicle is not listed any more, else
    those that name another sum than their debts are by now; where something is owed still, the same
    terminal is told that instead. In the transaction that made them untrue, the entry locked."""
    rows = RecoveryNotice.objects.filter(entry_id=entry_id, state__in=RecoveryNotice.LIVE)
    stale = [notice for notice in rows.order_by("pk") if not listed or not _is_true(notice)]
    moved = withdraw([notice.pk for notice in stale], actor=actor)
    for notice in stale:
        if listed and notice.pk in moved:
            _tell_anew(notice)
    return moved


def _is_true(notice: RecoveryNotice) -> bool:
    owed = Debt.objects.filter(
        pk__in=notice.debt_ids, state=DebtState.OPEN, demanded_at__isnull=False
    )
    sums = list(with_held(owed).filter(held=False).values_list("amount_fen", flat=True))
    return len(sums) == len(notice.debt_ids) and sum(sums) == notice.amount_fen


def _tell_anew(notice: RecoveryNotice) -> None:
    """What is owed by now, to the terminal that was told another sum, for as long as that held.

    Not where the vehicle has gone or was another one; and a lot, which has no sighting, asks again.
    """
    is_over = notice.outcome in (Outcome.GONE, Outcome.MISTAKEN) or notice.due_at <= clock.now()
    if notice.sighting_id is None or is_over:
        return
    debts = _owed_here(notice.entry, notice.merchant_id)
    plate = notice.plate
    if not debts or plate is None:
        return
    facts = _facts(
        notice.entry,
        debts,
        plate=plate,
        merchant_id=notice.merchant_id,
        section_id=notice.section_id,
    )
    fresh = RecoveryNotice.objects.create(
        sighting_id=notice.sighting_id,
        device_id=notice.device_id,
        **{**facts, "due_at": notice.due_at},
    )
    _send(fresh, debts)


def withdraw(notice_ids: list[int], *, actor: str, reason: str = "") -> list[int]:
    """Withdraw these notices, on their terminals too; those that this call withdrew."""
    if not notice_ids:
        return []
    rows = RecoveryNotice.objects.filter(pk__in=notice_ids)
    moved = transition(
        rows,
        source=list(RecoveryNotice.LIVE),
        target=NoticeState.WITHDRAWN,
        actor=actor,
        reason=reason,
    )
    for notice in RecoveryNotice.objects.filter(pk__in=moved).exclude(device=None):
        assert notice.device_id is not None
        if notice.command_id:
            device_services.withdraw(notice.command_id)
        try:
            with transaction.atomic():
                device_services.order(
                    device_id=notice.device_id,
                    action="WithdrawNotice",
                    payload={"notice_id": notice.pk},
                    reference=f"{REFERENCE}{notice.pk}",
                    actor=SYSTEM,
                )
        except BoweiError as error:
            log.warning("arrears.withdrawal_not_sent notice=%s error=%s", notice.pk, error.code)
    return moved


@transaction.atomic
def take_outcome(*, notice_id: int, device_id: int, outcome: str, actor: str) -> bool:
    """The terminal says what became of the notice; False for one that is not its own (P3.4)."""
    rows = RecoveryNotice.objects.filter(pk=notice_id, device_id=device_id)
    if not rows.exists():
        return False
    now = clock.now()
    if outcome == "shown":
        sources = [NoticeState.MADE, NoticeState.SENT, NoticeState.EXPIRED]
        moved = transition(
            rows,
            source=sources,
            target=NoticeState.SHOWN,
            actor=actor,
            outcome=outcome,
            told_at=now,
        )
    else:
        sources = [NoticeState.MADE, NoticeState.SENT, NoticeState.SHOWN, NoticeState.EXPIRED]
        moved = transition(
            rows,
            source=sources,
            target=NoticeState.ACKNOWLEDGED,
            actor=actor,
            outcome=outcome,
            told_at=now,
        )
        if not moved:  # said before: what it says last counts
            rows.filter(state=NoticeState.ACKNOWLEDGED).update(outcome=outcome, told_at=now)
    merchant_id = rows.values_list("merchant_id", flat=True).get()
    live.push(f"merchant:{merchant_id}")
    return True


@transaction.atomic
def notice_shown(command_id: int) -> None:
    """The terminal has carried out ShowNotice: somebody has it before their eyes."""
    rows = RecoveryNotice.objects.filter(command_id=command_id)
    transition(
        rows,
        source=[NoticeState.MADE, NoticeState.SENT],
        target=NoticeState.SHOWN,
        actor=SYSTEM,
        outcome="shown",
        told_at=clock.now(),
    )


@transaction.atomic
def expire_notices() -> int:
    """A sweep: nobody stands there any more after a while; how many were too old."""
    rows = RecoveryNotice.objects.filter(
        Q(due_at__lte=clock.now()),
        state__in=[NoticeState.MADE, NoticeState.SENT, NoticeState.SHOWN],
    )
    ids = list(rows.order_by("due_at").values_list("pk", flat=True)[:200])
    if not ids:
        return 0
    moved = transition(
        RecoveryNotice.objects.filter(pk__in=ids),
        source=[NoticeState.MADE, NoticeState.SENT, NoticeState.SHOWN],
        target=NoticeState.EXPIRED,
        actor=SYSTEM,
    )
    commands = RecoveryNotice.objects.filter(pk__in=moved).exclude(command_id=None)
    for command_id in commands.values_list("command_id", flat=True):
        if command_id is not None:
            device_services.withdraw(command_id)
    return len(moved)


def merchant_of_sighting(section_id: int | None, device_id: int | None) -> int | None:
    """Whose terminal has seen it."""
    if device_id is not None:
        merchant_id: int = devices.device(device_id).merchant_id
        return merchant_id
    if section_id is not None:
        return parking.section(section_id).merchant_id
    return None
