"""Nobody gives more than they hold or edits a superior; every change of rights is written down."""

from typing import Any

import pytest
from django.contrib.auth.hashers import identify_hasher
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from accounts import acting
from accounts.models import Membership, Merchant, Proposal, User
from core import audit
from core.models import AuditEntry
from tests.people import PASSWORD, logged_in, with_rights

EDITS_PEOPLE = ["accounts.view_user", "accounts.change_user", "accounts.add_user"]
EDITS_PEOPLE += ["accounts.delete_user"]
EDITS_MEMBERS = [f"accounts.{deed}_membership" for deed in ("view", "add", "change", "delete")]
EDITS_MERCHANTS = ["accounts.view_merchant", "accounts.change_merchant", *EDITS_MEMBERS]
APPROVE = "accounts.approve_proposal"
NEW = "a very different password"


@pytest.fixture
def clerk(db: None) -> User:
    """Somebody who edits people, and holds no other right."""
    return with_rights("clerk", *EDITS_PEOPLE)


def form(user: User, **changed: Any) -> dict[str, Any]:
    """What the page of an account sends."""
    fields = {
        "username": user.username,
        "date_joined_0": "2026-03-02",
        "date_joined_1": "09:00:00",
        "memberships-TOTAL_FORMS": "0",
        "memberships-INITIAL_FORMS": "0",
    }
    fields |= {name: "on" for name in ("is_active", "is_staff") if getattr(user, name)}
    return fields | changed


def page(user: User) -> str:
    return reverse("admin:accounts_user_change", args=[user.pk])


def password_page(user: User) -> str:
    return reverse("admin:auth_user_password_change", args=[user.pk])


def passwords(**more: str) -> dict[str, str]:
    return {"password1": NEW, "password2": NEW, "usable_password": "true", **more}


def rights_noted(user: User) -> list[AuditEntry]:
    return [entry for entry in audit.trail(user) if entry.action == "rights changed"]


# ── Rights ───────────────────────────────────────────────────────────────────────────────────────
def test_who_edits_people_makes_nobody_more_than_they_were_not_even_themselves(
    clerk: User, cashier: User
):
    client = logged_in(clerk)
    everything = list(Permission.objects.values_list("pk", flat=True))
    more = {"is_superuser": "on", "is_staff": "on", "user_permissions": everything}
    for user in (clerk, cashier):
        before = (user.is_staff, set(user.get_all_permissions()))
        answer = client.post(page(user), form(user, **more, first_name="New"))
        assert answer.status_code == 302
        again = User.objects.get(pk=user.pk)
        assert again.first_name == "New"  # so the form was good
        assert (again.is_superuser, again.is_staff) == (False, before[0])
        assert set(again.get_all_permissions()) == before[1]
        assert rights_noted(user) == []


def test_nobody_edits_a_superior(clerk: User, operator: User):
    client = logged_in(clerk)
    senior = with_rights("senior", *EDITS_PEOPLE, "monthlycard.end_card")
    User.objects.filter(pk=senior.pk).update(is_active=False)  # on leave, and no less a superior
    for superior in (operator, senior):
        answer = client.post(page(superior), form(superior, username="nobody"))
        assert answer.status_code == 403
        gone = reverse("admin:accounts_user_delete", args=[superior.pk])
        assert client.post(gone, {"post": "yes"}).status_code == 403
        client.post(
            reverse("admin:accounts_user_changelist"),
            {"action": "delete_selected", "_selected_action": [superior.pk], "post": "yes"},
        )
        assert User.objects.get(pk=superior.pk).username == superior.username


@pytest.mark.parametrize("whose", ["operator", "cashier", "owner", "clerk"])
def test_only_a_superuser_sets_the_password_of_another(
    whose: str, clerk: User, operator: User, request: Any
):
    user: User = request.getfixturevalue(whose)
    kept = user.password
    assert logged_in(clerk).post(password_page(user), passwords()).status_code == 403
    user.refresh_from_db()
    assert user.password == kept

    logged_in(operator).post(password_page(user), passwords())
    user.refresh_from_db()
    assert user.check_password(NEW)
    [entry] = [one for one in audit.trail(user) if one.action == "password changed"]
    assert entry.actor == operator.actor
    assert NEW not in str(entry.facts)


def test_a_password_that_is_refused_is_no_change(operator: User, cashier: User):
    logged_in(operator).post(password_page(cashier), passwords(password2="another"))
    assert not AuditEntry.objects.filter(action="password changed").exists()


def test_ones_own_password_is_changed_with_the_old_one_and_noted(clerk: User):
    client = logged_in(clerk)
    address = reverse("admin:password_change")
    told = {"new_password1": NEW, "new_password2": NEW}
    client.post(address, {"old_password": "wrong", **told})
    assert not audit.trail(clerk).exists()
    assert client.post(address, {"old_password": PASSWORD, **told}).status_code == 302
    clerk.refresh_from_db()
    assert clerk.check_password(NEW)
    assert [(one.action, one.actor) for one in audit.trail(clerk)] == [
        ("password changed", clerk.actor)
    ]
    assert Client().post(address, told).status_code == 302  # to the log-in


def test_what_a_superuser_gives_is_given_and_written_down(operator: User, clerk: User):
    right = Permission.objects.get(codename="end_card")
    view = Permission.objects.get(codename="view_user")
    answer = logged_in(operator).post(
        page(clerk), form(clerk, user_permissions=[right.pk, view.pk])
    )
    assert answer.status_code == 302
    assert User.objects.get(pk=clerk.pk).get_all_permissions() == {
        "monthlycard.end_card",
        "accounts.view_user",
    }
    [entry] = rights_noted(clerk)
    assert entry.actor == operator.actor
    assert entry.facts["before"]["rights"] == sorted(EDITS_PEOPLE)
    assert entry.facts["after"]["rights"] == ["accounts.view_user", "monthlycard.end_card"]


def test_a_name_that_changes_is_no_change_of_rights(operator: User, cashier: User):
    logged_in(operator).post(page(cashier), form(cashier, first_name="New"))
    cashier.refresh_from_db()
    assert cashier.first_name == "New"
    assert rights_noted(cashier) == []


def test_an_account_that_is_made_or_deleted_is_written_down(operator: User):
    client = logged_in(operator)
    client.post(
        reverse("admin:accounts_user_add"),
        {
            "username": "newcomer",
            **passwords(),
            "memberships-TOTAL_FORMS": "0",
            "memberships-INITIAL_FORMS": "0",
        },
    )
    made = User.objects.get(username="newcomer")
    client.post(reverse("admin:accounts_user_delete", args=[made.pk]), {"post": "yes"})
    assert not User.objects.filter(username="newcomer").exists()
    assert [(one.action, one.actor) for one in audit.trail(made)] == [
        ("created", operator.actor),
        ("deleted", operator.actor),
    ]


def test_an_account_goes_only_by_who_may_take_its_role_away(
    clerk: User, cashier: User, owner: User
):
    client = logged_in(clerk)
    for user, status in ((cashier, 403), (owner, 302)):
        gone = reverse("admin:accounts_user_delete", args=[user.pk])
        assert client.post(gone, {"post": "yes"}).status_code == status
    assert User.objects.filter(pk__in=[cashier.pk, owner.pk]).get() == cashier


# ── Memberships ──────────────────────────────────────────────────────────────────────────────────
def members(merchant: Merchant, *new: tuple[User, str], **roles: str) -> dict[str, Any]:
    """What the page of a merchant sends: who works there so far, their roles changed, and more."""
    rows = list(Membership.objects.filter(merchant=merchant).select_related("user").order_by("pk"))
    fields: dict[str, Any] = {
        "name": merchant.name,
        "code": merchant.code,
        "help_phone": "",
        "memberships-TOTAL_FORMS": len(rows) + len(new),
        "memberships-INITIAL_FORMS": len(rows),
    }
    wanted = [
        (row.pk, row.user, roles.get(row.user.username.split("-")[-1], row.role)) for row in rows
    ]
    wanted += [(None, user, role) for user, role in new]
    for number, (pk, user, role) in enumerate(wanted):
        one = f"memberships-{number}"
        fields |= {f"{one}-id": pk or "", f"{one}-merchant": merchant.pk, f"{one}-user": user.pk}
        fields |= {f"{one}-DELETE": "on"} if role == "none" else {f"{one}-role": role}
        fields.setdefault(f"{one}-role", "attendant")
    return fields


def roles(merchant: Merchant) -> dict[str, str]:
    return dict(Membership.objects.filter(merchant=merchant).values_list("user__username", "role"))


def merchant_page(merchant: Merchant) -> str:
    return reverse("admin:accounts_merchant_change", args=[merchant.pk])


def test_who_edits_merchants_makes_nobody_owner_of_one(
    merchant: Merchant, cashier: User, stranger: User
):
    clerk = with_rights("clerk", *EDITS_MERCHANTS)
    client, before = logged_in(clerk), roles(merchant)
    for wanted in (
        members(merchant, (stranger, "owner")),
        members(merchant, (clerk, "attendant")),
        members(merchant, cashier="owner"),
        members(merchant, cashier="none"),
    ):
        assert client.post(merchant_page(merchant), wanted).status_code == 200  # the form again
        assert roles(merchant) == before
    assert not AuditEntry.objects.filter(action="membership changed").exists()


def test_a_role_elsewhere_makes_nobody_owner_of_a_new_merchant(merchant_user: User, stranger: User):
    User.objects.filter(pk=merchant_user.pk).update(is_staff=True)
    for right in ("add_merchant", "view_merchant", "add_membership"):
        merchant_user.user_permissions.add(Permission.objects.get(codename=right))
    new = {
        "name": "新商户",
        "code": "new",
        "memberships-TOTAL_FORMS": 1,
        "memberships-INITIAL_FORMS": 0,
        "memberships-0-user": stranger.pk,
        "memberships-0-role": "owner",
    }
    client, address = logged_in(merchant_user), reverse("admin:accounts_merchant_add")
    assert client.post(address, new).status_code == 200
    assert not Merchant.objects.filter(code="new").exists()
    assert client.post(address, new | {"memberships-TOTAL_FORMS": 0}).status_code == 302
    assert Merchant.objects.filter(code="new").exists()


def test_who_works_there_gives_and_takes_only_what_their_own_role_may(
    merchant: Merchant, other_merchant: Merchant, merchant_user: User, cashier: User, stranger: User
):
    clerk = with_rights("clerk", *EDITS_MERCHANTS)
    Membership.objects.create(user=clerk, merchant=merchant, role="manager")
    client = logged_in(clerk)
    for refused in (
        members(merchant, (stranger, "owner")),
        members(merchant, owner="cashier"),
        members(merchant, owner="none"),
        members(merchant, clerk="owner"),
    ):
        before = roles(merchant)
        client.post(merchant_page(merchant), refused)
        assert roles(merchant) == before
    client.post(merchant_page(other_merchant), members(other_merchant, (stranger, "attendant")))
    assert roles(other_merchant) == {}

    client.post(merchant_page(merchant), members(merchant, (stranger, "cashier"), cashier="none"))
    assert roles(merchant) == {
        merchant_user.username: "owner",
        clerk.username: "manager",
        stranger.username: "cashier",
    }


def test_a_membership_that_changes_stands_in_the_trail_of_its_person(
    merchant: Merchant, cashier: User, stranger: User, operator: User
):
    client = logged_in(operator)
    client.post(merchant_page(merchant), members(merchant, (stranger, "owner"), cashier="manager"))
    client.post(merchant_page(merchant), members(merchant, cashier="none"))
    assert roles(merchant) == {stranger.username: "owner"}

    def told(user: User) -> list[Any]:
        found = [one for one in audit.trail(user) if one.action == "membership changed"]
        assert {one.actor for one in found} == {operator.actor}
        return [(one.facts["before"], one.facts["after"]) for one in found]

    def post(role: str) -> dict[str, Any]:
        return {"merchant": merchant.pk, "role": role}

    assert told(stranger) == [(None, post("owner"))]
    assert told(cashier) == [(post("cashier"), post("manager")), (post("manager"), None)]


# ── With a second person ─────────────────────────────────────────────────────────────────────────
@pytest.fixture
def second(operator: User) -> User:
    return User.objects.create_superuser(username="second", password=PASSWORD)


def waiting(act: str) -> Proposal:
    return Proposal.objects.get(act=act, state="asked")


def agree(person: User, act: str) -> None:
    logged_in(person).post(
        reverse("admin:accounts_proposal_changelist"),
        {"action": "approve", "_selected_action": [waiting(act).pk]},
    )


def test_rights_are_given_by_two_and_taken_by_one(operator: User, second: User, cashier: User):
    client = logged_in(operator)
    view = Permission.objects.get(codename="view_card")
    asked = form(cashier, is_staff="on", user_permissions=[view.pk], first_name="New")
    client.post(page(cashier), asked)
    cashier.refresh_from_db()
    assert (cashier.first_name, cashier.is_staff) == ("New", False)
    assert not cashier.user_permissions.exists()
    client.post(
        reverse("admin:accounts_proposal_changelist"),
        {"action": "approve", "_selected_action": [waiting("accounts.change_rights").pk]},
    )
    cashier.refresh_from_db()
    assert not cashier.is_staff  # nobody agrees to their own
    lesser = with_rights("lesser", *EDITS_PEOPLE, "accounts.view_proposal", APPROVE)
    agree(lesser, "accounts.change_rights")
    cashier.refresh_from_db()
    assert not cashier.is_staff  # who holds less than they would give

    agree(second, "accounts.change_rights")
    cashier.refresh_from_db()
    assert cashier.is_staff
    assert cashier.user_permissions.get() == view
    [entry] = rights_noted(cashier)
    assert entry.facts["before"]["rights"] == []
    assert entry.facts["after"]["rights"] == ["monthlycard.view_card"]

    client.post(page(cashier), {**form(cashier), "is_active": ""})
    cashier.refresh_from_db()
    assert (cashier.is_active, cashier.user_permissions.exists()) == (False, False)


def test_nobody_makes_themselves_an_accomplice(operator: User, second: User, stranger: User):
    client = logged_in(operator)
    client.post(page(stranger), form(stranger, is_staff="on", is_superuser="on"))
    client.post(password_page(second), passwords())
    stranger.refresh_from_db()
    second.refresh_from_db()
    assert not stranger.is_superuser
    assert second.check_password(PASSWORD)
    row = waiting("accounts.set_password")
    shown = client.get(reverse("admin:accounts_proposal_change", args=[row.pk])).content.decode()
    assert row.args["password"] not in shown
    assert not identify_hasher_of(row.args["password"])  # sealed until somebody agrees
    third = User.objects.create_superuser(username="third", password=PASSWORD)
    agree(third, "accounts.set_password")
    second.refresh_from_db()
    assert second.check_password(NEW)
    client.post(password_page(operator), passwords())
    operator.refresh_from_db()
    assert operator.check_password(NEW)  # one's own


def identify_hasher_of(kept: str) -> bool:
    """Whether this is a hash that somebody could guess at."""
    try:
        return bool(identify_hasher(kept))
    except ValueError:
        return False


@pytest.mark.parametrize("end", ["agreed", "refused", "withdrawn", "expired", "proposed anew"])
def test_what_was_decided_keeps_no_password(operator: User, second: User, clock: Any, end: str):
    client = logged_in(operator)
    client.post(password_page(second), passwords())
    row = waiting("accounts.set_password")
    third = User.objects.create_superuser(username="third", password=PASSWORD)
    if end == "agreed":
        agree(third, "accounts.set_password")
    elif end == "refused":
        acting.refuse_proposal(proposal_id=row.pk, person=third, answer="not asked for")
    elif end == "withdrawn":
        acting.withdraw_proposal(proposal_id=row.pk, person=operator)
    elif end == "expired":
        clock.advance(acting.WAITS)
        acting.expire_proposals()
    else:
        client.post(password_page(second), passwords())
    row.refresh_from_db()
    assert row.state != "asked"
    assert row.args == {"user_id": second.pk}


def test_roles_are_given_by_two_and_taken_by_one(
    merchant: Merchant,
    merchant_user: User,
    cashier: User,
    stranger: User,
    second: User,
    operator: User,
):
    client = logged_in(operator)
    before = roles(merchant)
    wanted = members(merchant, (stranger, "owner"), cashier="manager")
    client.post(merchant_page(merchant), wanted)
    assert roles(merchant) == before
    acts = Proposal.objects.filter(act="accounts.appoint", state="asked").order_by("pk")
    assert acts.count() == 2
    for row in acts:
        logged_in(merchant_user).post(
            reverse("accounts.answer_proposal", args=[row.pk]), {"do": "approve"}
        )
    assert roles(merchant) == {
        **before,
        stranger.username: "owner",
        cashier.username: "manager",
    }
    client.post(merchant_page(merchant), members(merchant, cashier="none"))
    assert cashier.username not in roles(merchant)
