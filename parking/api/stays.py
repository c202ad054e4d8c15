"""Stays over the interface: for whoever stands at a berth, by link, and for merchants."""

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import generics, serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.guards import actor_of, whole_plates
from core import deeds, limits, plates
from core.api import WHY, MaskedOut
from core.errors import Invalid, Missing, Refused
from core.fields import choices_of
from core.inputs import MomentField
from parking import selectors, services
from parking.api.access import LoggedIn, scope_of
from parking.api.prepayments import OrderToPayOut, order_to_pay
from parking.errors import NoBerth
from parking.filters import SortedStays
from parking.links import StayLink, is_berths, read_stay_token, stay_token
from parking.models import ParkingSession
from parking.states import StayState
from payments import services as payments


class PublicStayOut(serializers.Serializer):
    """What is to pay for a stay. Since when the vehicle stands there and more of its plate is for
    who came by the code at the berth, or knows the plate; for a typed number it is empty."""

    token = serializers.CharField()
    berth = serializers.CharField()
    section = serializers.CharField()
    plate_ending = serializers.CharField(allow_blank=True, help_text="two characters")
    plate_masked = serializers.CharField(allow_blank=True)
    state = serializers.ChoiceField(choices=choices_of(StayState))
    arrived_at = serializers.DateTimeField(allow_null=True)
    left_at = serializers.DateTimeField(allow_null=True)
    amount_fen = serializers.IntegerField()
    paid_until = serializers.DateTimeField(allow_null=True)
    leave_by = serializers.DateTimeField(allow_null=True)


def _public(row: ParkingSession, link: StayLink) -> dict[str, Any]:
    known = link.shows_stay(row.plate_text, row.plate_colour)
    try:
        amount_fen = services.quote_stay(row.pk).amount_fen
    except Refused:
        amount_fen = 0
    out: dict[str, Any] = PublicStayOut(
        {
            "token": stay_token(row.pk, of=link.of, here=link.here),
            "berth": row.berth.code,
            "section": row.section.name,
            "plate_ending": plates.ending(row.plate_text),
            "plate_masked": plates.masked(row.plate_text) if known and row.plate_text else "",
            "state": row.state,
            "arrived_at": row.arrived_at if known else None,
            "left_at": row.left_at if known else None,
            "amount_fen": amount_fen,
            "paid_until": row.paid_until if known else None,
            "leave_by": row.leave_by if known else None,
        }
    ).data
    return out


def _at(berth_code: str, tag: str = "") -> dict[str, Any]:
    berth = selectors.berth_by_code(berth_code)
    if berth is None:
        raise NoBerth(berth_code)
    if tag and not is_berths(tag, berth.code, berth.address_version):
        raise Missing("old_address", _("This code is old. Type the number of the berth."))
    limits.count_about(deeds.HERE if tag else deeds.BERTH, str(berth.pk))
    stay = selectors.open_stay_at(berth.pk)
    if stay is None:
        raise Missing("berth_free")
    return _public(stay, StayLink(stay_id=stay.pk, here=bool(tag)))


class AtBerth(APIView):
    """What is to pay where a vehicle stands in a berth, by the number on its sign."""

    permission_classes = [AllowAny]

    @extend_schema(responses=PublicStayOut, operation_id="parking_berth")
    def get(self, request: Request, berth_code: str) -> Response:
        return Response(_at(berth_code))


class AtSign(APIView):
    """The stay of the vehicle that stands in a berth, by the code there."""

    permission_classes = [AllowAny]

    @extend_schema(responses=PublicStayOut, operation_id="parking_berth_here")
    def get(self, request: Request, berth_code: str, tag: str) -> Response:
        return Response(_at(berth_code, tag))


def _by_link(token: str) -> tuple[ParkingSession, StayLink]:
    link = read_stay_token(token)
    rows = ParkingSession.objects.filter(pk=selectors.whole_of(link.stay_id))
    row = rows.select_related("berth", "section").first()
    if row is None:
        raise Missing()
    return row, link


class ByLink(APIView):
    """One stay by its signed link."""

    permission_classes = [AllowAny]

    @extend_schema(responses=PublicStayOut, operation_id="parking_stay_by_link")
    def get(self, request: Request, token: str) -> Response:
        return Response(_public(*_by_link(token)))


class PayByLink(APIView):
    """The order that pays this stay: up to now while it is parked, else what it left with."""

    permission_classes = [AllowAny]

    @extend_schema(request=None, responses=OrderToPayOut, operation_id="parking_stay_by_link_pay")
    def post(self, request: Request, token: str) -> Response:
        order = payments.open_order(
            items=[("parking.stay", _by_link(token)[0].pk)],
            payer_user_id=request.user.pk,
            actor=actor_of(request),
        )
        return Response(OrderToPayOut(order_to_pay(order)).data)


class FeeLineOut(serializers.Serializer):
    """One term of a fee (`parking.rules.Line`)."""

    text_code = serializers.CharField()
    quantity = serializers.IntegerField()
    unit = serializers.CharField(help_text="15min, visit, cap; s for free time, in seconds")
    unit_price_fen = serializers.IntegerField()
    amount_fen = serializers.IntegerField(help_text="below 0 where it is a cut")
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()


class StayOut(MaskedOut):
    """A stay as its merchant sees it; the plate masked, unless `why` says what it is for."""

    berth = serializers.CharField(source="berth.code")
    section = serializers.CharField(source="section.name")
    lines = FeeLineOut(many=True)

    class Meta:
        model = ParkingSession
        fields = [
            "id",
            "state",
            "berth",
            "section",
            "arrived_at",
            "left_at",
            "plate_text",
            "plate_colour",
            "plate_state",
            "fee_fen",
            "prepaid_fen",
            "due_fen",
            "lines",
            "paid_until",
            "leave_by",
            "settled_at",
            "doubtful",
            "doubt",
            "simulated",
        ]
        extra_kwargs = {
            "fee_fen": {"label": _("fee (fen)")},
            "prepaid_fen": {"label": _("paid while parked (fen)")},
            "due_fen": {"label": _("due (fen)")},
        }


LOOK = "view_parkingsession"


def _in(scope: int | None) -> QuerySet[ParkingSession]:
    if scope is not None:
        return selectors.stays_of_merchant(scope)
    return ParkingSession.objects.select_related("berth", "section").order_by("-arrived_at", "-pk")


def _told(request: Request, row: ParkingSession) -> Response:
    return Response(StayOut(row, context=_whole(request)).data)


def _whole(request: Any) -> dict[str, bool]:
    """Whether these rows name plates whole, for serializers."""
    if not isinstance(request, Request):  # the document of the interfaces is being made
        return {}
    right = "parking.export_parkingsession"
    return {"whole_plates": whole_plates(request, "parking.parkingsession", right=right)}


@extend_schema_view(get=extend_schema(parameters=[WHY]))
class StayList(LoggedIn, generics.ListAPIView):
    """A merchant's stays: filtered, sorted, paged."""

    serializer_class = StayOut
    filter_backends: list[Any] = []
    queryset = ParkingSession.objects.none()

    def get_queryset(self) -> QuerySet[ParkingSession]:
        if getattr(self, "swagger_fake_view", False):
            return ParkingSession.objects.none()
        scope = scope_of(self.request, "see", right=LOOK)
        found = SortedStays(
            self.request.query_params,
            queryset=_in(scope),
            request=self.request,
            merchant_id=scope or 0,
        )
        if not found.is_valid():
            raise Invalid("bad_filter", "This filter can't be understood.", fields=found.errors)
        rows: QuerySet[ParkingSession] = found.qs
        return rows

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), **_whole(self.request)}


class StayDetail(LoggedIn):
    """One stay of the merchant's."""

    @extend_schema(responses=StayOut, parameters=[WHY])
    def get(self, request: Request, pk: int) -> Response:
        return _told(request, _one(request, pk, "see", LOOK))


def _one(request: Request, pk: int, action: str, right: str) -> ParkingSession:
    row = _in(scope_of(request, action, right=right)).filter(pk=pk).first()
    if row is None:
        raise Missing()
    return row


class CloseIn(serializers.Serializer):
    left_at = MomentField()
    reason = serializers.CharField(max_length=200)


class ReasonIn(serializers.Serializer):
    reason = serializers.CharField(max_length=200)


class PlateIn(serializers.Serializer):
    plate = serializers.CharField(max_length=20)
    colour = serializers.CharField(max_length=16, required=False, allow_blank=True, default="")
    reason = serializers.CharField(max_length=200)


class MoveIn(serializers.Serializer):
    order = serializers.CharField(max_length=20, help_text="the number on the receipt")
    berth = serializers.CharField(max_length=20, required=False, allow_blank=True, default="")
    plate = serializers.CharField(
        max_length=20,
        required=False,
        allow_blank=True,
        default="",
        help_text="berth and plate say for which stay it was meant; without both it goes back",
    )
    reason = serializers.CharField(max_length=200)


class Close(LoggedIn):
    """End a stay by hand, with a reason."""

    by_two = True

    @extend_schema(request=CloseIn, responses=StayOut)
    def post(self, request: Request, pk: int) -> Response:
        row = _one(request, pk, "settle_stay", "end_parkingsession")
        given = CloseIn(data=request.data)
        given.is_valid(raise_exception=True)
        services.close_by_hand(stay_id=row.pk, actor=actor_of(request), **given.validated_data)
        return Response(StayOut(_one(request, pk, "settle_stay", "end_parkingsession")).data)


class Void(LoggedIn):
    """Cancel a stay, with a reason; what was paid goes back."""

    by_two = True

    @extend_schema(request=ReasonIn, responses=StayOut)
    def post(self, request: Request, pk: int) -> Response:
        row = _one(request, pk, "void_stay", "void_parkingsession")
        given = ReasonIn(data=request.data)
        given.is_valid(raise_exception=True)
        services.void_stay(stay_id=row.pk, actor=actor_of(request), **given.validated_data)
        return Response(StayOut(_one(request, pk, "void_stay", "void_parkingsession")).data)


class Correct(LoggedIn):
    """Give a stay the right plate, with a reason."""

    by_two = True

    @extend_schema(request=PlateIn, responses=StayOut)
    def post(self, request: Request, pk: int) -> Response:
        row = _one(request, pk, "settle_stay", "correct_parkingsession")
        given = PlateIn(data=request.data)
        given.is_valid(raise_exception=True)
        services.correct_plate(
            stay_id=row.pk,
            plate_text=given.validated_data["plate"],
            plate_colour=given.validated_data["colour"],
            actor=actor_of(request),
            why=given.validated_data["reason"],
        )
        return Response(StayOut(_one(request, pk, "settle_stay", "correct_parkingsession")).data)


class Move(LoggedIn):
    """Give a payment of a stay to the one it was meant for, or back, with a reason."""

    by_two = True

    @extend_schema(request=MoveIn, responses=StayOut)
    def post(self, request: Request, pk: int) -> Response:
        row = _one(request, pk, "move_money", "move_parkingsession")
        given = MoveIn(data=request.data)
        given.is_valid(raise_exception=True)
        told = given.validated_data
        of_order = row.payments.filter(order_number=told["order"]).order_by("pk")
        payment = next((one for one in of_order if one.kept_fen), None)
        if payment is None:
            raise Missing()
        services.move_payment(
            payment_id=payment.pk,
            to_stay_id=services.stay_id_meant(told["berth"], plates.normalise(told["plate"])),
            actor=actor_of(request),
            reason=told["reason"],
        )
        return Response(StayOut(_one(request, pk, "move_money", "move_parkingsession")).data)
