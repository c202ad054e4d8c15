"""Frames, schemas, clocks and release codes: values in, values out."""

import contextlib
import hmac
import json
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devices.rules import frames, protocol, release_code
from devices.rules.clocks import AHEAD_MS, BEHIND_MS, clock_fault

# A busy machine is no reason to fail.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
PAYLOAD = st.dictionaries(TEXT, TEXT | st.integers() | st.none() | st.booleans(), max_size=4)
ID = st.text(st.characters(codec="ascii", exclude_characters="\0"), min_size=1, max_size=36)


@patient
@given(ID, TEXT, PAYLOAD)
def test_what_is_encoded_is_decoded_again(id: str, action: str, payload: dict) -> None:
    for frame in (frames.Call(id, action, payload), frames.Result(id, payload)):
        assert frames.decode(frame.encode()) == frame
    error = frames.Error(id, action, "text", payload)
    assert frames.decode(error.encode()) == error


@patient
@given(st.text() | st.binary())
def test_no_bytes_do_more_than_raise_a_typed_error(raw: str | bytes) -> None:
    with contextlib.suppress(frames.BadFrame):
        assert frames.decode(raw)


def test_every_message_has_a_schema_that_refuses_what_it_does_not_know() -> None:
    for action, message in (protocol.MESSAGES | protocol.COMMANDS).items():
        schema = protocol.schema_of(message)
        assert json.loads(json.dumps(schema)) == schema
        assert schema["additionalProperties"] is False
        parse = protocol.parse if action in protocol.MESSAGES else protocol.parse_command
        with pytest.raises(protocol.InvalidPayload) as wrong:
            parse(action, {"nonsense": 1})
        assert wrong.value.code == "bad_payload"


@pytest.mark.parametrize(
    ("sha256", "good"),
    [("a" * 64, True), ("a" * 63, False), ("A" * 64, False), ("a" * 64 + "\n", False)],
)
def test_a_hash_is_64_hex_digits(sha256: str, good: bool) -> None:
    payload = {"sha256": sha256, "occurred_at_ms": 1, "purpose": "arrival"}
    if good:
        assert protocol.parse("ImageTaken", payload)
    else:
        with pytest.raises(protocol.InvalidPayload):
            protocol.parse("ImageTaken", payload)


def test_a_password_never_stands_in_the_complaint_that_is_kept() -> None:
    with pytest.raises(protocol.InvalidPayload) as wrong:
        protocol.parse("AttendantLogin", {"username": "a", "password": "p" * 300})
    assert "ppp" not in wrong.value.text
    assert wrong.value.fields == {"password": "must have at most 256 characters"}


def test_a_number_may_be_written_with_a_point_but_not_as_a_text_or_a_flag() -> None:
    arrived = protocol.parse("VehicleArrived", {"berth_code": "A", "occurred_at_ms": 5.0})
    assert arrived.payload() == {"berth_code": "A", "occurred_at_ms": 5}
    for at_ms in (5.5, "5", True):
        with pytest.raises(protocol.InvalidPayload) as wrong:
            protocol.parse("VehicleArrived", {"berth_code": "A", "occurred_at_ms": at_ms})
        assert wrong.value.fields == {"occurred_at_ms": "must be a whole number"}


def test_a_flood_of_unknown_fields_hides_no_field_that_is_wrong() -> None:
    flood = {f"{n:03}" + "a" * 100: n for n in range(500)}
    with pytest.raises(protocol.InvalidPayload) as wrong:
        protocol.parse("CommandResult", {"command_id": 0, **flood})
    assert wrong.value.fields["command_id"] == "must be at least 1"
    assert wrong.value.fields["outcome"] == "is missing"
    assert len(wrong.value.fields) == protocol.MOST_NAMED
    assert max(map(len, wrong.value.fields)) == protocol.MOST_PATH


@pytest.mark.parametrize(("depth", "good"), [(100, True), (500, False), (20_000, False)])
def test_details_may_be_nested_a_hundred_deep(depth: int, good: bool) -> None:
    details: dict = {}
    for _ in range(depth):
        details = {"in": details}
    result = {"command_id": 1, "outcome": "done", "details": details}
    if good:
        assert protocol.parse("CommandResult", result).payload() == result
    else:
        with pytest.raises(protocol.InvalidPayload) as wrong:
            protocol.parse("CommandResult", result)
        assert wrong.value.fields == {"details": "is nested too deeply"}


@pytest.mark.parametrize(
    ("at_ms", "fault"),
    [
        (0, "clock_unset"),
        (1_700_000_000_000, None),
        (1_700_000_000_000 + AHEAD_MS, None),
        (1_700_000_000_000 + AHEAD_MS + 1, "clock_ahead"),
        (1_700_000_000_000 - BEHIND_MS, None),
        (1_700_000_000_000 - BEHIND_MS - 1, "clock_behind"),
    ],
)
def test_clocks_are_believed_within_bounds(at_ms: int, fault: str | None) -> None:
    assert clock_fault(at_ms, now_ms=1_700_000_000_000) == fault


@patient
@given(ID, st.integers(1, 2**62))
def test_a_release_code_fits_its_order_its_counter_and_its_device_only(
    order: str, counter: int
) -> None:
    """P1.5"""
    secret = release_code.release_secret(release_code.key_hash("key"))
    other = release_code.release_secret(release_code.key_hash("another key"))
    code = release_code.release_code(secret, order_code=order, counter=counter)
    assert len(code) == 8
    assert release_code.fits(f" {code[:4]}-{code[4:]} ", secret, order_code=order, counter=counter)
    for elsewhere, order_code, number in (
        (other, order, counter),
        (secret, order + "1", counter),
        (secret, order, counter + 1),
    ):
        wrong = release_code.release_code(elsewhere, order_code=order_code, counter=number)
        if wrong != code:
            assert not release_code.fits(code, elsewhere, order_code=order_code, counter=number)
    assert not release_code.fits("", secret, order_code=order, counter=counter)
    assert not release_code.fits("１２３", secret, order_code=order, counter=counter)


def test_a_release_code_can_be_computed_from_the_document_alone() -> None:
    """docs/devices.md, written out with the standard library only."""
    import hashlib

    key, order, counter = "a-key", "R-017", 42
    secret = hmac.digest(hashlib.sha256(key.encode()).digest(), b"bowei release code 1", "sha256")
    digest = hmac.digest(secret, f"{order}\n{counter}".encode(), "sha256")
    offset = digest[-1] & 15
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    ours = release_code.release_code(
        release_code.release_secret(release_code.key_hash(key)), order_code=order, counter=counter
    )
    assert ours == f"{number % 10**8:08d}"


def test_wrong_codes_cost_more_and_more_time() -> None:
    tries = release_code.Tries()
    for _wrong in range(release_code.FREE_TRIES - 1):
        tries = tries.after_wrong(0)
        assert tries.may(0)
    pauses = []
    for _wrong in range(10):
        tries = tries.after_wrong(0)
        pauses.append(tries.paused_until_s)
        assert not tries.may(tries.paused_until_s - 1)
        assert tries.may(tries.paused_until_s)
    assert pauses[:3] == [60, 120, 240]
    assert pauses[-1] == release_code.LONGEST_PAUSE_S


def test_the_client_needs_neither_django_nor_a_schema_library() -> None:
    code = "import sys, devices.client\n"
    code += "bad = [m for m in ('django', 'pydantic', 'channels', 'core') if m in sys.modules]\n"
    code += "sys.exit(repr(bad) if bad else 0)"
    subprocess.run([sys.executable, "-c", code], check=True)
