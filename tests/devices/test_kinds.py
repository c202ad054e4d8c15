"""The kinds of device: one list, which the door, the rows, the database and the desk follow."""

import re
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import IntegrityError, transaction
from django.utils.translation import override

from config import wiring
from devices import selectors, services
from devices.errors import NotForKind
from devices.models import Device
from devices.rules import kinds, protocol

ROWS = ["accounts", "arrears", "config", "core", "devices", "monthlycard", "parking", "recovery"]
# A kind's name as a literal where it means a kind: compared, looked up, or given as one.
NAME = f"""["'](?:{"|".join(kinds.NAMES)})["']"""
SPELT = re.compile(
    rf"kind(?:__in)?\s*(?:==|!=|\bin\b|=)\s*[\[({{]?\s*{NAME}"
    rf"|devices_of\([^)]*{NAME}|case\s+{NAME}"
)


def test_whatever_can_be_said_or_told_is_some_kind_s():
    said = {message for kind in kinds.ALL for message in kind.says}
    told = {command for kind in kinds.ALL for command in kind.told}
    assert said == set(protocol.MESSAGES.values())
    assert told == set(protocol.COMMANDS.values())


def test_somebody_listens_to_whatever_can_be_said():
    assert set(wiring.MESSAGES) == set(protocol.MESSAGES)
    assert all(wiring.MESSAGES.values())


@pytest.mark.parametrize("kind", kinds.ALL, ids=lambda kind: kind.name)
def test_every_kind_beats_tells_how_it_is_and_how_its_commands_ended(kind):
    assert {protocol.Heartbeat, protocol.DeviceState, protocol.CommandResult} <= set(kind.says)


def test_abilities_follow_from_what_a_kind_says_and_is_told():
    def able(ability):
        return kinds.names(lambda kind: getattr(kind, ability))

    assert able("takes_photographs") == ["camera", "handheld", "gate"]
    assert able("uploads") == ["camera", "handheld", "lock", "gate"]
    assert able("needs_attendant") == ["handheld"]
    assert able("read_by_people") == ["handheld", "gate"]
    assert able("is_lock") == ["lock"]
    assert able("senses_a_berth") == ["sensor"]
    assert able("speaks_for_all_berths") == ["handheld", "gate"]


def test_a_kind_is_told_its_own_commands_and_no_others(merchant):
    payloads = {
        "TakeImage": {"berth_code": "A-001"},
        "RaiseLock": {"order_code": "R-1", "lease_s": 60},
        "LowerLock": {"order_code": "R-1", "reason": "paid"},
        "ShowNotice": {
            "notice_id": 1,
            "plate": "沪A·12345",
            "lines": [],
            "amount_fen": 1,
            "expires_at_ms": 1,
        },
        "WithdrawNotice": {"notice_id": 1},
        "ShowTask": {
            "order_code": "R-1",
            "berth_code": "A-001",
            "plate": "沪A·12345",
            "lines": ["fetch it"],
            "alarm": False,
            "expires_at_ms": 1,
        },
    }
    assert set(payloads) == set(protocol.COMMANDS)
    for kind in kinds.ALL:
        device, _key = services.enroll(
            code=f"X-{kind.name}", kind=kind.name, merchant_id=merchant.pk, actor="system:tests"
        )
        for action, payload in payloads.items():
            if protocol.COMMANDS[action] in kind.told:
                services.order(device_id=device.pk, action=action, payload=payload, actor="t")
                continue
            with pytest.raises(NotForKind):
                services.order(device_id=device.pk, action=action, payload=payload, actor="t")
    assert [device.code for device in selectors.devices_able(merchant.pk, lambda k: k.is_lock)] == [
        "X-lock"
    ]


def test_people_choose_among_all_kinds_in_their_language(merchant_client, db):
    field = Device._meta.get_field("kind")
    assert [name for name, _word in field.choices] == list(kinds.NAMES)
    for _name, word in field.choices:
        with override("zh-hans"):
            chinese = str(word)
        with override("en"):
            assert str(word) != chinese
        assert chinese in merchant_client.get("/merchant/devices/").content.decode()


def test_the_database_holds_no_kind_that_is_not_in_the_list(merchant):
    device, _key = services.enroll(
        code="S-1", kind="sensor", merchant_id=merchant.pk, actor="system:tests"
    )
    with pytest.raises(IntegrityError, match="device_kind_known"), transaction.atomic():
        Device.objects.filter(pk=device.pk).update(kind="drone")


def test_nobody_but_the_list_spells_a_kind():
    found = []
    for row in ROWS:
        for path in (django_settings.BASE_DIR / row).rglob("*.py"):
            inside = path.relative_to(django_settings.BASE_DIR)
            if "migrations" in inside.parts or inside == Path("devices/rules/kinds.py"):
                continue
            for number, line in enumerate(path.read_text().splitlines(), start=1):
                if SPELT.search(line):
                    found.append(f"{inside}:{number}: {line.strip()}")
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        'if sender.kind == "sensor":',
        'if kind in ("handheld", "gate"):',
        'Device.objects.filter(kind="lock")',
        'devices.devices_of(merchant_id, "lock")',
        'case "camera":',
    ],
)
def test_a_spelt_kind_would_be_seen(line):
    assert SPELT.search(line)
