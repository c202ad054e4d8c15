"""Staff log-in: password, second factor, waits after wrong ones, sessions that end."""

import re
import time
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts import factors, passwords, services, visits
from accounts.keys import Visit
from accounts.models import Factor, Merchant, RecoveryCode, SmsMessage, User
from core import clock, deeds
from core.deeds import Wait
from core.errors import Invalid, Refused
from core.models import AuditEntry
from tests.people import OWNER_PHONE, PASSWORD, TEST, logged_in, staff, with_rights

PHONE = "13812340000"


@pytest.fixture
def forced(settings: Any) -> None:
    settings.BOWEI_SECOND_FACTOR = True


def enter(client: Client, name: str, password: str = PASSWORD, **more: Any) -> Any:
    return client.post("/login/", {"username": name, "password": password}, **more)


def code_now(secret: str, steps: int = 0) -> str:
    codes = factors._codes(secret, clock.real() + timedelta(seconds=30 * steps))
    return codes[sorted(codes)[1]].decode()


def with_app(user: User) -> str:
    """The person has an app, which has shown its code of the step before."""
    secret = factors.new_secret()
    factors.add_app(user=user, secret=secret, code=code_now(secret, -1), actor=user.actor)
    return secret


def with_phone(user: User) -> User:
    services.set_work_phone(user=user, phone=PHONE, actor=user.actor)
    return user


def actions(user: User) -> list[str]:
    return [one.action for one in AuditEntry.objects.filter(subject_id=user.pk).order_by("pk")]


def texts() -> list[str]:
    return [one.template for one in SmsMessage.objects.order_by("pk")]


# ── The second factor ────────────────────────────────────────────────────────────────────────────
def test_who_has_a_second_factor_does_not_come_in_with_a_password(merchant_user: User):
    secret = with_app(merchant_user)
    client = Client()
    assert enter(client, merchant_user.username).headers["Location"] == "/login/second/"
    assert client.get("/merchant/").status_code == 302
    assert client.post("/login/second/", {"code": "000000"}).status_code == 200
    assert client.get("/merchant/").status_code == 302
    answer = client.post("/login/second/", {"code": code_now(secret)})
    assert answer.headers["Location"] == "/merchant/"
    assert client.get("/merchant/").status_code == 200
    assert "second factor refused" in actions(merchant_user)


def test_a_code_of_the_app_counts_once_and_none_before_it(merchant_user: User):
    secret = with_app(merchant_user)
    code = code_now(secret)
    for expected in ("/merchant/", None):
        client = Client()
        enter(client, merchant_user.username)
        answer = client.post("/login/second/", {"code": code})
        assert answer.headers.get("Location") == expected
    client = Client()
    enter(client, merchant_user.username)
    assert client.post("/login/second/", {"code": code_now(secret, -1)}).status_code == 200


def test_a_recovery_code_stands_in_for_a_lost_factor_once_and_the_person_is_told(
    merchant_user: User,
):
    with_phone(merchant_user)
    with_app(merchant_user)
    assert "second factor added" in actions(merchant_user)
    [code, *others] = factors.new_codes(user=merchant_user, actor=merchant_user.actor)
    assert len(others) == 9
    before = len(texts())
    for expected in ("/merchant/", None):
        client = Client()
        enter(client, merchant_user.username)
        answer = client.post("/login/second/", {"code": code.upper()})
        assert answer.headers.get("Location") == expected
    assert texts()[before:] == ["log_in_changed"]
    assert {"recovery codes made", "recovery code used"} <= set(actions(merchant_user))
    stored = str(list(RecoveryCode.objects.values()))
    assert code not in stored and code.replace("-", "") not in stored


def test_who_touches_money_sets_up_a_factor_before_they_come_in(merchant_user: User, forced: None):
    client = Client()
    assert enter(client, merchant_user.username).headers["Location"] == "/account/factor/"
    assert client.get("/merchant/").status_code == 302
    page = client.get("/account/factor/").content.decode()
    secret = re.sub(r"\s", "", re.search(r"<code>([A-Z2-7 ]+)</code>", page)[1])  # type: ignore[index]
    assert client.post("/account/factor/", {"code": "1"}).status_code == 400
    page = client.post("/account/factor/", {"code": code_now(secret)}).content.decode()
    assert len(re.findall(r"<li><code>", page)) == 10
    assert client.get("/merchant/").status_code == 200
    assert secret not in str(list(Factor.objects.values()))
    assert Factor.objects.get(user=merchant_user).kind == "app"


def test_who_works_here_and_has_no_factor_yet_is_let_in_by_no_text(
    merchant: Merchant, owner: User, forced: None
):
    services.appoint(
        user_id=owner.pk, merchant_id=merchant.pk, before=None, after="manager", actor=TEST
    )
    client = Client()
    client.post("/me/login/", {"phone": OWNER_PHONE})
    code = SmsMessage.objects.latest("pk").params["code"]
    answer = client.post("/me/login/", {"phone": OWNER_PHONE, "code": code})
    assert answer.status_code == 409
    for page in ("/account/factor/", "/merchant/", "/me/plates/"):
        assert client.get(page).status_code == 302, page


def test_who_works_at_the_kerb_comes_in_with_a_password(attendant: User, forced: None):
    client = Client()
    assert enter(client, attendant.username).headers["Location"] == "/merchant/"


def test_the_desk_is_entered_by_the_same_log_in(operator: User, forced: None):
    client = Client()
    form = {"username": "operator", "password": PASSWORD, "next": "/admin/"}
    assert client.post("/admin/login/", form).headers["Location"] == "/account/factor/"
    secret = with_app(operator)
    assert client.post("/admin/login/", form).headers["Location"] == "/login/second/"
    answer = client.post("/login/second/", {"code": code_now(secret)})
    assert answer.headers["Location"] == "/admin/"


def test_a_phone_alone_opens_no_portal(owner: User, merchant: Merchant):
    merchant.memberships.create(user=owner, role="owner")
    secret = with_app(owner)
    client = Client()
    client.post("/me/login/", {"phone": owner.phone})
    code = SmsMessage.objects.latest("pk").params["code"]
    answer = client.post("/me/login/", {"phone": owner.phone, "code": code, "next": "/merchant/"})
    assert answer.headers["Location"] == "/login/second/"
    assert client.get("/merchant/").status_code == 302
    answer = client.post("/login/second/", {"code": code_now(secret)})
    assert answer.headers["Location"] == "/merchant/"


def test_a_half_log_in_ends_with_the_password_it_was_made_with(merchant_user: User):
    secret = with_app(merchant_user)
    client = Client()
    enter(client, merchant_user.username)
    services.change_own_password(
        user=merchant_user, password="quite another sentence", actor=merchant_user.actor
    )
    answer = client.post("/login/second/", {"code": code_now(secret)})
    assert answer.headers["Location"] == "/login/"


def test_the_last_factor_of_who_must_have_one_stays(merchant_user: User, forced: None):
    with_app(merchant_user)
    [factor] = Factor.objects.all()
    with pytest.raises(Refused, match="last_factor"):
        factors.remove(user=merchant_user, factor_id=factor.pk, actor=merchant_user.actor)
    assert Factor.objects.count() == 1


def test_a_factor_that_need_not_be_is_taken_away_and_its_codes_with_it(merchant_user: User):
    with_app(merchant_user)
    factors.new_codes(user=merchant_user, actor=merchant_user.actor)
    [factor] = Factor.objects.all()
    address = f"/account/factor/{factor.pk}/remove/"
    other = staff(merchant_user.memberships.get().merchant, "manager")
    assert logged_in(other).post(address).status_code == 404
    there = logged_in(merchant_user)
    assert logged_in(merchant_user).post(address).status_code == 302
    assert not Factor.objects.exists() and not RecoveryCode.objects.exists()
    assert there.get("/merchant/").status_code == 302
    assert "second factor removed" in actions(merchant_user)


def test_wrong_factors_make_the_next_wait(merchant_user: User):
    secret = with_app(merchant_user)
    client = Client()
    enter(client, merchant_user.username)
    said = [client.post("/login/second/", {"code": "000000"}).status_code for _n in range(7)]
    assert said == [200] * 6 + [429]
    assert client.post("/login/second/", {"code": code_now(secret)}).status_code == 429


def test_a_lost_factor_is_taken_away_by_two_and_the_person_is_told(merchant_user: User):
    with_phone(merchant_user)
    with_app(merchant_user)
    there = logged_in(merchant_user)
    first = with_rights("first", "accounts.view_user", "accounts.reset_user")
    second = with_rights(
        "second", "accounts.view_user", "accounts.reset_user", "accounts.approve_proposal"
    )
    told = len(texts())
    address = "/admin/accounts/user/"
    chosen = {"action": "reset_factors", "_selected_action": [merchant_user.pk], "index": 0}
    logged_in(first).post(address, chosen)
    assert factors.has_any(merchant_user)
    row = services.proposals_for(second).filter(state="asked").get()
    services.approve_proposal(proposal_id=row.pk, person=second)
    assert not factors.has_any(merchant_user)
    assert there.get("/merchant/").status_code == 302
    assert texts()[told:] == ["log_in_changed"]
    assert "second factors reset" in actions(merchant_user)


# ── Wrong passwords ──────────────────────────────────────────────────────────────────────────────
def test_one_password_over_many_names_from_one_network_is_slowed(db: None):
    said = []
    for n in range(18):
        said.append(enter(Client(REMOTE_ADDR="203.0.113.9"), f"name-{n}").status_code)
    assert said == [200] * 16 + [429] * 2
    assert enter(Client(REMOTE_ADDR="203.0.113.10"), "name-1").status_code == 200


def test_one_name_from_many_networks_is_slowed(merchant_user: User):
    said = [
        enter(Client(REMOTE_ADDR=f"198.51.100.{n}"), merchant_user.username, "wrong").status_code
        for n in range(23)
    ]
    assert said == [200] * 21 + [429] * 2
    answer = enter(Client(REMOTE_ADDR="192.0.2.1"), merchant_user.username)
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) <= 120  # nobody is kept out for long


def test_a_name_is_counted_as_one_however_it_is_written(merchant_user: User):
    wide = "ｙｕｙｕａｎ"
    names = [f"{'yuyuan'[:n]}{wide[n:]}-owner" for n in range(6)]
    client = Client(REMOTE_ADDR="203.0.113.9")
    said = [enter(client, name, "wrong").status_code for name in [*names, "yuyuan-owner"]]
    assert said == [200] * 6 + [429]


def test_one_password_over_many_names_and_networks_is_slowed(
    db: None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(deeds.LOG_IN.wrong, "sum", Wait(5, 60, 60, 3600))  # type: ignore[index]
    said = [enter(Client(REMOTE_ADDR=f"198.51.100.{n}"), f"name-{n}").status_code for n in range(8)]
    assert said == [200] * 6 + [429] * 2


def test_a_browser_that_knows_the_name_waits_for_itself_alone(merchant_user: User):
    known = Client(REMOTE_ADDR="192.0.2.1")
    enter(known, merchant_user.username)
    known.post("/logout/")
    for n in range(25):
        enter(Client(REMOTE_ADDR="192.0.2.1"), merchant_user.username, "wrong")
        enter(Client(REMOTE_ADDR=f"198.51.100.{n}"), merchant_user.username, "wrong")
    assert enter(Client(REMOTE_ADDR="192.0.2.1"), merchant_user.username).status_code == 429
    assert enter(known, merchant_user.username).status_code == 302


def test_the_page_that_tells_to_wait_speaks_both_languages_and_the_desk_sees_the_attack(
    merchant_user: User, operator: User
):
    client = Client(REMOTE_ADDR="203.0.113.9")
    for _n in range(8):
        answer = enter(client, merchant_user.username, "wrong")
    assert answer.status_code == 429
    assert "稍等" in answer.content.decode()
    answer = enter(client, merchant_user.username, "wrong", headers={"accept-language": "en"})
    assert "Wait a little" in answer.content.decode()
    assert actions(merchant_user).count("log-in refused") == 6
    assert actions(merchant_user).count("log-in made to wait") == 1
    front = logged_in(operator).get("/admin/", headers={"accept-language": "en"})
    assert "Log-ins refused" in front.content.decode()


# ── Passwords ────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    "password",
    [
        "1",
        "Summer2026",
        "password1234",
        "yuyuan-owner1",
        "bowei-parking-2026",
        "愚园停车停车2026!!",
    ],
)
def test_weak_passwords_are_refused_wherever_they_are_chosen(merchant: Merchant, password: str):
    with pytest.raises(Invalid, match="weak_password"):
        services.create_staff(
            username="yuyuan-owner", password=password, merchant=merchant, role="owner", actor=TEST
        )
    assert not User.objects.exists()
    user = staff(merchant, "owner")
    page = logged_in(user).post(
        "/account/password/",
        {"old_password": PASSWORD, "new_password1": password, "new_password2": password},
    )
    assert page.status_code == 200
    user.refresh_from_db()
    assert user.check_password(PASSWORD)


@pytest.mark.parametrize("password", ["vier rote Autos am Kai", "雨后的梧桐树下有三只猫在睡觉"])
def test_a_long_sentence_of_any_kind_is_a_password(merchant: Merchant, password: str):
    passwords.refuse_weak(password, User(username="yuyuan-owner"))


def test_a_new_password_asks_for_the_old_one_ends_other_log_ins_and_is_told(merchant_user: User):
    with_phone(merchant_user)
    here, there = logged_in(merchant_user), logged_in(merchant_user)
    told = len(texts())
    form = {"new_password1": "quite another sentence", "new_password2": "quite another sentence"}
    assert here.post("/account/password/", {"old_password": "x", **form}).status_code == 200
    assert there.get("/merchant/").status_code == 200
    assert here.post("/account/password/", {"old_password": PASSWORD, **form}).status_code == 302
    assert here.get("/merchant/").status_code == 200
    assert there.get("/merchant/").status_code == 302
    assert texts()[told:] == ["log_in_changed"]


def test_a_forgotten_password_is_made_anew_by_a_link_that_counts_once(merchant_user: User):
    with_phone(merchant_user)
    there, client = logged_in(merchant_user), Client()
    told = len(texts())
    answers = [
        client.post("/login/forgot/", {"username": name}).content
        for name in (merchant_user.username, "nobody", "")
    ]
    page = re.sub(rb'(?s)<p class="note amber">.*?</p>|value="[^"]*"', b"", answers[0])
    assert page == re.sub(rb'value="[^"]*"', b"", answers[1])
    assert "new password asked for" in actions(merchant_user)
    assert texts()[told:] == ["new_password"]
    url = SmsMessage.objects.latest("pk").params["url"]
    address = url[url.index("/login/new/") :]
    assert client.get(address).status_code == 200
    weak = {"new_password1": "1", "new_password2": "1"}
    assert client.post(address, weak).status_code == 200
    form = {"new_password1": "quite another sentence", "new_password2": "quite another sentence"}
    assert client.post(address, form).headers["Location"] == "/login/"
    assert client.post(address, form).status_code == 404
    assert there.get("/merchant/").status_code == 302
    assert enter(client, merchant_user.username, "quite another sentence").status_code == 302
    assert texts()[told:] == ["new_password", "log_in_changed"]


def test_a_link_to_a_new_password_lives_an_hour_and_leaves_the_second_factor(
    merchant_user: User, owner: User, monkeypatch: pytest.MonkeyPatch
):
    with_phone(merchant_user)
    secret = with_app(merchant_user)
    client = Client()
    client.post("/login/forgot/", {"username": merchant_user.username})
    url = SmsMessage.objects.latest("pk").params["url"]
    address = url[url.index("/login/new/") :]
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 3601)
    assert client.get(address).status_code == 410
    monkeypatch.setattr(time, "time", lambda: now)
    form = {"new_password1": "quite another sentence", "new_password2": "quite another sentence"}
    client.post(address, form)
    answer = enter(client, merchant_user.username, "quite another sentence")
    assert answer.headers["Location"] == "/login/second/"
    assert client.post("/login/second/", {"code": code_now(secret)}).status_code == 302
    client.post("/login/forgot/", {"username": owner.username})  # no password is theirs
    assert texts()[-1] == "log_in_changed"


def test_the_phone_of_who_works_here_is_shown_by_a_code_and_opens_nothing(merchant_user: User):
    client = logged_in(merchant_user)
    client.post("/account/phone/", {"phone": PHONE})
    assert client.post("/account/phone/", {"phone": PHONE, "code": "1"}).status_code == 400
    code = SmsMessage.objects.latest("pk").params["code"]
    assert client.post("/account/phone/", {"phone": PHONE, "code": code}).status_code == 302
    merchant_user.refresh_from_db()
    assert (merchant_user.phone, merchant_user.phone_digest) == (PHONE, None)
    assert "phone changed" in actions(merchant_user)
    assert services.owner_by_phone(PHONE) != merchant_user


# ── Sessions ─────────────────────────────────────────────────────────────────────────────────────
def aged(user: User, **past: timedelta) -> None:
    for name, span in past.items():
        for row in Visit.objects.filter(user=user):
            Visit.objects.filter(pk=row.pk).update(**{name: getattr(row, name) - span})


def test_a_log_in_that_is_not_used_ends_sooner_the_more_it_may(
    merchant_user: User, attendant: User, operator: User, owner: User
):
    for user, page, ends in (
        (merchant_user, "/merchant/", True),
        (attendant, "/merchant/", False),
        (operator, "/admin/", True),
        (owner, "/me/plates/", False),
    ):
        client = logged_in(user)
        aged(user, seen_at=timedelta(minutes=31))
        assert (client.get(page).status_code == 302) is ends, user
    aged(attendant, seen_at=timedelta(hours=4))
    client = logged_in(owner)
    aged(owner, seen_at=timedelta(days=29))
    assert client.get("/me/plates/").status_code == 200
    assert not visits.of_person(attendant.pk)[1:]


def test_a_log_in_is_over_after_its_whole_time_however_much_it_is_used(
    merchant_user: User, owner: User
):
    for user, page, lives in (
        (merchant_user, "/merchant/", timedelta(hours=12)),
        (owner, "/me/plates/", timedelta(days=30)),
    ):
        client = logged_in(user)
        session = client.session
        session["more"] = 1
        session.save()
        [row] = Visit.objects.filter(user=user)
        assert abs(row.expire_date - row.since - lives) < timedelta(seconds=2)
        aged(user, expire_date=lives)
        assert client.get(page).status_code == 302


def test_what_a_page_asks_by_itself_is_no_use_of_a_log_in(merchant_user: User):
    client = logged_in(merchant_user)
    aged(merchant_user, seen_at=timedelta(minutes=20))
    client.get("/merchant/", headers={visits.UNASKED: "1"})
    assert clock.real() - Visit.objects.get().seen_at > timedelta(minutes=19)
    client.get("/merchant/")
    assert clock.real() - Visit.objects.get().seen_at < timedelta(minutes=1)


def test_a_person_sees_where_they_are_logged_in_and_ends_it(merchant_user: User, owner: User):
    agent = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/126.0 Safari/537.36"
    here, there = Client(), Client(REMOTE_ADDR="203.0.113.9", headers={"user-agent": agent})
    stranger = logged_in(owner)
    enter(here, merchant_user.username)
    enter(there, merchant_user.username)
    page = here.get("/account/").content.decode()
    assert "Chrome · Windows" in page and "203.0.113.x" in page
    key = visits.digest(there.session.session_key)
    stranger.post("/account/visits/end/", {"visit": key})
    assert there.get("/merchant/").status_code == 200
    here.post("/account/visits/end/", {"visit": key})
    assert there.get("/merchant/").status_code == 302
    third = logged_in(merchant_user)
    here.post("/account/visits/end/")
    assert third.get("/merchant/").status_code == 302
    assert here.get("/merchant/").status_code == 200
    assert actions(merchant_user).count("log-ins ended") == 2


def test_a_key_that_is_read_in_the_database_opens_nothing(merchant_user: User):
    client = logged_in(merchant_user)
    key = client.session.session_key
    stored = str(list(Visit.objects.values()))
    assert key and key not in stored
    thief = Client()
    thief.cookies["sessionid"] = Visit.objects.get().pk
    assert thief.get("/merchant/").status_code == 302


def test_a_role_that_changes_and_an_account_that_is_closed_end_log_ins(
    merchant: Merchant, merchant_user: User, cashier: User
):
    client = logged_in(cashier)
    services.appoint(
        user_id=cashier.pk, merchant_id=merchant.pk, before="cashier", after=None, actor=TEST
    )
    assert client.get("/me/plates/").status_code == 302
    client = logged_in(merchant_user)
    after = {"active": False, "desk": False, "superuser": False, "groups": [], "rights": []}
    services.change_rights(user_id=merchant_user.pk, after=after, actor=TEST)
    assert client.get("/merchant/").status_code == 302
    assert not Visit.objects.filter(user=merchant_user).exists()


def test_sessions_that_are_over_are_forgotten(merchant_user: User, owner: User):
    logged_in(merchant_user)
    logged_in(owner)
    aged(merchant_user, seen_at=timedelta(minutes=31))
    assert visits.forget_over() == 1
    assert [row.user_id for row in Visit.objects.all()] == [owner.pk]
