"""Setting up streets: sections, berths, what looks after them, and prices."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F, Max
from django.utils.translation import gettext_lazy as _

from core import audit, clock, live
from core.errors import Invalid, Refused
from parking.models import (
    Berth,
    BerthSensor,
    CameraCoverage,
    HandheldPost,
    Section,
    Tariff,
    TariffVersion,
)
from parking.selectors import open_stay_at
from parking.services.prices import check_terms

Point = tuple[float, float]


@transaction.atomic
def publish_tariff(
    *,
    merchant_id: int,
    name: str,
    terms: dict[str, Any],
    valid_from: datetime | None = None,
    actor: str,
) -> TariffVersion:
    """The next version of a merchant's tariff, made with its first one. Raises Invalid.

    Stays that have begun keep their version; one may begin in the future (docs/features.md 24).
    """
    check_terms(terms)
    tariff, _created = Tariff.objects.get_or_create(merchant_id=merchant_id, name=name)
    rows = TariffVersion.objects.select_for_update(no_key=True).filter(tariff=tariff)
    last = max((row.number for row in rows), default=0)
    valid_from = valid_from or clock.now()
    if rows.filter(valid_from__gte=valid_from).exists():
        raise Refused(
            "tariff_order", _("A newer version begins at that time or later. Choose a later time.")
        )
    version = TariffVersion.objects.create(
        tariff=tariff, number=last + 1, terms=terms, valid_from=valid_from, created_by=actor
    )
    audit.record(version, "published", actor=actor)
    return version


@transaction.atomic
def add_section(
    *,
    merchant_id: int,
    name: str,
    code: str,
    ground: str,
    tariff_id: int,
    actor: str,
    **settings: int,
) -> Section:
    """A stretch of berths; `settings` are pay_window_s, leave_by_s, longest_stay_s."""
    section = Section.objects.create(
        merchant_id=merchant_id,
        name=name,
        code=code,
        ground=ground,
        tariff_id=tariff_id,
        **settings,
    )
    audit.record(section, "created", actor=actor)
    return section


@transaction.atomic
def add_berth(
    *, section_id: int, code: str, number: str, actor: str, at: Point | None = None
) -> Berth:
    """A berth at the end of its section; `at` is (latitude, longitude)."""
    last = Berth.objects.filter(section_id=section_id).aggregate(last=Max("position"))["last"]
    latitude, longitude = at or (None, None)
    berth = Berth.objects.create(
        section_id=section_id,
        code=code,
        number=number,
        position=(last or 0) + 1,
        latitude=latitude,
        longitude=longitude,
    )
    audit.record(berth, "created", actor=actor)
    return berth


@transaction.atomic
def place_sensor(*, berth_id: int, device_id: int, actor: str) -> BerthSensor:
    """The sensor lies in this berth from now on, and in no other."""
    sensor, _created = BerthSensor.objects.update_or_create(
        device_id=device_id, defaults={"berth_id": berth_id}
    )
    audit.record(sensor, "placed", actor=actor, berth_id=berth_id)
    return sensor


@transaction.atomic
def cover(
    *,
    berth_id: int,
    device_id: int,
    actor: str,
    region: Sequence[Point] = (),
    priority: int = 1,
) -> CameraCoverage:
    """The camera sees this berth, there in its picture: relative corners, 0 to 1 (P2.2)."""
    if region and (len(region) < 3 or any(not 0 <= value <= 1 for xy in region for value in xy)):
        raise Invalid("bad_region", _("A region has at least three corners between 0 and 1."))
    coverage, _created = CameraCoverage.objects.update_or_create(
        berth_id=berth_id,
        device_id=device_id,
        defaults={"region": [list(xy) for xy in region], "priority": priority},
    )
    audit.record(coverage, "set", actor=actor, berth_id=berth_id)
    return coverage


@transaction.atomic
def post_handheld(*, section_id: int, device_id: int, actor: str) -> HandheldPost:
    """The section's attendant carries this handheld."""
    post, _created = HandheldPost.objects.get_or_create(section_id=section_id, device_id=device_id)
    audit.record(post, "posted", actor=actor, section_id=section_id)
    return post


@transaction.atomic
def readdress(*, berth_ids: Collection[int], actor: str, reason: str = "") -> int:
    """The codes that hang at these berths are worth no more than a typed number from now on; new
    ones have to be printed (`manage.py berth_addresses`). How many berths."""
    rows = Berth.objects.filter(pk__in=list(berth_ids)).order_by("pk")
    for berth in rows.select_for_update(no_key=True):
        Berth.objects.filter(pk=berth.pk).update(address_version=F("address_version") + 1)
        audit.record(
            berth, "readdressed", actor=actor, reason=reason, version=berth.address_version + 1
        )
    return len(rows)


def show_lock(*, berth_id: int, up: bool) -> None:
    """A recovery lock stands raised before this berth, or no longer; shown on the street."""
    if Berth.objects.filter(pk=berth_id, lock_up=not up).update(lock_up=up):
        section_id = Berth.objects.values_list("section_id", flat=True).get(pk=berth_id)
        live.push(f"section:{section_id}", berth_id=berth_id)
        if stay := open_stay_at(berth_id):
            live.push(f"stay:{stay.pk}")
