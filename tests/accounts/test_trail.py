"""Who made, showed, shared or gave rights stands in the trail, with what it was before."""

from io import BytesIO
from typing import Any

from PIL import Image

from accounts import services
from accounts.models import Membership
from tests.people import PASSWORD, TEST
from tests.street import PLATE
from tests.trail import events, moves, said


def test_merchants_and_their_people_say_who_made_them(merchant: Any) -> None:
    assert said(merchant) == [("created", TEST, "", {})]
    person = services.create_staff(
        username="a", password=PASSWORD, merchant=merchant, role="cashier", actor="user:7"
    )
    membership = Membership.objects.get(user=person)
    assert said(membership) == [("created", "user:7", "", {"role": "cashier"})]


def test_a_post_says_what_it_was_before(merchant: Any, owner: Any) -> None:
    services.appoint(
        user_id=owner.pk, merchant_id=merchant.pk, before=None, after="owner", actor="user:7"
    )
    services.appoint(
        user_id=owner.pk, merchant_id=merchant.pk, before="owner", after=None, actor="user:8"
    )
    post = {"merchant": merchant.pk, "role": "owner"}
    assert said(owner) == [
        ("membership changed", "user:7", "", {"before": None, "after": post}),
        ("membership changed", "user:8", "", {"before": post, "after": None}),
    ]


def test_a_plate_says_who_showed_it_and_with_whom_it_is_shared(owner: Any, clock: Any) -> None:
    holding = services.claim_plate(user=owner, plate_text=PLATE.text, plate_colour="blue")
    data = BytesIO()
    Image.new("RGB", (64, 48), (1, 2, 3)).save(data, "JPEG")
    services.show_licence(
        user=owner, holding_id=holding.pk, photograph=data.getvalue(), actor=owner.actor
    )
    services.prove_holding(
        user=owner, plate_text=PLATE.text, plate_colour="blue", method="licence", actor="user:7"
    )
    assert said(holding) == [("licence shown", owner.actor, "", {})]
    assert moves(holding) == [("claimed", "proven", "user:7", "licence")]
    assert events("accounts.holding_proven") == [{"holding_id": holding.pk, "user_id": owner.pk}]
    share = services.share_plate(
        user=owner, holding_id=holding.pk, phone="13700000009", actor=owner.actor
    )
    assert said(share) == [("shared", owner.actor, "", {})]


def test_a_text_is_an_event_once(db: None) -> None:
    texts = [
        services.send_sms(
            phone="13700000009", template="login_code", params={"code": "1"}, key="one"
        )
        for _twice in range(2)
    ]
    assert texts[0].pk == texts[1].pk
    assert events("accounts.sms_queued") == [{"sms_id": texts[0].pk}]
