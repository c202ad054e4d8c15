"""The merchant's page of devices: which are there, which are silent, what they need."""

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render

from accounts.guards import file_of, merchant_page
from devices import selectors
from devices.tables import DeviceTable


@merchant_page("see")
def device_list(request: HttpRequest) -> HttpResponseBase:
    """All devices of the merchant in service."""
    merchant_id = request.merchant.pk  # type: ignore[attr-defined]
    table = DeviceTable(request, selectors.devices_of(merchant_id))
    if file := file_of(request, table):
        return file
    context = {
        "table": table,
        "counts": selectors.counts_of(merchant_id),
        "topic": f"merchant:{merchant_id}",
    }
    return render(request, "devices/merchant_list.html", context)
