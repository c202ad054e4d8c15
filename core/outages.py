"""The register of outages: what of ours was away, when, and who said so (docs/rules.md L7).

What people have to do in a time, they can only do while we are there. So whoever waits for the end
of a time asks `stretched` for it, and whoever lists, demands or raises looks at `running` first.
The dispatcher notices by its own pulse that it, the database or everything was away; who speaks to
a provider says with `failed` and `worked` how it answers, and so does a worker that asks for a page
of ours as people do (`core.probes`); the operator writes what no machine saw.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from core import audit, clock, outbox, spans, wiring
from core.errors import Invalid
from core.events import OutageChanged
from core.models import Outage, Pulse
from core.parse import is_ours

log = logging.getLogger("bowei.outages")
SYSTEM = "system:core.outages"
PLATFORM, DATABASE, BROKER, DISPATCHER, PAGES, SMS = (
    "platform",
    "database",
    "broker",
    "dispatcher",
    "pages",
    "sms",
)
PARTS = {
    PLATFORM: _("the whole platform"),
    DATABASE: _("the database"),
    BROKER: _("the broker"),
    DISPATCHER: _("the dispatcher"),
    PAGES: _("our pages"),
    SMS: _("text messages"),
}
OURS = frozenset({PLATFORM, DATABASE, BROKER, DISPATCHER, PAGES})  # without which nothing follows
PULSE_EVERY = timedelta(seconds=5)
HOLE = timedelta(minutes=3)  # longer than a restart or the slowest round of sweeps
FAILS_FOR = timedelta(minutes=10)  # how long another's service may fail before it is away


def provider(name: str) -> str:
    """How a payment provider is named here."""
    return f"provider:{name}"


def section(section_id: int) -> str:
    """How the devices of a section are named here."""
    return f"section:{section_id}"


def parts() -> list[tuple[str, Any]]:
    """Everything that can be away: its name here, and what people call it."""
    return [*PARTS.items(), *wiring.breakable()]


def word(what: str) -> Any:
    """What people call it; its name where it is no more."""
    return dict(parts()).get(what, what)


# ── Asking ───────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True)
class Register:
    """The outages since a moment, for many questions at once; one that runs ends now."""

    everywhere: tuple[spans.Span, ...]
    of_sections: dict[str, tuple[spans.Span, ...]]

    def stretched(
        self, since: datetime, length: timedelta, *, about: int | None = None
    ) -> datetime:
        """When `length` from `since` on is over if outages don't count; `about`: which section's
        devices matter. While one runs that is never in the past, unless it was over before."""
        mine = self.of_sections.get(section(about), ()) if about is not None else ()
        return spans.over_at(since, length, (*self.everywhere, *mine))


def known(since: datetime) -> Register:
    """All that is known of the time after `since`; two small queries."""
    now = clock.now()
    rows = Outage.objects.filter(Q(ended_at=None) | Q(ended_at__gt=since), began_at__lt=now)
    stopped = [(one.what, one.began_at, now) for one in _stopped()]
    everywhere: list[spans.Span] = []
    of_sections: dict[str, tuple[spans.Span, ...]] = {}
    for what, began_at, ended_at in (
        *rows.values_list("what", "began_at", "ended_at"),
        *stopped,
    ):
        span = (began_at, ended_at or now)
        if what.startswith("section:"):
            of_sections[what] = (*of_sections.get(what, ()), span)
        else:
            everywhere.append(span)
    return Register(tuple(everywhere), of_sections)


def stretched(since: datetime, length: timedelta, *, about: int | None = None) -> datetime:
    """When `length` from `since` on is over if outages don't count; see `Register.stretched`."""
    return known(since).stretched(since, length, about=about)


def running(about: int | None = None) -> list[Outage]:
    """What is away now, of the section `about` too: nothing is listed, demanded or raised."""
    rows = _bearing(Outage.objects.filter(ended_at=None), about).order_by("began_at")
    return list(rows) + _stopped()


def between(since: datetime, until: datetime, *, about: int | None = None) -> list[Outage]:
    """What was away at some time from `since` to `until`, oldest first."""
    rows = Outage.objects.filter(Q(ended_at=None) | Q(ended_at__gt=since), began_at__lt=until)
    return list(_bearing(rows, about).order_by("began_at"))


def _bearing(rows: QuerySet[Outage], about: int | None) -> QuerySet[Outage]:
    of_all = ~Q(what__startswith="section:")
    return rows.filter(of_all | Q(what=section(about)) if about is not None else of_all)


def _stopped() -> list[Outage]:
    """The dispatcher, where it has said nothing for too long: it can't write that itself."""
    last = Pulse.objects.filter(what=DISPATCHER, at__lt=clock.now() - HOLE).first()
    if last is None or clock.real() - last.real_at < HOLE:
        return []
    return [Outage(what=DISPATCHER, began_at=last.at, said_by=SYSTEM)]


# ── Noticed by itself ────────────────────────────────────────────────────────────────────────
_suspected: str | None = None


def suspect(what: str) -> None:
    """This process saw what was away: the next hole in the pulse will be called so."""
    global _suspected
    _suspected = what


@transaction.atomic
def pulse() -> int:
    """A sweep, the first of all: the dispatcher lives. A hole since the last time was an outage.

    A hole is measured on both clocks, and the shorter one counts: neither a clock that a demo has
    moved nor one that stood still meanwhile is an outage. Of several dispatchers one writes it.
    """
    global _suspected
    now, real = clock.now(), clock.real()
    last = Pulse.objects.filter(what=DISPATCHER).first()
    if last is None:
        Pulse.objects.bulk_create(
            [Pulse(what=DISPATCHER, at=now, real_at=real)], ignore_conflicts=True
        )
        return 0
    if real - last.real_at < PULSE_EVERY:
        return 0
    mine = Pulse.objects.filter(what=DISPATCHER, real_at=last.real_at)
    hole = min(real - last.real_at, now - last.at)
    if not mine.update(at=now, real_at=real) or hole < HOLE:
        return 0
    what, _suspected = _suspected or PLATFORM, None
    _add(what, last.at, last.at + hole, reason="no sign of life", actor=SYSTEM)
    return 1


def failed(what: str, *, unbroken: timedelta | None = None) -> None:
    """Somebody whom we need did not answer; after FAILS_FOR of that they are away.

    `unbroken`: where the failure before lies farther back, nobody asked meanwhile, and this one
    begins the count anew.
    """
    now, real = clock.now(), clock.real()
    row = Pulse.objects.filter(what=what).first()
    if (
        row is None
        or row.failing_since is None
        or row.failing_real_since is None
        or (unbroken is not None and real - row.real_at > unbroken)
    ):
        fresh = Pulse(what=what, at=now, real_at=real, failing_since=now, failing_real_since=real)
        Pulse.objects.bulk_create(
            [fresh],
            update_conflicts=True,
            unique_fields=["what"],
            update_fields=["at", "real_at", "failing_since", "failing_real_since"],
        )
        return
    Pulse.objects.filter(what=what, real_at=row.real_at).update(at=now, real_at=real)
    if real - row.failing_real_since >= FAILS_FOR:
        _begin(what, began_at=row.failing_since)


def worked(what: str) -> None:
    """Somebody whom we need has answered."""
    failing = Pulse.objects.filter(what=what, failing_since__isnull=False)
    if not failing.exists():
        return
    with transaction.atomic():
        failing.update(failing_since=None, failing_real_since=None)
        _end_noticed(what)


@transaction.atomic
def _begin(what: str, *, began_at: datetime) -> None:
    """Once, of however many who find it; none where they have answered meanwhile."""
    still = Pulse.objects.filter(what=what, failing_since=began_at)
    if not still.select_for_update(no_key=True).exists():
        return
    if not Outage.objects.filter(what=what, ended_at=None).exists():
        _add(what, began_at, None, reason="no answer", actor=SYSTEM)


def _end_noticed(what: str) -> None:
    """It is back; what a person wrote, a person ends."""
    for outage in Outage.objects.filter(what=what, ended_at=None, said_by=SYSTEM):
        _change(outage, outage.began_at, clock.now(), actor=SYSTEM, reason=outage.reason)


def noticed(kind: str) -> set[str]:
    """What of this kind is away now, as far as machines have noticed."""
    rows = Outage.objects.filter(what__startswith=kind, ended_at=None, said_by=SYSTEM)
    return set(rows.values_list("what", flat=True))


def failing(kind: str) -> set[str]:
    """Who of this kind does not answer just now, long enough to be away or not."""
    rows = Pulse.objects.filter(what__startswith=kind, failing_since__isnull=False)
    return set(rows.values_list("what", flat=True))


# ── Written by a person ──────────────────────────────────────────────────────────────────────
@transaction.atomic
def write(
    *, what: str, began_at: datetime, ended_at: datetime | None, reason: str, actor: str
) -> Outage:
    """What no machine has seen. Times that passed meanwhile are set right by `OutageChanged`.

    Raises Invalid.
    """
    check(what, began_at, ended_at, reason)
    return _add(what, began_at, ended_at, reason=reason.strip(), actor=actor)


@transaction.atomic
def correct(
    *, outage_id: int, began_at: datetime, ended_at: datetime | None, reason: str, actor: str
) -> Outage:
    """It was at another time; one that was none ends where it began. Raises Invalid."""
    outage = Outage.objects.select_for_update(no_key=True).get(pk=outage_id)
    check(outage.what, began_at, ended_at, reason, but_for=outage_id)
    _change(outage, began_at, ended_at, actor=actor, reason=reason)
    return outage


@transaction.atomic
def end(*, outage_id: int, actor: str) -> bool:
    """It is over now; False where it was before."""
    outage = Outage.objects.select_for_update(no_key=True).get(pk=outage_id)
    if outage.ended_at is not None:
        return False
    _change(outage, outage.began_at, clock.now(), actor=actor, reason=outage.reason)
    return True


def check(
    what: str,
    began_at: datetime,
    ended_at: datetime | None,
    reason: str,
    *,
    but_for: int | None = None,
) -> None:
    """Whether this can be written, or the outage `but_for` be corrected so. Raises Invalid."""
    now = clock.now()
    fields: dict[str, Any] = {}
    if what not in dict(parts()):
        fields["what"] = _("Choose what was away.")
    known = Outage.objects.filter(what=what, ended_at=None).exclude(pk=but_for)
    if ended_at is None and known.exists():
        fields["what"] = _("It is known that this is away. Correct that entry.")
    if not is_ours(began_at.date()):
        fields["began_at"] = _("That is too long ago.")
    if began_at > now:
        fields["began_at"] = _("That is still to come.")
    if ended_at is not None and ended_at > now:
        fields["ended_at"] = _("That is still to come. Leave it empty while it lasts.")
    if ended_at is not None and ended_at < began_at:
        fields["ended_at"] = _("It can't have ended before it began.")
    if not reason.strip():
        fields["reason"] = _("Say what happened, for who looks later.")
    if fields:
        raise Invalid("bad_outage", next(iter(fields.values())), fields=fields)


def _add(
    what: str, began_at: datetime, ended_at: datetime | None, *, reason: str, actor: str
) -> Outage:
    outage = Outage.objects.create(
        what=what, began_at=began_at, ended_at=ended_at, said_by=actor, reason=reason[:300]
    )
    audit.record(outage, "noticed" if actor == SYSTEM else "written", actor=actor, reason=reason)
    outbox.add(OutageChanged(outage.pk, began_at.isoformat()))
    log.warning("outages.known what=%s began=%s", what, began_at.isoformat())
    return outage


def _change(
    outage: Outage, began_at: datetime, ended_at: datetime | None, *, actor: str, reason: str
) -> None:
    was = (outage.began_at, outage.ended_at)
    outage.began_at, outage.ended_at, outage.reason = began_at, ended_at, reason[:300]
    outage.save(update_fields=["began_at", "ended_at", "reason"])
    audit.record(
        outage,
        "corrected" if was[1] else "ended",
        actor=actor,
        reason=reason,
        was=[at and at.isoformat() for at in was],
    )
    outbox.add(OutageChanged(outage.pk, min(was[0], began_at).isoformat()))
