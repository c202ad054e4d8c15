"""Interfaces: how an order stands, and where providers send their notifications."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core import parse
from core.api import BillLineOut
from core.fields import choices_of
from payments import selectors, services
from payments.states import OrderItemState, OrderState, RefundState


class OrderItemOut(serializers.Serializer):
    title = serializers.CharField()
    merchant = serializers.CharField(source="merchant.name")
    amount_fen = serializers.IntegerField()
    taken_fen = serializers.IntegerField()
    state = serializers.ChoiceField(choices_of(OrderItemState))
    lines = BillLineOut(many=True)


class RefundOut(serializers.Serializer):
    amount_fen = serializers.IntegerField()
    reason = serializers.CharField()
    state = serializers.ChoiceField(choices_of(RefundState))


class OrderOut(serializers.Serializer):
    number = serializers.CharField()
    state = serializers.ChoiceField(choices_of(OrderState))
    amount_fen = serializers.IntegerField()
    expires_at = serializers.DateTimeField()
    paid_at = serializers.DateTimeField(allow_null=True)
    items = OrderItemOut(many=True, source="bills")
    refunds = RefundOut(many=True)


class OrderView(APIView):
    """An order, for whoever holds its link."""

    permission_classes = [AllowAny]

    @extend_schema(responses=OrderOut, operation_id="payments_order")
    def get(self, request: Request, token: str) -> Response:
        order = selectors.order_by_token(token)
        order.refunds = selectors.refunds_of(order)  # type: ignore[attr-defined]
        return Response(OrderOut(order).data)


@csrf_exempt
@require_POST
def notify(request: HttpRequest, provider: str) -> HttpResponse:
    """A provider's notification, raw: what it signed is the body as it came."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    if parse.number(length, most=services.LARGEST_NOTIFICATION) is None:
        return HttpResponse(status=413)
    answer = services.receive_notification(provider, request.headers, request.body)
    return HttpResponse(answer.body, status=answer.status, content_type=answer.content_type)
