"""What each role may do. Pure.

`plates`: reads plates whole on all pages; without it only where a vehicle is to be compared with it
(docs/privacy.md). `whole_plates`: takes them away, with a reason.
"""

MAY: dict[str, frozenset[str]] = {
    "owner": frozenset(
        [
            "see",
            "plates",
            "money",
            "cash",
            "debts",
            "export",
            "whole_plates",
            "recover",
            "lower_lock",
            "devices",
            "cards",
            "settle_stay",
            "void_stay",
            "move_money",
            "approve",
            "staff",
        ]
    ),
    "manager": frozenset(
        [
            "see",
            "plates",
            "money",
            "cash",
            "debts",
            "export",
            "whole_plates",
            "recover",
            "lower_lock",
            "devices",
            "cards",
            "settle_stay",
            "void_stay",
            "move_money",
            "approve",
        ]
    ),
    "cashier": frozenset(["see", "plates", "money", "cash", "debts", "export", "settle_stay"]),
    "attendant": frozenset(["see", "debts", "capture", "cash", "lower_lock"]),
}


def may_give(own: str | None, role: str) -> bool:
    """Whether a person in role `own` may give or take away this role.

    Who answers for the staff, any; others none that may do more than they.
    """
    return may(own, "staff") or MAY.get(own or "", frozenset()) >= MAY[role]


def may(role: str | None, action: str) -> bool:
    """Whether a person in this role may do this; nobody may do what is not listed."""
    return action in MAY.get(role or "", frozenset())
