"""What we tell people about their data: the page /privacy/ and docs/privacy.md are this table.

A changed text is another version: `accounts.own_data.INFORMATION`.
"""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """One kind of what we know of people; `key` is its name in docs/personal.csv."""

    key: str
    what: Any  # lazily translated, as all that follows
    why: Any
    basis: Any
    how_long: Any
    who: Any


CONTRACT = _("contract (PIPL art. 13 (2))")
CONSENT = _("your consent (PIPL art. 29)")
DUTY = _("legal duty (PIPL art. 13 (3))")
STAFF = _("the merchant who keeps the berth, the city's operator")

ALL: list[Data] = [
    Data(
        key="account",
        what=_("your log-in: name or number, when you came"),
        why=_("to know you again"),
        basis=CONTRACT,
        how_long=_("until you have it deleted"),
        who=_("the city's operator"),
    ),
    Data(
        key="phone",
        what=_("your phone number, encrypted; codes that were sent to it"),
        why=_("to log you in, to tell you what is still to pay"),
        basis=CONTRACT,
        how_long=_("until you have it deleted; codes one day"),
        who=_("nobody whole; the text message provider while it sends"),
    ),
    Data(
        key="plates",
        what=_("which plates are yours, and with whom you share them"),
        why=_("to show you their stays and nobody else"),
        basis=CONTRACT,
        how_long=_("until you have them deleted"),
        who=_("the city's operator"),
    ),
    Data(
        key="licences",
        what=_("the photograph of your vehicle licence"),
        why=_("to be sure that a plate is yours"),
        basis=CONSENT,
        how_long=_("90 days"),
        who=_("who checks it; each look is noted"),
    ),
    Data(
        key="stays",
        what=_("which vehicle stood where, from when to when (sensitive: whereabouts)"),
        why=_("to reckon the fee"),
        basis=CONTRACT,
        how_long=_("readings 180 days; the stay as long as the books"),
        who=STAFF,
    ),
    Data(
        key="permits",
        what=_("your vehicle's permits and what shows them (a disabled person's badge: sensitive)"),
        why=_("so that it stands free where it may"),
        basis=CONSENT,
        how_long=_("as long as the books"),
        who=STAFF,
    ),
    Data(
        key="places",
        what=_("where your telephone is when you pay ahead or tell of a code, if you send it"),
        why=_("to offer berths nearby; to find a forged code"),
        basis=CONSENT,
        how_long=_("7 days; of a code that was told of 30 days after it was dealt with"),
        who=_("nobody; of a code the city's operator"),
    ),
    Data(
        key="photographs",
        what=_("photographs of your vehicle at a berth, and those that you send of a code"),
        why=_("evidence of the fee, for you and for the merchant"),
        basis=CONTRACT,
        how_long=_(
            "60 days after all is paid and settled; nobody's 30 days; "
            "a code's 30 days after it was dealt with"
        ),
        who=_("you; staff with others covered; the original only with a reason that is noted"),
    ),
    Data(
        key="payments",
        what=_("what you paid, when and by which way"),
        why=_("receipts, refunds, the books"),
        basis=DUTY,
        how_long=_("ten years (Accounting Law art. 23)"),
        who=_("the merchant, the payment provider, the operator, auditors"),
    ),
    Data(
        key="debts",
        what=_("what is still to pay, how you were asked, what followed"),
        why=_("to ask for it, and to stop when it is paid"),
        basis=CONTRACT,
        how_long=_("as long as the books"),
        who=_("the merchant it is owed to; another only with your consent (PIPL art. 23)"),
    ),
    Data(
        key="objections",
        what=_("what you object to, and the answer"),
        why=_("to answer you"),
        basis=CONTRACT,
        how_long=_("as long as the books; your words until you have them deleted"),
        who=STAFF,
    ),
    Data(
        key="calls",
        what=_("what you told us on the phone"),
        why=_("so that you need not say it twice"),
        basis=CONTRACT,
        how_long=_("180 days; longer while the stay is unpaid or in question"),
        who=STAFF,
    ),
    Data(
        key="estimates",
        what=_("a computer's estimate of whether a fee may be forgotten"),
        why=_("to remind in good time; no price, list or lock depends on it"),
        basis=_("contract; you can switch it off (PIPL art. 24)"),
        how_long=_("until you have it deleted"),
        who=_("you; nobody else by name"),
    ),
    Data(
        key="texts",
        what=_("what we wrote to you, and your answers"),
        why=_("to show that you were told"),
        basis=CONTRACT,
        how_long=_("180 days"),
        who=_("the city's operator"),
    ),
    Data(
        key="cards",
        what=_("your monthly cards and where they were used"),
        why=_("to let you in and settle with the lot"),
        basis=CONTRACT,
        how_long=_("questions of gates 90 days; what was charged as long as the books"),
        who=_("the lot that is visited, the merchant who sells the card"),
    ),
    Data(
        key="devices",
        what=_("raw messages of sensors, cameras and handhelds"),
        why=_("to find out why a stay was told so"),
        basis=CONTRACT,
        how_long=_("90 days"),
        who=_("the city's operator"),
    ),
    Data(
        key="events",
        what=_("what the system still has to do, and has answered"),
        why=_("so that nothing is done twice or lost"),
        basis=CONTRACT,
        how_long=_("30 days"),
        who=_("nobody by themselves"),
    ),
    Data(
        key="log-ins",
        what=_("log-ins, and attempts that failed, with their address"),
        why=_("security"),
        basis=_("legal duty (Cybersecurity Law art. 21)"),
        how_long=_("log-ins until they end and a day; attempts as long as the trail"),
        who=_("the city's operator"),
    ),
    Data(
        key="staff",
        what=_("who of the staff did what, when and why"),
        why=_("so that nobody acts unseen"),
        basis=DUTY,
        how_long=_("as long as the books"),
        who=_("the city's operator, auditors"),
    ),
]
