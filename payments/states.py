"""The states of money, from orders to payouts: value, shape and word of each."""

from core.states import Shape, States, _


class OrderState(States, subject="order"):
    OPEN = "open", Shape.WAITS, _("To pay")
    PAID = "paid", Shape.DONE, _("Paid")
    CLOSED = "closed", Shape.VOID, _("Closed")


class OrderItemState(States, subject="order_item"):
    WAITING = "waiting", Shape.WAITS, _("To pay")
    SETTLED = "settled", Shape.DONE, _("Settled")
    PARTLY = "partly", Shape.DOUBT, _("Partly settled")
    UNNEEDED = "unneeded", Shape.PAST, _("Was no longer due")


class AttemptState(States, subject="attempt"):
    CREATED = "created", Shape.PAST, _("Started")
    PENDING = "pending", Shape.LIVE, _("Being paid")
    UNKNOWN = "unknown", Shape.DOUBT, _("Outcome unknown, being asked")
    PAID = "paid", Shape.DONE, _("Paid")
    FAILED = "failed", Shape.VOID, _("Not paid")
    CLOSED = "closed", Shape.VOID, _("Closed")


class CreditState(States, subject="credit"):
    OPEN = "open", Shape.WAITS, _("Being returned")
    REFUNDED = "refunded", Shape.DONE, _("Returned")


class RefundState(States, subject="refund"):
    ASKED = "asked", Shape.WAITS, _("Refund waiting")
    SENT = "sent", Shape.LIVE, _("Refund on its way")
    DONE = "done", Shape.DONE, _("Refunded")
    FAILED = "failed", Shape.ALARM, _("Refund failed")


class TradeState(States, subject="sandbox_trade"):
    WAITING = "waiting", Shape.WAITS, _("To pay")
    PAID = "paid", Shape.DONE, _("Paid")
    CLOSED = "closed", Shape.VOID, _("Closed")


class InvoiceState(States, subject="invoice"):
    ASKED = "asked", Shape.WAITS, _("Asked for")
    ISSUED = "issued", Shape.DONE, _("Issued")
    REFUSED = "refused", Shape.ALARM, _("Not issued")
    REVERSING = "reversing", Shape.LIVE, _("Being taken back")
    REVERSED = "reversed", Shape.PAST, _("Taken back by a red letter")


class ShiftState(States, subject="cash_shift"):
    OPEN = "open", Shape.LIVE, _("Under way")
    COUNTED = "counted", Shape.WAITS, _("Counted, to be received")
    RECEIVED = "received", Shape.DONE, _("Handed over")


class BillDayState(States, subject="bill_day"):
    AWAITED = "awaited", Shape.WAITS, _("Bill awaited")
    MATCHED = "matched", Shape.LIVE, _("Matched")
    CLOSED = "closed", Shape.DONE, _("Closed day")


class DifferenceState(States, subject="bill_difference"):
    OPEN = "open", Shape.DOUBT, _("To look into")
    ANSWERED = "answered", Shape.DONE, _("Answered")
    GONE = "gone", Shape.PAST, _("Gone by itself")


class PayoutState(States, subject="payout"):
    DRAWN = "drawn", Shape.WAITS, _("Drawn up, to approve")
    APPROVED = "approved", Shape.WAITS, _("Approved, to send")
    SENT = "sent", Shape.LIVE, _("Payout on its way")
    CONFIRMED = "confirmed", Shape.DONE, _("Paid out")
    FAILED = "failed", Shape.ALARM, _("Payout failed")
    RETURNED = "returned", Shape.ALARM, _("Payout came back")
    DROPPED = "dropped", Shape.VOID, _("Not paid out")
