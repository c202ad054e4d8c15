"""Tariff versions as this row uses them; the arithmetic stands in parking/rules/pricing.py."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from core import clock
from core.errors import Invalid, Refused
from parking.models import ParkingSession, TariffVersion
from parking.rules import pricing


@dataclass(frozen=True, slots=True)
class Bill:
    """A fee and how it comes about."""

    amount_fen: int
    lines: list[dict[str, Any]]


def check_terms(terms: dict[str, Any]) -> pricing.Tariff:
    """The tariff that these terms are. Raises Invalid with the reason."""
    try:
        return pricing.Tariff.from_json(terms)
    except ValueError as error:
        raise Invalid(
            "bad_tariff", _("These terms are no tariff: %(error)s"), error=str(error),
            fields={"terms": str(error)},
        ) from error  # fmt: skip


def version_at(tariff_id: int, at: datetime) -> TariffVersion:
    """The version that holds at `at`, marked as used; before the first one, the first one.

    Raises Refused for a tariff without a version.
    """
    versions = TariffVersion.objects.filter(tariff_id=tariff_id)
    version = versions.filter(valid_from__lte=at).order_by("-valid_from").first()
    version = version or versions.order_by("valid_from").first()
    if version is None:
        raise Refused("no_tariff", _("This section has no tariff yet."))
    if version.first_used_at is None:
        versions.filter(pk=version.pk, first_used_at=None).update(first_used_at=clock.now())
    return version


def bill_of(stay: ParkingSession, until: datetime) -> Bill:
    """The bill of a stay up to `until`, by its own tariff version; a capped one up to its cap."""
    if stay.capped_at is not None:
        until = min(until, stay.capped_at)
    tariff = pricing.Tariff.from_json(stay.tariff_version.terms)
    raise NotImplementedError(tariff)
