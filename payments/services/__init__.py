"""Changes to money: what may be paid, what was paid, what goes back, and the books."""

from payments.services.attempts import (
    accept_reported,
    begin_attempt,
    look_at_attempt,
    pay_at_counter,
    query_attempt,
)
from payments.services.bills import (
    answer_difference,
    close_day,
    expect_bills,
    fetch_bill,
    match_bill,
    take_difference,
)
from payments.services.books import post
from payments.services.introducing import introduce, introduced, order_of
from payments.services.invoices import ask_invoice, carry_out_invoice
from payments.services.moving import lock_order, move
from payments.services.notifications import (
    LARGEST_NOTIFICATION,
    NotificationReply,
    process_notification,
    receive_notification,
)
from payments.services.orders import close_order, look_now, open_order, reopen_order
from payments.services.payees import reveal_payee, say_payee, say_payout_terms
from payments.services.payouts import (
    approve_payout,
    confirm_payout,
    draw_due,
    draw_payout,
    drop_payout,
    fail_payout,
    file_of_batch,
    send_payout_again,
    send_payouts,
)
from payments.services.receipts import text_receipt
from payments.services.refunds import (
    ask_again,
    carry_out_refund,
    hand_back,
    refund,
    refund_by_hand,
)
from payments.services.settling import take_payment
from payments.services.shifts import begin_shift, count_shift, receive_shift

__all__ = [
    "LARGEST_NOTIFICATION",
    "NotificationReply",
    "accept_reported",
    "answer_difference",
    "approve_payout",
    "ask_again",
    "ask_invoice",
    "begin_attempt",
    "begin_shift",
    "carry_out_invoice",
    "carry_out_refund",
    "close_day",
    "close_order",
    "confirm_payout",
    "count_shift",
    "draw_due",
    "draw_payout",
    "drop_payout",
    "expect_bills",
    "fail_payout",
    "fetch_bill",
    "file_of_batch",
    "hand_back",
    "introduce",
    "introduced",
    "lock_order",
    "look_at_attempt",
    "look_now",
    "match_bill",
    "move",
    "open_order",
    "order_of",
    "pay_at_counter",
    "post",
    "process_notification",
    "query_attempt",
    "receive_notification",
    "receive_shift",
    "refund",
    "refund_by_hand",
    "reopen_order",
    "reveal_payee",
    "say_payee",
    "say_payout_terms",
    "send_payout_again",
    "send_payouts",
    "take_difference",
    "take_payment",
    "text_receipt",
]
