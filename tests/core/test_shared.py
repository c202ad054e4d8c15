"""Idempotency, links, sealed phones, photographs, problem details."""

import io
import threading

import pytest
from PIL import Image

from core import idempotency, images, links, personal
from core.errors import Invalid, Missing, Refused
from tests.core.test_transition import in_threads


def picture(size=(64, 48), kind="JPEG", **options) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (20, 80, 180)).save(out, kind, **options)
    return out.getvalue()


def test_the_same_key_gives_the_same_answer_and_no_second_effect(db):
    calls = []

    def do():
        calls.append(1)
        return {"n": len(calls)}

    first = idempotency.once("tests", "k", {"a": 1}, do)
    assert idempotency.once("tests", "k", {"a": 1}, do) == first
    assert calls == [1]
    with pytest.raises(Refused) as refused:
        idempotency.once("tests", "k", {"a": 2}, do)
    assert refused.value.code == "idempotency_mismatch"


def test_a_failed_attempt_leaves_the_key_free(db):
    with pytest.raises(ZeroDivisionError):
        idempotency.once("tests", "k", {}, lambda: {"n": 1 // 0})
    assert idempotency.once("tests", "k", {}, lambda: {"n": 1}) == {"n": 1}


def test_eight_callers_with_one_key_have_one_effect(transactional_db):
    calls, answers, guard = [], [], threading.Lock()

    def do():
        with guard:
            calls.append(1)
        return {"n": 7}

    assert in_threads(8, lambda _n: answers.append(idempotency.once("t", "k", {}, do))) == []
    assert (len(calls), answers) == (1, [{"n": 7}] * 8)


def test_a_link_opens_only_what_it_was_made_for():
    token = links.sign("dues", plate="沪A12345")
    assert links.read("dues", token, max_age_s=60) == {"plate": "沪A12345"}
    for forged in (token[:-2] + "xx", "", "a:b:c"):
        with pytest.raises(Missing):
            links.read("dues", forged, max_age_s=60)
    with pytest.raises(Missing):
        links.read("order", token, max_age_s=60)


def test_a_sealed_phone_is_found_by_its_digest_and_read_by_nobody_else():
    sealed = personal.seal("13912345678")
    assert "139" not in sealed
    assert personal.unseal(sealed) == "13912345678"
    assert personal.seal("13912345678") != sealed
    assert personal.digest("13912345678") == personal.digest("13912345678")
    assert personal.masked_phone("13912345678") == "139••••5678"


def test_a_photograph_is_kept_once_under_its_hash(db):
    data = picture()
    sha256 = images.keep(data, by="device:C-1")
    assert images.keep(data, by="device:C-2") == sha256
    assert images.load(sha256) == data


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        (b"GIF89a not really", "unsupported"),
        (b"<svg onload='x()'/>", "not_an_image"),
        (picture()[:-40], "truncated"),
        (picture((8, 8)), "too_small"),
        (picture((10_000, 10_000), "PNG"), "too_large"),
    ],
)
def test_hostile_files_are_refused_before_they_are_decoded(db, data, code):
    with pytest.raises(Invalid) as invalid:
        images.keep(data, by="device:C-1")
    assert invalid.value.code == code


def test_an_unknown_address_of_an_interface_is_a_problem_document(db, client):
    answer = client.get("/api/v1/nothing/")
    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "missing"


def test_health_says_what_answers(db, client):
    assert client.get("/health/alive/").json() == {"alive": True}
    assert client.get("/health/ready/").json() == {"database": True, "valkey": True}
