"""The schemes in use; the shipped ones where an operator keeps none."""

from django.db import transaction

from arrears.models import Scheme
from arrears.rules.schemes import Offer

SHIPPED: tuple[dict[str, object], ...] = (
    {
        "code": "plain",
        "name": "普通提醒 Plain reminder",
        "channel": "sms",
        "tone": "plain",
        "contacts": 1,
        "cost_fen": 5,
        "annoyance_fen": 15,
        "lift": 0.10,
        "is_plain": True,
    },
    {
        "code": "friendly",
        "name": "贴心提醒 Friendly reminder",
        "channel": "sms",
        "tone": "friendly",
        "contacts": 2,
        "cost_fen": 5,
        "annoyance_fen": 12,
        "lift": 0.12,
        "lift_forgetful": 0.06,
    },
    {
        "code": "page",
        "name": "页面提醒 On the page",
        "channel": "page",
        "tone": "friendly",
        "contacts": 1,
        "cost_fen": 0,
        "annoyance_fen": 1,
        "lift": 0.03,
        "is_plain": False,
    },
)


@transaction.atomic
def ensure() -> None:
    """Nobody at risk is left without help: with no scheme in use the shipped ones are put back."""
    if Scheme.objects.filter(active=True).exists():
        return
    for facts in SHIPPED:
        scheme, _created = Scheme.objects.get_or_create(code=facts["code"], defaults=facts)
        if not scheme.active and scheme.code in ("plain", "page"):
            Scheme.objects.filter(pk=scheme.pk).update(active=True)


def in_use() -> dict[str, Scheme]:
    """Schemes by code."""
    ensure()
    return {scheme.code: scheme for scheme in Scheme.objects.filter(active=True).order_by("pk")}


def offer(scheme: Scheme) -> Offer:
    """A scheme as the rules weigh it."""
    return Offer(
        code=scheme.code,
        channel=scheme.channel,
        contacts=scheme.contacts,
        instalments=scheme.instalments,
        cost_fen=scheme.cost_fen,
        annoyance_fen=scheme.annoyance_fen,
        lift=scheme.lift,
        lift_forgetful=scheme.lift_forgetful,
        lift_overdue=scheme.lift_overdue,
        is_plain=scheme.is_plain,
    )


def by_code(code: str) -> Scheme:
    return Scheme.objects.get(code=code)


def page_scheme() -> Scheme:
    """A scheme that reaches everybody: a message on the owner's page."""
    facts = next(one for one in SHIPPED if one["code"] == "page")
    scheme, _created = Scheme.objects.get_or_create(code="page", defaults=facts)
    return scheme
