"""Changes to debts and what leads to them and follows from them."""

from arrears.services.assistance import (
    allow_profiling,
    assist,
    call_made,
    carry_out,
    carry_out_contacts,
    open_contact,
    opt_in,
    opt_out,
    shown_on_page,
    use_contact,
)
from arrears.services.calls import look_up, send_order, send_stay, show_plates, take_down
from arrears.services.corrections import plate_corrected
from arrears.services.debts import (
    clear_debts,
    clear_debts_of_stays,
    find_debts_of,
    find_debts_of_city,
    follow_stay,
    forget_stay,
    open_debt,
    waive_debt,
)
from arrears.services.demands import (
    ask_new_holder,
    deliver_demand,
    deliver_on_page,
    deliver_on_paper,
    make_demand,
    send_demands,
)
from arrears.services.disputes import (
    end_voided,
    object,
    settle_dispute,
    tell_answers,
    withdraw_dispute,
)
from arrears.services.exempt import (
    ask_exemption,
    end_exemption,
    end_exemptions,
    grant_exemption,
)
from arrears.services.holds import hold_questioned, question_over
from arrears.services.listing import relist, say_rule, set_rule
from arrears.services.looking import agree, doubt, look_again
from arrears.services.models import promote, register
from arrears.services.notices import (
    ToldToLot,
    expire_notices,
    issue_notices,
    take_outcome,
    tell_lot,
    told_before,
)
from arrears.services.outages import set_right
from arrears.services.portraits import delete_portraits
from arrears.services.scoring import assess, score
from arrears.services.sweeps import end_graces
from arrears.services.watches import end_watches, watch
from arrears.services.windows import end_pay_windows, start_pay_window

__all__ = [
    "ToldToLot",
    "agree",
    "allow_profiling",
    "ask_exemption",
    "ask_new_holder",
    "assess",
    "assist",
    "call_made",
    "carry_out",
    "carry_out_contacts",
    "clear_debts",
    "clear_debts_of_stays",
    "delete_portraits",
    "deliver_demand",
    "deliver_on_page",
    "deliver_on_paper",
    "doubt",
    "end_exemption",
    "end_exemptions",
    "end_graces",
    "end_pay_windows",
    "end_voided",
    "end_watches",
    "expire_notices",
    "find_debts_of",
    "find_debts_of_city",
    "follow_stay",
    "forget_stay",
    "grant_exemption",
    "hold_questioned",
    "issue_notices",
    "look_again",
    "look_up",
    "make_demand",
    "object",
    "open_contact",
    "open_debt",
    "opt_in",
    "opt_out",
    "plate_corrected",
    "promote",
    "question_over",
    "register",
    "relist",
    "say_rule",
    "score",
    "send_demands",
    "send_order",
    "send_stay",
    "set_right",
    "set_rule",
    "settle_dispute",
    "show_plates",
    "shown_on_page",
    "start_pay_window",
    "take_down",
    "take_outcome",
    "tell_answers",
    "tell_lot",
    "told_before",
    "use_contact",
    "waive_debt",
    "watch",
    "withdraw_dispute",
]
