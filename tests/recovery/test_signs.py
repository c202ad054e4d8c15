"""The code on a lock: printed, leads whoever stands before it to its order, and can be ended."""

from typing import Any

import pytest
from django.test import Client

from core.models import AuditEntry
from devices.models import Device
from recovery import services
from recovery.links import lock_url
from recovery.models import LockSign, RecoveryOrder
from tests.people import logged_in, with_rights

ENGLISH = {"accept-language": "en"}


def path_of(lock: Device, version: int = 1) -> str:
    return "/lock/" + lock_url(lock.code, version).partition("/lock/")[2]


def test_the_code_on_a_lock_leads_to_its_order(order: RecoveryOrder, anonymous: Client) -> None:
    assert anonymous.get(path_of(order.device))["Location"] == f"/r/{order.token}/"


def test_a_lock_that_serves_nobody_asks_for_nothing(lock: Device, anonymous: Client) -> None:
    page = anonymous.get(path_of(lock), headers=ENGLISH)
    assert "Nothing is asked for by it." in page.content.decode()


@pytest.mark.parametrize("tag", ["x", "a" * 16, "é"])
def test_a_guessed_address_opens_nothing(order: RecoveryOrder, anonymous: Client, tag: str) -> None:
    assert anonymous.get(f"/lock/{order.device.code}/{tag}/").status_code == 404
    assert anonymous.get(f"/lock/nothing/{tag}/").status_code == 404


def test_all_locks_of_the_merchant_are_printed(
    lock: Device, merchant_client: Client, other_merchant_client: Client
) -> None:
    answer = merchant_client.post("/merchant/recovery/signs/")
    assert answer["Content-Type"] == "application/pdf"
    assert AuditEntry.objects.get(action="sign_printed").subject_id == lock.pk
    none = other_merchant_client.post("/merchant/recovery/signs/", follow=True, headers=ENGLISH)
    assert "You have no lock yet." in none.content.decode()


def test_a_code_that_was_copied_is_made_worthless(
    order: RecoveryOrder, merchant: Any, anonymous: Client
) -> None:
    services.print_lock_signs(merchant_id=merchant.pk, actor="user:1")
    sign = LockSign.objects.get()
    client = logged_in(
        with_rights("signer", "recovery.view_locksign", "recovery.readdress_locksign")
    )
    client.post(
        "/admin/recovery/locksign/",
        {"action": "make_new_addresses", "_selected_action": [sign.pk]},
    )
    assert anonymous.get(path_of(order.device)).status_code == 404
    assert anonymous.get(path_of(order.device, 2)).status_code == 302
    assert AuditEntry.objects.get(action="readdressed").facts["version"] == 2
