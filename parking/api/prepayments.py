"""Paying ahead over the interface (P2.4-P2.6). No account: the token is the right to the draft."""

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.guards import actor_of
from core.errors import Invalid
from core.fields import choices_of
from core.inputs import MomentField
from parking import services
from parking.models import Prepayment, Section
from parking.services import prepay
from parking.states import PrepaymentState
from payments import services as payments


class DraftIn(serializers.Serializer):
    plate = serializers.CharField(max_length=20)
    colour = serializers.CharField(max_length=16, required=False, allow_blank=True, default="")
    minutes = serializers.IntegerField(min_value=1, max_value=24 * 60)
    section = serializers.SlugField(required=False, help_text="Code of the section.")
    latitude = serializers.FloatField(required=False, min_value=-90, max_value=90)
    longitude = serializers.FloatField(required=False, min_value=-180, max_value=180)
    arrived_at = MomentField(required=False)


class DraftOut(serializers.Serializer):
    token = serializers.CharField()
    state = serializers.ChoiceField(choices=choices_of(PrepaymentState))
    plate = serializers.CharField()
    colour = serializers.CharField(allow_blank=True)
    minutes = serializers.IntegerField()
    berth = serializers.CharField(allow_null=True)
    differs = serializers.ListField(child=serializers.CharField())
    attempts_left = serializers.IntegerField()
    covers_until = serializers.DateTimeField(allow_null=True)
    amount_fen = serializers.IntegerField()


class CandidateOut(serializers.Serializer):
    berth_code = serializers.CharField()
    number = serializers.CharField()
    section_name = serializers.CharField()
    taken = serializers.BooleanField()


class ChooseIn(serializers.Serializer):
    berth = serializers.CharField(max_length=20)


class SubmitIn(serializers.Serializer):
    plate = serializers.CharField(max_length=20, required=False, allow_blank=True, default="")
    colour = serializers.CharField(max_length=16, required=False, allow_blank=True, default="")


class VerdictOut(serializers.Serializer):
    outcome = serializers.ChoiceField(choices=["confirmed", "modify", "waiting"])
    parts = serializers.ListField(child=serializers.CharField())
    attempts_left = serializers.IntegerField()


class OrderToPayOut(serializers.Serializer):
    number = serializers.CharField()
    amount_fen = serializers.IntegerField()
    url = serializers.CharField()


def order_to_pay(order: Any) -> dict[str, Any]:
    url = reverse("payments.order", args=[order.token])
    return {"number": order.number, "amount_fen": order.amount_fen, "url": url}


def _out(draft: Prepayment) -> dict[str, Any]:
    out: dict[str, Any] = DraftOut(
        {
            "token": draft.token,
            "state": draft.state,
            "plate": draft.plate_text,
            "colour": draft.plate_colour,
            "minutes": draft.minutes,
            "berth": draft.berth.code if draft.berth else None,
            "differs": draft.differs,
            "attempts_left": draft.attempts_left,
            "covers_until": draft.covers_until,
            "amount_fen": draft.amount_fen,
        }
    ).data
    return out


class Open(APIView):
    permission_classes = [AllowAny]


class Drafts(Open):
    """Draft a pre-payment: place (section or point), time, plate (P2.4)."""

    @extend_schema(request=DraftIn, responses={201: DraftOut})
    def post(self, request: Request) -> Response:
        given = DraftIn(data=request.data)
        given.is_valid(raise_exception=True)
        data = given.validated_data
        draft = services.draft_prepayment(
            plate_text=data["plate"],
            plate_colour=data["colour"],
            minutes=data["minutes"],
            section_id=_section_id(data.get("section")),
            near=_point(data),
            arrived_at=data.get("arrived_at"),
            user_id=request.user.pk,
        )
        return Response(_out(draft), status=201)


def _section_id(code: str | None) -> int | None:
    if code is None:
        return None
    found = Section.objects.filter(code=code).values_list("pk", flat=True).first()
    if found is None:
        raise Invalid("no_section", "There is no such section.", fields={"section": code})
    return found


def _point(data: dict[str, Any]) -> tuple[float, float] | None:
    if "latitude" not in data or "longitude" not in data:
        return None
    return data["latitude"], data["longitude"]


class Draft(Open):
    """The pre-payment as it stands; DELETE gives it up."""

    @extend_schema(responses=DraftOut)
    def get(self, request: Request, token: str) -> Response:
        return Response(_out(prepay.by_token(token)))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, token: str) -> Response:
        services.cancel_prepayment(token, actor=actor_of(request))
        return Response(status=204)


class Candidates(Open):
    """Berths that may be the draft's, best first (P2.4)."""

    @extend_schema(
        responses={
            200: CandidateOut(many=True),
            409: OpenApiResponse(description="The draft was confirmed or given up."),
        }
    )
    def get(self, request: Request, token: str) -> Response:
        return Response(CandidateOut(services.candidate_berths(token), many=True).data)


class Choose(Open):
    """Choose one of the candidates (P2.4)."""

    @extend_schema(request=ChooseIn, responses=DraftOut)
    def post(self, request: Request, token: str) -> Response:
        given = ChooseIn(data=request.data)
        given.is_valid(raise_exception=True)
        return Response(_out(services.choose_berth(token, given.validated_data["berth"])))


class Submit(Open):
    """Submit with the declared plate; the answer is the instruction (P2.5, P2.6)."""

    @extend_schema(request=SubmitIn, responses=VerdictOut)
    def post(self, request: Request, token: str) -> Response:
        given = SubmitIn(data=request.data)
        given.is_valid(raise_exception=True)
        verdict = services.submit_prepayment(
            token, given.validated_data["plate"], given.validated_data["colour"]
        )
        return Response(VerdictOut(verdict).data)


class Pay(Open):
    """The order that pays a confirmed pre-payment (P2.6)."""

    @extend_schema(request=None, responses=OrderToPayOut)
    def post(self, request: Request, token: str) -> Response:
        draft = prepay.by_token(token)
        order = payments.open_order(
            items=[("parking.prepayment", draft.pk)],
            payer_user_id=request.user.pk,
            actor=actor_of(request),
        )
        return Response(OrderToPayOut(order_to_pay(order)).data)
