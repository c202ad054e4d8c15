"""The merchant's page of devices: which are there, which are silent, what they need."""

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.guards import merchant_page
from core.lists import in_order
from core.states import States
from devices import selectors
from devices.forms import DeviceFilter
from devices.models import Device
from devices.states import Reach

SORTS = {"code": "code", "kind": "kind", "heard": "last_heard_at"}


@merchant_page("see")
def device_list(request: HttpRequest) -> HttpResponse:
    """All devices of the merchant in service; `kind` filters, `sort` orders."""
    merchant_id = request.merchant.pk  # type: ignore[attr-defined]
    form = DeviceFilter(request.GET)
    kind = form.cleaned_data["kind"] if form.is_valid() else ""
    rows = selectors.devices_of(merchant_id, kind or None)
    rows, sort = in_order(rows, request.GET.get("sort", ""), SORTS, default="code")
    page = Paginator(rows, 50).get_page(request.GET.get("page"))
    return render(
        request,
        "devices/merchant_list.html",
        {
            "page": page,
            "devices": [_row(device) for device in page],
            "counts": selectors.counts_of(merchant_id),
            "form": form,
            "sort": sort,
            "topic": f"merchant:{merchant_id}",
        },
    )


def _row(device: Device) -> dict[str, Any]:
    battery_pct = device.facts.get("battery_pct")
    return {
        "code": device.code,
        "name": device.name,
        "kind": device.get_kind_display(),
        "state": _state(device),
        "heard_at": device.last_heard_at,
        "battery_pct": battery_pct,
        "position": device.facts.get("position") if device.abilities.is_lock else None,
        "tampered": bool(device.facts.get("tampered")),
    }


def _state(device: Device) -> States:
    """One word for a person; the row's age says for how long."""
    if device.state == Device.State.ENROLLED:
        return Device.State.ENROLLED
    return Reach.ONLINE if device.online else Reach.SILENT
