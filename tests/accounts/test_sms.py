"""Who carries text messages: one list, which settings and documents follow."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from accounts import sms
from accounts.models import SmsMessage
from accounts.sms.aliyun import AliyunSms
from tests.docs.tables import rows_of_keys, table
from tests.people import OWNER_PHONE

ACCOUNT = {
    "access_key": "id",
    "secret": "the secret itself",
    "sign_name": "泊位",
    "templates": {"login_code": "SMS_1"},
}
WHOLE = {"BOWEI_SMS": "aliyun", "BOWEI_SMS_ALIYUN": json.dumps(ACCOUNT)}


def test_every_module_of_a_provider_is_in_the_list():
    modules = {path.stem for path in Path(sms.__file__).parent.glob("*.py")}
    assert {one.name for one in sms.ALL} == modules - {"__init__", "base", "words"}


def test_a_demo_sends_nothing_and_production_sends(settings):
    assert sms.chosen({}, production=False) == ("sandbox", {})
    name, said = sms.chosen({"BOWEI_SMS_ALIYUN": WHOLE["BOWEI_SMS_ALIYUN"]}, production=True)
    assert (name, said) == ("aliyun", ACCOUNT)
    settings.BOWEI_SMS, settings.BOWEI_SMS_ACCOUNT = name, said
    assert sms.sends()
    assert sms.client() == AliyunSms(**ACCOUNT)


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        (
            {"BOWEI_SMS": "pigeon"},
            "BOWEI_SMS names no provider of text messages; known: aliyun, sandbox.",
        ),
        ({"BOWEI_SMS": "sandbox"}, "BOWEI_SMS=sandbox is for demos: production must send."),
        ({"BOWEI_SMS_ALIYUN": ""}, "BOWEI_SMS_ALIYUN must be set: BOWEI_SMS is aliyun."),
        (
            {"BOWEI_SMS_ALIYUN": json.dumps({**ACCOUNT, "secret": ""})},
            "BOWEI_SMS_ALIYUN lacks secret.",
        ),
        (
            {"BOWEI_SMS_ALIYUN": json.dumps({**ACCOUNT, "sign": "x"})},
            "BOWEI_SMS_ALIYUN knows no key sign.",
        ),
    ],
)
def test_a_choice_that_cannot_send_is_refused_in_a_sentence(changed, problem):
    with pytest.raises(ImproperlyConfigured) as refused:
        sms.chosen({**WHOLE, **changed}, production=True)
    assert str(refused.value) == problem


def test_bowei_does_not_start_with_an_unknown_provider():
    started = subprocess.run(
        [sys.executable, "manage.py", "check"],
        env={**os.environ, "BOWEI_SMS": "pigeon"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert started.returncode != 0
    assert started.stderr.splitlines()[-1].endswith(
        "BOWEI_SMS names no provider of text messages; known: aliyun, sandbox."
    )


def test_the_log_in_shows_its_code_where_nothing_is_sent_and_nowhere_else(anonymous, db, settings):
    shown = anonymous.post("/me/login/", {"phone": OWNER_PHONE})
    assert SmsMessage.objects.get().params["code"] in shown.content.decode()
    settings.BOWEI_SMS, settings.BOWEI_SMS_ACCOUNT = "aliyun", ACCOUNT
    SmsMessage.objects.all().delete()
    quiet = anonymous.post("/me/login/", {"phone": OWNER_PHONE})
    assert SmsMessage.objects.get().params["code"] not in quiet.content.decode()


def test_the_document_tells_every_provider_and_every_key_as_the_code_does():
    accounts = [one.account for one in sms.ALL if one.account]
    assert table("running.md", "| variable | key | meaning |") == rows_of_keys(accounts)
    variables = table("running.md", "| Variable | Meaning | Without it |")
    told = {row[0]: row[1] for row in variables}
    assert all(f"`{one.name}`" in told["`BOWEI_SMS`"] for one in sms.ALL)
    assert all(f"`{account.variable}`" in told for account in accounts)
