"""All pages that can be looked at in a town as it stands: for pictures and for browser tests."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.urls import reverse

from accounts.entering import PROVED
from accounts.models import User
from accounts.states import HoldingState
from accounts.visits import SessionStore
from arrears.models import Assessment, Debt, Demand
from arrears.selectors import object_path, why_path
from arrears.selectors.calls import By, Call
from arrears.states import AssessmentState, DemandState
from core import clock
from monthlycard.models import Deduction
from parking import selectors
from parking.links import stay_token
from parking.models import Berth, ParkingSession, Prepayment, ReviewItem, StayPayment
from parking.states import ReviewState, StayState
from payments.models import CashShift, Order, SandboxTrade
from payments.selectors import payouts_of
from payments.states import OrderState
from recovery.models import RecoveryOrder

OWNER, MERCHANT, OPERATOR = "owner", "merchant", "operator"
LISTS = (  # of the desk, each one of its kind
    "parking_parkingsession",
    "parking_reviewitem",
    "core_auditentry",
    "core_outage",
    "arrears_debt",
    "arrears_listingrule",
    "monthlycard_card",
    "devices_devicemessage",
    "accounts_proposal",
    "parking_cameratrust",
    "payments_billday",
    "payments_billdifference",
    "payments_payout",
    "payments_payee",
    "payments_payoutterms",
)


@dataclass(frozen=True, slots=True)
class Page:
    """One page: whose it is, its name in file names, and where it is."""

    audience: str
    name: str
    path: str


def tour() -> list[Page]:
    """Every page that the rows of this database make possible, owners' first."""
    return [*_owner(), *_merchant(), *_operator()]


def _owner() -> Iterator[Page]:
    yield Page(OWNER, "home", reverse("parking.home"))
    yield Page(OWNER, "login", reverse("accounts.owner_login"))
    yield Page(OWNER, "real", reverse("core.real"))
    yield Page(OWNER, "report", reverse("parking.report_sign"))
    yield Page(OWNER, "nothing", "/no-such-page/")
    for state in (StayState.PARKED, StayState.DUE):
        stay = ParkingSession.objects.filter(state=state).order_by("pk").first()
        if stay is not None and state == StayState.PARKED:
            yield Page(OWNER, "berth", selectors.berth_path(stay.berth.code))
            others = ParkingSession.objects.filter(state=state).exclude(plate_text=stay.plate_text)
            for other in others.exclude(plate_text="").order_by("pk")[:1]:
                yield Page(OWNER, "number", reverse("parking.berth", args=[other.berth.code]))
        if stay is not None:
            token = stay_token(stay.pk, full=True)
            yield Page(OWNER, f"stay-{state}", reverse("parking.stay", args=[token]))
    empty = Berth.objects.exclude(stays__state=StayState.PARKED).order_by("pk").first()
    if empty is not None:
        yield Page(OWNER, "berth-empty", selectors.berth_path(empty.code))
    yield Page(OWNER, "prepay", reverse("parking.prepay"))
    for draft in Prepayment.objects.order_by("state", "pk").distinct("state"):
        path = reverse("parking.prepay_order", args=[draft.token])
        yield Page(OWNER, f"prepay-{draft.state}", path)
    for paid, name in ((OrderState.OPEN, "payments.order"), (OrderState.PAID, "payments.done")):
        order = Order.objects.filter(state=paid).order_by("pk").last()
        if order is not None:
            yield Page(OWNER, f"order-{paid}", reverse(name, args=[order.token]))
        if order is not None and paid == OrderState.PAID:
            yield Page(OWNER, "invoice", reverse("payments.invoice", args=[order.token]))
    paid_while_parked = StayPayment.objects.filter(stay__state=StayState.PARKED).first()
    if paid_while_parked is not None:
        order = Order.objects.get(number=paid_while_parked.order_number)
        yield Page(OWNER, "correct", reverse("parking.correct_paid", args=[order.token]))
        yield Page(OWNER, "more", reverse("parking.more_paid", args=[order.token]))
    trade = SandboxTrade.objects.order_by("pk").last()
    if trade is not None:
        yield Page(OWNER, "sandbox", reverse("payments.sandbox", args=[trade.out_trade_no]))
    yield Page(OWNER, "dues", reverse("arrears.dues"))
    yield Page(OWNER, "receipts", reverse("parking.receipts"))
    debt = Debt.objects.order_by("pk").first()
    if debt is not None:
        yield Page(OWNER, "object", object_path([debt.stay_id]))
        token = stay_token(debt.stay_id)
        yield Page(OWNER, "contest", reverse("arrears.contest", args=[token]))
    decided = Assessment.objects.filter(state=AssessmentState.DONE).order_by("pk").last()
    if decided is not None:
        yield Page(OWNER, "why", why_path(decided.stay_id))
    for recovery in RecoveryOrder.objects.order_by("state", "pk").distinct("state"):
        path = reverse("recovery.order", args=[recovery.token])
        yield Page(OWNER, f"recovery-{recovery.state}", path)
    yield Page(OWNER, "cards", reverse("monthlycard.cards"))
    deduction = Deduction.objects.filter(card__user=_owner_user()).order_by("pk").first()
    if deduction is not None:
        yield Page(OWNER, "deduction", reverse("monthlycard.deduction", args=[deduction.pk]))
    yield Page(OWNER, "plates", reverse("accounts.plates"))


def _merchant() -> Iterator[Page]:
    yield Page(MERCHANT, "login", reverse("accounts.login"))
    yield Page(MERCHANT, "forgot", reverse("accounts.forgot"))
    yield Page(MERCHANT, "account", reverse("accounts.account"))
    yield Page(MERCHANT, "factor", reverse("accounts.factor"))
    yield Page(MERCHANT, "password", reverse("accounts.password"))
    yield Page(MERCHANT, "again", reverse("accounts.again"))
    yield Page(MERCHANT, "street", reverse("parking.street"))
    yield Page(MERCHANT, "stays", reverse("parking.stays"))
    merchant_id = _merchant_user().memberships.values_list("merchant_id", flat=True)[0]
    own = ParkingSession.objects.filter(merchant_id=merchant_id)
    stay = own.order_by("pk").first()
    if stay is not None:
        yield Page(MERCHANT, "stay", reverse("parking.merchant_stay", args=[stay.pk]))
    review = ReviewItem.objects.filter(merchant_id=merchant_id, state=ReviewState.OPEN).first()
    if review is not None:
        yield Page(MERCHANT, "review", reverse("parking.review", args=[review.pk]))
    yield Page(MERCHANT, "permits", reverse("parking.permits"))
    yield Page(MERCHANT, "signs", reverse("parking.signs"))
    yield Page(MERCHANT, "debts", reverse("arrears.debts"))
    yield Page(MERCHANT, "looks", reverse("arrears.looks"))
    yield Page(MERCHANT, "proposals", reverse("accounts.proposals"))
    yield Page(MERCHANT, "recovery", reverse("recovery.list"))
    yield Page(MERCHANT, "recovery-new", reverse("recovery.new"))
    mine = RecoveryOrder.objects.filter(merchant_id=merchant_id)
    for order in mine.order_by("state", "pk").distinct("state"):
        path = reverse("recovery.detail", args=[order.pk])
        yield Page(MERCHANT, f"recovery-{order.state}", path)
    yield Page(MERCHANT, "devices", reverse("devices.list"))
    yield Page(MERCHANT, "cards", reverse("monthlycard.lots"))
    yield Page(MERCHANT, "money", reverse("payments.money"))
    counter = Order.objects.filter(items__merchant_id=merchant_id).order_by("state", "pk").first()
    if counter is not None:
        yield Page(MERCHANT, "take-cash", reverse("payments.take_cash", args=[counter.number]))
        yield Page(MERCHANT, "slip", reverse("payments.slip", args=[counter.number]))
    yield Page(MERCHANT, "payouts", reverse("payments.payouts"))
    if paid_out := payouts_of(merchant_id).first():
        yield Page(MERCHANT, "payout", reverse("payments.payout", args=[paid_out.number]))
    yield Page(MERCHANT, "cash", reverse("payments.cash"))
    yield Page(MERCHANT, "attend", reverse("recovery.attend"))
    paper = Demand.objects.filter(state=DemandState.MADE, channel="paper")
    if left := paper.filter(debts__merchant_id=merchant_id).order_by("pk").first():
        yield Page(MERCHANT, "paper-slip", reverse("recovery.attend_paper_slip", args=[left.pk]))
    shifts = CashShift.objects.filter(merchant_id=merchant_id)
    for shift in shifts.order_by("state", "pk").distinct("state"):
        yield Page(MERCHANT, f"shift-{shift.state}", reverse("payments.shift", args=[shift.pk]))


def _operator() -> Iterator[Page]:
    yield Page(OPERATOR, "day", reverse("admin:index"))
    for label in LISTS:
        name = label.partition("_")[2]
        yield Page(OPERATOR, name, reverse(f"admin:{label}_changelist"))
    yield Page(OPERATOR, "limit-new", reverse("admin:accounts_actlimit_add"))
    yield Page(OPERATOR, "holidays-new", reverse("admin:parking_holidayyear_add"))
    yield Page(OPERATOR, "outage-new", reverse("admin:core_outage_add"))
    yield Page(OPERATOR, "listing-rule-new", reverse("admin:arrears_listingrule_add"))
    yield Page(OPERATOR, "permit-new", reverse("admin:parking_permit_add"))
    yield Page(OPERATOR, "looks", reverse("admin:arrears_look_take"))
    yield Page(OPERATOR, "answer", reverse("admin:arrears_callnote_answer"))
    if debt := Debt.objects.order_by("pk").first():
        clerk = User.objects.filter(is_superuser=True).order_by("pk")[0]
        call = Call(
            person_id=clerk.pk,
            name="picture",
            by=By.PLATE,
            why="bill",
            plate_text=debt.plate_text,
            plate_colour=debt.plate_colour,
        )
        yield Page(OPERATOR, "call", reverse("admin:arrears_callnote_call", args=[call.token]))
    if paid := Order.objects.filter(state=Order.State.PAID).order_by("pk").first():
        yield Page(OPERATOR, "give-back", reverse("admin:payments_order_give_back", args=[paid.pk]))
    stay = ParkingSession.objects.order_by("pk").first()
    if stay is not None:
        yield Page(OPERATOR, "stay", reverse("admin:parking_parkingsession_change", args=[stay.pk]))
    review = ReviewItem.objects.filter(state=ReviewState.OPEN).first()
    if review is not None:
        yield Page(OPERATOR, "review", reverse("admin:parking_reviewitem_look", args=[review.pk]))


def _merchant_user() -> User:
    """Somebody of the merchant with a lock's story to tell, else of any."""
    staff = User.objects.filter(memberships__role="owner").order_by("pk")
    with_lock = staff.filter(memberships__merchant__in=RecoveryOrder.objects.values("merchant_id"))
    found = with_lock.first() or staff.first()
    if found is None:
        raise LookupError("There is no merchant yet: run the demo first.")
    return found


def _owner_user() -> User | None:
    """The first who holds a plate."""
    holders = User.objects.filter(holdings__state=HoldingState.PROVEN)
    return holders.order_by("pk").first()


def session_of(audience: str) -> str:
    """The key of a new session, logged in as the first fitting person."""
    people = User.objects.order_by("pk")
    if audience == OPERATOR:
        user = people.filter(is_superuser=True).first()
    elif audience == MERCHANT:
        user = _merchant_user()
    else:
        user = _owner_user()
    if user is None:
        raise LookupError(f"There is no {audience} yet: run the demo first.")
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[-1]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session[PROVED] = clock.real().timestamp()
    session.save()
    return str(session.session_key)
