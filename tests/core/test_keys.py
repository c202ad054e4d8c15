"""Keys are exchanged while all go on: what the former ones made counts, until it may not."""

import pytest
from cryptography.fernet import InvalidToken
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from accounts import services as accounts
from accounts.models import User
from core import environment, links, personal, resealing
from core.errors import Missing
from core.models import AuditEntry
from devices import services as devices
from devices.models import Credential
from devices.rules.release_code import key_hash
from devices.services import connections
from parking import links as berths

NEW_KEY = "Ahk7ooCh4eiwaeth3ahGhai8oojeiw1ohph5Ohquae2nai6ohW"
PHONE = "13912345678"


# ── BOWEI_SECRET_KEY: sessions and links ────────────────────────────────────────────────────────
def test_sessions_and_links_outlive_an_exchange_as_long_as_the_former_key_is_named(
    owner, settings, client
):
    client.force_login(owner)
    page, token = reverse("accounts.plates"), links.sign("tests", of="a stay")
    settings.SECRET_KEY, former = NEW_KEY, settings.SECRET_KEY

    settings.SECRET_KEY_FALLBACKS = [former]
    assert client.get(page).status_code == 200
    assert links.read("tests", token, max_age_s=60) == {"of": "a stay"}
    in_overlap = links.sign("tests", of="another")

    settings.SECRET_KEY_FALLBACKS = []
    assert links.read("tests", in_overlap, max_age_s=60) == {"of": "another"}
    with pytest.raises(Missing):
        links.read("tests", token, max_age_s=60)
    assert client.get(page).status_code == 200  # renewed while both counted

    late = Client()
    settings.SECRET_KEY = former
    late.force_login(owner)
    settings.SECRET_KEY = NEW_KEY  # and not here meanwhile
    assert late.get(page).status_code == 302


# ── BOWEI_PERSONAL_KEY: what is sealed ──────────────────────────────────────────────────────────
@pytest.fixture
def exchanged(settings, owner, enrolled):
    """A person, a device and what they are known by, then the personal key is another."""
    accounts.owner_by_phone(PHONE)
    settings.DIGEST_KEY = personal.digest_key().hex()
    settings.PERSONAL_KEY_FORMER = [settings.PERSONAL_KEY]
    settings.PERSONAL_KEY = NEW_KEY
    return settings


@pytest.fixture
def enrolled(merchant):
    device, key = devices.enroll(code="L-1", kind="lock", merchant_id=merchant.pk, actor="user:1")
    return device, key, berths.berth_path("A-001", 1)


def test_a_seal_names_its_key_and_opens_with_a_former_one(exchanged):
    person = accounts.owner_by_phone(PHONE)
    assert User.objects.filter(phone_digest=person.phone_digest).count() == 1
    assert person.phone == PHONE
    assert not person.phone_sealed.startswith(personal.newest())
    assert personal.seal("a").startswith(personal.newest())
    of_before = person.phone_sealed.partition(".")[2]  # seals had no name once
    assert personal.unseal(of_before) == PHONE
    exchanged.PERSONAL_KEY_FORMER = []
    for sealed in (person.phone_sealed, of_before, "", "a.b.c"):
        with pytest.raises(InvalidToken):
            personal.unseal(sealed)


def test_after_resealing_the_former_key_may_go_and_nobody_notices(exchanged, enrolled, capsys):
    device, key, berth = enrolled
    with pytest.raises(CommandError, match=r"are left \(.*accounts.user.phone_sealed: 1"):
        call_command("reseal", "--check")
    call_command("reseal")
    assert "devices.credential.key_sealed: 1\n" in capsys.readouterr().out
    entry = AuditEntry.objects.get(subject="core.keys")
    assert (entry.action, entry.actor) == ("resealed", "system:core.reseal")
    assert entry.facts["renewed"]["accounts.user.phone_sealed"] == 1

    exchanged.PERSONAL_KEY_FORMER = []
    call_command("reseal", "--check")
    assert accounts.owner_by_phone(PHONE).phone == PHONE
    assert User.objects.exclude(phone_digest=None).count() == 1
    assert connections.log_in("L-1", key).device_id == device.pk
    assert berths.berth_path("A-001", 1) == berth
    call_command("reseal")
    assert AuditEntry.objects.filter(subject="core.keys").count() == 1


def test_a_lock_takes_the_release_code_of_before(enrolled, exchanged):
    _device, key, _berth = enrolled
    credential = Credential.objects.get()
    assert credential.key_hash == key_hash(key)
    assert key_hash(key) not in credential.key_sealed + credential.key_digest
    call_command("reseal")
    assert Credential.objects.get().key_hash == key_hash(key)


def test_resealing_goes_on_where_it_was_stopped(exchanged, monkeypatch):
    exchanged.PERSONAL_KEY, (former,) = exchanged.PERSONAL_KEY_FORMER[0], [NEW_KEY]
    for one in range(7):
        accounts.send_sms(phone=PHONE, template="login_code", params={"code": "1"}, key=f"k{one}")
    exchanged.PERSONAL_KEY = former
    monkeypatch.setattr(resealing, "BATCH", 2)
    renew, times = resealing._renew, []

    def dying(*given):
        times.append(given)
        if len(times) == 3:
            raise KeyboardInterrupt
        return renew(*given)

    monkeypatch.setattr(resealing, "_renew", dying)
    first = sum(resealing.left().values())
    with pytest.raises(KeyboardInterrupt):
        call_command("reseal")
    monkeypatch.setattr(resealing, "_renew", renew)
    assert 0 < sum(resealing.left().values()) < first
    call_command("reseal")
    assert resealing.left() == {}


def test_what_was_written_meanwhile_stays(exchanged):
    person = accounts.owner_by_phone(PHONE)
    read = [(person.pk, person.phone_sealed)]
    other = personal.seal("13800000000")
    User.objects.filter(pk=person.pk).update(phone_sealed=other)
    assert resealing._renew(User, "phone_sealed", "", read) == 0
    person.refresh_from_db()
    assert person.phone_sealed == other


def test_a_seal_that_no_key_opens_stops_it_in_a_sentence(exchanged):
    exchanged.PERSONAL_KEY_FORMER = []
    with pytest.raises(CommandError, match="BOWEI_PERSONAL_KEY_FORMER must have it"):
        call_command("reseal")


def test_a_new_digest_key_is_carried_through_where_the_text_is_known(exchanged, enrolled, capsys):
    call_command("reseal", "--print-digest-key")
    assert capsys.readouterr().out == f"{exchanged.DIGEST_KEY}\n"
    device, key, berth = enrolled
    exchanged.DIGEST_KEY = "ab" * 32
    call_command("reseal", "--digests")
    assert accounts.owner_by_phone(PHONE).phone == PHONE
    assert User.objects.exclude(phone_digest=None).count() == 1
    assert connections.log_in("L-1", key).device_id == device.pk
    assert berths.berth_path("A-001", 1) != berth  # printed anew


def test_every_sealed_column_is_found_by_its_name():
    found = {f"{model._meta.label_lower}.{name}" for model, name, _digest in resealing.columns()}
    assert found >= {
        "accounts.user.phone_sealed",
        "accounts.smsmessage.params_sealed",
        "arrears.dispute.reply_sealed",
        "devices.credential.key_sealed",
        "monthlycard.lotsystem.secret_sealed",
    }
    with_digest = {name for model, name, digest in resealing.columns() if digest}
    assert with_digest == {"phone_sealed", "key_sealed"}


# ── Secrets in files ────────────────────────────────────────────────────────────────────────────
def test_a_secret_may_be_a_file(tmp_path):
    (tmp_path / "key").write_text("a secret\n")
    (tmp_path / "database").write_text("postgresql://somewhere\n")
    said = {
        "BOWEI_SECRET_KEY_FILE": str(tmp_path / "key"),
        "DATABASE_URL_FILE": str(tmp_path / "database"),
        "SSL_CERT_FILE": "/not/ours",
        "BOWEI_ALIPAY_FILE": "",
    }
    found = environment.with_files(said)
    assert found == {
        **said,
        "BOWEI_SECRET_KEY": "a secret",
        "DATABASE_URL": "postgresql://somewhere",
    }


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"BOWEI_SECRET_KEY_FILE": "missing"}, "BOWEI_SECRET_KEY_FILE names a file that can't be"),
        ({"BOWEI_SECRET_KEY_FILE": "empty"}, "BOWEI_SECRET_KEY_FILE names an empty file"),
        ({"REDIS_URL_FILE": "full", "REDIS_URL": "redis://x"}, "are both set"),
    ],
)
def test_a_file_that_says_nothing_is_told_by_its_variable(tmp_path, said, why):
    (tmp_path / "empty").write_text(" \n")
    (tmp_path / "full").write_text("a secret")
    named = {
        name: str(tmp_path / value) if name.endswith("_FILE") else value
        for name, value in said.items()
    }
    with pytest.raises(ImproperlyConfigured, match=why) as told:
        environment.with_files(named)
    assert "a secret" not in str(told.value)
