"""A provider's bill of a day: fetched, matched both ways, answered, and closed for good."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import InternalError, transaction
from django.db.utils import IntegrityError

from accounts.models import User
from config.local import billing
from core import clock as business_clock
from core.calendar import CITY
from core.errors import Missing, Refused
from core.models import AuditEntry
from payments import providers, services, tasks
from payments.models import Attempt, BillDay, BillDifference, BillEntry, Order, Refund
from payments.models.bills import WORDS
from payments.providers.base import Bill
from payments.rules.bills import BillRow, BillSums, Gap, fee_mils
from payments.services import bills
from payments.services.refunds import finish_refund
from tests.payments.conftest import TEST, open_order
from tests.payments.servers import WeChatServer, serving
from tests.trail import said

pytestmark = pytest.mark.django_db
DAY = date(2026, 3, 2)
NAME = "2026-03-02"


@pytest.fixture
def wechat(settings: Any) -> Iterator[WeChatServer]:
    server = WeChatServer()
    with serving(server) as url:
        settings.BOWEI_PAYMENTS = {"wechat": {**server.settings(url), "rate": "0.60"}}
        providers.forget()
        yield server


@pytest.fixture
def day() -> BillDay:
    return BillDay.objects.create(
        provider="wechat", billed="1900000109", day=DAY, next_look_at=bills.ready_at(DAY)
    )


@pytest.fixture
def finance(db: None) -> User:
    return User.objects.create_user("finance", password="x" * 12)


@pytest.fixture
def morning(monkeypatch: pytest.MonkeyPatch) -> Any:
    """It is this hour of the morning after the day, for whoever asks for the real time."""

    def is_now(hour: int, minute: int = 0, days: int = 1) -> None:
        at = datetime(2026, 3, 2, hour, minute, tzinfo=CITY) + timedelta(days=days)
        monkeypatch.setattr(business_clock, "real", lambda: at)

    return is_now


def at(hour: int = 10, minute: int = 0) -> datetime:
    return datetime(2026, 3, 2, hour, minute, tzinfo=CITY)


def paid(merchant: Any, wechat: WeChatServer, fen: int = 600) -> Attempt:
    """A payment through WeChat at ten on the day."""
    order = open_order(merchant, fen)
    attempt = services.begin_attempt(
        order_id=order.pk, provider="wechat", return_url="/", actor="owner", client_ip="203.0.113.9"
    )
    services.take_payment(
        attempt.pk,
        provider_no="42" + attempt.out_trade_no,
        paid_at=at(),
        actor="provider:wechat",
    )
    attempt.refresh_from_db()
    return attempt


def row(attempt: Attempt, **other: Any) -> BillRow:
    facts: dict[str, Any] = {
        "kind": "payment",
        "number": attempt.out_trade_no,
        "provider_no": attempt.provider_no,
        "amount_fen": attempt.amount_fen,
        "fee_mils": fee_mils(attempt.amount_fen, 6000),
        "at": at(),
        "merchant": "1900000109",
    }
    return BillRow(**facts | other)


def given_back(attempt: Attempt, fen: int) -> Refund:
    """A part of it went back on the day."""
    back = services.refund(
        item_id=attempt.order.items.get().pk, amount_fen=fen, reason="x", actor=TEST, key="back"
    )
    with transaction.atomic():
        finish_refund(back, provider_no="50", actor="provider:wechat")
    Refund.objects.update(asked_at=at(), done_at=at())
    back.refresh_from_db()
    return back


def gaps(day: BillDay, **where: Any) -> list[tuple[str, str]]:
    rows = BillDifference.objects.filter(bill_day=day, **where).order_by("pk")
    return [(one.gap, one.state) for one in rows]


def test_a_day_on_which_all_agree_is_matched_without_a_difference(wechat, merchant, day) -> None:
    attempt = paid(merchant, wechat)
    back = given_back(attempt, 250)
    wechat.bills[NAME] = billing.wechat(
        [
            row(attempt),
            row(attempt, kind="refund", refund_number=back.out_refund_no, amount_fen=250),
        ]
    )
    assert services.fetch_bill(day.pk) == "matched"
    day.refresh_from_db()
    assert gaps(day) == []
    assert (day.payments, day.payments_fen, day.refunds, day.refunds_fen) == (1, 600, 1, 250)
    assert (day.ours_fen, day.ours_back_fen, day.fees_fen) == (600, 250, 0)
    assert len(day.digest) == 64
    assert day.next_look_at is None


def test_what_the_bill_says_of_payers_is_not_kept(wechat, merchant, day) -> None:
    wechat.bills[NAME] = billing.wechat([row(paid(merchant, wechat))])
    services.fetch_bill(day.pk)
    kept = BillEntry.objects.get()
    assert "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o" not in str(vars(kept))


def test_each_side_s_own_payments_and_refunds_are_told(wechat, merchant, day) -> None:
    attempt = paid(merchant, wechat)
    given_back(attempt, 250)
    strange = row(attempt, number="PX", provider_no="9")
    strange_back = row(attempt, kind="refund", refund_number="RX", amount_fen=1)
    wechat.bills[NAME] = billing.wechat([strange, strange_back])
    services.fetch_bill(day.pk)
    assert sorted(gap for gap, _state in gaps(day)) == [
        "missing_here",
        "missing_there",
        "refund_missing_here",
        "refund_missing_there",
    ]
    mine = BillDifference.objects.get(gap="missing_there")
    assert (mine.number, mine.ours_fen, mine.attempt) == (attempt.out_trade_no, 600, attempt)


def test_a_second_payment_that_went_back_as_a_credit_is_no_difference(
    wechat, merchant, day
) -> None:
    first = paid(merchant, wechat)
    second = Attempt.objects.create(
        order=first.order,
        provider="wechat",
        account=first.account,
        out_trade_no="SECOND1",
        amount_fen=600,
        created_at=at(),
        expires_at=at(),
    )
    services.take_payment(second.pk, provider_no="43", paid_at=at(), actor="provider:wechat")
    second.refresh_from_db()
    wechat.bills[NAME] = billing.wechat([row(first), row(second)])
    services.fetch_bill(day.pk)
    assert gaps(day) == []


def test_money_that_moved_to_another_thing_is_no_difference(wechat, merchant, day) -> None:
    attempt = paid(merchant, wechat)
    item = attempt.order.items.get()
    services.move(
        item_id=item.pk,
        amount_fen=200,
        payable=item.payable,
        subject_id=9,
        merchant_id=merchant.pk,
        title="x",
        actor=TEST,
        reason="x",
    )
    wechat.bills[NAME] = billing.wechat([row(attempt)])
    services.fetch_bill(day.pk)
    assert gaps(day) == []


def test_a_payment_of_another_amount_that_was_taken_as_it_came_is_no_difference(
    wechat, merchant, day
) -> None:
    order = open_order(merchant, 600)
    attempt = services.begin_attempt(
        order_id=order.pk, provider="wechat", return_url="/", actor="owner", client_ip="203.0.113.9"
    )
    Attempt.objects.update(reported_fen=500, provider_no="42", paid_at=at())
    services.accept_reported(attempt_id=attempt.pk, actor=TEST)
    attempt.refresh_from_db()
    wechat.bills[NAME] = billing.wechat([row(attempt, amount_fen=500, fee_mils=3000)])
    services.fetch_bill(day.pk)
    assert gaps(day) == []


def test_a_payment_that_the_bill_of_the_next_day_holds_is_found_there(
    wechat, merchant, day
) -> None:
    attempt = paid(merchant, wechat)
    wechat.bills[NAME] = billing.wechat([])
    assert services.fetch_bill(day.pk) == "matched"
    assert gaps(day) == [("missing_there", "open")]
    after = BillDay.objects.create(provider="wechat", billed="1900000109", day=date(2026, 3, 3))
    late = datetime(2026, 3, 3, 0, 0, 1, tzinfo=CITY)
    wechat.bills["2026-03-03"] = billing.wechat([row(attempt, at=late)])
    services.fetch_bill(after.pk)
    assert gaps(day) == [("missing_there", "gone")]
    assert gaps(after) == [("other_day", "open")]


def test_a_bill_is_fetched_from_ten_on_the_next_morning(wechat, day, morning) -> None:
    morning(9, 59)
    assert tasks.look_at_bills() == 0
    morning(10)
    assert tasks.look_at_bills() == 1
    day.refresh_from_db()
    assert day.next_look_at == business_clock.real() + timedelta(minutes=10)


@pytest.mark.parametrize(("hour", "minute", "waits"), [(11, 59, False), (12, 0, True)])
def test_a_bill_that_is_not_there_two_hours_later_is_an_alarm(
    wechat, merchant, day, morning, hour: int, minute: int, waits: bool
) -> None:
    paid(merchant, wechat)
    morning(hour, minute)
    assert services.fetch_bill(day.pk) == "awaited"
    day.refresh_from_db()
    assert (day.person_since is not None, day.looks) == (waits, 1)
    assert day.problem == "the provider has no bill of this day"


def test_a_day_without_money_needs_no_bill(wechat, day, morning) -> None:
    morning(11, 59)
    assert services.fetch_bill(day.pk) == "awaited"
    morning(12)
    assert services.fetch_bill(day.pk) == "matched"
    assert gaps(day) == []


def test_what_is_not_the_bill_is_an_alarm_at_once(wechat, merchant, day, morning) -> None:
    morning(10)
    wechat.bills[NAME] = billing.wechat([row(paid(merchant, wechat))])
    wechat.spoil_bills = True
    assert services.fetch_bill(day.pk) == "awaited"
    day.refresh_from_db()
    assert day.person_since is not None
    assert day.problem == "not the bill: another digest"
    assert not BillEntry.objects.exists()
    wechat.spoil_bills = False
    assert services.fetch_bill(day.pk) == "matched"
    day.refresh_from_db()
    assert (day.person_since, day.problem) == (None, "")


def test_no_answer_leaves_the_day_awaited(settings, wechat, day, morning) -> None:
    morning(10)
    away = {**settings.BOWEI_PAYMENTS["wechat"], "gateway": "http://127.0.0.1:9"}
    settings.BOWEI_PAYMENTS = {"wechat": away}
    providers.forget()
    assert services.fetch_bill(day.pk) == "awaited"
    settings.BOWEI_PAYMENTS = {}
    assert services.fetch_bill(day.pk) == "awaited"
    day.refresh_from_db()
    assert day.person_since is not None  # nobody can ask any more


def test_an_answer_that_is_older_than_the_bill_says_nothing_of_the_day(
    wechat, day, morning
) -> None:
    """Two ask at once: one is given the bill, the other an error, which is told later."""
    morning(12)
    bills.take_bill(day.pk, Bill([], BillSums(), ""))
    bills._not_yet(day, "no answer", now=True)
    day.refresh_from_db()
    assert (day.state, day.problem, day.looks, day.person_since) == ("matched", "", 0, None)


def test_each_night_expects_the_days_since_the_last_one(wechat, merchant, morning) -> None:
    morning(2)
    assert services.expect_bills() == 1
    assert services.expect_bills() == 0
    morning(2, days=4)
    assert services.expect_bills() == 3
    days = BillDay.objects.order_by("day").values_list("day", "next_look_at")
    assert days[0] == (DAY, datetime(2026, 3, 3, 10, tzinfo=CITY))
    assert [one.day for one, _at in days] == [2, 3, 4, 5]


def test_the_first_night_goes_back_to_the_first_payment(wechat, merchant, morning) -> None:
    paid(merchant, wechat)
    morning(2, days=3)
    assert services.expect_bills() == 3
    BillDay.objects.all().delete()
    morning(2, days=200)  # no bill is handed out so late
    assert services.expect_bills() == 86


def test_what_is_told_later_goes_by_itself(wechat, merchant, day) -> None:
    order = open_order(merchant, 600)
    attempt = services.begin_attempt(
        order_id=order.pk, provider="wechat", return_url="/", actor="owner", client_ip="203.0.113.9"
    )
    wechat.bills[NAME] = billing.wechat([row(attempt, provider_no="42")])
    services.fetch_bill(day.pk)
    assert gaps(day) == [("not_paid_here", "open")]
    services.take_payment(attempt.pk, provider_no="42", paid_at=at(), actor="provider:wechat")
    assert tasks.match_again() == 0  # weeks later no more
    assert services.match_bill(day.pk) == 0
    assert gaps(day) == [("not_paid_here", "gone")]
    Attempt.objects.update(provider_no="44")
    services.match_bill(day.pk)
    Attempt.objects.update(provider_no="42")
    services.match_bill(day.pk)
    Attempt.objects.update(provider_no="44")
    services.match_bill(day.pk)
    assert gaps(day) == [("not_paid_here", "gone"), ("other_number", "open")]
    told = [(one[3]["found"], one[3]["gone"]) for one in said(day)]
    assert told == [(1, 0), (0, 1), (1, 0), (0, 1), (1, 0)]
    assert said(day)[0][:2] == ("matched", "system:payments.bills")


def test_the_days_of_the_last_weeks_are_matched_anew_each_night(
    wechat, day, morning, monkeypatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(tasks.match_bill, "delay", asked.append)
    morning(2, days=35)
    tasks.match_again()
    assert asked == []  # its bill is not there
    BillDay.objects.update(state="matched")
    tasks.match_again()
    assert asked == [day.pk]
    morning(2, days=36)
    assert tasks.match_again() == 0


def different(wechat: WeChatServer, merchant: Any, day: BillDay) -> BillDifference:
    paid(merchant, wechat)
    wechat.bills[NAME] = billing.wechat([])
    services.fetch_bill(day.pk)
    return BillDifference.objects.get()


def test_a_difference_has_one_owner_and_an_answer(wechat, merchant, day, finance) -> None:
    one = different(wechat, merchant, day)
    other = User.objects.create_user("other", password="x" * 12)
    me, them = f"user:{finance.pk}", f"user:{other.pk}"
    assert services.take_difference(one.pk, actor=me)
    assert not services.take_difference(one.pk, actor=me)
    with pytest.raises(Refused, match="another_s"):
        services.answer_difference(one.pk, answer="x", actor=them)
    assert services.take_difference(one.pk, actor=them)
    with pytest.raises(Refused, match="no_answer"):
        services.answer_difference(one.pk, answer=" ", actor=them)
    services.answer_difference(one.pk, answer=" paid in cash ", actor=them)
    one.refresh_from_db()
    assert (one.state, one.answer, one.owner) == ("answered", "paid in cash", other)
    with pytest.raises(Refused, match="answered"):
        services.answer_difference(one.pk, answer="again", actor=them)
    with pytest.raises(Refused, match="answered"):
        services.take_difference(one.pk, actor=me)
    with pytest.raises(Missing):
        services.take_difference(0, actor=me)
    assert said(one) == [
        ("taken", me, "", {"before": None}),
        ("taken", them, "", {"before": finance.pk}),
    ]


def test_whoever_answers_what_nobody_took_is_its_owner(wechat, merchant, day, finance) -> None:
    one = different(wechat, merchant, day)
    services.answer_difference(one.pk, answer="x", actor=f"user:{finance.pk}")
    one.refresh_from_db()
    assert one.owner == finance


def test_a_day_is_closed_once_everything_is_answered(wechat, merchant, day, finance) -> None:
    me = f"user:{finance.pk}"
    with pytest.raises(Refused, match="no_bill"):
        services.close_day(day.pk, actor=me)
    one = different(wechat, merchant, day)
    with pytest.raises(Refused, match="still_open"):
        services.close_day(day.pk, actor=me)
    services.answer_difference(one.pk, answer="x", actor=me)
    services.close_day(day.pk, actor=me)
    day.refresh_from_db()
    assert (day.state, day.closed_by) == ("closed", finance)
    with pytest.raises(Refused, match="closed"):
        services.close_day(day.pk, actor=me)
    with pytest.raises(Missing):
        services.close_day(0, actor=me)


def closed(wechat: WeChatServer, merchant: Any, day: BillDay, finance: User) -> Attempt:
    """A day with a difference that was answered, closed."""
    attempt = paid(merchant, wechat)
    wechat.bills[NAME] = billing.wechat([row(attempt, provider_no="43")])
    services.fetch_bill(day.pk)
    one = BillDifference.objects.get()
    services.answer_difference(one.pk, answer="x", actor=f"user:{finance.pk}")
    services.close_day(day.pk, actor=f"user:{finance.pk}")
    return attempt


def test_what_is_found_after_the_day_was_closed_is_a_difference_of_its_own(
    wechat, merchant, day, finance
) -> None:
    closed(wechat, merchant, day, finance)
    before = BillDay.objects.values().get()
    assert services.match_bill(day.pk) == 0  # what was answered is not asked again
    late = paid(merchant, wechat, 300)  # the provider told us only now
    assert services.match_bill(day.pk) == 1
    assert gaps(day, late=False) == [("other_number", "answered")]
    assert gaps(day, late=True) == [("missing_there", "open")]
    assert BillDay.objects.values().get() == before
    Attempt.objects.filter(pk=late.pk).update(paid_at=at() + timedelta(days=3))
    services.match_bill(day.pk)
    assert gaps(day, late=True) == [("missing_there", "gone")]
    Attempt.objects.filter(pk=late.pk).update(paid_at=at())
    services.match_bill(day.pk)
    assert gaps(day, late=True) == [("missing_there", "open")]
    again = BillDifference.objects.get(late=True)
    services.answer_difference(again.pk, answer="x", actor=f"user:{finance.pk}")
    assert BillDay.objects.values().get() == before


def test_what_had_gone_before_the_day_was_closed_comes_back_as_late(
    wechat, merchant, day, finance
) -> None:
    attempt = paid(merchant, wechat)
    wechat.bills[NAME] = billing.wechat([row(attempt)])
    Attempt.objects.update(provider_no="44")
    services.fetch_bill(day.pk)
    Attempt.objects.update(provider_no=attempt.provider_no)
    services.match_bill(day.pk)
    assert gaps(day) == [("other_number", "gone")]
    services.close_day(day.pk, actor=f"user:{finance.pk}")
    Attempt.objects.update(provider_no="44")
    services.match_bill(day.pk)
    assert gaps(day, late=False) == [("other_number", "gone")]
    assert gaps(day, late=True) == [("other_number", "open")]


def test_the_database_refuses_to_change_a_closed_day(wechat, merchant, day, finance) -> None:
    closed(wechat, merchant, day, finance)
    acts: list[Any] = [
        lambda: BillDay.objects.update(payments_fen=1),
        lambda: BillDifference.objects.update(answer="y"),
        lambda: BillDifference.objects.all().delete(),
        lambda: BillDifference.objects.create(bill_day=day, gap="sums", found_at=at()),
    ]
    for act in acts:
        refused = pytest.raises((IntegrityError, InternalError), match="stays as it is")
        with refused, transaction.atomic():
            act()


def test_a_bill_that_comes_twice_is_taken_once(wechat, merchant, day) -> None:
    attempt = paid(merchant, wechat)
    wechat.bills[NAME] = billing.wechat([row(attempt)])
    bill = providers.bills("wechat", "1900000109").bill(DAY)
    assert bills.take_bill(day.pk, bill)
    assert not bills.take_bill(day.pk, bill)
    assert services.fetch_bill(day.pk) == "matched"
    assert BillEntry.objects.count() == 1
    moves = AuditEntry.objects.filter(subject="payments.billday", to_state="matched")
    assert [one.actor for one in moves] == ["provider:wechat"]


def test_every_kind_of_difference_has_its_word() -> None:
    assert set(WORDS) == set(Gap)
    assert len({str(word) for word in WORDS.values()}) == len(Gap) == 30


def test_an_order_whose_things_took_another_sum_is_told(wechat, merchant, day) -> None:
    attempt = paid(merchant, wechat)
    attempt.order.items.update(taken_fen=500)
    wechat.bills[NAME] = billing.wechat([row(attempt)])
    services.fetch_bill(day.pk)
    assert gaps(day) == [("unshared", "open")]
    assert Order.objects.get().state == "paid"
