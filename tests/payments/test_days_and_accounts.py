"""Then is then: the day of a payment, the account that began it (docs/rules.md L9)."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from core import clock as business_clock
from payments import providers, selectors, services
from payments.models import Attempt, LedgerEntry, Notification, Order, SandboxTrade
from tests.payments.conftest import begin, books, tell
from tests.payments.servers import WeChatServer, serving
from tests.payments.test_wechat import begin as begin_wechat

CITY = ZoneInfo("Asia/Shanghai")


# ── The day ─────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("late_min", [5, 9 * 60, 26 * 60])
def test_a_payment_stands_on_its_own_day_and_says_when_we_heard_of_it(
    order: Order, merchant: Any, merchant_client: Any, clock: Any, late_min: int
) -> None:
    attempt = begin(order)
    heard = datetime(2026, 3, 2, 23, 59, tzinfo=CITY) + timedelta(minutes=late_min)
    clock.hold(heard)
    paid_at = business_clock.real() - timedelta(minutes=late_min)
    SandboxTrade.objects.update(state="paid", paid_at=paid_at)
    assert tell(attempt).status == 204
    first, second = (datetime(2026, 3, day, tzinfo=CITY) for day in (2, 3))
    assert selectors.earned_fen(merchant.pk, since=first, until=second) == 600
    assert selectors.earned_fen(merchant.pk, since=second, until=heard + timedelta(1)) == 0
    entry = LedgerEntry.objects.get(amount_fen=-600)
    assert entry.told_at == heard
    days = {"since": "2026-03-02", "until": "2026-03-02"}
    page = merchant_client.get("/merchant/money/", days).content.decode()
    assert order.number in page


def test_what_was_heard_of_on_its_day_says_nothing_of_it(order: Order, clock: Any) -> None:
    services.pay_at_counter(order.pk, "user:1")
    assert {one.told_at for one in LedgerEntry.objects.all()} == {None}


# ── The account ─────────────────────────────────────────────────────────────────────────────────
@contextmanager
def exchanged(order: Order, settings: Any, *, until: str | None) -> Iterator[tuple[Any, Attempt]]:
    """An attempt was begun and paid, nobody told us, and the merchant number is another now."""
    old, new = WeChatServer(), WeChatServer()
    new.SETTINGS = {**WeChatServer.SETTINGS, "mchid": "1900000222"}  # type: ignore[misc]
    with serving(old) as here, serving(new) as there:
        settings.BOWEI_PAYMENTS = {"wechat": old.settings(here)}
        providers.forget()
        attempt = begin_wechat(order)
        old.pay(attempt.out_trade_no)
        now: dict[str, Any] = new.settings(there)
        if until:
            now["former"] = [{**old.settings(here), "until": until}]
        settings.BOWEI_PAYMENTS = {"wechat": now}
        providers.forget()
        hour_ago = business_clock.real() - timedelta(hours=1)
        Attempt.objects.update(created_at=hour_ago, expires_at=hour_ago + timedelta(minutes=15))
        yield old, attempt


def test_the_account_that_began_a_payment_is_asked_about_it(order: Order, settings: Any) -> None:
    with exchanged(order, settings, until="2999-12-31"):
        assert services.query_attempt(Attempt.objects.get().pk) == "paid"
        assert books()["provider:wechat"] == 600
        another = services.refund(
            item_id=order.items.get().pk, amount_fen=100, reason="x", actor="user:1", key="x"
        )
        assert services.carry_out_refund(another.pk) == "done"


def test_a_late_message_to_a_former_account_counts(order: Order, settings: Any) -> None:
    with exchanged(order, settings, until="2999-12-31") as (old, attempt):
        message = old.notification(old.resource(attempt.out_trade_no))
        assert services.receive_notification("wechat", *message).status == 204
        assert Attempt.objects.get().state == "paid"


@pytest.mark.parametrize("until", [None, "2020-01-01"])
def test_an_account_that_never_heard_of_it_proves_nothing(
    order: Order, settings: Any, until: str | None
) -> None:
    with exchanged(order, settings, until=until) as (old, attempt):
        assert services.query_attempt(attempt.pk) == "pending"
        message = old.notification(old.resource(attempt.out_trade_no))
        assert services.receive_notification("wechat", *message).status == 401
        assert [one.number for one in selectors.waiting()] == [attempt.out_trade_no]


def test_a_message_that_was_refused_counts_once_its_account_is_known_again(
    order: Order, settings: Any
) -> None:
    with exchanged(order, settings, until=None) as (old, attempt):
        message = old.notification(old.resource(attempt.out_trade_no))
        assert services.receive_notification("wechat", *message).status == 401
        notice = Notification.objects.get()
        assert (notice.verified, notice.next_try_at, books()) == (False, None, {})
        now = settings.BOWEI_PAYMENTS["wechat"]
        known = {**now, "former": [{**WeChatServer.SETTINGS, **_keys(now), "until": "2999-12-31"}]}
        settings.BOWEI_PAYMENTS = {"wechat": known}
        providers.forget()
        assert services.receive_notification("wechat", *message).status == 204
        notice.refresh_from_db()
        assert (notice.verified, notice.kind, notice.times) == (True, "payment", 2)
        assert (notice.out_trade_no, notice.problem) == (attempt.out_trade_no, "")
        assert books()["provider:wechat"] == 600

        settings.BOWEI_PAYMENTS = {"wechat": now}  # what is done is not read again
        providers.forget()
        assert services.process_notification(notice.pk) == ""


def _keys(known: dict[str, Any]) -> dict[str, Any]:
    return {name: known[name] for name in ("private_key", "public_key", "gateway")}


@pytest.mark.parametrize(("begun_by", "status"), [("old", 500), ("new", 204), ("", 204)])
def test_an_account_tells_of_payments_that_it_began(
    order: Order, settings: Any, begun_by: str, status: int
) -> None:
    """What was begun before accounts were told apart, any of ours may tell."""
    with exchanged(order, settings, until="2999-12-31") as (old, attempt):
        names = {"old": attempt.account, "new": providers.account_now("wechat"), "": ""}
        Attempt.objects.update(account=names[begun_by])
        new = WeChatServer()
        new.trades = old.trades
        resource = {**old.resource(attempt.out_trade_no), "mchid": "1900000222"}
        answer = services.receive_notification("wechat", *new.notification(resource))
        assert answer.status == status
        assert Notification.objects.get().problem == (
            "begun by another account" if status == 500 else ""
        )
        assert bool(books()) == (status == 204)


def test_who_pays_after_the_exchange_is_sent_to_the_account_of_today(
    order: Order, settings: Any
) -> None:
    with exchanged(order, settings, until="2999-12-31") as (_old, attempt):
        Attempt.objects.update(expires_at=business_clock.real() + timedelta(minutes=10))
        again = begin_wechat(order)
        assert again.pk != attempt.pk
        assert (attempt.account, again.account) == (
            "1900000109/wxd678efh567hg6787",
            "1900000222/wxd678efh567hg6787",
        )
